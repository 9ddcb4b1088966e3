use crate::exact::graph::Graph;
use crate::exact::incumbents::Incumbent;
use crate::exact::relaxation::Relaxation;

/// The lower bound that lines from the start give: at objective 0 = x, objective 1 is at least
/// the largest of `bound - slope x`. Each line owns the stretch of x where it is the largest.
#[derive(Clone, Debug)]
pub(super) struct Envelope<const K: usize> {
    /// By descending slopes, so from left to right; the last slope is 0.
    pub(super) lines: Vec<Relaxation<K>>,
    /// Their weights, column by column: first the slopes, then ones, then prices of limits.
    pub(super) weights: [Vec<f64>; K],
    /// The right ends of their stretches, ascending; the last is infinite.
    pub(super) ends: Vec<f64>,
}

/// What paths on from a label would have to beat, line by line.
///
/// A point that no incumbent dominates lies below and left of some corner of their staircase,
/// which is made of the next incumbent's objective 0 and the last one's objective 1. Each corner
/// counts for the line that owns its x.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    /// For each line the largest weighted sum of its corners; minus infinity without any.
    pub(super) tops: Vec<f64>,
    /// For each line the highest corner of it or of those to its right; infinite where paths may
    /// get left of all incumbents. Better incumbents only lower it.
    pub(super) heights: Vec<f64>,
    /// Whatever gets left of this beats all incumbents, without measure.
    pub(super) left: f64,
}

impl<const K: usize> Default for Envelope<K> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            weights: std::array::from_fn(|_| Vec::new()),
            ends: Vec::new(),
        }
    }
}

impl<const K: usize> Envelope<K> {
    /// The lines that are the largest somewhere, from those sorted by descending slopes.
    pub(super) fn new(sorted: Vec<Relaxation<K>>) -> Self {
        let mut envelope = Self::default();
        for line in sorted {
            envelope.push(line);
        }
        let weights = |column: usize| envelope.lines.iter().map(move |line| line.weights[column]);
        envelope.weights = std::array::from_fn(|column| weights(column).collect());
        envelope
    }

    fn push(&mut self, new: Relaxation<K>) {
        while let Some(last) = self.lines.last() {
            let flatter = last.weights[0] - new.weights[0];
            let start = if flatter > 0.0 {
                (last.bound - new.bound) / flatter
            } else if new.bound > last.bound {
                f64::NEG_INFINITY
            } else {
                return; // parallel and lower
            };
            let count = self.ends.len();
            let last_start = count
                .checked_sub(2)
                .map_or(f64::NEG_INFINITY, |i| self.ends[i]);
            self.ends.pop();
            if start > last_start {
                self.ends.push(start);
                break;
            }
            self.lines.pop();
        }
        self.lines.push(new);
        self.ends.push(f64::INFINITY);
    }

    /// The line that owns the corner at x.
    fn owner(&self, x: f64) -> usize {
        self.ends.partition_point(|&end| end < x)
    }
}

/// Slope times x; a level line does not rise, however far it goes.
fn rise(slope: f64, x: f64) -> f64 {
    if slope == 0.0 { 0.0 } else { slope * x }
}

impl Targets {
    /// The targets that incumbents set.
    ///
    /// Paths end left of `right`, the limit of objective 0. Left of all incumbents they are
    /// measured from `height`, the limit of objective 1; when it is infinite they have no measure.
    pub(super) fn new<const K: usize>(
        envelope: &Envelope<K>,
        incumbents: &[Incumbent],
        right: f64,
        height: f64,
    ) -> Self {
        let count = envelope.lines.len();
        let mut targets = Self {
            tops: vec![f64::NEG_INFINITY; count],
            heights: vec![f64::NEG_INFINITY; count],
            left: f64::NEG_INFINITY,
        };
        if count == 0 {
            return targets;
        }
        let first = incumbents.first().map_or(right, |known| known.point[0]);
        if height < f64::INFINITY {
            targets.add(envelope, first, height);
        } else {
            targets.left = first;
            targets.heights[envelope.owner(first)] = f64::INFINITY;
        }
        for (i, known) in incumbents.iter().enumerate() {
            let next = incumbents.get(i + 1).map_or(right, |next| next.point[0]);
            targets.add(envelope, next, known.point[1]);
        }
        for line in (1..count).rev() {
            targets.heights[line - 1] = targets.heights[line - 1].max(targets.heights[line]);
        }
        targets
    }

    fn add<const K: usize>(&mut self, envelope: &Envelope<K>, x: f64, y: f64) {
        let line = envelope.owner(x);
        let top = rise(envelope.weights[0][line], x) + y;
        self.tops[line] = self.tops[line].max(top);
        self.heights[line] = self.heights[line].max(y);
    }
}

/// The lower bounds of all lines for labels in one state.
///
/// For a label of objectives (c0, c1) that gathered A in the segment under way, line j bounds
/// the weighted sum of any complete path from below by `slope c0 + c1 - rate A + rest`, and by
/// price times what other limited criteria are so far.
#[derive(Clone, Debug)]
pub(super) struct Gauge {
    pub(super) rates: Vec<f64>,
    pub(super) rests: Vec<f64>,
}

impl Gauge {
    pub(super) fn new<const K: usize>(
        graph: &Graph<K>,
        envelope: &Envelope<K>,
        position: usize,
        state: usize,
    ) -> Self {
        let segment = graph.segments[position][state] as usize;
        let (mut rates, mut rests) = (Vec::new(), Vec::new());
        for line in &envelope.lines {
            let tangent = line.tangents[segment];
            let weight = line.log_weight(graph);
            rates.push(weight / tangent);
            rests.push(line.to_go[position][state] - weight * (tangent.ln() - 1.0) - line.paid);
        }
        Self { rates, rests }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(slope: f64, bound: f64) -> Relaxation<2> {
        Relaxation {
            weights: [slope, 1.0],
            targets: [f64::INFINITY; 2],
            paid: 0.0,
            bound,
            tangents: Vec::new(),
            to_go: Vec::new(),
            policy: Vec::new(),
        }
    }

    #[test]
    fn lines_own_where_they_are_largest() {
        // y = 10 - 4 x, then 6 - x, then 3; between the first two, 7 - 2 x lies below both.
        let lines = [
            line(4.0, 10.0),
            line(2.0, 7.0),
            line(1.0, 6.0),
            line(0.0, 3.0),
        ];
        let envelope = Envelope::new(lines.to_vec());
        assert_eq!(envelope.weights[0], [4.0, 1.0, 0.0]);
        assert_eq!(envelope.ends[1..], [3.0, f64::INFINITY]);
        assert!((envelope.ends[0] - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn corners_are_what_must_be_beaten() {
        let envelope = Envelope::new(vec![line(1.0, 0.0), line(0.0, -5.0)]); // meet at x = 5
        let known = |x, y| Incumbent {
            point: [x, y].into_iter().collect(),
            choices: None,
        };
        let incumbents = [known(1.0, 4.0), known(2.0, 1.0), known(7.0, 0.0)];
        let targets = Targets::new(&envelope, &incumbents, f64::INFINITY, f64::INFINITY);
        assert_eq!(targets.tops, [6.0, 1.0]); // (2, 4) for the first, (7, 1) and (inf, 0) else
        assert_eq!(targets.heights, [f64::INFINITY, 1.0]); // left of (1, 4) is unmeasured
        assert_eq!(targets.left, 1.0);
    }
}
