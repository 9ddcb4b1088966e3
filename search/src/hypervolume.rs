//! Hypervolume: the size of the region dominated by a set and bounded by a reference point.
//!
//! Two costs: a sweep, O(n log n). More: the WFG idea (L. While, L. Bradstreet, L. Barone,
//! "A fast way of calculating exact hypervolumes", IEEE Trans. Evol. Comput. 16(1), 2012): the
//! volume is the sum, over the boxes in descending order of their last side, of what each adds to
//! those before it; all that the earlier boxes share with it reaches to its own last side, so the
//! sum loses one dimension at each step. O(n² log n) for three costs, O(n^(m-1) log n) at worst.

use crate::evaluation::Costs;
use crate::sorting::lexicographic;

/// The hypervolume dominated by `points` (all costs minimised) up to `reference`.
///
/// Points that do not beat the reference in every cost contribute nothing. The result does not
/// depend on the order of the points, to the last bit, and is infinite when a contributing point
/// is infinitely far from the reference.
///
/// ```
/// use roofnas_search::hypervolume;
///
/// assert_eq!(hypervolume([[1.0, 2.0], [2.0, 1.0]], &[3.0, 3.0]), 3.0);
/// ```
///
/// # Panics
///
/// When the reference has more than [`MAX_OBJECTIVES`](crate::MAX_OBJECTIVES) costs.
pub fn hypervolume<P: AsRef<[f64]>>(points: impl IntoIterator<Item = P>, reference: &[f64]) -> f64 {
    let mut boxes: Vec<Costs> = points
        .into_iter()
        .map(|point| sides(point.as_ref(), reference))
        .filter(|sides| sides.iter().all(|&side| side > 0.0))
        .collect();
    if boxes.iter().flatten().any(|side| side.is_infinite()) {
        return f64::INFINITY;
    }
    boxes.sort_unstable_by(|a, b| lexicographic(b, a));
    volume(&mut boxes, reference.len())
}

/// The box a point dominates, as its extent below the reference along each cost.
fn sides(point: &[f64], reference: &[f64]) -> Costs {
    debug_assert_eq!(point.len(), reference.len(), "costs of different problems");
    reference
        .iter()
        .zip(point)
        .map(|(limit, cost)| limit - cost)
        .collect()
}

/// The volume of a union of boxes that share a corner, over their first `dimensions` sides.
fn volume(boxes: &mut [Costs], dimensions: usize) -> f64 {
    match dimensions {
        0 => 0.0,
        1 => boxes.iter().map(|sides| sides[0]).fold(0.0, f64::max),
        2 => area(boxes),
        _ => sliced_volume(boxes, dimensions),
    }
}

/// The area of a union of rectangles: sweep from the widest, adding what rises above the rest.
fn area(boxes: &mut [Costs]) -> f64 {
    boxes.sort_unstable_by(|a, b| b[0].total_cmp(&a[0]));
    let mut height = 0.0;
    let mut area = 0.0;
    for sides in boxes {
        if sides[1] > height {
            area += sides[0] * (sides[1] - height);
            height = sides[1];
        }
    }
    area
}

fn sliced_volume(boxes: &mut [Costs], dimensions: usize) -> f64 {
    let last = dimensions - 1;
    boxes.sort_by(|a, b| b[last].total_cmp(&a[last]));
    let mut shared = Vec::with_capacity(boxes.len());
    let mut total = 0.0;
    for (i, sides) in boxes.iter().enumerate() {
        shared.clear();
        for earlier in &boxes[..i] {
            keep_largest(&mut shared, intersection(sides, earlier), last);
        }
        let own: f64 = sides[..last].iter().product();
        total += sides[last] * (own - volume(&mut shared, last)).max(0.0);
    }
    total
}

fn intersection(a: &[f64], b: &[f64]) -> Costs {
    a.iter().zip(b).map(|(x, y)| x.min(*y)).collect()
}

/// Adds a box to a set none of which lies inside another, over the first `dimensions` sides.
/// In two dimensions the sweep skips inner boxes by itself.
fn keep_largest(boxes: &mut Vec<Costs>, new: Costs, dimensions: usize) {
    let inside = |a: &Costs, b: &Costs| (0..dimensions).all(|side| a[side] <= b[side]);
    if dimensions > 2 {
        if boxes.iter().any(|old| inside(&new, old)) {
            return;
        }
        boxes.retain(|old| !inside(old, &new));
    }
    boxes.push(new);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Points = Vec<Vec<f64>>;

    fn points(dimensions: usize) -> impl Strategy<Value = Points> {
        let cost = (0..12_u8).prop_map(f64::from);
        prop::collection::vec(prop::collection::vec(cost, dimensions), 0..12)
    }

    /// The definition, on the integer grid: count the unit cells that some point dominates.
    fn counted(points: &Points, reference: &[f64]) -> f64 {
        let cells = reference
            .iter()
            .fold(vec![vec![]], |cells: Points, &limit| {
                let extend = |cell: &Vec<f64>, x: u32| [cell.as_slice(), &[f64::from(x)]].concat();
                cells
                    .iter()
                    .flat_map(|c| (0..limit as u32).map(move |x| extend(c, x)))
                    .collect()
            });
        let covers =
            |point: &Vec<f64>, cell: &Vec<f64>| point.iter().zip(cell).all(|(p, c)| p <= c);
        cells
            .iter()
            .filter(|cell| points.iter().any(|point| covers(point, cell)))
            .count() as f64
    }

    #[test]
    fn by_hand_in_two_dimensions() {
        // Columns from x = 1, 2, 3 to 4, of heights 1, 2, 3.
        let staircase = [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]];
        assert_eq!(hypervolume(staircase, &[4.0, 4.0]), 6.0);
        assert_eq!(hypervolume(staircase, &[3.0, 3.0]), 1.0);
        assert_eq!(hypervolume(staircase, &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn by_hand_in_three_dimensions() {
        // Boxes 2x2x1, 2x1x2, 1x2x2: 3 * 4, less pairwise 2 + 2 + 2, plus the common 1.
        let corners = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]];
        assert_eq!(hypervolume(corners, &[2.0, 2.0, 2.0]), 7.0);
        assert_eq!(hypervolume([[0.5, 0.5, 0.5]], &[1.0, 1.0, 1.0]), 0.125);
    }

    #[test]
    fn one_dimension_and_nothing() {
        assert_eq!(hypervolume([[2.0], [1.0]], &[4.0]), 3.0);
        assert_eq!(hypervolume([] as [[f64; 2]; 0], &[4.0, 4.0]), 0.0);
    }

    #[test]
    fn infinity_is_infinite_and_nan_is_nothing() {
        let endless = [[f64::NEG_INFINITY, 0.0, 0.0], [0.0, f64::NEG_INFINITY, 0.0]];
        assert_eq!(hypervolume(endless, &[1.0, 1.0, 1.0]), f64::INFINITY);
        assert_eq!(hypervolume([[f64::INFINITY, 0.0]], &[1.0, 1.0]), 0.0);
        assert_eq!(hypervolume([[f64::NAN, 0.0]], &[1.0, 1.0]), 0.0);
    }

    proptest! {
        #[test]
        fn two_dimensions_count_cells(p in points(2)) {
            prop_assert_eq!(hypervolume(&p, &[9.0; 2]), counted(&p, &[9.0; 2]));
        }

        #[test]
        fn three_dimensions_count_cells(p in points(3)) {
            prop_assert_eq!(hypervolume(&p, &[9.0; 3]), counted(&p, &[9.0; 3]));
        }

        #[test]
        fn four_dimensions_count_cells(p in points(4)) {
            prop_assert_eq!(hypervolume(&p, &[8.0; 4]), counted(&p, &[8.0; 4]));
        }

        #[test]
        fn adding_a_point_never_lowers_it(p in points(3), last in points(3)) {
            let before = hypervolume(&p, &[9.0; 3]);
            let after = hypervolume(p.iter().chain(&last), &[9.0; 3]);
            prop_assert!(after >= before);
        }

        #[test]
        fn order_does_not_matter(p in prop::collection::vec(prop::array::uniform3(0.0..1.0), 1..12)) {
            let mut turned = p.clone();
            turned.reverse();
            turned.rotate_left(p.len() / 2);
            prop_assert_eq!(hypervolume(&p, &[0.9; 3]), hypervolume(&turned, &[0.9; 3]));
        }

        #[test]
        fn points_beyond_the_reference_add_nothing(p in points(3), far in 9.0..99.0) {
            let more = p.iter().cloned().chain([vec![far, 0.0, 0.0]]);
            prop_assert_eq!(hypervolume(more, &[9.0; 3]), hypervolume(&p, &[9.0; 3]));
        }
    }
}
