//! `roofnas init --from`: a space around a network of one's own.

use std::fs;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use roofnas::{Experiment, ExperimentConfig, ExperimentFile};
use roofnas_cost::{NetworkCost, Platform};
use roofnas_hardware::Profiles;
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::recognise::Likeness;
use roofnas_space::{
    Activation, Choices, Conv, Network, NetworkBuilder, Op, Part, Role, SearchSpace, Shape, Tensor,
    presets,
};

use serde_json::Value;

use crate::support::Desk;

const QUICK: [&str; 8] = [
    "--set",
    "search.population=16",
    "--set",
    "search.evaluations=64",
    "--set",
    "search.certify=false",
    "--set",
    "output.backbones=0",
];

/// Writes a network as an ONNX file.
fn save(desk: &Desk, file: &str, network: &Network) {
    let bytes = onnx::export(network, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    desk.write(file, bytes);
}

/// The smallest of some networks of a preset.
fn sampled(preset: &str) -> Network {
    let space = SearchSpace::new(presets::definition(preset).unwrap()).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let networks = (0..12).map(|_| space.decode(&space.sample(&mut rng)));
    networks
        .min_by_key(|network| costs(network).params)
        .unwrap()
}

fn costs(network: &Network) -> NetworkCost {
    NetworkCost::new(network, &roofnas_cost::Fusion::every_activation())
}

/// What a file asks for.
fn config(desk: &Desk, file: &str) -> ExperimentConfig {
    let parsed = ExperimentFile::parse(&desk.read(file), file, &[]);
    parsed.unwrap().runs.remove(0).config
}

/// The experiment in a file, checked.
fn experiment(desk: &Desk, file: &str) -> Experiment {
    Experiment::new(config(desk, file), file, &Profiles::default()).unwrap()
}

/// The space in a file holds a network, and the search begins with it.
fn holds(desk: &Desk, file: &str, network: &Network) {
    let experiment = experiment(desk, file);
    let built = experiment.space.decode(&experiment.start[0]);
    let likeness = Likeness::of(network, &built);
    assert!(likeness.is_same(), "{likeness:#?}");
    let (own, built) = (costs(network), costs(&built));
    assert_eq!((own.macs, own.params), (built.macs, built.params));
    assert!(
        experiment.space.size() > 1000_u32.into(),
        "{}",
        experiment.space.size()
    );
}

#[test]
fn the_space_around_a_network_of_a_preset_holds_it_and_can_be_searched() {
    for preset in ["mobile", "resnet", "regnet"] {
        let desk = Desk::new();
        let network = sampled(preset);
        save(&desk, "net.onnx", &network);
        let init = [
            "init",
            "own.toml",
            "--from",
            "net.onnx",
            "--platform",
            "nvidia-v100",
        ];
        desk.roofnas(&init)
            .ends(0)
            .says(&["net.onnx", "the space holds the network", "own.toml"]);
        holds(&desk, "own.toml", &network);
        desk.roofnas(&["check", "own.toml"]).ends(0);
        let run = ["run", "own.toml", "--out", "run"].into_iter().chain(QUICK);
        desk.roofnas(&run.collect::<Vec<_>>()).ends(0);
        assert!(desk.read("run/pareto.csv").lines().count() > 1);
    }
}

#[test]
fn the_budget_is_what_the_network_takes() {
    let desk = Desk::new();
    let network = sampled("mobile");
    save(&desk, "net.onnx", &network);
    let priced = [
        "predict",
        "--platform",
        "raspberry-pi-4-ncnn-4-threads",
        "--format",
        "json",
        "net.onnx",
    ];
    let priced: Value = serde_json::from_str(&desk.roofnas(&priced).ends(0).stdout).unwrap();
    let latency = priced.pointer("/0/latency_ms").or(priced.get("latency_ms"));
    let latency = latency.unwrap().as_f64().unwrap();
    desk.roofnas(&["init", "own.toml", "--from", "net.onnx"])
        .ends(0);
    let experiment = experiment(&desk, "own.toml");
    let budget = experiment.resolved.constraints.latency_ms.unwrap();
    assert!(
        budget >= latency && budget <= 1.002 * latency,
        "{budget} {latency}"
    );
    let own = experiment.space.decode(&experiment.start[0]);
    let own = experiment.appraiser.appraise(&own);
    assert!(own.latency.mean_ms <= budget);
    assert!(
        desk.read("own.toml")
            .lines()
            .filter(|line| line.contains('#'))
            .count()
            > 25
    );
}

#[test]
fn platforms_batches_and_formats_are_taken_over() {
    let desk = Desk::new();
    save(&desk, "net.onnx", &sampled("mobile"));
    let init = [
        "init",
        "own.toml",
        "--from",
        "net.onnx",
        "--platform",
        "nvidia-v100",
        "--batch",
        "8",
        "--dtype",
        "fp16",
    ];
    desk.roofnas(&init).ends(0);
    let platform = config(&desk, "own.toml").platform;
    assert_eq!(
        (
            platform.profile.as_str(),
            platform.batch,
            platform.dtype.name()
        ),
        ("nvidia-v100", Choices::One(8), "fp16")
    );
    // a file of one's own is found again, beside the experiment or from where one is
    let profile = desk
        .roofnas(&["platforms", "intel-i9-10980xe"])
        .ends(0)
        .stdout;
    let profile = Platform::from_toml(&profile).unwrap();
    desk.write("mine.toml", profile.to_toml());
    desk.roofnas(&[
        "init",
        "other.toml",
        "--from",
        "net.onnx",
        "--platform",
        "mine.toml",
    ])
    .ends(0);
    desk.roofnas(&["check", "other.toml"]).ends(0);
}

#[test]
fn feature_maps_and_images_that_are_no_squares() {
    let text = r#"
        resolution = "96x64"
        input_channels = 1
        features = [4, 8, 16]
        stem = { channels = 16 }
        stage = [
            { block = "inverted_bottleneck", depth = 2, channels = 24, stride = 2, kernel = 5, expand = 4, se = 0.25, activation = "hard_swish" },
            { block = "fused_inverted_bottleneck", depth = 2, channels = 40, stride = 2 },
            { block = "depthwise_separable", depth = 1, channels = 64, stride = 2 },
        ]
    "#;
    let space = SearchSpace::new(toml::from_str(text).unwrap()).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let network = space.decode(&space.sample(&mut rng));
    let desk = Desk::new();
    save(&desk, "net.onnx", &network);
    desk.roofnas(&["init", "own.toml", "--from", "net.onnx"])
        .ends(0);
    holds(&desk, "own.toml", &network);
    let text = desk.read("own.toml");
    for part in [
        "resolution = \"96x64\"",
        "features = [4, 8, 16]",
        "input_channels = 1",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains("[space.head]"), "{text}");
}

/// A network of one's own: a stem and some layers behind it.
fn network(layers: impl Fn(&mut NetworkBuilder, Tensor) -> Tensor) -> Network {
    let mut b = NetworkBuilder::new("own", Shape::new(3, 64, 64));
    b.section(Part::Whole, "");
    let x = conv_act(&mut b, "stem", Conv::same(16, 3, 2), Tensor::Input);
    let x = layers(&mut b, x);
    let x = b.push("pool", Op::GlobalAvgPool, &[x], Role::Main);
    let classes = Op::Linear {
        out_features: 10,
        bias: true,
    };
    let out = b.push("fc", classes, &[x], Role::Main);
    b.output("logits", out);
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
fn branches_get_the_nearest_block_and_are_named() {
    let desk = Desk::new();
    let branched = network(|b, x| {
        let x = conv_act(b, "first", Conv::same(32, 3, 2), x);
        let left = conv_act(b, "left", Conv::same(16, 3, 1), x);
        let right = conv_act(b, "right", Conv::same(16, 5, 1), x);
        let x = b.push("join", Op::Concat, &[left, right], Role::Main);
        let x = conv_act(b, "last", Conv::same(64, 3, 2), x);
        conv_act(b, "more", Conv::same(128, 3, 1), x)
    });
    save(&desk, "net.onnx", &branched);
    desk.roofnas(&["init", "own.toml", "--from", "net.onnx"])
        .ends(0)
        .says(&[
            "warning: left (conv) to join (concat), 5 layers form no block",
            "not the network itself",
        ]);
    let text = desk.read("own.toml");
    assert!(text.contains("# - left (conv) to join (concat)"), "{text}");
    assert!(
        text.contains("# The space does not hold the network itself"),
        "{text}"
    );
    desk.roofnas(&["check", "own.toml"]).ends(0);
}

#[test]
fn what_no_space_can_surround_is_refused_with_a_reason() {
    let desk = Desk::new();
    let refused = |file: &str, reasons: &[&str]| {
        desk.roofnas(&["init", "own.toml", "--from", file])
            .ends(2)
            .says(reasons);
        assert!(!desk.path("own.toml").exists());
    };
    let small = network(|b, x| conv_act(b, "only", Conv::same(32, 3, 2), x));
    let bytes = onnx::export(&small, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    desk.write("cut.onnx", &bytes[..bytes.len() / 2]);
    refused("cut.onnx", &["cut.onnx"]);
    desk.write("text.onnx", "not a model");
    refused("text.onnx", &["text.onnx"]);
    refused("absent.onnx", &["absent.onnx"]);

    let mut b = NetworkBuilder::new("features", Shape::new(64, 1, 1));
    b.section(Part::Whole, "");
    let linear = Op::Linear {
        out_features: 8,
        bias: true,
    };
    let out = b.push("fc", linear.clone(), &[Tensor::Input], Role::Main);
    b.output("out", out);
    save(&desk, "features.onnx", &b.finish().unwrap());
    refused("features.onnx", &["features.onnx", "64x1x1 is no image"]);

    let mut b = NetworkBuilder::new("mlp", Shape::new(3, 32, 32));
    b.section(Part::Whole, "");
    let out = b.push("fc", linear, &[Tensor::Input], Role::Main);
    b.output("out", out);
    save(&desk, "mlp.onnx", &b.finish().unwrap());
    refused(
        "mlp.onnx",
        &["mlp.onnx", "doesn't begin with a convolution", "fc"],
    );

    // mostly branches
    let foreign = network(|b, x| {
        let mut x = conv_act(b, "first", Conv::same(16, 1, 2), x);
        for _ in 0..2 {
            let left = conv_act(b, "left", Conv::same(64, 5, 1), x);
            let right = conv_act(b, "right", Conv::same(64, 5, 1), x);
            x = b.push("join", Op::Concat, &[left, right], Role::Main);
        }
        x
    });
    save(&desk, "foreign.onnx", &foreign);
    refused("foreign.onnx", &["of its MACs", "left", "join"]);
}

/// A detector: the feature maps of a small backbone at strides 8 and 16, a way down, and two outputs.
fn detector() -> Network {
    let text = r#"
        resolution = "64x96"
        features = [8, 16]
        stem = { channels = 16 }
        stage = [
            { block = "inverted_bottleneck", depth = 2, channels = 24, stride = 2, expand = 4 },
            { block = "inverted_bottleneck", depth = 2, channels = 40, stride = 2, expand = 4 },
            { block = "inverted_bottleneck", depth = 2, channels = 80, stride = 2, expand = 4 },
        ]
    "#;
    let space = SearchSpace::new(toml::from_str(text).unwrap()).unwrap();
    let backbone = space.decode(&space.only());
    let [fine, coarse] = [0, 1].map(|output| backbone.outputs()[output].tensor);
    let mut b = NetworkBuilder::continuing(backbone);
    b.section(Part::FixedHead, "");
    let conv = |conv: Conv| Op::Conv(conv.with_bias());
    let down = b.push("down", conv(Conv::same(32, 3, 2)), &[fine], Role::Main);
    let join = b.push("join", Op::Concat, &[down, coarse], Role::Main);
    let boxes = b.push("boxes", conv(Conv::same(16, 3, 1)), &[join], Role::Main);
    let scores = b.push("scores", conv(Conv::pointwise(10)), &[fine], Role::Main);
    b.output("boxes", boxes);
    b.output("scores", scores);
    b.finish().unwrap()
}

#[test]
fn a_detector_keeps_its_head() {
    let desk = Desk::new();
    let network = detector();
    save(&desk, "net.onnx", &network);
    desk.roofnas(&["init", "own.toml", "--from", "net.onnx"])
        .ends(0)
        .says(&[
            "the space holds the network",
            "head.down (conv) to head.scores (conv), 4 layers",
            "fixed, in own-head.onnx",
            "The budget is what the network with its head takes",
        ]);
    let text = desk.read("own.toml");
    assert!(text.contains("onnx = \"own-head.onnx\""), "{text}");
    assert!(!text.contains("features ="), "{text}");
    assert!(!text.contains("[space.head]"), "{text}");
    let config = config(&desk, "own.toml");
    let head = desk.path("own-head.onnx").to_string_lossy().into_owned();
    // beside the experiment, wherever that is
    let file = desk.path("own.toml").to_string_lossy().into_owned();
    let experiment = Experiment::new(config, &file, &Profiles::default()).unwrap();
    assert!(std::path::Path::new(&head).exists());
    let whole = experiment.space.deployed(&experiment.start[0]);
    let likeness = Likeness::of(&network, &whole);
    assert!(likeness.is_same(), "{likeness:#?}");
    let (own, built) = (costs(&network), costs(&whole));
    assert_eq!((own.macs, own.params), (built.macs, built.params));
    assert!(experiment.space.size() > 1000_u32.into());
    // the budget is that of both, and the network keeps it
    let budget = experiment.resolved.constraints.latency_ms.unwrap();
    let latency = experiment.appraiser.appraise(&whole).latency.mean_ms;
    assert!(
        budget >= latency && budget <= 1.002 * latency,
        "{budget} {latency}"
    );

    let run = ["run", "own.toml", "--out", "run"].into_iter().chain(QUICK);
    desk.roofnas(&run.collect::<Vec<_>>())
        .ends(0)
        .says(&["fixed head own-head"]);
    assert!(desk.path("run/head.onnx").exists());
}

#[test]
fn feature_maps_are_no_outputs_beside_a_head() {
    let desk = Desk::new();
    let finished = detector();
    let down = finished.layers().iter().find(|layer| layer.name == "down");
    let fine = down.unwrap().inputs[0];
    let outputs = finished.outputs().to_vec();
    let mut b = NetworkBuilder::continuing(finished);
    b.output("fine", fine);
    for output in outputs {
        b.output(output.name, output.tensor);
    }
    save(&desk, "net.onnx", &b.finish().unwrap());
    desk.roofnas(&["init", "own.toml", "--from", "net.onnx"])
        .ends(0)
        .says(&["warning: output fine is a feature map", "own-head.onnx"]);
    assert!(desk.read("own.toml").contains("# - output fine is"));
}

#[test]
fn the_place_of_a_head_may_be_taken() {
    let desk = Desk::new();
    save(&desk, "net.onnx", &detector());
    desk.write("own-head.onnx", "mine");
    let init = ["init", "own.toml", "--from", "net.onnx"];
    desk.roofnas(&init)
        .ends(2)
        .says(&["own-head.onnx", "is there already"]);
    assert_eq!(desk.read("own-head.onnx"), "mine");
    assert!(!desk.path("own.toml").exists());
    // nothing is left of what could not be finished
    desk.roofnas(&["init", "net.onnx/own.toml", "--from", "net.onnx"])
        .ends(1)
        .says(&["net.onnx/own-head.onnx"]);
    fs::create_dir(desk.path("full")).unwrap();
    // the schema can't be written, the head was
    fs::create_dir(desk.path("full/roofnas-experiment.schema.json")).unwrap();
    let lost = [
        "init",
        "full/own.toml",
        "--from",
        "net.onnx",
        "--with-schema",
    ];
    let ended = desk.roofnas(&lost);
    assert_ne!(ended.code, Some(0), "{ended:?}");
    let left = desk.files("full");
    assert!(left.is_empty(), "{:?}", left.keys());
}

#[test]
fn a_head_that_reads_the_image_is_left_out() {
    let desk = Desk::new();
    let mut b = NetworkBuilder::continuing(detector());
    b.section(Part::FixedHead, "again");
    let finished = detector();
    let boxes = finished.outputs()[0].tensor;
    // the image, made as small as the boxes
    let thumb = Conv::same(16, 5, 16).with_bias();
    let thumb = b.push("thumb", Op::Conv(thumb), &[Tensor::Input], Role::Main);
    let sum = b.push("sum", Op::Add, &[boxes, thumb], Role::Main);
    b.output("boxes", sum);
    b.output("scores", finished.outputs()[1].tensor);
    save(&desk, "net.onnx", &b.finish().unwrap());
    desk.roofnas(&["init", "own.toml", "--from", "net.onnx"])
        .ends(0)
        .says(&[
            "left out: a neck or a head of its own; it reads the model's input",
            "The budget is what the backbone takes",
        ]);
    assert!(!desk.path("own-head.onnx").exists());
    let experiment = experiment(&desk, "own.toml");
    let own = experiment.space.decode(&experiment.start[0]);
    let budget = experiment.resolved.constraints.latency_ms.unwrap();
    let latency = experiment.appraiser.appraise(&own).latency.mean_ms;
    assert!(
        budget >= latency && budget <= 1.002 * latency,
        "{budget} {latency}"
    );
}

#[test]
fn arguments_that_make_no_sense() {
    let desk = Desk::new();
    save(
        &desk,
        "net.onnx",
        &network(|b, x| conv_act(b, "only", Conv::same(32, 3, 2), x)),
    );
    let from = ["init", "own.toml", "--from", "net.onnx"];
    let with = |more: &[&str]| desk.roofnas(&[&from[..], more].concat());
    with(&["--platform", "no-such"]).ends(2).says(&["no-such"]);
    with(&["--dtype", "fp64"]).ends(2).says(&["fp64"]);
    with(&["--batch", "0"]).ends(2);
    desk.roofnas(&["init", "own.toml", "--platform", "nvidia-v100"])
        .ends(2)
        .says(&["--from"]);
    assert!(!desk.path("own.toml").exists());
    desk.write("there.toml", "my own");
    desk.roofnas(&["init", "there.toml", "--from", "net.onnx"])
        .ends(2)
        .says(&["there already"]);
    assert_eq!(desk.read("there.toml"), "my own");
}

#[test]
fn the_image_may_be_of_an_open_size() {
    let desk = Desk::new();
    let network = network(|b, x| conv_act(b, "only", Conv::same(32, 3, 2), x));
    save(&desk, "net.onnx", &network);
    // a size that the file has is not overruled
    desk.roofnas(&[
        "init",
        "own.toml",
        "--from",
        "net.onnx",
        "--input-size",
        "96",
    ])
    .ends(0);
    let text = desk.read("own.toml");
    assert!(text.contains("resolution = 64"), "{text}");
}
