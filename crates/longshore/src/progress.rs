//! Long work for the eye: a bar on a terminal, log lines elsewhere.

use std::{
    io::{IsTerminal as _, stderr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use longshore_registry::Progress;

/// Between two log lines about the same phase.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The kind that suits standard error.
pub(crate) fn progress() -> Box<dyn Progress> {
    if stderr().is_terminal() {
        Box::new(Bar(ProgressBar::hidden().into()))
    } else {
        Box::new(Lines::default())
    }
}

/// A bar.
struct Bar(Mutex<ProgressBar>);

impl Progress for Bar {
    fn phase(&self, what: &str, steps: Option<u64>) {
        let (bar, template) = match steps {
            Some(steps) => (ProgressBar::new(steps), "{msg} [{bar:30}] {human_pos}/{human_len} {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos}"),
        };
        let style = ProgressStyle::with_template(template).expect("both templates above are well formed");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.finish_and_clear();
        *current = bar;
    }

    fn advance(&self, steps: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).inc(steps);
    }

    fn note(&self, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).println(text);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finish_and_clear();
    }
}

/// Log lines: one a phase, and one every [`LOG_EVERY`].
#[derive(Default)]
struct Lines(Mutex<Phase>);

#[derive(Default)]
struct Phase {
    what: String,
    steps: Option<u64>,
    done: u64,
    told_at: Option<Instant>,
}

impl Progress for Lines {
    fn phase(&self, what: &str, steps: Option<u64>) {
        tracing::info!(steps, "{what}");
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = Phase { what: what.to_owned(), steps, done: 0, told_at: Some(Instant::now()) };
    }

    fn advance(&self, steps: u64) {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        phase.done += steps;
        if phase.told_at.is_none_or(|told_at| told_at.elapsed() >= LOG_EVERY) {
            phase.told_at = Some(Instant::now());
            tracing::info!(done = phase.done, steps = phase.steps, "{}", phase.what);
        }
    }

    fn note(&self, text: &str) {
        tracing::warn!("{text}");
    }
}
