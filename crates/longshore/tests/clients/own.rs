//! The binary as a client, beside docker's engine: archives there and back.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, host},
    docker::Docker,
    fixtures::{GREETING, fixtures},
};

#[tokio::test]
async fn docker_loads_what_is_pulled_and_what_it_saves_is_pushed() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    let (image, back) = (format!("{host}/base/debian:v1"), format!("{host}/back/debian:v1"));
    fixtures().await.push_debian(&image).await;
    let own = Client::debian(env!("CARGO_BIN_EXE_longshore"));
    own.ok(&["pull", "--format", "docker-archive", &image, "debian.tar"]).await;

    let docker = Docker::start().await;
    docker.ok(&["load", "--input", &own.path("debian.tar")]).await;
    assert_eq!(docker.run(&[&image]).await, GREETING);
    let id = docker.ok(&["inspect", "--format", "{{.Id}}", &image]).await;
    docker.ok(&["save", "--output", &own.path("saved.tar"), &image]).await;
    docker.ok(&["rmi", &image]).await;

    own.ok(&["push", "saved.tar", &back]).await;
    docker.ok(&["pull", &back]).await;
    assert_eq!(docker.ok(&["inspect", "--format", "{{.Id}}", &back]).await, id);
    assert_eq!(docker.run(&[&back]).await, GREETING);
}
