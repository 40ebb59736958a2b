//! Push and pull of manifests.

use bytes::Bytes;
use longshore_auth::Action;
use longshore_registry::{
    Denied, ManifestPullError, ManifestPushError, ManifestTarget, PushedManifest, RegistrySettings,
};
use longshore_types::{Digest, DigestAlgorithm, MediaType, Reference};

use crate::support::*;

#[tokio::test]
async fn what_was_pushed_is_pulled_byte_for_byte() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("team/app");
    // Odd white space and an unknown field: a manifest made anew would lose both.
    let image = TestImage::with(&["config", "layer"], ",\n\t \"x-unknown\" : 1e3");
    let pushed = image.push(&registry, &call(), &app, Some("v1")).await;
    assert_eq!((pushed.digest, pushed.tags), (image.digest(), vec![tag("v1")]));
    for reference in [by_tag("v1"), Reference::Digest(image.digest())] {
        let pulled = registry.manifest(&call(), &app, &reference).await.unwrap();
        assert_eq!(&pulled.payload[..], image.manifest.as_bytes());
        assert_eq!((pulled.digest, &pulled.media_type), (image.digest(), &MediaType::OCI_MANIFEST));
        assert_pulls(&registry, &app, &reference).await;
    }
    registry.assert_sound().await;
}

#[tokio::test]
async fn unknown_repositories_and_manifests_are_told_apart() {
    let registry = TestRegistry::new(settings()).await;
    let error = registry.manifest(&call(), &name("a"), &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, ManifestPullError::NameUnknown(_)), "{error}");
    TestImage::new(&["c"]).push(&registry, &call(), &name("a"), Some("v1")).await;
    let error = registry.manifest(&call(), &name("a"), &by_tag("v2")).await.unwrap_err();
    assert!(matches!(error, ManifestPullError::ManifestUnknown { .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_in_the_same_repository() {
    let registry = TestRegistry::new(settings()).await;
    let image = TestImage::new(&["config", "layer"]);
    image.push_blobs(&registry, &call(), &name("other")).await;
    push_blob(&registry, &call(), &name("app"), b"config").await.unwrap();
    let error =
        push_manifest(&registry, &call(), &name("app"), Some("v1"), &image.manifest).await.unwrap_err();
    let ManifestPushError::BlobsUnknown { missing, .. } = error else { panic!("{error}") };
    assert_eq!(missing, [Digest::sha256(b"layer")]);
    assert!(registry.manifest(&call(), &name("app"), &by_tag("v1")).await.is_err());

    let sparse = registry.reopened(RegistrySettings { sparse_images: true, ..settings() });
    let pushed = push_manifest(&sparse, &call(), &name("app"), Some("v1"), &image.manifest).await.unwrap();
    assert_eq!(pushed.warnings, ["sparse image: 1 blobs are not here yet"]);
}

#[tokio::test]
async fn layers_from_elsewhere_may_be_absent() {
    let registry = TestRegistry::new(settings()).await;
    push_blob(&registry, &call(), &name("app"), b"config").await.unwrap();
    let foreign = descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", b"foreign");
    let config = descriptor("application/vnd.oci.image.config.v1+json", b"config");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[{foreign}]}}"#,
        MediaType::OCI_MANIFEST
    );
    push_manifest(&registry, &call(), &name("app"), Some("v1"), &manifest).await.unwrap();
}

#[tokio::test]
async fn an_index_may_name_what_is_not_here_yet() {
    let registry = TestRegistry::new(settings()).await;
    let (here, absent) = (TestImage::new(&["a"]), TestImage::new(&["b"]));
    here.push(&registry, &call(), &name("app"), None).await;
    // A build cache's index names blobs.
    push_blob(&registry, &call(), &name("app"), b"cache").await.unwrap();
    let cache = descriptor("application/vnd.oci.image.layer.v1.tar", b"cache");
    let index = image_index(&[here.descriptor(), absent.descriptor(), cache]);
    let pushed = push_manifest(&registry, &call(), &name("app"), Some("v1"), &index).await.unwrap();
    assert_eq!(pushed.warnings, ["sparse index: 1 manifests are not here yet"]);
}

#[tokio::test]
async fn the_digest_in_the_path_must_be_the_contents() {
    let registry = TestRegistry::new(settings()).await;
    let index = image_index(&[]);
    let wrong = ManifestTarget { reference: Reference::Digest(Digest::sha256(b"wrong")), tags: vec![] };
    let payload = Bytes::from(index.clone());
    let error = registry.push_manifest(&call(), &name("a"), &wrong, None, payload).await.unwrap_err();
    assert!(matches!(error, ManifestPushError::DigestMismatch { .. }), "{error}");
    // Nothing is left of it, not even the repository.
    let error = registry.manifest(&call(), &name("a"), &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, ManifestPullError::NameUnknown(_)), "{error}");
}

#[tokio::test]
async fn tags_of_the_request_point_to_a_digest_of_any_algorithm() {
    let registry = TestRegistry::new(settings()).await;
    let index = image_index(&[]);
    let digest = Digest::of(DigestAlgorithm::Sha512, index.as_bytes());
    let tags: Vec<_> = (0..30).map(|n| tag(&format!("t{n}"))).collect();
    let target = ManifestTarget {
        reference: Reference::Digest(digest),
        tags: tags.iter().chain(&tags).cloned().collect(),
    };
    let payload = Bytes::from(index);
    let pushed = registry.push_manifest(&call(), &name("a"), &target, None, payload).await.unwrap();
    assert_eq!((pushed.digest, &pushed.tags), (digest, &tags));
    for tag in tags {
        let pulled = registry.manifest(&call(), &name("a"), &Reference::Tag(tag)).await.unwrap();
        assert_eq!(pulled.digest, digest);
    }
}

#[tokio::test]
async fn a_subject_may_come_later_and_is_told() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["a"]), name("app"));
    let signature = TestImage::with(&["s"], &subject_of(&image));
    let pushed: PushedManifest = signature.push(&registry, &call(), &app, None).await;
    assert_eq!(pushed.subject, Some(image.digest()));
    image.push(&registry, &call(), &app, Some("v1")).await;
    let pulled = registry.manifest(&call(), &app, &Reference::Digest(signature.digest())).await.unwrap();
    assert_eq!(pulled.subject, Some(image.digest()));
}

#[tokio::test]
async fn rights_and_read_only_mode_hold() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["a"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    let (pull, push) = (granted(&[("app", Action::Pull)]), granted(&[("app", Action::Push)]));
    assert!(registry.manifest(&pull, &app, &by_tag("v1")).await.is_ok());
    let error = registry.manifest(&push, &app, &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, ManifestPullError::Denied(Denied { action: Action::Pull, .. })), "{error}");
    let error = push_manifest(&registry, &pull, &app, None, &image.manifest).await.unwrap_err();
    assert!(matches!(error, ManifestPushError::Denied(Denied { action: Action::Push, .. })), "{error}");
    let frozen = registry.reopened(RegistrySettings { readonly: true, ..settings() });
    let error = push_manifest(&frozen, &call(), &app, None, &image.manifest).await.unwrap_err();
    assert!(matches!(error, ManifestPushError::ReadOnly(_)), "{error}");
}

#[tokio::test]
async fn a_large_manifest_is_read_beside_the_async_threads() {
    let registry = TestRegistry::new(settings()).await;
    let extra = format!(r#","annotations":{{"large":"{}"}}"#, "A".repeat(3 << 20));
    let image = TestImage::with(&["config"], &extra);
    image.push(&registry, &call(), &name("app"), Some("v1")).await;
    let pulled = registry.manifest(&call(), &name("app"), &by_tag("v1")).await.unwrap();
    assert_eq!(pulled.payload.len(), image.manifest.len());
}

#[tokio::test]
async fn events_are_queued_with_the_change() {
    let wanted = RegistrySettings { notify: true, notify_references: true, ..settings() };
    let registry = TestRegistry::new(wanted).await;
    let (image, app) = (TestImage::new(&["config", "layer"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    registry.manifest(&call(), &app, &by_tag("v1")).await.unwrap();
    registry.delete_manifest(&call(), &app, &by_tag("v1")).await.unwrap();
    registry.idle().await;
    let mut tx = registry.metadata.write().await.unwrap();
    let now = start().after(HOUR);
    let jobs = tx.lease_jobs(longshore_registry::NOTIFICATION_JOB, now, now.after(HOUR), 100).await.unwrap();
    let events: Vec<longshore_registry::Event> =
        jobs.iter().map(|job| serde_json::from_str(&job.payload).unwrap()).collect();
    let mut told: Vec<_> = events
        .iter()
        .map(|e| format!("{:?} {} {}", e.action, e.tag.as_deref().unwrap_or("-"), e.references.len()))
        .collect();
    told.sort();
    assert_eq!(told, ["Delete v1 0", "Pull v1 0", "Push - 0", "Push - 0", "Push v1 2"]);
}
