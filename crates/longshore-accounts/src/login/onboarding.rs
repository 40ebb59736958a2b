//! Users that a source vouches for: made at their first login, brought up to date at each.

use std::{collections::BTreeSet, time::Duration};

use longshore_auth::{Circumstances, Permission, Target};
use longshore_identity::Identity;
use longshore_metadata::{
    GroupKind, GroupRecord, MetadataError, NewAuditEvent, NewUser, ReadTx, UserId, UserRecord, WriteTx,
};
use longshore_types::Timestamp;

use super::{
    NAME_BYTES_MAX,
    record::refused,
    source_changes::{Said, changes},
};
use crate::{Accounts, Act, LoginError, retry::retry_on_conflict};

/// How often it is written down that somebody about whom nothing is new is there.
const CONFIRMED_EVERY: Duration = Duration::from_secs(60);

/// What a source says of somebody who proved to be that person.
#[derive(Clone, Copy, Debug)]
pub struct Vouched<'a> {
    /// The source's name in the configuration.
    pub source: &'a str,
    /// What its groups are.
    pub groups: GroupKind,
    /// The person.
    pub identity: &'a Identity,
}

/// Which user the person is.
enum Standing {
    /// One that the index has.
    Known(Box<UserRecord>),
    /// None yet.
    New,
}

/// Where and when a person proved who they are.
#[derive(Clone, Copy)]
struct Occasion<'a> {
    circumstances: &'a Circumstances,
    request_id: &'a str,
    /// Who wants them to be a user, if that is somebody else, and whether they may import people.
    invited_by: Option<(&'a str, bool)>,
}

impl Accounts {
    /// The user that a source vouches for, made if this is the first login, with name, address, groups and whether they are
    /// an administrator as the source says now. All in one transaction.
    ///
    /// # Errors
    /// [`LoginError::Refused`] where the name is another user's: one of another source, or somebody whom the same source
    /// called otherwise before. A line in the log says what an operator can do.
    pub async fn onboard(
        &self,
        vouched: &Vouched<'_>,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<UserRecord, LoginError> {
        let mut tx = self.inner.metadata.read().await?;
        if let Standing::Known(user) = standing(&mut tx, vouched).await? {
            let user = allowed(*user)?;
            let groups = tx.groups_of_user(user.id).await?;
            if is_current(&user, &groups, vouched) {
                drop(tx);
                return Ok(self.note_confirmed(user, circumstances.now).await);
            }
        }
        drop(tx);
        let occasion = Occasion { circumstances, request_id, invited_by: None };
        retry_on_conflict(|| self.bring_up_to_date(vouched, occasion)).await
    }

    /// The same for somebody who did not log in: the caller of `act` wants them to be a user. Who may import people may
    /// this also where nobody becomes a user by logging in.
    pub(crate) async fn invite(&self, vouched: &Vouched<'_>, act: &Act) -> Result<UserRecord, LoginError> {
        let invited_by = act.access.principal.name().unwrap_or("anonymous");
        let occasion = Occasion {
            circumstances: &act.circumstances,
            request_id: &act.request_id,
            invited_by: Some((
                invited_by,
                self.may(&act.access, &Target::SYSTEM, Permission::LDAP_USER_CREATE, &act.circumstances),
            )),
        };
        retry_on_conflict(|| self.bring_up_to_date(vouched, occasion)).await
    }

    /// Notes that the source says that somebody is there, about whom nothing else is new.
    async fn note_confirmed(&self, mut user: UserRecord, now: Timestamp) -> UserRecord {
        if user.confirmed_at.is_some_and(|at| now < at.after(CONFIRMED_EVERY)) {
            return user;
        }
        let written = retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write_relaxed().await?;
            tx.confirm_user(user.id, &user.source, now).await?;
            tx.commit().await
        });
        match written.await {
            Ok(()) => user.confirmed_at = Some(now),
            // They are there all the same.
            Err(error) => {
                tracing::warn!(%error, user = user.name, "cannot note that {} is there", user.name);
            }
        }
        user
    }

    async fn bring_up_to_date(
        &self,
        vouched: &Vouched<'_>,
        occasion: Occasion<'_>,
    ) -> Result<UserRecord, LoginError> {
        let now = occasion.circumstances.now;
        let mut tx = self.inner.metadata.write().await?;
        let mut found = standing(&mut tx, vouched).await?;
        if let Standing::Known(user) = &found {
            // What is read from here on stays true until the end.
            tx.lock_user(user.id).await?;
            found = standing(&mut tx, vouched).await?;
        }
        let (id, before) = match found {
            Standing::Known(user) => {
                let user = allowed(*user)?;
                let usable = self.name_problem(&vouched.identity.name).is_none();
                let says = says(&mut tx, vouched, Some(&user), usable).await?;
                tx.set_user_from_source(user.id, &says, now).await?;
                let groups = tx.groups_of_user(user.id).await?;
                (user.id, Some(Said { user, groups }))
            }
            Standing::New => (self.make(&mut tx, vouched, occasion).await?, None),
        };
        let mut groups = Vec::new();
        let Vouched { source, groups: kind, .. } = *vouched;
        for group in &vouched.identity.groups {
            groups.push(tx.ensure_group(kind, source, &group.external_id, &group.name, now).await?);
        }
        tx.set_groups_of_user(id, &groups).await?;
        let user = tx.user_by_id(id).await?.ok_or_else(|| refused("the user is gone"))?;
        let after = Said { user, groups: tx.groups_of_user(id).await? };
        occasion.record(&mut tx, vouched.source, before.as_ref(), &after).await?;
        tx.commit().await?;
        Ok(after.user)
    }

    async fn make(
        &self,
        tx: &mut WriteTx,
        vouched: &Vouched<'_>,
        occasion: Occasion<'_>,
    ) -> Result<UserId, LoginError> {
        let (source, name) = (vouched.source, vouched.identity.name.as_str());
        let imported = occasion.invited_by.is_some_and(|(_, may_import)| may_import);
        if !self.inner.settings.onboarding && !imported {
            return Err(refused(format!("{source} knows {name}, but nobody becomes a user by logging in")));
        }
        if let Some(problem) = self.name_problem(name) {
            tracing::warn!(
                source,
                user = name,
                "{name} of {source} cannot become a user: the name {problem}"
            );
            return Err(refused(format!("the name {problem}")));
        }
        let says = says(tx, vouched, None, true).await?;
        let made = tx.insert_user(&says, occasion.circumstances.now).await?;
        // Where somebody else came at the same moment, the next try finds out who.
        Ok(made.ok_or_else(|| MetadataError::Conflict("the name was taken meanwhile".into()))?)
    }

    /// What keeps a name from being a user's; goes on after "the name".
    pub(crate) fn name_problem(&self, name: &str) -> Option<&'static str> {
        let forbidden =
            |c: char| c.is_control() || [',', '~', '#', '$', '%', ':', '"', '\\', '/'].contains(&c);
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            Some("must have 1 to 255 bytes")
        } else if name.contains(forbidden) {
            Some("must not contain control characters or any of , ~ # $ % : \" \\ /")
        } else if name.trim() != name {
            Some("must not begin or end with a space")
        } else if self.without_robot_prefix(name).is_some() {
            Some("must not begin as the names of robots do")
        } else if ["anonymous", "system"].contains(&name) {
            Some("is kept for the registry itself")
        } else {
            None
        }
    }
}

impl Occasion<'_> {
    /// Writes what the source changed, if it changed something.
    async fn record(
        &self,
        tx: &mut WriteTx,
        source: &str,
        before: Option<&Said>,
        after: &Said,
    ) -> Result<(), MetadataError> {
        let Some(detail) = changes(source, before, after) else { return Ok(()) };
        let address = self.circumstances.address.map(|address| address.to_string()).unwrap_or_default();
        tx.record_audit(&NewAuditEvent {
            at: self.circumstances.now,
            operation: if before.is_some() { "update_user" } else { "create_user" },
            resource_type: "user",
            resource: &after.user.name,
            project: None,
            actor: self.invited_by.map_or(&after.user.name, |(name, _)| name),
            address: &address,
            request_id: self.request_id,
            succeeded: true,
            detail: &detail.to_string(),
        })
        .await
    }
}

/// Who may not log in is refused before anything is brought up to date.
fn allowed(user: UserRecord) -> Result<UserRecord, LoginError> {
    if user.disabled { Err(refused("the user is disabled")) } else { Ok(user) }
}

/// Which user the person is. A name alone proves nothing: it may be another person's in another source.
async fn standing(tx: &mut ReadTx, vouched: &Vouched<'_>) -> Result<Standing, LoginError> {
    let Vouched { source, identity, .. } = *vouched;
    let name = identity.name.as_str();
    if let Some(user) = tx.user_of_source(source, &identity.external_id).await? {
        return Ok(Standing::Known(Box::new(user)));
    }
    // Known from before the source had a name for them that lasts.
    if let Some(former) = &identity.former_id
        && let Some(user) = tx.user_of_source(source, former).await?
    {
        return Ok(Standing::Known(Box::new(user)));
    }
    let Some(user) = tx.user(name).await? else { return Ok(Standing::New) };
    // The same person, made since the look before: PostgreSQL shows what is committed meanwhile.
    let same = user.external_id.as_ref() == Some(&identity.external_id);
    // Or an administrator said that this source vouches for the user, and now it is known who that is there.
    if user.source == source && (same || user.external_id.is_none()) {
        return Ok(Standing::Known(Box::new(user)));
    }
    let other = if user.source == source {
        format!("as {}", user.external_id.as_deref().unwrap_or_default())
    } else {
        format!("and vouched for by {}", user.source)
    };
    tracing::warn!(
        source,
        user = name,
        external_id = identity.external_id,
        "{source} lets in {name} as {}, but {name} is known here already, {other}: refused. If they are the same \
         person, an administrator can have {source} vouch for the user (PUT /api/v2.0/users/{}/source)",
        identity.external_id,
        user.id.number()
    );
    Err(refused(format!("the name is another user's: known {other}")))
}

/// Whether the row says what the source says.
fn is_current(user: &UserRecord, groups: &[GroupRecord], vouched: &Vouched<'_>) -> bool {
    let Identity { external_id, name, email, real_name, admin, .. } = vouched.identity;
    let has: BTreeSet<_> = groups
        .iter()
        .filter(|group| group.kind == vouched.groups && group.source == vouched.source)
        .map(|group| group.external_id.as_str())
        .collect();
    let wanted: BTreeSet<_> =
        vouched.identity.groups.iter().map(|group| group.external_id.as_str()).collect();
    user.external_id.as_ref() == Some(external_id)
        && user.name == *name
        && user.email.as_deref() == email.as_deref().filter(|email| !email.is_empty())
        && user.real_name == *real_name
        && user.source_admin == *admin
        && has == wanted
        && groups.len() == wanted.len()
}

/// What the row is to say. A name that is not `usable`, or that somebody else has, is left as it was.
async fn says<'a>(
    tx: &mut WriteTx,
    vouched: &Vouched<'a>,
    user: Option<&'a UserRecord>,
    usable: bool,
) -> Result<NewUser<'a>, LoginError> {
    let identity = vouched.identity;
    let is_other =
        |found: Option<UserRecord>| found.is_some_and(|found| Some(found.id) != user.map(|user| user.id));
    let mut name = identity.name.as_str();
    if let Some(user) = user
        && user.name != name
        && (!usable || is_other(tx.user(name).await?))
    {
        tracing::warn!(
            source = vouched.source,
            user = user.name,
            "{} is called {name} by {} now; no user can have that name, or another has it",
            user.name,
            vouched.source
        );
        name = &user.name;
    }
    Ok(NewUser {
        name,
        email: identity.email.as_deref().filter(|email| !email.is_empty()),
        real_name: &identity.real_name,
        comment: "",
        source: vouched.source,
        external_id: Some(&identity.external_id),
        system_role: 0,
        source_admin: identity.admin,
        password_hash: None,
    })
}
