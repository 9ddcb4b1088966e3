//! What becomes of graphs, node by node.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use prost::Message;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::super::proto::{
    AttributeProto, AttributeType, DataLocation, DataType, ModelProto, StringStringEntryProto,
    TensorProto,
};
use super::super::test_model::{Model, attribute, float_tensor, int, ints, tensor};
use super::super::{Batch, ImportOptions, InitialWeights, export, import};
use super::*;
use crate::network::Network;
use crate::op::Op;
use crate::presets;
use crate::space::SearchSpace;

fn decoded(bytes: &[u8]) -> ModelProto {
    ModelProto::decode(bytes).unwrap()
}

/// The nodes of the quantised model, `Operator(inputs) -> outputs`, conversions as `q(x)` and `dq(x)` and in the place where they are read.
fn listing(model: Model) -> Vec<String> {
    let model = decoded(&quantize(&model.bytes()).unwrap());
    let graph = model.graph.unwrap();
    let mut shown: BTreeMap<&str, String> = BTreeMap::new();
    let mut lines = Vec::new();
    for node in &graph.node {
        let read = |place: usize| {
            let name = node.input[place].as_str();
            shown.get(name).cloned().unwrap_or(name.to_owned())
        };
        match node.op_type() {
            "QuantizeLinear" => {
                shown.insert(&node.output[0], format!("q({})", read(0)));
            }
            "DequantizeLinear" => {
                // of a bias that is read twice, each has its scale
                let inner = read(0).replace(".quantized", "").replace(".2", "");
                let inner = inner.strip_prefix("q(").map_or(inner.clone(), |inner| {
                    inner.strip_suffix(')').unwrap_or(inner).to_owned()
                });
                shown.insert(&node.output[0], format!("{inner}*"));
            }
            op => {
                let inputs: Vec<String> = (0..node.input.len()).map(read).collect();
                lines.push(format!(
                    "{op}({}) -> {}",
                    inputs.join(" "),
                    node.output.join(" ")
                ));
            }
        }
    }
    let outputs = graph.output.iter().map(ValueInfoProto::name);
    let outputs: Vec<String> = outputs
        .map(|name| shown.get(name).cloned().unwrap_or(name.to_owned()))
        .collect();
    lines.push(format!("-> {}", outputs.join(" ")));
    lines
}

/// Weights with elements.
fn weights(dims: &[i64]) -> TensorProto {
    let count = dims.iter().product::<i64>();
    let elements: Vec<f32> = (0..count)
        .map(|index| 0.01 * (index % 7 - 3) as f32)
        .collect();
    float_tensor(dims, &elements)
}

fn image() -> Model {
    Model::new(&[1, 8, 12, 12])
        .stored("w", weights(&[8, 8, 1, 1]))
        .stored("b", weights(&[8]))
}

/// The tensor of this name.
fn stored<'a>(model: &'a ModelProto, name: &str) -> &'a TensorProto {
    let mut all = model.graph.as_ref().unwrap().initializer.iter();
    all.find(|tensor| tensor.name() == name).unwrap()
}

#[test]
fn a_residual_block() {
    let model = image()
        .node("Conv", "x w b", "c", &[])
        .node("Relu", "c", "r", &[])
        .node("Conv", "r w", "d", &[])
        .node("Add", "d x", "s", &[])
        .node("Relu", "s", "y", &[]);
    assert_eq!(
        listing(model),
        [
            "Conv(x* w* b*) -> c",
            // what the ReLU alone reads has no range of its own
            "Relu(c) -> r",
            "Conv(r* w*) -> d",
            "Add(d* x*) -> s",
            "Relu(s) -> y.float",
            // the output keeps its name
            "-> y.float*",
        ]
    );
}

#[test]
fn scales_fit_together() {
    let model = image()
        .node("Conv", "x w b", "c", &[])
        .node("Relu", "c", "y", &[]);
    let model = decoded(&quantize(&model.bytes()).unwrap());
    let floats = |name: &str| -> Vec<f32> {
        let raw = stored(&model, name).raw_data.as_deref().unwrap();
        let (numbers, _) = raw.as_chunks();
        numbers
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect()
    };
    let kind = |name: &str| stored(&model, name).data_type();
    assert_eq!(kind("w.quantized"), DataType::Int8 as i32);
    assert_eq!(kind("b.quantized"), DataType::Int32 as i32);
    let (map, weights, bias) = (floats("x.scale"), floats("w.scale"), floats("b.scale"));
    assert_eq!((map.len(), weights.len(), bias.len()), (1, 8, 8));
    for (weight, bias) in weights.iter().zip(&bias) {
        assert_eq!(*bias, weight * map[0]);
    }
    // a ReLU's range begins at 0
    assert_eq!(
        stored(&model, "y.zero_point").raw_data.as_deref(),
        Some(&[0][..])
    );
    assert_ne!(
        stored(&model, "x.zero_point").raw_data.as_deref(),
        Some(&[0][..])
    );
    // the numbers are gone that nothing reads
    let names: BTreeSet<&str> = model
        .graph
        .as_ref()
        .unwrap()
        .initializer
        .iter()
        .map(TensorProto::name)
        .collect();
    assert!(!names.contains("w") && !names.contains("b"), "{names:?}");
    let said = model
        .metadata_props
        .iter()
        .find(|entry| entry.key() == "roofnas.quantization");
    assert!(said.unwrap().value().contains("timing only"));
}

#[test]
fn a_gate_with_an_activation_in_single_precision() {
    let model = image()
        .node("Conv", "x w b", "c", &[])
        .node("HardSwish", "c", "h", &[])
        .node("ReduceMean", "h", "m", &[ints("axes", &[2, 3])])
        .node("Conv", "m w b", "e", &[])
        .node("HardSigmoid", "e", "g", &[])
        .node("Mul", "h g", "y", &[]);
    assert_eq!(
        listing(model),
        [
            "Conv(x* w* b*) -> c",
            "HardSwish(c*) -> h",
            "ReduceMean(h*) -> m",
            "Conv(m* w* b*) -> e",
            "HardSigmoid(e*) -> g",
            "Mul(h* g*) -> y.float",
            "-> y.float*",
        ]
    );
}

#[test]
fn what_moves_elements_keeps_their_scale() {
    let model = image()
        .ints("flat", &[0, -1])
        .stored("f", weights(&[10, 288]))
        .node("Relu", "x", "r", &[])
        .node(
            "MaxPool",
            "r",
            "p",
            &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])],
        )
        .node("Reshape", "p flat", "v", &[])
        .node("Gemm", "v f", "y", &[int("transB", 1)]);
    let quantized = decoded(&quantize(&model.clone().bytes()).unwrap());
    let scale = |name: &str| stored(&quantized, name).raw_data.clone();
    assert_eq!(scale("r.scale"), scale("p.scale"));
    assert_eq!(scale("r.scale"), scale("v.scale"));
    assert_ne!(scale("r.scale"), scale("y.scale"));
    assert_eq!(
        listing(model),
        [
            // nobody else needs the input's integers
            "Relu(x) -> r",
            "MaxPool(r*) -> p",
            "Reshape(p* flat) -> v",
            "Gemm(v* f*) -> y.float",
            "-> y.float*",
        ]
    );
}

/// A GELU and a norm written out stay what they are: engines know them, and 8 bits would be no choice for a variance.
#[test]
fn what_is_written_out_stays_in_single_precision() {
    let model = image()
        .scalar("root", 1.414)
        .scalar("one", 1.0)
        .scalar("half", 0.5)
        .scalar("two", 2.0)
        .node("Conv", "x w b", "c", &[])
        .node("Div", "c root", "d", &[])
        .node("Erf", "d", "e", &[])
        .node("Add", "e one", "a", &[])
        .node("Mul", "c a", "m", &[])
        .node("Mul", "m half", "g", &[])
        .node("ReduceMean", "g", "mu", &[ints("axes", &[1])])
        .node("Sub", "g mu", "z", &[])
        .node("Pow", "z two", "zz", &[])
        .node("ReduceMean", "zz", "v", &[ints("axes", &[1])])
        .node("Add", "v one", "ve", &[])
        .node("Sqrt", "ve", "sd", &[])
        .node("Div", "z sd", "n", &[])
        .node("Mul", "n half", "nw", &[])
        .node("Conv", "nw w b", "y", &[]);
    let lines = listing(model);
    assert_eq!(lines[0], "Conv(x* w* b*) -> c");
    assert_eq!(lines[1], "Div(c* root) -> d");
    assert_eq!(lines[4], "Mul(c* a) -> m");
    assert_eq!(lines[10], "Add(v one) -> ve");
    assert_eq!(lines[14], "Conv(nw* w* b*) -> y.float");
    let conversions = lines[1..14].iter().filter(|line| line.contains("*"));
    // the two that read what the convolution puts out
    assert_eq!(conversions.count(), 2, "{lines:#?}");
}

/// A clip whose ends no level is beyond vanishes, however the ends are stated; one that has something to do stays.
#[test]
fn clips() {
    let clipped = |low: f32, high: f32| {
        let number = |value: f32| AttributeProto {
            f: Some(value),
            ..attribute("value_float", AttributeType::Float)
        };
        image()
            .node("Conv", "x w b", "c", &[])
            .node("Constant", "", "low", &[number(low)])
            .scalar("high", high)
            .node("Clip", "c low high", "y", &[])
    };
    for (low, high) in [(0.0, 6.0), (-1.0, 1.0), (-0.3, 2.0)] {
        let lines = listing(clipped(low, high));
        assert!(
            lines.contains(&"Clip(c low high) -> y.float".to_owned()),
            "{lines:?}"
        );
        let model = decoded(&quantize(&clipped(low, high).bytes()).unwrap());
        let scale = stored(&model, "y.scale").raw_data.clone().unwrap();
        let scale = f32::from_le_bytes(scale.try_into().unwrap());
        let zero = f32::from(stored(&model, "y.zero_point").raw_data.as_ref().unwrap()[0]);
        assert!(
            -scale * zero >= low && scale * (255.0 - zero) <= high,
            "{low} {high}"
        );
    }
    // no level but 0 can stand for 0, which padding needs
    let lines = listing(clipped(1.0, 6.0));
    assert!(
        lines.contains(&"Clip(c* low high) -> y".to_owned()),
        "{lines:?}"
    );
    // ends that are computed are not known
    let computed = image()
        .scalar("six", 6.0)
        .node("Conv", "x w b", "c", &[])
        .node("Sqrt", "six", "high", &[])
        .node("Clip", "c _ high", "y", &[]);
    let lines = listing(computed);
    assert!(
        lines.contains(&"Clip(c*  high) -> y".to_owned()),
        "{lines:?}"
    );
}

/// What else reads a constant among maps reads it as it is.
#[test]
fn constants_stay_constants_elsewhere() {
    let model = image()
        .scalar("two", 2.0)
        .node("Conv", "x w b", "c", &[])
        .node("Mul", "c two", "m", &[])
        .node("Pow", "m two", "y", &[]);
    let lines = listing(model);
    assert_eq!(lines[1..3], ["Mul(c* two*) -> m", "Pow(m* two) -> y"]);
}

#[test]
fn shapes_and_constants_are_no_maps() {
    let model = image()
        .scalar("k", 2.0)
        .stored("offset", weights(&[8, 1, 1]))
        .node("Conv", "x w b", "c", &[])
        .node("Shape", "c", "s", &[])
        .node("Cast", "s", "f", &[int("to", 1)])
        .node("Mul", "f k", "sizes", &[])
        .node("Cast", "sizes", "target", &[int("to", 7)])
        .node("Resize", "c _ _ target", "up", &[])
        .node("Add", "up offset", "y", &[]);
    assert_eq!(
        listing(model),
        [
            "Conv(x* w* b*) -> c",
            "Shape(c*) -> s",
            "Cast(s) -> f",
            "Mul(f k) -> sizes",
            "Cast(sizes) -> target",
            "Resize(c*   target) -> up",
            "Add(up* offset*) -> y.float",
            "-> y.float*",
        ]
    );
}

/// Weights in a Constant node, and weights that are computed.
#[test]
fn weights_from_elsewhere() {
    let model = image()
        .stored("half", float_tensor(&[1], &[0.5]))
        .node(
            "Constant",
            "",
            "k",
            &[tensor("value", weights(&[8, 8, 1, 1]))],
        )
        .node("Conv", "x k", "c", &[])
        .node("Tanh", "w", "t", &[])
        .node("Conv", "c t b", "y", &[]);
    assert_eq!(
        listing(model),
        [
            "Conv(x* k*) -> c",
            "Tanh(w) -> t",
            // without weights of the file, a bias has no scale
            "Conv(c* t* b) -> y.float",
            "-> y.float*",
        ]
    );
}

#[test]
fn weights_in_another_file_come_along() {
    let folder = std::env::temp_dir().join(format!("roofnas-quantize-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let elements = |count: usize| {
        (0..count)
            .flat_map(|i| (i as f32).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    fs::write(folder.join("weights"), elements(4096)).unwrap();
    let outside = TensorProto {
        data_location: Some(DataLocation::External as i32),
        external_data: vec![StringStringEntryProto {
            key: Some("location".to_owned()),
            value: Some("weights".to_owned()),
        }],
        ..float_tensor(&[64, 64, 1, 1], &[])
    };
    let model = Model::new(&[1, 64, 4, 4])
        .stored("w", outside)
        .node("Conv", "x w", "y", &[]);
    let path = folder.join("model.onnx");
    fs::write(&path, model.bytes()).unwrap();
    let quantized = decoded(&quantize_file(&path).unwrap());
    assert_eq!(
        stored(&quantized, "w.quantized")
            .raw_data
            .as_ref()
            .unwrap()
            .len(),
        4096
    );
    fs::remove_file(folder.join("weights")).unwrap();
    let error = quantize_file(&path).unwrap_err().to_string();
    assert!(
        error.contains("it holds tensor w, and is missing"),
        "{error}"
    );
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_refused() {
    let conv = || image().node("Conv", "x w b", "c", &[]);
    let complaint = |model: Model| quantize(&model.bytes()).unwrap_err().to_string();
    assert!(
        complaint(conv().opset(12))
            .starts_with("it is written in ONNX's operator set 12, and scales")
    );
    assert!(complaint(image().node("Relu", "x", "y", &[])).starts_with("it holds no convolution"));
    let half = TensorProto {
        data_type: Some(DataType::Float16 as i32),
        ..float_tensor(&[8, 8, 1, 1], &[])
    };
    let half = Model::new(&[1, 8, 4, 4])
        .stored("w", half)
        .node("Cast", "x", "h", &[int("to", 10)])
        .node("Conv", "h w", "y", &[]);
    assert!(complaint(half).starts_with("it holds no convolution"));
    let once = quantize(&conv().bytes()).unwrap();
    assert_eq!(is_quantized(&once), Ok(true));
    assert_eq!(is_quantized(&conv().bytes()), Ok(false));
    let twice = quantize(&once).unwrap_err().to_string();
    assert_eq!(
        twice,
        "it is quantised already: node x.quantize (QuantizeLinear)"
    );
    let cut = &once[..once.len() / 2];
    assert!(
        quantize(cut)
            .unwrap_err()
            .to_string()
            .starts_with("not an ONNX model: ")
    );
}

/// Whether every value is produced once, before it is read; names of nodes are unique.
fn assert_in_order(model: &ModelProto) {
    let graph = model.graph.as_ref().unwrap();
    let mut known: BTreeSet<&str> = BTreeSet::from([""]);
    let given = graph.input.iter().map(ValueInfoProto::name);
    for name in given.chain(graph.initializer.iter().map(TensorProto::name)) {
        assert!(known.insert(name), "{name}");
    }
    let mut nodes = BTreeSet::new();
    for node in &graph.node {
        assert!(nodes.insert(node.name()), "{}", node.name());
        for input in &node.input {
            assert!(
                known.contains(input.as_str()),
                "{} reads {input}",
                node.name()
            );
        }
        for output in &node.output {
            assert!(known.insert(output), "{output}");
        }
    }
    for output in &graph.output {
        assert!(known.contains(output.name()), "{}", output.name());
    }
}

/// What is worked on, by operator: MACs' share of a network, as far as shapes say it.
fn products(network: &Network) -> Vec<(String, u64)> {
    let layers = network.layers().iter();
    let products = layers.filter(|layer| {
        matches!(
            layer.op,
            Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear { .. } | Op::MatMul(_)
        )
    });
    products
        .map(|layer| (layer.op.name().to_owned(), layer.output.elements()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Of any network of any space: the same products in the same order, all fed with integers, and the same interface.
    #[test]
    fn networks_of_our_own(seed: u64, which in 0..presets::NAMES.len()) {
        let space: SearchSpace = SearchSpace::new(presets::definition(presets::NAMES[which]).unwrap()).unwrap();
        let genotype = space.sample(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
        let network = space.decode(&genotype);
        let before = export(&network, InitialWeights::seeded(1), Batch::Dynamic).unwrap();
        let after = quantize(&before).unwrap();
        prop_assert_eq!(&after, &quantize(&before).unwrap());
        let model = decoded(&after);
        assert_in_order(&model);
        let graph = model.graph.as_ref().unwrap();
        let producers: BTreeMap<&str, &str> = graph
            .node
            .iter()
            .flat_map(|node| node.output.iter().map(|output| (output.as_str(), node.op_type())))
            .collect();
        for node in &graph.node {
            if matches!(node.op_type(), "Conv" | "Gemm" | "MatMul" | "ConvTranspose") {
                for input in &node.input {
                    prop_assert_eq!(producers.get(input.as_str()), Some(&"DequantizeLinear"));
                }
            }
        }
        let options = ImportOptions::default();
        let (read, again) = (import(&before, &options).unwrap(), import(&after, &options).unwrap());
        prop_assert_eq!(read.input(), again.input());
        let shapes = |network: &Network| -> Vec<(String, crate::shape::Shape)> {
            let outputs = network.outputs().iter();
            outputs.map(|output| (output.name.clone(), network.shape(output.tensor))).collect()
        };
        prop_assert_eq!(shapes(&read), shapes(&again));
        prop_assert_eq!(products(&read), products(&again));
    }
}
