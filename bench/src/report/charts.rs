//! Which rows make a plot: a workload that was run over several numbers of connections.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

use super::{
    Row,
    plot::{Chart, Line},
};
use crate::workload::Case;

const CONNECTIONS: &str = "connections";

/// Writes a plot for each workload, its part, and case apart from connections to `folder`, which is made if need be.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write(rows: &[Row], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    for (name, chart) in charts(rows) {
        let path = folder.join(format!("{name}.svg"));
        fs::write(&path, chart.svg()).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

/// The plots by the name of their file.
fn charts(rows: &[Row]) -> BTreeMap<String, Chart> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.case.0.contains_key(CONNECTIONS)) {
        groups.entry(title(row)).or_default().push(row);
    }
    let drawable = groups.into_iter().filter(|(_, rows)| rows.len() > 1);
    drawable.map(|(title, rows)| (file_name(&title), chart(title, &rows))).collect()
}

/// Everything of a row but its number of connections.
fn title(row: &Row) -> String {
    let mut case = row.case.clone();
    case.0.remove(CONNECTIONS);
    let mut title = row.workload.clone();
    if case != Case::default() {
        title += &format!(" {case}");
    }
    if !row.part.is_empty() {
        title += &format!(", {}", row.part);
    }
    title
}

fn file_name(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// One line a server, in the order of its first appearance.
fn chart(title: String, rows: &[&Row]) -> Chart {
    let metric = rows.first().map_or("operations", |row| row.headline.as_str());
    let mut lines: Vec<Line> = Vec::new();
    let mut unit = "/s";
    for row in rows {
        for entry in &row.entries {
            let Some(metric) = entry.metric(metric) else { continue };
            unit = metric.unit.symbol();
            let point = (u32::try_from(row.case.of(CONNECTIONS)).unwrap_or(u32::MAX), metric.median);
            match lines.iter_mut().find(|line| line.name == entry.server) {
                Some(line) => line.points.push(point),
                None => lines.push(Line { name: entry.server.clone(), points: vec![point] }),
            }
        }
    }
    for line in &mut lines {
        line.points.sort_by_key(|point| point.0);
    }
    let unit = if unit == "/s" { "requests/s" } else { unit };
    Chart { title, unit: unit.to_owned(), lines }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{report::Collected, workload::Measured};

    fn rows() -> Vec<Row> {
        let mut collected = Collected::new("blob get");
        for case in Case::grid(("bytes", &[10, 20]), (CONNECTIONS, &[32, 1])) {
            for server in ["longshore", "nginx"] {
                let operations = case.connections() as u64 * 100;
                let measured =
                    Measured { elapsed: Duration::from_secs(1), operations, ..Measured::default() };
                collected.add(server, &case, vec![measured]);
            }
        }
        collected.into_rows()
    }

    #[test]
    fn a_plot_for_each_size_and_a_line_for_each_server() {
        let charts = charts(&rows());
        assert_eq!(charts.len(), 2);
        for (name, chart) in &charts {
            assert!(name.starts_with("blob-get-bytes-"), "{name}");
            assert_eq!(chart.unit, "requests/s");
            let names: Vec<_> = chart.lines.iter().map(|line| line.name.as_str()).collect();
            assert_eq!(names, ["longshore", "nginx"]);
            assert!(chart.lines.iter().all(|line| line.points == [(1, 100.0), (32, 3200.0)]));
        }
    }

    #[test]
    fn one_number_of_connections_makes_no_plot() {
        assert_eq!(charts(&rows()[..1]).len(), 0);
    }

    #[test]
    fn plots_are_files() {
        let folder = tempfile::tempdir().unwrap();
        write(&rows(), &folder.path().join("plots")).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("plots")).unwrap().count(), 2);
    }
}
