//! How an image was built: steps, layers and their sizes, and a Dockerfile.

use maud::html;
use serde::Deserialize;

use super::{Frame, raw::shortened};
use crate::{answer::Answered, language::t, ui};

/// Most steps that are shown, and how much of an instruction and of the Dockerfile: pages stay small.
const STEPS_MAX: usize = 200;
const INSTRUCTION_BYTES_MAX: usize = 2000;
const DOCKERFILE_BYTES_MAX: usize = 32 * 1024;

/// A step of a build as the management API shows it.
#[derive(Deserialize)]
struct Step {
    instruction: String,
    created: Option<String>,
    layer: Option<usize>,
    digest: Option<String>,
    size: u64,
}

/// `/repositories/NAME/-/images/REFERENCE/layers`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let steps: Vec<Step> = cx.get(frame.api("additions/layers", "")).await?;
    let dockerfile = cx.fetch(frame.api("additions/dockerfile", "")).await?;
    let total: u64 = steps.iter().map(|step| step.size).sum();
    let title = t!(cx, "Layers", "层");
    let heads = [
        t!(cx, "Layer", "层"),
        t!(cx, "Instruction", "指令"),
        t!(cx, "Size", "大小"),
        t!(cx, "Built", "构建时间"),
    ];
    let body = html! {
        p { (t!(cx, "{size} in all, as they are stored: packed.", "合计 {size}（压缩存储）。", size = ui::bytes(total))) }
        (ui::table(&title, &heads, html! {
            @for step in steps.iter().take(STEPS_MAX) {
                tr {
                    td class="number" {
                        @if let (Some(layer), Some(digest)) = (step.layer, &step.digest) {
                            a href=(frame.path("files", &format!("layer={layer}"))) title=(digest) { "#" (layer) }
                        } @else { span class="none" { "–" } }
                    }
                    td { code { (shortened(&step.instruction, INSTRUCTION_BYTES_MAX)) } }
                    td {
                        @if step.layer.is_some() {
                            @let size = ui::bytes(step.size);
                            (size) " " (ui::bar(share(step.size, total), &size))
                        }
                    }
                    td { (ui::moment(cx, step.created.as_deref().unwrap_or_default())) }
                }
            }
        }))
        h2 { "Dockerfile" }
        div class="scroll" role="region" aria-label="Dockerfile" tabindex="0" {
            pre { code { (shortened(&String::from_utf8_lossy(&dockerfile.body), DOCKERFILE_BYTES_MAX)) } }
        }
    };
    Ok(frame.page("layers", body))
}

/// A part of a whole that may be nothing.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
