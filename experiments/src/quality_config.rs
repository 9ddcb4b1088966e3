//! The `[quality]` table.

use std::collections::BTreeMap;
use std::fmt;

use roofnas_cost::{Normalisation, Score, Term};
use schemars::{JsonSchema, Schema, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::external_config::ExternalConfig;
use crate::surrogate::SurrogateConfig;

/// The `[quality]` table, which `quality = "AE3"` is short for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QualityConfig", transform = name_or_table)]
#[serde(deny_unknown_fields, default, remote = "Self")]
pub struct QualityConfig {
    /// A rank score by its name; AE3 where there are no terms either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// Weights of normalised terms, in the place of a named score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<BTreeMap<Term, f64>>,
    /// The numbers that make scores comparable; drawn from the space where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
    /// Training of the user's own, which takes the score's place once it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalConfig>,
    /// Trained networks that accuracy is learnt from, in the place of a score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surrogate: Option<SurrogateConfig>,
}

/// The table, or the name of a score that is short for it.
fn name_or_table(schema: &mut Schema) {
    let table = std::mem::take(schema);
    *schema = json_schema!({ "anyOf": [{ "type": "string", "enum": Score::NAMES }, table] });
}

impl Serialize for QualityConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // the derived function, not this one
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for QualityConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrTable)
    }
}

struct NameOrTable;

impl<'de> Visitor<'de> for NameOrTable {
    type Value = QualityConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a score, such as \"AE3\", or a table")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<QualityConfig, E> {
        let score = Score::named(name).ok_or_else(|| E::unknown_variant(name, &Score::NAMES))?;
        Ok(QualityConfig {
            score: Some(score),
            ..QualityConfig::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<QualityConfig, A::Error> {
        QualityConfig::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        quality: QualityConfig,
    }

    fn read(text: &str) -> Result<QualityConfig, String> {
        let file: Result<File, _> = toml::from_str(text);
        file.map(|file| file.quality)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_is_short_for_a_table() {
        let short = read("quality = \"MAE-DET\"").unwrap();
        assert_eq!(short.score, Some(Score::Raw(Term::MaeDet)));
        assert_eq!(read("[quality]\nscore = \"MAE-DET\"").unwrap(), short);
        assert_eq!(read("[quality]").unwrap(), QualityConfig::default());
    }

    #[test]
    fn terms_have_weights_and_survive_writing() {
        let mix = read("[quality.terms]\nS = 1\n\"MAE-DET\" = 0.5").unwrap();
        let terms = mix.terms.clone().unwrap();
        assert_eq!(terms[&Term::S], 1.0);
        assert_eq!(terms[&Term::MaeDet], 0.5);
        assert_eq!(mix.score, None);
        let written = toml::to_string(&mix).unwrap();
        assert_eq!(toml::from_str::<QualityConfig>(&written).unwrap(), mix);
    }

    #[test]
    fn errors_say_what_there_is() {
        let says = |text: &str, parts: &[&str]| {
            let error = read(text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        says(
            "quality = \"ae3\"",
            &["line 1", "ae3", "`AE3`", "`DeepMAD`"],
        );
        says("quality = 3", &["name of a score"]);
        says("[quality]\nscore = \"accuracy\"", &["line 2", "`S+NSC`"]);
        says("[quality]\nmix = 1", &["line 2", "`mix`", "`terms`"]);
        says(
            "[quality.terms]\nT = 1",
            &["line 2", "`T`", "`MAE-DET`", "`st_la`"],
        );
    }
}
