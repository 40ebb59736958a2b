//! `/admin/identity`: who may say who somebody is; trying it, looking into directories, trust rules.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::{
    desk::{self, Desk},
    trust_rules,
};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::{Cx, parse},
    language::t,
    pairs::encode,
    ui,
};

#[derive(Deserialize)]
struct Source {
    name: String,
    kind: String,
    #[serde(default)]
    facts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Person {
    username: String,
    #[serde(default)]
    realname: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    source: String,
}

#[derive(Deserialize)]
struct Trial {
    success: bool,
    #[serde(default)]
    message: String,
}

/// Somebody who was not imported, and why.
struct NotImported {
    uid: String,
    error: String,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => page(desk, html! {}).await,
        (["test"], true) => test(desk).await,
        (["people"], false) => people(desk, None).await,
        (["people", "import"], true) => import(desk).await,
        (["trust-rules", rest @ ..], _) => trust_rules::answer(desk, rest).await,
        _ => Err(PageError::NotFound),
    }
}

fn kind_word(cx: &Cx<'_>, kind: &str) -> String {
    match kind {
        "local" => t!(cx, "Passwords kept here", "本地密码"),
        "htpasswd" => t!(cx, "File of htpasswd", "htpasswd 文件"),
        "ldap" => t!(cx, "LDAP directory", "LDAP 目录"),
        "oidc" => t!(cx, "OpenID provider", "OpenID 提供方"),
        "certificate" => t!(cx, "Certificates", "客户端证书"),
        "issuer" => t!(cx, "Issuer of tokens for workloads", "工作负载令牌签发方"),
        "domain" => t!(cx, "SPIFFE trust domain", "SPIFFE 信任域"),
        other => other.to_owned(),
    }
}

/// `notice` tells how a test went.
async fn page(desk: &Desk<'_>, notice: Markup) -> Answered {
    let cx = desk.cx;
    let sources: Vec<Source> = cx.get("/system/identity-sources").await?;
    let title = desk.title("identity");
    let has_directory = sources.iter().any(|source| source.kind == "ldap");
    let body = html! {
        (notice)
        p {
            (t!(cx, "Asked in this order. What is configured stands in the configuration file; secrets are not shown.",
                "按以下顺序查询。身份源由配置文件指定；密钥不会显示。"))
        }
        @for source in &sources { (source_part(desk, source)) }
        @if has_directory && desk.may("ldap-user:list") {
            h2 { (t!(cx, "People of the directories", "目录中的人员")) }
            p { a href="/admin/identity/people" { (t!(cx, "Look for people, and make users of them", "查找人员并导入为用户")) } }
        }
        @if desk.may("trust-rule:list") {
            h2 { (t!(cx, "Trust rules", "信任规则")) }
            p { a href="/admin/identity/trust-rules" { (t!(cx, "Which workloads stand for a robot", "哪些工作负载可以使用机器人账户")) } }
        }
    };
    Ok(desk.page("identity", &title, body))
}

fn source_part(desk: &Desk<'_>, source: &Source) -> Markup {
    let cx = desk.cx;
    let may_test = desk.may("configuration:update");
    html! {
        h2 { (source.name) " " span class="mark" { (kind_word(cx, &source.kind)) } }
        @if !source.facts.is_empty() {
            dl class="facts" {
                @for (key, value) in &source.facts { (desk::fact(key, html! { code { (value) } })) }
            }
        }
        @if may_test && matches!(source.kind.as_str(), "ldap" | "oidc") {
            (ui::form(cx, "/admin/identity/test", html! {
                input type="hidden" name="source" value=(source.name);
                button class="second" { (t!(cx, "Test {name}", "测试 {name}", name = source.name)) }
            }))
        }
    }
}

/// Asks a directory or a provider whether it is there and as it should be.
async fn test(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let wanted = cx.request.form.text("source").unwrap_or_default();
    let sources: Vec<Source> = cx.get("/system/identity-sources").await?;
    let source = sources.into_iter().find(|source| source.name == wanted).ok_or(PageError::NotFound)?;
    let fact = |key: &str| source.facts.get(key).cloned().unwrap_or_default();
    let problem = match source.kind.as_str() {
        "ldap" => {
            // The first of its servers; the password of the configuration goes to its own directory alone.
            let url = fact("urls").split(' ').next().unwrap_or_default().to_owned();
            let trial = json!({ "ldap_url": url, "ldap_search_dn": fact("bind_dn") });
            let tried = cx.send(Verb::Post, "/ldap/ping", &trial).await;
            match tried {
                Ok(answer) => {
                    let Trial { success, message } = parse(&answer)?;
                    (!success).then_some(message)
                }
                Err(error) => Some(reason(error)?),
            }
        }
        "oidc" => {
            let tried = cx.send(Verb::Post, "/system/oidc/ping", &json!({ "url": fact("issuer") })).await;
            tried.err().map(reason).transpose()?
        }
        _ => return Err(PageError::NotFound),
    };
    let notice = match problem {
        None => html! {
            p class="notice good" role="status" {
                (t!(cx, "{wanted} answers, and is as it should be.", "{wanted} 响应正常。"))
            }
        },
        Some(problem) => html! {
            p class="notice bad" role="alert" { (t!(cx, "{wanted} does not work: {problem}", "{wanted} 不可用：{problem}")) }
        },
    };
    page(desk, notice).await
}

/// What the management API says of it.
fn reason(error: PageError) -> Result<String, PageError> {
    match error {
        PageError::Refused(_, reason) | PageError::Forbidden(reason) => Ok(reason),
        other => Err(other),
    }
}

async fn people(desk: &Desk<'_>, failed: Option<Vec<NotImported>>) -> Answered {
    let cx = desk.cx;
    let name = cx.request.query.text("name");
    let asked = match name {
        None => Ok(None),
        Some(name) => {
            cx.get::<Vec<Person>>(format!("/ldap/users/search?username={}", encode(name))).await.map(Some)
        }
    };
    let (found, problem) = match asked {
        Ok(found) => (found, None),
        // A directory that does not answer is no fault of ours.
        Err(error @ (PageError::Refused(..) | PageError::Failed(_))) => (None, Some(error)),
        Err(error) => return Err(error),
    };
    let title = t!(cx, "People of the directories", "目录中的人员");
    let body = html! {
        (ui::problem(cx, problem.as_ref()))
        @for failure in failed.iter().flatten() {
            p class="notice bad" role="alert" { (failure.uid) ": " (failure.error) }
        }
        (desk::search_form(cx, &t!(cx, "Name to log in with", "登录用户名")))
        @if let Some(found) = found {
            @if found.is_empty() {
                (ui::empty(&t!(cx, "No directory knows that name", "目录中没有此用户名"),
                    html! { p { (t!(cx, "Write it whole, as at the login.", "请填写完整的登录用户名。")) } }))
            } @else {
                (people_table(desk, &found))
            }
        }
    };
    Ok(desk.page("identity", &title, body))
}

fn people_table(desk: &Desk<'_>, found: &[Person]) -> Markup {
    let cx = desk.cx;
    let heads = [
        t!(cx, "Name", "用户名"),
        t!(cx, "Full name", "姓名"),
        t!(cx, "E-mail", "邮箱"),
        t!(cx, "Directory", "目录"),
        t!(cx, "Action", "操作"),
    ];
    let rows = html! {
        @for person in found {
            tr {
                th scope="row" { (person.username) }
                td { (person.realname) }
                td { (person.email) }
                td { (person.source) }
                td {
                    @if desk.may("ldap-user:create") {
                        (ui::form(cx, "/admin/identity/people/import", html! {
                            input type="hidden" name="username" value=(person.username);
                            button class="second" {
                                (t!(cx, "Make {name} a user", "导入 {name}", name = person.username))
                            }
                        }))
                    }
                }
            }
        }
    };
    ui::table(&t!(cx, "People", "人员"), &heads, rows)
}

async fn import(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let name = cx.request.form.text("username").unwrap_or_default();
    // Who cannot be imported is told with 404, as Harbor does; the page is told that there is nothing.
    match cx.send(Verb::Post, "/ldap/users/import", &json!({ "ldap_uid_list": [name] })).await {
        Ok(_) => Ok(PageReply::see_other("/admin/users?done=added")),
        Err(PageError::NotFound) => {
            let error =
                t!(cx, "no directory has it, or the name is taken here", "目录中不存在，或该用户名已被占用");
            let failed = NotImported { uid: name.to_owned(), error };
            Ok(people(desk, Some(vec![failed])).await?.with_status(404))
        }
        Err(error) => {
            let failed = NotImported { uid: name.to_owned(), error: reason(error)? };
            people(desk, Some(vec![failed])).await
        }
    }
}
