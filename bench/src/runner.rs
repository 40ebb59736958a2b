//! A whole run: for every workload, the servers it needs; for every case and round, each of them in turn.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};

use crate::{
    cli::{Options, note, say},
    process,
    report::{Collected, Report, table},
    server::{self, Kind, Server},
    tls::Identity,
    workload::{Budget, Case, Session, Unsupported, Workload},
    workloads,
};

/// Runs what the command line asks for. The exit code says whether every workload ran.
///
/// # Errors
/// When nothing can be run at all: unknown names, a folder that cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        for workload in workloads::all() {
            let mark = if workload.by_default() { "" } else { " (by name only)" };
            say(&format!("{:<24} {}{mark}", workload.name(), workload.about()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let workloads = workloads::chosen(&options.workloads)?;
    let kinds = server::find(options)?;
    anyhow::ensure!(!kinds.is_empty(), "no server was found; --longshore names its program");
    let folder = tempfile::Builder::new()
        .prefix("longshore-bench-")
        .tempdir_in(&options.data)
        .with_context(|| format!("could not make a folder in {}", options.data.display()))?;
    process::stop_all_on_signals(folder.path())?;
    let mut report = Report::new(options, &kinds);
    for workload in &workloads {
        let rows = run_workload(workload.as_ref(), &kinds, folder.path(), options)?.into_rows();
        say(&table::of(&rows));
        report.add(rows);
    }
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A server in a workload.
struct Contestant {
    server: Server,
    session: Box<dyn Session>,
}

fn run_workload(
    workload: &dyn Workload,
    kinds: &[Box<dyn Kind>],
    folder: &Path,
    options: &Options,
) -> Result<Collected> {
    let budget = options.budget();
    let mut collected = Collected::new(workload.name());
    let folder = folder.join(workload.name());
    let mut contestants = Vec::new();
    for kind in kinds {
        match start(workload, kind.as_ref(), &folder, &budget) {
            Ok(Some(contestant)) => contestants.push((kind.name(), contestant)),
            Ok(None) => {}
            Err(error) => collected.missing(kind.name(), &error),
        }
    }
    for case in workload.cases(&budget) {
        for round in 0..options.rounds() {
            note(&format!("{} {case}: round {} of {}", workload.name(), round + 1, options.rounds()));
            turn(workload, &mut contestants, &case, &folder, &budget, &mut collected);
        }
    }
    drop(contestants);
    fs::remove_dir_all(&folder).with_context(|| format!("could not remove {}", folder.display()))?;
    Ok(collected)
}

/// One round of one case: each server in turn.
fn turn(
    workload: &dyn Workload,
    contestants: &mut [(&str, Contestant)],
    case: &Case,
    folder: &Path,
    budget: &Budget,
    collected: &mut Collected,
) {
    for (name, Contestant { server, session }) in contestants.iter_mut() {
        server.reset_peak_memory();
        match session.run(server, case, budget) {
            Ok(measured) => collected.add(name, case, measured),
            Err(error) => collected.fail(name, case, &error),
        }
    }
    match workload.reference(folder, case, budget) {
        Ok(Some(measured)) => collected.add("disk", case, vec![measured]),
        Ok(None) => {}
        Err(error) => collected.fail("disk", case, &error),
    }
}

/// Starts a server for a workload; `None` if it is not the kind that the workload asks for.
fn start(
    workload: &dyn Workload,
    kind: &dyn Kind,
    folder: &Path,
    budget: &Budget,
) -> Result<Option<Contestant>> {
    let (needs, abilities) = (workload.needs(), kind.abilities());
    if needs.longshore && !abilities.longshore {
        return Ok(None);
    }
    for (needed, able, what) in [
        (needs.registry, abilities.registry, "it serves files only"),
        (needs.tls, abilities.tls, "it has no TLS"),
        (needs.process, abilities.process, "it is not ours to start"),
    ] {
        if needed && !able {
            return Err(Unsupported(what.to_owned()).into());
        }
    }
    let folder = folder.join(kind.name());
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let identity = if needs.tls { Some(Identity::write(&folder)?) } else { None };
    let mut server = kind.start(&folder, identity.as_ref())?;
    let session = workload.prepare(&mut server, budget)?;
    Ok(Some(Contestant { server, session }))
}
