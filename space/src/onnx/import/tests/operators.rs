//! Every operator family: its layers by hand.

use super::*;
use crate::shape::Shape;

/// One node over `x` of these sizes, with further inputs stored: the only layer, without its name.
fn one(
    input: &[i64],
    opset: i64,
    stored: &[(&str, TensorProto)],
    op: &str,
    attributes: &[AttributeProto],
) -> String {
    let mut model = Model::new(input).opset(opset);
    let mut inputs = "x".to_owned();
    for (name, tensor) in stored {
        if *name != "_" {
            model = model.stored(name, tensor.clone());
        }
        inputs = format!("{inputs} {name}");
    }
    let listing = model.node(op, &inputs, "y", attributes).listing();
    assert_eq!(listing.len(), 1, "{listing:?}");
    listing[0].strip_prefix("y: ").unwrap().to_owned()
}

fn weight(dims: &[i64]) -> TensorProto {
    float_tensor(dims, &[])
}

/// Stored tensors by name.
type Stored = Vec<(&'static str, TensorProto)>;

const IMAGE: [i64; 4] = [1, 8, 13, 10];

#[test]
fn convolutions() {
    let same = ints("pads", &[1, 1, 1, 1]);
    let table: [(&[i64], Vec<AttributeProto>, &str); 12] = [
        (&[16, 8, 3, 3], vec![], "conv 3x3 g1 -> 16x11x8"),
        (
            &[16, 8, 3, 3],
            vec![same.clone()],
            "conv 3x3 g1 -> 16x13x10",
        ),
        (
            &[16, 8, 3, 3],
            vec![same.clone(), ints("strides", &[2, 2])],
            "conv 3x3 g1 -> 16x7x5",
        ),
        (
            &[8, 1, 3, 3],
            vec![same.clone(), int("group", 8)],
            "conv 3x3 g8 -> 8x13x10",
        ),
        (
            &[4, 2, 1, 1],
            vec![int("group", 4)],
            "conv 1x1 g4 -> 4x13x10",
        ),
        (
            &[16, 8, 3, 1],
            vec![ints("pads", &[1, 0, 1, 0]), ints("kernel_shape", &[3, 1])],
            "conv 3x1 g1 -> 16x13x10",
        ),
        (
            &[16, 8, 3, 3],
            vec![ints("pads", &[0, 0, 1, 1]), ints("strides", &[2, 2])],
            "conv 3x3 g1 -> 16x6x5",
        ),
        (
            &[16, 8, 3, 3],
            vec![ints("pads", &[2, 2, 2, 2]), ints("dilations", &[2, 2])],
            "conv 3x3 g1 -> 16x13x10",
        ),
        (
            &[16, 8, 3, 3],
            vec![string("auto_pad", "SAME_UPPER"), ints("strides", &[2, 2])],
            "conv 3x3 g1 -> 16x7x5",
        ),
        (
            &[16, 8, 3, 3],
            vec![string("auto_pad", "SAME_LOWER"), ints("strides", &[3, 3])],
            "conv 3x3 g1 -> 16x5x4",
        ),
        (
            &[16, 8, 3, 3],
            vec![string("auto_pad", "VALID"), ints("strides", &[2, 2])],
            "conv 3x3 g1 -> 16x6x4",
        ),
        (
            &[16, 8, 4, 4],
            vec![string("auto_pad", "NOTSET"), ints("pads", &[1, 2, 2, 1])],
            "conv 4x4 g1 -> 16x13x10",
        ),
    ];
    for (dims, attributes, expected) in table {
        assert_eq!(
            one(&IMAGE, 17, &[("w", weight(dims))], "Conv", &attributes),
            expected
        );
    }
    let bias = [("w", weight(&[16, 8, 1, 1])), ("b", weight(&[16]))];
    assert_eq!(
        one(&IMAGE, 17, &bias, "Conv", &[]),
        "conv 1x1 g1 bias -> 16x13x10"
    );
    let (sound, video) = ([1, 4, 20], [1, 4, 5, 6, 7]);
    assert_eq!(
        one(&sound, 17, &[("w", weight(&[6, 4, 5]))], "Conv", &[]),
        "conv 1x5 g1 -> 6x1x16"
    );
    // depth and rows are merged: 3 * 4 rows of 5
    assert_eq!(
        one(&video, 17, &[("w", weight(&[6, 4, 3, 3, 3]))], "Conv", &[]),
        "conv 9x3 g1 -> 6x12x5"
    );
}

#[test]
fn transposed_convolutions() {
    let strides = ints("strides", &[2, 2]);
    let table: [(&[i64], Vec<AttributeProto>, &str); 6] = [
        (&[8, 4, 3, 3], vec![], "transposed 3x3 g1 -> 4x15x12"),
        (
            &[8, 4, 4, 4],
            vec![strides.clone(), ints("pads", &[1, 1, 1, 1])],
            "transposed 4x4 g1 -> 4x26x20",
        ),
        (
            &[8, 4, 3, 3],
            vec![
                strides.clone(),
                ints("pads", &[1, 1, 1, 1]),
                ints("output_padding", &[1, 1]),
            ],
            "transposed 3x3 g1 -> 4x26x20",
        ),
        (
            &[8, 1, 2, 2],
            vec![strides.clone(), int("group", 8)],
            "transposed 2x2 g8 -> 8x26x20",
        ),
        (
            &[8, 4, 3, 3],
            vec![strides.clone(), string("auto_pad", "SAME_UPPER")],
            "transposed 3x3 g1 -> 4x26x20",
        ),
        (
            &[8, 4, 3, 3],
            vec![strides, ints("output_shape", &[27, 21])],
            "transposed 3x3 g1 -> 4x27x21",
        ),
    ];
    for (dims, attributes, expected) in table {
        assert_eq!(
            one(
                &IMAGE,
                17,
                &[("w", weight(dims))],
                "ConvTranspose",
                &attributes
            ),
            expected
        );
    }
}

#[test]
fn products() {
    let gemm = |input: &[i64], dims: &[i64], attributes: &[AttributeProto]| {
        let last = if attributes.is_empty() {
            dims[1]
        } else {
            dims[0]
        };
        let stored = [("w", weight(dims)), ("b", weight(&[last]))];
        one(input, 17, &stored, "Gemm", attributes)
    };
    let flipped = [int("transB", 1)];
    assert_eq!(gemm(&[1, 32], &[32, 10], &[]), "linear 10 true -> 10x1x1");
    assert_eq!(
        gemm(&[4, 32], &[10, 32], &flipped),
        "linear 10 true -> 10x1x1"
    );
    let matmul =
        |input: &[i64], dims: &[i64]| one(input, 17, &[("w", weight(dims))], "MatMul", &[]);
    assert_eq!(matmul(&[1, 32], &[32, 10]), "linear 10 false -> 10x1x1");
    assert_eq!(
        matmul(&[2, 1, 1, 32], &[32, 10]),
        "linear 10 false -> 1x1x10"
    );
    // per image 49 * 32 * 96 multiplications
    assert_eq!(
        matmul(&[2, 49, 32], &[32, 96]),
        "matmul 150528 3072 -> 49x1x96"
    );
    assert_eq!(
        matmul(&[1, 6, 7, 8], &[6, 8, 3]),
        "matmul 1008 144 -> 6x7x3"
    );
    assert_eq!(matmul(&[1, 6, 7, 8], &[8]), "matmul 336 8 -> 6x1x7");
    // both computed: queries and keys of 3 heads
    let attention = Model::new(&[2, 3, 16, 8])
        .node("Transpose", "x", "t", &[ints("perm", &[0, 1, 3, 2])])
        .node("MatMul", "x t", "y", &[])
        .node("Softmax", "y", "p", &[int("axis", -1)]);
    assert_eq!(
        attention.listing(),
        [
            "t: Transpose (move) -> 3x8x16",
            "y: matmul 6144 0 -> 3x16x16",
            "p: Softmax (elementwise 5) -> 3x16x16"
        ]
    );
    let einsum = Model::new(&[1, 16, 3, 8]).node(
        "Einsum",
        "x x",
        "y",
        &[string("equation", "bihd,bjhd->bhij")],
    );
    assert_eq!(einsum.listing(), ["y: matmul 6144 0 -> 3x16x16"]);
    let lstm = [
        ("w", weight(&[2, 48, 10])),
        ("r", weight(&[2, 48, 12])),
        ("b", weight(&[2, 96])),
    ];
    let mut model = Model::new(&[1, 5, 10]);
    for (name, tensor) in lstm {
        model = model.stored(name, tensor);
    }
    let direction = [string("direction", "bidirectional")];
    let model = model
        .node("Transpose", "x", "t", &[ints("perm", &[1, 0, 2])])
        .node("LSTM", "t w r b", "y", &direction);
    // 5 steps of 2 * 48 * (10 + 12) multiplications; the weights and 192 biases
    assert_eq!(
        model.listing(),
        [
            "t: Transpose (view) -> 1x5x10",
            "y: matmul 10560 2304 -> 2x5x12"
        ]
    );
}

#[test]
fn pools() {
    let window = |kernel: [i64; 2], rest: &[AttributeProto]| {
        let mut attributes = vec![ints("kernel_shape", &kernel)];
        attributes.extend_from_slice(rest);
        attributes
    };
    let strides = ints("strides", &[2, 2]);
    let table = [
        (
            "MaxPool",
            window([2, 2], std::slice::from_ref(&strides)),
            "Max pool 2/2+0 -> 8x6x5",
        ),
        (
            "MaxPool",
            window([2, 2], &[strides.clone(), int("ceil_mode", 1)]),
            "Max pool 2/2+0 -> 8x7x5",
        ),
        (
            "AveragePool",
            window([3, 3], &[strides.clone(), ints("pads", &[1, 1, 1, 1])]),
            "Average pool 3/2+1 -> 8x7x5",
        ),
        (
            "MaxPool",
            window([3, 3], &[strides.clone(), ints("pads", &[0, 0, 1, 1])]),
            "Max pool 3/2+0 -> 8x6x5",
        ),
        (
            "AveragePool",
            window([1, 5], &[]),
            "AveragePool (elementwise 5) -> 8x13x6",
        ),
        (
            "LpPool",
            window([2, 2], &[]),
            "LpPool (elementwise 8) -> 8x12x9",
        ),
        ("GlobalAveragePool", vec![], "global_avg_pool -> 8x1x1"),
        (
            "GlobalMaxPool",
            vec![],
            "GlobalMaxPool (reduction 1) -> 8x1x1",
        ),
    ];
    for (op, attributes, expected) in table {
        assert_eq!(one(&IMAGE, 17, &[], op, &attributes), expected);
    }
}

#[test]
fn activations_and_arithmetic_on_one_tensor() {
    let table = [
        ("Relu", vec![], "relu"),
        ("Sigmoid", vec![], "sigmoid"),
        ("HardSwish", vec![], "hard_swish"),
        ("Gelu", vec![], "gelu"),
        (
            "HardSigmoid",
            vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)],
            "hard_sigmoid",
        ),
        ("HardSigmoid", vec![], "HardSigmoid (elementwise 4)"),
        (
            "LeakyRelu",
            vec![float("alpha", 0.1)],
            "LeakyRelu (elementwise 2)",
        ),
        ("Elu", vec![], "Elu (elementwise 4)"),
        ("Mish", vec![], "Mish (elementwise 5)"),
        ("Softplus", vec![], "Softplus (elementwise 3)"),
        ("Tanh", vec![], "Tanh (elementwise 1)"),
        ("Identity", vec![], "Identity (view)"),
        ("Cast", vec![int("to", 10)], "Cast (view)"),
        ("Dropout", vec![], "Dropout (view)"),
        ("LRN", vec![int("size", 5)], "LRN (elementwise 14)"),
    ];
    for (op, attributes, expected) in table {
        assert_eq!(
            one(&IMAGE, 20, &[], op, &attributes),
            format!("{expected} -> 8x13x10")
        );
    }
    let bounds = [
        ("low", float_tensor(&[], &[0.0])),
        ("high", float_tensor(&[], &[6.0])),
    ];
    assert_eq!(one(&IMAGE, 11, &bounds, "Clip", &[]), "relu6 -> 8x13x10");
    assert_eq!(
        one(&IMAGE, 11, &bounds[..1], "Clip", &[]),
        "relu -> 8x13x10"
    );
    let old = [float("min", 0.0), float("max", 6.0)];
    assert_eq!(one(&IMAGE, 6, &[], "Clip", &old), "relu6 -> 8x13x10");
    let wide = [float("min", -1.0), float("max", 1.0)];
    assert_eq!(
        one(&IMAGE, 6, &[], "Clip", &wide),
        "Clip (elementwise 2) -> 8x13x10"
    );
    let unknown = [("low", float_tensor(&[], &[0.0])), ("high", weight(&[]))];
    assert_eq!(
        one(&IMAGE, 11, &unknown, "Clip", &[]),
        "Clip (elementwise 2) -> 8x13x10"
    );
    let slope = [("s", weight(&[8, 1, 1]))];
    assert_eq!(
        one(&IMAGE, 17, &slope, "PRelu", &[]),
        "PRelu (elementwise 2) -> 8x13x10"
    );
}

#[test]
fn normalisations() {
    let four = ["s", "b", "m", "v"].map(|name| (name, weight(&[8])));
    for opset in [7, 9, 14, 15] {
        assert_eq!(
            one(&IMAGE, opset, &four, "BatchNormalization", &[]),
            "batch_norm -> 8x13x10"
        );
    }
    assert_eq!(
        one(&[2, 8], 17, &four, "BatchNormalization", &[]),
        "batch_norm -> 8x1x1"
    );
    assert_eq!(
        one(&IMAGE, 17, &four[..2], "InstanceNormalization", &[]),
        "InstanceNormalization (elementwise 7) -> 8x13x10"
    );
    assert_eq!(
        one(&[1, 5, 8], 17, &four[..2], "LayerNormalization", &[]),
        "LayerNormalization (elementwise 7) -> 5x1x8"
    );
    assert_eq!(
        one(
            &IMAGE,
            21,
            &four[..2],
            "GroupNormalization",
            &[int("num_groups", 2)]
        ),
        "GroupNormalization (elementwise 7) -> 8x13x10"
    );
}

#[test]
fn two_tensors() {
    // a is a map, g a gate for each channel, v the vector behind it
    let pair = |op: &str, inputs: &str| {
        let listing = Model::new(&[2, 8, 4, 4])
            .node("GlobalAveragePool", "x", "g", &[])
            .node("Relu", "x", "a", &[])
            .ints("axes", &[1])
            .node("ReduceSum", "a axes", "m", &[])
            .scalar("two", 2.0)
            .weight("w", &[8, 1, 1])
            .node(op, inputs, "y", &[])
            .listing();
        listing.last().unwrap().clone()
    };
    let table = [
        ("Add", "x a", "y: add -> 8x4x4"),
        ("Add", "x g", "y: Add (elementwise 1) -> 8x4x4"),
        ("Add", "x two", "y: Add (elementwise 1) -> 8x4x4"),
        ("Mul", "x g", "y: mul -> 8x4x4"),
        ("Mul", "g x", "y: mul -> 8x4x4"),
        ("Mul", "x m", "y: Mul (elementwise 1) -> 8x4x4"),
        ("Mul", "x a", "y: Mul (elementwise 1) -> 8x4x4"),
        ("Mul", "x w", "y: Mul (elementwise 1) -> 8x4x4"),
        ("Sub", "x a", "y: Sub (elementwise 1) -> 8x4x4"),
        ("Div", "x two", "y: Div (elementwise 1) -> 8x4x4"),
        ("Pow", "x two", "y: Pow (elementwise 1) -> 8x4x4"),
        ("Max", "x a g", "y: Max (elementwise 2) -> 8x4x4"),
        ("Sum", "x a", "y: add -> 8x4x4"),
        ("Sum", "x a g", "y: Sum (elementwise 2) -> 8x4x4"),
        ("Concat", "x a", "y: concat -> 16x4x4"),
    ];
    for (op, inputs, expected) in table {
        let attributes: &[AttributeProto] = if op == "Concat" {
            &[int("axis", 1)]
        } else {
            &[]
        };
        let layer = if attributes.is_empty() {
            pair(op, inputs)
        } else {
            let model = Model::new(&[2, 8, 4, 4]).node("Relu", "x", "a", &[]);
            model
                .node(op, inputs, "y", attributes)
                .listing()
                .pop()
                .unwrap()
        };
        assert_eq!(layer, expected);
    }
    // the gate is the second operand, whichever way round the node has them
    let model = Model::new(&[1, 8, 4, 4])
        .node("GlobalAveragePool", "x", "g", &[])
        .node("Mul", "g x", "y", &[]);
    let network = model.import().unwrap();
    let inputs = &network.layers()[1].inputs;
    let shapes = inputs.iter().map(|&tensor| network.shape(tensor));
    assert_eq!(
        shapes.collect::<Vec<_>>(),
        [Shape::new(8, 4, 4), Shape::new(8, 1, 1)]
    );
}

#[test]
fn reductions() {
    let axes = [("axes", int_tensor(&[2], &[2, 3]))];
    let attribute = [ints("axes", &[-2, -1])];
    let flat = [ints("axes", &[2, 3]), int("keepdims", 0)];
    assert_eq!(
        one(&IMAGE, 17, &[], "ReduceMean", &attribute),
        "global_avg_pool -> 8x1x1"
    );
    assert_eq!(
        one(&IMAGE, 18, &axes, "ReduceMean", &[]),
        "global_avg_pool -> 8x1x1"
    );
    assert_eq!(
        one(&IMAGE, 17, &[], "ReduceMean", &flat),
        "global_avg_pool -> 8x1x1"
    );
    assert_eq!(
        one(&IMAGE, 17, &axes, "ReduceSum", &[int("keepdims", 0)]),
        "ReduceSum (reduction 1) -> 8x1x1"
    );
    assert_eq!(
        one(&IMAGE, 17, &[], "ReduceMax", &[ints("axes", &[1])]),
        "ReduceMax (reduction 1) -> 1x13x10"
    );
    assert_eq!(
        one(&IMAGE, 17, &[], "ReduceL2", &[int("keepdims", 0)]),
        "ReduceL2 (reduction 2) -> 1x1x1"
    );
    assert_eq!(
        one(
            &IMAGE,
            17,
            &[],
            "ArgMax",
            &[int("axis", 1), int("keepdims", 0)]
        ),
        "ArgMax (reduction 1) -> 13x1x10"
    );
}

#[test]
fn movements() {
    let list = |values: &[i64]| int_tensor(&[values.len() as i64], values);
    let table: Vec<(&str, Stored, Vec<AttributeProto>, &str)> = vec![
        (
            "Transpose",
            vec![],
            vec![ints("perm", &[0, 2, 3, 1])],
            "(move) -> 13x10x8",
        ),
        (
            "Slice",
            vec![
                ("s", list(&[2])),
                ("e", list(&[i64::MAX])),
                ("a", list(&[-1])),
            ],
            vec![],
            "(move) -> 8x13x8",
        ),
        (
            "Slice",
            vec![
                ("s", list(&[-1])),
                ("e", list(&[i64::MIN])),
                ("a", list(&[2])),
                ("t", list(&[-3])),
            ],
            vec![],
            "(move) -> 8x5x10",
        ),
        (
            "Slice",
            vec![],
            vec![
                ints("starts", &[1, 0]),
                ints("ends", &[-1, 5]),
                ints("axes", &[1, 3]),
            ],
            "(move) -> 6x13x5",
        ),
        (
            "Slice",
            vec![
                ("s", list(&[0])),
                ("e", list(&[i64::MAX])),
                ("a", list(&[1])),
            ],
            vec![],
            "(view) -> 8x13x10",
        ),
        (
            "Pad",
            vec![],
            vec![ints("pads", &[0, 0, 1, 2, 0, 0, 3, 4])],
            "(move) -> 8x17x16",
        ),
        (
            "Pad",
            vec![("p", list(&[0, 0, 1, 2, 0, 0, -3, 4]))],
            vec![],
            "(move) -> 8x11x16",
        ),
        (
            "Pad",
            vec![("p", list(&[1, 1])), ("_", list(&[])), ("a", list(&[-1]))],
            vec![],
            "(move) -> 8x13x12",
        ),
        (
            "Expand",
            vec![("s", list(&[3, 1, 8, 1, 1]))],
            vec![],
            "(move) -> 1x312x10",
        ),
        (
            "Tile",
            vec![("r", list(&[1, 2, 1, 3]))],
            vec![],
            "(move) -> 16x13x30",
        ),
        (
            "Gather",
            vec![("i", list(&[0, 3]))],
            vec![int("axis", 1)],
            "(move) -> 2x13x10",
        ),
        (
            "Gather",
            vec![("i", int_tensor(&[], &[-1]))],
            vec![int("axis", 3)],
            "(move) -> 8x1x13",
        ),
        (
            "Upsample",
            vec![],
            vec![floats("scales", &[1.0, 1.0, 2.0, 2.0])],
            "(move) -> 8x26x20",
        ),
        (
            "Upsample",
            vec![("s", float_tensor(&[4], &[1.0, 1.0, 2.0, 2.0]))],
            vec![string("mode", "linear")],
            "(elementwise 7) -> 8x26x20",
        ),
        (
            "Resize",
            vec![
                ("_", list(&[])),
                ("s", float_tensor(&[4], &[1.0, 1.0, 0.5, 0.5])),
            ],
            vec![],
            "(move) -> 8x6x5",
        ),
        (
            "Resize",
            vec![
                ("_", list(&[])),
                ("_", list(&[])),
                ("n", list(&[1, 8, 26, 26])),
            ],
            vec![string("mode", "cubic")],
            "(elementwise 31) -> 8x26x26",
        ),
    ];
    for (op, stored, attributes, expected) in table {
        let opset = if op == "Upsample" { 9 } else { 17 };
        // opset 18 brought the axes of Pad
        let opset = if stored.len() == 3 && op == "Pad" {
            18
        } else {
            opset
        };
        assert_eq!(
            one(&IMAGE, opset, &stored, op, &attributes),
            format!("{op} {expected}"),
        );
    }
    let square = [1, 8, 4, 6];
    assert_eq!(
        one(&square, 17, &[], "DepthToSpace", &[int("blocksize", 2)]),
        "DepthToSpace (move) -> 2x8x12"
    );
    assert_eq!(
        one(&square, 17, &[], "SpaceToDepth", &[int("blocksize", 2)]),
        "SpaceToDepth (move) -> 32x2x3"
    );
}

#[test]
fn views() {
    let list = |values: &[i64]| int_tensor(&[values.len() as i64], values);
    let image = [2, 8, 3, 1];
    let table: Vec<(&str, i64, Stored, Vec<AttributeProto>, &str)> = vec![
        ("Reshape", 17, vec![("s", list(&[0, -1]))], vec![], "24x1x1"),
        (
            "Reshape",
            17,
            vec![("s", list(&[2, 0, -1]))],
            vec![],
            "8x1x3",
        ),
        (
            "Reshape",
            17,
            vec![("s", list(&[2, 4, 2, 3, 1]))],
            vec![],
            "4x6x1",
        ),
        (
            "Reshape",
            1,
            vec![],
            vec![ints("shape", &[0, -1])],
            "24x1x1",
        ),
        ("Flatten", 17, vec![], vec![], "24x1x1"),
        ("Flatten", 17, vec![], vec![int("axis", -3)], "24x1x1"),
        ("Squeeze", 17, vec![], vec![], "8x1x3"),
        ("Squeeze", 11, vec![], vec![ints("axes", &[3])], "8x1x3"),
        ("Squeeze", 13, vec![("a", list(&[-1]))], vec![], "8x1x3"),
        (
            "Unsqueeze",
            11,
            vec![],
            vec![ints("axes", &[0, 3])],
            "24x1x1",
        ),
        ("Unsqueeze", 13, vec![("a", list(&[2]))], vec![], "8x3x1"),
    ];
    for (op, opset, stored, attributes, expected) in table {
        assert_eq!(
            one(&image, opset, &stored, op, &attributes),
            format!("{op} (view) -> {expected}"),
            "{stored:?} {attributes:?}"
        );
    }
}

#[test]
fn each_part_that_is_read_is_a_layer() {
    let parts = |model: Model, opset: i64, split: Vec<AttributeProto>, inputs: &str| {
        model
            .opset(opset)
            .node(
                "Split",
                inputs,
                "a b c",
                &[vec![int("axis", 1)], split].concat(),
            )
            .node("Add", "a c", "y", &[])
            .listing()
    };
    let expected = [
        "a: Split (move) -> 2x4x4",
        "a.output3: Split (move) -> 2x4x4",
        "y: add -> 2x4x4",
    ];
    let image = Model::new(&[1, 8, 4, 4]);
    assert_eq!(
        parts(image.clone(), 11, vec![ints("split", &[2, 4, 2])], "x"),
        expected
    );
    assert_eq!(
        parts(image.ints("s", &[2, 4, 2]), 13, vec![], "x s"),
        expected
    );
    assert_eq!(
        parts(
            Model::new(&[1, 6, 4, 4]),
            18,
            vec![int("num_outputs", 3)],
            "x"
        ),
        expected
    );
    let dropout = Model::new(&[1, 6, 4, 4])
        .node("Dropout", "x", "y mask", &[])
        .node("Relu", "y", "z", &[]);
    assert_eq!(
        dropout.listing(),
        ["y: Dropout (view) -> 6x4x4", "z: relu -> 6x4x4"]
    );
}

#[test]
fn branches_are_unknown_and_read_what_they_hold() {
    let branch = |op: &str| AttributeProto {
        g: Some(Box::new(GraphProto {
            node: vec![NodeProto {
                op_type: Some(op.to_owned()),
                input: vec!["a".to_owned()],
                output: vec!["inner".to_owned()],
                ..NodeProto::default()
            }],
            ..GraphProto::default()
        })),
        ..attribute("then_branch", AttributeType::Graph)
    };
    let model = Model::new(&[1, 6, 4, 4])
        .node("Relu", "x", "a", &[])
        .index("condition", 1)
        .node("If", "condition", "y", &[branch("Exp")])
        .declared("y", &[1, 6, 4, 4])
        .node("Tanh", "y", "z", &[]);
    assert_eq!(
        model.listing(),
        [
            "a: relu -> 6x4x4",
            "y: If (unknown) -> 6x4x4",
            "z: Tanh (elementwise 1) -> 6x4x4"
        ]
    );
}

#[test]
fn operators_without_a_rule() {
    let model = || {
        Model::new(&[1, 6, 4, 4]).node("Relu", "x", "a", &[]).node(
            "org.acme:Frobnicate",
            "a",
            "y",
            &[],
        )
    };
    // an end: as much as it takes in
    assert_eq!(
        model().listing(),
        ["a: relu -> 6x4x4", "y: Frobnicate (unknown) -> 6x4x4"]
    );
    assert_eq!(
        model().node("Relu", "y", "z", &[]).complaint(),
        "node z (Relu): reads what y (Frobnicate) produces, whose shape is not known"
    );
    assert_eq!(
        model()
            .declared("y", &[1, 3, 2, 2])
            .node("Relu", "y", "z", &[])
            .listing(),
        [
            "a: relu -> 6x4x4",
            "y: Frobnicate (unknown) -> 3x2x2",
            "z: relu -> 3x2x2"
        ]
    );
    let top = Model::new(&[1, 100])
        .ints("k", &[5])
        .node("TopK", "x k", "v i", &[]);
    assert_eq!(top.listing(), ["v: TopK (unknown) -> 5x1x1"]);
}

#[test]
fn parameters_of_other_operators() {
    /// Operator, stored tensors, parameters.
    type Row = (&'static str, &'static [(&'static str, &'static [i64])], u64);
    let table: [Row; 5] = [
        ("LayerNormalization", &[("scale", &[8]), ("bias", &[8])], 16),
        ("PRelu", &[("slope", &[5, 1])], 5),
        // position embeddings, but not a single number
        ("Add", &[("position", &[1, 5, 8])], 40),
        ("Mul", &[("half", &[1])], 0),
        ("Softmax", &[], 0),
    ];
    for (op, stored, expected) in table {
        let mut model = Model::new(&[1, 5, 8]).opset(17);
        let mut inputs = "x".to_owned();
        for (name, dims) in stored {
            model = model.weight(name, dims);
            inputs = format!("{inputs} {name}");
        }
        let network = model.node(op, &inputs, "y", &[]).import().unwrap();
        let weights = network.layers().iter().map(|layer| match &layer.op {
            Op::Other(other) => other.weights,
            _ => 0,
        });
        assert_eq!(weights.sum::<u64>(), expected, "{op}");
    }
}

#[test]
fn what_detectors_do() {
    let model = Model::new(&[1, 8, 20, 20])
        .weight("boxes", &[1, 400, 4])
        .ints("shape", &[1, 8, 400])
        .index("most", 10)
        .scalar("overlap", 0.5)
        .node("Reshape", "x shape", "scores", &[])
        .node("NonMaxSuppression", "boxes scores most overlap", "y", &[]);
    assert_eq!(
        model.listing(),
        [
            "scores: Reshape (view) -> 8x1x400",
            // eight classes of ten boxes
            "y: NonMaxSuppression (unknown) -> 3x80x1"
        ]
    );
    let model = Model::new(&[1, 8, 20, 20])
        .weight("regions", &[30, 4])
        .weight("images", &[30])
        .node(
            "RoiAlign",
            "x regions images",
            "y",
            &[
                int("output_height", 7),
                int("output_width", 5),
                int("sampling_ratio", 3),
            ],
        );
    assert_eq!(model.listing(), ["y: RoiAlign (elementwise 72) -> 8x210x5"]);
    let model =
        Model::new(&[1, 2, 3])
            .ints("size", &[1, 3, 6, 4])
            .node("AffineGrid", "x size", "y", &[]);
    assert_eq!(model.listing(), ["y: AffineGrid (elementwise 4) -> 6x4x2"]);
}

#[test]
fn patches_put_back() {
    let columns = |rows| {
        Model::new(&[1, rows, 25])
            .ints("image", &[7, 7])
            .ints("block", &[3, 3])
            .node("Col2Im", "x image block", "y", &[])
    };
    assert_eq!(columns(36).listing(), ["y: Col2Im (reduction 1) -> 4x7x7"]);
    assert_eq!(
        columns(35).complaint(),
        "node y (Col2Im): 35 rows are no patches of [3, 3]"
    );
    let model = Model::new(&[1, 4, 6, 6]).node("Relu", "x", "i", &[]).node(
        "MaxUnpool",
        "x i",
        "y",
        &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])],
    );
    assert_eq!(model.listing()[1], "y: MaxUnpool (move) -> 4x12x12");
}
