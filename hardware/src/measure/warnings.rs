//! What casts doubt on timings, in sentences.

use super::{Measuring, NetworkTiming};

/// Median runs that take this much longer than the latency are no longer a quiet machine's.
const WIDE: f64 = 0.15;

/// Anchors that differ by more from time to time say that the machine has changed meanwhile.
const DRIFT: f64 = 0.05;

/// Others who take more than this share of the CPUs are heard.
const BUSY: f64 = 0.1;

/// What casts doubt on these timings.
pub fn doubts(measuring: &Measuring) -> Vec<String> {
    let mut doubts = Vec::new();
    let spreads = measuring.timings.iter().map(NetworkTiming::spread);
    let wide = spreads.filter(|spread| *spread > WIDE).count();
    if 4 * wide > measuring.timings.len() {
        doubts.push(format!(
            "the machine is noisy: the median run of {wide} of {} networks took over {:.0} % longer than its latency",
            measuring.timings.len(),
            100.0 * WIDE
        ));
    }
    let (least, most) = measuring
        .anchors
        .iter()
        .fold((1.0f64, 1.0f64), |(least, most), &ratio| {
            (least.min(ratio), most.max(ratio))
        });
    if most / least > 1.0 + DRIFT {
        doubts.push(format!(
            "the machine changed while it was measured: the anchors took {:.0} % longer at one time than at another",
            100.0 * (most / least - 1.0)
        ));
    }
    doubts
}

/// What to say of others who took this share of the CPUs; nothing of a quiet machine.
pub fn busy(share: f64) -> Option<String> {
    (share > BUSY).then(|| {
        format!(
            "others were at work: they took {:.0} % of the processor's time; measure again on a quiet machine",
            100.0 * share
        )
    })
}
