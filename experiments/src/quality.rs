//! What stands in for accuracy.

use std::collections::BTreeMap;
use std::sync::Arc;

use roofnas_cost::surrogate::Surrogate;
use roofnas_cost::{Normalisation, QualityTerms, Score, Term, TermWeights};
use roofnas_space::Genotype;

/// What stands in for accuracy, as an experiment has settled it.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each experiment, and a search only looks at it"
)]
#[derive(Debug, Clone, PartialEq)]
pub enum Quality {
    /// A closed-form rank score: unitless, never an accuracy.
    Proxy {
        /// The score.
        score: Score,
        /// What makes scores of one space comparable.
        normalisation: Normalisation,
    },
    /// Top-1 accuracy in per cent, as predicted from trained networks.
    Surrogate {
        /// What predicts it.
        surrogate: Arc<Surrogate>,
        /// Which accuracy of a prediction.
        of: Predicted,
    },
    /// Accuracy as a command of the user's has measured it. Of what it has not trained, nothing is known.
    External {
        /// The command.
        command: String,
        /// What was measured, in per cent.
        accuracies: Arc<BTreeMap<Genotype, f64>>,
    },
}

/// An accuracy of a prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predicted {
    /// The median.
    Median,
    /// What a network trained once stays below with this probability.
    Quantile(f64),
}

impl Quality {
    /// The quality of a network with these terms. What depends on genes is no number for a network that has none.
    pub fn of(&self, genotype: Option<&Genotype>, terms: &QualityTerms) -> f64 {
        match self {
            Self::Proxy {
                score,
                normalisation,
            } => score.of(terms, normalisation),
            Self::Surrogate { surrogate, of } => {
                let Some(genotype) = genotype else {
                    return f64::NAN;
                };
                match of {
                    Predicted::Median => surrogate.median(genotype, terms),
                    Predicted::Quantile(probability) => {
                        surrogate.predict(genotype, terms).quantile(*probability)
                    }
                }
            }
            Self::External { accuracies, .. } => {
                let measured = genotype.and_then(|genotype| accuracies.get(genotype));
                measured.copied().unwrap_or(f64::NAN)
            }
        }
    }

    /// Where the accuracy of a network trained once lies with a probability of 90 %, in per cent; nothing where none is predicted.
    pub fn interval_90(&self, genotype: &Genotype, terms: &QualityTerms) -> Option<[f64; 2]> {
        match self {
            Self::Proxy { .. } | Self::External { .. } => None,
            Self::Surrogate { surrogate, .. } => {
                Some(surrogate.predict(genotype, terms).interval(0.9))
            }
        }
    }

    /// A short name, for headers.
    pub fn name(&self) -> String {
        match self {
            Self::Proxy { score, .. } => score.name(),
            Self::Surrogate {
                of: Predicted::Median,
                ..
            } => "top-1".to_owned(),
            Self::Surrogate { .. } => "lower bound of top-1".to_owned(),
            Self::External { .. } => "accuracy".to_owned(),
        }
    }

    /// What sort of figure it is, in words.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Proxy { .. } => "a unitless rank score, not accuracy",
            Self::Surrogate { .. } => "per cent, predicted from trained networks",
            Self::External { .. } => "per cent, as the user's command measured it",
        }
    }

    /// Name and sort, for a column that says how far the figures can be trusted.
    pub fn kind(&self) -> String {
        match self {
            Self::Proxy { score, .. } => format!("{} (proxy rank score)", score.name()),
            Self::Surrogate { surrogate, of } => {
                let bound = match of {
                    Predicted::Median => String::new(),
                    Predicted::Quantile(probability) => {
                        format!("reached with {:.0} %, ", 100.0 * (1.0 - probability))
                    }
                };
                format!(
                    "top-1 % ({bound}predicted from {} trained networks)",
                    surrogate.trained()
                )
            }
            Self::External { command, .. } => format!("external (accuracy measured by {command})"),
        }
    }

    /// The quality as a sum of terms; nothing where it is none.
    pub fn weights(&self) -> Option<TermWeights> {
        match self {
            Self::Proxy {
                score,
                normalisation,
            } => Some(score.weights(normalisation)),
            Self::Surrogate { .. } | Self::External { .. } => None,
        }
    }

    /// Whether it needs st_la.
    pub fn needs_st_la(&self) -> bool {
        match self {
            Self::Proxy { score, .. } => score.uses(Term::StLa),
            Self::Surrogate { .. } => true,
            Self::External { .. } => false,
        }
    }

    /// Whether it needs MACs or activations.
    pub fn needs_counts(&self) -> bool {
        match self {
            Self::Proxy { score, .. } => score.uses(Term::Macs) || score.uses(Term::Activations),
            Self::Surrogate { .. } => true,
            Self::External { .. } => false,
        }
    }

    /// Whether it needs a multi-stage entropy.
    pub fn needs_levels(&self) -> bool {
        match self {
            Self::Proxy { score, .. } => score.uses(Term::MaeDet) || score.uses(Term::DeepMad),
            Self::Surrogate { .. } | Self::External { .. } => false,
        }
    }
}
