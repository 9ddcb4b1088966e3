//! Groups of networks that cost about the same.

use roofnas_cost::QualityTerms;

use super::figures::mean;
use super::kendall::kendall_tau;

/// Into how many groups networks are cut.
pub const GROUPS: usize = 10;

/// What the networks of a group have about as much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Band {
    /// Multiply-accumulate operations.
    #[default]
    Macs,
    /// Trainable parameters.
    Params,
}

impl Band {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Macs => "MACs",
            Self::Params => "params",
        }
    }

    /// How much a network has of it.
    pub(super) const fn of(self, terms: &QualityTerms) -> f64 {
        match self {
            Self::Macs => terms.macs,
            Self::Params => terms.params,
        }
    }
}

/// Mean of Kendall's tau-b over ten groups by ascending `cost`, as many networks in each but for one; equal costs in the order of the rows. Groups without a
/// tau are left out. Nothing with fewer than two networks for each group.
pub(super) fn tau_in_bands(scores: &[f64], truth: &[f64], cost: &[f64]) -> Option<f64> {
    if cost.len() < 2 * GROUPS {
        return None;
    }
    let mut order: Vec<usize> = (0..cost.len()).collect();
    order.sort_by(|&i, &j| cost[i].total_cmp(&cost[j]));
    let edge = |group: usize| group * order.len() / GROUPS;
    let taus = (0..GROUPS).filter_map(|group| {
        let rows = &order[edge(group)..edge(group + 1)];
        let column = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row]).collect() };
        kendall_tau(&column(scores), &column(truth))
    });
    mean(taus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_only_knows_the_cost_is_worth_nothing_in_a_band() {
        // in each group of ten the truth falls as the cost rises, but from group to group it rises
        let cost: Vec<f64> = (0..100).map(f64::from).collect();
        let truth: Vec<f64> = (0..100)
            .map(|row| f64::from(100 * (row / 10) - row % 10))
            .collect();
        assert_eq!(tau_in_bands(&cost, &truth, &cost), Some(-1.0));
        assert!(kendall_tau(&cost, &truth).unwrap() > 0.7);
        // a group whose scores are all alike says nothing, and does not count
        let scores: Vec<f64> = cost.iter().map(|cost| cost.max(50.0)).collect();
        assert_eq!(tau_in_bands(&scores, &truth, &cost), Some(-1.0));
        assert_eq!(tau_in_bands(&[1.0; 100], &truth, &cost), None);
    }

    #[test]
    fn few_networks_make_no_bands() {
        let rows: Vec<f64> = (0..19).map(f64::from).collect();
        assert_eq!(tau_in_bands(&rows, &rows, &rows), None);
        let rows: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(tau_in_bands(&rows, &rows, &rows), Some(1.0));
    }
}
