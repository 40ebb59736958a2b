//! helm: charts as artifacts.

use longshore_testkit::TestRegistry;

use crate::client::{Client, LOGIN, host, restart, with_accounts};

const PLAIN: &str = "--plain-http";

#[tokio::test]
async fn helm_pushes_shows_and_pulls_a_chart() {
    let mut registry = TestRegistry::start().await;
    let helm = Client::go("helm");
    let repository = format!("oci://{}/charts", host(&registry));
    let chart = format!("{repository}/demo");
    helm.ok(&["create", "demo"]).await;
    for version in ["0.1.0", "0.2.0"] {
        helm.ok(&["package", "demo", "--version", version]).await;
        helm.ok(&["push", PLAIN, &format!("demo-{version}.tgz"), &repository]).await;
    }
    restart(&mut registry).await;

    let shown = helm.ok(&["show", "chart", PLAIN, &chart]).await;
    assert!(shown.contains("version: 0.2.0"), "the newest of the tags: {shown}");
    helm.ok(&["pull", PLAIN, "--untar", "--untardir", "out", "--version", "0.1.0", &chart]).await;
    assert!(helm.read("out/demo/Chart.yaml").contains("version: 0.1.0"));
    helm.ok(&["template", "release", PLAIN, "--version", "0.1.0", &chart]).await;
    helm.fails(&["pull", PLAIN, "--version", "0.3.0", &chart]).await;
}

#[tokio::test]
async fn helm_logs_in() {
    let helm = Client::go("helm");
    let registry = with_accounts().await;
    let host = host(&registry);
    let (name, password) = LOGIN;
    helm.ok(&["create", "demo"]).await;
    helm.ok(&["package", "demo"]).await;
    let push = ["push", PLAIN, "demo-0.1.0.tgz", &format!("oci://{host}/charts")];
    helm.fails(&push).await;
    helm.ok(&["registry", "login", PLAIN, "-u", name, "-p", password, &host]).await;
    helm.ok(&push).await;
}
