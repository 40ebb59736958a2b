//! `/admin/audit`: what was done, by whom, found by what one knows of it.

use maud::{Markup, html};
use serde::Deserialize;

use super::desk::{self, Desk};
use crate::{
    PageError, PageReply,
    answer::Answered,
    cx::{Cx, Listed},
    language::t,
    pairs::{Pairs, encode},
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Row {
    username: String,
    resource: String,
    resource_type: String,
    operation: String,
    op_time: String,
    #[serde(default)]
    operation_result: bool,
    #[serde(default)]
    address: String,
    #[serde(default)]
    sequence: Option<u64>,
    #[serde(default)]
    hash: String,
}

#[derive(Deserialize)]
struct EventType {
    event_type: String,
}

/// The fields of the form, which are the query of the page.
const FIELDS: [&str; 6] = ["username", "operation", "resource_type", "project", "from", "until"];

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        (["export"], false) => export(desk).await,
        _ => Err(PageError::NotFound),
    }
}

/// `&q=…` of what was filled in.
fn filter(query: &Pairs) -> String {
    let range = match (query.text("from"), query.text("until")) {
        (None, None) => None,
        (from, until) => Some(format!("[{}~{}]", from.unwrap_or_default(), until.unwrap_or_default())),
    };
    desk::filters(&[
        ("username", "", query.text("username")),
        ("operation", "", query.text("operation")),
        ("resource_type", "", query.text("resource_type")),
        ("op_time", "", range.as_deref()),
    ])
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let query = &cx.request.query;
    let root = match query.text("project") {
        Some(name) => format!("/projects/{}/auditlog-exts", encode(name)),
        None => "/auditlog-exts".to_owned(),
    };
    let listed = cx.list::<Row>(format!("{root}?{}{}", desk::part(cx), filter(query))).await;
    let (found, problem) = match listed {
        Ok(found) => (found, None),
        // Of a project that is not there, or by what is no time.
        Err(error @ (PageError::Refused(..) | PageError::NotFound)) => {
            (Listed { entries: Vec::new(), total: 0 }, Some(error))
        }
        Err(error) => return Err(error),
    };
    let events: Vec<EventType> = cx.get("/auditlog-exts/events").await?;
    let title = desk.title("audit");
    let nothing = ui::empty(
        &t!(cx, "Nothing of that kind was recorded", "没有符合条件的记录"),
        html! { p { a href="/admin/audit" { (t!(cx, "Show everything", "显示全部")) } } },
    );
    let body = html! {
        @if problem.is_some() {
            p class="notice bad" role="alert" {
                (t!(cx, "This cannot be looked for: is there such a project, and are the days written as 2026-11-21?",
                    "无法按此条件查找：请确认项目存在，且日期格式为 2026-11-21。"))
            }
        }
        (form(cx, &events))
        (exports(cx))
        (desk::listing(cx, &title, &heads(cx), rows(cx, &found.entries), found.total, nothing))
        p class="quiet" {
            (t!(cx, "Rows are sealed into a chain of hashes within seconds; longshore audit verify compares it with the rows.",
                "记录会在数秒内写入哈希链；longshore audit verify 可核对哈希链与记录是否一致。"))
        }
    };
    Ok(desk.page("audit", &title, body))
}

/// Both halves of `create_artifact`: what there is to choose from.
fn choices(events: &[EventType], part: impl Fn(&str) -> Option<&str>) -> Vec<String> {
    let mut words: Vec<String> =
        events.iter().filter_map(|event| part(&event.event_type)).map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn form(cx: &Cx<'_>, events: &[EventType]) -> Markup {
    let query = &cx.request.query;
    let text = |name| query.text(name).unwrap_or_default();
    let all = ("", t!(cx, "all", "全部"));
    let operations = choices(events, |name| name.split_once('_').map(|(verb, _)| verb));
    let types = choices(events, |name| name.split_once('_').map(|(_, kind)| kind));
    let options = |words: &[String]| -> Vec<(String, String)> {
        words.iter().map(|word| (word.clone(), word.clone())).collect()
    };
    let (operations, types) = (options(&operations), options(&types));
    let with_all = |words: &[(String, String)]| -> Vec<(String, String)> {
        std::iter::once((all.0.to_owned(), all.1.clone())).chain(words.iter().cloned()).collect()
    };
    let (operations, types) = (with_all(&operations), with_all(&types));
    html! {
        form class="inline" action="/admin/audit" {
            (ui::field(&Field { name: "username", label: t!(cx, "Who", "用户"), value: text("username"), ..Field::default() }))
            (ui::select("operation", &t!(cx, "Operation", "操作"), &borrowed(&operations), text("operation")))
            (ui::select("resource_type", &t!(cx, "Kind of thing", "资源类型"), &borrowed(&types), text("resource_type")))
            (ui::field(&Field { name: "project", label: t!(cx, "Project", "项目"), value: text("project"), ..Field::default() }))
            (ui::field(&Field { name: "from", label: t!(cx, "From (UTC)", "起始日期（UTC）"), kind: "date", value: text("from"),
                ..Field::default() }))
            (ui::field(&Field { name: "until", label: t!(cx, "To (UTC)", "结束日期（UTC）"), kind: "date", value: text("until"),
                ..Field::default() }))
            button { (t!(cx, "Find", "查找")) }
        }
    }
}

fn borrowed(options: &[(String, String)]) -> Vec<(&str, String)> {
    options.iter().map(|(value, text)| (value.as_str(), text.clone())).collect()
}

/// The same rows as a file.
fn exports(cx: &Cx<'_>) -> Markup {
    let mut query = Pairs::default();
    for name in FIELDS {
        if let Some(value) = cx.request.query.text(name) {
            query = query.with(name, value);
        }
    }
    let target = |format: &str| format!("/admin/audit/export?{}", query.with("format", format).encode());
    html! {
        p {
            (t!(cx, "Download up to 10,000 of these rows: ", "下载以上记录（最多 10,000 条）："))
            a href=(target("csv")) { "CSV" } " · " a href=(target("json")) { (t!(cx, "JSON lines", "JSON（每行一条）")) }
        }
    }
}

fn heads(cx: &Cx<'_>) -> [String; 7] {
    [
        t!(cx, "When", "时间"),
        t!(cx, "Who", "用户"),
        t!(cx, "Operation", "操作"),
        t!(cx, "What", "资源"),
        t!(cx, "Result", "结果"),
        t!(cx, "From", "来自"),
        t!(cx, "In the chain", "哈希链序号"),
    ]
}

fn rows(cx: &Cx<'_>, rows: &[Row]) -> Markup {
    html! {
        @for row in rows {
            tr {
                td { (ui::moment(cx, &row.op_time)) }
                td { (row.username) }
                td { code { (row.operation) } }
                td { span class="quiet" { (row.resource_type) } " " (row.resource) }
                td {
                    @if row.operation_result { (t!(cx, "done", "成功")) }
                    @else { span class="mark bad" { (t!(cx, "refused", "被拒绝")) } }
                }
                td { (row.address) }
                td class="number" {
                    @if let Some(sequence) = row.sequence { span title=(row.hash) { (sequence) } }
                    @else { span class="none" { "–" } }
                }
            }
        }
    }
}

/// `/admin/audit/export?format=csv`.
async fn export(desk: &Desk<'_>) -> Answered {
    let query = &desk.cx.request.query;
    let format = if query.text("format") == Some("json") { "json" } else { "csv" };
    let project = query.text("project").map(|name| format!("&project={}", encode(name))).unwrap_or_default();
    let target = format!("/auditlog-exts/export?format={format}{project}{}", filter(query));
    let answer = desk.cx.fetch(target).await?;
    Ok(PageReply::Download {
        content_type: answer.content_type.unwrap_or_default(),
        file_name: format!("audit.{}", if format == "json" { "jsonl" } else { "csv" }),
        bytes: answer.body,
    })
}
