//! What an image is: its platforms, and how it is run.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;

use super::{Frame, raw::shortened};
use crate::{answer::Answered, language::t, pairs::encode, place, ui};

/// Most variables, labels and annotations that are shown, and how much of each: pages stay small.
const SHOWN_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 500;

/// How an image is run, as the management API shows it.
#[derive(Deserialize)]
struct Configuration {
    digest: String,
    platform: String,
    created: Option<String>,
    author: Option<String>,
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Vec<String>,
    working_dir: Option<String>,
    ports: Vec<String>,
    volumes: Vec<String>,
    labels: BTreeMap<String, String>,
    stop_signal: Option<String>,
    healthcheck: Option<Healthcheck>,
    layers: usize,
    size: u64,
}

#[derive(Deserialize)]
struct Healthcheck {
    test: Option<Vec<String>>,
}

/// `/repositories/NAME/-/images/REFERENCE`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let (cx, artifact) = (frame.cx, &frame.artifact);
    let configuration: Option<Configuration> = match artifact.holds_an_image() {
        true => cx.look(frame.api("additions/configuration", "")).await?,
        false => None,
    };
    let tags: Vec<&str> = artifact.tags.iter().flatten().map(|tag| tag.name.as_str()).collect();
    let body = html! {
        dl class="facts" {
            dt { (t!(cx, "Digest", "摘要")) } dd { code { (artifact.digest) } }
            dt { (t!(cx, "Kind", "类型")) } dd { (artifact.kind) " · " (artifact.manifest_media_type) }
            dt { (t!(cx, "Size", "大小")) } dd { (ui::bytes(artifact.size)) }
            dt { (t!(cx, "Pushed", "推送时间")) } dd { (ui::moment(cx, &artifact.push_time)) }
            @if !tags.is_empty() { dt { (t!(cx, "Tags", "标签")) } dd { (tags.join(", ")) } }
        }
        (platforms(frame))
        @match &configuration {
            Some(configuration) => (run(frame, configuration)),
            None if artifact.holds_an_image() => p class="note" {
                (t!(cx, "What is in it is shown to those who may pull it.", "只有可以拉取的人才能查看其内容。"))
            },
            None => p class="quiet" { (t!(cx, "It holds no image. The manifest says what it holds.", "它不包含镜像，其内容见清单。")) },
        }
        (map(&t!(cx, "Annotations", "注解"), artifact.annotations.as_ref()))
        form class="inline" action=(place::of_repository(frame.repository, "compare")) {
            input type="hidden" name="before" value=(frame.reference);
            (ui::field(&ui::Field { name: "after", label: t!(cx, "Compare with tag or digest", "与标签或摘要比较"), is_required: true, ..ui::Field::default() }))
            button class="second" { (t!(cx, "Compare", "比较")) }
        }
    };
    Ok(frame.page("", body))
}

fn platforms(frame: &Frame<'_>) -> Markup {
    let cx = frame.cx;
    let children = frame.artifact.children();
    if children.is_empty() {
        return html! {};
    }
    let heads = [t!(cx, "Platform", "平台"), t!(cx, "Digest", "摘要")];
    html! {
        h2 { (t!(cx, "Platforms", "平台")) }
        (ui::table(&t!(cx, "Platforms", "平台"), &heads, html! {
            @for child in children {
                tr {
                    td {
                        @match child.platform() {
                            Some(platform) => {
                                @let here = place::of_image(frame.repository, frame.reference, "");
                                a href={ (here) "?platform=" (encode(&platform)) }
                                    aria-current=[(frame.platform.as_ref() == Some(&platform)).then_some("true")] { (platform) }
                            }
                            None => span class="quiet" { (t!(cx, "none: an attestation", "无：证明")) }
                        }
                    }
                    td { a href=(place::of_image(frame.repository, &child.child_digest, "")) { code { (ui::short_digest(&child.child_digest)) } } }
                }
            }
        }))
    }
}

fn run(frame: &Frame<'_>, image: &Configuration) -> Markup {
    let cx = frame.cx;
    let words = |words: &Option<Vec<String>>| {
        words.as_ref().filter(|words| !words.is_empty()).map(|words| json(words))
    };
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let list = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    let health = image.healthcheck.as_ref().and_then(|check| words(&check.test));
    let rows = [
        (t!(cx, "Runs on", "运行平台"), Some(image.platform.clone())),
        (t!(cx, "Entry point", "入口点"), words(&image.entrypoint)),
        (t!(cx, "Command", "命令"), words(&image.cmd)),
        (t!(cx, "User", "用户"), Some(text(&image.user).unwrap_or_else(|| "root".to_owned()))),
        (t!(cx, "Folder", "工作目录"), text(&image.working_dir)),
        (t!(cx, "Ports", "端口"), list(&image.ports)),
        (t!(cx, "Volumes", "卷"), list(&image.volumes)),
        (t!(cx, "Stop signal", "停止信号"), text(&image.stop_signal)),
        (t!(cx, "Health check", "健康检查"), health),
        (t!(cx, "Author", "作者"), text(&image.author)),
    ];
    html! {
        h2 { (t!(cx, "Configuration", "配置")) }
        dl class="facts" {
            @for (name, value) in &rows { @if let Some(value) = value { dt { (name) } dd { code { (shortened(value, 4 * VALUE_BYTES_MAX)) } } } }
            @if let Some(created) = &image.created { dt { (t!(cx, "Built", "构建时间")) } dd { (ui::moment(cx, created)) } }
            dt { (t!(cx, "Image", "镜像")) } dd { code { (image.digest) } }
            dt { (t!(cx, "Layers", "层")) }
            dd { a href=(frame.path("layers", "")) { (ui::count(cx, image.layers as i64, ("layer", "layers"), "层")) } ", " (ui::bytes(image.size)) }
        }
        @if !image.env.is_empty() {
            h3 { (t!(cx, "Environment", "环境变量")) }
            ul class="plain" { @for variable in image.env.iter().take(SHOWN_MAX) { li { code { (shortened(variable, VALUE_BYTES_MAX)) } } } }
        }
        (map(&t!(cx, "Labels", "标记"), Some(&image.labels)))
    }
}

fn map(title: &str, map: Option<&BTreeMap<String, String>>) -> Markup {
    let Some(map) = map.filter(|map| !map.is_empty()) else { return html! {} };
    html! {
        h3 { (title) }
        dl class="facts" { @for (key, value) in map.iter().take(SHOWN_MAX) { dt { code { (shortened(key, VALUE_BYTES_MAX)) } } dd { (shortened(value, VALUE_BYTES_MAX)) } } }
    }
}

/// As Dockerfiles write lists.
fn json(words: &[String]) -> String {
    serde_json::to_string(words).unwrap_or_default()
}
