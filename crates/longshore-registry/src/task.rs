//! Work that goes on when its caller goes away (STYLE.md section 8): a client that hangs up must not stop a push
//! between the store and the index.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::Instrument;

/// Counts what is under way.
#[derive(Clone)]
pub(crate) struct Tasks(Arc<watch::Sender<usize>>);

/// One piece of work under way, until it is dropped.
pub(crate) struct Running(Arc<watch::Sender<usize>>);

impl Default for Tasks {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Tasks {
    /// Counts a piece of work from now on.
    pub(crate) fn begin(&self) -> Running {
        self.0.send_modify(|count| *count += 1);
        Running(self.0.clone())
    }

    /// Runs `work` to its end even if the returned future is dropped; a panic in it goes on in the caller.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let running = self.begin();
        run_detached(async move {
            let result = work.await;
            drop(running);
            result
        })
        .await
    }

    /// Runs `work` to its end while the caller goes on.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let running = self.begin();
        let counted = async move {
            work.await;
            drop(running);
        };
        drop(tokio::spawn(counted.in_current_span()));
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        // An error means that the sender is gone, but `self` holds it.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Runs `work` to its end even if the returned future is dropped, but nobody waits for it when the process ends: nothing is
/// lost with it. A panic in it goes on in the caller.
pub(crate) async fn run_detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Nobody aborts these tasks: the runtime is shutting down, and takes this future with it.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_its_caller_goes_away() {
        let tasks = Tasks::default();
        let (go, gone) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        {
            let work = async move {
                gone.await.unwrap();
                tell.send("done").unwrap();
            };
            let mut run = Box::pin(tasks.run(work));
            assert!(futures_util::poll!(&mut run).is_pending());
        }
        go.send(()).unwrap();
        tasks.idle().await;
        assert_eq!(told.await, Ok("done"));
    }

    #[tokio::test]
    #[should_panic(expected = "as it was")]
    async fn a_panic_reaches_the_caller() {
        Tasks::default().run(async { panic!("as it was") }).await
    }
}
