//! What a score can be made of.

use std::fmt;

use roofnas_space::schema::names;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::terms::QualityTerms;

/// A term that a score can be, or be a sum of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = names)]
pub enum Term {
    /// Weight entropy.
    #[serde(rename = "S")]
    S,
    /// Expected log-determinants.
    #[serde(rename = "NSC")]
    Nsc,
    /// Logarithmic activations per resolution.
    #[serde(rename = "st_la")]
    StLa,
    /// MAE-DET's multi-stage entropy.
    #[serde(rename = "MAE-DET")]
    MaeDet,
    /// DeepMAD's multi-stage entropy.
    #[serde(rename = "DeepMAD")]
    DeepMad,
    /// Trainable parameters.
    #[serde(rename = "params")]
    Params,
    /// Multiply-accumulate operations.
    #[serde(rename = "MACs")]
    Macs,
    /// Activations.
    #[serde(rename = "activations")]
    Activations,
}

impl Term {
    /// How many there are.
    pub const COUNT: usize = 8;

    /// Every term, in the order in which sums are written and added.
    pub const ALL: [Self; Self::COUNT] = [
        Self::S,
        Self::Nsc,
        Self::StLa,
        Self::MaeDet,
        Self::DeepMad,
        Self::Params,
        Self::Macs,
        Self::Activations,
    ];

    /// The name in TOML and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::Nsc => "NSC",
            Self::StLa => "st_la",
            Self::MaeDet => "MAE-DET",
            Self::DeepMad => "DeepMAD",
            Self::Params => "params",
            Self::Macs => "MACs",
            Self::Activations => "activations",
        }
    }

    /// The key of its mean and deviation in a [`Normalisation`](super::Normalisation).
    pub const fn key(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::Nsc => "nsc",
            Self::StLa => "st_la",
            Self::MaeDet => "mae_det",
            Self::DeepMad => "deepmad",
            Self::Params => "params",
            Self::Macs => "macs",
            Self::Activations => "activations",
        }
    }

    /// A network's value.
    #[inline]
    pub const fn of(self, terms: &QualityTerms) -> f64 {
        match self {
            Self::S => terms.s,
            Self::Nsc => terms.nsc,
            Self::StLa => terms.st_la,
            Self::MaeDet => terms.mae_det,
            Self::DeepMad => terms.deepmad,
            Self::Params => terms.params,
            Self::Macs => terms.macs,
            Self::Activations => terms.activations,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
