//! Networks under the conditions of one platform, each priced once.

use std::collections::BTreeMap;

use rayon::prelude::*;
use roofnas_cost::calibration::{JointPrice, LogSum};
use roofnas_cost::{Latency, LatencyModel, NetworkCost};
use roofnas_space::{Genotype, SearchSpace};

/// What networks take on one platform, by what they are: a network that two searches have found is one network.
pub(super) struct Prices<'a>(BTreeMap<&'a Genotype, Price>);

struct Price {
    latency: Latency,
    /// Nothing where the platform is uncalibrated.
    joint: Option<JointPrice>,
}

impl<'a> Prices<'a> {
    /// Prices networks of a space.
    pub(super) fn new(
        model: &LatencyModel,
        networks: impl Iterator<Item = (&'a SearchSpace, &'a Genotype)>,
    ) -> Self {
        let distinct: BTreeMap<&Genotype, &SearchSpace> = networks
            .map(|(space, genotype)| (genotype, space))
            .collect();
        let fusion = &model.platform().fusion;
        let priced = distinct.into_par_iter().map(|(genotype, space)| {
            let cost = NetworkCost::new(&space.deployed(genotype), fusion);
            let price = Price {
                latency: model.price(&cost),
                joint: model.joint_price(&cost),
            };
            (genotype, price)
        });
        Self(priced.collect())
    }

    /// What a network takes; nothing where it is not among those priced.
    pub(super) fn latency(&self, genotype: &Genotype) -> Option<Latency> {
        Some(self.0.get(genotype)?.latency)
    }

    /// The mean of the logarithms of what networks take over what their rivals take, with its deviation; nothing on an uncalibrated platform.
    pub(super) fn mean_log_ratio(&self, pairs: &[(&Genotype, &Genotype)]) -> Option<LogSum> {
        let mut weights: BTreeMap<&Genotype, f64> = BTreeMap::new();
        let each = 1.0 / pairs.len() as f64;
        for (network, rival) in pairs {
            *weights.entry(network).or_default() += each;
            *weights.entry(rival).or_default() -= each;
        }
        let terms = weights.into_iter().map(|(genotype, weight)| {
            let joint = self.0.get(genotype)?.joint.as_ref()?;
            Some((weight, joint))
        });
        let terms: Option<Vec<(f64, &JointPrice)>> = terms.collect();
        Some(JointPrice::sum_of_logs(&terms?))
    }
}
