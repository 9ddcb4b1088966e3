//! Networks of presets and landmarks, exported and read again, are found to be what they are.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::onnx::{self, Batch, ImportOptions, InitialWeights};
use crate::op::{Conv, Op};
use crate::{
    Activation, NetworkBuilder, Part, Role, SearchSpace, Shape, SpaceDefinition, Tensor, presets,
};

/// A network as its ONNX file has it.
fn reread(network: &Network) -> Network {
    let bytes = onnx::export(network, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    onnx::import(&bytes, &ImportOptions::default()).unwrap()
}

/// The space around a network holds it.
fn holds(network: &Network) -> Recognised {
    let read = reread(network);
    let found = recognise(&read).unwrap_or_else(|error| panic!("{}: {error}", network.name()));
    assert_eq!(found.remarks, [], "{}", network.name());
    let around = found.surroundings().unwrap();
    let own = around.space.parse(&around.own).unwrap();
    let built = around.space.decode(&own);
    let likeness = Likeness::of(&read, &built);
    assert!(likeness.is_same(), "{}: {likeness:#?}", network.name());
    let outputs = |network: &Network| -> Vec<String> {
        let outputs = network.outputs().iter();
        let mut shapes: Vec<String> = outputs
            .map(|output| network.shape(output.tensor).to_string())
            .collect();
        shapes.sort();
        shapes
    };
    assert_eq!(outputs(&read), outputs(&built), "{}", network.name());
    found
}

#[test]
fn landmarks_are_recognised() {
    for landmark in presets::landmarks() {
        let found = holds(&landmark.network);
        assert!((found.share - 1.0).abs() < 1e-12, "{}", landmark.name);
        let around = found.surroundings().unwrap();
        assert_eq!(around.reach, Reach::Around, "{}", landmark.name);
    }
}

#[test]
fn networks_of_presets_are_recognised() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    for name in presets::NAMES {
        let space = SearchSpace::new(presets::definition(name).unwrap()).unwrap();
        for _ in 0..6 {
            holds(&space.decode(&space.sample(&mut rng)));
        }
    }
}

/// Every family of blocks, feature maps, and an image that is no square.
const EVERYTHING: &str = r#"
resolution = "96x64"
input_channels = 1
features = [4, 8, 16]

[stem]
channels = 16
kernel = 5
activation = "gelu"

[[stage]]
block = ["conv", "basic"]
depth = 2
channels = [24, 32]
stride = 2
kernel = [3, 5]
per_layer = ["block", "kernel"]

[[stage]]
block = [{ kind = "fused_inverted_bottleneck", expand = [1, 4] }, "depthwise_separable"]
depth = 2
channels = [32, 48]
stride = 2
per_layer = ["expand"]

[[stage]]
block = ["grouped_shuffle", { kind = "bottleneck", groups = [1, 2], expand = [0.5, 1] }]
depth = 2
channels = 64
stride = 2
per_layer = ["block"]

[[stage]]
block = ["large_kernel_depthwise", { kind = "inverted_bottleneck", groups = [2, "depthwise"], expand = [1, 6], se = [0, 0.25] }]
depth = 3
channels = 64
per_layer = ["block", "se"]
"#;

#[test]
fn every_family_is_recognised() {
    let definition: SpaceDefinition = toml::from_str(EVERYTHING).unwrap();
    let space = SearchSpace::new(definition).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    for _ in 0..40 {
        let found = holds(&space.decode(&space.sample(&mut rng)));
        assert_eq!(found.own.features, [4, 8, 16]);
        assert_eq!(found.own.resolution.to_string(), "96x64");
        assert_eq!(found.own.head, None);
    }
}

/// A network of one's own: a stem and some layers behind it.
fn network(side: usize, layers: impl Fn(&mut NetworkBuilder, Tensor) -> Tensor) -> Network {
    let mut b = NetworkBuilder::new("own", Shape::new(3, side, side));
    b.section(Part::Whole, "");
    let x = conv_act(&mut b, "stem", Conv::same(16, 3, 2), Tensor::Input);
    let out = layers(&mut b, x);
    b.output("out", out);
    b.finish().unwrap()
}

fn conv_act(b: &mut NetworkBuilder, name: &'static str, conv: Conv, x: Tensor) -> Tensor {
    let x = b.push(name, Op::Conv(conv), &[x], Role::Main);
    b.push(
        format!("{name}.act"),
        Op::Activation(Activation::Relu),
        &[x],
        Role::Main,
    )
}

#[test]
fn branches_without_a_form_get_the_nearest_block_and_a_remark() {
    let inception = network(64, |b, x| {
        let x = conv_act(b, "first", Conv::same(32, 3, 2), x);
        let left = conv_act(b, "left", Conv::same(16, 3, 1), x);
        let right = conv_act(b, "right", Conv::same(16, 5, 1), x);
        let x = b.push("join", Op::Concat, &[left, right], Role::Main);
        let x = conv_act(b, "last", Conv::same(64, 3, 2), x);
        let x = conv_act(b, "more", Conv::same(128, 3, 1), x);
        let x = b.push("pool", Op::GlobalAvgPool, &[x], Role::Main);
        b.push(
            "fc",
            Op::Linear {
                out_features: 10,
                bias: true,
            },
            &[x],
            Role::Main,
        )
    });
    let found = recognise(&inception).unwrap();
    let [remark] = &found.remarks[..] else {
        panic!("{:?}", found.remarks);
    };
    assert!(
        remark
            .to_string()
            .contains("left (conv) to join (concat), 5 layers form no block"),
        "{remark}"
    );
    assert!(found.share < 1.0 && found.share > 0.5);
    let around = found.surroundings().unwrap();
    let own = around
        .space
        .decode(&around.space.parse(&around.own).unwrap());
    assert!(!Likeness::of(&inception, &own).is_same());
    assert_eq!(found.own.head.as_ref().unwrap().classes, 10);
}

#[test]
fn a_neck_reads_features() {
    let pyramid = network(64, |b, x| {
        let x = conv_act(b, "s4", Conv::same(32, 3, 2), x);
        let c8 = conv_act(b, "s8", Conv::same(64, 3, 2), x);
        let c16 = conv_act(b, "s16", Conv::same(128, 3, 2), c8);
        let deep = b.push(
            "lateral16",
            Op::Conv(Conv::pointwise(32)),
            &[c16],
            Role::Main,
        );
        let up = b.push_shaped(
            "up",
            Op::Other(crate::Other {
                name: "resize".into(),
                work: crate::Work::Elementwise { flops: 1 },
                weights: 0,
                output: Shape::new(32, 8, 8),
            }),
            &[deep],
            Shape::new(32, 8, 8),
        );
        let side = b.push("lateral8", Op::Conv(Conv::pointwise(32)), &[c8], Role::Main);
        let sum = b.push("sum", Op::Add, &[side, up], Role::Main);
        b.push("out", Op::Conv(Conv::same(32, 3, 1)), &[sum], Role::Main)
    });
    let found = recognise(&pyramid).unwrap();
    assert_eq!(found.own.features, [8, 16]);
    assert_eq!(found.own.head, None);
    let channels: Vec<usize> = found
        .own
        .stages
        .iter()
        .map(|stage| stage.channels)
        .collect();
    assert_eq!(channels, [32, 64, 128]);
    assert_eq!(found.remarks, []);
    let behind = found.behind.as_ref().unwrap();
    assert!(behind.layers.contains("lateral16"), "{}", behind.layers);
    let strides: Vec<usize> = behind.cut.maps.values().copied().collect();
    assert!(strides.contains(&8) && strides.contains(&16), "{strides:?}");
    let left = found.without_head(None).unwrap().remarks;
    let last = left.last().unwrap().to_string();
    assert!(
        last.contains("lateral16") && last.contains("neck"),
        "{last}"
    );
}

/// What stands between the last block and the neck is the neck's.
#[test]
fn a_neck_may_begin_with_an_activation() {
    let network = network(64, |b, x| {
        let x = conv_act(b, "s4", Conv::same(32, 3, 2), x);
        let x = conv_act(b, "s8", Conv::same(64, 3, 2), x);
        let gelu = Op::Activation(Activation::Gelu);
        let x = b.push("between", gelu, &[x], Role::Main);
        let up = Shape::new(64, 16, 16);
        let resize = Op::Other(crate::Other {
            name: "resize".into(),
            work: crate::Work::Elementwise { flops: 1 },
            weights: 0,
            output: up,
        });
        let x = b.push_shaped("up", resize, &[x], up);
        b.push("out", Op::Conv(Conv::same(8, 3, 1)), &[x], Role::Main)
    });
    let found = recognise(&network).unwrap();
    let behind = found.behind.unwrap();
    let layers = &behind.layers;
    assert!(layers.starts_with("between"), "{layers}");
    assert_eq!(found.own.features, [8]);
    assert_eq!(found.remarks, []);
}

/// A decoder pools as a classifier does, and goes on with maps.
#[test]
fn a_decoder_is_no_classifier() {
    let network = network(64, |b, x| {
        let x = conv_act(b, "s4", Conv::same(32, 3, 2), x);
        let x = conv_act(b, "s8", Conv::same(64, 3, 2), x);
        let x = conv_act(b, "s16", Conv::same(128, 3, 2), x);
        let map = conv_act(b, "map", Conv::pointwise(64), x);
        let pooled = b.push("pool", Op::GlobalAvgPool, &[x], Role::Main);
        let all = conv_act(b, "all", Conv::pointwise(64), pooled);
        let wide = Shape::new(64, 4, 4);
        let resize = Op::Other(crate::Other {
            name: "resize".into(),
            work: crate::Work::Elementwise { flops: 1 },
            weights: 0,
            output: wide,
        });
        let all = b.push_shaped("wide", resize, &[all], wide);
        let x = b.push("join", Op::Concat, &[map, all], Role::Main);
        b.push("out", Op::Conv(Conv::pointwise(19)), &[x], Role::Main)
    });
    let found = recognise(&network).unwrap();
    assert_eq!(found.own.head, None);
    assert_eq!(found.own.features, [16]);
    let behind = found.behind.unwrap();
    assert!(behind.layers.contains("pool"), "{}", behind.layers);
}

/// What ends in one position is another kind of classifier, not a neck: its blocks must be most of it.
#[test]
fn blocks_that_only_begin_a_network_are_not_enough() {
    let hybrid = |width: usize| {
        network(64, move |b, x| {
            let x = conv_act(b, "s4", Conv::same(32, 3, 2), x);
            let x = conv_act(b, "s8", Conv::same(64, 3, 2), x);
            let tokens = Shape::new(width, 64, 1);
            let product = Op::Other(crate::Other {
                name: "attention".into(),
                work: crate::Work::Elementwise { flops: 9 },
                weights: 0,
                output: tokens,
            });
            let x = b.push_shaped("attention", product, &[x], tokens);
            let linear = Op::Conv(Conv::pointwise(width));
            let x = b.push("mixed", linear, &[x], Role::Main);
            let one = Shape::new(width, 1, 1);
            let mean = Op::Other(crate::Other {
                name: "mean".into(),
                work: crate::Work::Elementwise { flops: 1 },
                weights: 0,
                output: one,
            });
            b.push_shaped("mean", mean, &[x], one)
        })
    };
    let error = recognise(&hybrid(1024)).unwrap_err();
    assert!(
        matches!(error, RecogniseError::Foreign { share, .. } if share < 0.5),
        "{error}"
    );
    // little of it: left out, and said
    let found = recognise(&hybrid(64)).unwrap();
    assert!(found.is_cut && found.behind.is_none());
    let last = found.remarks.last().unwrap().to_string();
    assert!(last.contains("left out"), "{last}");
}

#[test]
fn what_is_no_image_network_is_refused() {
    let tokens = {
        let mut b = NetworkBuilder::new("tokens", Shape::new(64, 1, 1));
        b.section(Part::Whole, "");
        let x = b.push(
            "fc",
            Op::Linear {
                out_features: 8,
                bias: true,
            },
            &[Tensor::Input],
            Role::Main,
        );
        b.output("out", x);
        b.finish().unwrap()
    };
    let error = recognise(&tokens).unwrap_err().to_string();
    assert!(error.contains("64x1x1 is no image"), "{error}");

    let mut b = NetworkBuilder::new("mlp", Shape::new(3, 32, 32));
    b.section(Part::Whole, "");
    let x = b.push(
        "fc",
        Op::Linear {
            out_features: 8,
            bias: true,
        },
        &[Tensor::Input],
        Role::Main,
    );
    b.output("out", x);
    let error = recognise(&b.finish().unwrap()).unwrap_err().to_string();
    assert!(
        error.contains("doesn't begin with a convolution: the image goes into fc (linear)"),
        "{error}"
    );

    let attention = network(64, |b, x| {
        let mut x = x;
        for _ in 0..4 {
            let shape = b.shape(x);
            let product = crate::MatMul {
                macs: 50_000_000,
                weights: 0,
                output: shape,
            };
            x = b.push("tokens", Op::MatMul(product), &[x, x], Role::Main);
        }
        x
    });
    let error = recognise(&attention).unwrap_err();
    assert!(
        matches!(
            error,
            RecogniseError::Foreign { .. } | RecogniseError::NoBlocks { .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("tokens (matmul)"), "{error}");
}

#[test]
fn paddings_on_one_side_belong_to_their_convolutions() {
    let padded = network(64, |b, x| {
        let larger = Shape::new(16, 33, 33);
        let pad = crate::Other {
            name: "Pad".into(),
            work: crate::Work::Move,
            weights: 0,
            output: larger,
        };
        let x = b.push_shaped("pad", Op::Other(pad), &[x], larger);
        let bare = Conv {
            padding: [0; 2],
            ..Conv::same(32, 3, 2)
        };
        let x = conv_act(b, "first", bare, x);
        let x = b.push("pool", Op::GlobalAvgPool, &[x], Role::Main);
        let classes = Op::Linear {
            out_features: 10,
            bias: true,
        };
        b.push("fc", classes, &[x], Role::Main)
    });
    let found = recognise(&padded).unwrap();
    let remarks: Vec<String> = found.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        ["paddings before 1 convolutions are layers of their own; here the convolutions have them"]
    );
    let around = found.surroundings().unwrap();
    let own = around
        .space
        .decode(&around.space.parse(&around.own).unwrap());
    assert!(Likeness::of(&padded, &own).is_same());
}

#[test]
fn what_differs_is_remarked() {
    let odd = network(64, |b, x| {
        let x = conv_act(
            b,
            "patch",
            Conv {
                kernel: [2; 2],
                padding: [0; 2],
                ..Conv::same(30, 3, 2)
            },
            x,
        );
        let dilated = Conv {
            dilation: [2; 2],
            padding: [2; 2],
            ..Conv::same(30, 3, 1)
        };
        let x = conv_act(b, "wide", dilated, x);
        let x = b.push("pool", Op::GlobalAvgPool, &[x], Role::Main);
        b.push(
            "fc",
            Op::Linear {
                out_features: 10,
                bias: true,
            },
            &[x],
            Role::Main,
        )
    });
    let remarks: Vec<String> = recognise(&odd)
        .unwrap()
        .remarks
        .iter()
        .map(ToString::to_string)
        .collect();
    let all = remarks.join("\n");
    for part in [
        "patch has a kernel of 2x2, here 3x3",
        "wide is dilated",
        "has 30 channels, here 32",
    ] {
        assert!(all.contains(part), "{part} in\n{all}");
    }
}
