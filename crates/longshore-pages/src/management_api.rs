//! The management API as pages ask it.

use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};

/// A method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

/// A call of the management API.
#[derive(Clone, Debug)]
pub struct ApiCall {
    /// The method.
    pub verb: Verb,
    /// Path and query below `/api/v2.0`, encoded: `/projects?page=2`.
    pub target: String,
    /// JSON, or empty.
    pub body: Bytes,
    /// Whether a refusal is recorded: not where a page only looks whether it may show something.
    pub is_meant: bool,
}

/// What the management API answers.
#[derive(Clone, Debug, Default)]
pub struct ApiAnswer {
    /// Of HTTP.
    pub status: u16,
    /// `X-Total-Count`: how long the whole listing is.
    pub total: Option<u64>,
    /// `Location`: where what was created lies.
    pub location: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Why somebody is not logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefused {
    /// Name or password are wrong.
    Wrong,
    /// There were too many tries; seconds to wait.
    TooMany(u64),
    /// It cannot be looked at now.
    Unavailable,
}

/// The management API, asked as the person who looks at the page.
pub trait ManagementApi: Send + Sync {
    /// Calls it.
    fn call(&self, call: ApiCall) -> BoxFuture<'_, ApiAnswer>;

    /// Reads the same again and again, a while after each answer, as the same person each time. It ends when they may no
    /// longer, and after some minutes; browsers come back. None where too many are listened to already.
    fn follow(&self, target: String) -> Option<BoxStream<'static, ApiAnswer>>;

    /// Logs somebody in, in this browser, and ends the session that was there.
    fn sign_in<'a>(&'a self, name: &'a str, password: &'a str) -> BoxFuture<'a, Result<(), SignInRefused>>;

    /// Ends the session.
    fn sign_out(&self) -> BoxFuture<'_, Result<(), SignInRefused>>;
}
