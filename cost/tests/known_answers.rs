//! Counts and terms against figures published by others or worked out by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use roofnas_cost::{Dtype, Fusion, KernelCost, NetworkCost, QualityTerms, Roof, params};
use roofnas_space::{Conv, Network, NetworkBuilder, Op, Role, SearchSpace, Shape, Tensor, presets};

fn space(name: &str) -> SearchSpace {
    SearchSpace::new(presets::definition(name).unwrap()).unwrap()
}

/// A genotype of NAS-Bench-Macro from its published eight digits.
fn nas_bench_macro(space: &SearchSpace, architecture: &str) -> Network {
    let label = |digit| match digit {
        '0' => "id",
        '1' => "ibk3e3",
        _ => "ibk5e6",
    };
    let layers: Vec<&str> = architecture.chars().map(label).collect();
    let text = format!(
        "r32/s32/64:{}/128:{}/256:{}/h1280",
        layers[..2].join(","),
        layers[2..5].join(","),
        layers[5..].join(",")
    );
    space.decode(&space.parse(&text).unwrap())
}

#[test]
fn macs_of_published_networks() {
    // convolutions and linear layers at 224x224
    let expected = [
        ("ResNet-18", 1_814_073_344),
        ("ResNet-50", 4_089_184_256),
        ("MobileNetV2", 300_774_272),
        ("MobileNetV3-large", 216_589_760),
        ("EfficientNet-B0", 385_814_752),
        ("RegNetX-400MF", 397_677_568),
    ];
    let landmarks = presets::landmarks();
    assert_eq!(landmarks.len(), expected.len());
    for (landmark, (name, macs)) in landmarks.iter().zip(expected) {
        assert_eq!(landmark.name, name);
        let cost = NetworkCost::new(&landmark.network, &Fusion::default());
        assert_eq!(cost.macs, macs, "{name}");
    }
}

#[test]
fn params_of_published_networks() {
    // as torchvision counts them; RegNetX-400MF has the widths of the paper, as in timm
    let expected = [
        11_689_512, 25_557_032, 3_504_872, 5_483_032, 5_288_548, 5_157_512,
    ];
    for (landmark, expected) in presets::landmarks().iter().zip(expected) {
        assert_eq!(params(&landmark.network), expected, "{}", landmark.name);
    }
}

#[test]
fn nas_bench_macro_fixtures() {
    // params, MACs, activations, S, NSC, st_la, rho
    let fixtures = [
        (
            "11111111",
            1_588_874.0,
            53_246_464.0,
            583_690.0,
            52.2612,
            7219.603,
            46.3978,
            0.3821,
        ),
        (
            "22222222",
            2_932_586.0,
            105_660_928.0,
            1_044_490.0,
            59.1204,
            11496.403,
            48.2726,
            0.2207,
        ),
    ];
    let space = space("nas-bench-macro");
    for (architecture, params, macs, activations, s, nsc, st_la, rho) in fixtures {
        let terms = QualityTerms::new(&nas_bench_macro(&space, architecture));
        assert_eq!(terms.params, params, "{architecture}");
        assert_eq!(terms.macs, macs, "{architecture}");
        assert_eq!(terms.activations, activations, "{architecture}");
        let close = |value: f64, expected: f64, digits: i32| {
            let tolerance = 0.5 * 10_f64.powi(-digits);
            assert!(
                (value - expected).abs() <= tolerance * 1.001,
                "{architecture}: {value} {expected}"
            );
        };
        close(terms.s, s, 4);
        close(terms.nsc, nsc, 3);
        close(terms.st_la, st_la, 4);
        close(terms.rho, rho, 4);
    }
}

#[test]
fn nas_bench_macro_rows() {
    // a handful of the published table: architecture, params, MACs
    let rows = [
        ("00000000", 387_882, 7_713_280),
        ("00000001", 791_594, 14_115_328),
        ("00000002", 1_219_370, 20_910_592),
        ("01210210", 1_283_434, 46_109_184),
        ("11111111", 1_588_874, 53_246_464),
        ("12012012", 2_014_602, 67_092_992),
        ("20121021", 1_998_890, 62_083_584),
        ("21001122", 2_323_242, 61_745_664),
        ("22222222", 2_932_586, 105_660_928),
    ];
    let space = space("nas-bench-macro");
    for (architecture, params, macs) in rows {
        let cost = NetworkCost::new(&nas_bench_macro(&space, architecture), &Fusion::default());
        assert_eq!((cost.params, cost.macs), (params, macs), "{architecture}");
    }
}

#[test]
fn accel_nasbench_rows() {
    // a handful of the published table: genotype, params
    let rows = [
        (
            "r224/s32/16:3*k5e4se0/24:1*k3e4se0/40:1*k3e1se0/80:2*k5e1se0/112:1*k3e6se0/192:3*k5e4se0/320:2*k3e4se0/h1280",
            3_853_400,
        ),
        (
            "r224/s32/16:2*k5e1se0/24:2*k3e6se0/40:1*k5e1se0/80:3*k5e1se0/112:2*k3e1se0/192:3*k5e4se0/320:3*k5e1se0/h1280",
            2_833_144,
        ),
        (
            "r224/s32/16:2*k3e6se0/24:1*k3e1se0/40:2*k5e4se0/80:2*k3e6se0/112:3*k5e4se0/192:3*k5e1se0/320:2*k3e1se0/h1280",
            2_431_208,
        ),
        (
            "r224/s32/16:2*k5e1se0/24:1*k3e1se0/40:1*k3e6se0/80:3*k5e6se0/112:3*k3e4se0/192:1*k5e6se0/320:1*k3e4se0/h1280",
            2_832_296,
        ),
        (
            "r224/s32/16:3*k3e1se0.25/24:2*k5e4se0/40:1*k5e6se0.25/80:1*k3e6se0/112:2*k5e6se0/192:2*k5e4se0.25/320:1*k5e4se0.25/h1280",
            3_090_554,
        ),
        (
            "r224/s32/16:1*k5e4se0/24:3*k3e4se0.25/40:1*k3e4se0/80:1*k5e6se0.25/112:1*k3e6se0.25/192:4*k3e6se0/320:2*k5e4se0.25/h1280",
            5_029_462,
        ),
    ];
    let space = space("accel-nasbench");
    for (genotype, expected) in rows {
        let network = space.decode(&space.parse(genotype).unwrap());
        assert_eq!(params(&network), expected, "{genotype}");
    }
}

/// One convolution as a network of its own.
fn single(input: Shape, conv: Conv) -> KernelCost {
    let mut builder = NetworkBuilder::new("one", input);
    let out = builder.push("conv", Op::Conv(conv), &[Tensor::Input], Role::Main);
    builder.output("out", out);
    let mut cost = NetworkCost::new(&builder.finish().unwrap(), &Fusion::default());
    cost.kernels.remove(0)
}

#[test]
fn intensity_of_a_depthwise_layer() {
    for channels in [8, 64, 512] {
        let depthwise = Conv::same(channels, 3, 1).grouped(channels).with_bias();
        let cost = single(Shape::new(channels, 20, 20), depthwise);
        let intensity = cost.intensity(1, Dtype::Fp32);
        assert!((intensity - 2.346).abs() < 0.0005, "{intensity}");
    }
}

/// The Intel 10980XE and the V100 by their data sheets, fp32.
const INTEL: Roof = Roof {
    peak_flops: 4.608e12,
    bandwidth: 96e9,
};
const V100: Roof = Roof {
    peak_flops: 15.7e12,
    bandwidth: 900e9,
};

fn seconds(roof: Roof, cost: &KernelCost) -> f64 {
    roof.seconds(cost.flops as f64, cost.traffic_bytes(1, Dtype::Fp32) as f64)
}

fn memory_bound(roof: Roof, cost: &KernelCost) -> bool {
    cost.intensity(1, Dtype::Fp32) < roof.ridge()
}

fn is_near(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() < tolerance,
        "{value}, not {expected}"
    );
}

/// The README's times, to the tenth of a microsecond.
fn micros(layers: [&KernelCost; 2], roof: Roof, expected: [f64; 2]) {
    for (layer, expected) in layers.into_iter().zip(expected) {
        is_near(1e6 * seconds(roof, layer), expected, 0.051);
    }
}

#[test]
fn lesson_one_a_hundredth_of_the_work_can_take_a_sixth_of_the_time() {
    let map = Shape::new(128, 28, 28);
    let dense = single(map, Conv::same(128, 3, 1));
    let depthwise = single(map, Conv::same(128, 3, 1).grouped(128));
    assert_eq!((dense.flops, depthwise.flops), (231_211_008, 1_806_336));
    micros([&dense, &depthwise], INTEL, [50.2, 8.4]);
    micros([&dense, &depthwise], V100, [14.7, 0.9]);
    is_near(
        seconds(INTEL, &dense) / seconds(INTEL, &depthwise),
        6.0,
        0.05,
    );
    assert!(!memory_bound(INTEL, &dense) && memory_bound(INTEL, &depthwise));
    // a platform with a lower ridge gives the depthwise layer more of its due
    is_near(seconds(V100, &dense) / seconds(V100, &depthwise), 16.4, 0.1);
}

#[test]
fn lesson_two_equal_flops_can_take_unequal_time() {
    let square = single(Shape::new(64, 56, 56), Conv::pointwise(64));
    let wide = single(Shape::new(16, 56, 56), Conv::pointwise(256));
    assert_eq!((square.flops, wide.flops), (25_690_112, 25_690_112));
    micros([&wide, &square], INTEL, [35.7, 16.9]);
    micros([&wide, &square], V100, [3.8, 1.8]);
    assert!(memory_bound(INTEL, &square) && memory_bound(INTEL, &wide));
    is_near(seconds(INTEL, &wide) / seconds(INTEL, &square), 2.1, 0.05);
}

#[test]
fn lesson_three_a_dense_convolution_can_be_free() {
    let map = Shape::new(16, 112, 112);
    let dense = single(map, Conv::same(16, 3, 1));
    let depthwise = single(map, Conv::same(16, 3, 1).grouped(16));
    assert_eq!((dense.flops, depthwise.flops), (57_802_752, 3_612_672));
    micros([&dense, &depthwise], INTEL, [16.8, 16.7]);
    micros([&dense, &depthwise], V100, [3.7, 1.8]);
    is_near(
        seconds(INTEL, &dense) / seconds(INTEL, &depthwise),
        1.0,
        0.01,
    );
    // on the V100 the dense layer has changed sides
    assert!(!memory_bound(V100, &dense));
    is_near(
        seconds(V100, &dense) / seconds(V100, &depthwise),
        2.06,
        0.02,
    );
}
