//! What the runs of one network took.

use std::slice::SliceIndex;

/// Which quantile of the runs is the latency: low, since what disturbs a run makes it longer, and not the least, which chance has a hand in.
const LATENCY_QUANTILE: f64 = 0.1;

/// Runs of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkTiming {
    /// The network.
    pub network: String,
    /// The group it was measured in first.
    pub group: usize,
    /// What each run took in seconds, turn by turn.
    pub visits: Vec<Vec<f64>>,
    /// How long the engine took to make it ready, in seconds.
    pub initialisation_s: Option<f64>,
    /// What it takes in the engine's memory.
    pub resident_bytes: Option<u64>,
}

impl NetworkTiming {
    pub(super) fn new(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            group: 0,
            visits: Vec::new(),
            initialisation_s: None,
            resident_bytes: None,
        }
    }

    /// Some of its turns.
    pub(super) fn part(&self, visits: impl SliceIndex<[Vec<f64>], Output = [Vec<f64>]>) -> Self {
        Self {
            visits: self.visits[visits].to_vec(),
            ..self.clone()
        }
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.visits.iter().map(Vec::len).sum()
    }

    /// The latency, in seconds: the tenth percentile of the runs.
    pub fn latency_s(&self) -> f64 {
        self.quantile_s(LATENCY_QUANTILE)
    }

    /// A quantile of the runs, in seconds; the nearest run above it.
    pub fn quantile_s(&self, quantile: f64) -> f64 {
        quantile_of(self.visits.iter().flatten().copied(), quantile)
    }

    /// The mean of the runs, in seconds; NaN of none. What throughput is of.
    pub fn mean_s(&self) -> f64 {
        self.visits.iter().flatten().sum::<f64>() / self.runs() as f64
    }

    /// How much longer the median run took, as a fraction of the latency.
    pub fn spread(&self) -> f64 {
        self.quantile_s(0.5) / self.latency_s() - 1.0
    }

    /// Standard deviation of the latency, in seconds, from what each turn by itself would have given: turns are far apart, so they know of drift where runs in a
    /// row don't. Nothing from a single turn.
    pub fn latency_std_s(&self) -> Option<f64> {
        let turns: Vec<f64> = self
            .visits
            .iter()
            .filter(|turn| !turn.is_empty())
            .map(|turn| quantile_of(turn.iter().copied(), LATENCY_QUANTILE))
            .collect();
        let n = turns.len() as f64;
        if turns.len() < 2 {
            return None;
        }
        let mean = turns.iter().sum::<f64>() / n;
        let squares: f64 = turns.iter().map(|turn| (turn - mean).powi(2)).sum();
        Some((squares / (n - 1.0) / n).sqrt())
    }
}

/// A quantile; NaN of nothing.
fn quantile_of(values: impl Iterator<Item = f64>, quantile: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let place = (quantile * sorted.len() as f64).ceil() as usize;
    let nearest = sorted.get(place.saturating_sub(1));
    nearest.copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_runs() {
        let timing = NetworkTiming {
            visits: vec![
                (1..=60).map(f64::from).collect(),
                (61..=100).map(f64::from).collect(),
            ],
            ..NetworkTiming::new("n")
        };
        assert_eq!((timing.runs(), timing.latency_s()), (100, 10.0));
        assert_eq!(
            (timing.quantile_s(0.5), timing.quantile_s(0.99)),
            (50.0, 99.0)
        );
        assert_eq!(
            (timing.quantile_s(0.0), timing.quantile_s(1.0)),
            (1.0, 100.0)
        );
        assert_eq!((timing.spread(), timing.mean_s()), (4.0, 50.5));
        // turns give 6 and 64
        let expected = (29.0f64 * 29.0 * 2.0 / 2.0).sqrt();
        assert!((timing.latency_std_s().unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let nothing = NetworkTiming::new("n");
        assert!(nothing.latency_s().is_nan());
        assert_eq!(nothing.latency_std_s(), None);
    }
}
