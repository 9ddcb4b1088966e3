//! Sums that a network's latency never falls below, for those who can only add.
//!
//! Exact search adds up what sites cost. A mean whose host and device overlap, and any deviation, are no sums; but both are bounded from
//! below by sums that touch them at a network of choice:
//!
//! * `(h^3 + d^3)^(1/3)` is a norm, and a convex function lies above its tangent planes.
//! * A variance is `|V|^2` with a vector `V` that adds up over sites: gradients, noise times mean, what components differ by, what each kernel has
//!   for itself. For any unit vector `u`, `std = |V| >= u . V`, with equality where `V` points along `u`.

use std::collections::BTreeMap;

use super::timing::{ComponentTiming, Timing};

/// A sum over the sites of a network, and a constant; of latencies in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteSum {
    /// What every network has.
    pub constant: f64,
    /// What each site adds, by its number.
    pub by_site: Vec<f64>,
}

impl SiteSum {
    /// The sum of a network of these sites.
    fn of(&self, sites: &[u32]) -> f64 {
        let each = sites.iter().map(|&site| self.by_site[site as usize]);
        self.constant + each.sum::<f64>()
    }

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
        self.is_additive
    }

    /// A sum that no network's mean falls below; equal to it for a network of these sites, and for every network where means add up.
    pub(super) fn mean_tangent(&self, at: &[u32]) -> SiteSum {
        let mut site_s = vec![0.0; self.sites()];
        for component in &self.components {
            let (weights, _) = component.mean(at);
            let share = component.constants.share;
            for (sum, [host_s, device_s]) in site_s.iter_mut().zip(&component.seconds) {
                *sum += share * (weights[0] * host_s + weights[1] * device_s);
            }
        }
        SiteSum::from_seconds(self.inference_s, site_s)
    }

    /// A sum that no network's deviation falls below, along the middle of the directions of some networks; equal to the deviation where there is
    /// one. Nothing where the deviation's parts don't add up.
    pub(super) fn deviation_tangent(&self, at: &[Vec<u32>]) -> Option<SiteSum> {
        let tangents: Option<Vec<SiteSum>> =
            at.iter().map(|sites| self.deviation_along(sites)).collect();
        let tangents = tangents?;
        // the length of the sum of unit vectors u, from their products: u' . u = (u' . V) / |V|
        let mut squared = 0.0;
        for sites in at {
            let along = tangents.iter().map(|tangent| tangent.of(sites));
            squared += along.sum::<f64>() / self.latency(sites).std_ms;
        }
        let length = squared.sqrt();
        let mut middle = SiteSum {
            constant: 0.0,
            by_site: vec![0.0; self.sites()],
        };
        for tangent in &tangents {
            middle.constant += tangent.constant / length;
            for (sum, own) in middle.by_site.iter_mut().zip(&tangent.by_site) {
                *sum += own / length;
            }
        }
        (length > 0.0).then_some(middle)
    }

    /// A sum that no network's deviation falls below, equal to it for a network of these sites.
    fn deviation_along(&self, at: &[u32]) -> Option<SiteSum> {
        if !self.is_additive || self.prior_relative_std.is_some() {
            return None;
        }
        let std_s = 1e-3 * self.latency(at).std_ms;
        if std_s == 0.0 {
            return None;
        }
        let mut sum = Along {
            constant: self.rounding_s2 / std_s,
            sites: vec![0.0; self.sites()],
        };
        let mean = |component: &ComponentTiming| component.mean(at).1;
        let shares = self.components.iter().map(|c| c.constants.share * mean(c));
        let mixed_s: f64 = shares.sum();
        for component in &self.components {
            let scale = component.constants.share / std_s;
            // noise times mean, and what the component differs by from the mixture: the mixture's own mean drops out, since
            // these differences cancel
            let (noise, mean_s) = (component.constants.noise, mean(component));
            let per_second = scale * (noise * noise * mean_s + (mean_s - mixed_s));
            sum.constant += per_second * component.constants.inference_s;
            for (site, [_, device_s]) in sum.sites.iter_mut().zip(&component.seconds) {
                *site += per_second * device_s;
            }
            self.add_gradients(component, at, scale, &mut sum);
            self.add_rests(component, at, scale, &mut sum);
        }
        Some(SiteSum::from_seconds(sum.constant, sum.sites))
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
}
