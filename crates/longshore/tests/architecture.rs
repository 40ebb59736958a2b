//! The arrows between crates are those of ARCHITECTURE.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cargo_metadata::{DependencyKind, MetadataCommand};

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The lines of the fenced block named `arrows`.
fn written() -> Arrows {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md");
    let page = fs::read_to_string(path).expect("ARCHITECTURE.md can be read");
    let (_, rest) = page.split_once("```arrows\n").expect("ARCHITECTURE.md has a block of arrows");
    let (block, _) = rest.split_once("```").expect("the block of arrows ends");
    block
        .lines()
        .map(|line| {
            let (from, to) = line.split_once("->").unwrap_or_else(|| panic!("{line:?} is no arrow"));
            (from.trim().to_owned(), to.split_whitespace().map(str::to_owned).collect())
        })
        .collect()
}

/// What the manifests say. What is needed for tests only is no part of a crate's place in the building.
fn real() -> Arrows {
    let metadata = MetadataCommand::new()
        .manifest_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .expect("cargo can read this workspace");
    let members = metadata.workspace_packages();
    let names: BTreeSet<_> = members.iter().map(|package| package.name.to_string()).collect();
    let needs = |package: &cargo_metadata::Package| {
        let normal = package.dependencies.iter().filter(|needed| needed.kind != DependencyKind::Development);
        normal.map(|needed| needed.name.to_string()).filter(|name| names.contains(name)).collect()
    };
    members.iter().map(|package| (package.name.to_string(), needs(package))).collect()
}

#[test]
fn crates_know_only_what_architecture_md_lists() {
    let (written, real) = (written(), real());
    for (from, to) in &real {
        let allowed = written.get(from).unwrap_or_else(|| panic!("ARCHITECTURE.md does not name {from}"));
        let beyond: Vec<_> = to.difference(allowed).collect();
        assert!(beyond.is_empty(), "{from} -> {beyond:?} is not listed in ARCHITECTURE.md");
        let unused: Vec<_> = allowed.difference(to).collect();
        assert!(unused.is_empty(), "ARCHITECTURE.md lists {from} -> {unused:?}, which is not there");
    }
    let gone: Vec<_> = written.keys().filter(|name| !real.contains_key(*name)).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md names crates that are gone: {gone:?}");
}

/// No way leads from a crate back to itself.
#[test]
fn arrows_never_turn_back() {
    let arrows = written();
    for start in arrows.keys() {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = arrows[start].iter().collect();
        while let Some(name) = next.pop() {
            assert_ne!(name, start, "a way leads from {start} back to it");
            if reached.insert(name) {
                next.extend(arrows.get(name).into_iter().flatten());
            }
        }
    }
}
