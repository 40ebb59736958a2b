//! Asking people.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _, stderr, stdin};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Asks for a line on the terminal; `None` if there is none to ask on.
pub(super) fn ask(question: &str) -> io::Result<Option<String>> {
    if !stdin().is_terminal() {
        return Ok(None);
    }
    write!(stderr(), "{question}: ")?;
    line().map(Some)
}

/// Asks for a secret, which the terminal does not show.
pub(super) fn ask_secret(question: &str) -> io::Result<Option<String>> {
    if !stdin().is_terminal() {
        return Ok(None);
    }
    write!(stderr(), "{question}: ")?;
    let shown = tcgetattr(stdin())?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(stdin(), OptionalActions::Flush, &hidden)?;
    let answer = line();
    tcsetattr(stdin(), OptionalActions::Now, &shown)?;
    writeln!(stderr())?;
    answer.map(Some)
}

/// All of standard input, without the line end that tools add.
pub(super) fn piped() -> io::Result<String> {
    let text = io::read_to_string(stdin())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
