//! `longshore catalog`, `tags` and `referrers`.

use longshore_client::{Client, ImageReference, Registry, Repository};
use serde_json::json;

use super::{Failure, output};
use crate::cli::Form;

pub(super) async fn catalog(registry: &Registry, form: Form) -> Result<String, Failure> {
    let mut names = Vec::new();
    registry.catalog(|page| names.extend(page.iter().map(ToString::to_string))).await?;
    list(&names, form)
}

pub(super) async fn tags(repository: &Repository, form: Form) -> Result<String, Failure> {
    let mut tags = Vec::new();
    repository.tags(|page| tags.extend(page.iter().map(ToString::to_string))).await?;
    list(&tags, form)
}

pub(super) async fn referrers(
    client: &Client,
    image: &ImageReference,
    form: Form,
) -> Result<String, Failure> {
    let repository = client.registry(&image.place.host).repository(&image.place.repository);
    let digest = repository.resolve(&image.reference()).await?.digest;
    let referrers = repository.referrers(&digest).await?;
    if form == Form::Json {
        return output::json(&json!({ "subject": digest, "referrers": referrers }));
    }
    let mut rows = vec![["DIGEST", "ARTIFACT TYPE", "SIZE", "ANNOTATIONS"].map(str::to_owned).to_vec()];
    for referrer in &referrers {
        let kind = referrer.artifact_type.as_deref().unwrap_or(referrer.media_type.as_str());
        let annotations: Vec<_> =
            referrer.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let size = output::size(referrer.size_bytes);
        rows.push(vec![referrer.digest.to_string(), kind.to_owned(), size, annotations.join(" ")]);
    }
    Ok(if referrers.is_empty() { String::new() } else { output::table(&rows) })
}

fn list(items: &[String], form: Form) -> Result<String, Failure> {
    match form {
        Form::Json => output::json(&items),
        Form::Table => Ok(output::lines(items)),
    }
}
