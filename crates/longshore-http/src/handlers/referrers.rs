//! end-12: manifests that have a subject.

use http::{HeaderName, HeaderValue, header};
use longshore_registry::ReferrerRecord;
use longshore_types::{Descriptor, Digest, RepositoryName};
use serde_json::value::{RawValue, to_raw_value};

use super::{Reply, next_page, page_limit, reply};
use crate::{
    body::ResponseBody,
    context::{Context, Request},
    endpoint::PageQuery,
};

/// Most referrers on a page.
const COUNT_MAX: usize = 1000;
/// A page ends after the descriptor that passes this: clients refuse manifests beyond 4 MB.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

pub(crate) async fn list(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    subject: &Digest,
    filter: Option<&str>,
    page: &PageQuery,
) -> Reply {
    // The route was parsed only with a digest here.
    let after = page.last.as_ref().and_then(|last| last.parse().ok());
    let limit = page_limit(page, COUNT_MAX);
    let listed =
        cx.registry.referrers(&request.call, repository, subject, filter, after.as_ref(), limit).await?;

    let (descriptors, fitting) = fit(&listed.entries);
    let more = listed.more || fitting < listed.entries.len();
    let mut response = reply(http::StatusCode::OK, ResponseBody::full(index(&descriptors)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.oci.image.index.v1+json"));
    if filter.is_some() {
        headers.insert(OCI_FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    if let (true, Some(last)) = (more, fitting.checked_sub(1).map(|last| &listed.entries[last])) {
        let path = format!("{repository}/referrers/{subject}");
        let link = next_page(&request.urls, &path, &last.digest.to_string(), page, filter);
        headers.insert(header::LINK, link);
    }
    Ok(response)
}

/// As many descriptors as one page holds, at least one, and their number.
fn fit(referrers: &[ReferrerRecord]) -> (Vec<Box<RawValue>>, usize) {
    let mut size_bytes = 0;
    let mut descriptors = Vec::with_capacity(referrers.len());
    for referrer in referrers {
        if size_bytes > PAGE_BYTES_MAX {
            break;
        }
        let descriptor = Descriptor {
            media_type: referrer.media_type.clone(),
            digest: referrer.digest,
            size_bytes: referrer.size_bytes,
            artifact_type: referrer.artifact_type.clone(),
            annotations: referrer.annotations.clone(),
        };
        let json = to_raw_value(&descriptor).expect("a descriptor has only text keys");
        size_bytes += json.get().len();
        descriptors.push(json);
    }
    let count = descriptors.len();
    (descriptors, count)
}

fn index(descriptors: &[Box<RawValue>]) -> String {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index<'a> {
        schema_version: u8,
        media_type: &'static str,
        manifests: &'a [Box<RawValue>],
    }
    let index = Index {
        schema_version: 2,
        media_type: "application/vnd.oci.image.index.v1+json",
        manifests: descriptors,
    };
    serde_json::to_string(&index).expect("an index has only text keys")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use longshore_types::MediaType;

    use super::*;

    fn referrer(annotation_bytes: usize) -> ReferrerRecord {
        ReferrerRecord {
            digest: Digest::sha256(b"x"),
            media_type: MediaType::OCI_MANIFEST,
            size_bytes: 7,
            artifact_type: Some("a/b".to_owned()),
            annotations: BTreeMap::from([("k".to_owned(), "v".repeat(annotation_bytes))]),
        }
    }

    #[test]
    fn a_page_stays_small_enough_for_clients_and_never_empty() {
        assert_eq!(fit(&[]).1, 0);
        assert_eq!(fit(&[referrer(1), referrer(1)]).1, 2);
        assert_eq!(fit(&[referrer(PAGE_BYTES_MAX), referrer(1), referrer(1)]).1, 1);
    }

    #[test]
    fn the_list_is_an_image_index() {
        let (descriptors, _) = fit(&[referrer(1)]);
        let digest = Digest::sha256(b"x");
        assert_eq!(
            index(&descriptors),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":7,"artifactType":"a/b","annotations":{{"k":"v"}}}}]}}"#
            )
        );
    }
}
