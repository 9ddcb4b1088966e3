//! A search space as it stands in TOML, before it is checked.
//!
//! Every type here is plain data with `deny_unknown_fields`; [`crate::SearchSpace`] is the checked
//! form and the only thing the rest of the tool works with.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::activation::Activation;
use crate::block::{Attribute, BlockKind, Groups};
use crate::shape::Resolution;

/// A search space: stem, stages and head, with what may be chosen in each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceDefinition {
    /// Input resolutions, in pixels.
    pub resolution: Choices<Resolution>,
    /// Channels of the input image.
    #[serde(default = "defaults::input_channels")]
    pub input_channels: usize,
    /// Strides whose feature maps are outputs, for detectors and segmenters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<usize>,
    /// How squeeze-and-excite is built wherever a block has it.
    #[serde(default)]
    pub se_style: SeStyle,
    /// The first convolution.
    pub stem: StemDefinition,
    /// The stages, from input to output.
    pub stage: Vec<StageDefinition>,
    /// The classifier. May be left out when there are `features`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadDefinition>,
}

/// The first convolution (with batch-norm and activation) and an optional pooling after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StemDefinition {
    /// Output channels.
    pub channels: Numbers,
    /// Kernel size.
    #[serde(default = "defaults::kernel")]
    pub kernel: usize,
    /// Stride.
    #[serde(default = "defaults::stem_stride")]
    pub stride: usize,
    /// Activation.
    #[serde(default = "defaults::activation")]
    pub activation: Activation,
    /// Pooling with a 3x3 window and stride 2 after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<StemPool>,
}

/// Pooling after the stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StemPool {
    /// Max pooling, 3x3, stride 2.
    Max,
}

/// A run of blocks at one width; the first of them carries the stride.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageDefinition {
    /// Block families, by name or as tables with choices of their own.
    pub block: Choices<BlockDefinition>,
    /// Number of blocks.
    pub depth: Numbers,
    /// Output channels, multiples of 8.
    pub channels: Numbers,
    /// Stride of the first block.
    #[serde(default = "defaults::stride")]
    pub stride: Choices<usize>,
    /// Kernel sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Numbers>,
    /// Groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Choices<Groups>>,
    /// Expansions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expand: Option<Choices<f64>>,
    /// Squeeze-and-excite ratios, 0 for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se: Option<Choices<f64>>,
    /// Activations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Choices<Activation>>,
    /// What each layer of the stage chooses for itself; the rest is one choice for the stage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_layer: Vec<Attribute>,
}

/// A block family with choices of its own, which take the place of the stage's.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockDefinition {
    /// The family.
    pub kind: BlockKind,
    /// Kernel sizes.
    pub kernel: Option<Numbers>,
    /// Groups.
    pub groups: Option<Choices<Groups>>,
    /// Expansions.
    pub expand: Option<Choices<f64>>,
    /// Squeeze-and-excite ratios.
    pub se: Option<Choices<f64>>,
    /// Activations.
    pub activation: Option<Choices<Activation>>,
}

/// The classifier: an optional 1x1 convolution, global average pooling, an optional hidden linear
/// layer, and a linear layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadDefinition {
    /// Channels of the 1x1 convolution before the pooling; none where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Numbers>,
    /// Features of a linear layer with activation after the pooling; none where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// Activation of both.
    #[serde(default = "defaults::activation")]
    pub activation: Activation,
    /// Classes.
    #[serde(default = "defaults::classes")]
    pub classes: usize,
}

impl Default for HeadDefinition {
    fn default() -> Self {
        Self {
            channels: None,
            hidden: None,
            activation: defaults::activation(),
            classes: defaults::classes(),
        }
    }
}

/// How squeeze-and-excite is built. The default is MobileNetV3's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeStyle {
    /// What the ratio is taken of.
    pub of: SeBase,
    /// The squeezed channels are rounded to a multiple of this (1: rounded down).
    pub multiple_of: usize,
    /// Activation between the two convolutions.
    pub activation: Activation,
    /// Activation of the gate.
    pub gate: Activation,
}

impl Default for SeStyle {
    fn default() -> Self {
        Self {
            of: SeBase::Expanded,
            multiple_of: 8,
            activation: Activation::Relu,
            gate: Activation::HardSigmoid,
        }
    }
}

/// What a squeeze-and-excite ratio is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeBase {
    /// The block's input channels (EfficientNet).
    Input,
    /// The channels that are gated (MobileNetV3).
    Expanded,
}

impl SpaceDefinition {
    /// Channels of the input image where nothing is said: red, green and blue.
    pub const DEFAULT_INPUT_CHANNELS: usize = 3;
}

mod defaults {
    use super::{Activation, Choices, SpaceDefinition};

    pub(super) const fn input_channels() -> usize {
        SpaceDefinition::DEFAULT_INPUT_CHANNELS
    }
    pub(super) const fn kernel() -> usize {
        3
    }
    pub(super) const fn stem_stride() -> usize {
        2
    }
    pub(super) const fn stride() -> Choices<usize> {
        Choices::One(1)
    }
    pub(super) const fn activation() -> Activation {
        Activation::Relu
    }
    pub(super) const fn classes() -> usize {
        1000
    }
}

/// One value or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Choices<T> {
    /// A single value.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> Choices<T> {
    /// The values.
    pub fn values(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// One number, a list of them, or a range `{ from = 24, to = 40, step = 8 }` with both ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Written out.
    Listed(Choices<usize>),
    /// A range.
    Range(Range),
}

/// An inclusive range of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// First number.
    pub from: usize,
    /// Last number, if a whole number of steps away.
    pub to: usize,
    /// Step.
    pub step: usize,
}

impl Numbers {
    /// A single number.
    pub const fn one(value: usize) -> Self {
        Self::Listed(Choices::One(value))
    }
}

impl<T: Serialize> Serialize for Choices<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::Many(values) => values.serialize(serializer),
        }
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Listed(values) => values.serialize(serializer),
            Self::Range(range) => range.serialize(serializer),
        }
    }
}

/// Reads a list where there is one, and a single value otherwise. (An untagged enum would do the
/// same, but its errors say only that nothing matched.)
struct ChoicesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for ChoicesVisitor<T> {
    type Value = Choices<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of them")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(seq)).map(Choices::Many)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Choices::One)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Choices::One)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Choices::One)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Choices::One)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Choices::One)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        T::deserialize(value.into_deserializer()).map(Choices::One)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Choices<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoicesVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a list of numbers, or a range { from, to, step }")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Numbers, E> {
                usize::deserialize(value.into_deserializer()).map(Numbers::one)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Numbers, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(seq))
                    .map(|list| Numbers::Listed(Choices::Many(list)))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Numbers, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(Numbers::Range)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Groups are written `2`, `"depthwise"` or `{ width = 16 }`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupWidth {
    /// Channels of each group.
    width: usize,
}

impl Serialize for Groups {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Count(groups) => groups.serialize(serializer),
            Self::Width(width) => GroupWidth { width }.serialize(serializer),
            Self::Depthwise => serializer.serialize_str("depthwise"),
        }
    }
}

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Groups;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of groups, \"depthwise\", or { width = 16 }")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Groups, E> {
                usize::deserialize(value.into_deserializer()).map(Groups::Count)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Groups, E> {
                match value {
                    "depthwise" => Ok(Groups::Depthwise),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Groups, A::Error> {
                GroupWidth::deserialize(MapAccessDeserializer::new(map))
                    .map(|group| Groups::Width(group.width))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The table form of a block.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockTable {
    /// The family.
    kind: BlockKind,
    /// Kernel sizes, in the place of the stage's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kernel: Option<Numbers>,
    /// Groups, in the place of the stage's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<Choices<Groups>>,
    /// Expansions, in the place of the stage's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expand: Option<Choices<f64>>,
    /// Squeeze-and-excite ratios, in the place of the stage's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    se: Option<Choices<f64>>,
    /// Activations, in the place of the stage's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activation: Option<Choices<Activation>>,
}

impl From<BlockKind> for BlockDefinition {
    fn from(kind: BlockKind) -> Self {
        Self {
            kind,
            kernel: None,
            groups: None,
            expand: None,
            se: None,
            activation: None,
        }
    }
}

impl Serialize for BlockDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::from(self.kind) {
            return self.kind.serialize(serializer);
        }
        let own = self.clone();
        BlockTable {
            kind: own.kind,
            kernel: own.kernel,
            groups: own.groups,
            expand: own.expand,
            se: own.se,
            activation: own.activation,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BlockDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = BlockDefinition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a block's name or a table { kind = \"inverted_bottleneck\", ... }")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<BlockDefinition, E> {
                BlockKind::deserialize(value.into_deserializer()).map(BlockDefinition::from)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BlockDefinition, A::Error> {
                let table = BlockTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(BlockDefinition {
                    kind: table.kind,
                    kernel: table.kernel,
                    groups: table.groups,
                    expand: table.expand,
                    se: table.se,
                    activation: table.activation,
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_FORMS: &str = r#"
resolution = [192, "256x160"]

[stem]
channels = 16

[[stage]]
block = ["conv", { kind = "bottleneck", kernel = 5, expand = [0.25, 1] }]
depth = [1, 2]
channels = { from = 24, to = 40, step = 8 }
groups = [1, "depthwise", { width = 16 }]
"#;

    #[test]
    fn every_form_is_read_and_written_back() {
        let space: SpaceDefinition = toml::from_str(ALL_FORMS).unwrap();
        assert_eq!(
            space.stage[0].groups,
            Some(Choices::Many(vec![
                Groups::Count(1),
                Groups::Depthwise,
                Groups::Width(16)
            ]))
        );
        assert_eq!(
            space.stage[0].block.values()[1].expand,
            Some(Choices::Many(vec![0.25, 1.0]))
        );
        let written = toml::to_string(&space).unwrap();
        assert_eq!(
            toml::from_str::<SpaceDefinition>(&written).unwrap(),
            space,
            "{written}"
        );
    }

    #[test]
    fn errors_say_what_is_accepted() {
        let error = |from: &str, to: &str| {
            let text = ALL_FORMS.replace(from, to);
            assert_ne!(text, ALL_FORMS);
            toml::from_str::<SpaceDefinition>(&text)
                .unwrap_err()
                .to_string()
        };
        assert!(
            error("depth =", "dept =").contains("unknown field `dept`, expected one of `block`")
        );
        assert!(error("channels = 16", "channels = -8").contains("integer `-8`"));
        assert!(error("\"conv\"", "\"convv\"").contains("expected one of `conv`"));
        assert!(error("\"depthwise\"", "\"deep\"").contains("\"depthwise\", or { width = 16 }"));
        assert!(error("[1, 2]", "\"two\"").contains("a range { from, to, step }"));
        assert!(error("192", "0").contains("HEIGHTxWIDTH"));
    }
}
