//! One fit to timings at several batches against one at each.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use roofnas_cost::{Figures, Prediction};
use roofnas_hardware::draw;

use crate::Filters;
use crate::data::Column;
use crate::model::{Model, alone};
use crate::table;
use crate::whole_networks::columns;

/// Networks drawn.
const SIZES: [usize; 3] = [10, 30, 100];

/// Draws of them.
const DRAWS: u64 = 5;

/// Which timings are fitted on, of networks in the order in which they were drawn.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// N networks at the batch that is predicted, and no other.
    Separate,
    /// N networks at every batch.
    Together,
    /// As many timings as one separate fit has: N networks, each at one batch in turn.
    Dealt,
    /// As many timings as one separate fit has: the first of the networks at every batch.
    Fewer,
    /// N networks at the smallest batch and at the largest.
    Ends,
    /// N networks at the smallest batch.
    Smallest,
}

const WAYS: [(Way, &str); 6] = [
    (Way::Separate, "N at each batch, a fit for each"),
    (Way::Together, "N at each batch, one fit"),
    (Way::Dealt, "N in all, dealt to the batches, one fit"),
    (Way::Fewer, "N in all, N/k networks at each batch, one fit"),
    (Way::Ends, "N at the smallest and the largest batch"),
    (Way::Smallest, "N at the smallest batch"),
];

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    println!(
        "Each batch of networks that no fit has seen; mean of {DRAWS} draws. {}\n",
        table::LEGEND
    );
    table::head(&format!(
        "device | N | fitted on | batch | {}",
        table::FIGURES
    ));
    for folder in ["ofa", "fbnet"] {
        for column in several(columns(folder)) {
            if filters.accepts(&format!("{folder}/{}", column.name)) {
                SIZES
                    .iter()
                    .for_each(|&size| compare(folder, &column, size));
            }
        }
    }
}

/// Columns of devices that were measured at several batches, their batches together.
fn several(columns: Vec<Column>) -> Vec<Column> {
    let mut devices: BTreeMap<String, Column> = BTreeMap::new();
    for column in columns {
        let own = devices.entry(column.device.clone()).or_insert(Column {
            name: column.device.clone(),
            device: column.device,
            rows: Vec::new(),
        });
        own.rows.extend(column.rows);
    }
    let all = devices.into_values();
    all.filter(|column| batches(column).len() > 1).collect()
}

fn batches(column: &Column) -> Vec<u64> {
    let all: BTreeSet<u64> = column.rows.iter().map(|row| row.batch).collect();
    all.into_iter().collect()
}

fn compare(folder: &str, column: &Column, size: usize) {
    let batches = batches(column);
    for (way, words) in WAYS {
        let of_draw = |seed| predictions(column, &batches, way, size, seed);
        let draws: Vec<BTreeMap<u64, Vec<Prediction>>> =
            (0..DRAWS).into_par_iter().map(of_draw).collect();
        for batch in &batches {
            let figures: Vec<Figures> = draws
                .iter()
                .filter_map(|draw| Figures::of(draw.get(batch)?))
                .collect();
            if !figures.is_empty() {
                println!(
                    "| {folder}/{} | {size} | {words} | {batch} | {} |",
                    column.name,
                    table::figures(&figures)
                );
            }
        }
    }
}

/// What is predicted of networks that weren't drawn, by batch; nothing where a batch was fitted on only to predict others.
fn predictions(
    column: &Column,
    batches: &[u64],
    way: Way,
    size: usize,
    seed: u64,
) -> BTreeMap<u64, Vec<Prediction>> {
    let drawn = draw(&column.networks(), size, seed);
    let names: BTreeSet<&str> = drawn
        .fit
        .iter()
        .map(|&row| &*column.rows[row].network)
        .collect();
    let place: BTreeMap<&str, usize> = names
        .into_iter()
        .enumerate()
        .map(|(place, name)| (name, place))
        .collect();
    let (first, last) = (batches[0], batches[batches.len() - 1]);
    let fitted_on = |predicted: u64| -> Vec<usize> {
        let is_fitted = |&&row: &&usize| {
            let row = &column.rows[row];
            let place = place[&*row.network];
            match way {
                Way::Separate => row.batch == predicted,
                Way::Together => true,
                Way::Dealt => row.batch == batches[place % batches.len()],
                Way::Fewer => place < size / batches.len(),
                Way::Ends => row.batch == first || row.batch == last,
                Way::Smallest => row.batch == first,
            }
        };
        drawn.fit.iter().filter(is_fitted).copied().collect()
    };
    let held_out = |batch: u64| -> Vec<usize> {
        let rows = drawn.held_out.iter().copied();
        rows.filter(|&row| column.rows[row].batch == batch)
            .collect()
    };
    let of_interest = |batch: &u64| match way {
        Way::Ends => batches.len() > 2 && *batch != first && *batch != last,
        Way::Smallest => *batch != first,
        _ => true,
    };
    let predict = |model: &Model, batch: u64| (batch, model.predict(column, &held_out(batch)));
    let wanted = batches.iter().copied().filter(|batch| of_interest(batch));
    if let Way::Separate = way {
        let each = wanted
            .map(|batch| predict(&Model::fit(column, &fitted_on(batch), &[], &alone()), batch));
        return each.collect();
    }
    let wanted: Vec<u64> = wanted.collect();
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let model = Model::fit(column, &fitted_on(first), &[], &alone());
    wanted
        .into_iter()
        .map(|batch| predict(&model, batch))
        .collect()
}
