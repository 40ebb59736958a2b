//! A look at what deleting an artifact would take along, and the deletion.

use maud::{Markup, html};
use serde::Deserialize;

use super::Frame;
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    rights::{refused, with_refusal},
    ui,
};

/// What would go, as the management API says.
#[derive(Deserialize)]
struct Deletion {
    digest: String,
    tags: Vec<String>,
    children: Vec<Manifest>,
    referrers: Vec<Manifest>,
    bytes_freed: u64,
    #[serde(default)]
    index: Option<String>,
    complete: bool,
}

#[derive(Deserialize)]
struct Manifest {
    digest: String,
    manifest_media_type: String,
    #[serde(default)]
    artifact_type: Option<String>,
}

/// Most tags that are named.
const TAGS_MAX: usize = 100;

/// `/repositories/NAME/-/manage/REFERENCE/delete`.
pub(super) async fn page(frame: &Frame<'_>, reference: &str, problem: Option<&PageError>) -> Answered {
    let cx = frame.cx;
    if !frame.may("artifact:delete") {
        return Err(PageError::NotFound);
    }
    let seen: Deletion = cx.get(frame.api_artifact(reference, "/deletion")).await?;
    let title = t!(cx, "Delete {reference}", "删除 {reference}", reference = ui::short_digest(reference));
    let body = html! {
        (ui::problem(cx, problem))
        p { (t!(cx, "This is the artifact", "要删除的制品")) " " code { (seen.digest) } }
        @if let Some(index) = &seen.index {
            p class="notice warn" {
                (t!(cx, "It belongs to an index and cannot be deleted alone.", "它属于一个索引，不能单独删除。"))
                " "
                a href=(frame.manage_path(index, "/delete")) {
                    (t!(cx, "Look at the index {digest}", "查看索引 {digest}", digest = ui::short_digest(index)))
                }
            }
        } @else {
            (what_goes(cx, &seen))
            p { (t!(cx, "It can be restored from the history of the repository for a while; after that the room is freed.",
                "删除后在一段时间内可以从仓库历史中恢复，之后空间才会释放。")) }
            (ui::form(cx, &frame.manage_path(reference, "/delete"), html! {
                // What was looked at is what is deleted: a tag may move meanwhile.
                input type="hidden" name="digest" value=(seen.digest);
                button class="danger" { (t!(cx, "Delete all of this", "删除以上全部内容")) }
            }))
        }
        p { a href=(frame.manage_path(reference, "")) { (t!(cx, "Leave it as it is", "取消")) } }
    };
    Ok(with_refusal(frame.page("manage", &title, body), problem))
}

fn what_goes(cx: &Cx<'_>, seen: &Deletion) -> Markup {
    html! {
        h2 { (t!(cx, "What goes", "将被删除的内容")) }
        @if !seen.tags.is_empty() {
            h3 { (t!(cx, "Tags, at once", "标签（立即删除）")) }
            p {
                @for tag in seen.tags.iter().take(TAGS_MAX) { span class="mark" { (tag) } " " }
                @if seen.tags.len() > TAGS_MAX { "+" (seen.tags.len() - TAGS_MAX) }
            }
        }
        (manifests(&t!(cx, "Images that only it names", "仅被它引用的镜像"), &seen.children))
        (manifests(&t!(cx, "What is about it: signatures, bills of materials", "附属内容：签名、物料清单"), &seen.referrers))
        p { (t!(cx, "Room that becomes free: {bytes}", "可释放空间：{bytes}", bytes = ui::bytes(seen.bytes_freed))) }
        @if !seen.complete {
            p class="note" { (t!(cx, "There is more than can be looked at here; all that belongs to it goes.", "内容过多，此处未全部列出；所有附属内容都会删除。")) }
        }
    }
}

fn manifests(title: &str, manifests: &[Manifest]) -> Markup {
    html! {
        @if !manifests.is_empty() {
            h3 { (title) }
            ul {
                @for manifest in manifests {
                    li {
                        code { (ui::short_digest(&manifest.digest)) } " "
                        span class="quiet" { (manifest.artifact_type.as_ref().unwrap_or(&manifest.manifest_media_type)) }
                    }
                }
            }
        }
    }
}

/// The form was sent.
pub(super) async fn delete(frame: &Frame<'_>, reference: &str) -> Answered {
    let digest = frame.cx.request.form.text("digest").unwrap_or(reference);
    match frame.cx.send_empty(Verb::Delete, frame.api_artifact(digest, "")).await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=deleted", frame.path("history")))),
        Err(error) => page(frame, reference, Some(&refused(error)?)).await,
    }
}
