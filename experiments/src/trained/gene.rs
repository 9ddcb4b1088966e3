//! What a column's name says of a network.

use roofnas_space::Attribute;

/// A gene of a network: something that a space can let choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gene {
    /// Input resolution.
    Resolution,
    /// Output channels of the stem.
    Stem,
    /// Output channels of the head's 1x1 convolution.
    Head,
    /// The shape of a stage.
    Stage {
        /// From 0.
        stage: usize,
        /// Which number.
        shape: StageShape,
    },
    /// An attribute of a stage's blocks.
    Block {
        /// From 0.
        stage: usize,
        /// Position in the stage, from 0; of all its layers where there is none.
        layer: Option<usize>,
        /// Which attribute.
        attribute: Attribute,
    },
}

/// The numbers that a stage has beside its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StageShape {
    /// Output channels.
    Channels,
    /// Number of blocks.
    Depth,
    /// Stride of the first block.
    Stride,
}

impl StageShape {
    pub(super) const ALL: [Self; 3] = [Self::Channels, Self::Depth, Self::Stride];

    const fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Depth => "depth",
            Self::Stride => "stride",
        }
    }
}

impl Gene {
    /// What a column's name says, if it is a gene's.
    pub(super) fn parse(column: &str) -> Option<Self> {
        match column {
            "resolution" => return Some(Self::Resolution),
            "stem" | "stem_channels" => return Some(Self::Stem),
            "head" | "head_channels" => return Some(Self::Head),
            _ => {}
        }
        let (place, rest) = column.split_once('_')?;
        let stage = number_after(&["stage", "b"], place)?;
        let within = rest.split_once('_').and_then(|(place, gene)| {
            let layer = number_after(&["layer", "l"], place)?;
            Some((layer, gene))
        });
        if let Some((layer, gene)) = within {
            return attribute(gene).map(|attribute| Self::Block {
                stage,
                layer: Some(layer),
                attribute,
            });
        }
        let of_stage = |shape| Some(Self::Stage { stage, shape });
        match rest {
            "channels" | "c" => of_stage(StageShape::Channels),
            "depth" | "l" => of_stage(StageShape::Depth),
            "stride" | "s" => of_stage(StageShape::Stride),
            gene => attribute(gene).map(|attribute| Self::Block {
                stage,
                layer: None,
                attribute,
            }),
        }
    }

    /// The stage it belongs to, from 0.
    pub(super) const fn stage(self) -> Option<usize> {
        match self {
            Self::Resolution | Self::Stem | Self::Head => None,
            Self::Stage { stage, .. } | Self::Block { stage, .. } => Some(stage),
        }
    }

    /// The long name of its column.
    pub(super) fn name(self) -> String {
        match self {
            Self::Resolution => "resolution".to_owned(),
            Self::Stem => "stem".to_owned(),
            Self::Head => "head".to_owned(),
            Self::Stage { stage, shape } => format!("stage{stage}_{}", shape.name()),
            Self::Block {
                stage,
                layer: None,
                attribute,
            } => format!("stage{stage}_{}", attribute.key()),
            Self::Block {
                stage,
                layer: Some(layer),
                attribute,
            } => format!("stage{stage}_layer{layer}_{}", attribute.key()),
        }
    }
}

fn attribute(name: &str) -> Option<Attribute> {
    Some(match name {
        "block" => Attribute::Block,
        "kernel" | "k" => Attribute::Kernel,
        "groups" | "g" => Attribute::Groups,
        "expand" | "expansion" | "e" => Attribute::Expand,
        "se" => Attribute::Se,
        "activation" | "a" => Attribute::Activation,
        _ => return None,
    })
}

/// The number that stands after one of these words, and nothing else.
fn number_after(words: &[&str], text: &str) -> Option<usize> {
    words.iter().find_map(|word| {
        let digits = text.strip_prefix(word)?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns() {
        let block = |stage, layer, attribute| {
            Some(Gene::Block {
                stage,
                layer,
                attribute,
            })
        };
        let table = [
            ("b0_e", block(0, None, Attribute::Expand)),
            ("stage12_expansion", block(12, None, Attribute::Expand)),
            ("b3_se", block(3, None, Attribute::Se)),
            ("stage1_layer2_kernel", block(1, Some(2), Attribute::Kernel)),
            ("b1_l2_k", block(1, Some(2), Attribute::Kernel)),
            (
                "b6_l",
                Some(Gene::Stage {
                    stage: 6,
                    shape: StageShape::Depth,
                }),
            ),
            ("resolution", Some(Gene::Resolution)),
            ("stem_channels", Some(Gene::Stem)),
            ("b1_ms", None),
            ("b_k", None),
            ("b+1_k", None),
            ("stage0", None),
            ("val_top1", None),
            ("latency_b0_k", None),
        ];
        for (column, gene) in table {
            assert_eq!(Gene::parse(column), gene, "{column}");
        }
    }

    #[test]
    fn long_names_are_read_back() {
        let long = [
            "resolution",
            "stem",
            "head",
            "stage0_channels",
            "stage1_depth",
            "stage2_stride",
            "stage3_block",
            "stage4_layer5_activation",
        ];
        for name in long {
            assert_eq!(Gene::parse(name).unwrap().name(), name);
        }
    }
}
