//! Exact search against all paths of small problems.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use proptest::prelude::*;
use roofnas_search::{
    Costs, ExactFront, ExactSettings, Layered, LogSum, Transition, dominates, exact_front,
    path_costs, plane_bound, relaxed_bound,
};

use crate::layered_table::{Make, Table};

/// Far above the rounding of sums of ten numbers, far below their differences.
const ROUNDING: f64 = 1e-9;

fn makes() -> impl Strategy<Value = Make> {
    let size = (3..=6_usize, 1..=4_usize, 2..=5_usize);
    let kind = (any::<bool>(), 0.2..1.0, 0..4_u32);
    (any::<u64>(), size, kind).prop_map(|(seed, size, kind)| Make {
        seed,
        positions: size.0,
        states: size.1,
        criteria: size.2.max(if kind.0 { 3 } else { 2 }),
        has_log_sum: kind.0,
        tightness: kind.1,
        refused: kind.2,
    })
}

fn settings(epsilon: f64, labels: usize) -> ExactSettings {
    ExactSettings {
        epsilon,
        labels: NonZeroUsize::new(labels).expect("room for one"),
        beam: NonZeroUsize::new(2).expect("not zero"),
        slopes: 6,
        ..ExactSettings::default()
    }
}

fn run(table: &Table, settings: &ExactSettings) -> ExactFront {
    exact_front(table, settings, &[], &mut |_| ControlFlow::Continue(()))
}

/// Whether a point is at most as large as another, with epsilon off objective 1.
fn covers(point: &[f64], other: &[f64], epsilon: f64) -> bool {
    point[0] <= other[0] + ROUNDING
        && point
            .iter()
            .zip(other)
            .skip(2)
            .all(|(a, b)| a <= &(b + ROUNDING))
        && (point.len() < 2 || point[1] - epsilon <= other[1] + ROUNDING)
}

/// The first so many criteria.
fn objectives(costs: &Costs, count: usize) -> Costs {
    costs[..count].iter().copied().collect()
}

/// Members are accepted paths within the limits, with their costs, and none dominates another.
fn check_members(table: &Table, front: &ExactFront, count: usize) -> Result<(), TestCaseError> {
    let paths = table.paths_within();
    let points: Vec<Costs> = front
        .members
        .iter()
        .map(|m| objectives(&m.costs, count))
        .collect();
    for (member, point) in front.members.iter().zip(&points) {
        let path = paths.iter().find(|(choices, _)| *choices == member.choices);
        let (choices, costs) = path.expect("a member is a path within the limits");
        prop_assert!(table.accepts(choices));
        for (found, defined) in member.costs.iter().zip(costs) {
            prop_assert!((found - defined).abs() < ROUNDING);
        }
        prop_assert!(!points.iter().any(|other| dominates(other, point)));
    }
    prop_assert!(points.is_sorted_by(|a, b| a < b));
    Ok(())
}

/// The claim: every feasible path is covered by the bound, whose points are paths or known.
fn check_claim(table: &Table, front: &ExactFront, count: usize) -> Result<(), TestCaseError> {
    let paths = table.paths_within();
    for (choices, costs) in &paths {
        let covered = front.epsilon == f64::INFINITY
            || front
                .bound
                .iter()
                .any(|p| covers(p, &costs[..count], front.epsilon));
        prop_assert!(
            covered || !table.accepts(choices),
            "{:?} {:?}",
            costs,
            front
        );
    }
    for point in &front.bound {
        let is_point = |costs: &Costs| (0..count).all(|i| (costs[i] - point[i]).abs() < ROUNDING);
        prop_assert!(paths.iter().any(|(_, costs)| is_point(costs)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn with_room_and_nothing_refused_the_front_is_exact(make in makes()) {
        let table = Table::new(Make { refused: 0, ..make });
        let front = run(&table, &settings(0.0, 1_000_000));
        prop_assert_eq!(front.epsilon, 0.0);
        check_members(&table, &front, 2)?;
        for (_, costs) in table.paths_within() {
            prop_assert!(front.members.iter().any(|m| covers(&m.costs[..2], &costs[..2], 0.0)));
        }
    }

    #[test]
    fn the_claim_holds_with_little_room(make in makes(), epsilon in 0.0..1.5, labels in 1..8_usize) {
        let table = Table::new(make);
        let front = run(&table, &settings(epsilon, labels));
        prop_assert!(front.epsilon >= epsilon);
        check_members(&table, &front, 2)?;
        check_claim(&table, &front, 2)?;
    }

    #[test]
    fn the_claim_holds_when_broken_off(make in makes(), after in 1..5_usize) {
        let table = Table::new(make);
        let settings = settings(0.0, 1_000_000);
        let front = exact_front(&table, &settings, &[], &mut |progress| {
            if progress.position < after {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        let is_impossible = table.paths_within().is_empty();
        prop_assert!(front.interrupted || after >= table.positions() || is_impossible);
        check_members(&table, &front, 2)?;
        check_claim(&table, &front, 2)?;
    }

    #[test]
    fn known_points_need_not_be_found(make in makes(), labels in 1..100_usize) {
        let table = Table::new(make);
        let mut known: Vec<Costs> = table
            .paths_within()
            .iter()
            .filter(|(choices, _)| table.accepts(choices))
            .map(|(_, costs)| objectives(costs, 2))
            .collect();
        known.truncate(known.len() / 2);
        let settings = settings(0.0, labels);
        let front = exact_front(&table, &settings, &known, &mut |_| ControlFlow::Continue(()));
        check_members(&table, &front, 2)?;
        check_claim(&table, &front, 2)?;
    }

    #[test]
    fn one_objective_and_three(make in makes(), labels in 1..100_usize) {
        let table = Table::new(Make { has_log_sum: false, criteria: make.criteria.max(3), ..make });
        for count in [1, 3] {
            let settings = ExactSettings { objectives: count, ..settings(0.0, labels) };
            let front = run(&table, &settings);
            check_members(&table, &front, count)?;
            if front.epsilon == 0.0 {
                check_claim(&table, &front, count)?;
            }
        }
    }

    #[test]
    fn lines_are_never_above_the_truth(make in makes()) {
        let table = Table::new(make);
        let paths = table.paths_within();
        let relaxed = relaxed_bound(&table, &settings(0.0, 1));
        prop_assert!(!relaxed.lines.is_empty() || paths.is_empty());
        for (_, costs) in &paths {
            for line in &relaxed.lines {
                let sum = line.weights[0] * costs[0] + line.weights[1] * costs[1];
                prop_assert!(sum >= line.bound - ROUNDING * (1.0 + line.weights[0]));
            }
            prop_assert!(costs[1] >= relaxed.at(costs[0]) - ROUNDING * 1e4);
        }
        for member in &relaxed.members {
            prop_assert!(table.accepts(&member.choices));
            prop_assert!(paths.iter().any(|(choices, _)| *choices == member.choices));
        }
    }

    #[test]
    fn planes_are_never_above_the_truth(make in makes(), count in 2..5_usize) {
        let count = if make.has_log_sum { 2 } else { count };
        let table = Table::new(Make { criteria: make.criteria.max(count), ..make });
        let paths = table.paths_within();
        let known = paths.iter().filter(|(choices, _)| table.accepts(choices)).step_by(3);
        let known: Vec<Costs> = known.map(|(_, costs)| costs.clone()).collect();
        let settings = ExactSettings { slopes: 40, ..settings(0.0, 1) };
        let go_on = &mut |_| ControlFlow::Continue(());
        let bound = plane_bound(&table, count, &known, &settings, go_on);
        let bound = bound.expect("nobody breaks off");
        prop_assert!(!bound.planes.is_empty() || paths.is_empty());
        for (_, costs) in &paths {
            for plane in &bound.planes {
                let weighted = plane.weights.iter().zip(costs);
                let sum: f64 = weighted.map(|(weight, cost)| weight * cost).sum();
                let scale = 1.0 + plane.weights.iter().sum::<f64>();
                prop_assert!(sum >= plane.bound - ROUNDING * scale, "{:?} at {:?}", plane, costs);
            }
            prop_assert!(costs[count - 1] >= bound.at(&costs[..count - 1]) - ROUNDING * 1e4);
            for objective in 0..count {
                prop_assert!(costs[objective] >= bound.least(objective) - ROUNDING);
            }
        }
        for member in &bound.members {
            prop_assert!(table.accepts(&member.choices));
            prop_assert!(paths.iter().any(|(choices, _)| *choices == member.choices));
        }
    }

    #[test]
    fn path_costs_are_as_defined(make in makes()) {
        let table = Table::new(make);
        for (choices, defined) in table.paths() {
            let costs = path_costs(&table, &choices).expect("it is a path");
            prop_assert!(costs.iter().zip(&defined).all(|(a, b)| (a - b).abs() < ROUNDING));
        }
    }
}

/// One state at each position, transitions by position, weight 3.5 on the logarithm of amounts.
struct Line(&'static [&'static [[f64; 3]]]);

impl Layered for Line {
    fn criteria(&self) -> usize {
        3
    }
    fn positions(&self) -> usize {
        self.0.len()
    }
    fn states(&self, _: usize) -> usize {
        1
    }
    fn transitions(&self, position: usize, _: usize, visit: &mut dyn FnMut(Transition<'_>)) {
        for (choice, costs) in (0..).zip(self.0[position]) {
            visit(Transition {
                choice,
                next: 0,
                costs,
            });
        }
    }
    fn log_sum(&self) -> Option<LogSum> {
        Some(LogSum {
            sum: 2,
            into: 1,
            weight: 3.5,
        })
    }
    fn accepts(&self, choices: &[u32]) -> bool {
        choices != [0, 1]
    }
}

#[test]
fn an_amount_of_one_more_can_matter_most_in_between() {
    // With nothing gathered later, or with 6, the first way to begin is better; with 1 the second
    // is, by 3.5 ln 2 - 1.
    const BEGIN: &[[f64; 3]] = &[[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]];
    const END: &[[f64; 3]] = &[[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [2.0, 0.0, 6.0]];
    let front = run_line(&Line(&[BEGIN, END]));
    let choices: Vec<_> = front.members.into_iter().map(|m| m.choices).collect();
    assert_eq!(choices, [[0, 0], [1, 1], [0, 2]]);
}

#[test]
fn a_refused_path_counts_for_the_bound_only() {
    const BEGIN: &[[f64; 3]] = &[[0.0, 0.0, 0.0]];
    const END: &[[f64; 3]] = &[[5.0, 5.0, 0.0], [0.0, 0.0, 0.0]];
    let front = run_line(&Line(&[BEGIN, END]));
    assert_eq!(front.members.len(), 1);
    assert_eq!(front.members[0].choices, [0, 0]); // the better one, [0, 1], is refused
    assert_eq!(front.bound.len(), 1);
    assert_eq!(front.bound[0][..], [0.0, 0.0]);
}

fn run_line(line: &Line) -> ExactFront {
    let settings = settings(0.0, 1000);
    exact_front(line, &settings, &[], &mut |_| ControlFlow::Continue(()))
}

#[test]
fn any_number_of_threads_gives_the_same_front() {
    let table = Table::new(Make {
        seed: 5,
        positions: 16,
        states: 8,
        criteria: 4,
        has_log_sum: true,
        tightness: 0.5,
        refused: 3,
    });
    for labels in [10, 1_000_000] {
        let on_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads can be made");
            pool.install(|| run(&table, &settings(0.0, labels)))
        };
        let front = on_threads(1);
        assert!(front.members.len() > 5, "{front:?}");
        assert_eq!(front, on_threads(2));
        assert_eq!(front, on_threads(3));
    }
}
