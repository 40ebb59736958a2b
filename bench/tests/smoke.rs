//! Every workload for a moment, against every server that Debian has: that they work and are reported, not how fast.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// Our program, with the Longshore that lies beside it and the servers that Debian has.
fn bench(arguments: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_longshore-bench"));
    let mut command = Command::new(program);
    command.arg("--longshore").arg(longshore()).args(arguments);
    command.output().expect("a program that cargo built can be run")
}

/// Longshore's own program. Cargo builds it with the tests of its package, so of the whole workspace, too.
fn longshore() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_longshore-bench")).with_file_name("longshore");
    assert!(path.exists(), "no {}: run the tests by `cargo test --workspace`", path.display());
    path
}

fn for_debian(program: &str, package: &str) {
    let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
    let found = folders.iter().any(|folder| Path::new(folder).join(program).exists());
    assert!(found, "{program} is not installed; it is in Debian's {package}");
}

/// What a run has to say for itself if it fails.
#[track_caller]
fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Names of workloads, as `--list` has them, one a line with what it does.
fn names() -> Vec<String> {
    let list = succeeded(&bench(&["--list"]));
    // Names of several words end where two spaces begin.
    let name = |line: &str| line.split("  ").next().unwrap_or_default().trim().to_owned();
    list.lines().map(name).filter(|name| !name.is_empty()).collect()
}

/// The servers of one row that have numbers, and those that say why not.
fn entries(row: &Value) -> (Vec<&str>, Vec<&Value>) {
    let entries = row["entries"].as_array().expect("a row has entries");
    let (measured, others) = entries.iter().partition::<Vec<_>, _>(|entry| entry["problem"].is_null());
    (measured.iter().filter_map(|entry| entry["server"].as_str()).collect(), others)
}

#[test]
fn every_workload_runs_on_every_server_that_can() {
    for_debian("nginx", "nginx-light");
    for_debian("docker-registry", "docker-registry");
    let folder = tempfile::tempdir().unwrap();
    let (json, plots) = (folder.path().join("results.json"), folder.path().join("plots"));
    let options = ["--quick", "--servers", "longshore,nginx,docker-registry", "--workload", "*"];
    let data = folder.path().display().to_string();
    let files =
        ["--data", &data, "--json", &json.display().to_string(), "--plot", &plots.display().to_string()];
    let table = succeeded(&bench(&[&options[..], &files[..]].concat()));

    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).expect("the report is JSON");
    let rows = report["rows"].as_array().expect("a report has rows");
    let of = |name: &str| rows.iter().filter(|row| row["workload"] == name).collect::<Vec<_>>();
    for name in names() {
        let rows = of(&name);
        assert!(!rows.is_empty(), "{name:?} is not in the report");
        assert!(table.contains(&name), "{name:?} is not in the table");
        for row in rows {
            let (measured, others) = entries(row);
            assert!(others.iter().all(|entry| entry["unsupported"] == true), "{row:#}");
            let has_numbers = measured.contains(&"longshore");
            assert!(has_numbers != name.starts_with("zb On-demand"), "{row:#}");
            let clean = |entry: &Value| entry["errors"] == 0;
            assert!(row["entries"].as_array().unwrap().iter().all(clean), "{row:#}");
        }
    }
    for (name, servers) in [
        ("manifest-get-tag", &["longshore", "nginx", "docker-registry"][..]),
        ("zb Push Monolith 1MB", &["longshore", "docker-registry"]),
        ("mixed", &["longshore", "docker-registry"]),
    ] {
        let (measured, _) = entries(of(name)[0]);
        assert!(servers.iter().all(|server| measured.contains(server)), "{name}: {measured:?}");
    }
    let plot = std::fs::read_to_string(plots.join("manifest-get-tag.svg")).expect("there is a plot");
    assert!(plot.matches("<polyline").count() >= 3, "a line for each server");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "servers' folders are removed");
}

#[test]
fn a_registry_of_somebody_else_is_loaded_only_as_its_owner_allows() {
    let registry = tokio::runtime::Runtime::new().unwrap();
    let _guard = registry.enter();
    let registry = registry.block_on(longshore_testkit::TestRegistry::start());
    let url = format!("mine=http://{}", registry.address());
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str]| {
        let json = folder.path().join("results.json");
        let file = json.display().to_string();
        let all = [&["--quick", "--servers", "longshore", "--url", &url, "--json", &file], options].concat();
        let output = bench(&all);
        let report = std::fs::read(&json).unwrap_or_default();
        (output, serde_json::from_slice(&report).unwrap_or(Value::Null))
    };

    let (output, _) = run(&[]);
    assert!(!output.status.success(), "no workload was named");
    let (output, report) = run(&["--workload", "ping,manifest-get-tag"]);
    succeeded(&output);
    let mine = |report: &Value, workload: &str| -> Value {
        let rows = report["rows"].as_array().expect("a report has rows");
        let row = rows.iter().find(|row| row["workload"] == workload).expect("each workload has a row");
        let entries = row["entries"].as_array().expect("a row has entries");
        entries.iter().find(|entry| entry["server"] == "mine").expect("a row has each server").clone()
    };
    let ping = mine(&report, "ping");
    assert!(ping["problem"].is_null(), "{ping:#}");
    assert!(!ping.to_string().contains("\"cpu_per_operation\""), "its CPU time is unknown: {ping:#}");
    let refused = mine(&report, "manifest-get-tag");
    assert!(refused["problem"].as_str().is_some_and(|why| why.contains("--allow-push")), "{refused:#}");

    let (output, report) = run(&["--workload", "manifest-get-tag", "--allow-push"]);
    succeeded(&output);
    assert!(mine(&report, "manifest-get-tag")["problem"].is_null());
}

#[test]
fn unknown_names_are_refused() {
    for options in [["--workload", "no-such"], ["--servers", "no-such"]] {
        let output = bench(&[&["--quick"], &options[..]].concat());
        assert!(!output.status.success(), "{options:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("no-such"), "{output:?}");
    }
}
