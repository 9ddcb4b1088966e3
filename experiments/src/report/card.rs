//! What the page says of one network when it is pointed at: a line for each figure, `name: value`, below its name.

use std::collections::BTreeMap;

use roofnas_cost::Latency;

use super::dominance::Standing;
use super::picture::short;
use crate::certified::Certified;
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::objective::Objective;
use crate::outcome::{FrontRow, Outcome};

/// Names that a line lists before it only counts.
const NAMES: usize = 4;

/// Writes the cards of a run's networks.
pub(super) struct Cards<'a> {
    experiment: &'a Experiment,
    certified: Option<&'a Certified>,
    /// By a network's id: the published networks it dominates, and those that dominate it.
    beside: BTreeMap<&'a str, [Vec<String>; 2]>,
}

impl<'a> Cards<'a> {
    pub(super) fn new(
        experiment: &'a Experiment,
        outcome: &'a Outcome,
        standings: &'a [Standing<'a>],
    ) -> Self {
        let mut beside: BTreeMap<&str, [Vec<String>; 2]> = BTreeMap::new();
        for standing in standings {
            let sides = [&standing.dominated_by, &standing.dominates];
            for (side, rows) in sides.into_iter().enumerate() {
                for row in rows {
                    let name = standing.landmark.landmark.name.to_owned();
                    beside.entry(&row.id).or_default()[side].push(name);
                }
            }
        }
        Self {
            experiment,
            certified: outcome.certified.as_ref().ok(),
            beside,
        }
    }

    /// Of a network of the front.
    pub(super) fn of_row(&self, row: &FrontRow) -> String {
        let mut lines = vec![row.id.clone()];
        lines.extend(self.figures(&row.metrics));
        lines.extend(self.proven(&row.metrics));
        if let Some([beaten, beating]) = self.beside.get(row.id.as_str()) {
            lines.extend(listed("dominates", beaten));
            lines.extend(listed("dominated by (not of this space)", beating));
        }
        lines.push(row.text.clone());
        lines.join("\n")
    }

    /// Of a published network.
    pub(super) fn of_landmark(&self, standing: &Standing) -> String {
        let landmark = &standing.landmark.landmark;
        let mut lines = vec![format!("{} (published)", landmark.name)];
        lines.extend(self.figures(&standing.landmark.metrics));
        lines.push(format!("published top-1: {:.1} %", landmark.top1));
        let ids = |rows: &[&FrontRow]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
        lines.extend(listed("dominated by", &ids(&standing.dominated_by)));
        if let (Some(fastest), Some(speedup)) = (standing.fastest(), standing.speedup()) {
            lines.push(format!(
                "fastest of these: {}, {} times as fast",
                fastest.id,
                short(speedup)
            ));
        }
        lines.extend(listed("dominates", &ids(&standing.dominates)));
        lines.join("\n")
    }

    fn figures(&self, metrics: &Metrics) -> Vec<String> {
        let mega = |count: u64| short(1e-6 * count as f64);
        let [low, high] = interval_90_ms(&metrics.latency);
        let batch = match self.experiment.chooses_batch() {
            true => format!(
                ", batch {}: {} images/s",
                metrics.batch,
                short(metrics.timing().images_per_s())
            ),
            false => String::new(),
        };
        let mut lines = vec![
            format!(
                "{}: {}",
                self.experiment.appraiser.quality.name(),
                short(metrics.quality)
            ),
            format!(
                "latency: {} ms, 90 % interval {} to {} ms{batch}",
                short(metrics.latency.mean_ms),
                short(low),
                short(high)
            ),
            format!("MACs: {} M", mega(metrics.macs)),
            format!("params: {} M", mega(metrics.params)),
            format!("peak memory: {} MB", mega(metrics.peak_memory_bytes)),
            format!(
                "layers: {}, {} FLOP/byte",
                metrics.layers,
                short(metrics.intensity)
            ),
        ];
        let timings = self.experiment.appraiser.targets.iter();
        for (target, timing) in timings.zip(&metrics.targets).rev() {
            let [low, high] = interval_90_ms(&timing.latency);
            let timed = format!(
                "for {}: {} ms, 90 % interval {} to {} ms",
                target.name,
                short(timing.latency.mean_ms),
                short(low),
                short(high)
            );
            lines.insert(2, timed);
        }
        if let Some([low, high]) = metrics.quality_interval_90 {
            let interval = format!(
                "90 % interval, trained once: {} to {} %",
                short(low),
                short(high)
            );
            lines.insert(1, interval);
        }
        if !metrics.quality.is_finite() {
            lines.remove(0);
        }
        lines
    }

    /// What exact search says of a network of the front.
    fn proven(&self, metrics: &Metrics) -> Option<String> {
        let certified = self.certified?;
        let objectives = &self.experiment.objectives;
        let costs: Vec<f64> = objectives.iter().map(|o| o.cost(metrics)).collect();
        let room = certified.room(&costs)?;
        if certified.proof.is_attained && certified.is_nothing(room) {
            return Some("exact front: it is on it".to_owned());
        }
        let (last, others) = objectives.split_last()?;
        let others = others.iter().map(|other| name(*other, self.experiment));
        Some(format!(
            "proven: no network of the space is better by more than {} in {} at no more {}",
            short(room),
            name(*last, self.experiment),
            others.collect::<Vec<_>>().join(" and ")
        ))
    }
}

fn name(objective: Objective, experiment: &Experiment) -> String {
    match objective {
        Objective::Quality => experiment.appraiser.quality.name(),
        Objective::Throughput | Objective::TargetThroughput(_) => {
            let cost = objective.cost_column(&experiment.appraiser.targets);
            cost.replace('_', " ")
        }
        other => experiment.objective_name(other).replace('_', " "),
    }
}

/// Where the latency lies with a probability of 90 %: the one-sided bounds of 95 % on either side, in milliseconds.
pub(super) fn interval_90_ms(latency: &Latency) -> [f64; 2] {
    let high = latency.upper95_ms();
    [(2.0 * latency.mean_ms - high).max(0.0), high]
}

/// A line with the first few of some names; none where there are none.
fn listed(what: &str, names: &[String]) -> Option<String> {
    let more = names.len().saturating_sub(NAMES);
    let few = names[..names.len() - more].join(", ");
    match (names, more) {
        ([], _) => None,
        (_, 0) => Some(format!("{what}: {few}")),
        _ => Some(format!("{what}: {few} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn long_lists_are_counted() {
        let names: Vec<String> = (1..=6).map(|i| format!("b{i}")).collect();
        assert_eq!(listed("x", &[]), None);
        assert_eq!(listed("x", &names[..1]).as_deref(), Some("x: b1"));
        assert_eq!(
            listed("x", &names).as_deref(),
            Some("x: b1, b2, b3, b4 and 2 more")
        );
    }
}
