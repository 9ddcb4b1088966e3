//! Distances between a set found and the true front.

pub(crate) type Point = Vec<f64>;

/// The convergence metric of Deb et al. (2002): the mean distance from what was found to the
/// nearest point of a dense sample of the true front. Elsewhere called GD (with exponent 1).
pub(crate) fn convergence(found: &[Point], truth: &[Point]) -> f64 {
    mean_nearest(found, truth)
}

/// Inverted generational distance: the mean distance from the true front to what was found.
pub(crate) fn inverted_distance(found: &[Point], truth: &[Point]) -> f64 {
    mean_nearest(truth, found)
}

fn mean_nearest(from: &[Point], to: &[Point]) -> f64 {
    let nearest = |a: &Point| {
        to.iter()
            .map(|b| distance(a, b))
            .fold(f64::INFINITY, f64::min)
    };
    from.iter().map(nearest).sum::<f64>() / from.len() as f64
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(x, y)| (x - y).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[test]
fn distances_by_hand() {
    let truth = [vec![0.0, 0.0], vec![0.0, 4.0]];
    let found = [vec![3.0, 0.0]];
    assert_eq!(convergence(&found, &truth), 3.0);
    assert_eq!(inverted_distance(&found, &truth), 4.0);
}
