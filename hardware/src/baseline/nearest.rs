//! The platform that behaves most like this one.
//!
//! For each other platform, the latencies `x` of the networks that both have measured are scaled to this one's, by least squares on relative
//! errors:
//!
//! ```text
//! y = factor * x                      or, where that does better,
//! y = factor * x + constant           both 0 or above
//! ```
//!
//! Better means a smaller mean squared relative error on networks left out one at a time; the platform with the smallest is the nearest.
//! It needs nothing of a network but its name, and can say nothing of one that the other platform has not measured.

use std::collections::BTreeMap;

use super::nonnegative::fit_relative;

/// Latencies in milliseconds, by the network's name.
pub type LatencyByNetwork = BTreeMap<String, f64>;

/// With fewer networks in common, likeness is chance, unless this platform has no more itself.
const LEAST_SHARED: usize = 3;

/// The platform that behaves most like another, scaled to it.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestPlatform {
    platform: String,
    scaling: Scaling,
    latencies_ms: LatencyByNetwork,
}

impl NearestPlatform {
    /// Finds the nearest of other platforms by the networks measured on this one. Latencies that are no numbers above 0 don't count. Nothing if no
    /// platform shares enough networks: three, or all of this one's if it has fewer.
    pub fn fit(
        measured_ms: &LatencyByNetwork,
        others: &BTreeMap<String, LatencyByNetwork>,
    ) -> Option<Self> {
        let measured = measured_ms.values().filter(|ms| is_latency(**ms)).count();
        let enough = LEAST_SHARED.min(measured).max(1);
        let mut nearest: Option<(f64, &str, Scaling)> = None;
        for (name, latencies_ms) in others {
            let pairs = shared(measured_ms, latencies_ms);
            if pairs.len() < enough {
                continue;
            }
            let (scaling, error) = Scaling::fit(&pairs);
            if nearest.as_ref().is_none_or(|(least, ..)| error < *least) {
                nearest = Some((error, name, scaling));
            }
        }
        let (_, name, scaling) = nearest?;
        Some(Self {
            platform: name.to_owned(),
            scaling,
            latencies_ms: others.get(name)?.clone(),
        })
    }

    /// The name of the nearest platform.
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// The latency of a network that the nearest platform has measured; nothing of any other.
    pub fn predict_ms(&self, network: &str) -> Option<f64> {
        let &theirs = self.latencies_ms.get(network)?;
        is_latency(theirs).then(|| self.scaling.apply(theirs))
    }
}

fn is_latency(ms: f64) -> bool {
    super::LATENCIES_MS.contains(&ms)
}

/// Latencies of the same networks on another platform and on this one.
fn shared(measured_ms: &LatencyByNetwork, theirs_ms: &LatencyByNetwork) -> Vec<Pair> {
    let pairs = measured_ms.iter().filter_map(|(network, &ours)| {
        let &theirs = theirs_ms.get(network)?;
        (is_latency(theirs) && is_latency(ours)).then_some(Pair { theirs, ours })
    });
    pairs.collect()
}

/// One network on two platforms.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    theirs: f64,
    ours: f64,
}

/// From their latencies to ours.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scaling {
    factor: f64,
    constant: f64,
}

impl Scaling {
    /// The better of the two scalings, and its error on networks left out. For a single network both have none.
    fn fit(pairs: &[Pair]) -> (Self, f64) {
        let proportional = error_left_out(pairs, Self::proportional);
        if pairs.len() >= LEAST_SHARED {
            let with_constant = error_left_out(pairs, Self::with_constant);
            if with_constant < proportional {
                return (Self::with_constant(pairs), with_constant);
            }
        }
        (Self::proportional(pairs), proportional)
    }

    fn proportional(pairs: &[Pair]) -> Self {
        let ratio = |pair: &Pair| pair.theirs / pair.ours;
        let sum: f64 = pairs.iter().map(ratio).sum();
        let squares: f64 = pairs.iter().map(|pair| ratio(pair).powi(2)).sum();
        Self {
            factor: sum / squares,
            constant: 0.0,
        }
    }

    fn with_constant(pairs: &[Pair]) -> Self {
        let rows: Vec<Vec<f64>> = pairs.iter().map(|pair| vec![pair.theirs, 1.0]).collect();
        let ours: Vec<f64> = pairs.iter().map(|pair| pair.ours).collect();
        match fit_relative(&rows, &ours)[..] {
            [factor, constant] => Self { factor, constant },
            _ => Self::proportional(pairs),
        }
    }

    fn apply(&self, theirs: f64) -> f64 {
        self.factor * theirs + self.constant
    }
}

/// Mean squared relative error on each pair, scaled by the others.
fn error_left_out(pairs: &[Pair], fit: fn(&[Pair]) -> Scaling) -> f64 {
    if pairs.len() < 2 {
        return 0.0;
    }
    let errors = (0..pairs.len()).map(|left_out| {
        let mut others = pairs.to_vec();
        let pair = others.remove(left_out);
        (fit(&others).apply(pair.theirs) / pair.ours - 1.0).powi(2)
    });
    errors.sum::<f64>() / pairs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORKS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn table(latencies: &[f64]) -> LatencyByNetwork {
        let named = NETWORKS.iter().zip(latencies);
        named.map(|(name, ms)| ((*name).to_owned(), *ms)).collect()
    }

    fn platforms(tables: &[(&str, LatencyByNetwork)]) -> BTreeMap<String, LatencyByNetwork> {
        let named = tables.iter();
        named
            .map(|(name, table)| ((*name).to_owned(), table.clone()))
            .collect()
    }

    #[test]
    fn the_proportional_one_is_found() {
        let others = platforms(&[
            ("like", table(&[10.0, 20.1, 29.8, 40.0, 50.0, 60.0])),
            ("other", table(&[5.0, 3.0, 9.0, 1.0, 7.0, 2.0])),
        ]);
        let ours = table(&[1.0, 2.0, 3.0, 4.0]);
        let nearest = NearestPlatform::fit(&ours, &others).unwrap();
        assert_eq!(nearest.platform(), "like");
        let predicted = nearest.predict_ms("e").unwrap();
        assert!((predicted - 5.0).abs() < 0.03, "{predicted}");
        assert_eq!(nearest.predict_ms("unknown"), None);
    }

    #[test]
    fn a_constant_is_used_where_it_helps() {
        let theirs = table(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let others = platforms(&[("p", theirs)]);
        let ours = table(&[5.0, 7.0, 9.0, 11.0]);
        let nearest = NearestPlatform::fit(&ours, &others).unwrap();
        let predicted = nearest.predict_ms("f").unwrap();
        assert!((predicted - 15.0).abs() < 1e-9, "{predicted}");
        // a constant below 0 is none
        let ours = table(&[1.0, 3.0, 5.0, 7.0]);
        let nearest = NearestPlatform::fit(&ours, &others).unwrap();
        assert_eq!(nearest.scaling.constant, 0.0);
    }

    #[test]
    fn likeness_needs_networks_in_common() {
        let others = platforms(&[
            ("exact", table(&[10.0, 20.0])),
            ("rough", table(&[11.0, 20.0, 29.0, 40.0])),
        ]);
        let nearest = NearestPlatform::fit(&table(&[1.0, 2.0, 3.0, 4.0]), &others).unwrap();
        assert_eq!(nearest.platform(), "rough");
        let nearest = NearestPlatform::fit(&table(&[1.0, 2.0]), &others).unwrap();
        assert_eq!(nearest.platform(), "exact");
        assert_eq!(NearestPlatform::fit(&table(&[]), &others), None);
        assert_eq!(NearestPlatform::fit(&table(&[1.0]), &platforms(&[])), None);
    }

    #[test]
    fn one_network_gives_a_factor() {
        let others = platforms(&[("p", table(&[10.0, 20.0]))]);
        let nearest = NearestPlatform::fit(&table(&[3.0]), &others).unwrap();
        assert!((nearest.predict_ms("b").unwrap() - 6.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_latency_does_not_count() {
        let others = platforms(&[("p", table(&[10.0, f64::NAN, 30.0, 0.0, 50.0]))]);
        let ours = table(&[1.0, 2.0, 3.0, 4.0, f64::INFINITY]);
        assert_eq!(NearestPlatform::fit(&ours, &others), None);
        let nearest = NearestPlatform::fit(&table(&[1.0]), &others).unwrap();
        assert_eq!(nearest.predict_ms("b"), None);
        assert_eq!(nearest.predict_ms("c"), Some(3.0));
    }

    #[test]
    fn relative_errors_are_minimised() {
        // ratios 1 and 2: sum 3, squares 5
        let pairs = [
            Pair {
                theirs: 1.0,
                ours: 1.0,
            },
            Pair {
                theirs: 4.0,
                ours: 2.0,
            },
        ];
        assert_eq!(Scaling::proportional(&pairs).factor, 0.6);
        // left out, factors 1/2 and 1: errors (0.5 - 1)^2 and (4 / 2 - 1)^2
        assert_eq!(error_left_out(&pairs, Scaling::proportional), 0.625);
    }
}
