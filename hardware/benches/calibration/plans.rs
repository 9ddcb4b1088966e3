//! Networks to measure chosen by a plan, beside networks drawn at random.

use std::collections::BTreeMap;

use rayon::prelude::*;
use roofnas_cost::Figures;
use roofnas_cost::calibration::Workload;
use roofnas_hardware::draw;
use roofnas_hardware::fit::plan;

use crate::Filters;
use crate::data::Column;
use crate::model::{Model, alone};
use crate::table;
use crate::whole_networks;

/// Networks measured.
const SIZES: [usize; 3] = [5, 10, 30];

/// Pools of networks that a plan chooses from, and draws at random are made from.
const POOLS: u64 = 10;
const POOL: usize = 200;

/// Networks of the space that a plan is told it is for.
const TARGETS: usize = 100;

/// Errors of one pool: planned, drawn.
struct Run {
    planned: Figures,
    drawn: Figures,
}

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    println!(
        "N networks of {POOL} chosen by a plan that knows their layers, and no timing, for {TARGETS} others of the space; beside it N drawn from \
         them at random. The rest of the column is predicted; mean of {POOLS} pools, no other platform known. Errors in %; `p90`: \
         the ninth decile of the pools' MAPE; `ratio`: planned over drawn.\n"
    );
    table::head(
        "column | N | planned | drawn | planned p90 | drawn p90 | rho planned | rho drawn | ratio",
    );
    let columns = whole_networks::all_columns();
    let mut ratios: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for column in columns
        .iter()
        .filter(|column| filters.accepts(&column.name))
    {
        let pools: Vec<Vec<Run>> = (0..POOLS)
            .into_par_iter()
            .map(|seed| one_pool(column, seed))
            .collect();
        for (index, size) in SIZES.into_iter().enumerate() {
            let runs: Vec<&Run> = pools.iter().map(|pool| &pool[index]).collect();
            ratios
                .entry(size)
                .or_default()
                .push(print(column, size, &runs));
        }
    }
    table::print_ratios(&ratios);
}

fn one_pool(column: &Column, seed: u64) -> Vec<Run> {
    let drawn = draw(&column.networks(), POOL + TARGETS, seed);
    let (pool, targets) = drawn.fit.split_at(POOL);
    let works = |rows: &[usize]| -> Vec<Vec<Workload>> {
        rows.iter()
            .map(|&row| column.rows[row].works.clone())
            .collect()
    };
    let largest = SIZES.into_iter().max().unwrap_or(0);
    let order = plan(&works(pool), &works(targets), &[], largest);
    let planned: Vec<usize> = order.into_iter().map(|index| pool[index]).collect();
    let names: Vec<&str> = pool
        .iter()
        .map(|&row| column.rows[row].network.as_str())
        .collect();
    let at_random = |size: usize| -> Vec<usize> {
        let rows = draw(&names, size, seed).fit;
        rows.into_iter().map(|index| pool[index]).collect()
    };
    let figures = |rows: &[usize]| {
        let model = Model::fit(column, rows, &[], &alone());
        Figures::of(&model.predict(column, &drawn.held_out)).unwrap()
    };
    let run = |size: usize| Run {
        planned: figures(&planned[..size]),
        drawn: figures(&at_random(size)),
    };
    SIZES.into_iter().map(run).collect()
}

/// Prints a row, and returns the ratio of planned to drawn.
fn print(column: &Column, size: usize, runs: &[&Run]) -> f64 {
    let mean = |of: fn(&Run) -> f64| table::average(runs.iter().map(|run| of(run)));
    let worst = |of: fn(&Run) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(|run| of(run)).collect();
        all.sort_by(f64::total_cmp);
        all[(9 * all.len()).div_ceil(10) - 1]
    };
    let (planned, drawn) = (mean(|run| run.planned.mape), mean(|run| run.drawn.mape));
    println!(
        "| {} | {size} | {} | {} | {} | {} | {:.3} | {:.3} | {:.2} |",
        column.name,
        table::percent(planned),
        table::percent(drawn),
        table::percent(worst(|run| run.planned.mape)),
        table::percent(worst(|run| run.drawn.mape)),
        mean(|run| run.planned.spearman.unwrap_or(0.0)),
        mean(|run| run.drawn.spearman.unwrap_or(0.0)),
        planned / drawn
    );
    planned / drawn
}
