//! `/admin/collection`: what waits to be collected, what would go and why, and collecting it now.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::desk::{self, Desk, fact};
use crate::{PageError, PageReply, Verb, answer::Answered, cx::Cx, language::t, place, ui};

#[derive(Deserialize)]
struct Queues {
    manifests: Queue,
    blobs: Queue,
    #[serde(default)]
    read_only: bool,
}

#[derive(Deserialize)]
struct Queue {
    waiting: u64,
    due: u64,
    #[serde(default)]
    next_time: String,
}

#[derive(Deserialize)]
struct Run {
    job_status: String,
    creation_time: String,
    #[serde(default)]
    update_time: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    manifests: u64,
    #[serde(default)]
    blobs: u64,
    #[serde(default)]
    freed_bytes: u64,
    #[serde(default)]
    problem: String,
}

#[derive(Deserialize)]
struct Preview {
    reviewed: u64,
    manifests: u64,
    blobs: u64,
    uploads: u64,
    freed_bytes: u64,
    complete: bool,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    kind: String,
    digest: String,
    #[serde(default)]
    repository: String,
    reason: String,
    #[serde(default)]
    freed_bytes: u64,
}

/// How far ahead somebody may look, in seconds.
const AHEAD: [u64; 4] = [0, 86_400, 7 * 86_400, 30 * 86_400];
/// Most things that are listed: a page has its bounds.
const SHOWN_MAX: usize = 150;
/// As far as the management API counts.
const COUNTED_MAX: u64 = 100_000;

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => page(desk, None).await,
        (["run"], true) => run(desk).await,
        (["preview"], false) => preview(desk).await,
        _ => Err(PageError::NotFound),
    }
}

fn counted(n: u64) -> String {
    if n >= COUNTED_MAX { format!("≥ {COUNTED_MAX}") } else { n.to_string() }
}

async fn page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let queues: Queues = cx.get("/system/gc/queue").await?;
    let runs: Vec<Run> = cx.get("/system/gc?page_size=20").await?;
    let title = desk.title("collection");
    let heads = [
        t!(cx, "What", "类型"),
        t!(cx, "Waiting", "等待中"),
        t!(cx, "Due", "已到期"),
        t!(cx, "Next", "下次检查"),
    ];
    let row = |name: String, queue: &Queue| {
        html! {
            tr {
                th scope="row" { (name) }
                td class="number" { (counted(queue.waiting)) }
                td class="number" { (counted(queue.due)) }
                td { (ui::moment(cx, &queue.next_time)) }
            }
        }
    };
    let label = t!(cx, "What waits for a look", "等待检查的内容");
    let body = html! {
        (ui::problem(cx, problem))
        p {
            (t!(cx, "Collection runs by itself, beside pushes and pulls. What may have become needless waits here for a look: deleted manifests until they can no longer be restored, blobs that perhaps no manifest names.",
                "回收在后台自动进行，不影响推送和拉取。可能不再需要的内容在此等待检查：已删除的清单（直到无法恢复）以及可能没有清单引用的 Blob。"))
        }
        (ui::table(&label, &heads, html! {
            (row(t!(cx, "Manifests", "清单"), &queues.manifests))
            (row(t!(cx, "Blobs in repositories", "仓库中的 Blob"), &queues.blobs))
        }))
        h2 { (t!(cx, "What would go?", "将会删除什么？")) }
        (ahead_form(cx, "0"))
        @if queues.read_only {
            p class="notice warn" { (t!(cx, "The registry is read-only: nothing is collected.", "仓库服务处于只读状态：不会进行回收。")) }
        } @else if desk.may("garbage-collection:create") {
            (ui::form(cx, "/admin/collection/run", html! {
                button { (t!(cx, "Collect what is due now", "立即回收已到期的内容")) }
            }))
        }
        h2 { (t!(cx, "Asked for", "手动回收记录")) }
        (runs_part(cx, &runs))
    };
    Ok(desk::with_refusal(desk.page("collection", &title, body), problem))
}

fn ahead_form(cx: &Cx<'_>, chosen: &str) -> Markup {
    let texts = [
        t!(cx, "now", "现在"),
        t!(cx, "in a day, if nothing happens", "一天后（其间无变化）"),
        t!(cx, "in a week, if nothing happens", "一周后（其间无变化）"),
        t!(cx, "in 30 days, if nothing happens", "30 天后（其间无变化）"),
    ];
    let values = AHEAD.map(|seconds| seconds.to_string());
    let options: Vec<_> = values.iter().zip(texts).map(|(value, text)| (value.as_str(), text)).collect();
    html! {
        form class="inline" action="/admin/collection/preview" {
            (ui::select("ahead", &t!(cx, "If it ran", "回收时间"), &options, chosen))
            button class="second" { (t!(cx, "Look, and change nothing", "预览（不做任何修改）")) }
        }
    }
}

fn runs_part(cx: &Cx<'_>, runs: &[Run]) -> Markup {
    if runs.is_empty() {
        return html! { p class="quiet" { (t!(cx, "Nobody has asked for collection yet.", "尚无手动回收。")) } };
    }
    let heads = [
        t!(cx, "When", "时间"),
        t!(cx, "By", "发起者"),
        t!(cx, "State", "状态"),
        t!(cx, "Manifests", "清单"),
        t!(cx, "Blobs", "Blob"),
        t!(cx, "Freed", "释放空间"),
        t!(cx, "Ended", "最后更新"),
    ];
    let rows = html! {
        @for run in runs {
            tr {
                td { (ui::moment(cx, &run.creation_time)) }
                td { (run.username) }
                td { (state(cx, run)) }
                td class="number" { (run.manifests) }
                td class="number" { (run.blobs) }
                td class="number" { (ui::bytes(run.freed_bytes)) }
                td { (ui::moment(cx, &run.update_time)) }
            }
        }
    };
    ui::table(&t!(cx, "Asked for", "手动回收记录"), &heads, rows)
}

fn state(cx: &Cx<'_>, run: &Run) -> Markup {
    html! {
        @match run.job_status.as_str() {
            "Pending" => span class="mark" { (t!(cx, "waits", "等待中")) },
            "Running" => span class="mark warn" { (t!(cx, "under way", "进行中")) },
            "Success" => span class="mark good" { (t!(cx, "done", "已完成")) },
            _ => { span class="mark bad" { (t!(cx, "failed", "失败")) } " " (run.problem) },
        }
    }
}

async fn run(desk: &Desk<'_>) -> Answered {
    let manual = json!({ "schedule": { "type": "Manual" } });
    match desk.cx.send(Verb::Post, "/system/gc/schedule", &manual).await {
        Ok(_) => Ok(PageReply::see_other("/admin/collection?done=started")),
        Err(error) => page(desk, Some(&desk::refused(error)?)).await,
    }
}

async fn preview(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let asked = cx.request.query.number("ahead").unwrap_or_default();
    let ahead = AHEAD.into_iter().find(|known| *known == asked).unwrap_or_default();
    let seen: Preview = cx.get(format!("/system/gc/preview?ahead={ahead}")).await?;
    let title = t!(cx, "What collection would take", "回收预览");
    let body = html! {
        (ahead_form(cx, &ahead.to_string()))
        dl class="facts" {
            (fact(&t!(cx, "Looked at", "已检查"), html! { (seen.reviewed) }))
            (fact(&t!(cx, "Manifests", "清单"), html! { (seen.manifests) }))
            (fact(&t!(cx, "Blobs", "Blob"), html! { (seen.blobs) }))
            (fact(&t!(cx, "Uploads", "未完成的上传"), html! { (seen.uploads) }))
            (fact(&t!(cx, "Would be freed", "可释放"), html! { (ui::bytes(seen.freed_bytes)) }))
        }
        @if !seen.complete {
            p class="notice warn" { (t!(cx, "More is due than was looked at: more would go.", "到期内容较多，未全部检查：实际删除会更多。")) }
        }
        @if seen.items.is_empty() {
            (ui::empty(&t!(cx, "Nothing would go", "不会删除任何内容"), html! {
                p { (t!(cx, "What is tagged, named by another manifest, or can still be restored stays.",
                    "有标签、被其他清单引用或仍可恢复的内容都会保留。")) }
            }))
        } @else {
            (items(cx, &seen.items))
        }
        p { a href="/admin/collection" { (t!(cx, "Back to collection", "返回回收")) } }
    };
    Ok(desk.page("collection", &title, body))
}

fn items(cx: &Cx<'_>, items: &[Item]) -> Markup {
    let heads = [
        t!(cx, "What", "类型"),
        t!(cx, "Which", "标识"),
        t!(cx, "Repository", "仓库"),
        t!(cx, "Why", "原因"),
        t!(cx, "Frees", "释放"),
    ];
    let label = t!(cx, "What would go", "将被删除的内容");
    let rows = html! {
        @for item in items.iter().take(SHOWN_MAX) {
            tr {
                td { (kind(cx, &item.kind)) }
                td { code title=(item.digest) { (ui::short_digest(&item.digest)) } }
                td {
                    @if !item.repository.is_empty() {
                        a href=(place::of_repository(&item.repository, "")) { (item.repository) }
                    }
                }
                td { (why(cx, &item.reason)) }
                td class="number" { @if item.freed_bytes > 0 { (ui::bytes(item.freed_bytes)) } }
            }
        }
    };
    html! {
        (ui::table(&label, &heads, rows))
        @if items.len() > SHOWN_MAX {
            p class="quiet" { (t!(cx, "and {n} more", "另有 {n} 项", n = items.len() - SHOWN_MAX)) }
        }
    }
}

fn kind(cx: &Cx<'_>, kind: &str) -> String {
    match kind {
        "manifest" => t!(cx, "manifest", "清单"),
        "link" => t!(cx, "blob, out of the repository", "Blob（移出仓库）"),
        "blob" => t!(cx, "blob, its bytes", "Blob（删除数据）"),
        "upload" => t!(cx, "unfinished upload", "未完成的上传"),
        other => other.to_owned(),
    }
}

/// The registry's reasons, in the reader's language.
fn why(cx: &Cx<'_>, reason: &str) -> String {
    match reason {
        "deleted, and the undelete window is over" => {
            t!(cx, "deleted, and can no longer be restored", "已删除且超过可恢复期限")
        }
        "the index that named it, or its subject, is gone" => {
            t!(
                cx,
                "the index that named it, or its subject, is gone",
                "引用它的索引或其主体（subject）已不存在"
            )
        }
        "without tag, index or subject for too long" => {
            t!(cx, "without tag, index or subject for too long", "长时间没有标签、索引或主体（subject）")
        }
        "no manifest of the repository names it" => {
            t!(cx, "no manifest of the repository names it", "仓库中没有清单引用它")
        }
        "no repository links it" => t!(cx, "no repository has it any more", "已没有仓库使用它"),
        "it has not grown for too long" => {
            t!(cx, "nobody went on with it for too long", "长时间没有继续上传")
        }
        other => other.to_owned(),
    }
}
