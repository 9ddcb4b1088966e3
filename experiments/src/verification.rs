//! Networks of a finished run, run for real: what was predicted beside what was measured, and whether the budget holds.

use roofnas_cost::{Figures, Latency, Prediction};
use roofnas_hardware::measure::{Conditions, NetworkTiming};

use crate::outcome::{FrontRow, spread};
use crate::tables::{csv, optional};

/// Columns of a verification.
pub const VERIFICATION_COLUMNS: [&str; 17] = [
    "id",
    "predicted_ms",
    "predicted_ms_std",
    "predicted_ms_upper95",
    "measured_ms",
    "measured_ms_std",
    "measured_over_predicted",
    "budget_ms",
    "measured_over_budget",
    "engine",
    "engine_version",
    "threads",
    "batch",
    "dtype",
    "situation",
    "run",
    "date",
];

/// Which networks of a front are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// So many, spread evenly over the front.
    Spread(usize),
    /// So many of the highest quality, which sit at the edge of the budget.
    Top(usize),
}

impl Choice {
    /// The networks, in the front's order; all of them where there are no more.
    pub fn of(self, front: &[FrontRow]) -> Vec<&FrontRow> {
        match self {
            Self::Spread(count) => spread(front, count),
            Self::Top(count) => top(front, count),
        }
    }
}

/// The networks of the highest quality; the faster of equals.
fn top(front: &[FrontRow], count: usize) -> Vec<&FrontRow> {
    let mut places: Vec<usize> = (0..front.len()).collect();
    let quality = |place: usize| front[place].metrics.quality;
    // the sort is stable, and a front begins at its fast end
    places.sort_by(|&a, &b| quality(b).total_cmp(&quality(a)));
    places.truncate(count);
    places.sort_unstable();
    places.into_iter().map(|place| &front[place]).collect()
}

/// One network.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRow {
    /// Its name in the run.
    pub id: String,
    /// Images per inference.
    pub batch: usize,
    /// What was predicted.
    pub predicted: Latency,
    /// What was measured, in milliseconds.
    pub measured_ms: f64,
    /// The standard deviation of that, in milliseconds, where turns tell.
    pub measured_std_ms: Option<f64>,
}

impl VerifiedRow {
    /// A network beside its timing at a batch, with what was predicted for what was run.
    pub fn new(row: &FrontRow, predicted: Latency, batch: usize, timing: &NetworkTiming) -> Self {
        Self {
            id: row.id.clone(),
            batch,
            predicted,
            measured_ms: 1e3 * timing.latency_s(),
            measured_std_ms: timing.latency_std_s().map(|seconds| 1e3 * seconds),
        }
    }

    /// What was measured, as a multiple of what was predicted.
    pub fn measured_over_predicted(&self) -> f64 {
        self.measured_ms / self.predicted.mean_ms
    }

    fn prediction(&self) -> Prediction {
        Prediction {
            measured_ms: self.measured_ms,
            mean_ms: self.predicted.mean_ms,
            std_ms: Some(self.predicted.std_ms),
            upper95_ms: Some(self.predicted.upper95_ms()),
        }
    }
}

/// How measured networks keep a latency budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetOutcome {
    /// The budget, in milliseconds.
    pub budget_ms: f64,
    /// Share of networks measured above it.
    pub share_over: f64,
    /// By how much of the budget the slowest network exceeds it; 0 where it keeps it.
    pub worst_over: f64,
    /// How tight the networks fit: the median of measured over budget.
    pub median_of_budget: f64,
}

impl BudgetOutcome {
    /// Of latencies in milliseconds, at least one.
    fn of(measured_ms: &[f64], budget_ms: f64) -> Self {
        let mut shares: Vec<f64> = measured_ms.iter().map(|ms| ms / budget_ms).collect();
        shares.sort_by(f64::total_cmp);
        let over = shares.iter().filter(|share| **share > 1.0).count();
        let n = shares.len();
        Self {
            budget_ms,
            share_over: over as f64 / n as f64,
            worst_over: (shares[n - 1] - 1.0).max(0.0),
            median_of_budget: f64::midpoint(shares[(n - 1) / 2], shares[n / 2]),
        }
    }
}

/// What came of running networks for real.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The networks, at least one.
    pub rows: Vec<VerifiedRow>,
    /// How well predictions hold.
    pub figures: Figures,
    /// How the budget holds, where the run had one.
    pub budget: Option<BudgetOutcome>,
    /// What has become of the machine since the platform was calibrated on it, where that is known.
    pub since_calibration: Option<SinceCalibration>,
}

/// What has become of a machine since its platform was calibrated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SinceCalibration {
    /// How many times as long the anchors take now as they did then.
    pub slower: f64,
    /// How well predictions hold, each made so many times as long.
    pub figures: Figures,
}

impl Verification {
    /// Of networks that were measured, under a budget in milliseconds; nothing of none. `slower`: how many times as long as when the platform was calibrated
    /// the anchors take.
    pub fn new(
        rows: Vec<VerifiedRow>,
        budget_ms: Option<f64>,
        slower: Option<f64>,
    ) -> Option<Self> {
        let since = |slower: f64| {
            let rows = rows.iter().map(|row| row.prediction().slower(slower));
            let figures = Figures::of(&rows.collect::<Vec<_>>())?;
            Some(SinceCalibration { slower, figures })
        };
        let since_calibration = slower.and_then(since);
        let predictions: Vec<Prediction> = rows.iter().map(VerifiedRow::prediction).collect();
        let measured_ms: Vec<f64> = rows.iter().map(|row| row.measured_ms).collect();
        Some(Self {
            figures: Figures::of(&predictions)?,
            budget: budget_ms.map(|budget_ms| BudgetOutcome::of(&measured_ms, budget_ms)),
            since_calibration,
            rows,
        })
    }

    /// Cells in the order of [`VERIFICATION_COLUMNS`], a row a network; what isn't known is empty, and floats are written to round-trip.
    pub fn cells(&self, conditions: &Conditions) -> Vec<[String; 17]> {
        let engine = &conditions.engine;
        let budget_ms = self.budget.map(|budget| budget.budget_ms);
        let rows = self.rows.iter().map(|row| {
            [
                row.id.clone(),
                row.predicted.mean_ms.to_string(),
                row.predicted.std_ms.to_string(),
                row.predicted.upper95_ms().to_string(),
                row.measured_ms.to_string(),
                optional(row.measured_std_ms),
                row.measured_over_predicted().to_string(),
                optional(budget_ms),
                optional(budget_ms.map(|budget_ms| row.measured_ms / budget_ms)),
                engine.name.clone(),
                optional(engine.version.as_ref()),
                engine.conditions.threads.to_string(),
                row.batch.to_string(),
                engine.conditions.dtype.name().to_owned(),
                conditions.situation.words(),
                conditions.run.clone(),
                conditions.date.clone(),
            ]
        });
        rows.collect()
    }

    /// The same as CSV.
    pub fn csv(&self, conditions: &Conditions) -> Vec<u8> {
        csv(&VERIFICATION_COLUMNS, self.cells(conditions).into_iter())
    }
}

#[cfg(test)]
mod tests {
    use roofnas_hardware::engine::{self, EngineDescription, Sample};
    use roofnas_hardware::measure::Situation;
    use roofnas_space::Genotype;

    use super::*;
    use crate::config::ExperimentConfig;
    use crate::experiment::Experiment;

    fn row(id: &str, mean_ms: f64, measured_ms: f64) -> VerifiedRow {
        VerifiedRow {
            id: id.to_owned(),
            batch: 1,
            predicted: Latency {
                mean_ms,
                std_ms: 0.5,
                degrees_of_freedom: f64::INFINITY,
            },
            measured_ms,
            measured_std_ms: None,
        }
    }

    /// Measured over predicted: 1.05, 1.25, 0.9 and 1.
    fn rows() -> Vec<VerifiedRow> {
        vec![
            row("b01", 2.0, 2.1),
            row("b02", 4.0, 5.0),
            row("b03", 5.0, 4.5),
            row("b04", 6.0, 6.0),
        ]
    }

    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }

    #[test]
    fn a_machine_that_has_become_slower() {
        let found = Verification::new(rows(), None, Some(1.25)).unwrap();
        let since = found.since_calibration.unwrap();
        // measured over predicted becomes .84, 1, .72 and .8
        let errors = [0.84f64, 1.0, 0.72, 0.8].map(|ratio| 1.0 / ratio - 1.0);
        close(since.figures.mape, errors.iter().sum::<f64>() / 4.0);
        close(since.figures.within_5pct, 0.25);
        assert_eq!(
            found.figures,
            Verification::new(rows(), None, None).unwrap().figures
        );
    }

    #[test]
    fn figures_by_hand() {
        let found = Verification::new(rows(), None, None).unwrap();
        assert_eq!(found.budget, None);
        let figures = found.figures;
        assert_eq!(figures.n, 4);
        // relative errors -1/21, -1/5, 1/9 and 0
        close(figures.within_5pct, 0.5);
        close(figures.within_10pct, 0.5);
        close(figures.mape, (1.0 / 21.0 + 1.0 / 5.0 + 1.0 / 9.0) / 4.0);
        close(figures.bias, (-1.0 / 21.0 - 1.0 / 5.0 + 1.0 / 9.0) / 4.0);
        // b02 and b03 come in the wrong order
        close(figures.spearman.unwrap(), 0.8);
        // 5.0 is two deviations above 4.0
        close(figures.exceeds_upper_95.unwrap(), 0.25);
        close(found.rows[1].measured_over_predicted(), 1.25);
    }

    #[test]
    fn a_budget_by_hand() {
        let budget = |budget_ms| {
            let found = Verification::new(rows(), Some(budget_ms), None).unwrap();
            found.budget.unwrap()
        };
        let outcome = budget(4.5);
        close(outcome.budget_ms, 4.5);
        // one that takes all of it keeps it
        close(outcome.share_over, 0.5);
        close(outcome.worst_over, 6.0 / 4.5 - 1.0);
        close(outcome.median_of_budget, (4.5 + 5.0) / 2.0 / 4.5);
        let outcome = budget(10.0);
        assert_eq!((outcome.share_over, outcome.worst_over), (0.0, 0.0));
        close(outcome.median_of_budget, 0.475);
        let single = Verification::new(vec![row("b01", 1.0, 3.0)], Some(2.0), None).unwrap();
        let outcome = single.budget.unwrap();
        assert_eq!(
            (
                outcome.share_over,
                outcome.worst_over,
                outcome.median_of_budget
            ),
            (1.0, 0.5, 1.5)
        );
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(Verification::new(Vec::new(), Some(1.0), Some(1.0)), None);
    }

    #[test]
    fn a_table_has_the_conditions_in_every_row() {
        let conditions = Conditions {
            platform: "here".to_owned(),
            engine: EngineDescription {
                name: "fake".to_owned(),
                version: None,
                detail: None,
                conditions: engine::Conditions::default(),
                sample: Sample::Run,
            },
            situation: Situation {
                background: 2,
                ..Situation::default()
            },
            run: "now".to_owned(),
            date: "today".to_owned(),
        };
        let mut rows = rows();
        rows.truncate(2);
        rows[1].measured_std_ms = Some(0.25);
        rows[1].batch = 8;
        let found = Verification::new(rows, Some(4.0), None).unwrap();
        let text = String::from_utf8(found.csv(&conditions)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], VERIFICATION_COLUMNS.join(","));
        let upper = found.rows[0].predicted.upper95_ms();
        assert_eq!(
            lines[1],
            format!(
                "b01,2,0.5,{upper},2.1,,1.05,4,0.525,fake,,1,1,fp32,2 threads at work beside,now,today"
            )
        );
        assert!(
            lines[2].contains(",5,0.25,1.25,4,1.25,fake,,1,8,fp32,"),
            "{}",
            lines[2]
        );
        assert_eq!(lines.len(), 3);
    }

    /// A front of these qualities.
    fn front(qualities: &[f64]) -> Vec<FrontRow> {
        let text = "name = \"tiny\"\nspace = { preset = \"nas-bench-macro\" }\nplatform = { profile = \"nvidia-v100\" }";
        let config: ExperimentConfig = toml::from_str(text).unwrap();
        let profiles = roofnas_hardware::Profiles::default();
        let experiment = Experiment::new(config, "tiny.toml", &profiles).unwrap();
        let genotype: &Genotype = &experiment.sample[0];
        let metrics = experiment.appraise(genotype);
        let rows = qualities.iter().enumerate().map(|(index, &quality)| {
            let mut metrics = metrics;
            metrics.quality = quality;
            FrontRow {
                id: format!("b{index}"),
                genotype: genotype.clone(),
                text: String::new(),
                resolution: experiment.space.resolution(genotype),
                metrics,
            }
        });
        rows.collect()
    }

    #[test]
    fn networks_are_chosen_in_the_order_of_the_front() {
        let front = front(&[0.0, 1.0, 5.0, 3.0, 5.0]);
        let ids = |choice: Choice| -> Vec<String> {
            let chosen = choice.of(&front).into_iter();
            chosen.map(|row| row.id.clone()).collect()
        };
        assert_eq!(ids(Choice::Top(1)), ["b2"]);
        assert_eq!(ids(Choice::Top(3)), ["b2", "b3", "b4"]);
        assert_eq!(ids(Choice::Top(9)).len(), 5);
        assert_eq!(ids(Choice::Spread(3)), ["b0", "b2", "b4"]);
        assert_eq!(ids(Choice::Spread(12)).len(), 5);
        assert!(Choice::Spread(12).of(&[]).is_empty());
        assert!(Choice::Top(3).of(&[]).is_empty());
    }
}
