//! A whole run: for every workload, the servers it needs; for every case and round, each of them in turn.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};

use crate::{
    cli::{Options, note, say},
    process,
    report::{Collected, Report, charts, table},
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
            say(&format!("{:<24}  {}{mark}", workload.name(), workload.about()));
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
    if let Some(folder) = &options.plot {
        charts::write(report.rows(), folder)?;
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
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let mut contestants = Vec::new();
    for kind in kinds {
        match start(workload, kind.as_ref(), &folder, &budget) {
            Ok(Some(contestant)) => contestants.push(contestant),
            Ok(None) => {}
            Err(error) => collected.missing(kind.name(), &error),
        }
    }
    let rounds = workload.rounds(options.rounds(), &budget);
    for case in workload.cases(&budget) {
        for round in 0..rounds {
            let what =
                [workload.name().to_owned(), case.to_string(), format!("round {} of {rounds}", round + 1)];
            note(&what.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", "));
            // Nobody is always the first, or always behind the same other.
            let first = usize::try_from(round)? % contestants.len().max(1);
            let (before, after) = contestants.split_at_mut(first);
            let order = after.iter_mut().chain(before);
            turn(workload, order, &case, &folder, &budget, &mut collected)?;
        }
    }
    drop(contestants);
    fs::remove_dir_all(&folder).with_context(|| format!("could not remove {}", folder.display()))?;
    Ok(collected)
}

/// One round of one case: each server in turn.
fn turn<'a>(
    workload: &dyn Workload,
    contestants: impl Iterator<Item = &'a mut Contestant>,
    case: &Case,
    folder: &Path,
    budget: &Budget,
    collected: &mut Collected,
) -> Result<()> {
    let disk = fs::File::open(folder).with_context(|| format!("could not open {}", folder.display()))?;
    for Contestant { server, session } in contestants {
        // What one server has left unwritten must not be written at the cost of the next one's syncs.
        rustix::fs::syncfs(&disk)?;
        server.reset_peak_memory();
        match session.run(server, case, budget) {
            Ok(measured) => collected.add(server.name(), case, measured),
            Err(error) => collected.fail(server.name(), case, &error),
        }
    }
    rustix::fs::syncfs(&disk)?;
    match workload.reference(folder, case, budget) {
        Ok(Some(measured)) => collected.add("disk", case, vec![measured]),
        Ok(None) => {}
        Err(error) => collected.fail("disk", case, &error),
    }
    Ok(())
}

/// Starts a server for a workload; `None` if it is not the kind that the workload asks for.
fn start(
    workload: &dyn Workload,
    kind: &dyn Kind,
    folder: &Path,
    budget: &Budget,
) -> Result<Option<Contestant>> {
    let (needs, abilities) = (workload.needs(), kind.abilities());
    let unmet = [
        needs.registry && !abilities.registry,
        needs.tls && !abilities.tls,
        needs.process && !abilities.process,
        needs.longshore && !abilities.longshore,
    ];
    if unmet.contains(&true) {
        return Ok(None);
    }
    if workload.pushes() && !kind.may_be_pushed_to() {
        return Err(Unsupported("it is pushed to only with --allow-push".to_owned()).into());
    }
    let folder = folder.join(kind.name());
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    let identity = if needs.tls { Some(Identity::write(&folder)?) } else { None };
    let mut server = kind.start(&folder, identity.as_ref())?;
    let session = workload.prepare(&mut server, budget)?;
    Ok(Some(Contestant { server, session }))
}
