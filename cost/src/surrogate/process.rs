//! A fitted process.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::hyper::{Hyper, Products};

/// A point and what was observed there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    /// Terms first, then genes.
    pub(super) point: Vec<f64>,
    /// `ln error`.
    pub(super) value: f64,
    /// Variance of one training that is known.
    pub(super) known_variance: f64,
    /// Trainings that the value is the mean of.
    pub(super) runs: f64,
}

/// A process given its observations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Process {
    pub(super) hyper: Hyper,
    /// Leading coordinates that are terms.
    terms: usize,
    /// Mean and deviation of the observed values: the unit of everything below.
    centre: f64,
    unit: f64,
    points: Vec<f64>,
    width: usize,
    /// Inverse covariance times observed values.
    weights: Vec<f64>,
    /// Lower triangle of the covariance's Cholesky factor, row by row.
    factor: Vec<f64>,
    /// Variance of one training that is known, in the mean.
    known_variance: f64,
    /// What deviations are multiplied by.
    widening: f64,
}

/// Mean and variances at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Belief {
    pub(super) mean: f64,
    /// Of the process.
    pub(super) variance: f64,
    /// Of one training more.
    pub(super) noise_variance: f64,
}

/// Centre and spread of observed values; nothing where they are all alike.
pub(super) fn scale<'a>(all: impl Iterator<Item = &'a Observation> + Clone) -> Option<[f64; 2]> {
    let count = all.clone().count() as f64;
    let centre = all.clone().map(|o| o.value).sum::<f64>() / count;
    let variance = all.map(|o| (o.value - centre).powi(2)).sum::<f64>() / count;
    let unit = variance.sqrt();
    (unit > 1e-12).then_some([centre, unit])
}

/// Variance of an observation about the process, in units of the spread.
pub(super) fn noise(hyper: &Hyper, observation: &Observation, unit: f64) -> f64 {
    (hyper.noise * hyper.noise + observation.known_variance / (unit * unit)) / observation.runs
}

/// The Cholesky factor of a covariance, with as much more on its diagonal as rounding asks for.
pub(super) fn factorise(covariance: &DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    let scale = covariance.diagonal().mean();
    [0.0, 1e-10, 1e-8, 1e-6].into_iter().find_map(|more| {
        let mut matrix = covariance.clone();
        for place in 0..matrix.nrows() {
            matrix[(place, place)] += more * scale;
        }
        Cholesky::new(matrix)
    })
}

impl Process {
    /// Conditions a process on observations; nothing where they are all alike.
    pub(super) fn new(all: &[&Observation], terms: usize, hyper: Hyper) -> Option<Self> {
        let [centre, unit] = scale(all.iter().copied())?;
        let count = all.len();
        let covariance = DMatrix::from_fn(count, count, |row, column| {
            let products = Products::new(&all[row].point, &all[column].point, terms);
            let own = if row == column {
                noise(&hyper, all[row], unit)
            } else {
                0.0
            };
            hyper.covariance(&products) + own
        });
        let factor = factorise(&covariance)?;
        let values = DVector::from_iterator(count, all.iter().map(|o| (o.value - centre) / unit));
        let weights = factor.solve(&values);
        let lower = factor.l();
        let rows = (0..count).flat_map(|row| (0..=row).map(move |column| (row, column)));
        Some(Self {
            hyper,
            terms,
            centre,
            unit,
            points: all.iter().flat_map(|o| o.point.iter().copied()).collect(),
            width: all.first().map_or(0, |o| o.point.len()),
            weights: weights.iter().copied().collect(),
            factor: rows.map(|place| lower[place]).collect(),
            known_variance: all.iter().map(|o| o.known_variance).sum::<f64>() / count as f64,
            widening: 1.0,
        })
    }

    /// The same with deviations that many times as large.
    pub(super) fn widened(self, widening: f64) -> Self {
        Self { widening, ..self }
    }

    /// What deviations are multiplied by.
    pub(super) fn widening(&self) -> f64 {
        self.widening
    }

    /// Observations it knows.
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    fn covariances<'a>(&'a self, point: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        let known = self.points.chunks_exact(self.width.max(1));
        known.map(|known| {
            self.hyper
                .covariance(&Products::new(known, point, self.terms))
        })
    }

    /// The mean at a point.
    pub(super) fn mean(&self, point: &[f64]) -> f64 {
        let covariances = self.covariances(point).zip(&self.weights);
        self.centre + self.unit * covariances.map(|(c, w)| c * w).sum::<f64>()
    }

    /// Mean and variances at a point.
    pub(super) fn belief(&self, point: &[f64]) -> Belief {
        // forward substitution, row by row
        let mut solved: Vec<f64> = Vec::with_capacity(self.len());
        let (mut mean, mut explained) = (0.0, 0.0);
        let mut rest = &self.factor[..];
        for (covariance, weight) in self.covariances(point).zip(&self.weights) {
            let (row, next) = rest.split_at(solved.len() + 1);
            rest = next;
            let sum: f64 = row.iter().zip(&solved).map(|(l, s)| l * s).sum();
            let own = (covariance - sum) / row[solved.len()];
            solved.push(own);
            explained += own * own;
            mean += covariance * weight;
        }
        let alone = self
            .hyper
            .covariance(&Products::new(point, point, self.terms));
        let square = (self.unit * self.widening).powi(2);
        Belief {
            mean: self.centre + self.unit * mean,
            variance: square * (alone - explained).max(0.0),
            noise_variance: square * self.hyper.noise * self.hyper.noise
                + self.widening * self.widening * self.known_variance,
        }
    }
}
