//! What stands in for accuracy.

use roofnas_cost::{Normalisation, QualityTerms, Score, Term, TermWeights};

/// What stands in for accuracy, as an experiment has settled it.
#[derive(Debug, Clone, PartialEq)]
pub enum Quality {
    /// A closed-form rank score: unitless, never an accuracy.
    Proxy {
        /// The score.
        score: Score,
        /// What makes scores of one space comparable.
        normalisation: Normalisation,
    },
}

impl Quality {
    /// The quality of a network with these terms.
    pub fn of(&self, terms: &QualityTerms) -> f64 {
        match self {
            Self::Proxy {
                score,
                normalisation,
            } => score.of(terms, normalisation),
        }
    }

    /// A short name, for headers.
    pub fn name(&self) -> String {
        match self {
            Self::Proxy { score, .. } => score.name(),
        }
    }

    /// What sort of figure it is, in words.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Proxy { .. } => "a unitless rank score, not accuracy",
        }
    }

    /// Name and sort, for a column that says how far the figures can be trusted.
    pub fn kind(&self) -> String {
        match self {
            Self::Proxy { score, .. } => format!("{} (proxy rank score)", score.name()),
        }
    }

    /// The quality as a sum of terms; nothing where it is none.
    pub fn weights(&self) -> Option<TermWeights> {
        match self {
            Self::Proxy {
                score,
                normalisation,
            } => Some(score.weights(normalisation)),
        }
    }

    /// Whether it needs st_la.
    pub fn needs_st_la(&self) -> bool {
        match self {
            Self::Proxy { score, .. } => score.uses(Term::StLa),
        }
    }

    /// Whether it needs MACs or activations.
    pub fn needs_counts(&self) -> bool {
        match self {
            Self::Proxy { score, .. } => score.uses(Term::Macs) || score.uses(Term::Activations),
        }
    }

    /// Whether it needs a multi-stage entropy.
    pub fn needs_levels(&self) -> bool {
        match self {
            Self::Proxy { score, .. } => score.uses(Term::MaeDet) || score.uses(Term::DeepMad),
        }
    }
}
