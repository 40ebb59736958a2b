//! Paths inside an image.

/// A path in normal form: from the root, without a slash before or after it, without empty parts, `.` and `..`. What would
/// lead out of the root stays in it, as containerd has it.
pub fn normal_path(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => normal.truncate(normal.rfind('/').unwrap_or(0)),
            part => {
                if !normal.is_empty() {
                    normal.push('/');
                }
                normal.push_str(part);
            }
        }
    }
    normal
}

/// The folder that a path in normal form lies in, and its name there.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_normal() {
        for (path, wanted) in [
            ("", ""),
            ("/", ""),
            ("./", ""),
            ("./etc//passwd", "etc/passwd"),
            ("/usr/lib/", "usr/lib"),
            ("a/b/../c/.", "a/c"),
            ("../../etc/passwd", "etc/passwd"),
            ("a/../..", ""),
            ("..a/...", "..a/..."),
        ] {
            assert_eq!(normal_path(path), wanted, "{path}");
        }
        assert_eq!(split("a/b/c"), ("a/b", "c"));
        assert_eq!(split("a"), ("", "a"));
    }
}
