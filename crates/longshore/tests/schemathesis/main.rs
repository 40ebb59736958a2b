//! The management API against its own description, by schemathesis: requests made from `/api/v2.0/openapi.json`, right
//! ones and wrong ones, as people of different rights. No answer may be a failure of ours, each must be as the
//! description says, what is wrong must be refused, and so must be who is not logged in.
//!
//! The target is left out of a plain `cargo test`, because it needs Python. `scripts/test` installs what
//! `tests/schemathesis` pins and then runs `cargo test -p longshore --test schemathesis`.

mod world;

use std::{path::PathBuf, process::Stdio, time::Duration};

use longshore_testkit::{TestRegistry, role};
use tokio::process::Command;

use self::world::World;

/// How long one run may take before the test fails: some times what it takes on two cores.
const DEADLINE: Duration = Duration::from_secs(600);

/// How thorough a run is.
struct Effort {
    /// Beside the limits of everything: what is just allowed and just not.
    phases: &'static str,
    /// Random requests for each operation.
    examples: u32,
}

#[tokio::test]
async fn as_an_administrator() {
    let world = World::make().await;
    let token = world::token(&world.registry.admin()).await;
    check(&world, Some(&token), &Effort { phases: "coverage,fuzzing,stateful", examples: 2 }).await;
    world.registry.admin().get("/api/v2.0/users/current").await.assert_status(200);
}

#[tokio::test]
async fn as_an_admin_of_a_project() {
    let world = World::make().await;
    world.registry.add_member("team", "lea", role::PROJECT_ADMIN).await;
    let token = world::token(&world.registry.user("lea")).await;
    check(&world, Some(&token), &Effort { phases: "fuzzing,stateful", examples: 3 }).await;
}

#[tokio::test]
async fn as_nobody() {
    let world = World::make().await;
    check(&world, None, &Effort { phases: "fuzzing", examples: 5 }).await;
}

/// Runs schemathesis with this token.
async fn check(world: &World, token: Option<&str>, effort: &Effort) {
    let registry = &world.registry;
    let base = format!("{}/api/v2.0", registry.base());
    let mut command = Command::new("python3");
    let program = schemathesis();
    command.arg(program.join("bin/schemathesis")).env("PYTHONPATH", &program);
    for file in ["schemathesis.toml", "hooks.py"] {
        let from = repository().join("tests/schemathesis").join(file);
        std::fs::copy(&from, registry.folder().join(file)).expect("a temporary folder can be written");
    }
    command.args(["run", &format!("{base}/openapi.json"), "--url", &base, "--no-color"]);
    command.args(["--phases", effort.phases, "--max-examples", &effort.examples.to_string()]);
    if let Some(token) = token {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    // Where it finds its configuration, and keeps what it keeps.
    command.current_dir(registry.folder()).env("HOME", registry.folder()).env("NO_PROXY", "127.0.0.1");
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(DEADLINE, running).await;
    let output = output.expect("it ends in time").expect("Python can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{complaints}");
    let tested = format!("Tested: {}", operations(registry).await);
    assert!(text.contains(&tested), "not {tested}:\n{text}");
    let failures: Vec<_> = registry.log().into_iter().filter(|line| line.contains("\"ERROR\"")).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How many operations the description has, but for the one that gives it, which schemathesis leaves out.
async fn operations(registry: &TestRegistry) -> usize {
    let document = registry.get("/api/v2.0/openapi.json").await.assert_status(200).json();
    let paths = document["paths"].as_object().expect("there are paths");
    let others = paths.iter().filter(|(path, _)| *path != "/openapi.json");
    others.map(|(_, operations)| operations.as_object().map_or(0, |operations| operations.len())).sum()
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where `scripts/schemathesis` installs.
fn schemathesis() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("schemathesis");
    assert!(folder.join("installed").exists(), "no {}: run scripts/schemathesis", folder.display());
    folder
}
