//! Who calls a use case, and when.

use longshore_auth::Caller;
use longshore_types::Timestamp;
use serde::{Deserialize, Serialize};

/// What notifications say about the request behind an event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestInfo {
    /// The request's id, as in the log.
    pub id: String,
    /// The client's address.
    pub addr: String,
    /// The host that the client asked.
    pub host: String,
    /// The method.
    pub method: String,
    /// The client's user agent.
    pub useragent: String,
}

/// The circumstances of a use case.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// When.
    pub now: Timestamp,
    /// By which request; empty where nobody is told ([`crate::Registry::tells_of_events`]).
    pub request: RequestInfo,
}
