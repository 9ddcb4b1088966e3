//! Rank scores.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::mix::Mix;
use super::normalisation::{Moments, Normalisation};
use super::term::Term;
use super::terms::QualityTerms;
use super::weights::TermWeights;

/// A rank score: one term as it is, or a weighted sum of normalised terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// A term.
    Raw(Term),
    /// A sum of normalised terms.
    Mix(Mix),
}

impl Score {
    /// `z(S) + z(NSC) + z(st_la)`.
    pub const AE3: Self = Self::Mix(Mix::AE3);
    /// `z(S) + z(NSC)`.
    pub const S_NSC: Self = Self::Mix(Mix::S_NSC);

    /// Every score that has a name of its own.
    pub const ALL: [Self; 10] = [
        Self::AE3,
        Self::S_NSC,
        Self::Raw(Term::S),
        Self::Raw(Term::Nsc),
        Self::Raw(Term::StLa),
        Self::Raw(Term::Params),
        Self::Raw(Term::Macs),
        Self::Raw(Term::Activations),
        Self::Raw(Term::MaeDet),
        Self::Raw(Term::DeepMad),
    ];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; 10] = [
        "AE3",
        "S+NSC",
        Term::S.name(),
        Term::Nsc.name(),
        Term::StLa.name(),
        Term::Params.name(),
        Term::Macs.name(),
        Term::Activations.name(),
        Term::MaeDet.name(),
        Term::DeepMad.name(),
    ];

    /// The score of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self::ALL[index])
    }

    /// Its name in TOML and tables, or a mix of one's own written out: `S + 0.5 NSC`.
    pub fn name(&self) -> String {
        match (self.own_name(), self) {
            (Some(name), _) => name.to_owned(),
            (None, Self::Raw(term)) => term.to_string(),
            (None, Self::Mix(mix)) => mix.to_string(),
        }
    }

    fn own_name(&self) -> Option<&'static str> {
        let index = Self::ALL.iter().position(|known| known == self)?;
        Some(Self::NAMES[index])
    }

    /// Whether it is a sum of normalised terms.
    pub const fn is_normalised(&self) -> bool {
        matches!(self, Self::Mix(_))
    }

    /// Whether a term has a part in it.
    pub fn uses(&self, term: Term) -> bool {
        match self {
            Self::Raw(raw) => *raw == term,
            Self::Mix(mix) => mix.weight(term) != 0.0,
        }
    }

    /// The score of a network with these terms; not a number where the normalisation lacks one that has a part in it.
    #[inline]
    pub fn of(&self, terms: &QualityTerms, z: &Normalisation) -> f64 {
        match self {
            Self::Raw(term) => term.of(terms),
            Self::Mix(mix) => {
                let normal = |term: Term| {
                    z.moments(term)
                        .map_or(f64::NAN, |moments| moments.z(term.of(terms)))
                };
                let each = mix.terms().map(|(term, weight)| weight * normal(term));
                each.fold(0.0, |sum, added| sum + added)
            }
        }
    }

    /// The score's weights: what [`of`](Self::of) says is their sum, to rounding.
    pub fn weights(&self, z: &Normalisation) -> TermWeights {
        let mut weights = TermWeights::default();
        match self {
            Self::Raw(term) => weights.add(*term, 1.0),
            Self::Mix(mix) => {
                for (term, weight) in mix.terms() {
                    match z.moments(term) {
                        None => weights.constant = f64::NAN,
                        Some(moments) if moments.is_constant() => {}
                        Some(moments) => {
                            weights.constant -= weight * moments.mean / moments.std;
                            weights.add(term, weight / moments.std);
                        }
                    }
                }
            }
        }
        weights
    }

    /// The terms that a sum counts on, but that were the same all over the sample: they add nothing.
    pub fn constant_terms(&self, z: &Normalisation) -> Vec<Term> {
        let is_constant = |term: &Term| z.moments(*term).is_some_and(Moments::is_constant);
        let terms = Term::ALL.into_iter();
        terms
            .filter(|term| self.is_normalised() && self.uses(*term) && is_constant(term))
            .collect()
    }
}

/// As its name; a mix of one's own has none, and can only be written as its terms.
impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.own_name() {
            Some(name) => serializer.serialize_str(name),
            None => Err(S::Error::custom("a mix of terms has no name")),
        }
    }
}

impl JsonSchema for Score {
    fn schema_name() -> Cow<'static, str> {
        "Score".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::NAMES })
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}
