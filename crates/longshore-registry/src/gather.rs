//! Gathering what pulls leave behind in memory, to write it some time later and all at once.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use longshore_metadata::Metadata;
use tokio::sync::Notify;

use crate::task::{Running, Tasks};

/// How long things are gathered before they are written.
const GATHERED_FOR: Duration = Duration::from_secs(1);

/// Something that is gathered.
pub(crate) trait Gathered: Default + Send + 'static {
    /// Writes it. What could not be written and should be told of later comes back.
    fn write(self, metadata: &Metadata) -> impl Future<Output = Self> + Send;

    /// Adds what came back.
    fn take_back(&mut self, left: Self);
}

/// Things on their way into the index.
pub(crate) struct Gatherer<T: Gathered> {
    shared: Arc<Shared<T>>,
    metadata: Metadata,
    tasks: Tasks,
    /// Begun with the first thing, so that a registry that gathers none has no task.
    writer: OnceLock<()>,
}

struct Shared<T> {
    slot: Mutex<Slot<T>>,
    /// There is something to write.
    filled: Notify,
    /// It should be written now.
    hurry: Notify,
}

struct Slot<T> {
    gathered: T,
    /// Nothing comes any more: the registry is gone.
    ended: bool,
    /// Keeps the process from ending while there is something to write.
    running: Option<Running>,
}

impl<T: Gathered> Gatherer<T> {
    pub(crate) fn new(metadata: Metadata, tasks: Tasks) -> Self {
        let slot = Mutex::new(Slot { gathered: T::default(), ended: false, running: None });
        let shared = Shared { slot, filled: Notify::new(), hurry: Notify::new() };
        Self { shared: Arc::new(shared), metadata, tasks, writer: OnceLock::new() }
    }

    /// Adds something. Costs what `add` does, under a lock.
    pub(crate) fn add(&self, add: impl FnOnce(&mut T)) {
        let mut slot = self.shared.lock();
        add(&mut slot.gathered);
        if slot.running.is_none() {
            slot.running = Some(self.tasks.begin());
            drop(slot);
            self.writer.get_or_init(|| drop(tokio::spawn(write(self.shared.clone(), self.metadata.clone()))));
            self.shared.filled.notify_one();
        }
    }

    /// Has what was gathered written at once.
    pub(crate) fn hurry(&self) {
        if self.shared.lock().running.is_some() {
            self.shared.hurry.notify_one();
        }
    }
}

impl<T: Gathered> Drop for Gatherer<T> {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.filled.notify_one();
        self.shared.hurry.notify_one();
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // Nothing that panics happens under the lock; were it so, what was gathered would still be whole.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write<T: Gathered>(shared: Arc<Shared<T>>, metadata: Metadata) {
    let mut ended = false;
    while !ended {
        shared.filled.notified().await;
        tokio::select! {
            // Both may be dropped: a sleep, and a wait whose permit nobody took.
            () = tokio::time::sleep(GATHERED_FOR) => {}
            () = shared.hurry.notified() => {}
        }
        let (gathered, running) = {
            let mut slot = shared.lock();
            ended = slot.ended;
            (mem::take(&mut slot.gathered), slot.running.take())
        };
        let left = gathered.write(&metadata).await;
        shared.lock().gathered.take_back(left);
        drop(running);
    }
}
