//! A PostgreSQL server of Debian's package in a temporary folder, reached over a unix socket.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, bail};

use crate::Certificate;

/// Starts the server, obeys, and cleans up after us however we end.
const SUPERVISOR: &str = include_str!("postgres.sh");

/// A running server. Stops, and its folder goes, when this is dropped or the process ends.
pub struct Postgres {
    folder: PathBuf,
    /// Where it listens besides its socket, encrypted.
    port: Option<u16>,
    supervisor: Mutex<Supervisor>,
    databases: AtomicU32,
}

struct Supervisor {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Postgres {
    /// The server that all tests of this process share, each with a database of its own.
    ///
    /// # Panics
    /// When it cannot be started: `apt install postgresql`.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().expect("PostgreSQL should start"))
    }

    /// Starts a server for a test that stops it.
    pub fn start() -> anyhow::Result<Self> {
        // The supervisor removes the folder, also when this process is killed.
        Self::start_in(tempfile::Builder::new().prefix("longshore-pg-").tempdir()?.keep(), None)
    }

    /// Starts a server whose databases' addresses are over TCP, and which refuses what is not encrypted there. Returns
    /// its certificate, too; it is made out to `localhost`.
    pub fn start_encrypted() -> anyhow::Result<(Self, Certificate)> {
        let folder = tempfile::Builder::new().prefix("longshore-pg-").tempdir()?.keep();
        let certificate = Certificate::write(&folder);
        // Somebody may take the port before the server does; then it says so.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok((Self::start_in(folder, Some(port))?, certificate))
    }

    fn start_in(folder: PathBuf, port: Option<u16>) -> anyhow::Result<Self> {
        let programs = programs()?;
        let mut process = Command::new("sh")
            .args(["-c", SUPERVISOR, "sh"])
            .args([&folder, &programs])
            .args(port.map(|port| port.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0) // An interrupt on the terminal is for the tests; it cleans up after them.
            .spawn()
            .context("could not run sh")?;
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("standard output was asked for")?);
        let mut supervisor = Supervisor { process, commands, answers };
        supervisor.answer()?;
        Ok(Self { folder, port, supervisor: Mutex::new(supervisor), databases: AtomicU32::new(0) })
    }

    /// Makes an empty database. Returns its address, for `metadata.url`.
    pub fn fresh_database(&self) -> anyhow::Result<String> {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.command(&format!("create {name}"))?;
        Ok(match self.port {
            Some(port) => format!("postgres://postgres@localhost:{port}/{name}"),
            None => format!("postgres:///{name}?host={}&user=postgres", self.folder.display()),
        })
    }

    /// Stops the server and starts it again; every connection breaks.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.command("restart")
    }

    /// Stops the server.
    pub fn stop(&self) -> anyhow::Result<()> {
        self.command("stop")
    }

    /// Starts the server again after [`Postgres::stop`].
    pub fn start_again(&self) -> anyhow::Result<()> {
        self.command("start")
    }

    fn command(&self, command: &str) -> anyhow::Result<()> {
        let mut supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = supervisor.commands.as_mut().context("the server has ended")?;
        writeln!(commands, "{command}")?;
        supervisor.answer()
    }
}

impl Supervisor {
    fn answer(&mut self) -> anyhow::Result<()> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.trim_end() {
            "done" => Ok(()),
            "" => bail!("the supervisor of PostgreSQL has ended"),
            failure => bail!("PostgreSQL: {failure}"),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}

/// Where Debian keeps the programs of the newest installed version.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql").read_dir().context("apt install postgresql")?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(version)
        .map(|path| path.join("bin"))
        .context("apt install postgresql")
}
