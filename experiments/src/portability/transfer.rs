//! Fronts under the conditions that other fronts were found for.

use rayon::prelude::*;
use roofnas_cost::Latency;
use roofnas_space::Genotype;

use super::prices::Prices;
use super::side::Side;
use super::slowdown::Slowdown;
use crate::outcome::{FrontRow, spread};

/// One side's front under another side's conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Which side the networks come from.
    pub from: usize,
    /// Under which side's conditions they are priced.
    pub to: usize,
    /// Networks spread over the front, in its order.
    pub networks: Vec<PricedNetwork>,
    /// The price of having searched for other conditions; absent where no scores are common to both fronts.
    pub slowdown: Option<Slowdown>,
}

/// A network under other conditions than it was found for.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedNetwork {
    /// Its name in the front.
    pub id: String,
    /// The network, as genes.
    pub genotype: String,
    /// Its quality, which is the same everywhere.
    pub quality: f64,
    /// What it takes.
    pub latency: Latency,
    /// The fastest network found for these conditions that is at least as good, if there is one.
    pub rival: Option<Rival>,
}

/// The fastest network found for a platform that is at least as good as another.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival {
    /// Its name in the front.
    pub id: String,
    /// What it takes, in milliseconds.
    pub latency_ms: f64,
    /// What the other takes over that.
    pub ratio: f64,
    /// The ratio's standard deviation, where the platform is calibrated.
    pub ratio_std: Option<f64>,
}

/// Networks of each front that are priced under other conditions.
const SPREAD: usize = 60;

impl Transfer {
    /// Every front under the conditions of these sides, where both can be compared, by sides.
    pub(crate) fn all(
        sides: &[Side<'_>],
        to: &[usize],
        can_be_compared: impl Fn(usize, usize) -> bool + Sync,
    ) -> Vec<Self> {
        let networks: Vec<Vec<&FrontRow>> = sides
            .iter()
            .map(|side| spread(&side.front, SPREAD))
            .collect();
        let mut left = to.to_vec();
        let mut all = Vec::new();
        // conditions that several sides have are priced for once
        while let Some(&first) = left.first() {
            let model = sides[first].model;
            let (alike, others): (Vec<usize>, Vec<usize>) =
                left.iter().partition(|&&side| sides[side].model == model);
            left = others;
            let pairs: Vec<(usize, usize)> = (0..sides.len())
                .flat_map(|from| alike.iter().map(move |&to| (from, to)))
                .filter(|&(from, to)| !networks[from].is_empty() && can_be_compared(from, to))
                .collect();
            let wanted = pairs.iter().flat_map(|&(from, to)| {
                let target = &sides[to];
                networks[from].iter().flat_map(move |row| {
                    let rival = target.rival(row.metrics.quality);
                    let rival = rival.map(|rival| (target.space, &rival.genotype));
                    [Some((sides[from].space, &row.genotype)), rival]
                        .into_iter()
                        .flatten()
                })
            });
            let prices = Prices::new(model, wanted);
            let priced = pairs
                .par_iter()
                .map(|&(from, to)| Self::new((from, &networks[from]), (to, &sides[to]), &prices));
            all.extend(priced.collect::<Vec<_>>());
        }
        all.sort_by_key(|transfer| (transfer.from, transfer.to));
        all
    }

    fn new(
        (from, rows): (usize, &[&FrontRow]),
        (to, target): (usize, &Side<'_>),
        prices: &Prices<'_>,
    ) -> Self {
        let priced = rows
            .iter()
            .filter_map(|row| PricedNetwork::new(row, target, prices));
        let networks: Vec<PricedNetwork> = priced.collect();
        let pairs = rows.iter().filter_map(|row| {
            let rival = target.rival(row.metrics.quality)?;
            Some((&row.genotype, &rival.genotype))
        });
        let pairs: Vec<(&Genotype, &Genotype)> = pairs.collect();
        let mean_log = prices.mean_log_ratio(&pairs).filter(|_| !pairs.is_empty());
        Self {
            from,
            to,
            slowdown: Slowdown::of(&networks, mean_log),
            networks,
        }
    }
}

impl PricedNetwork {
    fn new(row: &FrontRow, target: &Side<'_>, prices: &Prices<'_>) -> Option<Self> {
        let latency = prices.latency(&row.genotype)?;
        let rival = target.rival(row.metrics.quality).and_then(|rival| {
            let latency_ms = prices.latency(&rival.genotype)?.mean_ms;
            let log = prices.mean_log_ratio(&[(&row.genotype, &rival.genotype)]);
            let ratio = latency.mean_ms / latency_ms;
            Some(Rival {
                id: rival.id.clone(),
                latency_ms,
                ratio,
                ratio_std: log.map(|log| ratio * log.std),
            })
        });
        Some(Self {
            id: row.id.clone(),
            genotype: row.text.clone(),
            quality: row.metrics.quality,
            latency,
            rival,
        })
    }
}
