//! How long work tells where it is.

/// Told about the steps of long work; drawn as a bar on a terminal, written as log lines elsewhere.
pub trait Progress: Send + Sync {
    /// A new phase began: what it does, and how many steps it has, where that is known.
    fn phase(&self, what: &str, steps: Option<u64>);

    /// `steps` more are done.
    fn advance(&self, steps: u64);

    /// Something a person should read.
    fn note(&self, text: &str);
}

impl Progress for () {
    fn phase(&self, _what: &str, _steps: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, _text: &str) {}
}
