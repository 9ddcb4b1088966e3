//! What one section adds.

use roofnas_space::{Layer, Network, Op, Part, Role, Section};

use super::log_determinant::expected_log_determinant;
use crate::counts::layer_macs;

/// What one section of a network adds to its terms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct SectionTerms {
    pub(crate) macs: f64,
    pub(crate) activations: f64,
    pub(crate) s: f64,
    pub(crate) nsc: f64,
    /// Convolutions that count for S and rho.
    pub(crate) convolutions: f64,
    /// Elements booked at the section's output resolution, for st_la.
    pub(crate) booked: f64,
}

impl SectionTerms {
    pub(crate) fn new(network: &Network, section: &Section) -> Self {
        let mut terms = Self::default();
        for layer in &network.layers()[section.layers.clone()] {
            terms.add(network, layer);
            if let (Op::Conv(conv), false) = (&layer.op, skipped(layer, section.part)) {
                let fan_in = conv.fan_in(network.input_shape(layer).channels) as f64;
                terms.s += 0.5 * fan_in.ln();
                terms.convolutions += 1.0;
                terms.booked += layer.output.elements() as f64;
            }
        }
        terms
    }

    /// Adds what a layer gives to the terms that do not stop at the head.
    fn add(&mut self, network: &Network, layer: &Layer) {
        let input = network.input_shape(layer);
        self.macs += layer_macs(&layer.op, input, layer.output) as f64;
        match layer.op {
            Op::Conv(_) if layer.role == Role::SqueezeExcite => {}
            Op::Conv(conv) => {
                let fan_in = conv.fan_in(input.channels) as f64;
                let outputs = (conv.out_channels / conv.groups) as f64;
                self.nsc += conv.groups as f64 * expected_log_determinant(outputs, fan_in);
                self.activations += layer.output.elements() as f64;
            }
            Op::Linear { .. } => self.activations += layer.output.elements() as f64,
            _ => {}
        }
    }
}

/// Whether the terms of the body leave a convolution out.
fn skipped(layer: &Layer, part: Part) -> bool {
    part == Part::Head || layer.role == Role::SqueezeExcite
}
