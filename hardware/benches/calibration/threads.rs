//! One fit to timings on several numbers of threads against one on each.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use roofnas_cost::{Figures, Prediction};
use roofnas_hardware::draw;

use crate::Filters;
use crate::data::Column;
use crate::families::platforms;
use crate::model::{Model, alone};
use crate::table;

/// The columns that tell platforms apart, but for their threads.
const PLATFORM: [&str; 5] = ["device", "isa", "variant", "backend", "powersave"];

/// Platforms have at least so many networks on each number of threads.
const LEAST_NETWORKS: usize = 25;

/// Every so many-th of these platforms is looked at, where none is asked for.
const EVERY: usize = 3;

/// Networks drawn.
const SIZES: [usize; 2] = [10, 20];

/// Draws of them.
const DRAWS: u64 = 3;

/// Which timings predict those of networks that weren't drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// N networks on as many threads as are predicted, and no others.
    Separate,
    /// N networks on every number of threads.
    Together,
    /// N networks, each on one number of threads in turn.
    Dealt,
    /// All networks on the fewest, N on every other number.
    AllOnFewest,
    /// The same without a model: latencies on the fewest, times the median of the N networks' ratios.
    Ratio,
}

const WAYS: [(Way, &str); 5] = [
    (Way::Separate, "N on each, a fit for each"),
    (Way::Together, "N on each, one fit"),
    (Way::Dealt, "N in all, dealt to the threads, one fit"),
    (
        Way::AllOnFewest,
        "all on the fewest, N on each other, one fit",
    ),
    (
        Way::Ratio,
        "all on the fewest, N on each other, a ratio for each",
    ),
];

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    let columns: Vec<Column> = platforms(&PLATFORM)
        .into_iter()
        .filter(|column| filters.accepts(&column.name))
        .filter_map(several)
        .enumerate()
        .filter(|(index, _)| filters.are_some() || index % EVERY == 0)
        .map(|(_, column)| column)
        .collect();
    let named: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    println!(
        "Networks of the ncnn table on {} platforms, no other known; of those that weren't drawn, predictions on the fewest and on the most threads. Figures are \
         of {DRAWS} draws, medians over platforms. {}\n\n{}\n",
        columns.len(),
        table::LEGEND,
        named.join("; ")
    );
    table::head(&format!("N | known | threads | {} | s", table::FIGURES));
    for size in SIZES {
        for (way, words) in WAYS {
            let runs: Vec<(usize, u64)> = (0..columns.len())
                .flat_map(|column| (0..DRAWS).map(move |seed| (column, seed)))
                .collect();
            let drawn: Vec<(usize, Run)> = runs
                .into_par_iter()
                .map(|(column, seed)| (column, predict(&columns[column], way, size, seed)))
                .collect();
            // what is known of all networks there needs no prediction
            let has_fewest = !matches!(way, Way::AllOnFewest | Way::Ratio);
            if has_fewest {
                print(&format!("{size} | {words} | fewest"), &drawn, first);
            }
            print(&format!("{size} | {words} | most"), &drawn, last);
        }
    }
}

/// Predictions of networks on each number of threads, and the seconds of the fits.
type Run = (BTreeMap<u32, Vec<Prediction>>, f64);

type End = fn(&BTreeMap<u32, Vec<Prediction>>) -> Option<&Vec<Prediction>>;

fn first(all: &BTreeMap<u32, Vec<Prediction>>) -> Option<&Vec<Prediction>> {
    all.first_key_value().map(|(_, predictions)| predictions)
}

fn last(all: &BTreeMap<u32, Vec<Prediction>>) -> Option<&Vec<Prediction>> {
    all.last_key_value().map(|(_, predictions)| predictions)
}

fn print(head: &str, drawn: &[(usize, Run)], of: End) {
    let mut platforms: BTreeMap<usize, Vec<Prediction>> = BTreeMap::new();
    for (column, (predictions, _)) in drawn {
        let of_draw = of(predictions).into_iter().flatten().copied();
        platforms.entry(*column).or_default().extend(of_draw);
    }
    let means: Vec<Figures> = platforms
        .values()
        .filter_map(|all| Figures::of(all))
        .collect();
    if means.is_empty() {
        return;
    }
    let seconds = table::median(drawn.iter().map(|(_, (_, seconds))| *seconds));
    println!("| {head} | {} | {seconds:.1} |", table::medians(&means));
}

/// The column, if it has enough networks on several numbers of threads; without the numbers that have too few.
fn several(mut column: Column) -> Option<Column> {
    let mut networks: BTreeMap<u32, usize> = BTreeMap::new();
    for row in &column.rows {
        *networks.entry(row.threads).or_default() += 1;
    }
    networks.retain(|_, networks| *networks >= LEAST_NETWORKS);
    column
        .rows
        .retain(|row| networks.contains_key(&row.threads));
    (networks.len() > 1).then_some(column)
}

fn predict(column: &Column, way: Way, size: usize, seed: u64) -> Run {
    let threads: BTreeSet<u32> = column.rows.iter().map(|row| row.threads).collect();
    let threads: Vec<u32> = threads.into_iter().collect();
    let fewest = threads[0];
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
    let held_out = |threads: u32| -> Vec<usize> {
        let rows = drawn.held_out.iter().copied();
        rows.filter(|&row| column.rows[row].threads == threads)
            .collect()
    };
    let on = |predicted: u32| -> Vec<usize> {
        let rows = drawn.fit.iter().copied();
        rows.filter(|&row| column.rows[row].threads == predicted)
            .collect()
    };
    if way == Way::Ratio {
        let others = threads[1..].iter();
        let predictions = others.map(|&other| {
            (
                other,
                by_ratio(column, fewest, &on(other), &held_out(other)),
            )
        });
        return (predictions.collect(), 0.0);
    }
    if way == Way::Separate {
        let mut seconds = 0.0;
        let mut predictions = BTreeMap::new();
        for &threads in &threads {
            let model = Model::fit(column, &on(threads), &[], &alone());
            seconds += model.seconds;
            predictions.insert(threads, model.predict(column, &held_out(threads)));
        }
        return (predictions, seconds);
    }
    let is_fitted = |&row: &usize| {
        let row = &column.rows[row];
        let place = place.get(&*row.network);
        match way {
            Way::Dealt => place.is_some_and(|place| row.threads == threads[place % threads.len()]),
            Way::AllOnFewest => row.threads == fewest || place.is_some(),
            _ => place.is_some(),
        }
    };
    let fitted: Vec<usize> = column.all().into_iter().filter(is_fitted).collect();
    let model = Model::fit(column, &fitted, &[], &alone());
    // fewer networks than numbers of threads leave some out
    let dealt = column.rows.iter().enumerate();
    let dealt: BTreeSet<u32> = dealt
        .filter(|(row, _)| fitted.contains(row))
        .map(|(_, row)| row.threads)
        .collect();
    let mut of_interest = dealt.into_iter();
    if way == Way::AllOnFewest {
        of_interest.next();
    }
    let predictions =
        of_interest.map(|threads| (threads, model.predict(column, &held_out(threads))));
    (predictions.collect(), model.seconds)
}

/// What networks take on other threads, if all of them gain alike.
fn by_ratio(column: &Column, fewest: u32, known: &[usize], wanted: &[usize]) -> Vec<Prediction> {
    let rows = column.rows.iter();
    let on_fewest: BTreeMap<&str, f64> = rows
        .filter(|row| row.threads == fewest)
        .map(|row| (&*row.network, row.latency_ms))
        .collect();
    let ratio = |&row: &usize| {
        let row = &column.rows[row];
        Some(row.latency_ms / on_fewest.get(&*row.network)?)
    };
    let median = table::median(known.iter().filter_map(ratio));
    let wanted = wanted.iter().filter_map(|&row| {
        let row = &column.rows[row];
        Some(Prediction {
            measured_ms: row.latency_ms,
            mean_ms: median * on_fewest.get(&*row.network)?,
            std_ms: None,
            upper95_ms: None,
        })
    });
    wanted.collect()
}
