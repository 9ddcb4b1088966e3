//! Peak arithmetic rate of each instruction set, and the clock under it.
//!
//! ```text
//! peak           = threads * FLOPs of a pass * passes / time             an FMA is 2 FLOPs, a product of integers that is added is 2 operations
//! clock          = additions of a dependent chain / time                 one cycle each
//! FLOP per cycle = peak / (cores * clock)
//! theoretical    = cores * units * lanes * 2 * highest clock
//! ```
//!
//! The clock is measured in short chains of dependent integer additions between long stretches of multiply-adds on all threads: a core that lowers its clock
//! under wide vectors does not raise it again within microseconds. `units` are the multiply-add units that the measured FLOP per cycle show.

use std::sync::Mutex;
use std::time::Duration;

use roofnas_cost::Dtype;
use serde::{Deserialize, Serialize};

use super::ProbeError;
use super::instruction_set::InstructionSet;
use super::kernels::{COUNTS_CYCLES, Supported, chain_of_adds};
use super::team::{Seats, with_team};
use super::timing::{Pace, Timing, median};
use crate::clock::Clock;

/// The peak of one instruction set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeakRate {
    /// Which.
    pub instruction_set: InstructionSet,
    /// The number format.
    pub dtype: Dtype,
    /// Rate of all threads together in the best repetition, in 10^9 FLOP/s; of integers, 10^9 operations a second.
    pub peak_gflop_s: f64,
    /// The same in the median repetition.
    pub median_gflop_s: f64,
    /// How much longer the median repetition took than the best, as a fraction.
    pub spread: f64,
    /// The clock meanwhile, in GHz; absent where cycles can't be counted.
    pub clock_ghz: Option<f64>,
    /// FLOPs of one core in one cycle; absent where cycles can't be counted.
    pub flop_per_cycle_per_core: Option<f64>,
    /// What the cores would reach at the highest clock that the system names, in 10^9 FLOP/s; absent where it names none.
    pub theoretical_gflop_s: Option<f64>,
}

/// What is known of the machine beforehand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cores {
    /// Cores that the threads run on.
    pub(super) count: u32,
    pub(super) max_clock_ghz: Option<f64>,
}

/// Measures every instruction set that the machine has.
pub(super) fn measure(
    seats: &Seats,
    clock: &dyn Clock,
    cores: Cores,
    pace: Pace,
) -> Result<Vec<PeakRate>, ProbeError> {
    let work = || Ok(|supported: Supported, passes| supported.multiply_add(passes));
    let timings = with_team(seats, clock, work, |team| {
        let one = |supported| Timing::take(pace, clock, |passes| team.run(supported, passes));
        Supported::all()
            .into_iter()
            .map(one)
            .collect::<Result<Vec<_>, _>>()
    })?;
    let clocks = clocks(seats, clock, pace)?;
    let sets = Supported::all().into_iter().zip(timings).zip(clocks);
    Ok(sets
        .map(|((supported, timing), clock)| {
            let gflops = 1e-9 * seats.count() as f64 * supported.flops_per_pass();
            rate(supported.set(), &timing, gflops, clock, cores)
        })
        .collect())
}

fn rate(
    set: InstructionSet,
    timing: &Timing,
    gflops_per_pass: f64,
    clock_ghz: Option<f64>,
    cores: Cores,
) -> PeakRate {
    let peak_gflop_s = timing.best_rate(gflops_per_pass);
    let per_cycle = clock_ghz.map(|ghz| peak_gflop_s / (ghz * f64::from(cores.count)));
    let theoretical = per_cycle.zip(cores.max_clock_ghz).map(|(per_cycle, ghz)| {
        let per_unit = 2.0 * f64::from(set.lanes());
        f64::from(cores.count) * units(per_cycle / per_unit) * per_unit * ghz
    });
    PeakRate {
        instruction_set: set,
        dtype: set.dtype(),
        peak_gflop_s,
        median_gflop_s: timing.median_rate(gflops_per_pass),
        spread: timing.spread(),
        clock_ghz,
        flop_per_cycle_per_core: per_cycle,
        theoretical_gflop_s: theoretical,
    }
}

/// Whole units that do so much in a cycle. They can't do more than one multiply-add each, but for errors of measurement.
fn units(per_cycle: f64) -> f64 {
    (per_cycle - 0.1).ceil().max(1.0)
}

/// Time of heavy work before each look at the clock, and of that look.
const HEAVY: Duration = Duration::from_micros(300);
const LOOK: Duration = Duration::from_micros(20);

/// One heavy stretch and one chain of additions, so many passes and turns of each.
#[derive(Debug, Clone, Copy)]
struct Look {
    supported: Supported,
    heavy_passes: u64,
    chain_turns: u64,
}

/// The clock under each instruction set, in GHz; the median of all looks of all threads.
fn clocks(seats: &Seats, clock: &dyn Clock, pace: Pace) -> Result<Vec<Option<f64>>, ProbeError> {
    if !COUNTS_CYCLES {
        return Ok(vec![None; Supported::all().len()]);
    }
    let looks = Mutex::new(Vec::new());
    let prepare = || Ok(|look: Look, passes| take_looks(look, passes, clock, &looks));
    with_team(seats, clock, prepare, |team| {
        let mut clocks = Vec::new();
        for supported in Supported::all() {
            let look = timed_look(supported, clock);
            let count = pace.budget.as_nanos() / 4 / (HEAVY + LOOK).as_nanos();
            // the first run brings the clock to where it stays
            for passes in [count as u64 / 4 + 1, count as u64 + 1] {
                drain(&looks);
                team.run(look, passes)?;
            }
            clocks.push(Some(drain(&looks)).filter(|ghz| *ghz > 0.0));
        }
        Ok(clocks)
    })
}

/// Finds out how many passes and turns last as long as they should.
fn timed_look(supported: Supported, clock: &dyn Clock) -> Look {
    let count = |wanted: Duration, work: &dyn Fn(u64)| {
        let pace = Pace {
            budget: 4 * wanted,
            repetition: wanted,
        };
        let timing = Timing::take(pace, clock, |passes| {
            let began = clock.now();
            work(passes);
            Ok::<_, std::convert::Infallible>(clock.now().saturating_sub(began))
        });
        match timing {
            Ok(timing) => (timing.best_rate(1.0) * wanted.as_secs_f64()).ceil() as u64,
            Err(never) => match never {},
        }
    };
    Look {
        supported,
        heavy_passes: count(HEAVY, &|passes| supported.multiply_add(passes)),
        chain_turns: count(LOOK, &|turns| {
            chain_of_adds(turns);
        }),
    }
}

fn take_looks(look: Look, passes: u64, clock: &dyn Clock, looks: &Mutex<Vec<f64>>) {
    let mut seen = Vec::new();
    for _ in 0..passes {
        look.supported.multiply_add(look.heavy_passes);
        let began = clock.now();
        let cycles = chain_of_adds(look.chain_turns);
        let took = clock.now().saturating_sub(began);
        if !took.is_zero() {
            seen.push(1e-9 * cycles as f64 / took.as_secs_f64());
        }
    }
    if let Ok(mut looks) = looks.lock() {
        looks.append(&mut seen);
    }
}

/// The median of what was seen, which is then forgotten.
fn drain(looks: &Mutex<Vec<f64>>) -> f64 {
    let mut seen = looks
        .lock()
        .map_or_else(|_| Vec::new(), |mut looks| std::mem::take(&mut *looks));
    seen.sort_by(f64::total_cmp);
    median(&seen)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::clock::fake::FakeClock;

    fn timing(nanoseconds_per_pass: u64) -> Timing {
        let pace = Pace {
            budget: Duration::from_millis(10),
            repetition: Duration::from_millis(2),
        };
        let clock = FakeClock::default();
        let timing = Timing::take(pace, &clock, |passes| {
            let took = nanoseconds_per_pass * passes;
            clock.pass(took);
            Ok::<_, Infallible>(Duration::from_nanos(took))
        });
        timing.unwrap_or_else(|never| match never {})
    }

    /// A core with two 256-bit units at 2.5 GHz, known to reach 3: 32 FLOP in a cycle, 80 GFLOP/s, 96 at most.
    #[test]
    fn figures_of_a_known_core() {
        let cores = Cores {
            count: 1,
            max_clock_ghz: Some(3.0),
        };
        let set = InstructionSet::Avx2Fma;
        let rate = rate(set, &timing(1000), 1e-9 * 80_000.0, Some(2.5), cores);
        assert!((rate.peak_gflop_s - 80.0).abs() < 1e-9, "{rate:?}");
        let per_cycle = rate.flop_per_cycle_per_core.unwrap();
        assert!((per_cycle - 32.0).abs() < 1e-9, "{rate:?}");
        assert!((rate.theoretical_gflop_s.unwrap() - 96.0).abs() < 1e-9);
        assert_eq!((rate.spread, rate.dtype), (0.0, Dtype::Fp32));
    }

    #[test]
    fn nothing_is_made_up() {
        let cores = Cores {
            count: 2,
            max_clock_ghz: None,
        };
        let set = InstructionSet::Scalar;
        let unknown = rate(set, &timing(1000), 1e-9, None, cores);
        assert_eq!(unknown.clock_ghz, None);
        assert_eq!(unknown.flop_per_cycle_per_core, None);
        assert_eq!(unknown.theoretical_gflop_s, None);
        assert_eq!(
            rate(set, &timing(1000), 1e-9, Some(2.0), cores).theoretical_gflop_s,
            None
        );
    }

    #[test]
    fn units_are_whole() {
        for (seen, counted) in [
            (0.97, 1.0),
            (1.05, 1.0),
            (1.6, 2.0),
            (1.98, 2.0),
            (0.2, 1.0),
            (3.9, 4.0),
        ] {
            assert_eq!(units(seen), counted, "{seen}");
        }
    }
}
