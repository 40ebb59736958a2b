//! Tar archives, member by member. Written here because readers at hand take long names whole, however long they say
//! they are, and stop at members that runtimes take.

use std::io::Read;

use super::{
    LayerBounds, LayerError,
    header::{BLOCK, Header},
    pax::Extended,
    unpack::Unpacked,
};

/// Longest extended header, and longest name in one: Go's bound, which all who pull images have.
const SPECIAL_BYTES_MAX: u64 = 1 << 20;

/// A member of an archive.
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) modified: i64,
    /// Bytes of the file.
    pub(super) size: u64,
    /// Bytes in the archive, which of a sparse file are others.
    pub(super) stored: u64,
    pub(super) sparse: bool,
}

/// An archive that is being read.
pub(super) struct Tar<R: Read> {
    pub(super) stream: Unpacked<R>,
    /// What is left of the member's bytes, and what fills its last block.
    left: u64,
    padding: u64,
    scratch: Vec<u8>,
}

fn malformed(text: &str) -> LayerError {
    LayerError::Malformed(text.to_owned())
}

impl<R: Read> Tar<R> {
    pub(super) fn new(source: R, bounds: &LayerBounds) -> Result<Self, LayerError> {
        let stream = Unpacked::new(source, bounds.unpacked_bytes_max)?;
        Ok(Self { stream, left: 0, padding: 0, scratch: vec![0; 64 * 1024] })
    }

    /// The next member; none at the end, to which everything was read then.
    pub(super) fn next(&mut self) -> Result<Option<Member>, LayerError> {
        let (mut extended, mut long_name, mut long_link) = (Extended::default(), None, None);
        loop {
            self.skip()?;
            let Some(header) = self.header()? else {
                self.stream.finish(&mut self.scratch)?;
                return Ok(None);
            };
            self.begin_data(header.size)?;
            match header.kind {
                b'x' => extended.add(&self.special()?).map_err(malformed)?,
                b'L' => long_name = Some(up_to_zero(self.special()?)),
                b'K' => long_link = Some(up_to_zero(self.special()?)),
                // For all that follow, and of no use here; the name of a volume.
                b'g' | b'V' => {}
                b'M' => return Err(malformed("it is part of a larger archive")),
                _ => return self.member(header, extended, long_name, long_link).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        header: Header,
        mut extended: Extended,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> Result<Member, LayerError> {
        if let Some((_, true)) = header.sparse {
            self.rest_of_map()?;
        }
        let mut stored = extended.size.unwrap_or(header.size);
        // Some archivers give links and folders a size without bytes: Go's reader, `isHeaderOnlyType`.
        if matches!(header.kind, b'1'..=b'6') {
            stored = 0;
        }
        self.begin_data(stored)?;
        let real_size = header.sparse.map(|(real_size, _)| real_size).or(extended.real_size);
        Ok(Member {
            name: extended.take_path().or(long_name).unwrap_or(header.name),
            link: extended.link.or(long_link).unwrap_or(header.link),
            kind: header.kind,
            mode: header.mode,
            uid: extended.uid.unwrap_or(header.uid),
            gid: extended.gid.unwrap_or(header.gid),
            modified: extended.modified.unwrap_or(header.modified),
            size: real_size.unwrap_or(stored),
            stored,
            sparse: header.sparse.is_some() || extended.sparse,
        })
    }

    /// More bytes of the member; 0 at their end.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Result<&'a [u8], LayerError> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(&[]);
        }
        match self.stream.read_some(&mut buffer[..wanted])? {
            0 => Err(malformed("it ends within a file")),
            count => {
                self.left -= count as u64;
                Ok(&buffer[..count])
            }
        }
    }

    /// Goes to the next header.
    fn skip(&mut self) -> Result<(), LayerError> {
        let mut left = self.left.checked_add(self.padding).ok_or_else(|| malformed("a size is too large"))?;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.scratch.len());
            match self.stream.read_some(&mut self.scratch[..wanted])? {
                // Some archives end without filling their last block.
                0 if left <= self.padding => break,
                0 => return Err(malformed("it ends within a file")),
                count => left -= count as u64,
            }
        }
        (self.left, self.padding) = (0, 0);
        Ok(())
    }

    fn begin_data(&mut self, size: u64) -> Result<(), LayerError> {
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        Ok(())
    }

    /// The next header; none after two blocks of zeros, or where the bytes end.
    fn header(&mut self) -> Result<Option<Header>, LayerError> {
        for _ in 0..2 {
            let Some(block) = self.block()? else { return Ok(None) };
            if let Some(header) = Header::parse(&block).map_err(malformed)? {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, LayerError> {
        let mut block = [0; BLOCK];
        match self.stream.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(malformed("it ends within a header")),
        }
    }

    /// The bytes of a member that says something about the next one.
    fn special(&mut self) -> Result<Vec<u8>, LayerError> {
        if self.left > SPECIAL_BYTES_MAX {
            return Err(malformed("an extended header is too long"));
        }
        let mut bytes = vec![0; self.left as usize];
        if self.stream.fill(&mut bytes)? < bytes.len() {
            return Err(malformed("it ends within a header"));
        }
        self.left = 0;
        Ok(bytes)
    }

    /// The map of a sparse file in GNU's old form goes on for as many blocks as say so.
    fn rest_of_map(&mut self) -> Result<(), LayerError> {
        while let Some(block) = self.block()? {
            if block[504] == 0 {
                return Ok(());
            }
        }
        Err(malformed("it ends within a header"))
    }
}

fn up_to_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    bytes
}
