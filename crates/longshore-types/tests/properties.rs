//! Properties that hold for every input: what parses is shown as it was written, nothing panics, ranges agree with a
//! model of RFC 9110.

use std::{fmt::Display, str::FromStr};

use longshore_types::{
    Digest, DigestAlgorithm, Digester, Manifest, ManifestKind, MediaType, ProjectName, RangesSpec, Reference,
    RepositoryName, Tag, UploadId,
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;

/// "Pulling manifests" in the distribution specification.
const NAME: &str = "[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,4}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}){0,3}";
const TAG: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

/// If `text` parses as `T`, then it is the one way to write it.
fn canonical<T: FromStr + Display>(text: &str) -> bool {
    text.parse::<T>().map_or(true, |parsed| parsed.to_string() == text)
}

proptest! {
    #[test]
    fn what_parses_is_shown_as_it_was_written(text in "\\PC{0,80}") {
        prop_assert!(canonical::<RepositoryName>(&text));
        prop_assert!(canonical::<ProjectName>(&text));
        prop_assert!(canonical::<Tag>(&text));
        prop_assert!(canonical::<Digest>(&text));
        prop_assert!(canonical::<Reference>(&text));
        prop_assert!(canonical::<MediaType>(&text));
        prop_assert!(canonical::<UploadId>(&text));
    }

    #[test]
    fn every_name_of_the_specification_is_one(text in NAME) {
        let name: RepositoryName = text.parse().unwrap();
        prop_assert_eq!(name.to_string(), text);
    }

    #[test]
    fn every_repository_lies_in_its_projects(text in NAME, other in NAME) {
        let (name, other): (RepositoryName, ProjectName) = (text.parse().unwrap(), other.parse().unwrap());
        let projects: Vec<_> = name.possible_projects().collect();
        prop_assert_eq!(projects.last(), Some(&name.project()));
        prop_assert!(projects.iter().all(|project| project.contains(&name)));
        prop_assert_eq!(other.contains(&name), projects.contains(&other));
        prop_assert!(projects.windows(2).all(|pair| pair[0].parent().as_ref() == Some(&pair[1])));
    }

    #[test]
    fn one_wrong_letter_makes_a_name_none(text in NAME, at in any::<prop::sample::Index>(), wrong in "[A-Z~:@ %?#\\\\\u{e9}\u{0}]") {
        let mut text = text;
        text.insert_str(at.index(text.len()), &wrong);
        prop_assert!(text.parse::<RepositoryName>().is_err());
    }

    #[test]
    fn no_name_leaves_its_folder(text in "[./a-z]{1,30}") {
        if let Ok(name) = text.parse::<RepositoryName>() {
            prop_assert!(name.as_str().split('/').all(|part| !part.is_empty() && part != "." && part != ".."));
        }
    }

    #[test]
    fn every_tag_of_the_specification_is_one(text in TAG) {
        prop_assert!(text.parse::<Tag>().is_ok());
        let is_tag = matches!(text.parse(), Ok(Reference::Tag(_)));
        prop_assert!(is_tag);
        prop_assert!(text.parse::<Digest>().is_err(), "no reference is both");
    }

    #[test]
    fn digests_round_trip(bytes in vec(any::<u8>(), 0..300), sha512 in any::<bool>()) {
        let algorithm = if sha512 { DigestAlgorithm::Sha512 } else { DigestAlgorithm::Sha256 };
        let digest = Digest::of(algorithm, &bytes);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        prop_assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        let written = serde_json::to_string(&digest).unwrap();
        prop_assert_eq!(serde_json::from_str::<Digest>(&written).unwrap(), digest);
    }

    #[test]
    fn a_digest_does_not_care_how_its_bytes_arrive(
        pieces in vec(vec(any::<u8>(), 0..200), 0..6),
        sha512 in any::<bool>(),
    ) {
        let algorithm = if sha512 { DigestAlgorithm::Sha512 } else { DigestAlgorithm::Sha256 };
        let mut digester = Digester::new(algorithm);
        for piece in &pieces {
            digester.update(piece);
            // A restart of the registry between each two.
            digester = Digester::resume(&digester.state()).unwrap();
        }
        prop_assert_eq!(digester.finish(), Digest::of(algorithm, &pieces.concat()));
    }

    #[test]
    fn a_damaged_digester_state_is_an_error_or_another_state(bytes in vec(any::<u8>(), 0..260)) {
        let state = longshore_types::DigesterState::from_bytes(bytes);
        if let Ok(digester) = Digester::resume(&state) {
            prop_assert_eq!(digester.state(), state);
        }
    }

    #[test]
    fn ranges_agree_with_a_model(
        specs in vec((any::<Option<u16>>(), any::<Option<u16>>()), 1..8),
        size in 0u64..70_000,
    ) {
        let written: Vec<String> = specs
            .iter()
            .map(|(first, last)| {
                let text = |number: &Option<u16>| number.map_or(String::new(), |number| number.to_string());
                format!("{}-{}", text(first), text(last))
            })
            .collect();
        let parsed = format!("bytes={}", written.join(",")).parse::<RangesSpec>();
        let malformed = specs.iter().any(|spec| matches!(spec, (None, None)) || matches!(spec, (Some(f), Some(l)) if l < f));
        prop_assert_eq!(parsed.is_err(), malformed);
        let Ok(parsed) = parsed else { return Ok(()) };
        // The model: which positions of the content does each range name?
        let mut expected = Vec::new();
        for (first, last) in specs {
            let named = |position: u64| match (first, last) {
                (Some(first), last) => position >= first.into() && last.is_none_or(|last| position <= last.into()),
                (None, Some(length)) => size - position <= length.into(),
                (None, None) => false,
            };
            let positions: Vec<u64> = (0..size).filter(|position| named(*position)).collect();
            if let (Some(first), Some(last)) = (positions.first(), positions.last()) {
                expected.push((*first, *last));
            }
        }
        let resolved: Vec<(u64, u64)> =
            parsed.resolve(size).unwrap_or_default().into_iter().map(|range| (range.first(), range.last())).collect();
        prop_assert_eq!(resolved, expected);
    }

    #[test]
    fn no_range_header_panics_or_leaves_the_content(header in "(bytes=)?[0-9, -]{0,60}", size in any::<u64>()) {
        if let Ok(parsed) = header.parse::<RangesSpec>() {
            for range in parsed.resolve(size).unwrap_or_default() {
                prop_assert!(range.first() <= range.last() && range.last() < size);
                prop_assert!(range.size_bytes() <= size);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_manifest_parser_panic(bytes in vec(any::<u8>(), 0..200), text in "[\\[\\]{}\":,a-zA-Z0-9 ]{0,120}") {
        for media_type in [None, Some(&MediaType::OCI_MANIFEST), Some(&MediaType::OCI_INDEX), Some(&MediaType::DOCKER_LIST)] {
            let _ = Manifest::parse(media_type, &bytes);
            let _ = Manifest::parse(media_type, text.as_bytes());
        }
    }

    #[test]
    fn a_manifest_says_what_was_written(
        sizes in vec(any::<u32>(), 0..6),
        annotations in proptest::collection::btree_map("[a-z.]{1,12}", "\\PC{0,12}", 0..4),
        index in any::<bool>(),
    ) {
        let descriptors: Vec<_> = sizes
            .iter()
            .map(|size| json!({
                "mediaType": "application/octet-stream",
                "digest": Digest::sha256(&size.to_be_bytes()),
                "size": size,
            }))
            .collect();
        let (media_type, list) =
            if index { (MediaType::OCI_INDEX, "manifests") } else { (MediaType::OCI_MANIFEST, "layers") };
        let mut manifest = json!({"schemaVersion": 2, "mediaType": media_type.as_str(), "annotations": &annotations});
        manifest[list] = json!(descriptors);
        if !index {
            manifest["config"] = json!({"mediaType": "a/b", "digest": Digest::sha256(b""), "size": 0});
        }
        let parsed = Manifest::parse(None, manifest.to_string().as_bytes()).unwrap();
        prop_assert_eq!(parsed.annotations(), &annotations);
        let found = if index { parsed.manifests() } else { parsed.layers() };
        prop_assert_eq!(found.iter().map(|d| d.size_bytes).collect::<Vec<_>>(), sizes.iter().map(|s| u64::from(*s)).collect::<Vec<_>>());
        prop_assert_eq!(parsed.kind(), if index { ManifestKind::Index } else { ManifestKind::Image });
        // Said of something else it is refused, not understood otherwise.
        let wrong = if index { MediaType::OCI_MANIFEST } else { MediaType::OCI_INDEX };
        prop_assert!(Manifest::parse(Some(&wrong), manifest.to_string().as_bytes()).is_err());
    }
}
