//! Two images side by side.

use maud::{Markup, html};
use serde::Deserialize;

use super::{frame::api_path, raw::shortened};
use crate::{
    PageError,
    answer::Answered,
    cx::Cx,
    language::t,
    layout,
    pairs::encode,
    place,
    ui::{self, Field},
};

/// Most files that each list shows: pages stay small.
const FILES_MAX: usize = 200;
/// How much of a value is shown.
const VALUE_BYTES_MAX: usize = 500;

/// A comparison as the management API shows it.
#[derive(Deserialize)]
struct Comparison {
    configuration: Vec<ConfigurationChange>,
    layers: Layers,
    files: Files,
    packages: Option<Vec<PackageChange>>,
}

#[derive(Deserialize)]
struct ConfigurationChange {
    part: String,
    key: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Deserialize)]
struct Layers {
    shared: Vec<Layer>,
    removed: Vec<Layer>,
    added: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Files {
    added: Vec<File>,
    added_total: usize,
    changed: Vec<File>,
    changed_total: usize,
    removed: Vec<File>,
    removed_total: usize,
}

#[derive(Deserialize)]
struct File {
    path: String,
    size_before: Option<u64>,
    size_after: Option<u64>,
}

#[derive(Deserialize)]
struct PackageChange {
    name: String,
    architecture: String,
    before: Option<String>,
    after: Option<String>,
}

/// `/repositories/NAME/-/compare?before=&after=&repository=&platform=`.
pub(super) async fn page(cx: &Cx<'_>, repository: &str) -> Answered {
    let query = &cx.request.query;
    let (before, after) = (query.text("before"), query.text("after"));
    let (compared, problem) = match (before, after) {
        (Some(before), Some(after)) => match ask(cx, repository, before, after).await {
            Ok(compared) => (Some(compared), None),
            Err(problem @ (PageError::Refused(..) | PageError::NotFound)) => (None, Some(problem)),
            Err(error) => return Err(error),
        },
        _ => {
            // Who may not know of the repository learns nothing here.
            let (project, within) = place::in_api(repository);
            let target = format!("/projects/{}/repositories/{}", encode(project), encode(within));
            cx.get::<serde_json::Value>(target).await?;
            (None, None)
        }
    };
    let title = t!(cx, "Compare two images", "比较两个镜像");
    let steps = [
        ("/repositories".to_owned(), t!(cx, "Repositories", "仓库")),
        (place::of_repository(repository, ""), repository.to_owned()),
        (cx.here(), title.clone()),
    ];
    let status = problem.as_ref().map(PageError::status);
    let body = html! {
        (ui::breadcrumbs(cx, &steps))
        h1 { (title) }
        (ui::problem(cx, problem.as_ref()))
        (question(cx, repository))
        @if let Some(compared) = &compared { (answer(cx, compared)) }
    };
    let reply = layout::page(cx, &format!("{title} · {repository}"), body);
    Ok(match status {
        Some(status) => reply.with_status(status),
        None => reply,
    })
}

async fn ask(cx: &Cx<'_>, repository: &str, before: &str, after: &str) -> Result<Comparison, PageError> {
    let mut rest = format!("/compare?with={}", encode(after));
    for (field, parameter) in [("repository", "repository"), ("platform", "platform")] {
        if let Some(value) = cx.request.query.text(field) {
            rest.push_str(&format!("&{parameter}={}", encode(value)));
        }
    }
    cx.get(api_path(repository, before, &rest)).await
}

fn question(cx: &Cx<'_>, repository: &str) -> Markup {
    let query = &cx.request.query;
    let value = |name| query.text(name).unwrap_or_default();
    let field = |name, label, hint, is_required| {
        ui::field(&Field { name, label, hint, value: value(name), is_required, ..Field::default() })
    };
    html! {
        form class="inline" {
            (field("before", t!(cx, "Tag or digest in {repository}", "{repository} 中的标签或摘要"), String::new(), true))
            (field("after", t!(cx, "Compare with", "比较对象"), String::new(), true))
            (field("repository", t!(cx, "In repository", "所在仓库"),
                t!(cx, "Only if it is another one: project/repository", "仅当不是同一仓库时填写：项目/仓库"), false))
            (field("platform", t!(cx, "Platform", "平台"), t!(cx, "Of images for several: linux/amd64", "多平台镜像：linux/amd64"), false))
            button { (t!(cx, "Compare", "比较")) }
        }
    }
}

fn answer(cx: &Cx<'_>, compared: &Comparison) -> Markup {
    let Comparison { configuration, layers, files, packages } = compared;
    html! {
        h2 { (t!(cx, "Configuration", "配置")) }
        @if configuration.is_empty() { p { (t!(cx, "It is the same.", "相同。")) } }
        @else { (configuration_table(cx, configuration)) }
        h2 { (t!(cx, "Layers", "层")) }
        (layer_table(cx, layers))
        h2 { (t!(cx, "Packages", "软件包")) }
        @match packages {
            None => p class="quiet" { (t!(cx, "It is not known of both what is installed: the lists of dpkg and apk are read, not rpm's.",
                "无法得知两者安装了什么：只读取 dpkg 和 apk 的列表，不读取 rpm 的。")) },
            Some(packages) if packages.is_empty() => p { (t!(cx, "They are the same.", "相同。")) },
            Some(packages) => (package_table(cx, packages)),
        }
        h2 { (t!(cx, "Files", "文件")) }
        (file_table(cx, &t!(cx, "Added", "添加"), &files.added, files.added_total))
        (file_table(cx, &t!(cx, "Changed", "更改"), &files.changed, files.changed_total))
        (file_table(cx, &t!(cx, "Removed", "移除"), &files.removed, files.removed_total))
    }
}

fn configuration_table(cx: &Cx<'_>, changes: &[ConfigurationChange]) -> Markup {
    let heads = [t!(cx, "Part", "部分"), t!(cx, "Before", "之前"), t!(cx, "After", "之后")];
    html! {
        (ui::table(&t!(cx, "Configuration", "配置"), &heads, html! {
            @for change in changes.iter().take(FILES_MAX) {
                tr {
                    td { (change.part) @if let Some(key) = &change.key { " " code { (key) } } }
                    td { (value(change.before.as_deref())) }
                    td { (value(change.after.as_deref())) }
                }
            }
        }))
    }
}

fn value(text: Option<&str>) -> Markup {
    match text {
        Some(text) => html! { code { (shortened(text, VALUE_BYTES_MAX)) } },
        None => html! { span class="none" { "–" } },
    }
}

fn layer_table(cx: &Cx<'_>, layers: &Layers) -> Markup {
    let heads = [t!(cx, "Layer", "层"), t!(cx, "Size", "大小"), t!(cx, "Where", "位置")];
    let all = [
        (&layers.shared, t!(cx, "in both", "两者都有")),
        (&layers.removed, t!(cx, "only in the first", "仅在第一个中")),
        (&layers.added, t!(cx, "only in the second", "仅在第二个中")),
    ];
    html! {
        (ui::table(&t!(cx, "Layers", "层"), &heads, html! {
            @for (layers, place) in &all {
                @for layer in layers.iter() {
                    tr {
                        td { code { (ui::short_digest(&layer.digest)) } }
                        td class="number" { (ui::bytes(layer.size)) }
                        td { (place) }
                    }
                }
            }
        }))
    }
}

fn package_table(cx: &Cx<'_>, packages: &[PackageChange]) -> Markup {
    let heads = [t!(cx, "Package", "软件包"), t!(cx, "Before", "之前"), t!(cx, "After", "之后")];
    html! {
        (ui::table(&t!(cx, "Packages", "软件包"), &heads, html! {
            @for package in packages.iter().take(FILES_MAX) {
                tr {
                    td { (package.name) " " span class="quiet" { (package.architecture) } }
                    td { (value(package.before.as_deref())) }
                    td { (value(package.after.as_deref())) }
                }
            }
        }))
        @if packages.len() > FILES_MAX { (more(cx, FILES_MAX, packages.len())) }
    }
}

fn file_table(cx: &Cx<'_>, title: &str, files: &[File], total: usize) -> Markup {
    if total == 0 {
        return html! {};
    }
    let heads = [t!(cx, "Path", "路径"), t!(cx, "Before", "之前"), t!(cx, "After", "之后")];
    let size = |size: Option<u64>| html! { @match size { Some(size) => (ui::bytes(size)), None => span class="none" { "–" } } };
    let shown = total.min(FILES_MAX);
    html! {
        h3 { (title) " (" (total) ")" }
        (ui::table(title, &heads, html! {
            @for file in files.iter().take(FILES_MAX) {
                tr {
                    td { code { (file.path) } }
                    td class="number" { (size(file.size_before)) }
                    td class="number" { (size(file.size_after)) }
                }
            }
        }))
        @if total > shown { (more(cx, shown, total)) }
    }
}

fn more(cx: &Cx<'_>, shown: usize, total: usize) -> Markup {
    html! { p class="note" { (t!(cx, "{shown} of {total} are shown; longshore diff lists all.", "显示 {total} 项中的 {shown} 项；longshore diff 可列出全部。")) } }
}
