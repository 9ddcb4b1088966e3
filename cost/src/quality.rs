//! Closed-form terms that stand in for accuracy, computed without a forward pass. They are unitless rank
//! scores: fit for comparing networks of one space, never to be read as accuracy.
//!
//! For a convolution with `c_in` and `c_out` channels, kernel `k`, `g` groups and an output of side `r`, let
//! `n = (c_in / g) k^2` be its fan-in and `m = c_out / g`. The *body* is stem, blocks and projections, without
//! the head; squeeze-and-excite is left out of every term but the counts.
//!
//! | term | definition |
//! |---|---|
//! | S | `1/2 * sum over body convolutions of ln n`, weight entropy (MAE-DET, arXiv 2111.13336; DeepMAD, 2303.02165) |
//! | NSC | `sum over all convolutions of g * psi(m, n, 2/n)`, see [`expected_log_determinant`] |
//! | st_la | `sum over the distinct body resolutions of ln(convolution output elements booked there)`; a block's convolutions are booked at the block's output resolution |
//! | activations | `sum of c_out r^2` over all convolutions, and the classifier's outputs |
//! | rho | `max over stages of D exp(-(1/D) sum ln n)` with `D` the depth so far: DeepMAD's effectiveness, a constraint against networks too deep for their width |
//!
//! `AE3 = z(S) + z(NSC) + z(st_la)`, `S + NSC = z(S) + z(NSC)`, with `z` over a sample of the space.

use roofnas_space::{Layer, Network, Op, Part, Resolution, Role, Section};
use serde::{Deserialize, Serialize};

use crate::counts::{layer_macs, params};

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
    /// Depth over width; a constraint, not a score.
    pub rho: f64,
}

impl QualityTerms {
    /// The terms of a network.
    pub fn new(network: &Network) -> Self {
        let mut gathered = GatheredTerms::default();
        let mut stage = None;
        for section in network.sections() {
            let layers = &network.layers()[section.layers.clone()];
            let resolution = layers[layers.len() - 1].output.resolution();
            if let Part::Block { stage: next, .. } = section.part {
                if stage.is_some_and(|stage| stage != next) {
                    gathered.end_stage();
                }
                stage = Some(next);
            }
            gathered.add(&SectionTerms::new(network, section), resolution);
        }
        gathered.finish(params(network) as f64)
    }
}

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

/// The sections of a network so far, each where it comes.
#[derive(Debug, Clone, Default)]
struct GatheredTerms {
    sum: SectionTerms,
    booked: Vec<(Resolution, f64)>,
    rho: f64,
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

    fn end_stage(&mut self) {
        self.rho = self
            .rho
            .max(depth_over_width(self.sum.convolutions, self.sum.s));
    }

    fn finish(mut self, params: f64) -> QualityTerms {
        self.end_stage();
        QualityTerms {
            params,
            macs: self.sum.macs,
            activations: self.sum.activations,
            s: self.sum.s,
            nsc: self.sum.nsc,
            st_la: self.booked.iter().map(|(_, elements)| elements.ln()).sum(),
            rho: self.rho,
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

/// Whether the terms of the body leave a convolution out.
fn skipped(layer: &Layer, part: Part) -> bool {
    part == Part::Head || layer.role == Role::SqueezeExcite
}

/// Expected `ln det(I + W W^T)` for a Gaussian matrix `W` of `m` rows and `n` columns with entries of variance
/// `2/n`, in the limit of large sizes (Verdu and Shamai, IEEE Trans. Inf. Theory 45(2), 1999, from the
/// Marchenko-Pastur law):
///
/// ```text
/// beta = n / m,  rho = s^2 m = 2 / beta
/// F    = (sqrt(rho (1 + sqrt beta)^2 + 1) - sqrt(rho (1 - sqrt beta)^2 + 1))^2
/// psi  = m [ beta ln(1 + rho - F/4) + ln(1 + rho beta - F/4) - F / (4 rho) ]
/// ```
pub fn expected_log_determinant(m: f64, n: f64) -> f64 {
    let beta = n / m;
    let rho = 2.0 / beta;
    let root = |sign: f64| (rho * (1.0 + sign * beta.sqrt()).powi(2) + 1.0).sqrt();
    let f = (root(1.0) - root(-1.0)).powi(2);
    m * (beta * (1.0 + rho - f / 4.0).ln() + (1.0 + rho * beta - f / 4.0).ln() - f / (4.0 * rho))
}

/// A rank score: one term, or a sum of normalised terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Score {
    /// Trainable parameters.
    #[serde(rename = "params")]
    Params,
    /// Multiply-accumulate operations.
    #[serde(rename = "MACs")]
    Macs,
    /// Activations.
    #[serde(rename = "activations")]
    Activations,
    /// Weight entropy.
    #[serde(rename = "S")]
    S,
    /// Expected log-determinants.
    #[serde(rename = "NSC")]
    Nsc,
    /// Logarithmic activations per resolution.
    #[serde(rename = "st_la")]
    StLa,
    /// `z(S) + z(NSC)`.
    #[serde(rename = "S+NSC")]
    SNsc,
    /// `z(S) + z(NSC) + z(st_la)`.
    #[serde(rename = "AE3")]
    Ae3,
}

impl Score {
    /// Every score.
    pub const ALL: [Self; 8] = [
        Self::Ae3,
        Self::SNsc,
        Self::S,
        Self::Nsc,
        Self::StLa,
        Self::Params,
        Self::Macs,
        Self::Activations,
    ];

    /// The name in TOML and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Macs => "MACs",
            Self::Activations => "activations",
            Self::S => "S",
            Self::Nsc => "NSC",
            Self::StLa => "st_la",
            Self::SNsc => "S+NSC",
            Self::Ae3 => "AE3",
        }
    }

    /// Whether it is a sum of normalised terms.
    pub const fn is_normalised(self) -> bool {
        matches!(self, Self::SNsc | Self::Ae3)
    }

    /// The score of a network with these terms.
    pub fn of(self, terms: &QualityTerms, z: &Normalisation) -> f64 {
        match self {
            Self::Params => terms.params,
            Self::Macs => terms.macs,
            Self::Activations => terms.activations,
            Self::S => terms.s,
            Self::Nsc => terms.nsc,
            Self::StLa => terms.st_la,
            Self::SNsc => z.s.z(terms.s) + z.nsc.z(terms.nsc),
            Self::Ae3 => z.s.z(terms.s) + z.nsc.z(terms.nsc) + z.st_la.z(terms.st_la),
        }
    }
}

/// A score as a sum of terms, each times a weight.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TermWeights {
    /// What every network has.
    pub constant: f64,
    /// Weight of the trainable parameters.
    pub params: f64,
    /// Weight of the MACs.
    pub macs: f64,
    /// Weight of the activations.
    pub activations: f64,
    /// Weight of S.
    pub s: f64,
    /// Weight of NSC.
    pub nsc: f64,
    /// Weight of st_la, where it counts at all.
    pub st_la: Option<f64>,
}

impl Score {
    /// The score's weights: what [`of`](Self::of) says is their sum.
    pub fn weights(self, z: &Normalisation) -> TermWeights {
        let mut weights = TermWeights::default();
        let normal = |moments: &Moments, constant: &mut f64| {
            if moments.is_constant() {
                return 0.0;
            }
            *constant -= moments.mean / moments.std;
            1.0 / moments.std
        };
        match self {
            Self::Params => weights.params = 1.0,
            Self::Macs => weights.macs = 1.0,
            Self::Activations => weights.activations = 1.0,
            Self::S => weights.s = 1.0,
            Self::Nsc => weights.nsc = 1.0,
            Self::StLa => weights.st_la = Some(1.0),
            Self::SNsc | Self::Ae3 => {
                weights.s = normal(&z.s, &mut weights.constant);
                weights.nsc = normal(&z.nsc, &mut weights.constant);
            }
        }
        if self == Self::Ae3 && !z.st_la.is_constant() {
            weights.st_la = Some(normal(&z.st_la, &mut weights.constant));
        }
        weights
    }
}

/// Mean and population deviation of one term over a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Population standard deviation.
    pub std: f64,
}

impl Moments {
    pub(crate) fn new(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        Self {
            mean,
            std: variance.sqrt(),
        }
    }

    /// How many deviations a value lies above the mean; 0 where the sample has no deviation.
    pub fn z(&self, value: f64) -> f64 {
        if self.is_constant() {
            0.0
        } else {
            (value - self.mean) / self.std
        }
    }

    /// Whether the sample had one value only, but for rounding.
    pub fn is_constant(&self) -> bool {
        self.std <= 1e-12 * self.mean.abs()
    }
}

/// The six numbers that make scores of one space comparable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Of S.
    pub s: Moments,
    /// Of NSC.
    pub nsc: Moments,
    /// Of st_la.
    pub st_la: Moments,
}

impl Normalisation {
    /// The normalisation over a sample.
    pub fn new(sample: &[QualityTerms]) -> Self {
        let moments = |term: fn(&QualityTerms) -> f64| Moments::new(sample.iter().map(term));
        Self {
            s: moments(|terms| terms.s),
            nsc: moments(|terms| terms.nsc),
            st_la: moments(|terms| terms.st_la),
        }
    }

    /// Names of the terms without deviation, which add nothing to a score.
    pub fn constant_terms(&self) -> Vec<&'static str> {
        let terms = [("S", &self.s), ("NSC", &self.nsc), ("st_la", &self.st_la)];
        terms
            .into_iter()
            .filter(|(_, moments)| moments.is_constant())
            .map(|(name, _)| name)
            .collect()
    }
}
