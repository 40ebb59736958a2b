//! Command-line clients with a home of their own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use longshore_testkit::{Api, PASSWORD, TestRegistry, role};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// How long one command may take before the test fails; unpacking Debian on a slow disk is the longest.
const DEADLINE: Duration = Duration::from_secs(300);

/// A client program. What it keeps (logins, configuration, caches) lies in its own folder.
#[derive(Debug)]
pub(crate) struct Client {
    program: PathBuf,
    first_arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    home: TempDir,
}

impl Client {
    /// A program of Debian's, found in `PATH`.
    pub(crate) fn debian(program: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let client =
            Self { program: program.into(), first_arguments: Vec::new(), environment: Vec::new(), home };
        // buildah wants the file of logins to exist.
        client.write("auth.json", "{}");
        client
    }

    /// A program that `scripts/go-clients` built from `tests/clients`.
    pub(crate) fn go(program: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("go-clients").join(program);
        assert!(path.exists(), "no {}: run scripts/go-clients", path.display());
        Self { program: path, ..Self::debian(program) }
    }

    /// `buildah` or `podman`, with images in its own folder. The vfs driver works on every file system and in
    /// containers too.
    pub(crate) fn with_storage(program: &str) -> Self {
        let client = Self::debian(program);
        let (root, run) = (client.path("storage"), client.path("run"));
        client.arguments(&["--storage-driver", "vfs", "--root", &root, "--runroot", &run])
    }

    /// Puts these before the arguments of every call.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.first_arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// Sets a variable of the environment for every call.
    pub(crate) fn environment(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    /// A path in the client's folder, in which it is run too.
    pub(crate) fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes a file into the client's folder and gives its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(name);
        let folder = path.parent().expect("a file lies in a folder");
        std::fs::create_dir_all(folder).expect("a temporary folder can be written");
        std::fs::write(&path, content).expect("a temporary folder can be written");
        path.to_string_lossy().into_owned()
    }

    /// Reads a file in the client's folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).expect("the client has written the file")
    }

    /// Runs it; it must succeed. Gives its standard output without the last line break.
    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        let (success, stdout, stderr) = self.run(arguments).await;
        assert!(success, "{} {arguments:?} failed:\n{stdout}{stderr}", self.program.display());
        stdout
    }

    /// Runs it; it must fail. Gives everything it wrote.
    pub(crate) async fn fails(&self, arguments: &[&str]) -> String {
        let (success, stdout, stderr) = self.run(arguments).await;
        assert!(!success, "{} {arguments:?} should have failed:\n{stdout}{stderr}", self.program.display());
        stdout + &stderr
    }

    /// Runs it, whether it succeeds or not. Gives everything it wrote.
    pub(crate) async fn everything(&self, arguments: &[&str]) -> String {
        let (_, stdout, stderr) = self.run(arguments).await;
        stdout + &stderr
    }

    async fn run(&self, arguments: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(&self.program);
        command.args(&self.first_arguments).args(arguments).current_dir(self.home.path());
        command.stdin(Stdio::null()).kill_on_drop(true).env("NO_PROXY", "127.0.0.1,localhost");
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env(name, self.home.path());
        }
        command.env("REGISTRY_AUTH_FILE", self.home.path().join("auth.json"));
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        let shown = format!("{} {arguments:?}", self.program.display());
        let output = match tokio::time::timeout(DEADLINE, command.output()).await {
            Ok(output) => output.unwrap_or_else(|error| panic!("could not run {shown}: {error}")),
            Err(_) => panic!("{shown} took longer than {DEADLINE:?}"),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout).trim_end().to_owned(), text(&output.stderr))
    }
}

/// The registry's address as clients write it before a repository.
pub(crate) fn host(registry: &TestRegistry) -> String {
    registry.address().to_string()
}

/// Restarts the registry on the port it had, as an operator does: a client's image references name the port.
pub(crate) async fn restart(registry: &mut TestRegistry) {
    registry.set("http.addr", host(registry));
    registry.restart().await;
}

/// The name and the password that [`with_accounts`] and [`with_htpasswd`] know.
pub(crate) const LOGIN: (&str, &str) = ("alice", PASSWORD);

/// A registry with accounts, where [`LOGIN`] is a maintainer of the projects that the tests push to: clients get tokens for
/// what they do.
pub(crate) async fn with_accounts() -> TestRegistry {
    let registry = TestRegistry::builder().accounts().spawn().await;
    let (name, _) = LOGIN;
    registry.create_user(name).await;
    for project in ["art", "charts", "demo", "other", "team"] {
        registry.create_project(project, false).await;
        registry.add_member(project, name, role::MAINTAINER).await;
    }
    registry
}

/// A registry that asks for [`LOGIN`], from a file that Debian's `htpasswd` wrote into `folder`.
pub(crate) async fn with_htpasswd(folder: &Client) -> TestRegistry {
    let (name, password) = LOGIN;
    let line = Client::debian("htpasswd").ok(&["-nbB", name, password]).await;
    let path = folder.write("htpasswd", line + "\n");
    let builder = TestRegistry::builder().set("auth.htpasswd.realm", "clients");
    builder.set("auth.htpasswd.path", path).spawn().await
}

/// A manifest's digest as the registry serves it: of the bytes, not of what a header says.
pub(crate) async fn digest(api: &Api, repository: &str, reference: &str) -> String {
    let call = api.call(reqwest::Method::GET, &format!("/v2/{repository}/manifests/{reference}"));
    let reply = call.header("Accept", ANY_MANIFEST).send().await.assert_status(200);
    let digest = reply.digest().to_string();
    reply.assert_header("docker-content-digest", &digest);
    digest
}

/// A manifest as JSON.
pub(crate) async fn manifest(api: &Api, repository: &str, reference: &str) -> Value {
    let call = api.call(reqwest::Method::GET, &format!("/v2/{repository}/manifests/{reference}"));
    call.header("Accept", ANY_MANIFEST).send().await.assert_status(200).json()
}

/// Fails unless the manifest is an index of exactly these architectures, each of which can be pulled.
pub(crate) async fn assert_index(api: &Api, repository: &str, reference: &str, architectures: &[&str]) {
    let index = manifest(api, repository, reference).await;
    let children = index["manifests"].as_array().unwrap_or_else(|| panic!("not an index: {index}"));
    let mut found: Vec<_> = children.iter().map(|child| &child["platform"]["architecture"]).collect();
    found.sort_by_key(|architecture| architecture.to_string());
    assert_eq!(found, architectures, "{index}");
    for child in children {
        let digest = child["digest"].as_str().expect("a descriptor has a digest");
        api.pull_image(repository, digest).await;
    }
}

const ANY_MANIFEST: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";
