//! Laws of the calibrated model, on calibrations made by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_cost::calibration::{
    ActivationEffort, BEYOND_BANDWIDTH, BatchFigures, Batches, BeyondCaches, COLD_BANDWIDTH,
    COORDINATES, Calibration, ColdWeightFigures, Component, Composition, Covariance, JointPrice,
    LogParameters, LogThreadEffect, Measured, MeasuredOnThreads, Operator, PARAMETERS, Parameters,
    PreparedCalibration, Relevance, SLOWDOWN, Surface, THREAD_PARAMETERS, ThreadEffect, Triangle,
    WEIGHTS_HELD, WORKING_SET, Workload, move_to_threads, timed_classes,
};
use roofnas_cost::{
    Dtype, Figures, Fusion, LatencyError, LatencyModel, NetworkCost, OpClass, Platform, Prediction,
    normal_quantile,
};
use roofnas_space::presets;

const PROFILE: &str = r#"
format = 2
name = "by-hand"
description = "a machine made up for tests"

[provenance]
sources = ["nobody"]

[uncertainty]
prior_relative_std = 0.5
reason = "a test"

[overhead]
inference_us = 100.0
kernel_us = 5.0
source = "nobody"

[fusion]
activations = ["relu", "hard_swish", "swish"]

[roofs.fp32.achieved]
peak_tflops = 0.2
bandwidth_gb_s = 20.0
source = "nobody"
"#;

fn works() -> Vec<Workload> {
    let landmarks = presets::landmarks();
    let landmark = landmarks.iter().find(|l| l.name == "ResNet-50").unwrap();
    let cost = NetworkCost::new(&landmark.network, &Fusion::every_activation());
    Workload::of_network(&cost, 1, Dtype::Fp32)
}

/// A component with inducing points at some of the network's kernels.
fn component(composition: Composition, spread: f64) -> Component {
    let everywhere = |value: f64| timed_classes().map(|class| (class, value)).collect();
    let mut points: BTreeMap<OpClass, Vec<[f64; COORDINATES]>> = BTreeMap::new();
    for work in works().iter().step_by(5) {
        points.entry(work.class).or_default().push(work.coordinates);
    }
    let functions: usize = points.values().map(Vec::len).sum();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
    let mut number = || spread * (2.0 * random.random::<f64>() - 1.0);
    let rows: Vec<Vec<f64>> = (0..PARAMETERS + functions)
        .map(|row| (0..=row).map(|_| number() / 4.0).collect())
        .collect();
    Component {
        weight: 1.0,
        prior: "generic".into(),
        composition,
        channel_quantum: 16,
        channel_alignment: 16,
        noise: 0.01,
        parameters: Parameters {
            inference_us: 200.0,
            sharpness: 1.5,
            overhead_us: everywhere(15.0),
            peak_gflops: everywhere(180.0),
            bandwidth_gb_s: everywhere(12.0),
            activation_gelements_s: ActivationEffort::ALL.map(|effort| (effort, 2.0)).into(),
            beyond_caches: Some(BeyondCaches {
                bandwidth_gb_s: 5.0,
                working_set_mb: 2.0,
            }),
            misaligned_slowdown: Some(2.5),
            cold_weights: Some(ColdWeightFigures {
                bandwidth_gb_s: 3.0,
                held_mb: 90.0,
            }),
            more_threads: Vec::new(),
        },
        residual: Surface {
            covariance: Covariance {
                amplitude: 0.2,
                detail: 0.05,
                length_scale: 1.0,
                relevance: Relevance::EVEN,
            },
            weights: (0..functions).map(|i| 0.3 * (i as f64).sin()).collect(),
            points,
            coordinates: COORDINATES,
            nuggets: BTreeMap::from([(OpClass::Pointwise, 0.03), (OpClass::Pool, 0.2)]),
        },
        inherited: Vec::new(),
        covariance_factor: Triangle::from_rows(&rows).unwrap(),
    }
}

fn calibration(components: Vec<Component>) -> Calibration {
    let exact = Prediction {
        measured_ms: 1.0,
        mean_ms: 1.0,
        std_ms: None,
        upper95_ms: None,
    };
    Calibration {
        batch: Batches::of([1]),
        threads: Vec::new(),
        classes: vec![OpClass::Pointwise, OpClass::Winograd],
        operators: None,
        degrees_of_freedom: 14.0,
        resolution_ms: 0.0,
        measured: Measured {
            networks: 10,
            timings: 12,
            source: "nobody".into(),
            situation: None,
            fitted_by: "a test".into(),
            fit: Figures::of(&[exact]).unwrap(),
            held_out: None,
            held_out_by: None,
            best_baseline: Some(("macs_constant".into(), 0.1)),
            held_out_by_batch: Vec::new(),
            by_threads: Vec::new(),
            anchor_ms: BTreeMap::new(),
        },
        components,
    }
}

fn price(component: Component, works: &[Workload]) -> (f64, f64) {
    let price = PreparedCalibration::new(&calibration(vec![component])).price(works, None);
    (price.mean_s, price.std_s)
}

/// The deviation is that of means under parameters drawn from the posterior, as far as first derivatives go.
#[test]
fn deviations_are_those_of_drawn_parameters() {
    let works = works();
    for composition in Composition::ALL {
        let spread = 0.01;
        let base = component(composition, spread);
        // what the points can't express, and noise, have nothing to do with it
        let mut quiet = base.clone();
        quiet.noise = 1e-9;
        let (mean, std) = price(quiet.clone(), &works);
        let zero = Triangle::from_rows(
            &base
                .covariance_factor
                .rows()
                .iter()
                .map(|row| vec![0.0; row.len()])
                .collect::<Vec<_>>(),
        );
        let mut certain = quiet.clone();
        certain.covariance_factor = zero.unwrap();
        let (_, rest) = price(certain.clone(), &works);
        let expected = (std * std - rest * rest).sqrt();

        let rows = base.covariance_factor.rows();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
        let mut normal = || normal_quantile(random.random::<f64>().clamp(1e-12, 1.0 - 1e-12));
        let draws = 4000;
        let mut squares = 0.0;
        for _ in 0..draws {
            let standard: Vec<f64> = rows.iter().map(|_| normal()).collect();
            let moved =
                |row: usize| -> f64 { rows[row].iter().zip(&standard).map(|(r, z)| r * z).sum() };
            let mut drawn = certain.clone();
            let parameters = &mut drawn.parameters;
            parameters.inference_us *= moved(0).exp();
            parameters.sharpness = 1.0 + (parameters.sharpness - 1.0) * moved(1).exp();
            let tables = [
                &mut parameters.overhead_us,
                &mut parameters.peak_gflops,
                &mut parameters.bandwidth_gb_s,
            ];
            for (row, value) in tables.into_iter().flat_map(|t| t.values_mut()).enumerate() {
                *value *= moved(2 + row).exp();
            }
            let beyond = parameters.beyond_caches.as_mut().unwrap();
            beyond.bandwidth_gb_s *= moved(BEYOND_BANDWIDTH).exp();
            beyond.working_set_mb *= moved(WORKING_SET).exp();
            *parameters.misaligned_slowdown.as_mut().unwrap() *= moved(SLOWDOWN).exp();
            let cold = parameters.cold_weights.as_mut().unwrap();
            cold.bandwidth_gb_s *= moved(COLD_BANDWIDTH).exp();
            cold.held_mb *= moved(WEIGHTS_HELD).exp();
            for (row, weight) in drawn.residual.weights.iter_mut().enumerate() {
                *weight += moved(PARAMETERS + row);
            }
            squares += (price(drawn, &works).0 - mean).powi(2);
        }
        let found = (squares / f64::from(draws)).sqrt();
        assert!(
            (found / expected - 1.0).abs() < 0.06,
            "{composition:?}: {found} {expected}"
        );
    }
}

#[test]
fn kernels_add_up_to_the_network() {
    let works = works();
    for composition in Composition::ALL {
        let prepared = PreparedCalibration::new(&calibration(vec![
            Component {
                weight: 0.7,
                ..component(composition, 0.02)
            },
            Component {
                weight: 0.3,
                ..component(Composition::Sum, 0.05)
            },
        ]));
        let price = prepared.price(&works, None);
        let kernels = works
            .iter()
            .zip(&price.kernels)
            .map(|(w, k)| w.count * k.seconds);
        let sum = price.inference_s + kernels.sum::<f64>();
        assert!((sum / price.mean_s - 1.0).abs() < 1e-12, "{composition:?}");
        assert!(price.std_s > 0.0);
    }
}

#[test]
fn components_that_disagree_widen_the_deviation() {
    let works = works();
    let (fast, std) = price(component(Composition::Sum, 0.02), &works);
    let mut slow = component(Composition::Sum, 0.02);
    for peak in slow.parameters.peak_gflops.values_mut() {
        *peak /= 2.0;
    }
    let (slower, _) = price(slow.clone(), &works);
    let both = calibration(vec![component(Composition::Sum, 0.02), slow]);
    let price = PreparedCalibration::new(&both).price(&works, None);
    assert!((price.mean_s - f64::midpoint(fast, slower)).abs() < 1e-12);
    let between = (slower - fast) / 2.0;
    assert!(price.std_s > between && between > std);
}

#[test]
fn no_kernel_is_faster_than_its_theoretical_roof() {
    let works = works();
    let prepared = PreparedCalibration::new(&calibration(vec![component(Composition::Sum, 0.0)]));
    let free = prepared.price(&works, None);
    assert!(free.kernels.iter().all(|kernel| !kernel.is_clamped));
    let roofs = "peak_tflops = 0.01\nbandwidth_gb_s = 1.0\nsource = \"nobody\"\n";
    let text = format!("{PROFILE}\n[roofs.fp32.theoretical]\n{roofs}");
    let platform = Platform::from_toml(&text).unwrap();
    let theoretical = platform.roofs[&Dtype::Fp32].theoretical.as_ref().unwrap();
    let held = prepared.price(&works, Some(theoretical));
    for (work, kernel) in works.iter().zip(&held.kernels) {
        let saving = if work.class == OpClass::Winograd {
            4.0
        } else {
            1.0
        };
        assert!(kernel.seconds >= work.flops / (saving * 1e10) * 0.999_999);
    }
    assert!(held.kernels.iter().any(|kernel| kernel.is_clamped));
    assert!(held.mean_s > free.mean_s);
}

/// Prices of one platform err together: a ratio is surer than they are, and a network over itself is certain.
#[test]
fn ratios_leave_out_what_prices_have_in_common() {
    let two = || {
        vec![
            component(Composition::Sum, 0.1),
            component(Composition::Async, 0.1),
        ]
    };
    let model = LatencyModel::new(platform(calibration(two())), Dtype::Fp32, 1).unwrap();
    let joint = |name: &str| {
        let landmarks = presets::landmarks();
        let landmark = landmarks.iter().find(|l| l.name == name).unwrap();
        let cost = NetworkCost::new(&landmark.network, &model.platform().fusion);
        (model.joint_price(&cost).unwrap(), model.price(&cost))
    };
    let ((a, price_a), (b, price_b)) = (joint("ResNet-50"), joint("ResNet-18"));
    // a network over its like: all is shared but the noise of two timings, 1 % each
    let same = JointPrice::sum_of_logs(&[(1.0, &a), (-1.0, &a)]);
    assert_eq!(same.mean, 0.0);
    assert!(
        (same.std - 0.01 * 2.0_f64.sqrt()).abs() < 1e-9,
        "{}",
        same.std
    );
    assert!(!same.differs_from_0());
    let ratio = JointPrice::sum_of_logs(&[(1.0, &a), (-1.0, &b)]);
    assert!((ratio.mean - (price_a.mean_ms / price_b.mean_ms).ln()).abs() < 1e-12);
    let apart = (price_a.std_ms / price_a.mean_ms).hypot(price_b.std_ms / price_b.mean_ms);
    assert!(
        ratio.std > 0.0 && ratio.std < apart,
        "{} {apart}",
        ratio.std
    );
    // of a single component, the logarithm of a price has the price's relative deviation
    let one = calibration(vec![component(Composition::Sum, 0.1)]);
    let model = LatencyModel::new(platform(one), Dtype::Fp32, 1).unwrap();
    let landmarks = presets::landmarks();
    let cost = NetworkCost::new(&landmarks[0].network, &model.platform().fusion);
    let (joint, price) = (model.joint_price(&cost).unwrap(), model.price(&cost));
    let alone = JointPrice::sum_of_logs(&[(1.0, &joint)]);
    assert!((alone.std - price.std_ms / price.mean_ms).abs() < 1e-12);
}

fn platform(calibration: Calibration) -> Platform {
    let mut platform = Platform::from_toml(PROFILE).unwrap();
    platform.calibration.insert(Dtype::Fp32, calibration);
    platform
}

#[test]
fn what_was_timed_of_a_class_is_not_all_of_it() {
    let classes = vec![OpClass::Pointwise, OpClass::Elementwise, OpClass::Pool];
    let with = |operators: Option<Vec<Operator>>| Calibration {
        classes: classes.clone(),
        operators,
        ..calibration(vec![component(Composition::Sum, 0.02)])
    };
    let landmarks = presets::landmarks();
    let network = landmarks.iter().find(|l| l.name == "MobileNetV3-large");
    let network = &network.unwrap().network;
    let calibrated_share = |calibration: Calibration| {
        let platform = platform(calibration);
        let back = Platform::from_toml(&platform.to_toml()).unwrap();
        assert_eq!(back, platform);
        let model = LatencyModel::new(back, Dtype::Fp32, 1).unwrap();
        model
            .shares(&NetworkCost::new(network, &model.platform().fusion))
            .calibrated
    };
    // its gates and the pools of its squeeze-and-excite, and its sums
    let not_listed = calibrated_share(with(None));
    let all = calibrated_share(with(Some(vec![
        Operator::SumOrActivation,
        Operator::GateOrRelu6,
        Operator::GlobalPool,
    ])));
    let without_gates = calibrated_share(with(Some(vec![
        Operator::SumOrActivation,
        Operator::GlobalPool,
    ])));
    let without_both = calibrated_share(with(Some(vec![Operator::SumOrActivation])));
    let none = calibrated_share(with(Some(Vec::new())));
    assert_eq!(not_listed, all);
    assert!(all > without_gates && without_gates > without_both && without_both > none);
    assert!(none > 0.1);
}

/// What is said of a profile whose file has another text in the place of a part.
fn refused(calibration: Calibration, part: &str, by: &str) -> String {
    let text = platform(calibration).to_toml();
    assert!(text.contains(part), "{text}");
    Platform::from_toml(&text.replacen(part, by, 1))
        .unwrap_err()
        .to_string()
}

#[test]
fn operators_and_relevances_that_make_no_sense_are_refused() {
    let known = || Calibration {
        classes: vec![OpClass::Pointwise, OpClass::Pool],
        operators: Some(vec![Operator::GlobalPool]),
        ..calibration(vec![component(Composition::Sum, 0.02)])
    };
    let other = refused(known(), "[\"global_pool\"]", "[\"shuffle\"]");
    assert!(
        other.contains("operators") && other.contains("data_movement"),
        "{other}"
    );
    let typo = refused(known(), "[\"global_pool\"]", "[\"globalpool\"]");
    assert!(typo.contains("global_pool"), "{typo}");
    let mut uneven = known();
    uneven.components[0].residual.covariance.relevance.window = 2.5;
    for by in ["-1.0", "nan", "1e6"] {
        let wild = refused(uneven.clone(), "window = 2.5", &format!("window = {by}"));
        assert!(wild.contains("relevances must be from 0 to 1000"), "{wild}");
    }
}

#[test]
fn a_profile_with_a_calibration_reads_back_and_prices_the_same() {
    let calibrated = platform(calibration(vec![component(Composition::Sum, 0.02)]));
    let back = Platform::from_toml(&calibrated.to_toml()).unwrap();
    assert_eq!(back, calibrated);
    let landmarks = presets::landmarks();
    let model = |platform: Platform| LatencyModel::new(platform, Dtype::Fp32, 1).unwrap();
    let (a, b) = (model(calibrated), model(back));
    assert_eq!(
        (a.word(), &*a.label()),
        ("calibrated", "calibrated on 10 networks")
    );
    for landmark in &landmarks {
        let cost = NetworkCost::new(&landmark.network, &a.platform().fusion);
        assert_eq!(a.price(&cost), b.price(&cost));
        let latency = a.price(&cost);
        assert!(latency.upper95_ms() > latency.mean_ms + 1.7 * latency.std_ms);
        let breakdown = a.breakdown(&cost);
        assert!((1e3 * breakdown.seconds() / latency.mean_ms - 1.0).abs() < 1e-9);
        let shares = a.shares(&cost);
        let whole = shares.calibrated + shares.fallback + shares.unknown;
        assert!((whole - 1.0).abs() < 1e-9);
        assert!(shares.calibrated > 0.1 && shares.fallback > 0.0);
    }
    let other = model(platform(calibration(vec![component(
        Composition::Sum,
        0.02,
    )])));
    assert_eq!(other.caveats(), Vec::<String>::new());
    let batch = LatencyModel::new(other.platform().clone(), Dtype::Fp32, 8).unwrap();
    assert!(batch.caveats()[0].contains("calibrated at batch 1"));
}

#[test]
fn several_batches_say_what_they_cover() {
    let mut calibration = calibration(vec![component(Composition::Sum, 0.02)]);
    let exact = calibration.measured.fit;
    calibration.batch = Batches::new([1, 8, 32]).unwrap();
    let at = |batch, mape| BatchFigures {
        batch,
        best_baseline: Some(("class_nnls".into(), 0.1)),
        model: Figures { mape, ..exact },
    };
    calibration.measured.held_out = Some(Figures { n: 3, ..exact });
    calibration.measured.held_out_by_batch = vec![at(1, 0.125), at(8, 0.25), at(32, 0.5)];
    let text = platform(calibration).to_toml();
    assert!(text.contains("\nbatch = [1, 8, 32]\n"), "{text}");
    let back = Platform::from_toml(&text).unwrap();
    assert_eq!(back.to_toml(), text);
    let model = LatencyModel::new(back, Dtype::Fp32, 1).unwrap();
    let caveats = |batch| model.at_batch(batch).unwrap().caveats();
    for batch in [1, 8, 32] {
        assert_eq!(caveats(batch), Vec::<String>::new());
    }
    let known = "platform by-hand was calibrated at batches 1, 8 and 32";
    assert_eq!(
        caveats(16),
        [format!(
            "{known}: prices at batch 16 are interpolated between batches 8 and 32"
        )]
    );
    assert_eq!(
        caveats(64),
        [format!(
            "{known}: prices at batch 64 are extrapolated, which their deviations know only in part"
        )]
    );
    let statement = |batch| model.at_batch(batch).unwrap().statement();
    assert!(
        statement(8)
            .ends_with("at batch 8, on 1 networks it had not seen its mean error was 25.0 %.")
    );
    assert!(statement(16).contains("on 3 timings of networks it had not seen"));
    assert_eq!(model.at_batch(0), Err(LatencyError::Batch(0)));

    // each batch is priced by the work it is
    let network = &presets::landmarks()[0].network;
    let cost = NetworkCost::new(network, &model.platform().fusion);
    let ms = |batch| model.at_batch(batch).unwrap().price(&cost).mean_ms;
    assert!(ms(1) < ms(8) && ms(8) < ms(32));
    let fresh = LatencyModel::new(model.platform().clone(), Dtype::Fp32, 8).unwrap();
    assert_eq!(fresh.price(&cost).mean_ms, ms(8));
}

#[test]
fn lists_of_batches_that_can_not_be_are_refused() {
    let text = platform(calibration(vec![component(Composition::Sum, 0.02)])).to_toml();
    for (batch, expected) in [
        (
            "[]",
            "calibration.fp32.batch = []: must be a batch size or a list of some, and is empty",
        ),
        (
            "[8, 1]",
            "calibration.fp32.batch = [8, 1]: must ascend, none twice",
        ),
        (
            "[8, 8]",
            "calibration.fp32.batch = [8, 8]: must ascend, none twice",
        ),
        (
            "\"many\"",
            "a batch size or an ascending list of them, whole numbers from 1",
        ),
    ] {
        let text = text.replace("batch = 1\n", &format!("batch = {batch}\n"));
        let error = Platform::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// A component on one thread and on four, and its covariance factor's rows: parameters, effects of four threads, weights.
fn on_one_and_four(composition: Composition, spread: f64) -> Component {
    let mut component = component(composition, spread);
    component.parameters.more_threads = vec![ThreadEffect {
        threads: 4,
        synchronisation_us: 9.0,
        peak_gain: 3.0,
        bandwidth_gain: 1.25,
    }];
    // the residual knows kernels on four threads too
    for points in component.residual.points.values_mut() {
        for point in points.iter_mut().step_by(2) {
            move_to_threads(point, 4.0);
        }
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let length = component.covariance_factor.rows().len() + THREAD_PARAMETERS;
    let rows: Vec<Vec<f64>> = (0..length)
        .map(|row| {
            let number = |_| spread * (random.random::<f64>() - 0.5) / 2.0;
            (0..=row).map(number).collect()
        })
        .collect();
    component.covariance_factor = Triangle::from_rows(&rows).unwrap();
    component
}

fn of_one_and_four(component: Component) -> Calibration {
    Calibration {
        threads: vec![1, 4],
        ..calibration(vec![component])
    }
}

/// The posterior on four threads is what draws of the whole posterior come to there.
#[test]
fn deviations_on_more_threads_are_those_of_drawn_parameters() {
    let works = works();
    for composition in Composition::ALL {
        let mut both = on_one_and_four(composition, 0.02);
        both.noise = 1e-9;
        let rows = both.covariance_factor.rows();
        let zero: Vec<Vec<f64>> = rows.iter().map(|row| vec![0.0; row.len()]).collect();
        let on_four = |component: Component| {
            let mut calibration = of_one_and_four(component).on_threads(4).unwrap();
            price(calibration.components.remove(0), &works)
        };
        let (mean, std) = on_four(both.clone());
        let mut certain = both.clone();
        certain.covariance_factor = Triangle::from_rows(&zero).unwrap();
        let (_, rest) = on_four(certain.clone());
        let expected = (std * std - rest * rest).sqrt();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(12);
        let mut normal = || normal_quantile(random.random::<f64>().clamp(1e-12, 1.0 - 1e-12));
        let draws = 3000;
        let mut squares = 0.0;
        for _ in 0..draws {
            let standard: Vec<f64> = rows.iter().map(|_| normal()).collect();
            let moved =
                |row: usize| -> f64 { rows[row].iter().zip(&standard).map(|(r, z)| r * z).sum() };
            let mut drawn = certain.clone();
            let mut logs = LogParameters::from(&both.parameters);
            for (row, log) in logs.0.iter_mut().enumerate() {
                *log += moved(row);
            }
            let mut effect = LogThreadEffect::from(&both.parameters.more_threads[0]);
            for (row, log) in effect.0.iter_mut().enumerate() {
                *log += moved(PARAMETERS + row);
            }
            drawn.parameters = Parameters {
                more_threads: vec![effect.on(4)],
                ..Parameters::from(&logs)
            };
            for (row, weight) in drawn.residual.weights.iter_mut().enumerate() {
                *weight += moved(PARAMETERS + THREAD_PARAMETERS + row);
            }
            squares += (on_four(drawn).0 - mean).powi(2);
        }
        let found = (squares / f64::from(draws)).sqrt();
        assert!(
            (found / expected - 1.0).abs() < 0.06,
            "{composition:?}: {found} {expected}"
        );
    }
}

#[test]
fn on_the_fewest_threads_the_others_make_no_difference() {
    let both = on_one_and_four(Composition::Sum, 0.02);
    let mut alone = both.clone();
    alone.parameters.more_threads.clear();
    let mut rows = both.covariance_factor.rows();
    let length = rows.len();
    rows.iter_mut().for_each(|row| row.resize(length, 0.0));
    rows.drain(PARAMETERS..PARAMETERS + THREAD_PARAMETERS);
    alone.covariance_factor = Triangle::of_factor(rows).unwrap();
    let one = of_one_and_four(both).on_threads(1).unwrap();
    assert_eq!(one, calibration(vec![alone]));
    assert_eq!(one.on_threads(1), None);
}

#[test]
fn number_formats_of_other_threads_are_refused() {
    let mut both = platform(of_one_and_four(on_one_and_four(Composition::Sum, 0.02)));
    let refused = |platform: &Platform| {
        Platform::from_toml(&platform.to_toml())
            .unwrap_err()
            .to_string()
    };
    both.threads = Some(4);
    assert!(
        refused(&both).starts_with("threads = 4: must be left out"),
        "{}",
        refused(&both)
    );
    both.threads = None;
    let one = calibration(vec![component(Composition::Sum, 0.02)]);
    both.roofs
        .insert(Dtype::Int8, both.roofs[&Dtype::Fp32].clone());
    both.calibration.insert(Dtype::Int8, one);
    assert!(
        refused(&both).contains("all number formats must be of the same numbers of threads"),
        "{}",
        refused(&both)
    );
}

#[test]
fn uncalibrated_profiles_are_of_the_threads_they_state() {
    let bare = Platform::from_toml(PROFILE).unwrap();
    assert!(bare.clone().on_threads(4).is_err());
    let four = Platform {
        threads: Some(4),
        ..bare
    };
    assert_eq!(four.clone().on_threads(4), Ok(four.clone()));
    assert!(four.on_threads(1).is_err());
}

#[test]
fn a_profile_of_several_numbers_of_threads_asks_which() {
    let mut both = of_one_and_four(on_one_and_four(Composition::Sum, 0.02));
    let figures = Figures {
        mape: 0.25,
        ..both.measured.fit
    };
    both.measured.by_threads = vec![MeasuredOnThreads {
        threads: 4,
        networks: 7,
        anchor_ms: BTreeMap::from([("anchor-a".to_owned(), 3.5)]),
        best_baseline: Some(("five_feature_ridge".into(), 0.5)),
        held_out: Some(figures),
    }];
    let both = platform(both);
    // as a file has it
    let back = Platform::from_toml(&both.to_toml()).unwrap();
    assert_eq!(back, both);
    assert_eq!(both.threads_to_choose(), [1, 4]);
    let error = LatencyModel::new(both.clone(), Dtype::Fp32, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "platform by-hand was calibrated on 1 and 4 threads: say on how many, by \":1\" behind its name or path"
    );
    let error = both.clone().on_threads(3).unwrap_err().to_string();
    assert_eq!(
        error,
        "platform by-hand does not hold for 3 threads; it holds for 1 and 4 threads"
    );
    let four = both.clone().on_threads(4).unwrap();
    assert_eq!(
        (four.name.as_str(), four.threads),
        ("by-hand-4-threads", Some(4))
    );
    assert_eq!(both.clone().on_threads(1).unwrap().name, "by-hand-1-thread");
    // roofs and overheads are those on four threads
    let achieved = |platform: &Platform| platform.roofs[&Dtype::Fp32].achieved.clone().unwrap();
    let ratio = achieved(&four).peak_tflops / achieved(&both).peak_tflops;
    assert!((ratio - 3.0).abs() < 1e-12);
    assert_eq!(four.overhead.kernel_us, both.overhead.kernel_us + 9.0);
    // and so are the figures
    let measured = &four.calibration[&Dtype::Fp32].measured;
    assert_eq!(measured.held_out, Some(figures));
    assert_eq!(measured.anchor_ms["anchor-a"], 3.5);
    assert_eq!(measured.best_baseline.as_ref().unwrap().1, 0.5);
    assert!(measured.by_threads.is_empty());
    assert_eq!(measured.source, "nobody; 7 of the networks on 4 threads");
    let mut named = both.clone();
    named.description = "a chip, an engine, 1 and 4 threads, batch 1".to_owned();
    let description = named.on_threads(4).unwrap().description;
    assert_eq!(description, "a chip, an engine, 4 threads, batch 1");
    // it is a profile like any other, and goes into files as one
    let again = Platform::from_toml(&four.to_toml()).unwrap();
    assert_eq!(again, four);
    assert_eq!(four.clone().on_threads(4), Ok(four.clone()));
    assert!(four.clone().on_threads(1).is_err());
    let model = |platform: Platform| LatencyModel::new(platform, Dtype::Fp32, 1).unwrap();
    let landmarks = presets::landmarks();
    let cost = NetworkCost::new(&landmarks[0].network, &Fusion::every_activation());
    assert_eq!(model(again).price(&cost), model(four).price(&cost));
}

#[test]
fn calibrations_that_can_not_be_are_refused() {
    let error = |change: &dyn Fn(&mut Calibration)| {
        let mut calibration = calibration(vec![component(Composition::Sum, 0.02)]);
        change(&mut calibration);
        Platform::from_toml(&platform(calibration).to_toml())
            .unwrap_err()
            .to_string()
    };
    let start = |text: String, expected: &str| assert!(text.starts_with(expected), "{text}");
    start(
        error(&|c| c.batch = Batches::of([0])),
        "calibration.fp32.batch = 0: must be at least 1",
    );
    start(
        error(&|c| c.batch = Batches::of([0, 8])),
        "calibration.fp32.batch = [0, 8]: each must be at least 1",
    );
    start(
        error(&|c| {
            let exact = c.measured.fit;
            c.measured.held_out_by_batch = vec![BatchFigures {
                batch: 8,
                best_baseline: None,
                model: exact,
            }];
        }),
        "calibration.fp32.measured.held_out_by_batch.batch = 8: must be one of the calibration's batches",
    );
    start(
        error(&|c| c.components[0].channel_alignment = 5),
        "calibration.fp32.components[0].channel_alignment = 5: must be 1, 4, 8, 16 or 32",
    );
    start(
        error(&|c| c.components[0].channel_alignment = 1),
        "calibration.fp32.components[0].parameters.misaligned_slowdown = 2.5: must be there where channel_alignment is above 1, and only there",
    );
    start(
        error(&|c| c.components[0].parameters.misaligned_slowdown = None),
        "calibration.fp32.components[0].parameters.misaligned_slowdown = nothing: must be there",
    );
    start(
        error(&|c| {
            let beyond = c.components[0].parameters.beyond_caches.as_mut().unwrap();
            beyond.working_set_mb = -1.0;
        }),
        "calibration.fp32.components[0].parameters.beyond_caches.working_set_mb = -1: must be a number above 0",
    );
    start(
        error(&|c| {
            let cold = c.components[0].parameters.cold_weights.as_mut().unwrap();
            cold.bandwidth_gb_s = f64::NAN;
        }),
        "calibration.fp32.components[0].parameters.cold_weights.bandwidth_gb_s = NaN: must be a number above 0",
    );
    start(
        error(&|c| {
            let nuggets = &mut c.components[0].residual.nuggets;
            nuggets.insert(OpClass::Pool, -0.2);
        }),
        "calibration.fp32.components[0].residual.nuggets.pool = -0.2: must be a number from 0 to 100",
    );
    start(
        error(&|c| c.threads = vec![4]),
        "calibration.fp32.threads = [4]: must be at least two numbers of threads, from 1 and ascending",
    );
    start(
        error(&|c| c.threads = vec![0, 4]),
        "calibration.fp32.threads = [0, 4]: must be at least two",
    );
    start(
        error(&|c| c.threads = vec![1, 4]),
        "calibration.fp32.components[0].parameters.more_threads = []: must be the calibration's numbers of threads but for the fewest",
    );
    start(
        error(&|c| {
            *c = of_one_and_four(on_one_and_four(Composition::Sum, 0.02));
            c.components[0].parameters.more_threads[0].peak_gain = 0.0;
        }),
        "calibration.fp32.components[0].parameters.more_threads.4.peak_gain = 0: must be a number above 0",
    );
    start(
        error(&|c| {
            *c = of_one_and_four(component(Composition::Sum, 0.02));
            c.components[0].parameters.more_threads = on_one_and_four(Composition::Sum, 0.02)
                .parameters
                .more_threads;
        }),
        "calibration.fp32.components[0].covariance_factor",
    );
    start(
        error(&|c| {
            c.measured.by_threads = vec![MeasuredOnThreads {
                threads: 2,
                networks: 1,
                anchor_ms: BTreeMap::new(),
                best_baseline: None,
                held_out: None,
            }];
        }),
        "calibration.fp32.measured.by_threads.threads = 2: must be one of the calibration's numbers of threads",
    );
    start(
        error(&|c| c.components.clear()),
        "calibration.fp32.components = []",
    );
    start(
        error(&|c| c.components[0].noise = -1.0),
        "calibration.fp32.components[0].noise = -1: must be a number above 0",
    );
    start(
        error(&|c| c.components[0].parameters.sharpness = 1.0),
        "calibration.fp32.components[0].parameters.sharpness = 1: must be above 1",
    );
    let missing = |c: &mut Calibration| {
        c.components[0]
            .parameters
            .peak_gflops
            .remove(&OpClass::Depthwise);
    };
    start(
        error(&missing),
        "calibration.fp32.components[0].parameters.peak_gflops.depthwise = NaN",
    );
    let weight = |c: &mut Calibration| {
        c.components[0].residual.weights.pop();
    };
    start(error(&weight), "calibration.fp32.components[0].residual");
    let factor = |c: &mut Calibration| {
        let mut rows = c.components[0].covariance_factor.rows();
        rows.pop();
        c.components[0].covariance_factor = Triangle::from_rows(&rows).unwrap();
    };
    start(
        error(&factor),
        "calibration.fp32.components[0].covariance_factor",
    );
}
