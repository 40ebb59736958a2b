//! Users, in Harbor's forms.

use longshore_accounts::{NewAccount, Profile, UserFilter, UserOrder, UserRecord};
use longshore_auth::{Principal, SystemRole};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::{limits, text_filter};
use crate::api::{
    Api,
    moment::Moment,
    problem::{ApiProblem, Code},
    request::ApiRequest,
    response::ApiResponse,
    route::Reply,
};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["username", "user_id", "creation_time"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["username", "email", "realname", "source"];

/// A user. Behind Harbor's fields are our own.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UserReply {
    user_id: i64,
    /// The name to log in with.
    username: String,
    email: String,
    /// What people call them.
    realname: String,
    comment: String,
    /// Whether an administrator made them one.
    sysadmin_flag: bool,
    /// Whether their source made them an administrator at the last login.
    admin_role_in_auth: bool,
    creation_time: Moment,
    update_time: Moment,
    system_role: RoleWord,
    /// Who vouches for them: `local`, or a source of the configuration.
    source: String,
    /// Whether they may not log in.
    disabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_time: Option<Moment>,
}

/// What a user is beyond projects.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleWord {
    /// Nothing special.
    None,
    /// Sees everything, changes nothing.
    Auditor,
    /// May do everything.
    Admin,
}

/// A user, as others find them.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundUser {
    user_id: i64,
    username: String,
}

/// `POST /users`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UserCreation {
    username: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    realname: String,
    #[serde(default)]
    comment: String,
    /// 8 to 128 characters, among them an upper-case letter, a lower-case letter and a digit.
    password: String,
}

/// `PUT /users/{user_id}`. What is left out stays.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UserProfile {
    email: Option<String>,
    realname: Option<String>,
    comment: Option<String>,
}

/// `PUT /users/{user_id}/sysadmin`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SysAdminFlag {
    sysadmin_flag: bool,
}

/// `PUT /users/{user_id}/system_role`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SystemRoleBody {
    system_role: RoleWord,
}

/// `PUT /users/{user_id}/disabled`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct DisabledBody {
    disabled: bool,
}

/// `PUT /users/{user_id}/source`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SourceBody {
    /// `local`, or a source of the configuration.
    source: String,
    /// The source's own name for the user; left out it is taken from the next login of that name there.
    external_id: Option<String>,
}

/// `PUT /users/{user_id}/password`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct PasswordBody {
    /// For one's own.
    #[serde(default)]
    old_password: String,
    new_password: String,
}

/// `PUT /users/{user_id}/cli_secret`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct CliSecretBody {
    /// Left out, one is made and returned.
    #[serde(default)]
    secret: String,
}

/// A secret that is shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CliSecretReply {
    secret: String,
}

impl From<UserRecord> for UserReply {
    fn from(user: UserRecord) -> Self {
        let system_role = match user.system_role {
            _ if user.is_admin() => RoleWord::Admin,
            1 => RoleWord::Auditor,
            _ => RoleWord::None,
        };
        Self {
            user_id: user.id.number(),
            sysadmin_flag: user.system_role == ADMIN,
            username: user.name,
            email: user.email.unwrap_or_default(),
            realname: user.real_name,
            comment: user.comment,
            admin_role_in_auth: user.source_admin,
            creation_time: user.created_at.into(),
            update_time: user.updated_at.into(),
            system_role,
            source: user.source,
            disabled: user.disabled,
            last_login_time: user.last_login_at.map(Moment::from),
        }
    }
}

/// [`UserRecord::system_role`] of an administrator.
const ADMIN: u8 = 2;

impl From<RoleWord> for SystemRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::None => Self::None,
            RoleWord::Auditor => Self::Auditor,
            RoleWord::Admin => Self::Admin,
        }
    }
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let mut filter = UserFilter::default();
    for given in &request.query.filters {
        let text = Some(text_filter(given)?);
        match given.key {
            "username" => filter.name = text,
            "email" => filter.email = text,
            "realname" => filter.real_name = text,
            _ => filter.source = text,
        }
    }
    let order = match request.query.sorts.first() {
        None => UserOrder::Name,
        Some(sort) => match (sort.key, sort.descending) {
            ("username", false) => UserOrder::Name,
            ("username", true) => UserOrder::NameDescending,
            (_, false) => UserOrder::Id,
            (_, true) => UserOrder::IdDescending,
        },
    };
    let (skip, limit) = limits(&request);
    let (users, total) = api.accounts.users(&filter, order, skip, limit).await?;
    let users: Vec<_> = users.into_iter().map(UserReply::from).collect();
    Ok(request.page(&users, total))
}

/// By a part of the name: whoever adds members needs it.
pub(crate) async fn search(api: &Api, request: ApiRequest) -> Reply {
    let name =
        request.query.text("username").ok_or_else(|| ApiProblem::bad_request("username is missing"))?;
    let filter =
        UserFilter { name: Some(longshore_accounts::TextFilter::Contains(name)), ..UserFilter::default() };
    let (skip, limit) = limits(&request);
    let (users, total) = api.accounts.users(&filter, UserOrder::Name, skip, limit).await?;
    let found: Vec<_> =
        users.into_iter().map(|user| FoundUser { user_id: user.id.number(), username: user.name }).collect();
    Ok(request.page(&found, total))
}

pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: UserCreation = request.json().await?;
    let new = NewAccount {
        name: body.username,
        email: body.email,
        real_name: body.realname,
        comment: body.comment,
        password: body.password,
    };
    let id = api.accounts.create_user(&request.act(), &new).await?;
    Ok(request.created(id.number()))
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let user = api.accounts.user(request.path.id("user_id")?).await?;
    Ok(ApiResponse::json(&UserReply::from(user)))
}

pub(crate) async fn current(api: &Api, request: ApiRequest) -> Reply {
    let Principal::User { id, .. } = &request.access.principal else {
        return Err(ApiProblem::new(Code::Precondition, "the caller is no user"));
    };
    Ok(ApiResponse::json(&UserReply::from(api.accounts.user(*id).await?)))
}

pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: UserProfile = request.json().await?;
    let profile = Profile { email: body.email, real_name: body.realname, comment: body.comment };
    api.accounts.update_profile(&request.act(), id, &profile).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn delete(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_user(&request.act(), request.path.id("user_id")?).await?;
    Ok(ApiResponse::done())
}

/// `false` makes no administrator of an auditor either: Harbor's clients, which know no auditors, send it with each change.
pub(crate) async fn set_sysadmin(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: SysAdminFlag = request.json().await?;
    let role = match (body.sysadmin_flag, api.accounts.user(id).await?.system_role) {
        (true, _) => SystemRole::Admin,
        (false, ADMIN) => SystemRole::None,
        (false, _) => return Ok(ApiResponse::done()),
    };
    api.accounts.set_system_role(&request.act(), id, role).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn set_system_role(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: SystemRoleBody = request.json().await?;
    api.accounts.set_system_role(&request.act(), id, body.system_role.into()).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn set_disabled(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: DisabledBody = request.json().await?;
    api.accounts.set_user_disabled(&request.act(), id, body.disabled).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn set_source(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: SourceBody = request.json().await?;
    let external_id = body.external_id.as_deref().filter(|id| !id.is_empty());
    api.accounts.set_user_source(&request.act(), id, &body.source, external_id).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn set_password(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: PasswordBody = request.json().await?;
    let old = Some(body.old_password.as_str()).filter(|old| !old.is_empty());
    let kept = request.session.as_ref();
    api.accounts.change_password_and_stay(&request.act(), id, old, &body.new_password, kept).await?;
    Ok(ApiResponse::done())
}

/// A secret that came is not sent back.
pub(crate) async fn set_cli_secret(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("user_id")?;
    let body: CliSecretBody = request.json().await?;
    let secret = api.accounts.set_cli_secret(&request.act(), id, &body.secret).await?;
    Ok(match body.secret.is_empty() {
        true => ApiResponse::json(&CliSecretReply { secret: secret.reveal().to_owned() }),
        false => ApiResponse::done(),
    })
}

#[cfg(test)]
mod tests {
    use longshore_accounts::ManageError;

    use super::*;

    #[test]
    fn problems_of_use_cases_have_harbors_codes() {
        let code = |error: ManageError| ApiProblem::from(error).code().as_str();
        assert_eq!(code(ManageError::unknown("user", 7)), "NOT_FOUND");
        assert_eq!(code(ManageError::Conflict(String::new())), "CONFLICT");
        assert_eq!(code(ManageError::Precondition(String::new())), "PRECONDITION");
    }
}
