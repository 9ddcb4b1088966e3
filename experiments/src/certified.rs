//! A front held against what is proven of it, in words and as files.

use roofnas_search::{Certificate, Costs};
use serde::Serialize;

use crate::bound::Bound;
use crate::experiment::Experiment;
use crate::objective::Objective;
use crate::outcome_record::Gap;
use crate::proof::Proof;

/// A proof beside the front it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Certified {
    /// What was proven.
    pub proof: Proof,
    /// The front against it; nothing where the front or the bound is empty.
    pub certificate: Option<Certificate>,
    /// The most that the front has of the last objective.
    most: Option<f64>,
}

impl Certified {
    /// Holds a front of costs against a proof. Sums of another order differ in their last digits, which must not count as a gap: first objectives
    /// are compared to nine digits.
    pub fn new(proof: Proof, front: &[Costs]) -> Self {
        let certificate = match &proof.bound {
            Bound::Staircase(points) => {
                let rounded = front.iter().map(|c| [c[0] - 1e-9 * c[0].abs(), c[1]]);
                let front: Vec<[f64; 2]> = rounded.collect();
                Certificate::new(&front, points, 0.0)
            }
            Bound::Planes(planes) => Certificate::of_planes(front, planes),
        };
        let most = front.iter().filter_map(|costs| costs.last());
        Self {
            certificate,
            most: most.copied().reduce(f64::max),
            proof,
        }
    }

    /// Whether it is proven that no network of the space keeps the constraints.
    pub fn is_infeasible(&self) -> bool {
        self.proof.bound.is_empty() && self.proof.epsilon.is_finite()
    }

    /// The range of the last objective: along the bound, or where that is of planes from the least they let it be to the most of the front.
    fn range(&self) -> f64 {
        match &self.proof.bound {
            Bound::Staircase(points) => match &points[..] {
                [first, .., last] => (first[1] - last[1]).abs(),
                _ => 0.0,
            },
            planes @ Bound::Planes(_) => {
                let ends = self.most.zip(planes.least_last());
                let range = ends.map(|(most, least)| (most - least, most.abs()));
                // planes are lowered by rounding, which is no range
                let range = range.filter(|(range, most)| *range > 1e-9 * most);
                range.map_or(0.0, |(range, _)| range)
            }
        }
    }

    /// How far the front can be from the optimum; nothing where there is no certificate.
    pub fn gap(&self) -> Option<Gap> {
        let worst = self.certificate.as_ref()?.worst_gap;
        let range = self.range();
        worst.is_finite().then_some(Gap {
            worst,
            share_of_range: if range > 0.0 { worst / range } else { 0.0 },
            is_exact: self.proof.is_attained,
        })
    }

    /// The hypervolume of what bounds the front, from this reference point; nothing where there is no bound, or it holds no hypervolume.
    pub(crate) fn hypervolume(&self, reference: &[f64]) -> Option<f64> {
        self.proof.bound.hypervolume(reference)
    }

    /// The highest quality that a network of the space can have, where quality is the last of the objectives.
    pub(crate) fn best_quality(&self, experiment: &Experiment) -> Option<f64> {
        if experiment.objectives.last() != Some(&Objective::Quality) {
            return None;
        }
        self.proof.bound.least_last().map(|cost| 0.0 - cost)
    }

    /// The most that a network of the space can be better in the last objective than a network of these costs, at no more of the others; nothing
    /// where none is proven to be as good in these.
    pub(crate) fn room(&self, costs: &[f64]) -> Option<f64> {
        let (last, others) = costs.split_last()?;
        let reach: Costs = others.iter().map(|cost| cost + 1e-9 * cost.abs()).collect();
        let best = self.proof.bound.at(&reach);
        best.is_finite().then(|| (last - best).max(0.0))
    }

    /// Whether a difference in the last objective is one of rounding.
    pub(crate) fn is_nothing(&self, room: f64) -> bool {
        room <= self.proof.epsilon + 1e-9 * self.range().max(1.0)
    }

    /// What is proven, in a sentence for people.
    pub fn sentence(&self, experiment: &Experiment) -> Option<String> {
        let certificate = self.certificate.as_ref()?;
        let (last, others) = experiment.objectives.split_last()?;
        let name = |objective: &Objective| match objective {
            Objective::Quality => experiment.appraiser.quality.name(),
            other => other
                .cost_column(&experiment.appraiser.targets)
                .into_owned(),
        };
        let share = if self.range() > 0.0 {
            100.0 * certificate.worst_gap / self.range()
        } else {
            0.0
        };
        let bounded = if self.proof.is_attained {
            "the exact front"
        } else {
            "a bound of the exact front"
        };
        let names: Vec<String> = others.iter().map(name).collect();
        let budgets = certificate.worst_budgets.iter();
        // what isn't limited there goes without saying
        let places = names.iter().zip(budgets).filter(|(_, b)| b.is_finite());
        let places: Vec<String> = match names.len() {
            1 => places.map(|(_, budget)| significant(*budget)).collect(),
            _ => places
                .map(|(name, budget)| format!("{name} {}", significant(*budget)))
                .collect(),
        };
        let places = match places.is_empty() {
            true => "no limit".to_owned(),
            false => places.join(" and "),
        };
        Some(format!(
            "gap to the model's optimum: at most {} in {} ({share:.2} % of its range) at any {}, largest at {places}; at least {:.2} % of the \
             hypervolume of {bounded}",
            significant(certificate.worst_gap),
            name(last),
            names.join(" and "),
            100.0 * certificate.relative_hypervolume,
        ))
    }

    /// The certificate as a file.
    ///
    /// # Panics
    /// Never: plain numbers and words can always be written.
    pub fn to_json(&self, experiment: &Experiment) -> Vec<u8> {
        let finite = |value: f64| value.is_finite().then_some(value);
        let certificate = self.certificate.as_ref();
        let file = File {
            about: "the distance of pareto.csv from the optimum of this model, space and constraints; not from the best network there is",
            objectives: experiment
                .objectives
                .iter()
                .map(|o| experiment.objective_column(*o).into_owned())
                .collect(),
            bound: if self.proof.is_attained {
                "exact"
            } else {
                "relaxed"
            },
            epsilon: finite(self.proof.epsilon),
            relative_hypervolume: certificate.map(|c| c.relative_hypervolume),
            additive_epsilon: certificate.and_then(|c| finite(c.additive_epsilon)),
            worst_gap: certificate.map(|c| c.worst_gap),
            worst_budget: certificate.map(|c| WorstBudget::new(experiment, &c.worst_budgets)),
            gap_in: experiment.objectives.last().map(|objective| {
                let targets = &experiment.appraiser.targets;
                objective.cost_column(targets).into_owned()
            }),
            infeasible: self.is_infeasible(),
            limits: self.proof.bound.limits(),
            labels: self.proof.total_labels,
            peak_labels: self.proof.peak_labels,
        };
        let mut bytes = serde_json::to_vec_pretty(&file).expect("plain numbers and words");
        bytes.push(b'\n');
        bytes
    }

    /// The bound as CSV.
    pub fn bound_csv(&self, experiment: &Experiment) -> Vec<u8> {
        self.proof.bound.csv(experiment)
    }
}

/// `certificate.json`.
#[derive(Serialize)]
struct File {
    about: &'static str,
    objectives: Vec<String>,
    bound: &'static str,
    epsilon: Option<f64>,
    relative_hypervolume: Option<f64>,
    additive_epsilon: Option<f64>,
    worst_gap: Option<f64>,
    worst_budget: Option<WorstBudget>,
    gap_in: Option<String>,
    infeasible: bool,
    /// What limits the objectives, as costs, where planes bound them.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Vec<Vec<Option<f64>>>>,
    labels: u64,
    peak_labels: usize,
}

/// Budgets as figures: one, or one for each objective but the last, null where it is infinite.
#[derive(Serialize)]
#[serde(untagged)]
enum WorstBudget {
    One(f64),
    Several(Vec<Option<f64>>),
}

impl WorstBudget {
    fn new(experiment: &Experiment, budgets: &[f64]) -> Self {
        let figures = experiment.objectives.iter().zip(budgets);
        let figures = figures.map(|(objective, budget)| objective.figure(*budget));
        let mut figures: Vec<f64> = figures.collect();
        match figures.len() {
            1 => Self::One(figures.remove(0)),
            _ => {
                let finite = |figure: f64| figure.is_finite().then_some(figure);
                Self::Several(figures.into_iter().map(finite).collect())
            }
        }
    }
}

/// A number with three significant digits.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 12);
    format!("{value:.*}", decimals as usize)
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn three_digits() {
        let said = [0.0, 0.012_345, 1234.4, 41.954, 1.5e-9].map(significant);
        assert_eq!(said, ["0", "0.0123", "1234", "42.0", "0.00000000150"]);
    }
}
