//! Workloads that prove who they are by somebody else's word, without a stored secret: a token of their CI system or
//! cluster (OpenID Connect), or an identity of a trust domain (SPIFFE).
//!
//! [`Workloads`] verifies and says who it is; [`TrustRule`]s, which are values and ask nobody, say whether that is enough.

mod narrow;
mod rule;
mod settings;
mod spiffe;
mod verify;
mod x509;

pub use rule::{ClaimPath, RuleError, TrustRule};
pub use settings::{TrustDomainSettings, TrustIssuerSettings, TrustSettings};
pub use spiffe::{SpiffeId, SpiffeIdError, TrustDomain};
pub use verify::{Workload, WorkloadError, Workloads};
pub(crate) use x509::Authorities;
pub use x509::SvidError;
