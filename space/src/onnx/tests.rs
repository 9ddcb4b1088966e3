//! What is written, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use prost::Message;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::proto::{DataType, DimensionValue, ModelProto, NodeProto, ValueInfoProto};
use super::{Batch, HELPER_NODES, InitialWeights, export};
use crate::activation::Activation;
use crate::network::{Network, NetworkBuilder, Role, Tensor};
use crate::op::{Conv, ConvTranspose, MatMul, Op, Other, Pool, PoolKind};
use crate::other::Interpolation;
use crate::presets;
use crate::shape::Shape;
use crate::space::SearchSpace;

const SEED: InitialWeights = InitialWeights::seeded(1);

fn exported(network: &Network, batch: Batch) -> ModelProto {
    ModelProto::decode(&*export(network, SEED, batch).unwrap()).unwrap()
}

/// A network of one section, from `(name, op, inputs)`; inputs are names of earlier layers or `input`.
fn network(
    input: Shape,
    layers: &[(&'static str, Op, &[&str])],
    outputs: &[(&str, &str)],
) -> Network {
    let mut b = NetworkBuilder::new("test", input);
    let mut tensors = BTreeMap::from([("input", Tensor::Input)]);
    for (name, op, inputs) in layers.iter().cloned() {
        let inputs: Vec<Tensor> = inputs.iter().map(|input| tensors[input]).collect();
        tensors.insert(name, b.push(name, op, &inputs, Role::Main));
    }
    for &(name, layer) in outputs {
        b.output(name, tensors[layer]);
    }
    b.finish().unwrap()
}

/// The nodes as text: `name: Operator(inputs) -> output`.
fn listing(model: &ModelProto) -> Vec<String> {
    let nodes = &model.graph.as_ref().unwrap().node;
    let line = |node: &NodeProto| {
        let (name, inputs) = (node.name(), node.input.join(", "));
        format!(
            "{name}: {}({inputs}) -> {}",
            node.op_type(),
            node.output.join(", ")
        )
    };
    nodes.iter().map(line).collect()
}

/// A value's shape as text: `batch x 3 x 32 x 32`.
fn shape(info: &ValueInfoProto) -> String {
    let tensor = info.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
    assert_eq!(tensor.elem_type(), DataType::Float as i32);
    let dims = tensor.shape.as_ref().unwrap().dim.iter();
    let dims = dims.map(|dim| match dim.value.as_ref().unwrap() {
        DimensionValue::Size(size) => size.to_string(),
        DimensionValue::Symbol(symbol) => symbol.clone(),
    });
    dims.collect::<Vec<_>>().join(" x ")
}

/// The elements of float initializers, scalars of operators' definitions apart.
fn parameters(model: &ModelProto) -> u64 {
    let initializers = &model.graph.as_ref().unwrap().initializer;
    let parameters = initializers
        .iter()
        .filter(|tensor| tensor.data_type() == DataType::Float as i32 && !tensor.dims.is_empty());
    parameters
        .map(|tensor| tensor.dims.iter().product::<i64>() as u64)
        .sum()
}

/// Weights and biases with every batch-norm folded, from the operators alone. Only for networks in
/// which every batch-norm can be.
fn deployed_parameters(network: &Network) -> u64 {
    let layers = network.layers().iter();
    let count = |layer: &crate::network::Layer| {
        let input = network.input_shape(layer);
        let output = layer.output.channels as u64;
        match layer.op {
            Op::Conv(conv) => conv.weights(input.channels) + if conv.bias { output } else { 0 },
            Op::Linear { bias, .. } => output * (input.elements() + u64::from(bias)),
            Op::BatchNorm => output,
            _ => 0,
        }
    };
    layers.map(count).sum()
}

/// What every model must be: values are defined once and before they are read, nodes have names of their
/// own, initializers are read and as long as they say, and every value has a shape.
fn assert_well_formed(model: &ModelProto) {
    let graph = model.graph.as_ref().unwrap();
    let mut known = BTreeSet::new();
    for info in &graph.input {
        assert!(known.insert(info.name()), "{}", info.name());
    }
    for tensor in &graph.initializer {
        let width = match tensor.data_type() {
            1 => 4,
            7 => 8,
            other => panic!("{} is of type {other}", tensor.name()),
        };
        let elements = tensor.dims.iter().product::<i64>() as usize;
        assert_eq!(
            tensor.raw_data().len(),
            width * elements,
            "{}",
            tensor.name()
        );
        assert!(known.insert(tensor.name()), "{}", tensor.name());
    }
    let mut names = BTreeSet::new();
    let mut read = BTreeSet::new();
    for node in &graph.node {
        assert!(names.insert(node.name()), "{}", node.name());
        for input in &node.input {
            assert!(
                known.contains(input.as_str()),
                "{} reads {input}",
                node.name()
            );
            read.insert(input.as_str());
        }
        for output in &node.output {
            assert!(known.insert(output), "{output}");
        }
    }
    for tensor in &graph.initializer {
        assert!(read.contains(tensor.name()), "{}", tensor.name());
    }
    let typed: BTreeSet<_> = graph
        .value_info
        .iter()
        .chain(&graph.output)
        .map(ValueInfoProto::name)
        .collect();
    let produced: BTreeSet<_> = graph.node.iter().flat_map(|node| &node.output).collect();
    assert!(produced.iter().all(|name| typed.contains(name.as_str())));
    assert_eq!(typed.len(), produced.len());
}

/// Shape and name of every output, and that each layer's node produces the layer's shape.
fn assert_faithful(network: &Network, model: &ModelProto, batch: &str) {
    let graph = model.graph.as_ref().unwrap();
    let infos: BTreeMap<_, _> = graph
        .value_info
        .iter()
        .chain(&graph.output)
        .map(|info| (info.name(), shape(info)))
        .collect();
    let producers: BTreeMap<_, _> = graph.node.iter().map(|node| (node.name(), node)).collect();
    for (index, layer) in network.layers().iter().enumerate() {
        let Some(node) = producers.get(network.layer_name(index).as_str()) else {
            assert_eq!(layer.op, Op::BatchNorm, "{}", network.layer_name(index));
            continue;
        };
        let Shape {
            channels,
            height,
            width,
        } = layer.output;
        let map = format!("{batch} x {channels} x {height} x {width}");
        let flat = format!("{batch} x {channels}");
        let written = &infos[node.output[0].as_str()];
        let is_vector = layer.output.positions() == 1;
        assert!(
            *written == map || (is_vector && *written == flat),
            "{written}"
        );
    }
    let names: Vec<_> = graph.output.iter().map(ValueInfoProto::name).collect();
    let expected: Vec<_> = network.outputs().iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, expected);
}

/// Every node is called after a layer, or after a layer with what makes it a helper.
fn assert_findable(network: &Network, model: &ModelProto) {
    let layers = 0..network.layers().len();
    let layers: BTreeSet<String> = layers.map(|index| network.layer_name(index)).collect();
    for node in &model.graph.as_ref().unwrap().node {
        let helper = |(layer, suffix): (&str, &str)| {
            layers.contains(layer) && HELPER_NODES.contains(&suffix)
        };
        let name = node.name();
        assert!(
            layers.contains(name) || name.rsplit_once('.').is_some_and(helper),
            "{name}"
        );
    }
}

fn spaces() -> &'static [SearchSpace] {
    static SPACES: LazyLock<Vec<SearchSpace>> = LazyLock::new(|| {
        let definitions = presets::NAMES.map(|name| presets::definition(name).unwrap());
        definitions.map(|d| SearchSpace::new(d).unwrap()).into()
    });
    &SPACES
}

proptest! {
    // a case writes and reads a network of each preset, some of 200 MB
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn every_network_of_every_preset(seed: u64) {
        for space in spaces() {
            let genotype = space.sample(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
            let network = space.decode(&genotype);
            for (batch, text) in [(Batch::Fixed(2), "2"), (Batch::Dynamic, "batch")] {
                let model = exported(&network, batch);
                assert_well_formed(&model);
                assert_faithful(&network, &model, text);
                prop_assert_eq!(parameters(&model), deployed_parameters(&network));
                assert_findable(&network, &model);
            }
        }
    }
}

#[test]
fn landmarks_have_their_published_parameters() {
    // torchvision's counts, less one number a channel for each batch-norm folded
    let published = [
        ("ResNet-18", 11_689_512),
        ("ResNet-50", 25_557_032),
        ("MobileNetV3-large", 5_483_032),
    ];
    for (name, params) in published {
        let landmarks = presets::landmarks().into_iter();
        let network = landmarks
            .map(|l| l.network)
            .find(|n| n.name() == name)
            .unwrap();
        let folded = network
            .layers()
            .iter()
            .filter(|layer| layer.op == Op::BatchNorm);
        let folded: u64 = folded.map(|layer| layer.output.channels as u64).sum();
        let model = exported(&network, Batch::Fixed(1));
        assert_eq!(parameters(&model), params - folded, "{name}");
    }
}

#[test]
fn says_what_it_is() {
    let tiny = network(
        Shape::new(3, 4, 6),
        &[("conv", Op::Conv(Conv::same(8, 3, 2)), &["input"])],
        &[("out", "conv")],
    );
    let model = exported(&tiny, Batch::Fixed(4));
    assert_eq!(
        (model.ir_version(), model.opset_import[0].version()),
        (8, 17)
    );
    assert_eq!(model.producer_name(), "roofnas");
    assert_eq!(model.producer_version(), env!("CARGO_PKG_VERSION"));
    let metadata = model.metadata_props.iter();
    let metadata: Vec<_> = metadata.map(|entry| (entry.key(), entry.value())).collect();
    assert_eq!(
        metadata,
        [
            ("roofnas.network", "test"),
            ("roofnas.weights", "untrained, He-normal"),
            ("roofnas.seed", "1"),
        ]
    );
    let graph = model.graph.unwrap();
    assert_eq!(
        (graph.input[0].name(), shape(&graph.input[0])),
        ("input", "4 x 3 x 4 x 6".into())
    );
    assert_eq!(
        (graph.output[0].name(), shape(&graph.output[0])),
        ("out", "4 x 8 x 2 x 3".into())
    );
}

#[test]
fn each_operator() {
    let act = Op::Activation;
    let conv = Op::Conv(Conv::same(6, 3, 2));
    let shuffle = Op::ChannelShuffle { groups: 3 };
    let pool = |kind| {
        Op::Pool(Pool {
            kind,
            kernel: 3,
            stride: 1,
            padding: 1,
        })
    };
    let linear = |bias| Op::Linear {
        out_features: 6,
        bias,
    };
    let net = network(
        Shape::new(3, 8, 8),
        &[
            ("conv", conv, &["input"]),
            ("bn", Op::BatchNorm, &["conv"]),
            ("relu6", act(Activation::Relu6), &["bn"]),
            ("swish", act(Activation::Swish), &["relu6"]),
            ("gelu", act(Activation::Gelu), &["swish"]),
            ("max", pool(PoolKind::Max), &["gelu"]),
            ("mean", pool(PoolKind::Average), &["max"]),
            ("shuffle", shuffle, &["mean"]),
            ("gap", Op::GlobalAvgPool, &["shuffle"]),
            ("gate", act(Activation::HardSigmoid), &["gap"]),
            ("scale", Op::Scale, &["shuffle", "gate"]),
            ("concat", Op::Concat, &["scale", "shuffle"]),
            ("hidden", linear(false), &["concat"]),
            ("act", act(Activation::HardSwish), &["hidden"]),
            ("classifier", linear(true), &["act"]),
        ],
        &[("logits", "classifier")],
    );
    let model = exported(&net, Batch::Dynamic);
    assert_well_formed(&model);
    assert_findable(&net, &model);
    let expected = [
        "conv: Conv(input, conv.weight, conv.bias) -> conv",
        "relu6: Clip(conv, constant.zero, constant.six) -> relu6",
        "swish.sigmoid: Sigmoid(relu6) -> swish.sigmoid",
        "swish: Mul(relu6, swish.sigmoid) -> swish",
        "gelu.div: Div(swish, constant.sqrt2) -> gelu.div",
        "gelu.erf: Erf(gelu.div) -> gelu.erf",
        "gelu.add: Add(gelu.erf, constant.one) -> gelu.add",
        "gelu.mul: Mul(swish, gelu.add) -> gelu.mul",
        "gelu: Mul(gelu.mul, constant.half) -> gelu",
        "max: MaxPool(gelu) -> max",
        "mean: AveragePool(max) -> mean",
        "shuffle.split: Reshape(mean, shuffle.split.shape) -> shuffle.split",
        "shuffle.transpose: Transpose(shuffle.split) -> shuffle.transpose",
        "shuffle: Reshape(shuffle.transpose, shuffle.shape) -> shuffle",
        "gap: GlobalAveragePool(shuffle) -> gap",
        "gate: HardSigmoid(gap) -> gate",
        "scale: Mul(shuffle, gate) -> scale",
        "concat: Concat(scale, shuffle) -> concat",
        "hidden.flatten: Flatten(concat) -> hidden.flatten",
        "hidden: Gemm(hidden.flatten, hidden.weight) -> hidden",
        "act: HardSwish(hidden) -> act",
        "classifier: Gemm(act, classifier.weight, classifier.bias) -> logits",
    ];
    assert_eq!(listing(&model), expected);
    let infos = &model.graph.as_ref().unwrap().value_info;
    let shape_of = |name| shape(infos.iter().find(|info| info.name() == name).unwrap());
    assert_eq!(shape_of("shuffle.split"), "batch x 3 x 2 x 16");
    assert_eq!(shape_of("shuffle.transpose"), "batch x 2 x 3 x 16");
    assert_eq!(shape_of("hidden.flatten"), "batch x 192");
    assert_eq!(shape_of("act"), "batch x 6");
}

#[test]
fn batch_norms_that_somebody_could_see_stay() {
    let conv = Op::Conv(Conv::pointwise(3));
    let net = network(
        Shape::new(3, 8, 8),
        &[
            ("bn1", Op::BatchNorm, &["input"]),
            ("conv1", conv.clone(), &["bn1"]),
            ("bn2", Op::BatchNorm, &["conv1"]),
            ("conv2", conv, &["bn2"]),
            ("bn3", Op::BatchNorm, &["conv2"]),
            ("add", Op::Add, &["conv2", "bn3"]),
        ],
        &[("sum", "add"), ("folded", "bn2")],
    );
    let model = exported(&net, Batch::Fixed(1));
    assert_well_formed(&model);
    let parameters = |layer| ["weight", "bias", "mean", "variance"].map(|p| format!("{layer}.{p}"));
    let (first, third) = (parameters("bn1").join(", "), parameters("bn3").join(", "));
    let expected = [
        &format!("bn1: BatchNormalization(input, {first}) -> bn1"),
        "conv1: Conv(bn1, conv1.weight, conv1.bias) -> folded",
        "conv2: Conv(folded, conv2.weight) -> conv2",
        &format!("bn3: BatchNormalization(conv2, {third}) -> bn3"),
        "add: Add(conv2, bn3) -> sum",
    ];
    assert_eq!(listing(&model), expected);
}

#[test]
fn outputs_may_be_read_on_shared_or_the_input() {
    let relu = Op::Activation(Activation::Relu);
    let net = network(
        Shape::new(3, 8, 8),
        &[("a", relu.clone(), &["input"]), ("b", relu, &["a"])],
        &[
            ("one", "a"),
            ("two", "a"),
            ("image", "input"),
            ("input", "b"),
            ("one", "b"),
        ],
    );
    let model = exported(&net, Batch::Fixed(1));
    assert_well_formed(&model);
    let expected = [
        "a: Relu(input) -> one",
        "b: Relu(one) -> input.2",
        "two.copy: Identity(one) -> two",
        "image.copy: Identity(input) -> image",
        "one.2.copy: Identity(input.2) -> one.2",
    ];
    assert_eq!(listing(&model), expected);
}

#[test]
fn features_become_maps_where_maps_are_needed() {
    let linear = Op::Linear {
        out_features: 4,
        bias: false,
    };
    let net = network(
        Shape::new(4, 2, 2),
        &[
            ("linear", linear, &["input"]),
            ("gap", Op::GlobalAvgPool, &["input"]),
            ("twice", Op::Add, &["linear", "linear"]),
            ("add", Op::Add, &["twice", "gap"]),
            ("scale", Op::Scale, &["input", "linear"]),
            ("conv", Op::Conv(Conv::pointwise(4)), &["linear"]),
        ],
        &[("a", "add"), ("b", "scale"), ("c", "conv"), ("d", "twice")],
    );
    let model = exported(&net, Batch::Fixed(1));
    assert_well_formed(&model);
    let expected = [
        "linear.flatten: Flatten(input) -> linear.flatten",
        "linear: Gemm(linear.flatten, linear.weight) -> linear",
        "gap: GlobalAveragePool(input) -> gap",
        "twice: Add(linear, linear) -> d",
        "add.map: Reshape(d, add.map.shape) -> add.map",
        "add: Add(add.map, gap) -> a",
        "scale.map: Reshape(linear, scale.map.shape) -> scale.map",
        "scale: Mul(input, scale.map) -> b",
        "conv.map: Reshape(linear, conv.map.shape) -> conv.map",
        "conv: Conv(conv.map, conv.weight) -> c",
    ];
    assert_eq!(listing(&model), expected);
    let outputs = model.graph.as_ref().unwrap().output.iter().map(shape);
    assert_eq!(
        outputs.collect::<Vec<_>>(),
        ["1 x 4 x 1 x 1", "1 x 4 x 2 x 2", "1 x 4 x 1 x 1", "1 x 4"]
    );
}

#[test]
fn the_seed_decides_the_weights_and_the_batch_does_not() {
    let network =
        spaces()[0].decode(&spaces()[0].sample(&mut Xoshiro256PlusPlus::seed_from_u64(2)));
    let bytes = |seed, batch| export(&network, InitialWeights::seeded(seed), batch);
    assert!(bytes(1, Batch::Dynamic) == bytes(1, Batch::Dynamic));
    assert!(bytes(1, Batch::Dynamic) != bytes(2, Batch::Dynamic));
    let initializers = |batch| exported(&network, batch).graph.unwrap().initializer;
    assert!(initializers(Batch::Fixed(1)) == initializers(Batch::Dynamic));
}

#[test]
fn the_weights_are_the_generators() {
    let net = network(
        Shape::new(3, 4, 4),
        &[("conv", Op::Conv(Conv::same(8, 3, 1)), &["input"])],
        &[("out", "conv")],
    );
    let weights = SEED.layer(&net, 0).unwrap();
    let graph = exported(&net, Batch::Fixed(1)).graph.unwrap();
    let raw = graph.initializer[0].raw_data();
    let written = raw
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    assert_eq!(written.collect::<Vec<_>>(), weights.values);
    assert_eq!(graph.initializer[0].dims, [8, 3, 3, 3]);
    // the files of a seed must not change with a version of a random generator: change these knowingly
    assert_eq!(
        weights.values[..4],
        [-0.12221112, -0.21735045, 0.17970663, 0.39223906]
    );
}

#[test]
fn what_does_not_fit_into_a_file_is_refused() {
    // 24,000 x 24,000 weights of four bytes: 2.3 GB
    let mut b = NetworkBuilder::new("giant", Shape::new(24_000, 1, 1));
    let linear = Op::Linear {
        out_features: 24_000,
        bias: false,
    };
    let out = b.push("linear", linear, &[Tensor::Input], Role::Main);
    b.output("logits", out);
    let error = export(&b.finish().unwrap(), SEED, Batch::Dynamic).unwrap_err();
    assert!(error.to_string().contains("2304000000 bytes"), "{error}");
}

/// Split, enlarged two ways, attended to, and normalised three ways.
fn beyond_the_families() -> Network {
    let map = Shape::new(6, 4, 4);
    let wide = Shape::new(6, 8, 8);
    let (rows, columns) = (Shape::new(3, 64, 2), Shape::new(3, 2, 64));
    let product = |left: Shape, right: Shape| {
        Op::MatMul(MatMul {
            macs: left.elements() * right.width as u64,
            weights: 0,
            output: Shape::new(left.channels, left.height, right.width),
        })
    };
    let scores = Shape::new(3, 64, 64);
    let transposed = ConvTranspose {
        conv: Conv::same(4, 3, 2).with_bias(),
        output_padding: [1; 2],
    };
    network(
        map,
        &[
            ("a", Op::Other(Other::channel_slice(map, 2)), &["input"]),
            ("b", Op::Other(Other::channel_slice(map, 4)), &["input"]),
            (
                "near",
                Op::Other(Other::resize(
                    map.with_channels(2),
                    2,
                    Interpolation::Nearest,
                )),
                &["a"],
            ),
            ("up", Op::ConvTranspose(transposed), &["b"]),
            ("all", Op::Concat, &["near", "up"]),
            ("columns", Op::Other(Other::reshape(columns)), &["all"]),
            ("rows", Op::Other(Other::transpose(columns)), &["columns"]),
            ("scores", product(rows, columns), &["rows", "columns"]),
            ("softmax", Op::Other(Other::softmax(scores)), &["scores"]),
            ("mixed", product(scores, rows), &["softmax", "rows"]),
            ("map", Op::Other(Other::reshape(wide)), &["mixed"]),
            (
                "local",
                Op::Other(Other::local_response_norm(wide)),
                &["map"],
            ),
            (
                "instance",
                Op::Other(Other::instance_norm(wide)),
                &["local"],
            ),
            ("layer", Op::Other(Other::layer_norm(wide)), &["instance"]),
            (
                "tokens",
                Op::MatMul(MatMul::over_tokens(wide, 12)),
                &["layer"],
            ),
        ],
        &[("out", "tokens")],
    )
}

#[test]
fn operators_beyond_the_families() {
    let own = beyond_the_families();
    let model = exported(&own, Batch::Dynamic);
    let lines = listing(&model);
    for line in [
        "a: Slice(input, a.starts, a.ends, a.axes) -> a",
        "near: Resize(a, , near.scales) -> near",
        "up: ConvTranspose(b, up.weight, up.bias) -> up",
        "scores: MatMul(rows, columns) -> scores",
        "map: Reshape(mixed, map.shape) -> map",
        "local: LRN(map) -> local",
        "instance: InstanceNormalization(local, instance.scale, instance.shift) -> instance",
        "layer: LayerNormalization(instance, layer.scale, layer.shift) -> layer",
        "tokens.matmul: MatMul(layer, tokens.weight) -> tokens.matmul",
        "tokens: Add(tokens.matmul, tokens.bias) -> out",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
    }
    // the second slice begins where the first one ends
    let starts = &model.graph.as_ref().unwrap().initializer;
    let starts = starts.iter().find(|tensor| tensor.name() == "b.starts");
    assert_eq!(starts.unwrap().raw_data(), 2_i64.to_le_bytes());
    let read = super::import(&model.encode_to_vec(), &super::ImportOptions::default()).unwrap();
    let shapes = |network: &Network| -> Vec<Shape> {
        let layers = network.layers().iter();
        layers.map(|layer| layer.output).collect()
    };
    assert_eq!(shapes(&read), shapes(&own));
    for (read, own) in read.layers().iter().zip(own.layers()) {
        match (&read.op, &own.op) {
            (Op::Other(read), Op::Other(own)) => {
                assert_eq!((read.work, read.weights), (own.work, own.weights));
            }
            (read, own) => assert_eq!(read, own),
        }
    }
}

#[test]
fn what_names_and_shapes_do_not_define_is_refused() {
    let map = Shape::new(6, 4, 4);
    let slice = |channels| Op::Other(Other::channel_slice(map, channels));
    let foreign = Op::Other(Other {
        name: "Softmax".into(),
        ..Other::softmax(map)
    });
    let weighted = Op::MatMul(MatMul {
        macs: 6 * 4 * 4 * 4,
        weights: 16,
        output: map,
    });
    // the third slice of two finds too few channels left
    let beyond: &[(&'static str, Op, &[&str])] = &[
        ("a", slice(4), &["input"]),
        ("b", slice(2), &["input"]),
        ("c", slice(2), &["input"]),
    ];
    let single = |op| network(map, &[("x", op, &["input"])], &[("out", "x")]);
    let networks = [
        (network(map, beyond, &[("out", "c")]), "c"),
        (single(foreign), "x"),
        (single(weighted), "x"),
    ];
    for (network, layer) in networks {
        let error = export(&network, SEED, Batch::Dynamic).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&format!("layer {layer} (")), "{said}");
    }
}
