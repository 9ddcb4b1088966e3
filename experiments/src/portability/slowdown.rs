//! The price of having searched for another platform.

use roofnas_cost::calibration::LogSum;

use super::transfer::PricedNetwork;

/// Latency of networks over that of the fastest network of another front that scores at least as high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slowdown {
    /// Geometric mean over the networks compared.
    pub mean: f64,
    /// Its standard deviation, where the platform is calibrated: what the prices of both sides have in common cancels.
    pub mean_std: Option<f64>,
    /// The largest.
    pub worst: f64,
    /// Its standard deviation.
    pub worst_std: Option<f64>,
    /// Place of the network with the largest among those priced.
    pub worst_network: usize,
    /// Networks compared: those that the other front matches in score.
    pub networks: usize,
    /// Whether the mean differs from 1 by more than its 90 % interval; nothing where no deviation is known.
    pub is_significant: Option<bool>,
}

impl Slowdown {
    /// The slowdown of networks whose rivals are known; nothing where none has one.
    pub(super) fn of(networks: &[PricedNetwork], mean_log: Option<LogSum>) -> Option<Self> {
        let ratios = networks.iter().enumerate();
        let ratios: Vec<(usize, f64)> = ratios
            .filter_map(|(place, network)| Some((place, network.rival.as_ref()?.ratio)))
            .collect();
        let worst = ratios.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
        let (worst_network, worst) = worst?;
        let logs: f64 = ratios.iter().map(|(_, ratio)| ratio.ln()).sum();
        let mean = (logs / ratios.len() as f64).exp();
        let rival = networks[worst_network].rival.as_ref();
        Some(Self {
            mean,
            mean_std: mean_log.map(|log| mean * log.std),
            worst,
            worst_std: rival.and_then(|rival| rival.ratio_std),
            worst_network,
            networks: ratios.len(),
            is_significant: mean_log.map(|log| log.differs_from_0()),
        })
    }
}
