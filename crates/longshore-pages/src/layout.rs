//! What every page has around it: head, the way about, who is logged in, language and theme.

use maud::{DOCTYPE, Markup, html};

use crate::{PageReply, Theme, assets, cx::Cx, language::t, ui};

/// A whole page. `body` begins with its `h1`.
pub(crate) fn page(cx: &Cx<'_>, title: &str, body: Markup) -> PageReply {
    let request = cx.request;
    let html = html! {
        (DOCTYPE)
        html lang=(request.language.tag()) data-theme=(request.theme.word()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Longshore" }
                link rel="stylesheet" href=(assets::path("style.css"));
                link rel="icon" href=(assets::path("icon.svg")) type="image/svg+xml";
                script type="module" src=(assets::path("script.js")) {}
            }
            body {
                a class="skip" href="#main" { (t!(cx, "Skip to the content", "跳到正文")) }
                (header(cx))
                main id="main" tabindex="-1" { (notice(cx)) (body) }
                (footer(cx))
            }
        }
    };
    PageReply::Html { status: 200, html: html.into_string() }
}

fn header(cx: &Cx<'_>) -> Markup {
    let caller = cx.request.caller.as_ref();
    html! {
        header class="top" {
            a class="brand" href="/" { img src=(assets::path("icon.svg")) alt="" width="24" height="24"; "Longshore" }
            form class="search" action="/search" role="search" {
                label class="hidden" for="search" { (t!(cx, "Search", "搜索")) }
                input id="search" type="search" name="q" value=(searched(cx)) list="suggestions" autocomplete="off"
                    data-suggest="/search/suggestions"
                    placeholder=(t!(cx, "Projects, repositories, tags, commits", "项目、仓库、标签、提交"));
                datalist id="suggestions" {}
            }
            nav aria-label=(t!(cx, "Main", "主导航")) {
                (link(cx, "/projects", &t!(cx, "Projects", "项目")))
                (link(cx, "/repositories", &t!(cx, "Repositories", "仓库")))
                @if caller.is_some_and(|caller| caller.is_administrator) {
                    (link(cx, "/admin", &t!(cx, "Administration", "管理")))
                }
                @if let Some(caller) = caller {
                    (link(cx, "/profile", &caller.name))
                    (ui::form(cx, "/sign-out", html! {
                        button class="plain" { (t!(cx, "Sign out", "退出")) }
                    }))
                } @else {
                    (link(cx, "/sign-in", &t!(cx, "Sign in", "登录")))
                }
            }
        }
    }
}

/// What was searched for, on the page of what was found.
fn searched<'a>(cx: &'a Cx<'_>) -> &'a str {
    let is_search = cx.request.path.starts_with("/search");
    if is_search { cx.request.query.text("q").unwrap_or_default() } else { "" }
}

fn link(cx: &Cx<'_>, target: &str, text: &str) -> Markup {
    let path = &cx.request.path;
    let is_here = path.strip_prefix(target).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    html! { a href=(target) aria-current=[is_here.then_some("page")] { (text) } }
}

fn footer(cx: &Cx<'_>) -> Markup {
    let here = cx.here();
    let next = if cx.request.is_form { "/" } else { here.as_str() };
    let themes = [
        (Theme::System, t!(cx, "As the system", "跟随系统")),
        (Theme::Light, t!(cx, "Light", "浅色")),
        (Theme::Dark, t!(cx, "Dark", "深色")),
    ];
    html! {
        footer {
            form action="/preferences" method="post" {
                input type="hidden" name="next" value=(next);
                button class="plain" name="language" value="en" lang="en" { "English" }
                button class="plain" name="language" value="zh-CN" lang="zh-CN" { "简体中文" }
                @for (theme, word) in &themes {
                    button class="plain" name="theme" value=(theme.word())
                        aria-pressed=(if *theme == cx.request.theme { "true" } else { "false" }) { (word) }
                }
            }
            p { a href="/api/v2.0/docs" { (t!(cx, "API", "API 文档")) } }
        }
    }
}

/// What the page before has done, in words that only we write: `?done=…` names one of them.
fn notice(cx: &Cx<'_>) -> Markup {
    let text = match cx.request.query.text("done") {
        Some("saved") => t!(cx, "Saved.", "已保存。"),
        Some("created") => t!(cx, "Created.", "已创建。"),
        Some("deleted") => t!(cx, "Deleted.", "已删除。"),
        Some("restored") => t!(cx, "Restored.", "已恢复。"),
        Some("added") => t!(cx, "Added.", "已添加。"),
        Some("removed") => t!(cx, "Removed.", "已移除。"),
        Some("started") => t!(cx, "Started.", "已开始。"),
        Some("ended") => t!(cx, "Ended.", "已结束。"),
        _ => return html! {},
    };
    html! { p class="notice good" role="status" { (text) } }
}
