//! The page of a repository: what it is, how to get it, its tags.

use maud::{Markup, html};
use serde::Deserialize;

use super::{Frame, copy_lines, markdown};
use crate::{
    answer::Answered,
    cx::{Cx, Listed},
    events::{Activity, activity_of},
    language::t,
    pairs::encode,
    place,
    projects::Label,
    rights::{filters, part},
    ui::{self, Field},
};

/// The newest first.
const USUAL_SORT: &str = "-push_time";

/// A tag as the management API shows it, with what it points to.
#[derive(Deserialize)]
struct Tag {
    name: String,
    digest: String,
    #[serde(rename = "type")]
    kind: String,
    size: u64,
    pull_count: u64,
    push_time: String,
    #[serde(default)]
    platforms: Vec<Platform>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    username: Option<String>,
}

/// What an image runs on.
#[derive(Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl Platform {
    /// `linux/arm64/v8`, as `docker pull --platform` takes it.
    pub(super) fn text(&self) -> String {
        let variant = self.variant.as_deref().filter(|variant| !variant.is_empty());
        let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
        format!("{}/{}{variant}", self.os, self.architecture)
    }
}

/// Most platforms that a row shows.
const PLATFORMS_MAX: usize = 6;

/// `/repositories/NAME`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let wanted = cx.request.query.text("q");
    let (part, conditions) = (part(cx, USUAL_SORT), filters(&[("name", "=~", wanted)]));
    let tags = cx.list::<Tag>(frame.api(&format!("/tags?{part}{conditions}"))).await?;
    let activity = cx.look::<Activity>(activity_of(&frame.name)).await?;
    let description = frame.repository.as_ref().map_or("", |repository| repository.description.as_str());
    // On the first page, sorted as usual, it is the newest.
    let shown = tags.entries.first().map(|tag| tag.name.as_str());
    let body = html! {
        div class="columns" {
            section aria-label=(t!(cx, "Description", "描述")) {
                @if description.trim().is_empty() {
                    p class="quiet" { (t!(cx, "Nobody has described it yet.", "还没有描述。")) }
                } @else { (markdown::rendered(description)) }
                @if frame.may("repository:update") {
                    p { a href=(frame.path("settings")) { (t!(cx, "Edit the description", "编辑描述")) } }
                }
            }
            section {
                @if let Some(tag) = shown {
                    h2 { (t!(cx, "Pull", "拉取")) }
                    (copy_lines::pull(cx, &frame.name, tag))
                }
                (facts(frame))
            }
        }
        h2 id="tags" { (t!(cx, "Tags", "标签")) }
        form class="inline" role="search" {
            (ui::field(&Field { name: "q", label: t!(cx, "Part of the tag", "标签包含"), kind: "search",
                value: wanted.unwrap_or_default(), ..Field::default() }))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
        div id="live-tags" data-live={ "/events" (frame.path("")) } {
            @if let Some(activity) = &activity { (under_way(cx, activity)) }
            (tag_table(frame, &tags, wanted.is_some()))
        }
    };
    Ok(frame.page("", &frame.name, body))
}

/// What is being pushed now.
fn under_way(cx: &Cx<'_>, activity: &Activity) -> Markup {
    let (uploads, bytes) = (activity.uploads, ui::bytes(activity.uploads_size));
    html! {
        @if uploads > 0 {
            p class="note" role="status" {
                (t!(cx, "Uploads under way: {uploads}, {bytes} so far.", "正在上传：{uploads} 个，已收到 {bytes}。"))
            }
        }
    }
}

fn facts(frame: &Frame<'_>) -> Markup {
    let cx = frame.cx;
    let Some(repository) = &frame.repository else { return html! {} };
    html! {
        dl class="facts" {
            dt { (t!(cx, "Pulls", "拉取次数")) } dd { (repository.pull_count) }
            dt { (t!(cx, "Changed", "更新时间")) } dd { (ui::moment(cx, &repository.update_time)) }
            dt { (t!(cx, "Created", "创建时间")) } dd { (ui::moment(cx, &repository.creation_time)) }
        }
    }
}

fn tag_table(frame: &Frame<'_>, tags: &Listed<Tag>, is_narrowed: bool) -> Markup {
    let cx = frame.cx;
    if tags.total == 0 {
        return match is_narrowed {
            true => ui::empty(
                &t!(cx, "No tag is like that.", "没有符合条件的标签。"),
                html! { p { a href=(frame.path("")) { (t!(cx, "Show all", "显示全部")) } } },
            ),
            false => ui::empty(
                &t!(cx, "It has no tags.", "没有标签。"),
                html! {
                    p { a href=(frame.path("untagged")) { (t!(cx, "Look at what has no tag", "查看无标签的制品")) } }
                },
            ),
        };
    }
    let title = t!(cx, "Tags", "标签");
    let heads = [
        ("name", t!(cx, "Tag", "标签")),
        ("", t!(cx, "Platforms", "平台")),
        ("", t!(cx, "Size", "大小")),
        ("push_time", t!(cx, "Pushed", "推送时间")),
        ("", t!(cx, "By", "推送者")),
        ("", t!(cx, "Pulls", "拉取次数")),
        ("", t!(cx, "Digest", "摘要")),
        ("", t!(cx, "Change", "更改")),
    ];
    html! {
        (ui::sorted_table(cx, &title, USUAL_SORT, &heads, html! {
            @for tag in &tags.entries { (row(frame, tag)) }
        }))
        (ui::pager(cx, tags.total))
    }
}

fn row(frame: &Frame<'_>, tag: &Tag) -> Markup {
    let cx = frame.cx;
    let name = &tag.name;
    html! {
        tr {
            td {
                a href=(place::of_image(&frame.name, name, "")) { (name) }
                @for label in &tag.labels { " " (label.mark()) }
            }
            td { (platforms(&tag.platforms, &tag.kind)) }
            td class="number" { (ui::bytes(tag.size)) }
            td { (ui::moment(cx, &tag.push_time)) }
            td { @if let Some(username) = &tag.username { (username) } @else { span class="none" { "–" } } }
            td class="number" { (tag.pull_count) }
            td { code title=(tag.digest) { (ui::short_digest(&tag.digest)) } }
            td {
                a href=(frame.path(&format!("history?tag={}", encode(name))))
                    aria-label=(t!(cx, "History of {name}", "{name} 的历史")) { (t!(cx, "History", "历史")) }
                @if frame.may("tag:create") || frame.may("tag:delete") || frame.may("artifact:delete") {
                    " · "
                    a href=(frame.manage_path(name, "")) aria-label=(t!(cx, "Manage {name}", "管理 {name}")) { (t!(cx, "Manage", "管理")) }
                }
            }
        }
    }
}

/// What it runs on; of what is no image what it is.
pub(super) fn platforms(platforms: &[Platform], kind: &str) -> Markup {
    html! {
        @if platforms.is_empty() { span class="quiet" { (kind.to_lowercase()) } }
        @for platform in platforms.iter().take(PLATFORMS_MAX) { span class="mark" { (platform.text()) } " " }
        @if platforms.len() > PLATFORMS_MAX { span class="quiet" { "+" (platforms.len() - PLATFORMS_MAX) } }
    }
}
