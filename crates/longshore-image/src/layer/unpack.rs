//! Layers, unpacked. How one is packed is told by its first bytes: media types are often wrong.

use std::{
    fmt,
    io::{self, BufReader, Chain, Cursor, Read},
};

use flate2::bufread::MultiGzDecoder;

use super::LayerError;

/// How much is read at once.
const BUFFER_BYTES: usize = 128 * 1024;
/// The first bytes that tell forms apart.
const MAGIC_BYTES: usize = 6;
/// Largest window of zstd, as a power of two: 128 MiB is what zstd itself takes at most if nothing is said.
const WINDOW_LOG_MAX: u32 = 27;

type Source<R> = BufReader<Chain<Cursor<Vec<u8>>, Marked<R>>>;

/// The bytes of a layer, unpacked and counted.
pub(super) struct Unpacked<R: Read> {
    form: Form<R>,
    /// How many bytes were read.
    position: u64,
    bytes_max: u64,
}

enum Form<R: Read> {
    Plain(Source<R>),
    Gzip(Box<MultiGzDecoder<Source<R>>>),
    Zstd(Box<zstd::Decoder<'static, Source<R>>>),
}

/// Marks errors of the source, so that they are told from those of unpacking.
struct Marked<R>(R);

#[derive(Debug)]
struct SourceFailed(io::Error);

impl fmt::Display for SourceFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceFailed {}

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            // Readers try again on this one.
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, SourceFailed(error)),
        })
    }
}

fn failure(error: io::Error) -> LayerError {
    match error.downcast::<SourceFailed>() {
        Ok(SourceFailed(error)) => LayerError::Source(error),
        Err(error) => LayerError::Compression(error.to_string()),
    }
}

impl<R: Read> Unpacked<R> {
    /// Looks how `source` is packed. No more than `bytes_max` bytes are unpacked.
    pub(super) fn new(source: R, bytes_max: u64) -> Result<Self, LayerError> {
        let mut source = Marked(source);
        let mut magic = Vec::with_capacity(MAGIC_BYTES);
        (&mut source).take(MAGIC_BYTES as u64).read_to_end(&mut magic).map_err(failure)?;
        let packing = Packing::of(&magic)?;
        let source = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(magic).chain(source));
        let form = match packing {
            Packing::Plain => Form::Plain(source),
            Packing::Gzip => Form::Gzip(Box::new(MultiGzDecoder::new(source))),
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source).map_err(failure)?;
                decoder.window_log_max(WINDOW_LOG_MAX).map_err(failure)?;
                Form::Zstd(Box::new(decoder))
            }
        };
        Ok(Self { form, position: 0, bytes_max })
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Reads what is there, at most `buffer` full; 0 at the end.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let reader: &mut dyn Read = match &mut self.form {
            Form::Plain(reader) => reader,
            Form::Gzip(reader) => reader,
            Form::Zstd(reader) => reader,
        };
        loop {
            match reader.read(buffer) {
                Ok(count) => {
                    self.position += count as u64;
                    return match self.position > self.bytes_max {
                        true => Err(LayerError::TooLarge(self.bytes_max)),
                        false => Ok(count),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(error)),
            }
        }
    }

    /// Fills the buffer as far as there are bytes.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// Goes to the end, so that sums in the packing are checked and whoever checks the source's digest sees all of it.
    pub(super) fn finish(&mut self, scratch: &mut [u8]) -> Result<(), LayerError> {
        while self.read_some(scratch)? > 0 {}
        Ok(())
    }
}

enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(magic: &[u8]) -> Result<Self, LayerError> {
        let other = |name: &str| Err(LayerError::Compression(format!("{name} is not read here")));
        match magic {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Self::Zstd),
            // A frame to be skipped may come first: RFC 8878, section 3.1.2.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Self::Zstd),
            [b'B', b'Z', b'h', ..] => other("bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => other("xz"),
            _ => Ok(Self::Plain),
        }
    }
}
