//! Requests: `METHOD target`, as a client writes them.
#![no_main]

use http::{Method, Uri};
use libfuzzer_sys::fuzz_target;

// The parser is private to its crate and stays so; it is compiled into this target as it is.
#[allow(dead_code, unused_imports, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/endpoint.rs"]
mod endpoint;
#[allow(dead_code, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/query.rs"]
mod query;
#[allow(dead_code, reason = "only the parser is called here")]
#[path = "../../crates/longshore-http/src/route.rs"]
mod route;

fuzz_target!(|text: &str| {
    let Some((method, target)) = text.split_once(' ') else { return };
    let (Ok(method), Ok(target)) = (method.parse::<Method>(), target.parse::<Uri>()) else { return };
    if !target.path().starts_with("/v2") {
        return;
    }
    if let Ok(endpoint) = endpoint::Endpoint::parse(&method, target.path(), target.query()) {
        assert!(endpoint.route().as_str().starts_with("/v2"), "{endpoint:?}");
    }
});
