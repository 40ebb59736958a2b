//! `/admin/identity/trust-rules`: which workloads stand for a robot, by the word of issuers that the configuration trusts.

use std::collections::BTreeMap;

use maud::html;
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{self, Desk, fact};
use crate::{
    PageError, PageReply, Verb,
    answer::Answered,
    language::t,
    ui::{self, Field},
};

#[derive(Deserialize)]
struct Rule {
    id: i64,
    name: String,
    kind: String,
    issuer: String,
    audience: String,
    #[serde(default)]
    claims: BTreeMap<String, String>,
    robot_id: i64,
    #[serde(default)]
    robot_name: String,
    #[serde(default)]
    disable: bool,
}

/// Most claims of a rule that are read.
const CLAIMS_MAX: usize = 50;

pub(super) async fn answer(desk: &Desk<'_>, rest: &[&str]) -> Answered {
    match (rest, desk.cx.request.is_form) {
        ([], false) => list(desk).await,
        (["new"], false) => new_page(desk, None).await,
        (["new"], true) => create(desk).await,
        ([id], false) => page(desk, desk::number(id)?, None).await,
        ([id, "delete"], true) => remove(desk, desk::number(id)?).await,
        _ => Err(PageError::NotFound),
    }
}

async fn list(desk: &Desk<'_>) -> Answered {
    let cx = desk.cx;
    let found = cx.list::<Rule>(format!("/trustrules?{}", desk::part(cx))).await?;
    let title = t!(cx, "Trust rules", "信任规则");
    let heads = [
        t!(cx, "Name", "名称"),
        t!(cx, "Who vouches", "签发方"),
        t!(cx, "Robot", "机器人账户"),
        t!(cx, "State", "状态"),
    ];
    let rows = html! {
        @for rule in &found.entries {
            tr {
                th scope="row" { a href={ "/admin/identity/trust-rules/" (rule.id) } { (rule.name) } }
                td { (rule.issuer) }
                td { (rule.robot_name) }
                td { (super::users::standing(cx, rule.disable)) }
            }
        }
    };
    let nothing = ui::empty(
        &t!(cx, "There are no trust rules", "没有信任规则"),
        html! {
            p {
                (t!(cx, "With one, a CI job or a cluster logs in by the token that it has, and needs no secret of a robot.",
                    "借助信任规则，CI 任务或集群可使用自身令牌登录，无需保存机器人账户的密钥。"))
            }
        },
    );
    let body = html! {
        (desk.create_link("trust-rule:create", "/admin/identity/trust-rules/new", &t!(cx, "New trust rule", "新建信任规则")))
        (desk::listing(cx, &title, &heads, rows, found.total, nothing))
    };
    Ok(desk.page("identity", &title, body))
}

#[derive(Deserialize)]
struct Robot {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct Source {
    name: String,
    kind: String,
}

async fn new_page(desk: &Desk<'_>, problem: Option<&PageError>) -> Answered {
    if !desk.may("trust-rule:create") {
        return Err(PageError::NotFound);
    }
    let cx = desk.cx;
    let robots: Vec<Robot> = cx.get("/robots?page_size=100").await?;
    let sources: Vec<Source> = cx.get("/system/identity-sources").await?;
    let form = &cx.request.form;
    let typed = |name| form.text(name).unwrap_or_default();
    let issuers: Vec<(&str, String)> = sources
        .iter()
        .filter(|source| matches!(source.kind.as_str(), "issuer" | "domain"))
        .map(|source| (source.name.as_str(), source.name.clone()))
        .collect();
    let numbers: Vec<String> = robots.iter().map(|robot| robot.id.to_string()).collect();
    let robots: Vec<(&str, String)> =
        numbers.iter().zip(&robots).map(|(number, robot)| (number.as_str(), robot.name.clone())).collect();
    let title = t!(cx, "New trust rule", "新建信任规则");
    let body = html! {
        (ui::problem(cx, problem))
        @if issuers.is_empty() {
            (ui::empty(&t!(cx, "Nobody is trusted yet", "尚未配置受信任的签发方"), html! {
                p { (t!(cx, "Name issuers or trust domains under accounts.trust in the configuration file.",
                    "请在配置文件的 accounts.trust 下添加签发方或信任域。")) }
            }))
        } @else if robots.is_empty() {
            (ui::empty(&t!(cx, "There is no robot of the system yet", "尚无系统机器人账户"), html! {
                p { a href="/admin/robots/new" { (t!(cx, "Make one first", "先新建一个")) } }
            }))
        } @else {
            (ui::form(cx, "/admin/identity/trust-rules/new", html! {
                (ui::field(&Field { name: "name", label: t!(cx, "Name", "名称"), value: typed("name"), is_required: true,
                    ..Field::default() }))
                (ui::select("issuer", &t!(cx, "Who vouches", "签发方"), &issuers, typed("issuer")))
                (ui::field(&Field { name: "audience", label: t!(cx, "Audience", "受众（aud）"), value: typed("audience"),
                    is_required: true, hint: t!(cx, "Whom the tokens must be made for.", "令牌必须面向的受众。"),
                    ..Field::default() }))
                div class="field" {
                    label for="field-claims" { (t!(cx, "What tokens must say, one a line", "令牌必须包含的声明，每行一个")) }
                    textarea id="field-claims" name="claims" rows="4" aria-describedby="hint-claims" { (typed("claims")) }
                    p class="hint" id="hint-claims" {
                        (t!(cx, "sub=repo:acme/app:*  – * stands for any letters.", "例如 sub=repo:acme/app:*，* 匹配任意字符。"))
                    }
                }
                (ui::select("robot_id", &t!(cx, "Robot that they stand for", "对应的机器人账户"), &robots, typed("robot_id")))
                button { (t!(cx, "Create", "创建")) }
            }))
        }
    };
    Ok(desk::with_refusal(desk.page("identity", &title, body), problem))
}

async fn create(desk: &Desk<'_>) -> Answered {
    let form = &desk.cx.request.form;
    let text = |name| form.text(name).unwrap_or_default();
    let issuer = text("issuer");
    let claims: serde_json::Map<String, Value> = text("claims")
        .lines()
        .filter_map(|line| line.split_once('='))
        .take(CLAIMS_MAX)
        .map(|(name, value)| (name.trim().to_owned(), value.trim().into()))
        .collect();
    let rule = json!({
        "name": text("name"),
        "kind": if issuer.starts_with("spiffe://") { "spiffe" } else { "oidc" },
        "issuer": issuer,
        "audience": text("audience"),
        "claims": claims,
        "robot_id": form.number("robot_id").unwrap_or_default(),
    });
    match desk.cx.send(Verb::Post, "/trustrules", &rule).await {
        Ok(_) => Ok(PageReply::see_other("/admin/identity/trust-rules?done=created")),
        Err(error) => new_page(desk, Some(&desk::refused(error)?)).await,
    }
}

async fn page(desk: &Desk<'_>, id: i64, problem: Option<&PageError>) -> Answered {
    let cx = desk.cx;
    let rule: Rule = cx.get(format!("/trustrules/{id}")).await?;
    let body = html! {
        (ui::problem(cx, problem))
        dl class="facts" {
            (fact(&t!(cx, "State", "状态"), super::users::standing(cx, rule.disable)))
            (fact(&t!(cx, "Kind", "类型"), html! { (rule.kind) }))
            (fact(&t!(cx, "Who vouches", "签发方"), html! { code { (rule.issuer) } }))
            (fact(&t!(cx, "Audience", "受众（aud）"), html! { code { (rule.audience) } }))
            (fact(&t!(cx, "Robot", "机器人账户"), html! {
                a href={ "/admin/robots/" (rule.robot_id) } { (rule.robot_name) }
            }))
            @for (claim, pattern) in &rule.claims { (fact(claim, html! { code { (pattern) } })) }
        }
        @if desk.may("trust-rule:delete") {
            (ui::confirm(cx, &t!(cx, "Delete this rule", "删除该规则"), &format!("/admin/identity/trust-rules/{id}/delete"),
                html! { p { (t!(cx, "Workloads that it lets in can log in no more.", "依赖该规则的工作负载将无法再登录。")) } }))
        }
    };
    Ok(desk::with_refusal(desk.page("identity", &rule.name, body), problem))
}

async fn remove(desk: &Desk<'_>, id: i64) -> Answered {
    match desk.cx.send_empty(Verb::Delete, format!("/trustrules/{id}")).await {
        Ok(_) => Ok(PageReply::see_other("/admin/identity/trust-rules?done=deleted")),
        Err(error) => page(desk, id, Some(&desk::refused(error)?)).await,
    }
}
