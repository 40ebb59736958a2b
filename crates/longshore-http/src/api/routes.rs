//! The table: every operation of the management API, one row each.
//!
//! A row reads: method and path in Harbor's spelling, Harbor's name of the operation, what is asked of the caller, the
//! handler; then what it is about, what it takes and what it gives. Nothing of the API exists without its row, and what a
//! row says is what happens: the router, the checks before a handler, the OpenAPI document and the page are made from it.

use std::collections::BTreeMap;

use http::StatusCode;
use longshore_auth::Permission;

use super::{
    handlers::{
        access_policies, access_tokens, artifacts, audit, collection, configuration, current_user,
        description, directories, history, images, jobs, labels, members, permissions, projects, quotas,
        repositories, robots, roles, search, sessions, signing_keys, sources, statistics, system, tags,
        trust_rules, user_groups, users,
    },
    route::{
        Needs, Parameter, Route, boolean, choice, delete, get, head, integer, like, of, patch, post, put,
        text,
    },
};

/// A path below the API's root.
macro_rules! at {
    ($pattern:literal) => {
        concat!("/api/v2.0", $pattern)
    };
}

/// A handler, `async fn(&Api, ApiRequest) -> Reply`, as a row holds it.
macro_rules! by {
    ($handler:path) => {
        |api, request| Box::pin($handler(api, request))
    };
}
#[cfg(test)]
pub(crate) use by;

/// Every operation.
pub(crate) static ROUTES: &[Route] = &[
    get(at!("/ping"), "getPing", Needs::Nobody, by!(system::ping))
        .about("ping", "Says Pong, so that one sees whether the API is there.")
        .and_head()
        .gives_other("text/plain"),
    get(at!("/health"), "getHealth", Needs::Nobody, by!(system::health))
        .about("health", "Whether the registry and what it stands on work.")
        .and_head()
        .gives(of::<system::Health>),
    get(at!("/systeminfo"), "getSystemInfo", Needs::Anybody, by!(system::info))
        .about("systeminfo", "What kind of registry this is; more of it for who is logged in.")
        .and_head()
        .gives(of::<system::SystemInfo>),
    get(
        at!("/configurations"),
        "getConfigurations",
        Needs::System(Permission::CONFIGURATION_READ),
        by!(configuration::show),
    )
    .about("configure", "Shows the settings, but the secret ones.")
    .gives(of::<BTreeMap<String, configuration::SettingReply>>),
    put(
        at!("/configurations"),
        "updateConfigurations",
        Needs::System(Permission::CONFIGURATION_UPDATE),
        by!(configuration::update),
    )
    .about("configure", "Changes settings: those that are named.")
    .takes(of::<configuration::SettingsBody>),
    post(
        at!("/ldap/ping"),
        "pingLdap",
        Needs::System(Permission::CONFIGURATION_UPDATE),
        by!(directories::ping_ldap),
    )
    .about("ldap", "Tries a directory, or without a body those of the configuration.")
    .takes(of::<directories::LdapTrial>)
    .gives(of::<directories::LdapTrialReply>),
    get(
        at!("/ldap/users/search"),
        "searchLdapUser",
        Needs::System(Permission::LDAP_USER_LIST),
        by!(directories::search_users),
    )
    .about("ldap", "Finds people in the directories of the configuration.")
    .query(&[text("username", "The name that they log in with; some of all people without one.")])
    .gives(of::<Vec<directories::LdapUserReply>>)
    .refuses(&[StatusCode::SERVICE_UNAVAILABLE]),
    post(
        at!("/ldap/users/import"),
        "importLdapUser",
        Needs::System(Permission::LDAP_USER_CREATE),
        by!(directories::import_users),
    )
    .about("ldap", "Makes users of people of the directories, before their first login.")
    .takes(of::<directories::LdapImport>)
    .refuses(&[StatusCode::NOT_FOUND]),
    get(
        at!("/ldap/groups/search"),
        "searchLdapGroup",
        Needs::System(Permission::LDAP_USER_LIST),
        by!(directories::search_groups),
    )
    .about("ldap", "Finds groups in the directories of the configuration.")
    .query(&[text("groupname", "The group's name."), text("groupdn", "The group's DN; goes before the name.")])
    .gives(of::<Vec<directories::LdapGroupReply>>)
    .refuses(&[StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE]),
    post(
        at!("/system/oidc/ping"),
        "pingOIDC",
        Needs::System(Permission::CONFIGURATION_UPDATE),
        by!(directories::ping_oidc),
    )
    .about("oidc", "Tries a provider.")
    .takes(of::<directories::OidcTrial>),
    get(
        at!("/system/identity-sources"),
        "listIdentitySources",
        Needs::System(Permission::CONFIGURATION_READ),
        by!(sources::identity),
    )
    .about("configure", "Lists who may say who somebody is, without what is secret.")
    .gives(of::<Vec<sources::SourceReply>>),
    get(
        at!("/system/rate-limits"),
        "getRateLimits",
        Needs::System(Permission::CONFIGURATION_READ),
        by!(sources::rate_limits),
    )
    .about("configure", "The limits of requests and pulls that the configuration file sets.")
    .gives(of::<BTreeMap<String, u64>>),
    get(
        at!("/system/signing-keys"),
        "listSigningKeys",
        Needs::System(Permission::SIGNING_KEY_LIST),
        by!(signing_keys::list),
    )
    .about("signing_key", "Lists the keys that sign tokens, the newest first.")
    .gives(of::<Vec<signing_keys::SigningKeyReply>>),
    post(
        at!("/system/signing-keys"),
        "rotateSigningKeys",
        Needs::System(Permission::SIGNING_KEY_CREATE),
        by!(signing_keys::rotate),
    )
    .about("signing_key", "Makes another key, which signs once everybody knows it; what the others signed stays good.")
    .gives(of::<Vec<signing_keys::SigningKeyReply>>)
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/system/gc"),
        "getGCHistory",
        Needs::System(Permission::GARBAGE_COLLECTION_LIST),
        by!(collection::list),
    )
    .about("gc", "Lists the last runs of collection that somebody asked for, the newest first.")
    .lists(of::<Vec<collection::CollectionRunReply>>, &[], &[]),
    get(
        at!("/system/gc/schedule"),
        "getGCSchedule",
        Needs::System(Permission::GARBAGE_COLLECTION_READ),
        by!(collection::schedule),
    )
    .about("gc", "When collection runs: by itself, as the configuration file says.")
    .gives(of::<collection::ScheduleReply>),
    post(
        at!("/system/gc/schedule"),
        "createGCSchedule",
        Needs::System(Permission::GARBAGE_COLLECTION_CREATE),
        by!(collection::start),
    )
    .about("gc", "Collects at once whatever is due: schedule.type is Manual.")
    .takes(of::<collection::ScheduleBody>)
    .creates()
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/system/gc/queue"),
        "getGCQueue",
        Needs::System(Permission::GARBAGE_COLLECTION_READ),
        by!(collection::queue),
    )
    .about("gc", "How much waits for collection.")
    .gives(of::<collection::CollectionQueues>),
    get(
        at!("/system/gc/preview"),
        "previewGC",
        Needs::System(Permission::GARBAGE_COLLECTION_READ),
        by!(collection::preview),
    )
    .about("gc", "Tells what collection would take, and why; changes nothing.")
    .query(&[integer("ahead", "In how many seconds, if nothing happens until then; now without it.")])
    .gives(of::<collection::CollectionPreviewReply>),
    get(
        at!("/system/gc/{gc_id}"),
        "getGC",
        Needs::System(Permission::GARBAGE_COLLECTION_READ),
        by!(collection::show),
    )
    .about("gc", "Shows a run of collection that somebody asked for.")
    .gives(of::<collection::CollectionRunReply>),
    get(
        at!("/jobservice/queues"),
        "listJobQueues",
        Needs::System(Permission::JOB_SERVICE_MONITOR_LIST),
        by!(jobs::queues),
    )
    .about("jobservice", "Lists the kinds of work that waits in the background.")
    .gives(of::<Vec<jobs::JobQueueReply>>),
    get(
        at!("/jobservice/jobs"),
        "listJobs",
        Needs::System(Permission::JOB_SERVICE_MONITOR_LIST),
        by!(jobs::list),
    )
    .about("jobservice", "Lists the jobs of a kind, the next one first.")
    .query(&[text("job_type", "The kind.").required()])
    .lists(of::<Vec<jobs::JobReply>>, &[], &[]),
    put(
        at!("/jobservice/jobs/{job_id}"),
        "actionJob",
        Needs::System(Permission::JOB_SERVICE_MONITOR_STOP),
        by!(jobs::change),
    )
    .about("jobservice", "Forgets a job, or has it run at once.")
    .takes(of::<jobs::JobAction>),
    get(at!("/openapi.json"), "getOpenAPI", Needs::Nobody, by!(description::openapi))
        .about("description", "This description of the API.")
        .and_head()
        .gives_other("application/json"),
    get(at!("/docs"), "getDocs", Needs::Nobody, by!(description::page))
        .about("description", "This description of the API as a page to read.")
        .and_head()
        .gives_other("text/html"),
    get(at!("/docs.css"), "getDocsStyle", Needs::Nobody, by!(description::style))
        .about("description", "The style of that page.")
        .and_head()
        .gives_other("text/css"),
    get(at!("/users"), "listUsers", Needs::System(Permission::USER_LIST), by!(users::list))
        .about("user", "Lists users.")
        .lists(of::<Vec<users::UserReply>>, users::SORTS, users::FILTERS),
    post(at!("/users"), "createUser", Needs::System(Permission::USER_CREATE), by!(users::create))
        .about("user", "Makes a local user.")
        .takes(of::<users::UserCreation>)
        .refuses(&[StatusCode::CONFLICT])
        .creates(),
    get(at!("/users/search"), "searchUsers", Needs::SignedIn, by!(users::search))
        .about("user", "Finds users by a part of their names.")
        .query(&[text("username", "A part of the name.").required()])
        .lists(of::<Vec<users::FoundUser>>, &[], &[]),
    get(at!("/users/current"), "getCurrentUserInfo", Needs::SignedIn, by!(users::current))
        .about("user", "Shows the caller.")
        .gives(of::<users::UserReply>)
        .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/users/current/permissions"),
        "getCurrentUserPermissions",
        Needs::SignedIn,
        by!(current_user::permissions),
    )
    .about("user", "Lists what the caller may do in a project, or in the system.")
    .query(&[
        like("scope", "^(/system|/project/[a-z0-9]+([._/-][a-z0-9]+)*)?/?$", "/project/ and its number or name, or /system."),
        boolean("relative", "Whether resources are named relative to the scope."),
        text("repository", "The whole name of a repository in the project: what is allowed there."),
    ])
    .gives(of::<Vec<current_user::PermissionReply>>),
    get(at!("/users/{user_id}"), "getUser", Needs::Own(Permission::USER_READ), by!(users::show))
        .about("user", "Shows a user.")
        .gives(of::<users::UserReply>),
    put(
        at!("/users/{user_id}"),
        "updateUserProfile",
        Needs::Own(Permission::USER_UPDATE),
        by!(users::update),
    )
    .about("user", "Changes a user's name, address and remark.")
    .takes(of::<users::UserProfile>)
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    delete(
        at!("/users/{user_id}"),
        "deleteUser",
        Needs::System(Permission::USER_DELETE),
        by!(users::delete),
    )
    .about("user", "Takes a user away, with memberships, access tokens and sessions; never the last administrator.")
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    put(
        at!("/users/{user_id}/password"),
        "updateUserPassword",
        Needs::Own(Permission::USER_UPDATE),
        by!(users::set_password),
    )
    .about("user", "Gives a local user another password; for one's own with the old one. Ends the user's sessions.")
    .takes(of::<users::PasswordBody>)
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    put(
        at!("/users/{user_id}/sysadmin"),
        "setUserSysAdmin",
        Needs::System(Permission::USER_UPDATE),
        by!(users::set_sysadmin),
    )
    .about("user", "Makes a user an administrator, or no longer one; never the last one.")
    .takes(of::<users::SysAdminFlag>)
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    put(
        at!("/users/{user_id}/system_role"),
        "setUserSystemRole",
        Needs::System(Permission::USER_UPDATE),
        by!(users::set_system_role),
    )
    .about("user", "Says what a user is beyond projects: none, auditor or admin.")
    .takes(of::<users::SystemRoleBody>)
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    put(
        at!("/users/{user_id}/disabled"),
        "setUserDisabled",
        Needs::System(Permission::USER_UPDATE),
        by!(users::set_disabled),
    )
    .about("user", "Says whether a user may log in. Disabling ends the user's sessions.")
    .takes(of::<users::DisabledBody>)
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    put(
        at!("/users/{user_id}/source"),
        "setUserSource",
        Needs::System(Permission::USER_UPDATE),
        by!(users::set_source),
    )
    .about("user", "Has another source of identity vouch for a user, who stays the same otherwise.")
    .takes(of::<users::SourceBody>)
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    put(
        at!("/users/{user_id}/cli_secret"),
        "setCliSecret",
        Needs::Own(Permission::USER_UPDATE),
        by!(users::set_cli_secret),
    )
    .about("user", "Gives a user of another source a secret for docker login, kept as an access token.")
    .takes(of::<users::CliSecretBody>)
    .gives(of::<users::CliSecretReply>)
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/usergroups"),
        "listUserGroups",
        Needs::System(Permission::USER_GROUP_LIST),
        by!(user_groups::list),
    )
    .about("usergroup", "Lists user groups by name.")
    .query(&[
        text("group_name", "A part of the name."),
        text("ldap_group_dn", "The DN of a directory's group."),
    ])
    .lists(of::<Vec<user_groups::UserGroupReply>>, &[], user_groups::FILTERS),
    post(
        at!("/usergroups"),
        "createUserGroup",
        Needs::System(Permission::USER_GROUP_CREATE),
        by!(user_groups::create),
    )
    .about("usergroup", "Makes a group of a source known.")
    .takes(of::<user_groups::UserGroupCreation>)
    .refuses(&[StatusCode::CONFLICT])
    .creates(),
    get(at!("/usergroups/search"), "searchUserGroups", Needs::SignedIn, by!(user_groups::search))
        .about("usergroup", "Finds user groups by a part of their names.")
        .query(&[text("groupname", "A part of the name.").required()])
        .lists(of::<Vec<user_groups::FoundUserGroup>>, &[], &[]),
    get(
        at!("/usergroups/{group_id}"),
        "getUserGroup",
        Needs::System(Permission::USER_GROUP_READ),
        by!(user_groups::show),
    )
    .about("usergroup", "Shows a user group.")
    .gives(of::<user_groups::UserGroupReply>),
    put(
        at!("/usergroups/{group_id}"),
        "updateUserGroup",
        Needs::System(Permission::USER_GROUP_UPDATE),
        by!(user_groups::update),
    )
    .about("usergroup", "Calls a directory's group otherwise.")
    .takes(of::<user_groups::UserGroupName>)
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    delete(
        at!("/usergroups/{group_id}"),
        "deleteUserGroup",
        Needs::System(Permission::USER_GROUP_DELETE),
        by!(user_groups::delete),
    )
    .about("usergroup", "Takes a user group away, and what its members had through it."),
    get(at!("/quotas"), "listQuotas", Needs::System(Permission::QUOTA_LIST), by!(quotas::list))
        .about("quota", "Lists how much projects may hold and do.")
        .query(&[
            text("reference", "What is counted: project."),
            integer("reference_id", "The project's number."),
        ])
        .lists(of::<Vec<quotas::QuotaReply>>, quotas::SORTS, &[]),
    get(at!("/quotas/{id}"), "getQuota", Needs::System(Permission::QUOTA_READ), by!(quotas::show))
        .about("quota", "Shows how much a project may hold and does; its number is the project's.")
        .gives(of::<quotas::QuotaReply>),
    put(at!("/quotas/{id}"), "updateQuota", Needs::System(Permission::QUOTA_UPDATE), by!(quotas::update))
        .about("quota", "Sets how much a project may hold. What it holds beyond that stays.")
        .takes(of::<quotas::QuotaUpdate>),
    get(at!("/audit-logs"), "listAuditLogs", Needs::SignedIn, by!(audit::list))
        .about("auditlog", "Lists what was done, as far as the caller may know; the newest first.")
        .lists(of::<Vec<audit::AuditLog>>, audit::SORTS, audit::FILTERS),
    get(at!("/auditlog-exts"), "listAuditLogExts", Needs::SignedIn, by!(audit::list_ext))
        .about("auditlog", "Lists what was done, as far as the caller may know; the newest first.")
        .lists(of::<Vec<audit::AuditLogExt>>, audit::SORTS, audit::FILTERS),
    get(at!("/auditlog-exts/events"), "listAuditLogEventTypes", Needs::SignedIn, by!(audit::event_types))
        .about("auditlog", "Lists what is recorded.")
        .gives(of::<Vec<audit::AuditLogEventType>>),
    get(
        at!("/auditlog-exts/export"),
        "exportAuditLogExts",
        Needs::System(Permission::AUDIT_LOG_LIST),
        by!(audit::export),
    )
    .about("auditlog", "The first 10,000 of these rows as a file, of each all that is kept.")
    .query(&[
        choice("format", &["csv", "json"], "csv, or json for one object a line; csv if it is left out."),
        text("project", "The name of the project that rows must be of."),
    ])
    .lists(of::<Vec<audit::AuditLogExt>>, audit::SORTS, audit::FILTERS)
    .gives_other("text/csv, application/x-ndjson"),
    get(
        at!("/projects/{project_name}/logs"),
        "getLogs",
        Needs::Project(Permission::LOG_LIST),
        by!(audit::list_of_project),
    )
    .about("project", "Lists what was done in a project; the newest first.")
    .lists(of::<Vec<audit::AuditLog>>, audit::SORTS, audit::FILTERS),
    get(
        at!("/projects/{project_name}/auditlog-exts"),
        "getLogExts",
        Needs::Project(Permission::LOG_LIST),
        by!(audit::list_ext_of_project),
    )
    .about("project", "Lists what was done in a project; the newest first.")
    .lists(of::<Vec<audit::AuditLogExt>>, audit::SORTS, audit::FILTERS),
    get(at!("/projects"), "listProjects", Needs::Anybody, by!(projects::list))
        .about("project", "Lists the projects that the caller may read.")
        .query(&[
            text("name", "A part of the name."),
            boolean("public", "Whether everybody may read it."),
            text("owner", "The name of who made it."),
            boolean("with_detail", "Changes nothing: details are always shown."),
        ])
        .lists(of::<Vec<projects::ProjectReply>>, projects::SORTS, projects::FILTERS),
    head(at!("/projects"), "headProject", Needs::SignedIn, by!(projects::head))
        .about("project", "Whether there is a project of that name that the caller may know of.")
        .query(&[text("project_name", "The name.")])
        .refuses(&[StatusCode::NOT_FOUND]),
    post(at!("/projects"), "createProject", Needs::Handler(&[Permission::PROJECT_CREATE]), by!(projects::create))
        .about("project", "Makes a project.")
        .takes(of::<projects::ProjectBody>)
        .creates()
        .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT]),
    get(
        at!("/projects/{project_name_or_id}"),
        "getProject",
        Needs::Project(Permission::PROJECT_READ),
        by!(projects::show),
    )
    .about("project", "Shows a project.")
    .gives(of::<projects::ProjectReply>),
    put(
        at!("/projects/{project_name_or_id}"),
        "updateProject",
        Needs::Project(Permission::PROJECT_UPDATE),
        by!(projects::update),
    )
    .about("project", "Changes settings of a project: those that are given.")
    .takes(of::<projects::ProjectBody>),
    delete(
        at!("/projects/{project_name_or_id}"),
        "deleteProject",
        Needs::Project(Permission::PROJECT_DELETE),
        by!(projects::remove),
    )
    .about("project", "Removes a project that has no repositories and no projects in it.")
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/projects/{project_name_or_id}/_deletable"),
        "getProjectDeletable",
        Needs::Project(Permission::PROJECT_DELETE),
        by!(projects::deletable),
    )
    .about("project", "Whether a project can be removed, and why not.")
    .gives(of::<projects::DeletableReply>),
    get(
        at!("/projects/{project_name_or_id}/summary"),
        "getProjectSummary",
        Needs::Project(Permission::PROJECT_READ),
        by!(projects::summary),
    )
    .about("project", "What a project is like as a whole; members and quota for who may see them.")
    .gives(of::<projects::SummaryReply>),
    get(
        at!("/projects/{project_name_or_id}/metadatas"),
        "listProjectMetadatas",
        Needs::Project(Permission::METADATA_READ),
        by!(projects::list_metadata),
    )
    .about("project", "The settings of a project, without those that it inherits.")
    .gives(of::<BTreeMap<String, String>>),
    post(
        at!("/projects/{project_name_or_id}/metadatas"),
        "addProjectMetadatas",
        Needs::Project(Permission::METADATA_CREATE),
        by!(projects::add_metadata),
    )
    .about("project", "Gives a project a setting that it does not have.")
    .takes(of::<BTreeMap<String, String>>)
    .creates()
    .refuses(&[StatusCode::CONFLICT]),
    get(
        at!("/projects/{project_name_or_id}/metadatas/{meta_name}"),
        "getProjectMetadata",
        Needs::Project(Permission::METADATA_READ),
        by!(projects::show_metadata),
    )
    .about("project", "One setting of a project.")
    .gives(of::<BTreeMap<String, String>>),
    put(
        at!("/projects/{project_name_or_id}/metadatas/{meta_name}"),
        "updateProjectMetadata",
        Needs::Project(Permission::METADATA_UPDATE),
        by!(projects::set_metadata),
    )
    .about("project", "Changes a setting that a project has.")
    .takes(of::<BTreeMap<String, String>>),
    delete(
        at!("/projects/{project_name_or_id}/metadatas/{meta_name}"),
        "deleteProjectMetadata",
        Needs::Project(Permission::METADATA_DELETE),
        by!(projects::remove_metadata),
    )
    .about("project", "Takes a setting from a project; what it inherits holds then."),
    get(
        at!("/projects/{project_name_or_id}/members"),
        "listProjectMembers",
        Needs::Project(Permission::MEMBER_LIST),
        by!(members::list),
    )
    .about("member", "Lists the members of a project, without those that it inherits.")
    .query(&[text("entityname", "A part of the member's name.")])
    .lists(of::<Vec<members::MemberReply>>, &[], &[]),
    post(
        at!("/projects/{project_name_or_id}/members"),
        "createProjectMember",
        Needs::Project(Permission::MEMBER_CREATE),
        by!(members::create),
    )
    .about("member", "Makes a user or a group a member.")
    .takes(of::<members::MemberCreation>)
    .creates()
    .refuses(&[StatusCode::CONFLICT]),
    get(
        at!("/projects/{project_name_or_id}/members/{mid}"),
        "getProjectMember",
        Needs::Project(Permission::MEMBER_READ),
        by!(members::show),
    )
    .about("member", "Shows a member.")
    .gives(of::<members::MemberReply>),
    put(
        at!("/projects/{project_name_or_id}/members/{mid}"),
        "updateProjectMember",
        Needs::Project(Permission::MEMBER_UPDATE),
        by!(members::update),
    )
    .about("member", "Gives a member another role.")
    .takes(of::<members::MemberUpdate>)
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    delete(
        at!("/projects/{project_name_or_id}/members/{mid}"),
        "deleteProjectMember",
        Needs::Project(Permission::MEMBER_DELETE),
        by!(members::remove),
    )
    .about("member", "Ends a membership. The last project admin stays, unless an administrator asks.")
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/projects/{project_name_or_id}/robots"),
        "ListRobotV1",
        Needs::Project(Permission::ROBOT_LIST),
        by!(robots::of_project::list),
    )
    .about("robotv1", "Lists the robots of a project.")
    .lists(of::<Vec<robots::RobotReply>>, robots::SORTS, &[]),
    post(
        at!("/projects/{project_name_or_id}/robots"),
        "CreateRobotV1",
        Needs::Project(Permission::ROBOT_CREATE),
        by!(robots::of_project::create),
    )
    .about("robotv1", "Makes a robot of a project, in the older form.")
    .takes(of::<robots::of_project::ProjectRobotCreation>)
    .gives(of::<robots::RobotCreated>)
    .creates()
    .refuses(&[StatusCode::CONFLICT]),
    get(
        at!("/projects/{project_name_or_id}/robots/{robot_id}"),
        "GetRobotByIDV1",
        Needs::Project(Permission::ROBOT_READ),
        by!(robots::of_project::show),
    )
    .about("robotv1", "Shows a robot of a project.")
    .gives(of::<robots::RobotReply>),
    put(
        at!("/projects/{project_name_or_id}/robots/{robot_id}"),
        "UpdateRobotV1",
        Needs::Project(Permission::ROBOT_UPDATE),
        by!(robots::of_project::update),
    )
    .about("robotv1", "Lets a robot of a project log in or not.")
    .takes(of::<robots::of_project::ProjectRobotUpdate>),
    delete(
        at!("/projects/{project_name_or_id}/robots/{robot_id}"),
        "DeleteRobotV1",
        Needs::Project(Permission::ROBOT_DELETE),
        by!(robots::of_project::remove),
    )
    .about("robotv1", "Removes a robot of a project."),
    get(at!("/robots"), "ListRobot", Needs::Handler(&[Permission::ROBOT_LIST]), by!(robots::list))
        .about("robot", "Lists the robots of the system, or of a project: q=Level=project,ProjectID=1.")
        .lists(of::<Vec<robots::RobotReply>>, robots::SORTS, robots::FILTERS)
        .refuses(&[StatusCode::NOT_FOUND]),
    post(at!("/robots"), "CreateRobot", Needs::Handler(&[Permission::ROBOT_CREATE]), by!(robots::create))
        .about("robot", "Makes a robot, which cannot do more than who makes it.")
        .takes(of::<robots::RobotCreation>)
        .gives(of::<robots::RobotCreated>)
        .creates()
        .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT]),
    get(
        at!("/robots/{robot_id}"),
        "GetRobotByID",
        Needs::Handler(&[Permission::ROBOT_READ]),
        by!(robots::show),
    )
    .about("robot", "Shows a robot.")
    .gives(of::<robots::RobotReply>),
    put(
        at!("/robots/{robot_id}"),
        "UpdateRobot",
        Needs::Handler(&[Permission::ROBOT_UPDATE]),
        by!(robots::update),
    )
    .about("robot", "Changes a robot; its name and its level stay.")
    .takes(of::<robots::RobotUpdate>),
    patch(
        at!("/robots/{robot_id}"),
        "RefreshSec",
        Needs::Handler(&[Permission::ROBOT_UPDATE]),
        by!(robots::rotate),
    )
    .about("robot", "Gives a robot another secret.")
    .takes(of::<robots::RobotSecretBody>)
    .gives(of::<robots::RobotSecretReply>),
    delete(
        at!("/robots/{robot_id}"),
        "DeleteRobot",
        Needs::Handler(&[Permission::ROBOT_DELETE]),
        by!(robots::remove),
    )
    .about("robot", "Removes a robot."),
    get(at!("/roles"), "listRoles", Needs::System(Permission::ROLE_LIST), by!(roles::list))
        .about("role", "Lists the roles that members can have: Harbor's five, then the others.")
        .lists(of::<Vec<roles::RoleReply>>, &[], &[]),
    post(at!("/roles"), "createRole", Needs::System(Permission::ROLE_CREATE), by!(roles::create))
        .about("role", "Makes a role.")
        .takes(of::<roles::RoleBody>)
        .creates()
        .refuses(&[StatusCode::CONFLICT]),
    get(at!("/roles/{role_id}"), "getRole", Needs::System(Permission::ROLE_READ), by!(roles::show))
        .about("role", "Shows a role.")
        .gives(of::<roles::RoleReply>),
    put(at!("/roles/{role_id}"), "updateRole", Needs::System(Permission::ROLE_UPDATE), by!(roles::update))
        .about("role", "Changes a role; who has it has that at once.")
        .takes(of::<roles::RoleBody>)
        .refuses(&[StatusCode::CONFLICT]),
    delete(at!("/roles/{role_id}"), "deleteRole", Needs::System(Permission::ROLE_DELETE), by!(roles::remove))
        .about("role", "Removes a role that nobody has.")
        .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/access-policies"),
        "listAccessPolicies",
        Needs::System(Permission::ACCESS_POLICY_LIST),
        by!(access_policies::list),
    )
    .about("access_policy", "Lists the policies that members' roles may depend on.")
    .lists(of::<Vec<access_policies::PolicyReply>>, &[], &[]),
    post(
        at!("/access-policies"),
        "createAccessPolicy",
        Needs::System(Permission::ACCESS_POLICY_CREATE),
        by!(access_policies::create),
    )
    .about("access_policy", "Makes a policy in Cedar's language, which is checked against the schema.")
    .takes(of::<access_policies::PolicyBody>)
    .creates()
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/access-policies/schema"),
        "getAccessPolicySchema",
        Needs::System(Permission::ACCESS_POLICY_LIST),
        by!(access_policies::schema),
    )
    .about("access_policy", "Shows what policies can be about, as a schema in Cedar's language.")
    .gives(of::<access_policies::SchemaReply>),
    post(
        at!("/access-policies/simulate"),
        "simulateAccess",
        Needs::System(Permission::ACCESS_POLICY_READ),
        by!(access_policies::simulate),
    )
    .about("access_policy", "Tells what would be decided in some circumstances, and why.")
    .takes(of::<access_policies::SimulationBody>)
    .gives(of::<access_policies::SimulationReply>),
    get(
        at!("/access-policies/{policy_id}"),
        "getAccessPolicy",
        Needs::System(Permission::ACCESS_POLICY_READ),
        by!(access_policies::show),
    )
    .about("access_policy", "Shows a policy.")
    .gives(of::<access_policies::PolicyReply>),
    put(
        at!("/access-policies/{policy_id}"),
        "updateAccessPolicy",
        Needs::System(Permission::ACCESS_POLICY_UPDATE),
        by!(access_policies::update),
    )
    .about("access_policy", "Has a policy say something else, from the next request on.")
    .takes(of::<access_policies::PolicyBody>)
    .refuses(&[StatusCode::CONFLICT]),
    delete(
        at!("/access-policies/{policy_id}"),
        "deleteAccessPolicy",
        Needs::System(Permission::ACCESS_POLICY_DELETE),
        by!(access_policies::remove),
    )
    .about("access_policy", "Removes a policy that nobody's role depends on.")
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/users/current/tokens"),
        "listAccessTokens",
        Needs::System(Permission::ACCESS_TOKEN_LIST),
        by!(access_tokens::list),
    )
    .about("access_token", "Lists the caller's access tokens.")
    .lists(of::<Vec<access_tokens::AccessTokenReply>>, &[], &[]),
    post(
        at!("/users/current/tokens"),
        "createAccessToken",
        Needs::System(Permission::ACCESS_TOKEN_CREATE),
        by!(access_tokens::create),
    )
    .about("access_token", "Makes an access token of the caller, which can do what they can, or less.")
    .takes(of::<access_tokens::AccessTokenCreation>)
    .gives(of::<access_tokens::AccessTokenCreated>)
    .creates()
    .refuses(&[StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/users/current/tokens/{token_id}"),
        "getAccessToken",
        Needs::System(Permission::ACCESS_TOKEN_READ),
        by!(access_tokens::show),
    )
    .about("access_token", "Shows an access token of the caller.")
    .gives(of::<access_tokens::AccessTokenReply>),
    delete(
        at!("/users/current/tokens/{token_id}"),
        "deleteAccessToken",
        Needs::System(Permission::ACCESS_TOKEN_DELETE),
        by!(access_tokens::remove),
    )
    .about("access_token", "Makes an access token of the caller useless."),
    get(
        at!("/users/current/sessions"),
        "listSessions",
        Needs::System(Permission::PROFILE_READ),
        by!(sessions::list),
    )
    .about("session", "Lists where the caller is logged in on the pages.")
    .gives(of::<Vec<sessions::SessionReply>>),
    delete(
        at!("/users/current/sessions/{session_id}"),
        "endSession",
        Needs::System(Permission::PROFILE_UPDATE),
        by!(sessions::end),
    )
    .about("session", "Ends a session of the caller.")
    .refuses(&[StatusCode::NOT_FOUND]),
    get(
        at!("/users/{user_id}/groups"),
        "listUserGroupsOfUser",
        Needs::Own(Permission::USER_READ),
        by!(user_groups::of_user),
    )
    .about("usergroup", "Lists the groups of a user, as their source said at the last login.")
    .gives(of::<Vec<user_groups::UserGroupReply>>),
    get(
        at!("/users/{user_id}/sessions"),
        "listSessionsOfUser",
        Needs::Own(Permission::USER_READ),
        by!(sessions::list),
    )
    .about("session", "Lists where a user is logged in on the pages.")
    .gives(of::<Vec<sessions::SessionReply>>),
    delete(
        at!("/users/{user_id}/sessions/{session_id}"),
        "endSessionOfUser",
        Needs::Own(Permission::USER_UPDATE),
        by!(sessions::end),
    )
    .about("session", "Ends a session of a user.")
    .refuses(&[StatusCode::NOT_FOUND]),
    get(
        at!("/users/{user_id}/tokens"),
        "listAccessTokensOfUser",
        Needs::Own(Permission::USER_READ),
        by!(access_tokens::list),
    )
    .about("access_token", "Lists the access tokens of a user.")
    .lists(of::<Vec<access_tokens::AccessTokenReply>>, &[], &[]),
    delete(
        at!("/users/{user_id}/tokens/{token_id}"),
        "deleteAccessTokenOfUser",
        Needs::Own(Permission::USER_UPDATE),
        by!(access_tokens::remove),
    )
    .about("access_token", "Makes an access token of a user useless."),
    get(
        at!("/trustrules"),
        "listTrustRules",
        Needs::Handler(&[Permission::TRUST_RULE_LIST]),
        by!(trust_rules::list),
    )
    .about("trust_rule", "Lists the trust rules, or those for robots of a project.")
    .query(&[integer("project_id", "The project's number; q=ProjectID=1 says the same.")])
    .lists(of::<Vec<trust_rules::TrustRuleReply>>, &[], trust_rules::FILTERS)
    .refuses(&[StatusCode::NOT_FOUND]),
    post(
        at!("/trustrules"),
        "createTrustRule",
        Needs::Handler(&[Permission::TRUST_RULE_CREATE]),
        by!(trust_rules::create),
    )
    .about("trust_rule", "Lets workloads that somebody else vouches for stand for a robot.")
    .takes(of::<trust_rules::TrustRuleBody>)
    .creates()
    .refuses(&[StatusCode::NOT_FOUND, StatusCode::CONFLICT]),
    get(
        at!("/trustrules/{id}"),
        "getTrustRule",
        Needs::Handler(&[Permission::TRUST_RULE_READ]),
        by!(trust_rules::show),
    )
    .about("trust_rule", "Shows a trust rule.")
    .gives(of::<trust_rules::TrustRuleReply>),
    put(
        at!("/trustrules/{id}"),
        "updateTrustRule",
        Needs::Handler(&[Permission::TRUST_RULE_UPDATE]),
        by!(trust_rules::update),
    )
    .about("trust_rule", "Changes a trust rule.")
    .takes(of::<trust_rules::TrustRuleBody>)
    .refuses(&[StatusCode::CONFLICT]),
    delete(
        at!("/trustrules/{id}"),
        "deleteTrustRule",
        Needs::Handler(&[Permission::TRUST_RULE_DELETE]),
        by!(trust_rules::remove),
    )
    .about("trust_rule", "Removes a trust rule."),
    get(at!("/permissions"), "getPermissions", Needs::SignedIn, by!(permissions::list))
        .about("permissions", "What robots can be given.")
        .gives(of::<permissions::PermissionsReply>),
    get(
        at!("/systeminfo/volumes"),
        "getVolumes",
        Needs::System(Permission::SYSTEM_VOLUMES_READ),
        by!(system::volumes),
    )
    .about("systeminfo", "How much room the storage has.")
    .gives(of::<system::Volumes>),
    get(at!("/systeminfo/getcert"), "getCert", Needs::Anybody, by!(system::certificate))
        .about("systeminfo", "The certificate of the registry's own authority; there is none.")
        .gives_other("application/octet-stream")
        .refuses(&[StatusCode::NOT_FOUND]),
    get(at!("/search"), "search", Needs::Anybody, by!(search::search))
        .about("search", "Finds projects and repositories that the caller may read, by a part of their names.")
        .query(&[text("q", "A part of the name.")])
        .gives(of::<search::SearchReply>),
    get(at!("/search/images"), "searchImages", Needs::Anybody, by!(search::images))
        .about("search", "Finds images in repositories that the caller may list, by tag, commit, version, title or source.")
        .query(search::IMAGES)
        .gives(of::<search::ImageSearchReply>),
    get(at!("/statistics"), "getStatistic", Needs::SignedIn, by!(statistics::show))
        .about("statistic", "Counts projects and repositories that the caller may read.")
        .gives(of::<statistics::StatisticsReply>),
    get(at!("/repositories"), "listAllRepositories", Needs::Anybody, by!(repositories::list_all))
        .about("repository", "Lists the repositories that the caller may list, the newest first.")
        .query(repositories::PARTS)
        .lists(of::<Vec<repositories::RepositoryReply>>, repositories::SORTS, repositories::FILTERS),
    get(
        at!("/projects/{project_name}/repositories"),
        "listRepositories",
        Needs::Project(Permission::REPOSITORY_LIST),
        by!(repositories::list),
    )
    .about("repository", "Lists the repositories of a project, the newest first.")
    .query(repositories::PARTS)
    .lists(of::<Vec<repositories::RepositoryReply>>, repositories::SORTS, repositories::FILTERS),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}"),
        "getRepository",
        Needs::Project(Permission::REPOSITORY_READ),
        by!(repositories::show),
    )
    .about("repository", "Shows a repository.")
    .query(repositories::PARTS)
    .gives(of::<repositories::RepositoryReply>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/activity"),
        "getRepositoryActivity",
        Needs::Project(Permission::REPOSITORY_READ),
        by!(repositories::activity),
    )
    .about("repository", "Tells whether a repository changed since the last time, and what is on its way into it.")
    .gives(of::<repositories::RepositoryActivityReply>),
    put(
        at!("/projects/{project_name}/repositories/{repository_name}"),
        "updateRepository",
        Needs::Project(Permission::REPOSITORY_UPDATE),
        by!(repositories::update),
    )
    .about("repository", "Changes a repository's description.")
    .takes(of::<repositories::RepositoryChange>),
    delete(
        at!("/projects/{project_name}/repositories/{repository_name}"),
        "deleteRepository",
        Needs::Project(Permission::REPOSITORY_DELETE),
        by!(repositories::delete),
    )
    .about("repository", "Deletes all that a repository holds; it can be restored as after any deletion."),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts"),
        "listArtifacts",
        Needs::Project(Permission::ARTIFACT_LIST),
        by!(artifacts::list),
    )
    .about("artifact", "Lists the artifacts of a repository, those pushed last first.")
    .query(artifacts::PARTS)
    .lists(of::<Vec<artifacts::ArtifactReply>>, artifacts::SORTS, artifacts::FILTERS),
    post(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts"),
        "CopyArtifact",
        Needs::Project(Permission::ARTIFACT_CREATE),
        by!(artifacts::copy),
    )
    .about("artifact", "Copies an artifact with its tags, its children and what is about it. Pulling it must be allowed.")
    .query(&[text("from", "project/repository:tag or project/repository@digest.").required()])
    .creates(),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}"),
        "getArtifact",
        Needs::Project(Permission::ARTIFACT_READ),
        by!(artifacts::show),
    )
    .about("artifact", "Shows an artifact.")
    .query(artifacts::PARTS)
    .gives(of::<artifacts::ArtifactReply>),
    delete(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}"),
        "deleteArtifact",
        Needs::Project(Permission::ARTIFACT_DELETE),
        by!(artifacts::delete),
    )
    .about("artifact", "Deletes an artifact with all its tags; not one that an index names.")
    .refuses(&[StatusCode::PRECONDITION_FAILED]),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags"),
        "listTags",
        Needs::Project(Permission::TAG_LIST),
        by!(tags::list),
    )
    .about("artifact", "Lists the tags of an artifact, those pushed last first.")
    .query(&[boolean("with_immutable_status", "Whether tags say that they cannot be changed.")])
    .lists(of::<Vec<artifacts::TagReply>>, tags::SORTS, tags::FILTERS),
    post(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags"),
        "createTag",
        Needs::Project(Permission::TAG_CREATE),
        by!(tags::create),
    )
    .about("artifact", "Gives an artifact a tag that its repository does not have.")
    .tag_in_body()
    .takes(of::<tags::NewTag>)
    .refuses(&[StatusCode::CONFLICT])
    .creates(),
    delete(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags/{tag_name}"),
        "deleteTag",
        Needs::Project(Permission::TAG_DELETE),
        by!(tags::delete),
    )
    .about("artifact", "Takes a tag from an artifact."),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/accessories"),
        "listAccessories",
        Needs::Project(Permission::ACCESSORY_LIST),
        by!(artifacts::accessories),
    )
    .about("artifact", "Lists what is about an artifact: signatures, bills of materials.")
    .lists(of::<Vec<artifacts::AccessoryReply>>, &[], &[]),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/vulnerabilities"),
        "getVulnerabilitiesAddition",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(artifacts::vulnerabilities),
    )
    .about("artifact", "The reports of scans; an empty object where there are none.")
    .gives_other("application/json"),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/layers"),
        "getLayersAddition",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::layers),
    )
    .about("image", "How an image was built, step by step, with the layers that came of it. Pulling it must be allowed.")
    .query(images::IMAGE)
    .gives(of::<Vec<images::StepReply>>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/dockerfile"),
        "getDockerfileAddition",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::build_file),
    )
    .about("image", "A Dockerfile that tells what an image's history tells. Pulling it must be allowed.")
    .query(images::IMAGE)
    .gives_other("text/plain"),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/configuration"),
        "getConfigurationAddition",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::configuration),
    )
    .about("image", "How an image is run. Pulling it must be allowed.")
    .query(images::IMAGE)
    .gives(of::<images::ConfigurationReply>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/manifest"),
        "getManifestAddition",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::manifest),
    )
    .about("image", "The manifest byte for byte; of an index, with a platform, that of the image. Pulling it must be allowed.")
    .query(images::IMAGE)
    .gives_other("application/json"),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/files"),
        "listFiles",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::list_files),
    )
    .about("image", "Lists a folder of an image, with what each layer did to what is in it. Pulling it must be allowed.")
    .query(images::FOLDER)
    .lists(of::<Vec<images::FileReply>>, &[], &[]),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/files/search"),
        "searchFiles",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::search_files),
    )
    .about("image", "Finds files of an image by their names, 10000 at most. Pulling it must be allowed.")
    .query(images::SEARCH)
    .lists(of::<Vec<images::FileReply>>, &[], &[]),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/files/content"),
        "readFile",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::read_file),
    )
    .about("image", "The bytes of a file of an image, if they are no more than 16 MiB. Pulling it must be allowed.")
    .query(images::FILE)
    .gives_other("application/octet-stream"),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/files/waste"),
        "getWaste",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::waste),
    )
    .about("image", "Bytes of an image that a later layer overwrites or removes. Pulling it must be allowed.")
    .query(images::IMAGE)
    .gives(of::<images::WasteReply>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/compare"),
        "compareImages",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(images::compare),
    )
    .about("image", "Compares two images: configuration, layers, files and packages. Pulling both must be allowed.")
    .query(images::COMPARISON)
    .gives(of::<images::ComparisonReply>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/{addition}"),
        "getAddition",
        Needs::Project(Permission::ARTIFACT_ADDITION_READ),
        by!(artifacts::addition),
    )
    .about("artifact", "More about an artifact: of an image how it was built.")
    .gives(of::<Vec<artifacts::HistoryStep>>),
    post(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/labels"),
        "addLabel",
        Needs::Project(Permission::ARTIFACT_LABEL_CREATE),
        by!(artifacts::add_label),
    )
    .about("artifact", "Puts a label on an artifact.")
    .takes(of::<artifacts::LabelOfArtifact>)
    .refuses(&[StatusCode::CONFLICT]),
    delete(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/labels/{label_id}"),
        "removeLabel",
        Needs::Project(Permission::ARTIFACT_LABEL_DELETE),
        by!(artifacts::remove_label),
    )
    .about("artifact", "Takes a label off an artifact."),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/deletion"),
        "previewDeletion",
        Needs::Project(Permission::ARTIFACT_READ),
        by!(history::preview_deletion),
    )
    .about("history", "Shows what deleting an artifact would take along.")
    .gives(of::<history::DeletionReply>),
    post(
        at!("/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/restoration"),
        "restoreArtifact",
        Needs::Project(Permission::ARTIFACT_CREATE),
        by!(history::restore_artifact),
    )
    .about("history", "Restores a deleted artifact, without tags, with what was deleted together with it.")
    .refuses(&[StatusCode::CONFLICT]),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/tags"),
        "listTagsOfRepository",
        Needs::Project(Permission::TAG_LIST),
        by!(tags::of_repository),
    )
    .about("artifact", "Lists the tags of a repository with what they point to, those pushed last first.")
    .lists(of::<Vec<artifacts::RepositoryTagReply>>, tags::SORTS, tags::FILTERS),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/history"),
        "listHistory",
        Needs::Project(Permission::TAG_LIST),
        by!(history::of_repository),
    )
    .about("history", "Lists what happened to the tags of a repository, the newest first.")
    .query(history::WALK)
    .gives(of::<Vec<history::TagEventReply>>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/tags/{tag_name}/history"),
        "listTagHistory",
        Needs::Project(Permission::TAG_LIST),
        by!(history::of_tag),
    )
    .about("history", "Lists what happened to a tag, the newest first.")
    .query(history::WALK)
    .gives(of::<Vec<history::TagEventReply>>),
    post(
        at!("/projects/{project_name}/repositories/{repository_name}/tags/{tag_name}/restoration"),
        "restoreTag",
        Needs::Project(Permission::TAG_CREATE),
        by!(history::restore_tag),
    )
    .about("history", "Points a tag to what it pointed to before, or restores a deleted one; needs repository:push, too.")
    .takes(of::<history::Restoration>)
    .gives(of::<history::RestoredTag>)
    .refuses(&[StatusCode::CONFLICT]),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/deleted/tags"),
        "listDeletedTags",
        Needs::Project(Permission::TAG_LIST),
        by!(history::deleted_tags),
    )
    .about("history", "Lists tags that were deleted and can be restored, those deleted last first.")
    .query(history::WALK)
    .gives(of::<Vec<history::DeletedTagReply>>),
    get(
        at!("/projects/{project_name}/repositories/{repository_name}/deleted/artifacts"),
        "listDeletedArtifacts",
        Needs::Project(Permission::ARTIFACT_LIST),
        by!(history::deleted_artifacts),
    )
    .about("history", "Lists manifests that were deleted and can be restored, those deleted last first.")
    .query(history::WALK)
    .gives(of::<Vec<history::DeletedArtifactReply>>),
    get(at!("/labels"), "ListLabels", Needs::Anybody, by!(labels::list))
        .about("label", "Lists the labels of the whole registry or of a project, by name.")
        .query(&[
            text("name", "A part of the name."),
            choice("scope", &["g", "p"], "g for those of the whole registry, p for a project's.").required(),
            integer("project_id", "The project's number, where scope is p."),
        ])
        .lists(of::<Vec<labels::LabelReply>>, labels::SORTS, labels::FILTERS),
    post(
        at!("/labels"),
        "CreateLabel",
        Needs::Handler(&[Permission::LABEL_CREATE]),
        by!(labels::create),
    )
    .about("label", "Makes a label.")
    .takes(of::<labels::LabelBody>)
    .refuses(&[StatusCode::CONFLICT])
    .creates(),
    get(at!("/labels/{label_id}"), "GetLabelByID", Needs::Anybody, by!(labels::show))
        .about("label", "Shows a label.")
        .gives(of::<labels::LabelReply>),
    put(
        at!("/labels/{label_id}"),
        "UpdateLabel",
        Needs::Handler(&[Permission::LABEL_UPDATE]),
        by!(labels::update),
    )
    .about("label", "Changes a label's name, description and color.")
    .takes(of::<labels::LabelBody>)
    .refuses(&[StatusCode::CONFLICT]),
    delete(
        at!("/labels/{label_id}"),
        "DeleteLabel",
        Needs::Handler(&[Permission::LABEL_DELETE]),
        by!(labels::delete),
    )
    .about("label", "Takes a label away, also from what it is on."),
];

/// What paths' parameters mean, for the description. Each name means the same in every path.
pub(crate) static PATH_PARAMETERS: &[Parameter] = &[
    text(
        "project_name_or_id",
        "The project's name, the / of nested projects encoded as %2F; or its number, unless the header \
         X-Is-Resource-Name is true.",
    ),
    text("project_name", "The project's name, the / of nested projects encoded as %2F."),
    integer("project_id", "The project's number."),
    text(
        "repository_name",
        "The repository's name within the project, / encoded as %252F (clients of Harbor encode twice) or %2F.",
    ),
    text("reference", "A tag or a digest."),
    text("tag_name", "A tag."),
    text("addition", "The kind of addition: build_history, vulnerabilities, sbom."),
    text("meta_name", "A key of the project's metadata."),
    text("username", "The name somebody logs in with."),
    integer("mid", "The member's number."),
    integer("user_id", "The user's number."),
    integer("group_id", "The user group's number."),
    integer("robot_id", "The robot's number."),
    integer("label_id", "The label's number."),
    text("session_id", "What the session is called, as the list says."),
    integer("token_id", "The access token's number."),
    integer("role_id", "The role's number."),
    integer("policy_id", "The policy's number."),
    integer("gc_id", "The number of the run."),
    integer("job_id", "The job's number."),
    integer("id", "The number of what is meant."),
];
