//! What refers to an image: signatures, bills of materials, attestations.

use maud::html;
use serde::Deserialize;

use super::{Frame, frame::api_path, raw};
use crate::{answer::Answered, cx::Listed, language::t, place, ui};

/// What is about an artifact, as the management API shows it.
#[derive(Deserialize)]
struct Accessory {
    digest: String,
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    creation_time: String,
}

/// `/repositories/NAME/-/images/REFERENCE/referrers`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let part = format!("/accessories?page={}&page_size={}", ui::page_number(cx), ui::PAGE_SIZE);
    let found: Listed<Accessory> = cx.list(api_path(frame.repository, frame.reference, &part)).await?;
    let mut contents = Vec::new();
    for accessory in &found.entries {
        let target = api_path(frame.repository, &accessory.digest, "/additions/manifest");
        contents.push(cx.look::<serde_json::Value>(target).await?);
    }
    let body = html! {
        @if found.entries.is_empty() {
            (ui::empty(&t!(cx, "Nothing refers to it.", "没有内容引用它。"), html! {
                p { (t!(cx, "Sign it with cosign or notation, or attach a bill of materials with oras: they appear here.",
                    "用 cosign 或 notation 签名，或用 oras 附加物料清单，它们会显示在这里。")) }
            }))
        }
        @for (accessory, manifest) in found.entries.iter().zip(&contents) {
            section class="card" {
                h2 { (accessory.kind) }
                dl class="facts" {
                    dt { (t!(cx, "Digest", "摘要")) }
                    dd { a href=(place::of_image(frame.repository, &accessory.digest, "")) { code { (accessory.digest) } } }
                    dt { (t!(cx, "Size", "大小")) } dd { (ui::bytes(accessory.size)) }
                    dt { (t!(cx, "Pushed", "推送时间")) } dd { (ui::moment(cx, &accessory.creation_time)) }
                }
                @if let Some(manifest) = manifest {
                    (raw::blobs(cx, manifest))
                    details { summary { (t!(cx, "Manifest", "清单")) } (raw::shown(cx, manifest)) }
                }
            }
        }
        (ui::pager(cx, found.total))
    };
    Ok(frame.page("referrers", body))
}
