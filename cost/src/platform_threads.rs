//! A profile of several numbers of threads, on one of them.

use thiserror::Error;

use crate::calibration::{Calibration, Composition, ThreadEffect};
use crate::platform::Platform;

/// A number of threads that a profile doesn't hold for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("platform {platform} does not hold for {}; it holds for {}", counted(*.asked), threads_in_words(.known))]
pub struct ThreadsError {
    /// The platform's name.
    pub platform: String,
    /// What was asked for.
    pub asked: u32,
    /// What there is; nothing where the profile doesn't say.
    pub known: Vec<u32>,
}

impl Platform {
    /// The numbers of threads among which one must be chosen; nothing where there is no choice.
    pub fn threads_to_choose(&self) -> &[u32] {
        let mut several = self.calibration.values();
        let first = several.find(|calibration| !calibration.threads.is_empty());
        first.map_or(&[], |calibration| &calibration.threads)
    }

    /// The profile on one of its numbers of threads, as if it were of that alone: `board` on four is `board-4-threads`. What already is of that number stays as it is.
    /// Roofs from data sheets and micro-benchmarks are those of the fewest threads, and go with any others.
    ///
    /// # Errors
    /// When it doesn't hold for so many threads.
    pub fn on_threads(mut self, threads: u32) -> Result<Self, ThreadsError> {
        let several = self.threads_to_choose().to_vec();
        if several.is_empty() && self.threads == Some(threads) {
            return Ok(self);
        }
        if !several.contains(&threads) {
            return Err(ThreadsError {
                known: match several.is_empty() {
                    true => self.threads.into_iter().collect(),
                    false => several,
                },
                platform: self.name,
                asked: threads,
            });
        }
        let effect = self
            .calibration
            .values()
            .find_map(|calibration| best_effect(calibration, threads));
        let overheads = self.overhead.class_us.values_mut();
        overheads
            .chain([&mut self.overhead.kernel_us])
            .for_each(|overhead| *overhead += effect.map_or(0.0, |(waits, _)| waits));
        for (dtype, calibration) in &mut self.calibration {
            if let (Some((_, effect)), Some(roofs)) =
                (best_effect(calibration, threads), self.roofs.get_mut(dtype))
            {
                (roofs.theoretical, roofs.measured) = (None, None);
                if let Some(achieved) = &mut roofs.achieved {
                    let peaks = achieved.class_peak_tflops.values_mut();
                    peaks
                        .chain([&mut achieved.peak_tflops])
                        .for_each(|peak| *peak *= effect.peak_gain);
                    achieved.bandwidth_gb_s *= effect.bandwidth_gain;
                }
            }
            if let Some(on) = calibration.on_threads(threads) {
                *calibration = on;
            }
        }
        self.name = format!("{}-{}", self.name, counted(threads).replace(' ', "-"));
        // as one would have it that was calibrated on these alone
        let all = threads_in_words(&several);
        self.description = match self.description.contains(&all) {
            true => self.description.replacen(&all, &counted(threads), 1),
            false => format!("{}; on {}", self.description, counted(threads)),
        };
        self.threads = Some(threads);
        Ok(self)
    }

    /// The profile on each of its numbers of threads; itself where there is no choice.
    pub fn on_each_number_of_threads(self) -> Vec<Self> {
        let several = self.threads_to_choose();
        if several.is_empty() {
            return vec![self];
        }
        let each = several.iter();
        each.filter_map(|&threads| self.clone().on_threads(threads).ok())
            .collect()
    }
}

/// The effect in the most probable component, after what each kernel waits, in microseconds; nothing on the fewest threads.
fn best_effect(calibration: &Calibration, threads: u32) -> Option<(f64, ThreadEffect)> {
    let components = calibration.components.iter();
    let best = components.max_by(|a, b| a.weight.total_cmp(&b.weight))?;
    let mut effects = best.parameters.more_threads.iter();
    let effect = effects.find(|effect| effect.threads == threads).copied()?;
    // captured graphs have no overhead for each kernel
    let waits = match best.composition {
        Composition::Graph => 0.0,
        Composition::Sum | Composition::Async => effect.synchronisation_us,
    };
    Some((waits, effect))
}

fn counted(threads: u32) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        more => format!("{more} threads"),
    }
}

/// Numbers of threads in words: "1, 2 and 4 threads".
pub fn threads_in_words(threads: &[u32]) -> String {
    match threads {
        [] => "a number of threads that it doesn't state".to_owned(),
        [one] => counted(*one),
        [others @ .., last] => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!("{} and {last} threads", others.join(", "))
        }
    }
}
