//! Search spaces and published networks that ship with the tool, each a TOML file one can copy and edit.

use crate::definition::SpaceDefinition;
use crate::network::Network;
use crate::space::SearchSpace;

/// Names of the presets.
pub const NAMES: [&str; 5] = [
    "mobile",
    "resnet",
    "regnet",
    "nas-bench-macro",
    "accel-nasbench",
];

/// The TOML text of a preset.
pub fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        "mobile" => include_str!("../presets/mobile.toml"),
        "resnet" => include_str!("../presets/resnet.toml"),
        "regnet" => include_str!("../presets/regnet.toml"),
        "nas-bench-macro" => include_str!("../presets/nas-bench-macro.toml"),
        "accel-nasbench" => include_str!("../presets/accel-nasbench.toml"),
        _ => return None,
    })
}

/// The definition of a preset.
pub fn definition(name: &str) -> Option<SpaceDefinition> {
    let text = text(name)?;
    Some(toml::from_str(text).expect("every shipped preset parses (tested)"))
}

/// A published network, built from this crate's blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmark {
    /// The name it is known by.
    pub name: &'static str,
    /// Published ImageNet top-1 accuracy, in percent: a note, never a score of this tool's.
    pub top1: f64,
    /// Where that figure was published.
    pub source: &'static str,
    /// The network, for 224x224 images.
    pub network: Network,
}

/// Published networks to hold a result against.
pub fn landmarks() -> Vec<Landmark> {
    let entry = |name, top1, source, text: &str| {
        let definition = toml::from_str(text).expect("every shipped landmark parses (tested)");
        let space = SearchSpace::new(definition).expect("every shipped landmark is sound (tested)");
        let network = space.decode(&space.only()).renamed(name);
        Landmark {
            name,
            top1,
            source,
            network,
        }
    };
    vec![
        entry(
            "ResNet-18",
            69.758,
            "torchvision, IMAGENET1K_V1",
            include_str!("../landmarks/resnet-18.toml"),
        ),
        entry(
            "ResNet-50",
            76.130,
            "torchvision, IMAGENET1K_V1",
            include_str!("../landmarks/resnet-50.toml"),
        ),
        entry(
            "MobileNetV2",
            71.878,
            "torchvision, IMAGENET1K_V1",
            include_str!("../landmarks/mobilenet-v2.toml"),
        ),
        entry(
            "MobileNetV3-large",
            74.042,
            "torchvision, IMAGENET1K_V1",
            include_str!("../landmarks/mobilenet-v3-large.toml"),
        ),
        entry(
            "EfficientNet-B0",
            77.692,
            "torchvision, IMAGENET1K_V1",
            include_str!("../landmarks/efficientnet-b0.toml"),
        ),
        entry(
            "RegNetX-400MF",
            72.7,
            "pycls model zoo, mean of 5 runs",
            include_str!("../landmarks/regnet-x-400mf.toml"),
        ),
    ]
}
