//! The groups that somebody is in.

use std::collections::{BTreeMap, VecDeque};

use ldap3::Scope;

use super::{
    Dn, LdapGroupSettings, LdapMembership, MemberName, escape_filter,
    session::{Entry, LdapFailure, Search, Session},
    settings::Checked,
};
use crate::SourceGroup;

/// Most groups of one user.
const GROUPS_MAX: usize = 1000;
/// Members asked for in one search.
const BATCH: usize = 50;

/// Somebody whose groups are wanted.
pub(super) struct Member<'a> {
    pub(super) entry: &'a Entry,
    pub(super) uid: &'a str,
}

/// Groups by their names in the one form, so that each is there once however often it was found.
type Groups = BTreeMap<String, SourceGroup>;

/// All groups of a user, sorted.
pub(super) async fn groups_of(
    session: &mut Session,
    settings: &LdapGroupSettings,
    checked: &Checked,
    base: &str,
    member: Member<'_>,
) -> Result<Vec<SourceGroup>, LdapFailure> {
    let mut look = Look { session, settings, checked, base, found: Groups::new() };
    match &settings.membership {
        LdapMembership::OfUser { attribute } => look.named_by(member.entry, attribute).await?,
        LdapMembership::OfGroup { attribute, by } => {
            let name = match by {
                MemberName::Dn => &member.entry.dn,
                MemberName::Uid => member.uid,
            };
            look.naming(name, attribute).await?;
        }
    }
    if look.found.len() >= GROUPS_MAX {
        tracing::warn!(dn = member.entry.dn, "in {GROUPS_MAX} groups or more: the others are left out");
    }
    Ok(look.found.into_values().collect())
}

/// A group, as an entry shows it.
pub(super) fn group(entry: &Entry, settings: &LdapGroupSettings) -> Option<SourceGroup> {
    let dn = Dn::parse(&entry.dn).ok()?;
    let name = entry.first(&settings.name_attribute)?.to_owned();
    Some(SourceGroup { external_id: dn.as_str().to_owned(), name })
}

struct Look<'a> {
    session: &'a mut Session,
    settings: &'a LdapGroupSettings,
    checked: &'a Checked,
    /// Where groups are, as it was written.
    base: &'a str,
    found: Groups,
}

impl Look<'_> {
    /// Follows the names of groups that an entry holds.
    async fn named_by(&mut self, entry: &Entry, attribute: &str) -> Result<(), LdapFailure> {
        let mut names: VecDeque<String> = entry.values(attribute).iter().cloned().collect();
        // Each look-up counts, so that a directory full of groups that are not ours ends, too.
        let mut looks = 0;
        while let Some(name) = names.pop_front() {
            let Ok(dn) = Dn::parse(&name) else { continue };
            let outside = self.checked.group_base.as_ref().is_some_and(|base| !dn.is_within(base));
            if outside || self.found.contains_key(dn.as_str()) {
                continue;
            }
            looks += 1;
            if looks > GROUPS_MAX {
                break;
            }
            let attributes = [self.settings.name_attribute.as_str(), attribute];
            let search = Search {
                base: &name,
                scope: Scope::Base,
                filter: if self.checked.group_filter.is_empty() {
                    "(objectClass=*)"
                } else {
                    &self.checked.group_filter
                },
                attributes: &attributes,
                limit: 1,
            };
            for entry in self.session.search(search).await?.entries {
                let Some(group) = group(&entry, self.settings) else { continue };
                self.found.insert(group.external_id.clone(), group);
                if self.settings.nested {
                    names.extend(entry.values(attribute).iter().cloned());
                }
            }
        }
        Ok(())
    }

    /// Searches groups that name somebody, then groups that name those.
    async fn naming(&mut self, member: &str, attribute: &str) -> Result<(), LdapFailure> {
        let mut members = vec![member.to_owned()];
        while !members.is_empty() && self.found.len() < GROUPS_MAX {
            let mut new = Vec::new();
            for batch in members.chunks(BATCH) {
                let any: String =
                    batch.iter().map(|name| format!("({attribute}={})", escape_filter(name))).collect();
                let filter = format!("(&{}(|{any}))", self.checked.group_filter);
                let attributes = [self.settings.name_attribute.as_str()];
                let search = Search {
                    base: self.base,
                    scope: self.settings.scope.into(),
                    filter: &filter,
                    attributes: &attributes,
                    limit: GROUPS_MAX,
                };
                for entry in self.session.search(search).await?.entries {
                    let Some(group) = group(&entry, self.settings) else { continue };
                    if self.found.len() < GROUPS_MAX && !self.found.contains_key(&group.external_id) {
                        self.found.insert(group.external_id.clone(), group);
                        new.push(entry.dn);
                    }
                }
            }
            members = if self.settings.nested { new } else { Vec::new() };
        }
        Ok(())
    }
}
