//! Where somebody makes, removes and limits projects.

use futures_util::{StreamExt, stream};
use longshore_metadata::{MetadataError, QuotaExceeded, QuotaLimit};
use longshore_registry::{
    ManifestPushError, MountError, RegistrySettings, UploadBody, UploadError, UploadSettings,
};
use longshore_types::{Digest, DigestAlgorithm, UploadId};

use crate::{support::*, uploads::uploads_in_store};

fn managed() -> RegistrySettings {
    RegistrySettings { managed_projects: true, ..settings() }
}

async fn make_project(registry: &TestRegistry, text: &str, limit: QuotaLimit) {
    let mut tx = registry.metadata().write().await.unwrap();
    let id = tx.insert_project(&text.parse().unwrap(), None, call().now).await.unwrap().unwrap();
    tx.set_quota(id, limit, call().now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn delete_project(registry: &TestRegistry, text: &str) {
    let mut tx = registry.metadata().write().await.unwrap();
    let id = tx.project(&text.parse().unwrap()).await.unwrap().unwrap().id;
    tx.lock_project(id).await.unwrap();
    tx.delete_project(id, call().now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn start(registry: &TestRegistry, repository: &str) -> Result<UploadId, UploadError> {
    let started = registry.start_upload(&call(), &name(repository), DigestAlgorithm::Sha256).await;
    started.map(|status| status.id)
}

fn exceeded<T: std::fmt::Debug>(result: Result<T, UploadError>) -> QuotaExceeded {
    match result {
        Err(UploadError::Metadata(MetadataError::QuotaExceeded(exceeded))) => exceeded,
        other => panic!("{other:?}"),
    }
}

/// More than anybody may read of it.
fn endless() -> UploadBody {
    stream::repeat_with(|| Ok(vec![7; 64 * 1024].into())).boxed()
}

#[tokio::test]
async fn a_project_without_room_takes_no_upload_in() {
    let registry = TestRegistry::new(managed()).await;
    begin_counting(registry.metadata()).await;
    make_project(&registry, "team", QuotaLimit::Bytes(10)).await;
    make_project(&registry, "team/sub", QuotaLimit::Default).await;
    push_blob(&registry, &call(), &name("team/app"), b"123456").await.unwrap();
    for place in ["team/app", "team/new", "team/sub/app"] {
        // What says its length is refused before a byte is read, and forgotten.
        let id = start(&registry, place).await.unwrap();
        let pending = stream::pending().boxed();
        let refused = registry.append_upload(&call(), &name(place), &id, None, Some(5), pending).await;
        let told = exceeded(refused);
        assert_eq!((told.project.as_str(), told.limit_bytes, told.used_bytes), ("team", 10, 6), "{place}");
        let gone = registry.upload_status(&call(), &name(place), &id).await.unwrap_err();
        assert!(matches!(gone, UploadError::UploadUnknown(_)), "{gone}");
        // What does not is refused while it arrives.
        let id = start(&registry, place).await.unwrap();
        let refused = registry.append_upload(&call(), &name(place), &id, None, None, endless()).await;
        assert_eq!(exceeded(refused).project.as_str(), "team");
        let digest = Digest::sha256(b"x");
        let refused = registry.push_blob(&call(), &name(place), &digest, None, endless()).await;
        assert_eq!(exceeded(refused).project.as_str(), "team");
    }
    assert_eq!(uploads_in_store(&registry).await, 0);
    // What fits arrives in pieces that are counted together.
    let id = start(&registry, "team/app").await.unwrap();
    let app = name("team/app");
    registry.append_upload(&call(), &app, &id, None, None, body(b"abc")).await.unwrap();
    exceeded(registry.append_upload(&call(), &app, &id, None, None, body(b"de")).await);
    // One that holds more than it may begins none.
    let mut tx = registry.metadata().write().await.unwrap();
    let team = tx.project(&"team".parse().unwrap()).await.unwrap().unwrap().id;
    tx.set_quota(team, QuotaLimit::Bytes(5), call().now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(exceeded(start(&registry, "team/sub/app").await).used_bytes, 6);
    assert_eq!(uploads_in_store(&registry).await, 0);
}

/// Room is looked at again and again, not only when an upload begins.
#[tokio::test]
async fn room_that_others_take_is_missed_in_time() {
    let registry = TestRegistry::new(managed()).await;
    begin_counting(registry.metadata()).await;
    make_project(&registry, "team", QuotaLimit::Bytes(100 << 20)).await;
    let id = start(&registry, "team/app").await.unwrap();
    let other = registry.metadata().clone();
    let mut sent = 0_u64;
    // After four mebibytes the limit falls.
    let pieces = stream::unfold((other, 0_u64), |(other, count)| async move {
        if count == 64 {
            let mut tx = other.write().await.unwrap();
            let team = tx.project(&"team".parse().unwrap()).await.unwrap().unwrap().id;
            tx.set_quota(team, QuotaLimit::Bytes(1), call().now).await.unwrap();
            tx.commit().await.unwrap();
        }
        Some((Ok(bytes::Bytes::from(vec![7; 64 * 1024])), (other, count + 1)))
    });
    let counted = pieces.inspect(move |_| {
        sent += 64 * 1024;
        assert!(sent < 40 << 20, "nobody looked");
    });
    let refused = registry.append_upload(&call(), &name("team/app"), &id, None, None, counted.boxed()).await;
    assert_eq!(exceeded(refused).limit_bytes, 1);
}

#[tokio::test]
async fn nobody_takes_all_places() {
    let uploads = UploadSettings { count_max: 15, ..settings().uploads };
    let registry = TestRegistry::new(RegistrySettings { uploads, ..managed() }).await;
    make_project(&registry, "team", QuotaLimit::Default).await;
    let start = async |caller: &str, kind| {
        let mut call = call();
        call.caller.name = Some(caller.into());
        call.caller.kind = kind;
        registry.start_upload(&call, &name("team/app"), DigestAlgorithm::Sha256).await.map(drop)
    };
    use longshore_auth::CallerKind::{Person, Robot};
    // The robots of a project count as one.
    for (callers, kind) in
        [(["ann", "ann", "ann"], Person), (["robot$team+a", "robot$team+b", "robot$team+c"], Robot)]
    {
        for caller in callers {
            start(caller, kind).await.unwrap();
        }
        let refused = start(callers[0], kind).await;
        assert!(matches!(refused, Err(UploadError::TooMany)), "{refused:?}");
    }
    start("robot$team+d", Robot).await.unwrap_err();
    start("robot$other+d", Robot).await.unwrap();
    start("bob", Person).await.unwrap();
}

#[tokio::test]
async fn a_push_revives_no_project() {
    for (project, repository) in [("team", "team/app"), ("team/sub", "team/sub/app")] {
        let registry = TestRegistry::new(managed()).await;
        make_project(&registry, project, QuotaLimit::Default).await;
        make_project(&registry, "other", QuotaLimit::Default).await;
        push_blob(&registry, &call(), &name("other/app"), b"there").await.unwrap();
        let image = TestImage::new(&["config"]);
        let app = name(repository);
        push_blob(&registry, &call(), &app, &image.blobs[0]).await.unwrap();
        let id = start(&registry, repository).await.unwrap();
        registry.append_upload(&call(), &app, &id, None, None, body(b"late")).await.unwrap();
        delete_project(&registry, project).await;

        let denied = |denied: bool, what: &str| assert!(denied, "{what} in {project}");
        let late = Digest::sha256(b"late");
        let finished = registry.finish_upload(&call(), &app, &id, &late, None, None, body(b"")).await;
        denied(matches!(finished, Err(UploadError::Denied(_))), "the end of an upload");
        let whole = push_blob(&registry, &call(), &app, b"whole").await;
        denied(matches!(whole, Err(UploadError::Denied(_))), "a whole blob");
        denied(matches!(start(&registry, repository).await, Err(UploadError::Denied(_))), "a new upload");
        let pushed = push_manifest(&registry, &call(), &app, Some("v1"), &image.manifest).await;
        denied(matches!(pushed, Err(ManifestPushError::Denied(_))), "a manifest");
        let there = Digest::sha256(b"there");
        let mounted = registry.mount_blob(&call(), &app, &there, Some(&name("other/app"))).await;
        denied(matches!(mounted, Err(MountError::Denied(_))), "a mount");
        let mut tx = registry.metadata().read().await.unwrap();
        assert!(tx.project(&project.parse().unwrap()).await.unwrap().is_none(), "{project} is back");
        drop(tx);
        assert_eq!(uploads_in_store(&registry).await, 0);
        assert!(pull_blob(&registry, &app, &late).await.is_err());
    }
}
