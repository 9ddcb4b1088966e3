//! The parts of a network as a picture shows them: its stem, its blocks stage by stage, its head, and what each of them takes.

use roofnas_space::{
    Attribute, Block, BlockKind, Genotype, Groups, Network, Op, Part as Place, Role, SearchSpace,
    Section, Shape,
};

use crate::profile::{Profile, ProfiledLayer};

/// A stage, or the stem, or the head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    /// `stem`, `stage 1` ..., `head`.
    pub(super) name: String,
    /// What it hands on.
    pub(super) output: Shape,
    /// Its blocks.
    pub(super) parts: Vec<Part>,
}

/// The stem, one block, or the head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The section's name.
    pub(super) name: String,
    /// What it is, in words.
    pub(super) words: String,
    /// What it takes.
    pub(super) input: Shape,
    /// What it hands on.
    pub(super) output: Shape,
    /// The most channels of a convolution in it.
    pub(super) hidden: usize,
    /// Its time in microseconds.
    pub(super) micros: f64,
    /// Its share of the network's time.
    pub(super) time: f64,
    /// Its million MACs per image.
    pub(super) mmacs: f64,
    /// Its share of the network's MACs.
    pub(super) macs: f64,
}

impl Stage {
    /// The stages of a network of a space, in the order they run.
    pub(super) fn all(
        space: &SearchSpace,
        genotype: &Genotype,
        network: &Network,
        profile: &Profile,
    ) -> Vec<Self> {
        let mut blocks = space.blocks(genotype);
        let mut stages: Vec<Self> = Vec::new();
        for (index, section) in network.sections().iter().enumerate() {
            let (name, words) = match section.part {
                Place::Block { stage, .. } => {
                    let words = blocks.next().map(|placed| in_words(&placed.block));
                    (format!("stage {}", stage + 1), words)
                }
                _ => (section.name().into_owned(), None),
            };
            let words = words.unwrap_or_else(|| said(&section.description));
            let part = Part::new(network, section, index, words, profile);
            match stages.last_mut() {
                Some(last) if last.name == name => {
                    last.output = part.output;
                    last.parts.push(part);
                }
                _ => stages.push(Self {
                    name,
                    output: part.output,
                    parts: vec![part],
                }),
            }
        }
        stages
    }

    /// Its share of the network's time.
    pub(super) fn time(&self) -> f64 {
        self.parts.iter().map(|part| part.time).sum()
    }

    /// Its share of the network's MACs.
    pub(super) fn macs(&self) -> f64 {
        self.parts.iter().map(|part| part.macs).sum()
    }
}

impl Part {
    fn new(
        network: &Network,
        section: &Section,
        index: usize,
        words: String,
        profile: &Profile,
    ) -> Self {
        let layers = &network.layers()[section.layers.clone()];
        let output = layers.last().map_or(network.input(), |last| last.output);
        let convolutions = layers.iter().filter(|layer| {
            layer.role == Role::Main && matches!(layer.op, Op::Conv(_) | Op::Linear { .. })
        });
        let hidden = convolutions.map(|layer| layer.output.channels).max();
        let kernels = profile.layers.iter().filter(|layer| layer.section == index);
        let mmacs: f64 = kernels.clone().map(ProfiledLayer::mmacs).sum();
        Self {
            name: section.name().into_owned(),
            words,
            input: layers
                .first()
                .map_or(network.input(), |first| network.input_shape(first)),
            output,
            hidden: hidden.unwrap_or(output.channels).max(output.channels),
            micros: kernels.clone().map(ProfiledLayer::micros).sum(),
            time: kernels.map(|layer| layer.share).sum(),
            mmacs,
            macs: mmacs / (1e-6 * profile.cost.macs as f64).max(f64::MIN_POSITIVE),
        }
    }

    /// Whether it halves the resolution, or more.
    pub(super) fn shrinks(&self) -> bool {
        self.output.positions() < self.input.positions()
    }
}

/// A section's own description, with kernels as people write them.
fn said(description: &str) -> String {
    let words = description.split(' ').map(|word| {
        let kernel = word.strip_prefix('k').and_then(|size| size.parse().ok());
        kernel.map_or_else(
            || word.replace('_', " "),
            |size: usize| format!("{size}×{size}"),
        )
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A block in short words: `inverted 7×7 depthwise, ×6, SE 0.25, relu`.
fn in_words(block: &Block) -> String {
    let family = match block.kind {
        BlockKind::InvertedBottleneck => "inverted",
        BlockKind::FusedInvertedBottleneck => "fused",
        BlockKind::DepthwiseSeparable => "separable",
        BlockKind::GroupedShuffle => "shuffle",
        BlockKind::LargeKernelDepthwise => "large",
        kind => kind.name(),
    };
    let has = |attribute| block.kind.has(attribute);
    let mut words = family.to_owned();
    if has(Attribute::Kernel) {
        words += &format!(" {0}×{0}", block.kernel);
    }
    if has(Attribute::Groups) {
        words += &match block.groups {
            Groups::Count(1) => String::new(),
            Groups::Count(count) => format!(", {count} groups"),
            Groups::Width(width) => format!(", groups of {width}"),
            Groups::Depthwise => " depthwise".to_owned(),
        };
    }
    if has(Attribute::Expand) {
        words += &format!(", ×{}", block.expand);
    }
    if has(Attribute::Se) && block.se > 0.0 {
        words += &format!(", SE {}", block.se);
    }
    if has(Attribute::Activation) {
        words += &format!(", {}", block.activation.name().replace('_', " "));
    }
    words
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use roofnas_cost::{Dtype, LatencyModel};
    use roofnas_hardware::Profiles;
    use roofnas_search::SearchRng;
    use roofnas_space::presets;

    use super::*;

    #[test]
    fn stages_add_up_to_the_network() {
        let definition = presets::definition("mobile").expect("ships");
        let space = SearchSpace::new(definition).expect("is sound");
        let profile = Profiles::default().find("nvidia-v100").expect("ships");
        let model = LatencyModel::new(profile.platform, Dtype::Fp32, 1).expect("has roofs");
        let genotype = space.sample(&mut SearchRng::seed_from_u64(1));
        let network = space.decode(&genotype);
        let profile = Profile::new(&model, &network);
        let stages = Stage::all(&space, &genotype, &network, &profile);
        let parts: usize = stages.iter().map(|stage| stage.parts.len()).sum();
        assert_eq!(parts, network.sections().len());
        assert_eq!(stages[0].name, "stem");
        assert_eq!(stages[1].name, "stage 1");
        let time: f64 = stages.iter().map(Stage::time).sum();
        assert!((time + profile.call_share() - 1.0).abs() < 1e-9, "{time}");
        let macs: f64 = stages.iter().map(Stage::macs).sum();
        assert!((macs - 1.0).abs() < 1e-9, "{macs}");
    }

    #[test]
    fn stems_are_told_in_the_same_words() {
        assert_eq!(said("conv k3 hard_swish"), "conv 3×3 hard swish");
        assert_eq!(said("classifier, 10 classes"), "classifier, 10 classes");
    }

    #[test]
    fn blocks_are_told_in_short_words() {
        let block = Block {
            kernel: 7,
            expand: 6.0,
            se: 0.25,
            ..BlockKind::InvertedBottleneck.default_block()
        };
        let words = in_words(&block);
        assert!(
            words.starts_with("inverted 7×7 depthwise, ×6, SE 0.25, "),
            "{words}"
        );
        let conv = in_words(&BlockKind::Conv.default_block());
        assert!(conv.starts_with("conv 3×3"), "{conv}");
        assert_eq!(in_words(&BlockKind::Identity.default_block()), "identity");
    }
}
