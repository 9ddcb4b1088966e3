//! What is proven to be out of reach: a bound of the front, by points or by planes.

use roofnas_search::{BoundPlane, Costs, PlaneBound, hypervolume, volume_above};

use crate::experiment::Experiment;
use crate::objective::Objective;

/// Costs that no network which keeps the constraints is below.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Of two objectives: for every network `z` there is a point `p` with `p0 <= z0` and `p1 <= z1`.
    Staircase(Vec<[f64; 2]>),
    /// Of more: every network is above all planes of one of these.
    Planes(Vec<PlaneBound>),
}

impl Bound {
    /// Whether it leaves nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Staircase(points) => points.is_empty(),
            Self::Planes(bounds) => bounds.iter().all(|bound| bound.planes.is_empty()),
        }
    }

    /// The points, of two objectives.
    pub fn points(&self) -> &[[f64; 2]] {
        match self {
            Self::Staircase(points) => points,
            Self::Planes(_) => &[],
        }
    }

    /// At least this is the last objective of any network whose others are at most `budgets`; infinite where there is none.
    pub fn at(&self, budgets: &[f64]) -> f64 {
        match self {
            Self::Staircase(points) => {
                let within = points.iter().filter(|point| point[0] <= budgets[0]);
                within.map(|point| point[1]).fold(f64::INFINITY, f64::min)
            }
            Self::Planes(bounds) => {
                let all = bounds.iter().map(|bound| bound.at(budgets));
                all.fold(f64::INFINITY, f64::min)
            }
        }
    }

    /// At least this is the last objective of any network; nothing where there is none.
    pub(crate) fn least_last(&self) -> Option<f64> {
        let least = match self {
            Self::Staircase(points) => points.iter().map(|point| point[1]).reduce(f64::min),
            Self::Planes(bounds) => {
                let all = bounds
                    .iter()
                    .map(|bound| bound.least(bound.limits.len() - 1));
                all.reduce(f64::min)
            }
        };
        least.filter(|least| least.is_finite())
    }

    /// No front has more hypervolume up to this point; nothing where the bound is empty, or none can be told.
    pub(crate) fn hypervolume(&self, reference: &[f64]) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let volume = match self {
            Self::Staircase(_) if reference.len() != 2 => return None,
            Self::Staircase(points) => hypervolume(points, reference),
            Self::Planes(bounds) => {
                let least = |objective: usize| {
                    let all = bounds.iter().map(|bound| bound.least(objective));
                    all.fold(f64::INFINITY, f64::min)
                };
                let low: Costs = (0..reference.len()).map(least).collect();
                let is_ahead = low.iter().zip(reference).all(|(low, end)| low < end);
                match is_ahead {
                    true => volume_above(bounds, &low, reference),
                    false => return None,
                }
            }
        };
        volume.is_finite().then_some(volume)
    }

    /// What limits the objectives where planes bound them, as costs; nothing where points do.
    pub(crate) fn limits(&self) -> Option<Vec<Vec<Option<f64>>>> {
        let Self::Planes(bounds) = self else {
            return None;
        };
        let finite = |limit: &f64| limit.is_finite().then_some(*limit);
        let limits = bounds
            .iter()
            .map(|bound| bound.limits.iter().map(finite).collect());
        Some(limits.collect())
    }

    /// As CSV. Points: one row each, in the figures' own direction. Planes: one row each, a weight for each objective's figure (the time per image for a
    /// throughput), and what the weighted figures add up to at least, for networks of this part of the bound.
    pub(crate) fn csv(&self, experiment: &Experiment) -> Vec<u8> {
        let objectives = &experiment.objectives;
        let mut text;
        match self {
            Self::Staircase(points) => {
                let columns = objectives.iter();
                let columns: Vec<_> = columns.map(|o| experiment.objective_column(*o)).collect();
                text = columns.join(",") + "\n";
                for point in points {
                    let figures = objectives.iter().zip(point);
                    let figures = figures.map(|(o, cost)| o.figure(*cost).to_string());
                    text += &figures.collect::<Vec<_>>().join(",");
                    text.push('\n');
                }
            }
            Self::Planes(bounds) => {
                let targets = &experiment.appraiser.targets;
                let columns = objectives.iter();
                let columns = columns.map(|o| format!("weight of {},", o.cost_column(targets)));
                text = format!("part,{}at_least\n", columns.collect::<String>());
                for (part, bound) in bounds.iter().enumerate() {
                    for plane in &bound.planes {
                        let weights = objectives.iter().zip(&plane.weights);
                        let weights =
                            weights.map(|(o, weight)| format!("{},", 0.0 + sign(*o) * weight));
                        text += &format!("{part},{}{}\n", weights.collect::<String>(), plane.bound);
                    }
                }
            }
        }
        text.into_bytes()
    }

    /// Reads planes back: the rows of their CSV, and what limits the objectives.
    pub(crate) fn of_planes(
        objectives: &[Objective],
        rows: &[Vec<f64>],
        limits: &[Vec<Option<f64>>],
    ) -> Self {
        let bounds = limits.iter().enumerate().map(|(part, limits)| {
            let own = rows.iter().filter(|row| row[0] == part as f64);
            let planes = own.map(|row| {
                let weights = objectives.iter().zip(&row[1..]);
                BoundPlane {
                    weights: weights.map(|(o, weight)| sign(*o) * weight).collect(),
                    bound: row[row.len() - 1],
                }
            });
            let limits = limits.iter().map(|limit| limit.unwrap_or(f64::INFINITY));
            PlaneBound {
                planes: planes.collect(),
                limits: limits.collect(),
                members: Vec::new(),
            }
        });
        Self::Planes(bounds.collect())
    }
}

/// What turns the weight of a cost into that of the figure it is shown as, and back.
fn sign(objective: Objective) -> f64 {
    match objective {
        Objective::Quality => -1.0,
        _ => 1.0,
    }
}
