//! `/profile/tokens`: personal access tokens, what programs use instead of a password.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    person::{self, Person},
    token_form,
};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::{self, Cx},
    language::t,
    pairs::encode,
    ui,
};

const PATH: &str = "/profile/tokens";

/// A token as the management API shows it.
#[derive(Deserialize)]
struct Token {
    id: i64,
    name: String,
    expires_at: i64,
    creation_time: String,
    #[serde(default)]
    last_used_time: String,
    permissions: Option<Vec<Scoped>>,
}

/// What it can do somewhere.
#[derive(Deserialize)]
struct Scoped {
    namespace: String,
    access: Vec<Access>,
}

#[derive(Deserialize)]
struct Access {
    resource: String,
    action: String,
}

/// A token that was made.
#[derive(Deserialize)]
struct Created {
    name: String,
    secret: String,
}

/// Lists them, with the form for another; `problem` is why none was made.
pub(super) async fn page(cx: &Cx<'_>, problem: Option<PageError>) -> Answered {
    let person = Person::who_looks(cx).await?;
    let page = ui::page_number(cx);
    let found =
        cx.list::<Token>(format!("/users/current/tokens?page={page}&page_size={}", ui::PAGE_SIZE)).await?;
    let title = t!(cx, "Access tokens", "访问令牌");
    let body = html! {
        p {
            (t!(cx, "Programs and docker login use an access token in the place of your password. It can do less than you, and you can \
                revoke it at any time.",
                "程序和 docker login 可以用访问令牌代替密码。令牌的权限可以比您本人小，并且可以随时吊销。"))
        }
        @if found.total == 0 {
            (ui::empty(&t!(cx, "You have no access tokens.", "您还没有访问令牌。"),
                html! { p { (t!(cx, "Make one below for each program that needs it.", "请在下方为每个需要的程序创建一个。")) } }))
        } @else {
            (list(cx, &title, &found.entries))
            (ui::pager(cx, found.total))
        }
        h2 { (t!(cx, "New access token", "新建访问令牌")) }
        (ui::problem(cx, problem.as_ref()))
        (ui::form(cx, PATH, html! {
            (token_form::fields(cx))
            button { (t!(cx, "Make it", "创建")) }
        }))
    };
    let page = person::page(cx, &person, PATH, &title, body);
    Ok(person::with_status_of(page, problem.as_ref()))
}

fn list(cx: &Cx<'_>, title: &str, tokens: &[Token]) -> Markup {
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "It can", "权限"),
        t!(cx, "Made", "创建时间"),
        t!(cx, "Last used", "最近使用"),
        t!(cx, "Good until", "有效期至"),
        t!(cx, "Revoke", "吊销"),
    ];
    let rows = html! {
        @for token in tokens {
            tr {
                td { (token.name) }
                td { (abilities(cx, token)) }
                td { (ui::moment(cx, &token.creation_time)) }
                td {
                    @if token.last_used_time.is_empty() { span class="none" { (t!(cx, "never", "从未")) } }
                    @else { (ui::moment(cx, &token.last_used_time)) }
                }
                td { (end(cx, token)) }
                td {
                    (ui::confirm(cx, &t!(cx, "Revoke", "吊销"), &format!("{PATH}/{}/revoke", token.id), html! {
                        p { (t!(cx, "Whatever uses {name} can no longer sign in.", "使用 {name} 的程序将无法再登录。", name = token.name)) }
                    }))
                }
            }
        }
    };
    ui::table(title, &heads, rows)
}

fn end(cx: &Cx<'_>, token: &Token) -> Markup {
    if token.expires_at < 0 {
        return html! { (t!(cx, "always", "永久")) };
    }
    let moment = jiff::Timestamp::from_second(token.expires_at).map(|moment| moment.to_string());
    let moment = moment.unwrap_or_default();
    let is_over = token.expires_at * 1000 <= cx.request.now.unix_millis();
    html! {
        (ui::moment(cx, &moment))
        @if is_over { " " span class="mark bad" { (t!(cx, "expired", "已过期")) } }
    }
}

/// `all that you may`, or `repository:pull, … in team`.
fn abilities(cx: &Cx<'_>, token: &Token) -> Markup {
    let Some(scopes) = &token.permissions else {
        return html! { (t!(cx, "all that you may", "您拥有的全部权限")) };
    };
    // The permissions of docker's own words are what people look for.
    let has = |scope: &Scoped, action: &str| {
        scope.access.iter().any(|access| access.resource == "repository" && access.action == action)
    };
    let words = |scope: &Scoped| {
        let known = [
            ("pull", t!(cx, "pull", "拉取")),
            ("push", t!(cx, "push", "推送")),
            ("delete", t!(cx, "delete", "删除")),
        ];
        let words: Vec<_> =
            known.into_iter().filter(|(action, _)| has(scope, action)).map(|(_, word)| word).collect();
        match words.is_empty() {
            true => ui::count(
                cx,
                i64::try_from(scope.access.len()).unwrap_or(i64::MAX),
                ("permission", "permissions"),
                "项权限",
            ),
            false => words.join(&t!(cx, ", ", "、")),
        }
    };
    let place = |scope: &Scoped| match scope.namespace.as_str() {
        "*" => t!(cx, "all projects", "所有项目"),
        "/" => t!(cx, "the system", "系统"),
        name => name.to_owned(),
    };
    html! {
        @for scope in scopes {
            div { (t!(cx, "{words} in {place}", "{place}：{words}", words = words(scope), place = place(scope))) }
        }
    }
}

/// Makes one, and shows its secret this once.
pub(super) async fn create(cx: &Cx<'_>) -> Answered {
    match cx.send(Verb::Post, "/users/current/tokens", &token_form::body(&cx.request.form)).await {
        Ok(made) => shown_once(cx, &cx::parse(&made)?).await,
        Err(problem @ (PageError::Refused(..) | PageError::Forbidden(_))) => page(cx, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

async fn shown_once(cx: &Cx<'_>, made: &Created) -> Answered {
    let person = Person::who_looks(cx).await?;
    let (name, host) = (ui::shell_word(&person.username), ui::shell_word(&cx.request.host));
    let title = t!(cx, "Access token {name}", "访问令牌 {name}", name = made.name);
    let body = html! {
        p class="notice warn" role="status" {
            (t!(cx, "Copy the secret now: it is not shown again.", "请立即复制密文：它不会再次显示。"))
        }
        h2 { (t!(cx, "Secret", "密文")) }
        (ui::copy_line(&made.secret))
        h2 { (t!(cx, "To sign in with it", "使用方法")) }
        p { (t!(cx, "docker, podman, nerdctl and skopeo take it as the password:", "docker、podman、nerdctl 和 skopeo 都以它作为密码：")) }
        (ui::copy_line(&format!("docker login {host} --username {name}")))
        p { (t!(cx, "In one line, for scripts:", "用于脚本的单行命令：")) }
        (ui::copy_line(&format!("echo '{}' | docker login {host} --username {name} --password-stdin", made.secret)))
        p { a class="button second" href=(PATH) { (t!(cx, "I have copied it", "已复制")) } }
    };
    Ok(person::page(cx, &person, PATH, &title, body))
}

/// Makes one useless.
pub(super) async fn revoke(cx: &Cx<'_>, id: &str) -> Answered {
    cx.send_empty(Verb::Delete, format!("/users/current/tokens/{}", encode(id))).await?;
    Ok(PageReply::see_other(format!("{PATH}?done=removed")))
}
