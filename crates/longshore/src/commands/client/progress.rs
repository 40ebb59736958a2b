//! What people see while blobs move: a bar each on a terminal, nothing in a pipe.

use std::{
    collections::HashMap,
    io::{IsTerminal as _, stderr},
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use longshore_client::{CopyProgress, Pushed};
use longshore_types::{Descriptor, Digest};

/// The kind that suits standard error.
pub(super) fn of_blobs() -> Arc<dyn CopyProgress> {
    if stderr().is_terminal() { Arc::new(Bars::new()) } else { Arc::new(Silence) }
}

struct Silence;

impl CopyProgress for Silence {
    fn begin(&self, _: &Descriptor) {}
    fn advance(&self, _: &Digest, _: i64) {}
    fn end(&self, _: &Descriptor, _: Pushed) {}
}

struct Bars {
    all: MultiProgress,
    style: ProgressStyle,
    under_way: Mutex<HashMap<Digest, ProgressBar>>,
}

impl Bars {
    fn new() -> Self {
        let template = "{prefix} [{bar:30}] {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {msg}";
        let style = ProgressStyle::with_template(template).expect("the template above is well formed");
        Self { all: MultiProgress::new(), style: style.progress_chars("=> "), under_way: Mutex::default() }
    }
}

impl CopyProgress for Bars {
    fn begin(&self, blob: &Descriptor) {
        let bar = self.all.add(ProgressBar::new(blob.size_bytes)).with_style(self.style.clone());
        bar.set_prefix(blob.digest.hex().chars().take(12).collect::<String>());
        bar.tick();
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.digest, bar);
    }

    fn advance(&self, digest: &Digest, bytes: i64) {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bar) = under_way.get(digest) else { return };
        if bytes >= 0 {
            bar.inc(bytes.unsigned_abs());
        } else {
            bar.set_position(bar.position().saturating_sub(bytes.unsigned_abs()));
        }
    }

    fn end(&self, blob: &Descriptor, pushed: Pushed) {
        let bar = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob.digest);
        let Some(bar) = bar else { return };
        bar.set_position(blob.size_bytes);
        bar.finish_with_message(match pushed {
            Pushed::Present => "was there",
            Pushed::Mounted => "mounted",
            Pushed::Sent => "",
        });
    }
}
