//! The one writer, and group commit.
//!
//! Writers take turns under a fair lock. Each turn is a savepoint inside one SQL transaction; ending a turn leaves an
//! answer to be sent in `waiting` and wakes the committer, a thread that queues for the same lock. So the turns that
//! were already waiting go first and join the group, the committer runs one `COMMIT`, and all of them are answered
//! after the disk has them. Nobody else sees a turn before: readers have connections of their own.
//!
//! A group is durable or relaxed. A relaxed one is a single turn, committed where it ends and without a sync
//! (`synchronous=NORMAL`): its frames are in the log, which the kernel keeps when this program is killed; a power cut may
//! take them back. It never takes anything durable with it. The log is one file, so the sync of a durable commit covers
//! every frame before its own, and recovery takes frames in their order and stops at the first that is missing: what was
//! durable before a relaxed commit stays, and what is durable after one brings it along. A checkpoint syncs the log
//! before it copies anything out of it, in both modes. A relaxed turn that finds a durable group open joins that one; a
//! durable turn never finds a relaxed group open, for `synchronous` cannot be changed in the middle of one.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use rusqlite::Connection;
use tokio::{
    sync::{Mutex, OwnedMutexGuard, oneshot},
    time::Instant,
};

use super::{connection, others::OtherProcesses};
use crate::{
    MetadataError,
    cache::{Cache, Changing},
    durability::Durability,
    sql::{Row, Value},
};

/// How long to wait for another process that has the write lock, and how often to look.
const OTHER_PROCESS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// After so many relaxed groups without a durable one between them comes one: only those move the log into the file.
const RELAXED_IN_A_ROW_MAX: u32 = 100;

/// Told to every turn of a group.
type Committed = Result<(), Arc<rusqlite::Error>>;

struct Writer {
    /// `None` once closed.
    connection: Option<Connection>,
    /// Turns that ended in the open SQL transaction and wait for its commit.
    waiting: Vec<Waiting>,
    others: OtherProcesses,
    /// How the open SQL transaction is committed, or the last one was.
    durability: Durability,
    /// How many relaxed groups there were since the last durable one; `None` where nothing is synced at all.
    relaxed_in_a_row: Option<u32>,
    /// How many durable groups were committed; relaxed ones are not counted.
    #[cfg(feature = "testing")]
    durable_commits: u64,
}

/// A turn that ended and is not on the disk yet.
struct Waiting {
    answer: oneshot::Sender<Committed>,
    /// Goes before the answer: whoever has that reads the change.
    changing: Option<Changing>,
}

/// Where writers queue.
pub(crate) struct WriterQueue {
    writer: Arc<Mutex<Writer>>,
    wake: Wake,
}

/// Wakes the committer. One signal under way is enough for any number of turns; when the last sender is gone the
/// thread ends.
type Wake = mpsc::SyncSender<()>;

/// A writer's turn; dropped without commit it leaves no trace.
pub(crate) struct WriterTurn {
    /// `None` after commit.
    writer: Option<OwnedMutexGuard<Writer>>,
    wake: Wake,
}

impl WriterQueue {
    /// `connection` is as [`connection::open_writer`] makes it.
    pub(crate) fn start(
        connection: Connection,
        durable: bool,
        cache: Option<Arc<Cache>>,
    ) -> Result<Self, MetadataError> {
        let writer = Arc::new(Mutex::new(Writer {
            connection: Some(connection),
            waiting: Vec::new(),
            others: OtherProcesses::new(cache),
            durability: Durability::Durable,
            relaxed_in_a_row: durable.then_some(0),
            #[cfg(feature = "testing")]
            durable_commits: 0,
        }));
        let (wake, woken) = mpsc::sync_channel(1);
        let for_thread = writer.clone();
        std::thread::Builder::new()
            .name("longshore-commit".to_owned())
            .spawn(move || {
                while woken.recv().is_ok() {
                    for_thread.blocking_lock().commit_group();
                }
            })
            .map_err(|error| MetadataError::Unavailable(error.into()))?;
        Ok(Self { writer, wake })
    }

    pub(crate) async fn begin(&self, durability: Durability) -> Result<WriterTurn, MetadataError> {
        let mut writer = self.writer.clone().lock_owned().await;
        let until = Instant::now() + OTHER_PROCESS_WITHIN;
        while let Err(error) = writer.open()?.begin_turn(durability) {
            if !connection::is_busy(&error) || Instant::now() >= until {
                return Err(connection::reduce(error));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(WriterTurn { writer: Some(writer), wake: self.wake.clone() })
    }

    /// Lets the cache know whether another process has changed anything. While the writer is busy this does nothing:
    /// once a transaction of ours has begun, nobody else can.
    pub(crate) fn look_for_others(&self) {
        if let Ok(mut writer) = self.writer.try_lock() {
            let Writer { connection, others, .. } = &mut *writer;
            if let Some(connection) = connection
                && connection.is_autocommit()
            {
                others.look(connection);
            }
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) async fn durable_commits(&self) -> u64 {
        self.writer.lock().await.durable_commits
    }

    /// Waits for the turns under way, commits them, moves the log into the file and closes it.
    pub(crate) async fn close(&self) {
        let mut writer = self.writer.lock().await;
        writer.commit_group();
        if let Some(connection) = writer.connection.take()
            && let Err((_, error)) = connection.close()
        {
            tracing::warn!(%error, "could not close the index");
        }
    }
}

impl Writer {
    fn open(&mut self) -> Result<&mut Self, MetadataError> {
        if self.connection.is_none() {
            return Err(MetadataError::Unavailable("the index is closed".into()));
        }
        Ok(self)
    }

    fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a turn is given only while the connection is open, and keeps it open")
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        connection::execute(self.connection(), sql, &[]).map(drop)
    }

    /// Begins a turn, and the SQL transaction unless the group before has one open.
    fn begin_turn(&mut self, durability: Durability) -> rusqlite::Result<()> {
        if self.connection().is_autocommit() {
            self.choose(durability)?;
            self.run("BEGIN IMMEDIATE")?;
            let Self { connection, others, .. } = self;
            if let Some(connection) = connection {
                others.keep_out(connection);
            }
        }
        self.run("SAVEPOINT turn")
    }

    /// Decides how the group that begins now is committed.
    fn choose(&mut self, wanted: Durability) -> rusqlite::Result<()> {
        let Some(in_a_row) = &mut self.relaxed_in_a_row else { return Ok(()) };
        let wanted = match wanted {
            Durability::Relaxed if *in_a_row < RELAXED_IN_A_ROW_MAX => Durability::Relaxed,
            _ => Durability::Durable,
        };
        *in_a_row = if wanted == Durability::Relaxed { *in_a_row + 1 } else { 0 };
        if wanted != self.durability {
            connection::set_durability(self.connection(), wanted)?;
            self.durability = wanted;
        }
        Ok(())
    }

    /// Ends a turn without a trace. If the group has nothing else, it ends too, for other processes wait for the lock.
    fn undo_turn(&mut self) {
        let undone = self.connection().is_autocommit()
            || self.run("ROLLBACK TO turn").and_then(|()| self.run("RELEASE turn")).is_ok();
        if !undone || self.waiting.is_empty() {
            self.roll_back();
        }
        self.notice_rollback();
    }

    /// Commits the group and tells everyone in it.
    fn commit_group(&mut self) {
        if self.connection.is_none() || self.connection().is_autocommit() {
            return;
        }
        let committed: Committed = self.run("COMMIT").map_err(Arc::new);
        #[cfg(feature = "testing")]
        {
            self.durable_commits += u64::from(self.durability == Durability::Durable);
        }
        if let Err(error) = &committed {
            tracing::error!(error = %error, turns = self.waiting.len(), "could not commit to the index");
            self.roll_back();
        }
        self.others.let_in();
        self.answer(&committed);
    }

    fn roll_back(&mut self) {
        if !self.connection().is_autocommit()
            && let Err(error) = self.run("ROLLBACK")
        {
            tracing::error!(%error, "could not roll back in the index");
        }
        self.others.let_in();
    }

    /// A full disk or a failed read makes SQLite undo the whole SQL transaction by itself, and with it the turns that
    /// wait for their commit.
    fn notice_rollback(&mut self) {
        if self.connection().is_autocommit() && !self.waiting.is_empty() {
            let lost = rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                Some("another change in the same commit failed".to_owned()),
            );
            self.others.let_in();
            self.answer(&Err(Arc::new(lost)));
        }
    }

    fn answer(&mut self, committed: &Committed) {
        for waiting in self.waiting.drain(..) {
            drop(waiting.changing);
            // Whoever stopped waiting does not want to know.
            let _ = waiting.answer.send(committed.clone());
        }
    }
}

impl WriterTurn {
    pub(crate) fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, MetadataError> {
        self.on_connection(|connection| connection::query(connection, sql, params))
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, MetadataError> {
        self.on_connection(|connection| connection::execute(connection, sql, params))
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), MetadataError> {
        self.on_connection(|connection| connection.execute_batch(sql))
    }

    fn on_connection<T>(
        &mut self,
        call: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, MetadataError> {
        let writer = self.writer.as_mut().expect("a turn has the writer until commit");
        if writer.connection().is_autocommit() {
            // SQLite undid the transaction; without it each statement would last by itself.
            return Err(MetadataError::Unavailable("the transaction was rolled back".into()));
        }
        let result = call(writer.connection());
        if result.is_err() {
            writer.notice_rollback();
        }
        result.map_err(connection::reduce)
    }

    /// `changing` lives until the commit is final, also when nobody waits for it any more.
    pub(crate) async fn commit(mut self, changing: Option<Changing>) -> Result<(), MetadataError> {
        self.on_connection(|connection| connection::execute(connection, "RELEASE turn", &[]))?;
        let (sender, committed) = oneshot::channel();
        // From here on the turn belongs to the group: `Drop` must not undo it.
        let mut writer = self.writer.take().expect("a turn has the writer until commit");
        writer.waiting.push(Waiting { answer: sender, changing });
        if writer.durability == Durability::Relaxed {
            // A few writes into the page cache; the way to the committer would take longer.
            writer.commit_group();
        }
        drop(writer);
        // Full: a signal is under way that the committer takes after this turn has joined. One too many does no harm.
        if let Err(mpsc::TrySendError::Disconnected(())) = self.wake.try_send(()) {
            return Err(MetadataError::Unavailable("the committing thread has ended".into()));
        }
        match committed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(MetadataError::Unavailable(Box::new(error))),
            Err(_) => Err(MetadataError::Unavailable("the committing thread has ended".into())),
        }
    }
}

impl Drop for WriterTurn {
    fn drop(&mut self) {
        if let Some(mut writer) = self.writer.take() {
            writer.undo_turn();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, task::Poll};

    use super::*;
    use crate::sql::params;

    /// A queue over a database that holds hardly more than its tables.
    fn nearly_full() -> (tempfile::TempDir, WriterQueue) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.sqlite3");
        connection::prepare_file(&path).unwrap();
        let connection = connection::open_writer(&path, true).unwrap();
        connection.execute_batch("CREATE TABLE scratch (bytes BLOB)").unwrap();
        connection.pragma_update(None, "max_page_count", 4).unwrap();
        (folder, WriterQueue::start(connection, true, None).unwrap())
    }

    /// What SQLite syncs at the commit of this turn: 1 (normal) is nothing, 2 (full) is the log.
    fn synchronous(turn: &mut WriterTurn) -> i64 {
        turn.query("PRAGMA synchronous", params![]).unwrap().remove(0).int().unwrap()
    }

    /// The promise of every durable turn, whatever was before it.
    #[tokio::test]
    async fn only_a_group_of_one_relaxed_turn_goes_without_a_sync() {
        let (_folder, queue) = nearly_full();
        for _ in 0..2 {
            let mut turn = queue.begin(Durability::Relaxed).await.unwrap();
            assert_eq!(synchronous(&mut turn), 1);
            turn.execute("INSERT INTO scratch VALUES ($1)", params![1i64]).unwrap();
            // Committed where it ends, so whoever comes next is not bound to it.
            let committed = pin!(turn.commit(None));
            let mut next = pin!(queue.begin(Durability::Durable));
            assert!(poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await);
            committed.await.unwrap();
            let mut turn = next.await.unwrap();
            assert_eq!(synchronous(&mut turn), 2);
            // An abandoned relaxed turn leaves no group open either.
            drop(turn);
            drop(queue.begin(Durability::Relaxed).await.unwrap());
            let mut turn = queue.begin(Durability::Durable).await.unwrap();
            assert_eq!(synchronous(&mut turn), 2);
            let mut joins = pin!(queue.begin(Durability::Relaxed));
            assert!(poll_fn(|cx| Poll::Ready(joins.as_mut().poll(cx).is_pending())).await);
            let (first, ()) = tokio::join!(turn.commit(None), async {
                let mut turn = joins.await.unwrap();
                assert_eq!(synchronous(&mut turn), 2);
                turn.commit(None).await.unwrap();
            });
            first.unwrap();
        }
        assert_eq!(count(&queue).await, 2);
    }

    #[tokio::test]
    async fn relaxed_turns_do_not_keep_the_log_from_moving_into_the_file() {
        let (_folder, queue) = nearly_full();
        let mut durable = 0;
        for _ in 0..=RELAXED_IN_A_ROW_MAX {
            let mut turn = queue.begin(Durability::Relaxed).await.unwrap();
            durable += i64::from(synchronous(&mut turn) == 2);
            turn.commit(None).await.unwrap();
        }
        assert_eq!(durable, 1);
    }

    #[tokio::test]
    async fn an_index_that_is_not_durable_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.sqlite3");
        connection::prepare_file(&path).unwrap();
        let queue = WriterQueue::start(connection::open_writer(&path, false).unwrap(), false, None).unwrap();
        for durability in [Durability::Relaxed, Durability::Durable] {
            let mut turn = queue.begin(durability).await.unwrap();
            assert_eq!(synchronous(&mut turn), 0);
            turn.commit(None).await.unwrap();
        }
    }

    async fn count(queue: &WriterQueue) -> i64 {
        let mut turn = queue.begin(Durability::Durable).await.unwrap();
        let mut rows = turn.query("SELECT COUNT(*) FROM scratch", params![]).unwrap();
        rows.remove(0).int().unwrap()
    }

    /// SQLite answers a full disk by undoing the whole SQL transaction, the ended turns of others included.
    #[tokio::test]
    async fn a_full_disk_is_told_to_everyone_in_the_group() {
        let (_folder, queue) = nearly_full();
        let insert = "INSERT INTO scratch VALUES ($1)";
        let mut first = queue.begin(Durability::Durable).await.unwrap();
        first.execute(insert, params![1i64]).unwrap();
        // The second is in the queue before the committer is woken.
        let mut second = pin!(queue.begin(Durability::Durable));
        assert!(poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending())).await);
        let (first, ()) = tokio::join!(first.commit(None), async {
            let mut turn = second.await.unwrap();
            let error = turn.execute(insert, params![&[0; 100_000][..]]).unwrap_err();
            assert!(matches!(error, MetadataError::Unavailable(_)), "{error:?}");
            // Without the transaction, this would last by itself.
            turn.execute(insert, params![2i64]).unwrap_err();
            turn.commit(None).await.unwrap_err();
        });
        assert!(matches!(first, Err(MetadataError::Unavailable(_))), "{first:?}");
        assert_eq!(count(&queue).await, 0);
        // And it goes on.
        let mut turn = queue.begin(Durability::Durable).await.unwrap();
        turn.execute(insert, params![3i64]).unwrap();
        turn.commit(None).await.unwrap();
        assert_eq!(count(&queue).await, 1);
    }

    /// A commit that fails is an error for all whom it was for, and leaves nothing.
    #[tokio::test]
    async fn a_failed_commit_is_told_to_everyone() {
        let (_folder, queue) = nearly_full();
        let broken = "CREATE TABLE scratch_parent (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE scratch_child \
                      (id INTEGER REFERENCES scratch_parent (id) DEFERRABLE INITIALLY DEFERRED) STRICT;";
        let mut turn = queue.begin(Durability::Durable).await.unwrap();
        turn.batch("PRAGMA max_page_count = 100").unwrap();
        turn.batch(broken).unwrap();
        turn.commit(None).await.unwrap();
        let mut first = queue.begin(Durability::Durable).await.unwrap();
        // Only the outermost COMMIT looks at deferred foreign keys, so this stands for a disk that fails there.
        first.execute("INSERT INTO scratch_child VALUES ($1)", params![1i64]).unwrap();
        let mut second = pin!(queue.begin(Durability::Durable));
        assert!(poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending())).await);
        let (first, second) = tokio::join!(first.commit(None), async {
            let mut turn = second.await.unwrap();
            turn.execute("INSERT INTO scratch VALUES ($1)", params![1i64]).unwrap();
            turn.commit(None).await
        });
        for result in [first, second] {
            assert!(matches!(result, Err(MetadataError::Unavailable(_))), "{result:?}");
        }
        assert_eq!(count(&queue).await, 0);
    }
}
