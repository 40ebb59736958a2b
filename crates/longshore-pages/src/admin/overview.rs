//! `/admin`: how the registry is, and where to go.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::desk::{Desk, fact};
use crate::{answer::Answered, language::t, ui};

#[derive(Deserialize)]
struct Health {
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    status: String,
}

#[derive(Deserialize)]
struct SystemInfo {
    #[serde(default)]
    harbor_version: String,
    #[serde(default)]
    external_url: String,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    registry_storage_provider_name: String,
}

#[derive(Deserialize)]
struct Volumes {
    storage: Vec<Volume>,
}

#[derive(Deserialize)]
struct Volume {
    total: u64,
    free: u64,
}

#[derive(Default, Deserialize)]
struct Statistics {
    #[serde(default)]
    total_project_count: u64,
    #[serde(default)]
    total_repo_count: u64,
    #[serde(default)]
    total_storage_consumption: u64,
}

pub(super) async fn page(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let health: Health = cx.get("/health").await?;
    let info: SystemInfo = cx.get("/systeminfo").await?;
    let volumes: Option<Volumes> = cx.look("/systeminfo/volumes").await?;
    let statistics: Statistics = cx.get("/statistics").await?;
    let users = count(desk, "/users").await?;
    let robots = count(desk, "/robots").await?;
    let body = html! {
        @if info.read_only {
            p class="notice warn" role="status" {
                (t!(cx, "The registry is read-only: nothing can be pushed or deleted.", "仓库服务处于只读状态：无法推送或删除。"))
            }
        }
        div class="columns" {
            div {
                h2 { (t!(cx, "Content", "内容")) }
                dl class="facts" {
                    (fact(&t!(cx, "Projects", "项目"), html! { a href="/projects" { (statistics.total_project_count) } }))
                    (fact(&t!(cx, "Repositories", "仓库"), html! { a href="/repositories" { (statistics.total_repo_count) } }))
                    (fact(&t!(cx, "Stored", "已存储"), html! { (ui::bytes(statistics.total_storage_consumption)) }))
                    @if let Some(users) = users {
                        (fact(&t!(cx, "Users", "用户"), html! { a href="/admin/users" { (users) } }))
                    }
                    @if let Some(robots) = robots {
                        (fact(&t!(cx, "Robots of the system", "系统机器人账户"), html! { a href="/admin/robots" { (robots) } }))
                    }
                }
                @for volume in volumes.iter().flat_map(|volumes| &volumes.storage) { (room(desk, volume)) }
            }
            div {
                h2 { (t!(cx, "State", "状态")) }
                dl class="facts" {
                    @for component in &health.components { (fact(&component.name, works(desk, &component.status))) }
                    (fact(&t!(cx, "Storage", "存储"), html! { (info.registry_storage_provider_name) }))
                    @if !info.external_url.is_empty() {
                        (fact(&t!(cx, "Address", "地址"), html! { (info.external_url) }))
                    }
                    (fact(&t!(cx, "Version", "版本"), html! { (info.harbor_version) }))
                }
            }
        }
    };
    Ok(desk.page("", &t!(cx, "Administration", "管理"), body))
}

/// How many there are, for who may list them.
async fn count(desk: &Desk<'_>, listing: &str) -> Result<Option<u64>, crate::PageError> {
    match desk.cx.list::<Value>(format!("{listing}?page_size=1")).await {
        Ok(listed) => Ok(Some(listed.total)),
        Err(crate::PageError::Forbidden(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn works(desk: &Desk<'_>, status: &str) -> Markup {
    let cx = desk.cx;
    html! {
        @if status == "healthy" { span class="mark good" { (t!(cx, "works", "正常")) } }
        @else { span class="mark bad" { (t!(cx, "does not work, see the log", "异常，请查看日志")) } }
    }
}

fn room(desk: &Desk<'_>, volume: &Volume) -> Markup {
    let cx = desk.cx;
    let used = volume.total.saturating_sub(volume.free);
    let share = if volume.total == 0 { 0.0 } else { used as f64 / volume.total as f64 };
    let (free, total) = (ui::bytes(volume.free), ui::bytes(volume.total));
    let text = t!(cx, "{free} of {total} on the disk are free", "磁盘共 {total}，剩余 {free}");
    html! { (ui::bar(share, &text)) p class="hint" { (text) } }
}
