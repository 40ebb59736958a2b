//! Behind Debian's nginx, with the very block that docs/proxies.md shows: TLS ends there, and only `Host` is passed on.

use std::{net::SocketAddr, path::Path};

use longshore_testkit::{Api, Certificate, TestRegistry};
use reqwest::Method;

use crate::{
    client::{Client, LOGIN, host, with_htpasswd},
    daemon::Daemon,
    docker::Docker,
    fixtures::fixtures,
};

struct Proxy {
    // Stopped before its folder is removed: fields are dropped in this order.
    _daemon: Daemon,
    address: SocketAddr,
    certificate: Certificate,
    _folder: Client,
}

impl Proxy {
    /// nginx with the block called `name` in docs/proxies.md, in front of `registry`.
    async fn nginx(name: &str, registry: &TestRegistry) -> Self {
        let folder = Client::debian("nginx");
        let certificate = Certificate::write(Path::new(&folder.path(".")));
        let address = free_address();
        let server = documented_block(name)
            .replace("443", &address.to_string())
            .replace("/etc/ssl/registry.crt", &certificate.certificate.to_string_lossy())
            .replace("/etc/ssl/registry.key", &certificate.key.to_string_lossy())
            .replace("127.0.0.1:5000", &host(registry));
        let (pid, temporary) = (folder.path("nginx.pid"), folder.path("temporary"));
        // nginx would write its temporary files where only the system's own nginx may.
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {temporary}-{kind};\n"))
            .concat();
        let log = folder.path("access.log");
        let http = format!("http {{\naccess_log {log};\n{places}{server}\n}}\n");
        // Workers as the user of the master, for the folder is the user's own.
        let main = format!("user root;\npid {pid};\nerror_log stderr;\nevents {{}}\n{http}");
        let configuration = folder.write("nginx.conf", main);
        let arguments = ["-c", &configuration, "-g", "daemon off;"];
        let log = folder.path("nginx.log").into();
        let mut daemon = Daemon::start("nginx", &arguments, log);
        daemon
            .ready("nginx's port", || async {
                tokio::net::TcpStream::connect(address).await.is_ok().then_some(())
            })
            .await;
        Self { _daemon: daemon, address, certificate, _folder: folder }
    }

    fn api(&self) -> Api {
        Api::with_client(format!("https://{}", self.address), self.certificate.client())
    }
}

/// A port nobody listens on: nginx cannot choose one and say which.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// The block of code that follows the heading `name` in docs/proxies.md.
fn documented_block(name: &str) -> String {
    let page = include_str!("../../../../docs/proxies.md");
    let (_, section) = page.split_once(&format!("\n## {name}\n")).expect("the page has this heading");
    let (_, block) = section.split_once("```nginx\n").expect("the section has a block");
    let (block, _) = block.split_once("```").expect("a block ends");
    block.to_owned()
}

#[tokio::test]
async fn clients_push_and_pull_through_nginx_that_sets_only_host() {
    let skopeo = Client::debian("skopeo");
    let registry = with_htpasswd(&skopeo).await;
    let proxy = Proxy::nginx("nginx", &registry).await;
    let host = proxy.address.to_string();
    let (name, password) = LOGIN;

    // skopeo checks the certificate.
    let certificates = skopeo.path("certificates");
    skopeo.write("certificates/ca.crt", &proxy.certificate.pem);
    let image = format!("docker://{host}/base/debian:v1");
    skopeo.ok(&["login", "--cert-dir", &certificates, "-u", name, "-p", password, &host]).await;
    let debian = fixtures().await.debian();
    skopeo.ok(&["copy", "--dest-cert-dir", &certificates, &debian, &image]).await;
    skopeo.ok(&["copy", "--src-cert-dir", &certificates, &image, "dir:back"]).await;

    // docker takes any certificate of 127.0.0.1.
    let docker = Docker::start().await;
    docker.ok(&["login", "-u", name, "-p", password, &host]).await;
    docker.ok(&["pull", &format!("{host}/base/debian:v1")]).await;
    docker.ok(&["tag", &format!("{host}/base/debian:v1"), &format!("{host}/demo/app:v1")]).await;
    docker.ok(&["push", &format!("{host}/demo/app:v1")]).await;
}

#[tokio::test]
async fn an_upload_through_nginx_stays_on_nginx() {
    let registry = TestRegistry::start().await;
    let proxy = Proxy::nginx("nginx", &registry).await;
    let api = proxy.api();
    let location = api.start_upload("team/app").await;
    let own = format!("https://{}/", proxy.address);
    assert!(location.starts_with('/') || location.starts_with(&own), "{location} is not the proxy's");
    // More than nginx's usual limit of 1 MiB, in pieces of which each is more.
    let piece = vec![7; 3 << 20];
    let reply = api.patch(&location, 0, &piece).await.assert_status(202);
    let reply = api.patch(&reply.location(), piece.len(), &piece).await.assert_status(202);
    api.call(Method::DELETE, &reply.location()).send().await.assert_status(204);
}
