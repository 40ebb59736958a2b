//! The report as a table for people.

use super::{Entry, Row};

/// Columns that have a place of their own; a workload's own numbers follow.
const COLUMNS: [(&str, &str); 7] = [
    ("operations", "op/s"),
    ("throughput", "MB/s"),
    ("p50", "p50 ms"),
    ("p99", "p99 ms"),
    ("cpu_per_operation", "cpu us/op"),
    ("cpu_per_gb", "cpu s/GB"),
    ("peak_rss", "peak MiB"),
];
/// Columns that say something only where much is moved.
const OF_BYTES: [&str; 2] = ["throughput", "cpu_per_gb"];
/// Metrics that only the JSON has.
const HIDDEN: [&str; 2] = ["client_cpu_per_operation", "rss"];

/// The rows of a workload as a table, each server a line: medians, the spread of the headline, and how much of it
/// Longshore has.
pub(crate) fn of(rows: &[Row]) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let large = rows.iter().any(|row| row.headline == "throughput");
    let shown = |name: &str| has(rows, name) && (large || !OF_BYTES.contains(&name));
    let columns: Vec<_> = COLUMNS.iter().filter(|(name, _)| shown(name)).collect();
    let mut head = vec![String::new(), String::new(), "min..max".to_owned(), "longshore is".to_owned()];
    head.extend(columns.iter().map(|(_, title)| (*title).to_owned()));
    lines.push(head);
    for row in rows {
        for (index, entry) in row.entries.iter().enumerate() {
            let title = if index == 0 { title(row) } else { String::new() };
            let mut line = vec![title, entry.server.clone()];
            line.extend(spread_and_ratio(row, entry));
            line.extend(
                columns.iter().map(|(name, _)| {
                    entry.metric(name).map_or(String::new(), |metric| number(metric.median))
                }),
            );
            line.extend(others(entry));
            line.extend(problem(entry));
            lines.push(line);
        }
    }
    let title = rows.first().map_or(String::new(), |row| format!("\n{}\n", row.workload));
    title + &aligned(&lines, columns.len() + 4)
}

fn has(rows: &[Row], name: &str) -> bool {
    rows.iter().flat_map(|row| &row.entries).any(|entry| entry.metric(name).is_some())
}

fn title(row: &Row) -> String {
    let case = row.case.to_string();
    let parts = [case.as_str(), row.part.as_str()];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(", ")
}

/// The ends of the headline, and the ratio of Longshore's headline to this server's.
fn spread_and_ratio(row: &Row, entry: &Entry) -> [String; 2] {
    let spread =
        entry.metric(&row.headline).map(|metric| format!("{}..{}", number(metric.min), number(metric.max)));
    let ours = row.entry("longshore").and_then(|ours| ours.metric(&row.headline));
    let ratio = ours.and_then(|ours| ours.ratios.get(&entry.server)).map(|ratio| format!("{ratio:.2} x"));
    [spread.unwrap_or_default(), ratio.unwrap_or_default()]
}

/// What has no column: name, number and unit.
fn others(entry: &Entry) -> Vec<String> {
    let known = |name: &str| HIDDEN.contains(&name) || COLUMNS.iter().any(|(column, _)| *column == name);
    let others = entry.metrics.iter().filter(|metric| !known(&metric.name));
    others
        .map(|metric| format!("{} {} {}", metric.name, number(metric.median), metric.unit.symbol()))
        .collect()
}

fn problem(entry: &Entry) -> Option<String> {
    let problem = entry.problem.as_deref()?;
    Some(match entry.errors {
        0 => problem.to_owned(),
        errors => format!("{errors} ERRORS, the first: {problem}"),
    })
}

/// Three digits that count, or all that stand before the point.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let plain = format!("{value:.digits$}");
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0
            && (whole.len() - index).is_multiple_of(3)
            && digit.is_ascii_digit()
            && !grouped.ends_with('-')
        {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// Pads the first `columns` cells of each line: the first two to the left, the rest to the right.
fn aligned(lines: &[Vec<String>], columns: usize) -> String {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().enumerate().map(|(column, cell)| match widths.get(column) {
            Some(&width) if column < 2 => format!("{cell:<width$}"),
            Some(&width) => format!("{cell:>width$}"),
            None => cell.clone(),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        load::Errors,
        report::Collected,
        workload::{Case, Measured, Unsupported},
    };

    #[test]
    fn numbers_have_three_digits_that_count() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.0123, "0.012"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1234.5, "1,234"),
            (104_000.0, "104,000"),
            (-1234.5, "-1,234"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_table_shows_medians_spread_ratios_errors_and_what_is_missing() {
        let mut collected = Collected::new("manifest-get-tag");
        let case = &Case::each("connections", &[32])[0];
        let round = |operations, errors| Measured {
            operations,
            elapsed: Duration::from_secs(1),
            errors: Errors { count: errors, first: (errors > 0).then(|| "broken".to_owned()) },
            ..Measured::default()
        };
        for operations in [900, 1000, 2000] {
            collected.add("longshore", case, vec![round(operations, 0)]);
            collected.add("zot", case, vec![round(operations / 2, 1)]);
        }
        collected.missing("nginx", &Unsupported("it serves files only".to_owned()).into());
        let text = of(&collected.into_rows());
        let lines: Vec<_> = text.lines().map(str::trim_end).collect();
        assert_eq!(lines[1], "manifest-get-tag");
        assert!(lines[3].starts_with("connections=32  longshore  900..2,000"), "{text}");
        assert!(lines[4].contains("450..1,000") && lines[4].contains("2.00 x"), "{text}");
        assert!(lines[4].ends_with("3 ERRORS, the first: broken"), "{text}");
        assert!(
            lines[5].contains("nginx") && lines[5].ends_with("not supported: it serves files only"),
            "{text}"
        );
    }
}
