//! Platforms: what an image runs on. Image specification v1.1, "Image Index Property Descriptions".

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An operating system and a processor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Platform {
    /// As Go names it: `linux`.
    pub os: String,
    /// As Go names it: `amd64`.
    pub architecture: String,
    /// Of the processor: `v7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Of Windows.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

/// A text that names no platform.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no platform: write os/architecture or os/architecture/variant, such as linux/arm64")]
pub struct PlatformError(String);

impl Platform {
    /// The one this program runs on, which is the one to choose where nobody says another.
    pub fn own() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64le",
            other => other,
        };
        // Images for Linux are meant on macOS too: docker runs them in a machine of its own.
        let os = if cfg!(windows) { "windows" } else { "linux" };
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant: None, os_version: None }
    }

    /// Whether an image for `other` is meant by this: a variant that is not said is any.
    pub fn means(&self, other: &Self) -> bool {
        let normal = |platform: &Self| match (platform.architecture.as_str(), platform.variant.as_deref()) {
            // containerd's rule: these are the same.
            ("arm64", Some("v8")) => None,
            _ => platform.variant.clone(),
        };
        self.os == other.os
            && self.architecture == other.architecture
            && (self.variant.is_none() || normal(self) == normal(other))
    }

    /// Whether it says anything: attestations of buildkit are `unknown/unknown`.
    pub fn is_known(&self) -> bool {
        self.os != "unknown" && !self.os.is_empty()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        };
        if !parts.iter().all(is_word) {
            return Err(PlatformError(text.to_owned()));
        }
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.to_owned())),
            _ => return Err(PlatformError(text.to_owned())),
        };
        Ok(Self { os: os.to_owned(), architecture: architecture.to_owned(), variant, os_version: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_and_written() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
        for text in ["", "linux", "linux/", "a/b/c/d", "linux/am d64", "/amd64"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_variant_that_is_not_said_is_any() {
        let means = |asked: &str, had: &str| asked.parse::<Platform>().unwrap().means(&had.parse().unwrap());
        assert!(means("linux/arm", "linux/arm/v7") && means("linux/arm64/v8", "linux/arm64"));
        assert!(means("linux/arm/v7", "linux/arm/v7") && !means("linux/arm/v6", "linux/arm/v7"));
        assert!(!means("linux/amd64", "linux/arm64") && !means("windows/amd64", "linux/amd64"));
    }
}
