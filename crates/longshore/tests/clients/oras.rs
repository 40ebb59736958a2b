//! oras: artifacts of any kind, attached to others.

use longshore_testkit::TestRegistry;
use serde_json::Value;

use crate::{
    client::{Client, LOGIN, digest, host, restart, with_accounts},
    fixtures::fixtures,
};

const PLAIN: &str = "--plain-http";
const NOTE: &str = "application/vnd.example.note";

#[tokio::test]
async fn oras_pushes_attaches_discovers_copies_and_deletes() {
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let oras = Client::go("oras");
    let (art, copy) = (format!("{host}/art/thing:v1"), format!("{host}/art/copy:v1"));
    oras.write("thing.txt", "the thing");
    oras.write("note.txt", "a note about it");

    let kind = ["--artifact-type", "application/vnd.example.thing"];
    oras.ok(&[&["push", PLAIN, &art], &kind[..], &["thing.txt:text/plain"]].concat()).await;
    oras.ok(&["attach", PLAIN, "--artifact-type", NOTE, &art, "note.txt:text/plain"]).await;
    oras.ok(&["copy", "--recursive", "--from-plain-http", "--to-plain-http", &art, &copy]).await;
    restart(&mut registry).await;

    assert_eq!(discover(&oras, &copy).await, [NOTE]);
    oras.ok(&["pull", PLAIN, "--output", "out", &copy]).await;
    assert_eq!(oras.read("out/thing.txt"), "the thing");
    assert_eq!(oras.ok(&["repo", "ls", PLAIN, &host]).await, "art/copy\nart/thing");
    // No fallback tag beside it: the registry has the referrers API.
    assert_eq!(oras.ok(&["repo", "tags", PLAIN, &format!("{host}/art/copy")]).await, "v1");

    oras.ok(&["tag", PLAIN, &copy, "v2", "v3"]).await;
    assert_eq!(oras.ok(&["repo", "tags", PLAIN, &format!("{host}/art/copy")]).await, "v1\nv2\nv3");
    let pushed = digest(&registry, "art/copy", "v3").await;
    oras.ok(&["manifest", "delete", PLAIN, "--force", &format!("{host}/art/copy@{pushed}")]).await;
    oras.fails(&["resolve", PLAIN, &copy]).await;
    oras.ok(&["resolve", PLAIN, &art]).await;
}

#[tokio::test]
async fn oras_attaches_to_an_image_of_another_client() {
    let registry = TestRegistry::start().await;
    let image = format!("{}/multi/app:v1", host(&registry));
    fixtures().await.push_two_architectures(&image).await;
    let oras = Client::go("oras");
    oras.write("note.txt", "a note about it");
    for kind in [NOTE, "application/vnd.example.other"] {
        oras.ok(&["attach", PLAIN, "--artifact-type", kind, &image, "note.txt"]).await;
    }
    let mut found = discover(&oras, &image).await;
    found.sort();
    assert_eq!(found, [NOTE, "application/vnd.example.other"]);
    let filtered = ["discover", PLAIN, "--format", "json", "--artifact-type", NOTE, &image];
    assert_eq!(artifact_types(&oras.ok(&filtered).await), [NOTE]);
}

#[tokio::test]
async fn oras_logs_in() {
    let oras = Client::go("oras");
    let registry = with_accounts().await;
    let host = host(&registry);
    let (name, password) = LOGIN;
    oras.fails(&["login", PLAIN, "-u", name, "-p", "wrong", &host]).await;
    oras.ok(&["login", PLAIN, "-u", name, "-p", password, &host]).await;
    oras.write("thing.txt", "the thing");
    oras.ok(&["push", PLAIN, &format!("{host}/art/thing:v1"), "thing.txt"]).await;
}

async fn discover(oras: &Client, image: &str) -> Vec<String> {
    artifact_types(&oras.ok(&["discover", PLAIN, "--format", "json", image]).await)
}

fn artifact_types(discovered: &str) -> Vec<String> {
    let found: Value = serde_json::from_str(discovered).expect("oras prints JSON");
    let found = found["manifests"].as_array().expect("oras lists manifests");
    found.iter().map(|one| one["artifactType"].as_str().expect("a type").to_owned()).collect()
}
