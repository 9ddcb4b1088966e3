//! Pricing by blocks equals decoding a network and pricing it layer by layer: counts to the last digit, sums of floats to rounding.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rand::SeedableRng;
use roofnas::{Appraiser, BackboneProblem, Experiment, ExperimentFile};
use roofnas_cost::calibration::{Calibration, ColdWeightFigures, Triangle};
use roofnas_cost::{
    BlockTable, BlockTableError, Deviation, LatencyModel, NetworkCost, OpClass, QualityTerms,
    SiteSum, Wanted,
};
use roofnas_hardware::Profiles;
use roofnas_search::{Problem, SearchRng};
use roofnas_space::{Genotype, presets};

/// Feature maps that stay in memory, groups that seldom divide, identities, strides to choose, and blocks of every family.
const AWKWARD: &str = r#"
resolution = [32, "64x48", 33]
features = [4, 8, 16]

[space.stem]
channels = [8, 24, 40]

[[space.stage]]
block = ["conv", "grouped_shuffle", "identity"]
depth = [1, 3]
channels = [24, 40, 48]
stride = 2
groups = [1, 3, 5, 8]
expand = [1, 2.5]
per_layer = ["block", "kernel", "expand"]
kernel = [3, 5]

[[space.stage]]
block = ["fused_inverted_bottleneck", "basic", "depthwise_separable", { kind = "bottleneck", expand = 0.5, groups = { width = 12 } }]
depth = [1, 2]
channels = { from = 24, to = 72, step = 24 }
stride = 2
groups = [1, { width = 24 }, "depthwise"]
se = [0, 0.25]
per_layer = ["se"]

[[space.stage]]
block = "large_kernel_depthwise"
depth = [1, 4]
channels = [24, 48, 72]
stride = [1, 2]
activation = ["gelu", "swish", "relu6"]

[[space.stage]]
block = ["identity", "inverted_bottleneck"]
depth = [1, 2, 3]
channels = [48, 72]
stride = 2
per_layer = ["block"]
"#;

/// An uncalibrated platform, and calibrated ones that add up in each of the three ways.
const PLATFORMS: [&str; 4] = [
    "intel-i9-10980xe",
    "raspberry-pi-4-ncnn-1-thread",
    "epyc-7742-ncnn-1-thread",
    "titan-rtx-pytorch-small-images-batch-1",
];

fn experiment(platform: &str, batch: u64, space: &str) -> Experiment {
    let text = format!(
        "name = \"blocks\"\n[platform]\nprofile = \"{platform}\"\nbatch = {batch}\n[space]\n{space}\n"
    );
    let mut file = ExperimentFile::parse(&text, "blocks.toml", &[]).unwrap();
    let config = file.runs.remove(0).config;
    Experiment::new(config, "blocks.toml", &Profiles::default()).unwrap()
}

fn assert_close(what: &str, network: &str, a: f64, b: f64, tolerance: f64) {
    assert!(
        (a - b).abs() <= tolerance * a.abs().max(b.abs()),
        "{what} of {network}: {a} by blocks, {b} by layers"
    );
}

/// The search's own view of a network, its further targets and their limits among it, is that of the layers.
#[test]
fn targets_are_priced_by_blocks_as_by_layers() {
    let text = r#"
name = "blocks"
[platform]
profile = "raspberry-pi-4-ncnn-1-thread"
[target.server]
profile = "titan-rtx-pytorch-batch-64"
batch = 64
latency_ms = 45
[target.board]
profile = "epyc-7742-ncnn-1-thread"
latency_ms = 14
[space]
preset = "mobile"
[objectives]
minimize = ["latency@board"]
maximize = ["quality", "throughput@server", "throughput"]
[constraints]
confidence = 0.9
"#;
    let mut file = ExperimentFile::parse(text, "blocks.toml", &[]).unwrap();
    let config = file.runs.remove(0).config;
    let experiment = Experiment::new(config, "blocks.toml", &Profiles::default()).unwrap();
    let problem = BackboneProblem::new(&experiment);
    let mut rng = SearchRng::seed_from_u64(3);
    let (mut broken, mut kept) = (0, 0);
    for _ in 0..100 {
        let genotype = experiment.space.sample(&mut rng);
        let name = experiment.space.format(&genotype);
        let layers = experiment.appraise(&genotype);
        let [board, server] = [0, 1].map(|target| layers.targets[target]);
        assert_eq!((board.batch, server.batch), (1, 64));
        assert!(server.latency.mean_ms != board.latency.mean_ms);
        let (ours, theirs) = (problem.evaluate(&genotype), experiment.evaluation(&layers));
        assert_eq!(ours.costs().len(), 4);
        for (a, b) in ours.costs().iter().zip(theirs.costs()) {
            assert!((a - b).abs() <= 1e-9 * b.abs().max(1.0), "{name}: {a}, {b}");
        }
        // how much they exceed their limits by, to what deviations by blocks are good for
        let (a, b) = (ours.violation(), theirs.violation());
        assert!((a - b).abs() <= 1e-4, "{name}: {a}, {b}");
        let upper = |timing: roofnas::Timing| timing.latency.upper_ms(0.9);
        let keeps = upper(server) <= 45.0 && upper(board) <= 14.0;
        assert_eq!(b == 0.0, keeps, "{name}");
        *(if keeps { &mut kept } else { &mut broken }) += 1;
    }
    assert!(
        broken > 5 && kept > 5,
        "{broken} break a limit, {kept} keep them"
    );
}

/// Compares some networks of the space.
fn compare(experiment: &Experiment, seed: u64, networks: usize) {
    let Appraiser { model, .. } = &experiment.appraiser;
    let table = BlockTable::new(&experiment.space, model).unwrap();
    let mut rng = SearchRng::seed_from_u64(seed);
    for _ in 0..networks {
        let genotype = experiment.space.sample(&mut rng);
        let name = experiment.space.format(&genotype);
        let price = table.price(&genotype, Wanted::EVERYTHING);
        let blocks = experiment
            .appraiser
            .metrics(&genotype, &price, |_| unreachable!());
        let layers = experiment.appraise(&genotype);
        let counts = |m: &roofnas::Metrics| {
            [
                m.macs,
                m.flops,
                m.params,
                m.traffic_bytes,
                m.peak_memory_bytes,
                m.weight_bytes,
                m.layers as u64,
            ]
        };
        assert_eq!(counts(&blocks), counts(&layers), "{name}");
        let (ours, theirs) = (blocks.latency, layers.latency);
        assert_close("mean", &name, ours.mean_ms, theirs.mean_ms, 1e-12);
        assert_close("deviation", &name, ours.std_ms, theirs.std_ms, 1e-5);
        assert_eq!(ours.degrees_of_freedom, theirs.degrees_of_freedom);
        assert_close(
            "intensity",
            &name,
            blocks.intensity,
            layers.intensity,
            1e-12,
        );
        assert_close("rho", &name, blocks.rho, layers.rho, 1e-12);
        let drops = [blocks.channel_drop, layers.channel_drop];
        assert!((drops[0] - drops[1]).abs() < 1e-12, "{name}: {drops:?}");
        let terms = QualityTerms::new(&experiment.space.decode(&genotype));
        let (ours, theirs) = (price.terms, terms);
        assert_close("MAE-DET", &name, ours.mae_det, theirs.mae_det, 1e-12);
        assert_close("DeepMAD", &name, ours.deepmad, theirs.deepmad, 1e-12);
        // the score is a sum of terms of either sign: to rounding of the terms
        assert!((blocks.quality - layers.quality).abs() < 1e-9, "{name}");
        // and what isn't asked for isn't worked out
        let mean = table.price(
            &genotype,
            Wanted {
                deviation: Deviation::Unwanted,
                st_la: false,
                levels: false,
                counts: false,
            },
        );
        let known = blocks.latency.mean_ms;
        assert_close("mean", &name, mean.latency.mean_ms, known, 1e-12);
        assert!(mean.terms.mae_det.is_nan() && mean.terms.channel_drop.is_nan());
        assert!(mean.latency.std_ms.is_nan() && mean.terms.st_la.is_nan());
    }
}

#[test]
fn every_preset_on_every_kind_of_platform() {
    for preset in presets::NAMES {
        for (seed, platform) in (0..).zip(PLATFORMS) {
            let space = format!("preset = \"{preset}\"\nresolution = [160, 224]");
            // the benchmark's space has a resolution of its own
            let space = if preset.starts_with("nas-bench") {
                format!("preset = \"{preset}\"")
            } else {
                space
            };
            compare(&experiment(platform, 1, &space), seed, 40);
        }
    }
}

#[test]
fn an_awkward_space_in_batches() {
    for (seed, platform) in (0..).zip(PLATFORMS) {
        compare(&experiment(platform, 8, AWKWARD), seed, 150);
        let with_head =
            format!("{AWKWARD}\n[space.head]\nchannels = [64, 128]\nhidden = 32\nclasses = 10\n");
        compare(&experiment(platform, 3, &with_head), seed, 150);
    }
}

/// Sums that bound mean and deviation from below hold for every network, and are equal at their own; where weights are cold they are close.
fn check_tangents(experiment: &Experiment, deviates: bool, touches: bool) {
    let table = BlockTable::new(&experiment.space, &experiment.appraiser.model).unwrap();
    let mut rng = SearchRng::seed_from_u64(3);
    let at = experiment.space.sample(&mut rng);
    let sum_of = |sum: &SiteSum, genotype: &Genotype| {
        let mut total = sum.constant;
        let sites = table.sites();
        sites.walk(genotype, |_, site| total += sum.by_site[site]);
        total
    };
    let (mean, deviation) = (
        table.mean_tangent(&at),
        table.deviation_tangent(std::slice::from_ref(&at)),
    );
    assert_eq!(deviation.is_some(), deviates);
    let here = table.price(&at, Wanted::EVERYTHING).latency;
    let apart = |exactly: f64, close: f64| if touches { exactly } else { close };
    let tolerance = apart(1e-12, 0.02);
    assert_close(
        "mean",
        "tangent",
        sum_of(&mean, &at),
        here.mean_ms,
        tolerance,
    );
    if let Some(deviation) = &deviation {
        assert_close(
            "deviation",
            "tangent",
            sum_of(deviation, &at),
            here.std_ms,
            apart(1e-5, 0.2),
        );
    }
    let mut slack = 0.0;
    for _ in 0..300 {
        let other = experiment.space.sample(&mut rng);
        let there = table.price(&other, Wanted::EVERYTHING).latency;
        let below = sum_of(&mean, &other);
        assert!(below <= there.mean_ms * (1.0 + 1e-12));
        if table.has_additive_mean() {
            assert_close("mean", "another", below, there.mean_ms, 1e-12);
        }
        if let Some(deviation) = &deviation {
            let below = sum_of(deviation, &other);
            assert!(
                below <= there.std_ms * (1.0 + 1e-5),
                "{below} > {}",
                there.std_ms
            );
            slack += (1.0 - below / there.std_ms) / 300.0;
        }
    }
    if deviates {
        let several: Vec<Genotype> = (0..4).map(|_| experiment.space.sample(&mut rng)).collect();
        let middle = table.deviation_tangent(&several).unwrap();
        for _ in 0..300 {
            let other = experiment.space.sample(&mut rng);
            let there = table.price(&other, Wanted::EVERYTHING).latency;
            assert!(sum_of(&middle, &other) <= there.std_ms * (1.0 + 1e-5));
        }
    }
    // a bound that could be anything would bound nothing
    assert!(slack < 0.7, "{slack}");
}

#[test]
fn tangents_bound_from_below() {
    for (platform, deviates) in PLATFORMS.iter().zip([false, true, true, false]) {
        let experiment = experiment(platform, 1, "preset = \"mobile\"");
        check_tangents(&experiment, deviates, true);
    }
    check_tangents(&mixed("epyc-7742-ncnn-1-thread"), true, true);
}

#[test]
fn tangents_bound_from_below_where_weights_are_cold() {
    let mobile = "preset = \"mobile\"";
    for held_mb in [3.0, 10.0, 40.0] {
        for (platform, deviates) in PLATFORMS[1..].iter().zip([true, true, false]) {
            let experiment = cold(&experiment(platform, 1, mobile), held_mb);
            check_tangents(&experiment, deviates, false);
        }
        let mixed = cold(&mixed("epyc-7742-ncnn-1-thread"), held_mb);
        check_tangents(&mixed, true, false);
    }
}

/// The same on a platform whose caches hold so many MB of weights: what the rest takes is uncertain, and correlated with other things.
fn cold(experiment: &Experiment, held_mb: f64) -> Experiment {
    let model = &experiment.appraiser.model;
    let mut platform = model.platform().clone();
    let calibration: &mut Calibration = platform.calibration.get_mut(&model.dtype()).unwrap();
    for (number, component) in calibration.components.iter_mut().enumerate() {
        let parameters = component.parameters.present().count();
        component.parameters.cold_weights = Some(ColdWeightFigures {
            bandwidth_gb_s: component.parameters.bandwidth_gb_s[&OpClass::Linear],
            held_mb: held_mb * (1.0 + 0.2 * number as f64),
        });
        let mut rows = component.covariance_factor.rows();
        for (place, own) in [(parameters, 0.2), (parameters + 1, 0.3)] {
            for row in &mut rows[place..] {
                row.insert(place, 0.01);
            }
            let mut row = vec![0.02; place];
            row.push(own);
            rows.insert(place, row);
        }
        component.covariance_factor = Triangle::from_rows(&rows).unwrap();
    }
    let model = LatencyModel::new(platform, model.dtype(), model.batch()).unwrap();
    let mut cold = experiment.clone();
    cold.appraiser.model = model;
    cold
}

#[test]
fn cold_weights_are_a_network_s() {
    for (seed, platform) in (20..).zip(&PLATFORMS[1..]) {
        compare(&cold(&experiment(platform, 1, AWKWARD), 0.05), seed, 60);
        compare(&cold(&with_head(platform, 3, "160"), 5.0), seed, 60);
    }
    compare(&cold(&mixed("epyc-7742-ncnn-1-thread"), 20.0), 9, 60);
}

/// Several components that disagree, of which one is slower at the host: their mixture is the same either way.
fn mixed(platform: &str) -> Experiment {
    let experiment = experiment(platform, 1, "preset = \"resnet\"");
    let model = &experiment.appraiser.model;
    let mut platform = model.platform().clone();
    let calibration: &mut Calibration = platform.calibration.get_mut(&model.dtype()).unwrap();
    let mut other = calibration.components[0].clone();
    other.weight = 0.5;
    other.noise *= 3.0;
    other.parameters.inference_us *= 2.0;
    calibration.components.push(other);
    calibration.resolution_ms = 0.5;
    let model = LatencyModel::new(platform, model.dtype(), 1).unwrap();
    let mut mixed = experiment.clone();
    mixed.appraiser.model = model;
    mixed
}

#[test]
fn components_mix_alike() {
    compare(&mixed("titan-rtx-pytorch-small-images-batch-1"), 9, 60);
    compare(&mixed("epyc-7742-ncnn-1-thread"), 9, 60);
}

#[test]
fn a_space_of_too_many_blocks_is_refused() {
    let wide = r#"
resolution = [96, 128, 160, 192, 224, 256]
[space.stem]
channels = 16
[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = { from = 8, to = 4096, step = 8 }
kernel = [3, 5, 7]
[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = { from = 8, to = 4096, step = 8 }
kernel = [3, 5, 7]
"#;
    let experiment = experiment("intel-i9-10980xe", 1, wide);
    let error = BlockTable::new(&experiment.space, &experiment.appraiser.model).unwrap_err();
    assert!(error.to_string().contains("fewer resolutions"), "{error}");
    assert!(matches!(error, BlockTableError::Sites { sites } if sites > 4_000_000));
}

/// Whether a network keeps the bound of a latency, and by how much it breaks it, is the same by blocks and by layers, with and without the short cut.
#[test]
fn violations_are_the_same_by_blocks_and_by_layers() {
    let space = "preset = \"mobile\"\nresolution = 160\n[constraints]\nlatency_ms = 80\nconfidence = 0.95\n";
    for platform in [
        "raspberry-pi-4-ncnn-1-thread",
        "titan-rtx-pytorch-small-images-batch-1",
    ] {
        check_violations(
            &experiment(platform, 1, space),
            !platform.starts_with("titan"),
        );
    }
    let raspberry = experiment("raspberry-pi-4-ncnn-1-thread", 1, space);
    check_violations(&cold(&raspberry, 10.0), true);
}

fn check_violations(experiment: &Experiment, can_be_short: bool) {
    let problem = BackboneProblem::new(experiment);
    let table = problem.blocks().unwrap();
    let mut rng = SearchRng::seed_from_u64(4);
    let (mut feasible, mut short) = (0, 0);
    for _ in 0..400 {
        let genotype = experiment.space.sample(&mut rng);
        let layers = experiment.appraise(&genotype);
        let exact = experiment.evaluation(&layers);
        let blocks = problem.evaluate(&genotype);
        assert_eq!(exact.is_feasible(), blocks.is_feasible());
        assert!((exact.violation() - blocks.violation()).abs() < 1e-5);
        feasible += u32::from(exact.is_feasible());
        let limit = Deviation::ForLimit {
            limit_ms: 80.0,
            quantile: 1.7,
        };
        let wanted = Wanted {
            deviation: limit,
            ..Wanted::EVERYTHING
        };
        let most = table.price(&genotype, wanted).latency.std_ms;
        assert!(most >= layers.latency.std_ms * (1.0 - 1e-5));
        short += u32::from(most > layers.latency.std_ms * 1.001);
    }
    assert!(feasible > 20, "{feasible}");
    assert!(!can_be_short || short > 10, "{short} of {feasible}");
}

/// A pyramid over three levels of 320x320 and the towers of a detector: reads 40, 96 and 160 channels.
const HEAD: &str = include_str!("../heads/fpn-ssdlite.csv");

/// A space whose levels end with the channels that the head reads, or with others.
fn pyramid(last: &str) -> String {
    let stage = |channels: &str, stride: usize| {
        format!(
            "[[space.stage]]\nblock = [\"inverted_bottleneck\", \"fused_inverted_bottleneck\"]\nkernel = [3, 5]\nexpand = [2, 3]\nse = [0, 0.25]\n\
             depth = [1, 2]\nchannels = {channels}\nstride = {stride}\nper_layer = [\"kernel\"]\n"
        )
    };
    let stages = [
        stage("[16, 24]", 2),
        stage("40", 2),
        stage("[64, 80]", 2),
        stage("96", 1),
        stage(last, 2),
    ];
    format!(
        "resolution = 320\n[space.stem]\nchannels = [16, 24]\n{}",
        stages.concat()
    )
}

/// The same head behind a space.
fn with_head(platform: &str, batch: u64, last: &str) -> Experiment {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(folder.path().join("head.csv"), HEAD).unwrap();
    let text = format!(
        "name = \"head\"\n[platform]\nprofile = \"{platform}\"\nbatch = {batch}\n[fixed_head]\nlayers = \"head.csv\"\n[space]\n{}",
        pyramid(last)
    );
    let file = path.display().to_string();
    let config = ExperimentFile::parse(&text, &file, &[])
        .unwrap()
        .runs
        .remove(0)
        .config;
    Experiment::new(config, &file, &Profiles::default()).unwrap()
}

#[test]
fn a_fixed_head_is_priced_with_the_blocks_as_the_whole_graph_is() {
    for (platform, batch) in PLATFORMS.into_iter().zip([1, 4, 1, 8]) {
        let experiment = with_head(platform, batch, "160");
        compare(&experiment, 11, 20);
        let model = &experiment.appraiser.model;
        let mut rng = SearchRng::seed_from_u64(3);
        let genotype = experiment.space.sample(&mut rng);
        // and the reference is one graph: its cost is that of the parts, its price is joint
        let fusion = &model.platform().fusion;
        let whole = NetworkCost::new(&experiment.space.deployed(&genotype), fusion);
        let backbone = NetworkCost::new(&experiment.space.decode(&genotype), fusion);
        let settled = experiment.space.settled_head().unwrap().unwrap();
        let head = NetworkCost::new(settled.network(), fusion);
        assert_eq!(whole.macs, backbone.macs + head.macs);
        assert_eq!(whole.params, backbone.params + head.params);
        assert_eq!(
            whole.kernels.len(),
            backbone.kernels.len() + head.kernels.len() - 3
        );
        let (joint, alone) = (model.price(&whole), model.price(&backbone));
        assert!(
            joint.mean_ms > alone.mean_ms && joint.std_ms > alone.std_ms,
            "{joint:?} {alone:?}"
        );
        let peak = |cost: &NetworkCost| cost.footprint.unwrap().peak_live_elements;
        assert!(peak(&whole) >= peak(&backbone));
    }
}

#[test]
fn bounds_for_exact_search_hold_with_a_fixed_head() {
    let plain = PLATFORMS
        .iter()
        .map(|platform| with_head(platform, 1, "160"));
    let cold = PLATFORMS[1..].iter().map(|platform| {
        // convex up to the heaviest network: the sum touches
        cold(&with_head(platform, 1, "160"), 200.0)
    });
    for experiment in plain.chain(cold) {
        let table = BlockTable::new(&experiment.space, &experiment.appraiser.model).unwrap();
        let at = &experiment.sample[0];
        let mean = table.mean_tangent(at);
        let deviation = table.deviation_tangent(std::slice::from_ref(at));
        let sum = |sum: &SiteSum, genotype: &Genotype| {
            let mut total = sum.constant;
            table
                .sites()
                .walk(genotype, |_, site| total += sum.by_site[site]);
            total
        };
        for genotype in experiment.sample.iter().take(100) {
            let latency = table.price(genotype, Wanted::EVERYTHING).latency;
            assert!(sum(&mean, genotype) <= latency.mean_ms * (1.0 + 1e-9));
            if let Some(deviation) = &deviation {
                assert!(sum(deviation, genotype) <= latency.std_ms * (1.0 + 1e-5));
            }
        }
        let own = table.price(at, Wanted::EVERYTHING).latency;
        assert_close(
            "tangent",
            "its own network",
            sum(&mean, at),
            own.mean_ms,
            1e-9,
        );
    }
}

#[test]
fn channels_that_vary_below_a_fixed_head_are_priced_layer_by_layer() {
    let experiment = with_head(PLATFORMS[1], 1, "[96, 160, 200]");
    assert!(
        experiment
            .warnings
            .iter()
            .any(|said| said.contains("stride 32")),
        "{:?}",
        experiment.warnings
    );
    let error = BlockTable::new(&experiment.space, &experiment.appraiser.model).unwrap_err();
    assert!(error.to_string().contains("stride 32"), "{error}");
    let problem = BackboneProblem::new(&experiment);
    let figures = experiment.appraise(&experiment.sample[0]);
    assert_eq!(
        problem.evaluate(&experiment.sample[0]),
        experiment.evaluation(&figures)
    );
}
