//! What happened to tags, the way back, and a look at what a deletion would take along; on both databases.

use std::time::Duration;

use longshore_auth::Action;
use longshore_registry::{
    DeleteError, DeletionPreview, ListError, Registry, RegistrySettings, RestoreError, TagEventAction,
};
use longshore_testkit::on_both_databases;
use longshore_types::{Digest, Reference, RepositoryName};

use crate::support::*;

on_both_databases! {
    a_tag_goes_back_to_what_it_was,
    a_tag_goes_nowhere_it_never_was,
    who_may_not_push_restores_nothing,
    history_says_what_can_come_back,
    what_was_deleted_is_listed_while_it_can_come_back,
    listings_of_what_was_deleted_go_on,
    a_deletion_takes_what_only_it_holds,
    a_look_at_a_deletion_says_what_is_in_the_way,
}

fn later(seconds: u64) -> longshore_registry::Call {
    at(start().after(Duration::from_secs(seconds)))
}

async fn target(registry: &Registry, app: &RepositoryName, tag: &str) -> Digest {
    registry.manifest(&call(), app, &by_tag(tag)).await.unwrap().digest
}

/// Pushes images of different content under one tag, a second apart.
async fn push_all(
    registry: &TestRegistry,
    app: &RepositoryName,
    tag: &str,
    contents: &[&str],
) -> Vec<Digest> {
    let mut digests = Vec::new();
    for (second, content) in (0..).zip(contents) {
        let image = TestImage::new(&["config", content]);
        image.push(registry, &later(second), app, Some(tag)).await;
        digests.push(image.digest());
    }
    digests
}

async fn a_tag_goes_back_to_what_it_was(registry: TestRegistry) {
    let app = name("team/app");
    let pushed = push_all(&registry, &app, "v1", &["one", "two", "three"]).await;
    registry.roll_tag_back(&later(5), &app, &tag("v1"), &pushed[0]).await.unwrap();
    assert_eq!(target(&registry, &app, "v1").await, pushed[0]);
    // It is there: no event.
    registry.roll_tag_back(&later(6), &app, &tag("v1"), &pushed[0]).await.unwrap();
    // Deleted with its manifest, both come back.
    registry.delete_manifest(&later(7), &app, &Reference::Digest(pushed[1])).await.unwrap();
    registry.delete_manifest(&later(7), &app, &by_tag("v1")).await.unwrap();
    registry.roll_tag_back(&later(8), &app, &tag("v1"), &pushed[1]).await.unwrap();
    assert_eq!(target(&registry, &app, "v1").await, pushed[1]);
    assert_pulls(&registry, &app, &by_tag("v1")).await;
    let history = registry.tag_history(&call(), &app, Some(&tag("v1")), None, 9).await.unwrap().entries;
    let told: Vec<_> =
        history.iter().map(|past| (past.event.action, past.event.from, past.event.to)).collect();
    use TagEventAction::{Delete, Move, Push, Restore};
    let [one, two, three] = [Some(pushed[0]), Some(pushed[1]), Some(pushed[2])];
    assert_eq!(
        told,
        [
            (Restore, None, two),
            (Delete, one, None),
            (Restore, three, one),
            (Move, two, three),
            (Move, one, two),
            (Push, None, one)
        ]
    );
    registry.assert_sound().await;
    // What lost its last tag is looked at, as after a push.
    let hasty = registry.reopened(RegistrySettings {
        collection: longshore_registry::CollectionSettings { delay: MINUTE, untagged: Some(MINUTE) },
        ..settings()
    });
    let mut taken = hasty.collect(start().after(8 * DAY)).await;
    taken.retain(|line| line.starts_with("manifest "));
    taken.sort();
    let mut wanted = [format!("manifest {}", pushed[0]), format!("manifest {}", pushed[2])];
    wanted.sort();
    assert_eq!(taken, wanted);
}

async fn a_tag_goes_nowhere_it_never_was(registry: TestRegistry) {
    let app = name("team/app");
    push_all(&registry, &app, "v1", &["one"]).await;
    let other = push_all(&registry, &app, "v2", &["two"]).await;
    let roll = async |seconds, repository: &str, tag_name: &str, digest: &Digest| {
        registry.roll_tag_back(&later(seconds), &name(repository), &tag(tag_name), digest).await.unwrap_err()
    };
    let error = roll(5, "team/app", "v1", &other[0]).await;
    assert!(matches!(&error, RestoreError::Gone(why) if why.contains("never pointed")), "{error}");
    let error = roll(5, "team/nope", "v1", &other[0]).await;
    assert!(matches!(error, RestoreError::NameUnknown(_)), "{error}");
    registry.delete_manifest(&later(6), &app, &Reference::Digest(other[0])).await.unwrap();
    let error = roll(8 * DAY.as_secs(), "team/app", "v2", &other[0]).await;
    assert!(matches!(&error, RestoreError::Gone(why) if why.contains("too long ago")), "{error}");
    registry.collect(start().after(9 * DAY)).await;
    let error = roll(9 * DAY.as_secs(), "team/app", "v2", &other[0]).await;
    assert!(matches!(&error, RestoreError::Gone(why) if why.contains("is gone")), "{error}");
}

async fn who_may_not_push_restores_nothing(registry: TestRegistry) {
    let app = name("team/app");
    let pushed = push_all(&registry, &app, "v1", &["one", "two"]).await;
    let puller = granted(&[("team/app", Action::Pull)]);
    let error = registry.roll_tag_back(&puller, &app, &tag("v1"), &pushed[0]).await.unwrap_err();
    assert!(matches!(error, RestoreError::Denied(_)), "{error}");
    let frozen = registry.reopened(RegistrySettings { readonly: true, ..settings() });
    let error = frozen.roll_tag_back(&call(), &app, &tag("v1"), &pushed[0]).await.unwrap_err();
    assert!(matches!(error, RestoreError::ReadOnly(_)), "{error}");
    let nobody = granted(&[("team/other", Action::Pull)]);
    let refused = [
        registry.tag_history(&nobody, &app, None, None, 9).await.unwrap_err(),
        registry.deleted_tags(&nobody, &app, None, 9).await.unwrap_err(),
        registry.deleted_manifests(&nobody, &app, None, 9).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, ListError::Denied(_))), "{refused:?}");
    let refused = registry.preview_deletion(&nobody, &app, &by_tag("v1")).await.unwrap_err();
    assert!(matches!(refused, DeleteError::Denied(_)), "{refused}");
    assert_eq!(target(&registry, &app, "v1").await, pushed[1]);
}

async fn history_says_what_can_come_back(registry: TestRegistry) {
    let app = name("team/app");
    let pushed = push_all(&registry, &app, "v1", &["one", "two"]).await;
    registry.delete_manifest(&later(5), &app, &Reference::Digest(pushed[0])).await.unwrap();
    let available = async |seconds| {
        let past = registry.tag_history(&later(seconds), &app, None, None, 9).await.unwrap().entries;
        past.iter().map(|past| (past.from_available, past.to_available)).collect::<Vec<_>>()
    };
    assert_eq!(available(6).await, [(true, true), (false, true)]);
    assert_eq!(available(5 + 7 * DAY.as_secs()).await, [(false, true), (false, false)]);
}

async fn what_was_deleted_is_listed_while_it_can_come_back(registry: TestRegistry) {
    let app = name("team/app");
    let pushed = push_all(&registry, &app, "v1", &["one", "two"]).await;
    let tags = async |seconds| {
        let page = registry.deleted_tags(&later(seconds), &app, None, 9).await.unwrap();
        assert!(!page.more);
        page.entries.iter().map(|tag| (tag.event.tag.to_string(), tag.event.from)).collect::<Vec<_>>()
    };
    let manifests = async |seconds| {
        let page = registry.deleted_manifests(&later(seconds), &app, None, 9).await.unwrap();
        page.entries
            .iter()
            .map(|gone| (gone.record.digest, gone.tags.iter().map(ToString::to_string).collect::<Vec<_>>()))
            .collect::<Vec<_>>()
    };
    assert_eq!((tags(3).await, manifests(3).await), (vec![], vec![]));
    registry.create_tag(&later(3), &app, &by_tag("v1"), &tag("v2")).await.unwrap();
    registry.delete_manifest(&later(4), &app, &by_tag("v2")).await.unwrap();
    assert_eq!(tags(5).await, [("v2".to_owned(), Some(pushed[1]))]);
    registry.delete_manifest(&later(6), &app, &Reference::Digest(pushed[1])).await.unwrap();
    assert_eq!(tags(7).await, [("v1".to_owned(), Some(pushed[1])), ("v2".to_owned(), Some(pushed[1]))]);
    assert_eq!(manifests(7).await, [(pushed[1], vec!["v1".to_owned()])]);
    let until = registry.deleted_manifests(&later(7), &app, None, 9).await.unwrap().entries[0].until;
    assert_eq!(until, start().after(7 * DAY + Duration::from_secs(6)));
    // What is made again, or cannot come back any more, is not listed.
    registry.restore_tag(&later(8), &app, &tag("v1")).await.unwrap();
    assert_eq!((tags(9).await, manifests(9).await), (vec![("v2".to_owned(), Some(pushed[1]))], vec![]));
    assert_eq!(tags(4 + 7 * DAY.as_secs()).await, []);
}

async fn listings_of_what_was_deleted_go_on(registry: TestRegistry) {
    let app = name("team/app");
    let mut wanted = Vec::new();
    for n in 0..5 {
        let content = format!("content {n}");
        let image = TestImage::new(&["config", &content]);
        let tag = format!("v{n}");
        image.push(&registry, &call(), &app, Some(&tag)).await;
        // Two of them in the same moment.
        let moment = later(if n == 3 { 2 } else { n });
        registry.delete_manifest(&moment, &app, &Reference::Digest(image.digest())).await.unwrap();
        wanted.insert(0, (tag, image.digest()));
    }
    let (mut tags, mut manifests, mut before) = (Vec::new(), Vec::new(), None);
    loop {
        let page = registry.deleted_tags(&later(9), &app, before, 2).await.unwrap();
        tags.extend(page.entries.iter().map(|tag| (tag.event.tag.to_string(), tag.event.from.unwrap())));
        before = page.entries.last().map(|tag| (tag.event.at, tag.event.id));
        if !page.more {
            break;
        }
    }
    before = None;
    loop {
        let page = registry.deleted_manifests(&later(9), &app, before, 2).await.unwrap();
        manifests.extend(page.entries.iter().map(|gone| (gone.tags[0].to_string(), gone.record.digest)));
        before = page.entries.last().map(|gone| (gone.deleted_at, gone.record.id.number()));
        if !page.more {
            break;
        }
    }
    assert_eq!(tags, wanted);
    assert_eq!(manifests, wanted);
}

async fn look(registry: &Registry, app: &RepositoryName, reference: &Reference) -> DeletionPreview {
    registry.preview_deletion(&call(), app, reference).await.unwrap()
}

fn digests(records: &[longshore_registry::ManifestRecord]) -> Vec<Digest> {
    let mut digests: Vec<_> = records.iter().map(|record| record.digest).collect();
    digests.sort_unstable();
    digests
}

async fn a_deletion_takes_what_only_it_holds(registry: TestRegistry) {
    let app = name("team/app");
    let [amd, arm, tagged] = ["amd", "arm", "tagged"].map(|content| TestImage::new(&["config", content]));
    for image in [&amd, &arm] {
        image.push(&registry, &call(), &app, None).await;
    }
    tagged.push(&registry, &call(), &app, Some("child")).await;
    let index = image_index(&[amd.descriptor(), arm.descriptor(), tagged.descriptor()]);
    for tag in ["v1", "latest"] {
        push_manifest(&registry, &call(), &app, Some(tag), &index).await.unwrap();
    }
    // Another index holds one of the children.
    let other = image_index(&[arm.descriptor()]);
    push_manifest(&registry, &call(), &app, Some("arm-only"), &other).await.unwrap();
    let signature = TestImage::with(&["{}", "signature"], &subject_of(&amd));
    signature.push(&registry, &call(), &app, None).await;

    let seen = look(&registry, &app, &by_tag("v1")).await;
    assert_eq!(seen.record.digest, Digest::sha256(index.as_bytes()));
    assert_eq!(seen.tags, [tag("latest"), tag("v1")]);
    assert_eq!(digests(&seen.children), [amd.digest()]);
    assert_eq!(digests(&seen.referrers), [signature.digest()]);
    // `config` is in other images; `{}` and `signature` are nowhere else.
    let blobs = "amd".len() + "{}".len() + "signature".len();
    let manifests = index.len() + amd.manifest.len() + signature.manifest.len();
    assert_eq!(seen.bytes_freed, (blobs + manifests) as u64);
    assert_eq!((seen.index, seen.complete), (None, true));

    // It is what goes indeed.
    registry.delete_artifact(&call(), &app, &by_tag("v1")).await.unwrap();
    let mut gone = Vec::new();
    for days in [8, 16, 24] {
        gone.extend(registry.collect(start().after(DAY * days)).await);
    }
    gone.retain(|line| line.starts_with("manifest "));
    gone.sort();
    let wanted = [Digest::sha256(index.as_bytes()), amd.digest(), signature.digest()];
    let mut wanted = wanted.map(|digest| format!("manifest {digest}"));
    wanted.sort();
    assert_eq!(gone, wanted);
    registry.assert_sound().await;
}

async fn a_look_at_a_deletion_says_what_is_in_the_way(registry: TestRegistry) {
    let app = name("team/app");
    let image = TestImage::new(&["config"]);
    image.push(&registry, &call(), &app, Some("child")).await;
    let index = image_index(&[image.descriptor()]);
    push_manifest(&registry, &call(), &app, Some("all"), &index).await.unwrap();
    let seen = look(&registry, &app, &by_tag("child")).await;
    assert_eq!(seen.index, Some(Digest::sha256(index.as_bytes())));
    // The index still needs its blobs no more than the image does: it names the image, not these.
    assert_eq!(seen.bytes_freed, (image.manifest.len() + "config".len()) as u64);
    let error = registry.preview_deletion(&call(), &app, &by_tag("none")).await.unwrap_err();
    assert!(matches!(error, DeleteError::ManifestUnknown { .. }), "{error}");
    let error = registry.preview_deletion(&call(), &name("team/nope"), &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, DeleteError::NameUnknown(_)), "{error}");
}
