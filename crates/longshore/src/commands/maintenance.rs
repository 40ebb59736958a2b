//! `longshore gc`, `verify`, `links` and `rebuild`.

use std::{fmt::Write as _, process::ExitCode, thread, time::Duration};

use anyhow::{Context as _, bail};
use indicatif::HumanBytes;
use longshore_registry::{Collected, VerifyOptions};

use super::{DAMAGED, USAGE, complain, load, print, runtime};
use crate::{
    background::now,
    cli::Place,
    config::Config,
    lock::Use,
    logging,
    open::{Opened, open},
    progress::progress,
};

/// Content younger than this is left to those who are still pushing it.
const SWEEP_OLDER_THAN: Duration = Duration::from_secs(24 * 3600);

pub(super) fn gc(place: &Place, dry_run: bool, sweep: bool) -> ExitCode {
    run(place, Use::Beside, async |_, opened: &Opened| {
        let found = |found: &Collected| {
            print(&describe(found));
        };
        let registry = &opened.registry;
        let mut report = registry.collect(now(), dry_run, &found).await?;
        if sweep {
            let older_than = now().before(SWEEP_OLDER_THAN);
            let swept = registry.sweep(older_than, dry_run, progress().as_ref(), &found).await?;
            report.blobs += swept.blobs;
            report.uploads += swept.uploads;
            report.freed_bytes += swept.freed_bytes;
        }
        let took = if dry_run { "would take" } else { "took" };
        let freed = HumanBytes(report.freed_bytes);
        Ok(print(&format!(
            "{took} {} manifests, {} links, {} blobs, {} uploads: {freed}\n",
            report.manifests, report.links, report.blobs, report.uploads
        )))
    })
}

/// One line: what, which, where, and why.
fn describe(found: &Collected) -> String {
    let mut line = format!("{} {}", found.what, found.which);
    if let Some(repository) = &found.repository {
        let _ = write!(line, " in {repository}");
    }
    let _ = writeln!(line, ", {}: {}", HumanBytes(found.freed_bytes), found.why);
    line
}

pub(super) fn verify(place: &Place) -> ExitCode {
    run(place, Use::Beside, async |_, opened: &Opened| {
        let parallel = thread::available_parallelism().map_or(1, usize::from);
        let options = VerifyOptions { set_aside: true, parallel };
        let report = opened.registry.verify(&options, progress().as_ref()).await?;
        let mut text = String::new();
        for damage in &report.damage {
            let _ = writeln!(text, "{}: {}", damage.digest, damage.what);
        }
        let unnamed = report.damage_count.saturating_sub(report.damage.len() as u64);
        if unnamed > 0 {
            let _ = writeln!(text, "{unnamed} more");
        }
        let bytes = HumanBytes(report.blob_bytes);
        let found = match report.damage_count {
            0 => "all is well".to_owned(),
            count => format!("{count} damaged"),
        };
        let _ =
            writeln!(text, "read {} blobs ({bytes}), checked {} links: {found}", report.blobs, report.links);
        let printed = print(&text);
        Ok(if report.damage_count == 0 { printed } else { ExitCode::from(DAMAGED) })
    })
}

pub(super) fn links(place: &Place) -> ExitCode {
    run(place, Use::Beside, async |config, opened: &Opened| {
        let report = opened.registry.write_links(&opened.layout, progress().as_ref()).await?;
        let mut text = String::new();
        for foreign in &report.foreign {
            let _ = writeln!(text, "left alone: {foreign}");
        }
        let unnamed = report.foreign_count.saturating_sub(report.foreign.len() as u64);
        if unnamed > 0 {
            let _ = writeln!(text, "left alone: {unnamed} more");
        }
        let _ = writeln!(
            text,
            "{} has the links of {} repositories now: {} manifests, {} tags, {} blobs; {} outdated ones taken away",
            config.storage.root.display(),
            report.repositories,
            report.manifests,
            report.tags,
            report.links,
            report.removed,
        );
        Ok(print(&text))
    })
}

pub(super) fn rebuild(place: &Place) -> ExitCode {
    run(place, Use::Alone, async |_, opened: &Opened| {
        let report = opened.registry.rebuild(&opened.layout, now(), progress().as_ref()).await?;
        let imported = &report.imported;
        let mut text = String::new();
        for problem in &imported.problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        let unnamed = imported.problems_count.saturating_sub(imported.problems.len() as u64);
        if unnamed > 0 {
            let _ = writeln!(text, "problem: {unnamed} more");
        }
        for lost in &report.lost {
            let _ = writeln!(text, "lost: {lost}");
        }
        let _ = writeln!(
            text,
            "recovered {} repositories, {} manifests, {} tags, {} links",
            imported.repositories, imported.manifests, imported.tags, imported.links
        );
        Ok(print(&text))
    })
}

/// Opens what the configuration names, and works on it.
pub(super) fn run(
    place: &Place,
    purpose: Use,
    work: impl AsyncFnOnce(&Config, &Opened) -> anyhow::Result<ExitCode>,
) -> ExitCode {
    let loaded = match load(place, None) {
        Ok(loaded) => loaded,
        Err(errors) => {
            complain(&errors.to_string());
            return ExitCode::from(USAGE);
        }
    };
    let config = loaded.config;
    let worked = runtime().and_then(|runtime| {
        logging::start_quiet(&config.log)?;
        runtime.block_on(async {
            let opened = open_existing(&config, purpose).await?;
            let worked = work(&config, &opened).await;
            opened.registry.idle().await;
            opened.registry.metadata().close().await;
            worked
        })
    });
    worked.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

async fn open_existing(config: &Config, purpose: Use) -> anyhow::Result<Opened> {
    let root = config.storage.root.display();
    if !config.storage.root.is_dir() {
        bail!(
            "there is no storage folder {root}; name the configuration of the server, or its folder with --data"
        );
    }
    let opened = open(config, purpose).await?;
    // Without an index nothing seems to be needed: a collection would take it all.
    if purpose != Use::Alone && opened.registry.import_is_due().await.context("cannot read the index")? {
        bail!(
            "{root} has no complete index: start `longshore serve` on it once, or run `longshore rebuild` if the \
             index was lost"
        );
    }
    Ok(opened)
}
