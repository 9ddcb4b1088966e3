//! Accuracy predicted from trained networks: planted truths found again, honest deviations, input that can't be learnt from.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use roofnas_cost::QualityTerms;
use roofnas_cost::surrogate::{Surrogate, SurrogateError, Trained, TrainingSet};
use roofnas_space::{Genotype, SearchSpace, presets};

fn space(preset: &str) -> SearchSpace {
    SearchSpace::new(presets::definition(preset).unwrap()).unwrap()
}

fn draw(space: &SearchSpace, count: usize, seed: u64) -> Vec<Genotype> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..count).map(|_| space.sample(&mut random)).collect()
}

fn terms(space: &SearchSpace, genotype: &Genotype) -> QualityTerms {
    QualityTerms::new(&space.decode(genotype))
}

/// A law of accuracy that has something of terms and something of genes in it.
fn law(space: &SearchSpace, genotype: &Genotype) -> f64 {
    let terms = terms(space, genotype);
    let blocks = space.blocks(genotype).filter(|block| block.stage == 2);
    let wide = blocks.map(|placed| placed.block.kernel as f64).sum::<f64>();
    100.0 - (5.0 - 0.01 * terms.s - 0.1 * terms.params.ln() - 0.004 * wide).exp()
}

/// Networks whose accuracies follow the law, with noise of so many points.
fn trained(space: &SearchSpace, count: usize, noise: f64) -> Vec<Trained> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let networks = draw(space, count, 3).into_iter();
    networks
        .map(|genotype| {
            let chance: f64 = StandardNormal.sample(&mut random);
            Trained {
                accuracy: law(space, &genotype) + noise * chance,
                genotype,
                std: None,
                runs: 1,
            }
        })
        .collect()
}

fn fit(space: &SearchSpace, trained: &[Trained]) -> Surrogate {
    let sample = draw(space, 500, 0);
    TrainingSet::new(space, &sample, trained)
        .unwrap()
        .fit()
        .unwrap()
}

/// Root mean square error in points, and the share of the law inside 90 % intervals.
fn errors(space: &SearchSpace, surrogate: &Surrogate, noise: f64) -> (f64, f64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let networks = draw(space, 400, 5);
    let (mut squares, mut inside) = (0.0, 0.0);
    for genotype in &networks {
        let truth = law(space, genotype);
        let predicted = surrogate.predict(genotype, &terms(space, genotype));
        squares += (predicted.median() - truth).powi(2);
        let chance: f64 = StandardNormal.sample(&mut random);
        let [low, high] = predicted.interval(0.9);
        inside += f64::from((low..=high).contains(&(truth + noise * chance)));
    }
    let count = networks.len() as f64;
    ((squares / count).sqrt(), inside / count)
}

#[test]
fn a_planted_law_is_found_again() {
    let space = space("accel-nasbench");
    let exact = fit(&space, &trained(&space, 120, 0.0));
    let spread = {
        let all: Vec<f64> = draw(&space, 400, 5)
            .iter()
            .map(|g| law(&space, g))
            .collect();
        let mean = all.iter().sum::<f64>() / 400.0;
        (all.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / 400.0).sqrt()
    };
    let (error, _) = errors(&space, &exact, 0.0);
    assert!(error < 0.1 * spread, "{error} of {spread}");
}

#[test]
fn intervals_hold_what_they_promise() {
    let space = space("accel-nasbench");
    let noisy = fit(&space, &trained(&space, 120, 0.5));
    let (error, inside) = errors(&space, &noisy, 0.5);
    assert!(error < 0.5, "{error}");
    assert!((0.85..=0.97).contains(&inside), "{inside}");
}

#[test]
fn medians_are_the_same_without_deviations() {
    let space = space("nas-bench-macro");
    let surrogate = fit(&space, &trained(&space, 40, 0.2));
    for genotype in draw(&space, 20, 9) {
        let terms = terms(&space, &genotype);
        let (quick, full) = (
            surrogate.median(&genotype, &terms),
            surrogate.predict(&genotype, &terms),
        );
        assert!((quick - full.median()).abs() < 1e-9);
        let [low, high] = full.interval(0.9);
        assert!(low < quick && quick < high);
        assert!((full.quantile(0.5) - quick).abs() < 1e-6);
    }
}

#[test]
fn trained_networks_are_remembered() {
    let space = space("mobile");
    let mut rows = trained(&space, 60, 0.0);
    for row in &mut rows {
        row.std = Some(0.001);
    }
    let surrogate = fit(&space, &rows);
    for row in &rows {
        let predicted = surrogate.predict(&row.genotype, &terms(&space, &row.genotype));
        assert!((predicted.median() - row.accuracy).abs() < 0.3);
        // nothing is known as well of a network that was not trained
        let other = &draw(&space, 1, 99)[0];
        assert!(predicted.std < surrogate.predict(other, &terms(&space, other)).std);
    }
    assert_eq!(surrogate.held_out().len(), 60);
    assert_eq!(surrogate.trained(), 60);
}

#[test]
fn more_trainings_count_for_more() {
    let space = space("nas-bench-macro");
    let mut rows = trained(&space, 40, 0.0);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(21);
    for row in &mut rows {
        row.accuracy += 2.0 * (random.random::<f64>() - 0.5);
    }
    let once = fit(&space, &rows);
    rows[0].runs = 100;
    let often = fit(&space, &rows);
    let of = |surrogate: &Surrogate| {
        let genotype = &rows[0].genotype;
        let predicted = surrogate.predict(genotype, &terms(&space, genotype));
        (predicted.median() - rows[0].accuracy).abs()
    };
    assert!(of(&often) < of(&once));
}

#[test]
fn what_teaches_nothing_is_refused() {
    let space = space("nas-bench-macro");
    let sample = draw(&space, 500, 0);
    let refused = |rows: &[Trained]| {
        TrainingSet::new(&space, &sample, rows)
            .and_then(|set| set.fit())
            .unwrap_err()
    };
    let rows = trained(&space, 20, 0.1);
    assert!(matches!(
        refused(&rows[..TrainingSet::LEAST - 1]),
        SurrogateError::TooFew { rows: 7, least: 8 }
    ));
    for accuracy in [f64::NAN, -1.0, 100.1, 761.0] {
        let mut bad = rows.clone();
        bad[3].accuracy = accuracy;
        assert!(matches!(
            refused(&bad),
            SurrogateError::Accuracy { row: 3, .. }
        ));
    }
    let mut bad = rows.clone();
    bad[5].std = Some(f64::INFINITY);
    assert!(matches!(
        refused(&bad),
        SurrogateError::Deviation { row: 5, .. }
    ));
    let mut bad = rows;
    for row in &mut bad {
        row.accuracy = 70.0;
    }
    assert_eq!(refused(&bad), SurrogateError::Constant);
}
