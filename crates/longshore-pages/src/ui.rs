//! The parts that pages are made of.

use longshore_types::Timestamp;
use maud::{Markup, html};

use crate::{PageError, cx::Cx, language::t};

/// A form that changes something. It shows that this page made it.
pub(crate) fn form(cx: &Cx<'_>, action: &str, fields: Markup) -> Markup {
    html! {
        form action=(action) method="post" {
            @if let Some(caller) = &cx.request.caller {
                input type="hidden" name="csrf" value=(caller.csrf_token);
            }
            (fields)
        }
    }
}

/// A field of text with its label; `value` is what it holds, `hint` says more.
pub(crate) struct Field<'a> {
    /// What it is called in the form.
    pub(crate) name: &'a str,
    pub(crate) label: String,
    /// `text`, `password`, `number`, `email`, `date` …
    pub(crate) kind: &'a str,
    pub(crate) value: &'a str,
    pub(crate) hint: String,
    pub(crate) is_required: bool,
    /// `autocomplete`: `username`, `new-password`, `off`.
    pub(crate) autocomplete: &'a str,
}

impl Default for Field<'_> {
    fn default() -> Self {
        Self {
            name: "",
            label: String::new(),
            kind: "text",
            value: "",
            hint: String::new(),
            is_required: false,
            autocomplete: "off",
        }
    }
}

/// See [`Field`].
pub(crate) fn field(field: &Field<'_>) -> Markup {
    let (id, hint) = (format!("field-{}", field.name), format!("hint-{}", field.name));
    let has_hint = !field.hint.is_empty();
    html! {
        div class="field" {
            label for=(id) { (field.label) }
            input id=(id) type=(field.kind) name=(field.name) value=(field.value) autocomplete=(field.autocomplete)
                required[field.is_required] aria-describedby=[has_hint.then_some(&hint)];
            @if has_hint { p class="hint" id=(hint) { (field.hint) } }
        }
    }
}

/// A choice of one: values with their texts.
pub(crate) fn select(name: &str, label: &str, options: &[(&str, String)], chosen: &str) -> Markup {
    let id = format!("field-{name}");
    html! {
        div class="field" {
            label for=(id) { (label) }
            select id=(id) name=(name) {
                @for (value, text) in options {
                    option value=(value) selected[*value == chosen] { (text) }
                }
            }
        }
    }
}

/// A box to tick.
pub(crate) fn checkbox(name: &str, label: &str, is_on: bool) -> Markup {
    let id = format!("field-{name}");
    html! {
        div class="field check" {
            input id=(id) type="checkbox" name=(name) value="on" checked[is_on];
            label for=(id) { (label) }
        }
    }
}

/// Why a form was not taken, in the management API's words.
pub(crate) fn problem(cx: &Cx<'_>, problem: Option<&PageError>) -> Markup {
    let Some(problem) = problem else { return html! {} };
    let reason = match problem {
        PageError::Refused(_, reason) | PageError::Forbidden(reason) if !reason.is_empty() => reason.clone(),
        PageError::NotFound => t!(cx, "it is not there (any more)", "目标不存在（或已被删除）"),
        _ => t!(cx, "try again in a moment", "请稍后再试"),
    };
    html! {
        p class="notice bad" role="alert" { (t!(cx, "This was not done: {reason}", "操作未完成：{reason}")) }
    }
}

/// The way from the start to here: paths with their texts, the last one is this page.
pub(crate) fn breadcrumbs(cx: &Cx<'_>, steps: &[(String, String)]) -> Markup {
    let last = steps.len().saturating_sub(1);
    html! {
        nav class="breadcrumbs" aria-label=(t!(cx, "Where you are", "当前位置")) {
            ol {
                @for (n, (path, text)) in steps.iter().enumerate() {
                    li { @if n == last { span aria-current="page" { (text) } } @else { a href=(path) { (text) } } }
                }
            }
        }
    }
}

/// The views of one thing: paths with their texts; `current` is the path of this one.
pub(crate) fn tabs(label: &str, views: &[(String, String)], current: &str) -> Markup {
    html! {
        nav class="tabs" aria-label=(label) {
            @for (path, text) in views {
                a href=(path) aria-current=[(path == current).then_some("page")] { (text) }
            }
        }
    }
}

/// A table that scrolls by itself on narrow screens. `rows` are `tr` elements.
pub(crate) fn table(label: &str, heads: &[String], rows: Markup) -> Markup {
    html! {
        div class="scroll" role="region" aria-label=(label) tabindex="0" {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// A table whose heads sort it, those that have a key: `?sort=key`, and `-key` when it does already. `usual` is how it is
/// sorted where nothing is asked for.
pub(crate) fn sorted_table(
    cx: &Cx<'_>,
    label: &str,
    usual: &str,
    heads: &[(&str, String)],
    rows: Markup,
) -> Markup {
    let now = cx.request.query.text("sort").unwrap_or(usual);
    let order = |key: &str| match now.strip_prefix('-') {
        _ if key.is_empty() => None,
        None => (now == key).then_some("ascending"),
        Some(now) => (now == key).then_some("descending"),
    };
    html! {
        div class="scroll" role="region" aria-label=(label) tabindex="0" {
            table {
                thead {
                    tr {
                        @for (key, text) in heads {
                            th scope="col" aria-sort=[order(key)] {
                                @if key.is_empty() { (text) } @else { (sort_link(cx, key, text)) }
                            }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

/// A head of a table that sorts by `key`: `?sort=key`, and `-key` when it does already.
pub(crate) fn sort_link(cx: &Cx<'_>, key: &str, text: &str) -> Markup {
    let now = cx.request.query.text("sort").unwrap_or_default();
    let (is_up, is_down) = (now == key, now.strip_prefix('-') == Some(key));
    let next = if is_up { format!("-{key}") } else { key.to_owned() };
    html! {
        a href=(cx.here_from_start("sort", next)) {
            (text)
            @if is_up { span aria-hidden="true" { " ↑" } }
            @if is_down { span aria-hidden="true" { " ↓" } }
        }
    }
}

/// Nothing there yet: what that means, and the next step.
pub(crate) fn empty(title: &str, next_step: Markup) -> Markup {
    html! { div class="empty" { p class="lead" { (title) } (next_step) } }
}

/// How many entries a page of a listing has here.
pub(crate) const PAGE_SIZE: u64 = 25;

/// The page of a listing that the query asks for, from 1.
pub(crate) fn page_number(cx: &Cx<'_>) -> u64 {
    cx.request.query.number("page").unwrap_or(1).max(1)
}

/// The way through a listing of `total` entries.
pub(crate) fn pager(cx: &Cx<'_>, total: u64) -> Markup {
    let (page, last) = (page_number(cx), total.div_ceil(PAGE_SIZE).max(1));
    if last == 1 && page == 1 {
        return html! {};
    }
    html! {
        nav class="pager" aria-label=(t!(cx, "Pages", "分页")) {
            @if page > 1 { a rel="prev" href=(cx.here_with("page", (page - 1).min(last))) { (t!(cx, "← Before", "← 上一页")) } }
            span { (t!(cx, "Page {page} of {last}", "第 {page} 页，共 {last} 页")) }
            @if page < last { a rel="next" href=(cx.here_with("page", page + 1)) { (t!(cx, "Next →", "下一页 →")) } }
        }
    }
}

/// A line to copy. Script adds the button.
pub(crate) fn copy_line(text: &str) -> Markup {
    html! { div class="copy" { code tabindex="0" { (text) } } }
}

/// What may happen only once it was looked at: a form behind a fold.
pub(crate) fn confirm(cx: &Cx<'_>, button: &str, action: &str, question: Markup) -> Markup {
    html! {
        details class="confirm" {
            summary { (button) }
            div { (question) (form(cx, action, html! { button class="danger" { (button) } })) }
        }
    }
}

/// A part of a whole, drawn: 0 to 1.
pub(crate) fn bar(share: f64, label: &str) -> Markup {
    let width = (share.clamp(0.0, 1.0) * 1000.0).round() / 10.0;
    html! {
        svg class="bar" role="img" aria-label=(label) viewBox="0 0 100 6" preserveAspectRatio="none" {
            rect class="rest" width="100" height="6" {}
            rect class=(if share > 0.9 { "part full" } else { "part" }) width=(width) height="6" {}
        }
    }
}

/// The same where much is nothing bad: to compare.
pub(crate) fn bar_of(share: f64, label: &str) -> Markup {
    let width = (share.clamp(0.0, 1.0) * 1000.0).round() / 10.0;
    html! {
        svg class="bar" role="img" aria-label=(label) viewBox="0 0 100 6" preserveAspectRatio="none" {
            rect class="rest" width="100" height="6" {}
            rect class="part" width=(width) height="6" {}
        }
    }
}

/// A text as one word of a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:@/".contains(&byte);
    match text.bytes().all(is_plain) && !text.is_empty() {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Bytes as people read them: `1.5 MB`, by powers of 1000 as `docker images` has it.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1000.0, unit + 1);
    }
    let digits = if unit == 0 || value >= 100.0 { 0 } else { 1 };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// The first digits of a digest: `sha256:0123456789ab`.
pub(crate) fn short_digest(digest: &str) -> &str {
    digest.split_once(':').and_then(|(algorithm, _)| digest.get(..algorithm.len() + 13)).unwrap_or(digest)
}

/// A moment: how long ago, exact on being pointed at. `text` is as the management API writes it (RFC 3339); empty, and the
/// year 1, are none.
pub(crate) fn moment(cx: &Cx<'_>, text: &str) -> Markup {
    let parsed = text.parse::<jiff::Timestamp>().ok().filter(|moment| moment.as_second() > 0);
    let Some(moment) = parsed else { return html! { span class="none" { "–" } } };
    html! { time datetime=(text) title=(moment.strftime("%Y-%m-%d %H:%M:%S UTC")) { (ago(cx, moment)) } }
}

fn ago(cx: &Cx<'_>, moment: jiff::Timestamp) -> String {
    let seconds = seconds_of(cx.request.now) - moment.as_second();
    match seconds {
        ..-59 => moment.strftime("%Y-%m-%d %H:%M").to_string(),
        -59..60 => t!(cx, "just now", "刚刚"),
        60..3600 => count(cx, seconds / 60, ("minute ago", "minutes ago"), "分钟前"),
        3600..86_400 => count(cx, seconds / 3600, ("hour ago", "hours ago"), "小时前"),
        86_400..2_592_000 => count(cx, seconds / 86_400, ("day ago", "days ago"), "天前"),
        _ => moment.strftime("%Y-%m-%d").to_string(),
    }
}

fn seconds_of(moment: Timestamp) -> i64 {
    moment.unix_millis().div_euclid(1000)
}

/// A number with what it counts: singular and plural in English, one word in Chinese.
pub(crate) fn count(cx: &Cx<'_>, n: i64, english: (&str, &str), chinese: &str) -> String {
    let word = if n == 1 { english.0 } else { english.1 };
    t!(cx, "{n} {word}", "{n} {chinese}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        for (n, wanted) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1_500_000, "1.5 MB"),
            (999_600, "1.0 MB"),
            (123_456_789, "123 MB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes(n), wanted);
        }
    }

    #[test]
    fn names_are_words_of_a_shell() {
        for (text, wanted) in [
            ("ann", "ann"),
            ("localhost:5000", "localhost:5000"),
            ("[::1]:5000", "'[::1]:5000'"),
            ("ann lee", "'ann lee'"),
            ("o'neil", r"'o'\''neil'"),
            ("$(rm)", "'$(rm)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), wanted);
        }
    }

    #[test]
    fn digests_are_short() {
        assert_eq!(short_digest("sha256:0123456789abcdef"), "sha256:0123456789ab");
        assert_eq!(short_digest("sha256:01"), "sha256:01");
        assert_eq!(short_digest("v1"), "v1");
    }

    #[test]
    fn bars_end_where_the_whole_does() {
        assert!(bar(2.0, "x").into_string().contains("width=\"100\" height=\"6\"></rect></svg>"));
    }
}
