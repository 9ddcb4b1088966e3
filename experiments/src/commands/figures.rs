//! How well a model holds, beside the simple baselines.

use std::collections::BTreeMap;

use roofnas_cost::Figures;
use roofnas_cost::calibration::BatchFigures;
use roofnas_hardware::Validation;
use serde_json::{Map, Value};

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
}

impl<'a> From<&'a Validation> for Comparison<'a> {
    fn from(validation: &'a Validation) -> Self {
        Self {
            model: &validation.model,
            baselines: &validation.baselines,
            by_batch: &validation.by_batch,
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

/// For programs: a row for the model and one for each baseline, or none where nothing was held out. Where there are several batches, a column has each, and
/// is empty over all of them: the model at each batch stands behind the baselines.
pub(super) fn rows(comparison: Option<&Comparison<'_>>) -> Data {
    let several = comparison.is_some_and(|all| !all.by_batch.is_empty());
    let batch = several.then_some("batch");
    let columns = ["predictor"].into_iter().chain(batch).chain(["n_test"]);
    let columns: Vec<&str> = columns.chain(FIGURES).collect();
    let mut data = Data::new(&columns);
    let mut push = |name: &str, batch: Option<u64>, figures: &Figures| {
        let row = [Value::from(name)].into_iter();
        let row = row.chain(several.then(|| batch.into()));
        let row = row.chain([figures.n.into()]).chain(values(figures));
        data.push(row.collect());
    };
    if let Some(comparison) = comparison {
        for (name, figures) in comparison.by_name() {
            push(name, None, figures);
        }
        for at in comparison.by_batch {
            push("model", Some(at.batch), &at.model);
        }
    }
    data
}

/// How well a model holds at each batch, for programs.
pub(super) fn by_batch(figures: &[BatchFigures]) -> Value {
    let object = |at: &BatchFigures| {
        let mut object = Map::from_iter([("batch".to_owned(), Value::from(at.batch))]);
        object.append(&mut self::object("n_test", &at.model));
        let best = at.best_baseline.as_ref();
        let name = best.map(|(name, _)| name.clone());
        object.insert("best_baseline".to_owned(), name.into());
        let mape = best.map(|(_, mape)| *mape);
        object.insert("best_baseline_mape".to_owned(), mape.into());
        Value::Object(object)
    };
    figures.iter().map(object).collect()
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
        object
    }

    /// For people: the tables, that of each batch behind that of all of them.
    pub(super) fn tables(&self) -> String {
        if self.by_batch.is_empty() {
            return self.table();
        }
        format!(
            "{}\n\nThe model at each batch, with the best baseline there (all are fitted to all batches):\n\n{}",
            self.table(),
            self.batch_table()
        )
    }

    fn batch_table(&self) -> String {
        let columns = [
            "batch",
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
        let rows = self.by_batch.iter().map(|at| {
            let best = at.best_baseline.as_ref();
            let ends = [at.batch.into(), at.model.n.into()];
            let baseline = best.map(|(name, mape)| format!("{} ({name})", percent(*mape)));
            let row = ends.into_iter().chain(cells(&at.model));
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
        if self.by_batch.is_empty() {
            return doubts_of(self.model, "");
        }
        let each = self.by_batch.iter();
        each.flat_map(|at| doubts_of(&at.model, &format!("at batch {}, ", at.batch)))
            .collect()
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
