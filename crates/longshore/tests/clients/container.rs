//! The container image of Longshore itself, in the place of `registry:2`.

use std::path::{Path, PathBuf};

use longshore_testkit::{Api, Distribution, basic, eventually};

use crate::{
    client::{Client, digest},
    docker::Docker,
    fixtures::fixtures,
};

const IMAGE: &str = "localhost/longshore:tested";

/// Debian's docker-registry keeps `registry:2`'s volume form; the container serves it, as root like `registry:2`.
#[tokio::test]
async fn the_container_serves_a_volume_of_registry_2() {
    let volume = tempfile::tempdir().expect("a temporary folder can be made");
    let old = Distribution::serve(volume.path()).await;
    let old_host = old.base().strip_prefix("http://").expect("it speaks plain HTTP").to_owned();
    fixtures().await.push_two_architectures(&format!("{old_host}/multi/app:v1")).await;
    fixtures().await.push_debian(&format!("{old_host}/base/debian:v1")).await;
    let expected = [digest(&old, "multi/app", "v1").await, digest(&old, "base/debian", "v1").await];
    drop(old);

    let docker = Docker::start().await;
    docker.load(&image_archive(), IMAGE).await;
    let mount = format!("{}:/var/lib/registry", volume.path().display());
    // Anybody may push, as before.
    let open = ["--user", "0:0", "--env", "LONGSHORE_ACCOUNTS_ENABLED=false", "--volume", &mount];
    let container = Container::start(&docker, &open, &[]).await;
    let found =
        [digest(&container.api, "multi/app", "v1").await, digest(&container.api, "base/debian", "v1").await];
    assert_eq!(found, expected, "everything of the old registry is there");

    let image = format!("{}/base/debian:v1", container.host);
    docker.ok(&["pull", &image]).await;
    let pushed = format!("{}/new/app:v1", container.host);
    docker.ok(&["tag", &image, &pushed]).await;
    docker.ok(&["push", &pushed]).await;
    let new = digest(&container.api, "new/app", "v1").await;

    // Stopped and started again as an upgrade does it: what was pushed stays.
    container.stop(&docker).await;
    let container = Container::start(&docker, &open, &[]).await;
    assert_eq!(digest(&container.api, "new/app", "v1").await, new);
    container.stop(&docker).await;
}

/// Without options it is not root and has accounts, and `registry:2`'s way of naming the configuration works.
#[tokio::test]
async fn the_container_runs_without_root_on_a_new_volume() {
    let docker = Docker::start().await;
    docker.load(&image_archive(), IMAGE).await;
    let user = docker.ok(&["inspect", "--format", "{{.Config.User}}", IMAGE]).await;
    assert_eq!(user, "65532:65532");
    let size = docker.ok(&["inspect", "--format", "{{.Size}}", IMAGE]).await;
    assert!(size.parse::<u64>().expect("a size") <= 56_000_000, "{size} bytes");

    docker.ok(&["volume", "create", "registry"]).await;
    let options = ["--read-only", "--cap-drop", "ALL", "--volume", "registry:/var/lib/registry"];
    let container = Container::start(&docker, &options, &["/etc/docker/registry/config.yml"]).await;
    // The way in is in its volume, and not in its log, which others read as well.
    let file = format!("{}:/var/lib/registry/longshore/admin-password", container.id);
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("admin-password");
    docker.ok(&["cp", &file, copy.to_str().expect("a name")]).await;
    let password = std::fs::read_to_string(&copy).expect("the password");
    let password = password.trim();
    let log = docker.logs(&container.id).await;
    assert!(log.contains("admin-password") && !log.contains(password), "{log}");
    let image = format!("docker://{}/library/app:v1", container.host);
    let two = fixtures().await.two_architectures();
    let skopeo = Client::debian("skopeo");
    let copy = ["copy", "--all", "--dest-tls-verify=false", &two, &image];
    skopeo.fails(&copy).await;
    skopeo.ok(&[&copy[..], &["--dest-creds", &format!("admin:{password}")]].concat()).await;
    let reply = container.api.get("/v2/library/app/tags/list").await.assert_status(200);
    assert_eq!(reply.json()["tags"], serde_json::json!(["v1"]));
    // A lost password, as docs/container.md has it replaced.
    let reset = ["admin", "reset-password", "admin", "/etc/docker/registry/config.yml"];
    let password = docker.ok(&[&["exec", &container.id, "/longshore"], &reset[..]].concat()).await;
    let admin = container.api.authorized(basic("admin", password.trim()));
    admin.get("/v2/").await.assert_status(200);
    container.stop(&docker).await;

    // By the program's name in registry:2's image, as pods and compose files call it.
    let help = docker.run(&["--entrypoint", "/bin/registry", IMAGE, "--help"]).await;
    assert!(help.contains("serve"), "{help}");
}

struct Container {
    id: String,
    host: String,
    api: Api,
}

impl Container {
    /// Runs the image on a free port of the host's network, until it answers.
    async fn start(docker: &Docker, options: &[&str], command: &[&str]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let host = listener.local_addr().expect("a bound socket has an address").to_string();
        drop(listener);
        // registry:2's way to change a setting of the file inside.
        let address = format!("REGISTRY_HTTP_ADDR={host}");
        let run = ["run", "--detach", "--network", "host", "--ulimit", "nofile=1024:1024", "--env", &address];
        let id = docker.ok(&[&run[..], options, &[IMAGE], command].concat()).await;
        let api = Api::new(format!("http://{host}"));
        let ready = eventually("an answer of the container", || async {
            if let Ok(reply) = api.call(reqwest::Method::GET, "/v2/").try_send().await {
                return Some(matches!(reply.status, 200 | 401));
            }
            let running = docker.ok(&["inspect", "--format", "{{.State.Running}}", &id]).await;
            (running != "true").then_some(false)
        });
        let ready = ready.await;
        assert!(ready, "it does not run:\n{}", docker.logs(&id).await);
        Self { id, host, api }
    }

    async fn stop(self, docker: &Docker) {
        docker.ok(&["stop", &self.id]).await;
        let code = docker.ok(&["inspect", "--format", "{{.State.ExitCode}}", &self.id]).await;
        assert_eq!(code, "0", "it ended as a program that was asked to:\n{}", docker.logs(&self.id).await);
        docker.ok(&["rm", &self.id]).await;
    }
}

/// What `scripts/image` wrote.
fn image_archive() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let archive: PathBuf = target.with_file_name("image").join("longshore.tar");
    assert!(archive.exists(), "no {}: run scripts/image", archive.display());
    archive.to_string_lossy().into_owned()
}
