//! How well the calibrated model predicts networks it has not seen, beside simple baselines, on public tables (`../shared/data` beside the repository,
//! or the folder that `ROOFNAS_DATA` names).
//!
//! `cargo bench -p roofnas-hardware --bench calibration [-- COLUMN...]`

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use roofnas_cost::calibration::{Calibration, Measured, PreparedCalibration, Workload};
use roofnas_cost::{Dtype, Figures, Fusion, NetworkCost, Prediction};
use roofnas_hardware::fit::{Fit, FitOptions, Timing as FitTiming, fit};
use roofnas_hardware::{Baseline, Selection, Timing, draw, read_measurements};
use roofnas_space::layers_csv;

struct Column {
    name: String,
    batch: u64,
    networks: Vec<String>,
    costs: Vec<NetworkCost>,
    latencies_ms: Vec<f64>,
}

fn data() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from)
}

fn columns(folder: &str, platforms: &[&str]) -> Vec<Column> {
    let read = |file: &str| std::fs::read_to_string(data().join(folder).join(file)).unwrap();
    let layers = layers_csv::read(read("layers.csv").as_bytes()).unwrap();
    let fusion = Fusion::every_activation();
    let costs: BTreeMap<String, NetworkCost> = layers
        .networks
        .iter()
        .map(|network| (network.name().to_owned(), NetworkCost::new(network, &fusion)))
        .collect();
    let latency = read("latency.csv");
    let column = |&platform: &&str| {
        let selection = Selection {
            conditions: vec![("platform".to_owned(), platform.to_owned())],
            ..Selection::default()
        };
        let measured = read_measurements(&latency, &selection).unwrap();
        let mut column = Column {
            name: format!("{folder}/{platform}"),
            batch: measured.rows[0].batch,
            networks: Vec::new(),
            costs: Vec::new(),
            latencies_ms: Vec::new(),
        };
        for row in measured.rows {
            if let Some(cost) = costs.get(&row.network) {
                column.networks.push(row.network);
                column.costs.push(cost.clone());
                column.latencies_ms.push(row.latency_ms);
            }
        }
        column
    };
    platforms.iter().map(column).collect()
}

impl Column {
    fn device(&self) -> &str {
        let name = self.name.split_once('/').unwrap().1;
        match name.rsplit_once('_') {
            Some((device, batch)) if ["1", "32", "64"].contains(&batch) => device,
            _ => name,
        }
    }

    fn timing(&self, row: usize) -> FitTiming {
        FitTiming {
            works: Workload::of_network(&self.costs[row], self.batch, Dtype::Fp32),
            latency_ms: self.latencies_ms[row],
            is_call: true,
            run: 0,
            repeats: 1.0,
        }
    }

    fn fit(&self, rows: &[usize], known: &[(String, &Calibration)], options: &FitOptions) -> Fit {
        let timings: Vec<FitTiming> = rows.iter().map(|&row| self.timing(row)).collect();
        fit(&timings, known, options).unwrap()
    }
}

fn calibration(fit: Fit, batch: u64) -> Calibration {
    let nothing = Figures::of(&[Prediction {
        measured_ms: 1.0,
        mean_ms: 1.0,
        std_ms: None,
        upper95_ms: None,
    }]);
    Calibration {
        batch,
        classes: Vec::new(),
        degrees_of_freedom: fit.degrees_of_freedom,
        resolution_ms: fit.resolution_ms,
        measured: Measured {
            networks: 0,
            timings: 0,
            source: String::new(),
            fitted_by: String::new(),
            fit: nothing.unwrap(),
            held_out: None,
            held_out_by: None,
            best_baseline: None,
        },
        components: fit.components,
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or(otherwise.to_owned());
    let draws: u64 = variable("DRAWS", "5").parse().unwrap();
    let sizes: Vec<usize> = variable("SIZES", "5,10,30,100").split(',').map(|s| s.parse().unwrap()).collect();
    let points: usize = variable("POINTS", "96").parse().unwrap();
    let neighbours: usize = variable("NEIGHBOURS", "8").parse().unwrap();
    let components: usize = variable("COMPONENTS", "8").parse().unwrap();
    let mut all = columns("ofa", &["titan_rtx_1", "titan_rtx_32", "titan_rtx_64", "titan_xp_1", "titan_xp_32", "titan_xp_64"]);
    all.extend(columns("fbnet", &["silver_4114", "pixel2", "samsung_a50", "titan_rtx_1", "titan_rtx_64"]));
    let options = FitOptions { points, neighbours, components, ..FitOptions::default() };
    let began = Instant::now();
    let known: Vec<(String, String, Calibration)> = if neighbours == 0 { Vec::new() } else { all
        .par_iter()
        .map(|column| {
            let rows = draw(&column.networks, 200, 99).fit;
            let began = Instant::now();
            let fitted = column.fit(&rows, &[], &FitOptions { neighbours: 0, components: 1, ..options.clone() });
            eprintln!("{} {:.1} s {:?}", column.name, began.elapsed().as_secs_f64(), fitted.components[0].composition);
            (column.name.clone(), column.device().to_owned(), calibration(fitted, column.batch))
        })
        .collect() };
    eprintln!("known platforms in {:.1} s", began.elapsed().as_secs_f64());
    let mut ratios: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    println!("column N | macs five class nnls boost | best | model within5 within10 rho cover width over | ratio | seconds | components");
    for column in &all {
        if !arguments.is_empty() && !arguments.iter().any(|a| column.name.contains(a.as_str())) {
            continue;
        }
        let known: Vec<(String, &Calibration)> = known
            .iter()
            .filter(|(_, device, _)| device != column.device())
            .map(|(name, _, calibration)| (name.clone(), calibration))
            .collect();
        for &size in &sizes {
            let runs: Vec<(Vec<f64>, Figures, f64, String)> = (0..draws)
                .into_par_iter()
                .map(|seed| {
                    let drawn = draw(&column.networks, size, seed);
                    let timings: Vec<Timing> = drawn.fit.iter().map(|&row| Timing { cost: &column.costs[row], latency_ms: column.latencies_ms[row] }).collect();
                    let baselines = Baseline::ALL.map(|baseline| {
                        let fitted = baseline.fit(&timings, column.batch).unwrap();
                        let errors = drawn.held_out.iter().map(|&row| (fitted.predict_ms(&column.costs[row]) / column.latencies_ms[row] - 1.0).abs());
                        100.0 * errors.sum::<f64>() / drawn.held_out.len() as f64
                    });
                    let began = Instant::now();
                    let fitted = column.fit(&drawn.fit, &known, &options);
                    let seconds = began.elapsed().as_secs_f64();
                    let names: Vec<String> = fitted.components.iter().map(|c| format!("{}:{}:{:.2}", c.prior.rsplit('/').next().unwrap(), c.composition.name(), c.weight)).collect();
                    if std::env::var("VERBOSE").is_ok() { for c in &fitted.components { eprintln!("{} {} {:.2} noise {:.3} cov {:?} t0 {:.1} p {:.2} low trust {:?}", c.prior, c.composition.name(), c.weight, c.noise, c.residual.covariance, c.parameters.inference_us, c.parameters.sharpness, fitted.trust.iter().filter(|t| **t < 0.5).count()); } }
                    let prepared = PreparedCalibration::new(&calibration(fitted, column.batch));
                    let predictions: Vec<Prediction> = drawn.held_out.iter().map(|&row| {
                        let price = prepared.price(&column.timing(row).works, None);
                        Prediction {
                            measured_ms: column.latencies_ms[row],
                            mean_ms: 1e3 * price.mean_s,
                            std_ms: Some(1e3 * price.std_s),
                            upper95_ms: Some(1e3 * (price.mean_s + price.quantile95 * price.std_s)),
                        }
                    }).collect();
                    (baselines.to_vec(), Figures::of(&predictions).unwrap(), seconds, names.join(" "))
                })
                .collect();
            let mean = |of: &dyn Fn(&(Vec<f64>, Figures, f64, String)) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
            let baselines: Vec<f64> = (0..5).map(|b| mean(&|run| run.0[b])).collect();
            let best = baselines.iter().copied().fold(f64::INFINITY, f64::min);
            let mape = 100.0 * mean(&|run| run.1.mape);
            ratios.entry(size).or_default().push(mape / best);
            println!(
                "{} {size} | {} | {best:.2} | {mape:.2} {:.0} {:.0} {:.3} {:.2} {:.2} {:.3} | {:.2} | {:.1} | {}",
                column.name,
                baselines.iter().map(|b| format!("{b:.2}")).collect::<Vec<_>>().join(" "),
                100.0 * mean(&|run| run.1.within_5pct),
                100.0 * mean(&|run| run.1.within_10pct),
                mean(&|run| run.1.spearman.unwrap_or(0.0)),
                mean(&|run| run.1.coverage_90.unwrap()),
                mean(&|run| run.1.width_90.unwrap()),
                mean(&|run| run.1.exceeds_upper_95.unwrap()),
                mape / best,
                mean(&|run| run.2),
                runs[0].3,
            );
        }
    }
    for (size, ratios) in ratios {
        let geometric = ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64;
        println!("N = {size}: geometric mean of the ratios {:.3} over {} columns", geometric.exp(), ratios.len());
    }
}
