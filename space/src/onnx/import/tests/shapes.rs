//! Arithmetic on shapes, as exporters emit it, and sizes that a file leaves open.

use super::*;
use crate::shape::{Resolution, Shape};

fn symbol(name: &str) -> DimensionValue {
    DimensionValue::Symbol(name.to_owned())
}

/// `x.view(x.size(0), -1)`, with a free batch.
#[test]
fn a_flatten_written_out() {
    let model = Model::new(&[1, 4, 3, 3])
        .node("Relu", "x", "a", &[])
        .node("Shape", "a", "shape", &[])
        .node(
            "Constant",
            "",
            "zero",
            &[tensor("value", int_tensor(&[], &[0]))],
        )
        .node("Gather", "shape zero", "batch", &[int("axis", 0)])
        .node(
            "Constant",
            "",
            "rest",
            &[tensor("value", int_tensor(&[1], &[-1]))],
        )
        .node("Unsqueeze", "batch", "first", &[ints("axes", &[0])])
        .node("Concat", "first rest", "target", &[int("axis", 0)])
        .node("Reshape", "a target", "flat", &[])
        .weight("w", &[10, 36])
        .node("Gemm", "flat w", "y", &[int("transB", 1)])
        .opset(11);
    let expected = [
        "a: relu -> 4x3x3",
        "flat: Reshape (view) -> 36x1x1",
        "y: linear 10 false -> 10x1x1",
    ];
    assert_eq!(model.clone().listing(), expected);
    let mut open = model;
    let batch = [
        symbol("batch"),
        DimensionValue::Size(4),
        DimensionValue::Size(3),
    ];
    open.graph().input[0] = info("x", &[&batch[..], &[DimensionValue::Size(3)]].concat());
    for batch in [1, 2, 7] {
        let options = ImportOptions {
            batch,
            ..ImportOptions::default()
        };
        assert_eq!(
            listing(&import(&open.clone().bytes(), &options).unwrap()),
            expected
        );
    }
}

/// An upsampling to twice the size the way PyTorch writes it: sizes cast to floats, scaled, rounded down and back.
#[test]
fn an_upsampling_written_out() {
    let model = Model::new(&[1, 4, 5, 6])
        .node("Shape", "x", "shape", &[])
        .ints("from", &[2])
        .ints("to", &[4])
        .ints("none", &[0])
        .ints("two", &[2])
        .node("Slice", "shape from to none", "sides", &[])
        .node("Cast", "sides", "f", &[int("to", 1)])
        .scalar("scale", 2.0)
        .node("Mul", "f scale", "scaled", &[])
        .node("Floor", "scaled", "whole", &[])
        .node("Cast", "whole", "sizes", &[int("to", 7)])
        .node("Slice", "shape none two none", "head", &[])
        .node("Concat", "head sizes", "target", &[int("axis", 0)])
        .node("Resize", "x _ _ target", "y", &[string("mode", "nearest")]);
    assert_eq!(model.listing(), ["y: Resize (move) -> 4x10x12"]);
}

/// Paddings the way the old exporter of PyTorch writes them: a list turned back to front by a slice of step -1.
#[test]
fn a_padding_written_out() {
    let model = Model::new(&[1, 4, 5, 6])
        .ints("pads", &[1, 2, 0, 1])
        .ints("count", &[4])
        .node(
            "ConstantOfShape",
            "count",
            "zeros",
            &[tensor("value", int_tensor(&[1], &[0]))],
        )
        .node("Concat", "pads zeros", "all", &[int("axis", 0)])
        .ints("pairs", &[-1, 2])
        .node("Reshape", "all pairs", "rows", &[])
        .ints("zero", &[0])
        .ints("last", &[-1])
        .ints("end", &[i64::MIN + 1])
        .node("Slice", "rows last end zero last", "turned", &[])
        .node("Transpose", "turned", "columns", &[ints("perm", &[1, 0])])
        .node("Reshape", "columns last", "flat", &[])
        .node("Cast", "flat", "final", &[int("to", 7)])
        .node("Pad", "x final", "y", &[]);
    // columns 1 and 2, rows 0 and 1
    assert_eq!(model.listing(), ["y: Pad (move) -> 4x6x9"]);
}

/// A padding that keeps the size, worked out from the input's: never less than nothing.
#[test]
fn a_padding_that_depends_on_the_size() {
    let model = Model::new(&[1, 4, 5, 6])
        .node("Shape", "x", "shape", &[])
        .ints("minus", &[-1, -4, -3, -7])
        .node("Add", "shape minus", "missing", &[])
        .index("nothing", 0)
        .node("Clip", "missing nothing", "pads", &[])
        .ints("zeros", &[0, 0, 0, 0])
        .node("Concat", "zeros pads", "all", &[int("axis", 0)])
        .node("Pad", "x all", "y", &[]);
    assert_eq!(model.listing(), ["y: Pad (move) -> 4x7x6"]);
}

/// `expand` with -1 for "as it is".
#[test]
fn an_expansion_written_out() {
    let model = Model::new(&[1, 1, 8])
        .ints("target", &[-1, 5, -1])
        .ints("three", &[3])
        .node(
            "ConstantOfShape",
            "three",
            "ones",
            &[tensor("value", int_tensor(&[1], &[1]))],
        )
        .ints("minus", &[-1])
        .node("Mul", "ones minus", "minuses", &[])
        .node("Equal", "target minuses", "kept", &[])
        .node("Where", "kept ones target", "sizes", &[])
        .node("Expand", "x sizes", "y", &[]);
    assert_eq!(model.listing(), ["y: Expand (move) -> 5x1x8"]);
}

#[test]
fn weights_from_anywhere() {
    let conv = |model: Model| {
        let node = model.node("Conv", "x w", "y", &[]);
        assert_eq!(node.listing(), ["y: conv 3x3 g1 -> 16x4x4"]);
    };
    let image = Model::new(&[1, 8, 6, 6]);
    let weight = float_tensor(&[16, 8, 3, 3], &[]);
    conv(image.clone().weight("w", &[16, 8, 3, 3]));
    conv(
        image
            .clone()
            .node("Constant", "", "w", &[tensor("value", weight)]),
    );
    conv(image.clone().input("w", &sizes(&[16, 8, 3, 3])));
    conv(
        image
            .clone()
            .ints("s", &[16, 8, 3, 3])
            .node("ConstantOfShape", "s", "w", &[]),
    );
    conv(
        image
            .clone()
            .weight("q", &[16, 8, 3, 3])
            .weight("scale", &[16])
            .weight("zero", &[16])
            .node("DequantizeLinear", "q scale zero", "w", &[int("axis", 0)]),
    );
    conv(
        image
            .weight("t", &[9, 8, 16])
            .node("Transpose", "t", "u", &[])
            .node("Cast", "u", "v", &[int("to", 1)])
            .ints("s", &[16, 8, 3, 3])
            .node("Reshape", "v s", "i", &[])
            .node("Identity", "i", "w", &[]),
    );
}

#[test]
fn batches_are_divided_out() {
    for batch in [1, 3, 8] {
        let model = Model::new(&[batch, 3, 8, 8])
            .weight("w", &[4, 3, 3, 3])
            .node("Conv", "x w", "a", &[])
            .node("Flatten", "a", "f", &[])
            .weight("v", &[144, 5])
            .node("MatMul", "f v", "y", &[]);
        let network = model.import().unwrap();
        assert_eq!(network.input(), Shape::new(3, 8, 8));
        assert_eq!(
            listing(&network),
            [
                "a: conv 3x3 g1 -> 4x6x6",
                "f: Flatten (view) -> 144x1x1",
                "y: linear 5 false -> 5x1x1"
            ]
        );
    }
}

#[test]
fn open_sizes_come_from_the_options() {
    let dims = [
        symbol("n"),
        DimensionValue::Size(3),
        symbol("height"),
        symbol("width"),
    ];
    let mut model = Model::new(&[1]).node("Relu", "x", "y", &[]);
    model.graph().input[0] = info("x", &dims);
    let bytes = model.clone().bytes();
    let error = import(&bytes, &ImportOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input x: the model leaves the size of axis 2 open: state the size of height"
    );
    let mut options = ImportOptions {
        resolution: Some(Resolution::square(32)),
        ..ImportOptions::default()
    };
    assert_eq!(
        import(&bytes, &options).unwrap().input(),
        Shape::new(3, 32, 32)
    );
    options.sizes.insert("width".to_owned(), 48);
    assert_eq!(
        import(&bytes, &options).unwrap().input(),
        Shape::new(3, 32, 48)
    );
    let numbered = ImportOptions {
        sizes: [("x.2", 5), ("x.3", 6)]
            .map(|(name, size)| (name.to_owned(), size))
            .into(),
        ..ImportOptions::default()
    };
    assert_eq!(
        import(&bytes, &numbered).unwrap().input(),
        Shape::new(3, 5, 6)
    );
    // sizes that a converter left open as -1
    model.graph().input[0] = info("x", &sizes(&[-1, 3, -1, -1]));
    assert_eq!(
        import(&model.bytes(), &options).unwrap().input(),
        Shape::new(3, 32, 32)
    );
}

#[test]
fn channels_last_images_and_other_inputs() {
    let model = Model::new(&[1, 20, 30, 3])
        .input("extra", &sizes(&[1, 6, 1, 1]))
        .weight("w", &[6, 3, 1, 1])
        .node("Transpose", "x", "t", &[ints("perm", &[0, 3, 1, 2])])
        .node("Conv", "t w", "c", &[])
        .node("Add", "c extra", "y", &[]);
    let network = model.import().unwrap();
    assert_eq!(network.input(), Shape::new(3, 20, 30));
    assert_eq!(
        listing(&network),
        [
            "t: Transpose (move) -> 3x20x30",
            "c: conv 1x1 g1 -> 6x20x30",
            "y: Add (elementwise 1) -> 6x20x30"
        ]
    );
    assert!(!network.knows_edges());
}

/// As TensorFlow's exporter writes an image that is brought to a range and padded first, with any number and any size.
#[test]
fn channels_last_images_that_are_prepared_first() {
    let open = |size| DimensionValue::Size(size);
    let mut model = Model::new(&[1])
        .scalar("range", 1.0 / 127.5)
        .weight("mean", &[3])
        .ints("pads", &[0, 0, 0, 0, 0, 1, 1, 0])
        .weight("w", &[6, 3, 3, 3])
        .node("Mul", "image range", "m", &[])
        .node("Sub", "m mean", "s", &[])
        .node("Pad", "s pads", "p", &[])
        .node("Transpose", "p", "t", &[ints("perm", &[0, 3, 1, 2])])
        .node("Conv", "t w", "y", &[ints("strides", &[2, 2])]);
    model.graph().input = vec![info("image", &[open(-1), open(-1), open(-1), open(3)])];
    let options = ImportOptions {
        resolution: Some(Resolution {
            height: 16,
            width: 24,
        }),
        ..ImportOptions::default()
    };
    let network = import(&model.bytes(), &options).unwrap();
    assert_eq!(network.input(), Shape::new(3, 16, 24));
    assert_eq!(
        listing(&network)[3..],
        ["t: Transpose (move) -> 3x17x25", "y: conv 3x3 g1 -> 6x8x12"]
    );
}

#[test]
fn an_image_without_a_batch() {
    let image = Model::new(&[3, 20, 30])
        .ints("zero", &[0])
        .weight("w", &[6, 3, 1, 1])
        .node("Unsqueeze", "x zero", "u", &[])
        .node("Conv", "u w", "y", &[]);
    let network = image.import().unwrap();
    assert_eq!(network.input(), Shape::new(3, 20, 30));
    assert_eq!(
        listing(&network),
        [
            "u: Unsqueeze (view) -> 3x20x30",
            "y: conv 1x1 g1 -> 6x20x30"
        ]
    );
    // three sounds of 20 channels, by the layer that reads them
    let sounds = Model::new(&[3, 20, 30])
        .weight("w", &[6, 20, 5])
        .node("Conv", "x w", "y", &[]);
    assert_eq!(sounds.import().unwrap().input(), Shape::new(20, 3, 30));
}

#[test]
fn names_and_outputs() {
    let mut model = Model::new(&[1, 3, 4, 4])
        .node("Relu", "x", "a", &[])
        .node("Relu", "x", "b", &[])
        .node("Relu", "x", "unused", &[])
        .output("b")
        .output("a");
    for node in &mut model.graph().node {
        node.name = Some("same".to_owned());
    }
    let network = model.import().unwrap();
    assert_eq!(network.name(), "graph");
    assert_eq!(
        listing(&network),
        ["same: relu -> 3x4x4", "same.2: relu -> 3x4x4"]
    );
    let outputs: Vec<&str> = network
        .outputs()
        .iter()
        .map(|output| &*output.name)
        .collect();
    assert_eq!(outputs, ["b", "a"]);
}

#[test]
fn functions_of_the_model() {
    use crate::onnx::proto::FunctionProto;
    // y = relu(x * w), with an attribute handed on to the axis of a softmax
    let body = Model::new(&[])
        .node("MatMul", "a w", "m", &[])
        .node("Softmax", "m", "s", &[])
        .node("Relu", "s", "b", &[]);
    let mut node = body.clone().graph().node.clone();
    node[1].attribute = vec![AttributeProto {
        name: Some("axis".to_owned()),
        ref_attr_name: Some("along".to_owned()),
        ..AttributeProto::default()
    }];
    let mut model = Model::new(&[1, 8])
        .weight("v", &[8, 8])
        .node("own:f", "x v", "h", &[int("along", 1)])
        .node("own:f", "h v", "y", &[int("along", 1)]);
    model.0.functions = vec![FunctionProto {
        name: Some("f".to_owned()),
        domain: Some("own".to_owned()),
        input: vec!["a".to_owned(), "w".to_owned()],
        output: vec!["b".to_owned()],
        node,
        ..FunctionProto::default()
    }];
    assert_eq!(
        model.listing(),
        [
            "h/m: linear 8 false -> 8x1x1",
            "h/s: Softmax (elementwise 5) -> 8x1x1",
            "h/b: relu -> 8x1x1",
            "y/m: linear 8 false -> 8x1x1",
            "y/s: Softmax (elementwise 5) -> 8x1x1",
            "y/b: relu -> 8x1x1"
        ]
    );
}
