use std::{fs, path::Path};

use longshore_metadata::NewManifest;
use longshore_registry::{Progress, Registry, VerifyOptions, VerifyReport};
use longshore_storage::FaultStore;
use longshore_types::{Digest, DigestAlgorithm, Manifest};

use crate::{
    support::{
        self, TestImage, assert_pulls, by_tag, call, image_index, name, pull_blob, push_manifest, settings,
        start,
    },
    volume::{Notes, Volume, blobs_of},
};

async fn verify(registry: &Registry, set_aside: bool) -> VerifyReport {
    let notes = Notes::default();
    let report = registry.verify(&VerifyOptions { set_aside, parallel: 3 }, &notes).await.unwrap();
    assert_eq!(report.damage_count, report.damage.len() as u64);
    assert_eq!(notes.0.lock().unwrap().len(), report.damage.len(), "all damage is told as it is found");
    report
}

fn image(seed: &str) -> TestImage {
    TestImage::new(&[&format!("config {seed}"), &format!("layer {seed}")])
}

/// Two images that share nothing; the first is to be damaged.
async fn filled() -> (Volume, Registry) {
    let volume = Volume::new();
    let registry = volume.open().await;
    image("bad").push(&registry, &call(), &name("bad"), Some("v1")).await;
    image("good").push(&registry, &call(), &name("good"), Some("v1")).await;
    (volume, registry)
}

#[tokio::test]
async fn a_sound_registry_has_no_damage() {
    let (_volume, registry) = filled().await;
    let sparse = image_index(&[image("not here").descriptor()]);
    push_manifest(&registry, &call(), &name("good"), Some("sparse"), &sparse).await.unwrap();
    let report = verify(&registry, true).await;
    assert_eq!(report.damage, []);
    let size: usize = ["bad", "good"].iter().map(|seed| format!("config {seed}layer {seed}").len()).sum();
    assert_eq!((report.blobs, report.blob_bytes), (4, size as u64));
    assert_eq!(report.links, 4 + 3 + 3, "blob links, manifests, tags");
}

#[tokio::test]
async fn every_damage_is_named_set_aside_and_healed_by_a_push() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 6] = [
        ("is missing", |path| fs::remove_file(path).unwrap()),
        ("bytes instead of", |path| fs::write(path, "lay").unwrap()),
        ("bytes instead of", |path| fs::write(path, "").unwrap()),
        ("bytes instead of", |path| fs::write(path, "layer bad and more").unwrap()),
        ("hashes to", |path| fs::write(path, "laYer bad").unwrap()),
        ("cannot be read", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (wanted, harm) in harms {
        let (volume, registry) = filled().await;
        let layer = blobs_of(&image("bad"))[1];
        harm(&volume.blob_path(&layer));
        for set_aside in [false, true] {
            let report = verify(&registry, set_aside).await;
            let [damage] = &report.damage[..] else { panic!("{wanted}: {report:?}") };
            assert_eq!(damage.digest, layer);
            assert!(damage.what.contains(wanted) && damage.what.contains("linked by bad"), "{damage:?}");
            assert_pulls(&registry, &name("good"), &by_tag("v1")).await;
        }
        let kept = fs::read_dir(volume.path("longshore/set-aside")).unwrap().count();
        assert_eq!(kept, usize::from(wanted != "is missing"), "{wanted}");

        image("bad").push(&registry, &call(), &name("bad"), Some("v1")).await;
        assert_eq!(verify(&registry, true).await.damage, [], "{wanted}");
        assert_eq!(pull_blob(&registry, &name("bad"), &layer).await.unwrap(), b"layer bad");
    }
}

#[tokio::test]
async fn damage_in_the_index_is_named() {
    let (_volume, registry) = filled().await;
    let mut tx = registry.metadata().write().await.unwrap();
    let repository = tx.repository(&name("bad")).await.unwrap().unwrap().id;
    tx.lock_repository(repository).await.unwrap();
    let incomplete = image("never pushed");
    let torn = image("torn");
    for (image, payload) in [(&incomplete, incomplete.manifest.as_str()), (&torn, "{}")] {
        let manifest = Manifest::parse(None, image.manifest.as_bytes()).unwrap();
        let new = NewManifest {
            repository,
            digest: image.digest(),
            media_type: manifest.media_type(),
            artifact_type: None,
            subject: None,
            annotations: manifest.annotations(),
            payload: payload.as_bytes(),
            references: &[],
        };
        tx.put_manifest(&new, start()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut damage = verify(&registry, true).await.damage;
    damage.sort_by_key(|damage| damage.digest != incomplete.digest());
    let [missing, torn_damage] = &damage[..] else { panic!("{damage:?}") };
    assert!(missing.what.contains("in bad: names 2 blobs that the repository does not have"), "{missing:?}");
    assert_eq!(torn_damage.digest, torn.digest());
    let actual = Digest::sha256(b"{}");
    assert!(
        torn_damage.what.contains(&format!("its bytes in the index hash to {actual}")),
        "{torn_damage:?}"
    );
}

/// Pushes an image after the first step of a verification, while the rest of its page is still to be hashed.
struct PushAfterFirst(Registry, std::sync::Once);

impl Progress for PushAfterFirst {
    fn phase(&self, _what: &str, _steps: Option<u64>) {}
    fn note(&self, _text: &str) {}
    fn advance(&self, _steps: u64) {
        self.1.call_once(|| {
            let registry = self.0.clone();
            let push = async move {
                image("bad").push(&registry, &call(), &name("bad"), Some("v1")).await;
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            std::thread::spawn(move || runtime.block_on(push)).join().unwrap();
        });
    }
}

#[tokio::test]
async fn content_that_a_push_heals_meanwhile_stays() {
    let volume = Volume::new();
    volume.lay_down("bad", &image("bad"), DigestAlgorithm::Sha256, &["v1"]).await;
    let healed = blobs_of(&image("bad")).into_iter().max().unwrap();
    let sound = fs::read(volume.blob_path(&healed)).unwrap();
    // So short when it was taken over that the index has the wrong size.
    fs::write(volume.blob_path(&healed), &sound[..3]).unwrap();
    let registry = volume.open().await;
    registry.import(&volume.layout, start(), &()).await.unwrap();
    let progress = PushAfterFirst(registry.clone(), std::sync::Once::new());
    let report = registry.verify(&VerifyOptions { set_aside: true, parallel: 1 }, &progress).await.unwrap();
    assert_eq!(report.damage, []);
    assert_eq!(pull_blob(&registry, &name("bad"), &healed).await.unwrap(), sound);
}

#[tokio::test]
async fn a_moment_in_which_the_store_fails_costs_no_content() {
    let (volume, registry) = filled().await;
    for nth in 0.. {
        let failing = FaultStore::failing_call(nth, volume.store.clone());
        let faulty = support::registry(registry.metadata().clone(), failing.clone(), settings());
        assert_eq!(verify(&faulty, true).await.damage, [], "call {nth}");
        if !failing.fired() {
            assert!(nth >= 12, "stat, open and content of four blobs: only {nth} calls were tried");
            break;
        }
    }
    for repository in ["bad", "good"] {
        assert_pulls(&registry, &name(repository), &by_tag("v1")).await;
    }
}

#[tokio::test]
async fn a_report_names_only_the_first_of_much_damage() {
    let volume = Volume::new();
    let registry = volume.open().await;
    let mut tx = registry.metadata().write().await.unwrap();
    for nth in 0..=VerifyReport::DAMAGE_MAX {
        let digest = Digest::sha256(nth.to_string().as_bytes());
        tx.ensure_blob(&digest, 1, start()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let notes = Notes::default();
    let options = VerifyOptions { set_aside: true, parallel: 3 };
    let report = registry.verify(&options, &notes).await.unwrap();
    assert_eq!((report.damage.len(), report.damage_count), (1000, 1001));
    assert_eq!(notes.0.lock().unwrap().len(), 1001);
}
