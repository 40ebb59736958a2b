//! Servers that are compared: each started for one workload, with a folder of its own.

mod authorization;
mod configuration;
mod distribution;
mod endpoint;
mod external;
mod issuer;
mod longshore;
mod nginx;
mod zot;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

pub(crate) use authorization::Authorization;
pub(crate) use endpoint::Endpoint;
pub(crate) use external::Settings as External;

use crate::{
    cli::Options,
    load::{Client, Protocol, Request, block_on},
    process::{self, Memory, Process},
    tls::Identity,
};

/// How long a server may take to answer its first request.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A kind of server that can be started any number of times, each with nothing in it.
pub(crate) trait Kind: Send + Sync {
    /// What it is called on the command line and in reports.
    fn name(&self) -> &str;

    /// Its version, as it says itself.
    fn version(&self) -> String;

    /// What it can do.
    fn abilities(&self) -> Abilities {
        Abilities { registry: true, tls: true, process: true, longshore: false }
    }

    /// Whether workloads may push to it.
    fn may_be_pushed_to(&self) -> bool {
        true
    }

    /// Starts it, with its files in `folder`, over TLS if there is an identity.
    ///
    /// # Errors
    /// When it cannot be started or does not answer in time.
    fn start(&self, folder: &Path, identity: Option<&Identity>) -> Result<Server>;
}

/// What a kind of server can do; the counterpart of [`crate::workload::Needs`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Abilities {
    /// More than serving files.
    pub(crate) registry: bool,
    /// Can be started with a certificate.
    pub(crate) tls: bool,
    /// Is a process of ours.
    pub(crate) process: bool,
    /// Is Longshore.
    pub(crate) longshore: bool,
}

/// The kinds that the command line asks for, or else those that are installed.
///
/// # Errors
/// When one was named that is not there.
pub(crate) fn find(options: &Options) -> Result<Vec<Box<dyn Kind>>> {
    let all: [(&str, Option<Box<dyn Kind>>); 7] = [
        ("longshore", longshore::find(options)),
        ("longshore-postgresql", longshore::find_postgresql(options)),
        ("longshore-token", longshore::find_token(options)),
        ("nginx", nginx::find(options)),
        ("docker-registry", distribution::find_docker_registry(options)),
        ("distribution", distribution::find(options)),
        ("zot", zot::find(options)),
    ];
    let known: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    if let Some(unknown) = options.servers.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no server {unknown:?}; known are {}", known.join(", "));
    }
    let mut found = Vec::new();
    for (name, kind) in all {
        let asked = options.servers.iter().any(|asked| asked == name);
        match kind {
            Some(kind) if asked || options.servers.is_empty() => found.push(kind),
            None if asked && name == "longshore-postgresql" && options.metadata_url.is_none() => {
                bail!("{name} needs its database: --metadata-url postgres://...")
            }
            None if asked && name.starts_with("longshore") => {
                bail!("{name} was not found; say where its program is with --longshore PATH")
            }
            None if asked => bail!("{name} was not found; say where its program is with --{name} PATH"),
            _ => {}
        }
    }
    found.extend(options.external.find(!options.workloads.is_empty())?);
    Ok(found)
}

/// A server that runs, or can be started again. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    endpoint: Endpoint,
    folder: PathBuf,
    files: Option<PathBuf>,
    kept: Option<PathBuf>,
    launch: Option<Launch>,
    process: Option<Process>,
}

/// How a server's program is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Environment variables beside ours.
    pub(crate) environment: Vec<(String, String)>,
}

impl Launch {
    /// A registry that takes `serve` and its configuration.
    fn serve(program: &Path, configuration: PathBuf) -> Self {
        Self {
            program: program.to_owned(),
            arguments: vec!["serve".into(), configuration.into()],
            environment: Vec::new(),
        }
    }
}

impl Server {
    /// Starts a program that will answer at `endpoint`.
    ///
    /// # Errors
    /// When it cannot be started or does not answer in time; with the end of what it wrote to standard error.
    pub(crate) fn launch(name: &str, endpoint: Endpoint, folder: &Path, launch: Launch) -> Result<Self> {
        let mut server = Self {
            name: name.to_owned(),
            endpoint,
            folder: folder.to_owned(),
            files: None,
            kept: None,
            launch: Some(launch),
            process: None,
        };
        server.start()?;
        Ok(server)
    }

    /// A server that somebody else runs.
    pub(crate) fn external(name: &str, endpoint: Endpoint) -> Self {
        Self {
            name: name.to_owned(),
            endpoint,
            folder: PathBuf::new(),
            files: None,
            kept: None,
            launch: None,
            process: None,
        }
    }

    /// Says that what it serves are the files below `root`.
    pub(crate) fn serving_files(mut self, root: PathBuf) -> Self {
        self.files = Some(root);
        self
    }

    /// Says where it may leave things for later runs.
    pub(crate) fn keeping(mut self, kept: Option<PathBuf>) -> Self {
        self.kept = kept;
        self
    }

    /// What it is called in reports.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its own folder: configuration, data in `data/`, `stderr.log`. Empty for a server that is not ours.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where content is put as files, for a server that takes no pushes.
    pub(crate) fn files(&self) -> Option<&Path> {
        self.files.as_deref()
    }

    /// Where it may leave what takes long to make, for later runs.
    pub(crate) fn kept(&self) -> Option<&Path> {
        self.kept.as_deref()
    }

    /// Sets an environment variable for the next [`Server::start`].
    pub(crate) fn set_environment(&mut self, name: &str, value: &str) {
        if let Some(launch) = &mut self.launch {
            launch.environment.retain(|(known, _)| known != name);
            launch.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Starts it again after [`Server::stop`], and says how long it took until it answered `GET /v2/` with 200.
    ///
    /// # Errors
    /// When it cannot be started or does not answer in time.
    pub(crate) fn start(&mut self) -> Result<Duration> {
        let Some(launch) = &self.launch else { bail!("{} is not ours to start", self.name) };
        let log = fs::File::options().create(true).append(true).open(self.folder.join("stderr.log"))?;
        // The server runs in its own folder: a path relative to ours would lead nowhere.
        let mut command = Command::new(std::path::absolute(&launch.program)?);
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("REGISTRY_") || name_text.starts_with("LONGSHORE_") {
                command.env_remove(&name);
            }
        }
        command.args(&launch.arguments).envs(launch.environment.iter().cloned());
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let begun = Instant::now();
        self.process = Some(Process::start(command)?);
        match self.wait_for_answer(begun + START_TIMEOUT) {
            Ok(()) => Ok(begun.elapsed()),
            Err(error) => {
                self.stop();
                let log = fs::read_to_string(self.folder.join("stderr.log")).unwrap_or_default();
                let last = log.lines().rev().take(5).collect::<Vec<_>>();
                let last = last.into_iter().rev().collect::<Vec<_>>().join("\n  ");
                Err(error.context(format!("{} did not start; it said:\n  {last}", self.name)))
            }
        }
    }

    /// Ends it and waits for that.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// CPU time that its processes have used so far, if they are ours.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.process.as_ref().map(Process::cpu)
    }

    /// Memory that its processes have, if they are ours.
    pub(crate) fn memory(&self) -> Option<Memory> {
        self.process.as_ref().map(Process::memory)
    }

    /// Lets the peak of its memory begin anew.
    pub(crate) fn reset_peak_memory(&self) {
        if let Some(process) = &self.process {
            process.reset_peak();
        }
    }

    fn wait_for_answer(&mut self, deadline: Instant) -> Result<()> {
        let request = Request::get(&self.endpoint, "/v2/")?;
        let mut last = None;
        while Instant::now() < deadline {
            if let Some(process) = &mut self.process {
                process.check_alive()?;
            }
            let answered = block_on(async {
                let mut client = Client::connect(&self.endpoint, Protocol::Http1).await?;
                client.send(&request).await
            });
            match answered {
                Ok(reply) if reply.status == 200 => return Ok(()),
                Ok(reply) => last = Some(anyhow::anyhow!("GET /v2/ is answered with {}", reply.status)),
                Err(error) => last = Some(error),
            }
            process::pause(Duration::from_micros(500));
        }
        Err(last.unwrap_or_else(|| anyhow::anyhow!("there was no time")))
            .context("it does not answer in time")
    }
}

/// The first program of that name in the folders of `PATH` and `/usr/sbin`.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// What a program prints when it is asked for its version, on one line.
fn version_of(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let Ok(output) = output else { return String::new() };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().trim().to_owned()
}
