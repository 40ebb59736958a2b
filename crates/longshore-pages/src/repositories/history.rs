//! What happened to the tags of a repository, and the way back.

use std::collections::HashSet;

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::Frame;
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    pairs::encode,
    place,
    rights::{refused, with_refusal},
    ui::{self, Field},
};

/// Something that happened to a tag, as the management API shows it.
#[derive(Deserialize)]
struct Event {
    id: i64,
    tag: String,
    operation: String,
    #[serde(default)]
    username: Option<String>,
    op_time: String,
    #[serde(default)]
    from_digest: Option<String>,
    #[serde(default)]
    from_available: bool,
    #[serde(default)]
    to_digest: Option<String>,
    #[serde(default)]
    to_available: bool,
}

#[derive(Deserialize)]
struct DeletedTag {
    tag: String,
    digest: String,
    #[serde(default)]
    username: Option<String>,
    deleted_at: String,
    restorable_until: String,
}

#[derive(Deserialize)]
struct DeletedArtifact {
    digest: String,
    #[serde(default)]
    tags: Vec<String>,
    deleted_at: String,
    restorable_until: String,
}

/// How many events a page shows.
const EVENTS: usize = 25;
/// How much of what was deleted is shown.
const DELETED: usize = 25;

/// `/repositories/NAME/-/history` and what is done there.
pub(super) async fn answer(frame: &Frame<'_>, rest: &[&str]) -> Answered {
    match (rest, frame.cx.request.is_form) {
        ([], false) => page(frame, None).await,
        (["rollback"], true) => roll_back(frame).await,
        (["restore"], true) => restore(frame).await,
        _ => Err(PageError::NotFound),
    }
}

async fn page(frame: &Frame<'_>, problem: Option<&PageError>) -> Answered {
    let (cx, query) = (frame.cx, &frame.cx.request.query);
    let (tag, before) = (query.text("tag"), query.number("before"));
    let of_tag = tag.map(|tag| format!("/tags/{}", encode(tag))).unwrap_or_default();
    let start = before.map(|before| format!("&before={before}")).unwrap_or_default();
    // One more than is shown tells whether there are more.
    let target = format!("{of_tag}/history?page_size={}{start}", EVENTS + 1);
    let mut events: Vec<Event> = cx.get(frame.api(&target)).await?;
    let more = (events.len() > EVENTS)
        .then(|| events.truncate(EVENTS))
        .and_then(|()| events.last().map(|event| event.id));
    let title = match tag {
        Some(tag) => t!(cx, "History of {tag}", "{tag} 的历史"),
        None => t!(cx, "History", "历史"),
    };
    let (tags, artifacts) = match before {
        None => deleted(frame).await?,
        Some(_) => Default::default(),
    };
    if frame.repository.is_none()
        && events.is_empty()
        && artifacts.is_empty()
        && before.is_none()
        && problem.is_none()
    {
        // There never was such a repository, as far as anybody knows.
        return Err(PageError::NotFound);
    }
    let body = html! {
        (ui::problem(cx, problem))
        @if frame.repository.is_none() {
            p class="note" { (t!(cx, "Everything in this repository is deleted. What is listed below can be restored.", "此仓库的内容已全部删除，下面列出的内容可以恢复。")) }
        }
        form class="inline" role="search" {
            (ui::field(&Field { name: "tag", label: t!(cx, "Tag", "标签"), kind: "search", value: tag.unwrap_or_default(), ..Field::default() }))
            button class="second" { (t!(cx, "Show its history", "查看历史")) }
        }
        @if events.is_empty() {
            (ui::empty(&t!(cx, "Nothing happened to a tag like that.", "没有相关记录。"),
                html! { p { a href=(frame.path("history")) { (t!(cx, "Show the whole history", "查看全部历史")) } } }))
        } @else {
            (event_table(frame, &title, &events, before.is_none()))
            nav class="pager" aria-label=(t!(cx, "Pages", "分页")) {
                @if before.is_some() { a href=(frame.path("history")) { (t!(cx, "Newest", "最新")) } }
                @if let Some(before) = more { a rel="next" href=(cx.here_with("before", before)) { (t!(cx, "Older →", "更早 →")) } }
            }
        }
        (deleted_tags(frame, &tags))
        (deleted_artifacts(frame, &artifacts))
    };
    Ok(with_refusal(frame.page("history", &title, body), problem))
}

async fn deleted(frame: &Frame<'_>) -> Result<(Vec<DeletedTag>, Vec<DeletedArtifact>), PageError> {
    let tags = frame.cx.look(frame.api(&format!("/deleted/tags?page_size={DELETED}"))).await?;
    let artifacts = frame.cx.look(frame.api(&format!("/deleted/artifacts?page_size={DELETED}"))).await?;
    Ok((tags.unwrap_or_default(), artifacts.unwrap_or_default()))
}

fn event_table(frame: &Frame<'_>, title: &str, events: &[Event], is_newest: bool) -> Markup {
    let cx = frame.cx;
    let heads = [
        t!(cx, "When", "时间"),
        t!(cx, "Tag", "标签"),
        t!(cx, "What", "操作"),
        t!(cx, "From", "原摘要"),
        t!(cx, "To", "新摘要"),
        t!(cx, "Who", "用户"),
        t!(cx, "Way back", "回滚"),
    ];
    // The first event of a tag among the newest tells where it is now.
    let mut seen = HashSet::new();
    ui::table(
        title,
        &heads,
        html! {
            @for event in events {
                @let is_now = is_newest && seen.insert(event.tag.as_str());
                tr {
                    td { (ui::moment(cx, &event.op_time)) }
                    td { a href=(frame.path(&format!("history?tag={}", encode(&event.tag)))) { (event.tag) } }
                    td {
                        (operation(cx, &event.operation))
                        @if is_now && event.to_digest.is_some() { " " span class="mark good" { (t!(cx, "now", "当前")) } }
                    }
                    td { (digest(frame, event.from_digest.as_deref(), event.from_available)) }
                    td { (digest(frame, event.to_digest.as_deref(), event.to_available)) }
                    td { @if let Some(username) = &event.username { (username) } @else { span class="none" { "–" } } }
                    td { @if frame.may("tag:create") { (way_back(frame, event, is_now)) } }
                }
            }
        },
    )
}

/// To what an event led, or, for the newest one of a tag, to what was before it.
fn way_back(frame: &Frame<'_>, event: &Event, is_now: bool) -> Markup {
    let (cx, tag) = (frame.cx, &event.tag);
    let (target, is_available) = match is_now || event.to_digest.is_none() {
        true => (event.from_digest.as_ref(), event.from_available),
        false => (event.to_digest.as_ref(), event.to_available),
    };
    let target =
        target.filter(|target| is_available && !(is_now && event.to_digest.as_ref() == Some(target)));
    html! {
        @if let Some(target) = target {
            (ui::form(cx, &frame.path("history/rollback"), html! {
                input type="hidden" name="tag" value=(tag);
                input type="hidden" name="digest" value=(target);
                button class="plain" {
                    (t!(cx, "Point {tag} to {digest}", "将 {tag} 指向 {digest}", digest = ui::short_digest(target)))
                }
            }))
        }
    }
}

fn operation(cx: &Cx<'_>, operation: &str) -> String {
    match operation {
        "push" => t!(cx, "pushed", "推送"),
        "move" => t!(cx, "moved", "移动"),
        "delete" => t!(cx, "deleted", "删除"),
        "restore" => t!(cx, "restored", "恢复"),
        "import" => t!(cx, "imported", "导入"),
        other => other.to_owned(),
    }
}

fn digest(frame: &Frame<'_>, digest: Option<&str>, is_available: bool) -> Markup {
    let cx = frame.cx;
    html! {
        @match digest {
            None => span class="none" { "–" },
            Some(digest) => {
                code title=(digest) {
                    @if is_available { a href=(place::of_image(&frame.name, digest, "")) { (ui::short_digest(digest)) } }
                    @else { (ui::short_digest(digest)) }
                }
                @if !is_available { " " span class="quiet" { (t!(cx, "gone", "已清除")) } }
            }
        }
    }
}

fn deleted_tags(frame: &Frame<'_>, tags: &[DeletedTag]) -> Markup {
    let cx = frame.cx;
    if tags.is_empty() {
        return html! {};
    }
    let title = t!(cx, "Deleted tags", "已删除的标签");
    let heads = [
        t!(cx, "Tag", "标签"),
        t!(cx, "Pointed to", "指向"),
        t!(cx, "Deleted", "删除时间"),
        t!(cx, "By", "操作者"),
        t!(cx, "Restorable until", "可恢复至"),
        t!(cx, "Restore", "恢复"),
    ];
    html! {
        h2 { (title) }
        (ui::table(&title, &heads, html! {
            @for gone in tags {
                tr {
                    td { (gone.tag) }
                    td { code title=(gone.digest) { (ui::short_digest(&gone.digest)) } }
                    td { (ui::moment(cx, &gone.deleted_at)) }
                    td { @if let Some(username) = &gone.username { (username) } @else { span class="none" { "–" } } }
                    td { (ui::moment(cx, &gone.restorable_until)) }
                    td { @if frame.may("tag:create") { (restore_form(frame, "tag", &gone.tag, &gone.tag)) } }
                }
            }
        }))
        @if tags.len() == DELETED { p class="hint" { (t!(cx, "These were deleted last; there may be more.", "仅显示最近删除的部分。")) } }
    }
}

fn deleted_artifacts(frame: &Frame<'_>, artifacts: &[DeletedArtifact]) -> Markup {
    let cx = frame.cx;
    if artifacts.is_empty() {
        return html! {};
    }
    let title = t!(cx, "Deleted artifacts", "已删除的制品");
    let heads = [
        t!(cx, "Digest", "摘要"),
        t!(cx, "Tags that went with it", "一同删除的标签"),
        t!(cx, "Deleted", "删除时间"),
        t!(cx, "Restorable until", "可恢复至"),
        t!(cx, "Restore", "恢复"),
    ];
    html! {
        h2 { (title) }
        (ui::table(&title, &heads, html! {
            @for gone in artifacts {
                tr {
                    td { code title=(gone.digest) { (ui::short_digest(&gone.digest)) } }
                    td { @for tag in gone.tags.iter().take(10) { span class="mark" { (tag) } " " } }
                    td { (ui::moment(cx, &gone.deleted_at)) }
                    td { (ui::moment(cx, &gone.restorable_until)) }
                    td {
                        @if frame.may("artifact:create") {
                            (restore_form(frame, "digest", &gone.digest, ui::short_digest(&gone.digest)))
                        }
                    }
                }
            }
        }))
        @if artifacts.len() == DELETED { p class="hint" { (t!(cx, "These were deleted last; there may be more.", "仅显示最近删除的部分。")) } }
    }
}

fn restore_form(frame: &Frame<'_>, field: &str, value: &str, name: &str) -> Markup {
    let cx = frame.cx;
    ui::form(
        cx,
        &frame.path("history/restore"),
        html! {
            input type="hidden" name=(field) value=(value);
            button class="plain" { (t!(cx, "Restore {name}", "恢复 {name}")) }
        },
    )
}

async fn after(frame: &Frame<'_>, sent: Result<(), PageError>) -> Answered {
    match sent {
        Ok(()) => Ok(PageReply::see_other(format!("{}?done=restored", frame.path("history")))),
        Err(error) => page(frame, Some(&refused(error)?)).await,
    }
}

/// A tag points to what it pointed to before.
async fn roll_back(frame: &Frame<'_>) -> Answered {
    let form = &frame.cx.request.form;
    let target = format!("/tags/{}/restoration", encode(form.text("tag").unwrap_or_default()));
    let body = json!({"digest": form.text("digest").unwrap_or_default()});
    after(frame, frame.cx.send(Verb::Post, frame.api(&target), &body).await.map(drop)).await
}

/// A deleted tag or artifact comes back.
async fn restore(frame: &Frame<'_>) -> Answered {
    let form = &frame.cx.request.form;
    let target = match (form.text("tag"), form.text("digest")) {
        (Some(tag), _) => format!("/tags/{}/restoration", encode(tag)),
        (None, Some(digest)) => format!("/artifacts/{}/restoration", encode(digest)),
        (None, None) => return Err(PageError::NotFound),
    };
    after(frame, frame.cx.send_empty(Verb::Post, frame.api(&target)).await.map(drop)).await
}
