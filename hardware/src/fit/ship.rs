//! A fit in the form that profiles hold.

use nalgebra::DMatrix;
use roofnas_cost::calibration::{
    COORDINATES, Component, PARAMETERS, Parameters, QUANTA, Relevance, Surface, THREAD_PARAMETERS,
    Triangle, WITHOUT_THREADS,
};

use super::laplace::Laplace;
use super::prior::Prior;

/// Digits kept of parameters, points and weights.
const DIGITS: usize = 6;

/// A component of a calibration; none where the covariance can't be decomposed.
pub(super) fn component(
    prior: &Prior,
    threads: &[u32],
    laplace: &Laplace,
    weight: f64,
) -> Option<Component> {
    let functions = laplace.basis.len();
    let coordinates = prior.coordinates();
    let (own, weights) = laplace.coordinates.split_at(coordinates);
    let mut parameters = Parameters::from(&prior.parameters(own));
    if prior.kind.rule.alignment == 0 {
        // nothing is misaligned
        parameters.misaligned_slowdown = None;
    }
    let effects = prior.effects(own).into_iter().zip(&threads[1..]);
    parameters.more_threads = effects.map(|(effect, &on)| effect.on(on)).collect();
    round_parameters(&mut parameters);
    // S = K^-T K^-1 with P = K K', so T K^-T is a factor of the covariance of what profiles hold
    let precision = laplace.precision()?.l();
    let mut inverse = DMatrix::identity(precision.nrows(), precision.ncols());
    precision.solve_lower_triangular_mut(&mut inverse);
    // what costs nothing in the prior does so for certain
    let effects = PARAMETERS..PARAMETERS + THREAD_PARAMETERS * parameters.more_threads.len();
    let all: Vec<usize> = parameters.present().chain(effects).collect();
    let shipped = all.len();
    let mut factor = DMatrix::zeros(shipped + functions, coordinates + functions);
    for (row, &parameter) in all.iter().enumerate() {
        for (coordinate, scale) in prior.scales(parameter) {
            for column in 0..factor.ncols() {
                factor[(row, column)] += scale * inverse[(column, coordinate)];
            }
        }
    }
    for function in 0..functions {
        for column in 0..factor.ncols() {
            factor[(shipped + function, column)] = inverse[(column, coordinates + function)];
        }
    }
    let triangle = factor.transpose().qr().unpack_r();
    let rows = 0..shipped + functions;
    let rows: Vec<Vec<f64>> = rows
        .map(|i| (0..=i).map(|j| triangle[(j, i)]).collect())
        .collect();
    Some(Component {
        weight: round(weight, DIGITS),
        prior: prior.name.clone(),
        composition: prior.composition,
        channel_quantum: QUANTA[prior.kind.rule.quantum],
        channel_alignment: QUANTA[prior.kind.rule.alignment],
        noise: round(laplace.hyper.noise, DIGITS),
        parameters,
        residual: surface(laplace, weights, threads.len()),
        inherited: prior.inherited.clone(),
        covariance_factor: Triangle::from_rows(&rows)?,
    })
}

fn surface(laplace: &Laplace, weights: &[f64], numbers_of_threads: usize) -> Surface {
    let mut covariance = laplace.basis.covariance();
    for scale in [
        &mut covariance.amplitude,
        &mut covariance.detail,
        &mut covariance.length_scale,
    ] {
        *scale = round(*scale, DIGITS);
    }
    let relevance = covariance.relevance.each().map(|each| round(each, DIGITS));
    covariance.relevance = Relevance::of_kinds(relevance);
    let mut points = laplace.basis.points();
    for coordinate in points.values_mut().flatten().flatten() {
        *coordinate = round(*coordinate, DIGITS);
    }
    let nuggets = laplace.basis.nuggets().iter();
    Surface {
        nuggets: nuggets
            .map(|(&class, &own)| (class, round(own, DIGITS)))
            .collect(),
        covariance,
        weights: weights.iter().map(|&w| round(w, DIGITS)).collect(),
        points,
        coordinates: if numbers_of_threads > 1 {
            COORDINATES
        } else {
            WITHOUT_THREADS
        },
    }
}

fn round_parameters(parameters: &mut Parameters) {
    let tables = [
        &mut parameters.overhead_us,
        &mut parameters.peak_gflops,
        &mut parameters.bandwidth_gb_s,
    ];
    let tables = tables.into_iter().flat_map(|table| table.values_mut());
    for number in tables.chain(parameters.activation_gelements_s.values_mut()) {
        *number = round(*number, DIGITS);
    }
    if let Some(beyond) = &mut parameters.beyond_caches {
        beyond.bandwidth_gb_s = round(beyond.bandwidth_gb_s, DIGITS);
        beyond.working_set_mb = round(beyond.working_set_mb, DIGITS);
    }
    if let Some(cold) = &mut parameters.cold_weights {
        cold.bandwidth_gb_s = round(cold.bandwidth_gb_s, DIGITS);
        cold.held_mb = round(cold.held_mb, DIGITS);
    }
    if let Some(slowdown) = &mut parameters.misaligned_slowdown {
        *slowdown = round(*slowdown, DIGITS);
    }
    for effect in &mut parameters.more_threads {
        for number in [
            &mut effect.synchronisation_us,
            &mut effect.peak_gain,
            &mut effect.bandwidth_gain,
        ] {
            *number = round(*number, DIGITS);
        }
    }
    parameters.inference_us = round(parameters.inference_us, DIGITS);
    parameters.sharpness = round(parameters.sharpness, DIGITS);
}

/// A number to so many significant digits.
fn round(number: f64, digits: usize) -> f64 {
    let text = format!("{number:.*e}", digits - 1);
    text.parse().unwrap_or(number)
}
