//! The style and the script. Their paths hold a hash of what they are, so that browsers keep them for good.

use std::sync::LazyLock;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::{PageError, PageReply, answer::Answered};

/// A file that is part of the program.
pub(crate) struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const STYLE: Asset = Asset {
    name: "style.css",
    content_type: "text/css; charset=utf-8",
    content: include_str!("../assets/style.css"),
};
const SCRIPT: Asset = Asset {
    name: "script.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!("../assets/script.js"),
};
const ICON: Asset =
    Asset { name: "icon.svg", content_type: "image/svg+xml", content: include_str!("../assets/icon.svg") };

/// Where the pages find them.
pub(crate) static PATHS: LazyLock<[(String, &Asset); 3]> = LazyLock::new(|| {
    [&STYLE, &SCRIPT, &ICON].map(|asset| (format!("/assets/{}", asset.tagged_name()), asset))
});

impl Asset {
    /// `0123456789abcdef-style.css`.
    fn tagged_name(&self) -> String {
        let hash = Sha256::digest(self.content);
        let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{hash}-{}", self.name)
    }
}

/// The path of the asset of that name.
pub(crate) fn path(name: &str) -> &'static str {
    PATHS.iter().find(|(_, asset)| asset.name == name).map_or("", |(path, _)| path)
}

/// `/assets/…`.
pub(crate) fn answer(rest: &[String]) -> Answered {
    let path = format!("/assets/{}", rest.join("/"));
    let (_, asset) = PATHS.iter().find(|(known, _)| *known == path).ok_or(PageError::NotFound)?;
    Ok(PageReply::Asset {
        content_type: asset.content_type,
        bytes: Bytes::from_static(asset.content.as_bytes()),
    })
}
