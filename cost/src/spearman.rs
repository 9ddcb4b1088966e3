//! Spearman's rank correlation.

/// Pearson's correlation of the ranks of two columns of equal length, equal values sharing the average of theirs (C. Spearman, "The proof and
/// measurement of association between two things", 1904). Nothing for fewer than three, which say nothing of an order, and where a column has no two different values.
///
/// ```
/// use roofnas_cost::spearman;
///
/// assert_eq!(spearman(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 3.0, 4.0]), Some(0.8));
/// ```
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() < 3 {
        return None;
    }
    let (a, b) = (average_ranks(a), average_ranks(b));
    // the mean of the ranks is the same whatever the ties
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        let pairs = x.iter().zip(y);
        pairs.map(|(x, y)| (x - middle) * (y - middle)).sum()
    };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// Ranks from 1; equal values share the average of theirs.
fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    for ties in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let average = from as f64 + (ties.len() as f64 + 1.0) / 2.0;
        for &index in ties {
            ranks[index] = average;
        }
        from += ties.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
    }

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(average_ranks(&[5.0, 1.0, 5.0, 9.0]), [2.5, 1.0, 2.5, 4.0]);
        assert_eq!(average_ranks(&[7.0; 3]), [2.0; 3]);
    }

    #[test]
    fn by_hand() {
        // sum of squared differences of ranks 1 + 1 + 0 + 0: 1 - 6 * 2 / (4 * 15)
        let swapped = spearman(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 3.0, 4.0]);
        close(swapped, 0.8);
        close(spearman(&[1.0, 2.0, 3.0], &[9.0, 5.0, 1.0]), -1.0);
        // ranks 1.5, 1.5, 3 and 1, 2, 3: 1.5 / sqrt(1.5 * 2)
        let tied = spearman(&[1.0, 1.0, 3.0], &[1.0, 2.0, 3.0]);
        close(tied, 0.75_f64.sqrt());
    }

    #[test]
    fn no_order_is_none() {
        assert_eq!(spearman(&[1.0; 4], &[1.0, 2.0, 3.0, 4.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
    }
}
