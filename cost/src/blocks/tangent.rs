//! Sums that a network's latency never falls below, for those who can only add.
//!
//! Exact search adds up what sites cost. A mean whose host and device overlap or whose weights are cold, and any deviation, are no sums; but they are bounded from
//! below by sums that touch them at a network of choice, or come close:
//!
//! * `(h^3 + d^3)^(1/3)` is a norm, and a convex function lies above its tangent planes.
//! * A variance is `|V|^2` with a vector `V` that adds up over sites: gradients, noise times mean, what components differ by, what each kernel has
//!   for itself. For any unit vector `u`, `std = |V| >= u . V`, with equality where `V` points along `u`.
//! * What cold weights take lies above its convex envelope ([`ColdWeights::line_below`]). Their part in `V` is no sum: with `u` at right angles to it,
//!   what is left of `V` is one.

use std::collections::BTreeMap;

use super::timing::{ComponentTiming, Timing};
use crate::calibration::Line;

/// A sum over the sites of a network, and a constant; of latencies in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteSum {
    /// What every network has.
    pub constant: f64,
    /// What each site adds, by its number.
    pub by_site: Vec<f64>,
}

impl SiteSum {
    fn from_seconds(constant_s: f64, site_s: Vec<f64>) -> Self {
        Self {
            constant: 1e3 * constant_s,
            by_site: site_s.into_iter().map(|seconds| 1e3 * seconds).collect(),
        }
    }
}

impl Timing {
    /// Whether a network's mean is the inference constant and a sum over its sites.
    pub(super) fn is_additive(&self) -> bool {
        let mut components = self.components.iter();
        self.composition_adds_up
            && components.all(|component| component.constants.cold.is_nothing())
    }

    /// A sum that no network's mean falls below; equal to it for every network where means add up, else close to it for a network of these sites.
    pub(super) fn mean_tangent(&self, at: &[u32]) -> SiteSum {
        let mut site_s = vec![0.0; self.sites()];
        let mut constant_s = self.inference_s;
        let network_weights = self.weights_of(at);
        for component in &self.components {
            let (weights, _) = component.mean(at, network_weights);
            let share = component.constants.share;
            let cold = self.cold_below(component, network_weights);
            constant_s += share * weights[1] * cold.constant_s;
            for (sum, own) in site_s.iter_mut().zip(&self.weights) {
                *sum += share * weights[1] * cold.s_per_byte * own;
            }
            for (sum, [host_s, device_s]) in site_s.iter_mut().zip(&component.seconds) {
                *sum += share * (weights[0] * host_s + weights[1] * device_s);
            }
        }
        SiteSum::from_seconds(constant_s, site_s)
    }

    fn cold_below(&self, component: &ComponentTiming, network_weights: f64) -> Line {
        let cold = component.constants.cold;
        cold.line_below(network_weights, self.most_weights)
    }

    /// A sum that no network's deviation falls below, along the middle of the directions of some networks; equal to the deviation where there is
    /// one, and no weights are cold. Nothing where the deviation's parts don't add up.
    pub(super) fn deviation_tangent(&self, at: &[Vec<u32>]) -> Option<SiteSum> {
        let alongs: Option<Vec<Along>> =
            at.iter().map(|sites| self.deviation_along(sites)).collect();
        let alongs = alongs?;
        // the length of the sum of the vectors u, from their products: u' . u = (u' . V) / |V|, where u' is at right angles to what u leaves out of V
        let mut squared = 0.0;
        for sites in at {
            let along = alongs.iter().map(|along| self.exactly(along, sites));
            squared += along.sum::<f64>() / (1e-3 * self.latency(sites).std_ms);
        }
        let length = squared.sqrt();
        let mut middle = Along::nothing(self.sites(), self.components.len());
        for along in &alongs {
            middle.add(along, 1.0 / length);
        }
        let weights = at.iter().map(|sites| self.weights_of(sites));
        let typical = weights.sum::<f64>() / at.len() as f64;
        (length > 0.0).then(|| self.settled(middle, typical))
    }

    /// `u . V` of a network of these sites, in seconds.
    fn exactly(&self, along: &Along, sites: &[u32]) -> f64 {
        let each = sites.iter().map(|&site| along.sites[site as usize]);
        let weights = self.weights_of(sites);
        let cold = self.components.iter().zip(&along.cold);
        let cold = cold.map(|(c, factor)| factor * c.constants.cold.of(weights).seconds);
        along.constant + each.sum::<f64>() + cold.sum::<f64>()
    }

    /// A sum that is never above `u . V`, close to it for networks with so many bytes of weights.
    fn settled(&self, along: Along, typical_weights: f64) -> SiteSum {
        let (mut constant_s, mut site_s) = (along.constant, along.sites);
        for (component, factor) in self.components.iter().zip(along.cold) {
            let line = if factor > 0.0 {
                self.cold_below(component, typical_weights)
            } else {
                component.constants.cold.line_above(self.most_weights)
            };
            constant_s += factor * line.constant_s;
            for (sum, weights) in site_s.iter_mut().zip(&self.weights) {
                *sum += factor * line.s_per_byte * weights;
            }
        }
        SiteSum::from_seconds(constant_s, site_s)
    }

    /// `u . V`, for `u` the direction of `V` of a network of these sites but for what cold weights have in it.
    fn deviation_along(&self, at: &[u32]) -> Option<Along> {
        if !self.composition_adds_up || self.prior_relative_std.is_some() {
            return None;
        }
        let std_s = 1e-3 * self.latency(at).std_ms;
        if std_s == 0.0 {
            return None;
        }
        let mut sum = Along::nothing(self.sites(), self.components.len());
        sum.constant = self.rounding_s2 / std_s;
        let network_weights = self.weights_of(at);
        let mean = |component: &ComponentTiming| component.mean(at, network_weights).1;
        let shares = self.components.iter().map(|c| c.constants.share * mean(c));
        let mixed_s: f64 = shares.sum();
        for (place, component) in self.components.iter().enumerate() {
            let scale = component.constants.share / std_s;
            // noise times mean, and what the component differs by from the mixture: the mixture's own mean drops out, since
            // these differences cancel
            let (noise, mean_s) = (component.constants.noise, mean(component));
            let per_second = scale * (noise * noise * mean_s + (mean_s - mixed_s));
            sum.constant += per_second * component.constants.inference_s;
            sum.cold[place] += per_second;
            for (site, [_, device_s]) in sum.sites.iter_mut().zip(&component.seconds) {
                *site += per_second * device_s;
            }
            self.add_gradients(component, at, scale, &mut sum);
            self.add_rests(component, at, scale, &mut sum);
        }
        Some(sum)
    }

    fn add_gradients(&self, component: &ComponentTiming, at: &[u32], scale: f64, sum: &mut Along) {
        let width = component.inference.len();
        if width == 0 {
            return;
        }
        let mut direction: Vec<f64> = component.inference.iter().map(|&v| f64::from(v)).collect();
        for &site in at {
            let row = &component.on_device[site as usize * width..][..width];
            for (sum, own) in direction.iter_mut().zip(row) {
                *sum += f64::from(*own);
            }
        }
        remove(&component.cold_along, &mut direction);
        let along = |row: &[f32]| {
            let products = row.iter().zip(&direction).map(|(a, b)| f64::from(*a) * b);
            scale * products.sum::<f64>()
        };
        sum.constant += along(&component.inference);
        for (site, row) in sum
            .sites
            .iter_mut()
            .zip(component.on_device.chunks_exact(width))
        {
            *site += along(row);
        }
    }

    /// What each kernel has for itself. One that stands at a single site of every network has a direction for each site where it can stand, of
    /// which a network has one: its variance is the same.
    fn add_rests(&self, component: &ComponentTiming, at: &[u32], scale: f64, sum: &mut Along) {
        if component.rest_s2.is_empty() {
            return;
        }
        let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
        for &site in at {
            sum.sites[site as usize] += scale * component.rest_s2[site as usize];
            for &kernel in self.repeatable(site) {
                *counts.entry(kernel).or_insert(0.0) += 1.0;
            }
        }
        for (number, site) in sum.sites.iter_mut().enumerate() {
            for kernel in self.repeatable(number as u32) {
                if let Some(count) = counts.get(kernel) {
                    *site += scale * count * component.repeatable_rest_s2[*kernel as usize];
                }
            }
        }
    }

    fn sites(&self) -> usize {
        self.components.first().map_or(0, |c| c.seconds.len())
    }
}

/// `u . V`, in seconds.
struct Along {
    constant: f64,
    sites: Vec<f64>,
    /// By component, for each second that cold weights take there.
    cold: Vec<f64>,
}

impl Along {
    fn nothing(sites: usize, components: usize) -> Self {
        Self {
            constant: 0.0,
            sites: vec![0.0; sites],
            cold: vec![0.0; components],
        }
    }

    fn add(&mut self, other: &Self, times: f64) {
        self.constant += times * other.constant;
        let own = self.sites.iter_mut().chain(&mut self.cold);
        for (sum, other) in own.zip(other.sites.iter().chain(&other.cold)) {
            *sum += times * other;
        }
    }
}

/// Takes away from a direction what it has of these vectors (Gram and Schmidt).
fn remove(vectors: &[Vec<f32>; 2], direction: &mut [f64]) {
    let mut kept: Vec<Vec<f64>> = Vec::new();
    for vector in vectors {
        let mut own: Vec<f64> = vector.iter().map(|&v| f64::from(v)).collect();
        for known in &kept {
            subtract_projection(known, &mut own);
        }
        kept.push(own);
    }
    for vector in &kept {
        subtract_projection(vector, direction);
    }
}

fn subtract_projection(onto: &[f64], vector: &mut [f64]) {
    let squared: f64 = onto.iter().map(|v| v * v).sum();
    if squared <= f64::MIN_POSITIVE {
        return;
    }
    let product: f64 = onto.iter().zip(vector.iter()).map(|(a, b)| a * b).sum();
    for (own, along) in vector.iter_mut().zip(onto) {
        *own -= product / squared * along;
    }
}
