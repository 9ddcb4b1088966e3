//! Exported models in the hands of others: the official checker, ONNX Runtime and NumPy.
//!
//! Everything else needs only cargo, so this has to be asked for: `ROOFNAS_PYTHON=1 cargo test`. The
//! models are written here and checked by `onnx_runtime.py` beside this file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod in_python;

use std::fs;
use std::path::Path;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{
    Activation, Attribute, BlockKind, Conv, Network, NetworkBuilder, Op, Pool, PoolKind, Role,
    SearchSpace, Shape, Tensor, presets,
};

use in_python::{AWKWARD, judged_by};

/// Samples of the awkward space that are written.
const AWKWARD_NETWORKS: usize = 16;

#[test]
fn others_can_run_what_is_exported() {
    judged_by("onnx_runtime.py", "numpy, onnx, onnxruntime", write_models);
}

fn write_models(folder: &Path) {
    let write = |file: &str, network: &Network, batch| {
        let bytes = onnx::export(network, InitialWeights::seeded(1), batch).unwrap();
        fs::write(folder.join(format!("{file}.onnx")), bytes).unwrap();
    };
    for name in presets::NAMES {
        let space = SearchSpace::new(presets::definition(name).unwrap()).unwrap();
        let network = space.decode(&space.sample(&mut Xoshiro256PlusPlus::seed_from_u64(1)));
        write(&format!("preset-{name}"), &network, Batch::Dynamic);
    }
    for landmark in presets::landmarks() {
        let file = format!("landmark-{}", landmark.name);
        write(&file, &landmark.network, Batch::Dynamic);
    }
    for (index, network) in awkward_networks().iter().enumerate() {
        write(&format!("awkward-{index}-fixed"), network, Batch::Fixed(3));
        write(&format!("awkward-{index}-dynamic"), network, Batch::Dynamic);
    }
    for activation in ACTIVATIONS {
        write(
            &format!("blocks-{activation}"),
            &all_blocks(activation),
            Batch::Dynamic,
        );
    }
    for (name, network) in single_operators() {
        write(&format!("op-{name}"), &network, Batch::Dynamic);
    }
    write("edges", &edges(), Batch::Dynamic);
}

/// Two blocks of every kind, the first of them with a change of shape, all with one activation.
fn all_blocks(activation: Activation) -> Network {
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
    let text = format!("resolution = 20\n[stem]\nchannels = 24\n{stages}[head]\nclasses = 10");
    let space = SearchSpace::new(toml::from_str(&text).unwrap()).unwrap();
    space.decode(&space.only())
}

fn awkward_networks() -> Vec<Network> {
    let space = SearchSpace::new(toml::from_str(AWKWARD).unwrap()).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let samples = (0..AWKWARD_NETWORKS).map(|_| space.decode(&space.sample(&mut rng)));
    samples.collect()
}

const ACTIVATIONS: [Activation; 7] = [
    Activation::Relu,
    Activation::Relu6,
    Activation::Swish,
    Activation::HardSwish,
    Activation::Sigmoid,
    Activation::HardSigmoid,
    Activation::Gelu,
];

/// Networks of one operator over 12x7x6, by the name the script knows them by.
fn single_operators() -> Vec<(&'static str, Network)> {
    let pool = |kind| {
        Op::Pool(Pool {
            kind,
            kernel: 3,
            stride: 2,
            padding: 1,
        })
    };
    let oblong = Conv {
        out_channels: 6,
        kernel: [3, 1],
        stride: [1, 2],
        dilation: [2, 1],
        padding: [2, 0],
        groups: 3,
        bias: true,
    };
    let linear = Op::Linear {
        out_features: 5,
        bias: true,
    };
    let over =
        |inputs: usize, op| build(|b| b.push("op", op, &vec![Tensor::Input; inputs], Role::Main));
    let one = |op| over(1, op);
    let mut networks = vec![
        ("add", over(2, Op::Add)),
        ("concat", over(2, Op::Concat)),
        ("global_avg_pool", one(Op::GlobalAvgPool)),
        ("batch_norm", one(Op::BatchNorm)),
        ("shuffle3", one(Op::ChannelShuffle { groups: 3 })),
        ("shuffle4", one(Op::ChannelShuffle { groups: 4 })),
        ("max_pool", one(pool(PoolKind::Max))),
        ("avg_pool", one(pool(PoolKind::Average))),
        ("linear", one(linear)),
        ("conv", one(Op::Conv(Conv::same(8, 3, 1)))),
        (
            "conv_depthwise",
            one(Op::Conv(Conv::same(24, 5, 2).grouped(12))),
        ),
        ("conv_oblong", one(Op::Conv(oblong))),
    ];
    networks.extend(ACTIVATIONS.map(|a| (a.name(), one(Op::Activation(a)))));
    let folded = build(|b| {
        let x = b.push(
            "op",
            Op::Conv(Conv::same(8, 3, 1)),
            &[Tensor::Input],
            Role::Main,
        );
        b.push("bn", Op::BatchNorm, &[x], Role::Main)
    });
    networks.push(("conv_folded", folded));
    let scale = build(|b| {
        let gate = b.push("gap", Op::GlobalAvgPool, &[Tensor::Input], Role::Main);
        b.push("op", Op::Scale, &[Tensor::Input, gate], Role::Main)
    });
    networks.push(("scale", scale));
    networks
}

/// What no search space makes: outputs that are shared, read on or the input itself, batch-norms of all sorts,
/// features that become maps again.
fn edges() -> Network {
    let linear = Op::Linear {
        out_features: 12,
        bias: false,
    };
    build(|b| {
        let mut push = |name, op, inputs: &[Tensor]| b.push(name, op, inputs, Role::Main);
        let norm = push("bn", Op::BatchNorm, &[Tensor::Input]);
        let conv = push("conv", Op::Conv(Conv::same(12, 3, 1)), &[norm]);
        let seen = push("seen.bn", Op::BatchNorm, &[conv]);
        let sum = push("add", Op::Add, &[conv, seen]);
        let features = push("linear", linear, &[sum]);
        let features = push("linear.bn", Op::BatchNorm, &[features]);
        let scaled = push("scale", Op::Scale, &[sum, features]);
        let gap = push("gap", Op::GlobalAvgPool, &[scaled]);
        let joined = push("concat", Op::Concat, &[features, gap]);
        let project = push("project", Op::Conv(Conv::pointwise(12)), &[joined]);
        for (name, tensor) in [
            ("image", Tensor::Input),
            ("features", features),
            ("again", features),
            ("sum", sum),
            ("sum", project),
        ] {
            b.output(name, tensor);
        }
        project
    })
}

fn build(layers: impl FnOnce(&mut NetworkBuilder) -> Tensor) -> Network {
    let mut builder = NetworkBuilder::new("single", Shape::new(12, 7, 6));
    let output = layers(&mut builder);
    builder.output("output", output);
    builder.finish().unwrap()
}
