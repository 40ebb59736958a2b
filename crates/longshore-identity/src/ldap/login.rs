//! The conversations: a login, the searches for import.

use ldap3::Scope;

use super::{
    Dn, LdapUser, escape_filter,
    groups::{self, Member, groups_of},
    session::{Entry, Found, LdapFailure, Search, Session, code},
    source::Inner,
};
use crate::{Identity, Secret, SourceError, SourceGroup};

/// Longest name considered, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// What directories name an entry by for as long as it lives, however it is called and wherever it is moved: RFC 4530, Active
/// Directory, 389 Directory Server. Nobody gets it again, as they may get a DN.
const LASTING: [&str; 3] = ["entryUUID", "objectGUID", "nsUniqueId"];
/// Most entries that a search for import gives.
const IMPORT_MAX: usize = 500;

/// A name that may be asked for.
pub(super) fn acceptable_name(name: &str) -> Result<String, SourceError> {
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(SourceError::Refused) }
}

pub(super) async fn ping(inner: &Inner) -> Result<(), LdapFailure> {
    let mut session = inner.session().await?;
    let search = Search {
        base: &inner.settings.base_dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &["1.1"],
        limit: 1,
    };
    match session.search(search).await?.entries.is_empty() {
        true => Err(LdapFailure::Result {
            what: "show base_dn",
            code: code::NO_SUCH_OBJECT,
            text: inner.settings.base_dn.clone(),
        }),
        false => Ok(()),
    }
}

/// Who has this name, if the password is theirs or none is asked for. None for nobody, for several, for a wrong one.
pub(super) async fn look_up(
    inner: &Inner,
    name: &str,
    password: Option<&Secret>,
) -> Result<Option<Identity>, LdapFailure> {
    let mut session = inner.session().await?;
    let Some(entry) = the_user(inner, &mut session, name).await? else { return Ok(None) };
    if let Some(password) = password {
        if !is_theirs(&mut session, &entry, password).await? {
            return Ok(None);
        }
        inner.bind_as_searcher(&mut session).await?;
    }
    identity(inner, &mut session, &entry, name).await
}

/// The only entry of that name.
async fn the_user(inner: &Inner, session: &mut Session, name: &str) -> Result<Option<Entry>, LdapFailure> {
    // One more than is wanted, to see whether there are several.
    let mut found = users(inner, session, name, 2).await?;
    if found.entries.len() > 1 || found.truncated {
        tracing::warn!(
            source = inner.settings.name,
            name,
            "several entries have this name: nobody can log in with it"
        );
        return Ok(None);
    }
    Ok(found.entries.pop())
}

/// Users of a name; all for an empty one.
async fn users(inner: &Inner, session: &mut Session, name: &str, limit: usize) -> Result<Found, LdapFailure> {
    let settings = &inner.settings;
    let wanted = if name.is_empty() { "*".to_owned() } else { escape_filter(name) };
    let filter = format!("(&{}({}={wanted}))", inner.checked.user_filter, settings.uid_attribute);
    let mut attributes = vec![
        settings.uid_attribute.as_str(),
        settings.email_attribute.as_str(),
        settings.real_name_attribute.as_str(),
    ];
    attributes.extend(LASTING);
    if let Some(super::LdapMembership::OfUser { attribute }) =
        settings.groups.as_ref().map(|it| &it.membership)
    {
        attributes.push(attribute);
    }
    let search = Search {
        base: &settings.base_dn,
        scope: settings.scope.into(),
        filter: &filter,
        attributes: &attributes,
        limit,
    };
    session.search(search).await
}

/// Tries a password. Codes that say that this user may not in are a no; others say that something is wrong with the
/// directory or the settings.
async fn is_theirs(session: &mut Session, entry: &Entry, password: &Secret) -> Result<bool, LdapFailure> {
    // An empty name would bind as nobody, which succeeds.
    if entry.dn.is_empty() || password.is_empty() {
        return Ok(false);
    }
    match session.bind(&entry.dn, password).await? {
        (code::SUCCESS, _) => Ok(true),
        (
            code::INVALID_CREDENTIALS
            | code::INAPPROPRIATE_AUTHENTICATION
            | code::INSUFFICIENT_RIGHTS
            | code::NO_SUCH_OBJECT
            | code::CONSTRAINT
            | code::UNWILLING,
            _,
        ) => Ok(false),
        (code::REFERRAL, _) => Err(LdapFailure::Referral),
        (code, text) => Err(LdapFailure::Result { what: "try a password", code, text }),
    }
}

async fn identity(
    inner: &Inner,
    session: &mut Session,
    entry: &Entry,
    typed: &str,
) -> Result<Option<Identity>, LdapFailure> {
    let Ok(dn) = Dn::parse(&entry.dn) else { return Err(LdapFailure::Malformed) };
    let Some(user) = user(inner, entry, typed) else {
        tracing::warn!(
            source = inner.settings.name,
            dn = entry.dn,
            "the entry does not show its uid_attribute"
        );
        return Ok(None);
    };
    let groups = match &inner.settings.groups {
        Some(settings) => {
            let base = settings.base_dn.as_ref().unwrap_or(&inner.settings.base_dn);
            groups_of(session, settings, &inner.checked, base, Member { entry, uid: &user.name }).await?
        }
        None => Vec::new(),
    };
    let is_admin = |admin: &Dn| groups.iter().any(|group| group.external_id == admin.as_str());
    let lasting = lasting(entry);
    Ok(Some(Identity {
        former_id: lasting.is_some().then(|| dn.as_str().to_owned()),
        external_id: lasting.unwrap_or_else(|| dn.as_str().to_owned()),
        admin: inner.checked.admin.as_ref().is_some_and(is_admin),
        name: user.name,
        email: user.email,
        real_name: user.real_name,
        groups,
    }))
}

/// The name of an entry that lasts. No DN looks so: it has `=` before any colon.
fn lasting(entry: &Entry) -> Option<String> {
    let name = |attribute: &&str| {
        let value = entry.first(attribute)?;
        Some(format!("{}:{}", attribute.to_ascii_lowercase(), value.to_ascii_lowercase()))
    };
    LASTING.iter().find_map(name)
}

/// What an entry says of a user. Directories ignore case: the name is the directory's, not as it was typed.
fn user(inner: &Inner, entry: &Entry, typed: &str) -> Option<LdapUser> {
    let settings = &inner.settings;
    let names = entry.values(&settings.uid_attribute);
    let same = |name: &&String| name.to_lowercase() == typed.to_lowercase();
    Some(LdapUser {
        name: names.iter().find(same).or(names.first()).filter(|name| !name.is_empty())?.clone(),
        real_name: entry.first(&settings.real_name_attribute).unwrap_or_default().to_owned(),
        email: entry.first(&settings.email_attribute).map(str::to_owned),
    })
}

pub(super) async fn search_users(inner: &Inner, name: &str) -> Result<Vec<LdapUser>, LdapFailure> {
    let mut session = inner.session().await?;
    let found = users(inner, &mut session, name, IMPORT_MAX).await?;
    let mut users: Vec<_> = found.entries.iter().filter_map(|entry| user(inner, entry, name)).collect();
    users.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(users)
}

pub(super) async fn search_groups(inner: &Inner, name: &str) -> Result<Vec<SourceGroup>, LdapFailure> {
    let Some(settings) = &inner.settings.groups else { return Ok(Vec::new()) };
    let wanted = if name.is_empty() { "*".to_owned() } else { escape_filter(name) };
    let filter = format!("(&{}({}={wanted}))", inner.checked.group_filter, settings.name_attribute);
    let base = settings.base_dn.as_ref().unwrap_or(&inner.settings.base_dn);
    find_groups(inner, base, settings.scope.into(), &filter).await
}

pub(super) async fn group(inner: &Inner, dn: &str) -> Result<Option<SourceGroup>, LdapFailure> {
    let (Ok(name), Some(base)) = (Dn::parse(dn), &inner.checked.group_base) else { return Ok(None) };
    if !name.is_within(base) {
        return Ok(None);
    }
    let filter = &inner.checked.group_filter;
    let filter = if filter.is_empty() { "(objectClass=*)" } else { filter };
    Ok(find_groups(inner, dn, Scope::Base, filter).await?.pop())
}

async fn find_groups(
    inner: &Inner,
    base: &str,
    scope: Scope,
    filter: &str,
) -> Result<Vec<SourceGroup>, LdapFailure> {
    let Some(settings) = &inner.settings.groups else { return Ok(Vec::new()) };
    let mut session = inner.session().await?;
    let attributes = [settings.name_attribute.as_str()];
    let search = Search { base, scope, filter, attributes: &attributes, limit: IMPORT_MAX };
    let found = session.search(search).await?;
    let mut groups: Vec<_> =
        found.entries.iter().filter_map(|entry| groups::group(entry, settings)).collect();
    groups.sort();
    Ok(groups)
}
