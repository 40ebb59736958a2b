//! Sources of identity that ask somebody else: directories (LDAP), providers (OpenID Connect), trust domains (SPIFFE). The
//! only crate that speaks to them; what they say becomes an [`Identity`] or a [`workload::Workload`], and what that may
//! do is decided elsewhere. Moments are arguments.

pub mod certificate;
mod error;
mod issuer;
mod jwt;
pub mod ldap;
pub mod oidc;
mod pattern;
mod secret;
mod source;
mod tls;
mod watched;
mod web;
pub mod workload;

pub use error::SettingsError;
pub use jwt::TokenError;
pub use pattern::{PatternError, WildcardPattern};
/// A certificate in its DER form.
pub use rustls_pki_types::CertificateDer;
pub use secret::Secret;
pub use source::{Identity, PasswordSource, SourceError, SourceGroup};
pub use web::FetchError;
