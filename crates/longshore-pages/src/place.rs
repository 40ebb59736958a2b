//! What paths name. Names of projects and repositories have `/` in them, so that `-` alone, which no name has as a part, stands
//! between a name and what is looked at of it: `/repositories/team/app/-/tags`.

use crate::pairs::encode;

/// The parts of a path between its `/`, decoded; `None` where one cannot be. A `/` at the end counts for nothing.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(decode).collect()
}

/// A name, and what is looked at of it.
pub(crate) struct Place<'a> {
    /// The name, whole: `team/app`.
    pub(crate) name: String,
    /// What follows `-`.
    pub(crate) view: Vec<&'a str>,
}

impl<'a> Place<'a> {
    /// Splits at the first `-`.
    pub(crate) fn parse(segments: &'a [String]) -> Self {
        let mut parts = segments.splitn(2, |segment| segment == "-");
        let name = parts.next().unwrap_or_default().join("/");
        let view = parts.next().unwrap_or_default().iter().map(String::as_str).collect();
        Self { name, view }
    }
}

/// The page of a project: `of_project("team/sub", "members")`; its own page if `view` is empty.
pub(crate) fn of_project(name: &str, view: &str) -> String {
    below("/projects", name, view)
}

/// The page of a repository, by its whole name.
pub(crate) fn of_repository(name: &str, view: &str) -> String {
    below("/repositories", name, view)
}

/// The page of an image: a tag or digest in a repository.
pub(crate) fn of_image(repository: &str, reference: &str, view: &str) -> String {
    let image = format!("images/{}", encode(reference));
    of_repository(repository, &if view.is_empty() { image } else { format!("{image}/{view}") })
}

fn below(root: &str, name: &str, view: &str) -> String {
    let name: Vec<_> = name.split('/').map(encode).collect();
    let view = if view.is_empty() { String::new() } else { format!("/-/{view}") };
    format!("{root}/{}{view}", name.join("/"))
}

/// The project of a repository by the first part of its name, and the rest: what the management API's paths are made of,
/// which finds nested projects by itself. A name without `/` belongs to `library`.
pub(crate) fn in_api(repository: &str) -> (&str, &str) {
    repository.split_once('/').unwrap_or(("library", repository))
}

/// Undoes percent-encoding; `None` for a bad escape, bytes that are no UTF-8, and NUL.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { digit(rest.next())? << 4 | digit(rest.next())? } else { byte });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_apart() {
        let check = |path: &str, name: &str, view: &[&str]| {
            let segments = segments(path).unwrap();
            let place = Place::parse(&segments[1..]);
            assert_eq!((place.name.as_str(), place.view.as_slice()), (name, view), "{path}");
        };
        check("/repositories/team/app", "team/app", &[]);
        check("/repositories/team/app/", "team/app", &[]);
        check(
            "/repositories/team/app/-/images/sha256%3Aab/files",
            "team/app",
            &["images", "sha256:ab", "files"],
        );
        check("/projects/a/-/members/-/x", "a", &["members", "-", "x"]);
        assert_eq!(segments("/a%zz"), None);
        assert_eq!(segments("/").unwrap(), [""]);
    }

    #[test]
    fn paths_are_made() {
        assert_eq!(of_project("team/sub", ""), "/projects/team/sub");
        assert_eq!(
            of_image("team/app", "sha256:ab", "files"),
            "/repositories/team/app/-/images/sha256%3Aab/files"
        );
        assert_eq!(in_api("team/sub/app"), ("team", "sub/app"));
        assert_eq!(in_api("alpine"), ("library", "alpine"));
    }
}
