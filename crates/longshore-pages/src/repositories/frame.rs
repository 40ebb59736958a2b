//! What the pages of a repository share: the repository, its project, what the reader may do there, and what stands around
//! each page.

use maud::{Markup, html};

use super::Repository;
use crate::{
    PageError, PageReply, cx::Cx, language::t, layout, pairs::encode, place, projects::Project,
    rights::Rights, ui,
};

/// A page of a repository.
pub(super) struct Frame<'a> {
    pub(super) cx: &'a Cx<'a>,
    /// The whole name, as clients pull it.
    pub(super) name: String,
    /// None where nothing is left in it.
    pub(super) repository: Option<Repository>,
    pub(super) project: Project,
    rights: Rights,
}

impl<'a> Frame<'a> {
    /// Looks up the repository of that name.
    pub(super) async fn open(cx: &'a Cx<'a>, name: &str) -> Result<Self, PageError> {
        let repository: Repository = cx.get(target(name, "?with_artifact_count=false")).await?;
        // It may have been found without the `library/` that was asked for.
        let name = repository.name.clone();
        let project = number(cx, repository.project_id).await?;
        let rights = Rights::in_repository(cx, project.project_id, &name).await?;
        Ok(Self { cx, name, repository: Some(repository), project, rights })
    }

    /// The same, also where all that it held is deleted.
    pub(super) async fn open_past(cx: &'a Cx<'a>, name: &str) -> Result<Self, PageError> {
        match Self::open(cx, name).await {
            Err(PageError::NotFound) => {}
            opened => return opened,
        }
        let (top, _) = place::in_api(name);
        let parents = name.match_indices('/').map(|(at, _)| &name[..at]).rev();
        for parent in parents.chain([top]) {
            if let Some(project) = cx.look::<Project>(format!("/projects/{}", encode(parent))).await? {
                let rights = Rights::in_repository(cx, project.project_id, name).await?;
                return Ok(Self { cx, name: name.to_owned(), repository: None, project, rights });
            }
        }
        Err(PageError::NotFound)
    }

    pub(super) fn may(&self, permission: &str) -> bool {
        self.rights.may(permission)
    }

    /// The path of a page of the repository.
    pub(super) fn path(&self, view: &str) -> String {
        place::of_repository(&self.name, view)
    }

    /// The page where what a reference names is looked after.
    pub(super) fn manage_path(&self, reference: &str, rest: &str) -> String {
        self.path(&format!("manage/{}{rest}", encode(reference)))
    }

    /// What the management API has below the repository.
    pub(super) fn api(&self, rest: &str) -> String {
        target(&self.name, rest)
    }

    /// The same, below an artifact.
    pub(super) fn api_artifact(&self, reference: &str, rest: &str) -> String {
        target(&self.name, &format!("/artifacts/{}{rest}", encode(reference)))
    }

    /// A page: the way here, the views of the repository, and `body`. `view` is the tab that it belongs to, `title` its
    /// heading.
    pub(super) fn page(&self, view: &str, title: &str, body: Markup) -> PageReply {
        let (cx, name) = (self.cx, &self.name);
        let views: Vec<_> = self.tabs().into_iter().map(|(view, text)| (self.path(view), text)).collect();
        let mut steps = self.project.steps(cx);
        let within = name.strip_prefix(&format!("{}/", self.project.name)).unwrap_or(name);
        steps.push((self.path(""), within.to_owned()));
        let whole = html! {
            (ui::breadcrumbs(cx, &steps))
            @if view.is_empty() { h1 { (name) " " (self.project.mark(cx)) } }
            (ui::tabs(&t!(cx, "Parts of {name}", "{name} 的内容"), &views, &self.path(view)))
            @if !view.is_empty() { h1 { (title) } }
            (body)
        };
        let title = if view.is_empty() { name.clone() } else { format!("{title} · {name}") };
        layout::page(cx, &title, whole)
    }

    fn tabs(&self) -> Vec<(&'static str, String)> {
        let (cx, is_there) = (self.cx, self.repository.is_some());
        let all = [
            ("", is_there, t!(cx, "Tags", "标签")),
            ("untagged", is_there, t!(cx, "Untagged", "无标签")),
            ("history", true, t!(cx, "History", "历史")),
            (
                "settings",
                is_there && (self.may("repository:update") || self.may("repository:delete")),
                t!(cx, "Settings", "设置"),
            ),
        ];
        all.into_iter().filter(|(_, is_seen, _)| *is_seen).map(|(view, _, text)| (view, text)).collect()
    }
}

/// The project of that number; paths of the management API would take it for a name.
async fn number(cx: &Cx<'_>, id: i64) -> Result<Project, PageError> {
    let found: Vec<Project> = cx.get(format!("/projects?page_size=1&q=project_id%3D{id}")).await?;
    found.into_iter().next().ok_or(PageError::NotFound)
}

fn target(name: &str, rest: &str) -> String {
    let (project, within) = place::in_api(name);
    format!("/projects/{}/repositories/{}{rest}", encode(project), encode(within))
}
