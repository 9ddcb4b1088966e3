//! Latency budgets that a column of latencies gives.

use super::truth::Device;

/// The quantiles of a column that are its budgets.
pub const QUANTILES: [f64; 10] = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];

/// The networks whose latency on a device is known, and the budgets they are held against.
#[derive(Debug, Clone, PartialEq)]
pub struct Budgets {
    /// Rows with their latencies, in the order of the rows.
    pub(super) known: Vec<(usize, f64)>,
    /// Ascending, in the unit of the latencies; of a throughput, in its reciprocal. None where no latency is known.
    pub limits: Vec<f64>,
    /// Rows whose latency isn't known.
    pub left_out: usize,
}

impl Budgets {
    /// The budgets of a device.
    pub fn new(device: &Device) -> Self {
        let rows = device.latency.iter().enumerate();
        let known: Vec<(usize, f64)> = rows
            .filter_map(|(row, latency)| latency.map(|latency| (row, latency)))
            .collect();
        let mut sorted: Vec<f64> = known.iter().map(|&(_, latency)| latency).collect();
        sorted.sort_by(f64::total_cmp);
        let limits = QUANTILES.iter().filter_map(|&q| quantile(&sorted, q));
        Self {
            limits: limits.collect(),
            left_out: device.latency.len() - known.len(),
            known,
        }
    }

    /// How many networks have a latency.
    pub fn networks(&self) -> usize {
        self.known.len()
    }
}

/// A quantile of ascending numbers, linear between neighbours (definition 7 of R. Hyndman and Y. Fan, "Sample quantiles in statistical packages",
/// The American Statistician 50(4), 1996). Nothing of nothing.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q * sorted.len().checked_sub(1)? as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + place.fract() * (above - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        for q in QUANTILES {
            assert!((quantile(&sorted, q).unwrap() - 100.0 * q).abs() < 1e-9);
        }
        assert_eq!(quantile(&[1.0, 2.0], 0.25), Some(1.25));
        assert_eq!(quantile(&[3.0], 0.95), Some(3.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
