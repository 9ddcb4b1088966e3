//! What scores are held against.

use roofnas_cost::spearman;

use super::band::tau_in_bands;
use super::budgets::Budgets;
use super::figures::RankFigures;
use super::kendall::kendall_tau;
use super::regret::Regret;

/// A share of the networks with the highest accuracies: one in so many.
const TOP_ONE_IN: usize = 5;

/// What a column says of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The less the better.
    Latency,
    /// The more the better; its reciprocal is a latency.
    Throughput,
}

impl DeviceKind {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
        }
    }
}

/// How fast networks are on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// The table's column.
    pub column: String,
    /// What the column holds.
    pub kind: DeviceKind,
    /// Latencies, row by row, where they are known: the column's numbers, or the reciprocals of a throughput's.
    pub latency: Vec<Option<f64>>,
}

impl Device {
    /// A device from a column's numbers, which are above 0.
    pub fn new(
        column: &str,
        kind: DeviceKind,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Self {
        let latency = values.into_iter().map(|value| match kind {
            DeviceKind::Latency => value,
            DeviceKind::Throughput => value.map(f64::recip),
        });
        Self {
            column: column.to_owned(),
            kind,
            latency: latency.collect(),
        }
    }
}

/// Networks with known accuracies.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Accuracies in per cent.
    pub accuracy: Vec<f64>,
    /// What networks of a band have about as much of.
    pub cost: Vec<f64>,
    /// How fast they are, and where; as many rows each.
    pub devices: Vec<Device>,
}

impl Truth {
    /// The figures of scores, one for each network.
    pub fn figures(&self, scores: &[f64]) -> RankFigures {
        let budgets: Vec<Budgets> = self.devices.iter().map(Budgets::new).collect();
        self.figures_under(&budgets, scores)
    }

    /// The same with the devices' budgets at hand.
    pub(super) fn figures_under(&self, budgets: &[Budgets], scores: &[f64]) -> RankFigures {
        let truth = &self.accuracy;
        RankFigures {
            tau: kendall_tau(scores, truth),
            spearman: spearman(scores, truth),
            tau_band: tau_in_bands(scores, truth, &self.cost),
            tau_top_fifth: tau_in_top_fifth(scores, truth),
            regrets: budgets
                .iter()
                .map(|budgets| Regret::new(budgets, scores, truth))
                .collect(),
        }
    }

    /// The same networks with other accuracies.
    pub(super) fn with_accuracy(&self, accuracy: Vec<f64>) -> Self {
        Self {
            accuracy,
            ..self.clone()
        }
    }

    /// Some of the networks, by their rows.
    pub fn only(&self, rows: &[usize]) -> Self {
        let column = |values: &[f64]| rows.iter().map(|&row| values[row]).collect();
        let device = |device: &Device| Device {
            latency: rows.iter().map(|&row| device.latency[row]).collect(),
            ..device.clone()
        };
        Self {
            accuracy: column(&self.accuracy),
            cost: column(&self.cost),
            devices: self.devices.iter().map(device).collect(),
        }
    }
}

/// Kendall's tau-b among the fifth (rounded down) with the highest accuracies; of equals the first rows are in it.
fn tau_in_top_fifth(scores: &[f64], truth: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|&i, &j| truth[j].total_cmp(&truth[i]));
    order.truncate(truth.len() / TOP_ONE_IN);
    let column = |values: &[f64]| -> Vec<f64> { order.iter().map(|&row| values[row]).collect() };
    kendall_tau(&column(scores), &column(truth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_fifth_is_that_of_the_truth() {
        let truth: Vec<f64> = (0..50).map(f64::from).collect();
        // upside down among the best ten, and right below
        let scores: Vec<f64> = truth
            .iter()
            .map(|&truth| if truth < 40.0 { truth } else { 100.0 - truth })
            .collect();
        assert_eq!(tau_in_top_fifth(&scores, &truth), Some(-1.0));
        assert_eq!(tau_in_top_fifth(&scores[..9], &truth[..9]), None);
    }

    #[test]
    fn some_of_the_networks_are_networks_of_their_own() {
        let rows = [10.0, 20.0, 30.0];
        let truth = Truth {
            accuracy: rows.to_vec(),
            cost: rows.to_vec(),
            devices: vec![Device::new("ms", DeviceKind::Latency, rows.map(Some))],
        };
        let some = truth.only(&[2, 0]);
        assert_eq!(some.accuracy, [30.0, 10.0]);
        assert_eq!(some.devices[0].latency, [Some(30.0), Some(10.0)]);
        assert_eq!(some.figures(&[1.0, 0.0]).tau, Some(1.0));
    }
}
