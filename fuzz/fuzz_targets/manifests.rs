//! Manifests. The first byte chooses the `Content-Type`, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_types::{Manifest, ManifestKind, MediaType};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, body)) = bytes.split_first() else { return };
    let content_type = match choice % 6 {
        0 => None,
        1 => Some(MediaType::OCI_MANIFEST),
        2 => Some(MediaType::OCI_INDEX),
        3 => Some(MediaType::DOCKER_MANIFEST),
        4 => Some(MediaType::DOCKER_LIST),
        _ => Some(MediaType::OCTET_STREAM),
    };
    let Ok(manifest) = Manifest::parse(content_type.as_ref(), body) else { return };
    match manifest.kind() {
        ManifestKind::Image => assert!(manifest.config().is_some() && manifest.manifests().is_empty()),
        ManifestKind::Index => assert!(manifest.config().is_none() && manifest.layers().is_empty()),
        ManifestKind::Opaque => assert!(manifest.config().is_none() && manifest.layers().is_empty()),
    }
    // Its type was found without help from the header, or the header says the same.
    let again = Manifest::parse(Some(manifest.media_type()), body).expect("parsed once already");
    assert_eq!(again, manifest);
});
