//! Short listings of the start.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{PageError, cx::Cx, language::t, pairs::encode, place, ui};

/// Entries of each.
const SHOWN: usize = 8;

/// A repository as the management API shows it.
#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) name: String,
    pub(super) update_time: String,
    #[serde(default)]
    pub(super) pull_time: String,
    pub(super) pull_count: u64,
}

/// A project as the management API shows it.
#[derive(Deserialize)]
pub(super) struct Project {
    pub(super) name: String,
    #[serde(default)]
    pub(super) repo_count: u64,
}

/// Those that the caller may list, in an order.
pub(super) async fn repositories(cx: &Cx<'_>, sort: &str) -> Result<Vec<Repository>, PageError> {
    let target = format!("/repositories?page_size={SHOWN}&sort={sort}&with_artifact_count=false");
    Ok(cx.look(target).await?.unwrap_or_default())
}

/// Those that somebody made.
pub(super) async fn projects_of(cx: &Cx<'_>, name: &str) -> Result<Vec<Project>, PageError> {
    Ok(cx.look(format!("/projects?page_size={SHOWN}&owner={}", encode(name))).await?.unwrap_or_default())
}

fn link(name: &str) -> Markup {
    html! { a href=(place::of_repository(name, "")) { (name) } }
}

pub(super) fn changed(cx: &Cx<'_>, repositories: &[Repository]) -> Markup {
    let heads = [t!(cx, "Repository", "仓库"), t!(cx, "Changed", "更新时间")];
    let rows = html! {
        @for repository in repositories {
            tr { td { (link(&repository.name)) } td { (ui::moment(cx, &repository.update_time)) } }
        }
    };
    ui::table(&t!(cx, "Lately changed", "最近更新"), &heads, rows)
}

pub(super) fn pulled(cx: &Cx<'_>, repositories: &[Repository]) -> Markup {
    let heads = [t!(cx, "Repository", "仓库"), t!(cx, "Pulled", "拉取时间"), t!(cx, "Pulls", "拉取次数")];
    let rows = html! {
        @for repository in repositories {
            tr {
                td { (link(&repository.name)) }
                td { (ui::moment(cx, &repository.pull_time)) }
                td class="number" { (repository.pull_count) }
            }
        }
    };
    ui::table(&t!(cx, "Lately pulled", "最近拉取"), &heads, rows)
}

pub(super) fn projects(cx: &Cx<'_>, projects: &[Project]) -> Markup {
    let heads = [t!(cx, "Project", "项目"), t!(cx, "Repositories", "仓库")];
    let rows = html! {
        @for project in projects {
            tr {
                td { a href=(place::of_project(&project.name, "")) { (project.name) } }
                td class="number" { (project.repo_count) }
            }
        }
    };
    ui::table(&t!(cx, "Your projects", "我的项目"), &heads, rows)
}
