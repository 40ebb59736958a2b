//! Listings of repositories.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    answer::Answered,
    cx::{Cx, Listed},
    language::t,
    layout, place,
    rights::{filters, part},
    ui::{self, Field},
};

/// How listings are sorted where nothing is asked for: along an index.
pub(crate) const USUAL_SORT: &str = "name";

/// Up to so many repositories can be sorted by what has no index: the last push, and pulls.
const SORTABLE_MAX: u64 = 5_000;

/// A repository as the management API shows it.
#[derive(Deserialize)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) project_id: i64,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) pull_count: u64,
    #[serde(default)]
    pub(crate) creation_time: String,
    #[serde(default)]
    pub(crate) update_time: String,
}

/// `/repositories`.
pub(super) async fn page(cx: &Cx<'_>) -> Answered {
    let wanted = cx.request.query.text("q");
    let (part, conditions) = (part(cx, USUAL_SORT), filters(&[("name", "=~", wanted)]));
    let found =
        cx.list::<Repository>(format!("/repositories?{part}&with_artifact_count=false{conditions}")).await?;
    let title = t!(cx, "Repositories", "仓库");
    let body = html! {
        h1 { (title) }
        form class="inline" role="search" {
            (ui::field(&Field { name: "q", label: t!(cx, "Part of the name", "名称包含"), kind: "search",
                value: wanted.unwrap_or_default(), ..Field::default() }))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
        @if found.total > 0 {
            (table(cx, &title, &found))
        } @else if wanted.is_some() {
            (ui::empty(&t!(cx, "No repository is like that.", "没有符合条件的仓库。"),
                html! { p { a href="/repositories" { (t!(cx, "Show all", "显示全部")) } } }))
        } @else {
            (ui::empty(&t!(cx, "There are no repositories that you may see.", "没有您可以查看的仓库。"), html! {
                p { (t!(cx, "A push makes one, in a project:", "向项目推送镜像即可创建仓库：")) }
                (ui::copy_line(&format!("docker push {}/PROJECT/NAME:TAG", cx.request.host)))
                p { a href="/projects" { (t!(cx, "Go to the projects", "查看项目")) } }
            }))
        }
    };
    Ok(layout::page(cx, &title, body))
}

/// Repositories with their numbers, and the way through them.
pub(crate) fn table(cx: &Cx<'_>, label: &str, found: &Listed<Repository>) -> Markup {
    let sorted = |key| if found.total <= SORTABLE_MAX { key } else { "" };
    let heads = [
        ("name", t!(cx, "Name", "名称")),
        (sorted("update_time"), t!(cx, "Changed", "更新时间")),
        (sorted("pull_count"), t!(cx, "Pulls", "拉取次数")),
        ("creation_time", t!(cx, "Created", "创建时间")),
    ];
    let rows = html! {
        @for repository in &found.entries {
            tr {
                td {
                    a href=(place::of_repository(&repository.name, "")) { (repository.name) }
                    @let line = first_line(&repository.description);
                    @if !line.is_empty() { div class="hint" { (line) } }
                }
                td { (ui::moment(cx, &repository.update_time)) }
                td class="number" { (repository.pull_count) }
                td { (ui::moment(cx, &repository.creation_time)) }
            }
        }
    };
    html! {
        (ui::sorted_table(cx, label, USUAL_SORT, &heads, rows))
        (ui::pager(cx, found.total))
    }
}

/// What a description begins with, without the signs of a heading.
fn first_line(description: &str) -> String {
    const CHARACTERS_MAX: usize = 120;
    let line =
        description.lines().map(|line| line.trim_start_matches('#').trim()).find(|line| !line.is_empty());
    let line = line.unwrap_or_default();
    match line.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_one_line() {
        assert_eq!(first_line("\n\n# Shop\nsells"), "Shop");
        assert_eq!(first_line(" \n"), "");
        assert_eq!(first_line(&"é".repeat(200)).chars().count(), 121);
    }
}
