//! The layers of one network as the engine runs them, with their prices.

use roofnas_cost::{Bound, NetworkCost, OpClass};
use roofnas_space::{Network, Shape};

use super::picture::short;
use crate::metrics::Appraiser;

/// One kernel of a network with its price.
#[derive(Debug, Clone)]
pub(super) struct PricedKernel {
    /// Name of its anchor layer.
    pub(super) name: String,
    /// Section it belongs to.
    pub(super) section: usize,
    /// Class.
    pub(super) class: OpClass,
    /// Shapes of its input and output.
    pub(super) shapes: (Shape, Shape),
    /// Million MACs per image.
    pub(super) mmacs: f64,
    /// FLOP/byte.
    pub(super) intensity: f64,
    /// Predicted rate, overhead included.
    pub(super) gflops: f64,
    /// Predicted time, in microseconds.
    pub(super) micros: f64,
    /// Share of the network's time.
    pub(super) share: f64,
    /// What holds it up.
    pub(super) bound: Bound,
}

impl PricedKernel {
    /// What the mouse shows.
    pub(super) fn hover(&self) -> String {
        format!(
            "{}\n{}, {} to {}\n{} µs, {:.1} % of the network\n{} FLOP/byte, {}-bound",
            self.name,
            self.class,
            self.shapes.0,
            self.shapes.1,
            short(self.micros),
            100.0 * self.share,
            short(self.intensity),
            self.bound.name()
        )
    }
}

/// The layers of a network, priced, and what the rest of its time goes into.
#[derive(Debug, Clone)]
pub(super) struct PricedLayers {
    /// Every kernel, in execution order.
    pub(super) kernels: Vec<PricedKernel>,
    /// The call of the engine, in microseconds.
    pub(super) call_micros: f64,
    /// Its share of the network's time.
    pub(super) call_share: f64,
}

impl PricedLayers {
    pub(super) fn new(appraiser: &Appraiser, network: &Network) -> Self {
        let model = &appraiser.model;
        let cost = NetworkCost::new(network, &model.platform().fusion);
        let breakdown = model.breakdown(&cost);
        let total = breakdown.seconds();
        let sections = network.sections();
        let priced = cost.kernels.iter().zip(&breakdown.kernels);
        let kernels = priced.map(|(kernel, price)| {
            let anchor = kernel.kernel.anchor();
            PricedKernel {
                name: network.layer_name(anchor),
                section: sections.partition_point(|section| section.layers.end <= anchor),
                class: kernel.class,
                shapes: (kernel.geometry.input, kernel.geometry.output),
                mmacs: 1e-6 * kernel.macs as f64,
                intensity: kernel.intensity(model.batch(), model.dtype()),
                gflops: 1e-9 * kernel.batch_flops(model.batch()) / price.seconds(),
                micros: 1e6 * price.seconds(),
                share: price.seconds() / total,
                bound: price.bound(),
            }
        });
        Self {
            kernels: kernels.collect(),
            call_micros: 1e6 * breakdown.inference_s,
            call_share: breakdown.inference_s / total,
        }
    }
}
