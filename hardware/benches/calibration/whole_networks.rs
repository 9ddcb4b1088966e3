//! Networks of two search spaces, drawn at random: measured whole, others of the same space predicted.

use std::collections::BTreeMap;

use rayon::prelude::*;
use roofnas_cost::Figures;
use roofnas_cost::calibration::Calibration;
use roofnas_hardware::fit::FitOptions;
use roofnas_hardware::{Selection, draw};

use crate::Filters;
use crate::data::{self, Column};
use crate::model::{Known, Model, alone, baselines, mape, nearest};
use crate::table;

/// Networks measured.
const SIZES: [usize; 4] = [5, 10, 30, 100];

/// Draws of them.
const DRAWS: u64 = 5;

/// Networks that platforms calibrated before have been calibrated on, and the seed they are drawn with.
const KNOWN_NETWORKS: usize = 200;
const KNOWN_SEED: u64 = 99;

struct Run {
    figures: Figures,
    baselines: Vec<f64>,
    seconds: f64,
    priors: String,
}

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    let columns = all_columns();
    println!(
        "N networks drawn and measured, the others of the column predicted; mean of {DRAWS} draws. Platforms known before: the columns of other \
         devices, {KNOWN_NETWORKS} networks each. {}\n",
        table::LEGEND
    );
    let head = format!(
        "column | N | {} | {} | nearest | ratio | s | priors (first draw)",
        table::FIGURES,
        table::BASELINES
    );
    table::head(&head);
    let fit_alone = |column: &Column| {
        let rows = draw(&column.networks(), KNOWN_NETWORKS, KNOWN_SEED).fit;
        Model::fit(column, &rows, &[], &alone()).calibration
    };
    let known: Vec<Calibration> = columns.par_iter().map(fit_alone).collect();
    let mut ratios: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for column in columns
        .iter()
        .filter(|column| filters.accepts(&column.name))
    {
        let known: Vec<(String, &Calibration)> = columns
            .iter()
            .zip(&known)
            .filter(|(other, _)| other.device != column.device)
            .map(|(other, calibration)| (other.name.clone(), calibration))
            .collect();
        for size in SIZES {
            let runs: Vec<Run> = (0..DRAWS)
                .into_par_iter()
                .map(|seed| one_draw(column, size, seed, &known, &columns))
                .collect();
            ratios
                .entry(size)
                .or_default()
                .push(print(column, size, &runs));
        }
    }
    table::print_ratios(&ratios);
}

/// Every platform's column of both spaces.
pub(crate) fn all_columns() -> Vec<Column> {
    ["ofa", "fbnet"].into_iter().flat_map(columns).collect()
}

pub(crate) fn columns(folder: &str) -> Vec<Column> {
    let (Some(costs), Some(text)) = (data::costs(folder), data::text(folder, "latency.csv")) else {
        return Vec::new();
    };
    let platforms = data::combinations(&text, &["platform"]);
    let column = |platform: &Vec<String>| {
        let platform = &platform[0];
        let selection = Selection {
            conditions: vec![("platform".to_owned(), platform.clone())],
            ..Selection::default()
        };
        let name = format!("{folder}/{platform}");
        data::column(name, device(platform), &text, &selection, &costs)
    };
    platforms.iter().map(column).collect()
}

/// A platform's name without the batch size behind it.
fn device(platform: &str) -> String {
    let without = platform
        .rsplit_once('_')
        .filter(|(_, batch)| ["1", "32", "64"].contains(batch));
    without.map_or(platform, |(device, _)| device).to_owned()
}

fn one_draw(column: &Column, size: usize, seed: u64, known: &Known, columns: &[Column]) -> Run {
    let drawn = draw(&column.networks(), size, seed);
    let mut errors: Vec<f64> = baselines(column, &drawn.fit, &drawn.held_out)
        .iter()
        .map(|predicted| mape(column, &drawn.held_out, predicted))
        .collect();
    let nearest = nearest(column, &drawn.fit, &drawn.held_out, columns);
    errors.push(nearest.map_or(f64::NAN, |predicted| {
        mape(column, &drawn.held_out, &predicted)
    }));
    let model = Model::fit(column, &drawn.fit, known, &FitOptions::default());
    let components = model.calibration.components.iter();
    let priors: Vec<String> = components
        .map(|c| format!("{} {} {:.2}", c.prior, c.composition.name(), c.weight))
        .collect();
    Run {
        figures: Figures::of(&model.predict(column, &drawn.held_out)).unwrap(),
        baselines: errors,
        seconds: model.seconds,
        priors: priors.join(", "),
    }
}

/// Prints a row, and returns the ratio to the best baseline.
fn print(column: &Column, size: usize, runs: &[Run]) -> f64 {
    let baselines: Vec<f64> = (0..runs[0].baselines.len())
        .map(|baseline| table::average(runs.iter().map(|run| run.baselines[baseline])))
        .collect();
    let figures: Vec<Figures> = runs.iter().map(|run| run.figures).collect();
    let ratio = table::average(figures.iter().map(|f| f.mape)) / table::least(&baselines);
    println!(
        "| {} | {size} | {} | {} | {ratio:.2} | {:.1} | {} |",
        column.name,
        table::figures(&figures),
        table::percents(&baselines),
        table::average(runs.iter().map(|run| run.seconds)),
        runs[0].priors
    );
    ratio
}
