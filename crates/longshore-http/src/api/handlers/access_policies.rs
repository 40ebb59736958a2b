//! Policies that members' roles may depend on, and what would be decided.

use std::{net::IpAddr, sync::Arc};

use longshore_accounts::{
    AccessPolicyRecord, AskedPolicy, Doing, PolicyPlan, Rule, SimulatedGrant, Simulation, Supposed,
    schema_text,
};
use longshore_auth::{Action, Circumstances, ClientCertificate};
use longshore_types::{Digest, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::limits;
use crate::api::{
    Api, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply,
};

/// What somebody sends along who changes a policy as it was read.
const READ_ONLY: &[&str] = &["id", "creation_time", "update_time"];

/// A policy.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PolicyReply {
    id: i64,
    name: String,
    description: String,
    /// What it says, in Cedar's language.
    text: String,
    creation_time: Moment,
    update_time: Moment,
}

/// `POST /access-policies` and `PUT /access-policies/{policy_id}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyBody {
    /// What members' `condition` names it by.
    name: String,
    #[serde(default)]
    description: String,
    /// What it says, in Cedar's language.
    text: String,
}

/// What policies can be about.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SchemaReply {
    /// In Cedar's language.
    schema: String,
}

/// `POST /access-policies/simulate`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimulationBody {
    /// Who: the name of a user, or a robot's whole name. Nobody in particular if left out.
    #[serde(default)]
    principal: Option<String>,
    /// What they would do: `pull`, `push` or `delete`. Either this or `permission`.
    #[serde(default)]
    action: Option<String>,
    /// What they would do: `repository:push`.
    #[serde(default)]
    permission: Option<String>,
    /// In which project; not needed with a repository.
    #[serde(default)]
    project: Option<String>,
    /// The whole name of a repository.
    #[serde(default)]
    repository: Option<String>,
    /// The tag that the request would name.
    #[serde(default)]
    tag: Option<String>,
    /// Where it would come from.
    #[serde(default)]
    address: Option<IpAddr>,
    /// When, as RFC 3339 writes it; now if left out.
    #[serde(default)]
    time: Option<String>,
    /// The client's certificate.
    #[serde(default)]
    certificate: Option<SupposedCertificate>,
    /// A policy that is not saved, as if it were the condition of everything that they were given.
    #[serde(default)]
    text: Option<String>,
}

/// A client's certificate.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SupposedCertificate {
    /// The subject, as RFC 4514 writes it: `CN=ci,O=Example`.
    #[serde(default)]
    subject: String,
    /// Subject alternative names that are URIs.
    #[serde(default)]
    uris: Vec<String>,
    /// Subject alternative names that are names of hosts.
    #[serde(default)]
    dns_names: Vec<String>,
    /// `sha256:` and 64 hexadecimal digits; if left out it is one that no certificate has.
    #[serde(default)]
    fingerprint: Option<String>,
}

/// What would be decided.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SimulationReply {
    allowed: bool,
    /// Why, in words.
    because: String,
    /// The permission that decided: of several that an action needs the first that is refused.
    permission: String,
    /// The grant that allows it, or would but for its condition.
    grant: Option<GrantReply>,
    /// The policies of all grants that would allow it, and what they say.
    policies: Vec<AskedPolicyReply>,
}

/// Something that the principal was given.
#[derive(Serialize, JsonSchema)]
pub(crate) struct GrantReply {
    /// Where it comes from: `member of team as developer`.
    origin: String,
    /// Where it holds: `project team`.
    scope: String,
    /// The repositories that it is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    repositories: Option<String>,
    /// The policy that it depends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

/// What a policy says.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AskedPolicyReply {
    policy: String,
    /// Where the grant comes from that depends on it.
    grant: String,
    agrees: bool,
    /// The rules that decided. None where no rule applies, which is a no.
    rules: Vec<RuleReply>,
    /// What went wrong. With an error a policy does not agree.
    errors: Vec<String>,
}

/// A rule of a policy.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RuleReply {
    /// Its place among the rules, from 1 on.
    number: usize,
    /// What its `@id("…")` calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// `permit` or `forbid`.
    effect: &'static str,
    /// The line that it begins in.
    line: usize,
    text: String,
}

impl From<AccessPolicyRecord> for PolicyReply {
    fn from(record: AccessPolicyRecord) -> Self {
        Self {
            id: record.version.id,
            name: record.name,
            description: record.description,
            text: record.text,
            creation_time: record.created_at.into(),
            update_time: record.updated_at.into(),
        }
    }
}

impl From<PolicyBody> for PolicyPlan {
    fn from(body: PolicyBody) -> Self {
        Self { name: body.name, description: body.description, text: body.text }
    }
}

impl From<Simulation> for SimulationReply {
    fn from(simulation: Simulation) -> Self {
        Self {
            allowed: simulation.allowed,
            because: simulation.because,
            permission: simulation.permission.to_string(),
            grant: simulation.grant.map(GrantReply::from),
            policies: simulation.policies.into_iter().map(AskedPolicyReply::from).collect(),
        }
    }
}

impl From<SimulatedGrant> for GrantReply {
    fn from(grant: SimulatedGrant) -> Self {
        let SimulatedGrant { origin, scope, repositories, policy } = grant;
        Self { origin, scope, repositories, policy }
    }
}

impl From<AskedPolicy> for AskedPolicyReply {
    fn from(asked: AskedPolicy) -> Self {
        let rule = |rule: Rule| RuleReply {
            number: rule.number,
            id: rule.id,
            effect: rule.effect.as_str(),
            line: rule.line,
            text: rule.text,
        };
        Self {
            policy: asked.policy,
            grant: asked.grant,
            agrees: asked.answer.agrees,
            rules: asked.answer.rules.into_iter().map(rule).collect(),
            errors: asked.answer.errors,
        }
    }
}

/// `GET /access-policies`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (skip, limit) = limits(&request);
    let (policies, total) = api.accounts.access_policies(skip, limit).await?;
    let policies: Vec<_> = policies.into_iter().map(PolicyReply::from).collect();
    Ok(request.page(&policies, total))
}

/// `POST /access-policies`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: PolicyBody = request.json().await?;
    let id = api.accounts.create_access_policy(&request.act(), &body.into()).await?;
    Ok(request.created(id))
}

/// `GET /access-policies/{policy_id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let policy = api.accounts.access_policy(request.path.id("policy_id")?).await?;
    Ok(ApiResponse::json(&PolicyReply::from(policy)))
}

/// `PUT /access-policies/{policy_id}`.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let body: PolicyBody = request.json_but(READ_ONLY).await?;
    let id = request.path.id("policy_id")?;
    api.accounts.update_access_policy(&request.act(), id, &body.into()).await?;
    Ok(ApiResponse::done())
}

/// `DELETE /access-policies/{policy_id}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_access_policy(&request.act(), request.path.id("policy_id")?).await?;
    Ok(ApiResponse::done())
}

/// `GET /access-policies/schema`.
pub(crate) async fn schema(_: &Api, _: ApiRequest) -> Reply {
    Ok(ApiResponse::json(&SchemaReply { schema: schema_text() }))
}

/// `POST /access-policies/simulate`.
pub(crate) async fn simulate(api: &Api, mut request: ApiRequest) -> Reply {
    let body: SimulationBody = request.json().await?;
    let supposed = body.supposed(request.circumstances.now)?;
    Ok(ApiResponse::json(&SimulationReply::from(api.accounts.simulate(&supposed).await?)))
}

impl SimulationBody {
    fn supposed(self, now: Timestamp) -> Result<Supposed, ApiProblem> {
        let doing = self.doing()?;
        let now = match &self.time {
            Some(text) => {
                let moment = text.parse::<jiff::Timestamp>();
                let wrong =
                    |_| ApiProblem::bad_request("time: expected a moment such as 2026-07-01T08:30:00Z");
                Timestamp::from_unix_millis(moment.map_err(wrong)?.as_millisecond())
            }
            None => now,
        };
        let certificate = self.certificate.map(SupposedCertificate::read).transpose()?;
        Ok(Supposed {
            name: self.principal.filter(|name| !name.is_empty()),
            doing,
            project: read("project", "the name of a project", self.project.as_deref())?,
            repository: read("repository", "the name of a repository", self.repository.as_deref())?,
            circumstances: Circumstances {
                now,
                address: self.address,
                certificate: certificate.map(Arc::new),
                tag: read("tag", "a tag", self.tag.as_deref())?,
            },
            text: self.text,
        })
    }

    fn doing(&self) -> Result<Doing, ApiProblem> {
        match (self.action.as_deref(), self.permission.as_deref()) {
            (Some("pull"), None) => Ok(Doing::Action(Action::Pull)),
            (Some("push"), None) => Ok(Doing::Action(Action::Push)),
            (Some("delete"), None) => Ok(Doing::Action(Action::Delete)),
            (Some(_), None) => Err(ApiProblem::bad_request("action: expected pull, push or delete")),
            (None, Some(text)) => {
                let permission = text.parse();
                permission
                    .map(Doing::Permission)
                    .map_err(|error| ApiProblem::bad_request(format!("permission: {error}")))
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(ApiProblem::bad_request("either action or permission must say what"))
            }
        }
    }
}

impl SupposedCertificate {
    fn read(self) -> Result<ClientCertificate, ApiProblem> {
        let wanted = "sha256: and 64 hexadecimal digits";
        let given = read("certificate.fingerprint", wanted, self.fingerprint.as_deref())?;
        Ok(ClientCertificate {
            subject: self.subject,
            uris: self.uris,
            dns_names: self.dns_names,
            // No certificate is empty.
            fingerprint: given.unwrap_or_else(|| Digest::sha256(b"")),
        })
    }
}

fn read<T: std::str::FromStr>(
    field: &str,
    wanted: &str,
    text: Option<&str>,
) -> Result<Option<T>, ApiProblem> {
    let wrong = |_| ApiProblem::bad_request(format!("{field}: expected {wanted}"));
    text.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(wrong)).transpose()
}
