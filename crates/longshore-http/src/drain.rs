//! The word that passes from the server to its connections when it is to end.

use tokio::sync::watch;

/// Gives the word. Dropped, it has given it.
pub(crate) struct Drain(watch::Sender<bool>);

/// Waits for the word.
#[derive(Clone)]
pub(crate) struct Draining(watch::Receiver<bool>);

/// Both ends.
pub(crate) fn drain() -> (Drain, Draining) {
    let (sender, receiver) = watch::channel(false);
    (Drain(sender), Draining(receiver))
}

impl Drain {
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Draining {
    /// Ends when the word is given, or was given already.
    pub(crate) async fn begun(&mut self) {
        // An error means that the server is gone, which is the same to whoever waits.
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}
