//! Latency of a network on a platform.
//!
//! ```text
//! latency(network) = inference constant + sum over kernels
//! latency(kernel)  = overhead(class) + max(FLOPs / (peak(class) * utilisation), traffic / bandwidth)
//! ```
//!
//! Kernels are what the platform's fusion rules leave. Utilisation is at most 1 and has two parts, both of
//! them rounding up to whole quanta:
//!
//! * *channels*: input and output channels of each group are padded to the platform's channel quantum (a depthwise
//!   layer puts channels side by side instead, so its channels are padded as one run; a linear layer pads its outputs);
//! * *parallel work*: output elements are worked on in waves of as many lanes as the machine has, and the last
//!   wave is rarely full.
//!
//! A platform without calibration states a prior relative deviation of the whole; nothing of it was measured. One with a
//! calibration for the number format is priced by [the calibrated model](crate::calibration) instead.

use std::sync::Arc;

use thiserror::Error;

use crate::calibration::{
    Calibration, JointPrice, KernelShare, Predictive, PreparedCalibration, Workload,
};
use crate::class::OpClass;
use crate::counts::{Geometry, KernelCost, NetworkCost};
use crate::dtype::Dtype;
use crate::platform::{Platform, RoofFigures, RoofKind, Utilisation};
use crate::platform_threads::threads_in_words;
use crate::price::{Breakdown, KernelPrice, Latency, Shares};

/// Prices networks for one platform, number format and batch size.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyModel {
    platform: Platform,
    dtype: Dtype,
    batch: u64,
    roof_kind: RoofKind,
    roofs: RoofFigures,
    utilisation: Option<Utilisation>,
    /// Shared, since it is large and never changes.
    calibrated: Option<Arc<PreparedCalibration>>,
}

/// A number format or batch size that a platform's profile doesn't cover.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LatencyError {
    /// No roofs for the number format.
    #[error("platform {platform} has no roofs for {dtype}; it has {known}")]
    Dtype {
        /// The platform's name.
        platform: String,
        /// What was asked for.
        dtype: Dtype,
        /// What there is.
        known: String,
    },
    /// A profile of several numbers of threads, none of which was chosen.
    #[error("platform {platform} was calibrated on {}: say on how many, by \":{}\" behind its name or path", threads_in_words(.known), .known[0])]
    Threads {
        /// The platform's name.
        platform: String,
        /// The numbers of threads.
        known: Vec<u32>,
    },
    /// A batch of nothing, or one whose work can't be counted.
    #[error("batch = {0}: must be from 1 to 65536")]
    Batch(u64),
}

impl LatencyModel {
    /// A model of this platform.
    ///
    /// # Errors
    /// When the profile has no roofs for the number format or is of several numbers of threads, or the batch is 0 or beyond counting.
    pub fn new(platform: Platform, dtype: Dtype, batch: u64) -> Result<Self, LatencyError> {
        check_batch(batch)?;
        let in_use = platform.roofs.get(&dtype).and_then(|roofs| roofs.in_use());
        let Some((roof_kind, figures)) = in_use else {
            let known: Vec<&str> = platform.dtypes().map(Dtype::name).collect();
            return Err(LatencyError::Dtype {
                platform: platform.name,
                dtype,
                known: known.join(", "),
            });
        };
        let calibration = platform.calibration.get(&dtype);
        if let Some(several) = calibration.filter(|calibration| !calibration.threads.is_empty()) {
            return Err(LatencyError::Threads {
                known: several.threads.clone(),
                platform: platform.name,
            });
        }
        Ok(Self {
            roof_kind,
            roofs: figures.clone(),
            utilisation: platform.utilisation.get(&dtype).copied(),
            calibrated: platform
                .calibration
                .get(&dtype)
                .map(|calibration| Arc::new(PreparedCalibration::new(calibration))),
            platform,
            dtype,
            batch,
        })
    }

    /// The same model at another batch size.
    ///
    /// # Errors
    /// When the batch is 0 or beyond counting.
    pub fn at_batch(&self, batch: u64) -> Result<Self, LatencyError> {
        check_batch(batch)?;
        Ok(Self {
            batch,
            ..self.clone()
        })
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The number format.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// The batch size.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// Channels that the platform works on at a time, where its profile says.
    pub fn channel_quantum(&self) -> Option<usize> {
        self.utilisation.map(|rules| rules.channel_quantum as usize)
    }

    /// Which roofs prices are made with.
    pub fn roof_kind(&self) -> RoofKind {
        self.roof_kind
    }

    /// The roofs prices are made with.
    pub fn roofs(&self) -> &RoofFigures {
        &self.roofs
    }

    /// Degrees of freedom of the distribution of its prices, Student's; infinite for a normal one.
    pub fn degrees_of_freedom(&self) -> f64 {
        let calibration = self.calibration();
        calibration.map_or(f64::INFINITY, |c| c.degrees_of_freedom)
    }

    /// The calibration that prices are made with; without one they are roofline estimates.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.platform.calibration.get(&self.dtype)
    }

    /// Calibrated or not, in a word.
    pub fn word(&self) -> &'static str {
        match self.calibration() {
            Some(_) => "calibrated",
            None => "uncalibrated",
        }
    }

    /// Where the deviation of a price comes from.
    pub fn origin(&self) -> String {
        self.calibration().map_or_else(
            || "prior, not measured".to_owned(),
            |calibration| format!("posterior given {} timings", calibration.measured.timings),
        )
    }

    /// Both in short, beside a price.
    pub fn label(&self) -> String {
        let Some(calibration) = self.calibration() else {
            return "uncalibrated; std is a prior".to_owned();
        };
        match &calibration.measured.situation {
            Some(situation) => format!("{}, {situation}", self.calibrated_on(calibration)),
            None => self.calibrated_on(calibration),
        }
    }

    fn calibrated_on(&self, calibration: &Calibration) -> String {
        let (networks, batches) = (calibration.measured.networks, &calibration.batch);
        if batches.contains(self.batch) {
            return format!("calibrated on {networks} networks");
        }
        match batches.around(self.batch) {
            Some((below, above)) => format!(
                "calibrated on {networks} networks, interpolated between batches {below} and {above}"
            ),
            None => format!("calibrated on {networks} networks at {batches}, extrapolated"),
        }
    }

    /// How prices are made and how far they can be trusted, as a sentence for reports.
    pub fn statement(&self) -> String {
        let Some(calibration) = self.calibration() else {
            return format!(
                "Latencies are roofline estimates from {} roofs and assumed overheads, with a relative deviation of {} ({}).",
                self.roof_kind.name(),
                self.platform.uncertainty.prior_relative_std,
                self.origin()
            );
        };
        let measured = &calibration.measured;
        let by_batch = measured.held_out_by_batch.iter();
        let own = by_batch.clone().find(|figures| figures.batch == self.batch);
        let held_out = own.map(|own| own.model).or(measured.held_out);
        let validation = held_out.map_or_else(
            || "no network was held out to check it".to_owned(),
            |held_out| {
                let of_what = match own {
                    Some(own) => format!("at batch {}, on {} networks", own.batch, held_out.n),
                    None if by_batch.len() > 1 => format!("on {} timings of networks", held_out.n),
                    None => format!("on {} networks", held_out.n),
                };
                format!(
                    "{of_what} it had not seen its mean error was {:.1} %",
                    100.0 * held_out.mape
                )
            },
        );
        format!(
            "Latencies come from a model fitted to {} timings of {} networks on this platform; {validation}.",
            measured.timings, measured.networks
        )
    }

    /// What a reader of its prices should know.
    pub fn caveats(&self) -> Vec<String> {
        let name = &self.platform.name;
        if let Some(calibration) = self.calibration() {
            let (batches, batch) = (&calibration.batch, self.batch);
            if batches.contains(batch) {
                return Vec::new();
            }
            let how = match batches.around(batch) {
                Some((below, above)) => format!("interpolated between batches {below} and {above}"),
                None => "extrapolated, which their deviations know only in part".to_owned(),
            };
            return vec![format!(
                "platform {name} was calibrated at {batches}: prices at batch {batch} are {how}"
            )];
        }
        let mut caveats = vec![format!(
            "platform {name} is uncalibrated: its latencies are roofline estimates with a relative deviation of {} ({})",
            self.platform.uncertainty.prior_relative_std,
            self.origin()
        )];
        if self.utilisation.is_none() {
            caveats.push(format!(
                "platform {name} has no utilisation rules for {}: every layer is priced as if it could reach the peak",
                self.dtype
            ));
        }
        caveats
    }

    /// The price of a network, part by part.
    pub fn breakdown(&self, cost: &NetworkCost) -> Breakdown {
        let kernels = cost.kernels.iter();
        let Some(calibrated) = &self.calibrated else {
            return Breakdown {
                inference_s: 1e-6 * self.platform.overhead.inference_us,
                kernels: kernels.map(|kernel| self.estimate(kernel)).collect(),
            };
        };
        let timed = kernels.filter(|kernel| kernel.class != OpClass::View);
        let works: Vec<Workload> = timed
            .map(|kernel| Workload::new(kernel, self.batch, self.dtype))
            .collect();
        let price = self.predict(calibrated, &works);
        let mut shares = price.kernels.iter();
        let kernels = cost.kernels.iter().map(|kernel| match kernel.class {
            OpClass::View => KernelPrice::NOTHING,
            _ => shares.next().map_or(KernelPrice::NOTHING, priced),
        });
        Breakdown {
            kernels: kernels.collect(),
            inference_s: price.inference_s,
        }
    }

    /// The price of a network's inference.
    pub fn price(&self, cost: &NetworkCost) -> Latency {
        if let Some(calibrated) = &self.calibrated {
            let works = Workload::of_network(cost, self.batch, self.dtype);
            let price = self.predict(calibrated, &works);
            return Latency {
                mean_ms: 1e3 * price.mean_s,
                std_ms: 1e3 * price.std_s,
                degrees_of_freedom: price.degrees_of_freedom,
            };
        }
        let mean_ms = 1e3 * (1e-6 * self.platform.overhead.inference_us + self.estimate_s(cost));
        Latency {
            mean_ms,
            std_ms: mean_ms * self.platform.uncertainty.prior_relative_std,
            degrees_of_freedom: f64::INFINITY,
        }
    }

    /// The price of a network as it can be held against others' on this platform; nothing where it is uncalibrated.
    pub fn joint_price(&self, cost: &NetworkCost) -> Option<JointPrice> {
        let calibrated = self.calibrated.as_ref()?;
        let works = Workload::of_network(cost, self.batch, self.dtype);
        Some(calibrated.joint(&works, self.theoretical()))
    }

    /// Which rules a network's price comes from. Nothing is calibrated on an uncalibrated platform.
    pub fn shares(&self, cost: &NetworkCost) -> Shares {
        let prices = self.breakdown(cost).kernels;
        let share_of = |is: &dyn Fn(&KernelCost) -> bool| {
            let kernels = cost.kernels.iter().zip(&prices);
            let seconds = kernels.filter(|(kernel, _)| is(kernel));
            // an empty sum of floats is minus zero
            seconds.fold(0.0, |sum, (_, price)| sum + price.seconds())
        };
        let total = share_of(&|_| true).max(f64::MIN_POSITIVE);
        let unknown = share_of(&|kernel| kernel.is_unknown) / total;
        let calibration = self.calibration();
        let has_seen = |kernel: &KernelCost| calibration.is_some_and(|c| c.has_seen(kernel));
        let calibrated = share_of(&|kernel| !kernel.is_unknown && has_seen(kernel)) / total;
        Shares {
            calibrated,
            fallback: (1.0 - calibrated - unknown).max(0.0),
            unknown,
        }
    }

    /// The price of one kernel, as the only one of a network.
    pub fn price_kernel(&self, kernel: &KernelCost) -> KernelPrice {
        match &self.calibrated {
            Some(_) if kernel.class == OpClass::View => KernelPrice::NOTHING,
            Some(calibrated) => {
                let work = Workload::new(kernel, self.batch, self.dtype);
                let price = self.predict(calibrated, &[work]);
                price.kernels.first().map_or(KernelPrice::NOTHING, priced)
            }
            None => self.estimate(kernel),
        }
    }

    fn predict(&self, calibrated: &PreparedCalibration, works: &[Workload]) -> Predictive {
        calibrated.price(works, self.theoretical())
    }

    /// The calibration, ready to price kernels.
    pub(crate) fn prepared(&self) -> Option<&PreparedCalibration> {
        self.calibrated.as_deref()
    }

    /// The theoretical roofs, where they are known.
    pub(crate) fn theoretical(&self) -> Option<&RoofFigures> {
        let roofs = self.platform.roofs.get(&self.dtype);
        roofs.and_then(|roofs| roofs.theoretical.as_ref())
    }

    /// The kernels of a network by roofline alone, in seconds.
    pub(crate) fn estimate_s(&self, cost: &NetworkCost) -> f64 {
        let kernels = cost.kernels.iter();
        kernels.map(|kernel| self.estimate(kernel).seconds()).sum()
    }

    /// The price of one kernel by roofline alone.
    fn estimate(&self, kernel: &KernelCost) -> KernelPrice {
        let roof = self.roofs.roof_of(kernel.class);
        let utilisation = self
            .utilisation
            .map_or(1.0, |rules| utilisation(&rules, kernel, self.batch));
        if kernel.class == OpClass::View {
            return KernelPrice::NOTHING;
        }
        KernelPrice::roofline(
            self.platform.overhead.kernel_s(kernel.class),
            kernel.batch_flops(self.batch) / (roof.peak_flops * utilisation),
            kernel.traffic_bytes(self.batch, self.dtype) as f64 / roof.bandwidth,
            utilisation,
        )
    }
}

fn check_batch(batch: u64) -> Result<(), LatencyError> {
    if (1..=65_536).contains(&batch) {
        Ok(())
    } else {
        Err(LatencyError::Batch(batch))
    }
}

/// What the calibrated model says of a kernel.
fn priced(share: &KernelShare) -> KernelPrice {
    KernelPrice {
        overhead_s: share.overhead_s,
        compute_s: share.compute_s,
        memory_s: share.memory_s,
        utilisation: 1.0,
        total_s: share.seconds,
    }
}

/// Share of the peak a kernel's shape lets it reach, in (0, 1].
///
/// Waves are counted over the padded channels, so that more work of one class never takes less time.
fn utilisation(rules: &Utilisation, kernel: &KernelCost, batch: u64) -> f64 {
    let Geometry {
        input,
        output,
        groups,
        ..
    } = kernel.geometry;
    let quantum = u64::from(rules.channel_quantum);
    let padded = |channels: usize| (channels as u64).next_multiple_of(quantum);
    let fill = |channels: usize| channels as f64 / padded(channels) as f64;
    let (channels, lanes) = match kernel.class {
        OpClass::Pointwise | OpClass::Dense | OpClass::Winograd | OpClass::Grouped => {
            let (from, to) = (input.channels / groups, output.channels / groups);
            let lanes = groups as u64 * padded(to) * output.positions();
            (fill(from) * fill(to), lanes)
        }
        OpClass::Linear | OpClass::Depthwise => {
            let lanes = padded(output.channels) * output.positions();
            (fill(output.channels), lanes)
        }
        // a reduction is shared out over its input
        OpClass::Pool => (1.0, input.elements()),
        OpClass::Elementwise | OpClass::DataMovement | OpClass::MatMul | OpClass::View => {
            (1.0, output.elements())
        }
    };
    // in floats, which are exact here until the last wave no longer matters
    let work = batch as f64 * lanes as f64;
    let wave = f64::from(rules.parallel_lanes);
    channels * work / ((work / wave).ceil() * wave)
}
