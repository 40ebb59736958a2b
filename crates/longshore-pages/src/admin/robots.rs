//! `/admin/robots`: robots of the whole system, for programs that work in several projects.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::{self, Desk, fact},
    permissions::{self, Permission},
    users::standing,
};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::{Cx, parse},
    language::t,
    ui::{self, Field},
};

/// Most projects that a robot is given something in at once.
const PROJECTS_MAX: usize = 100;

#[derive(Deserialize)]
struct Robot {
    id: i64,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    disable: bool,
    #[serde(default)]
    expires_at: i64,
    #[serde(default)]
    permissions: Vec<Scope>,
    #[serde(default)]
    creation_time: String,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    last_used_time: String,
}

#[derive(Deserialize)]
struct Scope {
    kind: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    access: Vec<Permission>,
}

/// What robots can be given.
#[derive(Deserialize)]
struct Possible {
    #[serde(default)]
    system: Vec<Permission>,
    #[serde(default)]
    project: Vec<Permission>,
}

#[derive(Deserialize)]
struct Created {
    id: i64,
    name: String,
    secret: String,
}

#[derive(Deserialize)]
struct Secret {
    secret: String,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        (["new"], false) => new_page(desk, None).await,
        (["new"], true) => create(desk).await,
        ([id], false) => page(desk, desk::number(id)?, None).await,
        ([id, "secret"], true) => rotate(desk, desk::number(id)?).await,
        ([id, "state"], true) => set_state(desk, desk::number(id)?).await,
        ([id, "delete"], true) => remove(desk, desk::number(id)?).await,
        _ => Err(PageError::NotFound),
    }
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let filter = desk::filters(&[("name", "~", cx.request.query.text("name"))]);
    let found = cx.list::<Robot>(format!("/robots?{}{filter}", desk::part(cx))).await?;
    let title = desk.title("robots");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "What for", "用途"),
        t!(cx, "Where", "范围"),
        t!(cx, "Good until", "有效期至"),
        t!(cx, "Last used", "最近使用"),
        t!(cx, "State", "状态"),
    ];
    let rows = html! {
        @for robot in &found.entries {
            tr {
                th scope="row" { a href={ "/admin/robots/" (robot.id) } { (robot.name) } }
                td { (robot.description) }
                td { (places(cx, robot)) }
                td { (until(cx, robot.expires_at)) }
                td { (ui::moment(cx, &robot.last_used_time)) }
                td { (standing(cx, robot.disable)) }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "There are no such robots of the system", "没有系统机器人账户"),
        html! {
            p {
                (t!(cx, "A program that works in one project alone should have a robot of that project.",
                    "只在单个项目中工作的程序，应使用该项目的机器人账户。"))
            }
        },
    );
    let body = html! {
        (desk.create_link("robot:create", "/admin/robots/new", &t!(cx, "New robot", "新建机器人账户")))
        (desk::search_form(cx, &t!(cx, "A part of the name", "名称包含")))
        (desk::listing(cx, &title, &heads, rows, found.total, nothing))
    };
    Ok(desk.page("robots", &title, body))
}

fn place(cx: &Cx<'_>, scope: &Scope) -> String {
    match (scope.kind.as_str(), scope.namespace.as_str()) {
        ("system", _) => t!(cx, "the system", "系统"),
        (_, "*") => t!(cx, "all projects", "全部项目"),
        (_, name) => name.to_owned(),
    }
}

/// The first few.
fn places(cx: &Cx<'_>, robot: &Robot) -> String {
    let mut names: Vec<_> = robot.permissions.iter().take(4).map(|scope| place(cx, scope)).collect();
    if robot.permissions.len() > names.len() {
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn until(cx: &Cx<'_>, expires_at: i64) -> Markup {
    match jiff::Timestamp::from_second(expires_at) {
        Ok(moment) if expires_at >= 0 => html! {
            (moment.strftime("%Y-%m-%d"))
            @if expires_at * 1000 < cx.request.now.unix_millis() {
                " " span class="mark bad" { (t!(cx, "expired", "已过期")) }
            }
        },
        _ => html! { (t!(cx, "for ever", "永久")) },
    }
}

async fn new_page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    if !desk.may("robot:create") {
        return Err(PageError::NotFound);
    }
    let cx = desk.cx;
    let possible: Possible = cx.get("/permissions").await?;
    let form = &cx.request.form;
    let typed = |name| form.text(name).unwrap_or_default();
    let is_on = |field: &'static str| move |one: &Permission| form.all(field).any(|word| word == one.word());
    let title = t!(cx, "New robot of the system", "新建系统机器人账户");
    let body = html! {
        (ui::problem(cx, problem))
        (ui::form(cx, "/admin/robots/new", html! {
            (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), value: typed("name"), is_required: true,
                hint: t!(cx, "The registry puts a prefix before it.", "系统会自动添加前缀。"), ..Field::default() }))
            (ui::field(&Field { name: "description", label: t!(cx, "What for", "用途"), value: typed("description"),
                ..Field::default() }))
            (ui::field(&Field { name: "days", label: t!(cx, "Good for how many days", "有效天数"), kind: "number",
                value: typed("days"), hint: t!(cx, "Empty: as configured. -1: for ever.", "留空：使用系统默认值；-1：永久有效。"),
                ..Field::default() }))
            div class="field" {
                label for="field-projects" { (t!(cx, "In which projects, one a line", "可访问的项目，每行一个")) }
                textarea id="field-projects" name="projects" rows="3" aria-describedby="hint-projects" { (typed("projects")) }
                p class="hint" id="hint-projects" {
                    (t!(cx, "* stands for all projects, also those to come.", "* 表示全部项目，包括以后新建的项目。"))
                }
            }
            (permissions::boxes("project", &t!(cx, "What it may do in these projects", "在这些项目中的权限"),
                &possible.project, is_on("project")))
            details {
                summary { (t!(cx, "Permissions of the whole system", "系统级权限")) }
                (permissions::boxes("system", &t!(cx, "What it may do outside of projects", "项目之外的权限"),
                    &possible.system, is_on("system")))
            }
            button { (t!(cx, "Create, and show the secret", "创建并显示密钥")) }
        }))
    };
    Ok(desk::with_refusal(desk.page("robots", &title, body), problem))
}

/// What the form asks for.
fn plan(cx: &Cx<'_>) -> Value {
    let form = &cx.request.form;
    let (in_projects, in_system) =
        (permissions::ticked(form, "project"), permissions::ticked(form, "system"));
    let projects = form.text("projects").unwrap_or_default();
    let projects =
        projects.split(['\n', ',']).map(str::trim).filter(|name| !name.is_empty()).take(PROJECTS_MAX);
    let mut scopes: Vec<Value> =
        projects.map(|name| json!({ "kind": "project", "namespace": name, "access": in_projects })).collect();
    if !in_system.is_empty() {
        scopes.push(json!({ "kind": "system", "namespace": "/", "access": in_system }));
    }
    let text = |name| form.text(name).unwrap_or_default();
    let mut robot = json!({
        "name": text("name"), "description": text("description"), "level": "system", "permissions": scopes,
    });
    if let Some(days) = form.text("days").and_then(|days| days.parse::<i64>().ok()) {
        robot["duration"] = days.into();
    }
    robot
}

async fn create(desk: &Desk<'_>) -> Answered {
    match desk.cx.send(Verb::Post, "/robots", &plan(desk.cx)).await {
        Ok(answer) => {
            let Created { id, name, secret } = parse(&answer)?;
            Ok(desk::secret(desk, "robots", &name, &secret, &format!("/admin/robots/{id}")))
        }
        Err(PageError::NotFound) => {
            let cx = desk.cx;
            let reason = t!(cx, "one of these projects is not there", "其中有项目不存在");
            new_page(desk, Some(&PageError::Refused(404, reason))).await
        }
        Err(error) => new_page(desk, Some(&desk::refused(error)?)).await,
    }
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let robot: Robot = cx.get(format!("/robots/{id}")).await?;
    let body = html! {
        (ui::problem(cx, problem))
        dl class="facts" {
            (fact(&t!(cx, "State", "状态"), standing(cx, robot.disable)))
            (fact(&t!(cx, "What for", "用途"), html! { (robot.description) }))
            (fact(&t!(cx, "Good until", "有效期至"), until(cx, robot.expires_at)))
            (fact(&t!(cx, "Created", "创建时间"), ui::moment(cx, &robot.creation_time)))
            (fact(&t!(cx, "By", "创建者"), html! { (robot.created_by) }))
            (fact(&t!(cx, "Last used", "最近使用"), ui::moment(cx, &robot.last_used_time)))
        }
        h2 { (t!(cx, "What it may do", "权限")) }
        @for scope in &robot.permissions {
            h3 { (place(cx, scope)) }
            (permissions::shown(&scope.access))
        }
        (changes(desk, &robot))
    };
    Ok(desk::with_refusal(desk.page("robots", &robot.name, body), problem))
}

fn changes(desk: &Desk<'_>, robot: &Robot) -> Markup {
    let cx = desk.cx;
    let at = format!("/admin/robots/{}", robot.id);
    let (state, button) = match robot.disable {
        true => ("active", t!(cx, "Let it log in again", "重新启用")),
        false => ("disabled", t!(cx, "Disable it", "停用")),
    };
    html! {
        @if desk.may("robot:update") {
            h2 { (t!(cx, "Change", "修改")) }
            (ui::form(cx, &format!("{at}/state"), html! {
                input type="hidden" name="state" value=(state);
                button class="second" { (button) }
            }))
            p {
                (ui::confirm(cx, &t!(cx, "Make another secret", "更换密钥"), &format!("{at}/secret"), html! {
                    p { (t!(cx, "The secret of before is good no more, at once.", "原密钥将立即失效。")) }
                }))
            }
        }
        @if desk.may("robot:delete") {
            p {
                (ui::confirm(cx, &t!(cx, "Delete this robot", "删除该机器人账户"), &format!("{at}/delete"), html! {
                    p { (t!(cx, "Programs that use it can log in no more.", "使用它的程序将无法再登录。")) }
                }))
            }
        }
    }
}

async fn rotate(desk: &Desk<'_>, id: i64) -> Answered {
    let robot: Robot = desk.cx.get(format!("/robots/{id}")).await?;
    match desk.cx.send(Verb::Patch, format!("/robots/{id}"), &json!({})).await {
        Ok(answer) => {
            let Secret { secret } = parse(&answer)?;
            Ok(desk::secret(desk, "robots", &robot.name, &secret, &format!("/admin/robots/{id}")))
        }
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

/// The management API takes the whole robot, as it was read, with what is to change.
async fn set_state(desk: &Desk<'_>, id: i64) -> Answered {
    let mut robot: Value = desk.cx.get(format!("/robots/{id}")).await?;
    robot["disable"] = (desk.cx.request.form.text("state") == Some("disabled")).into();
    match desk.cx.send(Verb::Put, format!("/robots/{id}"), &robot).await {
        Ok(_) => Ok(PageReply::see_other(format!("/admin/robots/{id}?done=saved"))),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

async fn remove(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send_empty(Verb::Delete, format!("/robots/{id}")).await {
        Ok(_) => Ok(PageReply::see_other("/admin/robots?done=deleted")),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}
