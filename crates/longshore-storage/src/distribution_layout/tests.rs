use std::{fs, os::unix::fs::symlink};

use longshore_types::{Digest, DigestAlgorithm, RepositoryName};
use tempfile::TempDir;

use super::*;

fn fresh() -> (TempDir, DistributionLayout) {
    let folder = tempfile::tempdir().unwrap();
    let layout = DistributionLayout::new(folder.path(), true);
    (folder, layout)
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn walk(layout: &DistributionLayout, after: Option<&str>) -> (Vec<String>, Vec<String>) {
    let (mut names, mut problems) = (Vec::new(), Vec::new());
    for found in layout.repositories(after.map(name).as_ref()) {
        match found {
            Ok(name) => names.push(name.to_string()),
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    (names, problems)
}

fn lay_down(layout: &DistributionLayout, path: &str, content: &str) {
    let path = layout.root.join("docker/registry/v2/repositories").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn a_volume_without_anything() {
    let (_folder, layout) = fresh();
    assert!(!layout.exists());
    assert_eq!(walk(&layout, None), (vec![], vec![]));
    assert_eq!(layout.tags(&name("a")), Found::default());
    layout.sync().unwrap();
}

#[test]
fn what_was_written_is_read() {
    let (_folder, layout) = fresh();
    let repository = name("team/sub/app");
    for algorithm in DigestAlgorithm::ALL {
        let (manifest, layer) = (Digest::of(algorithm, b"manifest"), Digest::of(algorithm, b"layer"));
        let tag = format!("v-{algorithm}").parse().unwrap();
        for wrote in [true, false] {
            assert_eq!(layout.write_revision(&repository, &manifest).unwrap(), wrote);
            assert_eq!(layout.write_layer(&repository, &layer).unwrap(), wrote);
            assert_eq!(layout.write_tag(&repository, &tag, &manifest).unwrap(), wrote);
        }
    }
    layout.sync().unwrap();
    let sorted = |mut found: Found<Digest>| {
        assert_eq!(found.problems, []);
        found.entries.sort();
        found.entries
    };
    let both = |bytes| DigestAlgorithm::ALL.map(|algorithm| Digest::of(algorithm, bytes));
    assert_eq!(sorted(layout.revisions(&repository)), both(b"manifest"));
    assert_eq!(sorted(layout.layers(&repository)), both(b"layer"));
    assert_eq!(layout.tags(&repository).entries.len(), 2);
    assert_eq!(walk(&layout, None).0, ["team/sub/app"]);

    let [manifest, _] = both(b"manifest");
    let moved = Digest::sha256(b"other");
    let tag = "v-sha256".parse().unwrap();
    assert!(layout.write_tag(&repository, &tag, &moved).unwrap());
    assert!(layout.tags(&repository).entries.contains(&(tag.clone(), moved)));
    for _ in 0..2 {
        layout.remove_tag(&repository, &tag).unwrap();
        layout.remove_revision(&repository, &manifest).unwrap();
        layout.remove_layer(&repository, &both(b"layer")[0]).unwrap();
    }
    assert_eq!(layout.tags(&repository).entries.len(), 1);
    assert_eq!(sorted(layout.revisions(&repository)), both(b"manifest")[1..]);
    assert_eq!(sorted(layout.layers(&repository)), both(b"layer")[1..]);
}

#[test]
fn repositories_nest_and_the_walk_goes_on_after_any_of_them() {
    let (_folder, layout) = fresh();
    let all = ["a", "a/b", "a/b/c/d", "a/z", "a-b", "b.c/d", "z"];
    for repository in all {
        layout.write_repository(&name(repository)).unwrap();
    }
    assert_eq!(walk(&layout, None).0, all);
    for (i, after) in all.iter().enumerate() {
        assert_eq!(walk(&layout, Some(after)).0, all[i + 1..], "after {after}");
    }
    // Where it begins need not exist.
    assert_eq!(walk(&layout, Some("a/b/c")).0, all[2..]);
    assert_eq!(walk(&layout, Some("a/c")).0, all[3..]);
    assert_eq!(walk(&layout, Some("zz")).0, [] as [&str; 0]);
}

#[test]
fn junk_is_named_and_the_rest_is_read() {
    let (folder, layout) = fresh();
    let digest = Digest::sha256(b"manifest");
    let good = name("good");
    layout.write_revision(&good, &digest).unwrap();
    layout.write_tag(&good, &"v1".parse().unwrap(), &digest).unwrap();
    let hex = digest.hex();
    for (path, content) in [
        ("good/_uploads/6e1a/data", "unfinished"),
        ("good/file", "not a directory"),
        ("good/_manifests/revisions/md5/aabb/link", "md5:aabb"),
        ("good/_manifests/revisions/sha256/nothex/link", "x"),
        ("good/_manifests/tags/.hidden/current/link", "x"),
        ("good/_manifests/tags/empty/index/file", ""),
        ("good/_manifests/tags/torn/current/link", ""),
        ("good/_manifests/tags/file", ""),
        (&format!("good/_manifests/revisions/sha256/{}/signatures", "0".repeat(64)), ""),
        (
            &format!("good/_layers/sha256/{hex}/link"),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("Upper/_layers/file", ""),
        ("lost+found/x", ""),
    ] {
        lay_down(&layout, path, content);
    }
    symlink(folder.path(), folder.path().join("docker/registry/v2/repositories/loop")).unwrap();

    let (names, problems) = walk(&layout, None);
    assert_eq!(names, ["good"]);
    assert_eq!(problems.len(), 3, "{problems:?}");
    let revisions = layout.revisions(&good);
    assert_eq!((revisions.entries.len(), revisions.problems.len()), (1, 2), "{revisions:?}");
    let layers = layout.layers(&good);
    assert_eq!((layers.entries.len(), layers.problems.len()), (0, 1), "{layers:?}");
    let tags = layout.tags(&good);
    assert_eq!((tags.entries.len(), tags.problems.len()), (1, 3), "{tags:?}");
    assert!(tags.problems.iter().all(|problem| problem.path.starts_with("docker/registry/v2")));
    layout.write_layer(&good, &digest).unwrap();
    assert_eq!(layout.layers(&good).entries, [digest], "a wrong link is replaced");
}

#[test]
fn links_that_came_after_the_mark_are_not_known() {
    let (_folder, layout) = fresh();
    let (repository, digest, tag) = (name("a"), Digest::sha256(b"manifest"), "v1".parse().unwrap());
    let knew = |layout: &DistributionLayout| {
        [
            layout.knew_revision(&repository, &digest),
            layout.knew_layer(&repository, &digest),
            layout.knew_tag(&repository, &tag),
        ]
    };
    assert_eq!(knew(&layout), [false; 3], "there is nothing");
    layout.write_revision(&repository, &digest).unwrap();
    layout.write_layer(&repository, &digest).unwrap();
    layout.write_tag(&repository, &tag, &digest).unwrap();
    assert_eq!(knew(&layout), [false; 3], "there is no mark");
    layout.mark_known().unwrap();
    assert_eq!(knew(&layout), [true; 3]);
    let link = layout.path(StorageKey::RevisionLink(&repository, &digest));
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    fs::File::open(link).unwrap().set_modified(later).unwrap();
    assert_eq!(knew(&layout), [false, true, true]);
}
