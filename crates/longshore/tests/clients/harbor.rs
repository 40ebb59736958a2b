//! goharbor's Go client, which harbor-cli and others are made with, against the management API.

use longshore_testkit::{TestRegistry, image};

use crate::client::{Client, host};

#[tokio::test]
async fn goharbors_client_reads_every_answer() {
    let registry = TestRegistry::builder().accounts().spawn().await;
    registry.admin().push_image("library/app", "v1", &image().layers(1).build()).await;
    let url = format!("http://{}", host(&registry));
    let client = Client::go("harbor");
    let password = registry.admin_password();
    assert_eq!(client.ok(&[&url, "admin", &password, "app"]).await, "all good");
    client.fails(&[&url, "admin", "wrong", "app"]).await;
}
