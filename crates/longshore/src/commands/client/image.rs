//! `longshore inspect`, `manifest`, `tag`, `untag` and `delete`.

use longshore_client::{
    Client, ImageConfig, ImageReference, IndexEntry, Platform, PulledManifest, Repository,
};
use longshore_types::{Reference, Tag};
use serde_json::{Value, json};

use super::{Failure, client, output};
use crate::cli::{Form, OneImage};

/// The repository of an image, to change something there.
pub(super) fn repository(client: &Client, image: &ImageReference) -> Result<Repository, Failure> {
    Ok(client.repository(&image.place)?)
}

/// The repository of an image, to pull from it, or from its mirrors.
pub(super) fn source(client: &Client, image: &ImageReference) -> Result<Repository, Failure> {
    Ok(client.source(&image.place)?)
}

/// What an image command is given, and where it asks.
pub(super) fn meant(one: &OneImage) -> Result<(Repository, Option<&Platform>), Failure> {
    let client = client(&one.connection, None)?;
    Ok((source(&client, &one.image)?, one.choice.platform.as_ref()))
}

pub(super) async fn manifest(one: &OneImage) -> Result<String, Failure> {
    let (repository, platform) = meant(one)?;
    let mut pulled = repository.manifest(&one.image.reference()).await?;
    if platform.is_some() {
        pulled = repository.image_of(pulled, platform).await?;
    }
    String::from_utf8(pulled.bytes.to_vec()).map_err(|error| Failure::Other(error.to_string()))
}

pub(super) async fn inspect(asked: &OneImage, form: Form) -> Result<String, Failure> {
    let (image, (repository, platform)) = (&asked.image, meant(asked)?);
    let pulled = repository.manifest(&image.reference()).await?;
    let entries = pulled.entries();
    // An index may hold nothing for this machine: that is worth showing, unless a platform was asked for.
    let one = match repository.image_of(pulled.clone(), platform).await {
        Ok(one) => Some(one),
        Err(longshore_client::ImageError::Client(error)) => return Err(error.into()),
        Err(error) if platform.is_some() => return Err(error.into()),
        Err(_) => None,
    };
    let config = match &one {
        Some(one) => match repository.image_config(one).await {
            Ok(config) => Some(config),
            Err(longshore_client::ImageError::NoImage(_)) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let seen = Seen { image, pulled: &pulled, entries: &entries, one: one.as_ref(), config: config.as_ref() };
    match form {
        Form::Json => output::json(&seen.value()),
        Form::Table => Ok(output::table(&seen.rows())),
    }
}

/// What is known of an image.
struct Seen<'a> {
    image: &'a ImageReference,
    pulled: &'a PulledManifest,
    entries: &'a [IndexEntry],
    /// The one for the platform that is meant.
    one: Option<&'a PulledManifest>,
    config: Option<&'a ImageConfig>,
}

impl Seen<'_> {
    fn value(&self) -> Value {
        let place = &self.image.place;
        let platforms: Vec<_> = self
            .entries
            .iter()
            .map(|IndexEntry { descriptor, platform }| json!({ "digest": descriptor.digest, "platform": platform }))
            .collect();
        let manifest = &self.pulled.manifest;
        let run = self.config.map(|config| &config.config);
        json!({
            "registry": place.host.as_str(),
            "repository": place.repository.as_str(),
            "tag": self.image.tag.as_ref().map(Tag::as_str),
            "digest": self.pulled.digest,
            "mediaType": manifest.media_type(),
            "artifactType": manifest.artifact_type(),
            "platforms": platforms,
            "annotations": manifest.annotations(),
            "image": self.one.map(|one| json!({
                "digest": one.digest,
                "platform": self.config.map(platform_of),
                "layers": one.manifest.layers().iter().map(|layer| json!({
                    "digest": layer.digest, "mediaType": layer.media_type, "size": layer.size_bytes,
                })).collect::<Vec<_>>(),
                "size": size_of(one),
                "created": self.config.and_then(|config| config.created.as_deref()),
                "author": self.config.and_then(|config| config.author.as_deref()),
                "entrypoint": run.and_then(|run| run.entrypoint.as_ref()),
                "cmd": run.and_then(|run| run.cmd.as_ref()),
                "env": run.and_then(|run| run.env.as_ref()),
                "user": run.and_then(|run| run.user.as_ref()),
                "workingDir": run.and_then(|run| run.working_dir.as_ref()),
                "exposedPorts": run.and_then(|run| run.exposed_ports.as_ref()).map(|ports| ports.keys().collect::<Vec<_>>()),
                "volumes": run.and_then(|run| run.volumes.as_ref()).map(|volumes| volumes.keys().collect::<Vec<_>>()),
                "labels": run.and_then(|run| run.labels.as_ref()),
            })),
        })
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let mut row = |name: &str, value: String| {
            if !value.is_empty() {
                rows.push(vec![name.to_owned(), value]);
            }
        };
        let place = &self.image.place;
        let manifest = &self.pulled.manifest;
        row("registry", place.host.to_string());
        row("repository", place.repository.to_string());
        row("tag", self.image.tag.as_ref().map(ToString::to_string).unwrap_or_default());
        row("digest", self.pulled.digest.to_string());
        row("media type", manifest.media_type().to_string());
        row("artifact type", manifest.artifact_type().unwrap_or_default().to_owned());
        for IndexEntry { descriptor, platform } in self.entries {
            let platform = platform.as_ref().map_or("-".to_owned(), Platform::to_string);
            row("platform", format!("{platform}  {}", descriptor.digest));
        }
        for (key, value) in manifest.annotations() {
            row("annotation", format!("{key}={value}"));
        }
        if let Some(one) = self.one {
            if one.digest != self.pulled.digest {
                row("image", one.digest.to_string());
            }
            let layers = one.manifest.layers().len();
            row("layers", format!("{layers}, {} compressed", output::size(size_of(one))));
        }
        if let Some(config) = self.config {
            config_rows(config, &mut row);
        }
        rows
    }
}

fn config_rows(config: &ImageConfig, row: &mut impl FnMut(&str, String)) {
    let words = |words: &Option<Vec<String>>| {
        words.as_ref().map(|words| json!(words).to_string()).unwrap_or_default()
    };
    let keys = |map: Option<Vec<&String>>| {
        map.unwrap_or_default().into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let run = &config.config;
    row("runs on", platform_of(config).to_string());
    row("created", config.created.clone().unwrap_or_default());
    row("author", config.author.clone().unwrap_or_default());
    row("entry point", words(&run.entrypoint));
    row("command", words(&run.cmd));
    row("user", run.user.clone().unwrap_or_default());
    row("folder", run.working_dir.clone().unwrap_or_default());
    row("ports", keys(run.exposed_ports.as_ref().map(|ports| ports.keys().collect())));
    row("volumes", keys(run.volumes.as_ref().map(|volumes| volumes.keys().collect())));
    for variable in run.env.iter().flatten() {
        row("environment", variable.clone());
    }
    for (key, value) in run.labels.iter().flatten() {
        row("label", format!("{key}={value}"));
    }
}

fn platform_of(config: &ImageConfig) -> Platform {
    Platform {
        os: config.os.clone(),
        architecture: config.architecture.clone(),
        variant: config.variant.clone(),
        os_version: None,
    }
}

/// Of the layers, as they are stored.
fn size_of(image: &PulledManifest) -> u64 {
    image.manifest.layers().iter().map(|layer| layer.size_bytes).sum()
}

pub(super) async fn tag(client: &Client, image: &ImageReference, tag: &Tag) -> Result<String, Failure> {
    let repository = repository(client, image)?;
    let PulledManifest { manifest, bytes, .. } = repository.manifest(&image.reference()).await?;
    let digest = repository.push_manifest(&Reference::Tag(tag.clone()), manifest.media_type(), bytes).await?;
    Ok(format!("{}:{tag}@{digest}\n", image.place))
}

pub(super) async fn untag(client: &Client, image: &ImageReference) -> Result<String, Failure> {
    let (Some(tag), None) = (&image.tag, &image.digest) else {
        return Err(Failure::Usage(format!("{image}: say the tag to take away, and no digest")));
    };
    repository(client, image)?.delete_manifest(&Reference::Tag(tag.clone())).await?;
    Ok(format!("untagged {image}\n"))
}

pub(super) async fn delete(client: &Client, image: &ImageReference) -> Result<String, Failure> {
    let repository = repository(client, image)?;
    let digest = match image.digest {
        Some(digest) => digest,
        None => repository.resolve(&image.reference()).await?.digest,
    };
    repository.delete_manifest(&Reference::Digest(digest)).await?;
    Ok(format!("deleted {}@{digest}\n", image.place))
}
