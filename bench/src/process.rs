//! Processes of servers: started, measured by `/proc`, ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Command},
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server has to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Processes that are running, for the handler of Ctrl-C.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A server's process with its children. Ended, by its id, when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Errors
    /// When there is no such program, or it cannot be run.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("could not start {}", command.get_program().to_string_lossy()))?;
        lock().insert(child.id());
        Ok(Self { child })
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// Then.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("it ended by itself ({status})");
        }
        Ok(())
    }

    /// CPU time, in user and kernel mode, that it and its children have used so far; in steps of 10 ms on most systems.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(&tree(self.id()))
    }

    /// Memory that it and its children have.
    pub(crate) fn memory(&self) -> Memory {
        let mut sum = Memory::default();
        for pid in tree(self.id()) {
            if let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
                let one = Memory::parse(&status);
                sum.resident_bytes += one.resident_bytes;
                sum.peak_bytes += one.peak_bytes;
            }
        }
        sum
    }

    /// Lets the peak begin anew. Where the system does not allow it, the peak stays that of the whole life.
    pub(crate) fn reset_peak(&self) {
        for pid in tree(self.id()) {
            drop(fs::write(format!("/proc/{pid}/clear_refs"), "5"));
        }
    }

    /// Ends it and waits: SIGTERM, and SIGKILL for it and its children after [`GRACE`].
    pub(crate) fn stop(&mut self) {
        let pids = tree(self.id());
        signal(self.id(), Signal::TERM);
        let deadline = Instant::now() + GRACE;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => pause(Duration::from_millis(2)),
                Ok(None) => {
                    for &pid in pids.iter().rev() {
                        signal(pid, Signal::KILL);
                    }
                    drop(self.child.wait());
                    break;
                }
                Ok(Some(_)) | Err(_) => break,
            }
        }
        lock().remove(&self.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if lock().contains(&self.id()) {
            self.stop();
        }
    }
}

/// Memory of some processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now (`VmRSS`).
    pub(crate) resident_bytes: u64,
    /// The most that was resident since the start or the last reset (`VmHWM`).
    pub(crate) peak_bytes: u64,
}

impl Memory {
    /// Reads a `/proc/PID/status`.
    fn parse(status: &str) -> Self {
        let kibibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next());
            number.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
        };
        Self { resident_bytes: kibibytes("VmRSS") * 1024, peak_bytes: kibibytes("VmHWM") * 1024 }
    }
}

/// CPU time of this program so far.
pub(crate) fn own_cpu() -> Duration {
    cpu_of(&[std::process::id()])
}

/// On Ctrl-C and SIGTERM: ends every server, removes `folder`, and ends this program.
///
/// # Errors
/// When signals cannot be listened to.
pub(crate) fn stop_all_on_signals(folder: &Path) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal as listen};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let guard = runtime.enter();
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    drop(guard);
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        });
        // Children first: workers whose parent is killed would live on.
        for pid in lock().iter().flat_map(|&pid| tree(pid).into_iter().rev()) {
            signal(pid, Signal::KILL);
        }
        drop(fs::remove_dir_all(&folder));
        std::process::exit(130);
    });
    Ok(())
}

/// Waits, in a loop over a state that nothing tells about.
pub(crate) fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "processes and ports are polled, always with a deadline")]
    std::thread::sleep(duration);
}

fn lock() -> std::sync::MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }
}

/// `root` and all that descends from it, parents first.
fn tree(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(stat) = stat(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn cpu_of(pids: &[u32]) -> Duration {
    let ticks: u64 = pids.iter().filter_map(|&pid| stat(pid)).map(|stat| stat.cpu_ticks).sum();
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1000 / a_second)
}

fn stat(pid: u32) -> Option<Stat> {
    Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// What is wanted of `/proc/PID/stat`; see proc(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and kernel time of the process and of children that it has waited for.
    cpu_ticks: u64,
}

impl Stat {
    fn parse(line: &str) -> Option<Self> {
        // The name in parentheses may hold anything, parentheses and spaces too.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let cpu_ticks = (11..=14).map(number).sum::<Option<u64>>()?;
        Some(Self { parent: fields.get(1)?.parse().ok()?, cpu_ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_past_a_name_with_spaces_and_parentheses() {
        let line = "42 (a) b) c) S 7 42 42 0 -1 4194304 100 0 0 0 11 22 3 4 20 0 5 0 1000 0 0";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 7, cpu_ticks: 40 }));
        assert_eq!(Stat::parse("42 (cut"), None);
        assert_eq!(Stat::parse("42 (cut) S 1 2"), None);
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        let status = "Name:\tx\nVmPeak:\t  900 kB\nVmHWM:\t   20 kB\nVmRSS:\t   10 kB\nThreads:\t1\n";
        assert_eq!(Memory::parse(status), Memory { resident_bytes: 10 * 1024, peak_bytes: 20 * 1024 });
        assert_eq!(Memory::parse("Name:\tkernel thread\n"), Memory::default());
    }

    #[test]
    fn a_process_is_seen_with_its_children_and_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]);
        let mut process = Process::start(command).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while tree(process.id()).len() < 2 && Instant::now() < deadline {
            pause(Duration::from_millis(1));
        }
        let pids = tree(process.id());
        assert_eq!((pids.len(), pids[0]), (2, process.id()));
        assert!(process.memory().resident_bytes > 0);
        process.check_alive().unwrap();
        process.stop();
        assert!(process.check_alive().is_err());
        signal(pids[1], Signal::KILL);
    }
}
