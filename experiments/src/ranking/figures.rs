//! The figures of one score.

use super::regret::Regret;

/// How well a score ranks networks with known accuracies. What is undefined, because there are too few networks or because all are equal, is absent.
#[derive(Debug, Clone, PartialEq)]
pub struct RankFigures {
    /// Kendall's tau-b.
    pub tau: Option<f64>,
    /// Spearman's rank correlation.
    pub spearman: Option<f64>,
    /// Mean tau in groups of equal cost.
    pub tau_band: Option<f64>,
    /// Tau among the fifth with the highest accuracies.
    pub tau_top_fifth: Option<f64>,
    /// Regret on each device, in points of accuracy, in the order of the devices.
    pub regrets: Vec<Option<Regret>>,
}

impl RankFigures {
    /// Mean regret over the devices.
    pub fn regret(&self) -> Option<Regret> {
        let known: Vec<Regret> = self.regrets.iter().flatten().copied().collect();
        Regret::mean(&known)
    }

    /// Means of figures that are about the same devices, each over those that have it. Nothing of none.
    pub(super) fn mean(all: &[Self]) -> Option<Self> {
        let of = |part: fn(&Self) -> Option<f64>| mean(all.iter().filter_map(part));
        let device = |index: usize| {
            let known = all.iter().filter_map(|figures| figures.regrets[index]);
            Regret::mean(&known.collect::<Vec<_>>())
        };
        let first = all.first()?;
        Some(Self {
            tau: of(|figures| figures.tau),
            spearman: of(|figures| figures.spearman),
            tau_band: of(|figures| figures.tau_band),
            tau_top_fifth: of(|figures| figures.tau_top_fifth),
            regrets: (0..first.regrets.len()).map(device).collect(),
        })
    }
}

/// The mean of numbers. Nothing of none.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    (count > 0).then(|| sum / f64::from(count))
}
