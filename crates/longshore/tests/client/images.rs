//! Looking at images, and changing tags.

use longshore_testkit::{Api, Distribution, TestRegistry, artifact, image, index};
use serde_json::Value;

use crate::support::Person;

/// What every registry can do, with one image of two platforms.
async fn images_are_looked_at(registry: &Api, host: &str) {
    let person = Person::new();
    let amd = image().seed(1).build();
    let arm = image().seed(2).platform("linux/arm64").layers(2).build();
    let (arm_digest, both) = (arm.digest().to_string(), index(vec![amd, arm]).build());
    registry.push_image("team/app", "v1", &both).await;

    assert_eq!(person.must(&format!("catalog {host}")).await, "team/app\n");
    assert_eq!(person.must(&format!("tags {host}/team/app")).await, "v1\n");
    let raw = person.must(&format!("manifest {host}/team/app:v1")).await;
    assert_eq!(raw.as_bytes(), both.top().bytes);

    let seen = person.must(&format!("inspect {host}/team/app:v1 --platform linux/arm64 -o json")).await;
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["digest"], both.digest().to_string());
    assert_eq!(seen["image"]["digest"], arm_digest);
    assert_eq!(seen["image"]["layers"].as_array().unwrap().len(), 2);
    assert_eq!(seen["platforms"][1]["platform"]["architecture"], "arm64");
    let missing = person.run(&format!("inspect {host}/team/app:v1 --platform linux/mips")).await;
    assert!(missing.stderr.contains("there are: linux/amd64, linux/arm64"), "{missing:?}");

    let history = person.must(&format!("history {host}/team/app:v1 --platform linux/arm64")).await;
    assert!(history.starts_with("CREATED"), "{history}");

    let tagged = person.must(&format!("tag {host}/team/app:v1 v2")).await;
    assert_eq!(tagged, format!("{host}/team/app:v2@{}\n", both.digest()));
    assert_eq!(person.must(&format!("tags {host}/team/app")).await, "v1\nv2\n");

    let unknown = person.run(&format!("manifest {host}/team/app:v3")).await;
    assert_eq!(unknown.code, Some(4));
    assert!(unknown.stderr.contains("MANIFEST_UNKNOWN"), "{unknown:?}");
}

#[tokio::test]
async fn images_of_longshore() {
    let registry = TestRegistry::start().await;
    let host = registry.address().to_string();
    images_are_looked_at(&registry, &host).await;
    let person = Person::new();
    assert_eq!(
        person.must(&format!("untag {host}/team/app:v2")).await,
        format!("untagged {host}/team/app:v2\n")
    );
    assert_eq!(person.must(&format!("tags {host}/team/app")).await, "v1\n");
    person.must(&format!("delete {host}/team/app:v1")).await;
    assert_eq!(person.run(&format!("manifest {host}/team/app:v1")).await.code, Some(4));
}

#[tokio::test]
async fn images_of_registry_2() {
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(folder.path()).await;
    let host = registry.base().trim_start_matches("http://").to_owned();
    images_are_looked_at(&registry, &host).await;
    // It cannot take tags away; what it says is passed on.
    let refused = Person::new().run(&format!("untag {host}/team/app:v2")).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    Person::new().must(&format!("delete {host}/team/app:v2")).await;
}

#[tokio::test]
async fn referrers_are_listed() {
    let registry = TestRegistry::start().await;
    let app = image().build();
    registry.push_image("app", "v1", &app).await;
    let signature = artifact("application/vnd.example.signature").subject(app.top().descriptor()).build();
    registry.push_image("app", &signature.digest().to_string(), &signature).await;
    let listed = Person::new().must(&format!("referrers {}/app:v1", registry.address())).await;
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[1].starts_with(&signature.digest().to_string()));
    assert!(lines[1].contains("application/vnd.example.signature"));
}

#[tokio::test]
async fn a_copy_brings_along_what_belongs_to_it() {
    let (from, to) = (TestRegistry::start().await, TestRegistry::start().await);
    let app =
        index(vec![image().layers(3).layer_bytes(300_000).build(), image().platform("linux/arm64").build()]);
    let app = app.build();
    from.push_image("team/app", "v1", &app).await;
    let signature = artifact("application/vnd.example.signature").subject(app.top().descriptor()).build();
    from.push_image("team/app", &signature.digest().to_string(), &signature).await;
    let (source, person) = (format!("{}/team/app:v1", from.address()), Person::new());

    let copied = person.must(&format!("copy {source} {}/copies/app", to.address())).await;
    assert!(copied.starts_with(&format!("{}/copies/app:v1@{}\n", to.address(), app.digest())), "{copied}");
    assert_eq!(to.pull_image("copies/app", "v1").await, app.top().bytes);
    let referrers = person.must(&format!("referrers {}/copies/app:v1", to.address())).await;
    assert!(referrers.contains(&signature.digest().to_string()), "{referrers}");

    // Again: nothing is left to do. In the same registry: nothing is sent.
    let again = person.must(&format!("copy {source} {}/copies/app -o json", to.address())).await;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&again["manifests"], &again["blobsSent"]), (&0.into(), &0.into()), "{again}");
    let mounted = person.must(&format!("copy {source} {}/team/other:v2 -o json", from.address())).await;
    let mounted: Value = serde_json::from_str(&mounted).unwrap();
    assert_eq!((&mounted["blobsSent"], &mounted["tag"]), (&0.into(), &"v2".into()), "{mounted}");
    assert_ne!(mounted["blobsMounted"], 0);
}

/// Distribution specification v1.1.1, "Referrers Tag Schema".
#[tokio::test]
async fn what_refers_to_an_image_goes_where_nobody_lists_it() {
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (TestRegistry::start().await, Distribution::serve(folder.path()).await);
    let host = theirs.base().trim_start_matches("http://").to_owned();
    let app = image().build();
    ours.push_image("app", "v1", &app).await;
    let signature = |kind: &str| {
        artifact(kind).subject(app.top().descriptor()).annotation("org.example.by", "ann").build()
    };
    let (first, second) =
        (signature("application/vnd.example.first"), signature("application/vnd.example.second"));
    ours.push_image("app", &first.digest().to_string(), &first).await;
    let (person, copy) = (Person::new(), format!("copy {}/app:v1 {host}/app", ours.address()));
    person.must(&copy).await;
    let tag = format!("sha256-{}", app.digest().hex());
    let listed = async || -> Value {
        let index = person.must(&format!("manifest {host}/app:{tag}")).await;
        serde_json::from_str::<Value>(&index).unwrap()["manifests"].clone()
    };
    let entry = listed().await[0].clone();
    assert_eq!(entry["digest"], first.digest().to_string());
    assert_eq!(entry["artifactType"], "application/vnd.example.first");
    assert_eq!(entry["annotations"]["org.example.by"], "ann");

    // Again it stays as it is, and what comes later is added.
    person.must(&copy).await;
    assert_eq!(listed().await, serde_json::json!([entry]));
    ours.push_image("app", &second.digest().to_string(), &second).await;
    person.must(&copy).await;
    assert_eq!(listed().await.as_array().unwrap().len(), 2);
    let referrers = person.must(&format!("referrers {host}/app:v1")).await;
    assert!(referrers.contains(&second.digest().to_string()), "{referrers}");

    // Back to where they are listed.
    let other = TestRegistry::start().await;
    person.must(&format!("copy {host}/app:v1 {}/app", other.address())).await;
    let referrers = person.must(&format!("referrers {}/app:v1 -o json", other.address())).await;
    let referrers: Value = serde_json::from_str(&referrers).unwrap();
    assert_eq!(referrers["referrers"].as_array().unwrap().len(), 2, "{referrers}");
    assert_eq!(person.must(&format!("tags {}/app", other.address())).await, "v1\n");
}

#[tokio::test]
async fn a_copy_to_registry_2_and_back_stays_the_same() {
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (TestRegistry::start().await, Distribution::serve(folder.path()).await);
    let host = theirs.base().trim_start_matches("http://").to_owned();
    let app = image().layers(2).layer_bytes(3_000_000).build();
    ours.push_image("app", "v1", &app).await;
    let person = Person::new();
    person.must(&format!("copy {}/app:v1 {host}/app", ours.address())).await;
    person.must(&format!("copy {host}/app:v1 {}/back", ours.address())).await;
    assert_eq!(ours.pull_image("back", "v1").await, app.top().bytes);
}
