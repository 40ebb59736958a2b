//! Labels of a project, to put on its artifacts.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Frame;
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    rights::{number, refused, with_refusal},
    ui::{self, Field},
};

/// A label as the management API shows it.
#[derive(Clone, Deserialize)]
pub(crate) struct Label {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    /// `#0065ab`, or empty.
    #[serde(default)]
    pub(crate) color: String,
    #[serde(default)]
    project_id: i64,
    #[serde(default)]
    creation_time: String,
}

impl Label {
    /// Its name with its colour before it.
    pub(crate) fn mark(&self) -> Markup {
        html! { span class="mark" title=(self.description) { (swatch(&self.color)) (self.name) } }
    }
}

/// A colour, drawn; nothing for what is none.
fn swatch(color: &str) -> Markup {
    let is_color = color
        .strip_prefix('#')
        .is_some_and(|hex| matches!(hex.len(), 3 | 6) && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    html! {
        @if is_color {
            svg width="10" height="10" aria-hidden="true" { circle cx="5" cy="5" r="4" fill=(color) {} }
            " "
        }
    }
}

/// `/projects/NAME/-/labels`.
pub(super) async fn page(frame: &Frame<'_>, problem: Option<&PageError>) -> Answered {
    let cx = frame.cx;
    let (id, page) = (frame.project.project_id, ui::page_number(cx));
    let target = format!("/labels?scope=p&project_id={id}&sort=name&page={page}&page_size={}", ui::PAGE_SIZE);
    let found = cx.list::<Label>(target).await?;
    let title = t!(cx, "Labels", "标记");
    let heads = [
        t!(cx, "Label", "标记"),
        t!(cx, "Description", "描述"),
        t!(cx, "Made", "创建时间"),
        t!(cx, "Change", "更改"),
    ];
    let may_change = frame.may("label:update") || frame.may("label:delete");
    let rows = html! {
        @for label in &found.entries {
            tr {
                td { (label.mark()) }
                td { (label.description) }
                td { (ui::moment(cx, &label.creation_time)) }
                td {
                    @if may_change {
                        a href=(frame.path(&format!("labels/{}", label.id)))
                            aria-label=(t!(cx, "Change {name}", "更改 {name}", name = label.name)) { (t!(cx, "Change", "更改")) }
                    }
                }
            }
        }
    };
    let body = html! {
        @if found.total > 0 {
            (ui::table(&title, &heads, rows))
            (ui::pager(cx, found.total))
        } @else {
            (ui::empty(&t!(cx, "There are no labels.", "还没有标记。"), html! {
                p { (t!(cx, "Labels mark artifacts of the project: tested, approved, on stage.", "标记用于标注项目中的制品：已测试、已批准、预发布。")) }
            }))
        }
        @if frame.may("label:create") {
            h2 { (t!(cx, "New label", "新建标记")) }
            (ui::problem(cx, problem))
            (ui::form(cx, &frame.path("labels"), html! {
                (fields(cx, None))
                button { (t!(cx, "Create", "创建")) }
            }))
        }
    };
    Ok(with_refusal(frame.page("labels", &title, body), problem))
}

fn fields(cx: &Cx<'_>, label: Option<&Label>) -> Markup {
    let form = &cx.request.form;
    let typed = |field, is: Option<&String>| match (cx.request.is_form, is) {
        (false, Some(is)) => is.clone(),
        _ => form.text(field).unwrap_or_default().to_owned(),
    };
    html! {
        (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), is_required: true,
            value: &typed("name", label.map(|label| &label.name)), ..Field::default() }))
        (ui::field(&Field { name: "description", label: t!(cx, "Description", "描述"),
            value: &typed("description", label.map(|label| &label.description)), ..Field::default() }))
        (ui::field(&Field { name: "color", label: t!(cx, "Colour", "颜色"),
            value: &typed("color", label.map(|label| &label.color)),
            hint: t!(cx, "Such as #0065ab; empty for none.", "例如 #0065ab；留空表示没有颜色。"), ..Field::default() }))
    }
}

fn body(frame: &Frame<'_>) -> Value {
    let form = &frame.cx.request.form;
    let text = |field| form.text(field).unwrap_or_default();
    json!({"name": text("name"), "description": text("description"), "color": text("color"), "scope": "p",
        "project_id": frame.project.project_id})
}

/// The form was sent.
pub(super) async fn create(frame: &Frame<'_>) -> Answered {
    match frame.cx.send(Verb::Post, "/labels", &body(frame)).await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=created", frame.path("labels")))),
        Err(error) => page(frame, Some(&refused(error)?)).await,
    }
}

/// The label, which must be one of this project.
async fn own(frame: &Frame<'_>, id: &str) -> Result<Label, PageError> {
    let label: Label = frame.cx.get(format!("/labels/{}", number(id)?)).await?;
    if label.project_id == frame.project.project_id { Ok(label) } else { Err(PageError::NotFound) }
}

/// `/projects/NAME/-/labels/ID`.
pub(super) async fn one(frame: &Frame<'_>, id: &str, problem: Option<&PageError>) -> Answered {
    let cx = frame.cx;
    let label = own(frame, id).await?;
    let title = t!(cx, "Label {name}", "标记 {name}", name = label.name);
    let path = frame.path(&format!("labels/{id}"));
    let body = html! {
        (ui::problem(cx, problem))
        @if frame.may("label:update") {
            (ui::form(cx, &path, html! {
                (fields(cx, Some(&label)))
                button { (t!(cx, "Save", "保存")) }
            }))
        }
        @if frame.may("label:delete") {
            (ui::confirm(cx, &t!(cx, "Delete it", "删除"), &format!("{path}/delete"), html! {
                p { (t!(cx, "It is taken off all artifacts that have it.", "所有带有此标记的制品都会失去它。")) }
            }))
        }
        p { a href=(frame.path("labels")) { (t!(cx, "All labels", "全部标记")) } }
    };
    Ok(with_refusal(frame.page("labels", &title, body), problem))
}

/// The form was sent.
pub(super) async fn change(frame: &Frame<'_>, id: &str) -> Answered {
    let label = own(frame, id).await?;
    match frame.cx.send(Verb::Put, format!("/labels/{}", label.id), &body(frame)).await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=saved", frame.path("labels")))),
        Err(error) => one(frame, id, Some(&refused(error)?)).await,
    }
}

/// It goes, also from what it is on.
pub(super) async fn delete(frame: &Frame<'_>, id: &str) -> Answered {
    let label = own(frame, id).await?;
    frame.cx.send_empty(Verb::Delete, format!("/labels/{}", label.id)).await?;
    Ok(PageReply::see_other(format!("{}?done=deleted", frame.path("labels"))))
}
