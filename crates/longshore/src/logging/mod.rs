//! The log on standard error, and traces for a collector.

mod line;
mod traces;

use anyhow::Context as _;
use longshore_http::ACCESS_LOG_TARGET;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{FilterExt as _, Targets, filter_fn},
    layer::{Filter, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use self::{line::LineFormat, traces::Traces};
use crate::config::{LogConfig, TracingConfig};

/// What must be told to end, so that nothing is lost.
pub(crate) struct Logging {
    traces: Option<Traces>,
}

impl Logging {
    /// Starts both. Needs to run inside of the runtime if there is a collector.
    pub(crate) fn start(log: &LogConfig, tracing: &TracingConfig) -> anyhow::Result<Self> {
        let traces = Traces::start(tracing).context("tracing.otlp")?;
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .event_format(LineFormat::new(log.format, log.fields.clone()))
            .with_filter(lines_filter(log));
        match &traces {
            Some(traces) => {
                let spans =
                    traces.layer().with_filter(Targets::new().with_target("longshore", LevelFilter::INFO));
                Registry::default().with(lines).with(spans).try_init()?;
            }
            // Not an `Option` of a layer: that one is asked again for every span and event, and lets all of them pass.
            None => Registry::default().with(lines).try_init()?,
        }
        Ok(Self { traces })
    }

    /// Sends what is left.
    pub(crate) async fn finish(self) {
        if let Some(traces) = self.traces {
            traces.finish().await;
        }
    }
}

/// What becomes a line. Spans are for traces: where nobody wants them, making one costs next to nothing.
fn lines_filter<S>(log: &LogConfig) -> impl Filter<S> + use<S> {
    targets(log).and(filter_fn(|metadata| metadata.is_event()))
}

/// Our own events from `log.level` on; those of libraries from `warn` on.
fn targets(log: &LogConfig) -> Targets {
    let own: LevelFilter = log.level.parse().unwrap_or(LevelFilter::INFO);
    let others = own.min(LevelFilter::WARN);
    let access = if log.access_log { own } else { LevelFilter::OFF };
    Targets::new().with_default(others).with_target("longshore", own).with_target(ACCESS_LOG_TARGET, access)
}

/// For commands that work and end: what goes wrong, as text.
pub(crate) fn start_quiet(log: &LogConfig) -> anyhow::Result<()> {
    let level = log.level.parse().unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .event_format(LineFormat::new(log.format, Vec::new()))
        .with_filter(Targets::new().with_default(LevelFilter::WARN).with_target("longshore", level));
    Ok(Registry::default().with(lines).try_init()?)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::config::LogFormat;

    #[test]
    fn levels() {
        let log =
            |level, access_log| LogConfig { level, format: LogFormat::Text, fields: vec![], access_log };
        let info = targets(&log("info", true));
        assert!(info.would_enable("longshore_http::server", &Level::INFO));
        assert!(info.would_enable(ACCESS_LOG_TARGET, &Level::INFO));
        assert!(!info.would_enable("longshore_http::server", &Level::DEBUG));
        assert!(!info.would_enable("hyper::proto", &Level::INFO));
        assert!(info.would_enable("rustls", &Level::WARN));
        assert!(!targets(&log("info", false)).would_enable(ACCESS_LOG_TARGET, &Level::INFO));
        assert!(!targets(&log("error", true)).would_enable("rustls", &Level::WARN));
    }

    /// Counts what reaches it.
    struct Count(std::sync::Arc<std::sync::atomic::AtomicUsize>);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Count {
        fn register_callsite(
            &self,
            _metadata: &'static tracing::Metadata<'static>,
        ) -> tracing::subscriber::Interest {
            tracing::subscriber::Interest::always()
        }

        fn on_event(&self, _event: &tracing::Event<'_>, _cx: tracing_subscriber::layer::Context<'_, S>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn what_nobody_wants_is_not_made() {
        let lines = std::sync::Arc::default();
        let log = LogConfig { level: "info", format: LogFormat::Text, fields: vec![], access_log: false };
        let subscriber =
            Registry::default().with(Count(std::sync::Arc::clone(&lines)).with_filter(lines_filter(&log)));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request");
            assert!(span.is_disabled());
            tracing::info!(target: ACCESS_LOG_TARGET, "not wanted");
            assert!(!tracing::enabled!(target: ACCESS_LOG_TARGET, Level::INFO));
            tracing::info!("wanted");
        });
        assert_eq!(lines.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
