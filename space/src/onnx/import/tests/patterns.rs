//! Operators written out in several nodes.

use super::*;

/// Nodes over `x` of 8x4x4, one a line as `output = Op inputs`; numbers are stored under their own names.
fn written(lines: &str) -> Vec<String> {
    let mut model = Model::new(&[1, 8, 4, 4]);
    for number in [
        "0",
        "0.044715",
        "0.5",
        "0.7978846",
        "0.70710677",
        "1",
        "1.4142135",
        "2",
        "3",
        "6",
    ] {
        model = model.scalar(number, number.parse().unwrap());
    }
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (output, call) = line.split_once(" = ").unwrap();
        let (op, inputs) = call.split_once(' ').unwrap();
        let attributes: &[AttributeProto] = match op {
            "HardSigmoid" => &[float("alpha", 1.0 / 6.0), float("beta", 0.5)],
            _ => &[],
        };
        model = model.node(op, inputs, output, attributes);
    }
    model.listing()
}

#[test]
fn activations() {
    let table = [
        ("swish", "s = Sigmoid x\n y = Mul x s"),
        ("swish", "s = Sigmoid x\n y = Mul s x"),
        ("hard_swish", "s = HardSigmoid x\n y = Mul x s"),
        (
            "hard_swish",
            "a = Add x 3\n c = Clip a 0 6\n d = Div c 6\n y = Mul x d",
        ),
        (
            "hard_swish",
            "a = Add 3 x\n c = Clip a 0 6\n m = Mul x c\n y = Div m 6",
        ),
        (
            "hard_swish",
            "a = Add x 3\n r = Relu a\n c = Min r 6\n d = Div c 6\n y = Mul d x",
        ),
        ("hard_sigmoid", "a = Add x 3\n c = Clip a 0 6\n y = Div c 6"),
        ("relu6", "r = Max x 0\n y = Min r 6"),
        ("relu", "y = Max 0 x"),
        (
            "gelu",
            "d = Div x 1.4142135\n e = Erf d\n a = Add e 1\n m = Mul x a\n y = Mul m 0.5",
        ),
        (
            "gelu",
            "d = Mul x 0.70710677\n e = Erf d\n a = Add 1 e\n h = Mul 0.5 x\n y = Mul h a",
        ),
        // as TensorFlow writes it: half of x times the complement of the error function
        (
            "gelu",
            "h = Mul x 0.5\n n = Neg x\n d = Mul n 0.70710677\n e = Erfc d\n y = Mul h e",
        ),
        (
            "gelu",
            "p = Pow x 3\n q = Mul p 0.044715\n s = Add x q\n t = Mul s 0.7978846\n u = Tanh t
             v = Add u 1\n h = Mul x 0.5\n y = Mul h v",
        ),
    ];
    for (activation, lines) in table {
        assert_eq!(
            written(lines),
            [format!("y: {activation} -> 8x4x4")],
            "{lines}"
        );
    }
    // before and after, the layers stay
    assert_eq!(
        written("r = Relu x\n s = Sigmoid r\n m = Mul r s\n y = Tanh m"),
        [
            "r: relu -> 8x4x4",
            "m: swish -> 8x4x4",
            "y: Tanh (elementwise 1) -> 8x4x4"
        ]
    );
}

#[test]
fn a_layer_is_known_by_every_node_it_is_made_of() {
    let model = Model::new(&[1, 8, 4, 4])
        .weight("w", &[8, 8, 1, 1])
        .node("Conv", "x w", "c", &[])
        .node("Sigmoid", "c", "s", &[])
        .node("Mul", "c s", "y", &[]);
    let mut bytes = ModelProto::decode(&*model.bytes()).unwrap();
    for (node, name) in bytes
        .graph
        .as_mut()
        .unwrap()
        .node
        .iter_mut()
        .zip(["conv", "", "gate"])
    {
        node.name = Some(name.to_owned());
    }
    let network = import(&bytes.encode_to_vec(), &ImportOptions::default()).unwrap();
    assert_eq!(
        listing(&network),
        ["conv: conv 1x1 g1 -> 8x4x4", "gate: swish -> 8x4x4"]
    );
    let names = network.file_names();
    assert_eq!(
        ["conv", "gate", "", "c"].map(|name| names.node(name)),
        [Some(0), Some(1), None, None]
    );
    assert_eq!(
        ["c", "s", "y", "x"].map(|name| names.value(name)),
        [Some(0), Some(1), Some(1), None]
    );
    assert!(
        crate::presets::landmarks()[0]
            .network
            .file_names()
            .is_empty()
    );
}

#[test]
fn what_only_looks_like_one() {
    // something else reads the gate
    assert_eq!(
        written("s = Sigmoid x\n m = Mul x s\n y = Add m s").len(),
        3
    );
    // a gate of something else
    assert_eq!(written("a = Tanh x\n s = Sigmoid a\n y = Mul x s").len(), 3);
    // other constants
    assert_eq!(
        written("a = Add x 2\n c = Clip a 0 6\n y = Div c 6").len(),
        3
    );
    assert_eq!(
        written("d = Mul x 2\n s = Sigmoid d\n y = Mul x s").len(),
        3
    );
}

/// A batch-norm with frozen statistics, as detectors are trained with: a factor and a summand for each channel.
#[test]
fn frozen_norms_join_their_convolutions() {
    let conv = |factor: &[i64]| {
        Model::new(&[1, 8, 6, 6])
            .weight("w", &[16, 8, 3, 3])
            .weight("scale", factor)
            .weight("shift", &[1, 16, 1, 1])
            .node("Conv", "x w", "c", &[])
            .node("Mul", "c scale", "m", &[])
            .node("Add", "m shift", "a", &[])
            .node("Relu", "a", "y", &[])
    };
    let joined = ["a: conv 3x3 g1 bias -> 16x4x4", "y: relu -> 16x4x4"];
    assert_eq!(conv(&[1, 16, 1, 1]).listing(), joined);
    let names = conv(&[16, 1, 1]).import().unwrap();
    let layers = ["c", "m", "a"].map(|value| names.file_names().value(value));
    assert_eq!(layers, [Some(0); 3]);
    // a map of factors is none for each channel, and stays; so does what is read in between
    assert_eq!(conv(&[1, 1, 4, 4]).listing().len(), 4);
    let read = conv(&[1, 16, 1, 1]).output("y").output("c").listing();
    assert_eq!(read.len(), 4);
}

/// Statistics in one operator, factors and summands behind it: as Caffe's networks come.
#[test]
fn scales_join_the_norms_behind_convolutions() {
    let parameters = ["s", "b", "mean", "variance"];
    let norm = |model: Model, from: &str| {
        let model = parameters.iter().fold(model, |m, p| m.weight(p, &[16]));
        model
            .weight("factor", &[16, 1, 1])
            .weight("summand", &[16, 1, 1])
            .node(
                "BatchNormalization",
                &format!("{from} s b mean variance"),
                "n",
                &[],
            )
            .node("Mul", "n factor", "m", &[])
            .node("Add", "m summand", "y", &[])
    };
    let conv = Model::new(&[1, 8, 6, 6])
        .weight("w", &[16, 8, 3, 3])
        .node("Conv", "x w", "c", &[]);
    let behind = norm(conv, "c").listing();
    assert_eq!(
        behind,
        ["c: conv 3x3 g1 -> 16x4x4", "y: batch_norm -> 16x4x4"]
    );
    // after a convolution that has taken in a factor itself
    let scaled = Model::new(&[1, 8, 6, 6])
        .weight("w", &[16, 8, 3, 3])
        .weight("first", &[16, 1, 1])
        .node("Conv", "x w", "c", &[])
        .node("Mul", "c first", "d", &[]);
    assert_eq!(norm(scaled, "d").listing().len(), 2);
    // one that folds into nothing runs by itself, and so do they
    assert_eq!(norm(Model::new(&[1, 16, 6, 6]), "x").listing().len(), 3);
}

#[test]
fn biases_join_their_products() {
    let tokens = Model::new(&[1, 49, 32])
        .weight("w", &[32, 96])
        .weight("b", &[96])
        .node("MatMul", "x w", "m", &[])
        .node("Add", "b m", "y", &[]);
    assert_eq!(tokens.listing(), ["y: matmul 150528 3168 -> 49x1x96"]);
    let vector = Model::new(&[1, 32])
        .weight("w", &[32, 10])
        .weight("b", &[10])
        .node("MatMul", "x w", "m", &[])
        .node("Add", "m b", "y", &[]);
    assert_eq!(vector.listing(), ["y: linear 10 true -> 10x1x1"]);
    let conv = |bias: &[i64]| {
        Model::new(&[1, 8, 6, 6])
            .weight("w", &[16, 8, 3, 3])
            .weight("b", bias)
            .node("Conv", "x w", "m", &[])
            .node("Add", "m b", "y", &[])
            .listing()
    };
    for bias in [&[16, 1, 1][..], &[1, 16, 1, 1]] {
        assert_eq!(conv(bias), ["y: conv 3x3 g1 bias -> 16x4x4"]);
    }
    let twice = Model::new(&[1, 8, 6, 6])
        .weight("w", &[16, 8, 3, 3])
        .weight("b", &[16])
        .weight("more", &[16, 1, 1])
        .node("Conv", "x w b", "m", &[])
        .node("Add", "m more", "y", &[]);
    assert_eq!(twice.listing(), ["y: conv 3x3 g1 bias -> 16x4x4"]);
    for other in [&[4][..], &[1], &[16, 4, 4], &[4, 1]] {
        assert_eq!(
            conv(other),
            [
                "m: conv 3x3 g1 -> 16x4x4",
                "y: Add (elementwise 1) -> 16x4x4"
            ]
        );
    }
}

#[test]
fn channel_shuffles() {
    let shuffle = |groups: &[i64], perm: &[i64], whole: &[i64]| {
        Model::new(&[1, 12, 4, 5])
            .ints("g", groups)
            .ints("w", whole)
            .node("Reshape", "x g", "a", &[])
            .node("Transpose", "a", "b", &[ints("perm", perm)])
            .node("Reshape", "b w", "y", &[])
            .listing()
    };
    let whole = [1, 12, 4, 5];
    for (groups, perm) in [
        (&[1, 3, 4, 4, 5][..], &[0, 2, 1, 3, 4][..]),
        (&[1, 3, 4, 20], &[0, 2, 1, 3]),
        (&[0, 3, 4, -1], &[0, 2, 1, 3]),
    ] {
        assert_eq!(shuffle(groups, perm, &whole), ["y: shuffle 3 -> 12x4x5"]);
    }
    let others = [
        (&[1, 3, 4, 4, 5][..], &[0, 2, 1, 4, 3][..], &whole),
        (&[1, 3, 2, 2, 20], &[0, 2, 1, 3, 4], &whole),
        (&[1, 3, 4, 4, 5], &[0, 2, 1, 3, 4], &[1, 12, 5, 4]),
    ];
    for (groups, perm, whole) in others {
        assert_eq!(shuffle(groups, perm, whole).len(), 3, "{groups:?} {perm:?}");
    }
}

/// The layers of a model over tokens `x` of 16x8; `m = Mean a` is the mean along the last axis, `1 e 2` are numbers, `g` and `b` weights of
/// 8.
fn normalised(lines: &str) -> Vec<String> {
    let mut model = Model::new(&[1, 16, 8])
        .weight("g", &[8])
        .weight("b", &[8])
        .scalar("1", 1.0)
        .scalar("2", 2.0)
        .scalar("e", 1e-5);
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (output, call) = line.split_once(" = ").unwrap();
        let (op, inputs) = call.split_once(' ').unwrap();
        model = match op {
            "Mean" => model.node("ReduceMean", inputs, output, &[ints("axes", &[-1])]),
            op => model.node(op, inputs, output, &[]),
        };
    }
    model.listing()
}

#[test]
fn normalisations() {
    let table = [
        // as PyTorch writes it
        (
            "y: LayerNormalization (elementwise 7)",
            "m = Mean x\n d = Sub x m\n p = Pow d 2\n v = Mean p\n w = Add v e\n s = Sqrt w\n q = Div d s\n t = Mul q g\n y = Add t b",
        ),
        // as Keras writes it: the mean is part of the bias
        (
            "y: LayerNormalization (elementwise 7)",
            "m = Mean x\n d = Sub x m\n p = Mul d d\n v = Mean p\n w = Add v e\n s = Sqrt w\n r = Reciprocal s\n i = Mul r g\n t = Mul x i
             n = Mul m i\n c = Sub b n\n y = Add t c",
        ),
        // the variance as a difference of means, no weights
        (
            "y: LayerNormalization (elementwise 5)",
            "m = Mean x\n p = Mul x x\n o = Mean p\n n = Mul m m\n v = Sub o n\n w = Add v e\n s = Sqrt w\n d = Sub x m\n y = Div d s",
        ),
        (
            "y: RMSNormalization (elementwise 4)",
            "p = Pow x 2\n v = Mean p\n w = Add v e\n s = Sqrt w\n r = Reciprocal s\n t = Mul x r\n y = Mul t g",
        ),
    ];
    for (layer, lines) in table {
        assert_eq!(normalised(lines), [format!("{layer} -> 16x1x8")], "{lines}");
    }
    // what is around it stays, the residual sum too
    assert_eq!(
        normalised(
            "a = Tanh x\n m = Mean a\n d = Sub a m\n p = Pow d 2\n v = Mean p\n w = Add v e\n s = Sqrt w\n q = Div d s\n t = Mul q g\n n = Add t b
             y = Add n a"
        ),
        [
            "a: Tanh (elementwise 1) -> 16x1x8",
            "n: LayerNormalization (elementwise 7) -> 16x1x8",
            "y: add -> 16x1x8"
        ]
    );
}

#[test]
fn weights_of_a_normalisation_count() {
    let model = Model::new(&[1, 8, 4, 4])
        .weight("g", &[8, 1, 1])
        .weight("b", &[8, 1, 1])
        .scalar("e", 1e-6)
        .node("ReduceMean", "x", "m", &[ints("axes", &[1])])
        .node("Sub", "x m", "d", &[])
        .node("Mul", "d d", "p", &[])
        .node("ReduceMean", "p", "v", &[ints("axes", &[1])])
        .node("Add", "v e", "w", &[])
        .node("Sqrt", "w", "s", &[])
        .node("Div", "d s", "q", &[])
        .node("Mul", "q g", "t", &[])
        .node("Add", "t b", "y", &[]);
    let network = model.import().unwrap();
    let [layer] = network.layers() else {
        panic!("{:?}", listing(&network));
    };
    assert!(
        matches!(&layer.op, Op::Other(other) if other.weights == 16 && other.name == "LayerNormalization")
    );
}

#[test]
fn what_only_looks_like_a_normalisation_stays() {
    // the mean along another axis than the variance: all but the mean is a normalisation by the mean square
    let model = Model::new(&[1, 8, 8])
        .scalar("e", 1e-5)
        .node("ReduceMean", "x", "m", &[ints("axes", &[1])])
        .node("Sub", "x m", "d", &[])
        .node("Mul", "d d", "p", &[])
        .node("ReduceMean", "p", "v", &[ints("axes", &[2])])
        .node("Add", "v e", "w", &[])
        .node("Sqrt", "w", "s", &[])
        .node("Div", "d s", "y", &[]);
    assert_eq!(
        model.listing()[1..],
        [
            "d: Sub (elementwise 1) -> 8x1x8",
            "y: RMSNormalization (elementwise 3) -> 8x1x8"
        ]
    );
    // no square root
    assert_eq!(
        normalised(
            "m = Mean x\n d = Sub x m\n p = Pow d 2\n v = Mean p\n w = Add v e\n y = Div d w"
        )
        .len(),
        6
    );
    // the mean is an output too
    let model = Model::new(&[1, 16, 8])
        .scalar("e", 1e-5)
        .node("ReduceMean", "x", "m", &[ints("axes", &[2])])
        .node("Sub", "x m", "d", &[])
        .node("Mul", "d d", "p", &[])
        .node("ReduceMean", "p", "v", &[ints("axes", &[2])])
        .node("Add", "v e", "w", &[])
        .node("Sqrt", "w", "s", &[])
        .node("Div", "d s", "y", &[])
        .output("y")
        .output("m");
    assert_eq!(
        model.listing(),
        [
            "m: ReduceMean (reduction 1) -> 16x1x1",
            "d: Sub (elementwise 1) -> 16x1x8",
            "y: RMSNormalization (elementwise 3) -> 16x1x8"
        ]
    );
}

#[test]
fn what_hands_its_input_on_is_dropped_where_only_it_reads_it() {
    for neutral in [
        "y = Add r 0",
        "y = Add 0 r",
        "y = Sub r 0",
        "y = Mul r 1",
        "y = Div r 1",
        "y = Identity r",
        "a = Add r 0\n b = Mul 1 a\n y = Identity b",
    ] {
        assert_eq!(
            written(&format!("r = Relu x\n {neutral}")),
            ["r: relu -> 8x4x4"],
            "{neutral}"
        );
    }
    for work in ["y = Add r 1", "y = Sub 0 r", "y = Mul r 2", "y = Div 1 r"] {
        assert_eq!(written(&format!("r = Relu x\n {work}")).len(), 2, "{work}");
    }
    // with nothing before it, or somebody else who reads that
    assert_eq!(written("y = Add x 0"), ["y: Add (elementwise 1) -> 8x4x4"]);
    assert_eq!(
        written("r = Relu x\n s = Sigmoid r\n z = Add r 0\n y = Add z s").len(),
        4
    );
}

#[test]
fn a_branch_summed_on_from_zero_is_a_residual() {
    let model = Model::new(&[1, 8, 4, 4])
        .scalar("0", 0.0)
        .weight("w", &[8, 8, 1, 1])
        .node("Conv", "x w", "c", &[])
        .node("Add", "c 0", "s", &[])
        .node("Add", "s x", "y", &[]);
    let listing = model.listing();
    assert_eq!(listing.len(), 2, "{listing:?}");
    assert!(listing[1].contains("add"), "{listing:?}");
}
