//! The files of an image: folder by folder, of all layers or of one, and by their names.

use maud::{Markup, html};
use serde::Deserialize;

use super::Frame;
use crate::{
    PageError, PageReply,
    answer::Answered,
    cx::{Cx, Listed},
    language::t,
    pairs::encode,
    ui::{self, Field},
};

/// A file as the management API shows it.
#[derive(Deserialize)]
struct File {
    path: String,
    name: String,
    kind: String,
    mode: Option<String>,
    uid: Option<u64>,
    gid: Option<u64>,
    size: u64,
    modified: Option<String>,
    target: Option<String>,
    present: bool,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    layer: usize,
    change: String,
}

/// `/repositories/NAME/-/images/REFERENCE/files`: `?path=` a folder, `?layer=` of one layer, `?q=` a name.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let query = &cx.request.query;
    let (path, layer, wanted) = (query.text("path").unwrap_or("/"), query.number("layer"), query.text("q"));
    let part = format!("page={}&page_size={}", ui::page_number(cx), ui::PAGE_SIZE);
    let layer_part = layer.map(|layer| format!("&layer={layer}")).unwrap_or_default();
    let target = match wanted {
        Some(name) => frame.api("files/search", &format!("{part}&name={}", encode(name))),
        None => frame.api("files", &format!("{part}&path={}{layer_part}", encode(path))),
    };
    let files: Listed<File> = cx.list(target).await?;
    let body = html! {
        form class="inline" role="search" {
            @if let Some(platform) = query.text("platform") { input type="hidden" name="platform" value=(platform); }
            (ui::field(&Field { name: "q", label: t!(cx, "Part of the name", "名称包含"), kind: "search",
                value: wanted.unwrap_or_default(), ..Field::default() }))
            button class="second" { (t!(cx, "Find", "查找")) }
        }
        @match (wanted, layer) {
            (Some(_), _) => p { a href=(frame.path("files", "")) { (t!(cx, "Show folders", "显示文件夹")) } },
            (None, Some(layer)) => p {
                (t!(cx, "Only what layer #{layer} has to do with.", "仅显示与第 #{layer} 层有关的内容。")) " "
                a href=(frame.path("files", &format!("path={}", encode(path)))) { (t!(cx, "All layers", "所有层")) }
            },
            (None, None) => {}
        }
        @if wanted.is_none() { (way(frame, path, &layer_part)) }
        (table(frame, &files, wanted.is_some(), &layer_part))
    };
    Ok(frame.page("files", body))
}

/// From the root to the folder that is shown.
fn way(frame: &Frame<'_>, path: &str, layer_part: &str) -> Markup {
    let cx = frame.cx;
    let mut steps = vec![(String::new(), "/".to_owned())];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let before = steps.last().map(|(path, _)| path.clone()).unwrap_or_default();
        steps.push((format!("{before}/{part}"), part.to_owned()));
    }
    let last = steps.len() - 1;
    html! {
        nav class="breadcrumbs" aria-label=(t!(cx, "Folder", "文件夹")) {
            ol {
                @for (n, (path, name)) in steps.iter().enumerate() {
                    li {
                        @if n == last { span aria-current="location" { (name) } }
                        @else { a href=(folder_path(frame, if path.is_empty() { "/" } else { path }, layer_part)) { (name) } }
                    }
                }
            }
        }
    }
}

fn folder_path(frame: &Frame<'_>, path: &str, layer_part: &str) -> String {
    frame.path("files", &format!("path={}{layer_part}", encode(path)))
}

fn table(frame: &Frame<'_>, files: &Listed<File>, is_search: bool, layer_part: &str) -> Markup {
    let cx = frame.cx;
    if files.total == 0 {
        let text = match is_search {
            true => t!(cx, "No file is called like that.", "没有这样名称的文件。"),
            false => t!(cx, "There is nothing in this folder.", "此文件夹为空。"),
        };
        return ui::empty(
            &text,
            html! { p { a href=(frame.path("files", "")) { (t!(cx, "To the root", "回到根目录")) } } },
        );
    }
    let title = t!(cx, "Files", "文件");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "Mode", "权限"),
        t!(cx, "Owner", "所有者"),
        t!(cx, "Size", "大小"),
        t!(cx, "Modified", "修改时间"),
        t!(cx, "What layers did", "各层的更改"),
    ];
    html! {
        (ui::table(&title, &heads, html! {
            @for file in &files.entries {
                tr {
                    td { (name(frame, file, is_search, layer_part)) }
                    td { code { (file.mode.as_deref().unwrap_or("–")) } }
                    td class="number" { @if let (Some(uid), Some(gid)) = (file.uid, file.gid) { (uid) ":" (gid) } }
                    td class="number" { (ui::bytes(file.size)) }
                    td { (ui::moment(cx, file.modified.as_deref().unwrap_or_default())) }
                    td { (changes(cx, &file.changes)) }
                }
            }
        }))
        (ui::pager(cx, files.total))
    }
}

fn name(frame: &Frame<'_>, file: &File, is_search: bool, layer_part: &str) -> Markup {
    let cx = frame.cx;
    let text = if is_search { &file.path } else { &file.name };
    let path = encode(&file.path);
    html! {
        @match (file.kind.as_str(), file.present) {
            ("folder", _) => a href=(folder_path(frame, &file.path, layer_part)) { (text) "/" },
            ("file" | "hard_link" | "symlink", true) => a href=(frame.path("file", &format!("path={path}"))) { (text) },
            (_, true) => (text),
            (_, false) => del { (text) },
        }
        @if let Some(target) = &file.target { " → " code { (target) } }
        @if !file.present { " " span class="mark" { (t!(cx, "hidden", "已隐藏")) } }
    }
}

fn changes(cx: &Cx<'_>, changes: &[Change]) -> Markup {
    html! {
        @for (n, Change { layer, change }) in changes.iter().enumerate() {
            @if n > 0 { ", " }
            @match change.as_str() {
                "added" => span class="plus" { (t!(cx, "#{layer} adds", "#{layer} 添加")) },
                "removed" => span class="minus" { (t!(cx, "#{layer} removes", "#{layer} 移除")) },
                _ => span { (t!(cx, "#{layer} changes", "#{layer} 更改")) },
            }
        }
    }
}

/// `/repositories/NAME/-/images/REFERENCE/file?path=`: to keep, never to be shown in place.
pub(super) async fn download(frame: &Frame<'_>) -> Answered {
    let path = frame.cx.request.query.text("path").ok_or(PageError::NotFound)?;
    let answer = frame.cx.fetch(frame.api("files/content", &format!("path={}", encode(path)))).await?;
    let file_name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file").to_owned();
    Ok(PageReply::Download {
        content_type: "application/octet-stream".to_owned(),
        file_name,
        bytes: answer.body,
    })
}
