//! The start, and what is searched for.

mod lists;
mod search;
mod system;

use maud::{Markup, html};

use self::lists::Repository;
use crate::{PageError, answer::Answered, cx::Cx, language::t, layout, ui};

pub(crate) async fn answer(cx: &Cx<'_>, first: &str, rest: &[String]) -> Answered {
    let rest: Vec<_> = rest.iter().map(String::as_str).collect();
    match (first, rest.as_slice(), cx.request.is_form) {
        ("", [], false) => start(cx).await,
        ("search", [], false) => search::page(cx).await,
        ("search", ["suggestions"], false) => search::suggestions(cx).await,
        _ => Err(PageError::NotFound),
    }
}

async fn start(cx: &Cx<'_>) -> Answered {
    match &cx.request.caller {
        None => for_everybody(cx).await,
        Some(caller) => for_who_is_signed_in(cx, &caller.name, caller.is_administrator).await,
    }
}

/// What this is, what everybody may pull, and how.
async fn for_everybody(cx: &Cx<'_>) -> Answered {
    let pushed = lists::repositories(cx, "-update_time").await?;
    let host = &cx.request.host;
    let title = t!(cx, "Container images at {host}", "{host} 的容器镜像");
    let example = pushed.first().map_or("library/alpine", |repository| repository.name.as_str());
    let body = html! {
        h1 { (title) }
        p class="lead" {
            (t!(cx, "This is a registry: it keeps container images, and gives them to docker, podman and Kubernetes.",
                "这是一个镜像仓库，保存容器镜像，供 docker、podman 和 Kubernetes 拉取。"))
        }
        @if pushed.is_empty() {
            (ui::empty(&t!(cx, "Nothing here is public.", "这里没有公开的内容。"), html! {
                p { a class="button" href="/sign-in" { (t!(cx, "Sign in", "登录")) }
                    (t!(cx, " to see what you may pull.", "后即可查看您可以拉取的镜像。")) }
            }))
        } @else {
            h2 { (t!(cx, "Lately changed", "最近更新")) }
            (lists::changed(cx, &pushed))
            p { a href="/projects" { (t!(cx, "All public projects", "所有公开项目")) } }
            h2 { (t!(cx, "To pull an image", "拉取镜像")) }
            (ui::copy_line(&format!("docker pull {host}/{example}")))
            p { a class="button" href="/sign-in" { (t!(cx, "Sign in", "登录")) } }
        }
    };
    Ok(layout::page(cx, &title, body))
}

/// What happened lately, what is theirs, and how the system is for those who look after it.
async fn for_who_is_signed_in(cx: &Cx<'_>, name: &str, is_administrator: bool) -> Answered {
    let pushed = lists::repositories(cx, "-update_time").await?;
    let pulled = lists::repositories(cx, "-pull_time").await?;
    let own = lists::projects_of(cx, name).await?;
    let state = if is_administrator { Some(system::state(cx).await?) } else { None };
    let title = t!(cx, "Start", "首页");
    let body = html! {
        h1 { (title) }
        @if let Some(state) = &state { (system::warnings(cx, state)) }
        @if pushed.is_empty() { (first_steps(cx, name)) } @else { (lately(cx, &pushed, &pulled)) }
        h2 { (t!(cx, "Your projects", "我的项目")) }
        @if own.is_empty() {
            p {
                (t!(cx, "You have made no projects. ", "您还没有创建项目。"))
                a href="/projects" { (t!(cx, "See all that you may read", "查看您有权访问的项目")) }
            }
        } @else {
            (lists::projects(cx, &own))
        }
        @if let Some(state) = &state { (system::section(cx, state)) }
    };
    Ok(layout::page(cx, &title, body))
}

fn lately(cx: &Cx<'_>, pushed: &[Repository], pulled: &[Repository]) -> Markup {
    html! {
        h2 { (t!(cx, "Lately changed", "最近更新")) }
        (lists::changed(cx, pushed))
        @if !pulled.is_empty() {
            h2 { (t!(cx, "Lately pulled", "最近拉取")) }
            (lists::pulled(cx, pulled))
        }
    }
}

/// What to do where there is nothing yet.
fn first_steps(cx: &Cx<'_>, name: &str) -> Markup {
    let host = &cx.request.host;
    ui::empty(
        &t!(
            cx,
            "There are no images yet. Four steps bring the first:",
            "这里还没有镜像。按以下四步推送第一个："
        ),
        html! {
            ol {
                li { a href="/projects" { (t!(cx, "Make a project", "创建项目")) } (t!(cx, ", or use library.", "，或使用 library。")) }
                li { (t!(cx, "Sign in with docker:", "用 docker 登录："))
                    (ui::copy_line(&format!("docker login {host} --username {}", ui::shell_word(name)))) }
                li { (t!(cx, "Name an image after this registry:", "为镜像添加本仓库的名称："))
                    (ui::copy_line(&format!("docker tag alpine:latest {host}/library/alpine:latest"))) }
                li { (t!(cx, "Push it:", "推送：")) (ui::copy_line(&format!("docker push {host}/library/alpine:latest"))) }
            }
        },
    )
}
