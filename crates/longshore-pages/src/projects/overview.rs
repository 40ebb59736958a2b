//! The page of a project: its repositories, and the projects that lie in it.

use maud::{Markup, html};
use serde::Deserialize;

use super::{Frame, Project};
use crate::{
    PageError,
    answer::Answered,
    language::t,
    pairs::encode,
    place,
    repositories::{self, Repository},
    rights::{filters, part},
    ui::{self, Field},
};

/// What `/projects/{}/summary` says.
#[derive(Default, Deserialize)]
struct Summary {
    quota: Option<Quota>,
}

#[derive(Deserialize)]
struct Quota {
    hard: Storage,
    used: Storage,
}

#[derive(Deserialize)]
struct Storage {
    /// Bytes; -1 for no limit.
    storage: i64,
}

/// Most nested projects that are shown here; the listing of projects has them all.
const NESTED_MAX: usize = 50;

/// `/projects/NAME`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let wanted = cx.request.query.text("q");
    let (part, conditions) = (part(cx, repositories::USUAL_SORT), filters(&[("name", "=~", wanted)]));
    let listing = format!("/repositories?{part}&with_artifact_count=false{conditions}");
    let found = cx.list::<Repository>(frame.api(&listing)).await?;
    let summary: Summary = cx.look(frame.api("/summary")).await?.unwrap_or_default();
    let nested = nested(frame).await?;
    let title = t!(cx, "Repositories", "仓库");
    let body = html! {
        @if let Some(quota) = &summary.quota { (quota_bar(frame, quota)) }
        h2 { (title) }
        @if found.total > 0 || wanted.is_some() {
            form class="inline" role="search" {
                (ui::field(&Field { name: "q", label: t!(cx, "Part of the name", "名称包含"), kind: "search",
                    value: wanted.unwrap_or_default(), ..Field::default() }))
                button class="second" { (t!(cx, "Find", "查找")) }
            }
        }
        @if found.total > 0 {
            (repositories::table(cx, &title, &found))
        } @else if wanted.is_some() {
            (ui::empty(&t!(cx, "No repository is like that.", "没有符合条件的仓库。"),
                html! { p { a href=(frame.path("")) { (t!(cx, "Show all", "显示全部")) } } }))
        } @else {
            (nothing_pushed(frame))
        }
        @if !nested.is_empty() || frame.may("project:update") { (nested_projects(frame, &nested)) }
    };
    Ok(frame.page("", &frame.project.name, body))
}

/// Those that lie in it, as far as the reader may see them.
async fn nested(frame: &Frame<'_>) -> Result<Vec<Project>, PageError> {
    let inside = format!("{}/", frame.project.name);
    let conditions = filters(&[("name", "=~", Some(&inside))]);
    let found = frame.cx.list::<Project>(format!("/projects?page_size=100&sort=name{conditions}")).await?;
    // The text may stand within other names, too.
    Ok(found.entries.into_iter().filter(|project| project.name.starts_with(&inside)).collect())
}

fn nested_projects(frame: &Frame<'_>, nested: &[Project]) -> Markup {
    let (cx, name) = (frame.cx, &frame.project.name);
    html! {
        h2 { (t!(cx, "Projects in it", "子项目")) }
        @if nested.is_empty() {
            p class="quiet" { (t!(cx, "There are none.", "没有子项目。")) }
        }
        ul {
            @for project in nested.iter().take(NESTED_MAX) {
                li {
                    a href=(place::of_project(&project.name, "")) { (project.name) }
                    " " (project.mark(cx)) " "
                    span class="quiet" {
                        (ui::count(cx, i64::try_from(project.repo_count).unwrap_or(i64::MAX), ("repository", "repositories"), "个仓库"))
                    }
                }
            }
        }
        @if nested.len() > NESTED_MAX {
            p { a href={ "/projects?q=" (encode(&format!("{name}/"))) } { (t!(cx, "All of them", "全部子项目")) } }
        }
        @if frame.may("project:update") {
            p { a class="button second" href={ "/projects/-/new?in=" (encode(name)) } { (t!(cx, "New project in it", "新建子项目")) } }
        }
    }
}

fn quota_bar(frame: &Frame<'_>, quota: &Quota) -> Markup {
    let cx = frame.cx;
    let bytes = |storage: &Storage| u64::try_from(storage.storage).unwrap_or_default();
    let used = bytes(&quota.used);
    let text = match quota.hard.storage {
        ..0 => t!(cx, "{used} used, no limit", "已用 {used}，无限制", used = ui::bytes(used)),
        _ => t!(
            cx,
            "{used} of {hard} used",
            "已用 {used}，共 {hard}",
            used = ui::bytes(used),
            hard = ui::bytes(bytes(&quota.hard))
        ),
    };
    html! {
        div class="quota" {
            p { (t!(cx, "Storage", "存储")) ": " (text) }
            @if quota.hard.storage > 0 { (ui::bar(used as f64 / quota.hard.storage as f64, &text)) }
        }
    }
}

/// The commands that fill it.
fn nothing_pushed(frame: &Frame<'_>) -> Markup {
    let cx = frame.cx;
    let image = format!("{}/{}/hello:v1", cx.request.host, frame.project.name);
    ui::empty(
        &t!(cx, "Nothing was pushed here yet.", "这里还没有推送过镜像。"),
        html! {
            @if frame.may("repository:push") {
                p { (t!(cx, "Log in, give an image a name in this project, and push it:", "登录，为镜像添加属于本项目的标签，然后推送：")) }
                (ui::copy_line(&format!("docker login {}", cx.request.host)))
                (ui::copy_line(&format!("docker tag hello:v1 {image}")))
                (ui::copy_line(&format!("docker push {image}")))
            } @else {
                p { (t!(cx, "Who may push here can fill it.", "有推送权限的成员可以推送镜像。")) }
            }
        },
    )
}
