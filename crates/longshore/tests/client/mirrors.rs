//! Mirrors and registries without certificates, by flag and by the files of docker and podman.

use longshore_testkit::{TestRegistry, image};

use crate::support::Person;

fn write(person: &Person, path: &str, text: &str) {
    let path = person.docker_file().parent().unwrap().parent().unwrap().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn pulling_asks_mirrors_first_and_goes_on_without() {
    let (mirror, origin) = (TestRegistry::start().await, TestRegistry::start().await);
    let (cached, only_there) = (image().seed(1).build(), image().seed(2).build());
    mirror.push_image("cache/app", "v1", &cached).await;
    origin.push_image("app", "v1", &only_there).await;
    origin.push_image("app", "v2", &only_there).await;
    let person = Person::new();
    let (mirror, origin) = (mirror.address(), origin.address());
    let conf = format!(
        "[[registry]]\nlocation = \"{origin}\"\n[[registry.mirror]]\nlocation = \"localhost:1\"\n\
         [[registry.mirror]]\nlocation = \"{mirror}/cache\"\n"
    );
    write(&person, ".config/containers/registries.conf", &conf);

    let raw = person.must(&format!("manifest {origin}/app:v1")).await;
    assert_eq!(raw.as_bytes(), cached.top().bytes, "it is from the mirror");
    let raw = person.must(&format!("manifest {origin}/app:v2")).await;
    assert_eq!(raw.as_bytes(), only_there.top().bytes, "it is from the registry itself");
    // Blobs come along, and what is pushed goes where it is said to go.
    person.must(&format!("copy {origin}/app:v1 {origin}/copied:v1")).await;
    assert_eq!(person.must(&format!("catalog {origin}")).await, "app\ncopied\n");
    assert_eq!(person.must(&format!("catalog {mirror}")).await, "cache/app\n");
    person.must(&format!("tag {origin}/app:v1 v3")).await;
    let plain = Person::new();
    let raw = plain.must(&format!("manifest {origin}/app:v3")).await;
    assert_eq!(raw.as_bytes(), only_there.top().bytes, "what is tagged is what is there, not a mirror's");
    // By flag, without files.
    let raw = plain.must(&format!("manifest {origin}/app:v1 --mirror {mirror}/cache")).await;
    assert_eq!(raw.as_bytes(), cached.top().bytes);
}

#[tokio::test]
async fn places_move_and_are_blocked() {
    let registry = TestRegistry::start().await;
    let app = image().build();
    registry.push_image("new/app", "v1", &app).await;
    let (host, person) = (registry.address(), Person::new());
    write(
        &person,
        ".config/containers/registries.conf.d/ours.conf",
        &format!(
            "[[registry]]\nprefix = \"gone.invalid/old\"\nlocation = \"{host}/new\"\n\
             [[registry]]\nprefix = \"{host}/secret\"\nblocked = true\n"
        ),
    );
    let raw = person.must("manifest gone.invalid/old/app:v1").await;
    assert_eq!(raw.as_bytes(), app.top().bytes);
    for line in
        [format!("inspect {host}/secret/app:v1"), format!("copy {host}/new/app:v1 {host}/secret/app:v1")]
    {
        let refused = person.run(&line).await;
        assert_eq!(
            (refused.code, refused.stderr.contains("is blocked by registries.conf")),
            (Some(1), true),
            "{refused:?}"
        );
    }
    write(&person, ".docker/daemon.json", "{\"registry-mirrors\": [\"nonsense\"]}");
    let broken = person.run(&format!("tags {host}/new/app")).await;
    assert_eq!(
        (broken.code, broken.stderr.contains("daemon.json: registry-mirrors")),
        (Some(2), true),
        "{broken:?}"
    );
}

/// 0.0.0.0 reaches this machine on Linux, and is none of the addresses that need nothing.
#[tokio::test]
async fn a_registry_without_certificate_must_be_named() {
    let registry = TestRegistry::start().await;
    registry.push_image("app", "v1", &image().build()).await;
    let host = format!("0.0.0.0:{}", registry.address().port());
    let refused = Person::new().run(&format!("tags {host}/app")).await;
    assert_eq!((refused.code, refused.stderr.contains("--insecure")), (Some(1), true), "{refused:?}");
    let person = Person::new();
    write(&person, ".docker/daemon.json", &format!("{{\"insecure-registries\": [\"{host}\"]}}"));
    assert_eq!(person.must(&format!("tags {host}/app")).await, "v1\n");
    let person = Person::new();
    let conf = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    write(&person, ".config/containers/registries.conf", &conf);
    assert_eq!(person.must(&format!("tags {host}/app")).await, "v1\n");
}
