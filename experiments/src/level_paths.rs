//! A lattice whose states know the levels to come, so that multi-stage entropies are sums over paths.
//!
//! MAE-DET and DeepMAD add up what they see at the end of every level (see [`LEVELS`]), weighted by how many levels follow. Turned around,
//! what a site adds to S counts once for every level that ends after it:
//!
//! ```text
//! MAE-DET = sum over sites of s * (sum of a_i over its own level and later ones)              + sum over levels of a_i ln c_i
//! DeepMAD = sum over sites of s * 2 (sum of b_i ln(r_i^2 c_i) over its own level and later ones)
//! ```
//!
//! Both brackets depend on what lies ahead alone. So each state is split by what can lie ahead of it: how many levels there are, and, where DeepMAD counts, the value of
//! its bracket. Both are settled by the first choice, and paths that don't keep to it lead nowhere. As many different values as there are make as
//! many states; where these are too many, values are rounded to multiples of a coarser unit, always to the better side, and sums of paths are
//! bounds of the scores.

use roofnas_cost::{DEEPMAD_LEVELS, LEVELS, MAE_DET_LEVELS, TermWeights};
use roofnas_space::{Lattice, Step};

/// States that are followed at most.
const MOST_STATES: usize = 60_000;
/// The unit of DeepMAD's bracket where it is exact but for rounding, and the units tried where that gives too many states.
const FINE: f64 = 1.0 / (1_u64 << 34) as f64;
const COARSE: [f64; 8] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/// What lies ahead of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ahead {
    /// Levels from its own to the last.
    levels: usize,
    /// DeepMAD's bracket, in units.
    bracket: i64,
}

impl Ahead {
    const END: Self = Self {
        levels: 0,
        bracket: 0,
    };
}

/// What counts at the end of a level in some state.
#[derive(Debug, Clone, Copy)]
struct End {
    ln_channels: f64,
    ln_elements: f64,
}

/// The states of one position.
#[derive(Debug, Clone)]
struct Layer {
    /// Where the split states of each of the lattice's states begin, and their end.
    starts: Vec<usize>,
    /// Of each split state, in ascending order among those of one state.
    ahead: Vec<Ahead>,
    /// The state of the lattice that a split state belongs to.
    state: Vec<usize>,
}

impl Layer {
    /// Split states of a state, by number.
    fn splits(&self, state: usize) -> std::ops::Range<usize> {
        self.starts[state]..self.starts[state + 1]
    }

    fn find(&self, state: usize, ahead: Ahead) -> Option<usize> {
        let range = self.splits(state);
        let index = self.ahead[range.clone()].binary_search(&ahead).ok()?;
        Some(range.start + index)
    }

    /// From sorted lists, one a state.
    fn new(lists: Vec<Vec<Ahead>>) -> Self {
        let mut layer = Self {
            starts: vec![0],
            ahead: Vec::new(),
            state: Vec::new(),
        };
        for (state, list) in lists.into_iter().enumerate() {
            layer.state.extend(list.iter().map(|_| state));
            layer.ahead.extend(list);
            layer.starts.push(layer.ahead.len());
        }
        layer
    }
}

/// A step between split states, and what the scores gain by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LevelStep {
    /// Choice, next state and site.
    pub(crate) step: Step,
    /// What the site's S is multiplied by.
    pub(crate) s_weight: f64,
    /// What is gained besides.
    pub(crate) constant: f64,
}

/// The states of a lattice, split.
#[derive(Debug)]
pub(crate) struct LevelPaths {
    layers: Vec<Layer>,
    mae_det: f64,
    deepmad: f64,
    unit: f64,
    /// Different choices that the lattice has at its first position.
    stems: usize,
}

impl LevelPaths {
    /// Splits the states for a score's weights of MAE-DET and DeepMAD. Where even coarse rounding leaves too many states, there is nothing.
    pub(crate) fn new(lattice: &Lattice, weights: &TermWeights) -> Option<Self> {
        std::iter::once(FINE)
            .chain(COARSE)
            .find_map(|unit| Self::in_units(lattice, weights, unit))
    }

    fn in_units(lattice: &Lattice, weights: &TermWeights, unit: f64) -> Option<Self> {
        let mut stems = 0;
        lattice.steps(0, 0, |step| stems = stems.max(step.choice as usize + 1));
        let mut split = Self {
            layers: Vec::new(),
            mae_det: weights.mae_det,
            deepmad: weights.deepmad,
            unit,
            stems,
        };
        let end = lattice.positions();
        let mut layers = vec![Layer::new(vec![vec![Ahead::END]; lattice.states(end)])];
        let mut total = 0;
        for position in (1..end).rev() {
            let later = &layers[layers.len() - 1];
            let mut lists = Vec::with_capacity(lattice.states(position));
            for state in 0..lattice.states(position) {
                let mut list = split.before(lattice, position, state, later);
                list.sort_unstable();
                list.dedup();
                total += list.len();
                if total > MOST_STATES {
                    return None;
                }
                lists.push(list);
            }
            layers.push(Layer::new(lists));
        }
        layers.push(Layer::new(vec![vec![Ahead::END]]));
        layers.reverse();
        split.layers = layers;
        Some(split)
    }

    /// Everything that can lie ahead of a state.
    fn before(
        &self,
        lattice: &Lattice,
        position: usize,
        state: usize,
        later: &Layer,
    ) -> Vec<Ahead> {
        let mut next = Vec::new();
        lattice.steps(position, state, |step| next.push(step.next));
        next.sort_unstable();
        next.dedup();
        let mut list = Vec::new();
        for next in next {
            let ends = ends(lattice, position, state, next);
            let ahead = later.ahead[later.splits(next)].iter();
            list.extend(ahead.map(|&ahead| match ends {
                Some(end) => self.with_level(ahead, end),
                None => ahead,
            }));
        }
        list
    }

    /// What lies ahead with one more level in front.
    fn with_level(&self, ahead: Ahead, end: End) -> Ahead {
        Ahead {
            levels: ahead.levels + 1,
            bracket: ahead.bracket + self.added(ahead.levels, end),
        }
    }

    /// The same without the first level, if it can be that one.
    fn without_level(&self, ahead: Ahead, end: End) -> Option<Ahead> {
        let levels = ahead.levels.checked_sub(1)?;
        Some(Ahead {
            levels,
            bracket: ahead.bracket - self.added(levels, end),
        })
    }

    /// What a level that `later` ones follow adds to DeepMAD's bracket, in units.
    fn added(&self, later: usize, end: End) -> i64 {
        if self.deepmad == 0.0 {
            return 0;
        }
        let added = at(&DEEPMAD_LEVELS, later) * end.ln_elements / self.unit;
        let rounded = match (self.is_rounded(), self.deepmad > 0.0) {
            (false, _) => added.round(),
            (true, true) => added.ceil(),
            (true, false) => added.floor(),
        };
        rounded as i64
    }

    /// Whether sums along paths only bound the score, from above.
    pub(crate) fn is_rounded(&self) -> bool {
        self.unit != FINE
    }

    pub(crate) fn states(&self, position: usize) -> usize {
        self.layers[position].ahead.len()
    }

    /// The lattice's own state.
    pub(crate) fn state(&self, position: usize, split: usize) -> usize {
        self.layers[position].state[split]
    }

    /// The lattice's own choice at the first position.
    pub(crate) fn first_choice(&self, choice: u32) -> u32 {
        choice % self.stems as u32
    }

    /// Calls `visit` with every step from a split state.
    pub(crate) fn steps(
        &self,
        lattice: &Lattice,
        position: usize,
        split: usize,
        mut visit: impl FnMut(LevelStep),
    ) {
        let (layer, later) = (&self.layers[position], &self.layers[position + 1]);
        let (state, ahead) = (layer.state[split], layer.ahead[split]);
        lattice.steps(position, state, |step| {
            if position == 0 {
                for (index, next) in later.splits(step.next).enumerate() {
                    let choice = (index * self.stems) as u32 + step.choice;
                    let step = Step {
                        choice,
                        next,
                        ..step
                    };
                    visit(self.weighted(step, later.ahead[next], 0.0));
                }
                return;
            }
            let Some(end) = ends(lattice, position, state, step.next) else {
                if let Some(next) = later.find(step.next, ahead) {
                    visit(self.weighted(Step { next, ..step }, ahead, 0.0));
                }
                return;
            };
            let Some(rest) = self.without_level(ahead, end) else {
                return;
            };
            if let Some(next) = later.find(step.next, rest) {
                let gained = self.mae_det * at(&MAE_DET_LEVELS, rest.levels) * end.ln_channels;
                visit(self.weighted(Step { next, ..step }, rest, gained));
            }
        });
    }

    fn weighted(&self, step: Step, ahead: Ahead, constant: f64) -> LevelStep {
        let levels = ahead.levels.min(LEVELS);
        let own: f64 = MAE_DET_LEVELS[..levels].iter().sum();
        let bracket = ahead.bracket as f64 * self.unit;
        LevelStep {
            step,
            s_weight: self.mae_det * own + self.deepmad * 2.0 * bracket,
            constant,
        }
    }
}

/// The weight of a level that so many follow.
fn at(weights: &[f64; LEVELS], later: usize) -> f64 {
    weights.get(later).copied().unwrap_or_default()
}

/// What a level ends with, if one does between a state and the next.
fn ends(lattice: &Lattice, position: usize, state: usize, next: usize) -> Option<End> {
    let map = lattice.feature_map(position, state)?;
    let after = lattice.feature_map(position + 1, next);
    if after.is_some_and(|after| after.resolution() == map.resolution()) {
        return None;
    }
    Some(End {
        ln_channels: (map.channels as f64).ln(),
        ln_elements: (map.elements() as f64).ln(),
    })
}
