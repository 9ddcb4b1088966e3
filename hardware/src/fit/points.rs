//! Which kernels the residual is expressed by.

use roofnas_cost::calibration::{Covariance, Points, Workload};

/// Greedily picks the kernels that explain most of the residual's variance: a Cholesky decomposition with pivoting (Fine, Scheinberg: Efficient
/// SVM Training Using Low-Rank Kernel Representations, JMLR 2001), each kernel weighted by how much it matters.
pub(super) fn choose(
    works: &[Workload],
    importance: &[f64],
    covariance: Covariance,
    most: usize,
) -> Points {
    let variance = covariance.variance();
    let mut left: Vec<f64> = importance.iter().map(|i| i * i * variance).collect();
    let enough = 1e-9 * left.iter().copied().fold(0.0, f64::max);
    let mut columns: Vec<Vec<f64>> = Vec::new();
    let mut points = Points::new();
    for _ in 0..most.min(works.len()) {
        let best = (0..left.len()).max_by(|&a, &b| left[a].total_cmp(&left[b]));
        let Some(pivot) = best.filter(|&pivot| left[pivot] > enough) else {
            break;
        };
        let root = left[pivot].sqrt();
        let at = &works[pivot];
        let column: Vec<f64> = works
            .iter()
            .enumerate()
            .map(|(i, work)| {
                if work.class != at.class {
                    return 0.0;
                }
                let alike = covariance.between(&work.coordinates, &at.coordinates);
                let known: f64 = columns.iter().map(|c| c[i] * c[pivot]).sum();
                (importance[i] * importance[pivot] * alike - known) / root
            })
            .collect();
        for (left, explained) in left.iter_mut().zip(&column) {
            *left = (*left - explained * explained).max(0.0);
        }
        left[pivot] = 0.0;
        columns.push(column);
        points.entry(at.class).or_default().push(at.coordinates);
    }
    points
}
