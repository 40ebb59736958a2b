//! Numbers of several rounds as one, and how servers compare by them.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::Entry;
use crate::workload::{Measured, Unit, Value};

/// Where an operation moves at least so many bytes, bytes a second say more than operations a second.
const LARGE_BYTES: u64 = 1_000_000;

/// A number of several rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Metric {
    /// What it is.
    pub(crate) name: String,
    /// In which unit.
    pub(crate) unit: Unit,
    /// The middle of the rounds.
    pub(crate) median: f64,
    /// The least of them.
    pub(crate) min: f64,
    /// The most of them.
    pub(crate) max: f64,
    /// The median divided by that of each other server.
    pub(crate) ratios: BTreeMap<String, f64>,
}

/// The metrics of some rounds, in the order of the table's columns.
pub(super) fn of_rounds(rounds: &[Measured]) -> Vec<Metric> {
    let mut metrics: Vec<(&str, Unit, Vec<f64>)> = Vec::new();
    for round in rounds {
        for Value { name, unit, value } in values(round) {
            match metrics.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, _, values)) => values.push(value),
                None => metrics.push((name, unit, vec![value])),
            }
        }
    }
    metrics.into_iter().map(|(name, unit, values)| spread(name, unit, values)).collect()
}

/// Fills in the ratios.
pub(super) fn compare(entries: &mut [Entry]) {
    let medians: Vec<(String, String, f64)> = entries
        .iter()
        .flat_map(|entry| {
            entry.metrics.iter().map(|metric| (entry.server.clone(), metric.name.clone(), metric.median))
        })
        .collect();
    for entry in entries {
        for metric in &mut entry.metrics {
            let peers = medians.iter().filter(|(server, name, median)| {
                *server != entry.server && *name == metric.name && *median != 0.0
            });
            metric.ratios =
                peers.map(|(server, _, median)| (server.clone(), metric.median / median)).collect();
        }
    }
}

/// The metric to look at first, for rounds of any server.
pub(super) fn headline<'a>(mut rounds: impl Iterator<Item = &'a Measured>) -> String {
    let Some(first) = rounds.find(|round| round.operations > 0 || !round.values.is_empty()) else {
        return "operations".to_owned();
    };
    let name = match first.values.first() {
        Some(value) if first.operations == 0 => value.name,
        _ if first.bytes / first.operations.max(1) >= LARGE_BYTES => "throughput",
        _ => "operations",
    };
    name.to_owned()
}

/// What is reported of a round.
#[expect(clippy::cast_precision_loss, reason = "counts and sizes far below 2^52")]
fn values(round: &Measured) -> Vec<Value> {
    let mut values = Vec::new();
    let mut add = |name, unit, value| values.push(Value { name, unit, value });
    let (operations, bytes) = (round.operations as f64, round.bytes as f64);
    if round.operations > 0 {
        let seconds = round.elapsed.as_secs_f64().max(1e-9);
        add("operations", Unit::PerSecond, operations / seconds);
        if round.bytes > 0 {
            add("throughput", Unit::MegabytesPerSecond, bytes / 1e6 / seconds);
        }
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        add("p50", Unit::Milliseconds, milliseconds(round.latency.percentile(50.0)));
        add("p99", Unit::Milliseconds, milliseconds(round.latency.percentile(99.0)));
        if let Some(cpu) = round.server_cpu {
            add("cpu_per_operation", Unit::Microseconds, cpu.as_secs_f64() * 1e6 / operations);
            if round.bytes > 0 {
                add("cpu_per_gb", Unit::CpuSeconds, cpu.as_secs_f64() * 1e9 / bytes);
            }
        }
        add(
            "client_cpu_per_operation",
            Unit::Microseconds,
            round.client_cpu.as_secs_f64() * 1e6 / operations,
        );
    }
    if let Some(memory) = round.memory {
        add("peak_rss", Unit::Mebibytes, memory.peak_bytes as f64 / 1_048_576.0);
        add("rss", Unit::Mebibytes, memory.resident_bytes as f64 / 1_048_576.0);
    }
    values.extend(round.values.iter().cloned());
    values
}

fn spread(name: &str, unit: Unit, mut values: Vec<f64>) -> Metric {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    let (min, max) = (values[0], values[values.len() - 1]);
    Metric { name: name.to_owned(), unit, median, min, max, ratios: BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_the_ends() {
        for (values, median, min, max) in [
            (vec![3.0], 3.0, 3.0, 3.0),
            (vec![3.0, 1.0, 2.0], 2.0, 1.0, 3.0),
            (vec![4.0, 1.0], 2.5, 1.0, 4.0),
        ] {
            let metric = spread("x", Unit::PerSecond, values);
            assert_eq!((metric.median, metric.min, metric.max), (median, min, max));
        }
    }

    #[test]
    fn cpu_is_divided_by_operations_and_by_bytes() {
        let round = Measured {
            elapsed: Duration::from_secs(2),
            operations: 100,
            bytes: 4_000_000_000,
            server_cpu: Some(Duration::from_secs(1)),
            ..Measured::default()
        };
        let of = |name| values(&round).into_iter().find(|value| value.name == name).unwrap().value;
        assert_eq!(of("operations"), 50.0);
        assert_eq!(of("throughput"), 2000.0);
        assert_eq!(of("cpu_per_operation"), 10_000.0);
        assert_eq!(of("cpu_per_gb"), 0.25);
        assert_eq!(headline([&round].into_iter()), "throughput");
    }

    #[test]
    fn ratios_are_of_medians_and_of_the_same_metric() {
        let entry = |server: &str, values: &[f64]| {
            let rounds = values.iter().map(|&value| Measured::value("start", Unit::Milliseconds, value));
            Entry {
                server: server.to_owned(),
                metrics: of_rounds(&rounds.collect::<Vec<_>>()),
                ..Entry::default()
            }
        };
        let mut entries = [entry("a", &[1.0, 2.0, 30.0]), entry("b", &[4.0]), entry("c", &[])];
        compare(&mut entries);
        let ratios = &entries[0].metric("start").unwrap().ratios;
        assert_eq!(ratios.iter().collect::<Vec<_>>(), [(&"b".to_owned(), &0.5)]);
        assert_eq!(entries[1].metric("start").unwrap().ratios["a"], 2.0);
    }
}
