//! How well a model holds, beside the simple baselines.

use std::collections::BTreeMap;

use roofnas_cost::Figures;
use roofnas_cost::calibration::BatchFigures;
use roofnas_hardware::{ThreadFigures, Validation};
use serde_json::{Map, Value};

use super::engine::counted;
use super::table::{Data, table};

/// Names of the figures, fractions of 1.
const FIGURES: [&str; 9] = [
    "mape",
    "rmspe",
    "within_5pct",
    "within_10pct",
    "spearman",
    "bias",
    "coverage_90",
    "width_90",
    "exceeds_upper_95",
];

/// Beyond this error, a reader is told.
const LARGE_MAPE: f64 = 0.15;

/// Below this correlation, a reader is told.
const SMALL_SPEARMAN: f64 = 0.95;

/// A model's figures on networks it has not seen, and those of the simple baselines by name.
pub(super) struct Comparison<'a> {
    pub(super) model: &'a Figures,
    pub(super) baselines: &'a BTreeMap<&'static str, Figures>,
    /// The model at each batch; empty where there is one.
    pub(super) by_batch: &'a [BatchFigures],
    /// The model on each number of threads; empty where there is one.
    pub(super) by_threads: &'a [ThreadFigures],
}

impl<'a> From<&'a Validation> for Comparison<'a> {
    fn from(validation: &'a Validation) -> Self {
        Self {
            model: &validation.model,
            baselines: &validation.baselines,
            by_batch: &validation.by_batch,
            by_threads: &validation.by_threads,
        }
    }
}

/// Figures by name, with the number of networks under the name given. Those that nobody states are null.
pub(super) fn object(number: &str, figures: &Figures) -> Map<String, Value> {
    let names = [number].into_iter().chain(FIGURES).map(str::to_owned);
    let n = Value::from(figures.n);
    names.zip([n].into_iter().chain(values(figures))).collect()
}

fn values(figures: &Figures) -> [Value; 9] {
    [
        figures.mape.into(),
        figures.rmspe.into(),
        figures.within_5pct.into(),
        figures.within_10pct.into(),
        figures.spearman.into(),
        figures.bias.into(),
        figures.coverage_90.into(),
        figures.width_90.into(),
        figures.exceeds_upper_95.into(),
    ]
}

/// For programs: a row for the model and one for each baseline, or none where nothing was held out. Where there are several batches, or numbers of threads, a
/// column has each, and is empty over all of them: the model at each stands behind the baselines.
pub(super) fn rows(comparison: Option<&Comparison<'_>>) -> Data {
    let batches = comparison.is_some_and(|all| !all.by_batch.is_empty());
    let threads = comparison.is_some_and(|all| !all.by_threads.is_empty());
    let columns = ["predictor"].into_iter().chain(batches.then_some("batch"));
    let columns = columns.chain(threads.then_some("threads"));
    let columns: Vec<&str> = columns.chain(["n_test"]).chain(FIGURES).collect();
    let mut data = Data::new(&columns);
    let mut push = |name: &str, at: (Option<u64>, Option<u32>), figures: &Figures| {
        let row = [Value::from(name)].into_iter();
        let row = row.chain(batches.then(|| at.0.into()));
        let row = row.chain(threads.then(|| at.1.into()));
        let row = row.chain([figures.n.into()]).chain(values(figures));
        data.push(row.collect());
    };
    if let Some(comparison) = comparison {
        for (name, figures) in comparison.by_name() {
            push(name, (None, None), figures);
        }
        for at in comparison.by_batch {
            push("model", (Some(at.batch), None), &at.model);
        }
        for on in comparison.by_threads {
            push("model", (None, Some(on.threads)), &on.model);
        }
    }
    data
}

/// How well a model holds at each batch, for programs.
pub(super) fn by_batch(figures: &[BatchFigures]) -> Value {
    let at = |at: &BatchFigures| {
        part(
            "batch",
            at.batch.into(),
            &at.model,
            at.best_baseline.as_ref(),
        )
    };
    figures.iter().map(at).collect()
}

/// How well a model holds on each number of threads, for programs.
pub(super) fn by_threads(figures: &[ThreadFigures]) -> Value {
    let on = |on: &ThreadFigures| {
        part(
            "threads",
            on.threads.into(),
            &on.model,
            on.best_baseline.as_ref(),
        )
    };
    figures.iter().map(on).collect()
}

/// How well a model holds on a part of the timings, which a key tells from the others.
fn part(key: &str, of: Value, model: &Figures, best: Option<&(String, f64)>) -> Value {
    let mut object = Map::from_iter([(key.to_owned(), of)]);
    object.append(&mut self::object("n_test", model));
    let name = best.map(|(name, _)| name.clone());
    object.insert("best_baseline".to_owned(), name.into());
    let mape = best.map(|(_, mape)| *mape);
    object.insert("best_baseline_mape".to_owned(), mape.into());
    Value::Object(object)
}

/// What a reader should mind.
pub(super) fn doubts(comparison: Option<&Comparison<'_>>) -> Vec<String> {
    let unchecked =
        "nothing says how well the profile holds on networks it has not seen: measure more of them";
    comparison.map_or_else(|| vec![unchecked.to_owned()], Comparison::doubts)
}

/// What the figures come to, for people: whether the model is worth its complexity, and what to mind.
pub(super) fn closing(comparison: Option<&Comparison<'_>>) -> String {
    let doubts = doubts(comparison).into_iter();
    let verdict = comparison.map(Comparison::verdict).into_iter();
    let lines = verdict.chain(doubts.map(|doubt| format!("Mind: {doubt}.")));
    lines.collect::<Vec<_>>().join("\n")
}

impl Comparison<'_> {
    /// The model, then the baselines in the order of their names.
    fn by_name(&self) -> impl Iterator<Item = (&'static str, &Figures)> {
        let baselines = self.baselines.iter();
        let baselines = baselines.map(|(name, figures)| (*name, figures));
        [("model", self.model)].into_iter().chain(baselines)
    }

    /// For programs: the model's figures, the baselines' under `baselines`.
    pub(super) fn object(&self) -> Map<String, Value> {
        let mut object = object("n_test", self.model);
        let baselines = self.baselines.iter();
        let baselines = baselines.map(|(name, figures)| {
            let figures = self::object("n_test", figures);
            ((*name).to_owned(), Value::Object(figures))
        });
        object.insert("baselines".to_owned(), Value::Object(baselines.collect()));
        if !self.by_batch.is_empty() {
            object.insert("by_batch".to_owned(), by_batch(self.by_batch));
        }
        if !self.by_threads.is_empty() {
            object.insert("by_threads".to_owned(), by_threads(self.by_threads));
        }
        object
    }

    /// For people: the tables, those of each batch and number of threads behind that of all of them.
    pub(super) fn tables(&self) -> String {
        let mut tables = self.table();
        if !self.by_batch.is_empty() {
            let parts = self.by_batch.iter();
            let parts = parts.map(|at| (at.batch, &at.model, at.best_baseline.as_ref()));
            tables += "\n\nThe model at each batch, with the best baseline there (all are fitted to all batches):\n\n";
            tables += &Self::part_table("batch", parts);
        }
        if !self.by_threads.is_empty() {
            let parts = self.by_threads.iter();
            let parts =
                parts.map(|on| (u64::from(on.threads), &on.model, on.best_baseline.as_ref()));
            tables += "\n\nThe model on each number of threads, with the best baseline there (baselines know nothing of threads, and are fitted to all):\n\n";
            tables += &Self::part_table("threads", parts);
        }
        tables
    }

    fn part_table<'f>(
        key: &str,
        parts: impl Iterator<Item = (u64, &'f Figures, Option<&'f (String, f64)>)>,
    ) -> String {
        let columns = [
            key,
            "timings",
            "MAPE %",
            "within 5 %",
            "within 10 %",
            "Spearman",
            "bias %",
            "in 90 % interval",
            "its width %",
            "over 95 % bound",
            "baseline %",
        ];
        let rows = parts.map(|(of, model, best)| {
            let ends = [of.into(), model.n.into()];
            let baseline = best.map(|(name, mape)| format!("{} ({name})", percent(*mape)));
            let row = ends.into_iter().chain(cells(model));
            row.chain([baseline.into()]).collect()
        });
        table(&columns, &rows.collect::<Vec<_>>())
    }

    /// For people: the model, then the baselines, the best first.
    fn table(&self) -> String {
        let columns = [
            "",
            "MAPE %",
            "within 5 %",
            "within 10 %",
            "Spearman",
            "bias %",
            "in 90 % interval",
            "its width %",
            "over 95 % bound",
        ];
        let mut rows: Vec<(&str, &Figures)> = self.by_name().collect();
        rows[1..].sort_by(|a, b| a.1.mape.total_cmp(&b.1.mape));
        let rows = rows
            .into_iter()
            .map(|(name, figures)| [name.into()].into_iter().chain(cells(figures)).collect());
        table(&columns, &rows.collect::<Vec<_>>())
    }

    /// Whether the model is worth its complexity.
    fn verdict(&self) -> String {
        let baselines = self.baselines.iter();
        let best = baselines.min_by(|a, b| a.1.mape.total_cmp(&b.1.mape));
        let mape = self.model.mape;
        let Some((name, best)) = best else {
            return format!(
                "The model's mean error is {} %; no baseline could be fitted on so few networks.",
                percent(mape)
            );
        };
        let beats = if mape < best.mape {
            "beats"
        } else {
            "does not beat"
        };
        let ratio = if best.mape > 0.0 {
            format!(", {:.2} times as much", mape / best.mape)
        } else {
            String::new()
        };
        format!(
            "The model {beats} the best simple baseline, {name}: its mean error is {} % against {} %{ratio}.",
            percent(mape),
            percent(best.mape)
        )
    }

    fn doubts(&self) -> Vec<String> {
        if self.by_batch.is_empty() && self.by_threads.is_empty() {
            return doubts_of(self.model, "");
        }
        let batches = self.by_batch.iter();
        let batches =
            batches.flat_map(|at| doubts_of(&at.model, &format!("at batch {}, ", at.batch)));
        let threads = self.by_threads.iter();
        let threads = threads.flat_map(|on| {
            doubts_of(
                &on.model,
                &format!("on {}, ", counted(on.threads as usize, "thread")),
            )
        });
        batches.chain(threads).collect()
    }
}

/// What a reader of a model's figures should mind. `place`: what they are figures of, before each sentence.
fn doubts_of(model: &Figures, place: &str) -> Vec<String> {
    let mut doubts = Vec::new();
    if model.mape > LARGE_MAPE {
        doubts.push(format!(
            "{place}a mean error of {} % is above {:.0} %: make sure that all measurements were taken under the same conditions, and calibrate on \
             more networks like those that will be priced",
            percent(model.mape),
            100.0 * LARGE_MAPE
        ));
    }
    if let Some(rho) = model.spearman.filter(|rho| *rho < SMALL_SPEARMAN) {
        doubts.push(format!(
            "{place}Spearman's correlation of {rho:.3} is below {SMALL_SPEARMAN}: networks of about the same latency may well come out in the wrong \
             order"
        ));
    }
    doubts
}

/// Figures in the order of a table for people.
fn cells(figures: &Figures) -> [Value; 8] {
    let share = |figure: Option<f64>| figure.map(|figure| format!("{:.0}", 100.0 * figure));
    [
        percent(figures.mape).into(),
        share(Some(figures.within_5pct)).into(),
        share(Some(figures.within_10pct)).into(),
        figures.spearman.map(|rho| format!("{rho:.3}")).into(),
        percent(figures.bias).into(),
        share(figures.coverage_90).into(),
        figures.width_90.map(percent).into(),
        share(figures.exceeds_upper_95).into(),
    ]
}

/// A fraction of 1 in percent, with one decimal.
pub(super) fn percent(fraction: f64) -> String {
    let text = format!("{:.1}", 100.0 * fraction);
    // a small negative number is no zero with a sign
    if text == "-0.0" { "0.0".into() } else { text }
}
