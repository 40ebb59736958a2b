//! `longshore pull` and `push`: images in files.

use longshore_client::{Choice, ImageReference, LocalForm, LocalImages, PullSettings, copy, pull};
use longshore_types::Reference;
use serde_json::json;

use super::{
    Failure, client,
    copy::{settings, told},
    image, output, progress,
};
use crate::cli::{Form, LocalFormat, PullArguments, PushArguments};

pub(super) async fn pulled(arguments: &PullArguments) -> Result<String, Failure> {
    let PullArguments { from, to, transfer, .. } = arguments;
    let settings = pull_settings(arguments)?;
    let source = image::source(&client(&transfer.connection, None)?, from)?;
    let progress = progress::of_blobs();
    let pulled = pull(&source, &from.reference(), to, &settings, &progress).await?;
    let digest = pulled.digest.map(|digest| digest.to_string()).unwrap_or_default();
    if transfer.output.output == Form::Json {
        return output::json(&json!({
            "image": format!("{}@{digest}", from.place),
            "digest": digest,
            "path": to,
            "name": settings.name,
            "manifests": pulled.manifests,
            "blobsFetched": pulled.blobs_sent,
            "bytesFetched": pulled.bytes_sent,
            "blobsPresent": pulled.blobs_present,
        }));
    }
    let tag = from.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    Ok(format!(
        "{}{tag}@{digest}\n{} manifests and {} blobs ({}) fetched to {}, {} were there\n",
        from.place,
        pulled.manifests,
        pulled.blobs_sent,
        output::size(pulled.bytes_sent),
        to.display(),
        pulled.blobs_present,
    ))
}

fn pull_settings(arguments: &PullArguments) -> Result<PullSettings, Failure> {
    let PullArguments { from, format, name, referrers, transfer, .. } = arguments;
    let form = match format {
        LocalFormat::Oci => LocalForm::Layout,
        LocalFormat::DockerArchive => LocalForm::DockerArchive,
        LocalFormat::Dir => LocalForm::Directory,
    };
    if *referrers && form != LocalForm::Layout {
        return Err(Failure::Usage("--referrers: only --format oci holds them".to_owned()));
    }
    if name.is_some() && form == LocalForm::Directory {
        return Err(Failure::Usage("--name: --format dir holds one image, without a name".to_owned()));
    }
    let tag = match from.reference() {
        Reference::Tag(tag) => Some(tag.to_string()),
        // By its digest; the tag is for people.
        Reference::Digest(_) => from.tag.as_ref().map(ToString::to_string),
    };
    let full_name = tag.as_ref().map(|tag| format!("{}:{tag}", from.place));
    let (name, full_name) = match (name, form) {
        (Some(name), LocalForm::DockerArchive) => (None, Some(name.clone())),
        (Some(name), _) => (Some(name.clone()), full_name),
        (None, _) => (tag, full_name),
    };
    let settings = settings(transfer, *referrers);
    Ok(PullSettings { form, parts: settings.parts, parallel: settings.parallel, name, full_name })
}

pub(super) async fn pushed(arguments: &PushArguments) -> Result<String, Failure> {
    let PushArguments { from, to, transfer, .. } = arguments;
    let choice = Choice { name: arguments.image.clone(), likely: likely(to) };
    let images = LocalImages::open(from, &choice, &std::env::temp_dir()).await?;
    let target = to.reference();
    let place = image::repository(&client(&transfer.connection, None)?, to)?;
    let settings = settings(transfer, arguments.referrers);
    let (own, progress) = (Reference::Digest(images.chosen()), progress::of_blobs());
    let copied = copy(&images, &own, &place, &target, &settings, &progress).await?;
    told(&copied, &to.place, &target, transfer.output.output)
}

/// What the image that goes to `to` is likely called where it lies: the same, in full or its tag alone.
fn likely(to: &ImageReference) -> Vec<String> {
    match to.reference() {
        Reference::Tag(tag) => vec![format!("{}:{tag}", to.place), tag.to_string()],
        Reference::Digest(_) => Vec::new(),
    }
}
