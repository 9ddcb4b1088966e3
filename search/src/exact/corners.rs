//! What a front leaves open: the largest boxes without any of its points.
//!
//! A corner u stands for the points below it in every coordinate. Together the corners cover all
//! that no point of the front weakly dominates, and none lies in another (the local upper bounds
//! of K. Klamroth, R. Lacour, D. Vanderpooten, "On the representation of the search region in
//! multi-objective optimization", European Journal of Operational Research 245(3), 2015).

use crate::evaluation::Costs;

/// Corners of which there are more cost too much to look at each.
const MOST: usize = 30_000;

/// The corners of a front, or, where these are too many, of every second of its points, every fourth and so on. What is left open by a part holds all
/// that is left open by the whole. Budgets that only others of the front reach are given the most that any of it has of the last objective, which is
/// what can be had there at worst.
pub(super) fn corners_of_enough(front: &[Costs], objectives: usize) -> Vec<Costs> {
    fewer_corners(front, objectives, MOST)
}

fn fewer_corners(front: &[Costs], objectives: usize, count: usize) -> Vec<Costs> {
    let mut step = 1;
    loop {
        let part: Vec<Costs> = front.iter().step_by(step).cloned().collect();
        let Some(mut found) = corners(&part, objectives, count) else {
            step *= 2;
            continue;
        };
        let last = objectives - 1;
        let most = front.iter().map(|point| point[last]);
        let most = most.reduce(f64::max).filter(|_| step > 1);
        for corner in &mut found {
            if corner[last] == f64::INFINITY {
                corner[last] = most.unwrap_or(f64::INFINITY);
            }
        }
        return found;
    }
}

/// The corners of a front; nothing where there are too many. Without points there is one, infinite in every coordinate.
fn corners(front: &[Costs], objectives: usize, count: usize) -> Option<Vec<Costs>> {
    let mut corners: Vec<Costs> = vec![(0..objectives).map(|_| f64::INFINITY).collect()];
    for point in front {
        insert(&mut corners, point);
        if corners.len() > count {
            return None;
        }
    }
    Some(corners)
}

/// Takes what a point weakly dominates out of the boxes.
fn insert(corners: &mut Vec<Costs>, point: &Costs) {
    let is_inside = |corner: &Costs| point.iter().zip(corner).all(|(p, u)| p < u);
    // of many corners, a point is inside few: the others stay where they are
    let mut split: Vec<Costs> = Vec::new();
    let mut place = 0;
    while place < corners.len() {
        if is_inside(&corners[place]) {
            split.push(corners.swap_remove(place));
        } else {
            place += 1;
        }
    }
    let mut new: Vec<Costs> = Vec::new();
    for corner in &split {
        for (side, &edge) in point.iter().enumerate() {
            let mut smaller = corner.clone();
            smaller[side] = edge;
            new.push(smaller);
        }
    }
    // a box that touches the point's own edge may hold a new one
    let touches = |corner: &&Costs| point.iter().zip(*corner).any(|(p, u)| p == u);
    let holders: Vec<Costs> = corners.iter().filter(touches).cloned().collect();
    let lies_in = |a: &Costs, b: &Costs| a.iter().zip(b).all(|(a, b)| a <= b);
    for (index, corner) in new.iter().enumerate() {
        let in_other = new.iter().enumerate().any(|(other, box_)| {
            lies_in(corner, box_) && (corner != box_ || other < index) && other != index
        });
        if !in_other && !holders.iter().any(|box_| lies_in(corner, box_)) {
            corners.push(corner.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few values, so that ties abound.
    fn cost() -> impl Strategy<Value = f64> {
        (0..7_u8).prop_map(f64::from)
    }

    fn point(costs: &[f64]) -> Costs {
        costs.iter().copied().collect()
    }

    fn sorted(front: &[&[f64]], objectives: usize) -> Vec<Vec<f64>> {
        let front: Vec<Costs> = front.iter().map(|costs| point(costs)).collect();
        let corners = corners(&front, objectives, MOST).unwrap();
        let mut corners: Vec<Vec<f64>> = corners.iter().map(|c| c.to_vec()).collect();
        corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
        corners
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn a_staircase_has_its_inner_corners() {
        let front: [&[f64]; 3] = [&[1.0, 9.0], &[2.0, 5.0], &[4.0, 1.0]];
        let expected = [[1.0, INF], [2.0, 9.0], [4.0, 5.0], [INF, 1.0]];
        assert_eq!(sorted(&front, 2), expected.map(Vec::from));
        assert_eq!(sorted(&[], 2), [vec![INF, INF]]);
    }

    #[test]
    fn by_hand_in_three() {
        let front: [&[f64]; 2] = [&[1.0, 2.0, 3.0], &[2.0, 1.0, 4.0]];
        let expected = [
            [1.0, INF, INF],
            [2.0, 2.0, INF],
            [INF, 1.0, INF],
            [INF, 2.0, 4.0],
            [INF, INF, 3.0],
        ];
        assert_eq!(sorted(&front, 3), expected.map(Vec::from));
    }

    #[test]
    fn of_too_many_points_some_will_do() {
        // on a plane nothing dominates anything
        let points = (0..40).flat_map(|a| (0..40 - a).map(move |b| [a, b, 40 - a - b]));
        let front: Vec<Costs> = points
            .map(|p| p.map(f64::from).into_iter().collect())
            .collect();
        let all = corners(&front, 3, MOST).unwrap();
        assert_eq!(corners(&front, 3, 200), None);
        let part = fewer_corners(&front, 3, 200);
        assert!(part.len() > 50 && part.len() <= 200, "{}", part.len());
        // what a part leaves open holds what the whole does, and nothing is open without end in the last objective
        let lies_in = |a: &Costs, b: &Costs| a.iter().zip(b).all(|(a, b)| a <= b);
        for corner in all.iter().filter(|corner| corner[2].is_finite()) {
            assert!(
                part.iter().any(|other| lies_in(corner, other)),
                "{corner:?}"
            );
        }
        assert!(part.iter().all(|corner| corner[2] <= 40.0));
    }

    proptest! {
        /// A point is either weakly dominated or below a corner, and no corner lies in another.
        #[test]
        fn corners_cover_what_is_left(
            (front, other) in (2..5_usize).prop_flat_map(|m| (
                prop::collection::vec(prop::collection::vec(cost(), m), 0..12),
                prop::collection::vec(cost(), m),
            ))
        ) {
            let m = other.len();
            let front: Vec<Costs> = front.iter().map(|costs| point(costs)).collect();
            let corners = corners(&front, m, MOST).unwrap();
            let is_dominated = front.iter().any(|p| p.iter().zip(&other).all(|(p, o)| p <= o));
            let is_covered = corners.iter().any(|u| other.iter().zip(u).all(|(o, u)| o < u));
            prop_assert_eq!(is_dominated, !is_covered);
            for (i, a) in corners.iter().enumerate() {
                for (j, b) in corners.iter().enumerate() {
                    prop_assert!(i == j || !a.iter().zip(b).all(|(a, b)| a <= b), "{:?} {:?}", a, b);
                }
            }
        }
    }
}
