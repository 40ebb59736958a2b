//! A registry with something to look at: an image for two architectures whose layers have files in them.

use std::{path::Path, process::Command};

use longshore_testkit::{Blob, Content, TestRegistry, index, media_type};
use longshore_types::DigestAlgorithm::Sha256;
use serde_json::json;

/// The commit that version 2.0 was built from.
const REVISION: &str = "4f5d6e7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e";
/// That of any other.
const OTHER_REVISION: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567";

fn revision(version: &str) -> &'static str {
    if version == "2.0" { REVISION } else { OTHER_REVISION }
}

/// A registry with accounts.
pub(crate) async fn registry() -> TestRegistry {
    TestRegistry::builder().accounts().quick().spawn().await
}

/// The same with the private project `shop` and the repository `shop/web` in it: versions 1.0 and 2.0; `latest` moved from the
/// one to the other.
pub(crate) async fn full() -> TestRegistry {
    let registry = registry().await;
    registry.create_project("shop", false).await;
    for (version, tags) in [("1.0", ["v1.0", "latest"]), ("2.0", ["v2.0", "latest"])] {
        let content = web(version);
        for tag in tags {
            registry.admin().push_image("shop/web", tag, &content).await;
        }
    }
    registry
}

/// A version of the image.
pub(crate) fn web(version: &str) -> Content {
    let images = ["amd64", "arm64"].map(|architecture| for_one(version, architecture));
    index(images.to_vec()).annotation("org.opencontainers.image.revision", revision(version)).build()
}

fn for_one(version: &str, architecture: &str) -> Content {
    let packages = format!(
        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\n\nPackage: web\nStatus: install ok installed\nVersion: {version}\n"
    );
    let noise = |bytes: usize| String::from_utf8_lossy(&vec![b'x'; bytes]).into_owned();
    let layers = [
        layer(&[
            ("etc/os-release", "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n"),
            ("usr/lib/libc.so.6", &noise(60_000)),
            ("var/lib/dpkg/status", &packages),
            ("var/cache/apt/pkgcache.bin", &noise(20_000)),
        ]),
        layer(&[("srv/web/server.py", "print('hello')\n"), ("srv/web/static/logo.svg", "<svg/>\n")]),
        layer(&[("srv/web/server.py", "print('hello, again')\n"), ("var/cache/apt/.wh.pkgcache.bin", "")]),
    ];
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.digest.to_string()).collect();
    let config = json!({
        "architecture": architecture, "os": "linux", "created": "2026-11-20T10:00:00Z",
        "config": {
            "Env": ["PATH=/usr/bin:/bin", format!("VERSION={version}")],
            "Entrypoint": ["python3", "/srv/web/server.py"], "ExposedPorts": {"8080/tcp": {}},
            "User": "1000", "WorkingDir": "/srv/web",
            "Labels": {
                "org.opencontainers.image.revision": revision(version),
                "org.opencontainers.image.source": "https://git.example/shop/web",
                "org.opencontainers.image.version": version,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [
            {"created": "2026-11-01T10:00:00Z", "created_by": "/bin/sh -c #(nop) ADD file:0123 in / "},
            {"created_by": format!("ENV VERSION={version}"), "empty_layer": true},
            {"created": "2026-11-20T10:00:00Z", "created_by": "COPY web /srv/web # buildkit"},
            {"created_by": "RUN /bin/sh -c ./configure && rm /var/cache/apt/pkgcache.bin # buildkit"},
            {"created_by": "EXPOSE map[8080/tcp:{}]", "empty_layer": true},
            {"created_by": "ENTRYPOINT [\"python3\" \"/srv/web/server.py\"]", "empty_layer": true},
        ],
    });
    let config = Blob::new(Sha256, media_type::CONFIG, config.to_string());
    let described: Vec<_> = layers.iter().map(Blob::descriptor).collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config.descriptor(), "layers": described,
        "annotations": {"org.opencontainers.image.revision": revision(version)},
    });
    let manifest = Blob::new(Sha256, media_type::MANIFEST, manifest.to_string());
    Content { blobs: layers.into_iter().chain([config]).collect(), manifests: vec![manifest] }
}

/// A layer by GNU tar, with these files.
fn layer(files: &[(&str, &str)]) -> Blob {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let how = ["--create", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--file=-", "."];
    let tar = Command::new("tar").current_dir(folder.path()).args(how).output().unwrap();
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    Blob::new(Sha256, "application/vnd.oci.image.layer.v1.tar", tar.stdout)
}
