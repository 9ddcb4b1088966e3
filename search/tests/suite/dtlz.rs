//! Three objectives: DTLZ1 and DTLZ2 of K. Deb, L. Thiele, M. Laumanns, E. Zitzler, "Scalable test
//! problems for evolutionary multiobjective optimization", 2005, with the usual 5 and 10 distance
//! variables.
//!
//! The share of hypervolume is measured from a reference 10 % beyond the nadir. NSGA-II is known
//! to spread unevenly with three objectives, so it is held to less here than on two: the limits
//! are a little beyond the worst of seeds 1 to 12 (DTLZ1: 0.032 and 0.917; DTLZ2: 0.026, 0.076 and
//! 0.861), so that they notice a fault and not another random stream.

use std::f64::consts::{FRAC_PI_2, PI};

use roofnas_search::{Evaluation, hypervolume};

use crate::measure::{Point, convergence, inverted_distance};
use crate::real_coded::RealCoded;
use crate::runs::{final_front, run_nsga2, run_random};

pub(crate) const DTLZ1: RealCoded = RealCoded {
    genes: 2 + 5,
    objectives: 3,
    evaluate: dtlz1::<3>,
};
pub(crate) const DTLZ2: RealCoded = RealCoded {
    genes: 2 + 10,
    objectives: 3,
    evaluate: dtlz2::<3>,
};

/// A plane, and g with 11^5 - 1 local fronts beyond it.
pub(crate) fn dtlz1<const M: usize>(x: &[f64]) -> Evaluation {
    let (position, distance) = x.split_at(M - 1);
    let term = |x: &f64| (x - 0.5).powi(2) - (20.0 * PI * (x - 0.5)).cos();
    let g = 100.0 * (distance.len() as f64 + distance.iter().map(term).sum::<f64>());
    let shares = position.iter().map(|&x| (x, 1.0 - x));
    products::<M>(0.5 * (1.0 + g), shares)
}

/// A sphere.
pub(crate) fn dtlz2<const M: usize>(x: &[f64]) -> Evaluation {
    let (position, distance) = x.split_at(M - 1);
    let g = distance.iter().map(|x| (x - 0.5).powi(2)).sum::<f64>();
    let shares = position.iter().map(|x| {
        let (sin, cos) = (x * FRAC_PI_2).sin_cos();
        (cos, sin)
    });
    products::<M>(1.0 + g, shares)
}

/// From the last cost to the first: the product of the first shares so far, and the second share
/// of the next.
fn products<const M: usize>(
    mut product: f64,
    shares: impl Iterator<Item = (f64, f64)>,
) -> Evaluation {
    let mut costs = [0.0; M];
    for (i, (first, second)) in shares.enumerate() {
        costs[M - 1 - i] = product * second;
        product *= first;
    }
    costs[0] = product;
    Evaluation::unconstrained(costs)
}

/// Points spread evenly over the triangle x + y + z = 1.
fn simplex() -> impl Iterator<Item = [f64; 3]> {
    const STEPS: u32 = 30;
    let share = |n: u32| f64::from(n) / f64::from(STEPS);
    (0..=STEPS)
        .flat_map(move |i| (0..=STEPS - i).map(move |j| [share(i), share(j), share(STEPS - i - j)]))
}

fn plane() -> Vec<Point> {
    simplex()
        .map(|point| point.map(|x| 0.5 * x).to_vec())
        .collect()
}

fn sphere() -> Vec<Point> {
    let project = |point: [f64; 3]| {
        let norm = point.iter().map(|x| x * x).sum::<f64>().sqrt();
        point.map(|x| x / norm).to_vec()
    };
    simplex().map(project).collect()
}

/// Distance from the front, distance of the front, share of the true `volume` up to `reference`.
fn measure(found: &[Point], truth: &[Point], reference: f64, volume: f64) -> [f64; 3] {
    let share = hypervolume(found, &[reference; 3]) / volume;
    let result = [
        convergence(found, truth),
        inverted_distance(found, truth),
        share,
    ];
    println!(
        "{} found, distances {:.4} and {:.4}, hypervolume {share:.4}",
        found.len(),
        result[0],
        result[1]
    );
    result
}

#[test]
fn dtlz1_plane() {
    // Below the reference, less the corner that the plane x + y + z = 0.5 cuts off.
    let volume = 0.55_f64.powi(3) - 0.5_f64.powi(3) / 6.0;
    let search = run_nsga2(&DTLZ1, 100, 40_000, 1);
    let found = final_front(&search.optimizers()[0]);
    // A far point that hardly anything dominates may survive here, so no limit on its distance.
    let [_, of, share] = measure(&found, &plane(), 0.55, volume);
    assert!(of < 0.04, "distance of the front {of}");
    assert!(share > 0.90 && share <= 1.0, "share of hypervolume {share}");
}

#[test]
fn dtlz2_sphere() {
    // Below the reference, less an eighth of the unit ball.
    let volume = 1.1_f64.powi(3) - PI / 6.0;
    let search = run_nsga2(&DTLZ2, 100, 25_000, 1);
    let found = final_front(&search.optimizers()[0]);
    let [from, of, share] = measure(&found, &sphere(), 1.1, volume);
    assert!(from < 0.03, "distance from the front {from}");
    assert!(of < 0.085, "distance of the front {of}");
    assert!(share > 0.84 && share <= 1.0, "share of hypervolume {share}");
}

#[test]
fn random_search_is_clearly_worse() {
    for (problem, reference) in [(DTLZ1, 500.0_f64), (DTLZ2, 2.5)] {
        let ideal = reference.powi(3);
        let reference = [reference; 3];
        let evolved = ideal
            - run_nsga2(&problem, 100, 5_000, 1)
                .front()
                .hypervolume(&reference);
        let random = ideal
            - run_random(&problem, 5_000, 1)
                .front()
                .hypervolume(&reference);
        println!("hypervolume missed: evolved {evolved:.3}, random {random:.3}");
        assert!(
            evolved < 0.75 * random,
            "evolved {evolved}, random {random}"
        );
    }
}
