//! Manifests as they are.

use maud::{Markup, html};
use serde_json::Value;

use super::Frame;
use crate::{answer::Answered, cx::Cx, language::t, ui};

/// Longest manifest that is shown, in bytes: pages stay small.
const SHOWN_BYTES_MAX: usize = 64 * 1024;

/// `/repositories/NAME/-/images/REFERENCE/manifest`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    // The one that the reference names, also of an index.
    let target = super::frame::api_path(frame.repository, frame.reference, "/additions/manifest");
    let manifest: Value = cx.get(target).await?;
    let body = html! {
        dl class="facts" {
            dt { (t!(cx, "Digest", "摘要")) } dd { code { (frame.artifact.digest) } }
            dt { (t!(cx, "Media type", "媒体类型")) } dd { code { (frame.artifact.manifest_media_type) } }
        }
        (blobs(cx, &manifest))
        h2 { (t!(cx, "Manifest", "清单")) }
        p class="quiet" { (t!(cx, "Set out for reading; the registry serves it byte for byte as it was pushed.",
            "为便于阅读而排版；仓库按推送时的原始字节提供。")) }
        (shown(cx, &manifest))
    };
    Ok(frame.page("manifest", body))
}

/// A manifest, set out for reading.
pub(super) fn shown(cx: &Cx<'_>, manifest: &Value) -> Markup {
    let text = serde_json::to_string_pretty(manifest).unwrap_or_default();
    let is_long = text.len() > SHOWN_BYTES_MAX;
    let text = shortened(&text, SHOWN_BYTES_MAX);
    html! {
        div class="scroll" role="region" aria-label=(t!(cx, "Manifest", "清单")) tabindex="0" { pre { code { (text) } } }
        @if is_long { p class="note" { (t!(cx, "It goes on; longshore manifest prints all of it.", "内容未显示完；用 longshore manifest 可打印全部。")) } }
    }
}

/// The beginning of a text that may be of any length: pages stay small.
pub(super) fn shortened(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &text[..end])
}

/// What a manifest holds beside its configuration.
pub(super) fn blobs(cx: &Cx<'_>, manifest: &Value) -> Markup {
    let none = Vec::new();
    let layers = manifest["layers"].as_array().or(manifest["blobs"].as_array()).unwrap_or(&none);
    if layers.is_empty() {
        return html! {};
    }
    let title = t!(cx, "Content", "内容");
    let heads = [
        t!(cx, "Media type", "媒体类型"),
        t!(cx, "Size", "大小"),
        t!(cx, "Digest", "摘要"),
        t!(cx, "Name", "名称"),
    ];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    html! {
        (ui::table(&title, &heads, html! {
            @for layer in layers.iter().take(200) {
                tr {
                    td { code { (text(&layer["mediaType"])) } }
                    td class="number" { (ui::bytes(layer["size"].as_u64().unwrap_or_default())) }
                    td { code { (ui::short_digest(&text(&layer["digest"]))) } }
                    td { (text(&layer["annotations"]["org.opencontainers.image.title"])) }
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_end_between_characters() {
        assert_eq!(shortened("äöü", 6), "äöü");
        assert_eq!(shortened("äöü", 5), "äö…");
        assert_eq!(shortened("äöü", 1), "…");
    }
}
