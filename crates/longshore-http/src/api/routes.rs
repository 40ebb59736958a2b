//! The table: every operation of the management API, one row each.
//!
//! A row reads: method and path in Harbor's spelling, Harbor's name of the operation, what is asked of the caller, the
//! handler; then what it is about, what it takes and what it gives. Nothing of the API exists without its row, and what a
//! row says is what happens: the router, the checks before a handler, the OpenAPI document and the page are made from it.

use http::StatusCode;
use longshore_auth::Permission;

use super::{
    handlers::{audit, current_user, description, quotas, system, user_groups, users},
    route::{Needs, Parameter, Route, boolean, delete, get, integer, of, post, put, text},
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
        .query(&[text("username", "A part of the name.")])
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
        text("scope", "/project/ and its number, or /system."),
        boolean("relative", "Whether resources are named relative to the scope."),
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
        .query(&[text("groupname", "A part of the name.")])
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
    integer("token_id", "The access token's number."),
    integer("role_id", "The role's number."),
    integer("id", "The number of what is meant."),
];
