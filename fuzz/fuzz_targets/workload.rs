//! Tokens and certificates of workloads, SPIFFE IDs, and what a browser brings back from a provider.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use longshore_identity::{
    oidc::Callback,
    workload::{SpiffeId, TrustSettings, WorkloadError, Workloads},
};
use longshore_types::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio::runtime::{Builder, Runtime};

/// Nobody's word counts: everything is refused, by whatever way.
fn nobody() -> &'static (Runtime, Workloads) {
    static NOBODY: OnceLock<(Runtime, Workloads)> = OnceLock::new();
    NOBODY.get_or_init(|| {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        (runtime, Workloads::new(&TrustSettings::default()).expect("no settings are good settings"))
    })
}

fuzz_target!(|bytes: &[u8]| {
    let (runtime, workloads) = nobody();
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    let certificate = CertificateDer::from(bytes);
    let result = runtime.block_on(workloads.verify_certificate(&[certificate], now));
    assert!(matches!(result, Err(WorkloadError::Certificate(_))));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let result = runtime.block_on(workloads.verify_token(text, now));
    assert!(matches!(result, Err(WorkloadError::Token(_))));
    if let Ok(id) = text.parse::<SpiffeId>() {
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{}{}", id.domain().id(), id.path()), text);
    }
    let _ = Callback::from_query(text);
});
