//! `longshore copy`.

use std::sync::Arc;

use longshore_client::{Client, CopyProgress, CopySettings, ImageReference, copy};
use longshore_types::Reference;
use serde_json::json;

use super::{Failure, image, output, progress};
use crate::cli::Form;

pub(super) async fn copied(
    client: &Client,
    from: &ImageReference,
    to: &ImageReference,
    settings: CopySettings,
    form: Form,
) -> Result<String, Failure> {
    let progress: Arc<dyn CopyProgress> = progress::of_blobs();
    let reference = from.reference();
    let target = target(from, to);
    let (source, place) = (image::repository(client, from), image::repository(client, to));
    let copied = copy(&source, &reference, &place, &target, settings, &progress).await?;
    let digest = copied.digest.map(|digest| digest.to_string()).unwrap_or_default();
    if form == Form::Json {
        return output::json(&json!({
            "image": format!("{}@{digest}", to.place),
            "tag": match &target { Reference::Tag(tag) => Some(tag.as_str()), Reference::Digest(_) => None },
            "digest": digest,
            "manifests": copied.manifests,
            "blobsSent": copied.blobs_sent,
            "bytesSent": copied.bytes_sent,
            "blobsMounted": copied.blobs_mounted,
            "blobsPresent": copied.blobs_present,
        }));
    }
    let name = match &target {
        Reference::Tag(tag) => format!("{}:{tag}@{digest}", to.place),
        Reference::Digest(_) => format!("{}@{digest}", to.place),
    };
    Ok(format!(
        "{name}\n{} manifests and {} blobs ({}) sent, {} blobs mounted, {} were there\n",
        copied.manifests,
        copied.blobs_sent,
        output::size(copied.bytes_sent),
        copied.blobs_mounted,
        copied.blobs_present,
    ))
}

/// What the copy is called: as was said, else as the original. What was named by its digest alone keeps that.
fn target(from: &ImageReference, to: &ImageReference) -> Reference {
    match (&to.tag, &to.digest, &from.tag, &from.digest) {
        (Some(tag), ..) => Reference::Tag(tag.clone()),
        (None, Some(digest), ..) => Reference::Digest(*digest),
        (None, None, Some(tag), _) => Reference::Tag(tag.clone()),
        (None, None, None, Some(digest)) => Reference::Digest(*digest),
        (None, None, None, None) => from.reference(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_called_as_was_said_or_as_the_original() {
        let digest = longshore_types::Digest::sha256(b"").to_string();
        let check = |from: &str, to: &str, expected: &str| {
            let image = |text: &str| format!("localhost/{text}").parse().unwrap();
            assert_eq!(target(&image(from), &image(to)).to_string(), expected);
        };
        check("a:v1", "b:v2", "v2");
        check("a:v1", "b", "v1");
        check("a", "b", "latest");
        check(&format!("a@{digest}"), "b", &digest);
        check(&format!("a:v1@{digest}"), "b", "v1");
        check(&format!("a@{digest}"), "b:v1", "v1");
    }
}
