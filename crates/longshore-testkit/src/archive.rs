//! Tar archives, written by hand: layers, and what no archiver writes.

/// An archive that is being written.
#[derive(Clone, Debug, Default)]
pub struct Archive(Vec<u8>);

impl Archive {
    /// Begins an archive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member as it is said, true or not: `kind` is the type of its header, `size` what the header says.
    pub fn member(mut self, name: &str, kind: u8, link: &str, size: u64, data: &[u8]) -> Self {
        let mut block = [0; 512];
        let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, if kind == b'5' { b"0000755\0" } else { b"0000644\0" });
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        match size < 1 << 33 {
            true => put(124, format!("{size:011o}\0").as_bytes()),
            false => put(124, &[&[0x80, 0, 0, 0], &size.to_be_bytes()[..]].concat()),
        }
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Adds a file.
    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.member(name, b'0', "", data.len() as u64, data)
    }

    /// Adds a folder.
    pub fn folder(self, name: &str) -> Self {
        self.member(name, b'5', "", 0, b"")
    }

    /// Adds a symbolic link.
    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.member(name, b'2', target, 0, b"")
    }

    /// Adds a hard link.
    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.member(name, b'1', target, 0, b"")
    }

    /// The archive as far as it was written, without its end.
    pub fn unfinished(self) -> Vec<u8> {
        self.0
    }

    /// The whole archive.
    pub fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }
}
