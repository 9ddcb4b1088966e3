//! Rows that are one network.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;
use roofnas_cost::QualityTerms;
use roofnas_space::{Genotype, Network, SearchSpace};

use super::read::{TrainedRow, TrainedTable};

/// A trained network, with all that was measured of it: different genotypes can build the same layers, as identities commute.
#[derive(Debug, Clone, PartialEq)]
pub struct DistinctNetwork {
    /// Lines of its rows, ascending.
    pub lines: Vec<u64>,
    /// The first row's name.
    pub name: Option<String>,
    /// The first row's genotype.
    pub genotype: Genotype,
    /// Mean accuracy of its rows in per cent, seed by seed; at least one is there.
    pub accuracies: Vec<Option<f64>>,
    /// Means of the further numbers.
    pub extra: Vec<Option<f64>>,
    /// Standard deviation of one training in points, in the mean of its rows that know.
    pub std: Option<f64>,
    /// Trainings that its accuracies come from: rows with the same figures are copies of one.
    pub trainings: usize,
    /// Its quality terms.
    pub terms: QualityTerms,
}

impl DistinctNetwork {
    /// Mean accuracy over the seeds that are known, in per cent.
    pub fn accuracy(&self) -> f64 {
        mean(self.accuracies.iter().flatten().copied()).unwrap_or(f64::NAN)
    }
}

impl TrainedTable {
    /// The networks of the table, none of them twice, in the order of their first rows. Rows whose networks have the same layers are one network: each of
    /// its numbers is the mean over its rows that have one.
    pub fn distinct(&self, space: &SearchSpace) -> Vec<DistinctNetwork> {
        let decoded: Vec<(u64, QualityTerms)> = self
            .rows
            .par_iter()
            .map(|row| {
                let network = space.decode(&row.genotype);
                let terms = QualityTerms::new(&network);
                (fingerprint(&network, &terms), terms)
            })
            .collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut by_fingerprint: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, (fingerprint, _)) in decoded.iter().enumerate() {
            let alike = by_fingerprint.entry(*fingerprint).or_default();
            let same = alike.iter().copied().find(|&group| {
                let first = &self.rows[groups[group][0]].genotype;
                is_same(space, first, &self.rows[index].genotype)
            });
            match same {
                Some(group) => groups[group].push(index),
                None => {
                    alike.push(groups.len());
                    groups.push(vec![index]);
                }
            }
        }
        let merged = groups.into_iter().map(|group| {
            let rows: Vec<&TrainedRow> = group.iter().map(|&index| &self.rows[index]).collect();
            merge(&rows, decoded[group[0]].1)
        });
        merged.collect()
    }
}

impl TrainedTable {
    /// Every row as a network of its own, even where several build the same layers: figures of a table as it stands.
    pub fn apart(&self, space: &SearchSpace) -> Vec<DistinctNetwork> {
        let rows = self.rows.par_iter();
        rows.map(|row| merge(&[row], QualityTerms::new(&space.decode(&row.genotype))))
            .collect()
    }
}

/// A number that equal networks have in common, and others seldom.
fn fingerprint(network: &Network, terms: &QualityTerms) -> u64 {
    let mut hasher = DefaultHasher::new();
    terms.params.to_bits().hash(&mut hasher);
    terms.macs.to_bits().hash(&mut hasher);
    for layer in network.layers() {
        layer.inputs.hash(&mut hasher);
        layer.output.hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether two genotypes build the same layers.
fn is_same(space: &SearchSpace, a: &Genotype, b: &Genotype) -> bool {
    a == b || {
        let (a, b) = (space.decode(a), space.decode(b));
        a.input() == b.input() && a.layers() == b.layers()
    }
}

fn merge(rows: &[&TrainedRow], terms: QualityTerms) -> DistinctNetwork {
    let means = |column: fn(&TrainedRow) -> &[Option<f64>]| -> Vec<Option<f64>> {
        let places = 0..column(rows[0]).len();
        let of_place = |place: usize| mean(rows.iter().filter_map(|row| column(row)[place]));
        places.map(of_place).collect()
    };
    DistinctNetwork {
        lines: rows.iter().map(|row| row.line).collect(),
        name: rows[0].name.clone(),
        genotype: rows[0].genotype.clone(),
        accuracies: means(|row| &row.accuracies),
        extra: means(|row| &row.extra),
        std: mean(rows.iter().filter_map(|row| row.std)),
        trainings: trainings(rows),
        terms,
    }
}

fn trainings(rows: &[&TrainedRow]) -> usize {
    let mut different: Vec<&TrainedRow> = Vec::new();
    for row in rows {
        if !different
            .iter()
            .any(|known| known.accuracies == row.accuracies)
        {
            different.push(row);
        }
    }
    let accuracies = different.iter().flat_map(|row| &row.accuracies);
    accuracies.flatten().count()
}

/// The mean of what is there.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}
