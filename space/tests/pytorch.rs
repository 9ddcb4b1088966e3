//! PyTorch source as text, for which cargo is enough, and in the hands of PyTorch, which has to be asked
//! for: `ROOFNAS_PYTHON=1 cargo test`, with torch, onnx and onnxruntime where `python3` finds them. The
//! sources are then written here, beside the same networks as ONNX, and checked by `pytorch.py` beside this file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod in_python;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Activation, Attribute, BlockKind, Genotype, SearchSpace, presets, pytorch};

use in_python::{AWKWARD, judged_by};

/// Feature maps alone, of which the coarsest is not the last, from images of one channel.
const HEADLESS: &str = r#"
resolution = "96x64"
input_channels = 1
features = [2, 8, 4]

[stem]
channels = 16

[[stage]]
block = ["basic", "conv"]
depth = [1, 3]
channels = [16, 24]
groups = { width = 8 }

[[stage]]
block = "fused_inverted_bottleneck"
depth = 2
channels = 24
stride = 2

[[stage]]
block = "grouped_shuffle"
depth = [4]
channels = 32
stride = 2

[[stage]]
block = "depthwise_separable"
depth = 2
channels = 48
stride = 2
"#;

/// A pyramid of one level, which the stem makes.
const STEM_ONLY: &str = r#"
resolution = 32
features = [4]

[stem]
channels = 16
pool = "max"

[[stage]]
block = "large_kernel_depthwise"
depth = 2
channels = 24
stride = 2

[head]
classes = 3
"#;

/// A small network with most of what there is: the whole of its source is in `pytorch_golden.py`.
const GOLDEN: &str = r#"
resolution = "64x48"

[stem]
channels = 16
activation = "hard_swish"

[[stage]]
block = "inverted_bottleneck"
depth = 1
channels = 16
expand = 1

[[stage]]
block = "inverted_bottleneck"
depth = 3
channels = 24
stride = 2
kernel = 5
expand = 4
se = 0.25
activation = "hard_swish"

[[stage]]
block = ["basic"]
depth = 4
channels = 32
stride = 2
groups = 4

[head]
channels = 128
classes = 10
"#;

const ACTIVATIONS: [Activation; 7] = [
    Activation::Relu,
    Activation::Relu6,
    Activation::Swish,
    Activation::HardSwish,
    Activation::Sigmoid,
    Activation::HardSigmoid,
    Activation::Gelu,
];

fn space(text: &str) -> SearchSpace {
    SearchSpace::new(toml::from_str(text).unwrap()).unwrap()
}

fn preset(name: &str) -> SearchSpace {
    SearchSpace::new(presets::definition(name).unwrap()).unwrap()
}

fn rng(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// Two blocks of every kind, the first of them with a change of shape, all with one activation.
fn all_blocks(activation: Activation) -> SearchSpace {
    let stages = BlockKind::ALL.iter().enumerate().map(|(index, kind)| {
        let channels = [48, 24][index % 2];
        let mut stage =
            format!("[[stage]]\nblock = \"{kind}\"\ndepth = 2\nchannels = {channels}\n");
        for (attribute, choice) in [
            (
                Attribute::Activation,
                format!("activation = \"{activation}\"\n"),
            ),
            (Attribute::Groups, "groups = 4\n".to_owned()),
            (Attribute::Se, "se = 0.25\n".to_owned()),
        ] {
            if kind.has(attribute) {
                stage += &choice;
            }
        }
        stage
    });
    let stages: String = stages.collect();
    space(&format!(
        "resolution = 20\n[stem]\nchannels = 24\n{stages}[head]\nclasses = 10"
    ))
}

/// Published networks, as spaces that hold one network.
fn landmarks() -> [(&'static str, &'static str); 6] {
    [
        ("ResNet-18", include_str!("../landmarks/resnet-18.toml")),
        ("ResNet-50", include_str!("../landmarks/resnet-50.toml")),
        (
            "MobileNetV2",
            include_str!("../landmarks/mobilenet-v2.toml"),
        ),
        (
            "MobileNetV3-large",
            include_str!("../landmarks/mobilenet-v3-large.toml"),
        ),
        (
            "EfficientNet-B0",
            include_str!("../landmarks/efficientnet-b0.toml"),
        ),
        (
            "RegNetX-400MF",
            include_str!("../landmarks/regnet-x-400mf.toml"),
        ),
    ]
}

// --- as text ------------------------------------------------------------------------------------------

#[test]
fn a_whole_source() {
    let space = space(GOLDEN);
    let source = pytorch::export(&space, &space.only());
    let golden = include_str!("pytorch_golden.py");
    if source != golden {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pytorch_golden.py");
        fs::write(&path, &source).unwrap();
        panic!(
            "differs from tests/pytorch_golden.py; if that is meant, copy {} there",
            path.display()
        );
    }
}

#[test]
fn only_classes_that_are_used() {
    let classes = |name: &str| {
        let (_, text) = landmarks().into_iter().find(|(n, _)| *n == name).unwrap();
        let space = space(text);
        defined(&pytorch::export(&space, &space.only()))
    };
    assert_eq!(
        classes("ResNet-18"),
        ["Backbone", "BasicBlock", "ConvNormAct"]
            .map(str::to_owned)
            .into()
    );
    assert_eq!(
        classes("EfficientNet-B0"),
        [
            "Backbone",
            "ConvNormAct",
            "InvertedBottleneck",
            "SqueezeExcite"
        ]
        .map(str::to_owned)
        .into()
    );
}

#[test]
fn every_block_with_every_activation() {
    for activation in ACTIVATIONS {
        let space = all_blocks(activation);
        let source = pytorch::export(&space, &space.only());
        is_python(&source);
        assert_eq!(defined(&source).len(), 10, "{source}");
    }
}

#[test]
fn landmarks_are_python() {
    for (_, text) in landmarks() {
        let space = space(text);
        is_python(&pytorch::export(&space, &space.only()));
    }
}

#[test]
fn feature_maps_are_those_of_the_network() {
    for text in [AWKWARD, HEADLESS, STEM_ONLY] {
        let space = space(text);
        for seed in 0..20 {
            let genotype = space.sample(&mut rng(seed));
            let source = pytorch::export(&space, &genotype);
            let network = space.decode(&genotype);
            let maps = network.outputs().iter();
            let maps = maps.filter_map(|output| {
                let stride = output.name.strip_prefix("stride")?;
                let channels = network.shape(output.tensor).channels;
                Some(format!(
                    "{{\"num_chs\": {channels}, \"reduction\": {stride}, \"module\": "
                ))
            });
            let maps: Vec<String> = maps.collect();
            assert_eq!(source.matches("num_chs").count(), maps.len());
            for map in maps {
                assert!(source.contains(&map), "{map}\n{source}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_genotype_is_python(seed: u64) {
        let presets = presets::NAMES.map(preset);
        for space in presets.into_iter().chain([AWKWARD, HEADLESS].map(space)) {
            let genotype = space.sample(&mut rng(seed));
            let source = pytorch::export(&space, &genotype);
            is_python(&source);
            stage_shapes_are_those_of_the_network(&source, &space, &genotype);
            prop_assert_eq!(source, pytorch::export(&space, &genotype));
        }
    }
}

/// What can be said about a Python file without Python: lines of fixed form, brackets that match, names
/// that are defined where they are used, and used where they are defined.
fn is_python(source: &str) {
    assert!(source.ends_with('\n') && !source.ends_with("\n\n"));
    for line in source.lines() {
        assert!(line.len() <= 88, "{line}");
        assert_eq!(line, line.trim_end());
        assert!(line.is_ascii() && !line.contains('\t'), "{line}");
        let indent = line.len() - line.trim_start().len();
        assert_eq!(indent % 4, 0, "{line}");
    }
    brackets_match(source);
    let defined = defined(source);
    for name in &defined {
        let uses = source.matches(&format!("{name}(")).count();
        assert!(uses > 1 || name == "Backbone", "{name} is not used");
    }
    for (name, _) in calls(source) {
        assert!(defined.contains(name), "{name} is not defined");
    }
    parameters_are_used(source);
}

fn defined(source: &str) -> BTreeSet<String> {
    let classes = source
        .lines()
        .filter_map(|line| line.strip_prefix("class "));
    classes
        .map(|line| line.split('(').next().unwrap().to_owned())
        .collect()
}

/// Classes of this file that are called, with where.
fn calls(source: &str) -> impl Iterator<Item = (&str, usize)> {
    source.match_indices('(').filter_map(|(at, _)| {
        let start = source[..at]
            .rfind(|c: char| !c.is_alphanumeric())
            .map_or(0, |i| i + 1);
        let name = &source[start..at];
        let own = !source[..start].ends_with(['.', '_']);
        (own && name.starts_with(char::is_uppercase)).then_some((name, at))
    })
}

fn brackets_match(source: &str) {
    let code = source.lines().filter(|line| !line.contains("\"\"\""));
    let mut open = Vec::new();
    for c in code.flat_map(str::chars) {
        match c {
            '(' | '[' | '{' => open.push(c),
            ')' => assert_eq!(open.pop(), Some('(')),
            ']' => assert_eq!(open.pop(), Some('[')),
            '}' => assert_eq!(open.pop(), Some('{')),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// Every parameter of every `__init__` is read in its body.
fn parameters_are_used(source: &str) {
    for init in source.split("def __init__(").skip(1) {
        let (parameters, rest) = init.split_once("):\n").unwrap();
        // the only default with a comma in it
        let parameters = parameters.replace("(1, 1)", "");
        let body = rest.split("    def ").next().unwrap();
        let names = parameters.split(',').map(str::trim);
        for parameter in names.filter(|p| !p.is_empty() && *p != "self") {
            let name = parameter.split('=').next().unwrap();
            let is_word = |at: usize| {
                let around = [
                    body[..at].chars().last(),
                    body[at + name.len()..].chars().next(),
                ];
                around
                    .iter()
                    .flatten()
                    .all(|c| !c.is_alphanumeric() && *c != '_')
            };
            let read = body
                .match_indices(name)
                .any(|(at, _)| is_word(at) && !body[at + name.len()..].starts_with('='));
            assert!(read, "{name} is not used in\n{init}");
        }
    }
}

fn stage_shapes_are_those_of_the_network(source: &str, space: &SearchSpace, genotype: &Genotype) {
    let network = space.decode(genotype);
    let mut shapes = vec![String::new(); space.stages()];
    for section in network.sections() {
        if let roofnas_space::Part::Block { stage, .. } = section.part {
            shapes[stage] = network.layers()[section.layers.end - 1].output.to_string();
        }
    }
    let written = source
        .lines()
        .filter_map(|line| line.split("Sequential(  # stride ").nth(1));
    let written: Vec<&str> = written
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(written.len(), shapes.len());
    for (written, shape) in written.into_iter().zip(&shapes) {
        // a stage of nothing but identities has no layers to read a shape off
        assert!(
            shape.is_empty() || written == shape,
            "{written}, not {shape}"
        );
    }
}

// --- in PyTorch ---------------------------------------------------------------------------------------

#[test]
fn pytorch_runs_what_is_exported() {
    judged_by(
        "pytorch.py",
        "numpy, onnx, onnxruntime, torch",
        write_networks,
    );
}

fn write_networks(folder: &Path) {
    let write = |file: &str, space: &SearchSpace, genotype: &Genotype| {
        let bytes = onnx::export(
            &space.decode(genotype),
            InitialWeights::seeded(1),
            Batch::Dynamic,
        );
        fs::write(folder.join(format!("{file}.onnx")), bytes.unwrap()).unwrap();
        let source = pytorch::export(space, genotype);
        fs::write(folder.join(format!("{file}.py")), source).unwrap();
    };
    for name in presets::NAMES {
        let space = preset(name);
        write(
            &format!("preset-{name}"),
            &space,
            &space.sample(&mut rng(1)),
        );
    }
    for (name, text) in landmarks() {
        let space = space(text);
        write(&format!("landmark-{name}"), &space, &space.only());
    }
    for (name, text) in [("awkward", AWKWARD), ("headless", HEADLESS)] {
        let space = space(text);
        for seed in 0..16 {
            let genotype = space.sample(&mut rng(seed));
            write(&format!("{name}-{seed}"), &space, &genotype);
        }
    }
    for (name, text) in [("stem-only", STEM_ONLY), ("golden", GOLDEN)] {
        let space = space(text);
        write(name, &space, &space.only());
    }
    for activation in ACTIVATIONS {
        let space = all_blocks(activation);
        write(&format!("blocks-{activation}"), &space, &space.only());
    }
}
