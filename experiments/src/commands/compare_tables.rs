//! A comparison for people: the matrix, and what characterises the platforms.

use roofnas::{Character, Comparison, Level};
use serde_json::Value;

use super::table::table;

/// The matrix: rows found for, columns priced on, by numbers since names are long.
pub(super) fn matrix_table(comparison: &Comparison) -> String {
    let numbers = (1..=comparison.columns.len()).map(|number| format!("on [{number}]"));
    let columns: Vec<String> = ["found for".to_owned()]
        .into_iter()
        .chain(numbers)
        .collect();
    let rows = comparison.rows.iter().map(|&row| {
        let cells = comparison
            .columns
            .iter()
            .map(|&column| Value::from(cell(comparison, row, column)));
        [Value::from(label(comparison, row))]
            .into_iter()
            .chain(cells)
            .collect()
    });
    let rows: Vec<Vec<Value>> = rows.collect();
    let others = comparison
        .columns
        .iter()
        .filter(|column| !comparison.rows.contains(column));
    let others: String = others
        .map(|&column| format!("\n{}: nothing was found for it", label(comparison, column)))
        .collect();
    format!(
        "Times the latency of the platform's own best at equal quality, in the geometric mean (at worst); \"?\" is within the uncertainty of the prices:\n\n{}{others}",
        table(&columns, &rows)
    )
}

/// A platform with its column's number.
fn label(comparison: &Comparison, place: usize) -> String {
    let name = &comparison.contenders[place].name;
    match comparison
        .columns
        .iter()
        .position(|&column| column == place)
    {
        Some(number) => format!("[{}] {name}", number + 1),
        None => name.clone(),
    }
}

fn cell(comparison: &Comparison, row: usize, column: usize) -> String {
    let Some(transfer) = comparison.cell(row, column) else {
        return String::new();
    };
    match transfer.slowdown {
        _ if row == column => "1".to_owned(),
        Some(slowdown) => {
            let doubt = if slowdown.is_significant == Some(false) {
                "?"
            } else {
                ""
            };
            format!("{:.2}{doubt} ({:.2})", slowdown.mean, slowdown.worst)
        }
        None if comparison.contenders[column].front.is_empty() => {
            let ms = transfer
                .networks
                .iter()
                .map(|network| network.latency.mean_ms);
            let (low, high) = ms.fold((f64::INFINITY, 0.0_f64), |(low, high), ms| {
                (low.min(ms), high.max(ms))
            });
            format!("{low:.4} to {high:.4} ms")
        }
        None => "-".to_owned(),
    }
}

/// What characterises the platforms that networks were found for.
pub(super) fn characters_table(comparison: &Comparison) -> String {
    const COLUMNS: [&str; 18] = [
        "platform",
        "GFLOP/s",
        "GB/s",
        "ridge",
        "layer_us",
        "ms",
        "MMACs",
        "Mparams",
        "layers",
        "MMACs/layer",
        "FLOP/byte",
        "comp/mem/over_%",
        "blocks",
        "channels",
        "kernel",
        "dw/dense/group_%",
        "resolution",
        "calibrated_%",
    ];
    let common = comparison
        .characters
        .iter()
        .filter(|character| matches!(character.level, Level::Common(_)));
    let rows: Vec<Vec<Value>> = common.map(|character| row(comparison, character)).collect();
    format!(
        "The fastest network of each that reaches a quality of {:.4} ({}):\n\n{}",
        comparison.level,
        comparison.quality_kind,
        table(&COLUMNS, &rows)
    )
}

fn row(comparison: &Comparison, character: &Character) -> Vec<Value> {
    let model = &comparison.contenders[character.contender].model;
    let (roofs, metrics, build) = (model.roofs(), &character.row.metrics, &character.build);
    let percent = |share: f64| format!("{:.0}", 100.0 * share);
    let three = |shares: [f64; 3]| shares.map(percent).join("/");
    vec![
        label(comparison, character.contender).into(),
        (1e3 * roofs.peak_tflops).into(),
        roofs.bandwidth_gb_s.into(),
        roofs.roof().ridge().into(),
        model.platform().overhead.kernel_us.into(),
        metrics.latency.mean_ms.into(),
        (1e-6 * metrics.macs as f64).into(),
        (1e-6 * metrics.params as f64).into(),
        metrics.layers.into(),
        (1e-6 * character.macs_per_layer()).into(),
        metrics.intensity.into(),
        three(character.time_by_bound.map(|(_, share)| share)).into(),
        build.blocks.into(),
        build.mean_channels.into(),
        build.mean_kernel.into(),
        three([build.depthwise, build.dense, build.grouped]).into(),
        character.row.resolution.to_string().into(),
        percent(character.calibrated_share).into(),
    ]
}
