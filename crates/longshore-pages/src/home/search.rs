//! `/search`: projects and repositories by a part of their names; images by the beginning of a tag or of what annotations and
//! labels say of them, so that a commit leads to its image.

use maud::{Markup, html};
use serde::Deserialize;

use super::lists::{Project, Repository};
use crate::{
    PageError, PageReply,
    answer::Answered,
    cx::{Cx, Listed},
    language::t,
    layout,
    pairs::encode,
    place, ui,
};

/// Projects that are shown; more of them are on their own page.
const PROJECTS: u64 = 5;
/// Longest text that is looked for, in bytes.
const TEXT_BYTES_MAX: usize = 255;
/// Suggestions of each kind; at most ten in all.
const SUGGESTED: [u64; 3] = [2, 4, 4];

/// `GET /search/images`.
#[derive(Default, Deserialize)]
struct Images {
    images: Vec<Image>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    repository_name: String,
    digest: String,
    tags: Vec<String>,
    key: String,
    value: String,
}

/// What is looked for; none where it is too short or too long to be anything.
fn text<'a>(cx: &'a Cx<'_>) -> Option<&'a str> {
    let text = cx.request.query.text("q")?;
    (text.chars().count() >= 2 && text.len() <= TEXT_BYTES_MAX).then_some(text)
}

/// Whether it can be a part of a name; commas and the like mean something in filters.
fn may_be_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte))
}

async fn projects(cx: &Cx<'_>, text: &str, limit: u64) -> Result<Listed<Project>, PageError> {
    cx.list(format!("/projects?page_size={limit}&name={}", encode(text))).await
}

async fn repositories(
    cx: &Cx<'_>,
    text: &str,
    page: u64,
    limit: u64,
) -> Result<Listed<Repository>, PageError> {
    let condition = encode(&format!("name=~{text}"));
    let target = format!(
        "/repositories?page={page}&page_size={limit}&sort=name&with_artifact_count=false&q={condition}"
    );
    cx.list(target).await
}

async fn images(cx: &Cx<'_>, text: &str, after: &str, limit: u64) -> Result<Images, PageError> {
    let after = if after.is_empty() { String::new() } else { format!("&after={}", encode(after)) };
    cx.get(format!("/search/images?page_size={limit}&q={}{after}", encode(text))).await
}

/// The page. Names go on by their number, images by where they ended: each way on leaves out the other.
pub(super) async fn page(cx: &Cx<'_>) -> Answered {
    let title = t!(cx, "Search", "搜索");
    let Some(text) = text(cx) else {
        let body = html! {
            h1 { (title) }
            p { (t!(cx, "Type two characters or more at the top: a name, a tag, a version, or a commit (seven digits or more).",
                "请在顶部输入至少两个字符：名称、标签、版本，或提交的哈希（至少七位）。")) }
        };
        return Ok(layout::page(cx, &title, body));
    };
    let after = cx.request.query.text("after").unwrap_or_default();
    let page = ui::page_number(cx);
    let none = || Listed { entries: Vec::new(), total: 0 };
    let with_names = after.is_empty() && may_be_name(text);
    let projects = if with_names && page == 1 { projects(cx, text, PROJECTS).await? } else { none() };
    let repositories = match with_names {
        true => repositories(cx, text, page, ui::PAGE_SIZE).await?,
        false => Listed { entries: Vec::new(), total: 0 },
    };
    let images = if page == 1 { images(cx, text, after, ui::PAGE_SIZE).await? } else { Images::default() };
    let is_empty = projects.total == 0 && repositories.total == 0 && images.images.is_empty();
    let body = html! {
        h1 { (t!(cx, "Found for {text}", "“{text}” 的搜索结果")) }
        @if is_empty {
            (ui::empty(&t!(cx, "Nothing that you may see is called so.", "没有找到您有权查看的内容。"), html! {
                p { (t!(cx, "Names are found by any part, tags and versions by how they begin, commits by seven digits or more.",
                    "名称可按任意部分匹配，标签和版本按开头匹配，提交哈希至少需要七位。")) }
            }))
        }
        (project_section(cx, &projects))
        (repository_section(cx, &repositories))
        (image_section(cx, text, &images))
    };
    Ok(layout::page(cx, &title, body))
}

fn project_section(cx: &Cx<'_>, projects: &Listed<Project>) -> Markup {
    html! {
        @if !projects.entries.is_empty() {
            h2 { (t!(cx, "Projects", "项目")) }
            ul {
                @for project in &projects.entries {
                    li { a href=(place::of_project(&project.name, "")) { (project.name) } }
                }
            }
        }
    }
}

fn repository_section(cx: &Cx<'_>, repositories: &Listed<Repository>) -> Markup {
    let heads = [t!(cx, "Repository", "仓库"), t!(cx, "Changed", "更新时间"), t!(cx, "Pulls", "拉取次数")];
    let rows = html! {
        @for repository in &repositories.entries {
            tr {
                td { a href=(place::of_repository(&repository.name, "")) { (repository.name) } }
                td { (ui::moment(cx, &repository.update_time)) }
                td class="number" { (repository.pull_count) }
            }
        }
    };
    let title = t!(cx, "Repositories", "仓库");
    html! {
        @if !repositories.entries.is_empty() {
            h2 { (title) }
            (ui::table(&title, &heads, rows))
            (ui::pager(cx, repositories.total))
        }
    }
}

fn image_section(cx: &Cx<'_>, text: &str, found: &Images) -> Markup {
    let title = t!(cx, "Images", "镜像");
    let heads = [t!(cx, "Image", "镜像"), t!(cx, "Found by", "匹配项"), t!(cx, "Digest", "摘要")];
    let rows = html! {
        @for image in &found.images {
            @let tag = if image.key == "tag" { Some(&image.value) } else { image.tags.first() };
            @let reference = tag.unwrap_or(&image.digest);
            tr {
                td {
                    a href=(place::of_image(&image.repository_name, reference, "")) { (named(image, tag)) }
                }
                td { (kind(cx, &image.key)) @if image.key != "tag" { " " code { (image.value) } } }
                td { code { (ui::short_digest(&image.digest)) } }
            }
        }
    };
    html! {
        @if !found.images.is_empty() {
            h2 { (title) }
            (ui::table(&title, &heads, rows))
            @if let Some(next) = &found.next {
                nav class="pager" aria-label=(t!(cx, "More images", "更多镜像")) {
                    a rel="next" href={ "/search?q=" (encode(text)) "&after=" (encode(next)) } {
                        (t!(cx, "More images →", "更多镜像 →"))
                    }
                }
            }
        }
    }
}

/// As docker has it.
fn named(image: &Image, tag: Option<&String>) -> String {
    match tag {
        Some(tag) => format!("{}:{tag}", image.repository_name),
        None => format!("{}@{}", image.repository_name, ui::short_digest(&image.digest)),
    }
}

fn kind(cx: &Cx<'_>, key: &str) -> String {
    match key.strip_prefix("org.opencontainers.image.") {
        Some("revision") => t!(cx, "commit", "提交"),
        Some("version") => t!(cx, "version", "版本"),
        Some("title") => t!(cx, "title", "标题"),
        Some("source") => t!(cx, "source", "源代码"),
        Some("ref.name") => t!(cx, "name", "名称"),
        _ => t!(cx, "tag", "标签"),
    }
}

/// `/search/suggestions`: a JSON list of texts that somebody may mean.
pub(super) async fn suggestions(cx: &Cx<'_>) -> Answered {
    let mut texts: Vec<String> = Vec::new();
    if let Some(text) = text(cx) {
        let [of_projects, of_repositories, of_images] = SUGGESTED;
        if may_be_name(text) {
            let found = projects(cx, text, of_projects).await?;
            texts.extend(found.entries.into_iter().map(|project| project.name));
            let found = repositories(cx, text, 1, of_repositories).await?;
            texts.extend(found.entries.into_iter().map(|repository| repository.name));
        }
        let found = images(cx, text, "", of_images).await?;
        texts.extend(found.images.into_iter().map(|image| image.value));
    }
    let mut seen = std::collections::BTreeSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    let json = serde_json::to_vec(&texts).map_err(|error| PageError::Failed(error.to_string()))?;
    Ok(PageReply::Json(json.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_filters_is_no_name() {
        for (text, wanted) in
            [("team/app-1.0_x", true), ("a,b", false), ("name=~x", false), ("App", false), ("镜像", false)]
        {
            assert_eq!(may_be_name(text), wanted, "{text}");
        }
    }
}
