//! What a repository holds without a tag.

use maud::html;
use serde::Deserialize;

use super::Frame;
use crate::{answer::Answered, language::t, place, projects::Label, rights::part, ui};

/// The newest first.
const USUAL_SORT: &str = "-push_time";

/// An artifact as the management API shows it.
#[derive(Deserialize)]
struct Artifact {
    digest: String,
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    push_time: String,
    pull_time: String,
    #[serde(default)]
    labels: Option<Vec<Label>>,
}

/// `/repositories/NAME/-/untagged`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let part = part(cx, USUAL_SORT);
    let parts = "with_tag=false&with_accessory=false&with_label=true";
    let found = cx.list::<Artifact>(frame.api(&format!("/artifacts?{part}&{parts}&q=tags%3Dnil"))).await?;
    let title = t!(cx, "Untagged", "无标签");
    let heads = [
        ("digest", t!(cx, "Digest", "摘要")),
        ("", t!(cx, "Kind", "类型")),
        ("", t!(cx, "Size", "大小")),
        ("push_time", t!(cx, "Pushed", "推送时间")),
        ("pull_time", t!(cx, "Last pulled", "最近拉取")),
        ("", t!(cx, "Change", "更改")),
    ];
    let rows = html! {
        @for artifact in &found.entries {
            tr {
                td {
                    a href=(place::of_image(&frame.name, &artifact.digest, "")) { code { (ui::short_digest(&artifact.digest)) } }
                    @for label in artifact.labels.iter().flatten() { " " (label.mark()) }
                }
                td { (artifact.kind.to_lowercase()) }
                td class="number" { (ui::bytes(artifact.size)) }
                td { (ui::moment(cx, &artifact.push_time)) }
                td { (ui::moment(cx, &artifact.pull_time)) }
                td {
                    @if frame.may("tag:create") || frame.may("artifact:delete") {
                        @let digest = ui::short_digest(&artifact.digest);
                        a href=(frame.manage_path(&artifact.digest, "")) aria-label=(t!(cx, "Manage {digest}", "管理 {digest}")) {
                            (t!(cx, "Manage", "管理"))
                        }
                    }
                }
            }
        }
    };
    let body = html! {
        p { (t!(cx, "What no tag points to, and no index holds, can be pulled by its digest. A tag keeps it from being taken for left over.",
            "没有标签指向、也不属于任何索引的制品仍可按摘要拉取。为它添加标签可避免被当作无用内容清理。")) }
        @if found.total > 0 {
            (ui::sorted_table(cx, &title, USUAL_SORT, &heads, rows))
            (ui::pager(cx, found.total))
        } @else {
            (ui::empty(&t!(cx, "Everything has a tag.", "所有制品都有标签。"), html! {
                p { a href=(frame.path("")) { (t!(cx, "Look at the tags", "查看标签")) } }
            }))
        }
    };
    Ok(frame.page("untagged", &title, body))
}
