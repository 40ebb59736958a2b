//! A server as a child process whose output is kept.

use std::{
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
};

use crate::wait::{DEADLINE, eventually, within};

/// A child process. It is killed when this is dropped; when a test fails its output is shown.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
    name: String,
}

impl Process {
    /// Starts `command` and keeps what it writes.
    pub(crate) fn spawn(command: Command) -> Self {
        Self::start(command, Stdio::null())
    }

    /// The same for a program that ends with its standard input: so it does not outlive this process, however that ends.
    pub(crate) fn spawn_attached(command: Command) -> Self {
        Self::start(command, Stdio::piped())
    }

    fn start(mut command: Command, input: Stdio) -> Self {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {name}: {error}"));
        let output = Arc::new(Mutex::new(Vec::new()));
        keep(child.stdout.take().expect("stdout is piped"), output.clone());
        keep(child.stderr.take().expect("stderr is piped"), output.clone());
        Self { child, output, name }
    }

    /// What it has written so far, line by line.
    pub(crate) fn output(&self) -> Vec<String> {
        self.output.lock().expect("nobody panics while holding the output").clone()
    }

    /// Waits for a line that `find` understands.
    pub(crate) async fn wait_for<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let begun = std::time::Instant::now();
        loop {
            if let Some(found) = self.output().iter().find_map(|line| find(line)) {
                return found;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended ({status}) before {what}:\n{}", self.name, self.output().join("\n"));
            }
            if begun.elapsed() > DEADLINE {
                panic!("{}: no {what} within {DEADLINE:?}:\n{}", self.name, self.output().join("\n"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(rustix::process::Pid::from_raw).expect("the process has not been waited for");
        rustix::process::kill_process(pid, signal).expect("our own child can be signalled");
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = within(&format!("the end of {}", self.name), self.child.wait()).await;
        status.expect("our own child can be waited for")
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its highest resident memory so far in bytes, from the kernel.
    pub(crate) async fn memory_peak_bytes(&self) -> u64 {
        let id = self.child.id().expect("the process has not been waited for");
        let path = format!("/proc/{id}/status");
        eventually("the process's memory in /proc", || async {
            let status = tokio::fs::read_to_string(&path).await.ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(kib * 1024)
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It must have ended before its folder can be removed; after SIGKILL that is a matter of microseconds.
        let begun = std::time::Instant::now();
        let killed = self.child.start_kill().is_ok();
        while killed && self.runs() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
        if std::thread::panicking() {
            let output = self.output();
            let from = output.len().saturating_sub(15);
            eprintln!("--- the last of what {} wrote ---\n{}", self.name, output[from..].join("\n"));
        }
    }
}

/// Copies a stream's lines to `output` until it ends.
fn keep(stream: impl AsyncRead + Send + Unpin + 'static, output: Arc<Mutex<Vec<String>>>) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            output.lock().expect("nobody panics while holding the output").push(line);
        }
    });
}
