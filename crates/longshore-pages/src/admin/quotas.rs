//! `/admin/quotas`: how much projects hold, and may hold.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::desk::{self, Desk, fact};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    place,
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Quota {
    id: i64,
    #[serde(rename = "ref")]
    project: Project,
    hard: Resources,
    used: Resources,
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

#[derive(Deserialize)]
struct Resources {
    storage: i64,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        ([id], false) => page(desk, desk::number(id)?, None).await,
        ([id], true) => set(desk, desk::number(id)?).await,
        _ => Err(PageError::NotFound),
    }
}

/// How full it is, drawn and in words.
fn fullness(cx: &Cx<'_>, quota: &Quota) -> Markup {
    let used = ui::bytes(quota.used.storage.unsigned_abs());
    if quota.hard.storage < 0 {
        return html! { (t!(cx, "{used}, no limit", "{used}，无限制")) };
    }
    let limit = ui::bytes(quota.hard.storage.unsigned_abs());
    let text = t!(cx, "{used} of {limit}", "{used}，上限 {limit}");
    let share = quota.used.storage as f64 / quota.hard.storage.max(1) as f64;
    html! { (ui::bar(share, &text)) (text) }
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let sort = match cx.request.query.text("sort") {
        Some("-used.storage") => "&sort=-used.storage",
        _ => "",
    };
    let found = cx.list::<Quota>(format!("/quotas?{}{sort}", desk::part(cx))).await?;
    let title = desk.title("quotas");
    let heads = [t!(cx, "Project", "项目"), t!(cx, "Used", "已用"), t!(cx, "Limit", "上限")];
    let rows = html! {
        @for quota in &found.entries {
            tr {
                th scope="row" { a href=(place::of_project(&quota.project.name, "")) { (quota.project.name) } }
                td { (fullness(cx, quota)) }
                td {
                    a href={ "/admin/quotas/" (quota.id) } {
                        @if desk.may("quota:update") {
                            (t!(cx, "Set the limit of {name}", "设置 {name} 的上限", name = quota.project.name))
                        } @else {
                            (t!(cx, "Look at {name}", "查看 {name}", name = quota.project.name))
                        }
                    }
                }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "There are no projects", "没有项目"),
        html! { p { a href="/projects" { (t!(cx, "Projects", "项目")) } } },
    );
    let body = html! {
        p {
            (t!(cx, "What lies in a project counts for all that it lies in. The limit of new projects is part of the ",
                "子项目的内容同时计入其上级项目。新项目的默认上限在"))
            a href="/admin/configuration" { (desk.title("configuration")) }
            (t!(cx, ".", "中设置。"))
        }
        p {
            a href=(cx.here_from_start("sort", if sort.is_empty() { "-used.storage" } else { "name" })) {
                @if sort.is_empty() { (t!(cx, "Largest first", "按用量排序")) }
                @else { (t!(cx, "By name", "按名称排序")) }
            }
        }
        (desk::listing(cx, &title, &heads, rows, found.total, nothing))
    };
    Ok(desk.page("quotas", &title, body))
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let quota: Quota = cx.get(format!("/quotas/{id}")).await?;
    let title = t!(cx, "Quota of {name}", "{name} 的配额", name = quota.project.name);
    let now = if quota.hard.storage < 0 { String::new() } else { gigabytes(quota.hard.storage) };
    let value = cx.request.form.text("gigabytes").unwrap_or(&now);
    let body = html! {
        (ui::problem(cx, problem))
        dl class="facts" { (fact(&t!(cx, "Used", "已用"), fullness(cx, &quota))) }
        @if desk.may("quota:update") {
            (ui::form(cx, &format!("/admin/quotas/{id}"), html! {
                (ui::field(&Field { name: "gigabytes", label: t!(cx, "Limit in GB", "上限（GB）"), value,
                    hint: t!(cx, "Empty for no limit. What the project holds beyond it stays.",
                        "留空表示无限制。已超出上限的内容会保留。"),
                    ..Field::default() }))
                button { (t!(cx, "Set limit", "设置上限")) }
            }))
        }
    };
    Ok(desk::with_refusal(desk.page("quotas", &title, body), problem))
}

/// `1.5` of 1,500,000,000 bytes; all digits, so that a form that is sent as it came changes nothing.
fn gigabytes(bytes: i64) -> String {
    let text = format!("{}.{:09}", bytes / 1_000_000_000, bytes % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The bytes, -1 for no limit; `None` for what is no number.
fn read_gigabytes(text: Option<&str>) -> Option<i64> {
    let Some(text) = text else { return Some(-1) };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 9 || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let part: i64 = format!("{part:0<9}").parse().ok()?;
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    whole.checked_mul(1_000_000_000)?.checked_add(part)
}

async fn set(desk: &Desk<'_>, id: i64) -> Answered {
    let Some(bytes) = read_gigabytes(desk.cx.request.form.text("gigabytes")) else {
        let cx = desk.cx;
        let reason = t!(cx, "write a number, such as 20 or 1.5", "请填写数字，例如 20 或 1.5");
        return page(desk, id, Some(&PageError::Refused(400, reason))).await;
    };
    let quota = json!({ "hard": { "storage": bytes } });
    match desk.cx.send(Verb::Put, format!("/quotas/{id}"), &quota).await {
        Ok(_) => Ok(PageReply::see_other(format!("/admin/quotas/{id}?done=saved"))),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_written() {
        for (text, bytes) in [
            ("20", 20_000_000_000),
            ("1.5", 1_500_000_000),
            ("0.000000001", 1),
            ("2.123456789", 2_123_456_789),
        ] {
            assert_eq!(read_gigabytes(Some(text)), Some(bytes), "{text}");
            assert_eq!(gigabytes(bytes), text);
        }
        assert_eq!(read_gigabytes(None), Some(-1));
        for bad in ["-1", "x", ".", "1.0000000001", "9999999999999", "1e3"] {
            assert_eq!(read_gigabytes(Some(bad)), None, "{bad}");
        }
    }
}
