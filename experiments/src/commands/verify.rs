//! `roofnas verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use roofnas::{
    Choice, Error, Experiment, FinishedRun, FrontRow, RunDirectory, VERIFICATION_COLUMNS,
    Verification, VerifiedRow, backbone_onnx, check_writable, exit,
};
use roofnas_hardware::engine::{Conditions, Engine, Model};
use roofnas_hardware::measure::{self as timing, Machine, NetworkTiming};
use roofnas_hardware::sampling::{anchors, is_anchor, slower};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use serde_json::{Value, json};

use super::engine::{all_in_form, counted, engine, protocol, shown_engine};
use super::figures::{self, percent};
use super::output::print;
use super::since_calibration;
use super::suited::differences;
use super::table::Data;
use crate::cli::{Format, VerifyArgs};
use crate::measuring::{measure, now};
use crate::progress::stop_on_signals;

/// Seed of the anchors' weights: times hardly depend on them.
const ANCHOR_SEED: u64 = 1;

/// Networks that are run where nothing else is said.
const SPREAD: usize = 12;

/// Columns for people; the file has more.
const COLUMNS: [&str; 8] = [
    "id",
    "predicted_ms",
    "predicted_ms_std",
    "predicted_ms_upper95",
    "measured_ms",
    "measured_ms_std",
    "measured_over_predicted",
    "measured_over_budget",
];

/// Runs networks of a finished run for real, and holds the timings against what was predicted.
pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<u8> {
    let run = FinishedRun::read(RunDirectory::new(&args.run))?;
    let front = run.front()?;
    let chosen = chosen(args, &run, &front)?;
    let path = run.directory().path().join(RunDirectory::VERIFICATION);
    check_writable(&path)?;
    if run.experiment.chooses_batch() && args.engine.batch.is_some() {
        let problem =
            "each of its networks runs at the batch that it was found for: leave out --batch";
        return Err(Error::RunDirectory {
            path: run.directory().path().to_owned(),
            problem: problem.to_owned(),
        }
        .into());
    }
    let protocol = protocol(&args.engine, &args.timing)?;
    let groups = at_each_batch(&chosen);
    let engines = groups.iter().map(|group| {
        let predicted = conditions(&run.experiment, group[0].metrics.batch);
        let asked = args.engine.conditions(predicted);
        engine(&args.engine.choice, asked, args.timing.situation.streams)
    });
    let engines: Vec<Box<dyn Engine>> = engines.collect::<Result<_, Error>>()?;
    let (started, date) = now();
    let work = Work {
        run: &run,
        batch: args.engine.batch,
        chosen,
        conditions: timing::Conditions {
            platform: Machine::here().processor,
            engine: engines[0].description(),
            situation: protocol.situation.clone(),
            run: started,
            date,
        },
    };
    work.warn(&engines, args.engine.choice.is_command());
    stop_on_signals("stopping after this turn; once more to stop at once")?;
    // where the conditions are others, what the anchors take says nothing of the machine
    let anchors = match work.differs(&engines, args.engine.choice.is_command()) {
        true => Vec::new(),
        false => work.anchors()?,
    };
    let mut done: Vec<NetworkTiming> = Vec::new();
    let (mut failed, mut is_interrupted) = (0, false);
    for (group, engine) in groups.iter().zip(&engines) {
        note!(
            "{} of {} on {}",
            counted(group.len(), "network"),
            run.directory().path().display(),
            shown_engine(&**engine)
        );
        let choice = &args.engine.choice;
        let dtype = engine.description().conditions.dtype;
        let own = all_in_form(work.models(group), choice, dtype);
        let unwritten = group.len() - own.len();
        // the machine's anchors at the batch they were calibrated at; what is first is the anchor of its groups
        let batch = engine.description().conditions.batch.get() as u64;
        let joined: Vec<Model> = anchors
            .iter()
            .filter(|(at, _)| *at == batch)
            .map(|(_, anchor)| anchor.clone())
            .collect();
        let models = [all_in_form(joined, choice, dtype), own].concat();
        let save = |timings: &[NetworkTiming]| work.save(&[&done, timings].concat());
        let measured = measure(&**engine, &models, &protocol, &save)?;
        failed += measured.failed + unwritten;
        done.extend(measured.measuring.timings);
        is_interrupted = measured.measuring.is_interrupted;
        if is_interrupted {
            break;
        }
    }
    if let Some(found) = work.verification(&done) {
        print(&work.shown(&found, &engines, args.format)?)?;
        note!("wrote {}", path.display());
    }
    Ok(if is_interrupted {
        note!(
            "interrupted: {} of {} were measured",
            done.iter()
                .filter(|timing| !is_anchor(&timing.network))
                .count(),
            counted(work.chosen.len(), "network")
        );
        exit::INTERRUPTED
    } else if failed > 0 {
        exit::BAD_INPUT
    } else {
        exit::DONE
    })
}

/// The networks by the batch they run at, in ascending order: at least one group where there is a network.
fn at_each_batch<'a>(chosen: &[&'a FrontRow]) -> Vec<Vec<&'a FrontRow>> {
    let mut groups: BTreeMap<u64, Vec<&FrontRow>> = BTreeMap::new();
    for row in chosen {
        groups.entry(row.metrics.batch).or_default().push(row);
    }
    groups.into_values().collect()
}

/// The networks to run.
fn chosen<'a>(
    args: &VerifyArgs,
    run: &FinishedRun,
    front: &'a [FrontRow],
) -> Result<Vec<&'a FrontRow>, Error> {
    let choice = args
        .top
        .map_or(Choice::Spread(SPREAD), |count| Choice::Top(count.get()));
    let chosen = choice.of(front);
    if chosen.is_empty() {
        return Err(Error::RunDirectory {
            path: run.directory().path().to_owned(),
            problem: "its front is empty: no network kept the constraints, so there is none to run"
                .to_owned(),
        });
    }
    Ok(chosen)
}

/// What the run's predictions at a batch hold for.
pub(super) fn conditions(experiment: &Experiment, batch: u64) -> Conditions {
    let model = experiment.appraiser.at(batch);
    let number = |number: u64| {
        let number = usize::try_from(number).ok().and_then(NonZeroUsize::new);
        number.unwrap_or(NonZeroUsize::MIN)
    };
    Conditions {
        threads: number(model.platform().threads.map_or(1, u64::from)),
        batch: number(model.batch()),
        dtype: model.dtype(),
    }
}

/// What is done.
struct Work<'a> {
    run: &'a FinishedRun,
    /// A batch at which the networks run instead of that they were found for.
    batch: Option<NonZeroUsize>,
    chosen: Vec<&'a FrontRow>,
    conditions: timing::Conditions,
}

impl Work<'_> {
    /// Whether what is measured is another engine, or under other conditions, than what was predicted.
    fn differs(&self, engines: &[Box<dyn Engine>], is_command: bool) -> bool {
        let mut engines = engines.iter();
        engines.any(|engine| !self.differences(&**engine, is_command).is_empty())
    }

    /// In what an engine is another one, or under other conditions, in sentences.
    fn differences(&self, engine: &dyn Engine, is_command: bool) -> Vec<String> {
        let description = engine.description();
        let ran_at = description.conditions.batch.get() as u64;
        let model = self.run.experiment.appraiser.at(ran_at);
        differences(
            model.platform(),
            conditions(&self.run.experiment, model.batch()),
            &description,
            &self.conditions.situation.words(),
            is_command,
        )
    }

    /// Why predictions may not hold for what is measured.
    fn warn(&self, engines: &[Box<dyn Engine>], is_command: bool) {
        let experiment = &self.run.experiment;
        let mut told: Vec<String> = Vec::new();
        for engine in engines {
            let ran_at = engine.description().conditions.batch.get() as u64;
            let model = experiment.appraiser.at(ran_at);
            let doubts = self.differences(&**engine, is_command);
            for doubt in model.caveats().into_iter().chain(doubts) {
                if !told.contains(&doubt) {
                    note!("warning: {doubt}");
                    told.push(doubt);
                }
            }
        }
        if let Some(head) = &self.run.experiment.head {
            note!(
                "backbones are run without the fixed head {}, and held against what was predicted for them alone; the run's latencies and its budget are of \
                 both, so nothing is said of the budget",
                head.head.name()
            );
        }
    }

    /// The networks as the run exports its backbones; one that can't be written is told, and left out.
    fn models(&self, rows: &[&FrontRow]) -> Vec<Model> {
        let mut models = Vec::new();
        for row in rows {
            match backbone_onnx(&self.run.experiment, row) {
                Ok(bytes) => models.push(Model::from_bytes(row.id.clone(), bytes)),
                Err(error) => note!("error: {}: {error}", row.id),
            }
        }
        models
    }

    /// What the anchors took when the platform was calibrated, in milliseconds, and at which batch; nothing of platforms that were calibrated otherwise.
    fn anchors_before(&self) -> Option<(u64, &BTreeMap<String, f64>)> {
        let model = &self.run.experiment.appraiser.model;
        let calibration = model.platform().calibration.get(&model.dtype())?;
        let anchors = &calibration.measured.anchor_ms;
        (!anchors.is_empty()).then(|| (calibration.batch.smallest(), anchors))
    }

    /// The networks that tell what has become of the machine since its platform was calibrated, each with the batch they are to run at.
    fn anchors(&self) -> Result<Vec<(u64, Model)>, Error> {
        let Some((batch, before)) = self.anchors_before() else {
            return Ok(Vec::new());
        };
        let mut models = Vec::new();
        for anchor in anchors()? {
            if before.contains_key(&anchor.name) {
                let weights = InitialWeights::seeded(ANCHOR_SEED);
                let bytes = onnx::export(&anchor.network, weights, Batch::Dynamic)?;
                models.push((batch, Model::from_bytes(anchor.name, bytes)));
            }
        }
        Ok(models)
    }

    /// The networks that were measured, in the order of the front.
    fn verification(&self, timings: &[NetworkTiming]) -> Option<Verification> {
        let rows = self.chosen.iter().filter_map(|row| {
            let timing = timings.iter().find(|timing| timing.network == row.id)?;
            // exported backbones don't hold a fixed head: what is run is predicted without it
            let batch = row.metrics.batch;
            let alone = self.run.experiment.backbone_alone(&row.genotype, batch);
            let predicted = alone.map_or(row.metrics.latency, |alone| alone.latency);
            let ran_at = self.batch.map_or(batch as usize, NonZeroUsize::get);
            Some(VerifiedRow::new(row, predicted, ran_at, timing))
        });
        let experiment = &self.run.experiment;
        // and the budget is for both
        let budget_ms = experiment.budget_ms().filter(|_| experiment.head.is_none());
        let slower = self.anchors_before().and_then(|(_, before)| {
            let now = timings.iter();
            slower(
                before,
                now.map(|timing| (&*timing.network, 1e3 * timing.latency_s())),
            )
        });
        Verification::new(rows.collect(), budget_ms, slower)
    }

    fn save(&self, timings: &[NetworkTiming]) -> anyhow::Result<()> {
        if let Some(found) = self.verification(timings) {
            let bytes = found.csv(&self.conditions);
            let directory = self.run.directory();
            directory.write(RunDirectory::VERIFICATION, &bytes)?;
        }
        Ok(())
    }

    fn shown(
        &self,
        found: &Verification,
        engines: &[Box<dyn Engine>],
        format: Format,
    ) -> anyhow::Result<String> {
        let mut columns = COLUMNS.to_vec();
        if self.run.experiment.chooses_batch() {
            columns.push("batch");
        }
        let rows = Data::of_cells(&VERIFICATION_COLUMNS, found.cells(&self.conditions));
        Ok(match format {
            Format::Csv => rows.format(format)?,
            Format::Json => serde_json::to_string_pretty(&json!({
                "figures": figures::object("n_test", &found.figures),
                "budget": budget(found),
                "since_calibration": found.since_calibration.as_ref().map_or(Value::Null, since_calibration::object),
                "rows": rows.objects(),
            }))?,
            Format::Table => format!(
                "{}\n\n{}\n\n{}",
                self.heading(engines),
                rows.only(&columns).format(format)?,
                self.summary(found)
            ),
        })
    }

    fn heading(&self, engines: &[Box<dyn Engine>]) -> String {
        let appraiser = &self.run.experiment.appraiser;
        let labels = self
            .chosen
            .iter()
            .map(|row| appraiser.at(row.metrics.batch).label());
        let labels: Vec<String> = labels.collect::<BTreeSet<_>>().into_iter().collect();
        let engines: Vec<String> = engines.iter().map(|e| shown_engine(&**e)).collect();
        let engine = engines.join(" and ");
        let model = &self.run.experiment.appraiser.model;
        let situation = self.conditions.situation.words();
        let situation = if situation.is_empty() {
            situation
        } else {
            format!("; {situation}")
        };
        let what = match &self.run.experiment.head {
            Some(_) => "Backbones without the fixed head: predicted",
            None => "Predicted",
        };
        format!(
            "{what} for platform {} ({}), measured on {} with {engine}{situation}:",
            model.platform().name,
            labels.join("; "),
            self.conditions.platform,
        )
    }

    fn summary(&self, found: &Verification) -> String {
        let experiment = &self.run.experiment;
        let budget = budget_in_words(found, experiment.resolved.constraints.confidence);
        let machine = found
            .since_calibration
            .as_ref()
            .map(since_calibration::in_words);
        let lines = [predictions_in_words(found)]
            .into_iter()
            .chain(machine)
            .chain(budget);
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// For programs: how the budget holds; null where the run had none.
fn budget(found: &Verification) -> Value {
    found.budget.map_or(Value::Null, |budget| {
        json!({
            "budget_ms": budget.budget_ms,
            "share_over": budget.share_over,
            "worst_over": budget.worst_over,
            "median_of_budget": budget.median_of_budget,
        })
    })
}

/// A share of the networks, as their number.
fn number(share: f64, of: usize) -> usize {
    (share * of as f64).round() as usize
}

fn predictions_in_words(found: &Verification) -> String {
    let figures = &found.figures;
    let n = figures.n;
    let beyond = figures.exceeds_upper_95.map_or_else(String::new, |share| {
        format!("; beyond its 95 % bound: {}", number(share, n))
    });
    let order = figures.spearman.map_or_else(String::new, |rho| {
        format!(", Spearman's correlation {rho:.3}")
    });
    format!(
        "Within 10 % of the prediction: {} of {}{beyond}. Mean error {} %, bias {} % (above 0: predictions are too long){order}.",
        number(figures.within_10pct, n),
        counted(n, "network"),
        percent(figures.mape),
        percent(figures.bias),
    )
}

/// How the budget holds, and what the search held it against.
fn budget_in_words(found: &Verification, confidence: f64) -> Option<String> {
    let budget = found.budget?;
    let n = found.rows.len();
    let held = if confidence > 0.5 {
        format!("with {:.0} % confidence", 100.0 * confidence)
    } else {
        "by the mean, so at its edge about half may be over".to_owned()
    };
    let over = match number(budget.share_over, n) {
        0 => "none took longer".to_owned(),
        over => format!(
            "{over} of {} took longer, the slowest by {} %",
            counted(n, "network"),
            percent(budget.worst_over)
        ),
    };
    Some(format!(
        "The budget of {} ms, which the search kept {held}: {over}; the median network takes {} % of it.",
        budget.budget_ms,
        percent(budget.median_of_budget)
    ))
}
