//! `tracing`.

use super::{section::Section, values::Secret};

/// Where traces go.
#[derive(Clone, Debug)]
pub(crate) struct TracingConfig {
    /// `None`: nowhere.
    pub(crate) otlp_endpoint: Option<String>,
    pub(crate) otlp_headers: Vec<(String, Secret)>,
    /// From 0 to 1.
    pub(crate) sampling: f64,
}

impl TracingConfig {
    pub(super) fn read(tracing: &Section<'_>) -> Self {
        let otlp = tracing.section("otlp");
        let endpoint = otlp.text("endpoint");
        if endpoint.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            otlp.refuse("endpoint", "must begin with http:// or https://");
        }
        let sampling = otlp.text("sampling").and_then(|text| text.parse().ok());
        let sampling = sampling.filter(|part| (0.0..=1.0).contains(part)).unwrap_or_else(|| {
            otlp.refuse("sampling", "must be a number from 0.0 to 1.0");
            0.0
        });
        Self {
            otlp_endpoint: endpoint,
            otlp_headers: otlp
                .values("headers")
                .into_iter()
                .map(|(name, value)| (name, Secret::new(value)))
                .collect(),
            sampling,
        }
    }
}
