//! What commands write, word for word: tables, JSON and errors, at Longshore and at registry:2. `cargo insta review`
//! shows what changed.

use longshore_testkit::{Api, Distribution, PASSWORD, TestRegistry, artifact, image, index};

use crate::support::Person;

const CREATED: &str = "org.opencontainers.image.created";

/// A command and what it came to, without what is different every time.
async fn told(person: &Person, host: &str, line: &str) -> String {
    let finished = person.run(&line.replace("HOST", host)).await;
    let mut text = format!("$ longshore {line}\n");
    let mut lines: Vec<_> = finished.stdout.lines().collect();
    if line.starts_with("tags ") && !line.contains("json") {
        // registry:2 has no order.
        lines.sort_unstable();
    }
    lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    for line in finished.stderr.lines() {
        text.push_str(&format!("! {line}\n"));
    }
    match finished.code {
        Some(0) => {}
        Some(code) => text.push_str(&format!("exit code {code}\n")),
        None => text.push_str("killed\n"),
    }
    moments_masked(&text.replace(host, "HOST")) + "\n"
}

/// `2026-11-21T22:00:00.123Z` is WHEN.
fn moments_masked(text: &str) -> String {
    let pattern = "dddd-dd-ddTdd:dd:dd";
    let fits = |rest: &str| {
        rest.len() >= pattern.len()
            && rest.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
    };
    let (mut masked, mut rest) = (String::new(), text);
    while let Some(c) = rest.chars().next() {
        if fits(rest) {
            masked.push_str("WHEN");
            rest = rest[pattern.len()..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
            rest = rest.strip_prefix('Z').unwrap_or(rest);
        } else {
            masked.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    masked
}

async fn all_told(person: &Person, host: &str, lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&told(person, host, line).await);
    }
    text
}

/// The same content everywhere.
async fn fill(registry: &Api) {
    let amd = image().seed(1).annotation(CREATED, "2026-01-01T00:00:00Z").build();
    let arm = image().seed(2).platform("linux/arm64").layers(2).build();
    let all = index(vec![amd.clone(), arm]).build();
    registry.push_image("team/app", "v1", &amd).await;
    registry.push_image("team/app", "all", &all).await;
    let signature =
        artifact("application/vnd.example.signature").seed(3).subject(amd.top().descriptor()).build();
    registry.push_image("team/app", &signature.digest().to_string(), &signature).await;
    let newer = image().seed(4).annotation(CREATED, "2026-06-01T00:00:00Z").build();
    registry.push_image("team/app", "v2", &newer).await;
}

const LOOKING: &[&str] = &[
    "catalog HOST",
    "tags HOST/team/app",
    "inspect HOST/team/app:all",
    "inspect HOST/team/app:v1 --output json",
    "history HOST/team/app:all --platform linux/arm64",
    "history HOST/team/app:v1 -o json",
    "tag HOST/team/app:v1 also",
    "prune HOST/team/app --keep 1 --match v*",
    "prune HOST/team/app --keep 1 --match v* -o json",
    "copy HOST/team/app:v2 HOST/team/copy --no-referrers",
];

const FAILING: &[&str] = &[
    "inspect HOST/team/app:none",
    "tags HOST/team/none",
    "manifest HOST/team/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "inspect HOST/team/app:all --platform linux/mips",
    "prune HOST/team/app",
    "rollback HOST/team/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "rollback HOST/team/app:v2",
    "admin quota show team --host HOST",
    "inspect app",
    "tags HOST/App",
    "untag HOST/team/app",
];

#[tokio::test]
async fn at_longshore() {
    let registry = TestRegistry::builder().accounts().spawn().await;
    fill(&registry.admin()).await;
    let (host, person) = (registry.address().to_string(), Person::new());
    let login = format!("login {host} --user admin --password-stdin");
    person.run_with(&login, &registry.admin_password()).await.assert_success();
    insta::assert_snapshot!("longshore_looking", all_told(&person, &host, LOOKING).await);
    insta::assert_snapshot!("longshore_failing", all_told(&person, &host, FAILING).await);
    let changing = [
        "tags HOST/team/app -o json",
        "referrers HOST/team/app:v1",
        "tag HOST/team/app:v2 v1",
        "rollback --list HOST/team/app:v1",
        "rollback HOST/team/app:v1",
        "rollback HOST/team/app:v1 -o json",
        "rollback HOST/team/app:v1 --steps 9",
        "untag HOST/team/app:also",
        "prune HOST/team/app --match v1 --yes",
        "delete HOST/team/app:all",
    ];
    insta::assert_snapshot!("longshore_changing", all_told(&person, &host, &changing).await);
}

#[tokio::test]
async fn at_registry_2() {
    if !Distribution::is_installed() {
        eprintln!("skipped: no docker-registry");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(folder.path()).await;
    fill(&registry).await;
    let (host, person) = (registry.base().trim_start_matches("http://").to_owned(), Person::new());
    insta::assert_snapshot!("registry_2_looking", all_told(&person, &host, LOOKING).await);
    insta::assert_snapshot!("registry_2_failing", all_told(&person, &host, FAILING).await);
    let changing = [
        "untag HOST/team/app:also",
        "prune HOST/team/app --match v1 --match also --yes",
        "delete HOST/team/app:all",
    ];
    insta::assert_snapshot!("registry_2_changing", all_told(&person, &host, &changing).await);
}

#[tokio::test]
async fn of_administrators() {
    let registry = TestRegistry::builder().accounts().spawn().await;
    let (host, admin) = (registry.address().to_string(), Person::new());
    let login = format!("login {host} --user admin --password-stdin");
    admin.run_with(&login, &registry.admin_password()).await.assert_success();
    registry.create_user("ann").await;
    let mut text = String::new();
    for line in [
        "admin projects create team --host HOST",
        "admin projects create team --host HOST",
        "admin projects list --host HOST",
        "admin projects show team --host HOST",
        "admin members add team ann --role developer --host HOST",
        "admin members list team --host HOST",
        "admin robots list --project team --host HOST",
        "admin quota set team 1GB --host HOST",
        "admin quota list --host HOST",
        "admin quota show team --host HOST -o json",
        "admin projects delete library --host HOST",
        "admin users disable nobody --host HOST",
        "admin projects delete team --host HOST",
    ] {
        text.push_str(&told(&admin, &host, line).await);
    }
    let ann = Person::new();
    ann.run_with(&format!("login {host} --user ann --password-stdin"), PASSWORD).await.assert_success();
    text.push_str(&told(&ann, &host, "admin users list --host HOST").await);
    insta::assert_snapshot!("administrators", text);
}
