//! Servers that a test starts beside the registry.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use longshore_testkit::eventually;
use rustix::process::{Pid, Signal};

/// A child process that is asked to stop, and waited for, when this is dropped. Its log is shown when a test fails.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `program` with its output in the file `log`.
    ///
    /// It runs under coreutils' `timeout`, so that it ends although the test was killed, and so that one that
    /// ignores SIGTERM is killed.
    pub(crate) fn start(program: &str, arguments: &[&str], log: PathBuf) -> Self {
        let file = File::create(&log).expect("a temporary folder can be written");
        let child = Command::new("timeout")
            .args(["--kill-after=60", "1800", program])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a file handle can be copied"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {program}: {error}"));
        Self { child, log }
    }

    /// Waits until `look` answers `Some`, for as long as the process runs.
    pub(crate) async fn ready<T, Fut>(&mut self, what: &str, look: impl Fn() -> Fut) -> T
    where
        Fut: Future<Output = Option<T>>,
    {
        let (child, log) = (std::cell::RefCell::new(&mut self.child), &self.log);
        eventually(what, || {
            if let Ok(Some(status)) = child.borrow_mut().try_wait() {
                panic!("ended ({status}) before {what}:\n{}", tail(log));
            }
            look()
        })
        .await
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself; then there is nothing to stop.
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the last of {} ---\n{}", self.log.display(), tail(&self.log));
        }
    }
}

fn tail(log: &PathBuf) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
