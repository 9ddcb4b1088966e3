//! Where a network's time goes on a platform: its layers as the engine runs them, priced.

use roofnas_cost::{Bound, KernelCost, KernelPrice, Latency, LatencyModel, NetworkCost};
use roofnas_space::Network;

/// A network priced layer by layer.
#[derive(Debug, Clone)]
pub struct Profile {
    /// What the engine runs, in execution order; what is fused counts once.
    pub layers: Vec<ProfiledLayer>,
    /// The whole.
    pub latency: Latency,
    /// The call of the engine, in seconds: the part of the latency that no layer has.
    pub call_s: f64,
    /// Counts of the whole.
    pub cost: NetworkCost,
}

/// One layer of a profile.
#[derive(Debug, Clone)]
pub struct ProfiledLayer {
    /// Its name in the network: that of its convolution or whatever else the rest is fused into.
    pub name: String,
    /// Index of the network's section it belongs to.
    pub section: usize,
    /// What it does.
    pub cost: KernelCost,
    /// What that takes.
    pub price: KernelPrice,
    /// FLOP/byte, for the batch.
    pub intensity: f64,
    /// Predicted rate in FLOP/s, overhead included.
    pub flops_per_second: f64,
    /// Share of the network's time.
    pub share: f64,
}

impl Profile {
    /// A network on a platform.
    pub fn new(model: &LatencyModel, network: &Network) -> Self {
        let cost = NetworkCost::new(network, &model.platform().fusion);
        let breakdown = model.breakdown(&cost);
        let total = breakdown.seconds();
        let sections = network.sections();
        let priced = cost.kernels.iter().zip(&breakdown.kernels);
        let layers = priced.map(|(kernel, &price)| {
            let anchor = kernel.kernel.anchor();
            ProfiledLayer {
                name: network.layer_name(anchor),
                section: sections.partition_point(|section| section.layers.end <= anchor),
                price,
                intensity: kernel.intensity(model.batch(), model.dtype()),
                flops_per_second: kernel.batch_flops(model.batch()) / price.seconds(),
                share: price.seconds() / total,
                cost: kernel.clone(),
            }
        });
        Self {
            layers: layers.collect(),
            latency: model.price(&cost),
            call_s: breakdown.inference_s,
            cost,
        }
    }

    /// Share of the network's time that is the call itself.
    pub fn call_share(&self) -> f64 {
        1e3 * self.call_s / self.latency.mean_ms
    }
}

impl ProfiledLayer {
    /// Its time in microseconds.
    pub fn micros(&self) -> f64 {
        1e6 * self.price.seconds()
    }

    /// Its million MACs per image.
    pub fn mmacs(&self) -> f64 {
        1e-6 * self.cost.macs as f64
    }

    /// What holds it up; nothing where it takes no time.
    pub fn bound(&self) -> Option<Bound> {
        (self.price.seconds() > 0.0).then(|| self.price.bound())
    }

    /// The name of what holds it up.
    pub fn bound_name(&self) -> &'static str {
        self.bound().map_or("", Bound::name)
    }

    /// Whether it has a place under a roofline: a layer that only moves data has none.
    pub fn computes(&self) -> bool {
        self.cost.flops > 0 && self.price.seconds() > 0.0
    }
}
