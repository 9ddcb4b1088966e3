//! The seconds of sites, and how they make up the latency of a network.

use std::collections::BTreeMap;

use super::repeats::count_repeats;
use super::site_cost::SiteCost;
use crate::calibration::{
    ColdWeights, ComponentConstants, Composition, KernelAddends, Moments, Workload,
};
use crate::latency::LatencyModel;
use crate::price::Latency;

/// Gradients are kept in runs of this many numbers, so that each run stays in registers while sites are added.
const RUN: usize = 32;

/// The time of every site, on one platform.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timing {
    pub(super) components: Vec<ComponentTiming>,
    /// Whether kernels simply add up, on every network: no host and device overlap.
    pub(super) composition_adds_up: bool,
    /// Weights by site, in bytes, and the most that a network can have.
    pub(super) weights: Vec<f64>,
    pub(super) most_weights: f64,
    pub(super) inference_s: f64,
    /// Length of `v0`, where there is one component.
    inference_deviation_s: f64,
    /// The same of what cold weights take, for each second of the derivatives by their parameters.
    cold_deviations: [f64; 2],
    /// Kernels that more than one site of a network can have, by site: from one of these to the next.
    repeatable_from: Vec<u32>,
    repeatable: Vec<u32>,
    pub(super) rounding_s2: f64,
    degrees_of_freedom: f64,
    /// On an uncalibrated platform, where the deviation is a share of the mean.
    pub(super) prior_relative_std: Option<f64>,
}

/// The time of every site, as one component has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ComponentTiming {
    pub(super) constants: ComponentConstants,
    /// Seconds on the host and on the device, by site.
    pub(super) seconds: Vec<[f64; 2]>,
    /// Variance of kernels that occur at one site of a network only, by site, in square seconds.
    pub(super) rest_s2: Vec<f64>,
    /// Variance of a single kernel that can occur at several.
    pub(super) repeatable_rest_s2: Vec<f64>,
    /// `v0`.
    pub(super) inference: Vec<f32>,
    /// The gradients of the parameters of cold weights; empty where none are cold.
    pub(super) cold_along: [Vec<f32>; 2],
    /// `v` of the device's part and, where there is one, of the host's; both for every site, filled up to whole runs. In single precision: a
    /// deviation needs no more than its six digits.
    pub(super) on_device: Vec<f32>,
    on_host: Vec<f32>,
}

/// How a kernel can occur in networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occurrence {
    /// At one site of a network only: within sites of this group, of which every network has at most one.
    Single(u32),
    /// At several.
    Repeated,
}

/// Which sites can stand in one network together: of one group, one at most, unless the group repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) number: u32,
    /// Sites of it that a network has at most.
    pub(super) most: u32,
}

impl Group {
    fn repeats(self) -> bool {
        self.most > 1
    }
}

impl Timing {
    /// The time of these sites. Where no site is, there is no group.
    pub(super) fn new(model: &LatencyModel, costs: &[Option<SiteCost>], groups: &[Group]) -> Self {
        let Some(calibrated) = model.prepared() else {
            let seconds = costs
                .iter()
                .map(|cost| [0.0, cost.as_ref().map_or(0.0, |c| c.estimate_s)]);
            let platform = model.platform();
            return Self {
                composition_adds_up: true,
                // none are cold
                weights: vec![0.0; costs.len()],
                most_weights: 0.0,
                inference_s: 1e-6 * platform.overhead.inference_us,
                inference_deviation_s: 0.0,
                cold_deviations: [0.0; 2],
                components: vec![ComponentTiming {
                    constants: ComponentConstants {
                        share: 1.0,
                        composition: Composition::Sum,
                        noise: 0.0,
                        inference_s: 1e-6 * platform.overhead.inference_us,
                        inference: Vec::new(),
                        cold: ColdWeights::NONE,
                        cold_along: [Vec::new(), Vec::new()],
                    },
                    seconds: seconds.collect(),
                    rest_s2: Vec::new(),
                    repeatable_rest_s2: Vec::new(),
                    inference: Vec::new(),
                    cold_along: [Vec::new(), Vec::new()],
                    on_device: Vec::new(),
                    on_host: Vec::new(),
                }],
                repeatable_from: Vec::new(),
                repeatable: Vec::new(),
                rounding_s2: 0.0,
                degrees_of_freedom: f64::INFINITY,
                prior_relative_std: Some(platform.uncertainty.prior_relative_std),
            };
        };
        let kernels = Kernels::new(costs, groups);
        let constants = calibrated.constants();
        let inference = constants.iter().map(|c| c.share * c.inference_s);
        let inference_s = inference.sum();
        let length = |row: &Vec<f64>| row.iter().map(|v| v * v).sum::<f64>().sqrt();
        let inference_deviation_s = length(&constants[0].inference);
        let cold_deviations = constants[0].cold_along.each_ref().map(length);
        let is_async = |c: &ComponentConstants| c.composition == Composition::Async;
        let composition_adds_up = !constants.iter().any(is_async);
        let addends: Vec<Vec<KernelAddends>> = kernels
            .works
            .iter()
            .map(|work| calibrated.addends(work, model.theoretical()))
            .collect();
        let components = constants.into_iter().enumerate();
        let components = components.map(|(index, constants)| {
            let of = |kernel: u32| &addends[kernel as usize][index];
            ComponentTiming::new(constants, &kernels, of)
        });
        let components = components.collect();
        let most_weights = most_weights(&kernels.weights, groups);
        Self {
            composition_adds_up,
            most_weights,
            weights: kernels.weights,
            inference_s,
            inference_deviation_s,
            cold_deviations,
            components,
            repeatable_from: kernels.repeatable_from,
            repeatable: kernels.repeatable,
            rounding_s2: calibrated.rounding_s2(),
            degrees_of_freedom: calibrated.degrees_of_freedom(),
            prior_relative_std: None,
        }
    }

    /// What a site adds to the mean of a network, in seconds, where kernels simply add up.
    pub(super) fn added_s(&self, site: usize) -> f64 {
        let components = self.components.iter();
        let seconds =
            components.map(|component| component.constants.share * component.seconds[site][1]);
        seconds.sum()
    }

    /// The most that a site adds to the deviation of a network, noise apart, in seconds, where there is one component whose kernels simply add up: by
    /// the triangle inequality the length of a sum of vectors is at most the sum of their lengths, and each kernel's own variance is a
    /// direction of its own, along which its occurrences add up.
    pub(super) fn most_added_s(&self, site: usize) -> f64 {
        let [component] = &self.components[..] else {
            return 0.0;
        };
        let width = component.inference.len();
        let squared = |row: &[f32]| {
            row.iter()
                .map(|&v| f64::from(v) * f64::from(v))
                .sum::<f64>()
        };
        if width == 0 {
            return 0.0;
        }
        let gradient = squared(&component.on_device[site * width..][..width]).sqrt();
        let repeatable = self.repeatable(site as u32).iter();
        let rests = repeatable.map(|&kernel| component.repeatable_rest_s2[kernel as usize].sqrt());
        gradient + component.rest_s2[site].sqrt() + rests.sum::<f64>()
    }

    /// Mean latency, and the most that its deviation can be, of a network whose sites add this and have so many bytes of weights; nothing where that isn't known.
    #[inline]
    pub(super) fn most(&self, added_s: f64, deviation_s: f64, weights: f64) -> Option<Latency> {
        let [component] = &self.components[..] else {
            return None;
        };
        if !self.composition_adds_up || self.prior_relative_std.is_some() {
            return None;
        }
        let cold = component.constants.cold.of(weights);
        let mean_s = self.inference_s + added_s + cold.seconds;
        let factors = cold.factors_s().into_iter().zip(self.cold_deviations);
        let cold_s: f64 = factors.map(|(factor, length)| factor.abs() * length).sum();
        // rounded up by more than single precision can be off
        let most_s = 1.00001 * (self.inference_deviation_s + deviation_s + cold_s);
        let noise_s = component.constants.noise * mean_s;
        Some(Latency {
            mean_ms: 1e3 * mean_s,
            std_ms: 1e3 * (most_s * most_s + noise_s * noise_s + self.rounding_s2).sqrt(),
            degrees_of_freedom: self.degrees_of_freedom,
        })
    }

    /// Mean latency of a network of these sites, in milliseconds; `added_s` is the sum of what they add, `weights` that of their weights in bytes.
    #[inline]
    pub(super) fn mean_ms(&self, added_s: f64, weights: f64, sites: &[u32]) -> f64 {
        if self.composition_adds_up {
            let cold = self.components.iter().map(|component| {
                let constants = &component.constants;
                constants.share * constants.cold.of(weights).seconds
            });
            return 1e3 * (self.inference_s + added_s + cold.sum::<f64>());
        }
        let means = self.components.iter().map(|component| {
            let (_, mean_s) = component.mean(sites, weights);
            component.constants.share * mean_s
        });
        1e3 * means.sum::<f64>()
    }

    /// Latency of a network of these sites.
    pub(super) fn latency(&self, sites: &[u32]) -> Latency {
        if let Some(relative) = self.prior_relative_std {
            let added_s = sites.iter().map(|&site| self.added_s(site as usize));
            let mean_ms = self.mean_ms(added_s.sum(), 0.0, sites);
            return Latency {
                mean_ms,
                std_ms: relative * mean_ms,
                degrees_of_freedom: self.degrees_of_freedom,
            };
        }
        let parts = self.components.iter().map(|component| {
            let moments = component.moments(sites, self);
            (component.constants.share, moments)
        });
        // a single component is its own mixture; several are few enough to be worked out twice
        let moments = Moments::mixture(parts);
        Latency {
            mean_ms: 1e3 * moments.mean_s,
            std_ms: 1e3 * (moments.variance_s2 + self.rounding_s2).sqrt(),
            degrees_of_freedom: self.degrees_of_freedom,
        }
    }

    /// Weights of a network of these sites, in bytes.
    #[inline]
    pub(super) fn weights_of(&self, sites: &[u32]) -> f64 {
        sites.iter().map(|&site| self.weights[site as usize]).sum()
    }

    /// The kernels of a site that other sites of a network can have too.
    pub(super) fn repeatable(&self, site: u32) -> &[u32] {
        let site = site as usize;
        let (from, to) = (self.repeatable_from[site], self.repeatable_from[site + 1]);
        &self.repeatable[from as usize..to as usize]
    }
}

impl ComponentTiming {
    fn new<'a>(
        constants: ComponentConstants,
        kernels: &Kernels,
        addends: impl Fn(u32) -> &'a KernelAddends,
    ) -> Self {
        let sites = kernels.by_site.len();
        let width = constants.inference.len().next_multiple_of(RUN);
        let has_host = constants.composition == Composition::Async;
        let mut timing = Self {
            seconds: vec![[0.0; 2]; sites],
            rest_s2: vec![0.0; sites],
            repeatable_rest_s2: Vec::new(),
            inference: vec![0.0; width],
            cold_along: [Vec::new(), Vec::new()],
            on_device: vec![0.0; sites * width],
            on_host: vec![0.0; if has_host { sites * width } else { 0 }],
            constants,
        };
        for (to, from) in timing.inference.iter_mut().zip(&timing.constants.inference) {
            *to = *from as f32;
        }
        if !timing.constants.cold.is_nothing() {
            for (to, from) in timing
                .cold_along
                .iter_mut()
                .zip(&timing.constants.cold_along)
            {
                to.extend(from.iter().map(|&v| v as f32));
                to.resize(width, 0.0);
            }
        }
        for kernel in 0..kernels.works.len() as u32 {
            timing.repeatable_rest_s2.push(addends(kernel).rest_s2);
        }
        // added up in full precision before they are rounded
        let mut sums = [vec![0.0; width], vec![0.0; width]];
        for (site, own) in kernels.by_site.iter().enumerate() {
            sums.iter_mut().for_each(|sum| sum.fill(0.0));
            for &(kernel, count) in own {
                let addends = addends(kernel);
                let count = f64::from(count);
                timing.seconds[site][0] += count * addends.host_s;
                timing.seconds[site][1] += count * addends.device_s;
                if let Occurrence::Single(_) = kernels.occurrence[kernel as usize] {
                    timing.rest_s2[site] += count * count * addends.rest_s2;
                }
                for (sum, own) in sums.iter_mut().zip([&addends.on_device, &addends.on_host]) {
                    for (sum, own) in sum.iter_mut().zip(own) {
                        *sum += count * own;
                    }
                }
            }
            for (all, sum) in [&mut timing.on_device, &mut timing.on_host]
                .into_iter()
                .zip(&sums)
            {
                // without a host there is no row to write
                let row = all.iter_mut().skip(site * width);
                for (to, from) in row.zip(sum) {
                    *to = *from as f32;
                }
            }
        }
        timing
    }

    /// The composition's weights, and the mean in seconds, of a network of these sites with so many bytes of weights.
    #[inline]
    pub(super) fn mean(&self, sites: &[u32], network_weights: f64) -> ([f64; 2], f64) {
        let (mut host_s, mut device_s) = (0.0, 0.0);
        for &site in sites {
            let [host, device] = self.seconds[site as usize];
            host_s += host;
            device_s += device;
        }
        device_s += self.constants.cold.of(network_weights).seconds;
        let weights = self.constants.composition.weights(host_s, device_s);
        let mean_s = self.constants.inference_s + weights[0] * host_s + weights[1] * device_s;
        (weights, mean_s)
    }

    fn moments(&self, sites: &[u32], timing: &Timing) -> Moments {
        let network_weights = timing.weights_of(sites);
        let (weights, mean_s) = self.mean(sites, network_weights);
        let mut rest_s2: f64 = sites.iter().map(|&site| self.rest_s2[site as usize]).sum();
        let repeatable = sites.iter().flat_map(|&site| timing.repeatable(site));
        let most = sites
            .iter()
            .map(|&site| timing.repeatable(site).len())
            .sum();
        // the square of a count is the sum of the odd numbers up to it
        count_repeats(most, repeatable.copied(), |kernel, count| {
            rest_s2 += (2.0 * count - 1.0) * self.repeatable_rest_s2[kernel as usize];
        });
        let noise_s = self.constants.noise * mean_s;
        Moments {
            mean_s,
            variance_s2: self.gradient_s2(sites, weights, network_weights)
                + weights[1] * weights[1] * rest_s2
                + noise_s * noise_s,
        }
    }

    /// `|v0 + a sum v_host + b (sum v_device + v_cold)|^2`, in square seconds.
    fn gradient_s2(&self, sites: &[u32], weights: [f64; 2], network_weights: f64) -> f64 {
        let width = self.inference.len();
        let cold = self.constants.cold.of(network_weights).factors_s();
        let [host_weight, device_weight] = weights.map(|weight| weight as f32);
        let mut total = 0.0;
        for run in (0..width).step_by(RUN) {
            let mut sum = [0.0_f32; RUN];
            add_rows(&mut sum, &self.on_device, sites, width, run);
            for (row, factor) in self.cold_along.iter().zip(cold) {
                let own = row.get(run..run + RUN).unwrap_or_default();
                for (sum, along) in sum.iter_mut().zip(own) {
                    *sum += factor as f32 * along;
                }
            }
            let mut host = [0.0_f32; RUN];
            if !self.on_host.is_empty() {
                add_rows(&mut host, &self.on_host, sites, width, run);
            }
            for (lane, constant) in self.inference[run..run + RUN].iter().enumerate() {
                let along = constant + device_weight * sum[lane] + host_weight * host[lane];
                total += f64::from(along) * f64::from(along);
            }
        }
        total
    }
}

/// Adds one run of each site's row.
#[inline]
fn add_rows(sum: &mut [f32; RUN], rows: &[f32], sites: &[u32], width: usize, run: usize) {
    for &site in sites {
        let row = &rows[site as usize * width + run..][..RUN];
        for (sum, own) in sum.iter_mut().zip(row) {
            *sum += own;
        }
    }
}

/// The distinct kernels of a space, and where they occur.
struct Kernels {
    works: Vec<Workload>,
    occurrence: Vec<Occurrence>,
    /// Kernels of each site, with how often it has them.
    by_site: Vec<Vec<(u32, u32)>>,
    repeatable_from: Vec<u32>,
    repeatable: Vec<u32>,
    /// Weights of each site, in bytes.
    weights: Vec<f64>,
}

/// The most weights that a network can have: where a group repeats, of its heaviest site again and again.
fn most_weights(by_site: &[f64], groups: &[Group]) -> f64 {
    let mut heaviest: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
    for (&weights, group) in by_site.iter().zip(groups) {
        let known = heaviest.entry(group.number).or_default();
        *known = (group.most, known.1.max(weights));
    }
    let groups = heaviest.values();
    groups
        .map(|&(most, weights)| f64::from(most) * weights)
        .sum()
}

impl Kernels {
    fn new(costs: &[Option<SiteCost>], groups: &[Group]) -> Self {
        let mut kernels = Self {
            works: Vec::new(),
            occurrence: Vec::new(),
            by_site: Vec::with_capacity(costs.len()),
            repeatable_from: vec![0],
            repeatable: Vec::new(),
            weights: Vec::with_capacity(costs.len()),
        };
        let mut known: BTreeMap<Vec<u64>, u32> = BTreeMap::new();
        for (cost, group) in costs.iter().zip(groups) {
            let mut own: Vec<(u32, u32)> = Vec::new();
            for work in cost.iter().flat_map(|cost| &cost.works) {
                let kernel = *known.entry(key(work)).or_insert_with(|| {
                    kernels.works.push(*work);
                    kernels.occurrence.push(Occurrence::Single(group.number));
                    kernels.works.len() as u32 - 1
                });
                let occurrence = &mut kernels.occurrence[kernel as usize];
                if group.repeats() || *occurrence != Occurrence::Single(group.number) {
                    *occurrence = Occurrence::Repeated;
                }
                match own.iter_mut().find(|(known, _)| *known == kernel) {
                    Some((_, count)) => *count += 1,
                    None => own.push((kernel, 1)),
                }
            }
            kernels.by_site.push(own);
            let works = cost.as_ref().map_or(&[][..], |cost| &cost.works);
            kernels.weights.push(Workload::weights_of(works));
        }
        for own in &kernels.by_site {
            for &(kernel, count) in own {
                if kernels.occurrence[kernel as usize] == Occurrence::Repeated {
                    let copies = std::iter::repeat_n(kernel, count as usize);
                    kernels.repeatable.extend(copies);
                }
            }
            kernels
                .repeatable_from
                .push(kernels.repeatable.len() as u32);
        }
        kernels
    }
}

/// What two workloads must have in common to be [the same](Workload::is_same): the activation is among the coordinates, and what it works on among the FLOPs.
fn key(work: &Workload) -> Vec<u64> {
    let numbers = [work.flops, work.bytes, work.weights].into_iter();
    let numbers = numbers.chain(work.coordinates).chain(work.padding);
    let bits = numbers.map(f64::to_bits);
    std::iter::once(work.class as u64).chain(bits).collect()
}
