//! Activation functions.

use std::fmt;

use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

/// An elementwise activation function, by the name the field uses for it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[schemars(transform = aliases)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x / (1 + exp(-x))`, also called SiLU.
    #[serde(alias = "silu")]
    Swish,
    /// `x * hard_sigmoid(x)`
    #[serde(alias = "hardswish")]
    HardSwish,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `min(max(x / 6 + 1/2, 0), 1)`
    #[serde(alias = "hardsigmoid")]
    HardSigmoid,
    /// `x * Phi(x)`, with the normal distribution's cumulative function.
    Gelu,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 7] = [
        Self::Relu,
        Self::Relu6,
        Self::Swish,
        Self::HardSwish,
        Self::Sigmoid,
        Self::HardSigmoid,
        Self::Gelu,
    ];

    /// The name used in TOML files and in genotype strings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Swish => "swish",
            Self::HardSwish => "hard_swish",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid => "hard_sigmoid",
            Self::Gelu => "gelu",
        }
    }

    /// FLOPs per element, one for each addition, multiplication, division, comparison and
    /// transcendental function of the definition.
    pub const fn flops_per_element(self) -> u64 {
        match self {
            Self::Relu => 1,
            Self::Relu6 => 2,
            Self::Sigmoid | Self::HardSigmoid => 4,
            Self::Swish | Self::HardSwish => 5,
            // x/2 * (1 + erf(x / sqrt 2))
            Self::Gelu => 5,
        }
    }
}

/// Other names that are read, which a derived schema doesn't know of.
fn aliases(schema: &mut Schema) {
    let Some(names) = schema
        .get_mut("oneOf")
        .and_then(|names| names.as_array_mut())
    else {
        return;
    };
    for (alias, name) in [
        ("silu", "swish"),
        ("hardswish", "hard_swish"),
        ("hardsigmoid", "hard_sigmoid"),
    ] {
        let description = format!("The same as `{name}`.");
        names.push(
            json_schema!({ "type": "string", "const": alias, "description": description }).into(),
        );
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
