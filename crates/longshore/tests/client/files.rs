//! Images in files: pulled into layouts, archives and folders, and pushed from them.

use std::path::Path;

use longshore_testkit::{Api, Content, Distribution, TestRegistry, artifact, image, index, media_type};
use longshore_types::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    packed::{image_of, layer},
    support::{Person, tool},
};

/// Two platforms and a signature of them.
fn signed_app() -> (Content, Content) {
    let arm = image().platform("linux/arm64").layer_bytes(700_000).build();
    let app = index(vec![image().layers(3).layer_bytes(300_000).build(), arm]).build();
    let signature = artifact("application/vnd.example.signature").subject(app.top().descriptor()).build();
    (app, signature)
}

async fn push_signed(registry: &Api) -> (Content, Content) {
    let (app, signature) = signed_app();
    registry.push_image("team/app", "v1", &app).await;
    registry.push_image("team/app", &signature.digest().to_string(), &signature).await;
    (app, signature)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn blob_path(layout: &Path, digest: &Digest) -> std::path::PathBuf {
    layout.join("blobs/sha256").join(digest.hex())
}

fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images").display().to_string();
    (folder, images)
}

/// An image of compressed layers. The last layer is the first one again.
async fn packed_image() -> (Content, Vec<Digest>) {
    let [first, second] =
        [layer(&[("first", &"one\n".repeat(9000))]).await, layer(&[("second", &"two\n".repeat(9000))]).await];
    let layers = [first.clone(), second, first];
    (image_of(&layers, json!({"Cmd": ["/first"]})), layers.iter().map(|layer| layer.diff_id).collect())
}

#[tokio::test]
async fn a_layout_comes_back_as_it_was() {
    let registry = TestRegistry::start().await;
    let (app, signature) = push_signed(&registry).await;
    let (host, person, (_folder, images)) = (registry.address(), Person::new(), folder());

    let pulled = person.must(&format!("pull --referrers {host}/team/app:v1 {images}")).await;
    assert!(pulled.starts_with(&format!("{host}/team/app:v1@{}\n", app.digest())), "{pulled}");
    let layout = Path::new(&images);
    assert_eq!(read(&layout.join("oci-layout")), json!({"imageLayoutVersion": "1.0.0"}));
    let found = read(&layout.join("index.json"));
    let (first, second) = (&found["manifests"][0], &found["manifests"][1]);
    assert_eq!(first["digest"], app.digest().to_string());
    assert_eq!(first["annotations"]["org.opencontainers.image.ref.name"], "v1");
    assert_eq!(second["digest"], signature.digest().to_string());
    assert_eq!(second["artifactType"], "application/vnd.example.signature");
    for blob in app.blobs.iter().chain(&app.manifests).chain(&signature.manifests) {
        assert_eq!(std::fs::read(blob_path(layout, &blob.digest)).unwrap(), blob.bytes);
    }
    let mut names: Vec<_> =
        std::fs::read_dir(layout).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"], "nothing unfinished stays");

    let other = TestRegistry::start().await;
    let pushed = person.must(&format!("push --referrers {images} {}/back/app:v2", other.address())).await;
    assert!(pushed.starts_with(&format!("{}/back/app:v2@{}\n", other.address(), app.digest())), "{pushed}");
    assert_eq!(other.pull_image("back/app", "v2").await, app.top().bytes);
    let referrers = person.must(&format!("referrers {}/back/app:v2", other.address())).await;
    assert!(referrers.contains(&signature.digest().to_string()), "{referrers}");
}

#[tokio::test]
async fn a_layout_is_read_and_written_by_skopeo_and_registry_2() {
    if !Distribution::is_installed() || !tool_is_there("skopeo") {
        eprintln!("skipped: no docker-registry or no skopeo");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(root.path()).await;
    let host = registry.base().trim_start_matches("http://").to_owned();
    let (app, _) = push_signed(&registry).await;
    let (person, (work, images)) = (Person::new(), folder());
    person.must(&format!("pull {host}/team/app:v1 {images}")).await;

    let copy = ["copy", "--all", "--preserve-digests"];
    let to = format!("docker://{host}/skopeo/app:v1");
    let from = format!("oci:{images}:v1");
    tool("skopeo", &[&copy[..], &["--dest-tls-verify=false", &from, &to]].concat(), work.path()).await;
    assert_eq!(registry.pull_image("skopeo/app", "v1").await, app.top().bytes);

    let from = format!("docker://{host}/team/app:v1");
    tool("skopeo", &[&copy[..], &["--src-tls-verify=false", &from, "oci:theirs:x"]].concat(), work.path())
        .await;
    person.must(&format!("push {} {host}/back/app:v1", work.path().join("theirs").display())).await;
    assert_eq!(registry.pull_image("back/app", "v1").await, app.top().bytes);

    // skopeo's own folders, there and back.
    let dir = work.path().join("dir").display().to_string();
    person.must(&format!("pull --format dir {host}/team/app:v1 {dir}")).await;
    let to = format!("docker://{host}/skopeo/dir:v1");
    tool("skopeo", &[&copy[..], &["--dest-tls-verify=false", "dir:dir", &to]].concat(), work.path()).await;
    assert_eq!(registry.pull_image("skopeo/dir", "v1").await, app.top().bytes);
    tool("skopeo", &[&copy[..], &["--src-tls-verify=false", &from, "dir:their-dir"]].concat(), work.path())
        .await;
    person.must(&format!("push {} {host}/back/dir:v1", work.path().join("their-dir").display())).await;
    assert_eq!(registry.pull_image("back/dir", "v1").await, app.top().bytes);
}

#[tokio::test]
async fn a_layout_holds_several_images_by_their_names() {
    let registry = TestRegistry::start().await;
    let (one, two) = (image().build(), image().build());
    registry.push_image("team/app", "v1", &one).await;
    registry.push_image("team/app", "v2", &two).await;
    registry.push_image("team/other", "v1", &two).await;
    let (host, person, (_folder, images)) = (registry.address(), Person::new(), folder());
    person.must(&format!("pull {host}/team/app:v1 {images}")).await;
    person.must(&format!("pull {host}/team/app:v2 {images}")).await;

    let unclear = person.run(&format!("push {images} {host}/back/app:v3")).await;
    assert_eq!(unclear.code, Some(1));
    assert!(unclear.stderr.contains("--image NAME chooses one; there are: v1, v2"), "{unclear:?}");
    person.must(&format!("push {images} {host}/back/app:v2")).await;
    assert_eq!(registry.pull_image("back/app", "v2").await, two.top().bytes);
    person.must(&format!("push --image v1 {images} {host}/back/app:v3")).await;
    assert_eq!(registry.pull_image("back/app", "v3").await, one.top().bytes);

    let taken = person.run(&format!("pull {host}/team/other:v1 {images}")).await;
    assert!(taken.stderr.contains("--name gives this image another name"), "{taken:?}");
    person.must(&format!("pull --name other {host}/team/other:v1 {images}")).await;
    // The tag moves: the name moves with it.
    registry.push_image("team/app", "v1", &two).await;
    person.must(&format!("pull {host}/team/app:v1 {images}")).await;
    let found = read(&Path::new(&images).join("index.json"));
    let names: Vec<_> = found["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
            (name.as_str().unwrap(), entry["digest"].as_str().unwrap().to_owned())
        })
        .collect();
    let two = two.digest().to_string();
    assert_eq!(names, [("v2", two.clone()), ("other", two.clone()), ("v1", two)]);
}

#[tokio::test]
async fn what_is_there_and_good_is_not_fetched_again() {
    let registry = TestRegistry::start().await;
    let app = image().layers(3).layer_bytes(2_000_000).build();
    registry.push_image("app", "v1", &app).await;
    let (person, (_folder, images)) = (Person::new(), folder());
    let pull = format!("pull {}/app:v1 {images} -o json", registry.address());
    let fetched = async || {
        let pulled: Value = serde_json::from_str(&person.must(&pull).await).unwrap();
        (pulled["blobsFetched"].as_u64().unwrap(), pulled["blobsPresent"].as_u64().unwrap())
    };
    assert_eq!(fetched().await, (4, 0));
    assert_eq!(fetched().await, (0, 4));

    let (layer, other) = (&app.blobs[0], &app.blobs[1]);
    let layout = Path::new(&images);
    let mut damaged = layer.bytes.to_vec();
    damaged[7] ^= 1;
    std::fs::write(blob_path(layout, &layer.digest), &damaged).unwrap();
    assert_eq!(fetched().await, (1, 3));
    assert_eq!(std::fs::read(blob_path(layout, &layer.digest)).unwrap(), layer.bytes);

    // Half of one is there, as a pull leaves it that broke; of another one, something else.
    let unfinished = layout.join(".longshore-unfinished");
    std::fs::create_dir(&unfinished).unwrap();
    for (blob, part) in [(layer, &layer.bytes[..900_000]), (other, &damaged[..900_000])] {
        std::fs::remove_file(blob_path(layout, &blob.digest)).unwrap();
        std::fs::write(unfinished.join(format!("sha256-{}", blob.digest.hex())), part).unwrap();
    }
    assert_eq!(fetched().await, (2, 2));
    for blob in [layer, other] {
        assert_eq!(std::fs::read(blob_path(layout, &blob.digest)).unwrap(), blob.bytes);
    }
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn one_platform_is_pulled_pushed_and_copied_alone() {
    let registry = TestRegistry::start().await;
    let (app, _) = push_signed(&registry).await;
    let (host, person, (_folder, images)) = (registry.address(), Person::new(), folder());
    let arm = app.manifests[1].digest;
    let pulled = person.must(&format!("pull --platform linux/arm64 {host}/team/app:v1 {images}")).await;
    assert!(pulled.starts_with(&format!("{host}/team/app:v1@{arm}\n")), "{pulled}");
    assert!(!blob_path(Path::new(&images), &app.digest()).exists());
    person.must(&format!("push {images} {host}/back/app:arm")).await;
    assert_eq!(registry.pull_image("back/app", "arm").await, app.manifests[1].bytes);

    person.must(&format!("copy --platform linux/arm64 {host}/team/app:v1 {host}/copy/app")).await;
    assert_eq!(registry.pull_image("copy/app", "v1").await, app.manifests[1].bytes);
    let by_digest = format!("copy --platform linux/amd64 {host}/team/app@{} {host}/copy/other", app.digest());
    let copied = person.must(&by_digest).await;
    assert!(copied.starts_with(&format!("{host}/copy/other@{}\n", app.manifests[0].digest)), "{copied}");
    let missing = person.run(&format!("copy --platform linux/mips {host}/team/app:v1 {host}/copy/app")).await;
    assert!(missing.stderr.contains("there are: linux/amd64, linux/arm64"), "{missing:?}");
}

#[tokio::test]
async fn archives_are_as_docker_has_them() {
    let registry = TestRegistry::start().await;
    let (app, diff_ids) = packed_image().await;
    registry.push_image("team/app", "v1", &app).await;
    let (host, person, work) = (registry.address(), Person::new(), tempfile::tempdir().unwrap());
    let archive = work.path().join("app.tar").display().to_string();
    person.must(&format!("pull --format docker-archive {host}/team/app:v1 {archive}")).await;
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 1, "nothing unfinished stays");

    tool("tar", &["-xf", "app.tar", "--one-top-level=out"], work.path()).await;
    let (out, config) = (work.path().join("out"), &app.blobs[2]);
    let manifest = &read(&out.join("manifest.json"))[0];
    assert_eq!(manifest["RepoTags"], json!([format!("{host}/team/app:v1")]));
    assert_eq!(manifest["Config"], format!("{}.json", config.digest.hex()));
    let layers = manifest["Layers"].as_array().unwrap();
    for (name, diff_id) in layers.iter().zip(&diff_ids) {
        let bytes = std::fs::read(out.join(name.as_str().unwrap())).unwrap();
        assert_eq!(Digest::sha256(&bytes), *diff_id, "layers are not compressed");
    }
    assert_eq!(layers[0], layers[2]);

    // Back, as it is and compressed: the configuration, which is what docker calls the image, stays.
    tool("gzip", &["-k", "app.tar"], work.path()).await;
    for (archive, tag) in [(archive.clone(), "plain"), (archive + ".gz", "packed")] {
        person.must(&format!("push {archive} {host}/back/app:{tag}")).await;
        let pushed: Value = serde_json::from_slice(&registry.pull_image("back/app", tag).await).unwrap();
        assert_eq!(pushed["config"]["digest"], config.digest.to_string());
        assert_eq!(pushed["layers"][0]["mediaType"], media_type::LAYER);
        let seen = person.must(&format!("history {host}/back/app:{tag} -o json")).await;
        assert_eq!(serde_json::from_str::<Vec<Value>>(&seen).unwrap().len(), 3, "{seen}");
    }
}

#[tokio::test]
async fn a_layout_in_an_archive_is_pushed() {
    let registry = TestRegistry::start().await;
    let (app, _) = push_signed(&registry).await;
    let (host, person, (work, images)) = (registry.address(), Person::new(), folder());
    person.must(&format!("pull {host}/team/app:v1 {images}")).await;
    tool("tar", &["-czf", "images.tar.gz", "-C", "images", "."], work.path()).await;
    let archive = work.path().join("images.tar.gz").display().to_string();
    person.must(&format!("push {archive} {host}/back/app:v1")).await;
    assert_eq!(registry.pull_image("back/app", "v1").await, app.top().bytes);
}

#[tokio::test]
async fn what_is_no_image_is_not_pushed() {
    let registry = TestRegistry::start().await;
    let (person, work) = (Person::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| work.path().join(name).display().to_string();
    let refused = async |name: &str, words: &str| {
        let refused = person.run(&format!("push {} {}/app:v1", at(name), registry.address())).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    };
    refused("missing", "No such file").await;
    std::fs::create_dir(at("empty")).unwrap();
    refused("empty", "neither index.json").await;
    std::fs::write(at("text"), "some text").unwrap();
    refused("text", "it is no archive of images").await;

    // An archive that leads out of itself: the secret beside it is not sent anywhere.
    std::fs::write(at("secret"), "secret").unwrap();
    let out = work.path().join("out");
    std::fs::create_dir(&out).unwrap();
    std::os::unix::fs::symlink(at("secret"), out.join("config.json")).unwrap();
    let manifest = json!([{"Config": "config.json", "RepoTags": null, "Layers": []}]);
    std::fs::write(out.join("manifest.json"), manifest.to_string()).unwrap();
    tool("tar", &["-cf", "linked.tar", "-C", "out", "."], work.path()).await;
    refused("linked.tar", r#"it names "config.json", but does not hold it"#).await;
    let manifest = json!([{"Config": "../secret", "RepoTags": null, "Layers": []}]);
    std::fs::write(out.join("manifest.json"), manifest.to_string()).unwrap();
    tool("tar", &["-cf", "outside.tar", "-C", "out", "manifest.json"], work.path()).await;
    refused("outside.tar", r#"it names "../secret", but does not hold it"#).await;

    // A layer that is not what the configuration means.
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [Digest::sha256(b"other")]}});
    std::fs::remove_file(out.join("config.json")).unwrap();
    std::fs::write(out.join("config.json"), config.to_string()).unwrap();
    std::fs::write(out.join("layer.tar"), "a layer").unwrap();
    let manifest = json!([{"Config": "config.json", "RepoTags": ["a:b"], "Layers": ["layer.tar"]}]);
    std::fs::write(out.join("manifest.json"), manifest.to_string()).unwrap();
    tool("tar", &["-cf", "wrong.tar", "-C", "out", "."], work.path()).await;
    refused("wrong.tar", "holds content of").await;
    assert_eq!(person.must(&format!("catalog {}", registry.address())).await, "");

    // A blob that is not what its name says.
    let app = image().build();
    registry.push_image("app", "good", &app).await;
    person.must(&format!("pull {}/app:good {}", registry.address(), at("damaged"))).await;
    let other = TestRegistry::start().await;
    std::fs::write(
        blob_path(&work.path().join("damaged"), &app.blobs[0].digest),
        vec![0; app.blobs[0].bytes.len()],
    )
    .unwrap();
    let refused = person.run(&format!("push {} {}/app:v1", at("damaged"), other.address())).await;
    assert!(refused.stderr.contains("holds content of"), "{refused:?}");
    assert_eq!(person.run(&format!("manifest {}/app:v1", other.address())).await.code, Some(4));
}

#[tokio::test]
async fn a_folder_with_other_things_is_left_alone() {
    let registry = TestRegistry::start().await;
    registry.push_image("app", "v1", &image().build()).await;
    let (person, work) = (Person::new(), tempfile::tempdir().unwrap());
    std::fs::write(work.path().join("letter"), "mine").unwrap();
    for format in ["oci", "dir"] {
        let pull = format!("pull --format {format} {}/app:v1 {}", registry.address(), work.path().display());
        let refused = person.run(&pull).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("it is not empty"), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(work.path()).unwrap().count(), 1);
}

fn tool_is_there(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).exists()))
}
