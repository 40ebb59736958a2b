//! What was done in a project.

use maud::html;
use serde::Deserialize;

use super::Frame;
use crate::{
    answer::Answered,
    language::t,
    rights::filters,
    ui::{self, Field},
};

/// A row of the record as the management API shows it.
#[derive(Deserialize)]
struct Row {
    username: String,
    resource: String,
    resource_type: String,
    operation: String,
    op_time: String,
    operation_result: bool,
    #[serde(default)]
    address: String,
}

/// `/projects/NAME/-/audit`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let (cx, query) = (frame.cx, &frame.cx.request.query);
    let (from, to) = (query.text("from"), query.text("to"));
    let range = (from.is_some() || to.is_some())
        .then(|| format!("[{}~{}]", from.unwrap_or_default(), to.unwrap_or_default()));
    let conditions = filters(&[
        ("username", "=~", query.text("who")),
        ("operation", "=", query.text("operation")),
        ("resource", "=~", query.text("resource")),
        ("op_time", "=", range.as_deref()),
        ("operation_result", "=", query.text("result")),
    ]);
    let page = ui::page_number(cx);
    let target = format!("/auditlog-exts?page={page}&page_size={}{conditions}", ui::PAGE_SIZE);
    let found = cx.list::<Row>(frame.api(&target)).await?;
    let title = t!(cx, "Audit", "审计日志");
    let heads = [
        t!(cx, "When", "时间"),
        t!(cx, "Who", "用户"),
        t!(cx, "What", "操作"),
        t!(cx, "To what", "对象"),
        t!(cx, "Result", "结果"),
        t!(cx, "From", "来源地址"),
    ];
    let rows = html! {
        @for row in &found.entries {
            tr {
                td { (ui::moment(cx, &row.op_time)) }
                td { @if row.username.is_empty() { (t!(cx, "nobody signed in", "匿名")) } @else { (row.username) } }
                td { (row.operation) " " span class="quiet" { (row.resource_type) } }
                td { (row.resource) }
                td {
                    @if row.operation_result { span class="mark good" { (t!(cx, "done", "成功")) } }
                    @else { span class="mark bad" { (t!(cx, "refused", "失败")) } }
                }
                td { (row.address) }
            }
        }
    };
    let body = html! {
        (search(frame))
        @if found.total > 0 {
            (ui::table(&title, &heads, rows))
            (ui::pager(cx, found.total))
        } @else {
            (ui::empty(&t!(cx, "Nothing like that was recorded.", "没有符合条件的记录。"),
                html! { p { a href=(frame.path("audit")) { (t!(cx, "Show all", "显示全部")) } } }))
        }
    };
    Ok(frame.page("audit", &title, body))
}

fn search(frame: &Frame<'_>) -> maud::Markup {
    let (cx, query) = (frame.cx, &frame.cx.request.query);
    let text = |name| query.text(name).unwrap_or_default();
    let operations = [
        ("", t!(cx, "all", "全部")),
        ("create", t!(cx, "create", "创建")),
        ("update", t!(cx, "change", "更改")),
        ("delete", t!(cx, "delete", "删除")),
        ("pull", t!(cx, "pull", "拉取")),
    ];
    let results =
        [("", t!(cx, "all", "全部")), ("true", t!(cx, "done", "成功")), ("false", t!(cx, "refused", "失败"))];
    html! {
        form class="inline" role="search" {
            (ui::field(&Field { name: "who", label: t!(cx, "Who", "用户"), kind: "search", value: text("who"), ..Field::default() }))
            (ui::select("operation", &t!(cx, "What", "操作"), &operations, text("operation")))
            (ui::field(&Field { name: "resource", label: t!(cx, "To what", "对象"), kind: "search", value: text("resource"),
                ..Field::default() }))
            (ui::select("result", &t!(cx, "Result", "结果"), &results, text("result")))
            (ui::field(&Field { name: "from", label: t!(cx, "From day", "开始日期"), kind: "date", value: text("from"), ..Field::default() }))
            (ui::field(&Field { name: "to", label: t!(cx, "To day", "结束日期"), kind: "date", value: text("to"), ..Field::default() }))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
    }
}
