//! Directories (LDAP v3, RFC 4511): who somebody is, whether the password is theirs, which groups they are in.
//!
//! A login is a conversation on a connection of its own: the search account looks for the one entry with that name,
//! the entry's password is tried, then the search account asks for the groups. The directory decides about passwords;
//! none is kept here.

mod escape;
mod groups;
mod login;
mod session;
mod settings;
mod source;

pub use escape::{Dn, DnError, escape_dn, escape_filter};
pub use settings::{LdapGroupSettings, LdapMembership, LdapScope, LdapSettings, MemberName};
pub use source::{LdapSource, LdapUser};
