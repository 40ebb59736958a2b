//! `/admin/groups`: groups of sources that are known here, so that projects can have them as members.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::desk::{self, Desk, fact};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    pairs::encode,
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Group {
    id: i64,
    group_name: String,
    group_type: i64,
    #[serde(default)]
    ldap_group_dn: String,
    #[serde(default)]
    source: String,
}

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        (["new"], false) => new_page(desk, None),
        (["new"], true) => create(desk).await,
        ([id], false) => page(desk, desk::number(id)?, None).await,
        ([id, "rename"], true) => rename(desk, desk::number(id)?).await,
        ([id, "delete"], true) => remove(desk, desk::number(id)?).await,
        _ => Err(PageError::NotFound),
    }
}

fn kind(cx: &Cx<'_>, group_type: i64) -> String {
    match group_type {
        1 => t!(cx, "of an LDAP directory", "LDAP 目录"),
        2 => t!(cx, "of a proxy's header", "代理请求头"),
        3 => t!(cx, "of an OpenID provider", "OpenID 提供方"),
        other => other.to_string(),
    }
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let name = cx.request.query.text("name");
    let filter = name.map(|name| format!("&group_name={}", encode(name))).unwrap_or_default();
    let found = cx.list::<Group>(format!("/usergroups?{}{filter}", desk::part(cx))).await?;
    let title = desk.title("groups");
    let heads = [t!(cx, "Name", "名称"), t!(cx, "Kind", "类型"), t!(cx, "Source", "来源")];
    let rows = html! {
        @for group in &found.entries {
            tr {
                th scope="row" { a href={ "/admin/groups/" (group.id) } { (group.group_name) } }
                td { (kind(cx, group.group_type)) }
                td { (group.source) }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "There are no such groups", "没有用户组"),
        html! {
            p {
                (t!(cx, "Groups become known when somebody of them logs in. Make one known here to give it a role before.",
                    "组内成员登录后，该组会自动出现。如需提前授予角色，可在此添加。"))
            }
        },
    );
    let body = html! {
        (desk.create_link("user-group:create", "/admin/groups/new", &t!(cx, "New group", "新建用户组")))
        (desk::search_form(cx, &t!(cx, "A part of the name", "名称包含")))
        (desk::listing(cx, &title, &heads, rows, found.total, nothing))
    };
    Ok(desk.page("groups", &title, body))
}

fn new_page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    if !desk.may("user-group:create") {
        return Err(PageError::NotFound);
    }
    let cx = desk.cx;
    let form = &cx.request.form;
    let typed = |name| form.text(name).unwrap_or_default();
    let kinds = [("1", kind(cx, 1)), ("3", kind(cx, 3)), ("2", kind(cx, 2))];
    let title = t!(cx, "New group", "新建用户组");
    let body = html! {
        (ui::problem(cx, problem))
        (ui::form(cx, "/admin/groups/new", html! {
            (ui::select("group_type", &t!(cx, "Kind", "类型"), &kinds, form.text("group_type").unwrap_or("1")))
            (ui::field(&Field { name: "group_name", label: t!(cx, "Name", "名称"), value: typed("group_name"),
                hint: t!(cx, "Of a provider: exactly as its tokens have it.", "提供方的组：须与其令牌中的写法完全一致。"),
                ..Field::default() }))
            (ui::field(&Field { name: "ldap_group_dn", label: t!(cx, "DN of a directory's group", "LDAP 组 DN"),
                value: typed("ldap_group_dn"), ..Field::default() }))
            (ui::field(&Field { name: "source", label: t!(cx, "Source", "来源"), value: typed("source"),
                hint: t!(cx, "Its name in the configuration; may be left out where only one fits.",
                    "配置文件中的名称；只有一个匹配的身份源时可留空。"),
                ..Field::default() }))
            button { (t!(cx, "Create", "创建")) }
        }))
    };
    Ok(desk::with_refusal(desk.page("groups", &title, body), problem))
}

async fn create(desk: &Desk<'_>) -> Answered {
    let form = &desk.cx.request.form;
    let typed = |name| form.text(name).unwrap_or_default();
    let group = json!({
        "group_name": typed("group_name"),
        "group_type": form.number("group_type").unwrap_or_default(),
        "ldap_group_dn": typed("ldap_group_dn"),
        "source": typed("source"),
    });
    match desk.cx.send(Verb::Post, "/usergroups", &group).await {
        Ok(_) => Ok(PageReply::see_other("/admin/groups?done=created")),
        Err(error) => new_page(desk, Some(&desk::refused(error)?)),
    }
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let group: Group = cx.get(format!("/usergroups/{id}")).await?;
    let body = html! {
        (ui::problem(cx, problem))
        dl class="facts" {
            (fact(&t!(cx, "Kind", "类型"), html! { (kind(cx, group.group_type)) }))
            (fact(&t!(cx, "Source", "来源"), html! { (group.source) }))
            @if !group.ldap_group_dn.is_empty() { (fact("DN", html! { (group.ldap_group_dn) })) }
        }
        (changes(desk, &group))
    };
    Ok(desk::with_refusal(desk.page("groups", &group.group_name, body), problem))
}

fn changes(desk: &Desk<'_>, group: &Group) -> Markup {
    let cx = desk.cx;
    let at = format!("/admin/groups/{}", group.id);
    html! {
        // What a provider calls its groups is not ours to change.
        @if group.group_type == 1 && desk.may("user-group:update") {
            (ui::form(cx, &format!("{at}/rename"), html! {
                (ui::field(&Field { name: "group_name", label: t!(cx, "Name", "名称"), value: cx.request.form.raw("group_name").unwrap_or(&group.group_name),
                    is_required: true, ..Field::default() }))
                button { (t!(cx, "Rename", "重命名")) }
            }))
        }
        @if desk.may("user-group:delete") {
            (ui::confirm(cx, &t!(cx, "Delete this group", "删除该用户组"), &format!("{at}/delete"), html! {
                p { (t!(cx, "Its members lose the roles that they have through it.", "组成员将失去通过该组获得的角色。")) }
            }))
        }
    }
}

async fn rename(desk: &Desk<'_>, id: i64) -> Answered {
    let name = json!({ "group_name": desk.cx.request.form.text("group_name").unwrap_or_default() });
    match desk.cx.send(Verb::Put, format!("/usergroups/{id}"), &name).await {
        Ok(_) => Ok(PageReply::see_other(format!("/admin/groups/{id}?done=saved"))),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}

async fn remove(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send_empty(Verb::Delete, format!("/usergroups/{id}")).await {
        Ok(_) => Ok(PageReply::see_other("/admin/groups?done=deleted")),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}
