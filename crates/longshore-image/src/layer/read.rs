//! From the bytes of a layer to its files.

use std::io::Read;

use longshore_types::{DigestAlgorithm, Digester};

use super::{
    Entry, EntryKind, LayerBounds, LayerError, LayerFiles,
    path::{normal_path, split},
    tar::{Member, Tar},
};

/// Before the name of what is hidden: image specification v1.1, "Whiteouts".
const WHITEOUT: &str = ".wh.";
/// Hides all that lower layers have in the folder.
const OPAQUE: &str = ".wh..wh..opq";
/// What the file system that invented whiteouts kept for itself.
const OTHERS_OWN: &str = ".wh..wh.";

/// Reads the files of a layer from its bytes: a tar archive, packed by gzip or zstd or not at all, which its first bytes
/// tell. All bytes are read, to the end, and none of the files is kept: memory grows with the number of files alone.
///
/// # Errors
/// If the layer is no such archive, goes beyond a bound, or its bytes cannot be had.
pub fn read_layer(source: impl Read, bounds: &LayerBounds) -> Result<LayerFiles, LayerError> {
    let mut tar = Tar::new(source, bounds)?;
    let (mut entries, mut text_bytes) = (Vec::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    while let Some(member) = tar.next()? {
        let Some(mut entry) = entry(&member, bounds)? else { continue };
        if entries.len() >= bounds.entries_max {
            return Err(LayerError::TooManyEntries(bounds.entries_max));
        }
        text_bytes += entry.path.len() + entry.target.as_ref().map_or(0, |target| target.len());
        if text_bytes > bounds.text_bytes_max {
            return Err(LayerError::TooMuchText(bounds.text_bytes_max));
        }
        if entry.kind == EntryKind::File && !member.sparse {
            entry.data_at = Some(tar.stream.position());
            entry.hash = hash(&mut tar, &mut buffer, member.stored)?;
        }
        entries.push(entry);
    }
    Ok(LayerFiles::new(entries))
}

/// What a member stands for; none where it is of no meaning to an image.
fn entry(member: &Member, bounds: &LayerBounds) -> Result<Option<Entry>, LayerError> {
    let name = text(&member.name, bounds)?;
    let mut path = normal_path(&name);
    let mut kind = match member.kind {
        // The oldest archives tell folders by the end of their names.
        0 | b'0' if name.ends_with('/') => EntryKind::Folder,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' => EntryKind::CharDevice,
        b'4' => EntryKind::BlockDevice,
        b'5' | b'D' => EntryKind::Folder,
        b'6' => EntryKind::Fifo,
        // POSIX: what is not known is a file.
        _ => EntryKind::File,
    };
    let (folder, last) = split(&path);
    if last == OPAQUE {
        kind = EntryKind::Opaque;
        path = folder.to_owned();
    } else if path.split('/').any(|part| part.starts_with(OTHERS_OWN)) {
        return Ok(None);
    } else if let Some(hidden) = last.strip_prefix(WHITEOUT)
        && !matches!(hidden, "" | "." | "..")
    {
        kind = EntryKind::Whiteout;
        path = if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") };
    }
    let target = match kind {
        EntryKind::HardLink => Some(normal_path(&text(&member.link, bounds)?)),
        EntryKind::Symlink => Some(text(&member.link, bounds)?),
        _ => None,
    };
    Ok(Some(Entry {
        path: path.into(),
        kind,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        size_bytes: if kind == EntryKind::File { member.size } else { 0 },
        modified: member.modified,
        target: target.map(Into::into),
        data_at: None,
        hash: None,
    }))
}

fn text(bytes: &[u8], bounds: &LayerBounds) -> Result<String, LayerError> {
    match bytes.len() <= bounds.path_bytes_max {
        true => Ok(String::from_utf8_lossy(bytes).into_owned()),
        false => Err(LayerError::PathTooLong(bounds.path_bytes_max)),
    }
}

/// The first half of the SHA-256 of what follows; none of nothing.
fn hash<R: Read>(tar: &mut Tar<R>, buffer: &mut [u8], stored: u64) -> Result<Option<[u8; 16]>, LayerError> {
    if stored == 0 {
        return Ok(None);
    }
    let mut digester = Digester::new(DigestAlgorithm::Sha256);
    loop {
        match tar.read(buffer)? {
            [] => return Ok(half(digester)),
            bytes => digester.update(bytes),
        }
    }
}

pub(super) fn half(digester: Digester) -> Option<[u8; 16]> {
    digester.finish().hash().first_chunk().copied()
}
