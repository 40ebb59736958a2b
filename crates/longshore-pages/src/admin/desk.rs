//! What the pages of administration share: what the reader may do there, the frame around each, and small parts.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    PageError, PageReply,
    cx::Cx,
    language::t,
    layout,
    pairs::encode,
    ui::{self, Field},
};

/// A page of administration, and what its reader may do in the system.
pub(super) struct Desk<'a> {
    pub(super) cx: &'a Cx<'a>,
    /// `user:list`.
    may: BTreeSet<String>,
}

/// A part of administration.
struct Section {
    name: &'static str,
    /// What somebody must be allowed to see it; empty for nothing.
    needs: &'static str,
    english: &'static str,
    chinese: &'static str,
}

const fn section(
    name: &'static str,
    needs: &'static str,
    english: &'static str,
    chinese: &'static str,
) -> Section {
    Section { name, needs, english, chinese }
}

const SECTIONS: [Section; 13] = [
    section("", "", "Overview", "概览"),
    section("users", "user:list", "Users", "用户"),
    section("groups", "user-group:list", "Groups", "用户组"),
    section("robots", "robot:list", "Robots", "机器人账户"),
    section("roles", "role:list", "Roles", "角色"),
    section("audit", "audit-log:list", "Audit", "审计日志"),
    section("identity", "configuration:read", "Identity", "身份源"),
    section("configuration", "configuration:read", "Configuration", "系统配置"),
    section("quotas", "quota:list", "Quotas", "配额"),
    section("labels", "label:list", "Labels", "标记"),
    section("jobs", "jobservice-monitor:list", "Jobs", "后台任务"),
    section("collection", "garbage-collection:list", "Collection", "垃圾回收"),
    section("keys", "signing-key:list", "Keys", "签名密钥"),
];

/// What `/users/current/permissions` lists.
#[derive(Deserialize)]
struct Allowed {
    resource: String,
    action: String,
}

impl<'a> Desk<'a> {
    /// Asks once what the reader may do.
    pub(super) async fn open(cx: &'a Cx<'a>) -> Result<Self, PageError> {
        let allowed =
            cx.get::<Vec<Allowed>>("/users/current/permissions?scope=/system&relative=true").await?;
        let may = allowed.into_iter().map(|Allowed { resource, action }| format!("{resource}:{action}"));
        Ok(Self { cx, may: may.collect() })
    }

    /// Whether the reader may do that in the system; the management API decides anyway.
    pub(super) fn may(&self, permission: &str) -> bool {
        self.may.contains(permission)
    }

    /// A page: the way here, the parts of administration, `title` as its heading. `section` is the part that it belongs to.
    pub(super) fn page(&self, section: &str, title: &str, body: Markup) -> PageReply {
        let cx = self.cx;
        let views: Vec<_> = SECTIONS
            .iter()
            .filter(|known| known.needs.is_empty() || self.may(known.needs))
            .map(|known| {
                (path(known.name), cx.request.language.pick(known.english, known.chinese).to_owned())
            })
            .collect();
        let here = path(section);
        let body = html! {
            (ui::tabs(&t!(cx, "Administration", "管理"), &views, &here))
            h1 { (title) }
            (body)
        };
        layout::page(cx, title, body)
    }

    /// The title of a part.
    pub(super) fn title(&self, section: &str) -> String {
        let known = SECTIONS.iter().find(|known| known.name == section);
        known.map_or("", |known| self.cx.request.language.pick(known.english, known.chinese)).to_owned()
    }

    /// Buttons above a listing, for who may use them: paths with their texts.
    pub(super) fn create_link(&self, permission: &str, path: &str, text: &str) -> Markup {
        html! { @if self.may(permission) { p { a class="button" href=(path) { (text) } } } }
    }
}

/// `/admin/users`.
fn path(section: &str) -> String {
    if section.is_empty() { "/admin".to_owned() } else { format!("/admin/{section}") }
}

/// What a form can show: the management API refused it, or something that it names is not there. If that is what the page is
/// about, the page itself finds so. Everything else is a page of its own.
pub(super) fn refused(error: PageError) -> Result<PageError, PageError> {
    match error {
        PageError::Refused(..) | PageError::Forbidden(_) | PageError::NotFound => Ok(error),
        other => Err(other),
    }
}

/// The page with a form that was refused has the refusal's status.
pub(super) fn with_refusal(reply: PageReply, problem: Option<&PageError>) -> PageReply {
    match problem {
        Some(PageError::Refused(status, _)) => reply.with_status(*status),
        Some(PageError::Forbidden(_)) => reply.with_status(403),
        Some(PageError::NotFound) => reply.with_status(404),
        _ => reply,
    }
}

/// A number in a path.
pub(super) fn number(text: &str) -> Result<i64, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

/// The number at the end of `Location`.
pub(super) fn created_number(location: Option<&str>) -> Option<i64> {
    location?.rsplit('/').next()?.parse().ok()
}

/// `q=` of the management API, with `&` before it: conditions in its words, those without a value left out. What has a comma
/// in it cannot be looked for.
pub(super) fn filters(conditions: &[(&str, &str, Option<&str>)]) -> String {
    let texts: Vec<_> = conditions
        .iter()
        .filter_map(|(key, comparison, value)| Some(format!("{key}={comparison}{}", (*value)?)))
        .collect();
    if texts.is_empty() { String::new() } else { format!("&q={}", encode(&texts.join(","))) }
}

/// `page=2&page_size=25`.
pub(super) fn part(cx: &Cx<'_>) -> String {
    format!("page={}&page_size={}", ui::page_number(cx), ui::PAGE_SIZE)
}

/// What looks for a part of a name in a listing.
pub(super) fn search_form(cx: &Cx<'_>, label: &str) -> Markup {
    html! {
        form class="inline" role="search" action=(cx.request.path) {
            (ui::field(&Field { name: "name", label: label.to_owned(), kind: "search",
                value: cx.request.query.text("name").unwrap_or_default(), ..Field::default() }))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
    }
}

/// A listing: what is there, or that nothing is.
pub(super) fn listing(
    cx: &Cx<'_>,
    title: &str,
    heads: &[String],
    rows: Markup,
    total: u64,
    nothing: Markup,
) -> Markup {
    html! {
        @if total == 0 { (nothing) } @else {
            (ui::table(title, heads, rows))
            (ui::pager(cx, total))
        }
    }
}

/// A fact: its name and what it is.
pub(super) fn fact(name: &str, value: Markup) -> Markup {
    html! { dt { (name) } dd { (value) } }
}

/// A secret that is shown this once: the answer to the form that made it.
pub(super) fn secret(desk: &Desk<'_>, section: &str, name: &str, secret: &str, back: &str) -> PageReply {
    let cx = desk.cx;
    let title = t!(cx, "The secret of {name}", "{name} 的密钥");
    let host = &cx.request.host;
    desk.page(
        section,
        &title,
        html! {
            p class="notice warn" role="status" {
                (t!(cx, "This is shown once. Keep it where only the program that needs it can read it.",
                    "密钥只显示这一次。请保存在只有使用它的程序才能读取的地方。"))
            }
            h2 { (t!(cx, "Secret", "密钥")) }
            (ui::copy_line(secret))
            h2 { (t!(cx, "Log in with it", "用它登录")) }
            (ui::copy_line(&format!("docker login {host} --username '{name}'")))
            p class="hint" { (t!(cx, "Docker asks for the password: paste the secret.", "Docker 会要求输入密码：粘贴密钥即可。")) }
            p { a href=(back) { (t!(cx, "I have kept it", "我已保存")) } }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_made() {
        let none: [(&str, &str, Option<&str>); 1] = [("username", "~", None)];
        assert_eq!(filters(&none), "");
        let some = [("username", "~", Some("a b")), ("operation", "", Some("create"))];
        assert_eq!(filters(&some), "&q=username%3D~a%20b%2Coperation%3Dcreate");
    }

    #[test]
    fn numbers_of_what_was_created() {
        assert_eq!(created_number(Some("/api/v2.0/users/7")), Some(7));
        assert_eq!(created_number(Some("/api/v2.0/users/x")), None);
        assert_eq!(created_number(None), None);
    }
}
