//! What a repository says of itself, and its end.

use maud::html;
use serde_json::json;

use super::Frame;
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    language::t,
    rights::{refused, with_refusal},
    ui,
};

/// `/repositories/NAME/-/settings`.
pub(super) async fn page(frame: &Frame<'_>, problem: Option<&PageError>) -> Answered {
    let (cx, name) = (frame.cx, &frame.name);
    if !frame.may("repository:update") && !frame.may("repository:delete") {
        return Err(PageError::NotFound);
    }
    let stored = frame.repository.as_ref().map_or("", |repository| repository.description.as_str());
    let text =
        if cx.request.is_form { cx.request.form.raw("description").unwrap_or_default() } else { stored };
    let title = t!(cx, "Settings", "设置");
    let body = html! {
        (ui::problem(cx, problem))
        @if frame.may("repository:update") {
            (ui::form(cx, &frame.path("settings"), html! {
                div class="field" {
                    label for="field-description" { (t!(cx, "Description", "描述")) }
                    // A line break at the beginning of a text area is none of its text.
                    textarea id="field-description" name="description" rows="16" aria-describedby="hint-description" { "\n" (text) }
                    p class="hint" id="hint-description" {
                        (t!(cx, "In Markdown. HTML is shown as it is written, pictures as links.", "使用 Markdown 格式。HTML 按原文显示，图片显示为链接。"))
                    }
                }
                button { (t!(cx, "Save", "保存")) }
            }))
        }
        @if frame.may("repository:delete") {
            h2 { (t!(cx, "Delete the repository", "删除仓库")) }
            (ui::confirm(cx, &t!(cx, "Delete {name}", "删除 {name}"), &frame.path("settings/delete"), html! {
                p { (t!(cx, "All that it holds goes: every tag, every image, signatures. It can be restored from its history for a while.",
                    "其中的全部内容都会删除：所有标签、镜像和签名。在一段时间内可以从历史中恢复。")) }
                p { a href=(frame.path("")) { (t!(cx, "Look at the tags first", "先查看标签")) } }
            }))
        }
    };
    Ok(with_refusal(frame.page("settings", &title, body), problem))
}

/// The form was sent.
pub(super) async fn describe(frame: &Frame<'_>) -> Answered {
    let text = frame.cx.request.form.raw("description").unwrap_or_default().replace("\r\n", "\n");
    match frame.cx.send(Verb::Put, frame.api(""), &json!({"description": text})).await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=saved", frame.path("")))),
        Err(error) => page(frame, Some(&refused(error)?)).await,
    }
}

/// All of it goes.
pub(super) async fn delete(frame: &Frame<'_>) -> Answered {
    match frame.cx.send_empty(Verb::Delete, frame.api("")).await {
        Ok(_) => Ok(PageReply::see_other(format!("{}?done=deleted", frame.path("history")))),
        Err(error) => page(frame, Some(&refused(error)?)).await,
    }
}
