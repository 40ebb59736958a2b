//! Who belongs to a project: users and groups, each with a role, for all of it or some of its repositories.

use longshore_auth::{BuiltInRole, PermissionSet, RepositoryPattern, SystemRole};
use longshore_metadata::{
    GroupId, GroupKind, Holder, MemberId, MemberRecord, ProjectId, ProjectRecord, ReadTx, TextFilter, UserId,
    WriteTx,
};
use longshore_types::Timestamp;

use crate::{Accounts, Act, ManageError, access, groups, projects::existing, retry::retry_on_conflict};

/// Whom somebody makes a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewHolder {
    /// The user of that number.
    UserId(i64),
    /// The user of that name.
    User(String),
    /// The group of that number.
    GroupId(i64),
    /// The group of that name, which is made if it is new.
    Group {
        /// Where it comes from.
        kind: GroupKind,
        /// Its name there: of an LDAP group the DN.
        name: String,
        /// The name of the source in the configuration; empty where it follows from the rest.
        source: String,
    },
}

/// What a membership gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberGrant {
    /// The role's number.
    pub role: i64,
    /// A pattern of repositories within the project; empty for all.
    pub repositories: String,
    /// The name of the policy that must also allow it; empty for none.
    pub condition: String,
}

/// A membership and what is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDetails {
    /// Its row.
    pub record: MemberRecord,
    /// The role's name.
    pub role_name: String,
    /// The condition's name; empty for none.
    pub condition: String,
}

/// A grant that was checked, in the numbers of the index.
struct CheckedGrant<'a> {
    role: i64,
    repositories: &'a str,
    condition: Option<i64>,
}

impl Accounts {
    /// Makes somebody a member.
    pub async fn add_member(
        &self,
        act: &Act,
        project: ProjectId,
        holder: &NewHolder,
        grant: &MemberGrant,
    ) -> Result<MemberId, ManageError> {
        let holder = &self.found_holder(act, holder).await?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let record = existing(&mut tx, project).await?;
            let checked = self.checked_grant(&mut tx, act, &record, grant).await?;
            let holder = self.find_holder(&mut tx, holder, act.circumstances.now).await?;
            let now = act.circumstances.now;
            let id = tx.insert_member(project, holder, checked.role, checked.repositories, now).await?;
            let Some(id) = id else { return Err(duplicate()) };
            let member = known_member(&mut tx, project, id).await?;
            if checked.condition.is_some() {
                tx.set_member(&member, checked.role, checked.repositories, checked.condition).await?;
            }
            record_change(&mut tx, act, "create_project_member", &record, &member, Some(grant)).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// The members of a project, part of them, and how many there are; only those whose name has `name` in it.
    pub async fn list_members(
        &self,
        project: ProjectId,
        name: Option<&str>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<MemberDetails>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let name = name.map(TextFilter::Contains);
        let total = tx.members_count(project, name).await?;
        let mut found = Vec::new();
        for record in tx.members_page(project, name, skip, limit).await? {
            found.push(details(&mut tx, record).await?);
        }
        Ok((found, total))
    }

    /// A member of a project.
    pub async fn member(&self, project: ProjectId, id: MemberId) -> Result<MemberDetails, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let record = known_member(&mut tx, project, id).await?;
        details(&mut tx, record).await
    }

    /// Gives a member something else.
    pub async fn update_member(
        &self,
        act: &Act,
        project: ProjectId,
        id: MemberId,
        grant: &MemberGrant,
    ) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let record = existing(&mut tx, project).await?;
            let member = known_member(&mut tx, project, id).await?;
            let checked = self.checked_grant(&mut tx, act, &record, grant).await?;
            self.check_may_take(&mut tx, act, &record, &member).await?;
            if !is_lasting_admin(checked.role, checked.repositories, checked.condition) {
                self.check_admin_remains(&mut tx, act, &record, &member).await?;
            }
            if !tx.set_member(&member, checked.role, checked.repositories, checked.condition).await? {
                return Err(duplicate());
            }
            record_change(&mut tx, act, "update_project_member", &record, &member, Some(grant)).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Ends a membership.
    pub async fn remove_member(
        &self,
        act: &Act,
        project: ProjectId,
        id: MemberId,
    ) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let record = existing(&mut tx, project).await?;
            let member = known_member(&mut tx, project, id).await?;
            self.check_may_take(&mut tx, act, &record, &member).await?;
            self.check_admin_remains(&mut tx, act, &record, &member).await?;
            tx.delete_member(id).await?;
            record_change(&mut tx, act, "delete_project_member", &record, &member, None).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn find_holder(
        &self,
        tx: &mut WriteTx,
        holder: &NewHolder,
        now: Timestamp,
    ) -> Result<Holder, ManageError> {
        Ok(match holder {
            NewHolder::UserId(id) => {
                let user = tx.user_by_id(UserId::of_number(*id)).await?;
                Holder::User(user.ok_or_else(|| ManageError::unknown("user", id))?.id)
            }
            NewHolder::User(name) => {
                let user = tx.user(name).await?;
                Holder::User(user.ok_or_else(|| ManageError::unknown("user", name))?.id)
            }
            NewHolder::GroupId(id) => {
                let group = tx.group_by_id(GroupId::of_number(*id)).await?;
                Holder::Group(group.ok_or_else(|| ManageError::unknown("user group", id))?.id)
            }
            NewHolder::Group { kind, name, source } => {
                let external_id = groups::external_id_of(*kind, name)?;
                let source = self.source_of_group(*kind, &external_id, source)?;
                Holder::Group(tx.ensure_group(*kind, &source, &external_id, &external_id, now).await?)
            }
        })
    }

    /// What is asked for, if it makes sense and the caller may give it.
    async fn checked_grant<'a>(
        &self,
        tx: &mut WriteTx,
        act: &Act,
        project: &ProjectRecord,
        grant: &'a MemberGrant,
    ) -> Result<CheckedGrant<'a>, ManageError> {
        if BuiltInRole::from_id(longshore_auth::RoleId(grant.role)).is_none() {
            // It must not go away before this is committed.
            tx.lock_role(grant.role).await?;
        }
        let Some((_, permissions)) = access::role(tx, grant.role).await? else {
            return Err(ManageError::Invalid(format!("role_id {} is no role", grant.role)));
        };
        self.check_may_give_role(act, &project.name, permissions)?;
        if !grant.repositories.is_empty() {
            grant
                .repositories
                .parse::<RepositoryPattern>()
                .map_err(|error| ManageError::Invalid(format!("repositories: {error}")))?;
        }
        let condition = match grant.condition.as_str() {
            "" => None,
            name => {
                let unknown = || ManageError::Invalid(format!("condition: there is no policy {name}"));
                let id = tx.access_policy_named(name).await?.ok_or_else(unknown)?.version.id;
                // It must not go away before this is committed.
                Some(if tx.lock_access_policy(id).await? { id } else { return Err(unknown()) })
            }
        };
        Ok(CheckedGrant { role: grant.role, repositories: &grant.repositories, condition })
    }

    /// Refuses to let the caller take a role that permits more than they have: they could not give it back.
    async fn check_may_take(
        &self,
        tx: &mut WriteTx,
        act: &Act,
        project: &ProjectRecord,
        member: &MemberRecord,
    ) -> Result<(), ManageError> {
        let role = access::role(tx, member.role).await?;
        let permissions = role.map_or(PermissionSet::EMPTY, |(_, permissions)| permissions);
        self.check_may_give_role(act, &project.name, permissions)
    }

    /// Refuses to leave a project, and all that it lies in, without anybody who administers it. A system administrator
    /// may: they can make another.
    async fn check_admin_remains(
        &self,
        tx: &mut WriteTx,
        act: &Act,
        project: &ProjectRecord,
        member: &MemberRecord,
    ) -> Result<(), ManageError> {
        if act.access.principal.system_role() == SystemRole::Admin
            || !is_lasting_admin(member.role, &member.repositories, member.condition)
        {
            return Ok(());
        }
        // Two that go at the same moment wait for each other.
        tx.lock_project(project.id).await?;
        let around = tx.projects_around(std::slice::from_ref(&project.name)).await?;
        let ids: Vec<_> = around.values().map(|record| record.id).collect();
        if tx.others_have_role(&ids, member.role, member.id).await? {
            return Ok(());
        }
        let message =
            "this is the last project admin: only a system administrator can leave the project without one";
        Err(ManageError::Precondition(message.to_owned()))
    }
}

/// Whether a membership is that of a project admin, for the whole project and on no condition.
fn is_lasting_admin(role: i64, repositories: &str, condition: Option<i64>) -> bool {
    role == BuiltInRole::ProjectAdmin.id().0 && repositories.is_empty() && condition.is_none()
}

fn duplicate() -> ManageError {
    ManageError::Conflict("the project has this member already".to_owned())
}

async fn known_member(
    tx: &mut ReadTx,
    project: ProjectId,
    id: MemberId,
) -> Result<MemberRecord, ManageError> {
    let record = tx.member(project, id).await?;
    record.ok_or_else(|| ManageError::unknown("project member", id.number()))
}

async fn details(tx: &mut ReadTx, record: MemberRecord) -> Result<MemberDetails, ManageError> {
    let role = access::role(tx, record.role).await?;
    let condition = match record.condition {
        Some(id) => tx.policy_name(id).await?.unwrap_or_default(),
        None => String::new(),
    };
    let role_name = role.map(|(name, _)| name.to_string()).unwrap_or_default();
    Ok(MemberDetails { record, role_name, condition })
}

async fn record_change(
    tx: &mut WriteTx,
    act: &Act,
    operation: &str,
    project: &ProjectRecord,
    member: &MemberRecord,
    given: Option<&MemberGrant>,
) -> Result<(), ManageError> {
    let kind = match member.holder {
        Holder::User(_) => "user",
        Holder::Group(_) => "group",
    };
    let mut detail = serde_json::json!({ "kind": kind, "role_before": member.role });
    if let Some(given) = given {
        detail["role"] = given.role.into();
        detail["repositories"] = given.repositories.as_str().into();
        detail["condition"] = given.condition.as_str().into();
    }
    let resource = ("project_member", member.name.as_str());
    Ok(act.record(tx, operation, resource, Some(project), &detail.to_string()).await?)
}
