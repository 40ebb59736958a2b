//! Settings of a project, and its end.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::{Frame, create::storage};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    language::t,
    rights::{refused, with_refusal},
    ui::{self, Field},
};

/// Whether the project can be removed.
#[derive(Deserialize)]
struct Deletable {
    deletable: bool,
}

#[derive(Deserialize)]
struct Quota {
    hard: Storage,
}

#[derive(Deserialize)]
struct Storage {
    storage: i64,
}

/// Settings that say how often others may come: key, and what it is in words.
const LIMITS: [(&str, (&str, &str)); 2] = [
    ("pull_limit", ("Pulls in a window", "时间窗口内的拉取次数")),
    ("request_limit", ("Requests a second", "每秒请求数")),
];

/// `/projects/NAME/-/settings`.
pub(super) async fn page(frame: &Frame<'_>, problem: Option<&PageError>) -> Answered {
    let cx = frame.cx;
    if !frame.may("project:update") && !frame.may("project:delete") {
        return Err(PageError::NotFound);
    }
    let own: BTreeMap<String, String> = cx.look(frame.api("/metadatas")).await?.unwrap_or_default();
    let quota: Option<Quota> = match is_administrator(frame) {
        true => cx.look(format!("/quotas/{}", frame.project.project_id)).await?,
        false => None,
    };
    let deletable: Option<Deletable> = match frame.may("project:delete") {
        true => cx.look(frame.api("/_deletable")).await?,
        false => None,
    };
    let title = t!(cx, "Settings", "设置");
    let body = html! {
        (ui::problem(cx, problem))
        @if frame.may("project:update") { (access_form(frame, &own)) }
        @if let Some(quota) = &quota { (quota_form(frame, quota, &own)) }
        @if let Some(deletable) = &deletable { (ending(frame, deletable)) }
    };
    Ok(with_refusal(frame.page("settings", &title, body), problem))
}

fn is_administrator(frame: &Frame<'_>) -> bool {
    frame.cx.request.caller.as_ref().is_some_and(|caller| caller.is_administrator)
}

fn access_form(frame: &Frame<'_>, own: &BTreeMap<String, String>) -> Markup {
    let cx = frame.cx;
    let is_nested = frame.project.name.contains('/');
    let now = own.get("public").map_or("", String::as_str);
    let mut options = vec![
        ("false", t!(cx, "private: members only", "私有：仅成员可见")),
        ("true", t!(cx, "public: everybody may see and pull", "公开：任何人都可以查看和拉取")),
    ];
    if is_nested {
        options.insert(0, ("", t!(cx, "as the project that it lies in", "与上级项目相同")));
    }
    html! {
        h2 { (t!(cx, "Access", "访问级别")) }
        @if let Some(from) = frame.project.inherited_metadata.get("public") {
            p class="quiet" { (t!(cx, "It is as in {from} now.", "当前与 {from} 相同。")) }
        }
        (ui::form(cx, &frame.path("settings/access"), html! {
            (ui::select("public", &t!(cx, "Who may see and pull", "谁可以查看和拉取"), &options, now))
            button { (t!(cx, "Save access", "保存访问级别")) }
        }))
    }
}

fn quota_form(frame: &Frame<'_>, quota: &Quota, own: &BTreeMap<String, String>) -> Markup {
    let cx = frame.cx;
    let form = &cx.request.form;
    let hard = match quota.hard.storage {
        ..0 => "-1".to_owned(),
        bytes => format!("{}", bytes as f64 / 1e9),
    };
    html! {
        h2 { (t!(cx, "Limits", "限制")) }
        (ui::form(cx, &frame.path("settings/limits"), html! {
            (ui::field(&Field { name: "quota", label: t!(cx, "Quota in GB", "配额（GB）"),
                value: form.text("quota").unwrap_or(&hard), is_required: true,
                hint: t!(cx, "-1 for no limit. What the project holds beyond it stays.", "-1 表示不限制。超出部分的内容会保留。"),
                ..Field::default() }))
            @for (key, words) in LIMITS {
                (ui::field(&Field { name: key, label: cx.request.language.pick(words.0, words.1).to_owned(),
                    value: form.text(key).unwrap_or(own.get(key).map_or("", String::as_str)),
                    hint: t!(cx, "By all together. Empty for what the configuration says, -1 for no limit.", "所有访问者合计。留空表示使用全局配置，-1 表示不限制。"),
                    ..Field::default() }))
            }
            button { (t!(cx, "Save limits", "保存限制")) }
        }))
    }
}

fn ending(frame: &Frame<'_>, deletable: &Deletable) -> Markup {
    let (cx, name) = (frame.cx, &frame.project.name);
    html! {
        h2 { (t!(cx, "Delete the project", "删除项目")) }
        @if deletable.deletable {
            (ui::confirm(cx, &t!(cx, "Delete {name}", "删除 {name}"), &frame.path("settings/delete"), html! {
                p { (t!(cx, "Its members, robots and labels go with it. This cannot be undone.", "其成员、机器人账户和标记会一并删除，且无法撤销。")) }
            }))
        } @else {
            p class="note" {
                (t!(cx, "It cannot be deleted yet: it still has repositories, or projects in it. Delete these first.",
                    "暂时不能删除：其中还有仓库或子项目，请先删除它们。"))
            }
        }
    }
}

/// `/projects/NAME/-/settings/access` and the like.
pub(super) async fn change(frame: &Frame<'_>, change: &str) -> Answered {
    let sent = match change {
        "access" => set_access(frame).await,
        "limits" => set_limits(frame).await,
        "delete" => frame.cx.send_empty(Verb::Delete, frame.api("")).await.map(drop),
        _ => return Err(PageError::NotFound),
    };
    match sent {
        Ok(()) if change == "delete" => Ok(PageReply::see_other("/projects?done=deleted")),
        Ok(()) => Ok(PageReply::see_other(format!("{}?done=saved", frame.path("settings")))),
        Err(error) => page(frame, Some(&refused(error)?)).await,
    }
}

async fn set_access(frame: &Frame<'_>) -> Result<(), PageError> {
    match frame.cx.request.form.text("public") {
        Some(public) => {
            let body = json!({"metadata": {"public": if public == "true" { "true" } else { "false" }}});
            frame.cx.send(Verb::Put, frame.api(""), &body).await.map(drop)
        }
        None => unset(frame, "public").await,
    }
}

async fn set_limits(frame: &Frame<'_>) -> Result<(), PageError> {
    let (cx, form) = (frame.cx, &frame.cx.request.form);
    let storage = storage(cx, form.text("quota").unwrap_or_default())?;
    let quota = format!("/quotas/{}", frame.project.project_id);
    cx.send(Verb::Put, quota, &json!({"hard": {"storage": storage}})).await?;
    let mut given = BTreeMap::new();
    for (key, _) in LIMITS {
        match form.text(key) {
            Some(value) => drop(given.insert(key, value)),
            None => unset(frame, key).await?,
        }
    }
    match given.is_empty() {
        true => Ok(()),
        false => cx.send(Verb::Put, frame.api(""), &json!({"metadata": given})).await.map(drop),
    }
}

/// What is not set is as it should be.
async fn unset(frame: &Frame<'_>, key: &str) -> Result<(), PageError> {
    match frame.cx.send_empty(Verb::Delete, frame.api(&format!("/metadatas/{key}"))).await {
        Ok(_) | Err(PageError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}
