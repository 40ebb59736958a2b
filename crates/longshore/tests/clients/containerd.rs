//! containerd by its `ctr`, with its own root, state and socket.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, LOGIN, assert_index, digest, host, restart, with_accounts},
    daemon::Daemon,
    fixtures::{GREETING, fixtures},
    wire::{Direction, Wire},
};

const PULL: [&str; 5] = ["images", "pull", "--plain-http", "--snapshotter", "native"];
const PUSH: [&str; 3] = ["images", "push", "--plain-http"];

struct Containerd {
    // Stopped before its folder is removed: fields are dropped in this order.
    _daemon: Daemon,
    ctr: Client,
}

impl Containerd {
    async fn start() -> Self {
        let ctr = Client::debian("ctr");
        let socket = ctr.path("containerd.sock");
        let (root, state) = (ctr.path("root"), ctr.path("state"));
        let places = format!("root = {root:?}\nstate = {state:?}\n");
        // Kubernetes' interface would listen on a port and ask for a network.
        let rest = "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
        let settings = format!("version = 2\n{places}{rest}[grpc]\naddress = {socket:?}\n");
        let configuration = ctr.write("containerd.toml", settings);
        let log = ctr.path("containerd.log").into();
        let mut daemon = Daemon::start("containerd", &["--config", &configuration], log);
        let ctr = ctr.arguments(&["--address", &socket, "--namespace", "test"]);
        daemon
            .ready("containerd's API", || async {
                tokio::net::UnixStream::connect(&socket).await.is_ok().then_some(())
            })
            .await;
        Self { _daemon: daemon, ctr }
    }

    async fn pull(&self, arguments: &[&str]) {
        self.ctr.ok(&[&PULL[..], arguments].concat()).await;
    }

    async fn push(&self, arguments: &[&str]) {
        self.ctr.ok(&[&PUSH[..], arguments].concat()).await;
    }
}

#[tokio::test]
async fn containerd_pushes_pulls_and_runs_debian() {
    let archive = fixtures().await.debian_archive();
    let containerd = Containerd::start().await;
    let ctr = &containerd.ctr;
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let image = format!("{host}/base/debian:v1");

    ctr.ok(&["images", "import", "--no-unpack", &archive]).await;
    ctr.ok(&["images", "tag", "localhost/debian:v1", &image]).await;
    containerd.push(&[&image]).await;
    // Synchronously, so that the content is gone and has to come from the registry.
    ctr.ok(&["images", "rm", "--sync", &image, "localhost/debian:v1"]).await;
    restart(&mut registry).await;

    let pushed = digest(&registry, "base/debian", "v1").await;
    let by_digest = format!("{host}/base/debian@{pushed}");
    containerd.pull(&[&by_digest]).await;
    containerd.pull(&[&image]).await;
    let run = ["run", "--rm", "--snapshotter", "native", "--net-host", &image, "greet"];
    assert_eq!(ctr.ok(&run).await, GREETING);
}

#[tokio::test]
async fn containerd_copies_an_index() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    let (first, second) = (format!("{host}/multi/app:v1"), format!("{host}/copy/app:v1"));
    fixtures().await.push_two_architectures(&first).await;

    let containerd = Containerd::start().await;
    containerd.pull(&["--all-platforms", &first]).await;
    containerd.ctr.ok(&["images", "tag", &first, &second]).await;
    containerd.push(&[&second]).await;
    assert_index(&registry, "copy/app", "v1", &["amd64", "arm64"]).await;
    assert_eq!(digest(&registry, "multi/app", "v1").await, digest(&registry, "copy/app", "v1").await);
}

#[tokio::test]
async fn containerd_goes_on_with_a_download_that_broke() {
    let registry = TestRegistry::start().await;
    fixtures().await.push_debian(&format!("{}/base/debian:v1", host(&registry))).await;

    let containerd = Containerd::start().await;
    let wire = Wire::cutting(registry.address(), Direction::Download, 8 << 20, 2).await;
    containerd.pull(&[&format!("{}/base/debian:v1", wire.host())]).await;
    assert_eq!(wire.cuts_left(), 0, "the connection broke in the middle of the layer");
    assert!(wire.requests_with("range: bytes=") > 0, "containerd asked for the rest only");
}

#[tokio::test]
async fn containerd_gives_its_password() {
    let containerd = Containerd::start().await;
    let registry = with_accounts().await;
    let host = host(&registry);
    let (name, password) = LOGIN;
    let login = format!("{name}:{password}");
    let two = fixtures().await.two_architectures();
    let copy = ["copy", "--override-arch", "amd64", "--dest-tls-verify=false", "--dest-creds", &login, &two];
    Client::debian("skopeo").ok(&[&copy[..], &[&format!("docker://{host}/team/app:v1")]].concat()).await;

    let image = format!("{host}/team/app:v1");
    containerd.ctr.fails(&[&PULL[..], &[&image]].concat()).await;
    containerd.pull(&["--user", &login, &image]).await;
    let copy = format!("{host}/team/copy:v1");
    containerd.ctr.ok(&["images", "tag", &image, &copy]).await;
    containerd.push(&["--user", &login, &copy]).await;
}
