//! `roofnas rank`.

use roofnas::ranking::{
    Band, Budgets, DRAWS, Device, DeviceKind, NoiseFloor, NoiseSource, Prediction, RankFigures,
    Ranking, Regret, Splits, SurrogateFigures, Truth, judge,
};
use roofnas::{
    DistinctNetwork, Error, TrainedColumns, TrainedTable, exit, find_space, in_the_table,
    reference_sample,
};
use roofnas_cost::surrogate::{SurrogateError, Trained, TrainingSet};
use roofnas_space::SearchSpace;
use serde_json::{Map, Value, json};

use super::on_threads;
use super::output::print;
use super::table::{Data, table};
use crate::cli::{Duplicates, Format, RankArgs};

/// Lines that a warning lists.
const LISTED: usize = 5;

/// Columns of the CSV. A row without a device is about all of them.
const COLUMNS: [&str; 8] = [
    "name",
    "device",
    "tau",
    "spearman",
    "tau_band",
    "tau_top_fifth",
    "regret",
    "regret_best5",
];

/// Ranks trained networks by every quality term, and prints how well that goes.
pub(crate) fn rank(args: &RankArgs) -> anyhow::Result<u8> {
    if args.truth_std.is_some() && args.truth.len() > 1 {
        return Err(Error::Argument {
            argument: "--truth-std".to_owned(),
            problem: "is for a single column of accuracies: several seeds say themselves how much they differ".to_owned(),
        }
        .into());
    }
    let text = on_threads(args.threads, || {
        let ranked = Ranked::new(args)?;
        ranked.warn();
        Ok(match args.format {
            Format::Table => ranked.for_people(),
            Format::Json => serde_json::to_string_pretty(&ranked.object())?,
            Format::Csv => ranked.data().format(Format::Csv)?,
        })
    })?;
    print(&text)?;
    Ok(exit::DONE)
}

/// A table, ranked.
struct Ranked<'a> {
    args: &'a RankArgs,
    rows: usize,
    untrained: Vec<u64>,
    /// Networks that build different layers.
    distinct: usize,
    /// Networks that are ranked.
    networks: usize,
    ranking: Ranking,
    floor: Option<NoiseFloor>,
    surrogate: Vec<SurrogateFigures>,
}

/// Fits surrogates to some of the networks, and judges them on the others.
fn surrogates(
    args: &RankArgs,
    space: &SearchSpace,
    networks: &[DistinctNetwork],
    truth: &Truth,
) -> Result<Vec<SurrogateFigures>, Error> {
    let splits = Splits {
        sizes: args.surrogate.iter().map(|&size| size as usize).collect(),
        draws: args.splits.into(),
        seed: args.seed,
    };
    if splits.draws == 0 || networks.len() < TrainingSet::LEAST {
        return Ok(Vec::new());
    }
    // a mean of several trainings is one figure here: what is predicted of others is their mean, too
    let trained = networks.iter().map(|network| Trained {
        genotype: network.genotype.clone(),
        accuracy: network.accuracy(),
        std: None,
        runs: 1,
    });
    let trained: Vec<Trained> = trained.collect();
    let unusable = |source: SurrogateError| Error::Unusable {
        path: args.table.clone(),
        problem: in_the_table(&source, networks),
    };
    let set = TrainingSet::new(space, &reference_sample(space), &trained).map_err(unusable)?;
    let judged = judge(truth, &splits, |fitted, others| {
        let surrogate = set.fit_to(fitted)?;
        let predict = |&row: &usize| {
            let predicted = set.prediction(&surrogate, row);
            let [lower_90, upper_90] = predicted.interval(0.9);
            Prediction {
                mean: predicted.median(),
                lower_90,
                upper_90,
            }
        };
        Ok(others.iter().map(predict).collect())
    });
    judged.map_err(unusable)
}

impl<'a> Ranked<'a> {
    fn new(args: &'a RankArgs) -> Result<Self, Error> {
        let space = find_space("--space", &args.space)?;
        let columns = TrainedColumns {
            architecture: args.architecture.clone(),
            truth: args.truth.clone(),
            extra: args
                .latency
                .iter()
                .chain(&args.throughput)
                .cloned()
                .collect(),
            std: None,
        };
        let table = TrainedTable::read(&args.table, &space, &columns)?;
        let distinct = table.distinct(&space);
        let count = distinct.len();
        let networks = match args.duplicates {
            Duplicates::Merge => distinct,
            Duplicates::Keep => table.apart(&space),
        };
        let ranking = Ranking::new(
            &networks,
            devices(args, &networks),
            args.band.into(),
            &args.mix,
        );
        let ranking = ranking.map_err(|source| Error::trained(&args.table, source))?;
        let floor = match args.truth_std {
            Some(std) => NoiseFloor::from_deviation(&ranking.truth, std, args.seed),
            None => NoiseFloor::from_seeds(&ranking.truth, &networks),
        };
        let surrogate = surrogates(args, &space, &networks, &ranking.truth);
        let surrogate = surrogate.unwrap_or_else(|error| {
            note!("warning: the surrogate is left out, since one of its draws can't be fitted: {error}");
            Vec::new()
        });
        Ok(Self {
            args,
            surrogate,
            rows: table.rows.len(),
            untrained: table.untrained,
            distinct: count,
            networks: networks.len(),
            ranking,
            floor,
        })
    }

    /// What was left out, and what says nothing.
    fn warn(&self) {
        let file = self.args.table.display();
        if !self.untrained.is_empty() {
            let lines: Vec<String> = self.untrained.iter().map(u64::to_string).collect();
            let more = match lines.len().saturating_sub(LISTED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            note!(
                "warning: {file}: {} for want of an accuracy: line {}{more}",
                left_out(lines.len(), self.rows + lines.len(), "rows", ""),
                lines[..lines.len().min(LISTED)].join(", ")
            );
        }
        for device in &self.ranking.truth.devices {
            let budgets = Budgets::new(device);
            if budgets.left_out > 0 {
                note!(
                    "warning: {file}: {} for want of a number in {}",
                    left_out(
                        budgets.left_out,
                        self.networks,
                        "networks",
                        " of the regret"
                    ),
                    device.column
                );
            }
        }
        for term in &self.ranking.constant_terms {
            note!(
                "warning: {term} is the same for every network of the table: it adds nothing to a mix"
            );
        }
    }

    /// The terms, the surrogates, then the floor where it is known.
    fn by_name(&self) -> impl Iterator<Item = (String, &RankFigures)> {
        let terms = self.ranking.terms.iter();
        let terms = terms.map(|term| (term.name.clone(), &term.figures));
        let judged = self.surrogate.iter();
        let judged = judged.map(|own| (format!("surrogate of {}", own.n), &own.figures));
        let floor = self.floor.iter();
        let floor = floor.map(|floor| ("floor".to_owned(), &floor.figures));
        terms.chain(judged).chain(floor)
    }

    fn object(&self) -> Map<String, Value> {
        let terms = self.ranking.terms.iter().map(|term| {
            let name = [("name".to_owned(), term.name.clone().into())];
            Value::Object(
                name.into_iter()
                    .chain(self.figures(&term.figures))
                    .collect(),
            )
        });
        let terms: Vec<Value> = terms.collect();
        let devices: Vec<Value> = self.ranking.truth.devices.iter().map(about).collect();
        let band: Band = self.args.band.into();
        let mut object = Map::new();
        for (key, value) in [
            ("space", Value::from(self.args.space.clone())),
            ("table", self.args.table.display().to_string().into()),
            ("truth", self.args.truth.clone().into()),
            ("rows", self.rows.into()),
            ("rows_without_truth", self.untrained.len().into()),
            ("distinct", self.distinct.into()),
            ("networks", self.networks.into()),
            ("band", band.name().into()),
            ("terms", terms.into()),
            ("devices", devices.into()),
        ] {
            object.insert(key.to_owned(), value);
        }
        if let Some(floor) = &self.floor {
            let mut value = match floor.source {
                NoiseSource::Seeds { seeds, networks } => {
                    json!({"from": "seeds", "seeds": seeds, "networks": networks})
                }
                NoiseSource::Deviation { std, seed } => {
                    json!({"from": "deviation", "std": std, "draws": DRAWS, "seed": seed})
                }
            };
            if let Some(value) = value.as_object_mut() {
                value.extend(self.figures(&floor.figures));
            }
            object.insert("floor".to_owned(), value);
        }
        if !self.surrogate.is_empty() {
            let judged = self.surrogate.iter().map(|judged| {
                let mut value = json!({"n": judged.n, "held_out": judged.held_out, "splits": self.args.splits, "coverage_90": judged.coverage_90, "width_90": judged.width_90});
                if let Some(value) = value.as_object_mut() {
                    value.extend(self.figures(&judged.figures));
                }
                value
            });
            object.insert("surrogate".to_owned(), judged.collect());
        }
        object
    }

    /// Figures by name, those of each device under `devices`.
    fn figures(&self, figures: &RankFigures) -> Map<String, Value> {
        let mut object: Map<String, Value> = [
            ("tau", figures.tau),
            ("spearman", figures.spearman),
            ("tau_band", figures.tau_band),
            ("tau_top_fifth", figures.tau_top_fifth),
            ("regret", top(figures.regret())),
            ("regret_best5", best_of_five(figures.regret())),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
        let devices = self.ranking.truth.devices.iter().zip(&figures.regrets);
        let devices: Vec<Value> = devices
            .map(|(device, regret)| {
                json!({"column": device.column, "regret": top(*regret), "regret_best5": best_of_five(*regret)})
            })
            .collect();
        object.insert("devices".to_owned(), devices.into());
        object
    }

    fn data(&self) -> Data {
        let mut data = Data::new(&COLUMNS);
        for (name, figures) in self.by_name() {
            let regret = figures.regret();
            data.push(vec![
                name.clone().into(),
                Value::Null,
                figures.tau.into(),
                figures.spearman.into(),
                figures.tau_band.into(),
                figures.tau_top_fifth.into(),
                top(regret).into(),
                best_of_five(regret).into(),
            ]);
            let devices = self.ranking.truth.devices.iter().zip(&figures.regrets);
            for (device, &regret) in devices {
                let mut row = vec![name.clone().into(), device.column.clone().into()];
                row.extend([Value::Null, Value::Null, Value::Null, Value::Null]);
                row.extend([top(regret).into(), best_of_five(regret).into()]);
                data.push(row);
            }
        }
        data
    }

    fn for_people(&self) -> String {
        let devices = &self.ranking.truth.devices;
        let band: Band = self.args.band.into();
        let in_band = format!("tau in bands of {}", band.name());
        let mut columns = vec!["", "tau", "Spearman", &in_band, "tau in the top fifth"];
        if !devices.is_empty() {
            columns.extend(["regret", "best of five"]);
        }
        let rows = self.by_name().map(|(name, figures)| {
            let three = |value: Option<f64>| value.map(|value| format!("{value:.3}"));
            let two = |value: Option<f64>| value.map(|value| format!("{value:.2}"));
            let mut row: Vec<Value> = vec![
                name.into(),
                three(figures.tau).into(),
                three(figures.spearman).into(),
                three(figures.tau_band).into(),
                three(figures.tau_top_fifth).into(),
            ];
            if !devices.is_empty() {
                let regret = figures.regret();
                row.push(two(top(regret)).into());
                row.push(two(best_of_five(regret)).into());
            }
            row
        });
        let mut parts = vec![self.heading(), table(&columns, &rows.collect::<Vec<_>>())];
        if devices.len() > 1 {
            parts.push(self.by_device());
        }
        parts.extend(self.notes());
        parts.join("\n\n")
    }

    fn heading(&self) -> String {
        let networks = if self.networks == self.distinct {
            let merged = match self.rows == self.networks {
                true => String::new(),
                false => format!(
                    " of {} rows (rows that build the same layers are one network, with the mean of their accuracies)",
                    self.rows
                ),
            };
            format!("{} different networks{merged}", self.networks)
        } else {
            format!(
                "{} networks, of which {} differ,",
                self.networks, self.distinct
            )
        };
        let seeds = match self.args.truth.len() {
            1 => String::new(),
            seeds => format!(", mean of {seeds} seeds"),
        };
        format!(
            "{networks} of the space {}; truth: {}{seeds}. How well terms rank them:",
            self.args.space,
            self.args.truth.join(", ")
        )
    }

    /// Regrets, a column for each device.
    fn by_device(&self) -> String {
        let devices = &self.ranking.truth.devices;
        let mut columns = vec!["regret / best of five"];
        columns.extend(devices.iter().map(|device| device.column.as_str()));
        let rows = self.by_name().map(|(name, figures)| {
            let cells = figures.regrets.iter().map(|regret| {
                let text = regret.map(|r| format!("{:.2} / {:.2}", r.top, r.best_of_five));
                Value::from(text)
            });
            [Value::from(name)].into_iter().chain(cells).collect()
        });
        table(&columns, &rows.collect::<Vec<Vec<Value>>>())
    }

    /// What the figures are.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.ranking.truth.devices.is_empty() {
            notes.push(
                "Regret: points of accuracy lost by picking the highest score, or the best of the five highest, under ten budgets from the quantile .05 \
                 to .95 of a column; means over budgets and columns."
                    .to_owned(),
            );
        }
        notes.extend(self.surrogate.iter().map(|judged| {
            format!(
                "Surrogate of {}: fitted to so many networks and judged on the other {}, mean of {} draws; {:.0} % of those are inside their 90 % interval, which \
                 is {:.2} points wide.",
                judged.n,
                judged.held_out,
                self.args.splits,
                100.0 * judged.coverage_90,
                judged.width_90
            )
        }));
        notes.extend(self.floor.iter().map(|floor| match floor.source {
            NoiseSource::Seeds { seeds, networks } => format!(
                "Floor: what training each network once shows. One of {seeds} seeds is the score, the mean of the others the truth, each in turn, on \
                 {networks} networks."
            ),
            NoiseSource::Deviation { std, seed } => format!(
                "Floor: what even a perfect oracle shows, since each training run deviates by {std} points. The table's accuracies are the score, and \
                 the truth is these with such noise, {DRAWS} times (seed {seed})."
            ),
        }));
        notes
    }
}

/// How many of all are left out, in words.
fn left_out(some: usize, all: usize, what: &str, of: &str) -> String {
    let are = if some == 1 { "is" } else { "are" };
    format!("{some} of {all} {what} {are} left out{of}")
}

/// The devices of the columns asked for.
fn devices(args: &RankArgs, networks: &[DistinctNetwork]) -> Vec<Device> {
    let latency = args.latency.iter().map(|c| (c, DeviceKind::Latency));
    let throughput = args.throughput.iter().map(|c| (c, DeviceKind::Throughput));
    let columns = latency.chain(throughput).enumerate();
    let device = |(index, (column, kind)): (usize, (&String, DeviceKind))| {
        Device::new(
            column,
            kind,
            networks.iter().map(|network| network.extra[index]),
        )
    };
    columns.map(device).collect()
}

/// A device's budgets in the unit of its column, and how many networks they are for.
fn about(device: &Device) -> Value {
    let budgets = Budgets::new(device);
    let limit = |&limit: &f64| match device.kind {
        DeviceKind::Latency => limit,
        DeviceKind::Throughput => limit.recip(),
    };
    let limits: Vec<f64> = budgets.limits.iter().map(limit).collect();
    json!({
        "column": device.column,
        "kind": device.kind.name(),
        "networks": budgets.networks(),
        "left_out": budgets.left_out,
        "budgets": limits,
    })
}

fn top(regret: Option<Regret>) -> Option<f64> {
    regret.map(|regret| regret.top)
}

fn best_of_five(regret: Option<Regret>) -> Option<f64> {
    regret.map(|regret| regret.best_of_five)
}
