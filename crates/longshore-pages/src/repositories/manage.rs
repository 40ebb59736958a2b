//! What is done with an artifact: its tags, its labels, its end.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::{Frame, copy_lines};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    language::t,
    place,
    projects::Label,
    rights::{number, refused, with_refusal},
    ui::{self, Field},
};

/// An artifact as the management API shows it.
#[derive(Deserialize)]
struct Artifact {
    digest: String,
    size: u64,
    push_time: String,
    #[serde(default)]
    tags: Option<Vec<Tag>>,
    #[serde(default)]
    labels: Option<Vec<Label>>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    push_time: String,
}

/// Most tags that are shown; the listing of tags has them all.
const TAGS_MAX: usize = 100;

/// `/repositories/NAME/-/manage/REFERENCE`.
pub(super) async fn page(frame: &Frame<'_>, reference: &str, problem: Option<&PageError>) -> Answered {
    let cx = frame.cx;
    let parts = "?with_tag=true&with_label=true&with_accessory=false";
    let artifact: Artifact = cx.get(frame.api_artifact(reference, parts)).await?;
    let title = t!(cx, "Manage {reference}", "管理 {reference}", reference = ui::short_digest(reference));
    let body = html! {
        (ui::problem(cx, problem))
        dl class="facts" {
            dt { (t!(cx, "Digest", "摘要")) }
            dd { a href=(place::of_image(&frame.name, &artifact.digest, "")) { code { (artifact.digest) } } }
            dt { (t!(cx, "Size", "大小")) } dd { (ui::bytes(artifact.size)) }
            dt { (t!(cx, "Pushed", "推送时间")) } dd { (ui::moment(cx, &artifact.push_time)) }
        }
        (copy_lines::pull(cx, &frame.name, reference))
        (tags(frame, reference, &artifact))
        (labels(frame, reference, &artifact).await?)
        @if frame.may("artifact:delete") {
            h2 { (t!(cx, "Delete", "删除")) }
            p { a href=(frame.manage_path(reference, "/delete")) { (t!(cx, "See what deleting it would take along", "查看删除会影响哪些内容")) } }
        }
        p { a href=(frame.path("")) { (t!(cx, "All tags", "全部标签")) } }
    };
    Ok(with_refusal(frame.page("manage", &title, body), problem))
}

fn tags(frame: &Frame<'_>, reference: &str, artifact: &Artifact) -> Markup {
    let cx = frame.cx;
    let tags = artifact.tags.as_deref().unwrap_or_default();
    let heads = [t!(cx, "Tag", "标签"), t!(cx, "Pushed", "推送时间"), t!(cx, "Change", "更改")];
    html! {
        h2 { (t!(cx, "Tags", "标签")) }
        @if tags.is_empty() { p class="quiet" { (t!(cx, "No tag points to it.", "没有标签指向它。")) } }
        @else {
            (ui::table(&t!(cx, "Tags", "标签"), &heads, html! {
                @for Tag { name, push_time } in tags.iter().take(TAGS_MAX) {
                    tr {
                        td { (name) }
                        td { (ui::moment(cx, push_time)) }
                        td {
                            @if frame.may("tag:delete") {
                                @let action = format!("/tags/{name}/remove");
                                (ui::confirm(cx, &t!(cx, "Delete tag {name}", "删除标签 {name}"), &frame.manage_path(reference, &action), html! {
                                    p { (t!(cx, "What it points to stays, by its digest and other tags. The tag can be restored from the history for a while.",
                                        "它指向的内容仍可通过摘要和其他标签访问。标签在一段时间内可以从历史中恢复。")) }
                                }))
                            }
                        }
                    }
                }
            }))
        }
        @if frame.may("tag:create") {
            (ui::form(cx, &frame.manage_path(reference, "/tags"), html! {
                (ui::field(&Field { name: "tag", label: t!(cx, "Another tag", "添加标签"), is_required: true,
                    value: cx.request.form.text("tag").unwrap_or_default(),
                    hint: t!(cx, "One that the repository does not have yet.", "仓库中尚不存在的标签。"), ..Field::default() }))
                button { (t!(cx, "Add tag", "添加标签")) }
            }))
        }
    }
}

async fn labels(frame: &Frame<'_>, reference: &str, artifact: &Artifact) -> Result<Markup, PageError> {
    let cx = frame.cx;
    let on = artifact.labels.as_deref().unwrap_or_default();
    let mut possible: Vec<Label> = Vec::new();
    if frame.may("artifact-label:create") {
        let id = frame.project.project_id;
        let of_project = format!("/labels?scope=p&project_id={id}&sort=name&page_size=100");
        for target in [of_project, "/labels?scope=g&sort=name&page_size=100".to_owned()] {
            possible.extend(cx.look::<Vec<Label>>(target).await?.unwrap_or_default());
        }
        possible.retain(|label| on.iter().all(|known| known.id != label.id));
    }
    let numbers: Vec<_> = possible.iter().map(|label| label.id.to_string()).collect();
    let options: Vec<_> =
        numbers.iter().zip(&possible).map(|(id, label)| (id.as_str(), label.name.clone())).collect();
    Ok(html! {
        h2 { (t!(cx, "Labels", "标记")) }
        @if on.is_empty() { p class="quiet" { (t!(cx, "There are none on it.", "没有标记。")) } }
        ul {
            @for label in on {
                li {
                    (label.mark())
                    @if frame.may("artifact-label:delete") {
                        (ui::form(cx, &frame.manage_path(reference, &format!("/labels/{}/remove", label.id)), html! {
                            button class="plain" { (t!(cx, "Take {name} off", "移除 {name}", name = label.name)) }
                        }))
                    }
                }
            }
        }
        @if !options.is_empty() {
            (ui::form(cx, &frame.manage_path(reference, "/labels"), html! {
                (ui::select("label", &t!(cx, "Label", "标记"), &options, ""))
                button { (t!(cx, "Put it on", "添加标记")) }
            }))
        }
    })
}

/// After a change: back to the page, or the page with what is wrong.
async fn after(frame: &Frame<'_>, reference: &str, done: &str, sent: Result<(), PageError>) -> Answered {
    match sent {
        Ok(()) => Ok(PageReply::see_other(format!("{}?done={done}", frame.manage_path(reference, "")))),
        Err(error) => page(frame, reference, Some(&refused(error)?)).await,
    }
}

/// The artifact gets another tag.
pub(super) async fn add_tag(frame: &Frame<'_>, reference: &str) -> Answered {
    let body = json!({"name": frame.cx.request.form.text("tag").unwrap_or_default()});
    let sent = frame.cx.send(Verb::Post, frame.api_artifact(reference, "/tags"), &body).await;
    after(frame, reference, "added", sent.map(drop)).await
}

/// A tag goes.
pub(super) async fn remove_tag(frame: &Frame<'_>, reference: &str, tag: &str) -> Answered {
    let target = frame.api_artifact(reference, &format!("/tags/{}", crate::pairs::encode(tag)));
    match frame.cx.send_empty(Verb::Delete, target).await {
        // What is looked at may have been called so.
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=deleted", frame.path("history")))),
        Err(error) => page(frame, reference, Some(&refused(error)?)).await,
    }
}

/// It gets a label.
pub(super) async fn add_label(frame: &Frame<'_>, reference: &str) -> Answered {
    let id = number(frame.cx.request.form.text("label").unwrap_or_default())?;
    let sent = frame.cx.send(Verb::Post, frame.api_artifact(reference, "/labels"), &json!({"id": id})).await;
    after(frame, reference, "added", sent.map(drop)).await
}

/// It loses a label.
pub(super) async fn remove_label(frame: &Frame<'_>, reference: &str, id: &str) -> Answered {
    let target = frame.api_artifact(reference, &format!("/labels/{}", number(id)?));
    after(frame, reference, "removed", frame.cx.send_empty(Verb::Delete, target).await.map(drop)).await
}
