//! The model at one place of its parameters: what it says of the timings, and how that changes.

use nalgebra::{DMatrix, DVector};
use roofnas_cost::calibration::{
    Basis, CLASSES, Cold, ColdWeights, Composition, LogParameters, LogThreadEffect, Mean,
    PARAMETERS, Rates, THREAD_PARAMETERS, overhead_index, residual_factor,
};

use super::design::Design;
use super::prior::Prior;

/// The residual's functions at each distinct kernel.
#[derive(Debug, Clone)]
pub(super) struct Functions {
    pub(super) len: usize,
    /// For each kernel: the first function that isn't zero, the values from there on, the variance left unexplained.
    pub(super) at: Vec<(usize, Vec<f64>, f64)>,
}

impl Functions {
    /// No residual.
    pub(super) fn none(design: &Design) -> Self {
        Self {
            len: 0,
            at: vec![(0, Vec::new(), 0.0); design.works.len()],
        }
    }

    pub(super) fn new(design: &Design, basis: &Basis) -> Self {
        let project = |work: &roofnas_cost::calibration::Workload| {
            let mut values = Vec::new();
            let (first, rest) = basis.project(work.class, &work.coordinates, &mut values);
            (first, values, rest)
        };
        Self {
            len: basis.len(),
            at: design.works.iter().map(project).collect(),
        }
    }
}

/// The model at one place.
pub(super) struct State {
    /// Predicted seconds of each timing.
    pub(super) predicted: DVector<f64>,
    /// For each timing what a second on the device counts.
    pub(super) device_weights: Vec<f64>,
    parts: Vec<Part>,
    /// One call of the engine.
    inference_s: f64,
    /// On the fewest threads.
    parameters: LogParameters,
    /// Of each number of threads beyond the fewest.
    effects: Vec<LogThreadEffect>,
    host_weights: Vec<f64>,
    /// Of each timing.
    cold: Vec<Cold>,
}

/// One distinct kernel.
struct Part {
    mean: Mean,
    /// What all residuals multiply its time by.
    factor: f64,
    host: f64,
    device: f64,
}

impl State {
    /// The model at a prior's medians, without a residual of its own.
    fn at_medians(prior: &Prior, design: &Design) -> Self {
        let inherited = prior.inherited_factors(design);
        let none = Functions::none(design);
        Self::new(
            design,
            prior,
            &inherited,
            &none,
            &vec![0.0; prior.coordinates()],
        )
    }

    /// The model at coordinates (parameters, then the residual's weights).
    pub(super) fn new(
        design: &Design,
        prior: &Prior,
        inherited: &[f64],
        functions: &Functions,
        coordinates: &[f64],
    ) -> Self {
        let parameters = prior.parameters(coordinates);
        let effects = prior.effects(coordinates);
        let mut on_threads = vec![parameters.clone()];
        on_threads.extend(effects.iter().map(|effect| parameters.on_threads(effect)));
        let rates: Vec<Rates> = on_threads.iter().map(Rates::from).collect();
        let weights = &coordinates[prior.coordinates()..];
        let mut parts = Vec::with_capacity(design.works.len());
        for (index, work) in design.works.iter().enumerate() {
            let mut mean = rates[design.work_threads[index]].mean(work, prior.kind.rule);
            if prior.composition == Composition::Graph {
                mean.overhead_s = 0.0;
            }
            let (first, values, _) = &functions.at[index];
            let own = weights.get(*first..).unwrap_or_default();
            let residual: f64 = values.iter().zip(own).map(|(v, w)| v * w).sum();
            let on_host = prior.composition == Composition::Async;
            let work_s = if on_host {
                mean.roof_s
            } else {
                mean.overhead_s + mean.roof_s
            };
            let factor = inherited[index] * residual_factor(residual);
            parts.push(Part {
                host: if on_host { mean.overhead_s } else { 0.0 },
                device: factor * work_s,
                factor,
                mean,
            });
        }
        let call = rates[0].inference_s;
        let cold_weights: Vec<ColdWeights> = on_threads.iter().map(ColdWeights::from).collect();
        let mut state = Self {
            inference_s: call,
            predicted: DVector::zeros(design.len()),
            device_weights: Vec::with_capacity(design.len()),
            host_weights: Vec::with_capacity(design.len()),
            cold: Vec::with_capacity(design.len()),
            parts,
            parameters,
            effects,
        };
        for (i, row) in design.rows.iter().enumerate() {
            let total = |of: fn(&Part) -> f64| -> f64 {
                row.iter()
                    .map(|&(work, count)| count * of(&state.parts[work]))
                    .sum()
            };
            let (all, own) = design.weights[i];
            let cold = cold_weights[design.row_threads[i]].of(all).part(own);
            let host = total(|part| part.host);
            let device = total(|part| part.device) + cold.seconds;
            state.cold.push(cold);
            let [on_host, on_device] = prior.composition.weights(host, device);
            state.predicted[i] = design.calls[i] * call + on_host * host + on_device * device;
            state.host_weights.push(on_host);
            state.device_weights.push(on_device);
        }
        state
    }

    /// Variance of the logarithm of each distinct kernel's time that the functions leave unexplained, in square seconds.
    pub(super) fn rest(&self, functions: &Functions) -> Vec<f64> {
        let parts = self.parts.iter().zip(&functions.at);
        parts
            .map(|(part, (_, _, rest))| part.device * part.device * rest)
            .collect()
    }

    /// What a second on the device counts, relative to a timing.
    pub(super) fn relative_weight(&self, timing: usize) -> f64 {
        self.device_weights[timing] / self.predicted[timing]
    }

    /// Variance that deviations of 1 of each distinct kernel of a class would add to the logarithm of a timing.
    pub(super) fn by_nugget(&self, design: &Design, timing: usize) -> [f64; CLASSES] {
        let weight = self.relative_weight(timing);
        let mut by_class = [0.0; CLASSES];
        for &(work, count) in &design.rows[timing] {
            let class = design.works[work].class as usize;
            by_class[class] += (weight * count * self.parts[work].device).powi(2);
        }
        by_class
    }

    /// Derivatives of the logarithms of the predictions by the coordinates, one row a timing.
    pub(super) fn derivatives(
        &self,
        design: &Design,
        prior: &Prior,
        functions: &Functions,
    ) -> DMatrix<f64> {
        let on_host = prior.composition == Composition::Async;
        let own = prior.coordinates();
        let mut matrix = DMatrix::zeros(design.len(), own + functions.len);
        let all = PARAMETERS + THREAD_PARAMETERS * self.effects.len();
        let scales: Vec<Vec<(usize, f64)>> = (0..all).map(|index| prior.scales(index)).collect();
        let mut by_parameter = vec![0.0; all];
        // matrices lie by columns: a row is put together by itself
        let mut by_coordinate = vec![0.0; matrix.ncols()];
        for (i, row) in design.rows.iter().enumerate() {
            by_parameter.fill(0.0);
            by_coordinate.fill(0.0);
            by_parameter[0] = design.calls[i] * self.inference_s;
            for &(index, count) in row {
                let part = &self.parts[index];
                let mean = &part.mean;
                let device = self.device_weights[i] * count * part.factor;
                let host = if on_host {
                    self.host_weights[i] * count
                } else {
                    device
                };
                let first = overhead_index(design.works[index].class);
                by_parameter[1] += device * mean.by_sharpness_s;
                by_parameter[first] += host * mean.overhead_s;
                let rates = mean.by_rates_s();
                rates.add_to(&mut by_parameter, &design.works[index], device);
                let each = self.device_weights[i] * count * part.device;
                let (first, values, _) = &functions.at[index];
                let by_weights = &mut by_coordinate[own + first..];
                for (by_weight, value) in by_weights.iter_mut().zip(values) {
                    *by_weight += each * value;
                }
            }
            self.cold[i].add_to(&mut by_parameter, self.device_weights[i]);
            if let Some(before) = design.row_threads[i].checked_sub(1) {
                self.spread_to_fewest(before, &mut by_parameter);
            }
            for (derivative, scales) in by_parameter.iter().zip(&scales) {
                for &(coordinate, scale) in scales {
                    by_coordinate[coordinate] += derivative * scale;
                }
            }
            for (entry, by) in matrix.row_mut(i).iter_mut().zip(&by_coordinate) {
                *entry = by / self.predicted[i];
            }
        }
        matrix
    }
}

impl State {
    /// Turns derivatives by the parameters on some threads into those by the parameters on the fewest and by the effects.
    fn spread_to_fewest(&self, before: usize, by_parameter: &mut [f64]) {
        let effect = &self.effects[before];
        for parameter in 0..PARAMETERS {
            let derivative = self.parameters.by_threads(parameter, effect);
            if let Some((kind, by)) = derivative.by_effect {
                let place = PARAMETERS + THREAD_PARAMETERS * before + kind;
                by_parameter[place] += by_parameter[parameter] * by;
            }
            by_parameter[parameter] *= derivative.by_own;
        }
    }
}

/// How much each distinct kernel matters: the root of the sum, over the timings, of its squared share in them.
pub(super) fn importance(prior: &Prior, design: &Design) -> Vec<f64> {
    let state = State::at_medians(prior, design);
    let mut squares = vec![0.0; design.works.len()];
    for (row, predicted) in design.rows.iter().zip(&state.predicted) {
        for &(work, count) in row {
            squares[work] += (count * state.parts[work].device / predicted).powi(2);
        }
    }
    squares.into_iter().map(f64::sqrt).collect()
}

/// What a prior's medians say of the timings, in seconds.
pub(super) fn predict(prior: &Prior, design: &Design) -> Vec<f64> {
    let state = State::at_medians(prior, design);
    state.predicted.iter().copied().collect()
}
