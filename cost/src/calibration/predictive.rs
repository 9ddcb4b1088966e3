//! What a calibration says of a network.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::additive::{ComponentConstants, KernelAddends, Moments};
use super::batches::Batches;
use super::component::{Component, ComponentPrice, PreparedComponent, quantum_index};
use super::joint::{JointPart, JointPrice};
use super::operators::Operator;
use super::surface::Surface;
use super::workload::Workload;
use crate::class::OpClass;
use crate::counts::KernelCost;
use crate::figures::Figures;
use crate::platform::RoofFigures;
use crate::platform_threads::threads_in_words;

/// The latency model fitted to one platform and number format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Batch sizes of the timings.
    pub batch: Batches,
    /// Numbers of threads of the timings, ascending, where they are of several: [`on_threads`](Self::on_threads) is the calibration on one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub threads: Vec<u32>,
    /// Classes of operators that occurred in them.
    pub classes: Vec<OpClass>,
    /// Which operators of those classes that have several; absent in profiles of earlier versions, which take a class for all of its operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operators: Option<Vec<Operator>>,
    /// Degrees of freedom of the predictive distribution, Student's: few timings leave its width uncertain too.
    pub degrees_of_freedom: f64,
    /// Timings come in steps of this, in milliseconds; 0 where no step shows.
    #[serde(default)]
    pub resolution_ms: f64,
    /// What was measured, and how well the model holds.
    pub measured: Measured,
    /// The model, as fits from several priors.
    pub components: Vec<Component>,
}

/// What a calibration came from and how well it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Networks fitted on.
    pub networks: usize,
    /// Timings fitted on.
    pub timings: usize,
    /// What was measured, in words: table, column, conditions, seed of the draw.
    pub source: String,
    /// What it was like around the engine, in words, such as other programs at work or several streams at once; absent for a quiet machine and a tight loop, or where
    /// nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub situation: Option<String>,
    /// Version of the tool that fitted.
    pub fitted_by: String,
    /// The model on its own timings.
    pub fit: Figures,
    /// The model on networks it has not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<Figures>,
    /// How those networks were chosen, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out_by: Option<String>,
    /// The best simple baseline on them: its name and mean absolute relative error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_baseline: Option<(String, f64)>,
    /// The model at each batch on networks it has not seen, where timings are of several batches: a mean over all of them hides a bad one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_out_by_batch: Vec<BatchFigures>,
    /// The same on each number of threads, where timings are of several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_threads: Vec<MeasuredOnThreads>,
    /// Latencies, in milliseconds, at the smallest batch and on the fewest threads, of those networks that are timed again in every run on a machine, where they are among the timed ones and didn't
    /// take far longer than the fit says: how much longer they take later says what has become of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchor_ms: BTreeMap<String, f64>,
}

/// How well a model holds at one of several batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchFigures {
    /// The batch, in images.
    pub batch: u64,
    /// The best simple baseline at this batch: its name and mean absolute relative error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_baseline: Option<(String, f64)>,
    /// The model at this batch.
    pub model: Figures,
}

/// What was measured on one of several numbers of threads, and how well a model holds there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasuredOnThreads {
    /// The number of threads.
    pub threads: u32,
    /// Networks fitted on that were timed on so many.
    pub networks: usize,
    /// Latencies of anchors on so many, as in [`Measured::anchor_ms`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anchor_ms: BTreeMap<String, f64>,
    /// The best simple baseline there: its name and mean absolute relative error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_baseline: Option<(String, f64)>,
    /// The model there, on networks it has not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<Figures>,
}

/// A calibration with what evaluating it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedCalibration {
    components: Vec<PreparedComponent>,
    degrees_of_freedom: f64,
    resolution_s: f64,
}

/// The predictive distribution of a network's latency.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictive {
    /// Mean, in seconds.
    pub mean_s: f64,
    /// Standard deviation, in seconds.
    pub std_s: f64,
    /// Degrees of freedom of the distribution, Student's.
    pub degrees_of_freedom: f64,
    /// One call of the engine, in seconds.
    pub inference_s: f64,
    /// The kernels, in the order given.
    pub kernels: Vec<KernelShare>,
}

/// A kernel's share in a network's latency.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct KernelShare {
    /// Overhead, in seconds.
    pub overhead_s: f64,
    /// Arithmetic alone at the rate reached, in seconds.
    pub compute_s: f64,
    /// Memory traffic alone at the bandwidth reached, and the kernel's part in what the network's cold weights take, in seconds.
    pub memory_s: f64,
    /// What it adds to the network's time, in seconds: not the sum of the others.
    pub seconds: f64,
    /// Whether it had to be kept from being faster than it can be.
    pub is_clamped: bool,
}

/// A calibration that can't be.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{key} = {value}: {rule}")]
pub struct CalibrationError {
    /// The key, below the calibration's.
    pub key: String,
    /// The value found there.
    pub value: String,
    /// What would be accepted.
    pub rule: &'static str,
}

impl Calibration {
    /// Whether all timings were of single kernels, called one by one, and many: what shows is that coordinates matter unlike each other, which is found from such alone. It says
    /// nothing of how kernels add up.
    pub fn is_of_single_kernels(&self) -> bool {
        let mut components = self.components.iter();
        components.any(|component| !component.residual.covariance.relevance.is_even())
    }

    /// Whether there were timings with operators like a kernel's.
    pub fn has_seen(&self, kernel: &KernelCost) -> bool {
        let seen = self.operators.as_ref();
        let among = |operator| seen.is_none_or(|seen| seen.contains(&operator));
        self.classes.contains(&kernel.class) && Operator::of(kernel).is_none_or(among)
    }

    /// The calibration on one of several numbers of threads, as if of that alone; nothing where it wasn't among them, or the calibration is of one number of threads.
    pub fn on_threads(&self, threads: u32) -> Option<Self> {
        let place = self.threads.iter().position(|&known| known == threads)?;
        let ratio = f64::from(threads) / f64::from(self.threads[0]);
        let components = self.components.iter();
        let components: Option<Vec<Component>> = components
            .map(|component| component.on_threads(place, ratio))
            .collect();
        let mut measured = Measured {
            held_out_by_batch: Vec::new(),
            by_threads: Vec::new(),
            ..self.measured.clone()
        };
        let own = self.measured.by_threads.iter();
        if let Some(own) = own.into_iter().find(|own| own.threads == threads) {
            measured.held_out = own.held_out;
            let networks = own.networks;
            measured.source += &format!(
                "; {networks} of the networks on {}",
                threads_in_words(&[threads])
            );
            measured.best_baseline.clone_from(&own.best_baseline);
            measured.anchor_ms.clone_from(&own.anchor_ms);
        }
        Some(Self {
            threads: Vec::new(),
            measured,
            components: components?,
            ..self.clone()
        })
    }

    /// Checks what a file can get wrong.
    ///
    /// # Errors
    /// When a number can't be, or parts don't fit together.
    pub fn check(&self) -> Result<(), CalibrationError> {
        let error = |key: String, value: &dyn ToString, rule| CalibrationError {
            key,
            value: value.to_string(),
            rule,
        };
        let batches = self.batch.check();
        batches.map_err(|odd| error("batch".into(), &odd.value, odd.rule))?;
        for figures in &self.measured.held_out_by_batch {
            if !self.batch.contains(figures.batch) {
                let rule = "must be one of the calibration's batches";
                let key = "measured.held_out_by_batch.batch".into();
                return Err(error(key, &figures.batch, rule));
            }
        }
        for operator in self.operators.iter().flatten() {
            let class = operator.class();
            if !self.classes.contains(&class) {
                let rule = "must be operators of the calibration's classes";
                let value = format!("{operator:?}, of class {class}");
                return Err(error("operators".into(), &value, rule));
            }
        }
        if !self.threads.is_empty() {
            let ascending = self.threads.is_sorted_by(|a, b| a < b) && self.threads[0] > 0;
            if self.threads.len() < 2 || !ascending {
                let rule =
                    "must be at least two numbers of threads, from 1 and ascending, or be left out";
                let value = format!("{:?}", self.threads);
                return Err(error("threads".into(), &value, rule));
            }
        }
        for own in &self.measured.by_threads {
            if !self.threads.contains(&own.threads) {
                let rule = "must be one of the calibration's numbers of threads";
                let key = "measured.by_threads.threads".into();
                return Err(error(key, &own.threads, rule));
            }
        }
        let positive = |key: String, number: f64| {
            let rule = "must be a number above 0";
            let is = number > 0.0 && number.is_finite();
            if is {
                Ok(())
            } else {
                Err(error(key, &number, rule))
            }
        };
        positive("degrees_of_freedom".into(), self.degrees_of_freedom)?;
        for (anchor, &ms) in &self.measured.anchor_ms {
            positive(format!("measured.anchor_ms.{anchor}"), ms)?;
        }
        for on in &self.measured.by_threads {
            for (anchor, &ms) in &on.anchor_ms {
                positive(format!("measured.by_threads.anchor_ms.{anchor}"), ms)?;
            }
        }
        if !(0.0..=1e6).contains(&self.resolution_ms) {
            let rule = "must be a number from 0 to 1000000";
            return Err(error("resolution_ms".into(), &self.resolution_ms, rule));
        }
        if self.components.is_empty() {
            let rule = "a calibration has at least one component";
            return Err(error("components".into(), &"[]", rule));
        }
        for (index, component) in self.components.iter().enumerate() {
            let key = |key: &str| format!("components[{index}].{key}");
            positive(key("weight"), component.weight)?;
            positive(key("noise"), component.noise)?;
            for (name, number) in [
                ("channel_quantum", component.channel_quantum),
                ("channel_alignment", component.channel_alignment),
            ] {
                if quantum_index(number).is_none() {
                    return Err(error(key(name), &number, "must be 1, 4, 8, 16 or 32"));
                }
            }
            let slowdown = component.parameters.misaligned_slowdown;
            if slowdown.is_some() != (component.channel_alignment > 1) {
                let rule = "must be there where channel_alignment is above 1, and only there";
                let value = slowdown.map_or("nothing".to_owned(), |slowdown| slowdown.to_string());
                return Err(error(key("parameters.misaligned_slowdown"), &value, rule));
            }
            for (name, number) in component.parameters.by_key() {
                positive(key(&format!("parameters.{name}")), number)?;
            }
            if component.parameters.sharpness <= 1.0 {
                let rule = "must be above 1";
                let value = component.parameters.sharpness;
                return Err(error(key("parameters.sharpness"), &value, rule));
            }
            let more = component.parameters.more_threads.iter();
            let more: Vec<u32> = more.map(|effect| effect.threads).collect();
            if more != self.threads.get(1..).unwrap_or_default() {
                let rule = "must be the calibration's numbers of threads but for the fewest";
                let value = format!("{more:?}");
                return Err(error(key("parameters.more_threads"), &value, rule));
            }
            for (class, own) in &component.residual.nuggets {
                if !(0.0..=100.0).contains(own) {
                    let rule = "must be a number from 0 to 100";
                    return Err(error(key(&format!("residual.nuggets.{class}")), own, rule));
                }
            }
            check_surface(&component.residual)
                .map_err(|rule| error(key("residual"), &"...", rule))?;
            for surface in &component.inherited {
                check_surface(surface).map_err(|rule| error(key("inherited"), &"...", rule))?;
            }
            let rows = component.parameters.count_all() + component.residual.weights.len();
            if component.covariance_factor.size() != Some(rows) {
                let rule = "must be a lower triangle with a row for each parameter and each weight of the residual";
                return Err(error(key("covariance_factor"), &"...", rule));
            }
        }
        Ok(())
    }
}

fn check_surface(surface: &Surface) -> Result<(), &'static str> {
    let covariance = surface.covariance;
    let scales = [covariance.amplitude, covariance.detail];
    if scales.iter().any(|&s| !(0.0..=100.0).contains(&s)) {
        return Err("amplitude and detail must be from 0 to 100");
    }
    if !(covariance.length_scale > 0.0 && covariance.length_scale.is_finite()) {
        return Err("length_scale must be a number above 0");
    }
    let mut relevances = covariance.relevance.each().into_iter();
    if !relevances.all(|r| (0.0..=1000.0).contains(&r)) {
        return Err("relevances must be from 0 to 1000");
    }
    let points: usize = surface.points.values().map(Vec::len).sum();
    if points != surface.weights.len() {
        return Err("there must be as many weights as points");
    }
    let coordinates = surface.points.values().flatten().flatten();
    if !surface
        .weights
        .iter()
        .chain(coordinates)
        .all(|n| n.is_finite())
    {
        return Err("points and weights must be numbers");
    }
    let views = OpClass::View;
    if surface.points.contains_key(&views) || surface.nuggets.contains_key(&views) {
        return Err("views take no time and have no residual");
    }
    Ok(())
}

impl PreparedCalibration {
    /// Prepares a checked calibration. One of several numbers of threads is taken on the fewest: [`Calibration::on_threads`] is it on others.
    pub fn new(calibration: &Calibration) -> Self {
        let fewest = calibration.threads.first();
        let fewest = fewest.and_then(|&threads| calibration.on_threads(threads));
        let calibration = fewest.as_ref().unwrap_or(calibration);
        Self {
            components: calibration
                .components
                .iter()
                .map(PreparedComponent::new)
                .collect(),
            degrees_of_freedom: calibration.degrees_of_freedom,
            resolution_s: 1e-3 * calibration.resolution_ms,
        }
    }

    /// Prices a network of these kernels: the mixture of what the components say, by its first two moments.
    pub fn price(&self, works: &[Workload], theoretical: Option<&RoofFigures>) -> Predictive {
        let prices: Vec<(f64, ComponentPrice)> = self
            .shares()
            .zip(&self.components)
            .map(|(share, component)| (share, component.price(works, theoretical)))
            .collect();
        let moments = Moments::mixture(prices.iter().map(|(share, price)| {
            let moments = Moments {
                mean_s: price.mean_s,
                variance_s2: price.variance_s2,
            };
            (*share, moments)
        }));
        let inference = prices
            .iter()
            .map(|(share, price)| share * price.inference_s);
        let mut kernels = vec![KernelShare::default(); works.len()];
        for (weight, price) in &prices {
            for (share, kernel) in kernels.iter_mut().zip(&price.kernels) {
                share.overhead_s += weight * kernel.mean.overhead_s;
                share.compute_s += weight * kernel.factor * kernel.mean.compute_s;
                share.memory_s += weight * (kernel.factor * kernel.mean.memory_s() + kernel.cold_s);
                share.seconds += weight * kernel.seconds;
                share.is_clamped |= kernel.is_clamped;
            }
        }
        Predictive {
            mean_s: moments.mean_s,
            std_s: (moments.variance_s2 + self.rounding_s2()).sqrt(),
            degrees_of_freedom: self.degrees_of_freedom,
            inference_s: inference.sum(),
            kernels,
        }
    }

    /// Prices a network so that its price can be held against others': see [`JointPrice`].
    pub(crate) fn joint(
        &self,
        works: &[Workload],
        theoretical: Option<&RoofFigures>,
    ) -> JointPrice {
        let components = self.shares().zip(&self.components);
        let parts = components.map(|(share, component)| {
            let sum = component.sum(works, theoretical);
            JointPart::new(share, works, &sum, self.rounding_s2())
        });
        JointPrice::new(parts.collect(), self.degrees_of_freedom)
    }

    /// Each component's share in the average.
    fn shares(&self) -> impl Iterator<Item = f64> + '_ {
        let total: f64 = self.components.iter().map(PreparedComponent::weight).sum();
        self.components
            .iter()
            .map(move |component| component.weight() / total)
    }

    /// Variance from timings that come in steps: rounding spreads a timing evenly over one step.
    pub fn rounding_s2(&self) -> f64 {
        self.resolution_s * self.resolution_s / 12.0
    }

    /// Degrees of freedom of the predictive distribution, Student's.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.degrees_of_freedom
    }

    /// What every network has of each component.
    pub fn constants(&self) -> Vec<ComponentConstants> {
        let components = self.shares().zip(&self.components);
        components
            .map(|(share, component)| component.constants(share))
            .collect()
    }

    /// What one kernel adds to each component's sums. No kernel is faster than its theoretical roof, where that is known.
    pub fn addends(
        &self,
        work: &Workload,
        theoretical: Option<&RoofFigures>,
    ) -> Vec<KernelAddends> {
        let components = self.components.iter();
        components
            .map(|component| component.addends(work, theoretical))
            .collect()
    }
}
