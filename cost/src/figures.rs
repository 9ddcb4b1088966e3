//! How well predictions hold against measurements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spearman::spearman;

/// The two-sided 90 % interval of a normal distribution ends this many deviations from its mean.
const Z_90: f64 = 1.644_853_626_951_472_2;

/// A prediction beside what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// What was measured, above 0.
    pub measured_ms: f64,
    /// Mean of the prediction.
    pub mean_ms: f64,
    /// Its standard deviation, from whoever states one.
    pub std_ms: Option<f64>,
    /// Its one-sided 95 % bound, from whoever states one.
    pub upper95_ms: Option<f64>,
}

impl Prediction {
    /// The same of a machine that takes so many times as long.
    #[must_use]
    pub fn slower(self, times: f64) -> Self {
        Self {
            measured_ms: self.measured_ms,
            mean_ms: times * self.mean_ms,
            std_ms: self.std_ms.map(|std| times * std),
            upper95_ms: self.upper95_ms.map(|upper| times * upper),
        }
    }

    /// Half the width of the two-sided 90 % interval: both of its sides end at the one-sided 95 % bound's distance.
    fn half_width_ms(&self) -> Option<f64> {
        match (self.upper95_ms, self.std_ms) {
            (Some(upper), Some(_)) => Some(upper - self.mean_ms),
            (None, Some(std)) => Some(Z_90 * std),
            (_, None) => None,
        }
    }

    fn relative_error(&self) -> f64 {
        (self.mean_ms - self.measured_ms) / self.measured_ms
    }
}

/// How well predictions hold.
///
/// With `e = (mean - measured) / measured` for each network, and `h` the distance of the one-sided 95 % bound from the mean (without a bound:
/// 1.6449 standard deviations, the normal distribution's):
///
/// | figure | formula |
/// |---|---|
/// | `mape` | mean of `abs(e)` |
/// | `rmspe` | root of the mean of `e^2` |
/// | `within_5pct`, `within_10pct` | share of networks with `abs(e)` at most 0.05, 0.10 |
/// | `spearman` | Pearson's correlation of the ranks, equal values sharing the average of theirs (C. Spearman, "The proof and measurement of association between two things", 1904) |
/// | `bias` | mean of `e`: above 0 where predictions are too long |
/// | `coverage_90` | share of networks measured within `mean ± h` |
/// | `width_90` | mean of `2 * h / measured` |
/// | `exceeds_upper_95` | share of networks measured above the one-sided 95 % bound; 0.05 is ideal |
///
/// All are fractions of 1. Errors are relative to what was measured, so a prediction can't be worse than -1 on one side and has no limit on the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Number of networks.
    pub n: usize,
    /// Mean absolute relative error.
    pub mape: f64,
    /// Root mean square relative error.
    pub rmspe: f64,
    /// Share of networks within 5 %.
    pub within_5pct: f64,
    /// Share of networks within 10 %.
    pub within_10pct: f64,
    /// Spearman's rank correlation; absent for fewer than three networks, or when all predictions or all measurements are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spearman: Option<f64>,
    /// Mean relative error, with its sign.
    pub bias: f64,
    /// Share of networks inside the 90 % interval; absent unless every prediction states a deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_90: Option<f64>,
    /// Mean width of that interval, relative to what was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_90: Option<f64>,
    /// Share of networks above the one-sided 95 % bound; absent unless every prediction states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceeds_upper_95: Option<f64>,
}

impl Figures {
    /// The figures of some predictions; none for none.
    pub fn of(predictions: &[Prediction]) -> Option<Self> {
        if predictions.is_empty() {
            return None;
        }
        let errors: Vec<f64> = predictions.iter().map(Prediction::relative_error).collect();
        let within = |limit: f64| share(errors.iter().map(|error| error.abs() <= limit));
        let interval = every(predictions, |p| {
            Some((p.measured_ms, p.mean_ms, p.half_width_ms()?))
        });
        let bounds = every(predictions, |p| Some((p.measured_ms, p.upper95_ms?)));
        let column =
            |of: fn(&Prediction) -> f64| -> Vec<f64> { predictions.iter().map(of).collect() };
        Some(Self {
            n: predictions.len(),
            mape: mean(errors.iter().map(|error| error.abs())),
            rmspe: mean(errors.iter().map(|error| error * error)).sqrt(),
            within_5pct: within(0.05),
            within_10pct: within(0.10),
            spearman: spearman(&column(|p| p.mean_ms), &column(|p| p.measured_ms)),
            bias: mean(errors.iter().copied()),
            coverage_90: interval.as_ref().map(|rows| {
                let inside =
                    |&(measured, mean, half): &(f64, f64, f64)| (measured - mean).abs() <= half;
                share(rows.iter().map(inside))
            }),
            width_90: interval.map(|rows| {
                let width = |(measured, _, half)| 2.0 * half / measured;
                mean(rows.into_iter().map(width))
            }),
            exceeds_upper_95: bounds
                .map(|rows| share(rows.into_iter().map(|(measured, upper)| measured > upper))),
        })
    }
}

/// What all predictions have, or nothing.
fn every<T>(predictions: &[Prediction], of: fn(&Prediction) -> Option<T>) -> Option<Vec<T>> {
    predictions.iter().map(of).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.fold(0.0, |sum, value| sum + value) / n
}

fn share(hits: impl ExactSizeIterator<Item = bool>) -> f64 {
    mean(hits.map(|hit| f64::from(u8::from(hit))))
}

/// Share of pairs of networks with about equal MACs that a prediction puts in the order that was measured: where counting MACs can't help.
///
/// A band reaches from `ratio^k` to below `ratio^(k + 1)` MACs. Pairs that were measured equal are left out; a pair that is predicted equal
/// counts half. Nothing if there are no pairs, or `ratio` is not above 1.
///
/// ```
/// use roofnas_cost::order_accuracy_in_bands;
///
/// // the last network has a band to itself
/// let macs = [100.0, 101.0, 102.0, 500.0];
/// let measured_ms = [1.0, 2.0, 3.0, 9.0];
/// let predicted_ms = [2.0, 1.0, 4.0, 0.0];
/// let accuracy = order_accuracy_in_bands(&macs, &predicted_ms, &measured_ms, 4.0 / 3.0);
/// assert_eq!(accuracy, Some(2.0 / 3.0));
/// ```
pub fn order_accuracy_in_bands(
    macs: &[f64],
    predicted: &[f64],
    measured: &[f64],
    ratio: f64,
) -> Option<f64> {
    if ratio.partial_cmp(&1.0) != Some(std::cmp::Ordering::Greater) {
        return None;
    }
    let mut networks: Vec<(i64, f64, f64)> = macs
        .iter()
        .zip(predicted)
        .zip(measured)
        .map(|((macs, &predicted), &measured)| (band(*macs, ratio), predicted, measured))
        .collect();
    networks.sort_by_key(|(band, ..)| *band);
    let (mut right, mut pairs) = (0.0, 0.0);
    for band in networks.chunk_by(|a, b| a.0 == b.0) {
        for (index, a) in band.iter().enumerate() {
            for b in &band[..index] {
                if a.2 != b.2 {
                    pairs += 1.0;
                    right += agreement(a.1 - b.1, a.2 - b.2);
                }
            }
        }
    }
    (pairs > 0.0).then(|| right / pairs)
}

/// The number of a band. Networks without MACs have one of their own, since the conversion saturates.
fn band(macs: f64, ratio: f64) -> i64 {
    (macs.ln() / ratio.ln()).floor() as i64
}

/// 1 for two differences of one sign, 0 for different signs, and a half where a difference is predicted to be 0.
fn agreement(predicted: f64, measured: f64) -> f64 {
    if predicted == 0.0 {
        0.5
    } else {
        f64::from(u8::from((predicted > 0.0) == (measured > 0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(measured_ms: f64, mean_ms: f64, std_ms: f64) -> Prediction {
        Prediction {
            measured_ms,
            mean_ms,
            std_ms: Some(std_ms),
            upper95_ms: Some(mean_ms + Z_90 * std_ms),
        }
    }

    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }

    #[test]
    fn figures_by_hand() {
        // relative errors 0.04, -0.10, 0.20, -0.02
        let figures = Figures::of(&[
            prediction(100.0, 104.0, 10.0),
            prediction(50.0, 45.0, 1.0),
            prediction(10.0, 12.0, 1.0),
            prediction(200.0, 196.0, 20.0),
        ])
        .unwrap();
        assert_eq!(figures.n, 4);
        close(figures.mape, 0.36 / 4.0);
        close(figures.rmspe, (0.052_f64 / 4.0).sqrt());
        close(figures.within_5pct, 0.5);
        close(figures.within_10pct, 0.75);
        close(figures.bias, 0.03);
        close(figures.spearman.unwrap(), 1.0);
        // 50 is 5 deviations above, 10 is 2 below
        close(figures.coverage_90.unwrap(), 0.5);
        close(figures.exceeds_upper_95.unwrap(), 0.25);
        let width = 2.0 * Z_90 * (0.1 + 0.02 + 0.1 + 0.1) / 4.0;
        close(figures.width_90.unwrap(), width);
    }

    #[test]
    fn what_nobody_states_is_absent() {
        let bare = Prediction {
            std_ms: None,
            upper95_ms: None,
            ..prediction(1.0, 2.0, 0.1)
        };
        let figures = Figures::of(&[prediction(1.0, 1.0, 0.1), bare]).unwrap();
        assert_eq!((figures.coverage_90, figures.width_90), (None, None));
        assert_eq!(figures.exceeds_upper_95, None);
        assert_eq!(figures.spearman, None);
        assert_eq!(Figures::of(&[]), None);
    }

    #[test]
    fn figures_survive_json_and_absent_ones_are_not_written() {
        let bare = |mean_ms| Prediction {
            std_ms: None,
            upper95_ms: None,
            ..prediction(1.5, mean_ms, 0.0)
        };
        let figures = Figures::of(&[bare(1.0), bare(2.0)]).unwrap();
        let json = serde_json::to_string(&figures).unwrap();
        assert!(
            !json.contains("coverage") && !json.contains("spearman"),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Figures>(&json).unwrap(), figures);
    }

    #[test]
    fn order_in_bands_by_hand() {
        let ratio = 2.0;
        // bands [4, 8) and [8, 16)
        let macs = [4.0, 5.0, 7.9, 8.0, 15.0];
        let measured = [1.0, 2.0, 2.0, 10.0, 11.0];
        // (0, 1) right, (0, 2) equal, (1, 2) measured equal, (3, 4) wrong
        let predicted = [1.0, 3.0, 1.0, 6.0, 5.0];
        let accuracy = order_accuracy_in_bands(&macs, &predicted, &measured, ratio);
        close(accuracy.unwrap(), 1.5 / 3.0);
        let of = |macs: &[f64], ratio| order_accuracy_in_bands(macs, &predicted, &measured, ratio);
        assert_eq!(of(&[1.0, 2.0, 4.0, 8.0, 16.0], ratio), None);
        assert_eq!(of(&macs, 1.0), None);
        assert_eq!(of(&macs, f64::NAN), None);
        assert_eq!(of(&[], ratio), None);
        // networks without MACs are a band of their own
        assert_eq!(of(&[0.0, 0.0, 4.0, 8.0, 16.0], ratio), Some(1.0));
    }
}
