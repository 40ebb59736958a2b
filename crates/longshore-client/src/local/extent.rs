//! Bytes within a file: a blob of a folder, or an entry of an archive.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, Take},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use longshore_types::{Digest, DigestAlgorithm, Digester};
use tokio::sync::mpsc;

use super::{JSON_BYTES_MAX, LocalError};
use crate::{ClientError, Pieces};

/// How much is read at a time, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces that are read ahead of whoever takes them.
const PIECES_AHEAD: usize = 4;

/// Part of a file.
#[derive(Clone, Debug)]
pub(super) struct Extent {
    pub(super) path: Arc<Path>,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
}

impl Extent {
    /// A whole file, if it is one: reading from a pipe or a device would never end.
    pub(super) fn whole(path: PathBuf) -> io::Result<Option<Self>> {
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                Ok(Some(Self { path: path.into(), offset: 0, size_bytes: metadata.len() }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its bytes from one on.
    pub(super) fn open(&self, from: u64) -> Result<Take<File>, LocalError> {
        let fault = || LocalError::file(&self.path);
        let mut file = File::open(&self.path).map_err(fault())?;
        file.seek(SeekFrom::Start(self.offset + from)).map_err(fault())?;
        Ok(file.take(self.size_bytes.saturating_sub(from)))
    }

    /// All of them: of a manifest, an index, a configuration.
    pub(super) fn read(&self) -> Result<Bytes, LocalError> {
        if self.size_bytes > JSON_BYTES_MAX {
            let why = format!("a part of {} bytes is longer than manifests are", self.size_bytes);
            return Err(LocalError::malformed(&self.path, why));
        }
        let mut bytes = Vec::new();
        self.open(0)?.read_to_end(&mut bytes).map_err(LocalError::file(&self.path))?;
        Ok(bytes.into())
    }

    pub(super) fn digest(&self, algorithm: DigestAlgorithm) -> Result<Digest, LocalError> {
        let mut digester = Digester::new(algorithm);
        let mut reader = self.open(0)?;
        each_piece(&self.path, &mut reader, |piece| {
            digester.update(piece);
            Ok(())
        })?;
        Ok(digester.finish())
    }

    /// Its bytes from one on, read in a thread of its own. From the first one, the digest is checked before the last
    /// piece is given.
    pub(super) fn stream(self, from: u64, expected: Digest) -> Pieces {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = self.send(from, expected, &sender) {
                // Whoever reads may be gone.
                let _ = sender.blocking_send(Err(ClientError::from(error).into()));
            }
        });
        stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)))
            .boxed()
    }

    fn send(&self, from: u64, expected: Digest, to: &mpsc::Sender<Piece>) -> Result<(), LocalError> {
        let mut digester = (from == 0).then(|| Digester::new(expected.algorithm()));
        let (mut reader, mut held) = (self.open(from)?, None::<Bytes>);
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let mut part = reader.by_ref().take(PIECE_BYTES as u64);
            part.read_to_end(&mut piece).map_err(LocalError::file(&self.path))?;
            if piece.is_empty() {
                break;
            }
            if let Some(digester) = &mut digester {
                digester.update(&piece);
            }
            if let Some(ready) = held.replace(piece.into())
                && to.blocking_send(Ok(ready)).is_err()
            {
                return Ok(());
            }
        }
        if let Some(actual) = digester.map(Digester::finish).filter(|actual| *actual != expected) {
            let path = self.path.to_path_buf();
            return Err(LocalError::DigestMismatch { path, expected, actual });
        }
        if let Some(last) = held {
            let _ = to.blocking_send(Ok(last));
        }
        Ok(())
    }
}

type Piece = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Calls `each` with what is read, piece by piece.
pub(super) fn each_piece(
    path: &Path,
    reader: &mut impl Read,
    mut each: impl FnMut(&[u8]) -> Result<(), LocalError>,
) -> Result<(), LocalError> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => each(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(LocalError::file(path)(error)),
        }
    }
}
