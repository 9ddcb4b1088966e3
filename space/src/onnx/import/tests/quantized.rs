//! Quantised models count as what they stand for.

use super::*;

#[test]
fn scaled_to_integers_and_back() {
    let model = Model::new(&[1, 8, 6, 6])
        .scalar("s", 0.1)
        .index("z", 0)
        .weight("wq", &[16, 8, 3, 3])
        .weight("ws", &[16])
        .weight("wz", &[16])
        .weight("bq", &[16])
        .node("QuantizeLinear", "x s z", "xq", &[])
        .node("DequantizeLinear", "xq s z", "xf", &[])
        .node("DequantizeLinear", "wq ws wz", "w", &[int("axis", 0)])
        .node("DequantizeLinear", "bq ws wz", "b", &[int("axis", 0)])
        .node("Conv", "xf w b", "c", &[])
        .node("Relu", "c", "y", &[]);
    assert_eq!(
        model.listing(),
        [
            "xq: QuantizeLinear (view) -> 8x6x6",
            "xf: DequantizeLinear (view) -> 8x6x6",
            "c: conv 3x3 g1 bias -> 16x4x4",
            "y: relu -> 16x4x4"
        ]
    );
}

#[test]
fn operators_on_integers() {
    let base = |input: &[i64]| {
        Model::new(input)
            .scalar("s", 0.1)
            .index("z", 0)
            .weight("b", &[16])
    };
    let image = || base(&[1, 8, 6, 6]).weight("w", &[16, 8, 3, 3]);
    let table = [
        (
            image().node("QLinearConv", "x s z w s z s z b", "y", &[]),
            "y: conv 3x3 g1 bias -> 16x4x4",
        ),
        (
            image().node("ConvInteger", "x w z z", "y", &[]),
            "y: conv 3x3 g1 -> 16x4x4",
        ),
        (
            base(&[1, 32]).weight("w", &[32, 16]).node(
                "QLinearMatMul",
                "x s z w s z s z",
                "y",
                &[],
            ),
            "y: linear 16 false -> 16x1x1",
        ),
        (
            base(&[1, 5, 32])
                .weight("w", &[32, 16])
                .node("MatMulInteger", "x w z z", "y", &[]),
            "y: matmul 2560 512 -> 5x1x16",
        ),
        (
            base(&[1, 32]).weight("w", &[16, 32]).node(
                "com.microsoft:QGemm",
                "x s z w s z b s z",
                "y",
                &[int("transB", 1)],
            ),
            "y: linear 16 true -> 16x1x1",
        ),
        (
            image().node("com.microsoft:QLinearAdd", "x s z x s z s z", "y", &[]),
            "y: add -> 8x6x6",
        ),
        (
            image().node(
                "com.microsoft:QLinearGlobalAveragePool",
                "x s z s z",
                "y",
                &[],
            ),
            "y: global_avg_pool -> 8x1x1",
        ),
        (
            image().node(
                "com.microsoft:QLinearConcat",
                "s z x s z x s z",
                "y",
                &[int("axis", 1)],
            ),
            "y: concat -> 16x6x6",
        ),
    ];
    for (model, expected) in table {
        assert_eq!(model.listing(), [expected]);
    }
}

#[test]
fn recurrent_layers_with_transposed_weights() {
    let model = Model::new(&[1, 5, 10])
        .weight("w", &[2, 10, 48])
        .weight("r", &[2, 12, 48])
        .node("Transpose", "x", "t", &[ints("perm", &[1, 0, 2])])
        .node("com.microsoft:DynamicQuantizeLSTM", "t w r", "y", &[]);
    assert_eq!(model.listing()[1], "y: matmul 10560 2112 -> 2x5x12");
}

#[test]
fn scales_at_run_time() {
    let model = Model::new(&[1, 8, 6, 6])
        .weight("w", &[16, 8, 1, 1])
        .index("z", 0)
        .scalar("ws", 0.1)
        .node("DynamicQuantizeLinear", "x", "q s zero", &[])
        .node("ConvInteger", "q w zero z", "c", &[])
        .node("Cast", "c", "f", &[int("to", 1)])
        .node("Mul", "s ws", "scale", &[])
        .node("Mul", "f scale", "y", &[]);
    assert_eq!(
        model.listing(),
        [
            "q: DynamicQuantizeLinear (elementwise 3) -> 8x6x6",
            "q.output2: DynamicQuantizeLinear (view) -> 1x1x1",
            "q.output3: DynamicQuantizeLinear (view) -> 1x1x1",
            "c: conv 1x1 g1 -> 16x6x6",
            "f: Cast (view) -> 16x6x6",
            "scale: Mul (elementwise 1) -> 1x1x1",
            "y: Mul (elementwise 1) -> 16x6x6"
        ]
    );
}
