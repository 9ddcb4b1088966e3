use crate::evaluation::Costs;

/// The front of a layered problem, and how exact it is.
///
/// No feasible path beats `bound` by more than `epsilon` in criterion 1 at any value of
/// criterion 0: for every feasible path z there is a point p in `bound` with p0 <= z0 and
/// p1 - epsilon <= z1. For other numbers of objectives than 2, `epsilon` is 0 when every feasible
/// path is weakly dominated by a point in `bound`, and infinite when nothing is known.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactFront {
    /// Feasible paths, none dominating another, sorted by their objectives.
    pub members: Vec<ExactMember>,
    /// The objectives of the members, of points that the caller brought, and of paths that keep
    /// the limits but were refused; none dominating another, sorted.
    pub bound: Vec<Costs>,
    /// See above; at least what was asked for.
    pub epsilon: f64,
    /// How many passes were made.
    pub passes: usize,
    /// The most partial paths kept at a position.
    pub peak_labels: usize,
    /// The partial paths kept in all positions and passes.
    pub total_labels: u64,
    /// Whether the observer broke off.
    pub interrupted: bool,
}

/// A feasible path.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactMember {
    /// Its name: the choice at each position.
    pub choices: Vec<u32>,
    /// All its criteria, as [`path_costs`](crate::path_costs) says.
    pub costs: Costs,
}

/// How far an exact search has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactProgress {
    /// The pass under way, from 1.
    pub pass: usize,
    /// The position just done, from 1.
    pub position: usize,
    /// How many partial paths are kept there.
    pub labels: usize,
    /// What the pass could prove if nothing more were dropped; the largest gap where there are planes.
    pub epsilon: f64,
    /// Planes found so far, where paths are bounded by planes: there are no labels then.
    pub planes: Option<usize>,
}
