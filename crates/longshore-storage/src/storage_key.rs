//! Every path below the root of a volume, made in one place.

use std::path::{Path, PathBuf};

use longshore_types::{Digest, DigestAlgorithm, RepositoryName, Tag, UploadId};

/// Something on the disk. `docker/` is the layout of distribution (`registry:2`), byte for byte; `longshore/` is ours.
///
/// ```text
/// <root>/
///   docker/registry/v2/
///     blobs/<algorithm>/<first two hex digits>/<hex>/data     content, also of manifests that registry:2 stored
///     repositories/<name>/                                    names have `/` in them, so repositories nest
///       _layers/<algorithm>/<hex>/link                        the repository has this blob
///       _manifests/revisions/<algorithm>/<hex>/link           the repository has this manifest
///       _manifests/tags/<tag>/current/link                    the tag points to the manifest in the file
///       _manifests/tags/<tag>/index/<algorithm>/<hex>/link    where the tag pointed once, and points now
///       _uploads/…                                            unfinished uploads of registry:2: not read, not touched
///   longshore/
///     version                                                 version of this format, a decimal number
///     lock                                                    held by a server while it runs (crate `longshore`)
///     index.sqlite3                                           the index, unless it is in PostgreSQL
///     uploads/<upload id>                                     unfinished uploads; with `.copy`, one that takes its place
///     set-aside/<algorithm>-<hex>-<milliseconds>              damaged content, kept for whoever looks into it
///     links-known                                             empty; its time says up to when the index knows the links
/// ```
#[derive(Clone, Copy, Debug)]
pub(crate) enum StorageKey<'a> {
    Blobs,
    BlobData(&'a Digest),
    Repositories,
    Repository(&'a RepositoryName),
    Layers(&'a RepositoryName),
    LayerLink(&'a RepositoryName, &'a Digest),
    Revisions(&'a RepositoryName),
    RevisionLink(&'a RepositoryName, &'a Digest),
    Tags(&'a RepositoryName),
    TagDirectory(&'a RepositoryName, &'a Tag),
    TagCurrentLink(&'a RepositoryName, &'a Tag),
    TagIndexLink(&'a RepositoryName, &'a Tag, &'a Digest),
    Own,
    Version,
    Uploads,
    Upload(&'a UploadId),
    SetAside,
    LinksKnown,
}

const DISTRIBUTION: &str = "docker/registry/v2";
const OWN: &str = "longshore";

impl StorageKey<'_> {
    /// The path, relative to the root of the volume.
    pub(crate) fn path(self) -> PathBuf {
        match self {
            Self::Blobs => format!("{DISTRIBUTION}/blobs"),
            Self::BlobData(digest) => return blob_data_below(Path::new(""), digest),
            Self::Repositories => format!("{DISTRIBUTION}/repositories"),
            Self::Repository(name) => format!("{DISTRIBUTION}/repositories/{name}"),
            Self::Layers(name) => format!("{DISTRIBUTION}/repositories/{name}/_layers"),
            Self::LayerLink(name, digest) => {
                format!("{DISTRIBUTION}/repositories/{name}/_layers/{}/link", by_algorithm(digest))
            }
            Self::Revisions(name) => format!("{DISTRIBUTION}/repositories/{name}/_manifests/revisions"),
            Self::RevisionLink(name, digest) => {
                format!(
                    "{DISTRIBUTION}/repositories/{name}/_manifests/revisions/{}/link",
                    by_algorithm(digest)
                )
            }
            Self::Tags(name) => format!("{DISTRIBUTION}/repositories/{name}/_manifests/tags"),
            Self::TagDirectory(name, tag) => {
                format!("{DISTRIBUTION}/repositories/{name}/_manifests/tags/{tag}")
            }
            Self::TagCurrentLink(name, tag) => {
                format!("{DISTRIBUTION}/repositories/{name}/_manifests/tags/{tag}/current/link")
            }
            Self::TagIndexLink(name, tag, digest) => format!(
                "{DISTRIBUTION}/repositories/{name}/_manifests/tags/{tag}/index/{}/link",
                by_algorithm(digest)
            ),
            Self::Own => OWN.to_owned(),
            Self::Version => format!("{OWN}/version"),
            Self::Uploads => format!("{OWN}/uploads"),
            Self::Upload(id) => format!("{OWN}/uploads/{id}"),
            Self::SetAside => format!("{OWN}/set-aside"),
            Self::LinksKnown => format!("{OWN}/links-known"),
        }
        .into()
    }
}

/// [`StorageKey::BlobData`] below `root`, in one go: every pull of a blob asks for it.
pub(crate) fn blob_data_below(root: &Path, digest: &Digest) -> PathBuf {
    let text = digest.to_string();
    let hex = &text[digest.algorithm().as_str().len() + 1..];
    let mut path = PathBuf::with_capacity(root.as_os_str().len() + DISTRIBUTION.len() + text.len() + 16);
    path.extend([root, Path::new(DISTRIBUTION)]);
    path.extend(["blobs", digest.algorithm().as_str(), &hex[..2], hex, "data"]);
    path
}

fn by_algorithm(digest: &Digest) -> String {
    format!("{}/{}", digest.algorithm(), digest.hex())
}

/// The digest that the directories `<algorithm>` and `<hex>` stand for, if they are digests that we can compute.
pub(crate) fn digest_from_directories(algorithm: DigestAlgorithm, hex: &str) -> Option<Digest> {
    format!("{algorithm}:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_distribution() {
        let check = |key: StorageKey<'_>, wanted: &str| {
            assert_eq!(key.path().to_str().unwrap().replace("docker/registry/v2", "…"), wanted);
        };
        let (name, tag) = ("team/app".parse().unwrap(), "v1".parse().unwrap());
        let digest = Digest::sha256(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let manifests = "…/repositories/team/app/_manifests";
        check(StorageKey::BlobData(&digest), &format!("…/blobs/sha256/e3/{hex}/data"));
        let below = blob_data_below(Path::new("/srv/volume"), &digest);
        assert_eq!(below, Path::new("/srv/volume").join(StorageKey::BlobData(&digest).path()));
        check(
            StorageKey::LayerLink(&name, &digest),
            &format!("…/repositories/team/app/_layers/sha256/{hex}/link"),
        );
        check(StorageKey::RevisionLink(&name, &digest), &format!("{manifests}/revisions/sha256/{hex}/link"));
        check(StorageKey::TagCurrentLink(&name, &tag), &format!("{manifests}/tags/v1/current/link"));
        check(
            StorageKey::TagIndexLink(&name, &tag, &digest),
            &format!("{manifests}/tags/v1/index/sha256/{hex}/link"),
        );
        assert_eq!(digest_from_directories(DigestAlgorithm::Sha256, hex), Some(digest));
        assert_eq!(digest_from_directories(DigestAlgorithm::Sha512, hex), None);
        assert_eq!(digest_from_directories(DigestAlgorithm::Sha256, "../../x"), None);
    }
}
