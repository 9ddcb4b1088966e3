//! What is known from below of the second objective, at each value of the first: the highest of several bounds.

use roofnas_search::RelaxedBound;

/// The least second objective on a staircase (by ascending first and descending second objective) where the first is at least `x` and below the
/// next point's: infinite where there is none.
fn height(staircase: &[[f64; 2]], x: f64) -> f64 {
    let reached = staircase.partition_point(|point| point[0] <= x);
    let last = reached.checked_sub(1).map(|last| staircase[last][1]);
    last.unwrap_or(f64::INFINITY)
}

/// Bounds from below.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Floor {
    /// No feasible network's first objective is beyond this.
    pub(crate) end: f64,
    /// Staircases that no feasible network is below.
    pub(crate) staircases: Vec<Vec<[f64; 2]>>,
    pub(crate) lines: Option<RelaxedBound>,
    /// What no feasible network is below at all.
    pub(crate) level: Option<f64>,
}

/// Places between the ends of the lines where they are looked at.
const PLACES: usize = 1_000;

impl Floor {
    /// No bound yet.
    pub(crate) fn until(end: f64) -> Self {
        Self {
            // as good as infinite, and still a number to multiply with
            end: end.min(f64::MAX),
            staircases: Vec::new(),
            lines: None,
            level: None,
        }
    }

    /// The floor as points: for every feasible network `z` there is a point `p` with `p0 <= z0` and `p1 <= z1`.
    pub(crate) fn points(&self) -> Vec<[f64; 2]> {
        let places = self.places();
        let mut points: Vec<[f64; 2]> = Vec::new();
        for (index, &x) in places.iter().enumerate() {
            // lines fall: between this place and the next they are nowhere lower than at the next
            let next = places.get(index + 1).copied().unwrap_or(self.end);
            let y = self.between(x, next);
            let lowest = points.last().map_or(f64::INFINITY, |last| last[1]);
            if y < lowest {
                points.push([x, y]);
            }
        }
        points
    }

    fn between(&self, x: f64, next: f64) -> f64 {
        let stairs = self.staircases.iter().map(|staircase| height(staircase, x));
        let lines = self.lines.iter().map(|lines| lines.at(next));
        let all = stairs.chain(lines).chain(self.level);
        all.fold(f64::NEG_INFINITY, f64::max)
    }

    /// Where a bound steps, and enough places along the lines; sorted.
    fn places(&self) -> Vec<f64> {
        let stairs = self.staircases.iter().flatten().map(|point| point[0]);
        let mut places: Vec<f64> = stairs.filter(|&place| place < self.end).collect();
        if let Some(lines) = &self.lines {
            let ends = lines.members.iter().map(|member| member.costs[0]);
            let known = ends.chain(places.clone());
            let (first, last) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| {
                (a.min(x), b.max(x))
            });
            // left of all that was found there may be more: as far as the lines let anything be
            let lines_begin = lines.lines.iter().filter(|line| line.weights[1] == 0.0);
            let first = lines_begin
                .map(|line| line.bound / line.weights[0])
                .fold(first, f64::min);
            let last = if self.end < f64::MAX { self.end } else { last };
            if first < last {
                let step = (last - first) / PLACES as f64;
                places.extend((0..=PLACES).map(|place| first + step * place as f64));
            }
        }
        places.sort_by(f64::total_cmp);
        places.dedup();
        places
    }
}

#[cfg(test)]
mod tests {
    use roofnas_search::{BoundLine, ExactMember};

    use super::*;

    fn stairs() -> Vec<[f64; 2]> {
        vec![[1.0, 10.0], [2.0, 6.0], [4.0, 1.0]]
    }

    #[test]
    fn a_staircase_alone_is_itself_and_a_level_cuts_it() {
        let mut floor = Floor {
            staircases: vec![stairs()],
            ..Floor::until(f64::INFINITY)
        };
        assert_eq!(floor.points(), [[1.0, 10.0], [2.0, 6.0], [4.0, 1.0]]);
        floor.level = Some(3.0);
        assert_eq!(floor.points(), [[1.0, 10.0], [2.0, 6.0], [4.0, 3.0]]);
    }

    #[test]
    fn the_higher_of_two_staircases_counts() {
        let floor = Floor {
            staircases: vec![stairs(), vec![[1.5, 7.0], [5.0, 2.0]]],
            ..Floor::until(f64::INFINITY)
        };
        assert_eq!(floor.points(), [[1.5, 10.0], [2.0, 7.0], [5.0, 2.0]]);
    }

    #[test]
    fn lines_raise_a_staircase() {
        // z0 + z1 >= 9, and z0 >= 1
        let line = |weights, bound| BoundLine { weights, bound };
        let lines = RelaxedBound {
            lines: vec![
                line([1.0, 0.0], 1.0),
                line([1.0, 1.0], 9.0),
                line([0.0, 1.0], 1.0),
            ],
            members: vec![ExactMember {
                choices: Vec::new(),
                costs: [8.0, 1.0].into_iter().collect(),
            }],
        };
        let floor = Floor {
            staircases: vec![stairs()],
            lines: Some(lines),
            ..Floor::until(f64::INFINITY)
        };
        let points = floor.points();
        for z in [
            [1.0, 10.0],
            [1.5, 10.0],
            [2.5, 6.5],
            [3.0, 6.0],
            [5.0, 4.0],
            [9.0, 1.0],
        ] {
            let is_covered = points.iter().any(|p| p[0] <= z[0] && p[1] <= z[1]);
            assert!(is_covered, "{z:?} of {points:?}");
        }
        // and says more than the staircase does
        let at_four = points
            .iter()
            .filter(|p| p[0] <= 4.0)
            .map(|p| p[1])
            .fold(f64::INFINITY, f64::min);
        assert!(at_four > 4.0, "{at_four}");
    }
}
