//! OCI image layouts: image layout specification v1.1. A folder holds any number of images, called by
//! `org.opencontainers.image.ref.name`.

use std::path::Path;

use longshore_types::{Descriptor, Digest};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{LocalError, extent::Extent, folder::Folder, images::Root};

/// What makes a folder a layout.
pub(super) const MARK: &str = "oci-layout";
pub(super) const INDEX: &str = "index.json";

/// What an image is called in its layout, by the image specification.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What containerd and docker call it when they load the layout.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// An image that is to be named in `index.json`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) descriptor: Descriptor,
    /// In the layout: mostly its tag.
    pub(super) name: Option<String>,
    /// In full, with its registry.
    pub(super) full_name: Option<String>,
}

/// Makes the folder a layout, if it is none. Another image of that name is not replaced: it came from elsewhere.
pub(super) fn begin(folder: &Folder, name: Option<&str>, full_name: Option<&str>) -> Result<(), LocalError> {
    if let (Some(name), Some(full_name)) = (name, full_name) {
        let index = read(folder.root())?;
        let taken = images(&index)
            .filter(|entry| annotation(entry, REF_NAME) == Some(name))
            .find_map(|entry| annotation(entry, IMAGE_NAME).filter(|other| *other != full_name));
        if let Some(other) = taken {
            let why = format!("{name} is {other} there; --name gives this image another name");
            return Err(LocalError::malformed(folder.root(), why));
        }
    }
    if folder.root().join(MARK).exists() {
        return Ok(());
    }
    folder.write(Path::new(MARK), br#"{"imageLayoutVersion":"1.0.0"}"#)
}

/// Names an image, and what refers to it. All of them must be there.
pub(super) fn finish(folder: &Folder, image: &Entry, referrers: &[Descriptor]) -> Result<(), LocalError> {
    let mut index = read(folder.root())?;
    let mut entries: Vec<Value> = images(&index).cloned().collect();
    let of_that_name = |entry: &Value| match &image.name {
        Some(name) => annotation(entry, REF_NAME) == Some(name),
        None => false,
    };
    let without_name = |entry: &Value, digest: &Digest| {
        entry["digest"] == digest.to_string() && annotation(entry, REF_NAME).is_none()
    };
    entries.retain(|entry| !of_that_name(entry) && !without_name(entry, &image.descriptor.digest));
    let is_there = |entries: &[Value], digest: &Digest| {
        entries.iter().any(|entry| entry["digest"] == digest.to_string())
    };
    if image.name.is_some() || !is_there(&entries, &image.descriptor.digest) {
        entries.push(described(image));
    }
    for referrer in referrers {
        if !is_there(&entries, &referrer.digest) {
            entries.push(json!(referrer));
        }
    }
    index.insert("schemaVersion".to_owned(), json!(2));
    index.entry("mediaType").or_insert_with(|| json!(longshore_types::MediaType::OCI_INDEX));
    index.insert("manifests".to_owned(), Value::Array(entries));
    folder.write(Path::new(INDEX), Value::Object(index).to_string().as_bytes())
}

fn described(image: &Entry) -> Value {
    let mut descriptor = image.descriptor.clone();
    for (key, value) in [(REF_NAME, &image.name), (IMAGE_NAME, &image.full_name)] {
        if let Some(value) = value {
            descriptor.annotations.insert(key.to_owned(), value.clone());
        }
    }
    json!(descriptor)
}

/// `index.json` as it stands, with what others wrote into it; empty if it is not there.
fn read(root: &Path) -> Result<Map<String, Value>, LocalError> {
    let path = root.join(INDEX);
    match Extent::whole(path.clone()).map_err(LocalError::file(&path))? {
        None => Ok(Map::new()),
        Some(extent) => serde_json::from_slice(&extent.read()?)
            .map_err(|error| LocalError::malformed(&path, error.to_string())),
    }
}

fn images(index: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    index.get("manifests").and_then(Value::as_array).into_iter().flatten()
}

fn annotation<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry["annotations"][key].as_str()
}

/// The images that an `index.json` names.
pub(super) fn roots(path: &Path, index: &[u8]) -> Result<Vec<Root>, LocalError> {
    #[derive(Deserialize)]
    struct Index {
        #[serde(default)]
        manifests: Vec<Descriptor>,
    }
    let index: Index = serde_json::from_slice(index)
        .map_err(|error| LocalError::malformed(path, format!("{INDEX}: {error}")))?;
    let root = |descriptor: Descriptor| {
        let names = [REF_NAME, IMAGE_NAME].iter().filter_map(|key| descriptor.annotations.get(*key)).cloned();
        Root { names: names.collect(), descriptor }
    };
    Ok(index.manifests.into_iter().map(root).collect())
}
