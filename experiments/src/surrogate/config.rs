//! The `[quality.surrogate]` table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cross_validation::CrossValidated;
use crate::quality::Predicted;

/// The `[quality.surrogate]` table: trained networks that accuracy is learnt from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SurrogateConfig {
    /// Trained networks as CSV, by its path, beside the experiment's file or where roofnas was started.
    pub table: String,
    /// Columns of top-1 accuracies in per cent, one for each seed they were trained with.
    #[serde(default = "accuracy")]
    pub accuracy: Columns,
    /// Column of standard deviations of one training, in points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_std: Option<String>,
    /// Column of the networks; by the header where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Which accuracy is the quality.
    #[serde(default)]
    pub objective: SurrogateObjective,
    /// Probability with which a network trained once is to reach the lower bound.
    #[serde(default = "confidence")]
    pub confidence: f64,
    /// How well networks are predicted from the others. Worked out anew for every run: what stands here is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_validation: Option<CrossValidated>,
}

/// One column, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Columns {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Columns {
    /// Their names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// Which accuracy of a prediction is the quality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SurrogateObjective {
    /// The median.
    #[default]
    Mean,
    /// What it reaches with the stated confidence: networks unlike all that were trained are worth less.
    Lower,
}

impl SurrogateConfig {
    /// The accuracy that is the quality.
    pub(crate) fn predicted(&self) -> Predicted {
        match self.objective {
            SurrogateObjective::Mean => Predicted::Median,
            SurrogateObjective::Lower => Predicted::Quantile(1.0 - self.confidence),
        }
    }
}

fn accuracy() -> Columns {
    Columns::One("accuracy".to_owned())
}

const fn confidence() -> f64 {
    0.9
}
