//! Whether latencies are in milliseconds at all, by the speed they imply.
//!
//! ```text
//! rate = FLOPs of one image * batch / latency           FLOP/s
//! ```
//!
//! From the slowest boards people run networks on (a Cortex-A9 of 766 MHz reaches 0.9 GFLOP/s, single networks 0.3) to the largest GPUs, rates
//! lie between 0.1 GFLOP/s and 2,000 TFLOP/s. One row outside has a slipped point; half of them outside are in another unit. Between
//! 0.1 and 1 GFLOP/s both are possible, which is told and nothing more.

use std::fmt;

use super::duplicates::median;
use super::error::MeasurementError;

/// No machine is slower, FLOP/s.
pub(super) const LEAST_FLOP_S: f64 = 1e8;

/// Hardly a machine is slower, FLOP/s.
const DOUBTFUL_FLOP_S: f64 = 1e9;

/// No machine is faster, FLOP/s.
pub(super) const MOST_FLOP_S: f64 = 2e15;

/// What a latency's rate is computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate<'a> {
    /// The row's line in its file.
    pub line: u64,
    /// The network.
    pub network: &'a str,
    /// FLOPs of one image.
    pub flops: f64,
    /// Images in one inference.
    pub batch: u64,
    /// Latency of one inference.
    pub latency_ms: f64,
}

impl Rate<'_> {
    /// The implied rate, FLOP/s.
    pub fn flop_s(&self) -> f64 {
        self.flops * self.batch as f64 / (1e-3 * self.latency_ms)
    }
}

/// What a look at the rates brought.
#[derive(Debug, Clone, PartialEq)]
pub struct RateCheck {
    /// Indices of the rows to keep, ascending.
    pub plausible: Vec<usize>,
    /// The others.
    pub left_out: Vec<ImplausibleRate>,
    /// A warning, if the rates as a whole are possible but odd.
    pub doubt: Option<String>,
}

/// A row that implies a speed no machine has.
#[derive(Debug, Clone, PartialEq)]
pub struct ImplausibleRate {
    /// The row's line in its file.
    pub line: u64,
    /// The network.
    pub network: String,
    /// Its latency.
    pub latency_ms: f64,
    /// The implied rate, FLOP/s.
    pub flop_s: f64,
}

impl fmt::Display for ImplausibleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: network {} in {} ms would take {} GFLOP/s: left out, since machines reach {} to {}",
            self.line,
            self.network,
            self.latency_ms,
            gflop_s(self.flop_s),
            LEAST_FLOP_S / 1e9,
            MOST_FLOP_S / 1e9
        )
    }
}

/// Looks at the rates that latencies imply.
///
/// # Errors
/// When the median rate is one that no machine has: the latencies are not in milliseconds, then.
pub fn check_rates(rows: &[Rate<'_>]) -> Result<RateCheck, MeasurementError> {
    let rates: Vec<f64> = rows.iter().map(Rate::flop_s).collect();
    let Some(median) = median(rates.clone()) else {
        return Ok(RateCheck {
            plausible: Vec::new(),
            left_out: Vec::new(),
            doubt: None,
        });
    };
    if !is_plausible(median) {
        return Err(MeasurementError::Unit {
            rows: rows.len(),
            median_gflops: gflop_s(median),
            unit: unit(median),
        });
    }
    let (plausible, others): (Vec<usize>, Vec<usize>) =
        (0..rows.len()).partition(|&index| is_plausible(rates[index]));
    let left_out = others.into_iter().map(|index| ImplausibleRate {
        line: rows[index].line,
        network: rows[index].network.to_owned(),
        latency_ms: rows[index].latency_ms,
        flop_s: rates[index],
    });
    Ok(RateCheck {
        plausible,
        left_out: left_out.collect(),
        doubt: (median < DOUBTFUL_FLOP_S).then(|| doubt(median)),
    })
}

fn is_plausible(flop_s: f64) -> bool {
    (LEAST_FLOP_S..=MOST_FLOP_S).contains(&flop_s)
}

/// The unit that latencies seem to be in, and the factor from it to milliseconds.
fn unit(median_flop_s: f64) -> Option<(&'static str, f64)> {
    let units = [("seconds", 1e3), ("microseconds", 1e-3)];
    units
        .into_iter()
        .find(|(_, factor)| is_plausible(median_flop_s / factor))
}

fn doubt(median_flop_s: f64) -> String {
    format!(
        "the latencies imply {} GFLOP/s (median): right for a very slow machine; if they are in microseconds, \
         multiply them by 0.001",
        gflop_s(median_flop_s)
    )
}

/// A rate in GFLOP/s, to three digits.
fn gflop_s(flop_s: f64) -> String {
    let gflop_s = flop_s / 1e9;
    if (0.01..1e6).contains(&gflop_s) {
        let digits = (2 - gflop_s.log10().floor() as i32).max(0) as usize;
        format!("{gflop_s:.digits$}")
    } else {
        format!("{gflop_s:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 GFLOP in batches of 2.
    fn rate(line: u64, latency_ms: f64) -> Rate<'static> {
        Rate {
            line,
            network: "n",
            flops: 1e9,
            batch: 2,
            latency_ms,
        }
    }

    fn refusal(latency_ms: f64) -> String {
        let rows = [rate(2, latency_ms), rate(3, latency_ms), rate(4, 1.0)];
        check_rates(&rows).unwrap_err().to_string()
    }

    #[test]
    fn rates_by_hand() {
        assert_eq!(rate(2, 10.0).flop_s(), 2e11);
        assert_eq!(gflop_s(2e11), "200");
        assert_eq!(gflop_s(1.2345e9), "1.23");
        assert_eq!(gflop_s(2e15), "2.00e6");
        assert_eq!(gflop_s(0.0), "0.00e0");
    }

    #[test]
    fn plausible_rows_pass_and_others_are_named() {
        let rows = [
            rate(2, 10.0),
            rate(3, 1e-7),
            rate(4, 20.0),
            rate(5, 1e6),
            rate(6, 30.0),
        ];
        let check = check_rates(&rows).unwrap();
        assert_eq!(check.plausible, [0, 2, 4]);
        let lines: Vec<u64> = check.left_out.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(check.doubt, None);
        assert_eq!(
            check.left_out[1].to_string(),
            "line 5: network n in 1000000 ms would take 2.00e-3 GFLOP/s: left out, since machines reach 0.1 to 2000000"
        );
    }

    #[test]
    fn other_units_are_named_with_their_factor() {
        assert_eq!(
            refusal(50_000.0),
            "the latencies imply 0.0400 GFLOP/s (median of 3 rows), and machines reach 0.1 to 2000000: the column looks like \
             microseconds; multiplied by 0.001 it would be plausible as milliseconds"
        );
        assert!(refusal(5e-6).contains("looks like seconds; multiplied by 1000 it would"));
        assert!(refusal(1e-15).contains("doesn't look like milliseconds, seconds or microseconds"));
    }

    #[test]
    fn slow_machines_are_doubted_not_refused() {
        let check = check_rates(&[rate(2, 5_000.0), rate(3, 4_000.0)]).unwrap();
        assert_eq!(check.plausible, [0, 1]);
        assert!(
            check
                .doubt
                .unwrap()
                .starts_with("the latencies imply 0.450 GFLOP/s")
        );
    }

    #[test]
    fn nothing_and_nonsense() {
        assert!(check_rates(&[]).unwrap().plausible.is_empty());
        let odd = |latency_ms, flops| Rate {
            flops,
            ..rate(2, latency_ms)
        };
        let rows = [odd(0.0, 0.0), odd(f64::NAN, 1e9), odd(-1.0, 1e9)];
        assert!(check_rates(&rows).is_err());
    }
}
