//! What makes scores of one space comparable.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::score::Score;
use super::term::Term;
use super::terms::QualityTerms;

/// Deviations that are smaller than this, relative to the mean, come from rounding.
const LEAST_RELATIVE: f64 = 1e-12;

/// Mean and population deviation of one term over a sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
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
        let std = variance.sqrt();
        Self {
            mean,
            // what rounding leaves of equal values is no deviation
            std: if std <= LEAST_RELATIVE * mean.abs() {
                0.0
            } else {
                std
            },
        }
    }

    /// How many deviations a value lies above the mean; 0 where the sample has no deviation.
    #[inline]
    pub fn z(&self, value: f64) -> f64 {
        if self.is_constant() {
            0.0
        } else {
            (value - self.mean) / self.std
        }
    }

    /// Whether the sample had one value only, but for rounding.
    #[inline]
    pub fn is_constant(&self) -> bool {
        self.std <= LEAST_RELATIVE * self.mean.abs()
    }
}

/// Mean and deviation of terms over a sample of one space. Those of S, NSC and st_la are always there; those of other terms are needed only by scores
/// that these have a part in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Of S.
    pub s: Moments,
    /// Of NSC.
    pub nsc: Moments,
    /// Of st_la.
    pub st_la: Moments,
    /// Of MAE-DET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mae_det: Option<Moments>,
    /// Of DeepMAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deepmad: Option<Moments>,
    /// Of the trainable parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Moments>,
    /// Of the MACs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macs: Option<Moments>,
    /// Of the activations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<Moments>,
}

impl Normalisation {
    /// The normalisation of every term over a sample.
    pub fn new(sample: &[QualityTerms]) -> Self {
        let moments = |term: Term| Moments::new(sample.iter().map(|terms| term.of(terms)));
        Self {
            s: moments(Term::S),
            nsc: moments(Term::Nsc),
            st_la: moments(Term::StLa),
            mae_det: Some(moments(Term::MaeDet)),
            deepmad: Some(moments(Term::DeepMad)),
            params: Some(moments(Term::Params)),
            macs: Some(moments(Term::Macs)),
            activations: Some(moments(Term::Activations)),
        }
    }

    /// The same without what a score has no use for; S, NSC and st_la stay.
    pub fn for_score(self, score: &Score) -> Self {
        let used = |term: Term, moments: Option<Moments>| {
            moments.filter(|_| score.is_normalised() && score.uses(term))
        };
        Self {
            mae_det: used(Term::MaeDet, self.mae_det),
            deepmad: used(Term::DeepMad, self.deepmad),
            params: used(Term::Params, self.params),
            macs: used(Term::Macs, self.macs),
            activations: used(Term::Activations, self.activations),
            ..self
        }
    }

    /// A term's mean and deviation, if they are there.
    #[inline]
    pub fn moments(&self, term: Term) -> Option<&Moments> {
        match term {
            Term::S => Some(&self.s),
            Term::Nsc => Some(&self.nsc),
            Term::StLa => Some(&self.st_la),
            Term::MaeDet => self.mae_det.as_ref(),
            Term::DeepMad => self.deepmad.as_ref(),
            Term::Params => self.params.as_ref(),
            Term::Macs => self.macs.as_ref(),
            Term::Activations => self.activations.as_ref(),
        }
    }

    /// What is there, term by term.
    pub fn terms(&self) -> impl Iterator<Item = (Term, &Moments)> {
        let terms = Term::ALL.into_iter();
        terms.filter_map(|term| Some((term, self.moments(term)?)))
    }
}
