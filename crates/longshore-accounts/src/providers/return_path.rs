//! Where somebody wants to go after logging in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest path, in bytes: it must fit into a cookie.
const BYTES_MAX: usize = 1024;

/// A path of this very server, with its query: whoever makes a link to a login must not choose another place where it
/// leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnPath(String);

/// It leads elsewhere, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a path of this server, such as /projects/shop")]
pub struct ReturnPathError;

impl ReturnPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for ReturnPath {
    type Err = ReturnPathError;

    fn from_str(text: &str) -> Result<Self, ReturnPathError> {
        // `//host` is an address without a scheme, and browsers take `\` for `/`, and leave tabs and line ends out.
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let ours = text.strip_prefix('/').is_some_and(|rest| !rest.starts_with('/'));
        // To log in or out again is nothing that anybody wants.
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let loops = path.starts_with("/c/") || path.split('/').any(|part| matches!(part, "." | ".."));
        match plain && ours && !loops && text.len() <= BYTES_MAX {
            true => Ok(Self(text.to_owned())),
            false => Err(ReturnPathError),
        }
    }
}

impl TryFrom<String> for ReturnPath {
    type Error = ReturnPathError;

    fn try_from(text: String) -> Result<Self, ReturnPathError> {
        text.parse()
    }
}

impl From<ReturnPath> for String {
    fn from(path: ReturnPath) -> Self {
        path.0
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_server() {
        for good in ["/", "/projects/shop?tab=tags#x", "/a//b", "/%2f%2fevil.example", "/@evil.example"] {
            assert_eq!(good.parse::<ReturnPath>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "projects",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a b",
            "/a\r\nSet-Cookie: x",
            "/ä",
            "/c/oidc/login",
            "/c/log_out?x",
            "/./c/log_out",
            "/x/../c/log_out",
            "/..//evil.example",
        ] {
            assert_eq!(bad.parse::<ReturnPath>(), Err(ReturnPathError), "{bad}");
        }
        assert!(format!("/{}", "a".repeat(BYTES_MAX)).parse::<ReturnPath>().is_err());
    }
}
