//! The docker engine with its own daemon, storage and socket.

use std::{path::Path, process::Command};

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, LOGIN, assert_index, digest, host, restart, with_accounts},
    daemon::Daemon,
    fixtures::{GREETING, fixtures},
    wire::{Direction, Wire},
};

/// dockerd and a client for it.
#[derive(Debug)]
pub(crate) struct Docker {
    // Fields are dropped in this order: the daemon ends, then what it leaves mounted goes, then the folder.
    _daemon: Daemon,
    _network: Mounted,
    client: Client,
}

/// dockerd leaves the host's network namespace mounted here, once a container has used it.
#[derive(Debug)]
struct Mounted(String);

impl Drop for Mounted {
    fn drop(&mut self) {
        if Path::new(&self.0).exists() {
            // It fails when nothing is mounted, and then there is nothing to do.
            let _ = Command::new("umount").arg("--quiet").arg(&self.0).status();
        }
    }
}

impl Docker {
    /// Starts Debian's dockerd. The vfs driver and no bridge let it run where the kernel grants neither overlayfs nor
    /// netfilter; containers share the host's network.
    pub(crate) async fn start() -> Self {
        // Debian's own client: another `docker` in PATH may be newer than the engine.
        let client = Client::debian("/usr/bin/docker");
        let socket = format!("unix://{}", client.path("docker.sock"));
        let client = client.arguments(&["--host", &socket]);
        let (data, exec, pid) = (client.path("data"), client.path("exec"), client.path("docker.pid"));
        let arguments =
            ["--storage-driver", "vfs", "--iptables=false", "--ip6tables=false", "--bridge", "none"];
        let places = ["--host", &socket, "--data-root", &data, "--exec-root", &exec, "--pidfile", &pid];
        let log = client.path("dockerd.log").into();
        let mut daemon = Daemon::start("dockerd", &[&arguments[..], &places[..]].concat(), log);
        let socket_file = client.path("docker.sock");
        daemon
            .ready("docker's API", || async {
                tokio::net::UnixStream::connect(&socket_file).await.is_ok().then_some(())
            })
            .await;
        client.ok(&["version"]).await;
        Self { _daemon: daemon, _network: Mounted(format!("{exec}/netns/default")), client }
    }

    /// Runs the client; it must succeed.
    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        self.client.ok(arguments).await
    }

    /// What a container has written so far.
    pub(crate) async fn logs(&self, container: &str) -> String {
        self.client.everything(&["logs", container]).await
    }

    /// Runs a container in the foreground and gives what it prints.
    pub(crate) async fn run(&self, arguments: &[&str]) -> String {
        let run = ["run", "--rm", "--network", "host", "--ulimit", "nofile=1024:1024"];
        self.ok(&[&run[..], arguments].concat()).await
    }

    /// Loads an archive of one image and gives it another name.
    pub(crate) async fn load(&self, archive: &str, name: &str) {
        let loaded = self.ok(&["load", "--quiet", "--input", archive]).await;
        let (_, loaded) = loaded.split_once(": ").expect("docker load prints what it loaded");
        self.ok(&["tag", loaded, name]).await;
        self.ok(&["rmi", loaded]).await;
    }
}

#[tokio::test]
async fn docker_pushes_pulls_and_runs_debian() {
    let archive = fixtures().await.debian_archive();
    let docker = Docker::start().await;
    let mut registry = with_accounts().await;
    let host = host(&registry);
    let (name, password) = LOGIN;
    let image = format!("{host}/demo/app:v1");

    docker.load(&archive, &image).await;
    docker.client.fails(&["push", &image]).await;
    docker.client.fails(&["login", "-u", name, "-p", "wrong", &host]).await;
    docker.ok(&["login", "-u", name, "-p", password, &host]).await;
    let pushed = docker.ok(&["push", &image]).await;
    docker.ok(&["rmi", &image]).await;
    restart(&mut registry).await;

    assert_eq!(docker.run(&[&image]).await, GREETING);
    let by_digest = docker.ok(&["inspect", "--format", "{{index .RepoDigests 0}}", &image]).await;
    let (_, digest) = by_digest.split_once('@').expect("docker keeps the digest it pulled");
    assert!(pushed.contains(digest), "{pushed}");
    // By digest, with a tag of another repository left, so that the layers stay and only the manifest is asked for.
    docker.ok(&["tag", &image, "localhost/keep"]).await;
    docker.ok(&["rmi", &image]).await;
    docker.ok(&["pull", &by_digest]).await;

    // The same layers in another repository are mounted, not sent again.
    let other = format!("{host}/other/app:v1");
    docker.ok(&["tag", &by_digest, &other]).await;
    let mounted = docker.ok(&["push", &other]).await;
    assert!(mounted.contains("Mounted from demo/app"), "{mounted}");

    docker.ok(&["logout", &host]).await;
    docker.client.fails(&["pull", &other]).await;
}

#[tokio::test]
async fn docker_pushes_a_manifest_list() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    let two = fixtures().await.two_architectures();
    let (skopeo, docker) = (Client::debian("skopeo"), Client::debian("/usr/bin/docker"));
    let list = format!("{host}/multi/app:v1");
    let mut create = vec!["manifest".to_owned(), "create".to_owned(), "--insecure".to_owned(), list.clone()];
    for architecture in ["amd64", "arm64"] {
        let image = format!("{host}/multi/app:{architecture}");
        let to = ["--dest-tls-verify=false", &two, &format!("docker://{image}")];
        let how = ["copy", "--format", "v2s2", "--override-arch", architecture];
        skopeo.ok(&[&how[..], &to[..]].concat()).await;
        create.push(image);
    }
    docker.ok(&create.iter().map(String::as_str).collect::<Vec<_>>()).await;
    docker.ok(&["manifest", "push", "--insecure", &list]).await;
    assert_index(&registry, "multi/app", "v1", &["amd64", "arm64"]).await;
}

#[tokio::test]
async fn docker_goes_on_with_a_download_that_broke() {
    let registry = TestRegistry::start().await;
    fixtures().await.push_debian(&format!("{}/base/debian:v1", host(&registry))).await;

    let docker = Docker::start().await;
    let wire = Wire::cutting(registry.address(), Direction::Download, 8 << 20, 2).await;
    docker.ok(&["pull", &format!("{}/base/debian:v1", wire.host())]).await;
    assert_eq!(wire.cuts_left(), 0, "the connection broke in the middle of the layer");
    assert!(wire.requests_with("range: bytes=") > 0, "docker asked for the rest only");
}

#[tokio::test]
async fn docker_pushes_again_what_broke() {
    let archive = fixtures().await.debian_archive();
    let registry = TestRegistry::start().await;
    let docker = Docker::start().await;
    let wire = Wire::cutting(registry.address(), Direction::Upload, 8 << 20, 2).await;
    let image = format!("{}/base/debian:v1", wire.host());
    docker.load(&archive, &image).await;
    let pushed = docker.ok(&["push", &image]).await;
    assert_eq!(wire.cuts_left(), 0, "the connection broke in the middle of the layer");
    assert!(pushed.contains(&digest(&registry, "base/debian", "v1").await), "{pushed}");
    registry.pull_image("base/debian", "v1").await;
}
