//! OpenID Connect: people who log in at a provider with their browser.
//!
//! The authorization code flow (OpenID Connect Core 1.0 section 3.1) with PKCE (RFC 7636), `state` and `nonce`:
//! [`OidcProvider::begin`] makes the address to send the browser to and the [`LoginState`] to keep in a cookie;
//! [`OidcProvider::finish`] exchanges the code that the browser brings back, verifies the ID token and says who it is.

mod claims;
mod flow;
mod id_token;
mod provider;
mod settings;
mod state;

pub use provider::{OidcError, OidcLogin, OidcProvider};
pub use settings::{ClientAuthentication, OidcSettings};
pub use state::{Callback, LoginState};
