//! Repository names, tags, digests, references, media types, upload ids, and digest states kept in the index.
#![no_main]

use std::{fmt::Display, str::FromStr};

use libfuzzer_sys::fuzz_target;
use longshore_types::{
    Digest, Digester, DigesterState, MediaType, ProjectName, Reference, RepositoryName, Tag, UploadId,
};

fn canonical<T: FromStr + Display>(text: &str) {
    if let Ok(parsed) = text.parse::<T>() {
        assert_eq!(parsed.to_string(), text);
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(digest) = Digest::from_bytes(bytes) {
        assert_eq!(digest.to_bytes(), bytes);
    }
    let state = DigesterState::from_bytes(bytes.to_vec());
    if let Ok(mut digester) = Digester::resume(&state) {
        assert_eq!(digester.state(), state);
        digester.update(bytes);
        digester.finish();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    canonical::<RepositoryName>(text);
    canonical::<ProjectName>(text);
    canonical::<Tag>(text);
    canonical::<Digest>(text);
    canonical::<Reference>(text);
    canonical::<MediaType>(text);
    canonical::<UploadId>(text);
    if let Ok(name) = text.parse::<RepositoryName>() {
        assert!(name.as_str().split('/').all(|part| !matches!(part, "" | "." | "..")));
        assert!(!name.project().as_str().contains('/'));
        assert!(name.possible_projects().all(|project| project.contains(&name)));
    }
});
