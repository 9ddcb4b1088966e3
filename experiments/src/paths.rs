//! The search problem as paths through a lattice: what exact search walks.
//!
//! Criteria are sums over the sites of a network: the objectives first, then what limited figures add. Four things are no sums. st_la is a sum of
//! logarithms of sums, which exact search knows. MAE-DET and DeepMAD become sums where states know the levels to come (see `level_paths`). Peak
//! memory is a maximum: a limit takes away the blocks that break it, and so it does with blocks whose channels fall. And what is bounded by a sum only, from below (the 95 % bound of a latency, a mean whose host and device overlap or in which weights are cold, features kept in memory, depth over width), limits the
//! sum instead, which every feasible network keeps; whether a network is feasible is then asked of its whole price.

use roofnas_cost::{BlockTable, SiteAddends, SiteSum, TermWeights};
use roofnas_search::{Costs, Layered, LogSum, MAX_OBJECTIVES, Problem, Transition};
use roofnas_space::{Genotype, Lattice};
use thiserror::Error;

use crate::constraint::{Constraint, Figure};
use crate::level_paths::LevelPaths;
use crate::objective::Objective;
use crate::problem::BackboneProblem;

/// What stands for the latency of a network where its 95 % bound (or another) is limited. Means, or sums below them, add up, and limiting them relaxes the
/// bound; a sum below the bound limits more, but is another quantity than the objective. Both in one search would be one criterion too many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LatencyView {
    /// The mean.
    Mean,
    /// The mean and so many deviations, as a sum that never exceeds them; of networks whose second objective costs at most this.
    Bound {
        /// In the objective's unit, turned so that less is better.
        other_at_most: f64,
    },
    /// The mean, and the sum below the bound as a further limit: for bounds by planes, to which one criterion more is nothing.
    Both,
}

/// Why a problem can't be searched exactly.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathsError {
    /// Blocks that can't be priced ahead.
    #[error("{0}")]
    Blocks(#[from] roofnas_cost::BlockTableError),
    /// An objective that is no sum over blocks.
    #[error(
        "peak memory is a largest value and no sum over blocks: it can be bounded, but not be an objective"
    )]
    PeakMemory,
    /// A quality that is no sum over blocks.
    #[error("the quality is no sum over blocks")]
    Quality,
    /// Logarithms of sums can be searched as far as more of them is better.
    #[error(
        "st_la has a weight below 0, and sums of its logarithms are searched only where more is better"
    )]
    NegativeLogarithms,
    /// A multi-stage entropy of a space with too many levels or channels.
    #[error(
        "the multi-stage entropy has too many values: fewer resolutions, or fewer channels to choose from at the ends of levels, would do"
    )]
    Levels,
    /// No room for what gathers under logarithms.
    #[error(
        "{0} objectives and what gathers under the score's logarithms are more than the {MAX_OBJECTIVES} criteria that a proof has room for"
    )]
    Criteria(usize),
    /// A single objective.
    #[error("it needs two objectives or more, and there is one")]
    OneObjective,
}

/// An experiment's networks as paths.
#[derive(Debug)]
pub struct BackbonePaths<'a> {
    problem: &'a BackboneProblem<'a>,
    lattice: Lattice<'a>,
    /// Criteria of each site, one after the other; what every network has stands with the stems.
    costs: Vec<f64>,
    limits: Vec<f64>,
    log_sum: Option<LogSum>,
    /// Sites that break a limit by themselves.
    is_barred: Vec<bool>,
    /// Whether a path that keeps the limits may be infeasible.
    is_relaxed: bool,
    /// Whether the objectives are those of the networks, and not bounds of them.
    has_true_objectives: bool,
    levels: Option<Levels>,
}

/// States that know the levels to come, where a multi-stage entropy counts.
#[derive(Debug)]
struct Levels {
    paths: LevelPaths,
    /// The criterion they count for.
    into: usize,
    /// S of each site.
    s: Vec<f64>,
}

/// A criterion while it is put together.
struct Criterion {
    sum: SiteSum,
    limit: f64,
}

impl<'a> BackbonePaths<'a> {
    /// The paths of a problem. Sums that only bound a figure are made to be close to it for the networks `at`, of which there is at least one. `view`: where the bound of a
    /// latency is limited and its mean is an objective, which of the two stands for the latency; it says nothing elsewhere.
    ///
    /// # Errors
    /// When the problem can't be searched exactly.
    pub fn new(
        problem: &'a BackboneProblem<'a>,
        at: &[Genotype],
        view: LatencyView,
    ) -> Result<Self, PathsError> {
        let experiment = problem.experiment();
        let table = problem.blocks().map_err(Clone::clone)?;
        if experiment.objectives.len() < 2 {
            return Err(PathsError::OneObjective);
        }
        if experiment.objectives.contains(&Objective::PeakMemory) {
            return Err(PathsError::PeakMemory);
        }
        let lattice = Lattice::new(&experiment.space);
        let figures = Figures::new(problem, at, view)?;
        let mut criteria: Vec<Criterion> = experiment
            .objectives
            .iter()
            .map(|&objective| Criterion {
                sum: figures.objective(objective),
                limit: f64::INFINITY,
            })
            .collect();
        let log_sum = figures
            .weights
            .st_la
            .filter(|_| experiment.objectives.contains(&Objective::Quality));
        if log_sum.is_some_and(|weight| weight <= 0.0) {
            return Err(PathsError::NegativeLogarithms);
        }
        let levels = Levels::new(&lattice, &figures)?;
        let log_sum = log_sum.map(|weight| {
            let into = experiment
                .objectives
                .iter()
                .position(|o| *o == Objective::Quality);
            criteria.push(Criterion {
                sum: figures.each(|addends| addends.booked),
                limit: f64::INFINITY,
            });
            LogSum {
                sum: criteria.len() - 1,
                into: into.unwrap_or_default(),
                weight,
            }
        });
        if criteria.len() > MAX_OBJECTIVES {
            return Err(PathsError::Criteria(experiment.objectives.len()));
        }
        let mut is_barred = vec![false; table.sites().len() as usize];
        let mut is_relaxed = false;
        for constraint in &experiment.constraints {
            match figures.limited(constraint) {
                Limited::Sums { sums, is_bound } => {
                    is_relaxed |= is_bound;
                    for LimitedSum {
                        objective,
                        sum,
                        limit,
                    } in sums
                    {
                        let own = experiment
                            .objectives
                            .iter()
                            .position(|o| Some(*o) == objective);
                        match own {
                            Some(own) => criteria[own].limit = criteria[own].limit.min(limit),
                            None => criteria.push(Criterion { sum, limit }),
                        }
                    }
                }
                Limited::Largest { of_site, is_bound } => {
                    is_relaxed |= is_bound;
                    for (barred, own) in is_barred.iter_mut().zip(of_site) {
                        *barred |= own > constraint.limit;
                    }
                }
            }
        }
        if criteria.len() > MAX_OBJECTIVES {
            // what there is no room for is asked of whole networks alone
            criteria.truncate(MAX_OBJECTIVES);
            is_relaxed = true;
        }
        if let LatencyView::Bound { other_at_most } = view {
            criteria[1].limit = criteria[1].limit.min(other_at_most);
        }
        let mut paths = Self {
            problem,
            lattice,
            costs: Vec::new(),
            limits: criteria.iter().map(|criterion| criterion.limit).collect(),
            log_sum,
            is_barred,
            is_relaxed,
            has_true_objectives: experiment
                .objectives
                .iter()
                .all(|&objective| figures.is_true(objective)),
            levels,
        };
        paths.fill(&criteria);
        Ok(paths)
    }

    /// Writes the criteria site by site, constants with the stems.
    fn fill(&mut self, criteria: &[Criterion]) {
        let sites = self.is_barred.len();
        self.costs = (0..sites)
            .flat_map(|site| criteria.iter().map(move |c| c.sum.by_site[site]))
            .collect();
        let mut stems = Vec::new();
        self.lattice.steps(0, 0, |step| stems.extend(step.site));
        for stem in stems {
            let own = &mut self.costs[stem * criteria.len()..][..criteria.len()];
            for (cost, criterion) in own.iter_mut().zip(criteria) {
                *cost += criterion.sum.constant;
            }
        }
    }

    /// The network of a path.
    pub fn genotype(&self, choices: &[u32]) -> Genotype {
        let Some(levels) = &self.levels else {
            return self.lattice.genotype(choices);
        };
        let mut choices = choices.to_vec();
        if let Some(first) = choices.first_mut() {
            *first = levels.paths.first_choice(*first);
        }
        self.lattice.genotype(&choices)
    }

    /// The limited criteria that are no objectives.
    pub(crate) fn other_limits(&self) -> std::ops::Range<usize> {
        self.own_criteria()..self.limits.len()
    }

    /// The paths with every one accepted that keeps the limits of the objectives.
    pub(crate) fn with_own_limits(&self) -> Relaxed<'_> {
        self.with_limit_on(0, f64::INFINITY)
    }

    /// The paths with this criterion in the place of the first objective, and every one accepted that keeps its limit and that of the second
    /// objective, which is limited to `other_at_most` besides.
    pub(crate) fn with_limit_on(&self, criterion: usize, other_at_most: f64) -> Relaxed<'_> {
        let mut columns = vec![criterion, 1];
        let gathers_for_second = self.log_sum.is_some_and(|log_sum| log_sum.into == 1);
        let gathers_for_first = self.log_sum.is_some_and(|log_sum| log_sum.into == 0);
        let log_sum = self
            .log_sum
            .filter(|_| gathers_for_second || (gathers_for_first && criterion == 0));
        let log_sum = log_sum.map(|log_sum| {
            columns.push(log_sum.sum);
            LogSum { sum: 2, ..log_sum }
        });
        Relaxed {
            paths: self,
            columns,
            log_sum,
            other_at_most,
        }
    }

    /// The objectives, and what is gathered for them.
    fn own_criteria(&self) -> usize {
        self.problem.experiment().objectives.len() + usize::from(self.log_sum.is_some())
    }

    /// Whether limits only relax what is asked of a network.
    pub fn is_relaxed(&self) -> bool {
        self.is_relaxed
    }

    /// Whether a path's objectives are those of its network, and not bounds of them from below.
    pub fn has_true_objectives(&self) -> bool {
        self.has_true_objectives
    }

    /// Whether a path's quality only bounds that of its network, being of too many values to tell them all apart.
    pub fn has_rounded_quality(&self) -> bool {
        let levels = self.levels.as_ref();
        levels.is_some_and(|levels| levels.paths.is_rounded())
    }

    /// The lattice's own state.
    fn state(&self, position: usize, state: usize) -> usize {
        match &self.levels {
            None => state,
            Some(levels) => levels.paths.state(position, state),
        }
    }
}

impl Levels {
    fn new(lattice: &Lattice, figures: &Figures) -> Result<Option<Self>, PathsError> {
        let weights = &figures.weights;
        if weights.mae_det == 0.0 && weights.deepmad == 0.0 {
            return Ok(None);
        }
        let objectives = &figures.problem.experiment().objectives;
        let into = objectives.iter().position(|o| *o == Objective::Quality);
        Ok(Some(Self {
            paths: LevelPaths::new(lattice, weights).ok_or(PathsError::Levels)?,
            into: into.unwrap_or_default(),
            s: figures.addends.iter().map(|site| site.s).collect(),
        }))
    }
}

impl Layered for BackbonePaths<'_> {
    fn criteria(&self) -> usize {
        self.limits.len()
    }

    fn positions(&self) -> usize {
        self.lattice.positions()
    }

    fn states(&self, position: usize) -> usize {
        match &self.levels {
            None => self.lattice.states(position),
            Some(levels) => levels.paths.states(position),
        }
    }

    fn transitions(&self, position: usize, state: usize, visit: &mut dyn FnMut(Transition<'_>)) {
        let criteria = self.limits.len();
        let nothing = [0.0; MAX_OBJECTIVES];
        let costs = |site: Option<usize>| match site {
            Some(site) if self.is_barred[site] => None,
            Some(site) => Some(&self.costs[site * criteria..][..criteria]),
            None => Some(&nothing[..criteria]),
        };
        let Some(levels) = &self.levels else {
            return self.lattice.steps(position, state, |step| {
                if let Some(costs) = costs(step.site) {
                    let (choice, next) = (step.choice, step.next);
                    visit(Transition {
                        choice,
                        next,
                        costs,
                    });
                }
            });
        };
        levels.paths.steps(&self.lattice, position, state, |level| {
            let step = level.step;
            if let Some(costs) = costs(step.site) {
                let mut own: Costs = costs.iter().copied().collect();
                let s = step.site.map_or(0.0, |site| levels.s[site]);
                own[levels.into] -= level.s_weight * s + level.constant;
                visit(Transition {
                    choice: step.choice,
                    next: step.next,
                    costs: &own,
                });
            }
        });
    }

    fn segment(&self, position: usize, state: usize) -> usize {
        self.lattice
            .resolution(position, self.state(position, state))
    }

    fn segments(&self) -> usize {
        self.lattice.resolutions()
    }

    fn log_sum(&self) -> Option<LogSum> {
        self.log_sum
    }

    fn limit(&self, criterion: usize) -> f64 {
        self.limits[criterion]
    }

    fn accepts(&self, choices: &[u32]) -> bool {
        !self.is_relaxed || self.problem.evaluate(&self.genotype(choices)).is_feasible()
    }
}

/// The same paths with some of the criteria, of which every one that keeps their limits is accepted.
pub(crate) struct Relaxed<'a> {
    paths: &'a BackbonePaths<'a>,
    /// Which criteria they have, in their new order.
    columns: Vec<usize>,
    log_sum: Option<LogSum>,
    /// A further limit on the second objective.
    other_at_most: f64,
}

impl Layered for Relaxed<'_> {
    fn criteria(&self) -> usize {
        self.columns.len()
    }

    fn positions(&self) -> usize {
        self.paths.positions()
    }

    fn states(&self, position: usize) -> usize {
        self.paths.states(position)
    }

    fn transitions(&self, position: usize, state: usize, visit: &mut dyn FnMut(Transition<'_>)) {
        let mut own = Costs::new();
        self.paths.transitions(position, state, &mut |transition| {
            own.clear();
            own.extend(self.columns.iter().map(|&column| transition.costs[column]));
            visit(Transition {
                costs: &own,
                ..transition
            });
        });
    }

    fn segment(&self, position: usize, state: usize) -> usize {
        self.paths.segment(position, state)
    }

    fn segments(&self) -> usize {
        self.paths.segments()
    }

    fn log_sum(&self) -> Option<LogSum> {
        self.log_sum
    }

    fn limit(&self, criterion: usize) -> f64 {
        let limit = self.paths.limit(self.columns[criterion]);
        if criterion == 1 {
            limit.min(self.other_at_most)
        } else {
            limit
        }
    }
}

/// What a constraint limits.
enum Limited {
    /// Sums. Bounds limit more than the sums.
    Sums {
        sums: Vec<LimitedSum>,
        is_bound: bool,
    },
    /// The largest value over the sites.
    Largest { of_site: Vec<f64>, is_bound: bool },
}

/// A sum that a constraint limits.
struct LimitedSum {
    /// The objective that it is the same as.
    objective: Option<Objective>,
    sum: SiteSum,
    limit: f64,
}

/// Sums of a problem's figures.
struct Figures<'a> {
    problem: &'a BackboneProblem<'a>,
    addends: Vec<SiteAddends>,
    head: Option<SiteAddends>,
    /// What stands for the latency where it is an objective.
    latency: SiteSum,
    mean: SiteSum,
    /// A sum that the limited bound never falls below.
    bound: Option<SiteSum>,
    /// Whether both of them count where the latency is an objective.
    has_both: bool,
    targets: Vec<TargetSums>,
    /// A sum that keeps the limit of depth over width where a network does, if there is one.
    rho: Option<SiteSum>,
    weights: TermWeights,
}

/// Sums for a further target.
struct TargetSums {
    mean: SiteSum,
    /// A sum that the bound never falls below, where that is limited.
    bound: Option<SiteSum>,
    has_additive_mean: bool,
    batch: u64,
}

impl TargetSums {
    fn new(
        problem: &BackboneProblem,
        number: usize,
        at: &[Genotype],
        first: &Genotype,
    ) -> Result<Self, PathsError> {
        let experiment = problem.experiment();
        let table = problem.target_blocks(number).map_err(Clone::clone)?;
        let mean = table.mean_tangent(first);
        let bounded = experiment.bounded(Figure::TargetLatencyMs(number as u8));
        Ok(Self {
            bound: bounded.and_then(|limit| bound(table, &mean, at, limit.quantile)),
            mean,
            has_additive_mean: table.has_additive_mean(),
            batch: experiment.appraiser.targets[number].model.batch(),
        })
    }
}

const MIB: f64 = 1024.0 * 1024.0;

impl<'a> Figures<'a> {
    fn new(
        problem: &'a BackboneProblem<'a>,
        at: &[Genotype],
        view: LatencyView,
    ) -> Result<Self, PathsError> {
        let table = problem.blocks().map_err(Clone::clone)?;
        let experiment = problem.experiment();
        let weights = match experiment.objectives.contains(&Objective::Quality) {
            true => experiment
                .appraiser
                .quality
                .weights()
                .ok_or(PathsError::Quality)?,
            false => TermWeights::default(),
        };
        let first = at.first().unwrap_or(&experiment.sample[0]);
        let mean = table.mean_tangent(first);
        let bounded = experiment.bounded_latency();
        let bound = bounded.and_then(|limit| bound(table, &mean, at, limit.quantile));
        let targets = 0..experiment.appraiser.targets.len();
        let targets = targets.map(|number| TargetSums::new(problem, number, at, first));
        let latency = match (view, &bound) {
            (LatencyView::Bound { .. }, Some(bound)) => bound.clone(),
            _ => mean.clone(),
        };
        let mut constraints = experiment.constraints.iter();
        let rho = constraints.find(|constraint| constraint.figure == Figure::Rho);
        let sites = 0..table.sites().len() as usize;
        Ok(Self {
            rho: rho.map(|rho| table.depth_over_width_tangent(first, rho.limit)),
            addends: sites.map(|site| table.addends(site)).collect(),
            head: table.head_addends(),
            latency,
            mean,
            bound,
            has_both: view == LatencyView::Both,
            targets: targets.collect::<Result<_, _>>()?,
            weights,
            problem,
        })
    }

    /// Whether an objective is this sum, and not only bounded by it.
    fn is_true(&self, objective: Objective) -> bool {
        match objective {
            Objective::Latency | Objective::Throughput => {
                let table = self.problem.blocks();
                table.is_ok_and(BlockTable::has_additive_mean)
            }
            Objective::TargetLatency(target) | Objective::TargetThroughput(target) => {
                self.targets[target as usize].has_additive_mean
            }
            _ => true,
        }
    }

    /// A figure of the network as it is deployed, as a sum of what sites and the fixed head add.
    fn deployed(&self, of: impl Fn(&SiteAddends) -> f64) -> SiteSum {
        SiteSum {
            constant: self.head.as_ref().map_or(0.0, &of),
            ..self.each(of)
        }
    }

    /// A figure of the backbone as a sum of what sites add.
    fn each(&self, of: impl Fn(&SiteAddends) -> f64) -> SiteSum {
        SiteSum {
            constant: 0.0,
            by_site: self.addends.iter().map(of).collect(),
        }
    }

    fn objective(&self, objective: Objective) -> SiteSum {
        match objective {
            Objective::Latency => self.latency.clone(),
            Objective::Throughput => {
                let batch = self.problem.experiment().appraiser.model.batch();
                per_image(&self.mean, batch)
            }
            Objective::TargetLatency(target) => self.targets[target as usize].mean.clone(),
            Objective::TargetThroughput(target) => {
                let target = &self.targets[target as usize];
                per_image(&target.mean, target.batch)
            }
            Objective::Macs => self.deployed(|site| site.macs),
            Objective::Params => self.deployed(|site| site.params),
            Objective::Traffic => self.deployed(|site| site.traffic_bytes),
            Objective::Weights => self.deployed(|site| site.weight_bytes),
            // no sum; such problems are refused before
            Objective::PeakMemory => self.each(|_| 0.0),
            Objective::Quality => {
                let w = &self.weights;
                let linear = |site: &SiteAddends| {
                    -(w.s * site.s
                        + w.nsc * site.nsc
                        + w.params * site.params
                        + w.macs * site.macs
                        + w.activations * site.activations)
                };
                SiteSum {
                    constant: -w.constant,
                    ..self.each(linear)
                }
            }
        }
    }

    fn limited(&self, constraint: &Constraint) -> Limited {
        let limited = |objective, sum| LimitedSum {
            objective,
            sum,
            limit: constraint.limit,
        };
        let exactly = |objective, sum| Limited::Sums {
            sums: vec![limited(objective, sum)],
            is_bound: false,
        };
        match constraint.figure {
            Figure::Macs => exactly(Some(Objective::Macs), self.objective(Objective::Macs)),
            Figure::Params => exactly(Some(Objective::Params), self.objective(Objective::Params)),
            Figure::WeightsMib => exactly(None, self.deployed(|site| site.weight_bytes / MIB)),
            Figure::PeakMemoryMib => Limited::Largest {
                of_site: self
                    .addends
                    .iter()
                    .map(|site| site.peak_memory_bytes / MIB)
                    .collect(),
                is_bound: !self
                    .problem
                    .experiment()
                    .space
                    .definition()
                    .features
                    .is_empty(),
            },
            Figure::ChannelDrop => Limited::Largest {
                of_site: self.addends.iter().map(|site| site.channel_drop).collect(),
                is_bound: false,
            },
            Figure::Rho => Limited::Sums {
                sums: self
                    .rho
                    .iter()
                    .map(|sum| limited(None, sum.clone()))
                    .collect(),
                is_bound: true,
            },
            Figure::LatencyMs => self.limited_latency(constraint),
            Figure::TargetLatencyMs(target) => self.limited_for_target(constraint, target),
        }
    }

    fn limited_latency(&self, constraint: &Constraint) -> Limited {
        let table = self.problem.blocks();
        let is_true = table.is_ok_and(BlockTable::has_additive_mean);
        if self.has(Objective::Latency) && !self.has_both {
            // as an objective the latency is either of the two, by the view
            let latency = LimitedSum {
                objective: Some(Objective::Latency),
                sum: self.latency.clone(),
                limit: constraint.limit,
            };
            return Limited::Sums {
                sums: vec![latency],
                is_bound: constraint.quantile > 0.0 || !is_true,
            };
        }
        Limited::Sums {
            sums: self.limits_of(
                constraint,
                (&self.mean, self.bound.as_ref()),
                [Objective::Latency, Objective::Throughput],
                self.problem.experiment().appraiser.model.batch(),
            ),
            is_bound: constraint.quantile > 0.0 || !is_true,
        }
    }

    fn limited_for_target(&self, constraint: &Constraint, number: u8) -> Limited {
        let target = &self.targets[number as usize];
        Limited::Sums {
            sums: self.limits_of(
                constraint,
                (&target.mean, target.bound.as_ref()),
                [
                    Objective::TargetLatency(number),
                    Objective::TargetThroughput(number),
                ],
                target.batch,
            ),
            is_bound: constraint.quantile > 0.0 || !target.has_additive_mean,
        }
    }

    /// The limits that a limit on a latency, or on its bound, means for sums: what limits a bound limits the mean below it.
    fn limits_of(
        &self,
        constraint: &Constraint,
        (mean, bound): (&SiteSum, Option<&SiteSum>),
        [latency, throughput]: [Objective; 2],
        batch: u64,
    ) -> Vec<LimitedSum> {
        let own = if self.has(latency) {
            Some(LimitedSum {
                objective: Some(latency),
                sum: mean.clone(),
                limit: constraint.limit,
            })
        } else if self.has(throughput) {
            Some(LimitedSum {
                objective: Some(throughput),
                sum: per_image(mean, batch),
                limit: constraint.limit / batch as f64,
            })
        } else {
            None
        };
        let other = match (bound, &own) {
            (Some(bound), _) => Some(bound),
            (None, Some(_)) => None,
            (None, None) => Some(mean),
        };
        let other = other.map(|sum| LimitedSum {
            objective: None,
            sum: sum.clone(),
            limit: constraint.limit,
        });
        own.into_iter().chain(other).collect()
    }

    fn has(&self, objective: Objective) -> bool {
        self.problem.experiment().objectives.contains(&objective)
    }
}

/// The sums that stand for the mean latencies of networks like this one, of the platform and of further targets.
pub(crate) fn mean_tangents(
    problem: &BackboneProblem,
    at: &Genotype,
) -> Result<Vec<SiteSum>, PathsError> {
    let targets = 0..problem.experiment().appraiser.targets.len();
    let tables = std::iter::once(problem.blocks()).chain(targets.map(|n| problem.target_blocks(n)));
    let tangents = tables.map(|table| Ok(table.map_err(Clone::clone)?.mean_tangent(at)));
    tangents.collect()
}

/// A sum that the mean and so many deviations never fall below, close to them for the networks `at`; nothing where there is none.
fn bound(table: &BlockTable, mean: &SiteSum, at: &[Genotype], quantile: f64) -> Option<SiteSum> {
    let deviation = table.deviation_tangent(at)?;
    Some(upper(mean, &deviation, quantile))
}

/// The time for each image of a batch.
fn per_image(latency: &SiteSum, batch: u64) -> SiteSum {
    let batch = batch as f64;
    SiteSum {
        constant: latency.constant / batch,
        by_site: latency.by_site.iter().map(|ms| ms / batch).collect(),
    }
}

/// Mean and so many deviations.
fn upper(mean: &SiteSum, deviation: &SiteSum, quantile: f64) -> SiteSum {
    let sites = mean.by_site.iter().zip(&deviation.by_site);
    SiteSum {
        constant: mean.constant + quantile * deviation.constant,
        by_site: sites.map(|(mean, std)| mean + quantile * std).collect(),
    }
}
