//! What people look at, and what they change beside pushes: tags, copies, deletions of artifacts and repositories; on
//! both databases.

use std::time::Duration;

use longshore_auth::Action;
use longshore_metadata::{
    ArtifactFilter, ArtifactOrder, RepositoryFilter, RepositoryOrder, RepositoryScope, TagEventAction,
    TagOrder, TextFilter,
};
use longshore_registry::{
    Artifact, ArtifactParts, BrowseError, Call, CopyError, DeleteError, Registry, RepositoryParts, TagError,
    Window,
};
use longshore_testkit::on_both_databases;
use longshore_types::{Digest, Reference, RepositoryName};
use serde_json::json;

use crate::support::*;

on_both_databases! {
    artifacts_show_what_they_are,
    an_image_shows_its_configuration_and_history,
    what_is_about_an_artifact_stands_beside_it,
    tags_are_made_and_taken_away,
    a_copy_brings_along_what_belongs_to_it,
    an_artifact_that_an_index_names_is_not_deleted,
    a_deleted_repository_comes_back_as_a_whole,
    pulls_are_counted_beside_them,
}

const COUNTED: RepositoryParts = RepositoryParts { artifacts: true };
const ALL: Window = Window { skip: 0, limit: 100 };
const EVERYTHING: ArtifactParts = ArtifactParts { tags: true, labels: true, accessories: true };

async fn artifacts(registry: &Registry, repository: &RepositoryName) -> Vec<Artifact> {
    let any = ArtifactFilter::default();
    let order = (ArtifactOrder::Pushed, true);
    let listed = registry.browse_artifacts(&call(), repository, &any, order, ALL, EVERYTHING).await.unwrap();
    assert_eq!(listed.total, listed.entries.len() as u64);
    listed.entries
}

async fn artifact(registry: &Registry, repository: &RepositoryName, reference: &Reference) -> Artifact {
    registry.describe_artifact(&call(), repository, reference, EVERYTHING).await.unwrap()
}

fn tags_of(artifact: &Artifact) -> Vec<String> {
    let mut tags: Vec<_> = artifact.tags.iter().flatten().map(|tag| tag.tag.to_string()).collect();
    tags.sort();
    tags
}

fn later(millis: u64) -> Call {
    at(start().after(Duration::from_millis(millis)))
}

async fn artifacts_show_what_they_are(registry: TestRegistry) {
    let app = name("team/app");
    let (one, two) = (TestImage::new(&["config", "layer"]), TestImage::new(&["config", "other layer"]));
    let size = |image: &TestImage| {
        image.manifest.len() as u64 + image.blobs.iter().map(|blob| blob.len() as u64).sum::<u64>()
    };
    one.push(&registry, &call(), &app, None).await;
    two.push(&registry, &later(1), &app, Some("two")).await;
    let child = one.descriptor().replacen(
        '{',
        r#"{"platform":{"architecture":"arm64","os":"linux","variant":"v8"},"#,
        1,
    );
    let index = image_index(&[child, descriptor("application/octet-stream", b"missing")]);
    push_manifest(&registry, &later(2), &app, Some("all"), &index).await.unwrap();

    let listed = artifacts(&registry, &app).await;
    assert_eq!(listed.iter().map(tags_of).collect::<Vec<_>>(), [["all"], ["two"]]);
    let [all, second] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((second.kind.as_str(), second.size_bytes), ("IMAGE", size(&two)));
    assert_eq!(second.media_type, "application/vnd.oci.image.config.v1+json");
    assert_eq!((all.kind.as_str(), all.size_bytes), ("IMAGE", index.len() as u64 + size(&one)));
    let children: Vec<_> = all.children.iter().map(|child| (child.digest, child.id.is_some())).collect();
    assert_eq!(children, [(one.digest(), true), (Digest::sha256(b"missing"), false)]);
    let platform = all.children[0].platform.as_ref().unwrap();
    assert_eq!((platform.architecture.as_str(), platform.variant.as_deref()), ("arm64", Some("v8")));
    // A child is found by its digest.
    let child = artifact(&registry, &app, &Reference::Digest(one.digest())).await;
    assert_eq!((tags_of(&child).len(), child.size_bytes), (0, size(&one)));
    let (any, order, second) =
        (ArtifactFilter::default(), (ArtifactOrder::Pushed, true), Window { skip: 1, limit: 1 });
    let page = registry.browse_artifacts(&call(), &app, &any, order, second, EVERYTHING).await.unwrap();
    assert_eq!((page.total, page.entries[0].record.digest), (2, two.digest()));

    let summary = registry.describe_repository(&call(), &app, COUNTED).await.unwrap();
    assert_eq!((summary.artifacts, summary.updated_at), (Some(2), later(2).now));
    registry.set_repository_description(&later(3), &app, "ours").await.unwrap();
    let summary = registry.describe_repository(&call(), &app, COUNTED).await.unwrap();
    assert_eq!((summary.description.as_str(), summary.updated_at), ("ours", later(3).now));
    let filter = RepositoryFilter { scope: RepositoryScope::All, name: Some(TextFilter::Contains("app")) };
    let order = (RepositoryOrder::Name, false);
    let listing = registry.browse_repositories(&call(), &filter, order, ALL, COUNTED).await.unwrap();
    assert_eq!(listing.entries, [summary]);

    let unknown = registry.describe_repository(&call(), &name("nothing"), COUNTED).await;
    assert!(matches!(unknown, Err(BrowseError::NameUnknown(_))));
    let unknown = registry.describe_artifact(&call(), &app, &by_tag("nothing"), EVERYTHING).await;
    assert!(matches!(unknown, Err(BrowseError::ManifestUnknown { .. })));
    let stranger = granted(&[("other", Action::Pull)]);
    let denied = registry.describe_artifact(&stranger, &app, &by_tag("all"), EVERYTHING).await;
    assert!(matches!(denied, Err(BrowseError::Denied(_))));
}

async fn an_image_shows_its_configuration_and_history(registry: TestRegistry) {
    let app = name("app");
    let config = json!({
        "architecture": "amd64", "os": "linux", "author": "ann", "config": {"Env": ["A=b"]}, "rootfs": {},
        "history": [{"created_by": "RUN true", "empty_layer": true}],
    });
    let image = TestImage::with(&[&config.to_string(), "layer"], r#","annotations":{"k":"v"}"#);
    image.push(&registry, &call(), &app, Some("v1")).await;
    let found = artifact(&registry, &app, &by_tag("v1")).await;
    let wanted = json!({"architecture": "amd64", "os": "linux", "author": "ann", "config": {"Env": ["A=b"]}});
    assert_eq!(serde_json::Value::Object(found.attributes), wanted);
    assert_eq!(found.annotations["k"], "v");
    let history = registry.build_history(&call(), &app, &by_tag("v1")).await.unwrap();
    assert_eq!(history, json!([{"created_by": "RUN true", "empty_layer": true}]));

    // What is no JSON, or too large, shows nothing and breaks nothing.
    let large = format!("{{\"os\":\"{}\"}}", "x".repeat(300 * 1024));
    for (tag, config) in [("bad", "no JSON"), ("large", &large)] {
        TestImage::new(&[config]).push(&registry, &call(), &app, Some(tag)).await;
        assert!(artifact(&registry, &app, &by_tag(tag)).await.attributes.is_empty());
        let history = registry.build_history(&call(), &app, &by_tag(tag)).await.unwrap();
        assert_eq!(history, json!([]));
    }
    let index = image_index(&[image.descriptor()]);
    push_manifest(&registry, &call(), &app, Some("all"), &index).await.unwrap();
    let none = registry.build_history(&call(), &app, &by_tag("all")).await;
    assert!(matches!(none, Err(BrowseError::NotSupported(_))));
}

async fn what_is_about_an_artifact_stands_beside_it(registry: TestRegistry) {
    let app = name("app");
    let image = TestImage::new(&["config", "layer"]);
    image.push(&registry, &call(), &app, Some("v1")).await;
    let about = async |artifact_type: &str| {
        let extra = format!(r#"{},"artifactType":"{artifact_type}""#, subject_of(&image));
        let referrer = TestImage::with(&["{}", artifact_type], &extra);
        referrer.push(&registry, &call(), &app, None).await.digest
    };
    let notation = about("application/vnd.cncf.notary.signature").await;
    let cosign = about("application/vnd.dev.sigstore.bundle.v0.3+json").await;
    let other = about("example/other").await;
    let signature = TestImage::new(&["{}", "signature"]);
    let tag = format!("sha256-{}.sig", image.digest().hex());
    signature.push(&registry, &call(), &app, Some(&tag)).await;

    let listed = artifacts(&registry, &app).await;
    assert_eq!(listed.iter().map(tags_of).collect::<Vec<_>>(), [["v1"]]);
    let mut kinds: Vec<_> =
        listed[0].accessories.iter().flatten().map(|a| (a.record.digest, a.kind)).collect();
    kinds.sort();
    let mut wanted = vec![
        (notation, "signature.notation"),
        (cosign, "signature.cosign"),
        (other, "subject.accessory"),
        (signature.digest(), "signature.cosign"),
    ];
    wanted.sort();
    assert_eq!(kinds, wanted);
    let by_tag = by_tag("v1");
    let mut seen = Vec::new();
    for skip in 0..5 {
        let window = Window { skip, limit: 1 };
        let page = registry.browse_accessories(&call(), &app, &by_tag, window).await.unwrap();
        assert_eq!(page.total, 4);
        seen.extend(page.entries.into_iter().map(|accessory| (accessory.record.digest, accessory.kind)));
    }
    seen.sort();
    assert_eq!(seen, wanted);
}

async fn tags_are_made_and_taken_away(registry: TestRegistry) {
    let app = name("app");
    let image = TestImage::new(&["config"]);
    image.push(&registry, &call(), &app, Some("v1")).await;
    let by_digest = Reference::Digest(image.digest());
    let ann = Call {
        caller: longshore_auth::Caller { name: Some("ann".into()), ..longshore_auth::Caller::anonymous() },
        ..later(5)
    };
    registry.create_tag(&ann, &app, &by_tag("v1"), &tag("v2")).await.unwrap();
    let exists = registry.create_tag(&ann, &app, &by_digest, &tag("v1")).await;
    assert!(matches!(exists, Err(TagError::Exists { .. })));
    let unknown = registry.create_tag(&ann, &app, &by_tag("v9"), &tag("v3")).await;
    assert!(matches!(unknown, Err(TagError::ManifestUnknown { .. })));
    let found =
        registry.browse_tags(&call(), &app, &by_digest, None, (TagOrder::Pushed, true), ALL).await.unwrap();
    let names: Vec<_> = found.tags.entries.iter().map(|tag| tag.tag.as_str()).collect();
    assert_eq!((names, found.tags.total, found.record.digest), (vec!["v2", "v1"], 2, image.digest()));

    let other = TestImage::new(&["other"]);
    other.push(&registry, &later(9), &app, Some("o")).await;
    let order = (TagOrder::Pushed, true);
    let listed = registry.browse_repository_tags(&call(), &app, None, order, ALL).await.unwrap();
    let told: Vec<_> = listed
        .entries
        .iter()
        .map(|entry| (entry.tag.tag.as_str(), entry.artifact.record.digest, entry.actor.as_deref()))
        .collect();
    let wanted =
        [("o", other.digest(), None), ("v2", image.digest(), Some("ann")), ("v1", image.digest(), None)];
    assert_eq!((told.as_slice(), listed.total), (&wanted[..], 3));
    let named = Some(TextFilter::Contains("v"));
    let one = Window { skip: 1, limit: 1 };
    let listed = registry.browse_repository_tags(&call(), &app, named, order, one).await.unwrap();
    assert_eq!((listed.entries[0].tag.tag.as_str(), listed.total), ("v1", 2));
    let not_its_own = registry.delete_tag_of(&ann, &app, &by_tag("o"), &tag("v2")).await;
    assert!(matches!(not_its_own, Err(DeleteError::ManifestUnknown { .. })));
    registry.delete_tag_of(&ann, &app, &by_digest, &tag("v2")).await.unwrap();
    let history = registry.tag_history(&call(), &app, Some(&tag("v2")), None, 9).await.unwrap().entries;
    let told: Vec<_> = history.iter().map(|past| (past.event.action, past.event.actor.as_deref())).collect();
    assert_eq!(told, [(TagEventAction::Delete, Some("ann")), (TagEventAction::Push, Some("ann"))]);
    assert_pulls(&registry, &app, &by_tag("v1")).await;
}

async fn a_copy_brings_along_what_belongs_to_it(registry: TestRegistry) {
    let (from, to) = (name("one/app"), name("two/copy"));
    let (amd, arm) = (TestImage::new(&["amd", "shared"]), TestImage::new(&["arm", "shared"]));
    for image in [&amd, &arm] {
        image.push(&registry, &call(), &from, None).await;
    }
    let index = image_index(&[amd.descriptor(), arm.descriptor()]);
    for tag in ["v1", "latest"] {
        push_manifest(&registry, &call(), &from, Some(tag), &index).await.unwrap();
    }
    let digest = Digest::sha256(index.as_bytes());
    let subject =
        format!(r#","subject":{}"#, descriptor("application/vnd.oci.image.index.v1+json", index.as_bytes()));
    let signature = TestImage::with(&["{}", "signature"], &subject);
    signature.push(&registry, &call(), &from, None).await;
    let cosigned = TestImage::new(&["{}", "cosign"]);
    let cosign_tag = format!("sha256-{}.sig", arm.digest().hex());
    cosigned.push(&registry, &call(), &from, Some(&cosign_tag)).await;

    let copied = registry.copy_artifact(&call(), &from, &by_tag("v1"), &to).await.unwrap();
    assert_eq!(copied, digest);
    let there = artifact(&registry, &to, &by_tag("v1")).await;
    assert_eq!(tags_of(&there), ["latest", "v1"]);
    assert_eq!(there.accessories.unwrap().len(), 1);
    for child in [&amd, &arm, &signature] {
        assert_pulls(&registry, &to, &Reference::Digest(child.digest())).await;
    }
    assert_pulls(&registry, &to, &by_tag(&cosign_tag)).await;
    assert_eq!(artifacts(&registry, &to).await.len(), 1);
    // Again, it is the same.
    registry.copy_artifact(&call(), &from, &Reference::Digest(digest), &to).await.unwrap();
    assert_eq!(artifacts(&registry, &to).await.len(), 1);
    registry.assert_sound().await;

    let refused = [
        granted(&[("two/copy", Action::Push)]),
        granted(&[("one/app", Action::Pull)]),
        granted(&[("one/app", Action::Push), ("two/copy", Action::Push)]),
    ];
    for call in refused {
        let denied = registry.copy_artifact(&call, &from, &by_tag("v1"), &to).await;
        assert!(matches!(denied, Err(CopyError::Denied(_))), "{denied:?}");
    }
    let both = granted(&[("one/app", Action::Pull), ("two/other", Action::Push)]);
    registry.copy_artifact(&both, &from, &by_tag("v1"), &name("two/other")).await.unwrap();
    let unknown = registry.copy_artifact(&call(), &from, &by_tag("v2"), &to).await;
    assert!(matches!(unknown, Err(CopyError::SourceUnknown { .. })));
    let accessory = Reference::Digest(signature.digest());
    let refused = registry.copy_artifact(&call(), &from, &accessory, &to).await;
    assert!(matches!(refused, Err(CopyError::Accessory(_))));
}

async fn an_artifact_that_an_index_names_is_not_deleted(registry: TestRegistry) {
    let app = name("app");
    let image = TestImage::new(&["config"]);
    image.push(&registry, &call(), &app, Some("child")).await;
    let index = image_index(&[image.descriptor()]);
    push_manifest(&registry, &call(), &app, Some("all"), &index).await.unwrap();
    let refused = registry.delete_artifact(&call(), &app, &by_tag("child")).await;
    assert!(matches!(refused, Err(DeleteError::ManifestReferenced { .. })));
    registry.delete_artifact(&call(), &app, &by_tag("all")).await.unwrap();
    let unknown = registry.delete_artifact(&call(), &app, &by_tag("all")).await;
    assert!(matches!(unknown, Err(DeleteError::ManifestUnknown { .. })));
    registry.delete_artifact(&call(), &app, &by_tag("child")).await.unwrap();
    assert!(!registry.has_repository(&call(), &app).await.unwrap());
    registry.restore_tag(&later(9), &app, &tag("all")).await.unwrap();
    // Both were deleted at the same moment.
    assert_pulls(&registry, &app, &Reference::Digest(image.digest())).await;
}

async fn a_deleted_repository_comes_back_as_a_whole(registry: TestRegistry) {
    let app = name("app");
    let image = TestImage::new(&["config", "layer"]);
    image.push(&registry, &call(), &app, None).await;
    let index = image_index(&[image.descriptor()]);
    push_manifest(&registry, &call(), &app, Some("all"), &index).await.unwrap();
    let signature = TestImage::with(&["{}", "signature"], &subject_of(&image));
    signature.push(&registry, &call(), &app, None).await;
    // More than fit into one transaction.
    for n in 0..70 {
        let extra = format!(r#","annotations":{{"n":"{n}"}}"#);
        let manifest = TestImage::with(&["config", "layer"], &extra).manifest;
        push_manifest(&registry, &call(), &app, Some(&format!("v{n}")), &manifest).await.unwrap();
    }
    // What was deleted before stays so.
    let before = TestImage::new(&["before"]);
    before.push(&registry, &call(), &app, Some("before")).await;
    registry.delete_artifact(&later(1), &app, &by_tag("before")).await.unwrap();

    registry.delete_repository(&later(2), &app).await.unwrap();
    let gone = registry.describe_repository(&call(), &app, COUNTED).await;
    assert!(matches!(gone, Err(BrowseError::NameUnknown(_))));
    let gone = registry.delete_repository(&later(3), &app).await;
    assert!(matches!(gone, Err(DeleteError::NameUnknown(_))));
    registry.restore_tag(&later(4), &app, &tag("all")).await.unwrap();
    registry.restore_tag(&later(4), &app, &tag("v7")).await.unwrap();
    assert_pulls(&registry, &app, &Reference::Digest(image.digest())).await;
    let listed = artifacts(&registry, &app).await;
    assert_eq!(listed.iter().flat_map(tags_of).collect::<Vec<_>>().len(), 2);
    let child = artifact(&registry, &app, &Reference::Digest(image.digest())).await;
    assert_eq!(child.accessories.unwrap().len(), 1, "the signature came back with what it signs");
    // Collection takes the rest and nothing else.
    registry.collect(start().after(30 * DAY)).await;
    registry.assert_sound().await;
    for digest in [image.digest(), signature.digest()] {
        assert_pulls(&registry, &app, &Reference::Digest(digest)).await;
    }
    let gone = registry.manifest(&call(), &app, &by_tag("v8")).await;
    assert!(gone.is_err());
}

async fn pulls_are_counted_beside_them(registry: TestRegistry) {
    let app = name("app");
    let image = TestImage::new(&["config"]);
    image.push(&registry, &call(), &app, Some("v1")).await;
    assert_eq!(artifact(&registry, &app, &by_tag("v1")).await.pulls, None);
    let pulled = registry.manifest(&call(), &app, &by_tag("v1")).await.unwrap();
    for n in 0..100 {
        registry.count_pull(&app, &pulled, later(n).now);
    }
    let begun = std::time::Instant::now();
    registry.idle().await;
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "whoever ends the process does not wait for a batch"
    );
    let pulls = artifact(&registry, &app, &by_tag("v1")).await.pulls.unwrap();
    assert_eq!((pulls.pulls, pulls.last_at), (100, later(99).now));
    assert_eq!(registry.describe_repository(&call(), &app, COUNTED).await.unwrap().pulls, 100);
    // Without anybody asking for it, they are written after a while.
    registry.count_pull(&app, &pulled, later(5).now);
    longshore_testkit::eventually("the count", || async {
        let pulls = artifact(&registry, &app, &by_tag("v1")).await.pulls?;
        (pulls.pulls == 101).then_some(())
    })
    .await;
    let readonly = longshore_registry::RegistrySettings { readonly: true, ..crate::support::settings() };
    let readonly = registry.reopened(readonly);
    readonly.count_pull(&app, &pulled, later(5).now);
    readonly.idle().await;
    assert_eq!(artifact(&registry, &app, &by_tag("v1")).await.pulls.unwrap().pulls, 101);
}

/// Who ends while pulls wait to be written has them written all the same.
#[tokio::test]
async fn a_registry_that_goes_away_writes_its_counts() {
    let registry = crate::support::sqlite().await;
    let app = name("app");
    TestImage::new(&["config"]).push(&registry, &call(), &app, Some("v1")).await;
    let other = registry.reopened(crate::support::settings());
    let pulled = other.manifest(&call(), &app, &by_tag("v1")).await.unwrap();
    other.count_pull(&app, &pulled, call().now);
    drop(other);
    longshore_testkit::eventually("the count", || async {
        artifact(&registry, &app, &by_tag("v1")).await.pulls.filter(|pulls| pulls.pulls == 1)
    })
    .await;
}
