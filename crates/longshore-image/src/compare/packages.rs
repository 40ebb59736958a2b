//! Differences of packages.

use std::collections::BTreeMap;

use crate::Package;

/// A package that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageChange {
    /// Its name.
    pub name: String,
    /// What it runs on.
    pub architecture: String,
    /// The version in the first image.
    pub before: Option<String>,
    /// The version in the second.
    pub after: Option<String>,
}

/// What differs between the packages of two images, by name.
pub fn compare_packages(before: &[Package], after: &[Package]) -> Vec<PackageChange> {
    type Versions<'a> = BTreeMap<(&'a str, &'a str), (Vec<&'a str>, Vec<&'a str>)>;
    let mut versions = Versions::new();
    for package in before {
        versions.entry((&package.name, &package.architecture)).or_default().0.push(&package.version);
    }
    for package in after {
        versions.entry((&package.name, &package.architecture)).or_default().1.push(&package.version);
    }
    // A kernel may be there in several versions.
    let text = |versions: &[&str]| (!versions.is_empty()).then(|| versions.join(", "));
    versions
        .into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|((name, architecture), (before, after))| PackageChange {
            name: name.to_owned(),
            architecture: architecture.to_owned(),
            before: text(&before),
            after: text(&after),
        })
        .collect()
}
