//! Constraints: some cut the front, some leave nothing.

use std::ops::ControlFlow;

use roofnas_search::{Evaluation, Individual, Search, StopReason, hypervolume};

use crate::measure::{Point, convergence};
use crate::real_coded::RealCoded;
use crate::runs::{final_front, limits, nsga2, run_nsga2, still};
use crate::zdt::zdt1;

/// T. T. Binh, U. Korn, "MOBES: a multiobjective evolution strategy for constrained optimization
/// problems", 1997.
const BNH: RealCoded = RealCoded {
    genes: 2,
    objectives: 2,
    evaluate: bnh,
};

fn bnh(x: &[f64]) -> Evaluation {
    let (x, y) = (5.0 * x[0], 3.0 * x[1]);
    let inside = (x - 5.0).powi(2) + y * y - 25.0;
    let outside = 7.7 - (x - 8.0).powi(2) - (y + 3.0).powi(2);
    let violation = inside.max(0.0) + outside.max(0.0);
    Evaluation::new(
        [4.0 * (x * x + y * y), (x - 5.0).powi(2) + (y - 5.0).powi(2)],
        violation,
    )
}

/// The known optima: x = y up to 3, then y = 3 and x up to 5.
fn bnh_front() -> Vec<Point> {
    let costs = |x: f64, y: f64| bnh(&[x / 5.0, y / 3.0]).costs().to_vec();
    let steps = (0..=1000).map(|i| f64::from(i) * 0.005);
    steps.map(|x| costs(x, x.min(3.0))).collect()
}

#[test]
fn bnh_finds_the_feasible_front() {
    let reference = [150.0, 55.0];
    let search = run_nsga2(&BNH, 100, 10_000, 1);
    let found = final_front(&search.optimizers()[0]);
    let distance = convergence(&found, &bnh_front());
    let share = hypervolume(&found, &reference) / hypervolume(bnh_front(), &reference);
    println!("distance {distance:.4}, hypervolume {share:.4}");
    assert!(
        distance < 0.3,
        "distance {distance} of costs up to 136 and 50"
    );
    assert!(
        share > 0.99 && share < 1.001,
        "share of hypervolume {share}"
    );
}

/// ZDT1 as a designer meets it: the second cost has a budget, and most of the space is over it.
const BUDGET: RealCoded = RealCoded {
    genes: 30,
    objectives: 2,
    evaluate: zdt1_within_budget,
};

fn zdt1_within_budget(x: &[f64]) -> Evaluation {
    let costs = zdt1(x);
    Evaluation::new(costs.costs().iter().copied(), costs.costs()[1] - 0.5)
}

#[test]
fn a_budget_cuts_the_front_and_is_met_by_all() {
    // Left of the front: 1 - sqrt(f) <= 0.5 from f = 0.25 on; to (1.1, 0.5) the area is
    // the integral of sqrt(f) - 0.5 over 0.25..1, and 0.1 * 0.5.
    let area = 2.0 / 3.0 * (1.0 - 0.125) - 0.5 * 0.75 + 0.05;
    let search = run_nsga2(&BUDGET, 100, 25_000, 1);
    let share = search.front().hypervolume(&[1.1, 0.5]) / area;
    println!("hypervolume {share:.4}");
    assert!(share > 0.97 && share <= 1.0, "share of hypervolume {share}");
    assert!(
        search
            .front()
            .iter()
            .all(|member| member.is_feasible() && member.costs()[1] <= 0.5)
    );
    assert_eq!(search.last_batch().evaluated, 100);
    assert!(search.nearest().is_some_and(Individual::is_feasible));
}

#[test]
fn an_impossible_problem_ends_and_shows_what_came_nearest() {
    // The least violation, 1, is where the first variable is 0.
    let impossible: RealCoded = RealCoded {
        genes: 3,
        objectives: 2,
        evaluate: |x| Evaluation::new([x[1], x[2]], 1.0 + x[0]),
    };
    let mut search = Search::new(nsga2(20, 1));
    let reason = search.run(&impossible, &limits(2_000), &still, |search| {
        assert_eq!(search.last_batch().feasible, 0);
        ControlFlow::Continue(())
    });
    assert_eq!(reason, StopReason::Evaluations);
    assert!(search.front().is_empty());
    let nearest = search.nearest().unwrap().evaluation.violation();
    assert!((1.0..1.01).contains(&nearest), "violation {nearest}");
}

#[test]
fn a_problem_that_cannot_be_computed_is_infeasible_not_fatal() {
    let broken: RealCoded = RealCoded {
        genes: 3,
        objectives: 2,
        evaluate: |_| Evaluation::unconstrained([f64::NAN, 0.0]),
    };
    let search = run_nsga2(&broken, 20, 200, 1);
    assert!(search.front().is_empty());
    assert_eq!(
        search.nearest().unwrap().evaluation.violation(),
        f64::INFINITY
    );
}
