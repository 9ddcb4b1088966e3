//! The roofline (Williams, Waterman, Patterson: Roofline, an insightful visual performance model, CACM 2009).
//!
//! ```text
//! time       = max(FLOPs / peak, traffic / bandwidth)
//! attainable = min(peak, intensity * bandwidth)                      FLOP/s
//! ridge      = peak / bandwidth                                      FLOP/byte
//! ```
//!
//! Work of an intensity below the ridge is limited by memory, above it by arithmetic.

/// A pair of roofs: peak arithmetic rate and memory bandwidth, for one number format.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roof {
    /// FLOP per second.
    pub peak_flops: f64,
    /// Bytes per second.
    pub bandwidth: f64,
}

impl Roof {
    /// The intensity from which arithmetic is the limit, FLOP/byte.
    pub fn ridge(&self) -> f64 {
        self.peak_flops / self.bandwidth
    }

    /// The highest rate at this intensity (FLOP/byte), in FLOP/s.
    pub fn attainable_flops(&self, intensity: f64) -> f64 {
        self.peak_flops.min(intensity * self.bandwidth)
    }

    /// The least time for this work, in seconds.
    pub fn seconds(&self, flops: f64, traffic_bytes: f64) -> f64 {
        (flops / self.peak_flops).max(traffic_bytes / self.bandwidth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Intel 10980XE of the README: data sheet, and as measured.
    const THEORETICAL: Roof = Roof {
        peak_flops: 4.608e12,
        bandwidth: 96e9,
    };
    const MEASURED: Roof = Roof {
        peak_flops: 2.86e12,
        bandwidth: 74e9,
    };

    #[test]
    fn ridges() {
        assert_eq!(THEORETICAL.ridge(), 48.0);
        assert!((MEASURED.ridge() - 38.6).abs() < 0.05);
    }

    #[test]
    fn a_depthwise_layer_reaches_a_twentieth_of_peak() {
        let intensity: f64 = 2.346;
        let share = THEORETICAL.attainable_flops(intensity) / THEORETICAL.peak_flops;
        assert!((share - 0.049).abs() < 0.0005, "{share}");
        assert_eq!(THEORETICAL.attainable_flops(100.0), THEORETICAL.peak_flops);
    }

    #[test]
    fn time_is_the_slower_of_the_two() {
        assert_eq!(THEORETICAL.seconds(4.608e12, 1.0), 1.0);
        assert_eq!(THEORETICAL.seconds(1.0, 192e9), 2.0);
    }
}
