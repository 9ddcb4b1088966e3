//! Everything there is to know of the space.

use std::collections::BTreeMap;
use std::path::Path;

use roofnas_cost::{Fusion, NetworkCost};
use roofnas_space::{Genotype, SearchSpace, presets};

use crate::architectures;

/// Budgets, as quantiles of all latencies.
const BUDGETS: [f64; 10] = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];

/// A network with all that is known of it.
pub(crate) struct Network {
    pub(crate) digits: String,
    pub(crate) genotype: Genotype,
    pub(crate) cost: NetworkCost,
    /// Measured.
    pub(crate) latency_ms: f64,
    /// Top-1 of seed 1 in per cent, which may be looked at.
    pub(crate) seen: f64,
    /// Mean top-1 of seeds 2 and 3, which is what is judged by.
    pub(crate) truth: f64,
}

/// Every distinct network.
pub(crate) struct World {
    pub(crate) space: SearchSpace,
    pub(crate) networks: Vec<Network>,
    by_digits: BTreeMap<String, usize>,
    pub(crate) budgets_ms: Vec<f64>,
}

impl World {
    /// From the table of accuracies that the authors of the benchmark published, and a table that `measure` has written.
    pub(crate) fn read(accuracies: &Path, latencies: &Path) -> Self {
        let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
        let seeds = column_means(accuracies, "arch", &["acc1", "acc2", "acc3"]);
        let latency = column_means(latencies, "arch", &["latency_ms"]);
        let networks: Vec<Network> = architectures::distinct()
            .into_iter()
            .map(|digits| {
                let genotype = space.parse(&architectures::genotype(&digits)).unwrap();
                let accuracy = &seeds[&digits];
                Network {
                    cost: NetworkCost::new(&space.decode(&genotype), &Fusion::default()),
                    latency_ms: latency[&digits][0],
                    seen: accuracy[0],
                    truth: 0.5 * (accuracy[1] + accuracy[2]),
                    genotype,
                    digits,
                }
            })
            .collect();
        let mut sorted: Vec<f64> = networks.iter().map(|n| n.latency_ms).collect();
        sorted.sort_by(f64::total_cmp);
        let place = |share: f64| (share * (sorted.len() - 1) as f64).round() as usize;
        Self {
            budgets_ms: BUDGETS.map(|share| sorted[place(share)]).to_vec(),
            by_digits: networks
                .iter()
                .enumerate()
                .map(|(index, network)| (network.digits.clone(), index))
                .collect(),
            space,
            networks,
        }
    }

    /// The network that a genotype builds.
    pub(crate) fn index(&self, genotype: &Genotype) -> usize {
        self.by_digits[&architectures::digits(&self.space, genotype)]
    }
}

/// Means of columns over the rows that are the same network.
pub(crate) fn column_means(path: &Path, key: &str, columns: &[&str]) -> BTreeMap<String, Vec<f64>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let mut sums: BTreeMap<String, (f64, Vec<f64>)> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let digits = architectures::canonical(&record[place(key)]);
        let (count, sum) = sums
            .entry(digits)
            .or_insert_with(|| (0.0, vec![0.0; columns.len()]));
        *count += 1.0;
        for (sum, column) in sum.iter_mut().zip(columns) {
            *sum += record[place(column)].parse::<f64>().unwrap();
        }
    }
    let mean = |(count, sum): (f64, Vec<f64>)| sum.into_iter().map(|sum| sum / count).collect();
    sums.into_iter()
        .map(|(digits, own)| (digits, mean(own)))
        .collect()
}
