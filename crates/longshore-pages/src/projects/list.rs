//! All projects that the reader may see.

use maud::html;

use super::Project;
use crate::{
    answer::Answered,
    cx::Cx,
    language::t,
    layout, place,
    rights::{filters, part},
    ui::{self, Field},
};

const USUAL_SORT: &str = "name";

/// `/projects`.
pub(super) async fn page(cx: &Cx<'_>) -> Answered {
    let (part, wanted) = (part(cx, USUAL_SORT), cx.request.query.text("q"));
    let conditions = filters(&[("name", "=~", wanted), ("public", "=", visibility(cx))]);
    let found = cx.list::<Project>(format!("/projects?{part}{conditions}")).await?;
    let title = t!(cx, "Projects", "项目");
    let heads = [
        ("name", t!(cx, "Name", "名称")),
        ("", t!(cx, "Access", "访问级别")),
        ("", t!(cx, "Repositories", "仓库")),
        ("", t!(cx, "Made by", "创建者")),
        ("creation_time", t!(cx, "Created", "创建时间")),
    ];
    let rows = html! {
        @for project in &found.entries {
            tr {
                td { a href=(place::of_project(&project.name, "")) { (project.name) } }
                td { (project.mark(cx)) }
                td class="number" { (project.repo_count) }
                td { (project.owner_name) }
                td { (ui::moment(cx, &project.creation_time)) }
            }
        }
    };
    let is_narrowed = wanted.is_some() || visibility(cx).is_some();
    let body = html! {
        h1 { (title) }
        @if cx.request.caller.is_some() {
            p { a class="button" href="/projects/-/new" { (t!(cx, "New project", "新建项目")) } }
        }
        form class="inline" role="search" {
            (ui::field(&Field { name: "q", label: t!(cx, "Part of the name", "名称包含"), kind: "search",
                value: wanted.unwrap_or_default(), ..Field::default() }))
            (ui::select("public", &t!(cx, "Access", "访问级别"), &[
                ("", t!(cx, "all", "全部")),
                ("true", t!(cx, "public", "公开")),
                ("false", t!(cx, "private", "私有")),
            ], visibility(cx).unwrap_or_default()))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
        @if found.total > 0 {
            (ui::sorted_table(cx, &title, USUAL_SORT, &heads, rows))
            (ui::pager(cx, found.total))
        } @else if is_narrowed {
            (ui::empty(&t!(cx, "No project is like that.", "没有符合条件的项目。"),
                html! { p { a href="/projects" { (t!(cx, "Show all", "显示全部")) } } }))
        } @else {
            (ui::empty(&t!(cx, "There are no projects that you may see.", "没有您可以查看的项目。"), html! {
                p {
                    (t!(cx, "Repositories live in projects: create one, or have somebody add you to theirs.",
                        "仓库属于项目：新建一个项目，或请他人把您加入他们的项目。"))
                }
            }))
        }
    };
    Ok(layout::page(cx, &title, body))
}

fn visibility<'a>(cx: &'a Cx<'_>) -> Option<&'a str> {
    cx.request.query.text("public").filter(|public| ["true", "false"].contains(public))
}
