//! Packages that an image says are installed: dpkg's and apk's lists. What rpm has installed stands in a database of its own
//! form, which is not read.

use crate::{MergedFile, MergedFiles};

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it runs on: `amd64`, `x86_64`, `all`.
    pub architecture: String,
}

/// Who installed packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageFormat {
    /// Debian and what comes of it.
    Dpkg,
    /// Alpine and what comes of it.
    Apk,
}

/// Where the lists are.
const LISTS: [(&str, PackageFormat); 3] = [
    ("var/lib/dpkg/status", PackageFormat::Dpkg),
    ("lib/apk/db/installed", PackageFormat::Apk),
    ("usr/lib/apk/db/installed", PackageFormat::Apk),
];

/// Images without a shell have a list for each package here.
const LISTS_APART: &str = "var/lib/dpkg/status.d";

/// Sums of a package's files, which lie beside the lists.
const SUMS: &str = ".md5sums";

/// The files of an image that list its packages; each to be given to [`packages_of`]. None where nothing that is known
/// installed any.
pub fn package_lists(files: &MergedFiles) -> Vec<(String, PackageFormat)> {
    let mut lists: Vec<_> = LISTS
        .iter()
        .filter(|(path, _)| files.content(path).is_ok())
        .map(|(path, format)| ((*path).to_owned(), *format))
        .collect();
    // The two of apk are one where `lib` is a link.
    if lists.len() > 1 {
        lists.dedup_by_key(|(_, format)| *format);
    }
    let apart = files.folder(LISTS_APART).into_iter().flatten().filter(MergedFile::is_there);
    let apart = apart.map(|file| file.path()).filter(|path| !path.ends_with(SUMS));
    lists.extend(
        apart.filter(|path| files.content(path).is_ok()).map(|path| (path.to_owned(), PackageFormat::Dpkg)),
    );
    lists
}

/// The packages of a list.
pub fn packages_of(format: PackageFormat, list: &[u8]) -> Vec<Package> {
    let text = String::from_utf8_lossy(list);
    let mut packages = Vec::new();
    let mut stanza = Stanza::default();
    for line in text.lines().chain([""]) {
        match (line, format) {
            ("", _) => packages.extend(std::mem::take(&mut stanza).finish()),
            (line, PackageFormat::Dpkg) => stanza.dpkg(line),
            (line, PackageFormat::Apk) => stanza.apk(line),
        }
    }
    packages.sort_unstable();
    packages
}

/// Lines that belong to one package.
#[derive(Default)]
struct Stanza {
    name: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    is_gone: bool,
}

impl Stanza {
    /// `Package: NAME`: deb-control(5). Lines that begin with a blank go on with the one before.
    fn dpkg(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(':') else { return };
        let value = value.trim();
        match key {
            "Package" => self.name = Some(value.to_owned()),
            "Version" => self.version = Some(value.to_owned()),
            "Architecture" => self.architecture = Some(value.to_owned()),
            // `deinstall ok config-files`: only its configuration is left.
            "Status" => self.is_gone = value.split(' ').next_back() != Some("installed"),
            _ => {}
        }
    }

    /// `P:NAME`: apk's own form.
    fn apk(&mut self, line: &str) {
        match line.split_at_checked(2) {
            Some(("P:", value)) => self.name = Some(value.to_owned()),
            Some(("V:", value)) => self.version = Some(value.to_owned()),
            Some(("A:", value)) => self.architecture = Some(value.to_owned()),
            _ => {}
        }
    }

    fn finish(self) -> Option<Package> {
        let Self { name: Some(name), version: Some(version), architecture, is_gone: false } = self else {
            return None;
        };
        Some(Package { name, version, architecture: architecture.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare_packages;

    fn names(packages: &[Package]) -> Vec<String> {
        packages.iter().map(|p| format!("{} {} {}", p.name, p.version, p.architecture)).collect()
    }

    #[test]
    fn lists_are_read() {
        let dpkg = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\nDescription: z\n \
                    Package: no\n .\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\n\
                    Package: base-files\nStatus: install ok installed\nVersion: 12\n";
        assert_eq!(
            names(&packages_of(PackageFormat::Dpkg, dpkg.as_bytes())),
            ["base-files 12 ", "zlib1g 1:1.2 amd64"]
        );
        let apk = "C:Q1x\nP:musl\nV:1.2.4-r2\nA:x86_64\nF:lib\nR:ld-musl\n\nP:busybox\nV:1.36\nA:x86_64\n\n";
        let found = packages_of(PackageFormat::Apk, apk.as_bytes());
        assert_eq!(names(&found), ["busybox 1.36 x86_64", "musl 1.2.4-r2 x86_64"]);
        assert!(packages_of(PackageFormat::Apk, b"\xff\n\n:\n").is_empty());
        let newer = packages_of(PackageFormat::Apk, b"P:musl\nV:1.2.5\nA:x86_64\n\nP:zsh\nV:5\nA:x86_64\n");
        let changes: Vec<_> =
            compare_packages(&found, &newer).into_iter().map(|c| (c.name, c.before, c.after)).collect();
        let some = |text: &str| Some(text.to_owned());
        let wanted = [
            ("busybox".to_owned(), some("1.36"), None),
            ("musl".to_owned(), some("1.2.4-r2"), some("1.2.5")),
            ("zsh".to_owned(), None, some("5")),
        ];
        assert_eq!(changes, wanted);
    }
}
