//! The bytes of one file of a layer.

use std::io::{self, Read};

use longshore_types::{DigestAlgorithm, Digester};

use super::{Entry, LayerError, read::half, unpack::Unpacked};

/// The bytes of a file, as they come out of its layer. Errors say [`LayerError`].
pub struct FileReader<R: Read> {
    stream: Unpacked<R>,
    left: u64,
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
    let Some(data_at) = entry.data_at else { return Err(LayerError::NoContent(entry.path.to_string())) };
    let mut stream = Unpacked::new(source, unpacked_bytes_max)?;
    let mut scratch = vec![0; 64 * 1024];
    while stream.position() < data_at {
        let wanted = usize::try_from(data_at - stream.position()).unwrap_or(usize::MAX).min(scratch.len());
        if stream.read_some(&mut scratch[..wanted])? == 0 {
            return Err(ends_early(entry));
        }
    }
    Ok(FileReader { stream, left: entry.size_bytes })
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
    if entry.size_bytes > bytes_max {
        return Err(LayerError::FileTooLarge { size_bytes: entry.size_bytes, bytes_max });
    }
    let mut file = open_file(source, entry, unpacked_bytes_max)?;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match file.read_some(&mut buffer)? {
            0 => break,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    if (bytes.len() as u64) < entry.size_bytes {
        return Err(ends_early(entry));
    }
    let mut digester = Digester::new(DigestAlgorithm::Sha256);
    digester.update(&bytes);
    if entry.hash.is_some() && half(digester) != entry.hash {
        return Err(LayerError::Malformed(format!("{} is not what was listed", entry.path)));
    }
    Ok(bytes)
}

fn ends_early(entry: &Entry) -> LayerError {
    LayerError::Malformed(format!("it ends before {}", entry.path))
}

impl<R: Read> FileReader<R> {
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.stream.read_some(&mut buffer[..wanted])?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl<R: Read> Read for FileReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(|error| match error {
            LayerError::Source(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error),
        })
    }
}
