//! What is expected of every route: whom it lets through, by the roles of Harbor's documentation and not by the code's
//! own matrix, and a request that does no harm where it is let through.

use super::Role::{self, *};

/// Whom a route lets through, and what the others are told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Admits {
    /// Everybody. What they are shown depends on who they are.
    Everybody,
    /// Everybody, to learn that the registry has no such thing.
    EverybodyInVain,
    /// Who is logged in.
    SignedIn,
    /// Who is logged in and no robot.
    Users,
    /// These. It is about the whole registry: others who are logged in are forbidden it.
    OfSystem(&'static [Role]),
    /// These. It is about the project: members are forbidden it, to others the project is one that does not exist.
    OfProject(&'static [Role]),
    /// These. It is about something with a number: to others that does not exist, or they are members and are forbidden it.
    OfObject(&'static [Role]),
}

/// A route, what the description must say of it, and how it is called. Names in braces stand for what exists.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// `x-longshore-permission`, in words.
    pub(super) permission: &'static str,
    pub(super) admits: Admits,
    pub(super) query: &'static str,
    pub(super) body: &'static str,
    /// Whether the body is one that cannot be meant: 400 for who is let through.
    pub(super) is_invalid: bool,
}

impl Row {
    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    const fn invalid_body(self, body: &'static str) -> Self {
        Self { body, is_invalid: true, ..self }
    }
}

const fn row(method: &'static str, path: &'static str, permission: &'static str, admits: Admits) -> Row {
    Row { method, path, permission, admits, query: "", body: "", is_invalid: false }
}

// Harbor's roles by what they may do, a line of its table each. An administrator may everything, an auditor read all.

/// Pull. An auditor does not.
const PULL: &[Role] = &[ProjectAdmin, Maintainer, Developer, Guest, LimitedGuest, Admin, Robot];
/// List repositories, read what scans found; know the project.
const LOOK: &[Role] = &[ProjectAdmin, Maintainer, Developer, Guest, LimitedGuest, Admin, Auditor];
/// See what an image holds: know the project and pull.
const LOOK_INSIDE: &[Role] = &[ProjectAdmin, Maintainer, Developer, Guest, LimitedGuest, Admin];
/// Push, tag, label artifacts.
const PUSH: &[Role] = &[ProjectAdmin, Maintainer, Developer, Admin];
/// Delete repositories, artifacts, tags; make, change and delete labels.
const DELETE: &[Role] = &[ProjectAdmin, Maintainer, Admin];
/// Change and delete the project, its members, metadata and robots.
const RULE: &[Role] = &[ProjectAdmin, Admin];
/// Read the record and the trust rules.
pub(super) const RECORD: &[Role] = &[ProjectAdmin, Admin, Auditor];
/// Read members, robots and labels.
pub(super) const MEMBERS_LOOK: &[Role] = &[ProjectAdmin, Maintainer, Developer, Guest, Admin, Auditor];
/// Read the metadata.
const METADATA_LOOK: &[Role] = &[ProjectAdmin, Maintainer, Admin, Auditor];
/// The whole registry.
const SYSTEM: &[Role] = &[Admin];
const SYSTEM_LOOK: &[Role] = &[Admin, Auditor];

const PROJECT: &str = "/projects/{project_name_or_id}";

/// Every route but those that are about one project or repository by name.
#[rustfmt::skip]
const SYSTEM_ROWS: &[Row] = &[
    row("GET", "/ping", "nobody", Admits::Everybody),
    row("GET", "/health", "nobody", Admits::Everybody),
    row("GET", "/systeminfo", "nobody", Admits::Everybody),
    row("GET", "/systeminfo/volumes", "system system-volumes:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/systeminfo/getcert", "nobody", Admits::EverybodyInVain),
    row("GET", "/configurations", "system configuration:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("PUT", "/configurations", "system configuration:update", Admits::OfSystem(SYSTEM)).body(r#"{"robot_token_duration":30}"#),
    row("POST", "/ldap/ping", "system configuration:update", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"ldap_url":"gopher://x"}"#),
    // There is no directory here, which is what those are told who may ask one.
    row("GET", "/ldap/users/search", "system ldap-user:list", Admits::OfSystem(SYSTEM_LOOK)).invalid_body(""),
    row("POST", "/ldap/users/import", "system ldap-user:create", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"ldap_uid_list":[]}"#),
    row("GET", "/ldap/groups/search", "system ldap-user:list", Admits::OfSystem(SYSTEM_LOOK)).invalid_body(""),
    row("POST", "/system/oidc/ping", "system configuration:update", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"url":"gopher://x"}"#),
    row("GET", "/system/identity-sources", "system configuration:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/system/rate-limits", "system configuration:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/system/signing-keys", "system signing-key:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("POST", "/system/signing-keys", "system signing-key:create", Admits::OfSystem(SYSTEM)),
    row("GET", "/system/gc", "system garbage-collection:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/system/gc/schedule", "system garbage-collection:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("POST", "/system/gc/schedule", "system garbage-collection:create", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"schedule":{"type":"Daily"}}"#),
    row("GET", "/system/gc/queue", "system garbage-collection:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/system/gc/preview", "system garbage-collection:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/system/gc/{gc_id}", "system garbage-collection:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/jobservice/queues", "system jobservice-monitor:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/jobservice/jobs", "system jobservice-monitor:list", Admits::OfSystem(SYSTEM_LOOK)).query("job_type=collection"),
    row("PUT", "/jobservice/jobs/{job_id}", "system jobservice-monitor:stop", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"action":"dance"}"#),
    row("GET", "/openapi.json", "nobody", Admits::Everybody),
    row("GET", "/docs", "nobody", Admits::Everybody),
    row("GET", "/docs.css", "nobody", Admits::Everybody),
    row("GET", "/search", "nobody", Admits::Everybody).query("q=ea"),
    row("GET", "/search/images", "nobody", Admits::Everybody).query("q=v1"),
    row("GET", "/statistics", "login", Admits::SignedIn),
    row("GET", "/permissions", "login", Admits::SignedIn),
    row("GET", "/repositories", "nobody", Admits::Everybody),
    row("GET", "/projects", "nobody", Admits::Everybody),
    row("GET", "/audit-logs", "login", Admits::SignedIn),
    row("GET", "/auditlog-exts", "login", Admits::SignedIn),
    row("GET", "/auditlog-exts/events", "login", Admits::SignedIn),
    row("GET", "/auditlog-exts/export", "system audit-log:list", Admits::OfSystem(SYSTEM_LOOK)),

    row("GET", "/users", "system user:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("POST", "/users", "system user:create", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"username":"","password":"x"}"#),
    row("GET", "/users/search", "login", Admits::SignedIn).query("username=s"),
    row("GET", "/users/current", "login", Admits::SignedIn),
    row("GET", "/users/current/permissions", "login", Admits::SignedIn).query("scope=/system"),
    row("GET", "/users/{user_id}", "own user:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("PUT", "/users/{user_id}", "own user:update", Admits::OfSystem(SYSTEM)).body("{}"),
    row("DELETE", "/users/{user_id}", "system user:delete", Admits::OfSystem(SYSTEM)),
    row("PUT", "/users/{user_id}/password", "own user:update", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"new_password":"x"}"#),
    row("PUT", "/users/{user_id}/sysadmin", "system user:update", Admits::OfSystem(SYSTEM)).body(r#"{"sysadmin_flag":false}"#),
    row("PUT", "/users/{user_id}/system_role", "system user:update", Admits::OfSystem(SYSTEM)).body(r#"{"system_role":"none"}"#),
    row("PUT", "/users/{user_id}/disabled", "system user:update", Admits::OfSystem(SYSTEM)).body(r#"{"disabled":false}"#),
    row("PUT", "/users/{user_id}/source", "system user:update", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"source":"dream"}"#),
    row("PUT", "/users/{user_id}/cli_secret", "own user:update", Admits::OfSystem(SYSTEM)).body(r#"{"secret":"x"}"#),
    row("GET", "/users/{user_id}/tokens", "own user:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("DELETE", "/users/{user_id}/tokens/{token_id}", "own user:update", Admits::OfSystem(SYSTEM)),
    row("GET", "/users/current/sessions", "system profile:read", Admits::Users),
    row("DELETE", "/users/current/sessions/{session_id}", "system profile:update", Admits::Users).invalid_body(""),
    row("GET", "/users/{user_id}/groups", "own user:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/users/{user_id}/sessions", "own user:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("DELETE", "/users/{user_id}/sessions/{session_id}", "own user:update", Admits::OfSystem(SYSTEM)).invalid_body(""),
    row("GET", "/users/current/tokens", "system access-token:list", Admits::Users),
    row("POST", "/users/current/tokens", "system access-token:create", Admits::Users).body(r#"{"name":"own"}"#),
    row("GET", "/users/current/tokens/{token_id}", "system access-token:read", Admits::Users),
    row("DELETE", "/users/current/tokens/{token_id}", "system access-token:delete", Admits::Users),

    row("GET", "/usergroups", "system user-group:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("POST", "/usergroups", "system user-group:create", Admits::OfSystem(SYSTEM)).body(r#"{"group_name":"crew","group_type":2}"#),
    row("GET", "/usergroups/search", "login", Admits::SignedIn).query("groupname=c"),
    row("GET", "/usergroups/{group_id}", "system user-group:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("PUT", "/usergroups/{group_id}", "system user-group:update", Admits::OfSystem(SYSTEM)).body(r#"{"group_name":"crew"}"#),
    row("DELETE", "/usergroups/{group_id}", "system user-group:delete", Admits::OfSystem(SYSTEM)),

    row("GET", "/quotas", "system quota:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/quotas/{id}", "system quota:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("PUT", "/quotas/{id}", "system quota:update", Admits::OfSystem(SYSTEM)).body(r#"{"hard":{"storage":-1}}"#),

    // Members are given roles by name.
    row("GET", "/roles", "system role:list", Admits::Users),
    row("GET", "/roles/{role_id}", "system role:read", Admits::Users),
    row("POST", "/roles", "system role:create", Admits::OfSystem(SYSTEM)).body(ROLE),
    row("PUT", "/roles/{role_id}", "system role:update", Admits::OfSystem(SYSTEM)).body(ROLE),
    row("DELETE", "/roles/{role_id}", "system role:delete", Admits::OfSystem(SYSTEM)),

    row("GET", "/access-policies", "system access-policy:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("GET", "/access-policies/schema", "system access-policy:list", Admits::OfSystem(SYSTEM_LOOK)),
    row("POST", "/access-policies", "system access-policy:create", Admits::OfSystem(SYSTEM)).invalid_body(r#"{"name":"x","text":""}"#),
    row("POST", "/access-policies/simulate", "system access-policy:read", Admits::OfSystem(SYSTEM_LOOK)).body(r#"{"permission":"user:list"}"#),
    row("GET", "/access-policies/{policy_id}", "system access-policy:read", Admits::OfSystem(SYSTEM_LOOK)),
    row("PUT", "/access-policies/{policy_id}", "system access-policy:update", Admits::OfSystem(SYSTEM)).body(POLICY),
    row("DELETE", "/access-policies/{policy_id}", "system access-policy:delete", Admits::OfSystem(SYSTEM)),
];

pub(super) const ROLE: &str =
    r#"{"role_name":"reader","permissions":[{"resource":"repository","action":"pull"}]}"#;
pub(super) const POLICY: &str = r#"{"name":"anything","text":"permit (principal, action, resource);"}"#;
pub(super) const TRUST_RULE: &str = r#"{"name":"builds","kind":"oidc","issuer":"https://issuer.example",
    "audience":"registry","claims":{"sub":"me"},"robot_id":{robot_id}}"#;
const ROBOT: &str = r#"{"name":"puller","level":"project","duration":-1,"permissions":[{"kind":"project",
    "namespace":"{project}","access":[{"resource":"repository","action":"pull"}]}]}"#;
const SAME_ROBOT: &str = r#"{"name":"robot$team+spare","level":"project","duration":-1,"permissions":[{
    "kind":"project","namespace":"team","access":[{"resource":"repository","action":"pull"}]}]}"#;
const LABEL: &str = r#"{"name":"good","scope":"p","project_id":{project_id}}"#;

/// What is about a project, by its name or by the number of something in it.
#[rustfmt::skip]
const PROJECT_ROWS: &[Row] = &[
    row("HEAD", "/projects", "login", Admits::OfProject(LOOK)).query("project_name={project}"),
    // One within the project.
    row("POST", "/projects", "object project:create", Admits::OfProject(RULE)).body(r#"{"project_name":"{project}/sub"}"#),
    row("GET", PROJECT, "project project:read", Admits::OfProject(LOOK)),
    row("PUT", PROJECT, "project project:update", Admits::OfProject(RULE)).body("{}"),
    // It holds something: nobody's request removes it.
    row("DELETE", PROJECT, "project project:delete", Admits::OfProject(RULE)),
    row("GET", "/projects/{project_name_or_id}/_deletable", "project project:delete", Admits::OfProject(RULE)),
    row("GET", "/projects/{project_name_or_id}/summary", "project project:read", Admits::OfProject(LOOK)),
    row("GET", "/projects/{project_name}/logs", "project log:list", Admits::OfProject(RECORD)),
    row("GET", "/projects/{project_name}/auditlog-exts", "project log:list", Admits::OfProject(RECORD)),

    row("GET", "/projects/{project_name_or_id}/metadatas", "project metadata:read", Admits::OfProject(METADATA_LOOK)),
    row("POST", "/projects/{project_name_or_id}/metadatas", "project metadata:create", Admits::OfProject(RULE)).body(r#"{"public":"false"}"#),
    row("GET", "/projects/{project_name_or_id}/metadatas/{meta_name}", "project metadata:read", Admits::OfProject(METADATA_LOOK)),
    row("PUT", "/projects/{project_name_or_id}/metadatas/{meta_name}", "project metadata:update", Admits::OfProject(RULE)).body(r#"{"{meta_name}":"true"}"#),
    row("DELETE", "/projects/{project_name_or_id}/metadatas/{meta_name}", "project metadata:delete", Admits::OfProject(RULE)),

    row("GET", "/projects/{project_name_or_id}/members", "project member:list", Admits::OfProject(MEMBERS_LOOK)),
    row("POST", "/projects/{project_name_or_id}/members", "project member:create", Admits::OfProject(RULE)).body(r#"{"role_id":3,"member_user":{"username":"guest"}}"#),
    row("GET", "/projects/{project_name_or_id}/members/{mid}", "project member:read", Admits::OfProject(MEMBERS_LOOK)),
    row("PUT", "/projects/{project_name_or_id}/members/{mid}", "project member:update", Admits::OfProject(RULE)).body(r#"{"role_id":3}"#),
    row("DELETE", "/projects/{project_name_or_id}/members/{mid}", "project member:delete", Admits::OfProject(RULE)),

    row("GET", "/projects/{project_name_or_id}/robots", "project robot:list", Admits::OfProject(MEMBERS_LOOK)),
    row("POST", "/projects/{project_name_or_id}/robots", "project robot:create", Admits::OfProject(RULE))
        .body(r#"{"name":"puller","expires_at":-1,"access":[{"resource":"repository","action":"pull"}]}"#),
    row("GET", "/projects/{project_name_or_id}/robots/{robot_id}", "project robot:read", Admits::OfProject(MEMBERS_LOOK)),
    row("PUT", "/projects/{project_name_or_id}/robots/{robot_id}", "project robot:update", Admits::OfProject(RULE)).body(r#"{"disable":false}"#),
    row("DELETE", "/projects/{project_name_or_id}/robots/{robot_id}", "project robot:delete", Admits::OfProject(RULE)),
    row("GET", "/robots", "object robot:list", Admits::OfProject(MEMBERS_LOOK)).query("q=Level%3Dproject,ProjectID%3D{project_id}"),
    row("POST", "/robots", "object robot:create", Admits::OfProject(RULE)).body(ROBOT),
    row("GET", "/robots/{robot_id}", "object robot:read", Admits::OfObject(MEMBERS_LOOK)),
    row("PUT", "/robots/{robot_id}", "object robot:update", Admits::OfObject(RULE)).body(SAME_ROBOT),
    row("PATCH", "/robots/{robot_id}", "object robot:update", Admits::OfObject(RULE)).body("{}"),
    row("DELETE", "/robots/{robot_id}", "object robot:delete", Admits::OfObject(RULE)),

    // Not Harbor's: the affair of who changes robots.
    row("GET", "/trustrules", "object trust-rule:list", Admits::OfProject(RECORD)).query("q=ProjectID%3D{project_id}"),
    row("POST", "/trustrules", "object trust-rule:create", Admits::OfObject(RULE)).body(TRUST_RULE),
    row("GET", "/trustrules/{id}", "object trust-rule:read", Admits::OfObject(RECORD)),
    row("PUT", "/trustrules/{id}", "object trust-rule:update", Admits::OfObject(RULE)).body(TRUST_RULE),
    row("DELETE", "/trustrules/{id}", "object trust-rule:delete", Admits::OfObject(RULE)),

    row("GET", "/labels", "nobody", Admits::OfProject(MEMBERS_LOOK)).query("scope=p&project_id={project_id}"),
    row("POST", "/labels", "object label:create", Admits::OfProject(DELETE)).body(LABEL),
    row("GET", "/labels/{label_id}", "nobody", Admits::OfObject(MEMBERS_LOOK)),
    row("PUT", "/labels/{label_id}", "object label:update", Admits::OfObject(DELETE)).body(LABEL),
    row("DELETE", "/labels/{label_id}", "object label:delete", Admits::OfObject(DELETE)),
];

macro_rules! repository {
    ($rest:literal) => {
        concat!("/projects/{project_name}/repositories/{repository_name}", $rest)
    };
}

/// What is about content.
#[rustfmt::skip]
const REPOSITORY_ROWS: &[Row] = &[
    row("GET", "/projects/{project_name}/repositories", "project repository:list", Admits::OfProject(LOOK)),
    row("GET", repository!(""), "project repository:read", Admits::OfProject(LOOK)),
    row("GET", repository!("/activity"), "project repository:read", Admits::OfProject(LOOK)),
    row("PUT", repository!(""), "project repository:update", Admits::OfProject(PUSH)).body(r#"{"description":"ships"}"#),
    row("DELETE", repository!(""), "project repository:delete", Admits::OfProject(DELETE)),
    row("GET", repository!("/artifacts"), "project artifact:list", Admits::OfProject(LOOK)),
    row("POST", repository!("/artifacts"), "project artifact:create", Admits::OfProject(PUSH)).query("from={project}/app:v1"),
    row("GET", repository!("/artifacts/{reference}"), "project artifact:read", Admits::OfProject(LOOK)),
    row("DELETE", repository!("/artifacts/{reference}"), "project artifact:delete", Admits::OfProject(DELETE)),
    row("GET", repository!("/artifacts/{reference}/tags"), "project tag:list", Admits::OfProject(LOOK)),
    row("POST", repository!("/artifacts/{reference}/tags"), "project tag:create", Admits::OfProject(PUSH)).body(r#"{"name":"v1"}"#),
    row("DELETE", repository!("/artifacts/{reference}/tags/{tag_name}"), "project tag:delete", Admits::OfProject(DELETE)),
    row("GET", repository!("/artifacts/{reference}/accessories"), "project accessory:list", Admits::OfProject(LOOK)),
    row("GET", repository!("/artifacts/{reference}/additions/vulnerabilities"), "project artifact-addition:read", Admits::OfProject(LOOK)),
    row("GET", repository!("/artifacts/{reference}/additions/layers"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)),
    row("GET", repository!("/artifacts/{reference}/additions/dockerfile"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)),
    row("GET", repository!("/artifacts/{reference}/additions/configuration"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)),
    row("GET", repository!("/artifacts/{reference}/additions/manifest"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)),
    row("GET", repository!("/artifacts/{reference}/files"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)).query("path=etc"),
    row("GET", repository!("/artifacts/{reference}/files/search"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)).query("name=motd"),
    row("GET", repository!("/artifacts/{reference}/files/content"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)).query("path=etc/motd"),
    row("GET", repository!("/artifacts/{reference}/files/waste"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)),
    row("GET", repository!("/artifacts/{reference}/compare"), "project artifact-addition:read", Admits::OfProject(LOOK_INSIDE)).query("with=v1"),
    row("GET", repository!("/artifacts/{reference}/additions/{addition}"), "project artifact-addition:read", Admits::OfProject(LOOK)),
    row("GET", repository!("/artifacts/{reference}/deletion"), "project artifact:read", Admits::OfProject(LOOK)),
    // Nothing is deleted here, which is what those are told who may restore.
    row("POST", repository!("/artifacts/{reference}/restoration"), "project artifact:create", Admits::OfProject(PUSH)).invalid_body(""),
    row("GET", repository!("/history"), "project tag:list", Admits::OfProject(LOOK)),
    row("GET", repository!("/tags"), "project tag:list", Admits::OfProject(LOOK)),
    row("GET", repository!("/tags/{tag_name}/history"), "project tag:list", Admits::OfProject(LOOK)),
    row("POST", repository!("/tags/{tag_name}/restoration"), "project tag:create", Admits::OfProject(PUSH)).body("{}"),
    row("GET", repository!("/deleted/tags"), "project tag:list", Admits::OfProject(LOOK)),
    row("GET", repository!("/deleted/artifacts"), "project artifact:list", Admits::OfProject(LOOK)),
    row("POST", repository!("/artifacts/{reference}/labels"), "project artifact-label:create", Admits::OfProject(PUSH)).body(r#"{"id":{label_id}}"#),
    row("DELETE", repository!("/artifacts/{reference}/labels/{label_id}"), "project artifact-label:delete", Admits::OfProject(PUSH)),
];

/// Every route.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    SYSTEM_ROWS.iter().chain(PROJECT_ROWS).chain(REPOSITORY_ROWS)
}

/// Who may pull from the project by the distribution protocol, and who may push and delete.
pub(super) const PROTOCOL: [(&str, &[Role]); 3] = [("pull", PULL), ("push", PUSH), ("delete", DELETE)];
