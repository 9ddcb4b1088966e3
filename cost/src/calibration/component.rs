//! One fit of the model: a mean, a residual, and how well both are known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::additive::{ComponentConstants, KernelAddends};
use super::cold::ColdWeights;
use super::composition::Composition;
use super::mean::{Mean, Rates};
use super::parameters::{
    COLD_BANDWIDTH, LogParameters, PARAMETERS, Parameters, WEIGHTS_HELD, overhead_index,
};
use super::surface::{PreparedSurface, Surface};
use super::threads::{LogThreadEffect, THREAD_PARAMETERS};
use super::triangle::Triangle;
use super::workload::{ChannelRule, QUANTA, Workload};
use crate::class::OpClass;
use crate::platform::RoofFigures;

/// One fit of the model, from one prior. A calibration averages several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Posterior probability among the calibration's components.
    pub weight: f64,
    /// Where the prior came from: `generic`, or the name of another platform's profile.
    pub prior: String,
    /// How kernels add up.
    pub composition: Composition,
    /// Channels that the engine works on at a time; 1 where padding doesn't show.
    pub channel_quantum: u32,
    /// What the channels of a depthwise convolution must be a multiple of for the engine's own code; 1 where that doesn't show.
    #[serde(default = "one")]
    pub channel_alignment: u32,
    /// Relative standard deviation of a single timing.
    pub noise: f64,
    /// The mean.
    pub parameters: Parameters,
    /// The residual found on this platform.
    pub residual: Surface,
    /// Residuals that came with the prior; all of them multiply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherited: Vec<Surface>,
    /// Lower triangle of a factor R of the posterior covariance R R' of the logarithms of the parameters (inference constant, sharpness
    /// above 1, overheads, peaks, bandwidths of the classes in their order, rates of activations, bandwidth and working set beyond caches and the slowdown of what is misaligned where there are any, bandwidth of cold weights and what caches hold of them where there are any, then synchronisation and gains of each number of
    /// threads beyond the fewest) and the residual's weights.
    pub covariance_factor: Triangle,
}

/// A component with what evaluating it needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PreparedComponent {
    weight: f64,
    composition: Composition,
    rule: ChannelRule,
    noise: f64,
    rates: Rates,
    cold: ColdWeights,
    residual: PreparedSurface,
    inherited: Vec<PreparedSurface>,
    /// Rows of the factor's transpose would be read with gaps: kept by columns, from the diagonal down.
    columns: Vec<Vec<f64>>,
}

const fn one() -> u32 {
    1
}

/// Where a quantum stands among those that workloads know.
pub fn quantum_index(quantum: u32) -> Option<usize> {
    QUANTA.iter().position(|&known| known == quantum)
}

/// What a component says of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ComponentPrice {
    /// Mean of the predictive distribution, in seconds.
    pub mean_s: f64,
    /// Its variance, in square seconds, a single timing's noise included.
    pub variance_s2: f64,
    /// One call of the engine, in seconds.
    pub inference_s: f64,
    /// The kernels, in the order given.
    pub kernels: Vec<ComponentKernel>,
}

/// A network's sums in a component: what its price is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ComponentSum {
    /// Mean of the predictive distribution, in seconds.
    pub mean_s: f64,
    /// Its gradient along each direction in which the posterior is uncertain, in seconds: what networks of a platform have in common.
    pub along: Vec<f64>,
    /// Deviations from what is left of its kernels' residuals, in seconds, in their order: each kernel's own, and the same in every network that has it.
    pub rests_s: Vec<f64>,
    /// Variance from a single timing's noise, in square seconds.
    pub noise_s2: f64,
    /// The kernels, in the order given.
    pub kernels: Vec<ComponentKernel>,
}

/// What a component says of one kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComponentKernel {
    /// The mean's parts.
    pub mean: Mean,
    /// What the residuals multiply them by.
    pub factor: f64,
    /// Its part in what the network's cold weights take, in seconds.
    pub cold_s: f64,
    /// What the kernel adds to the network's time.
    pub seconds: f64,
    /// Whether a residual or a roof had to be kept to.
    pub is_clamped: bool,
}

/// Multiplications that Winograd's algorithm saves at most, on tiles of 4x4: 36 for 144.
pub const WINOGRAD_SAVING: f64 = 4.0;

impl Component {
    /// How it takes the engine to work on channels; nothing where workloads don't know the numbers.
    pub fn rule(&self) -> Option<ChannelRule> {
        Some(ChannelRule {
            quantum: quantum_index(self.channel_quantum)?,
            alignment: quantum_index(self.channel_alignment)?,
        })
    }

    /// The component on one of several numbers of threads, the `place`-th from the fewest, where these are `ratio` times as many; nothing where it has no such.
    ///
    /// To first order, as everything about the posterior is: a parameter there is one of those on the fewest threads and an effect.
    pub(super) fn on_threads(&self, place: usize, ratio: f64) -> Option<Self> {
        let (base, all) = (
            self.parameters.present().count(),
            self.parameters.count_all(),
        );
        let mut factor = self.covariance_factor.rows();
        let length = factor.len();
        for row in &mut factor {
            row.resize(length, 0.0);
        }
        let fewest = LogParameters::from(&self.parameters);
        let mut parameters = Parameters {
            more_threads: Vec::new(),
            ..self.parameters.clone()
        };
        if let Some(before) = place.checked_sub(1) {
            let effect = LogThreadEffect::from(self.parameters.more_threads.get(before)?);
            parameters.set(&fewest.on_threads(&effect));
            for (row, parameter) in self.parameters.present().enumerate() {
                let derivative = fewest.by_threads(parameter, &effect);
                let (kind, by) = derivative.by_effect.unwrap_or((0, 0.0));
                let from = factor[base + THREAD_PARAMETERS * before + kind].clone();
                for (own, from) in factor[row].iter_mut().zip(from) {
                    *own = derivative.by_own * *own + by * from;
                }
            }
        }
        factor.drain(base..all);
        Some(Self {
            parameters,
            residual: self.residual.clone().on_threads(ratio),
            covariance_factor: Triangle::of_factor(factor)?,
            ..self.clone()
        })
    }
}

impl PreparedComponent {
    /// Prepares a component.
    pub(super) fn new(component: &Component) -> Self {
        let factor = component.covariance_factor.rows();
        let factor = component.parameters.widened(&factor);
        let parameters = LogParameters::from(&component.parameters);
        let column = |j: usize| factor[j..].iter().map(|row| row[j]).collect();
        Self {
            weight: component.weight,
            composition: component.composition,
            rule: component.rule().unwrap_or_default(),
            noise: component.noise,
            cold: ColdWeights::from(&parameters),
            rates: Rates::from(&parameters),
            residual: PreparedSurface::new(&component.residual),
            inherited: component
                .inherited
                .iter()
                .map(PreparedSurface::new)
                .collect(),
            columns: (0..factor.len()).map(column).collect(),
        }
    }

    /// Posterior probability of the component.
    pub(super) fn weight(&self) -> f64 {
        self.weight
    }

    /// Prices a network of these kernels. No kernel is priced below its theoretical roof, where that is known.
    pub(super) fn price(
        &self,
        works: &[Workload],
        theoretical: Option<&RoofFigures>,
    ) -> ComponentPrice {
        let sum = self.sum(works, theoretical);
        let squares = |deviations: &[f64]| deviations.iter().map(|d| d * d).sum::<f64>();
        ComponentPrice {
            mean_s: sum.mean_s,
            variance_s2: squares(&sum.along) + squares(&sum.rests_s) + sum.noise_s2,
            inference_s: self.inference_s(),
            kernels: sum.kernels,
        }
    }

    /// The same before its variance is summed up.
    pub(super) fn sum(
        &self,
        works: &[Workload],
        theoretical: Option<&RoofFigures>,
    ) -> ComponentSum {
        let inference_s = self.inference_s();
        let mut gradient = Gradient::new(self.columns.len(), inference_s);
        let mut kernels: Vec<ComponentKernel> = Vec::with_capacity(works.len());
        let mut lanes = Vec::with_capacity(works.len());
        let (mut host_s, mut device_s) = (0.0, 0.0);
        for work in works {
            let (kernel, lane) = self.kernel(work, theoretical);
            host_s += work.count * lane.host_s;
            device_s += work.count * lane.device_s;
            kernels.push(kernel);
            lanes.push(lane);
        }
        let all_weights = Workload::weights_of(works);
        let cold = self.cold.of(all_weights);
        device_s += cold.seconds;
        let weights = self.composition.weights(host_s, device_s);
        cold.add_to(&mut gradient.0, weights[1]);
        let cold_s_per_byte = weights[1] * cold.seconds / all_weights.max(1.0);
        let mut rests_s = Vec::with_capacity(works.len());
        for ((work, kernel), lane) in works.iter().zip(&mut kernels).zip(&lanes) {
            kernel.cold_s = cold_s_per_byte * work.weights;
            kernel.seconds = weights[0] * lane.host_s + weights[1] * lane.device_s + kernel.cold_s;
            gradient.add(work, kernel, lane, weights);
            let each = weights[1] * work.count * lane.own_s;
            rests_s.push(each * lane.rest.sqrt());
        }
        let mean_s = inference_s + weights[0] * host_s + weights[1] * device_s;
        let noise_s = self.noise * mean_s;
        ComponentSum {
            mean_s,
            along: gradient.along(&self.columns).collect(),
            rests_s,
            noise_s2: noise_s * noise_s,
            kernels,
        }
    }

    fn inference_s(&self) -> f64 {
        self.rates.inference_s
    }

    /// What every network has of this component.
    pub(super) fn constants(&self, share: f64) -> ComponentConstants {
        let inference_s = self.inference_s();
        let gradient = Gradient::new(self.columns.len(), inference_s);
        // columns are from the diagonal down
        let row = |row: usize| {
            let columns = self.columns.iter().enumerate();
            let at =
                |(j, column): (usize, &Vec<f64>)| row.checked_sub(j).map_or(0.0, |i| column[i]);
            columns.map(at).collect()
        };
        ComponentConstants {
            cold: self.cold,
            cold_along: [COLD_BANDWIDTH, WEIGHTS_HELD].map(row),
            share,
            composition: self.composition,
            noise: self.noise,
            inference_s,
            inference: gradient.along(&self.columns).collect(),
        }
    }

    /// What one kernel adds to the sums that a price is made of.
    pub(super) fn addends(
        &self,
        work: &Workload,
        theoretical: Option<&RoofFigures>,
    ) -> KernelAddends {
        let work = Workload {
            count: 1.0,
            ..*work
        };
        let (kernel, lane) = self.kernel(&work, theoretical);
        let along = |weights| {
            let mut gradient = Gradient::new(self.columns.len(), 0.0);
            gradient.add(&work, &kernel, &lane, weights);
            gradient.along(&self.columns).collect()
        };
        let on_host = match self.composition {
            Composition::Async => along([1.0, 0.0]),
            Composition::Sum | Composition::Graph => Vec::new(),
        };
        KernelAddends {
            host_s: lane.host_s,
            device_s: lane.device_s,
            rest_s2: lane.own_s * lane.own_s * lane.rest,
            on_host,
            on_device: along([0.0, 1.0]),
        }
    }

    fn kernel(
        &self,
        work: &Workload,
        theoretical: Option<&RoofFigures>,
    ) -> (ComponentKernel, Lane) {
        let mut values = Vec::new();
        let mut mean = self.rates.mean(work, self.rule);
        if self.composition == Composition::Graph {
            mean.overhead_s = 0.0;
        }
        let mut inherited = 1.0;
        for surface in &self.inherited {
            inherited *= surface.at(work, &mut values).factor;
        }
        let residual = self.residual.at(work, &mut values);
        let on_host = self.composition == Composition::Async;
        let work_s = if on_host {
            mean.roof_s
        } else {
            mean.overhead_s + mean.roof_s
        };
        let own_s = inherited * work_s * residual.factor;
        let least_s = theoretical.map_or(0.0, |roofs| least_seconds(work, roofs));
        let device_s = own_s.max(least_s);
        let kernel = ComponentKernel {
            mean,
            factor: device_s / work_s.max(f64::MIN_POSITIVE),
            cold_s: 0.0,
            seconds: 0.0,
            is_clamped: residual.is_clamped || device_s > own_s,
        };
        let lane = Lane {
            host_s: if on_host { mean.overhead_s } else { 0.0 },
            device_s,
            own_s,
            first: residual.first,
            rest: residual.rest,
            values,
        };
        (kernel, lane)
    }
}

/// The least time a kernel can take under these roofs.
fn least_seconds(work: &Workload, roofs: &RoofFigures) -> f64 {
    let saving = if work.class == OpClass::Winograd {
        WINOGRAD_SAVING
    } else {
        1.0
    };
    let compute_s = work.flops / (saving * roofs.roof_of(work.class).peak_flops);
    // traffic may be served by a cache: no bound
    compute_s
}

/// One kernel on the host and on the device.
struct Lane {
    host_s: f64,
    device_s: f64,
    /// The device's time as the model has it: what a unit of the residual adds.
    own_s: f64,
    first: usize,
    rest: f64,
    values: Vec<f64>,
}

/// Derivatives of a network's time by the logarithms of the parameters and the weights of the residual.
struct Gradient(Vec<f64>);

impl Gradient {
    fn new(len: usize, inference_s: f64) -> Self {
        let mut gradient = vec![0.0; len];
        gradient[0] = inference_s;
        Self(gradient)
    }

    fn add(&mut self, work: &Workload, kernel: &ComponentKernel, lane: &Lane, weights: [f64; 2]) {
        let mean = &kernel.mean;
        let device = weights[1] * work.count * kernel.factor;
        let host = if lane.host_s > 0.0 {
            weights[0] * work.count
        } else {
            device
        };
        let first = overhead_index(work.class);
        let gradient = &mut self.0;
        gradient[1] += device * mean.by_sharpness_s;
        gradient[first] += host * mean.overhead_s;
        mean.by_rates_s().add_to(gradient, work, device);
        let each = weights[1] * work.count * lane.own_s;
        let functions = &mut gradient[PARAMETERS + lane.first..];
        for (function, value) in functions.iter_mut().zip(&lane.values) {
            *function += each * value;
        }
    }

    /// The gradient along each direction in which the posterior is uncertain: the variance is the sum of their squares.
    fn along<'a>(&'a self, columns: &'a [Vec<f64>]) -> impl Iterator<Item = f64> + 'a {
        columns.iter().enumerate().map(|(j, column)| {
            let rows = &self.0[j..];
            column.iter().zip(rows).map(|(r, g)| r * g).sum()
        })
    }
}
