//! What the pages of an image share: the artifact, which image of an index is looked at, and what stands around each page.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{PageError, PageReply, cx::Cx, language::t, layout, pairs::encode, place, ui};

/// What an index shows where nobody says which image: what most look for.
const USUAL_PLATFORM: &str = "linux/amd64";

/// An artifact as the management API shows it.
#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) digest: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) manifest_media_type: String,
    pub(super) size: u64,
    pub(super) push_time: String,
    #[serde(default)]
    pub(super) tags: Option<Vec<Tag>>,
    #[serde(default)]
    pub(super) annotations: Option<std::collections::BTreeMap<String, String>>,
    #[serde(default)]
    references: Option<Vec<Child>>,
    #[serde(default)]
    addition_links: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
}

/// What an index names.
#[derive(Deserialize)]
pub(super) struct Child {
    pub(super) child_digest: String,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl Child {
    /// `linux/arm64/v8`; none of what runs nowhere, as attestations.
    pub(super) fn platform(&self) -> Option<String> {
        let platform = self.platform.as_ref().filter(|platform| !matches!(&*platform.os, "" | "unknown"))?;
        let variant = platform.variant.as_deref().filter(|variant| !variant.is_empty());
        let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
        Some(format!("{}/{}{variant}", platform.os, platform.architecture))
    }
}

impl Artifact {
    /// What an index names; nothing of anything else.
    pub(super) fn children(&self) -> &[Child] {
        self.references.as_deref().unwrap_or_default()
    }

    /// Whether it is an image or names some.
    pub(super) fn holds_an_image(&self) -> bool {
        self.addition_links.is_some() || self.children().iter().any(|child| child.platform().is_some())
    }
}

/// A page of an image.
pub(super) struct Frame<'a> {
    pub(super) cx: &'a Cx<'a>,
    /// The repository, as it was asked for.
    pub(super) repository: &'a str,
    pub(super) reference: &'a str,
    pub(super) artifact: Artifact,
    /// Which image of an index.
    pub(super) platform: Option<String>,
}

impl<'a> Frame<'a> {
    pub(super) async fn open(
        cx: &'a Cx<'a>,
        repository: &'a str,
        reference: &'a str,
    ) -> Result<Self, PageError> {
        let parts = "?with_tag=true&with_accessory=false";
        let artifact: Artifact = cx.get(api_path(repository, reference, parts)).await?;
        let platforms: Vec<String> = artifact.children().iter().filter_map(Child::platform).collect();
        let asked = cx.request.query.text("platform").map(str::to_owned);
        let usual =
            || platforms.iter().find(|platform| *platform == USUAL_PLATFORM).or(platforms.first()).cloned();
        let platform = if platforms.is_empty() { None } else { asked.or_else(usual) };
        Ok(Self { cx, repository, reference, artifact, platform })
    }

    /// What the management API has below the artifact, for the image that is looked at; `query` goes on a query.
    pub(super) fn api(&self, rest: &str, query: &str) -> String {
        let platform = self.platform.as_deref().map(|platform| format!("&platform={}", encode(platform)));
        let rest = format!("/{rest}?{}{}", query, platform.unwrap_or_default());
        api_path(self.repository, self.reference, &rest)
    }

    /// The path of a page of the image, with the platform that was asked for; `query` goes on a query.
    pub(super) fn path(&self, view: &str, query: &str) -> String {
        let path = place::of_image(self.repository, self.reference, view);
        let asked = self.cx.request.query.text("platform");
        let platform = asked.map(|platform| format!("platform={}", encode(platform)));
        let query: Vec<&str> = [query, platform.as_deref().unwrap_or_default()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    /// A page: the way here, the views of the image, and `body`. `view` is the tab that it belongs to.
    pub(super) fn page(&self, view: &str, body: Markup) -> PageReply {
        let cx = self.cx;
        let reference = ui::short_digest(self.reference).to_owned();
        let views: Vec<_> = self.tabs().into_iter().map(|(view, text)| (self.path(view, ""), text)).collect();
        let steps = [
            ("/repositories".to_owned(), t!(cx, "Repositories", "仓库")),
            (place::of_repository(self.repository, ""), self.repository.to_owned()),
            (self.path("", ""), reference.clone()),
        ];
        let name =
            format!("{}{}{reference}", self.repository, if self.reference.contains(':') { "@" } else { ":" });
        let tab = self.tabs().into_iter().find(|(known, _)| *known == view).map(|(_, text)| text);
        let title = format!("{} · {name}", tab.unwrap_or_default());
        let whole = html! {
            (ui::breadcrumbs(cx, &steps))
            h1 { (name) @if let Some(platform) = &self.platform { " " span class="mark" { (platform) } } }
            (ui::tabs(&t!(cx, "Parts of {name}", "{name} 的内容"), &views, &self.path(view, "")))
            (body)
        };
        layout::page(cx, &title, whole)
    }

    fn tabs(&self) -> Vec<(&'static str, String)> {
        let (cx, is_image) = (self.cx, self.artifact.holds_an_image());
        let all = [
            ("", true, t!(cx, "Overview", "概览")),
            ("layers", is_image, t!(cx, "Layers", "层")),
            ("files", is_image, t!(cx, "Files", "文件")),
            ("waste", is_image, t!(cx, "Wasted bytes", "浪费的空间")),
            ("referrers", true, t!(cx, "Referrers", "引用者")),
            ("manifest", true, t!(cx, "Manifest", "清单")),
        ];
        all.into_iter().filter(|(_, is_seen, _)| *is_seen).map(|(view, _, text)| (view, text)).collect()
    }
}

/// What the management API has below an artifact.
pub(super) fn api_path(repository: &str, reference: &str, rest: &str) -> String {
    let (project, within) = place::in_api(repository);
    let (project, within) = (encode(project), encode(within));
    format!("/projects/{project}/repositories/{within}/artifacts/{}{rest}", encode(reference))
}
