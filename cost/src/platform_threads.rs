//! A profile of several numbers of threads, on one of them.

use thiserror::Error;

use crate::calibration::{Calibration, ThreadEffect};
use crate::platform::Platform;

/// A number of threads that a profile doesn't hold for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("platform {platform} does not hold for {}; it holds for {}", counted(*.asked), words(.known))]
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
    ///
    /// # Errors
    /// When it doesn't hold for so many threads.
    pub fn on_threads(mut self, threads: u32) -> Result<Self, ThreadsError> {
        let several = self.threads_to_choose();
        if several.is_empty() && self.threads == Some(threads) {
            return Ok(self);
        }
        let known = match several {
            [] => self.threads.into_iter().collect(),
            several => several.to_vec(),
        };
        for (dtype, calibration) in &mut self.calibration {
            // those of one number of threads are of whichever the profile states
            let on = match calibration.threads.is_empty() {
                true => None,
                false => calibration.on_threads(threads),
            };
            let Some(on) = on else {
                return Err(ThreadsError {
                    platform: self.name,
                    asked: threads,
                    known,
                });
            };
            if let Some(effect) = best_effect(calibration, threads) {
                if let Some(achieved) = self
                    .roofs
                    .get_mut(dtype)
                    .and_then(|roofs| roofs.achieved.as_mut())
                {
                    let peaks = achieved.class_peak_tflops.values_mut();
                    peaks
                        .chain([&mut achieved.peak_tflops])
                        .for_each(|peak| *peak *= effect.peak_gain);
                    achieved.bandwidth_gb_s *= effect.bandwidth_gain;
                }
                let overheads = self.overhead.class_us.values_mut();
                overheads
                    .chain([&mut self.overhead.kernel_us])
                    .for_each(|overhead| *overhead += effect.synchronisation_us);
            }
            *calibration = on;
        }
        self.name = format!("{}-{}", self.name, counted(threads).replace(' ', "-"));
        self.description = format!("{}; on {}", self.description, counted(threads));
        self.threads = Some(threads);
        Ok(self)
    }
}

/// The effect in the most probable component; nothing on the fewest threads.
fn best_effect(calibration: &Calibration, threads: u32) -> Option<ThreadEffect> {
    let components = calibration.components.iter();
    let best = components.max_by(|a, b| a.weight.total_cmp(&b.weight))?;
    let mut effects = best.parameters.more_threads.iter();
    effects.find(|effect| effect.threads == threads).copied()
}

fn counted(threads: u32) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        more => format!("{more} threads"),
    }
}

/// In words: "1, 2 and 4 threads".
pub(crate) fn words(threads: &[u32]) -> String {
    match threads {
        [] => "a number of threads that it doesn't state".to_owned(),
        [one] => counted(*one),
        [others @ .., last] => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!("{} and {last} threads", others.join(", "))
        }
    }
}
