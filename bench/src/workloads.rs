//! The workloads, a file each.

mod blobs;
mod collection;
mod growth;
mod images;
mod listings;
mod manifests;
mod memory;
pub(crate) mod mixed;
mod mounts;
mod ping;
mod pushes;
mod ranges;
pub(crate) mod zb;

use anyhow::{Result, bail};

use crate::workload::Workload;

/// All workloads, in the order in which they run.
pub(crate) fn all() -> Vec<Box<dyn Workload>> {
    let mut all: Vec<Box<dyn Workload>> = Vec::new();
    all.extend(manifests::all());
    all.extend(blobs::all());
    all.push(Box::new(ranges::Ranges));
    all.push(Box::new(pushes::Pushes));
    all.push(Box::new(images::SmallImages));
    all.push(Box::new(images::Tags));
    all.push(Box::new(mounts::Mounts));
    all.extend(listings::all());
    all.push(Box::new(memory::Memory));
    all.push(Box::new(memory::Start));
    all.push(Box::new(growth::Growth));
    all.push(Box::new(collection::Collection));
    all.extend(zb::all());
    all.extend(mixed::all());
    all.push(Box::new(ping::Ping));
    all
}

/// Those that the patterns name, or the ones that run by default.
///
/// # Errors
/// When a pattern names none.
pub(crate) fn chosen(patterns: &[String]) -> Result<Vec<Box<dyn Workload>>> {
    for pattern in patterns {
        if !all().iter().any(|workload| matches(pattern, workload.name())) {
            bail!("no workload is called {pattern:?}; --list shows them");
        }
    }
    let wanted = |workload: &dyn Workload| match patterns {
        [] => workload.by_default(),
        _ => patterns.iter().any(|pattern| matches(pattern, workload.name())),
    };
    Ok(all().into_iter().filter(|workload| wanted(workload.as_ref())).collect())
}

/// Whether a name fits a pattern, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|skipped| rest.is_char_boundary(skipped) && matches(after, &rest[skipped..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("blob", "blob", true),
            ("blob", "blobs", false),
            ("blob*", "blobs", true),
            ("*", "", true),
            ("*-get-*", "manifest-get-tag", true),
            ("*-get", "manifest-get-tag", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn names_are_unique_and_unknown_ones_are_refused() {
        let all = all();
        let names: BTreeSet<_> = all.iter().map(|workload| workload.name()).collect();
        assert_eq!(names.len(), all.len());
        assert!(chosen(&["no-such".to_owned()]).is_err());
        assert!(chosen(&[]).unwrap().iter().all(|workload| workload.by_default()));
    }
}
