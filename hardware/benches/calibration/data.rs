//! Public tables as columns: one platform's latencies of counted networks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use roofnas_cost::calibration::Workload;
use roofnas_cost::{Dtype, Fusion, NetworkCost};
use roofnas_hardware::{LatencyByNetwork, Selection, read_measurements};
use roofnas_space::layers_csv;

/// Latencies of one platform.
pub(crate) struct Column {
    pub(crate) name: String,
    /// Columns of one device know each other too well: none may inform another.
    pub(crate) device: String,
    pub(crate) rows: Vec<Row>,
}

/// A network, and how long it takes.
pub(crate) struct Row {
    pub(crate) network: String,
    pub(crate) batch: u64,
    pub(crate) threads: u32,
    pub(crate) cost: Arc<NetworkCost>,
    pub(crate) works: Vec<Workload>,
    pub(crate) latency_ms: f64,
}

impl Row {
    pub(crate) fn new(
        network: String,
        cost: Arc<NetworkCost>,
        batch: u64,
        threads: u32,
        latency_ms: f64,
    ) -> Self {
        Self {
            threads,
            works: Workload::of_network(&cost, batch, Dtype::Fp32),
            network,
            batch,
            cost,
            latency_ms,
        }
    }
}

impl Column {
    /// Names of the networks, row by row.
    pub(crate) fn networks(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.network.as_str()).collect()
    }

    /// Latencies of some rows by the network's name.
    pub(crate) fn latencies_ms(&self, rows: &[usize]) -> LatencyByNetwork {
        let rows = rows.iter().map(|&row| &self.rows[row]);
        rows.map(|row| (row.network.clone(), row.latency_ms))
            .collect()
    }

    /// All rows.
    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.rows.len()).collect()
    }
}

/// Where the tables are.
pub(crate) fn folder() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    std::env::var_os("ROOFNAS_DATA").map_or_else(|| beside.into(), PathBuf::from)
}

/// A file's text; nothing, and a line that says so, where the file is absent.
pub(crate) fn text(folder_name: &str, file: &str) -> Option<String> {
    let path = folder().join(folder_name).join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("SKIPPED: {}: {error}", path.display());
            None
        }
    }
}

/// The networks of a folder's table of layers, counted.
pub(crate) fn costs(folder_name: &str) -> Option<BTreeMap<String, Arc<NetworkCost>>> {
    let table = layers_csv::read(text(folder_name, "layers.csv")?.as_bytes()).unwrap();
    for left_out in &table.left_out {
        println!(
            "left out: {} (line {} of {folder_name}/layers.csv: {})",
            left_out.network, left_out.line, left_out.reason
        );
    }
    let fusion = Fusion::every_activation();
    let networks = table.networks.iter();
    let count = |network: &roofnas_space::Network| {
        let cost = NetworkCost::new(network, &fusion);
        (network.name().to_owned(), Arc::new(cost))
    };
    Some(networks.map(count).collect())
}

/// The column that a selection chooses from a table of latencies, without networks that have no layers.
pub(crate) fn column(
    name: String,
    device: String,
    text: &str,
    selection: &Selection,
    costs: &BTreeMap<String, Arc<NetworkCost>>,
) -> Column {
    let measured = read_measurements(text, selection).unwrap();
    let rows = measured.rows.into_iter().filter_map(|row| {
        let cost = costs.get(&row.network)?;
        Some(Row::new(
            row.network,
            Arc::clone(cost),
            row.batch,
            row.threads.unwrap_or(1),
            row.latency_ms,
        ))
    });
    Column {
        rows: rows.collect(),
        name,
        device,
    }
}

/// The values of some columns of a table, each combination once, in order of appearance.
pub(crate) fn combinations(text: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |column: &&str| header.iter().position(|name| name == *column).unwrap();
    let places: Vec<usize> = columns.iter().map(place).collect();
    let mut all: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let values: Vec<String> = places
            .iter()
            .map(|&place| record[place].to_owned())
            .collect();
        if !all.contains(&values) {
            all.push(values);
        }
    }
    all
}
