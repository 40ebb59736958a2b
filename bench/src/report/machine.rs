//! The machine that was measured on.

use std::fs;

use serde::Serialize;

/// Enough to tell whether two reports can be compared.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    /// The processor, as `/proc/cpuinfo` names it.
    processor: String,
    /// How many cores there are for client and servers together.
    cores: usize,
    /// Memory.
    memory_bytes: u64,
    /// The kernel's version.
    kernel: String,
}

impl Machine {
    /// This machine. What cannot be found out is left empty.
    pub(super) fn read() -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = file("/proc/cpuinfo");
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let memory = file("/proc/meminfo");
        let kibibytes =
            memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
        Self {
            processor: processor.map(|(_, name)| name.trim().to_owned()).unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: kibibytes.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) * 1024,
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}
