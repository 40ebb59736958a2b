//! Conditions on what members may do: the policies, who depends on them here, and what would be decided.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::{Frame, members::Member};
use crate::{
    PageError, Verb,
    answer::Answered,
    cx::parse,
    language::t,
    rights::{refused, with_refusal},
    ui::{self, Field},
};

/// A policy as the management API shows it.
#[derive(Deserialize)]
struct Policy {
    name: String,
    #[serde(default)]
    description: String,
    text: String,
}

/// What would be decided.
#[derive(Deserialize)]
struct Simulation {
    allowed: bool,
    because: String,
    permission: String,
    grant: Option<Grant>,
    #[serde(default)]
    policies: Vec<Asked>,
}

#[derive(Deserialize)]
struct Grant {
    origin: String,
    scope: String,
}

#[derive(Deserialize)]
struct Asked {
    policy: String,
    grant: String,
    agrees: bool,
    #[serde(default)]
    errors: Vec<String>,
}

/// `/projects/NAME/-/policies`; a form that is sent asks what would be decided, and changes nothing.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let policies: Vec<Policy> = cx.get("/access-policies?page_size=100").await?;
    let members: Vec<Member> = cx.look(frame.api("/members?page_size=100")).await?.unwrap_or_default();
    let simulated = match cx.request.is_form {
        true => Some(simulate(frame).await),
        false => None,
    };
    let (outcome, problem) = match simulated {
        Some(Ok(outcome)) => (Some(outcome), None),
        Some(Err(PageError::NotFound)) => {
            let words = t!(cx, "nobody is called so, or there is no such repository", "没有这个用户或仓库");
            (None, Some(PageError::Refused(404, words)))
        }
        Some(Err(error)) => (None, Some(refused(error)?)),
        None => (None, None),
    };
    let depend = |policy: &Policy| {
        let names = members.iter().filter(|member| member.condition == policy.name);
        names.map(|member| member.entity_name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let title = t!(cx, "Policies", "策略");
    let body = html! {
        p { (t!(cx, "A member's role may depend on a policy: it counts only where the policy allows it. Members name it as their condition.",
            "成员的角色可以附带一个策略作为条件：只有策略允许时角色才生效。")) }
        @if policies.is_empty() {
            (ui::empty(&t!(cx, "There are no policies.", "还没有策略。"), html! {
                p { (t!(cx, "Administrators make them with the API: /access-policies.", "管理员可以通过 API 创建：/access-policies。")) }
            }))
        }
        @for policy in &policies {
            section class="card" {
                h2 { (policy.name) }
                @if !policy.description.is_empty() { p { (policy.description) } }
                @let names = depend(policy);
                p class="quiet" {
                    @if names.is_empty() { (t!(cx, "No member of this project depends on it.", "本项目没有成员以它为条件。")) }
                    @else { (t!(cx, "Condition of: {names}", "以它为条件的成员：{names}")) }
                }
                pre tabindex="0" { code { (policy.text) } }
            }
        }
        h2 id="ask" { (t!(cx, "What would be decided?", "模拟判定")) }
        (ui::problem(cx, problem.as_ref()))
        @if let Some(outcome) = &outcome { (shown(frame, outcome)) }
        (question(frame))
    };
    Ok(with_refusal(frame.page("policies", &title, body), problem.as_ref()))
}

async fn simulate(frame: &Frame<'_>) -> Result<Simulation, PageError> {
    let form = &frame.cx.request.form;
    let text = |name| form.text(name);
    let body = json!({
        "principal": text("principal"),
        "action": text("action").unwrap_or("pull"),
        "project": frame.project.name,
        "repository": text("repository"),
        "tag": text("tag"),
        "address": text("address"),
    });
    parse(&frame.cx.send(Verb::Post, "/access-policies/simulate", &body).await?)
}

fn question(frame: &Frame<'_>) -> Markup {
    let (cx, form) = (frame.cx, &frame.cx.request.form);
    let text = |name| form.text(name).unwrap_or_default();
    let actions = [
        ("pull", t!(cx, "pull", "拉取")),
        ("push", t!(cx, "push", "推送")),
        ("delete", t!(cx, "delete", "删除")),
    ];
    ui::form(
        cx,
        &frame.path("policies"),
        html! {
            (ui::field(&Field { name: "principal", label: t!(cx, "Who", "用户"), value: text("principal"),
                hint: t!(cx, "A user or a robot's whole name; empty for nobody in particular.", "用户名或机器人账户的完整名称；留空表示匿名。"),
                ..Field::default() }))
            (ui::select("action", &t!(cx, "What", "操作"), &actions, text("action")))
            (ui::field(&Field { name: "repository", label: t!(cx, "Repository", "仓库"), value: text("repository"),
                hint: t!(cx, "The whole name; empty for the project itself.", "完整名称；留空表示项目本身。"), ..Field::default() }))
            (ui::field(&Field { name: "tag", label: t!(cx, "Tag", "标签"), value: text("tag"), ..Field::default() }))
            (ui::field(&Field { name: "address", label: t!(cx, "From address", "来源地址"), value: text("address"), ..Field::default() }))
            button class="second" { (t!(cx, "Ask", "模拟")) }
        },
    )
}

fn shown(frame: &Frame<'_>, outcome: &Simulation) -> Markup {
    let cx = frame.cx;
    html! {
        div class={ "notice " (if outcome.allowed { "good" } else { "bad" }) } role="status" {
            p {
                strong { @if outcome.allowed { (t!(cx, "Allowed", "允许")) } @else { (t!(cx, "Refused", "拒绝")) } }
                " " code { (outcome.permission) } ": " (outcome.because)
            }
            @if let Some(grant) = &outcome.grant { p { (grant.origin) " · " (grant.scope) } }
            ul {
                @for asked in &outcome.policies {
                    li {
                        (asked.policy) " (" (asked.grant) "): "
                        @if asked.agrees { (t!(cx, "agrees", "同意")) } @else { (t!(cx, "does not agree", "不同意")) }
                        @for error in &asked.errors { " " (error) }
                    }
                }
            }
        }
    }
}
