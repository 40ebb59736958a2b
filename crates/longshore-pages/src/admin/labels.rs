//! `/admin/labels`: labels that any project may put on its images.

use maud::html;
use serde::Deserialize;
use serde_json::json;

use super::desk::{self, Desk};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    language::t,
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Label {
    id: i64,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    color: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    creation_time: String,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk, None).await,
        ([], true) => create(desk).await,
        ([id], false) => page(desk, desk::number(id)?, None).await,
        ([id], true) => update(desk, desk::number(id)?).await,
        ([id, "delete"], true) => remove(desk, desk::number(id)?).await,
        _ => Err(PageError::NotFound),
    }
}

async fn list(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let found = cx.list::<Label>(format!("/labels?scope=g&{}", desk::part(cx))).await?;
    let title = desk.title("labels");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "What it means", "说明"),
        t!(cx, "Colour", "颜色"),
        t!(cx, "Created", "创建时间"),
    ];
    let rows = html! {
        @for label in &found.entries {
            tr {
                th scope="row" { a href={ "/admin/labels/" (label.id) } { (label.name) } }
                td { (label.description) }
                td { code { (label.color) } }
                td { (ui::moment(cx, &label.creation_time)) }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "There are no labels of the whole registry", "没有全局标记"),
        html! { p { (t!(cx, "Labels that are made here can be put on images of every project.", "在此创建的标记可用于所有项目的镜像。")) } },
    );
    let body = html! {
        (ui::problem(cx, problem))
        (desk::listing(cx, &title, &heads, rows, found.total, nothing))
        @if desk.may("label:create") {
            h2 { (t!(cx, "New label", "新建标记")) }
            (ui::form(cx, "/admin/labels", html! {
                (fields(desk, None))
                button { (t!(cx, "Create", "创建")) }
            }))
        }
    };
    Ok(desk::with_refusal(desk.page("labels", &title, body), problem))
}

fn fields(desk: &Desk<'_>, label: Option<&Label>) -> maud::Markup {
    let cx = desk.cx;
    let form = &cx.request.form;
    let value = |name: &str, stored: fn(&Label) -> &str| -> String {
        let typed = cx.request.is_form.then(|| form.text(name).unwrap_or_default().to_owned());
        typed.unwrap_or_else(|| label.map(stored).unwrap_or_default().to_owned())
    };
    let (name, description, color) = (
        value("name", |label| &label.name),
        value("description", |label| &label.description),
        value("color", |label| &label.color),
    );
    html! {
        (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), value: &name, is_required: true, ..Field::default() }))
        (ui::field(&Field { name: "description", label: t!(cx, "What it means", "说明"), value: &description,
            ..Field::default() }))
        (ui::field(&Field { name: "color", label: t!(cx, "Colour", "颜色"), value: &color,
            hint: t!(cx, "Such as #0065ab, or empty.", "例如 #0065ab，可留空。"), ..Field::default() }))
    }
}

fn plan(desk: &Desk<'_>) -> serde_json::Value {
    let form = &desk.cx.request.form;
    let text = |name| form.text(name).unwrap_or_default();
    json!({ "name": text("name"), "description": text("description"), "color": text("color"), "scope": "g" })
}

async fn create(desk: &Desk<'_>) -> Answered {
    match desk.cx.send(Verb::Post, "/labels", &plan(desk)).await {
        Ok(_) => Ok(PageReply::see_other("/admin/labels?done=created")),
        Err(error) => list(desk, Some(&desk::refused(error)?)).await,
    }
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let label: Label = cx.get(format!("/labels/{id}")).await?;
    if label.scope != "g" {
        return Err(PageError::NotFound);
    }
    let body = html! {
        (ui::problem(cx, problem))
        @if desk.may("label:update") {
            (ui::form(cx, &format!("/admin/labels/{id}"), html! {
                (fields(desk, Some(&label)))
                button { (t!(cx, "Save", "保存")) }
            }))
        } @else {
            p { (label.description) }
        }
        @if desk.may("label:delete") {
            (ui::confirm(cx, &t!(cx, "Delete this label", "删除该标记"), &format!("/admin/labels/{id}/delete"), html! {
                p { (t!(cx, "It goes from all that it is on.", "它会从所有镜像上移除。")) }
            }))
        }
    };
    Ok(desk::with_refusal(desk.page("labels", &label.name, body), problem))
}

async fn update(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send(Verb::Put, format!("/labels/{id}"), &plan(desk)).await {
        Ok(_) => Ok(PageReply::see_other(format!("/admin/labels/{id}?done=saved"))),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

async fn remove(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send_empty(Verb::Delete, format!("/labels/{id}")).await {
        Ok(_) => Ok(PageReply::see_other("/admin/labels?done=deleted")),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}
