//! Groups of users. Who is in one is said by its source at each login; here groups are named, so that projects can take
//! them as members before anybody of them has logged in.

use std::sync::Arc;

use longshore_identity::{PasswordSource, ldap::Dn};
use longshore_metadata::{GroupFilter, GroupId, GroupKind, GroupRecord, UserId};

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

/// A group that is to be known.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Where it comes from.
    pub kind: GroupKind,
    /// What people call it; of a directory's group it may be empty.
    pub name: String,
    /// The DN of a directory's group.
    pub ldap_dn: String,
    /// The name of the source in the configuration; empty where it follows from the rest.
    pub source: String,
}

/// Sources by their names.
struct Candidates<'a> {
    /// All that have groups of a kind.
    all: Vec<&'a str>,
    /// Those that could have this one.
    fitting: Vec<&'a str>,
}

/// What a source of that kind is called unless the configuration says otherwise: groups may be named before there is one.
fn unconfigured(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Ldap => "ldap",
        GroupKind::Http => "http",
        GroupKind::Oidc => "oidc",
    }
}

/// Longest name of a group, in characters.
const NAME_CHARACTERS_MAX: usize = 255;
/// Longest DN, in bytes.
const DN_BYTES_MAX: usize = 1024;

impl Accounts {
    /// Groups by name, without the first `skip`, and how many there are.
    pub async fn groups(
        &self,
        filter: &GroupFilter<'_>,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<GroupRecord>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let total = tx.groups_count(filter).await?;
        Ok((tx.groups_page(filter, None, skip, limit).await?.entries, total))
    }

    /// The group of that number.
    pub async fn group(&self, id: i64) -> Result<GroupRecord, ManageError> {
        let group = self.inner.metadata.read().await?.group_by_id(GroupId::of_number(id)).await?;
        group.ok_or_else(|| ManageError::unknown("user group", id))
    }

    /// The groups of a user, as their source said at the last login.
    ///
    /// # Errors
    /// [`ManageError::Unknown`] for no such user.
    pub async fn groups_of(&self, user: i64) -> Result<Vec<GroupRecord>, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let found = tx.user_by_id(UserId::of_number(user)).await?;
        let found = found.ok_or_else(|| ManageError::unknown("user", user))?;
        Ok(tx.groups_of_user(found.id).await?)
    }

    /// Makes a group known.
    ///
    /// # Errors
    /// [`ManageError::Invalid`]; [`ManageError::Conflict`] for one that is known.
    pub async fn create_group(&self, act: &Act, new: &NewGroup) -> Result<GroupId, ManageError> {
        let external_id = external_id(new)?;
        let name = if new.name.is_empty() { external_id.as_str() } else { new.name.as_str() };
        check_name(name)?;
        let source = self.source_of_group(new.kind, &external_id, &new.source)?;
        if new.kind == GroupKind::Ldap {
            self.check_group_is_there(&external_id, &source).await?;
        }
        retry_on_conflict(|| self.insert_group(act, new.kind, &source, &external_id, name)).await
    }

    /// Which source a group is of. With one source of the kind, or one directory that could have a group of that DN, it
    /// need not be said.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] where it must be said, or none could have the group: nobody would ever be in it.
    pub(crate) fn source_of_group(
        &self,
        kind: GroupKind,
        external_id: &str,
        given: &str,
    ) -> Result<String, ManageError> {
        let Candidates { all, fitting } = self.candidates(kind, external_id);
        let names = |sources: &[&str]| sources.join(", ");
        match (given, fitting.as_slice()) {
            ("", [one]) => Ok((*one).to_owned()),
            ("", []) if all.is_empty() => Ok(unconfigured(kind).to_owned()),
            ("", []) => Err(ManageError::Invalid(format!(
                "ldap_group_dn: {external_id} is not below groups.base_dn of any directory ({})",
                names(&all)
            ))),
            ("", several) => {
                Err(ManageError::Invalid(format!("source: say which of {} it is", names(several))))
            }
            (given, fitting) if fitting.contains(&given) => Ok(given.to_owned()),
            (given, _) => {
                Err(ManageError::Invalid(format!("source: no source called {given} has such a group")))
            }
        }
    }

    fn candidates(&self, kind: GroupKind, external_id: &str) -> Candidates<'_> {
        let inner = &self.inner;
        match kind {
            GroupKind::Ldap => {
                let fits = |source: &&Arc<dyn PasswordSource>| source.may_have_group(external_id);
                let all = inner.sources.iter().map(|source| source.name()).collect();
                let fitting = inner.sources.iter().filter(fits).map(|source| source.name()).collect();
                Candidates { all, fitting }
            }
            GroupKind::Http => Candidates { all: Vec::new(), fitting: Vec::new() },
            GroupKind::Oidc => {
                let all: Vec<_> = inner.settings.providers.iter().map(String::as_str).collect();
                Candidates { fitting: all.clone(), all }
            }
        }
    }

    async fn insert_group(
        &self,
        act: &Act,
        kind: GroupKind,
        source: &str,
        external_id: &str,
        name: &str,
    ) -> Result<GroupId, ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let Some(id) = tx.insert_group(kind, source, external_id, name, act.circumstances.now).await? else {
            return Err(ManageError::Conflict(format!("the group {external_id} is known already")));
        };
        act.record(&mut tx, "create_user_group", ("user_group", name), None, "").await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Calls a directory's group otherwise; its DN stays what it is. Of other sources the name is all that there is of a
    /// group.
    ///
    /// # Errors
    /// [`ManageError::Precondition`] for those.
    pub async fn rename_group(&self, act: &Act, id: i64, name: &str) -> Result<(), ManageError> {
        check_name(name)?;
        retry_on_conflict(|| self.write_group_name(act, id, name)).await
    }

    async fn write_group_name(&self, act: &Act, id: i64, name: &str) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let group = tx.group_by_id(GroupId::of_number(id)).await?;
        let group = group.ok_or_else(|| ManageError::unknown("user group", id))?;
        if group.name == name {
            return Ok(());
        }
        if group.kind != GroupKind::Ldap {
            let problem = format!("{} is what its source calls this group: it cannot be renamed", group.name);
            return Err(ManageError::Precondition(problem));
        }
        tx.rename_group(group.id, name).await?;
        let detail = serde_json::json!({ "old_name": group.name }).to_string();
        act.record(&mut tx, "update_user_group", ("user_group", name), None, &detail).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a group away, and what its members had through it. It comes back, without memberships, when somebody logs in
    /// who is in it.
    pub async fn delete_group(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        retry_on_conflict(|| self.remove_group(act, id)).await
    }

    async fn remove_group(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let group = tx.group_by_id(GroupId::of_number(id)).await?;
        let group = group.ok_or_else(|| ManageError::unknown("user group", id))?;
        tx.delete_group(group.id).await?;
        act.record(&mut tx, "delete_user_group", ("user_group", &group.name), None, "").await?;
        Ok(tx.commit().await?)
    }
}

/// What the source calls a group of that name (a DN for a directory), for whoever names it without making it known first.
pub(crate) fn external_id_of(kind: GroupKind, name: &str) -> Result<String, ManageError> {
    let external_id = external_id(&NewGroup {
        kind,
        name: name.to_owned(),
        ldap_dn: name.to_owned(),
        source: String::new(),
    })?;
    check_name(&external_id)?;
    Ok(external_id)
}

/// What the source calls the group, in the one form that logins bring it in.
fn external_id(new: &NewGroup) -> Result<String, ManageError> {
    match new.kind {
        GroupKind::Ldap => {
            let dn = (new.ldap_dn.len() <= DN_BYTES_MAX).then(|| Dn::parse(&new.ldap_dn).ok()).flatten();
            let expected = "ldap_group_dn: expected a DN as cn=team,ou=groups,dc=example,dc=org";
            let dn = dn.filter(|dn| !dn.as_str().is_empty());
            dn.map(|dn| dn.as_str().to_owned()).ok_or_else(|| ManageError::Invalid(expected.to_owned()))
        }
        GroupKind::Http | GroupKind::Oidc => Ok(new.name.clone()),
    }
}

fn check_name(name: &str) -> Result<(), ManageError> {
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARACTERS_MAX || name.chars().any(char::is_control) {
        let rule = format!("group_name: 1 to {NAME_CHARACTERS_MAX} characters, and no control characters");
        return Err(ManageError::Invalid(rule));
    }
    Ok(())
}
