//! Graphs as ONNX Runtime makes them of small networks.

use proptest::prelude::*;
use roofnas_cost::{Dtype, Fusion, NetworkCost, OpClass};
use roofnas_space::onnx::{self, Batch, ImportOptions, InitialWeights};
use roofnas_space::{
    Activation, Conv, Network, NetworkBuilder, Op, Other, Part, Pool, PoolKind, Role, Shape, Tensor,
};

use super::*;
use crate::engine::NodeTiming;

/// Nodes from `(name, operator, microseconds)`.
fn nodes(table: &[(&str, &str, f64)]) -> Vec<NodeTiming> {
    let node = |&(name, op_type, us): &(&str, &str, f64)| NodeTiming {
        name: name.to_owned(),
        op_type: op_type.to_owned(),
        provider: None,
        seconds: 1e-6 * us,
    };
    table.iter().map(node).collect()
}

/// A chain but for inputs that are named; layers from `(name, op, inputs)`.
fn network(layers: &[(&'static str, Op, &[&str])], outputs: &[(&str, &str)]) -> Network {
    let mut builder = NetworkBuilder::new("test", Shape::new(16, 8, 8));
    builder.section(Part::Stem, "");
    let mut tensors = vec![("input", Tensor::Input)];
    for (name, op, inputs) in layers.iter().cloned() {
        let of = |name: &str| tensors.iter().find(|(known, _)| *known == name).unwrap().1;
        let inputs: Vec<Tensor> = inputs.iter().map(|input| of(input)).collect();
        tensors.push((name, builder.push(name, op, &inputs, Role::Main)));
    }
    for (output, layer) in outputs {
        let layer = tensors.iter().find(|(known, _)| known == layer).unwrap();
        builder.output(*output, layer.1);
    }
    builder.finish().unwrap()
}

fn conv(kernel: usize) -> Op {
    Op::Conv(Conv::same(16, kernel, 1))
}

fn act(activation: Activation) -> Op {
    Op::Activation(activation)
}

/// Two convolutions with a projected shortcut, the sum activated.
fn residual() -> Network {
    let relu = act(Activation::Relu);
    network(
        &[
            ("a", conv(3), &["input"]),
            ("a.bn", Op::BatchNorm, &["a"]),
            ("a.act", relu.clone(), &["a.bn"]),
            ("b", conv(3), &["a.act"]),
            ("b.bn", Op::BatchNorm, &["b"]),
            ("s", conv(1), &["input"]),
            ("s.bn", Op::BatchNorm, &["s"]),
            ("sum", Op::Add, &["b.bn", "s.bn"]),
            ("act", relu, &["sum"]),
        ],
        &[("features", "act")],
    )
}

/// What ONNX Runtime runs of it: the first activation's value gives its name, the sum vanishes into the second convolution.
const RESIDUAL: &[(&str, &str, f64)] = &[
    ("ReorderInput", "ReorderInput", 3.0),
    ("stem.a.act_nchwc", "Conv", 100.0),
    ("stem.s_nchwc", "Conv", 40.0),
    ("stem.b_nchwc_token_7", "Conv", 120.0),
    ("ReorderOutput_token_2", "ReorderOutput", 5.0),
];

fn all() -> Fusion {
    Fusion {
        activations: Activation::ALL.to_vec(),
        add: true,
        elementwise: true,
    }
}

fn matched(network: &Network, fusion: &Fusion, table: &[(&str, &str, f64)]) -> MatchedNodes {
    match_nodes(network, &NetworkCost::new(network, fusion), &nodes(table))
}

/// Microseconds of each kernel, to a nanosecond; -1 for none.
fn us(matched: &MatchedNodes) -> Vec<f64> {
    let us = |seconds: &Option<f64>| seconds.map_or(-1.0, |s| (1e9 * s).round() / 1e3);
    matched.kernels.iter().map(us).collect()
}

#[test]
fn fused_nodes_by_any_of_their_names() {
    let found = matched(&residual(), &all(), RESIDUAL);
    // kernels: a with its activation, b, and s with the sum: it is the last of the two in our order
    assert_eq!(us(&found), [100.0, 120.0, 40.0]);
    assert_eq!(found.swallowed, []);
    let reorder = found.unmatched["ReorderInput"];
    assert_eq!(reorder.count, 1);
    assert!((reorder.seconds - 3e-6).abs() < 1e-15);
    assert_eq!(found.unmatched.len(), 2);
    assert!((found.share() - 260.0 / 268.0).abs() < 1e-12);
    let sides: Vec<_> = found
        .boundaries
        .iter()
        .map(|b| (b.before, b.after))
        .collect();
    assert_eq!(sides, [(None, Some(0)), (Some(1), None)]);
}

/// What OpenVINO runs of a residual block, by what each node was made of.
#[test]
fn lists_of_what_was_fused() {
    let table: [&[(&str, &str, f64)]; 2] = [
        &[
            ("input_abcd_acdb_stem.a/WithoutBiases", "Reorder", 3.0),
            ("stem.a/WithoutBiases,stem.a.act", "Convolution", 100.0),
            ("stem.s/WithoutBiases", "Convolution", 40.0),
            (
                "stem.b/WithoutBiases,stem.sum,features",
                "Convolution",
                120.0,
            ),
        ],
        // batch-norms that were folded leave their names, and not the convolutions
        &[
            ("input_abcd_acdb_Multiply_12", "Reorder", 3.0),
            ("Multiply_12,stem.a.bn,stem.a.act", "Convolution", 100.0),
            ("Multiply_30,stem.s.bn", "Convolution", 40.0),
            (
                "Multiply_21,stem.b.bn,stem.sum,features",
                "Convolution",
                120.0,
            ),
        ],
    ];
    for table in table {
        let found = matched(&residual(), &all(), table);
        assert_eq!(us(&found), [100.0, 120.0, 40.0]);
        assert_eq!(found.swallowed, []);
        assert_eq!(found.unmatched.keys().collect::<Vec<_>>(), ["Reorder"]);
        let evidence = FusionEvidence::of(&[(residual(), nodes(table))]);
        assert_eq!(evidence.add.vanished, 1);
        assert_eq!(evidence.activations["relu"].vanished, 2);
    }
}

/// A sum and an activation in one node: it is the sum that has one.
#[test]
fn joined_elementwise_operators_belong_to_the_first() {
    let pool = || {
        Op::Pool(Pool {
            kind: PoolKind::Max,
            kernel: 3,
            stride: 1,
            padding: 1,
        })
    };
    let net = network(
        &[
            ("p", pool(), &["input"]),
            ("sum", Op::Add, &["p", "input"]),
            ("act", act(Activation::Relu), &["sum"]),
            ("q", pool(), &["act"]),
        ],
        &[("out", "q")],
    );
    let table = [
        ("stem.p", "MaxPool", 10.0),
        ("stem.sum,stem.act", "Subgraph", 20.0),
        ("out", "MaxPool", 30.0),
        ("q_acdb_abcd_out/sink_port_0", "Reorder", 4.0),
    ];
    let evidence = FusionEvidence::of(&[(net.clone(), nodes(&table))]);
    assert_eq!(evidence.elementwise.vanished, 1);
    let found = matched(&net, &all(), &table);
    assert_eq!(us(&found), [10.0, 20.0, 30.0]);
}

#[test]
fn without_a_blocked_layout_names_are_those_of_nodes() {
    let table = [
        ("stem.a.act", "FusedConv", 100.0),
        ("stem.s", "Conv", 40.0),
        ("stem.act", "FusedConv", 120.0),
    ];
    let found = matched(&residual(), &all(), &table);
    assert_eq!(us(&found), [100.0, 120.0, 40.0]);
}

#[test]
fn an_engine_that_fuses_more_than_the_rules_say() {
    let found = matched(&residual(), &Fusion::default(), RESIDUAL);
    // a, its activation, b, s, sum, activation
    assert_eq!(us(&found), [100.0, -1.0, 120.0, 40.0, -1.0, -1.0]);
    let swallowed = |kernel, by| Swallowed {
        kernel,
        by: Some(by),
    };
    assert_eq!(
        found.swallowed,
        [swallowed(1, 0), swallowed(4, 3), swallowed(5, 3)]
    );
}

#[test]
fn an_engine_that_fuses_less_than_the_rules_say() {
    let table = [
        ("stem.a", "Conv", 90.0),
        ("stem.a.act", "Relu", 10.0),
        ("stem.b", "Conv", 95.0),
        ("stem.s", "Conv", 40.0),
        ("stem.sum", "Add", 15.0),
        ("stem.act", "Relu", 10.0),
    ];
    let found = matched(&residual(), &all(), &table);
    assert_eq!(us(&found), [100.0, 95.0, 65.0]);
    assert_eq!(found.kernel_nodes, [2, 1, 3]);
    assert!((found.share() - 1.0).abs() < 1e-12);
}

#[test]
fn outputs_give_their_name_to_what_makes_them() {
    let net = network(&[("c", conv(3), &["input"])], &[("stride8", "c")]);
    let found = matched(&net, &all(), &[("stride8_nchwc", "Conv", 7.0)]);
    assert_eq!(us(&found), [7.0]);
}

#[test]
fn helpers_belong_to_their_layer() {
    let net = network(
        &[
            ("c", conv(3), &["input"]),
            ("gelu", act(Activation::Gelu), &["c"]),
            ("shuffle", Op::ChannelShuffle { groups: 4 }, &["gelu"]),
            ("swish", act(Activation::Swish), &["shuffle"]),
            (
                "head",
                Op::Linear {
                    out_features: 10,
                    bias: true,
                },
                &["swish"],
            ),
        ],
        &[("logits", "head")],
    );
    let table = [
        ("stem.c_nchwc", "Conv", 10.0),
        ("stem.gelu.erf", "Erf", 2.0),
        ("stem.gelu", "Mul", 3.0),
        ("stem.shuffle.split", "Reshape", 1.0),
        ("stem.shuffle.transpose", "Transpose", 4.0),
        ("stem.shuffle", "Reshape", 1.0),
        ("stem.swish/QuickGeluFusion/", "QuickGelu", 5.0),
        ("stem.head.flatten", "Flatten", 1.0),
        ("stem.head", "Gemm", 8.0),
        ("stem.head.other", "Cast", 1.0),
    ];
    let found = matched(&net, &Fusion::default(), &table);
    assert_eq!(us(&found), [10.0, 5.0, 6.0, 5.0, 9.0]);
    assert_eq!(found.unmatched.keys().collect::<Vec<_>>(), ["Cast"]);
}

#[test]
fn nameless_nodes_where_only_one_order_is_possible() {
    let chain = network(
        &[
            ("a", conv(3), &["input"]),
            ("gelu", act(Activation::Gelu), &["a"]),
            ("b", conv(3), &["gelu"]),
            ("gelu2", act(Activation::Gelu), &["b"]),
        ],
        &[("out", "gelu2")],
    );
    let table = [
        ("", "Conv", 10.0),
        ("Gelu", "Gelu", 3.0),
        ("Conv_2", "Conv", 20.0),
        ("Gelu_token_1", "Gelu", 4.0),
    ];
    assert_eq!(
        us(&matched(&chain, &Fusion::default(), &table)),
        [10.0, 3.0, 20.0, 4.0]
    );
    // one too few: it could be either
    let found = matched(&chain, &Fusion::default(), &table[1..]);
    assert_eq!(us(&found), [-1.0, 3.0, -1.0, 4.0]);
    // branches run in any order
    let branches = network(
        &[
            ("a", conv(3), &["input"]),
            ("b", conv(1), &["input"]),
            ("sum", Op::Add, &["a", "b"]),
        ],
        &[("out", "sum")],
    );
    let table = [
        ("", "Conv", 10.0),
        ("", "Conv", 20.0),
        ("stem.sum", "Add", 1.0),
    ];
    let found = matched(&branches, &Fusion::default(), &table);
    assert_eq!(us(&found), [-1.0, -1.0, 1.0]);
    assert_eq!(found.unmatched["Conv"].count, 2);
}

#[test]
fn an_operator_that_the_engine_writes_out() {
    let net = network(
        &[
            ("c", conv(3), &["input"]),
            ("act", act(Activation::HardSwish), &["c"]),
            (
                "fc",
                Op::Linear {
                    out_features: 10,
                    bias: true,
                },
                &["act"],
            ),
            ("fc.act", act(Activation::HardSwish), &["fc"]),
        ],
        &[("logits", "fc.act")],
    );
    let table = [
        ("stem.c_nchwc", "Conv", 10.0),
        ("stem.fc", "Gemm", 8.0),
        ("ReorderOutput", "ReorderOutput", 1.0),
        ("HardSigmoid_180", "HardSigmoid", 3.0),
        ("Mul_181", "Mul", 2.0),
    ];
    let found = matched(&net, &Fusion::default(), &table);
    assert_eq!(us(&found), [10.0, -1.0, 8.0, 5.0]);
}

#[test]
fn a_norm_of_its_own_runs_as_a_convolution() {
    let net = network(
        &[
            ("c", conv(3), &["input"]),
            ("cat", Op::Concat, &["input", "c"]),
            ("bn", Op::BatchNorm, &["cat"]),
            ("relu", act(Activation::Relu), &["bn"]),
        ],
        &[("out", "relu")],
    );
    let table = [
        ("stem.c_nchwc", "Conv", 10.0),
        ("stem.cat", "Concat", 2.0),
        // by its own name in an export, by its value's with a suffix in others
        ("stem.bn_bn_nchwc", "Conv", 3.0),
    ];
    let network = onnx::import(
        &onnx::export(&net, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap(),
        &ImportOptions::default(),
    );
    let network = network.unwrap();
    let found = matched(&network, &Fusion::default(), &table);
    assert_eq!(us(&found), [10.0, 2.0, 3.0, -1.0]);
    assert_eq!(
        found.swallowed,
        [Swallowed {
            kernel: 3,
            by: Some(2)
        }]
    );
}

#[test]
fn files_by_the_names_of_nodes_and_values() {
    let net = network(
        &[
            ("c", conv(3), &["input"]),
            ("gelu", act(Activation::Gelu), &["c"]),
            ("d", conv(1), &["gelu"]),
            ("relu", act(Activation::Relu), &["d"]),
        ],
        &[("out", "relu")],
    );
    let bytes = onnx::export(&net, InitialWeights::seeded(1), Batch::Fixed(1)).unwrap();
    let network = onnx::import(&bytes, &ImportOptions::default()).unwrap();
    assert_eq!(network.layers().len(), 4);
    let table = [
        ("stem.c_nchwc", "Conv", 10.0),
        ("stem.gelu.div", "Div", 1.0),
        ("stem.gelu.erf", "Erf", 2.0),
        // named after the last value
        ("out_nchwc", "Conv", 4.0),
    ];
    assert_eq!(us(&matched(&network, &all(), &table)), [13.0, 4.0]);
}

#[test]
fn equal_names_unknown_names_and_nothing() {
    let net = network(&[("c", conv(3), &["input"])], &[("out", "c")]);
    let table = [
        ("stem.c", "Conv", 7.0),
        ("stem.c", "Conv", 2.0),
        ("who", "Cast", 1.0),
    ];
    let found = matched(&net, &all(), &table);
    assert_eq!((us(&found), found.nodes), (vec![9.0], 3));
    let none = matched(&net, &all(), &[]);
    assert_eq!((us(&none), none.share()), (vec![-1.0], 0.0));
    assert_eq!(
        none.swallowed,
        [Swallowed {
            kernel: 0,
            by: None
        }]
    );
    let whole = whole(1e-3);
    assert_eq!(ProfilerCorrection::new(&none, &whole), None);
    assert_eq!(
        timings(
            &NetworkCost::new(&net, &all()),
            &none,
            &Causes::default(),
            &whole
        )
        .len(),
        1
    );
}

#[test]
fn evidence_of_what_is_fused() {
    let counts = |vanished, occurrences| Vanished {
        vanished,
        occurrences,
    };
    let evidence = FusionEvidence::of(&[(residual(), nodes(RESIDUAL))]);
    assert_eq!(evidence.activations["relu"], counts(2, 2));
    assert_eq!(
        (evidence.add, evidence.elementwise),
        (counts(1, 1), counts(0, 0))
    );
    let fusion = observed_fusion(&[(residual(), nodes(RESIDUAL))]);
    assert_eq!(fusion.activations, [Activation::Relu]);
    assert!(fusion.add && !fusion.elementwise);

    let apart = [
        ("stem.a.act", "FusedConv", 90.0),
        ("stem.b", "Conv", 95.0),
        ("stem.s", "Conv", 40.0),
        ("stem.sum", "Add", 15.0),
        ("stem.act", "Relu", 10.0),
    ];
    let both = [(residual(), nodes(RESIDUAL)), (residual(), nodes(&apart))];
    let evidence = FusionEvidence::of(&both);
    assert_eq!(evidence.activations["relu"], counts(3, 3));
    assert_eq!(
        (evidence.add, evidence.elementwise),
        (counts(1, 2), counts(0, 1))
    );
    // half of them is no majority
    assert!(!evidence.fusion().add);
    // the sum's activation joins it where it has no node
    let joined = FusionEvidence::of(&[(residual(), nodes(&apart[..4]))]);
    assert_eq!(joined.elementwise, counts(1, 1));
}

#[test]
fn what_was_not_recognised_is_no_evidence() {
    // no node at all: the names are unknown
    let evidence = FusionEvidence::of(&[(residual(), nodes(&[("x", "Conv", 1.0)]))]);
    assert_eq!(evidence, FusionEvidence::default());
    // a node that may be the activation
    let table = [("stem.a", "Conv", 90.0), ("who", "Relu", 1.0)];
    let evidence = FusionEvidence::of(&[(residual(), nodes(&table))]);
    assert_eq!(evidence, FusionEvidence::default());
}

fn whole(whole_s: f64) -> WholeRun {
    WholeRun {
        threads: 1,
        batch: 1,
        dtype: Dtype::Fp32,
        run: 3,
        repeats: 2.0,
        whole_s,
        call_s: 1e-5,
        node_overhead_s: None,
    }
}

#[test]
fn the_profiler_takes_as_much_for_every_node() {
    let found = matched(&residual(), &all(), RESIDUAL);
    // five nodes of 268 us, of which a call leaves 260.5
    let correction = ProfilerCorrection::new(&found, &whole(270.5e-6)).unwrap();
    assert!((correction.node_overhead_s - 1.5e-6).abs() < 1e-12);
    assert!((correction.scale - 1.0).abs() < 1e-9);
    assert!((correction.seconds(100e-6, 1) - 98.5e-6).abs() < 1e-12);
    // no more than a profiler can take, and no more than three fourths of a node
    let slow = ProfilerCorrection::new(&found, &whole(150e-6)).unwrap();
    assert_eq!(slow.node_overhead_s, MOST_NODE_OVERHEAD_S);
    assert!((slow.scale - 140.0 / 253.75).abs() < 1e-9 && !slow.is_plausible());
    let fast = ProfilerCorrection::new(&found, &whole(310e-6)).unwrap();
    assert_eq!(fast.node_overhead_s, 0.0);
    assert!((fast.scale - 300.0 / 268.0).abs() < 1e-9 && fast.is_plausible());
    assert_eq!(ProfilerCorrection::new(&found, &whole(5e-6)), None);
}

/// Profiles with 4 us a node, each some percent off what the whole took: of the large ones alone nobody could tell.
#[test]
fn many_networks_say_what_the_profiler_takes() {
    let profile = |number: u32| {
        let size = 2_f64.powi(number as i32 % 7 - 2);
        let moment = 0.95 + 0.05 * f64::from(number / 7);
        let table: Vec<(&str, &str, f64)> = RESIDUAL
            .iter()
            .map(|(name, op_type, us)| (*name, *op_type, (10.0 + us) * size * moment + 4.0))
            .collect();
        let us: f64 = RESIDUAL.iter().map(|(.., us)| (10.0 + us) * size).sum();
        let found = matched(&residual(), &all(), &table);
        (found, whole(1e-6 * us + 1e-5))
    };
    let profiles: Vec<(MatchedNodes, WholeRun)> = (0..21).map(profile).collect();
    let of = |count: usize| {
        let profiles = profiles[..count].iter();
        node_overhead(profiles.map(|(matched, whole)| (matched, whole)))
    };
    let overhead = of(21).unwrap();
    assert!((overhead - 4e-6).abs() < 0.5e-6, "{overhead}");
    assert_eq!(of(5), None);
    // the largest alone differ by what their moments do
    let large: Vec<_> = profiles
        .iter()
        .skip(5)
        .step_by(7)
        .cycle()
        .take(21)
        .collect();
    assert_eq!(
        node_overhead(large.iter().map(|(matched, whole)| (matched, whole))),
        None
    );
    // it holds for each of them, and a factor takes the rest
    let (found, run) = &profiles[6];
    let run = WholeRun {
        node_overhead_s: Some(overhead),
        ..*run
    };
    let correction = ProfilerCorrection::new(found, &run).unwrap();
    assert_eq!(correction.node_overhead_s, overhead);
    assert!((correction.scale * 0.95 - 1.0).abs() < 0.01);
    // a node is not all profiler
    assert!((correction.seconds(2e-6, 1) - 0.5e-6 * correction.scale).abs() < 1e-12);
}

#[test]
fn equal_kernels_are_one_timing() {
    let net = network(
        &[
            ("a", conv(3), &["input"]),
            ("b", conv(3), &["a"]),
            ("c", conv(1), &["b"]),
            ("d", conv(3), &["c"]),
        ],
        &[("out", "d")],
    );
    let cost = NetworkCost::new(&net, &all());
    let table = [
        ("stem.a", "Conv", 100.0),
        ("stem.b", "Conv", 140.0),
        ("stem.c", "Conv", 4.0),
        ("out_nchwc", "Conv", 150.0),
    ];
    let found = match_nodes(&net, &cost, &nodes(&table));
    let timings = timings(&cost, &found, &Causes::default(), &whole(404e-6));
    // c is too short to tell, and nothing else of its class is short
    assert_eq!(timings.len(), 2);
    assert!((timings[0].latency_ms - 0.13).abs() < 1e-9);
    assert_eq!(
        (timings[0].repeats, timings[0].is_call, timings[0].run),
        (6.0, false, 3)
    );
    assert_eq!(
        (timings[0].works.len(), timings[0].works[0].count),
        (1, 1.0)
    );
    assert_eq!((timings[1].latency_ms, timings[1].is_call), (0.404, true));
    assert_eq!(
        timings[1].works.iter().map(|work| work.count).sum::<f64>(),
        4.0
    );
}

#[test]
fn short_kernels_of_a_class_are_one_timing() {
    let net = network(
        &[
            ("a", conv(3), &["input"]),
            ("b", conv(1), &["a"]),
            ("c", conv(1), &["b"]),
            ("d", act(Activation::Gelu), &["c"]),
            ("e", act(Activation::Swish), &["d"]),
        ],
        &[("out", "e")],
    );
    let cost = NetworkCost::new(&net, &Fusion::default());
    let table = [
        ("stem.a", "Conv", 100.0),
        ("stem.b", "Conv", 4.0),
        ("stem.c", "Conv", 3.0),
        ("stem.d", "Gelu", 2.0),
        ("stem.e", "QuickGelu", 2.5),
    ];
    let found = match_nodes(&net, &cost, &nodes(&table));
    let timings = timings(&cost, &found, &Causes::default(), &whole(121.5e-6));
    // the activations are short together, too
    assert_eq!(timings.len(), 3);
    let short = &timings[1];
    assert!((short.latency_ms - 7e-3).abs() < 1e-9, "{short:?}");
    assert_eq!((short.is_call, short.run, short.repeats), (false, 3, 2.0));
    // equal ones are one that is done twice
    let counts: Vec<f64> = short.works.iter().map(|work| work.count).collect();
    assert_eq!(counts, [2.0]);
    assert_eq!(short.works[0].class, OpClass::Pointwise);
    // each node's microsecond, and half a one that both share
    assert!((short.error_ms - 3f64.sqrt() * 1e-3).abs() < 1e-12);
    assert!(timings[2].is_call);
}

/// A chain of convolutions and a clip that an engine runs on another layout, and what it makes of it.
fn clipped() -> (Network, Vec<NodeTiming>) {
    let net = network(
        &[
            ("a", conv(3), &["input"]),
            ("clip", act(Activation::Relu6), &["a"]),
            ("b", conv(3), &["clip"]),
            ("c", conv(3), &["b"]),
        ],
        &[("out", "c")],
    );
    let table = [
        ("stem.a", "Conv", 100.0),
        ("", "ReorderOutput", 20.0),
        ("stem.clip", "Clip", 10.0),
        ("", "ReorderInput", 30.0),
        ("stem.b", "Conv", 100.0),
        ("stem.c", "Conv", 100.0),
        ("", "ReorderOutput", 7.0),
    ];
    (net, nodes(&table))
}

#[test]
fn boundaries_are_part_of_what_causes_them() {
    let (net, table) = clipped();
    let cost = NetworkCost::new(&net, &Fusion::default());
    let found = match_nodes(&net, &cost, &table);
    let causes = Causes::of([&found]);
    let by: Vec<_> = found
        .boundaries
        .iter()
        .map(|b| causes.cause(&found, b))
        .collect();
    // both sides of the clip have one, and of six sides of convolutions three; the last has one neighbour
    assert_eq!(by, [Some(1), Some(1), Some(3)]);
    let timings = timings(&cost, &found, &causes, &whole(377e-6));
    let clip = timings
        .iter()
        .find(|timing| timing.works[0].class == OpClass::Elementwise);
    assert!(
        (clip.unwrap().latency_ms - 0.060).abs() < 1e-9,
        "{timings:?}"
    );
    let kernels: f64 = timings
        .iter()
        .filter(|timing| !timing.is_call)
        .map(|timing| timing.latency_ms * timing.repeats / 2.0)
        .sum();
    assert!(
        (kernels - 0.367).abs() < 1e-9,
        "they add up to the whole less the call"
    );
}

#[test]
fn profile_and_whole_that_contradict_each_other_give_nothing() {
    let found = matched(&residual(), &all(), RESIDUAL);
    let cost = NetworkCost::new(&residual(), &all());
    assert_eq!(
        timings(&cost, &found, &Causes::default(), &whole(600e-6)),
        []
    );
    assert_eq!(
        timings(&cost, &found, &Causes::default(), &whole(270e-6)).len(),
        4
    );
}

/// Any of the network's names, with whatever an engine adds to it.
fn any_node() -> impl Strategy<Value = NodeTiming> {
    let names = [
        "stem.a",
        "stem.a.bn",
        "stem.a.act",
        "stem.b",
        "stem.s",
        "stem.sum",
        "stem.act",
        "features",
        "Relu",
        "",
    ];
    let suffixes = [
        "",
        "_nchwc",
        "_token_4",
        "_bn_nchwc",
        ".sigmoid",
        "/AnyFusion/",
        "x",
    ];
    let operators = [
        "Conv",
        "FusedConv",
        "Add",
        "Relu",
        "ReorderInput",
        "Gemm",
        "",
    ];
    let parts = (
        proptest::sample::select(names.to_vec()),
        proptest::sample::select(suffixes.to_vec()),
        proptest::sample::select(operators.to_vec()),
        0.0..1e-3f64,
    );
    parts.prop_map(|(name, suffix, op_type, seconds)| NodeTiming {
        name: format!("{name}{suffix}"),
        op_type: op_type.to_owned(),
        provider: None,
        seconds,
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_counts_twice(
        nodes in proptest::collection::vec(any_node(), 0..16),
        fuses in any::<bool>(),
        whole_s in 0.0..1e-2f64,
    ) {
        let network = residual();
        let fusion = if fuses { all() } else { Fusion::default() };
        let cost = NetworkCost::new(&network, &fusion);
        let found = match_nodes(&network, &cost, &nodes);
        let total: f64 = nodes.iter().map(|node| node.seconds).sum();
        prop_assert!((found.matched_s() + found.unmatched_s() - total).abs() < 1e-12);
        let counted = found.kernel_nodes.iter().sum::<usize>();
        prop_assert_eq!(counted + found.boundaries.len(), nodes.len());
        prop_assert_eq!(found.unmatched.values().map(|o| o.count).sum::<usize>(), found.boundaries.len());
        for (index, seconds) in found.kernels.iter().enumerate() {
            let swallowed = found.swallowed.iter().filter(|s| s.kernel == index).count();
            prop_assert_eq!(usize::from(seconds.is_none()), swallowed);
            prop_assert_eq!(seconds.is_some(), found.kernel_nodes[index] > 0);
        }
        let whole = whole(whole_s);
        if let Some(correction) = ProfilerCorrection::new(&found, &whole) {
            let kernels = found.kernels.iter().zip(&found.kernel_nodes);
            let kernels: f64 = kernels.map(|(s, &n)| correction.seconds(s.unwrap_or(0.0), n)).sum();
            let others: f64 = found.boundaries.iter().map(|b| correction.seconds(b.seconds, 1)).sum();
            prop_assert!((kernels + others - (whole_s - whole.call_s)).abs() < 1e-9);
        }
        // collapsing keeps sums: what the kernels' timings stand for is no more than what they take
        let timings = timings(&cost, &found, &Causes::default(), &whole);
        let kept: f64 = timings.iter().filter(|t| !t.is_call).map(|t| t.latency_ms * t.repeats / whole.repeats).sum();
        prop_assert!(kept <= 1e3 * (whole_s - whole.call_s).max(0.0) + 1e-9);
        prop_assert!(timings.is_empty() || timings.iter().filter(|timing| timing.is_call).count() == 1);
    }
}

#[test]
fn a_split_is_the_work_of_all_its_parts() {
    let slice = |channels| Op::Other(Other::channel_slice(Shape::new(16, 8, 8), channels));
    let net = network(
        &[
            ("a", conv(3), &["input"]),
            ("left", slice(4), &["a"]),
            ("right", slice(12), &["a"]),
            ("joined", Op::Concat, &["right", "left"]),
        ],
        &[("out", "joined")],
    );
    let table = [
        ("stem.a", "Conv", 100.0),
        ("stem.left/GatherSliceToSplitFusion", "Split", 20.0),
        ("stem.joined", "Concat", 10.0),
    ];
    let cost = NetworkCost::new(&net, &Fusion::default());
    let found = match_nodes(&net, &cost, &nodes(&table));
    assert_eq!(found.shared, [Shared { kernel: 2, with: 1 }]);
    assert_eq!(found.swallowed, []);
    let parts: Vec<f64> = found.shared_out(&cost).into_iter().flatten().collect();
    let expected = [100e-6, 5e-6, 15e-6, 10e-6];
    assert_eq!(parts.len(), expected.len());
    let differences = parts
        .iter()
        .zip(expected)
        .map(|(part, expected)| part - expected);
    assert!(
        differences.map(f64::abs).fold(0.0, f64::max) < 1e-12,
        "{parts:?}"
    );
    let timings = timings(&cost, &found, &Causes::default(), &whole(140e-6));
    let split = timings
        .iter()
        .find(|timing| timing.works.len() == 2 && !timing.is_call);
    let split = split.unwrap_or_else(|| panic!("both parts in one: {timings:?}"));
    assert!((split.latency_ms - 0.020).abs() < 1e-9, "{split:?}");

    // by another name it is one of the two, and the other one has vanished
    let table = [table[0], ("stem.left", "Slice", 20.0), table[2]];
    let found = match_nodes(&net, &cost, &nodes(&table));
    assert_eq!(found.shared, []);
    let swallowed: Vec<usize> = found.swallowed.iter().map(|gone| gone.kernel).collect();
    assert_eq!(swallowed, [2]);
}

#[test]
fn of_one_class_the_operator_tells_a_cause() {
    let swish = || act(Activation::Swish);
    let net = network(
        &[
            ("a", conv(3), &["input"]),
            ("s", swish(), &["a"]),
            ("sum", Op::Add, &["s", "input"]),
            ("t", swish(), &["sum"]),
            ("b", conv(3), &["t"]),
        ],
        &[("out", "b")],
    );
    let found = matched(
        &net,
        &Fusion::default(),
        &[
            ("stem.a", "Conv", 100.0),
            ("stem.s", "QuickGelu", 10.0),
            ("", "ReorderOutput", 5.0),
            ("stem.sum", "Add", 10.0),
            ("", "ReorderInput", 5.0),
            ("stem.t", "QuickGelu", 10.0),
            ("stem.b", "Conv", 100.0),
        ],
    );
    let causes = Causes::of([&found]);
    let by: Vec<_> = found
        .boundaries
        .iter()
        .map(|boundary| causes.cause(&found, boundary))
        .collect();
    // all three are elementwise; on both sides of the sum there is one, and of four sides of activations on two
    assert_eq!(by, [Some(2), Some(2)]);
}
