//! Longshore itself as a child process.

use std::{
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    process::{ExitStatus, Output},
};

use rustix::process::Signal;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    Api, client_builder,
    process::Process,
    wait::{eventually, within},
};

/// The real binary with its own temporary folder, configuration and port. It is killed when this is dropped.
///
/// It is an [`Api`] too: `registry.get("/v2/").await`.
#[derive(Debug)]
pub struct TestRegistry {
    api: Api,
    address: Option<SocketAddr>,
    process: Process,
    settings: Builder,
    configuration: PathBuf,
    data: PathBuf,
    folder: TempDir,
}

/// How a [`TestRegistry`] is set up.
#[derive(Clone, Debug)]
pub struct Builder {
    configuration: Value,
    text: Option<String>,
    data: Option<PathBuf>,
    environment: Vec<(String, String)>,
    without_file: bool,
}

impl Builder {
    /// Sets a key of the configuration file, such as `storage.delete.enabled`.
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        let mut place = &mut self.configuration;
        for part in key.split('.') {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[part];
        }
        *place = value.into();
        self
    }

    /// Does not wait for the disk: for tests that end before a power cut could matter.
    pub fn quick(self) -> Self {
        self.set("storage.filesystem.durable", false)
    }

    /// With users, projects and the management API, see [`TestRegistry::admin`].
    pub fn accounts(self) -> Self {
        self.set("accounts.enabled", true)
    }

    /// Starts with this configuration file as it stands; the storage root is set by the environment, other keys
    /// must be too.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Starts without a configuration file, as somebody does who tries it: what was [set](Builder::set) counts for nothing.
    pub fn without_file(mut self) -> Self {
        self.without_file = true;
        self.environment("LONGSHORE_LOG_FORMATTER", "json")
    }

    /// Serves this folder instead of a new one; it stays when the registry is dropped.
    pub fn data(mut self, root: &Path) -> Self {
        self.data = Some(root.to_owned());
        self
    }

    /// Sets a variable of the environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the configuration file to `folder`.
    fn write(self, folder: &Path, data: &Path) -> (Self, PathBuf) {
        let root = data.to_string_lossy();
        let settings = match self.text {
            _ if self.without_file => self
                .environment("LONGSHORE_STORAGE_FILESYSTEM_ROOTDIRECTORY", &root)
                .environment("LONGSHORE_HTTP_ADDR", "127.0.0.1:0"),
            Some(_) => self.environment("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", &root),
            None => self.set("storage.filesystem.rootdirectory", root.clone()),
        };
        let configuration = folder.join("config.yml");
        write_configuration(&configuration, &settings);
        (settings, configuration)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not start; its output is in the message.
    pub async fn spawn(self) -> TestRegistry {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let data = self.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let (settings, configuration) = self.write(folder.path(), &data);
        let (process, address, api) = start(&settings, &configuration).await;
        TestRegistry { api, address, process, settings, configuration, data, folder }
    }

    /// Starts it and kills it as a crash would, as soon as `moment` has come, judged by its log; perhaps long before
    /// it listens.
    ///
    /// # Panics
    /// When it ends before, or the moment does not come.
    pub async fn crash_when(self, what: &str, moment: impl Fn(&[String]) -> bool) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let data = self.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let (settings, configuration) = self.write(folder.path(), &data);
        let mut process = Process::spawn(command(&settings, &["serve"], &configuration));
        eventually(what, || async { moment(&process.output()).then_some(()) }).await;
        process.signal(Signal::KILL);
        process.ended().await;
    }

    /// Writes the configuration and starts the binary with it, but does not expect it to listen: gives how it ended
    /// and what it wrote.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn spawn_and_fail(self) -> Output {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (settings, configuration) = self.write(folder.path(), &folder.path().join("data"));
        let output = command(&settings, &["serve"], &configuration).kill_on_drop(true).output();
        within("a start that fails", output).await.expect("the binary can be run")
    }
}

impl TestRegistry {
    /// Begins with what most tests want: no accounts, deleting switched on, JSON logs.
    pub fn builder() -> Builder {
        Builder {
            configuration: json!({
                "version": "0.1",
                "log": {"level": "info", "formatter": "json"},
                "storage": {"filesystem": {}, "delete": {"enabled": true}},
                "http": {"addr": "127.0.0.1:0"},
            }),
            text: None,
            data: None,
            environment: Vec::new(),
            without_file: false,
        }
    }

    /// Starts one with nothing special that does not wait for the disk.
    pub async fn start() -> Self {
        Self::builder().quick().spawn().await
    }

    /// Where it listens.
    ///
    /// # Panics
    /// When that is a unix socket.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("the registry listens on TCP")
    }

    /// The storage root.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.process.output()
    }

    /// Waits until a line of the log contains `text`.
    ///
    /// # Panics
    /// When it ends or none comes.
    pub async fn wait_for_log(&mut self, text: &str) {
        let found = |line: &str| line.contains(text).then_some(());
        self.process.wait_for(&format!("a log line with {text:?}"), found).await;
    }

    /// Its highest resident memory so far, in bytes.
    pub async fn memory_peak_bytes(&self) -> u64 {
        self.process.memory_peak_bytes().await
    }

    /// Whether the process still runs.
    pub fn runs(&mut self) -> bool {
        self.process.runs()
    }

    /// Asks it to stop (SIGTERM), without waiting.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.process.signal(Signal::HUP);
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.ended().await
    }

    /// Stops it and waits for its end.
    ///
    /// # Panics
    /// When it fails on its way out.
    pub async fn stop(&mut self) {
        self.terminate();
        let status = self.ended().await;
        assert!(status.success(), "ended with {status} on SIGTERM:\n{}", self.log().join("\n"));
    }

    /// Kills it as a crash would: no clean-up, nothing flushed.
    ///
    /// # Panics
    /// When the kernel does not let us.
    pub async fn kill_9(&mut self) {
        self.process.signal(Signal::KILL);
        self.ended().await;
    }

    /// Starts it again on the same folder, by a new port, after [`TestRegistry::stop`] or
    /// [`TestRegistry::kill_9`].
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) {
        assert!(!self.runs(), "it still runs");
        let (process, address, api) = start(&self.settings, &self.configuration).await;
        self.process = process;
        self.address = address;
        self.api = api;
    }

    /// Stops and starts.
    ///
    /// # Panics
    /// When either fails.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    /// Changes a key of the configuration file; for the next start or command.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.settings = self.settings.clone().set(key, value);
        write_configuration(&self.configuration, &self.settings);
    }

    /// Runs another command of the binary with the same configuration, such as `gc --dry-run`.
    ///
    /// # Panics
    /// When it cannot be run or does not end.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        let running = command(&self.settings, arguments, &self.configuration).kill_on_drop(true).output();
        let output = within(&arguments.join(" "), running).await.expect("the binary can be run");
        Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Deref for TestRegistry {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

/// How a command of the binary ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// What it wrote for the user.
    pub stdout: String,
    /// What it wrote beside that.
    pub stderr: String,
}

impl Finished {
    /// Fails unless it ended well; gives what it wrote.
    #[track_caller]
    pub fn assert_success(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }
}

fn write_configuration(path: &Path, settings: &Builder) {
    // Every JSON text is a YAML text too.
    let text = settings.text.clone().unwrap_or_else(|| settings.configuration.to_string());
    std::fs::write(path, text).expect("a temporary folder can be written");
}

fn command(settings: &Builder, arguments: &[&str], configuration: &Path) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments);
    if !settings.without_file {
        command.arg(configuration);
    }
    for (name, value) in &settings.environment {
        command.env(name, value);
    }
    command
}

/// The process, its address if it listens on TCP, and a client for it.
async fn start(settings: &Builder, configuration: &Path) -> (Process, Option<SocketAddr>, Api) {
    let mut process = Process::spawn(command(settings, &["serve"], configuration));
    let address = process.wait_for("its address", listening_address).await;
    let Ok(tcp) = address.parse() else {
        let client = client_builder().unix_socket(PathBuf::from(address));
        return (process, None, Api::with_client("http://localhost", client));
    };
    let tls = settings.configuration["http"].get("tls").is_some();
    let scheme = if tls { "https" } else { "http" };
    (process, Some(tcp), Api::new(format!("{scheme}://{tcp}")))
}

/// The address in the log line that says where the registry listens.
fn listening_address(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    let message = fields.get("message").or_else(|| fields.get("msg"))?.as_str()?;
    if !message.starts_with("listening") {
        return None;
    }
    fields.get("address")?.as_str().map(str::to_owned)
}

/// The binary that cargo built for these tests: it lies beside the folder of the test executables.
fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a running test has a path");
    let built = own.parent().and_then(Path::parent).map(|folder| folder.join("longshore"));
    match built {
        Some(path) if path.exists() => path,
        _ => panic!("no longshore near {}: run the tests by `cargo test -p longshore`", own.display()),
    }
}
