//! Niching: of a front that does not fit, keep whom the least covered directions need.
//!
//! K. Deb, H. Jain (2014), sections IV-D and IV-E. Each candidate belongs to the reference
//! direction it is perpendicularly nearest to. Places go, one by one, to a direction that the
//! fewest chosen ones belong to, drawn among equals: to its nearest candidate if nobody of it was
//! chosen, else to any of its candidates.

use rand::RngExt;
use rayon::prelude::*;

use crate::evaluation::Costs;
use crate::problem::SearchRng;
use crate::reference_directions::Direction;

/// The least candidates worth a task of their own.
const CANDIDATES_PER_TASK: usize = 64;

/// Where a candidate belongs, and how far off it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Niche {
    direction: usize,
    /// The square of the perpendicular distance.
    distance: f64,
}

/// The niche of every point, given by its normalised costs; the first of equally near directions.
/// O(n d m) for d directions.
pub(crate) fn associate(points: &[Costs], directions: &[Direction]) -> Vec<Niche> {
    let units: Vec<Costs> = directions.iter().map(|direction| unit(direction)).collect();
    points
        .par_iter()
        .with_min_len(CANDIDATES_PER_TASK)
        .map(|point| nearest(point, &units))
        .collect()
}

/// The nearest ray is the one of the greatest projection, as all rays start at the origin.
fn nearest(point: &Costs, units: &[Costs]) -> Niche {
    let mut direction = 0;
    let mut greatest = f64::NEG_INFINITY;
    for (i, unit) in units.iter().enumerate() {
        let projection = dot(point, unit);
        if projection > greatest {
            (direction, greatest) = (i, projection);
        }
    }
    let off = |(x, unit): (&f64, &f64)| (x - greatest * unit).powi(2);
    Niche {
        direction,
        distance: point.iter().zip(&units[direction]).map(off).sum(),
    }
}

/// Chooses `room` of the candidates, by position, when those of the `chosen` niches are kept
/// already. All of them if they fit.
pub(crate) fn fill(
    chosen: &[Niche],
    candidates: &[Niche],
    room: usize,
    directions: usize,
    rng: &mut SearchRng,
) -> Vec<usize> {
    let mut members = vec![0_usize; directions];
    for niche in chosen {
        members[niche.direction] += 1;
    }
    let mut waiting = vec![Vec::new(); directions];
    for (i, niche) in candidates.iter().enumerate() {
        waiting[niche.direction].push(i);
    }
    // Directions that nobody waits at are out of the question, now and later.
    let mut open: Vec<usize> = (0..directions)
        .filter(|&direction| !waiting[direction].is_empty())
        .collect();

    let mut kept = Vec::with_capacity(room.min(candidates.len()));
    while kept.len() < room && !open.is_empty() {
        let place = least_covered(&open, &members, rng);
        let direction = open[place];
        let queue = &mut waiting[direction];
        let next = if members[direction] == 0 {
            closest(queue, candidates)
        } else {
            rng.random_range(0..queue.len())
        };
        kept.push(queue.remove(next));
        members[direction] += 1;
        if queue.is_empty() {
            open.remove(place);
        }
    }
    kept
}

/// The place in `open` of a direction of the fewest members, drawn among equals.
fn least_covered(open: &[usize], members: &[usize], rng: &mut SearchRng) -> usize {
    let least = open.iter().map(|&direction| members[direction]).min();
    let equals: Vec<usize> = (0..open.len())
        .filter(|&place| Some(members[open[place]]) == least)
        .collect();
    equals[rng.random_range(0..equals.len())]
}

/// The place in the queue of the candidate nearest to its direction, the first of equals.
fn closest(queue: &[usize], candidates: &[Niche]) -> usize {
    let distance = |place: &usize| candidates[queue[*place]].distance;
    (0..queue.len())
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(0)
}

fn unit(direction: &[f64]) -> Costs {
    let norm = dot(direction, direction).sqrt();
    direction.iter().map(|x| x / norm).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random_stream::random_stream;

    fn niches(pairs: &[(usize, f64)]) -> Vec<Niche> {
        pairs
            .iter()
            .map(|&(direction, distance)| Niche {
                direction,
                distance,
            })
            .collect()
    }

    fn filled(chosen: &[(usize, f64)], candidates: &[(usize, f64)], room: usize) -> Vec<usize> {
        let mut rng = random_stream(1, 0, 0);
        let mut kept = fill(&niches(chosen), &niches(candidates), room, 4, &mut rng);
        kept.sort_unstable();
        kept
    }

    #[test]
    fn points_belong_to_the_nearest_ray() {
        let directions = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]].map(Direction::from_iter);
        let points = [[3.0, 1.0], [2.0, 2.0], [0.0, 0.0], [0.1, 9.0]].map(Costs::from_iter);
        let found = associate(&points, &directions);
        let directions: Vec<usize> = found.iter().map(|niche| niche.direction).collect();
        assert_eq!(directions, [0, 1, 0, 2]);
        // (3, 1) is 1 off the first axis; (2, 2) lies on the diagonal.
        assert_eq!(found[0].distance, 1.0);
        assert!(found[1].distance < 1e-12);
    }

    #[test]
    fn empty_niches_take_their_nearest() {
        let candidates = [(0, 0.5), (0, 0.2), (1, 0.9), (1, 0.3), (2, 0.0)];
        assert_eq!(filled(&[(2, 0.0)], &candidates, 2), [1, 3]);
    }

    #[test]
    fn the_least_covered_comes_first() {
        let chosen = [(0, 0.0), (0, 0.0), (1, 0.0)];
        assert_eq!(filled(&chosen, &[(0, 0.0), (1, 9.0)], 1), [1]);
    }

    #[test]
    fn all_are_kept_when_they_fit() {
        assert_eq!(filled(&[], &[(3, 1.0), (3, 2.0), (3, 0.0)], 9), [0, 1, 2]);
        assert_eq!(filled(&[], &[], 9), [] as [usize; 0]);
    }
}
