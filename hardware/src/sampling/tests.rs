//! What a plan must hold, counted from its networks.

use std::collections::BTreeSet;

use roofnas_cost::{Dtype, KernelCost, OpClass};
use roofnas_space::onnx::{self, Batch, ImportOptions, InitialWeights};
use roofnas_space::{Activation, MatMul, Network, Op, PoolKind, Tensor, Work, layers_csv};

use super::*;

fn plan(seed: u64) -> MeasuringPlan {
    let options = PlanOptions {
        networks: 6,
        seed,
        ..PlanOptions::default()
    };
    MeasuringPlan::new(&options).unwrap()
}

#[test]
fn linear_layers_over_tokens_come_back_from_tables() {
    let products = |network: &Network| -> Vec<MatMul> {
        let layers = network.layers().iter();
        layers
            .filter_map(|layer| match (&layer.op, &layer.inputs[..]) {
                (Op::MatMul(product), [_]) => Some(*product),
                _ => None,
            })
            .collect()
    };
    let plan = plan(1);
    let networks = plan.networks.iter().map(|planned| &planned.network);
    let own: Vec<_> = networks.clone().map(products).collect();
    let table = layers_csv::read(&*layers_csv::write(networks)).unwrap();
    let read: Vec<_> = table.networks.iter().map(products).collect();
    assert_eq!(read, own);
    assert!(own.iter().flatten().count() >= 8);
}

/// Kernels of the corner networks, each with its network.
fn corner_kernels(plan: &MeasuringPlan) -> Vec<(&Network, KernelCost)> {
    let corners = plan.networks.iter();
    let corners = corners.filter(|p| p.purpose.kind() == PurposeKind::Corner);
    let kernels = corners.flat_map(|planned| {
        let kernels = planned.cost().kernels.into_iter();
        kernels.map(|kernel| (&planned.network, kernel))
    });
    kernels.collect()
}

fn anchor<'a>(network: &'a Network, kernel: &KernelCost) -> &'a Op {
    &network.layers()[kernel.kernel.anchor()].op
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    assert_eq!(plan(1), plan(1));
    assert_ne!(plan(1), plan(2));
    let anchors = |seed| plan(seed).networks[..3].to_vec();
    assert_eq!(anchors(1), anchors(2));
}

#[test]
fn names_are_unique_and_fit_for_files() {
    let plan = plan(1);
    let names: BTreeSet<&str> = plan.networks.iter().map(|p| &*p.name).collect();
    assert_eq!(names.len(), plan.networks.len());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    for planned in &plan.networks {
        assert!(planned.name.chars().all(plain), "{}", planned.name);
        assert_eq!(planned.network.name(), planned.name);
    }
}

#[test]
fn corners_hold_every_class_of_operators_at_many_shapes() {
    for seed in 1..4 {
        let covered = coverage(&plan(seed));
        let corner = covered.iter().find(|c| c.purpose == PurposeKind::Corner);
        let kernels = &corner.unwrap().kernels;
        for class in OpClass::ALL {
            let least = if class == OpClass::View { 4 } else { 8 };
            let distinct = kernels.get(&class).copied().unwrap_or(0);
            assert!(
                distinct >= least,
                "seed {seed}: {distinct} kernels of {class}"
            );
        }
    }
}

/// Whether a kernel is what a corner asks for.
type Is = fn(&Network, &KernelCost) -> bool;

fn is_other(network: &Network, kernel: &KernelCost, name: &str) -> bool {
    matches!(anchor(network, kernel), Op::Other(other) if other.name == name)
}

/// Every corner that the plan promises, as its kernels show it.
const PROMISED: [(&str, Is); 28] = [
    ("dense 5x5", |_, k| {
        k.class == OpClass::Dense && k.geometry.kernel_area == 25
    }),
    ("dense 7x7 off the image", |_, k| {
        k.class == OpClass::Dense && k.geometry.kernel_area == 49 && k.geometry.input.channels > 3
    }),
    ("dense 3x3 of stride 2", |_, k| {
        let g = &k.geometry;
        k.class == OpClass::Dense && g.kernel_area == 9 && g.stride_area == 4
    }),
    ("dense 7x1", |_, k| {
        k.class == OpClass::Dense && k.geometry.kernel_area == 7
    }),
    ("stems of 3x3 and 7x7", |_, k| {
        k.geometry.input.channels == 3 && [9, 49].contains(&k.geometry.kernel_area)
    }),
    ("patches", |_, k| {
        k.geometry.input.channels == 3 && k.geometry.kernel_area == 16
    }),
    ("odd pointwise channels", |_, k| {
        let g = &k.geometry;
        k.class == OpClass::Pointwise
            && !g.input.channels.is_multiple_of(2)
            && !g.output.channels.is_multiple_of(2)
    }),
    ("pointwise channels off 8", |_, k| {
        k.class == OpClass::Pointwise && k.geometry.output.channels % 8 == 4
    }),
    ("pointwise channels off 16", |_, k| {
        k.class == OpClass::Pointwise && k.geometry.output.channels % 16 == 8
    }),
    ("pointwise on large maps", |_, k| {
        k.class == OpClass::Pointwise && k.geometry.input.positions() >= 80 * 80
    }),
    ("depthwise 5x5 off the vector", |_, k| {
        k.class == OpClass::Depthwise
            && k.geometry.kernel_area == 25
            && !k.geometry.input.channels.is_multiple_of(8)
    }),
    ("depthwise 7x7 off the vector", |_, k| {
        k.class == OpClass::Depthwise
            && k.geometry.kernel_area == 49
            && !k.geometry.input.channels.is_multiple_of(8)
    }),
    (
        "shuffle",
        |net, k| matches!(anchor(net, k), Op::ChannelShuffle { groups } if *groups > 2),
    ),
    (
        "split",
        |net, k| matches!(anchor(net, k), Op::Other(other) if other.name == "slice"),
    ),
    ("concat of four", |net, k| {
        let layer = &net.layers()[k.kernel.anchor()];
        layer.op == Op::Concat && layer.inputs.len() == 4
    }),
    ("gate", |net, k| *anchor(net, k) == Op::Scale),
    ("linear 4096 to 1000", |_, k| {
        k.class == OpClass::Linear
            && k.geometry.input.channels == 4096
            && k.geometry.output.channels == 1000
    }),
    ("linear with weights beyond caches", |_, k| {
        k.class == OpClass::Linear && k.traffic_bytes(1, Dtype::Fp32) > 64 << 20
    }),
    ("linear over positions", |_, k| {
        k.class == OpClass::Linear && k.geometry.input.positions() > 1
    }),
    (
        "maximum pooling 2x2",
        |net, k| matches!(anchor(net, k), Op::Pool(p) if (p.kind, p.kernel, p.stride) == (PoolKind::Max, 2, 2)),
    ),
    (
        "average pooling 3x3",
        |net, k| matches!(anchor(net, k), Op::Pool(p) if (p.kind, p.kernel) == (PoolKind::Average, 3)),
    ),
    (
        "interpolation",
        |net, k| matches!(anchor(net, k), Op::Other(o) if o.name == "resize" && o.work != Work::Move),
    ),
    ("layer norm over many columns", |net, k| {
        is_other(net, k, "layernorm") && k.geometry.input.width >= 64
    }),
    ("instance norm", |net, k| is_other(net, k, "instancenorm")),
    ("local norm on large maps", |net, k| {
        is_other(net, k, "lrn") && k.geometry.input.height >= 28
    }),
    ("local norm on small maps", |net, k| {
        is_other(net, k, "lrn") && k.geometry.input.height <= 14
    }),
    ("linear layer over many tokens", |_, k| {
        k.class == OpClass::MatMul && k.weight_elements > 0 && k.geometry.input.height >= 196
    }),
    ("transposed convolution", |net, k| {
        matches!(anchor(net, k), Op::ConvTranspose(_))
    }),
];

#[test]
fn every_promised_corner_is_there() {
    for seed in 1..6 {
        let plan = plan(seed);
        let kernels = corner_kernels(&plan);
        for (corner, is) in PROMISED {
            let found = kernels.iter().any(|(network, kernel)| is(network, kernel));
            assert!(found, "seed {seed}: {corner}");
        }
        for width in [2, 3, 4, 8] {
            let narrow = kernels.iter().any(|(_, k)| {
                k.class == OpClass::Grouped
                    && k.geometry.kernel_area > 1
                    && k.geometry.input.channels == width * k.geometry.groups
            });
            assert!(narrow, "seed {seed}: {width} channels a group");
        }
        for act in Activation::ALL {
            let op = Op::Activation(act);
            let (mut fused, mut unfused) = (false, false);
            for (network, kernel) in &kernels {
                let layer = &network.layers()[kernel.kernel.anchor()];
                if layer.op == op {
                    let behind = folded(network, layer.inputs[0]);
                    let conv = matches!(behind, Some(Op::Conv(_)));
                    fused |= conv;
                    unfused |= !conv;
                }
            }
            assert!(fused && unfused, "seed {seed}: {act}");
        }
    }
}

/// What produces a tensor, seen through a batch-norm that folds into a convolution.
fn folded(network: &Network, tensor: Tensor) -> Option<&Op> {
    let Tensor::Layer(index) = tensor else {
        return None;
    };
    let readers = network.readers();
    let index = network.folds_into(index, &readers).unwrap_or(index);
    Some(&network.layers()[index].op)
}

#[test]
fn the_whole_takes_minutes() {
    for seed in 1..3 {
        let options = PlanOptions {
            seed,
            ..PlanOptions::default()
        };
        let plan = MeasuringPlan::new(&options).unwrap();
        let minutes = plan.macs() as f64 * f64::from(RUNS) / MACS_PER_SECOND / 60.0;
        assert!(
            (0.5..3.0).contains(&minutes),
            "seed {seed}: {minutes} minutes"
        );
        let largest = plan.networks.iter().map(|p| p.cost().macs).max().unwrap();
        assert!(largest < 6_000_000_000, "seed {seed}: {largest} MACs");
    }
}

#[test]
fn networks_come_back_from_onnx_with_the_same_work() {
    let weights = InitialWeights::seeded(1);
    for planned in plan(1).networks {
        let bytes = onnx::export(&planned.network, weights, Batch::Dynamic).unwrap();
        let read = onnx::import(&bytes, &ImportOptions::default()).unwrap();
        let (own, read) = (planned.cost(), NetworkCost::new(&read, &Fusion::default()));
        assert_eq!(read.macs, own.macs, "{}", planned.name);
        let classes = |cost: &NetworkCost| -> BTreeSet<OpClass> {
            let classes = cost.kernels.iter().map(|k| k.class);
            // a shuffle, among others, has views of its own in a file
            classes.filter(|&class| class != OpClass::View).collect()
        };
        assert_eq!(classes(&read), classes(&own), "{}", planned.name);
        assert!(
            read.kernels.iter().all(|k| !k.is_unknown),
            "{}",
            planned.name
        );
    }
}

#[test]
fn any_beginning_is_useful() {
    let plan = MeasuringPlan::new(&PlanOptions::default()).unwrap();
    let kinds: Vec<PurposeKind> = plan.networks.iter().map(|p| p.purpose.kind()).collect();
    assert_eq!(kinds[..3], [PurposeKind::Anchor; 3]);
    let (anchors, rest) = kinds.split_at(3);
    assert_eq!(rest.iter().filter(|kind| anchors.contains(kind)).count(), 0);
    let count = |kinds: &[PurposeKind], kind| kinds.iter().filter(|&&k| k == kind).count() as f64;
    for end in 0..=rest.len() {
        for kind in &PurposeKind::ALL[1..] {
            let share = count(rest, *kind) * end as f64 / rest.len() as f64;
            let held = count(&rest[..end], *kind);
            assert!(
                (held - share).abs() <= 1.5,
                "{kind:?} in the first {end}: {held}"
            );
        }
    }
    // a fourth of the plan holds every kind of corner
    let first = &plan.networks[..plan.networks.len() / 4];
    let corners: BTreeSet<Corner> = first
        .iter()
        .flat_map(|planned| match &planned.purpose {
            Purpose::Corner(corners) => corners.clone(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(corners.len(), Corner::ALL.len(), "{corners:?}");
}

#[test]
fn fewer_networks_are_the_first_of_more() {
    let of_space = |networks| -> Vec<PlannedNetwork> {
        let options = PlanOptions {
            networks,
            corners: Corners::Without,
            ..PlanOptions::default()
        };
        let plan = MeasuringPlan::new(&options).unwrap();
        let all = plan.networks.into_iter();
        all.filter(|p| p.purpose.kind() == PurposeKind::Space)
            .collect()
    };
    let (few, many) = (of_space(7), of_space(20));
    assert_eq!(few.len(), 7);
    assert_eq!(many.len(), 20);
    assert_eq!(few[..], many[..7]);
}

#[test]
fn what_cannot_be_planned_is_an_error() {
    let with = |networks, spaces| {
        let options = PlanOptions {
            networks,
            spaces,
            ..PlanOptions::default()
        };
        MeasuringPlan::new(&options).unwrap_err()
    };
    let both = || PlanOptions::default().spaces;
    assert_eq!(
        with(0, both()),
        PlanError::Networks {
            given: 0,
            most: 200
        }
    );
    assert!(matches!(with(201, both()), PlanError::Networks { .. }));
    assert_eq!(with(5, Vec::new()), PlanError::NoSpace);
}
