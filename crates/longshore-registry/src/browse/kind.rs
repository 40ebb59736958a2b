//! What kind of artifact it is, in Harbor's words: from the type of its configuration (Harbor 2.16,
//! `src/controller/artifact/processor`).

use longshore_metadata::ManifestRecord;
use longshore_types::{Digest, DigestAlgorithm, Tag};

/// Where the kind is not known.
const UNKNOWN: &str = "UNKNOWN";

/// Kinds by the type of what an artifact holds. The first type of a kind that has several is what clients push now.
const KINDS: &[(&str, &str)] = &[
    ("application/vnd.oci.image.config.v1+json", "IMAGE"),
    ("application/vnd.docker.container.image.v1+json", "IMAGE"),
    ("application/vnd.oci.image.index.v1+json", "IMAGE"),
    ("application/vnd.docker.distribution.manifest.list.v2+json", "IMAGE"),
    ("application/vnd.cncf.helm.config.v1+json", "CHART"),
    ("application/vnd.cnab.manifest.v1", "CNAB"),
    ("application/vnd.wasm.config.v1+json", "WASM"),
    ("application/vnd.goharbor.harbor.sbom.v1", "SBOM"),
    ("application/vnd.cncf.model.manifest.v1+json", "CNAI"),
];

/// Accessories by their type.
const ACCESSORIES: &[(&str, &str)] = &[
    ("application/vnd.dev.cosign.artifact.sig.v1+json", "signature.cosign"),
    ("application/vnd.dev.sigstore.bundle.v0.3+json", "signature.cosign"),
    ("application/vnd.cncf.notary.signature", "signature.notation"),
    ("application/vnd.goharbor.harbor.sbom.v1", "sbom.harbor"),
];

/// A signature under cosign's tag.
pub(super) const COSIGN: &str = "signature.cosign";

/// The kind of an artifact whose artifact type, if it has one, and media type are these.
pub(super) fn kind_of(artifact_type: Option<&str>, media_type: &str) -> String {
    let known =
        |text: &str| KINDS.iter().find(|(known, _)| *known == text).map(|(_, kind)| (*kind).to_owned());
    artifact_type
        .and_then(known)
        .or_else(|| known(media_type))
        .or_else(|| from_name(media_type))
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// `application/vnd.ORGANISATION.NAME.config.VERSION+json` names the kind.
fn from_name(media_type: &str) -> Option<String> {
    let rest = media_type.strip_prefix("application/vnd.")?.strip_suffix("+json")?;
    let (_, rest) = rest.split_once('.')?;
    let (rest, version) = rest.rsplit_once('.')?;
    let name = rest.strip_suffix(".config")?;
    (!name.is_empty() && !version.is_empty()).then(|| name.to_uppercase())
}

/// The types of what artifacts of a kind hold, for those kinds that have a list of them.
pub fn media_types_of(kind: &str) -> Vec<&'static str> {
    KINDS
        .iter()
        .filter(|(_, known)| known.eq_ignore_ascii_case(kind))
        .map(|(media_type, _)| *media_type)
        .collect()
}

/// What kind of accessory a manifest with a subject is.
pub(super) fn accessory_kind(record: &ManifestRecord) -> &'static str {
    let found = record.artifact_type.as_deref().and_then(|artifact_type| {
        ACCESSORIES.iter().find(|(known, _)| *known == artifact_type).map(|(_, kind)| *kind)
    });
    found.unwrap_or("subject.accessory")
}

/// The tag under which cosign leaves the signatures of a manifest.
pub(crate) fn cosign_tag(subject: &Digest) -> Option<Tag> {
    (subject.algorithm() == DigestAlgorithm::Sha256)
        .then(|| format!("sha256-{}.sig", subject.hex()).parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_harbors() {
        let check = |artifact_type: Option<&str>, media_type: &str, wanted: &str| {
            assert_eq!(kind_of(artifact_type, media_type), wanted, "{artifact_type:?} {media_type}");
        };
        check(None, "application/vnd.oci.image.config.v1+json", "IMAGE");
        check(None, "application/vnd.docker.distribution.manifest.list.v2+json", "IMAGE");
        check(None, "application/vnd.cncf.helm.config.v1+json", "CHART");
        check(
            Some("application/vnd.cncf.model.manifest.v1+json"),
            "application/vnd.oci.empty.v1+json",
            "CNAI",
        );
        check(None, "application/vnd.caicloud.model.config.v1alpha1+json", "MODEL");
        check(None, "application/vnd.a.b.c.config.v1+json", "B.C");
        for unknown in
            ["", "application/json", "application/vnd.oci.empty.v1+json", "application/vnd.a.config.v1+json"]
        {
            check(None, unknown, "UNKNOWN");
        }
        assert_eq!(media_types_of("chart"), ["application/vnd.cncf.helm.config.v1+json"]);
        assert_eq!(media_types_of("IMAGE").len(), 4);
    }

    #[test]
    fn cosigns_tag() {
        let digest = Digest::sha256(b"x");
        assert_eq!(cosign_tag(&digest).unwrap().as_str(), format!("sha256-{}.sig", digest.hex()));
        assert_eq!(cosign_tag(&Digest::of(DigestAlgorithm::Sha512, b"x")), None);
    }
}
