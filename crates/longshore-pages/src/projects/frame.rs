//! What the pages of a project share: the project, what the reader may do in it, and what stands around each page.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;

use crate::{PageError, PageReply, cx::Cx, language::t, layout, pairs::encode, place, rights::Rights, ui};

/// A project as the management API shows it.
#[derive(Deserialize)]
pub(crate) struct Project {
    pub(crate) project_id: i64,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) owner_name: String,
    #[serde(default)]
    pub(crate) repo_count: u64,
    #[serde(default)]
    pub(crate) creation_time: String,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) inherited_metadata: BTreeMap<String, String>,
}

impl Project {
    pub(crate) fn is_public(&self) -> bool {
        self.metadata.get("public").is_some_and(|public| public == "true")
    }

    /// Whether everybody may read it, in a word.
    pub(crate) fn mark(&self, cx: &Cx<'_>) -> Markup {
        let word = if self.is_public() { t!(cx, "public", "公开") } else { t!(cx, "private", "私有") };
        html! { span class="mark" { (word) } }
    }

    /// The way to it: `Projects / team / sub`.
    pub(crate) fn steps(&self, cx: &Cx<'_>) -> Vec<(String, String)> {
        let mut steps = vec![("/projects".to_owned(), t!(cx, "Projects", "项目"))];
        steps.extend(around(&self.name));
        steps
    }
}

/// A page of a project.
pub(super) struct Frame<'a> {
    pub(super) cx: &'a Cx<'a>,
    pub(super) project: Project,
    pub(super) rights: Rights,
}

impl<'a> Frame<'a> {
    /// Looks up the project of that name, and what the reader may do there.
    pub(super) async fn open(cx: &'a Cx<'a>, name: &str) -> Result<Self, PageError> {
        let project: Project = cx.get(format!("/projects/{}", encode(name))).await?;
        let rights = Rights::in_project(cx, project.project_id).await?;
        Ok(Self { cx, project, rights })
    }

    pub(super) fn may(&self, permission: &str) -> bool {
        self.rights.may(permission)
    }

    /// The path of a page of the project.
    pub(super) fn path(&self, view: &str) -> String {
        place::of_project(&self.project.name, view)
    }

    /// What the management API has below the project: `api("/members")`.
    pub(super) fn api(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", encode(&self.project.name))
    }

    /// A page: the way here, the views of the project, and `body`. `view` is the tab that it belongs to, `title` its heading.
    pub(super) fn page(&self, view: &str, title: &str, body: Markup) -> PageReply {
        let (cx, name) = (self.cx, &self.project.name);
        let views: Vec<_> = self.tabs().into_iter().map(|(view, text)| (self.path(view), text)).collect();
        let whole = html! {
            (ui::breadcrumbs(cx, &self.project.steps(cx)))
            @if view.is_empty() { h1 { (name) " " (self.project.mark(cx)) } }
            (ui::tabs(&t!(cx, "Parts of {name}", "{name} 的内容"), &views, &self.path(view)))
            @if !view.is_empty() { h1 { (title) } }
            (body)
        };
        let title = if view.is_empty() { name.clone() } else { format!("{title} · {name}") };
        layout::page(cx, &title, whole)
    }

    /// Those that the reader may see.
    fn tabs(&self) -> Vec<(&'static str, String)> {
        let cx = self.cx;
        let is_administrator = cx.request.caller.as_ref().is_some_and(|caller| caller.is_administrator);
        let all = [
            ("", true, t!(cx, "Repositories", "仓库")),
            ("members", self.may("member:list"), t!(cx, "Members", "成员")),
            ("robots", self.may("robot:list"), t!(cx, "Robots", "机器人账户")),
            ("labels", self.may("label:list"), t!(cx, "Labels", "标记")),
            ("policies", is_administrator, t!(cx, "Policies", "策略")),
            ("audit", self.may("log:list"), t!(cx, "Audit", "审计日志")),
            ("settings", self.may("project:update"), t!(cx, "Settings", "设置")),
        ];
        all.into_iter().filter(|(_, is_seen, _)| *is_seen).map(|(view, _, text)| (view, text)).collect()
    }
}

/// The projects that a name leads through, the outermost first: their pages, and their own parts of the name.
fn around(name: &str) -> Vec<(String, String)> {
    let mut whole = String::new();
    let step = |part: &str| {
        whole = if whole.is_empty() { part.to_owned() } else { format!("{whole}/{part}") };
        (place::of_project(&whole, ""), part.to_owned())
    };
    name.split('/').map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_through_projects() {
        let found = around("team/sub");
        let texts: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(texts, [("/projects/team", "team"), ("/projects/team/sub", "sub")]);
    }
}
