//! Projects.

use maud::html;
use serde::Deserialize;

use crate::{
    answer::Answered,
    cx::Cx,
    error::PageError,
    language::t,
    layout,
    place::{self, Place},
    ui,
};

/// A project as the management API shows it.
#[derive(Deserialize)]
struct Project {
    name: String,
    #[serde(default)]
    repo_count: u64,
    #[serde(default)]
    creation_time: String,
}

/// `/projects` and what lies below.
pub(crate) async fn answer(cx: &Cx<'_>, rest: &[String]) -> Answered {
    let place = Place::parse(rest);
    match (place.name.as_str(), place.view.as_slice()) {
        ("", []) => list(cx).await,
        _ => Err(PageError::NotFound),
    }
}

/// All that the caller may see.
async fn list(cx: &Cx<'_>) -> Answered {
    let page = ui::page_number(cx);
    let found = cx.list::<Project>(format!("/projects?page={page}&page_size={}", ui::PAGE_SIZE)).await?;
    let title = t!(cx, "Projects", "项目");
    let heads = [t!(cx, "Name", "名称"), t!(cx, "Repositories", "仓库"), t!(cx, "Created", "创建时间")];
    let rows = html! {
        @for project in &found.entries {
            tr {
                td { a href=(place::of_project(&project.name, "")) { (project.name) } }
                td class="number" { (project.repo_count) }
                td { (ui::moment(cx, &project.creation_time)) }
            }
        }
    };
    Ok(layout::page(
        cx,
        &title,
        html! {
            h1 { (title) }
            (ui::table(&title, &heads, rows))
            (ui::pager(cx, found.total))
        },
    ))
}
