//! `/admin/roles`: Harbor's five roles, and named sets of permissions that administrators make.

use maud::html;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    desk::{self, Desk},
    permissions::{self, Permission},
};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    ui::{self, Field},
};

/// The role that has all that there is in a project.
const PROJECT_ADMIN: i64 = 1;

#[derive(Deserialize)]
struct Role {
    role_id: i64,
    role_name: String,
    #[serde(default)]
    built_in: bool,
    #[serde(default)]
    permissions: Vec<Permission>,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        (["new"], false) => new_page(desk, None).await,
        (["new"], true) => create(desk).await,
        ([id], false) => page(desk, desk::number(id)?, None).await,
        ([id], true) => update(desk, desk::number(id)?).await,
        ([id, "delete"], true) => remove(desk, desk::number(id)?).await,
        _ => Err(PageError::NotFound),
    }
}

fn name(cx: &Cx<'_>, role: &Role) -> String {
    match (role.built_in, role.role_name.as_str()) {
        (true, "projectAdmin") => t!(cx, "Project admin", "项目管理员"),
        (true, "maintainer") => t!(cx, "Maintainer", "维护人员"),
        (true, "developer") => t!(cx, "Developer", "开发者"),
        (true, "guest") => t!(cx, "Guest", "访客"),
        (true, "limitedGuest") => t!(cx, "Limited guest", "受限访客"),
        (_, name) => name.to_owned(),
    }
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let found = cx.list::<Role>(format!("/roles?{}", desk::part(cx))).await?;
    let title = desk.title("roles");
    let heads = [t!(cx, "Name", "名称"), t!(cx, "Kind", "类型"), t!(cx, "Permissions", "权限数")];
    let rows = html! {
        @for role in &found.entries {
            tr {
                th scope="row" { a href={ "/admin/roles/" (role.role_id) } { (name(cx, role)) } }
                td {
                    @if role.built_in { (t!(cx, "built in", "内置")) } @else { (t!(cx, "custom", "自定义")) }
                }
                td class="number" { (role.permissions.len()) }
            }
        }
    };
    let body = html! {
        p { (t!(cx, "Members of projects have one of these roles.", "项目成员拥有以下角色之一。")) }
        (desk.create_link("role:create", "/admin/roles/new", &t!(cx, "New role", "新建角色")))
        (desk::listing(cx, &title, &heads, rows, found.total, html! {}))
    };
    Ok(desk.page("roles", &title, body))
}

/// All that there is in a project.
async fn possible(cx: &Cx<'_>) -> Result<Vec<Permission>, PageError> {
    Ok(cx.get::<Role>(format!("/roles/{PROJECT_ADMIN}")).await?.permissions)
}

async fn new_page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    if !desk.may("role:create") {
        return Err(PageError::NotFound);
    }
    let cx = desk.cx;
    let (possible, form) = (possible(cx).await?, &cx.request.form);
    let title = t!(cx, "New role", "新建角色");
    let body = html! {
        (ui::problem(cx, problem))
        (ui::form(cx, "/admin/roles/new", html! {
            (ui::field(&Field { name: "role_name", label: t!(cx, "Name", "名称"),
                value: form.text("role_name").unwrap_or_default(), is_required: true, ..Field::default() }))
            (permissions::boxes("permission", &t!(cx, "What it allows in a project", "在项目中的权限"), &possible,
                |one| form.all("permission").any(|word| word == one.word())))
            button { (t!(cx, "Create", "创建")) }
        }))
    };
    Ok(desk::with_refusal(desk.page("roles", &title, body), problem))
}

fn plan(cx: &Cx<'_>) -> Value {
    let form = &cx.request.form;
    json!({
        "role_name": form.text("role_name").unwrap_or_default(),
        "permissions": permissions::ticked(form, "permission"),
    })
}

async fn create(desk: &Desk<'_>) -> Answered {
    match desk.cx.send(Verb::Post, "/roles", &plan(desk.cx)).await {
        Ok(_) => Ok(PageReply::see_other("/admin/roles?done=created")),
        Err(error) => new_page(desk, Some(&desk::refused(error)?)).await,
    }
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let role: Role = cx.get(format!("/roles/{id}")).await?;
    let title = name(cx, &role);
    let body = if role.built_in || !desk.may("role:update") {
        html! {
            @if role.built_in {
                p class="quiet" { (t!(cx, "A built-in role cannot be changed.", "内置角色不可修改。")) }
            }
            (permissions::shown(&role.permissions))
        }
    } else {
        let possible = possible(cx).await?;
        let form = &cx.request.form;
        let is_typed = cx.request.is_form && problem.is_some();
        let role_name = if is_typed { form.text("role_name").unwrap_or_default() } else { &role.role_name };
        let is_on = |one: &Permission| match is_typed {
            true => form.all("permission").any(|word| word == one.word()),
            false => role.permissions.contains(one),
        };
        html! {
            (ui::problem(cx, problem))
            p class="note" {
                (t!(cx, "Whoever has this role has what you save at once.", "保存后立即对拥有该角色的成员生效。"))
            }
            (ui::form(cx, &format!("/admin/roles/{id}"), html! {
                (ui::field(&Field { name: "role_name", label: t!(cx, "Name", "名称"), value: role_name, is_required: true,
                    ..Field::default() }))
                (permissions::boxes("permission", &t!(cx, "What it allows in a project", "在项目中的权限"), &possible, is_on))
                button { (t!(cx, "Save", "保存")) }
            }))
            @if desk.may("role:delete") {
                (ui::confirm(cx, &t!(cx, "Delete this role", "删除该角色"), &format!("/admin/roles/{id}/delete"), html! {
                    p { (t!(cx, "Only a role that nobody has can be deleted.", "只能删除没有成员使用的角色。")) }
                }))
            }
        }
    };
    Ok(desk::with_refusal(desk.page("roles", &title, body), problem))
}

async fn update(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send(Verb::Put, format!("/roles/{id}"), &plan(desk.cx)).await {
        Ok(_) => Ok(PageReply::see_other(format!("/admin/roles/{id}?done=saved"))),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

async fn remove(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send_empty(Verb::Delete, format!("/roles/{id}")).await {
        Ok(_) => Ok(PageReply::see_other("/admin/roles?done=deleted")),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}
