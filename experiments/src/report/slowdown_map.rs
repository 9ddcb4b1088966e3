//! The heat map of slowdowns: networks found for each, priced on each.

use super::heat_map::{Cell, HeatMap};
use super::picture::short;
use crate::portability::{Side, Transfer};

/// The heat map of rows by columns, as SVG.
pub(super) fn svg(
    sides: &[Side<'_>],
    rows: &[usize],
    columns: &[usize],
    transfers: &[Transfer],
) -> String {
    let names = |places: &[usize]| {
        places
            .iter()
            .map(|&place| sides[place].name.clone())
            .collect()
    };
    let cell = |row: usize, column: usize| {
        let transfer = transfers.iter().find(|t| (t.from, t.to) == (row, column));
        cell(&sides[row], &sides[column], transfer, row == column)
    };
    let map = HeatMap {
        rows: names(rows),
        columns: names(columns),
        row_axis: "found for",
        column_axis: "priced on",
        cells: rows
            .iter()
            .map(|&row| columns.iter().map(|&column| cell(row, column)).collect())
            .collect(),
    };
    map.svg()
}

fn cell(from: &Side<'_>, to: &Side<'_>, transfer: Option<&Transfer>, is_own: bool) -> Cell {
    let what = format!("found for {}\npriced on {}", from.name, to.name);
    let nothing = |figure: &str, why: &str| Cell {
        ratio: None,
        figure: figure.to_owned(),
        small: String::new(),
        hover: format!("{what}\n{why}"),
        is_own,
    };
    let Some(transfer) = transfer else {
        return nothing("–", "can't be compared: another space or another score");
    };
    let Some(slowdown) = transfer.slowdown else {
        let ms = transfer
            .networks
            .iter()
            .map(|network| network.latency.mean_ms);
        let (low, high) = ms.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| {
            (low.min(ms), high.max(ms))
        });
        return match to.front.is_empty() {
            true => Cell {
                small: "ms".to_owned(),
                ..nothing(
                    &format!("{}–{}", short(low), short(high)),
                    "priced only: nothing was found for it to hold them against",
                )
            },
            false => nothing("–", "no qualities in common"),
        };
    };
    let std = |std: Option<f64>| std.map_or_else(String::new, |std| format!(" ± {std:.2}"));
    let doubt = match slowdown.is_significant {
        Some(false) if !is_own => "\nwithin the uncertainty of the prices",
        _ => "",
    };
    let worst = &transfer.networks[slowdown.worst_network];
    Cell {
        ratio: Some(slowdown.mean),
        figure: format!(
            "{:.2}x{}",
            slowdown.mean,
            if doubt.is_empty() { "" } else { "?" }
        ),
        small: if is_own {
            String::new()
        } else {
            format!("up to {:.2}x", slowdown.worst)
        },
        hover: format!(
            "{what}\n{:.2}{} times its own best in the geometric mean\n{:.2}{} at worst ({})\n{} of {} networks compared{doubt}",
            slowdown.mean,
            std(slowdown.mean_std),
            slowdown.worst,
            std(slowdown.worst_std),
            worst.id,
            slowdown.networks,
            transfer.networks.len(),
        ),
        is_own,
    }
}
