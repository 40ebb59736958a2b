//! Sources of identity that ask somebody else: directories (LDAP), providers (OpenID Connect), trust domains (SPIFFE). The
//! only crate that speaks to them; what they say becomes an [`Identity`], and what that may do is decided elsewhere.

mod error;
pub mod ldap;
mod secret;
mod source;
mod tls;

pub use error::SettingsError;
pub use secret::Secret;
pub use source::{Identity, PasswordSource, SourceError, SourceGroup};
