use std::os::unix::fs::{MetadataExt, symlink};

use futures_util::TryStreamExt;
use longshore_types::{Digest, UploadId};
use tempfile::TempDir;

use super::*;
use crate::{BlobStat, BlobStore, UploadProgress, UploadStore, conformance};

fn open(root: &Path) -> Result<FilesystemStore, OpenError> {
    FilesystemStore::open(&FilesystemSettings { root: root.into(), durable: true })
}

fn fresh() -> (TempDir, FilesystemStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    (folder, store)
}

fn data(store: &FilesystemStore, digest: &Digest) -> PathBuf {
    store.volume.path(StorageKey::BlobData(digest))
}

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn upload(store: &FilesystemStore, pieces: &[&'static [u8]]) -> (UploadId, UploadProgress) {
    let id = UploadId::random();
    let mut progress = store.create(&id).await.unwrap();
    for piece in pieces {
        let mut writer = store.writer(&id, &progress).await.unwrap();
        writer.write((*piece).into()).await.unwrap();
        progress = writer.finish().await.unwrap();
    }
    (id, progress)
}

#[tokio::test]
async fn passes_the_conformance_suite_on_one_thread() {
    let (folder, store) = fresh();
    conformance::check(&store).await;
    assert_eq!(names(&folder.path().join("longshore/uploads")), Vec::<String>::new(), "nothing is left over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_conformance_suite_on_several_threads_and_without_syncing() {
    let folder = tempfile::tempdir().unwrap();
    let settings = FilesystemSettings { root: folder.path().join("a/b"), durable: false };
    conformance::check(&FilesystemStore::open(&settings).unwrap()).await;
}

#[test]
fn the_version_is_written_once_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap();
    let version = folder.path().join("longshore/version");
    assert_eq!(fs::read_to_string(&version).unwrap(), "1\n");
    open(folder.path()).unwrap();
    fs::write(&version, "2\n").unwrap();
    fs::remove_dir(folder.path().join("longshore/uploads")).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::TooNew { found: 2, .. })));
    assert!(!folder.path().join("longshore/uploads").exists(), "nothing is touched");
    for wrong in ["", "0", "one", "-1"] {
        fs::write(&version, wrong).unwrap();
        assert!(matches!(open(folder.path()), Err(OpenError::NoVersion { .. })), "{wrong}");
    }
}

#[test]
fn a_root_that_is_no_folder_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(open(file.path()), Err(OpenError::Io { .. })));
}

#[tokio::test]
async fn publishing_gives_the_upload_a_second_name_and_a_fresh_time() {
    let (_folder, store) = fresh();
    let digest = Digest::sha256(b"layer");
    let (id, progress) = upload(&store, &[b"lay", b"er"]).await;
    let path = store.volume.path(StorageKey::Upload(&id));
    fs::File::open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    store.publish(&id, &progress, &digest).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), fs::metadata(data(&store, &digest)).unwrap().ino());
    assert!(store.stat(&digest).await.unwrap().modified_at.unix_millis() > 0);
    fs::File::open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    store.put(&digest, "layer".into()).await.unwrap();
    assert!(store.stat(&digest).await.unwrap().modified_at.unix_millis() > 0);
}

#[tokio::test]
async fn an_upload_that_became_the_blob_is_published_again() {
    let (_folder, store) = fresh();
    let digest = Digest::sha256(b"layer");
    let (id, progress) = upload(&store, &[b"layer"]).await;
    store.publish(&id, &progress, &digest).await.unwrap();
    // What publishing leaves where there are no hard links.
    fs::remove_file(store.volume.path(StorageKey::Upload(&id))).unwrap();
    store.publish(&id, &progress, &digest).await.unwrap();
    store.remove(&digest).await.unwrap();
    assert!(matches!(store.publish(&id, &progress, &digest).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn damage_that_is_published_over_is_kept() {
    let (folder, store) = fresh();
    let digest = Digest::sha256(b"layer");
    let place = data(&store, &digest);
    let lay_down: [&dyn Fn(); 4] = [
        &|| fs::write(&place, "lay").unwrap(),
        &|| fs::create_dir(&place).unwrap(),
        &|| symlink("/etc/hostname", &place).unwrap(),
        &|| symlink("nowhere", &place).unwrap(),
    ];
    for (already, lay_down) in lay_down.iter().enumerate() {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        lay_down();
        store.put(&digest, "layer".into()).await.unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"layer");
        assert_eq!(names(&folder.path().join("longshore/set-aside")).len(), already + 1);
        store.remove(&digest).await.unwrap();
    }
}

/// Several see the same damage; whoever comes late must not set aside what the first one published.
#[test]
fn damage_is_set_aside_once_by_many_publishers() {
    let folder = tempfile::tempdir().unwrap();
    let open = || FilesystemStore::open(&FilesystemSettings { root: folder.path().into(), durable: false });
    let stores: Vec<_> = (0..4).map(|_| open().unwrap()).collect();
    let digests: Vec<_> = (0..400_u32).map(|i| Digest::sha256(&i.to_be_bytes())).collect();
    let start = std::sync::Barrier::new(stores.len());
    let source = folder.path().join("source");
    fs::write(&source, "layer").unwrap();
    for digest in &digests {
        let place = data(&stores[0], digest);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "lay").unwrap();
    }
    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(|| {
                for digest in &digests {
                    start.wait();
                    store.volume.publish(&source, 5, digest).unwrap();
                }
            });
        }
    });
    for digest in &digests {
        assert_eq!(fs::read(data(&stores[0], digest)).unwrap(), b"layer");
    }
    let set_aside = folder.path().join("longshore/set-aside");
    for name in names(&set_aside) {
        assert_eq!(fs::read(set_aside.join(name)).unwrap(), b"lay");
    }
    assert_eq!(names(&set_aside).len(), digests.len());
}

#[tokio::test]
async fn what_is_no_regular_file_is_not_read() {
    let (_folder, store) = fresh();
    let digest = Digest::sha256(b"layer");
    let place = data(&store, &digest);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    symlink("/etc/hostname", &place).unwrap();
    assert!(matches!(store.stat(&digest).await, Err(StoreError::Corrupt(_))));
    assert!(matches!(store.open(&digest).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn junk_among_the_blobs_is_passed_over() {
    let (folder, store) = fresh();
    let digest = Digest::sha256(b"layer");
    store.put(&digest, "layer".into()).await.unwrap();
    let blobs = folder.path().join("docker/registry/v2/blobs");
    for junk in ["lost+found", "sha256/zz/nothex", "sha256/aa", "md5/aa/aabb", "sha256/ab/data/data"] {
        fs::create_dir_all(blobs.join(junk)).unwrap();
    }
    let empty = Digest::sha256(b"other");
    fs::create_dir_all(data(&store, &empty).parent().unwrap()).unwrap();
    fs::write(blobs.join("sha256/file"), "junk").unwrap();
    fs::write(blobs.join("sha256/aa/file"), "junk").unwrap();
    let listed: Vec<BlobStat> = BlobStore::list(&store).try_collect().await.unwrap();
    assert_eq!(listed.into_iter().map(|stat| stat.digest).collect::<Vec<_>>(), [digest]);
}

#[tokio::test]
async fn removing_takes_the_empty_directory_along() {
    let (_folder, store) = fresh();
    let digest = Digest::sha256(b"layer");
    store.put(&digest, "layer".into()).await.unwrap();
    let directory = data(&store, &digest).parent().unwrap().to_owned();
    // What a crash leaves where uploads are copied from another file system.
    fs::write(directory.join(format!(".{}", UploadId::random())), "lay").unwrap();
    assert!(store.remove(&digest).await.unwrap());
    assert!(!directory.exists());
    store.put(&digest, "layer".into()).await.unwrap();
    fs::write(directory.join(".foreign"), "").unwrap();
    assert!(store.remove(&digest).await.unwrap());
    assert_eq!(names(&directory), [".foreign"]);
}

#[tokio::test]
async fn a_second_writer_waits_for_the_first_to_be_gone() {
    let (_folder, store) = fresh();
    let (id, progress) = upload(&store, &[b"one "]).await;
    let mut first = store.writer(&id, &progress).await.unwrap();
    first.write(b"lost".as_slice().into()).await.unwrap();
    let second = tokio::spawn({
        let (store, progress) = (store.clone(), progress.clone());
        async move { store.writer(&id, &progress).await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_crash_while_an_upload_is_copied_leaves_nothing_for_ever() {
    let (folder, store) = fresh();
    let (id, progress) = upload(&store, &[b"one"]).await;
    fs::write(store.volume.path(StorageKey::Upload(&id)).with_extension("copy"), "on").unwrap();
    let listed: Vec<_> = UploadStore::list(&store).try_collect().await.unwrap();
    assert!(!listed.is_empty() && listed.iter().all(|(listed, _)| *listed == id));
    store.discard(&id, &progress).await.unwrap();
    assert_eq!(names(&folder.path().join("longshore/uploads")), Vec::<String>::new());
}

#[tokio::test]
async fn two_processes_may_use_one_folder() {
    let (folder, store) = fresh();
    let other = open(folder.path()).unwrap();
    let (id, progress) = upload(&store, &[b"lay"]).await;
    let mut writer = other.writer(&id, &progress).await.unwrap();
    writer.write(b"er".as_slice().into()).await.unwrap();
    let progress = writer.finish().await.unwrap();
    let digest = Digest::sha256(b"layer");
    other.publish(&id, &progress, &digest).await.unwrap();
    store.discard(&id, &progress).await.unwrap();
    assert_eq!(store.open(&digest).await.unwrap().size_bytes(), 5);
}
