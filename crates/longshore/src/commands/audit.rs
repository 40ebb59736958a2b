//! `longshore audit verify` and `longshore audit export`.

use std::{
    fmt::Write as _,
    io::{self, Write as _, stdout},
    process::ExitCode,
};

use longshore_metadata::{AuditEvent, AuditFilter, AuditOrder, Metadata};
use longshore_types::Timestamp;

use super::{DAMAGED, USAGE, complain, maintenance, print};
use crate::{
    audit::{CSV_HEADER, csv_line, json_line},
    background::now,
    cli::{AuditCommand, ExportFormat, Place},
    config,
    lock::Use,
    open::Opened,
};

/// Rows read at a time.
const PAGE: usize = 500;

pub(super) fn run(command: AuditCommand) -> ExitCode {
    match command {
        AuditCommand::Verify { place } => verify(&place),
        AuditCommand::Export { place, format, since, until } => {
            let moment = |text: Option<&str>| text.map(|text| moment(text, now())).transpose();
            match (moment(since.as_deref()), moment(until.as_deref())) {
                (Ok(from), Ok(until)) => export(&place, format, from, until),
                (Err(why), _) | (_, Err(why)) => {
                    complain(&why);
                    ExitCode::from(USAGE)
                }
            }
        }
    }
}

fn verify(place: &Place) -> ExitCode {
    maintenance::run(place, Use::Beside, async |_, opened: &Opened| {
        let report = opened.registry.metadata().verify_audit().await?;
        let mut text = String::new();
        if report.purged.sequence > 0 {
            let _ = writeln!(text, "retention took the rows up to number {}", report.purged.sequence);
        }
        let head = &report.head;
        let _ = writeln!(
            text,
            "compared {} rows; the last is number {}, sha256:{}",
            report.rows,
            head.sequence,
            head.hash.hex()
        );
        if report.unsealed > 0 {
            let _ = writeln!(text, "{} rows have no place in the chain yet", report.unsealed);
        }
        let _ = match &report.damage {
            None => writeln!(text, "all is well"),
            Some(damage) => writeln!(text, "damaged: {damage}"),
        };
        let printed = print(&text);
        Ok(if report.damage.is_none() { printed } else { ExitCode::from(DAMAGED) })
    })
}

fn export(
    place: &Place,
    format: ExportFormat,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> ExitCode {
    maintenance::run(place, Use::Beside, async |_, opened: &Opened| {
        let filter = AuditFilter { from, until, ..AuditFilter::default() };
        match write_all(opened.registry.metadata(), &filter, format).await {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // Whoever read it has enough.
            Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(error),
        }
    })
}

async fn write_all(
    metadata: &Metadata,
    filter: &AuditFilter<'_>,
    format: ExportFormat,
) -> anyhow::Result<()> {
    if format == ExportFormat::Csv {
        stdout().lock().write_all(CSV_HEADER.as_bytes())?;
    }
    let mut after = None;
    loop {
        // A new transaction for each page: nobody waits for a slow reader.
        let page = metadata.read().await?.audit_page(filter, AuditOrder::OldestFirst, after, 0, PAGE).await?;
        let text: String = page.entries.iter().map(|row| line(row, format)).collect();
        stdout().lock().write_all(text.as_bytes())?;
        after = page.entries.last().map(AuditEvent::position);
        if !page.more {
            return Ok(stdout().lock().flush()?);
        }
    }
}

fn line(row: &AuditEvent, format: ExportFormat) -> String {
    match format {
        ExportFormat::Json => json_line(row) + "\n",
        ExportFormat::Csv => csv_line(row),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A moment, the beginning of a day, or a time span before now.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp::from_unix_millis(moment.as_millisecond()));
    }
    // A moment without its zone would count as its day here.
    if text.len() == "2026-11-21".len()
        && let Ok(day) = text.parse::<jiff::civil::Date>()
        && let Ok(start) = day.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Ok(Timestamp::from_unix_millis(start.timestamp().as_millisecond()));
    }
    match config::duration(text) {
        Ok(span) => Ok(now.before(span)),
        Err(_) => Err(format!("{text:?} is no moment: write 2026-11-21T15:00:00Z, 2026-11-21, or 24h")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let now = Timestamp::from_unix_millis(1_795_249_431_250);
        let check = |text: &str, millis: Option<i64>| {
            assert_eq!(moment(text, now).ok().map(Timestamp::unix_millis), millis, "{text}");
        };
        check("1970-01-01T00:00:01Z", Some(1000));
        check("1970-01-01T01:00:00.5+01:00", Some(500));
        check("1970-01-02", Some(86_400_000));
        check("90s", Some(1_795_249_341_250));
        check("1970-01-01T00:00:01", None);
        check("yesterday", None);
        check("", None);
    }
}
