//! The fit against cases whose answer is known.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};
use roofnas_cost::calibration::{
    ActivationEffort, BEYOND_BANDWIDTH, Batches, BeyondCaches, COLD_BANDWIDTH, Calibration,
    ChannelRule, ColdWeights, Component, Composition, Covariance, KernelShare, LogParameters,
    LogThreadEffect, Measured, Nuggets, Parameters, PreparedCalibration, Rates, Relevance,
    SLOWDOWN, WEIGHTS_HELD, Workload, timed_classes,
};
use roofnas_cost::{Dtype, Figures, Fusion, NetworkCost, Prediction};
use roofnas_space::{SearchSpace, presets};

use super::laplace::{Hyper, Task};
use super::prior::{Kind, Likeness, Prior};
use super::state::{Functions, State};
use super::{FitError, FitOptions, Timing, design::Design, fit, plan, points, ship};

/// Networks of different sizes: a space's sample.
fn networks(count: usize) -> Vec<Vec<Workload>> {
    let space = SearchSpace::new(presets::definition("mobile").unwrap()).unwrap();
    let cost = |seed: u64| {
        let mut random = rand::SeedableRng::seed_from_u64(seed);
        let genotype = space.sample::<rand_xoshiro::Xoshiro256PlusPlus>(&mut random);
        let network = space.decode(&genotype);
        let cost = NetworkCost::new(&network, &Fusion::every_activation());
        Workload::of_network(&cost, 1, Dtype::Fp32)
    };
    (0..count as u64).map(cost).collect()
}

/// A machine that is exactly what the mean says.
fn planted() -> LogParameters {
    let everywhere = |value: f64| timed_classes().map(|class| (class, value)).collect();
    let mut parameters = Parameters {
        inference_us: 300.0,
        sharpness: 3.0,
        overhead_us: everywhere(12.0),
        peak_gflops: everywhere(150.0),
        bandwidth_gb_s: everywhere(14.0),
        activation_gelements_s: ActivationEffort::ALL
            .into_iter()
            .zip([50.0, 30.0, 10.0, 1.5, 0.8])
            .collect(),
        beyond_caches: Some(BeyondCaches {
            bandwidth_gb_s: 6.0,
            working_set_mb: 3.0,
        }),
        misaligned_slowdown: None,
        cold_weights: None,
        more_threads: Vec::new(),
    };
    let depthwise = roofnas_cost::OpClass::Depthwise;
    parameters.peak_gflops.insert(depthwise, 25.0);
    parameters.overhead_us.insert(depthwise, 30.0);
    LogParameters::from(&parameters)
}

fn latency_ms(works: &[Workload], machine: &LogParameters) -> f64 {
    let kernels = works.iter().map(|work| {
        let mean = Rates::from(machine).mean(work, ChannelRule::default());
        work.count * (mean.overhead_s + mean.roof_s)
    });
    let cold = ColdWeights::from(machine).of(Workload::weights_of(works));
    1e3 * (machine.0[0].exp() + kernels.sum::<f64>() + cold.seconds)
}

fn timings(networks: &[Vec<Workload>]) -> Vec<Timing> {
    let machine = planted();
    let timing = |works: &Vec<Workload>| Timing {
        latency_ms: latency_ms(works, &machine),
        works: works.clone(),
        network_weights: Workload::weights_of(works),
        is_call: true,
        threads: 1,
        run: 0,
        repeats: 1.0,
        error_ms: 0.0,
    };
    networks.iter().map(timing).collect()
}

/// One kernel, timed without the call in a network of so many bytes of weights.
fn of_kernel(work: Workload, latency_ms: f64, network_weights: f64) -> Timing {
    Timing {
        latency_ms,
        works: vec![Workload { count: 1.0, ..work }],
        network_weights,
        is_call: false,
        threads: 1,
        run: 0,
        repeats: 1.0,
        error_ms: 0.0,
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
        classes: timed_classes().collect(),
        operators: None,
        degrees_of_freedom: 30.0,
        resolution_ms: 0.0,
        measured: Measured {
            networks: 1,
            timings: 1,
            source: "planted".into(),
            situation: None,
            fitted_by: "a test".into(),
            fit: Figures::of(&[exact]).unwrap(),
            held_out: None,
            held_out_by: None,
            best_baseline: None,
            held_out_by_batch: Vec::new(),
            by_threads: Vec::new(),
            anchor_ms: BTreeMap::new(),
        },
        components,
    }
}

fn alone() -> FitOptions {
    FitOptions {
        compositions: vec![Composition::Sum],
        components: 1,
        points: 48,
        ..FitOptions::default()
    }
}

/// Mean absolute relative error of a fit on other networks of the planted machine.
fn error(components: Vec<Component>, unseen: &[Vec<Workload>]) -> f64 {
    let machine = planted();
    let prepared = PreparedCalibration::new(&calibration(components));
    let errors = unseen.iter().map(|works| {
        let truth = latency_ms(works, &machine);
        (1e3 * prepared.price(works, None).mean_s / truth - 1.0).abs()
    });
    errors.sum::<f64>() / unseen.len() as f64
}

#[test]
fn a_planted_machine_is_found() {
    let networks = networks(60);
    let fitted = fit(&timings(&networks[..30]), &[], &alone()).unwrap();
    let error = error(fitted.components, &networks[30..]);
    assert!(error < 0.01, "{error}");
}

#[test]
fn an_outlier_loses_its_weight() {
    let networks = networks(60);
    let mut timings = timings(&networks[..30]);
    timings[7].latency_ms *= 3.0;
    let fitted = fit(&timings, &[], &alone()).unwrap();
    assert!(fitted.trust[7] < 0.3, "{}", fitted.trust[7]);
    let others = (0..30).filter(|&row| row != 7);
    assert!(others.map(|row| fitted.trust[row]).fold(1.0, f64::min) > 0.3);
    let error = error(fitted.components, &networks[30..]);
    assert!(error < 0.02, "{error}");
}

/// A machine whose depthwise convolutions take up to twice as long or half as long for no reason, and whose others are as the mean says.
#[test]
fn classes_that_scatter_are_told_from_those_that_do_not() {
    let networks = networks(60);
    let machine = planted();
    let depthwise = roofnas_cost::OpClass::Depthwise;
    // the same kernel deviates alike wherever it is
    let deviation = |work: &Workload| {
        let sum: f64 = work.coordinates.iter().map(|c| c * 1234.567).sum();
        match work.class == depthwise {
            true => (0.6 * sum.sin()).exp(),
            false => 1.0,
        }
    };
    let seconds = |work: &Workload| {
        let mean = Rates::from(&machine).mean(work, ChannelRule::default());
        deviation(work) * (mean.overhead_s + mean.roof_s)
    };
    let whole_ms = |works: &[Workload]| {
        let kernels = works.iter().map(|work| work.count * seconds(work));
        1e3 * (machine.0[0].exp() + kernels.sum::<f64>())
    };
    let mut all: Vec<Timing> = Vec::new();
    for works in &networks[..20] {
        let weights = Workload::weights_of(works);
        let kernels = works.iter();
        all.extend(kernels.map(|work| of_kernel(*work, 1e3 * seconds(work), weights)));
        let mut whole = timings(std::slice::from_ref(works));
        whole[0].latency_ms = whole_ms(works);
        all.extend(whole);
    }
    let fitted = fit(&all, &[], &alone()).unwrap();
    let nuggets = &fitted.components[0].residual.nuggets;
    let pointwise = nuggets[&roofnas_cost::OpClass::Pointwise];
    assert!(nuggets[&depthwise] > 0.2, "{nuggets:?}");
    assert!(pointwise < 0.03, "{nuggets:?}");
    // what kernels deviate by is in what networks do, and no more
    let prepared = PreparedCalibration::new(&calibration(fitted.components));
    let deviations: Vec<f64> = networks[20..]
        .iter()
        .map(|works| {
            let price = prepared.price(works, None);
            (1e3 * price.mean_s - whole_ms(works)) / (1e3 * price.std_s)
        })
        .collect();
    let inside = deviations.iter().filter(|z| z.abs() < 1.645).count();
    assert!((30..40).contains(&inside), "{deviations:?}");
    // of networks alone it can't be known
    let wholes = fit(&timings(&networks[..20]), &[], &alone()).unwrap();
    assert_eq!(wholes.components[0].residual.nuggets, Nuggets::new());
}

/// Each distinct kernel of some networks, called by itself, on a machine that does `times` as long as the mean says of it.
fn kernels_alone(networks: &[Vec<Workload>], times: impl Fn(&Workload) -> f64) -> Vec<Timing> {
    let machine = planted();
    let works = Workload::collapsed(networks.iter().flatten().copied());
    let timing = |work: Workload| {
        let mean = Rates::from(&machine).mean(&work, ChannelRule::default());
        let kernel_s = times(&work) * (mean.overhead_s + mean.roof_s);
        Timing {
            is_call: true,
            ..of_kernel(work, 1e3 * (machine.0[0].exp() + kernel_s), work.weights)
        }
    };
    works.into_iter().map(timing).collect()
}

#[test]
fn coordinates_that_matter_are_told_from_those_that_do_not() {
    // an engine whose code for each kernel area and stride is another, whatever the channels
    let times = |work: &Workload| {
        let [window, stride] = [work.coordinates[5], work.coordinates[6]];
        (0.9 * (7.0 * window).sin() + 0.7 * (5.0 * stride).cos()).exp()
    };
    let (measured, others) = (networks(12), networks(40).split_off(12));
    let all = kernels_alone(&measured, times);
    assert!(all.len() > 100, "{}", all.len());
    let fitted = fit(&all, &[], &alone()).unwrap();
    let relevance = fitted.components[0].residual.covariance.relevance;
    for hardly in [relevance.channels, relevance.positions, relevance.work] {
        assert!(relevance.window > 2.0 * hardly, "{relevance:?}");
    }
    let prepared = PreparedCalibration::new(&calibration(fitted.components));
    let errors = kernels_alone(&others, times).into_iter().map(|timing| {
        let price = prepared.price(&timing.works, None);
        (1e3 * price.mean_s / timing.latency_ms - 1.0).abs()
    });
    let errors: Vec<f64> = errors.collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(mean < 0.02, "{mean}");
    // two kernels alike in one call are not one
    let mut twice = all.clone();
    twice[0].works[0].count = 2.0;
    assert!(Design::new(&all).kernels_alone() && !Design::new(&twice).kernels_alone());
    // where there is a whole network among them, nothing is held to matter more
    let with_one = [all, timings(&measured[..1])].concat();
    let fitted = fit(&with_one, &[], &alone()).unwrap();
    let covariance = fitted.components[0].residual.covariance;
    assert_eq!(covariance.relevance, Relevance::EVEN);
}

#[test]
fn few_timings_are_explained_in_several_ways() {
    let of = |count: usize| {
        let mut timings = timings(&networks(count));
        // noise of a fifth, in an order without a pattern
        for (row, timing) in timings.iter_mut().enumerate() {
            timing.latency_ms *= (0.25 * (row as f64 * 2.4).sin()).exp();
        }
        let options = FitOptions {
            components: 8,
            ..alone()
        };
        fit(&timings, &[], &options).unwrap().components
    };
    let few = of(10);
    assert!(few.len() > 1, "{}", few.len());
    let weights: f64 = few.iter().map(|component| component.weight).sum();
    assert!((weights - 1.0).abs() < 1e-4);
    // a large residual with little noise, and the reverse
    let quiet = |component: &&Component| component.noise < 0.05;
    let loud = |component: &&Component| component.noise > 0.05;
    let amplitude = |of: &dyn Fn(&&Component) -> bool| {
        let component = few.iter().find(|component| of(component)).unwrap();
        component.residual.covariance.amplitude
    };
    assert!(amplitude(&quiet) > 1.5 * amplitude(&loud));
    // many have one explanation
    assert_eq!(of(70).len(), 1);
}

#[test]
fn a_likeness_helps_where_timings_are_few() {
    let networks = networks(80);
    let teacher = fit(&timings(&networks[..40]), &[], &alone()).unwrap();
    let teacher = calibration(teacher.components);
    // the same machine at a third of the speed
    let mut slow = timings(&networks[40..45]);
    slow.iter_mut().for_each(|timing| timing.latency_ms *= 3.0);
    let known = [("twin".to_owned(), &teacher)];
    let fitted = fit(&slow, &known, &alone()).unwrap();
    assert_eq!(fitted.components[0].prior, "twin");
    let machine = planted();
    let prepared = PreparedCalibration::new(&calibration(fitted.components));
    for works in &networks[45..] {
        let relative =
            1e3 * prepared.price(works, None).mean_s / (3.0 * latency_ms(works, &machine));
        assert!((relative - 1.0).abs() < 0.03, "{relative}");
    }
}

#[test]
fn what_a_likeness_does_not_know_is_as_fast_as_the_timings() {
    let networks = networks(20);
    let mut teacher = fit(&timings(&networks[..15]), &[], &alone()).unwrap();
    // as earlier versions left it
    teacher.components[0].parameters.beyond_caches = None;
    let teacher = calibration(teacher.components);
    let mut slow = timings(&networks[15..]);
    slow.iter_mut()
        .for_each(|timing| timing.latency_ms *= 100.0);
    let design = Design::new(&slow);
    let prior = Prior::like("kin", &teacher, Likeness::Kin, &design, true).unwrap();
    let generic = Prior::generic(&design, Composition::Sum, prior.kind);
    for parameter in [BEYOND_BANDWIDTH, COLD_BANDWIDTH] {
        assert_eq!(prior.location.0[parameter], generic.location.0[parameter]);
    }
}

#[test]
fn the_order_of_timings_does_not_matter() {
    let networks = networks(24);
    let forward = timings(&networks[..12]);
    let mut backward = forward.clone();
    backward.reverse();
    let price = |timings: &[Timing]| {
        let fitted = fit(timings, &[], &alone()).unwrap();
        let prepared = PreparedCalibration::new(&calibration(fitted.components));
        prepared.price(&networks[20], None).mean_s
    };
    let (a, b) = (price(&forward), price(&backward));
    assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
}

#[test]
fn too_few_timings_are_refused() {
    let networks = networks(2);
    let error = fit(&timings(&networks), &[], &alone()).unwrap_err();
    assert_eq!(error, FitError::TooFew(2));
}

/// With all parameters known, a fit is plain Gaussian-process regression on the logarithms of sums, which near the most probable residual are weighted
/// sums of it: compared with the textbook formula in function space (Rasmussen, Williams, equations 2.23 and 2.24), every distinct kernel an inducing
/// point.
#[test]
fn residuals_and_deviations_are_those_of_function_space() {
    let networks = networks(9);
    let mut timings = timings(&networks);
    // a machine that is not what the mean says
    for (row, timing) in timings.iter_mut().enumerate() {
        timing.latency_ms *= 1.0 + 0.1 * (row as f64 - 4.0) / 4.0;
    }
    let design = Design::new(&timings[..8]);
    let machine = planted();
    let prior = Prior::known(machine.clone(), Composition::Sum);
    let covariance = Covariance {
        amplitude: 0.3,
        detail: 0.1,
        length_scale: 1.0,
        relevance: Relevance::EVEN,
    };
    // every distinct kernel of all nine networks
    let whole = Design::new(&timings);
    let seconds = vec![1.0; whole.works.len()];
    let points = points::choose(&whole.works, &seconds, covariance, whole.works.len());
    let hyper = Hyper {
        covariance,
        noise: 0.02,
        run_offset: 0.0,
        nuggets: Nuggets::new(),
    };
    let task = Task::new(&design, &prior, &points, 0.0);
    let laplace = task.fit(hyper, &[1.0; 8], &[]).unwrap();
    let component = ship::component(&prior, &[1], &laplace, 1.0).unwrap();
    let prepared = PreparedCalibration::new(&calibration(vec![component]));

    // of each kernel: what it is, its share in the network, its residual
    let kernels = |works: &[Workload]| -> Vec<(Workload, f64, f64)> {
        let price = prepared.price(works, None);
        let kernel = |(work, priced): (&Workload, &KernelShare)| {
            let mean = Rates::from(&machine).mean(work, ChannelRule::default());
            let residual = (priced.seconds / (mean.overhead_s + mean.roof_s)).ln();
            (*work, work.count * priced.seconds / price.mean_s, residual)
        };
        works.iter().zip(&price.kernels).map(kernel).collect()
    };
    let between = |a: &[(Workload, f64, f64)], b: &[(Workload, f64, f64)]| -> f64 {
        let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
        pairs
            .filter(|(a, b)| a.0.class == b.0.class)
            .map(|(a, b)| a.1 * b.1 * covariance.between(&a.0.coordinates, &b.0.coordinates))
            .sum()
    };
    let all: Vec<_> = networks.iter().map(|works| kernels(works)).collect();
    let noise = |i, j| if i == j { 0.02 * 0.02 } else { 0.0 };
    let inverse = DMatrix::from_fn(8, 8, |i, j| between(&all[i], &all[j]) + noise(i, j))
        .try_inverse()
        .unwrap();
    let aims = DVector::from_fn(8, |i, _| {
        let said_ms = 1e3 * prepared.price(&networks[i], None).mean_s;
        let residual: f64 = all[i].iter().map(|(_, share, r)| share * r).sum();
        (timings[i].latency_ms / said_ms).ln() + residual
    });
    let pulled = &inverse * aims;
    let mut largest = 0.0f64;
    for &(work, _, residual) in &all[8] {
        let across = DVector::from_fn(8, |i, _| between(&all[i], &[(work, 1.0, 0.0)]));
        let expected = across.dot(&pulled);
        // steps end where they gain next to nothing
        assert!((residual - expected).abs() < 2e-3, "{residual} {expected}");
        largest = largest.max(residual.abs());
    }
    assert!(largest > 0.02, "{largest}");
    let across = DVector::from_fn(8, |i, _| between(&all[i], &all[8]));
    let variance = between(&all[8], &all[8]) - across.dot(&(&inverse * &across)) + noise(8, 8);
    let price = prepared.price(&networks[8], None);
    let relative = price.std_s / price.mean_s;
    assert!(
        (relative / variance.sqrt() - 1.0).abs() < 0.01,
        "{relative} {}",
        variance.sqrt()
    );
}

#[test]
fn a_layer_alone_tells_of_networks() {
    let networks = networks(40);
    let machine = planted();
    let mut timings = timings(&networks[..4]);
    // every kernel of some networks timed by itself, without the call
    let mut kernels: BTreeMap<String, Workload> = BTreeMap::new();
    for work in networks[4..14].iter().flatten() {
        kernels.insert(
            format!("{work:?}"),
            Workload {
                count: 1.0,
                ..*work
            },
        );
    }
    let call_ms = 1e3 * machine.0[0].exp();
    timings.extend(kernels.into_values().map(|work| {
        let own_ms = latency_ms(&[work], &machine) - call_ms;
        of_kernel(work, own_ms, work.weights)
    }));
    let fitted = fit(&timings, &[], &alone()).unwrap();
    let error = error(fitted.components, &networks[14..]);
    assert!(error < 0.02, "{error}");
}

/// The planted machine on one thread and on four, of which its kernels have three in arithmetic and 1.5 in traffic, and which each kernel waits for.
fn on_one_and_four(all: &[Vec<Workload>], on_four: &[Vec<Workload>]) -> Vec<Timing> {
    let machine = planted().on_threads(&four_threads());
    let mut timings = timings(all);
    timings.extend(on_four.iter().map(|works| Timing {
        latency_ms: latency_ms(works, &machine),
        works: works.clone(),
        network_weights: Workload::weights_of(works),
        is_call: true,
        threads: 4,
        run: 0,
        repeats: 1.0,
        error_ms: 0.0,
    }));
    timings
}

fn four_threads() -> LogThreadEffect {
    LogThreadEffect([f64::ln(7e-6), f64::ln(3.0), f64::ln(1.5)])
}

#[test]
fn few_networks_tell_what_more_threads_change() {
    let networks = networks(60);
    let timings = on_one_and_four(&networks[..30], &networks[..6]);
    let fitted = fit(&timings, &[], &alone()).unwrap();
    assert_eq!(fitted.threads, [1, 4]);
    let effect = &fitted.components[0].parameters.more_threads[0];
    assert!((effect.peak_gain - 3.0).abs() < 0.3, "{effect:?}");
    let mut both = calibration(fitted.components);
    both.threads = fitted.threads;
    let of = |threads: u32, machine: &LogParameters| {
        let on = both.on_threads(threads).unwrap();
        let prepared = PreparedCalibration::new(&on);
        let errors = networks[30..].iter().map(|works| {
            let truth = latency_ms(works, machine);
            (1e3 * prepared.price(works, None).mean_s / truth - 1.0).abs()
        });
        errors.sum::<f64>() / 30.0
    };
    let (one, four) = (
        of(1, &planted()),
        of(4, &planted().on_threads(&four_threads())),
    );
    assert!(one < 0.01 && four < 0.02, "{one} {four}");
    // those six alone say less
    let by_themselves = fit(&timings[30..], &[], &alone()).unwrap();
    let machine = planted().on_threads(&four_threads());
    let prepared = PreparedCalibration::new(&calibration(by_themselves.components));
    let errors = networks[30..].iter().map(|works| {
        (1e3 * prepared.price(works, None).mean_s / latency_ms(works, &machine) - 1.0).abs()
    });
    let by_itself = errors.sum::<f64>() / 30.0;
    assert!(by_itself > 1.5 * four, "{by_itself} {four}");
}

#[test]
fn each_number_of_threads_has_effects_of_its_own() {
    let networks = networks(60);
    // the third to eighth processor are slow ones, in a hurry
    let eight = LogThreadEffect([f64::ln(20e-6), f64::ln(2.0), f64::ln(1.2)]);
    let mut timings = on_one_and_four(&networks[..24], &networks[24..34]);
    let machine = planted().on_threads(&eight);
    timings.extend(networks[34..44].iter().map(|works| Timing {
        latency_ms: latency_ms(works, &machine),
        works: works.clone(),
        network_weights: Workload::weights_of(works),
        is_call: true,
        threads: 8,
        run: 0,
        repeats: 1.0,
        error_ms: 0.0,
    }));
    let fitted = fit(&timings, &[], &alone()).unwrap();
    assert_eq!(fitted.threads, [1, 4, 8]);
    let mut all = calibration(fitted.components);
    all.threads = fitted.threads;
    for (threads, effect) in [(4, four_threads()), (8, eight)] {
        let machine = planted().on_threads(&effect);
        let on = all.on_threads(threads).unwrap();
        let prepared = PreparedCalibration::new(&on);
        let unseen = &networks[44..];
        let errors = unseen.iter().map(|works| {
            let price = prepared.price(works, None);
            let error = (price.mean_s - 1e-3 * latency_ms(works, &machine)).abs();
            assert!(
                error < 4.0 * price.std_s,
                "{threads}: {error} {}",
                price.std_s
            );
            error / price.mean_s
        });
        let error = errors.sum::<f64>() / unseen.len() as f64;
        assert!(error < 0.03, "{threads}: {error}");
    }
    // on none in particular it is on the fewest
    let works = &networks[50];
    let fewest = PreparedCalibration::new(&all.on_threads(1).unwrap());
    assert_eq!(
        PreparedCalibration::new(&all).price(works, None),
        fewest.price(works, None)
    );
}

/// Derivatives by everything, effects of threads among it, against differences.
#[test]
fn derivatives_of_several_numbers_of_threads_are_differences() {
    let networks = networks(6);
    let timings = on_one_and_four(&networks[..3], &networks[3..]);
    let design = Design::new(&timings);
    let cold = Kind {
        has_cold_weights: true,
        ..Kind::default()
    };
    let prior = Prior::generic(&design, Composition::Sum, cold);
    let functions = Functions::none(&design);
    let inherited = prior.inherited_factors(&design);
    let coordinates = prior.coordinates();
    let place: Vec<f64> = (0..coordinates).map(|i| 0.2 * (i as f64).sin()).collect();
    let at = |place: &[f64]| State::new(&design, &prior, &inherited, &functions, place);
    let derivatives = at(&place).derivatives(&design, &prior, &functions);
    for coordinate in 0..coordinates {
        let moved = |step: f64| {
            let mut place = place.clone();
            place[coordinate] += step;
            at(&place).predicted
        };
        let (more, less) = (moved(1e-5), moved(-1e-5));
        for row in 0..design.len() {
            let slope = (more[row] / less[row]).ln() / 2e-5;
            let said = derivatives[(row, coordinate)];
            assert!(
                (slope - said).abs() < 1e-6,
                "{row} {coordinate}: {slope} {said}"
            );
        }
    }
}

#[test]
fn threads_that_change_nothing_are_one_number() {
    let networks = networks(30);
    let mut timings = timings(&networks);
    for timing in &mut timings {
        timing.threads = 4;
    }
    let fitted = fit(&timings, &[], &alone()).unwrap();
    assert_eq!(fitted.threads, [4]);
    assert!(fitted.components[0].parameters.more_threads.is_empty());
    // whichever that number is
    let same = fit(&self::timings(&networks), &[], &alone()).unwrap();
    assert_eq!(fitted.components, same.components);
}

#[test]
fn a_plan_is_made_of_unlike_networks() {
    let networks = networks(30);
    // ten copies of one network, and ten others
    let mut candidates = vec![networks[0].clone(); 10];
    candidates.extend_from_slice(&networks[1..11]);
    let chosen = plan(&candidates, &networks[11..], &[], 5);
    assert_eq!(chosen.len(), 5);
    let copies = chosen.iter().filter(|&&row| row < 10).count();
    assert!(copies <= 1, "{chosen:?}");
    // what has been measured is not worth measuring again
    let after = plan(&candidates, &networks[11..], &networks[..1], 5);
    assert!(after.iter().all(|&row| row >= 10), "{after:?}");
}

#[test]
fn channels_that_an_engine_leaves_to_plain_code_are_found() {
    let networks = networks(50);
    let rule = ChannelRule {
        quantum: 0,
        alignment: 3,
    };
    let mut machine = planted();
    machine.0[SLOWDOWN] = f64::ln(6.0);
    let latency_ms = |works: &[Workload]| {
        let kernels = works.iter().map(|work| {
            let mean = Rates::from(&machine).mean(work, rule);
            work.count * (mean.overhead_s + mean.roof_s)
        });
        1e3 * (machine.0[0].exp() + kernels.sum::<f64>())
    };
    let mut timings = timings(&networks[..30]);
    for timing in &mut timings {
        timing.latency_ms = latency_ms(&timing.works);
    }
    let fitted = fit(&timings, &[], &alone()).unwrap();
    let component = &fitted.components[0];
    assert_eq!(component.channel_alignment, 16);
    let slowdown = component.parameters.misaligned_slowdown.unwrap();
    assert!((slowdown / 6.0 - 1.0).abs() < 0.3, "{slowdown}");
    let prepared = PreparedCalibration::new(&calibration(fitted.components));
    let errors = networks[30..].iter().map(|works| {
        let mean_ms = 1e3 * prepared.price(works, None).mean_s;
        (mean_ms / latency_ms(works) - 1.0).abs()
    });
    assert!(errors.sum::<f64>() / 20.0 < 0.02);
}

#[test]
fn engines_that_take_all_channels_are_not_held_to_leave_some() {
    let networks = networks(40);
    for count in [5, 10, 30] {
        let fitted = fit(&timings(&networks[..count]), &[], &alone()).unwrap();
        for component in fitted.components {
            assert_eq!(component.channel_alignment, 1, "{count} networks");
            assert_eq!(component.parameters.misaligned_slowdown, None);
        }
    }
}

/// The planted machine with caches that hold 12 MB of weights.
fn with_cold_weights() -> LogParameters {
    let mut machine = planted();
    machine.0[COLD_BANDWIDTH] = f64::ln(4e9);
    machine.0[WEIGHTS_HELD] = f64::ln(12e6);
    machine
}

#[test]
fn weights_that_caches_do_not_hold_are_found() {
    let networks = networks(60);
    let machine = with_cold_weights();
    let mut timings = timings(&networks[..30]);
    for timing in &mut timings {
        timing.latency_ms = latency_ms(&timing.works, &machine);
    }
    let fitted = fit(&timings, &[], &alone()).unwrap();
    let cold = fitted.components[0].parameters.cold_weights.unwrap();
    assert!((cold.held_mb / 12.0 - 1.0).abs() < 0.2, "{cold:?}");
    assert!((cold.bandwidth_gb_s / 4.0 - 1.0).abs() < 0.3, "{cold:?}");
    let prepared = PreparedCalibration::new(&calibration(fitted.components));
    let errors = networks[30..].iter().map(|works| {
        let mean_ms = 1e3 * prepared.price(works, None).mean_s;
        (mean_ms / latency_ms(works, &machine) - 1.0).abs()
    });
    let error = errors.sum::<f64>() / 30.0;
    assert!(error < 0.015, "{error}");
}

#[test]
fn caches_that_hold_all_weights_are_not_held_to_lose_some() {
    let networks = networks(40);
    for count in [5, 10, 30] {
        let fitted = fit(&timings(&networks[..count]), &[], &alone()).unwrap();
        for component in fitted.components {
            assert_eq!(component.parameters.cold_weights, None, "{count} networks");
        }
    }
}

/// What a layer takes depends on the network it is timed in: alone it finds its weights where it left them.
#[test]
fn a_layer_s_part_in_cold_weights_is_its_part_in_the_network_s() {
    let networks = networks(60);
    let machine = with_cold_weights();
    let mut timings = timings(&networks[..5]);
    for timing in &mut timings {
        timing.latency_ms = latency_ms(&timing.works, &machine);
    }
    for works in &networks[5..15] {
        let all = Workload::weights_of(works);
        let cold = ColdWeights::from(&machine).of(all);
        timings.extend(works.iter().map(|work| {
            let mean = Rates::from(&machine).mean(work, ChannelRule::default());
            let own_s = cold.seconds * work.weights / all;
            of_kernel(*work, 1e3 * (mean.overhead_s + mean.roof_s + own_s), all)
        }));
    }
    let fitted = fit(&timings, &[], &alone()).unwrap();
    let cold = fitted.components[0].parameters.cold_weights.unwrap();
    assert!((cold.held_mb / 12.0 - 1.0).abs() < 0.1, "{cold:?}");
    let prepared = PreparedCalibration::new(&calibration(fitted.components));
    let errors = networks[15..].iter().map(|works| {
        let mean_ms = 1e3 * prepared.price(works, None).mean_s;
        (mean_ms / latency_ms(works, &machine) - 1.0).abs()
    });
    let error = errors.sum::<f64>() / 45.0;
    assert!(error < 0.01, "{error}");
}
