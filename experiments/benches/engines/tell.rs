//! What the measurements say.

use std::collections::BTreeMap;
use std::path::Path;

use roofnas::write_whole;

use crate::network::{self, Chosen, MACS, Purpose, ROOFLINE, SCALED};
use crate::picture;

/// Latencies by network, in milliseconds, on one engine.
type Latencies = BTreeMap<String, f64>;

/// How much longer networks that were found for one thing take on an engine than those found for the engine, at equal quality.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    /// Geometric mean over the budgets.
    pub(crate) mean: f64,
    /// Of one budget, the least and the largest.
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Measured over budget, of networks that somebody would take.
struct Kept {
    engine: String,
    budget_ms: f64,
    by: String,
    /// From the smallest up.
    shares: Vec<f64>,
    quality: f64,
}

/// Prints the tables, and writes them and the picture.
pub(crate) fn tell(folder: &Path, engines: &[&str]) {
    let chosen = network::read(folder);
    let measured: Vec<Latencies> = engines
        .iter()
        .map(|engine| latencies(&folder.join(format!("measured-{engine}.csv"))))
        .collect();
    let rows: Vec<&str> = engines
        .iter()
        .copied()
        .chain([ROOFLINE, MACS, SCALED])
        .collect();
    let matrix: Vec<Vec<Ratio>> = rows
        .iter()
        .map(|row| {
            let columns = engines.iter().zip(&measured);
            columns
                .map(|(engine, measured)| ratio(&chosen, measured, row, engine))
                .collect()
        })
        .collect();
    println!("| found for | {} |", engines.join(" | "));
    println!("|---|{}", "---|".repeat(engines.len()));
    let mut table = "found_for,measured_on,ratio,least,most\n".to_owned();
    for (row, ratios) in rows.iter().zip(&matrix) {
        let cells = ratios
            .iter()
            .map(|r| format!("{:.2} ({:.2} to {:.2})", r.mean, r.least, r.most));
        println!("| {row} | {} |", cells.collect::<Vec<_>>().join(" | "));
        for (engine, r) in engines.iter().zip(ratios) {
            table += &format!(
                "\"{row}\",{engine},{:.4},{:.4},{:.4}\n",
                r.mean, r.least, r.most
            );
        }
    }
    write_whole(&folder.join("matrix.csv"), table.as_bytes()).unwrap();
    picture::draw(&folder.join("matrix.svg"), &rows, engines, &matrix);
    println!();
    budgets(folder, &chosen, engines, &measured);
}

/// Latencies of a table that `roofnas measure` wrote.
fn latencies(path: &Path) -> Latencies {
    let mut table =
        csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let headers = table.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|h| h == name).unwrap();
    let (network, latency) = (column("network"), column("latency_ms"));
    let rows = table.records().map(|record| {
        let record = record.unwrap();
        (record[network].to_owned(), record[latency].parse().unwrap())
    });
    rows.collect()
}

/// The budgets under which networks were found.
fn all_budgets(chosen: &[Chosen]) -> Vec<f64> {
    let mut budgets: Vec<f64> = chosen
        .iter()
        .filter(|network| network.purpose == Purpose::Edge)
        .map(|network| network.budget_ms)
        .collect();
    budgets.sort_by(f64::total_cmp);
    budgets.dedup();
    budgets
}

/// At equal quality: of networks found for one thing over those found for the engine they are measured on.
fn ratio(chosen: &[Chosen], measured: &Latencies, found_for: &str, engine: &str) -> Ratio {
    let mean_log = |found_for: &str, budget: f64| {
        let level = chosen.iter().filter(|network| {
            network.purpose == Purpose::Level
                && network.found_for == found_for
                && network.budget_ms == budget
        });
        let logs: Vec<f64> = level.map(|network| measured[&network.name].ln()).collect();
        logs.iter().sum::<f64>() / logs.len() as f64
    };
    let logs: Vec<f64> = all_budgets(chosen)
        .into_iter()
        .map(|budget| mean_log(found_for, budget) - mean_log(engine, budget))
        .filter(|log| log.is_finite())
        .collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    Ratio {
        mean: mean.exp(),
        least: logs.iter().copied().fold(f64::INFINITY, f64::min).exp(),
        most: logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).exp(),
    }
}

/// Whether budgets were kept, and used, by whom.
fn budgets(folder: &Path, chosen: &[Chosen], engines: &[&str], measured: &[Latencies]) {
    let mut all = Vec::new();
    for (engine, measured) in engines.iter().zip(measured) {
        for budget in all_budgets(chosen) {
            for by in [*engine, ROOFLINE] {
                let edge = chosen.iter().filter(|network| {
                    network.purpose == Purpose::Edge
                        && network.found_for == by
                        && network.budget_ms == budget
                });
                all.push(Kept::new(engine, budget, by, edge, measured));
            }
            let taken = by_macs(chosen, measured, budget);
            all.push(Kept::new(engine, budget, MACS, taken.into_iter(), measured));
        }
    }
    println!("| engine | budget, ms | by | measured / budget, median | most | over | score |");
    println!("|---|---|---|---|---|---|---|");
    let mut table = "engine,budget_ms,by,median,most,over,networks,quality\n".to_owned();
    for kept in &all {
        let by = match kept.by == kept.engine {
            true => "its own calibration",
            false => &kept.by,
        };
        let (median, most) = (kept.median(), kept.most());
        println!(
            "| {} | {} | {by} | {median:.2} | {most:.2} | {} of {} | {:.2} |",
            kept.engine,
            kept.budget_ms,
            kept.over(),
            kept.shares.len(),
            kept.quality
        );
        table += &format!(
            "{},{},{by},{median:.4},{most:.4},{},{},{:.4}\n",
            kept.engine,
            kept.budget_ms,
            kept.over(),
            kept.shares.len(),
            kept.quality
        );
    }
    write_whole(&folder.join("budgets.csv"), table.as_bytes()).unwrap();
}

/// The networks that one takes who measures MobileNetV2 and converts MACs by what it takes: those of the highest quality.
fn by_macs<'a>(chosen: &'a [Chosen], measured: &Latencies, budget: f64) -> Vec<&'a Chosen> {
    let spread = || chosen.iter().filter(|n| n.purpose == Purpose::Spread);
    let reference = spread().find(|network| network.found_for == SCALED);
    let reference = reference.expect("MobileNetV2 is measured");
    let macs = budget / measured[&reference.name] * reference.macs as f64;
    let mut within: Vec<&Chosen> = spread()
        .filter(|network| network.found_for == MACS && network.macs as f64 <= macs)
        .collect();
    within.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    within.truncate(3);
    within
}

impl Kept {
    fn new<'a>(
        engine: &str,
        budget_ms: f64,
        by: &str,
        networks: impl Iterator<Item = &'a Chosen>,
        measured: &Latencies,
    ) -> Self {
        let networks: Vec<&Chosen> = networks.collect();
        let mut shares: Vec<f64> = networks
            .iter()
            .map(|network| measured[&network.name] / budget_ms)
            .collect();
        shares.sort_by(f64::total_cmp);
        let qualities = networks.iter().map(|network| network.quality);
        Self {
            engine: engine.to_owned(),
            budget_ms,
            by: by.to_owned(),
            shares,
            quality: qualities.fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn median(&self) -> f64 {
        self.shares[self.shares.len() / 2]
    }

    fn most(&self) -> f64 {
        self.shares[self.shares.len() - 1]
    }

    fn over(&self) -> usize {
        self.shares.iter().filter(|share| **share > 1.0).count()
    }
}
