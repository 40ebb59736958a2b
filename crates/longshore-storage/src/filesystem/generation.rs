//! Whether an upload's file still holds the bytes that a progress speaks of.
//!
//! Two replicas may work on one upload: the index lets only one of them remember how far it came, but both write. So
//! each `finish` marks the file, and the progress keeps the mark. Who goes on from where the file stands appends to it;
//! who starts from an earlier point writes a copy, which takes the file's place when it is finished. Therefore the same
//! file keeps every byte that was ever acknowledged for it, and another file is another upload's history.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use longshore_types::UploadId;

/// What `UploadProgress::state` says of a file: its inode, when it was made, and the mark.
///
/// The mark is the part of a second in the time of modification, set at random: any write changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Generation {
    inode: u64,
    /// Inodes are used again. In nanoseconds; 0 where the file system does not say.
    made_at: u64,
    mark: u32,
}

/// How a file stands to a progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody wrote since.
    Same,
    /// The progress's bytes are there; somebody wrote behind them.
    Extended,
    /// Somebody wrote other bytes instead.
    Replaced,
}

/// Marks what the file holds now; the state to remember.
pub(super) fn mark(file: &File) -> io::Result<Vec<u8>> {
    let random = UploadId::random().to_string();
    let random = u32::from_str_radix(&random[..8], 16).expect("an upload id is hex digits");
    set_mark(file, random % 1_000_000_000)?;
    // As the file system kept it: some know no parts of a second.
    Ok(Generation::of(&file.metadata()?).to_bytes())
}

/// Makes the file look as if it was written now, but keeps its mark, or gives it that of `state`.
pub(super) fn refresh(file: &File, state: &[u8]) -> io::Result<()> {
    let mark = match Generation::from_bytes(state) {
        Some(generation) => generation.mark,
        None => Generation::of(&file.metadata()?).mark,
    };
    set_mark(file, mark)
}

/// How a file stands to the state that was remembered. An empty one (from before there were marks) is believed.
pub(super) fn compare(state: &[u8], found: &Metadata) -> Standing {
    if state.is_empty() {
        return Standing::Extended;
    }
    let found = Generation::of(found);
    match Generation::from_bytes(state) {
        Some(known) if known.mark == found.mark => Standing::Same,
        Some(known) if Generation { mark: found.mark, ..known } == found => Standing::Extended,
        _ => Standing::Replaced,
    }
}

fn set_mark(file: &File, mark: u32) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Never in the future.
    let seconds = now.as_secs().saturating_sub(u64::from(mark > now.subsec_nanos()));
    file.set_modified(UNIX_EPOCH + Duration::new(seconds, mark))
}

impl Generation {
    fn of(found: &Metadata) -> Self {
        let made_at = found.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
        Self {
            inode: found.ino(),
            made_at: made_at.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0),
            mark: u32::try_from(found.mtime_nsec()).unwrap_or(0),
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        [&self.inode.to_be_bytes()[..], &self.made_at.to_be_bytes(), &self.mark.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (inode, rest) = bytes.split_first_chunk()?;
        let (made_at, rest) = rest.split_first_chunk()?;
        let mark = u32::from_be_bytes(rest.try_into().ok()?);
        (mark < 1_000_000_000).then_some(Self {
            inode: u64::from_be_bytes(*inode),
            made_at: u64::from_be_bytes(*made_at),
            mark,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn writing_changes_the_mark_and_refreshing_does_not() {
        let mut file = tempfile::tempfile().unwrap();
        let check = |file: &File, state: &[u8], wanted| {
            assert_eq!(compare(state, &file.metadata().unwrap()), wanted);
        };
        let state = mark(&file).unwrap();
        check(&file, &state, Standing::Same);
        file.set_modified(UNIX_EPOCH + Duration::from_nanos(1)).unwrap();
        check(&file, &state, Standing::Extended);
        refresh(&file, &state).unwrap();
        check(&file, &state, Standing::Same);
        refresh(&file, &[]).unwrap();
        check(&file, &state, Standing::Same);
        assert!(file.metadata().unwrap().modified().unwrap() <= SystemTime::now());
        file.write_all(b"more").unwrap();
        check(&file, &state, Standing::Extended);
        let other = tempfile::tempfile().unwrap();
        check(&other, &state, Standing::Replaced);
        check(&other, &[], Standing::Extended);
        for wrong in [&state[1..], &[0xff; 20], &[0; 21]] {
            check(&file, wrong, Standing::Replaced);
        }
    }
}
