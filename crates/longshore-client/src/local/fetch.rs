//! One blob on its way into a folder. What broke goes on where it was.

use std::{
    fs::{File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use longshore_types::{Descriptor, Digest, Digester};
use tokio::sync::mpsc;

use super::{LocalError, error::blocking, extent::each_piece, folder::Folder};
use crate::{ClientError, ImageSource, Pushed};

/// Pieces that wait for the disk.
const PIECES_WAITING: usize = 4;

/// Makes sure that a blob is in the folder.
pub(super) async fn fetch(
    from: &dyn ImageSource,
    folder: &Arc<Folder>,
    blob: &Descriptor,
    progress: impl Fn(i64),
) -> Result<Pushed, ClientError> {
    let (digest, size_bytes) = (blob.digest, blob.size_bytes);
    let there = Arc::clone(folder);
    if blocking(move || there.has(&digest, size_bytes)).await? {
        return Ok(Pushed::Present);
    }
    let done = match go_on(from, folder, blob, &progress).await {
        // What was there before is wrong, or the registry sends no parts: from the beginning, then.
        Err((
            ClientError::Local(LocalError::DigestMismatch { .. }) | ClientError::Protocol { .. },
            begun,
        )) if begun > 0 => {
            progress(-signed(begun));
            let wrong = folder.unfinished(&digest);
            blocking(move || remove(&wrong)).await?;
            go_on(from, folder, blob, &progress).await.map_err(|(error, _)| error)?
        }
        outcome => outcome.map_err(|(error, _)| error)?,
    };
    let there = Arc::clone(folder);
    blocking(move || there.publish(&done, &there.place(&digest))).await?;
    Ok(Pushed::Sent)
}

/// With an error, how many bytes were there before.
async fn go_on(
    from: &dyn ImageSource,
    folder: &Arc<Folder>,
    blob: &Descriptor,
    progress: &impl Fn(i64),
) -> Result<PathBuf, (ClientError, u64)> {
    let (digest, size_bytes, there) = (blob.digest, blob.size_bytes, Arc::clone(folder));
    let begun = blocking(move || Begun::open(there.unfinished(&digest), &digest, size_bytes));
    let begun = begun.await.map_err(|error| (error.into(), 0))?;
    let before = begun.size_bytes;
    progress(signed(before));
    receive(from, blob, begun, progress).await.map_err(|error| (error, before))
}

fn remove(path: &Path) -> Result<(), LocalError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(LocalError::file(path)(error)),
        _ => Ok(()),
    }
}

/// A file with the first bytes of a blob.
struct Begun {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    /// Of what is there, if something is.
    digester: Option<Digester>,
}

impl Begun {
    fn open(path: PathBuf, digest: &Digest, size_bytes_max: u64) -> Result<Self, LocalError> {
        let fault = || LocalError::file(&path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fault())?;
        let mut size_bytes = file.metadata().map_err(fault())?.len();
        if size_bytes > size_bytes_max {
            file.set_len(0).map_err(fault())?;
            size_bytes = 0;
        }
        let mut digester = None;
        if size_bytes > 0 {
            let mut hashed = Digester::new(digest.algorithm());
            each_piece(&path, &mut file, |piece| {
                hashed.update(piece);
                Ok(())
            })?;
            digester = Some(hashed);
        }
        file.seek(SeekFrom::Start(size_bytes)).map_err(fault())?;
        Ok(Self { path, file, size_bytes, digester })
    }
}

/// Fetches the rest; gives the file once its digest was found right.
async fn receive(
    from: &dyn ImageSource,
    blob: &Descriptor,
    begun: Begun,
    progress: &impl Fn(i64),
) -> Result<PathBuf, ClientError> {
    let Begun { path, file, size_bytes: offset, digester } = begun;
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    let written = path.clone();
    let writing = blocking(move || write(written, file, receiver, digester));
    let reading = async {
        // Its sender goes with this block, which ends the writing.
        let sender = sender;
        if offset == blob.size_bytes && offset > 0 {
            return Ok(());
        }
        let (mut pieces, mut size_bytes) = (from.open(blob, offset).await?, offset);
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| source_error(blob, error))?;
            size_bytes += piece.len() as u64;
            progress(signed(piece.len() as u64));
            if size_bytes > blob.size_bytes || sender.send(piece).await.is_err() {
                break;
            }
        }
        if size_bytes == blob.size_bytes {
            return Ok(());
        }
        let why = format!("{} has other than the {} bytes it should", blob.digest, blob.size_bytes);
        Err(ClientError::Content { what: from.describe(), why })
    };
    let (read, hashed) = tokio::join!(reading, writing);
    // A full disk stops the reading: it is the reason, whatever the reading says.
    let actual = hashed?;
    read?;
    match actual {
        Some(actual) if actual != blob.digest => {
            let gone = path.clone();
            blocking(move || remove(&gone)).await?;
            Err(LocalError::DigestMismatch { path, expected: blob.digest, actual }.into())
        }
        _ => Ok(path),
    }
}

/// Writes what arrives to its end. Of what was begun before, gives the digest of the whole.
fn write(
    path: PathBuf,
    mut file: File,
    mut pieces: mpsc::Receiver<Bytes>,
    mut digester: Option<Digester>,
) -> Result<Option<Digest>, LocalError> {
    while let Some(piece) = pieces.blocking_recv() {
        if let Some(digester) = &mut digester {
            digester.update(&piece);
        }
        file.write_all(&piece).map_err(LocalError::file(&path))?;
    }
    Ok(digester.map(Digester::finish))
}

fn source_error(blob: &Descriptor, error: Box<dyn std::error::Error + Send + Sync>) -> ClientError {
    match error.downcast::<ClientError>() {
        Ok(error) => *error,
        Err(error) => {
            ClientError::Content { what: blob.digest.to_string(), why: longshore_types::error_chain(&*error) }
        }
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
