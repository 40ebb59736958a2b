//! Robots of a project: accounts for programs.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::Frame;
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::{Cx, parse},
    language::t,
    rights::{number, refused, with_refusal},
    ui::{self, Field},
};

/// A robot as the management API shows it.
#[derive(Deserialize)]
struct Robot {
    id: i64,
    name: String,
    description: String,
    disable: bool,
    /// In seconds since 1970; -1 for never.
    expires_at: i64,
    permissions: Vec<Scope>,
    creation_time: String,
    created_by: String,
    last_used_time: Option<String>,
}

#[derive(Deserialize)]
struct Scope {
    access: Vec<Permission>,
}

/// Something that a robot may do.
#[derive(Deserialize)]
struct Permission {
    resource: String,
    action: String,
}

/// What robots can be given.
#[derive(Deserialize)]
struct Possible {
    project: Vec<Permission>,
}

#[derive(Deserialize)]
struct Made {
    id: i64,
    name: String,
    secret: String,
}

#[derive(Deserialize)]
struct Secret {
    secret: String,
}

/// `/projects/NAME/-/robots`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let page = ui::page_number(cx);
    let found =
        cx.list::<Robot>(frame.api(&format!("/robots?page={page}&page_size={}", ui::PAGE_SIZE))).await?;
    let title = t!(cx, "Robots", "机器人账户");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "State", "状态"),
        t!(cx, "Description", "描述"),
        t!(cx, "Expires", "到期"),
        t!(cx, "Last used", "最近使用"),
    ];
    let rows = html! {
        @for robot in &found.entries {
            tr {
                td { a href=(frame.path(&format!("robots/{}", robot.id))) { (robot.name) } }
                td { (state(cx, robot)) }
                td { (robot.description) }
                td { (expires(cx, robot)) }
                td { (ui::moment(cx, robot.last_used_time.as_deref().unwrap_or_default())) }
            }
        }
    };
    let new = html! {
        @if frame.may("robot:create") {
            p { a class="button" href=(frame.path("robots/new")) { (t!(cx, "New robot", "新建机器人账户")) } }
        }
    };
    let body = html! {
        @if found.total > 0 {
            (new)
            (ui::table(&title, &heads, rows))
            (ui::pager(cx, found.total))
        } @else {
            (ui::empty(&t!(cx, "There are no robots.", "还没有机器人账户。"), html! {
                p { (t!(cx, "A robot logs in for a program, such as a build server, and can do what it is given here and nothing else.",
                    "机器人账户供程序（如构建服务器）登录，只能做在此授予的操作。")) }
                (new)
            }))
        }
    };
    Ok(frame.page("robots", &title, body))
}

/// `/projects/NAME/-/robots/new`.
pub(super) async fn new_page(frame: &Frame<'_>, problem: Option<&PageError>) -> Answered {
    let (cx, form) = (frame.cx, &frame.cx.request.form);
    let possible: Possible = cx.get("/permissions").await?;
    let chosen: BTreeSet<&str> = match cx.request.is_form {
        true => form.all("permission").collect(),
        false => BTreeSet::from(["repository:pull"]),
    };
    // None can do more than who makes it.
    let offered =
        possible.project.iter().filter(|one| frame.may(&format!("{}:{}", one.resource, one.action)));
    let title = t!(cx, "New robot", "新建机器人账户");
    let body = html! {
        (ui::problem(cx, problem))
        (ui::form(cx, &frame.path("robots/new"), html! {
            (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), is_required: true,
                value: form.text("name").unwrap_or_default(),
                hint: t!(cx, "It logs in as robot${project}+NAME.", "登录名为 robot${project}+名称。", project = frame.project.name),
                ..Field::default() }))
            (ui::field(&Field { name: "description", label: t!(cx, "Description", "描述"),
                value: form.text("description").unwrap_or_default(), ..Field::default() }))
            (ui::field(&Field { name: "days", label: t!(cx, "Days until it expires", "有效天数"), kind: "number",
                value: form.text("days").unwrap_or("30"), hint: t!(cx, "-1 for never.", "-1 表示永不过期。"),
                is_required: true, ..Field::default() }))
            (permission_boxes(cx, offered, &chosen))
            button { (t!(cx, "Create", "创建")) }
        }))
    };
    Ok(with_refusal(frame.page("robots", &title, body), problem))
}

/// First what most robots need, then all of it.
fn permission_boxes<'p>(
    cx: &Cx<'_>,
    offered: impl Iterator<Item = &'p Permission>,
    chosen: &BTreeSet<&str>,
) -> Markup {
    const USUAL: [&str; 4] = ["repository:pull", "repository:push", "artifact:delete", "tag:delete"];
    let mut usual: Vec<String> = Vec::new();
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Permission { resource, action } in offered {
        let whole = format!("{resource}:{action}");
        match USUAL.contains(&whole.as_str()) {
            true => usual.push(whole),
            false => others.entry(resource).or_default().push(action),
        }
    }
    let one = |whole: &str, text: &str| {
        let id = format!("permission-{}", whole.replace(':', "-"));
        html! {
            div class="field check" {
                input type="checkbox" name="permission" id=(id) value=(whole) checked[chosen.contains(whole)];
                label for=(id) { (text) }
            }
        }
    };
    html! {
        fieldset {
            legend { (t!(cx, "It may", "权限")) }
            @for whole in &usual { (one(whole, &usual_word(cx, whole))) }
        }
        details {
            summary { (t!(cx, "All other permissions", "其他权限")) }
            @for (resource, actions) in &others {
                fieldset {
                    legend { code { (resource) } }
                    @for action in actions { (one(&format!("{resource}:{action}"), action)) }
                }
            }
        }
    }
}

fn usual_word(cx: &Cx<'_>, permission: &str) -> String {
    match permission {
        "repository:pull" => t!(cx, "pull", "拉取"),
        "repository:push" => t!(cx, "push", "推送"),
        "artifact:delete" => t!(cx, "delete artifacts", "删除制品"),
        "tag:delete" => t!(cx, "delete tags", "删除标签"),
        other => other.to_owned(),
    }
}

/// The form was sent. The answer shows the secret, once.
pub(super) async fn create(frame: &Frame<'_>) -> Answered {
    let form = &frame.cx.request.form;
    let access: Vec<_> = form
        .all("permission")
        .filter_map(|permission| permission.split_once(':'))
        .map(|(resource, action)| json!({"resource": resource, "action": action}))
        .collect();
    let days = form.text("days").and_then(|days| days.parse::<i64>().ok()).unwrap_or_default();
    let body = json!({
        "name": form.text("name").unwrap_or_default(),
        "description": form.text("description").unwrap_or_default(),
        "level": "project",
        "duration": days,
        "permissions": [{"kind": "project", "namespace": frame.project.name, "access": access}],
    });
    match frame.cx.send(Verb::Post, "/robots", &body).await {
        Ok(answer) => {
            let made: Made = parse(&answer)?;
            Ok(secret_page(frame, made.id, &made.name, &made.secret))
        }
        Err(error) => new_page(frame, Some(&refused(error)?)).await,
    }
}

fn secret_page(frame: &Frame<'_>, id: i64, name: &str, secret: &str) -> PageReply {
    let cx = frame.cx;
    let title = t!(cx, "The secret of {name}", "{name} 的密钥");
    let body = html! {
        p class="notice warn" role="status" {
            (t!(cx, "This is shown once. Keep it where only the program that needs it can read it.",
                "密钥只显示这一次。请保存在只有使用它的程序才能读取的地方。"))
        }
        h2 { (t!(cx, "Secret", "密钥")) }
        (ui::copy_line(secret))
        h2 { (t!(cx, "Log in with it", "用它登录")) }
        (ui::copy_line(&format!("docker login {} --username '{name}'", cx.request.host)))
        p class="hint" { (t!(cx, "Docker asks for the password: paste the secret. Scripts add --password-stdin and send it there.",
            "Docker 会要求输入密码：粘贴密钥即可。脚本可以加上 --password-stdin 并从标准输入传入密钥。")) }
        p { a href=(frame.path(&format!("robots/{id}"))) { (t!(cx, "I have kept it", "我已保存")) } }
    };
    frame.page("robots", &title, body)
}

/// `/projects/NAME/-/robots/ID`.
pub(super) async fn one(frame: &Frame<'_>, id: &str) -> Answered {
    let cx = frame.cx;
    let robot: Robot = cx.get(frame.api(&format!("/robots/{}", number(id)?))).await?;
    let title = t!(cx, "Robot {name}", "机器人账户 {name}", name = robot.name);
    let permissions = robot.permissions.iter().flat_map(|scope| &scope.access);
    let body = html! {
        dl class="facts" {
            dt { (t!(cx, "State", "状态")) } dd { (state(cx, &robot)) }
            dt { (t!(cx, "Description", "描述")) } dd { (robot.description) }
            dt { (t!(cx, "Expires", "到期")) } dd { (expires(cx, &robot)) }
            dt { (t!(cx, "Last used", "最近使用")) } dd { (ui::moment(cx, robot.last_used_time.as_deref().unwrap_or_default())) }
            dt { (t!(cx, "Made", "创建")) } dd { (ui::moment(cx, &robot.creation_time)) " · " (robot.created_by) }
            dt { (t!(cx, "Permissions", "权限")) }
            dd {
                @for Permission { resource, action } in permissions { code { (resource) ":" (action) } " " }
            }
        }
        (actions(frame, &robot))
        p { a href=(frame.path("robots")) { (t!(cx, "All robots", "全部机器人账户")) } }
    };
    Ok(frame.page("robots", &title, body))
}

fn actions(frame: &Frame<'_>, robot: &Robot) -> Markup {
    let cx = frame.cx;
    let path = |change: &str| frame.path(&format!("robots/{}/{change}", robot.id));
    html! {
        @if frame.may("robot:update") {
            (ui::confirm(cx, &t!(cx, "Give it another secret", "更换密钥"), &path("rotate"), html! {
                p { (t!(cx, "The secret that it has now stops working at once.", "当前密钥立即失效。")) }
            }))
            " "
            @if robot.disable {
                (ui::form(cx, &path("enable"), html! { button class="second" { (t!(cx, "Let it log in again", "启用")) } }))
            } @else {
                (ui::confirm(cx, &t!(cx, "Disable it", "停用"), &path("disable"), html! {
                    p { (t!(cx, "It cannot log in until it is enabled again.", "启用之前无法登录。")) }
                }))
            }
            " "
        }
        @if frame.may("robot:delete") {
            (ui::confirm(cx, &t!(cx, "Delete it", "删除"), &path("delete"), html! {
                p { (t!(cx, "Programs that log in with it are locked out, for good.", "使用它登录的程序将永久失去访问权限。")) }
            }))
        }
    }
}

/// `/projects/NAME/-/robots/ID/rotate` and the like.
pub(super) async fn change(frame: &Frame<'_>, id: &str, change: &str) -> Answered {
    let (cx, number) = (frame.cx, number(id)?);
    // A robot of another project is none of this page's.
    let own = frame.api(&format!("/robots/{number}"));
    let robot: Robot = cx.get(own.as_str()).await?;
    let here = frame.path(&format!("robots/{id}"));
    match change {
        "rotate" => {
            let answer = cx.send(Verb::Patch, format!("/robots/{number}"), &json!({})).await?;
            let Secret { secret } = parse(&answer)?;
            Ok(secret_page(frame, number, &robot.name, &secret))
        }
        "disable" | "enable" => {
            cx.send(Verb::Put, own, &json!({"disable": change == "disable"})).await?;
            Ok(PageReply::see_other(format!("{here}?done=saved")))
        }
        "delete" => {
            cx.send_empty(Verb::Delete, own).await?;
            Ok(PageReply::see_other(format!("{}?done=deleted", frame.path("robots"))))
        }
        _ => Err(PageError::NotFound),
    }
}

fn state(cx: &Cx<'_>, robot: &Robot) -> Markup {
    let is_over = robot.expires_at >= 0 && robot.expires_at <= cx.request.now.unix_millis().div_euclid(1000);
    html! {
        @if robot.disable { span class="mark bad" { (t!(cx, "disabled", "已停用")) } }
        @else if is_over { span class="mark warn" { (t!(cx, "expired", "已过期")) } }
        @else { span class="mark good" { (t!(cx, "active", "有效")) } }
    }
}

fn expires(cx: &Cx<'_>, robot: &Robot) -> Markup {
    let moment = jiff::Timestamp::from_second(robot.expires_at).ok().filter(|_| robot.expires_at >= 0);
    match moment {
        Some(moment) => ui::moment(cx, &moment.to_string()),
        None => html! { (t!(cx, "never", "永不过期")) },
    }
}
