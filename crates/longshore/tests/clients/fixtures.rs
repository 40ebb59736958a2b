//! Real input: a Debian root made by debootstrap and images that buildah built, made once a run for all tests.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::OnceCell;

use crate::client::Client;

/// What the Debian image prints when it is run.
pub(crate) const GREETING: &str = "built by buildah on Debian";

/// Images for every test of a run, in one folder under cargo's target folder.
#[derive(Debug)]
pub(crate) struct Fixtures {
    folder: PathBuf,
}

/// The images. The first caller makes them, which takes up to two minutes; Debian's root stays for later runs.
pub(crate) async fn fixtures() -> &'static Fixtures {
    static FIXTURES: OnceCell<Fixtures> = OnceCell::const_new();
    FIXTURES.get_or_init(Fixtures::make).await
}

impl Fixtures {
    /// A Debian image of two layers that prints [`GREETING`], in skopeo's and buildah's notation.
    pub(crate) fn debian(&self) -> String {
        format!("oci:{}:v1", self.folder.join("debian").display())
    }

    /// The same image as an archive that `docker load` and `ctr images import` read.
    pub(crate) fn debian_archive(&self) -> String {
        self.folder.join("debian.tar").to_string_lossy().into_owned()
    }

    /// An index of two small images, one for amd64 and one for arm64.
    pub(crate) fn two_architectures(&self) -> String {
        format!("oci:{}:v1", self.folder.join("two-architectures").display())
    }

    /// Pushes [`Fixtures::two_architectures`] by skopeo.
    pub(crate) async fn push_two_architectures(&self, image: &str) {
        push(&["--all", &self.two_architectures()], image).await;
    }

    /// Pushes [`Fixtures::debian`] by skopeo.
    pub(crate) async fn push_debian(&self, image: &str) {
        push(&[&self.debian()], image).await;
    }

    async fn make() -> Self {
        // Once, also when it fails: every test would wait for the same failure.
        static BEGUN: AtomicBool = AtomicBool::new(false);
        assert!(!BEGUN.swap(true, Ordering::SeqCst), "the images could not be made: see the first failure");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = debian_root(target).await;
        let folder = target.join("images");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("our own folder can be removed");
        }
        std::fs::create_dir_all(&folder).expect("cargo's target folder can be written");
        let fixtures = Self { folder };
        fixtures.build_debian(&root).await;
        fixtures.build_two_architectures().await;
        fixtures
    }

    async fn build_debian(&self, root: &Path) {
        let buildah = Client::with_storage("buildah");
        std::fs::copy(root, buildah.path("root.tar")).expect("the archive can be read");
        buildah.write("Base", "FROM scratch\nADD root.tar /\n");
        let steps = format!("RUN echo {GREETING} > /etc/greeting && dpkg-query --show > /etc/packages\n");
        let end = "ENV LANG=C.UTF-8\nCMD [\"cat\", \"/etc/greeting\"]\n";
        buildah.write("App", format!("FROM localhost/base\n{steps}{end}"));
        let build = ["bud", "--isolation", "chroot", "--pull-never"];
        buildah.ok(&[&build[..], &["-f", "Base", "-t", "localhost/base", "."]].concat()).await;
        buildah.ok(&[&build[..], &["-f", "App", "-t", "localhost/app", "."]].concat()).await;
        buildah.ok(&["push", "localhost/app", &self.debian()]).await;
        // The name inside the archive is what docker and ctr call the image.
        let archive = format!("docker-archive:{}:localhost/debian:v1", self.debian_archive());
        Client::debian("skopeo").ok(&["copy", &self.debian(), &archive]).await;
    }

    async fn build_two_architectures(&self) {
        let buildah = Client::with_storage("buildah");
        build_two_architectures(&buildah, "localhost/two").await;
        buildah.ok(&["manifest", "push", "--all", "localhost/two", &self.two_architectures()]).await;
    }
}

async fn push(what: &[&str], image: &str) {
    let to = format!("docker://{image}");
    Client::debian("skopeo").ok(&[&["copy", "--dest-tls-verify=false"], what, &[&to]].concat()).await;
}

/// Builds two small images and an index of both, called `name`.
pub(crate) async fn build_two_architectures(buildah: &Client, name: &str) {
    buildah.write("Containerfile", "FROM scratch\nCOPY architecture /\n");
    buildah.ok(&["manifest", "create", name]).await;
    for architecture in ["amd64", "arm64"] {
        buildah.write("architecture", architecture);
        let image = format!("localhost/{architecture}");
        let build = ["bud", "--isolation", "chroot", "--arch", architecture, "-t", &image, "."];
        buildah.ok(&build).await;
        buildah.ok(&["manifest", "add", name, &image]).await;
    }
}

/// Debian's root as an archive, without what an image has no use for.
async fn debian_root(target: &Path) -> PathBuf {
    let archive = target.join("debian.tar");
    if archive.exists() {
        return archive;
    }
    let client = Client::debian("debootstrap");
    client.ok(&["--variant=minbase", "bookworm", "root"]).await;
    // Under another name until it is complete: an interrupted run leaves nothing that looks whole.
    let unfinished = archive.with_extension("unfinished");
    let unused = ["var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"];
    let mut arguments = vec!["-C".to_owned(), client.path("root")];
    arguments.extend(unused.map(|path| format!("--exclude=./{path}/*")));
    arguments.extend(["-cf".to_owned(), unfinished.to_string_lossy().into_owned(), ".".to_owned()]);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    Client::debian("tar").ok(&arguments).await;
    std::fs::rename(&unfinished, &archive).expect("cargo's target folder can be written");
    archive
}
