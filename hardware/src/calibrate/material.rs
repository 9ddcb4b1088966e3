//! Measurements beside the networks they are of.

use std::collections::{BTreeMap, BTreeSet};

use roofnas_cost::calibration::{Batches, Workload};
use roofnas_cost::{Dtype, Fusion, NetworkCost};
use roofnas_space::Network;

use super::CalibrateError;
use super::validation::Place;
use crate::fit;
use crate::measurements::{Measurements, Rate, check_rates};

/// One timing of a network whose layers are known.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredNetwork {
    /// The network.
    pub network: String,
    /// What it costs, as the engine runs it.
    pub cost: NetworkCost,
    /// Threads of the engine, where stated.
    pub threads: Option<u32>,
    /// Images in one inference.
    pub batch: u64,
    /// Latency of one inference of the batch.
    pub latency_ms: f64,
    /// The measuring run.
    pub run: Option<String>,
    /// How many repetitions the figure stands for.
    pub repeats: Option<u32>,
    /// Timings of its kernels, from an engine that tells them apart.
    pub kernels: Vec<KernelTiming>,
}

/// What one kernel took inside a network, or several that one of the engine's nodes runs.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelTiming {
    /// The kernel; several where a node runs them together, equal ones as one that is done so often.
    pub works: Vec<Workload>,
    /// Its mean over all that do the same work in the network.
    pub latency_ms: f64,
    /// How many repetitions it stands for, beside a network's one.
    pub repeats: f64,
    /// Standard deviation of what it has of error however long it is, in milliseconds.
    pub error_ms: f64,
}

/// What a fit or a validation works on: timings of one platform under one set of conditions, but for batch and threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// The timings.
    pub rows: Vec<MeasuredNetwork>,
    /// What it was like around the engine, in words; nothing for a quiet machine and a tight loop, or where nobody says.
    pub situation: Option<String>,
    /// What the engine fuses, as the networks were counted.
    pub fusion: Fusion,
}

impl MeasuredNetwork {
    /// What the timing holds for.
    pub(super) fn place(&self) -> Place {
        Place {
            threads: self.threads,
            batch: self.batch,
        }
    }
}

impl Material {
    /// Joins measurements with networks. Returns warnings beside: rows that can't be used are left out and named.
    ///
    /// # Errors
    /// When no measured network has layers, or the latencies can't be in milliseconds.
    pub fn new(
        measurements: Measurements,
        networks: &[Network],
        fusion: &Fusion,
    ) -> Result<(Self, Vec<String>), CalibrateError> {
        let mut warnings: Vec<String> = Vec::new();
        warnings.extend(measurements.problems.iter().map(ToString::to_string));
        warnings.extend(measurements.duplicates.iter().map(ToString::to_string));
        let counted: BTreeMap<&str, &Network> = networks
            .iter()
            .map(|network| (network.name(), network))
            .collect();
        let first = measurements.rows.first();
        let situation = first.and_then(|row| row.situation.clone());
        let mut strangers: Vec<String> = Vec::new();
        let mut rows: Vec<(u64, MeasuredNetwork)> = Vec::new();
        for row in measurements.rows {
            let Some(network) = counted.get(row.network.as_str()) else {
                strangers.push(row.network);
                continue;
            };
            let measured = MeasuredNetwork {
                cost: NetworkCost::new(network, fusion),
                network: row.network,
                threads: row.threads,
                batch: row.batch,
                latency_ms: row.latency_ms,
                run: row.run,
                repeats: row.repeats,
                kernels: Vec::new(),
            };
            rows.push((row.line, measured));
        }
        // a network may be measured at several batches
        let mut seen = BTreeSet::new();
        strangers.retain(|stranger| seen.insert(stranger.clone()));
        if !strangers.is_empty() {
            warnings.push(without_layers(&strangers));
        }
        if rows.is_empty() {
            let known = counted.keys().take(5).map(|name| (*name).to_owned());
            return Err(CalibrateError::NothingInCommon {
                measured: strangers.into_iter().take(5).collect(),
                known: known.collect(),
            });
        }
        let rates: Vec<Rate<'_>> = rows
            .iter()
            .map(|(line, row)| Rate {
                line: *line,
                network: &row.network,
                flops: row.cost.flops as f64,
                batch: row.batch,
                latency_ms: row.latency_ms,
            })
            .collect();
        let check = check_rates(&rates)?;
        warnings.extend(check.left_out.iter().map(ToString::to_string));
        warnings.extend(check.doubt);
        let mut rows: Vec<Option<MeasuredNetwork>> =
            rows.into_iter().map(|(_, row)| Some(row)).collect();
        let rows = check.plausible.iter().filter_map(|&row| rows[row].take());
        let material = Self {
            rows: rows.collect(),
            situation,
            fusion: fusion.clone(),
        };
        Ok((material, warnings))
    }

    /// Number of different networks.
    pub fn networks(&self) -> usize {
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.network.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// The numbers of threads of the timings, ascending; empty where they don't state them.
    pub fn threads(&self) -> Vec<u32> {
        let mut threads: Vec<u32> = self.rows.iter().filter_map(|row| row.threads).collect();
        threads.sort_unstable();
        threads.dedup();
        threads
    }

    /// The batches of the timings; 1 where there are none.
    pub fn batches(&self) -> Batches {
        Batches::of(self.rows.iter().map(|row| row.batch))
    }

    /// Number of timings in some of the rows, those of kernels included.
    pub(super) fn count(&self, rows: &[usize]) -> usize {
        rows.iter()
            .map(|&row| 1 + self.rows[row].kernels.len())
            .sum()
    }

    /// Some of the rows, ready to be fitted on: the networks in their order, then what is known of their kernels.
    pub(super) fn timings(&self, rows: &[usize], dtype: Dtype) -> Vec<fit::Timing> {
        let mut runs: Vec<&Option<String>> = self.rows.iter().map(|row| &row.run).collect();
        runs.sort();
        runs.dedup();
        let typical = f64::from(self.typical_repeats());
        let timing = |&row: &usize| {
            let row = &self.rows[row];
            let repeats = row
                .repeats
                .map_or(1.0, |repeats| f64::from(repeats) / typical);
            fit::Timing {
                works: Workload::of_network(&row.cost, row.batch, dtype),
                network_weights: row.cost.weight_bytes(dtype) as f64,
                latency_ms: row.latency_ms,
                is_call: true,
                threads: row.threads.unwrap_or(1),
                run: runs.binary_search(&&row.run).unwrap_or(0),
                // repetitions take jitter away, and not what one run has of its own
                repeats: repeats.clamp(0.25, 4.0),
                error_ms: 0.0,
            }
        };
        let wholes = rows.iter().map(timing);
        let kernels = rows.iter().flat_map(|&row| {
            let run = runs.binary_search(&&self.rows[row].run).unwrap_or(0);
            let network_weights = self.rows[row].cost.weight_bytes(dtype) as f64;
            self.rows[row]
                .kernels
                .iter()
                .map(move |kernel| fit::Timing {
                    works: kernel.works.clone(),
                    network_weights,
                    latency_ms: kernel.latency_ms,
                    is_call: false,
                    threads: self.rows[row].threads.unwrap_or(1),
                    run,
                    repeats: KERNEL_REPEATS * kernel.repeats,
                    error_ms: kernel.error_ms,
                })
        });
        wholes.chain(kernels).collect()
    }

    fn typical_repeats(&self) -> u32 {
        let mut repeats: Vec<u32> = self.rows.iter().filter_map(|row| row.repeats).collect();
        repeats.sort_unstable();
        repeats.get(repeats.len() / 2).copied().unwrap_or(1).max(1)
    }
}

/// What the timing of a kernel weighs beside that of a network: its noise is taken to be five times as large. Networks' noise is what prices state, and
/// without this it would be that of kernels of a few microseconds: on ONNX Runtime, networks of the spaces that were fitted to took two thirds of a
/// budget that their 95 % bounds kept. Beside nuggets, which are what kernels deviate by, it is what readings of nodes scatter by.
const KERNEL_REPEATS: f64 = 0.04;

fn without_layers(strangers: &[String]) -> String {
    let named: Vec<&str> = strangers.iter().take(5).map(String::as_str).collect();
    let more = match strangers.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} measured networks have no layers and are left out: {}{more}",
        strangers.len(),
        named.join(", ")
    )
}
