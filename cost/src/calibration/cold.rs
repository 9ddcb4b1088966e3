//! What a network's weights take that caches don't hold from one inference to the next.
//!
//! ```text
//! cold(W) = W / bandwidth * W^4 / (W^4 + held^4)
//! ```
//!
//! An inference reads all of the network's `W` bytes of weights, in the same order each time. As long as caches hold all of them, the next one finds them there; of twice as
//! many it finds next to none, since what was read longest ago makes room first. How abrupt that is depends on the caches. On ONNX Runtime's timings the
//! fourth power had more evidence than the second (17 nats) and the eighth (4); on OpenVINO's as much as the second, and less than the eighth, whose errors on networks
//! unseen were the same. So what a weight takes depends on all of the network and not on its own layer: under ONNX
//! Runtime on a virtual Xeon, linear layers of up to 19 MB read their weights at 24 to 28 GB/s in networks with less than 30 MB of them, and at 12 to 14 GB/s in larger
//! networks, whatever their own size.
//!
//! It comes on top of what the kernels' traffic takes as if all weights were held; so the bandwidth is none that a memory has: where weights come at 25 GB/s from caches and
//! at 13 from memory, it is 27. Activations of large batches may push weights out of caches as well, more threads may have more caches, and weights that several layers share
//! are held once and counted for each: none of that is in the model.
//!
//! This time is none of the kernels' own: it is a network's, beside the sum of its kernels, and a kernel's part in it is its part in the weights.

use super::parameters::{COLD_BANDWIDTH, LogParameters, WEIGHTS_HELD};

/// The weights, beside what caches hold, at which the time's slope begins to fall: `(5/3)^(1/4)`. Up to there it is convex.
const INFLECTION: f64 = 1.136_219_366_467_499;

/// What weights take that caches don't hold, as a function of how many there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColdWeights {
    /// Seconds a byte; 0 where none are cold.
    s_per_byte: f64,
    /// Bytes that caches hold.
    held: f64,
}

/// The time of a network's cold weights, with derivatives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cold {
    /// In seconds.
    pub seconds: f64,
    /// Derivative by the logarithm of the bandwidth, in seconds.
    pub by_bandwidth_s: f64,
    /// Derivative by the logarithm of what caches hold, in seconds.
    pub by_held_s: f64,
}

/// A linear function of a network's weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// In seconds.
    pub constant_s: f64,
    /// In seconds a byte.
    pub s_per_byte: f64,
}

impl ColdWeights {
    /// None are cold.
    pub const NONE: Self = Self {
        s_per_byte: 0.0,
        held: 1.0,
    };

    /// Whether it is nothing for every network.
    pub fn is_nothing(&self) -> bool {
        self.s_per_byte == 0.0
    }

    /// The time of so many bytes of weights.
    #[inline]
    pub fn of(&self, weights: f64) -> Cold {
        let cold = cold_share(weights / self.held);
        let seconds = self.s_per_byte * weights * cold;
        Cold {
            seconds,
            by_bandwidth_s: -seconds,
            by_held_s: -4.0 * seconds * (1.0 - cold),
        }
    }

    /// A line below the time of all networks with at most `most` bytes of weights, the closest at so many: a line along the convex envelope of the time. Up to the last place
    /// whose tangent stays below the time all the way it is the tangent, and touches it; beyond, it goes from that place to the time of `most`.
    pub fn line_below(&self, weights: f64, most: f64) -> Line {
        let (weights, most) = (weights / self.held, most.max(weights) / self.held);
        let touches = weights.min(last_touched(most));
        let slope = slope(touches);
        Line {
            constant_s: self.s_per_byte * self.held * (height(touches) - slope * touches),
            s_per_byte: self.s_per_byte * slope,
        }
    }

    /// A line that the time of no network with at most `most` bytes of weights rises above: as if as large a share of its weights were cold as of those.
    pub fn line_above(&self, most: f64) -> Line {
        Line {
            constant_s: 0.0,
            s_per_byte: self.s_per_byte * cold_share(most / self.held),
        }
    }
}

/// The share of the weights that is cold, by what they are beside what caches hold.
fn cold_share(ratio: f64) -> f64 {
    let power = ratio * ratio * ratio * ratio;
    // not the quotient of the two: the power may overflow
    1.0 - 1.0 / (1.0 + power)
}

fn height(ratio: f64) -> f64 {
    ratio * cold_share(ratio)
}

fn slope(ratio: f64) -> f64 {
    let cold = cold_share(ratio);
    cold * (5.0 - 4.0 * cold)
}

/// The last place where a tangent runs below the height all the way up to `most`.
fn last_touched(most: f64) -> f64 {
    if most <= INFLECTION {
        return most;
    }
    let (mut below, mut above) = (0.0, INFLECTION);
    for _ in 0..60 {
        let middle = f64::midpoint(below, above);
        if height(middle) + slope(middle) * (most - middle) < height(most) {
            below = middle;
        } else {
            above = middle;
        }
    }
    below
}

impl From<&LogParameters> for ColdWeights {
    fn from(LogParameters(logs): &LogParameters) -> Self {
        if logs[COLD_BANDWIDTH] == f64::INFINITY {
            return Self::NONE;
        }
        Self {
            s_per_byte: (-logs[COLD_BANDWIDTH]).exp(),
            held: logs[WEIGHTS_HELD].exp(),
        }
    }
}

impl Cold {
    /// What part of the weights takes of it.
    #[must_use]
    pub fn part(&self, part: f64) -> Self {
        Self {
            seconds: self.seconds * part,
            by_bandwidth_s: self.by_bandwidth_s * part,
            by_held_s: self.by_held_s * part,
        }
    }

    /// Adds its derivatives, `times` over, to those by all parameters.
    pub fn add_to(&self, by_parameter: &mut [f64], times: f64) {
        by_parameter[COLD_BANDWIDTH] += times * self.by_bandwidth_s;
        by_parameter[WEIGHTS_HELD] += times * self.by_held_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MB: ColdWeights = ColdWeights {
        s_per_byte: 1.0 / 20e9,
        held: 10e6,
    };

    #[test]
    fn weights_that_caches_hold_take_nothing_and_many_the_memory_s_time() {
        let ms = |mb: f64| 1e3 * TEN_MB.of(1e6 * mb).seconds;
        assert_eq!(ms(0.0), 0.0);
        // 3 MB: 0.15 ms at the memory's bandwidth, and hardly any of it
        assert!(ms(3.0) < 0.002);
        // half of 10 MB, 16/17 of 20
        assert!((ms(10.0) - 0.25).abs() < 1e-12);
        assert!((ms(20.0) - 16.0 / 17.0).abs() < 1e-12);
        assert!((ms(500.0) - 25.0).abs() < 1e-3);
        assert_eq!(ms(1e300), 1e303 / 20.0 / 1e3);
        assert_eq!(ColdWeights::NONE.of(1e9), Cold::default());
    }

    #[test]
    fn derivatives_are_differences() {
        for mb in [2.0, 9.0, 30.0] {
            let cold = TEN_MB.of(1e6 * mb);
            let moved = |by: [f64; 2]| {
                let moved = ColdWeights {
                    s_per_byte: TEN_MB.s_per_byte * (-by[0]).exp(),
                    held: TEN_MB.held * by[1].exp(),
                };
                moved.of(1e6 * mb).seconds
            };
            let by = |step: [f64; 2]| (moved(step) - moved(step.map(|s| -s))) / 2e-5;
            let near = |a: f64, b: f64| (a - b).abs() < 1e-8 * cold.seconds;
            assert!(near(by([1e-5, 0.0]), cold.by_bandwidth_s));
            assert!(near(by([0.0, 1e-5]), cold.by_held_s));
        }
    }

    #[test]
    fn lines_bound_it_and_touch_it_where_it_is_convex() {
        for most_mb in [5.0, 11.0, 12.0, 40.0, 600.0] {
            for at_mb in [0.0, 0.3, 0.6, 0.9, 1.0].map(|part| part * most_mb) {
                let below = TEN_MB.line_below(1e6 * at_mb, 1e6 * most_mb);
                let on = |line: Line, mb: f64| line.constant_s + line.s_per_byte * 1e6 * mb;
                for step in 0..=200 {
                    let mb = most_mb * f64::from(step) / 200.0;
                    let seconds = TEN_MB.of(1e6 * mb).seconds;
                    assert!(on(below, mb) <= seconds + 1e-12, "{most_mb} {at_mb} {mb}");
                    let above = on(TEN_MB.line_above(1e6 * most_mb), mb);
                    assert!(above >= seconds * (1.0 - 1e-12), "{most_mb} {mb}");
                }
                let gap = TEN_MB.of(1e6 * at_mb).seconds - on(below, at_mb);
                if most_mb <= 11.0 || at_mb < 7.5 {
                    assert!(gap < 1e-12, "{most_mb} {at_mb}: {gap}");
                }
                // never more than what 6 MB take
                assert!(gap < 3e-4, "{most_mb} {at_mb}: {gap}");
            }
        }
    }

    #[test]
    fn the_slope_is_greatest_at_the_inflection() {
        let at = slope(INFLECTION);
        assert!(at > slope(INFLECTION - 1e-3) && at > slope(INFLECTION + 1e-3));
        assert!((at - 1.5625).abs() < 1e-12);
    }
}
