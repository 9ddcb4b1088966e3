//! Weighted sums of normalised terms.

use std::fmt;

use thiserror::Error;

use super::term::Term;

/// Weights of normalised terms. More of a term is worse where its weight is below 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// In the order of [`Term::ALL`]; 0 where a term has no part.
    weights: [f64; Term::COUNT],
}

/// Weights that make no score.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum MixError {
    /// A weight that is no number of a size one can add up.
    #[error(
        "the weight of {term} must be 0 or a number whose size is from 1e-6 to 1e6, but is {weight}"
    )]
    Weight {
        /// Whose.
        term: Term,
        /// Which.
        weight: f64,
    },
    /// Nothing has a weight.
    #[error("at least one term needs a weight other than 0")]
    Nothing,
}

impl Mix {
    /// `z(S) + z(NSC)`.
    pub(super) const S_NSC: Self = Self {
        weights: [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    };
    /// `z(S) + z(NSC) + z(st_la)`.
    pub(super) const AE3: Self = Self {
        weights: [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    };

    /// The mix of some terms; weights of the same term add up.
    ///
    /// # Errors
    /// When no weight differs from 0, or one isn't a finite number of sensible size.
    pub fn new(terms: impl IntoIterator<Item = (Term, f64)>) -> Result<Self, MixError> {
        let mut weights = [0.0; Term::COUNT];
        for (term, weight) in terms {
            if weight != 0.0 && !(1e-6..=1e6).contains(&weight.abs()) {
                return Err(MixError::Weight { term, weight });
            }
            weights[term as usize] += weight;
        }
        if weights.iter().all(|&weight| weight == 0.0) {
            return Err(MixError::Nothing);
        }
        Ok(Self { weights })
    }

    /// The terms that have a part, with their weights.
    #[inline]
    pub fn terms(&self) -> impl Iterator<Item = (Term, f64)> + '_ {
        let terms = Term::ALL.into_iter().zip(self.weights);
        terms.filter(|(_, weight)| *weight != 0.0)
    }

    /// A term's weight; 0 where it has no part.
    pub fn weight(&self, term: Term) -> f64 {
        self.weights[term as usize]
    }
}

/// `S + 0.5 NSC - MACs`, every term being normalised; a single one is written `z(S)`, to tell it from the plain term.
impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_single = self.terms().count() == 1;
        for (index, (term, weight)) in self.terms().enumerate() {
            match (index, weight < 0.0) {
                (0, false) => {}
                (0, true) => f.write_str("-")?,
                (_, false) => f.write_str(" + ")?,
                (_, true) => f.write_str(" - ")?,
            }
            if weight.abs() != 1.0 {
                write!(f, "{} ", weight.abs())?;
            }
            if is_single {
                write!(f, "z({term})")?;
            } else {
                write!(f, "{term}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_are_written_as_sums() {
        let written = |terms: &[(Term, f64)]| Mix::new(terms.iter().copied()).unwrap().to_string();
        let mix = [(Term::Macs, -1.0), (Term::Nsc, 0.5), (Term::S, 1.0)];
        assert_eq!(written(&mix), "S + 0.5 NSC - MACs");
        assert_eq!(
            written(&[(Term::MaeDet, -2.0), (Term::Params, 1.0)]),
            "-2 MAE-DET + params"
        );
        assert_eq!(written(&[(Term::S, 1.0), (Term::Nsc, 0.0)]), "z(S)");
    }

    #[test]
    fn mixes_that_can_t_be() {
        let error = |terms: &[(Term, f64)]| Mix::new(terms.iter().copied()).unwrap_err();
        assert_eq!(error(&[]), MixError::Nothing);
        assert_eq!(error(&[(Term::S, 0.0)]), MixError::Nothing);
        for weight in [f64::NAN, f64::INFINITY, 1e-7, -1e7] {
            let said = error(&[(Term::StLa, weight)]).to_string();
            assert!(said.contains("st_la") && said.contains("1e6"), "{said}");
        }
    }

    #[test]
    fn terms_stand_in_their_own_order() {
        for (index, term) in Term::ALL.into_iter().enumerate() {
            assert_eq!(term as usize, index);
        }
    }
}
