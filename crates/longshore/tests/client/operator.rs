//! Rolling tags back and tidying up, at Longshore and at registry:2.

use longshore_testkit::{Api, Content, Distribution, TestRegistry, artifact, image, index};
use serde_json::Value;

use crate::support::Person;

/// An image that was built many days ago.
fn built(seed: u64, days: i64) -> Content {
    let moment = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    image().seed(seed).annotation("org.opencontainers.image.created", &moment.to_string()).build()
}

async fn push_all(registry: &Api, images: &[(&str, &Content)]) {
    for (tag, content) in images {
        registry.push_image("team/app", tag, content).await;
    }
}

async fn tags(person: &Person, host: &str) -> Vec<String> {
    let listed = person.must(&format!("tags {host}/team/app")).await;
    let mut tags: Vec<_> = listed.lines().map(str::to_owned).collect();
    // registry:2 has no order.
    tags.sort();
    tags
}

/// A registry with a management API, and its administrator.
async fn with_accounts() -> (TestRegistry, String, Person) {
    let registry = TestRegistry::builder().accounts().spawn().await;
    let (host, person) = (registry.address().to_string(), Person::new());
    let login = format!("login {host} --user admin --password-stdin");
    person.run_with(&login, &registry.admin_password()).await.assert_success();
    (registry, host, person)
}

async fn json(person: &Person, line: &str) -> Value {
    serde_json::from_str(&person.must(&format!("{line} --output json")).await).unwrap()
}

#[tokio::test]
async fn a_tag_goes_back() {
    let (server, host, person) = with_accounts().await;
    let registry = server.admin();
    let [one, two, three] = [1, 2, 3].map(|seed| image().seed(seed).build());
    push_all(&registry, &[("v1", &one), ("v1", &two), ("v1", &two), ("v1", &three)]).await;
    let tag = format!("{host}/team/app:v1");

    let told = person.must(&format!("rollback {tag}")).await;
    assert_eq!(told, format!("{tag}@{}\nwas {}\n", two.digest(), three.digest()));
    assert_eq!(registry.pull_image("team/app", "v1").await, two.top().bytes);
    // Twice takes it back to where it began: each is a change of its own.
    let told = json(&person, &format!("rollback {tag} --steps 3")).await;
    assert_eq!(told["digest"], one.digest().to_string());
    // What was deleted comes back.
    person.must(&format!("delete {host}/team/app@{}", three.digest())).await;
    person.must(&format!("rollback {tag} --to {}", three.digest())).await;
    assert_eq!(registry.pull_image("team/app", "v1").await, three.top().bytes);
    person.must(&format!("untag {tag}")).await;
    person.must(&format!("rollback {tag}")).await;
    assert_eq!(registry.pull_image("team/app", "v1").await, three.top().bytes);

    let listed = json(&person, &format!("rollback --list {tag}")).await;
    let did: Vec<_> =
        listed.as_array().unwrap().iter().map(|event| event["operation"].as_str().unwrap()).collect();
    assert_eq!(did, ["restore", "delete", "restore", "restore", "restore", "move", "push", "move", "push"]);

    let far = person.run(&format!("rollback {tag} --steps 99")).await;
    assert_eq!((far.code, far.stderr.contains("changed 5 times only")), (Some(1), true), "{far:?}");
    let never = person.run(&format!("rollback {tag} --to {}", image().build().digest())).await;
    assert_eq!((never.code, never.stderr.contains("never pointed")), (Some(4), true), "{never:?}");
    let unknown = person.run(&format!("rollback {host}/team/nope:v1")).await;
    assert_eq!(unknown.code, Some(4), "{unknown:?}");
    let unclear = person.run(&format!("rollback {host}/team/app")).await;
    assert_eq!(unclear.code, Some(2), "{unclear:?}");
}

/// What the rest of the world keeps no history of goes back by its digest.
#[tokio::test]
async fn a_tag_of_registry_2_goes_back_by_digest() {
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(folder.path()).await;
    let (host, person) = (registry.base().trim_start_matches("http://").to_owned(), Person::new());
    let (one, two) = (image().seed(1).build(), image().seed(2).build());
    push_all(&registry, &[("v1", &one), ("v1", &two)]).await;
    let refused = person.run(&format!("rollback {host}/team/app:v1")).await;
    assert_eq!((refused.code, refused.stderr.contains("--to sha256:")), (Some(1), true), "{refused:?}");
    person.must(&format!("rollback {host}/team/app:v1 --to {}", one.digest())).await;
    assert_eq!(registry.pull_image("team/app", "v1").await, one.top().bytes);
}

async fn old_tags_go(registry: &Api, host: &str) {
    let person = Person::new();
    let [v1, v2, v3] = [(1, 90), (2, 60), (3, 2)].map(|(seed, days)| built(seed, days));
    let all = index(vec![built(4, 100), built(5, 100)]).build();
    let unknown = image().seed(6).build();
    push_all(registry, &[("v1", &v1), ("v2", &v2), ("v3", &v3), ("all", &all), ("odd", &unknown)]).await;

    let dry = person.must(&format!("prune {host}/team/app --older-than 30d")).await;
    assert!(dry.ends_with("3 tags would go, 2 stay; --yes does it\n"), "{dry}");
    assert_eq!(tags(&person, host).await, ["all", "odd", "v1", "v2", "v3"]);
    let done = json(&person, &format!("prune {host}/team/app --older-than 30d --keep 3 --yes")).await;
    assert_eq!((&done["dryRun"], &done["tagsKept"]), (&false.into(), &3.into()), "{done}");
    assert_eq!(tags(&person, host).await, ["odd", "v2", "v3"]);
    let done = person.must(&format!("prune {host}/team/app --match v? --except v3 --yes")).await;
    assert!(done.ends_with("1 tag went, 2 stay\n"), "{done}");
    assert_eq!(tags(&person, host).await, ["odd", "v3"]);
    let nothing = person.must(&format!("prune {host}/team/app --older-than 30d")).await;
    assert_eq!(nothing, "nothing to prune\n");
}

#[tokio::test]
async fn old_tags_of_longshore_go() {
    let registry = TestRegistry::start().await;
    let host = registry.address().to_string();
    old_tags_go(&registry, &host).await;
    let refused = Person::new().run(&format!("prune {host}/team/app")).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[tokio::test]
async fn old_tags_of_registry_2_go() {
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(folder.path()).await;
    let host = registry.base().trim_start_matches("http://").to_owned();
    old_tags_go(&registry, &host).await;
    let person = Person::new();
    let refused = person.run(&format!("prune {host}/team/app --untagged")).await;
    assert_eq!(
        (refused.code, refused.stderr.contains("leave --untagged out")),
        (Some(1), true),
        "{refused:?}"
    );
    // It takes no tag away alone; what failed is told, and is no success.
    let (old, shared) = (built(7, 90), built(8, 90));
    push_all(&registry, &[("old", &old), ("shared", &shared), ("keep", &shared)]).await;
    let partly = person.run(&format!("prune {host}/team/app --older-than 30d --except keep --yes")).await;
    assert_eq!((partly.code, partly.stderr.contains("team/app:shared")), (Some(1), true), "{partly:?}");
    assert!(partly.stdout.ends_with("1 tag went, 4 stay\n"), "{partly:?}");
    assert_eq!(tags(&person, &host).await, ["keep", "odd", "shared", "v3"]);
}

#[tokio::test]
async fn what_something_else_needs_stays() {
    let registry = TestRegistry::start().await;
    let (host, person) = (registry.address().to_string(), Person::new());
    let (shared, child) = (built(1, 90), built(2, 90));
    let all = index(vec![child.clone(), built(3, 1)]).build();
    push_all(&registry, &[("old", &shared), ("stable", &shared), ("part", &child), ("all", &all)]).await;
    let signature = artifact("application/vnd.dev.cosign").seed(4).build();
    let of_child = format!("sha256-{}.sig", child.digest().hex());
    let gone = built(5, 90);
    let of_gone = format!("sha256-{}.sig", gone.digest().hex());
    let other_signature = artifact("application/vnd.dev.cosign").seed(6).build();
    push_all(&registry, &[(&of_child, &signature), ("gone", &gone), (&of_gone, &other_signature)]).await;
    person.must(&format!("prune {host}/team/app --older-than 30d --except stable --yes")).await;
    assert_eq!(tags(&person, &host).await, ["all", of_child.as_str(), "stable"]);
    registry.pull_image("team/app", "all").await;
    registry.get(&format!("/v2/team/app/manifests/{}", child.digest())).await.assert_status(200);
}

#[tokio::test]
async fn what_has_no_tag_goes() {
    let (server, host, person) = with_accounts().await;
    let registry = server.admin();
    let (first, second) = (image().seed(1).build(), image().seed(2).build());
    let all = index(vec![image().seed(3).build()]).build();
    push_all(&registry, &[("v1", &first), ("v1", &second), ("all", &all)]).await;
    let none = person.must(&format!("prune {host}/team/app --untagged --older-than 1d")).await;
    assert_eq!(none, "nothing to prune\n");
    let dry = json(&person, &format!("prune {host}/team/app --untagged")).await;
    assert_eq!(dry["steps"].as_array().unwrap().len(), 1, "{dry}");
    assert_eq!(dry["steps"][0]["digest"], first.digest().to_string());
    person.must(&format!("prune {host}/team/app --untagged --yes")).await;
    let path = format!("/v2/team/app/manifests/{}", first.digest());
    registry.get(&path).await.assert_status(404);
    assert_eq!(tags(&person, &host).await, ["all", "v1"]);
    assert_eq!(registry.pull_image("team/app", "all").await, all.top().bytes);
}
