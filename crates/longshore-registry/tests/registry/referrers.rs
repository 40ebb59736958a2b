//! Listings.

use longshore_auth::{Caller, Permissions};
use longshore_registry::{Call, ListError, Registry};
use longshore_types::{Digest, Reference, RepositoryName};

use crate::support::*;

async fn listed(
    registry: &Registry,
    app: &RepositoryName,
    subject: &Digest,
    kind: Option<&str>,
) -> Vec<Digest> {
    let mut digests = Vec::new();
    loop {
        let page = registry.referrers(&call(), app, subject, kind, digests.last(), 2).await.unwrap();
        digests.extend(page.entries.iter().map(|r| r.digest));
        if !page.more {
            return digests;
        }
    }
}

#[tokio::test]
async fn referrers_come_from_subjects_and_from_the_fallback_tag() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["image"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    let subject = image.digest();
    assert!(listed(&registry, &app, &subject, None).await.is_empty());
    assert!(listed(&registry, &name("unknown"), &subject, None).await.is_empty());

    let mut wanted = Vec::new();
    for n in 0..3 {
        let extra = format!(r#"{},"artifactType":"a/{n}""#, subject_of(&image));
        let referrer = TestImage::with(&["r"], &extra);
        referrer.push(&registry, &call(), &app, None).await;
        wanted.push(referrer.digest());
    }
    // One without a subject and one that is also known by its subject; one that is not here.
    let old = TestImage::new(&["old"]);
    old.push(&registry, &call(), &app, None).await;
    let absent = TestImage::new(&["absent"]);
    let both = TestImage::with(&["r"], &format!(r#"{},"artifactType":"a/0""#, subject_of(&image)));
    let mistyped = both.descriptor().replacen('{', r#"{"artifactType":"a/9","#, 1);
    let fallback = image_index(&[old.descriptor(), mistyped, absent.descriptor()]);
    let tag = format!("sha256-{}", subject.hex());
    push_manifest(&registry, &call(), &app, Some(&tag), &fallback).await.unwrap();
    wanted.push(old.digest());
    wanted.sort();
    assert_eq!(listed(&registry, &app, &subject, None).await, wanted);
    assert_eq!(listed(&registry, &app, &subject, Some("a/0")).await, [both.digest()]);
    assert!(listed(&registry, &app, &subject, Some("a/9")).await.is_empty());

    registry.delete_manifest(&call(), &app, &Reference::Digest(old.digest())).await.unwrap();
    wanted.retain(|digest| *digest != old.digest());
    assert_eq!(listed(&registry, &app, &subject, None).await, wanted);
}

#[tokio::test]
async fn tags_and_repositories_are_paged() {
    let registry = TestRegistry::new(settings()).await;
    let image = TestImage::new(&["image"]);
    for n in 0..5 {
        image.push(&registry, &call(), &name("a"), Some(&format!("v{n}"))).await;
        image.push(&registry, &call(), &name(&format!("r{n}")), Some("v1")).await;
    }
    let page = registry.tags(&call(), &name("a"), Some("v1"), 2).await.unwrap();
    assert_eq!((page.entries, page.more), (vec![tag("v2"), tag("v3")], true));
    let page = registry.tags(&call(), &name("a"), None, 0).await.unwrap();
    assert_eq!((page.entries, page.more), (vec![], false));
    let error = registry.tags(&call(), &name("b"), None, 2).await.unwrap_err();
    assert!(matches!(error, ListError::NameUnknown(_)), "{error}");

    let page = registry.catalog(&call(), Some("r1"), 2).await.unwrap();
    assert_eq!((page.entries, page.more), (vec![name("r2"), name("r3")], true));
    let with_catalog = |catalog| Call {
        caller: Caller {
            permissions: Permissions::Granted { repositories: [].into(), catalog },
            ..Caller::anonymous()
        },
        ..call()
    };
    let error = registry.catalog(&with_catalog(false), None, 2).await.unwrap_err();
    assert!(matches!(error, ListError::CatalogDenied), "{error}");
    assert_eq!(registry.catalog(&with_catalog(true), None, 9).await.unwrap().entries.len(), 6);
}
