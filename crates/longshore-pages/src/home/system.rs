//! The state of the system, for those who look after it: what wants attention, room, and use by project.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{PageError, cx::Cx, language::t, place, ui};

/// Projects in the chart.
const PROJECTS: usize = 10;
/// From here on something is nearly full.
const NEARLY_FULL: f64 = 0.9;

/// What there is to say.
pub(super) struct State {
    volumes: Vec<Volume>,
    quotas: Vec<Quota>,
    health: Option<Health>,
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

/// What a project holds.
#[derive(Deserialize)]
struct Quota {
    #[serde(rename = "ref")]
    project: Named,
    hard: Bytes,
    used: Bytes,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Bytes {
    storage: i64,
}

#[derive(Deserialize)]
struct Health {
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    name: String,
    status: String,
}

impl Volume {
    fn used(&self) -> u64 {
        self.total.saturating_sub(self.free)
    }

    fn share(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.used() as f64 / self.total as f64 }
    }
}

impl Quota {
    fn used(&self) -> u64 {
        u64::try_from(self.used.storage).unwrap_or(0)
    }

    /// Of its limit; none without one.
    fn share(&self) -> Option<f64> {
        (self.hard.storage > 0).then(|| self.used() as f64 / self.hard.storage as f64)
    }
}

pub(super) async fn state(cx: &Cx<'_>) -> Result<State, PageError> {
    let volumes: Option<Volumes> = cx.look("/systeminfo/volumes").await?;
    let quotas: Option<Vec<Quota>> =
        cx.look(format!("/quotas?page_size={PROJECTS}&sort=-used.storage")).await?;
    Ok(State {
        volumes: volumes.map(|volumes| volumes.storage).unwrap_or_default(),
        quotas: quotas.unwrap_or_default(),
        health: cx.look("/health").await?,
    })
}

/// What wants attention; nothing where nothing does.
pub(super) fn warnings(cx: &Cx<'_>, state: &State) -> Markup {
    let mut texts = Vec::new();
    let ill = state.health.iter().flat_map(|health| &health.components);
    for component in ill.filter(|component| component.status != "healthy") {
        let name = &component.name;
        texts.push(t!(
            cx,
            "{name} does not work. The registry's log says why.",
            "{name} 工作异常，原因见镜像仓库日志。"
        ));
    }
    if !cx.request.is_secure && !is_this_machine(&cx.request.host) {
        texts.push(t!(
            cx,
            "You are here without HTTPS: whoever listens on the way reads passwords. Set http.tls, or a proxy that ends TLS.",
            "当前连接未使用 HTTPS，密码可能被窃听。请配置 http.tls，或使用终止 TLS 的代理。"
        ));
    }
    for volume in state.volumes.iter().filter(|volume| volume.share() > NEARLY_FULL) {
        let free = ui::bytes(volume.free);
        texts.push(t!(cx, "The storage is nearly full: {free} are free.", "存储空间即将用尽，剩余 {free}。"));
    }
    for quota in state.quotas.iter().filter(|quota| quota.share().is_some_and(|share| share > NEARLY_FULL)) {
        let name = &quota.project.name;
        texts.push(t!(cx, "The quota of {name} is nearly used up.", "项目 {name} 的配额即将用尽。"));
    }
    html! {
        @for text in texts { p class="notice warn" { (text) } }
    }
}

/// Nobody listens on the way there.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Room and use.
pub(super) fn section(cx: &Cx<'_>, state: &State) -> Markup {
    html! {
        h2 { (t!(cx, "Storage", "存储")) }
        @for volume in &state.volumes {
            @let (used, total, free) = (ui::bytes(volume.used()), ui::bytes(volume.total), ui::bytes(volume.free));
            p { (t!(cx, "{used} of {total} used, {free} free", "已用 {used}，共 {total}，剩余 {free}")) }
            (ui::bar(volume.share(), &t!(cx, "{used} of {total} used", "已用 {used}，共 {total}")))
        }
        @if state.quotas.iter().any(|quota| quota.used() > 0) { (chart(cx, &state.quotas)) }
        p { a href="/admin" { (t!(cx, "Jobs, collection, users and settings", "任务、垃圾回收、用户与设置")) } }
    }
}

/// Use by project: each bar beside its number, long as the largest has it.
fn chart(cx: &Cx<'_>, quotas: &[Quota]) -> Markup {
    let largest = quotas.iter().map(Quota::used).max().unwrap_or(0).max(1) as f64;
    let title = t!(cx, "Use by project", "各项目用量");
    let heads = [
        t!(cx, "Project", "项目"),
        t!(cx, "Used", "已用"),
        t!(cx, "Compared", "对比"),
        t!(cx, "Of its quota", "配额占比"),
    ];
    let rows = html! {
        @for quota in quotas.iter().filter(|quota| quota.used() > 0) {
            @let (name, used) = (&quota.project.name, ui::bytes(quota.used()));
            tr {
                td { a href=(place::of_project(name, "")) { (name) } }
                td class="number" { (used) }
                td { (ui::bar_of(quota.used() as f64 / largest, &t!(cx, "{name}: {used}", "{name}：{used}"))) }
                td class="number" {
                    @match quota.share() {
                        Some(share) => { (format!("{:.0} %", share * 100.0)) }
                        None => { span class="none" { (t!(cx, "no limit", "无限制")) } }
                    }
                }
            }
        }
    };
    html! { h3 { (title) } (ui::table(&title, &heads, rows)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_near() {
        for (host, wanted) in [
            ("localhost:5000", true),
            ("localhost", true),
            ("127.0.0.1:5000", true),
            ("[::1]:5000", true),
            ("registry.example", false),
            ("127.evil.example", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(is_this_machine(host), wanted, "{host}");
        }
    }
}
