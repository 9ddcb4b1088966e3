//! The terms of a network, worked out layer by layer.

use roofnas_space::{Network, Part, Resolution, Shape};

use super::levels::{LevelEnd, Levels};
use super::section::SectionTerms;
use crate::counts::params;

/// The quality terms of one network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityTerms {
    /// Trainable parameters.
    pub params: f64,
    /// Multiply-accumulate operations.
    pub macs: f64,
    /// Convolution output elements and classifier outputs.
    pub activations: f64,
    /// Weight entropy.
    pub s: f64,
    /// Sum of expected log-determinants.
    pub nsc: f64,
    /// Logarithmic activations per resolution.
    pub st_la: f64,
    /// MAE-DET's multi-stage entropy.
    pub mae_det: f64,
    /// DeepMAD's multi-stage entropy.
    pub deepmad: f64,
    /// Depth over width; a constraint, not a score.
    pub rho: f64,
    /// By how much channels fall from section to section of the body, each fall relative to what was there, added up; a constraint too, 0 where
    /// they never fall.
    pub channel_drop: f64,
}

impl QualityTerms {
    /// The terms of a network.
    pub fn new(network: &Network) -> Self {
        let mut gathered = GatheredTerms::default();
        let mut stage = None;
        for section in network.sections() {
            let layers = &network.layers()[section.layers.clone()];
            let output = layers[layers.len() - 1].output;
            if let Part::Block { stage: next, .. } = section.part {
                if stage.is_some_and(|stage| stage != next) {
                    gathered.end_stage();
                }
                stage = Some(next);
            }
            let terms = SectionTerms::new(network, section);
            if section.part != Part::Head {
                gathered.pass(output);
            }
            gathered.add(&terms, output.resolution());
        }
        gathered.finish(params(network) as f64)
    }
}

/// The sections of a network so far, each where it comes.
#[derive(Debug, Clone, Default)]
struct GatheredTerms {
    sum: SectionTerms,
    booked: Vec<(Resolution, f64)>,
    rho: f64,
    levels: Levels,
    /// Output of the body's last section.
    output: Option<Shape>,
    channel_drop: f64,
}

impl GatheredTerms {
    fn add(&mut self, section: &SectionTerms, resolution: Resolution) {
        self.sum.macs += section.macs;
        self.sum.activations += section.activations;
        self.sum.s += section.s;
        self.sum.nsc += section.nsc;
        self.sum.convolutions += section.convolutions;
        if section.booked == 0.0 {
            return;
        }
        match self
            .booked
            .iter_mut()
            .find(|(known, _)| *known == resolution)
        {
            Some((_, sum)) => *sum += section.booked,
            None => self.booked.push((resolution, section.booked)),
        }
    }

    /// Goes on to a section of the body with this output.
    fn pass(&mut self, output: Shape) {
        if let Some(before) = self.output {
            if before.resolution() != output.resolution() {
                self.levels.end(LevelEnd::new(before), self.sum.s);
            }
            self.channel_drop += channel_drop(before.channels, output.channels);
        }
        self.output = Some(output);
    }

    fn end_stage(&mut self) {
        self.rho = self
            .rho
            .max(depth_over_width(self.sum.convolutions, self.sum.s));
    }

    fn finish(mut self, params: f64) -> QualityTerms {
        self.end_stage();
        if let Some(last) = self.output {
            self.levels.end(LevelEnd::new(last), self.sum.s);
        }
        QualityTerms {
            params,
            macs: self.sum.macs,
            activations: self.sum.activations,
            s: self.sum.s,
            nsc: self.sum.nsc,
            st_la: self.booked.iter().map(|(_, elements)| elements.ln()).sum(),
            mae_det: self.levels.mae_det(),
            deepmad: self.levels.deepmad(),
            rho: self.rho,
            channel_drop: self.channel_drop,
        }
    }
}

/// `D exp(-(1/D) sum ln n)` of the convolutions so far: how many they are, and their S, which is half the sum.
pub(crate) fn depth_over_width(depth: f64, s: f64) -> f64 {
    if depth == 0.0 {
        return 0.0;
    }
    depth * (-2.0 * s / depth).exp()
}

/// By how much channels fall, relative to what was there; 0 where they don't.
pub(crate) fn channel_drop(before: usize, after: usize) -> f64 {
    (1.0 - after as f64 / before as f64).max(0.0)
}
