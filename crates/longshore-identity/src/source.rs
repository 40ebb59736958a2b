//! What a source says of somebody.

use std::error::Error;

use crate::ldap::LdapSource;

/// Somebody, as a source knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The source's own name for them, which never changes: `entryuuid:…`, a subject; a DN where there is nothing better.
    pub external_id: String,
    /// Another name by which the source may have been known to call them: the DN, beside something that lasts longer.
    pub former_id: Option<String>,
    /// The name that they log in with.
    pub name: String,
    /// Where their mail goes.
    pub email: Option<String>,
    /// What people call them; may be empty.
    pub real_name: String,
    /// The groups that they are in.
    pub groups: Vec<SourceGroup>,
    /// Whether the source's settings make them administrators.
    pub admin: bool,
}

/// A group, as a source knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceGroup {
    /// A DN for LDAP; else the name.
    pub external_id: String,
    /// What people call it.
    pub name: String,
}

/// Why a source says nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It does not know this name, or the password is wrong: the next source may be asked.
    #[error("the source does not accept these credentials")]
    Refused,
    /// It cannot be reached or does not answer as it should.
    #[error("the source cannot be asked")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// A source that checks names and passwords.
#[async_trait::async_trait]
pub trait PasswordSource: std::fmt::Debug + Send + Sync {
    /// Its name in the configuration; users that it vouches for carry it.
    fn name(&self) -> &str;

    /// Who this is, if the password is right.
    ///
    /// # Errors
    /// [`SourceError::Refused`] also for an empty password, whatever the source would say.
    async fn check(&self, name: &str, password: &str) -> Result<Identity, SourceError>;

    /// Who has this name, without a password: to see whether somebody is still there and what they are now, and whose
    /// password is about to be tried.
    ///
    /// # Errors
    /// [`SourceError::Refused`] when there is nobody, or several, of that name.
    async fn look_up(&self, name: &str) -> Result<Identity, SourceError>;

    /// The directory that this is, if it is one: it can be tried and searched.
    fn as_directory(&self) -> Option<&LdapSource> {
        None
    }

    /// Whether a group that is called so could be one of this source's; a source without groups has none.
    fn may_have_group(&self, external_id: &str) -> bool {
        let _ = external_id;
        false
    }
}
