//! Archives as `docker save` writes them and `docker load` reads them: `manifest.json` names configuration and layers,
//! which are not compressed.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{BufReader, Read, Seek as _, SeekFrom, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use longshore_image::open_layer;
use longshore_types::{Descriptor, Digest, DigestAlgorithm, Digester, MediaType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    LocalError,
    archive::Index,
    extent::{Extent, each_piece},
    images::{Choice, Root, choose},
};
use crate::PulledManifest;

/// The file that makes an archive one of these.
const MANIFEST: &str = "manifest.json";

/// More layers than this have no engine that runs them.
const LAYERS_MAX: usize = 1000;

/// What a layer may unpack to, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 << 30;

/// An image in `manifest.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Of a configuration, what ties layers to it.
#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<Digest>,
}

fn diff_ids(path: &Path, config: &[u8]) -> Result<Vec<Digest>, LocalError> {
    let config: Config = serde_json::from_slice(config)
        .map_err(|error| LocalError::malformed(path, format!("its configuration: {error}")))?;
    Ok(config.rootfs.diff_ids)
}

/// The image that is meant, with a manifest made for it. Layers are compressed into files in `scratch`.
pub(super) fn read(
    path: &Path,
    archive: &Index,
    choice: &Choice,
    scratch: &Path,
) -> Result<(HashMap<Digest, Extent>, Root), LocalError> {
    let malformed = |why: String| LocalError::malformed(path, why);
    let missing =
        |name: &str| LocalError::malformed(path, format!("it names {name:?}, but does not hold it"));
    let Some(manifest) = archive.file(MANIFEST) else {
        return Err(malformed(format!(
            "it is no archive of images: it has neither index.json nor {MANIFEST}"
        )));
    };
    let items: Vec<Item> = serde_json::from_slice(&manifest.read()?)
        .map_err(|error| malformed(format!("{MANIFEST}: {error}")))?;
    let names: Vec<_> = items.iter().map(|item| item.repo_tags.clone().unwrap_or_default()).collect();
    let images: Vec<_> = names.iter().enumerate().map(|(at, names)| (&names[..], at)).collect();
    let item = &items[choose(path, &images, choice)?];
    if item.layers.len() > LAYERS_MAX {
        return Err(malformed(format!("an image has more than {LAYERS_MAX} layers")));
    }
    let config = archive.file(&item.config).ok_or_else(|| missing(&item.config))?;
    let config_bytes = config.read()?;
    let diff_ids = diff_ids(path, &config_bytes)?;
    if diff_ids.len() != item.layers.len() {
        let why = format!("{} layers and {} in the configuration", item.layers.len(), diff_ids.len());
        return Err(malformed(why));
    }
    let mut layers = Vec::new();
    for (name, diff_id) in item.layers.iter().zip(&diff_ids) {
        layers.push((archive.file(name).ok_or_else(|| missing(name))?, *diff_id));
    }
    let config =
        (descriptor(MediaType::OCI_CONFIG, Digest::sha256(&config_bytes), config.size_bytes), config);
    manifest_of(config, compress_all(path, &layers, scratch)?, scratch)
}

type Blob = (Descriptor, Extent);

fn manifest_of(
    (config, config_extent): Blob,
    layers: Vec<Blob>,
    scratch: &Path,
) -> Result<(HashMap<Digest, Extent>, Root), LocalError> {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": config,
        "layers": layers.iter().map(|(layer, _)| layer).collect::<Vec<_>>(),
    });
    let bytes = manifest.to_string().into_bytes();
    let file = scratch.join(MANIFEST);
    std::fs::write(&file, &bytes).map_err(LocalError::file(&file))?;
    let root = descriptor(MediaType::OCI_MANIFEST, Digest::sha256(&bytes), bytes.len() as u64);
    let manifest = Extent { path: file.into(), offset: 0, size_bytes: root.size_bytes };
    let mut extents: HashMap<_, _> = layers.into_iter().map(|(layer, at)| (layer.digest, at)).collect();
    extents.insert(config.digest, config_extent);
    extents.insert(root.digest, manifest);
    Ok((extents, Root { descriptor: root, names: Vec::new() }))
}

fn descriptor(media_type: MediaType, digest: Digest, size_bytes: u64) -> Descriptor {
    Descriptor { media_type, digest, size_bytes, artifact_type: None, annotations: Default::default() }
}

/// Compresses layers, a core each, in their order. The same one twice is done once.
fn compress_all(path: &Path, layers: &[(Extent, Digest)], scratch: &Path) -> Result<Vec<Blob>, LocalError> {
    let mut once: Vec<&(Extent, Digest)> = Vec::new();
    for layer in layers {
        if once.iter().all(|other| other.1 != layer.1) {
            once.push(layer);
        }
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || -> Result<Vec<(Digest, Blob)>, LocalError> {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some((extent, diff_id)) = once.get(at) else { return Ok(done) };
            let to = scratch.join(format!("{at}.tar.gz"));
            done.push((*diff_id, compress(path, extent, diff_id, &to)?));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(once.len().max(1));
    let done: Result<Vec<_>, LocalError> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let blobs: HashMap<Digest, Blob> = done?.into_iter().flatten().collect();
    Ok(layers.iter().filter_map(|(_, diff_id)| blobs.get(diff_id).cloned()).collect())
}

/// A layer as registries hold it. One that is compressed already, as other tools than docker write it, stays as it is.
fn compress(path: &Path, layer: &Extent, diff_id: &Digest, to: &Path) -> Result<Blob, LocalError> {
    let kind = |suffix: &str| {
        let text = format!("application/vnd.oci.image.layer.v1.tar{suffix}");
        text.parse::<MediaType>().map_err(|error| LocalError::malformed(path, error.to_string()))
    };
    let mut magic = Vec::new();
    layer.open(0)?.take(4).read_to_end(&mut magic).map_err(LocalError::file(path))?;
    let suffix = match magic[..] {
        [0x1f, 0x8b, ..] => "+gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "+zstd",
        _ => {
            let size_bytes = pack(path, layer, diff_id, to)?;
            let extent = Extent { path: to.into(), offset: 0, size_bytes };
            let digest = extent.digest(DigestAlgorithm::Sha256)?;
            return Ok((descriptor(kind("+gzip")?, digest, size_bytes), extent));
        }
    };
    let digest = layer.digest(DigestAlgorithm::Sha256)?;
    Ok((descriptor(kind(suffix)?, digest, layer.size_bytes), layer.clone()))
}

/// Compresses a layer, which must be the one that the configuration means; gives its length then.
fn pack(path: &Path, layer: &Extent, diff_id: &Digest, to: &Path) -> Result<u64, LocalError> {
    let file = File::create_new(to).map_err(LocalError::file(to))?;
    let mut digester = Digester::new(diff_id.algorithm());
    let mut packed = GzEncoder::new(file, Compression::default());
    each_piece(path, &mut layer.open(0)?, |piece| {
        digester.update(piece);
        packed.write_all(piece).map_err(LocalError::file(to))
    })?;
    let actual = digester.finish();
    if actual != *diff_id {
        return Err(LocalError::DigestMismatch { path: path.to_owned(), expected: *diff_id, actual });
    }
    let file = packed.finish().map_err(LocalError::file(to))?;
    Ok(file.metadata().map_err(LocalError::file(to))?.len())
}

/// Writes an archive of one image, whose blobs are in files.
pub(super) fn write(
    to: &Path,
    image: &PulledManifest,
    name: Option<&str>,
    place: impl Fn(&Digest) -> std::path::PathBuf,
) -> Result<(), LocalError> {
    let malformed = |why: &str| LocalError::malformed(to, why);
    let config = image.manifest.config().ok_or_else(|| malformed("an image without a configuration"))?;
    let config_extent =
        Extent { path: place(&config.digest).into(), offset: 0, size_bytes: config.size_bytes };
    let config_bytes = config_extent.read()?;
    let (diff_ids, layers) = (diff_ids(to, &config_bytes)?, image.manifest.layers());
    if diff_ids.len() != layers.len() {
        return Err(malformed("its configuration has another number of layers than its manifest"));
    }
    let file = File::create(to).map_err(LocalError::file(to))?;
    let mut archive = Writer { path: to, file };
    let config_name = format!("{}.json", config.digest.hex());
    archive.add(&config_name, &config_bytes)?;
    let (mut names, mut written) = (Vec::new(), HashSet::new());
    for (layer, diff_id) in layers.iter().zip(&diff_ids) {
        let name = format!("{}/layer.tar", diff_id.hex());
        if written.insert(*diff_id) {
            archive.add_layer(&name, &place(&layer.digest), diff_id)?;
        }
        names.push(name);
    }
    let item = Item { config: config_name, repo_tags: name.map(|name| vec![name.to_owned()]), layers: names };
    archive.add(MANIFEST, json!([item]).to_string().as_bytes())?;
    archive.finish()
}

/// An archive that is being written.
struct Writer<'a> {
    path: &'a Path,
    file: File,
}

impl Writer<'_> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), LocalError> {
        let size_bytes = bytes.len() as u64;
        let parts = [&header(name, size_bytes)[..], bytes, &padding(size_bytes)];
        parts.iter().try_for_each(|part| self.file.write_all(part)).map_err(LocalError::file(self.path))
    }

    /// A layer without its compression. How long that is shows at its end, so the header is written last.
    fn add_layer(&mut self, name: &str, layer: &Path, diff_id: &Digest) -> Result<(), LocalError> {
        let fault = || LocalError::file(self.path);
        let begin = self.file.stream_position().map_err(fault())?;
        self.file.write_all(&header(name, 0)).map_err(fault())?;
        let packed = BufReader::with_capacity(256 << 10, File::open(layer).map_err(LocalError::file(layer))?);
        let mut unpacked = open_layer(packed, UNPACKED_BYTES_MAX)
            .map_err(|error| LocalError::malformed(layer, longshore_types::error_chain(&error)))?;
        let (mut digester, mut size_bytes) = (Digester::new(diff_id.algorithm()), 0);
        each_piece(layer, &mut unpacked, |piece| {
            digester.update(piece);
            size_bytes += piece.len() as u64;
            self.file.write_all(piece).map_err(LocalError::file(self.path))
        })?;
        let actual = digester.finish();
        if actual != *diff_id {
            return Err(LocalError::DigestMismatch { path: layer.to_owned(), expected: *diff_id, actual });
        }
        let written = self.file.write_all(&padding(size_bytes)).and_then(|()| {
            self.file.seek(SeekFrom::Start(begin))?;
            self.file.write_all(&header(name, size_bytes))?;
            self.file.seek(SeekFrom::End(0)).map(drop)
        });
        written.map_err(LocalError::file(self.path))
    }

    fn finish(mut self) -> Result<(), LocalError> {
        let ended = self.file.write_all(&[0; 1024]).and_then(|()| self.file.sync_data());
        ended.map_err(LocalError::file(self.path))
    }
}

/// A file's header: POSIX.1-2017, "ustar Interchange Format". Names here are shorter than its hundred bytes.
fn header(name: &str, size_bytes: u64) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    // Eleven octal digits reach to 8 GiB; what is larger is written in bytes, as GNU tar does and all read it.
    if size_bytes < 1 << 33 {
        put(124, format!("{size_bytes:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size_bytes.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// What fills the last block.
fn padding(size_bytes: u64) -> Vec<u8> {
    vec![0; (size_bytes.next_multiple_of(512) - size_bytes) as usize]
}

#[cfg(test)]
mod tests {
    use longshore_image::{LayerBounds, read_layer};

    use super::*;

    #[test]
    fn headers_are_read_by_others() {
        let archive = [&header("a/layer.tar", 3)[..], b"abc", &padding(3), &[0; 1024]].concat();
        let files = read_layer(&archive[..], &LayerBounds::default()).unwrap();
        let file = files.get("a/layer.tar").unwrap();
        assert_eq!((file.size_bytes, file.data_at, file.mode), (3, Some(512), 0o644));
        assert_eq!((padding(0).len(), padding(512).len(), padding(513).len()), (0, 0, 511));
    }

    #[test]
    fn sizes_beyond_eleven_digits_are_bytes() {
        assert_eq!(header("x", (1 << 33) - 1)[124..136], *b"77777777777\0");
        assert_eq!(header("x", 1 << 33)[124..136], [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
    }
}
