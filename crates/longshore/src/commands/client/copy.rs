//! `longshore copy`.

use longshore_client::{Copied, CopySettings, ImageReference, Parts, RepositoryReference, copy};
use longshore_types::Reference;
use serde_json::json;

use super::{Failure, client, image, output, progress};
use crate::cli::{CopyArguments, Form, Transfer};

pub(super) async fn copied(arguments: &CopyArguments) -> Result<String, Failure> {
    let CopyArguments { from, to, transfer, .. } = arguments;
    let client = client(&transfer.connection, None)?;
    let (source, place) = (image::source(&client, from)?, image::repository(&client, to)?);
    let settings = settings(transfer, !arguments.no_referrers);
    let target = target(from, to);
    let progress = progress::of_blobs();
    let copied = copy(&source, &from.reference(), &place, &target, &settings, &progress).await?;
    told(&copied, &to.place, &target, transfer.output.output)
}

pub(super) fn settings(transfer: &Transfer, referrers: bool) -> CopySettings {
    let parts = Parts { platform: transfer.choice.platform.clone(), referrers };
    CopySettings { parts, parallel: usize::from(transfer.parallel) }
}

/// What was done at a registry.
pub(super) fn told(
    copied: &Copied,
    place: &RepositoryReference,
    target: &Reference,
    form: Form,
) -> Result<String, Failure> {
    let digest = copied.digest.map(|digest| digest.to_string()).unwrap_or_default();
    let tag = match target {
        Reference::Tag(tag) => Some(tag.as_str()),
        Reference::Digest(_) => None,
    };
    if form == Form::Json {
        return output::json(&json!({
            "image": format!("{place}@{digest}"),
            "tag": tag,
            "digest": digest,
            "manifests": copied.manifests,
            "blobsSent": copied.blobs_sent,
            "bytesSent": copied.bytes_sent,
            "blobsMounted": copied.blobs_mounted,
            "blobsPresent": copied.blobs_present,
        }));
    }
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    Ok(format!(
        "{place}{tag}@{digest}\n{} manifests and {} blobs ({}) sent, {} blobs mounted, {} were there\n",
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
