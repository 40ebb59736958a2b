//! `longshore serve`.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use longshore_accounts::Accounts;
use longshore_http::{Api, Metrics, Parts, Server};
use longshore_types::error_chain;
use tokio::{sync::watch, task::JoinSet, time::timeout};

use super::{USAGE, complain, load, runtime};
use crate::{
    accounts::{self, FirstPassword},
    audit,
    background::{self, Extent},
    cli::Place,
    config::{AuthConfig, Config, LogFormat},
    lock::Use,
    logging::Logging,
    notifications::Notifier,
    open::{Opened, open, records},
    progress::progress,
    server, signals,
};

/// How long work in the background may take to come to its end.
const BACKGROUND_ENDS_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn run(place: &Place, listen: Option<&str>) -> ExitCode {
    let loaded = match load(place, listen) {
        Ok(loaded) => loaded,
        Err(errors) => {
            complain(&errors.to_string());
            return ExitCode::from(USAGE);
        }
    };
    let served = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let logging = Logging::start(&loaded.config.log, &loaded.config.tracing)?;
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
            let served = serve(&loaded.config).await;
            if let Err(error) = &served {
                tracing::error!("{error:#}");
            }
            logging.finish().await;
            Ok(served)
        })
    });
    match served {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // The log has it.
        Ok(Err(_)) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let settings = server::http_settings(config)?;
    let authenticator = Arc::new(server::authenticator(config)?);
    let opened = open(config, Use::Serve).await?;
    take_over(&opened).await?;

    let registry = opened.registry.clone();
    let metrics = Arc::new(Metrics::default());
    let mut parts = Parts {
        registry: registry.clone(),
        authenticator,
        metrics,
        api: None,
        tokens: None,
        rate_limits: server::rate_limits(config),
    };
    if let Some(settings) = &config.accounts {
        let accounts = accounts::accounts(config, settings, registry.metadata())?;
        FirstPassword::of(&opened.folder).first_start(&accounts).await?;
        let counted = |repositories| tracing::info!(repositories, "counting what projects hold");
        accounts.begin_counting_usage(&counted).await.context("could not count what projects hold")?;
        let mut api = Api::new(server::api_settings(config, settings), accounts.clone(), registry.clone());
        if let Some(providers) = accounts::providers(settings, &accounts, &opened.folder)? {
            api = api.with_providers(providers);
        }
        api.refresh_configuration().await.context("could not read the settings of the index")?;
        let tokens = Arc::new(accounts::token_service(config, settings, accounts, &opened.folder).await?);
        parts.api = Some(Arc::new(api.with_tokens(tokens.clone())));
        parts.tokens = Some(tokens);
    } else {
        Accounts::end_counting_usage(registry.metadata()).await?;
    }
    let (tokens, api) = (parts.tokens.clone(), parts.api.clone());
    let rate_limits = parts.rate_limits.clone();
    let server = Server::bind(settings, parts).await.map_err(|error| anyhow::anyhow!(error_chain(&error)))?;
    let mut stopping = signals::listen(server.handle())?;
    let mut tasks = start_background(config, &opened, &stopping)?;
    if let Some(tokens) = tokens {
        if let Some(rate_limits) = rate_limits {
            let accounts = tokens.accounts().clone();
            tasks.spawn(accounts::follow_project_limits(accounts, rate_limits, stopping.clone()));
        }
        if !config.storage.readonly {
            let accounts = tokens.accounts().clone();
            tasks.spawn(background::collect_on_request(accounts, registry.clone(), stopping.clone()));
        }
        accounts::start(tokens, FirstPassword::of(&opened.folder), &mut tasks, &stopping);
    }
    if let Some(api) = api {
        tasks.spawn(accounts::follow_configuration(api, stopping.clone()));
    }
    warn_if_open(config, &server);
    tell_where(config, &server);

    server
        .run(async move {
            // The sender lives as long as the process.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        })
        .await;
    let ended = timeout(BACKGROUND_ENDS_WITHIN, async {
        while tasks.join_next().await.is_some() {}
        registry.idle().await;
    });
    if ended.await.is_err() {
        tracing::warn!("work in the background was cut off; it goes on with the next start");
        tasks.shutdown().await;
    }
    registry.metadata().close().await;
    tracing::info!("ended");
    Ok(())
}

/// Takes over a volume of `registry:2` at the first start.
async fn take_over(opened: &Opened) -> anyhow::Result<()> {
    if !opened.registry.import_is_due().await? {
        return Ok(());
    }
    // In a new folder there is nothing to tell of.
    let progress = if opened.layout.exists() { progress() } else { Box::new(()) };
    let report = opened
        .registry
        .import(&opened.layout, background::now(), progress.as_ref())
        .await
        .context("could not take over what registry:2 left; start again to go on")?;
    if report.repositories > 0 || report.problems_count > 0 {
        tracing::info!(
            repositories = report.repositories,
            manifests = report.manifests,
            tags = report.tags,
            links = report.links,
            problems = report.problems_count,
            "took over the volume of another registry"
        );
    }
    Ok(())
}

fn start_background(
    config: &Config,
    opened: &Opened,
    stopping: &watch::Receiver<bool>,
) -> anyhow::Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    if let Some(extent) = Extent::of(config) {
        let interval = config.collection.interval;
        tasks.spawn(background::collect(opened.registry.clone(), extent, interval, stopping.clone()));
    }
    if !config.notifications.endpoints.is_empty() {
        let notifier = Notifier::new(config, opened.registry.metadata().clone())?;
        notifier.start(&mut tasks, stopping);
    }
    if records(config) {
        audit::start(config, opened.registry.metadata(), &mut tasks, stopping)?;
    }
    Ok(tasks)
}

/// Says so where anybody on the network may do everything.
fn warn_if_open(config: &Config, server: &Server) {
    let open = config.accounts.is_none() && matches!(config.auth, AuthConfig::Open);
    if let Some(address) = server.local_addr().filter(|address| open && !address.ip().is_loopback()) {
        tracing::warn!(
            %address,
            "anybody who reaches {address} may push and pull: nothing in the configuration says who may. Set \
             accounts.enabled: true, or auth"
        );
    }
}

/// One line for the log, which programs read too, and on a terminal one for the person who started it.
fn tell_where(config: &Config, server: &Server) {
    if let Some(address) = server.debug_addr() {
        tracing::info!(%address, "debug listener");
    }
    let address = server.local_addr().map_or_else(|| config.http.addr.clone(), |address| address.to_string());
    tracing::info!(
        address,
        tls = config.http.tls.is_some(),
        storage = %config.storage.root.display(),
        version = env!("CARGO_PKG_VERSION"),
        "listening on {address}"
    );
    if stderr().is_terminal() && config.log.format == LogFormat::Text && !config.http.unix {
        // An address of no machine in particular is reached by this machine's own.
        let host = address.replace("[::]", "localhost").replace("0.0.0.0", "localhost");
        let login = match config.accounts {
            Some(_) => format!("docker login --username admin {host} && "),
            None => String::new(),
        };
        let _ = writeln!(
            stderr().lock(),
            "\nLongshore is ready. Try:  {login}docker tag alpine {host}/demo/alpine && docker push {host}/demo/alpine\n"
        );
    }
}
