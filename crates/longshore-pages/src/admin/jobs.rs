//! `/admin/jobs`: what waits to be done in the background.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::desk::{self, Desk};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    pairs::{Pairs, encode},
    ui,
};

#[derive(Deserialize)]
struct Queue {
    job_type: String,
    count: u64,
    #[serde(default)]
    latency: u64,
}

#[derive(Deserialize)]
struct Job {
    id: i64,
    attempts: u64,
    due_time: String,
    creation_time: String,
    #[serde(default)]
    last_error: String,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => page(desk, None).await,
        ([id, action @ ("stop" | "retry")], true) => change(desk, desk::number(id)?, action).await,
        _ => Err(PageError::NotFound),
    }
}

async fn page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let queues: Vec<Queue> = cx.get("/jobservice/queues").await?;
    let kind = cx.request.query.text("kind").or_else(|| cx.request.form.text("kind"));
    let title = desk.title("jobs");
    let heads =
        [t!(cx, "Kind", "类型"), t!(cx, "Waiting", "等待中"), t!(cx, "The oldest waits for", "最长等待")];
    let rows = html! {
        @for queue in &queues {
            tr {
                th scope="row" { a href=(of_kind(&queue.job_type)) { (queue.job_type) } }
                td class="number" { (queue.count) }
                td { (t!(cx, "{n} s", "{n} 秒", n = queue.latency)) }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "Nothing waits", "没有等待中的任务"),
        html! { p { (t!(cx, "Notifications and collection that somebody asked for would stand here.", "通知投递和手动触发的回收会显示在这里。")) } },
    );
    let body = html! {
        (ui::problem(cx, problem))
        div id="live-jobs" data-live="/events/jobs" {
            @if queues.is_empty() { (nothing) } @else { (ui::table(&title, &heads, rows)) }
            @if let Some(kind) = kind { (jobs(desk, kind).await?) }
        }
    };
    Ok(desk::with_refusal(desk.page("jobs", &title, body), problem))
}

fn of_kind(kind: &str) -> String {
    format!("/admin/jobs?{}", Pairs::from([("kind", kind)]).encode())
}

async fn jobs(desk: &Desk<'_>, kind: &str) -> Result<Markup, PageError> {
    let cx = desk.cx;
    let found =
        cx.list::<Job>(format!("/jobservice/jobs?job_type={}&{}", encode(kind), desk::part(cx))).await?;
    let heads = [
        t!(cx, "Number", "编号"),
        t!(cx, "Made", "创建时间"),
        t!(cx, "Tries in vain", "失败次数"),
        t!(cx, "Due", "下次执行"),
        t!(cx, "Last error", "最近错误"),
        t!(cx, "Action", "操作"),
    ];
    let rows = html! {
        @for job in &found.entries {
            tr {
                th scope="row" { (job.id) }
                td { (ui::moment(cx, &job.creation_time)) }
                td class="number" { (job.attempts) }
                td { (ui::moment(cx, &job.due_time)) }
                td { (job.last_error) }
                td { @if desk.may("jobservice-monitor:stop") { (actions(cx, kind, job.id)) } }
            }
        }
    };
    let label = t!(cx, "Jobs of the kind {kind}", "{kind} 任务");
    Ok(html! { h2 { (label) } (desk::listing(cx, &label, &heads, rows, found.total, html! {
        p class="quiet" { (t!(cx, "None waits any more.", "已没有等待中的任务。")) }
    })) })
}

fn actions(cx: &Cx<'_>, kind: &str, id: i64) -> Markup {
    html! {
        (ui::form(cx, &format!("/admin/jobs/{id}/retry"), html! {
            input type="hidden" name="kind" value=(kind);
            button class="second" { (t!(cx, "Run now", "立即执行")) }
        }))
        details class="confirm" {
            summary { (t!(cx, "Remove", "移除")) }
            div {
                p { (t!(cx, "What it was to do is not done.", "该任务将不会被执行。")) }
                (ui::form(cx, &format!("/admin/jobs/{id}/stop"), html! {
                    input type="hidden" name="kind" value=(kind);
                    button class="danger" { (t!(cx, "Remove", "移除")) }
                }))
            }
        }
    }
}

async fn change(desk: &Desk<'_>, id: i64, action: &str) -> Answered {
    let sent = desk.cx.send(Verb::Put, format!("/jobservice/jobs/{id}"), &json!({ "action": action })).await;
    let back = desk
        .cx
        .request
        .form
        .text("kind")
        .map_or_else(|| "/admin/jobs?".to_owned(), |kind| of_kind(kind) + "&");
    let done = if action == "stop" { "removed" } else { "started" };
    match sent {
        // Done meanwhile, which is as good.
        Ok(_) | Err(PageError::NotFound) => Ok(PageReply::see_other(format!("{back}done={done}"))),
        Err(error) => page(desk, Some(&desk::refused(error)?)).await,
    }
}
