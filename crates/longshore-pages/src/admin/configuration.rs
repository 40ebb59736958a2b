//! `/admin/configuration`: settings that may change while the registry runs, and what the configuration file says.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::desk::{self, Desk};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    cx::Cx,
    language::t,
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Setting {
    value: Value,
    #[serde(default)]
    editable: bool,
}

type Settings = BTreeMap<String, Setting>;

/// How a setting is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flag,
    Number,
    Text,
    Creation,
}

/// A setting that may change, with its name, and what it means.
struct Known {
    key: &'static str,
    kind: Kind,
    name: [&'static str; 2],
    about: [&'static str; 2],
}

const fn known(key: &'static str, kind: Kind, name: [&'static str; 2], about: [&'static str; 2]) -> Known {
    Known { key, kind, name, about }
}

#[rustfmt::skip]
const KNOWN: [Known; 9] = [
    known("project_creation_restriction", Kind::Creation, ["Who may make projects", "谁可以创建项目"], ["", ""]),
    known("read_only", Kind::Flag, ["Read-only", "只读模式"],
        ["Nothing can be pushed, deleted or collected while it is on.", "开启后无法推送、删除或回收内容。"]),
    known("robot_token_duration", Kind::Number, ["Days that a new robot is good for", "新机器人账户的有效天数"],
        ["Where nothing else is said when it is made.", "创建时未另行指定的情况下。"]),
    known("robot_name_prefix", Kind::Text, ["What robots' names begin with", "机器人账户名称前缀"],
        ["Holds for all robots at once, also those that are there: programs log in with the new names.", "对全部机器人账户立即生效，包括已有的：程序须使用新名称登录。"]),
    known("token_expiration", Kind::Number, ["Minutes that a token holds", "令牌有效期（分钟）"],
        ["What is withdrawn from somebody may still hold for so long with other services.", "撤销权限后，已签发的令牌在此期间可能仍然有效。"]),
    known("session_timeout", Kind::Number, ["Minutes until an idle session ends", "会话空闲超时（分钟）"],
        ["On the pages.", "适用于网页登录。"]),
    known("pull_audit_log_disable", Kind::Flag, ["Leave pulls out of the audit record", "审计日志不记录拉取"],
        ["Everything else is recorded in every case.", "其他操作始终会被记录。"]),
    known("storage_per_project", Kind::Number, ["Bytes that a project may hold", "项目默认存储上限（字节）"],
        ["-1 for no limit. Projects with a limit of their own keep it.", "-1 表示无限制。已单独设置上限的项目不受影响。"]),
    known("banner_message", Kind::Text, ["Banner", "公告"],
        ["Empty, or a JSON object with message, and perhaps type: success, info, warning, danger.", "留空，或填写 JSON 对象：message 及可选的 type（success、info、warning、danger）。"]),
];

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => page(desk, None).await,
        ([], true) => save(desk).await,
        _ => Err(PageError::NotFound),
    }
}

async fn page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let settings: Settings = cx.get("/configurations").await?;
    let limits: BTreeMap<String, u64> = cx.look("/system/rate-limits").await?.unwrap_or_default();
    let may_change = desk.may("configuration:update");
    let is_open =
        |known: &Known| may_change && settings.get(known.key).is_some_and(|setting| setting.editable);
    let fixed =
        settings.iter().filter(|(key, _)| !KNOWN.iter().any(|known| known.key == *key && is_open(known)));
    let title = desk.title("configuration");
    let heads = [t!(cx, "Key", "键"), t!(cx, "Value", "值")];
    let body = html! {
        (ui::problem(cx, problem))
        h2 { (t!(cx, "May change while the registry runs", "运行时可修改")) }
        @if KNOWN.iter().any(is_open) {
            (ui::form(cx, "/admin/configuration", html! {
                @for known in KNOWN.iter().filter(|known| is_open(known)) { (input(cx, known, &settings)) }
                button { (t!(cx, "Save", "保存")) }
            }))
        } @else {
            p class="quiet" {
                @if may_change { (t!(cx, "The configuration file says all of it.", "全部由配置文件指定。")) }
                @else { (t!(cx, "Only administrators change settings.", "只有系统管理员可以修改。")) }
            }
        }
        h2 { (t!(cx, "Rate limits", "速率限制")) }
        @if limits.is_empty() {
            p class="quiet" { (t!(cx, "None: everybody may come as often as they like.", "未设置：不限制请求频率。")) }
        } @else {
            (ui::table(&t!(cx, "Rate limits", "速率限制"), &heads, html! {
                @for (key, limit) in &limits { tr { td { code { "rate_limits." (key) } } td { (limit) } } }
            }))
        }
        h2 { (t!(cx, "From the configuration file, or the same everywhere", "由配置文件指定或固定的设置")) }
        p class="quiet" {
            (t!(cx, "In Harbor's words. To change them, change the file and start the registry again.",
                "使用 Harbor 的键名。如需修改，请编辑配置文件并重启服务。"))
        }
        (ui::table(&t!(cx, "Fixed settings", "固定设置"), &heads, html! {
            @for (key, setting) in fixed { tr { td { code { (key) } } td { (shown(&setting.value)) } } }
        }))
    };
    Ok(desk::with_refusal(desk.page("configuration", &title, body), problem))
}

/// A value as text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn input(cx: &Cx<'_>, known: &Known, settings: &Settings) -> Markup {
    let language = cx.request.language;
    let (name, about) =
        (language.pick(known.name[0], known.name[1]), language.pick(known.about[0], known.about[1]));
    let stored = settings.get(known.key).map(|setting| shown(&setting.value)).unwrap_or_default();
    let typed = cx.request.is_form.then(|| match known.kind {
        Kind::Flag => cx.request.form.is_on(known.key).to_string(),
        _ => cx.request.form.text(known.key).unwrap_or_default().to_owned(),
    });
    let value = typed.unwrap_or(stored);
    match known.kind {
        Kind::Flag => html! {
            (ui::checkbox(known.key, name, value == "true"))
            p class="hint" { (about) }
        },
        Kind::Creation => {
            let words = [
                ("everyone", t!(cx, "Everybody", "所有用户")),
                ("adminonly", t!(cx, "Administrators", "仅系统管理员")),
            ];
            ui::select(known.key, name, &words, &value)
        }
        kind => ui::field(&Field {
            name: known.key,
            label: name.to_owned(),
            kind: if kind == Kind::Number { "number" } else { "text" },
            value: &value,
            hint: about.to_owned(),
            ..Field::default()
        }),
    }
}

/// What differs from what holds; what is no number is sent as it is, so that the management API says so.
fn changes(cx: &Cx<'_>, settings: &Settings) -> Map<String, Value> {
    let form = &cx.request.form;
    let mut changes = Map::new();
    for known in &KNOWN {
        let Some(setting) = settings.get(known.key).filter(|setting| setting.editable) else { continue };
        let typed = form.text(known.key).unwrap_or_default();
        let value = match known.kind {
            Kind::Flag => form.is_on(known.key).into(),
            Kind::Number => typed.parse::<i64>().map_or_else(|_| typed.into(), Value::from),
            Kind::Text | Kind::Creation => typed.into(),
        };
        if value != setting.value {
            changes.insert(known.key.to_owned(), value);
        }
    }
    changes
}

async fn save(desk: &Desk<'_>) -> Answered {
    let settings: Settings = desk.cx.get("/configurations").await?;
    let changes = changes(desk.cx, &settings);
    if changes.is_empty() {
        return Ok(PageReply::see_other("/admin/configuration"));
    }
    match desk.cx.send(Verb::Put, "/configurations", &changes).await {
        Ok(_) => Ok(PageReply::see_other("/admin/configuration?done=saved")),
        Err(error) => page(desk, Some(&desk::refused(error)?)).await,
    }
}
