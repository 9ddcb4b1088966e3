//! Damaged models: whatever happens to the bytes or to the fields, the importer answers.
//!
//! `ROOFNAS_FUZZ_SECONDS=600 cargo test --release -p roofnas-space damaged` goes on for longer, with other seeds.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::onnx::{Batch, InitialWeights, export, is_quantized, quantize};
use crate::space::SearchSpace;

/// Damaged models of each kind in an ordinary run.
const ROUNDS: u64 = 4_000;

/// Small models that between them have most operators.
fn seeds() -> Vec<ModelProto> {
    let image = || Model::new(&[1, 8, 12, 12]);
    let classifier = image()
        .weight("w", &[16, 8, 3, 3])
        .weight("b", &[16])
        .weight("d", &[16, 1, 3, 3])
        .weight("p", &[16])
        .weight("f", &[10, 16])
        .node(
            "Conv",
            "x w b",
            "c",
            &[ints("pads", &[1, 1, 1, 1]), ints("strides", &[2, 2])],
        )
        .node("BatchNormalization", "c p p p p", "n", &[])
        .node("Relu", "n", "r", &[])
        .node(
            "Conv",
            "r d",
            "dw",
            &[int("group", 16), string("auto_pad", "SAME_UPPER")],
        )
        .node("Sigmoid", "dw", "s", &[])
        .node("Mul", "s dw", "swish", &[])
        .node("GlobalAveragePool", "swish", "g", &[])
        .node("Mul", "swish g", "scaled", &[])
        .node("Add", "scaled r", "sum", &[])
        .node(
            "MaxPool",
            "sum",
            "m",
            &[ints("kernel_shape", &[3, 3]), int("ceil_mode", 1)],
        )
        .node(
            "ReduceMean",
            "m",
            "mean",
            &[ints("axes", &[2, 3]), int("keepdims", 0)],
        )
        .node("Gemm", "mean f", "y", &[int("transB", 1)])
        .declared("r", &[1, 16, 6, 6]);
    let tokens = image()
        .ints("t", &[0, 8, -1])
        .weight("q", &[8, 24])
        .weight("qb", &[24])
        .weight("ln", &[8])
        .ints("parts", &[8, 8, 8])
        .node("Reshape", "x t", "a", &[])
        .node("Transpose", "a", "tok", &[ints("perm", &[0, 2, 1])])
        .node("LayerNormalization", "tok ln ln", "n", &[int("axis", -1)])
        .node("MatMul", "n q", "m", &[])
        .node("Add", "m qb", "mb", &[])
        .node("Split", "mb parts", "Q K V", &[int("axis", 2)])
        .node("Transpose", "K", "KT", &[ints("perm", &[0, 2, 1])])
        .node("MatMul", "Q KT", "qk", &[])
        .node("Softmax", "qk", "sm", &[])
        .node("Einsum", "sm V", "o", &[string("equation", "bij,bjd->bid")])
        .index("zero", 0)
        .node("Gather", "o zero", "y", &[int("axis", 1)]);
    let shapes = image()
        .node("Shape", "x", "s", &[])
        .ints("two", &[2])
        .ints("four", &[4])
        .ints("none", &[0])
        .node("Slice", "s two four none", "sides", &[])
        .node("Cast", "sides", "fl", &[int("to", 1)])
        .scalar("k", 2.0)
        .node("Mul", "fl k", "sc", &[])
        .node("Cast", "sc", "big", &[int("to", 7)])
        .node("Slice", "s none two none", "head", &[])
        .node("Concat", "head big", "target", &[int("axis", 0)])
        .node("Resize", "x _ _ target", "up", &[string("mode", "linear")])
        .ints("pads", &[0, 0, 1, 1, 0, 0, 1, 1])
        .node("Pad", "up pads", "padded", &[])
        .ints("groups", &[0, 2, 4, -1])
        .ints("rep", &[1, 2, 1, 1])
        .node("Tile", "padded rep", "tiled", &[])
        .node("Shape", "padded", "ps", &[])
        .node("Reshape", "padded groups", "g1", &[])
        .node("Transpose", "g1", "g2", &[ints("perm", &[0, 2, 1, 3])])
        .node("Reshape", "g2 ps", "shuffled", &[])
        .node("Concat", "shuffled tiled", "cat", &[int("axis", 1)])
        .weight("ct", &[24, 4, 2, 2])
        .node("ConvTranspose", "cat ct", "de", &[ints("strides", &[2, 2])])
        .node("DepthToSpace", "de", "y", &[int("blocksize", 2)]);
    let quantized = image()
        .scalar("s", 0.1)
        .index("z", 0)
        .weight("w", &[16, 8, 3, 3])
        .weight("b", &[16])
        .node("QuantizeLinear", "x s z", "q", &[])
        .node("QLinearConv", "q s z w s z s z b", "c", &[])
        .node("com.microsoft:QLinearAdd", "c s z c s z s z", "a", &[])
        .node("DequantizeLinear", "a s z", "f", &[])
        .node("DynamicQuantizeLinear", "f", "dq ds dz", &[])
        .node("ConvInteger", "dq w dz", "ci", &[int("group", 1)])
        .ints("k", &[3])
        .node("TopK", "f k", "v i", &[int("axis", 1)])
        .node("Frobnicate", "v", "y", &[])
        .declared("y", &[1, 3, 10, 10]);
    let models = [classifier, tokens, shapes];
    let quantized = ModelProto::decode(&*quantized.bytes()).unwrap();
    let models = models.map(|model| {
        let bytes = model.bytes();
        ModelProto::decode(&*bytes).unwrap()
    });
    let mut seeds = models.to_vec();
    seeds.push(exported());
    seeds.push(quantized);
    seeds
}

/// A small network of this crate's own blocks, as it is exported.
fn exported() -> ModelProto {
    let space = "resolution = 16\n[stem]\nchannels = 8\n
        [[stage]]\nblock = \"grouped_shuffle\"\ndepth = 1\nchannels = 8\ngroups = 2\n
        [[stage]]\nblock = \"inverted_bottleneck\"\ndepth = 1\nchannels = 8\nexpand = 2\nse = 0.5\n
        activation = \"gelu\"\n[head]\nclasses = 4";
    let space = SearchSpace::new(toml::from_str(space).unwrap()).unwrap();
    let network = space.decode(&space.only());
    let bytes = export(&network, InitialWeights::seeded(1), Batch::Dynamic).unwrap();
    ModelProto::decode(&*bytes).unwrap()
}

fn pick<'a, T>(rng: &mut impl Rng, list: &'a mut [T]) -> Option<&'a mut T> {
    if list.is_empty() {
        return None;
    }
    let index = rng.random_range(0..list.len());
    list.get_mut(index)
}

/// A number that something is likely to trip over.
fn awkward(rng: &mut impl Rng) -> i64 {
    const NUMBERS: [i64; 20] = [
        0,
        1,
        -1,
        2,
        3,
        4,
        5,
        7,
        8,
        16,
        255,
        65_536,
        1 << 31,
        (1 << 31) - 1,
        1 << 40,
        -(1 << 31),
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
        1 << 62,
    ];
    NUMBERS[rng.random_range(0..NUMBERS.len())]
}

fn change_list(rng: &mut impl Rng, list: &mut Vec<i64>) {
    match rng.random_range(0..4) {
        0 => list.push(awkward(rng)),
        1 => {
            list.pop();
        }
        _ => {
            let number = awkward(rng);
            if let Some(place) = pick(rng, list) {
                *place = number;
            }
        }
    }
}

/// Changes one field of a model that decodes.
fn change(rng: &mut impl Rng, model: &mut ModelProto) {
    const OPERATORS: [&str; 40] = [
        "Conv",
        "ConvTranspose",
        "Gemm",
        "MatMul",
        "MaxPool",
        "GlobalAveragePool",
        "Reshape",
        "Transpose",
        "Concat",
        "Slice",
        "Split",
        "Gather",
        "GatherND",
        "Expand",
        "Tile",
        "Pad",
        "Resize",
        "Upsample",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Shape",
        "Size",
        "Range",
        "ConstantOfShape",
        "ReduceMean",
        "ReduceSum",
        "LSTM",
        "Einsum",
        "Where",
        "Clip",
        "Add",
        "Mul",
        "NonZero",
        "GridSample",
        "DepthToSpace",
        "SpaceToDepth",
        "LRN",
        "PRelu",
        "TopK",
    ];
    let graph = model.graph.get_or_insert_default();
    let names: Vec<String> = graph
        .node
        .iter()
        .flat_map(|node| node.input.iter().chain(&node.output).cloned())
        .collect();
    match rng.random_range(0..10) {
        0 => {
            if let Some(tensor) = pick(rng, &mut graph.initializer) {
                change_list(rng, &mut tensor.dims);
            }
        }
        1 => {
            if let Some(tensor) = pick(rng, &mut graph.initializer) {
                change_list(rng, &mut tensor.int64_data);
                if rng.random_bool(0.7) {
                    tensor.dims = vec![tensor.int64_data.len() as i64];
                }
            }
        }
        2 => {
            let lists = [&mut graph.input, &mut graph.value_info];
            let list = lists.into_iter().nth(rng.random_range(0..2)).unwrap();
            let size = awkward(rng);
            let shape = pick(rng, list)
                .and_then(|info| info.r#type.as_mut()?.tensor_type.as_mut()?.shape.as_mut());
            if let Some(dim) = shape.and_then(|shape| pick(rng, &mut shape.dim)) {
                dim.value = Some(DimensionValue::Size(size));
            }
        }
        3 => {
            if let Some(node) = pick(rng, &mut graph.node) {
                node.op_type = Some(OPERATORS[rng.random_range(0..OPERATORS.len())].to_owned());
            }
        }
        4 | 5 => {
            if let Some(node) = pick(rng, &mut graph.node)
                && let Some(name) = names.get(rng.random_range(0..names.len()))
            {
                match pick(rng, &mut node.input) {
                    Some(input) if rng.random_bool(0.8) => *input = name.clone(),
                    _ => node.input.push(name.clone()),
                }
            }
        }
        6 => {
            if let Some(node) = pick(rng, &mut graph.node) {
                node.input.pop();
            }
        }
        7 => {
            if let Some(node) = pick(rng, &mut graph.node) {
                let names = [
                    "axis",
                    "group",
                    "k",
                    "blocksize",
                    "keepdims",
                    "ceil_mode",
                    "size",
                    "start",
                    "end",
                    "batch_dims",
                    "layout",
                ];
                let name = names[rng.random_range(0..names.len())];
                node.attribute.push(int(name, awkward(rng)));
            }
        }
        8 => {
            model.opset_import[0].version = Some(rng.random_range(1..26));
        }
        _ => {
            if let Some(node) = pick(rng, &mut graph.node)
                && let Some(attribute) = pick(rng, &mut node.attribute)
            {
                attribute.i = attribute.i.map(|_| awkward(rng));
                change_list(rng, &mut attribute.ints);
            }
        }
    }
}

fn damage(rng: &mut impl Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..6) {
        let place = rng.random_range(0..bytes.len().max(1));
        match rng.random_range(0..5) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place.min(bytes.len()), rng.random()),
            2 if !bytes.is_empty() => {
                bytes.remove(place);
            }
            3 => {
                let end = (place + rng.random_range(0..24)).min(bytes.len());
                let part = bytes[place.min(end)..end].to_vec();
                let at = rng.random_range(0..=bytes.len());
                bytes.splice(at..at, part);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = rng.random();
                }
            }
        }
    }
}

/// Quantises one damaged model; what comes of it is read as before, and quantised.
fn attempt_in_integers(bytes: &[u8], quantized: &mut u64) {
    if let Ok(integers) = quantize(bytes) {
        *quantized += 1;
        assert_eq!(is_quantized(&integers), Ok(true));
        let options = ImportOptions::default();
        if let Ok(before) = import(bytes, &options)
            && let Ok(after) = import(&integers, &options)
        {
            assert_eq!(before.input(), after.input());
        }
    }
}

/// Reads one damaged model; what comes of it must be sound.
fn attempt(bytes: &[u8], imported: &mut u64) {
    let options = ImportOptions {
        resolution: Some(crate::shape::Resolution::square(8)),
        ..ImportOptions::default()
    };
    if let Ok(network) = import(bytes, &options) {
        *imported += 1;
        for layer in network.layers() {
            let input = network.input_shape(layer);
            assert!(input.elements() > 0 && layer.output.elements() > 0);
            // counts that a careless reader would make
            match &layer.op {
                Op::Conv(conv) => {
                    let _ = layer.output.elements() * conv.fan_in(input.channels);
                    let _ = conv.weights(input.channels);
                }
                Op::ConvTranspose(transposed) => {
                    let _ = input.elements() * transposed.spread();
                    let _ = transposed.weights(input.channels);
                }
                Op::Linear { .. } => {
                    let _ = input.elements() * layer.output.elements();
                }
                _ => {}
            }
        }
    }
}

#[test]
fn damaged_models() {
    let seeds = seeds();
    for seed in &seeds {
        import(&seed.encode_to_vec(), &ImportOptions::default()).unwrap();
    }
    let seconds = std::env::var("ROOFNAS_FUZZ_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|text| text.parse().unwrap());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut imported, mut quantized, mut round) = (0, 0, 0);
    while until.map_or(round < ROUNDS, |until| Instant::now() < until) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(round);
        let mut model = seeds[round as usize % seeds.len()].clone();
        for _ in 0..rng.random_range(0..5) {
            change(&mut rng, &mut model);
        }
        let mut bytes = model.encode_to_vec();
        attempt(&bytes, &mut imported);
        attempt_in_integers(&bytes, &mut quantized);
        damage(&mut rng, &mut bytes);
        attempt(&bytes, &mut imported);
        attempt_in_integers(&bytes, &mut quantized);
        round += 1;
    }
    if seconds.is_some() {
        println!(
            "{round} models changed and damaged, {imported} still imported and {quantized} quantised"
        );
    }
    // most changes must not be caught at the first hurdle
    assert!(imported > round / 20, "{imported} of {round}");
    assert!(quantized > round / 20, "{quantized} of {round}");
}
