//! Reference directions: evenly spread trade-offs between the costs, for NSGA-III to cover.
//!
//! Das and Dennis: the points of the unit simplex whose m coordinates are multiples of 1/p,
//! C(m + p - 1, p) of them (I. Das, J. E. Dennis, "Normal-boundary intersection", SIAM Journal on
//! Optimization 8(3), 1998). With p < m none of them lies inside the simplex, so then there are
//! two layers: that one, and one of no more divisions drawn half way to the centre (K. Deb,
//! H. Jain, "An evolutionary many-objective optimization algorithm using
//! reference-point-based nondominated sorting approach, part I", IEEE Trans. Evol. Comput. 18(4),
//! 2014, sections IV-B and V).

use std::num::NonZeroUsize;

use arrayvec::ArrayVec;

use crate::evaluation::MAX_OBJECTIVES;

/// A direction in the space of costs: what share of the way each cost takes. Sums to 1.
pub type Direction = ArrayVec<f64, MAX_OBJECTIVES>;

/// As many evenly spread directions as Das and Dennis allow, but `at_most` so many.
///
/// If not even one for each axis is allowed, there is only the one to the centre.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use roofnas_search::reference_directions;
///
/// let population = NonZeroUsize::new(92).expect("not zero");
/// assert_eq!(reference_directions(3, population).len(), 91); // 12 divisions
/// ```
///
/// # Panics
///
/// When there are no objectives, or more than [`MAX_OBJECTIVES`].
pub fn reference_directions(objectives: usize, at_most: NonZeroUsize) -> Vec<Direction> {
    assert!(
        (1..=MAX_OBJECTIVES).contains(&objectives),
        "there should be 1 to {MAX_OBJECTIVES} objectives, but there are {objectives}"
    );
    if objectives == 1 {
        return layer(1, 1);
    }
    let outer = divisions(objectives, at_most.get(), usize::MAX);
    let mut directions = layer(objectives, outer);
    if (1..objectives).contains(&outer) && directions.len() < at_most.get() {
        let room = at_most.get() - directions.len();
        let inner = layer(objectives, divisions(objectives, room, outer));
        directions.extend(inner.into_iter().map(half_way_to_the_centre));
    }
    directions
}

/// The greatest number of divisions, but `most`, whose layer has no more than `room` points.
fn divisions(objectives: usize, room: usize, most: usize) -> usize {
    (1..=most)
        .take_while(|&divisions| size(objectives, divisions, room).is_some())
        .last()
        .unwrap_or(0)
}

/// C(m + p - 1, p), unless it is more than `room`.
fn size(objectives: usize, divisions: usize, room: usize) -> Option<usize> {
    let mut size = 1_u128;
    for i in 1..objectives as u128 {
        // After i factors this is C(p + i, i), a whole number that only grows.
        size = size * (divisions as u128 + i) / i;
        if size > room as u128 {
            return None;
        }
    }
    usize::try_from(size).ok()
}

/// The points of the simplex whose coordinates are multiples of 1 / `divisions`, in lexicographic
/// order; its centre for no divisions.
fn layer(objectives: usize, divisions: usize) -> Vec<Direction> {
    if divisions == 0 {
        return vec![(0..objectives).map(|_| 1.0 / objectives as f64).collect()];
    }
    let mut points = Vec::new();
    fill(
        &mut Direction::new(),
        divisions,
        divisions,
        objectives,
        &mut points,
    );
    points
}

/// All ways to go on from the first coordinates, with so many of the divisions left to share.
fn fill(
    start: &mut Direction,
    left: usize,
    divisions: usize,
    objectives: usize,
    points: &mut Vec<Direction>,
) {
    let share = |parts: usize| parts as f64 / divisions as f64;
    if start.len() + 1 == objectives {
        start.push(share(left));
        points.push(start.clone());
        start.pop();
        return;
    }
    for parts in 0..=left {
        start.push(share(parts));
        fill(start, left - parts, divisions, objectives, points);
        start.pop();
    }
}

fn half_way_to_the_centre(mut direction: Direction) -> Direction {
    let centre = 1.0 / direction.len() as f64;
    for share in &mut direction {
        *share = (*share + centre) / 2.0;
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directions(objectives: usize, at_most: usize) -> Vec<Direction> {
        reference_directions(objectives, NonZeroUsize::new(at_most).unwrap())
    }

    #[test]
    fn as_many_as_the_paper_has() {
        // Deb and Jain (2014), table I: objectives, population, directions.
        for (objectives, population, count) in [(3, 92, 91), (5, 212, 210), (8, 156, 156)] {
            assert_eq!(directions(objectives, population).len(), count);
        }
    }

    #[test]
    fn two_divisions_of_three_by_hand() {
        let found: Vec<Vec<f64>> = layer(3, 2).iter().map(|d| d.to_vec()).collect();
        let expected = [
            [0.0, 0.0, 1.0],
            [0.0, 0.5, 0.5],
            [0.0, 1.0, 0.0],
            [0.5, 0.0, 0.5],
            [0.5, 0.5, 0.0],
            [1.0, 0.0, 0.0],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn never_too_many_all_different_on_the_simplex() {
        for objectives in 1..=MAX_OBJECTIVES {
            for at_most in [1, 4, 7, 9, 100, 331] {
                let mut found = directions(objectives, at_most);
                let count = found.len();
                assert!((1..=at_most).contains(&count), "{count} of {at_most}");
                for direction in &found {
                    assert!((direction.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                }
                found.sort_by(|a, b| a.partial_cmp(b).unwrap());
                found.dedup();
                assert_eq!(found.len(), count);
            }
        }
    }

    #[test]
    fn too_few_for_the_axes_leaves_the_centre() {
        assert_eq!(directions(5, 4), [Direction::from_iter([0.2; 5])]);
    }
}
