//! Reading public tables of latencies, and how well the simple baselines predict them, where they are at hand: `../shared/data` beside the
//! repository, or the folder that `ROOFNAS_DATA` names. Skipped loudly otherwise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use roofnas_cost::{Figures, Fusion, NetworkCost, Prediction};
use roofnas_hardware::{
    Baseline, LatencyByNetwork, Measurement, MeasurementError, NearestPlatform, Rate, Selection,
    Timing, check_rates, draw, read_measurements,
};
use roofnas_space::{Activation, layers_csv};

/// The text of a public table, if it is there.
fn text(path: &str) -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from);
    let file = folder.join(path);
    if !file.exists() {
        // past the capture of a passing test: a skip must be seen
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {} is not there; set ROOFNAS_DATA to the folder with the public tables",
            file.display()
        );
        return None;
    }
    Some(std::fs::read_to_string(&file).unwrap())
}

fn selection(latency_column: &str, conditions: &str) -> Selection {
    Selection {
        latency_column: latency_column.to_owned(),
        conditions: Selection::parse_conditions(conditions).unwrap(),
    }
}

/// The networks of a table, counted as an engine runs them that fuses every activation.
fn costs(layers: &str) -> BTreeMap<String, NetworkCost> {
    let fusion = Fusion {
        activations: vec![
            Activation::Relu,
            Activation::Relu6,
            Activation::Swish,
            Activation::HardSwish,
            Activation::Sigmoid,
            Activation::HardSigmoid,
            Activation::Gelu,
        ],
        add: false,
        elementwise: true,
    };
    let table = layers_csv::read(layers.as_bytes()).unwrap();
    let networks = table.networks.iter();
    networks
        .map(|network| {
            let cost = NetworkCost::new(network, &fusion);
            (network.name().to_owned(), cost)
        })
        .collect()
}

/// One platform: its measurements, beside the counts of their networks.
struct Column {
    rows: Vec<Measurement>,
    costs: Vec<NetworkCost>,
}

fn column(folder: &str, platform: &str) -> Option<Column> {
    let layers = text(&format!("{folder}/layers.csv"))?;
    let latency = text(&format!("{folder}/latency.csv"))?;
    let selection = selection("latency_ms", &format!("platform={platform}"));
    let measurements = read_measurements(&latency, &selection).unwrap();
    assert!(measurements.problems.is_empty() && measurements.duplicates.is_empty());
    let costs = costs(&layers);
    let counted = measurements.rows.into_iter().filter_map(|row| {
        let cost = costs.get(&row.network)?.clone();
        Some((row, cost))
    });
    let (rows, costs) = counted.unzip();
    Some(Column { rows, costs })
}

/// The row beside its counts.
fn timing(column: &Column, row: usize) -> Timing<'_> {
    Timing {
        cost: &column.costs[row],
        batch: column.rows[row].batch,
        latency_ms: column.rows[row].latency_ms,
    }
}

fn mean_only(measured_ms: f64, mean_ms: f64) -> Prediction {
    Prediction {
        measured_ms,
        mean_ms,
        std_ms: None,
        upper95_ms: None,
    }
}

/// Mean absolute relative error on networks that were not fitted on, mean of five draws.
fn mape(column: &Column, baseline: Baseline, networks: usize) -> f64 {
    let names: Vec<&str> = column.rows.iter().map(|row| &*row.network).collect();
    let of_draw = |seed| {
        let drawn = draw(&names, networks, seed);
        let fit = drawn.fit.iter();
        let timings: Vec<Timing> = fit.map(|&row| timing(column, row)).collect();
        let fitted = baseline.fit(&timings).unwrap();
        let held_out = drawn.held_out.iter().map(|&row| {
            let Timing {
                cost,
                batch,
                latency_ms,
            } = timing(column, row);
            mean_only(latency_ms, fitted.predict_ms(cost, batch))
        });
        Figures::of(&held_out.collect::<Vec<_>>()).unwrap().mape
    };
    (0..5).map(of_draw).sum::<f64>() / 5.0
}

/// Holds the error in percent with 30 networks of each baseline inside a window.
fn hold(column: &Column, windows: [(Baseline, std::ops::Range<f64>); 5]) {
    for (baseline, window) in windows {
        let percent = 100.0 * mape(column, baseline, 30);
        println!("{}: {percent:.2} %", baseline.name());
        assert!(
            window.contains(&percent),
            "{}: {percent:.2} %",
            baseline.name()
        );
    }
}

#[test]
fn a_large_gpu_at_a_large_batch() {
    let Some(column) = column("ofa", "titan_rtx_64") else {
        return;
    };
    assert_eq!((column.rows.len(), column.rows[0].batch), (400, 64));
    hold(
        &column,
        [
            (Baseline::MacsConstant, 2.6..3.6),
            (Baseline::FiveFeatureRidge, 1.2..2.2),
            (Baseline::ClassRidge, 0.9..1.6),
            (Baseline::ClassNnls, 0.9..1.6),
            (Baseline::GradientBoosting, 3.0..5.2),
        ],
    );
}

#[test]
fn a_server_cpu() {
    let Some(column) = column("fbnet", "silver_4114") else {
        return;
    };
    hold(
        &column,
        [
            (Baseline::MacsConstant, 5.5..7.5),
            (Baseline::FiveFeatureRidge, 2.9..5.2),
            (Baseline::ClassRidge, 3.2..5.0),
            (Baseline::ClassNnls, 3.5..5.0),
            (Baseline::GradientBoosting, 4.0..6.0),
        ],
    );
}

#[test]
fn predictions_are_latencies_however_little_is_known() {
    let Some(column) = column(
        "timm",
        "benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo",
    ) else {
        return;
    };
    for baseline in Baseline::ALL {
        for networks in [1, 2, 3, 7] {
            let timings: Vec<Timing> = (0..networks).map(|row| timing(&column, row)).collect();
            let fitted = baseline.fit(&timings).unwrap();
            for cost in &column.costs {
                let ms = fitted.predict_ms(cost, 1);
                assert!(ms.is_finite() && ms > 0.0, "{}: {ms}", baseline.name());
            }
        }
    }
}

#[test]
fn tables_of_several_platforms_say_which() {
    for (folder, platforms) in [("ofa", 6), ("fbnet", 5), ("timm", 2)] {
        let (Some(latency), Some(layers)) = (
            text(&format!("{folder}/latency.csv")),
            text(&format!("{folder}/layers.csv")),
        ) else {
            return;
        };
        let error = read_measurements(&latency, &Selection::default()).unwrap_err();
        let MeasurementError::SeveralPlatforms { columns, .. } = error else {
            panic!("{folder}: {error}");
        };
        assert_eq!(columns[0].values.len(), platforms, "{folder}");
        let costs = costs(&layers);
        for platform in &columns[0].values {
            let chosen = selection("latency_ms", &format!("platform={platform}"));
            let measurements = read_measurements(&latency, &chosen).unwrap();
            let rates: Vec<Rate> = measurements
                .rows
                .iter()
                .filter_map(|row| Some(rate(row, costs.get(&row.network)?)))
                .collect();
            let check = check_rates(&rates).unwrap();
            assert_eq!(check.plausible.len(), rates.len(), "{platform}");
            assert_eq!(check.doubt, None, "{platform}");
        }
    }
}

fn rate<'a>(row: &'a Measurement, cost: &NetworkCost) -> Rate<'a> {
    Rate {
        line: row.line,
        network: &row.network,
        flops: cost.flops as f64,
        batch: row.batch,
        latency_ms: row.latency_ms,
    }
}

/// Conditions for each platform of ncnn's table, floating point only, and the device it is.
fn ncnn_platforms(table: &str) -> BTreeSet<(String, String)> {
    let telling = [
        "device",
        "isa",
        "variant",
        "backend",
        "threads",
        "powersave",
        "dtype",
    ];
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |column: &str| header.iter().position(|name| name == column).unwrap();
    let rows = reader.records().map(Result::unwrap);
    rows.filter(|row| &row[place("dtype")] == "fp")
        .map(|row| {
            let conditions = telling.map(|column| format!("{column}=\"{}\"", &row[place(column)]));
            (row[place("device")].to_owned(), conditions.join(","))
        })
        .collect()
}

/// Every platform of ncnn's table, by device and conditions.
fn ncnn() -> Option<BTreeMap<(String, String), Vec<Measurement>>> {
    let table = text("ncnn/latency.csv")?;
    let platforms = ncnn_platforms(&table).into_iter().map(|platform| {
        let chosen = selection("min_ms", &platform.1);
        let measurements = read_measurements(&table, &chosen).unwrap();
        assert!(measurements.problems.is_empty());
        (platform, measurements.rows)
    });
    Some(platforms.collect())
}

#[test]
fn a_table_of_another_layout() {
    let Some(table) = text("ncnn/latency.csv") else {
        return;
    };
    let refusal = |selection: &Selection| read_measurements(&table, selection).unwrap_err();
    let message = refusal(&Selection::default()).to_string();
    assert!(
        message.ends_with("--latency-column") && message.contains("min_ms or avg_ms or max_ms"),
        "{message}"
    );
    let message = refusal(&selection("min_ms", "backend=cpu,device=Rasberry Pi 4")).to_string();
    assert!(
        message.contains("among those with backend=cpu; device is AMD"),
        "{message}"
    );
    let board = "device=\"OrangePi5, Rockchip RK3588s (Quad Core A76 2.4GHz + Quad Core A55 1.8GHz)\",dtype=fp";
    let message = refusal(&selection("min_ms", board)).to_string();
    assert!(
        message.contains("powersave is ") && message.contains("--where "),
        "{message}"
    );
    // the way out that the message shows is one
    let example = message.rsplit("--where ").next().unwrap();
    let found =
        read_measurements(&table, &selection("min_ms", &format!("{board},{example}"))).unwrap();
    assert!(found.rows.len() > 20, "{} rows", found.rows.len());
    assert!(
        found
            .rows
            .iter()
            .all(|row| row.batch == 1 && row.date.is_some())
    );
}

#[test]
fn slow_boards_and_fast_servers_have_plausible_rates() {
    let (Some(platforms), Some(layers)) = (ncnn(), text("ncnn/layers.csv")) else {
        return;
    };
    let costs = costs(&layers);
    let (mut rows, mut left_out, mut doubted) = (0, 0, 0);
    for (platform, measurements) in &platforms {
        let rates: Vec<Rate> = measurements
            .iter()
            .filter_map(|row| Some(rate(row, costs.get(&row.network)?)))
            .collect();
        let check = check_rates(&rates).unwrap_or_else(|error| panic!("{platform:?}: {error}"));
        rows += rates.len();
        left_out += check.left_out.len();
        doubted += usize::from(check.doubt.is_some());
        for row in &check.left_out {
            println!("{}: {row}", platform.0);
        }
    }
    println!(
        "{} platforms, {rows} rows, {left_out} left out, {doubted} doubted",
        platforms.len()
    );
    assert!(left_out <= 5 && doubted <= 4);
}

#[test]
fn the_nearest_of_other_devices_predicts_well() {
    let Some(platforms) = ncnn() else {
        return;
    };
    let by_network = |rows: &[Measurement]| -> LatencyByNetwork {
        let rows = rows.iter();
        rows.map(|row| (row.network.clone(), row.latency_ms))
            .collect()
    };
    let mut predictions = Vec::new();
    for ((device, _), rows) in &platforms {
        let others = platforms
            .iter()
            .filter(|((other, _), _)| other != device)
            .map(|((_, name), rows)| (name.clone(), by_network(rows)))
            .collect();
        let names: Vec<&str> = rows.iter().map(|row| &*row.network).collect();
        let drawn = draw(&names, 7, 1);
        let fit: Vec<Measurement> = drawn.fit.iter().map(|&row| rows[row].clone()).collect();
        let nearest = NearestPlatform::fit(&by_network(&fit), &others).unwrap();
        predictions.extend(drawn.held_out.iter().filter_map(|&row| {
            let predicted_ms = nearest.predict_ms(&rows[row].network)?;
            Some(mean_only(rows[row].latency_ms, predicted_ms))
        }));
    }
    let figures = Figures::of(&predictions).unwrap();
    println!("{figures:?}");
    assert!(
        figures.mape < 0.3 && figures.spearman.unwrap() > 0.95,
        "{figures:?}"
    );
}
