//! Trust rules: which workloads stand for a robot.

use std::collections::BTreeMap;

use longshore_accounts::{ProjectId, RobotId, TrustRuleDetails, TrustRuleId, TrustRuleKind, TrustRulePlan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::limits;
use crate::api::{
    Api, filter::Test, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse,
    route::Reply,
};

/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["project_id"];

/// What somebody sends along who changes a rule as it was read.
const READ_ONLY: &[&str] = &["id", "robot_name", "creation_time", "update_time"];

/// Where identities come from.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TrustRuleKindWord {
    /// Tokens of an OpenID issuer, such as a CI system or a cluster.
    Oidc,
    /// A SPIFFE trust domain.
    Spiffe,
}

/// A trust rule.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TrustRuleReply {
    id: i64,
    name: String,
    kind: TrustRuleKindWord,
    /// Who vouches: the address of an issuer, or `spiffe://` and a trust domain.
    issuer: String,
    /// Whom tokens must be made for.
    audience: String,
    /// What must be said: patterns by the paths of claims.
    claims: BTreeMap<String, String>,
    robot_id: i64,
    robot_name: String,
    disable: bool,
    creation_time: Moment,
    update_time: Moment,
}

/// `POST /trustrules` and `PUT /trustrules/{id}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustRuleBody {
    name: String,
    kind: TrustRuleKindWord,
    /// Who vouches: the address of an issuer, or `spiffe://` and a trust domain.
    issuer: String,
    /// Whom tokens must be made for.
    audience: String,
    /// What must be said: patterns, in which `*` stands for any letters, by the paths of claims.
    #[serde(default)]
    claims: BTreeMap<String, String>,
    /// The robot that they stand for.
    robot_id: i64,
    #[serde(default)]
    disable: bool,
}

impl From<TrustRuleBody> for TrustRulePlan {
    fn from(body: TrustRuleBody) -> Self {
        Self {
            name: body.name,
            kind: match body.kind {
                TrustRuleKindWord::Oidc => TrustRuleKind::Oidc,
                TrustRuleKindWord::Spiffe => TrustRuleKind::Spiffe,
            },
            issuer: body.issuer,
            audience: body.audience,
            claims: body.claims,
            robot: RobotId::of_number(body.robot_id),
            disabled: body.disable,
        }
    }
}

impl From<TrustRuleDetails> for TrustRuleReply {
    fn from(details: TrustRuleDetails) -> Self {
        let TrustRuleDetails { record, claims, robot_name } = details;
        Self {
            id: record.id.number(),
            name: record.name,
            kind: match record.kind {
                TrustRuleKind::Oidc => TrustRuleKindWord::Oidc,
                TrustRuleKind::Spiffe => TrustRuleKindWord::Spiffe,
            },
            issuer: record.issuer,
            audience: record.audience,
            claims,
            robot_id: record.robot.number(),
            robot_name,
            disable: record.disabled,
            creation_time: record.created_at.into(),
            update_time: record.updated_at.into(),
        }
    }
}

/// `POST /trustrules`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let plan = TrustRulePlan::from(request.json_but::<TrustRuleBody>(READ_ONLY).await?);
    let id = api.accounts.create_trust_rule(&request.act(), &plan).await?;
    Ok(request.created(id.number()))
}

/// `GET /trustrules`: all of them, or with `project_id=1` or `q=ProjectID=1` those for robots of a project.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let project = match request.query.filters.first().map(|filter| &filter.test) {
        None => request.query.integer("project_id")?.map(ProjectId::of_number),
        Some(Test::Is(text)) => {
            let number = text.parse().map_err(|_| ApiProblem::bad_request("q: project_id is a number"))?;
            Some(ProjectId::of_number(number))
        }
        Some(_) => return Err(ApiProblem::bad_request("q: project_id takes one value")),
    };
    let (skip, limit) = limits(&request);
    let (rules, total) = api.accounts.list_trust_rules(&request.act(), project, skip, limit).await?;
    let rules: Vec<_> = rules.into_iter().map(TrustRuleReply::from).collect();
    Ok(request.page(&rules, total))
}

/// `GET /trustrules/{id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let rule = api.accounts.trust_rule(&request.act(), id(&request)?).await?;
    Ok(ApiResponse::json(&TrustRuleReply::from(rule)))
}

/// `PUT /trustrules/{id}`.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let plan = TrustRulePlan::from(request.json_but::<TrustRuleBody>(READ_ONLY).await?);
    api.accounts.update_trust_rule(&request.act(), id(&request)?, &plan).await?;
    Ok(ApiResponse::done())
}

/// `DELETE /trustrules/{id}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_trust_rule(&request.act(), id(&request)?).await?;
    Ok(ApiResponse::done())
}

fn id(request: &ApiRequest) -> Result<TrustRuleId, ApiProblem> {
    request.path.id("id").map(TrustRuleId::of_number)
}
