//! The bytes of files of a layer.

use std::io::{self, Read};

use longshore_types::{DigestAlgorithm, Digester};

use super::{Entry, LayerError, read::half, unpack::Unpacked};

/// How much is read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The bytes of a file, as they come out of its layer, or of the whole layer. Errors say [`LayerError`].
pub struct FileReader<R: Read> {
    stream: Unpacked<R>,
    /// `None` where the end is that of the layer.
    left: Option<u64>,
}

/// All bytes of a layer, unpacked, but no more than `unpacked_bytes_max`.
///
/// # Errors
/// If its compression is not known here.
pub fn open_layer<R: Read>(source: R, unpacked_bytes_max: u64) -> Result<FileReader<R>, LayerError> {
    Ok(FileReader { stream: Unpacked::new(source, unpacked_bytes_max)?, left: None })
}

/// Goes to the bytes of a file that [`super::read_layer`] found in a layer whose bytes begin at `source`. Of compressed
/// layers everything before it is unpacked, but no more than `unpacked_bytes_max` bytes in all.
///
/// # Errors
/// If the entry has no bytes that can be read, or the layer cannot be unpacked that far.
pub fn open_file<R: Read>(
    source: R,
    entry: &Entry,
    unpacked_bytes_max: u64,
) -> Result<FileReader<R>, LayerError> {
    let mut stream = Unpacked::new(source, unpacked_bytes_max)?;
    go_to(&mut stream, entry)?;
    Ok(FileReader { stream, left: Some(entry.size_bytes) })
}

/// The whole file, if it has no more than `bytes_max` bytes, compared with what was listed. See [`open_file`].
///
/// # Errors
/// If it is larger, cannot be read, or is not what was listed.
pub fn file_bytes<R: Read>(
    source: R,
    entry: &Entry,
    bytes_max: u64,
    unpacked_bytes_max: u64,
) -> Result<Vec<u8>, LayerError> {
    let mut files = files_bytes(source, &[entry], bytes_max, unpacked_bytes_max)?;
    Ok(files.pop().unwrap_or_default())
}

/// Several files of one layer, each as by [`file_bytes`], in one pass. Together they have no more than `bytes_max` bytes.
///
/// # Errors
/// If they are larger, or one cannot be read or is not what was listed.
pub fn files_bytes<R: Read>(
    source: R,
    entries: &[&Entry],
    bytes_max: u64,
    unpacked_bytes_max: u64,
) -> Result<Vec<Vec<u8>>, LayerError> {
    let size_bytes = entries.iter().map(|entry| entry.size_bytes).fold(0, u64::saturating_add);
    if size_bytes > bytes_max {
        return Err(LayerError::FileTooLarge { size_bytes, bytes_max });
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|at| entries[*at].data_at);
    let mut stream = Unpacked::new(source, unpacked_bytes_max)?;
    let mut files: Vec<Vec<u8>> = vec![Vec::new(); entries.len()];
    let mut before: Option<usize> = None;
    for at in order {
        files[at] = match before {
            // The same file twice: what was read does not come again.
            Some(before) if entries[before].data_at == entries[at].data_at && entries[at].size_bytes > 0 => {
                files[before].clone()
            }
            _ => read_whole(&mut stream, entries[at])?,
        };
        before = Some(at);
    }
    Ok(files)
}

fn read_whole<R: Read>(stream: &mut Unpacked<R>, entry: &Entry) -> Result<Vec<u8>, LayerError> {
    go_to(stream, entry)?;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; BUFFER_BYTES]);
    while (bytes.len() as u64) < entry.size_bytes {
        let left = entry.size_bytes - bytes.len() as u64;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        match stream.read_some(&mut buffer[..wanted])? {
            0 => return Err(ends_early(entry)),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    let mut digester = Digester::new(DigestAlgorithm::Sha256);
    digester.update(&bytes);
    if entry.hash.is_some() && half(digester) != entry.hash {
        return Err(LayerError::Malformed(format!("{} is not what was listed", entry.path)));
    }
    Ok(bytes)
}

fn go_to<R: Read>(stream: &mut Unpacked<R>, entry: &Entry) -> Result<(), LayerError> {
    let Some(data_at) = entry.data_at else { return Err(LayerError::NoContent(entry.path.to_string())) };
    let mut scratch = vec![0; BUFFER_BYTES];
    while stream.position() < data_at {
        let wanted = usize::try_from(data_at - stream.position()).unwrap_or(usize::MAX).min(scratch.len());
        if stream.read_some(&mut scratch[..wanted])? == 0 {
            return Err(ends_early(entry));
        }
    }
    Ok(())
}

fn ends_early(entry: &Entry) -> LayerError {
    LayerError::Malformed(format!("it ends before {}", entry.path))
}

impl<R: Read> Read for FileReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.unwrap_or(u64::MAX);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.stream.read_some(&mut buffer[..wanted]).map_err(|error| match error {
            LayerError::Source(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        })?;
        if let Some(left) = &mut self.left {
            if read == 0 && wanted > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *left -= read as u64;
        }
        Ok(read)
    }
}
