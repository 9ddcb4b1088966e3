//! Published convolutional networks on a desktop CPU: some families measured, others predicted.

use rayon::prelude::*;
use roofnas_cost::{Figures, order_accuracy_in_bands};
use roofnas_hardware::fit::FitOptions;
use roofnas_hardware::{Selection, draw};

use crate::Filters;
use crate::data::{self, Column};
use crate::model::{Model, baselines, mape};
use crate::table;

/// Networks measured.
const MEASURED: usize = 50;

/// Draws of families, and of networks from them.
const DRAWS: u64 = 5;

/// Bands of about equal MACs reach from one to the next power of this.
const BAND: f64 = 4.0 / 3.0;

/// A band that networks of interest lie in, in MACs.
const MIDDLE_BAND: std::ops::RangeInclusive<f64> = 3e9..=4e9;

struct Run {
    figures: Figures,
    baselines: [f64; 5],
    /// Order accuracy in bands of equal MACs: of the model, of MACs, of each baseline.
    in_bands: [f64; 7],
    /// The same in the middle band alone.
    in_middle: [f64; 7],
    seconds: f64,
    /// Error of each network held out.
    errors: Vec<(String, f64)>,
}

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    let columns: Vec<Column> = columns();
    println!(
        "Half of the families drawn, and {MEASURED} networks of them measured; every network of the other families predicted; mean of {DRAWS} draws. \
         `order`: share of pairs within a band of equal MACs (ratio 4/3) in the right order, and of pairs with {} to {} GMACs. {}\n",
        MIDDLE_BAND.start() / 1e9,
        MIDDLE_BAND.end() / 1e9,
        table::LEGEND
    );
    let head = format!(
        "column | N | {} | {} | ratio | order | by MACs | best baseline | order 3-4 G | by MACs | best baseline | s",
        table::FIGURES,
        table::BASELINES
    );
    table::head(&head);
    let mut worst: Vec<(String, f64)> = Vec::new();
    for column in columns
        .iter()
        .filter(|column| filters.accepts(&column.name))
    {
        let runs: Vec<Run> = (0..DRAWS)
            .into_par_iter()
            .map(|seed| one_draw(column, seed))
            .collect();
        print(column, &runs);
        worst.extend(runs.into_iter().flat_map(|run| run.errors));
    }
    print_families(&worst);
}

fn columns() -> Vec<Column> {
    let (Some(costs), Some(text)) = (data::costs("timm"), data::text("timm", "latency.csv")) else {
        return Vec::new();
    };
    let column = |platform: &Vec<String>| {
        let platform = &platform[0];
        let selection = Selection {
            conditions: vec![("platform".to_owned(), platform.clone())],
            ..Selection::default()
        };
        data::column(
            platform.clone(),
            "i9_10940x".to_owned(),
            &text,
            &selection,
            &costs,
        )
    };
    let platforms = data::combinations(&text, &["platform"]);
    platforms.iter().map(column).collect()
}

/// What stands before the first underscore or digit.
fn family(network: &str) -> &str {
    let end = network.find(|c: char| c == '_' || c.is_ascii_digit());
    &network[..end.unwrap_or(network.len())]
}

fn one_draw(column: &Column, seed: u64) -> Run {
    let families: Vec<&str> = column.rows.iter().map(|row| family(&row.network)).collect();
    let mut distinct = families.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let by_family = draw(&families, distinct.len() / 2, seed);
    let names: Vec<&str> = by_family
        .fit
        .iter()
        .map(|&row| column.rows[row].network.as_str())
        .collect();
    let drawn = draw(&names, MEASURED, seed);
    let fit: Vec<usize> = drawn
        .fit
        .iter()
        .map(|&index| by_family.fit[index])
        .collect();
    let held_out = by_family.held_out;
    let model = Model::fit(column, &fit, &[], &FitOptions::default());
    let predictions = model.predict(column, &held_out);
    let baselines = baselines(column, &fit, &held_out);
    let macs: Vec<f64> = held_out
        .iter()
        .map(|&row| column.rows[row].cost.macs as f64)
        .collect();
    let measured: Vec<f64> = predictions.iter().map(|p| p.measured_ms).collect();
    let mut orders = vec![
        predictions.iter().map(|p| p.mean_ms).collect(),
        macs.clone(),
    ];
    orders.extend(baselines.iter().cloned());
    let in_bands = |orders: &[Vec<f64>], macs: &[f64], measured: &[f64]| {
        let accuracy = |order: &Vec<f64>| {
            order_accuracy_in_bands(macs, order, measured, BAND).unwrap_or(f64::NAN)
        };
        std::array::from_fn(|index| accuracy(&orders[index]))
    };
    let middle: Vec<usize> = (0..macs.len())
        .filter(|&i| MIDDLE_BAND.contains(&macs[i]))
        .collect();
    let pick = |values: &Vec<f64>| -> Vec<f64> { middle.iter().map(|&i| values[i]).collect() };
    // all of them in one band
    let same = vec![1.0; middle.len()];
    let middle_orders: Vec<Vec<f64>> = orders.iter().map(pick).collect();
    let errors = held_out.iter().zip(&predictions);
    Run {
        figures: Figures::of(&predictions).unwrap(),
        in_bands: in_bands(&orders, &macs, &measured),
        in_middle: in_bands(&middle_orders, &same, &pick(&measured)),
        seconds: model.seconds,
        errors: errors
            .map(|(&row, p)| {
                (
                    column.rows[row].network.clone(),
                    p.mean_ms / p.measured_ms - 1.0,
                )
            })
            .collect(),
        baselines: baselines.map(|predicted| mape(column, &held_out, &predicted)),
    }
}

fn print(column: &Column, runs: &[Run]) {
    let mean = |of: &dyn Fn(&Run) -> f64| table::average(runs.iter().map(of));
    let baselines: Vec<f64> = (0..5).map(|b| mean(&|run| run.baselines[b])).collect();
    let orders = |of: &dyn Fn(&Run) -> [f64; 7]| {
        let order = |index: usize| mean(&|run| of(run)[index]);
        let best = (2..7).map(order).fold(0.0, f64::max);
        table::percents(&[order(0), order(1), best])
    };
    let figures: Vec<Figures> = runs.iter().map(|run| run.figures).collect();
    println!(
        "| {} | {MEASURED} | {} | {} | {:.2} | {} | {} | {:.1} |",
        column.name,
        table::figures(&figures),
        table::percents(&baselines),
        table::average(figures.iter().map(|f| f.mape)) / table::least(&baselines),
        orders(&|run| run.in_bands),
        orders(&|run| run.in_middle),
        mean(&|run| run.seconds),
    );
}

/// Which families are hard to predict.
fn print_families(errors: &[(String, f64)]) {
    let mut families: Vec<&str> = errors.iter().map(|(network, _)| family(network)).collect();
    families.sort_unstable();
    families.dedup();
    println!();
    table::head("family | predictions | bias (median) | absolute error (median)");
    for name in families {
        let errors = || errors.iter().filter(|(network, _)| family(network) == name);
        println!(
            "| {name} | {} | {} | {} |",
            errors().count(),
            table::percent(table::median(errors().map(|(_, error)| *error))),
            table::percent(table::median(errors().map(|(_, error)| error.abs()))),
        );
    }
}
