//! What the operating system asks of a server.

use std::process;

use longshore_http::ServerHandle;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use longshore_types::error_chain;

/// Listens for signals from now on; the receiver turns true when the server is to end.
pub(crate) fn listen(handle: ServerHandle) -> anyhow::Result<watch::Receiver<bool>> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            let handle = handle.clone();
            match tokio::task::spawn_blocking(move || handle.reload()).await {
                Ok(Ok(())) => tracing::info!("read certificates again"),
                Ok(Err(error)) => {
                    tracing::error!(error = error_chain(&error), "kept the certificates in use");
                }
                Err(error) => tracing::error!(%error, "could not read certificates again"),
            }
        }
    });
    tokio::spawn(end(terminate, interrupt, stop));
    Ok(stopping)
}

/// The first signal drains, the second one ends at once.
async fn end(mut terminate: Signal, mut interrupt: Signal, stop: watch::Sender<bool>) {
    let name = either(&mut terminate, &mut interrupt).await;
    tracing::info!("{name}: finishing requests under way; a second signal ends at once");
    stop.send_replace(true);
    let name = either(&mut terminate, &mut interrupt).await;
    tracing::warn!("{name} again: ending at once");
    process::exit(1);
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
