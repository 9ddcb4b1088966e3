//! Kendall's rank correlation.

/// Kendall's tau-b of two columns of equal length (M. Kendall, "The treatment of ties in ranking problems", Biometrika 33(3), 1945):
///
/// ```text
/// tau_b = (concordant - discordant) / sqrt((pairs - pairs equal in a) (pairs - pairs equal in b))
/// ```
///
/// in O(n log n): discordant pairs are the exchanges of a merge sort (W. Knight, "A computer method for calculating Kendall's tau with ungrouped
/// data", JASA 61, 1966). Nothing where a column has no two different values, or a value that is not a number.
///
/// ```
/// use roofnas::ranking::kendall_tau;
///
/// assert_eq!(kendall_tau(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]), Some(4.0 / 6.0));
/// assert_eq!(kendall_tau(&[1.0, 1.0], &[1.0, 2.0]), None);
/// ```
pub fn kendall_tau(a: &[f64], b: &[f64]) -> Option<f64> {
    // the sum makes one zero of two
    let mut pairs: Vec<(f64, f64)> = a.iter().zip(b).map(|(a, b)| (a + 0.0, b + 0.0)).collect();
    if pairs.iter().any(|(a, b)| a.is_nan() || b.is_nan()) {
        return None;
    }
    pairs.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)));
    let all = count_pairs(pairs.len());
    let equal_in_a = equal_pairs(&pairs, |x, y| x.0 == y.0);
    let equal_in_both = equal_pairs(&pairs, |x, y| x == y);
    let mut b: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let mut room = b.clone();
    let discordant = sort_counting(&mut b, &mut room);
    let equal_in_b = equal_pairs(&b, |x, y| x == y);
    if equal_in_a == all || equal_in_b == all {
        return None;
    }
    // pairs that are equal in both are counted in either
    let untied = (all + equal_in_both - equal_in_a - equal_in_b) as f64;
    // the root of a square is exact, so that equal orders give 1 and not nearly 1
    let spread = ((all - equal_in_a) as f64 * (all - equal_in_b) as f64).sqrt();
    Some((untied - 2.0 * discordant as f64) / spread)
}

const fn count_pairs(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

/// Pairs of equal ones in a sorted list.
fn equal_pairs<T>(sorted: &[T], same: impl Fn(&T, &T) -> bool) -> u64 {
    let runs = sorted.chunk_by(same);
    runs.map(|run| count_pairs(run.len())).sum()
}

/// Sorts, and counts the pairs that stood in the wrong order. `room` is as long.
fn sort_counting(values: &mut [f64], room: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let middle = n / 2;
    let (left, right) = values.split_at_mut(middle);
    let (room_left, room_right) = room.split_at_mut(middle);
    let mut exchanges = sort_counting(left, room_left) + sort_counting(right, room_right);
    let (mut i, mut j) = (0, 0);
    for place in room.iter_mut() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            *place = left[i];
            i += 1;
        } else {
            *place = right[j];
            j += 1;
            exchanges += (left.len() - i) as u64;
        }
    }
    values.copy_from_slice(room);
    exchanges
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use roofnas_search::random_stream;

    use super::*;

    /// By the definition, pair by pair.
    fn quadratic(a: &[f64], b: &[f64]) -> Option<f64> {
        let (mut agreement, mut in_a, mut in_b) = (0.0, 0.0, 0.0);
        for i in 0..a.len() {
            for j in 0..i {
                let sign = |x: f64, y: f64| f64::from(i8::from(x > y) - i8::from(x < y));
                let (x, y) = (sign(a[i], a[j]), sign(b[i], b[j]));
                agreement += x * y;
                in_a += x * x;
                in_b += y * y;
            }
        }
        let spread: f64 = in_a * in_b;
        (spread > 0.0).then(|| agreement / spread.sqrt())
    }

    #[test]
    fn it_is_the_quadratic_definition_with_ties() {
        for case in 0..300_u64 {
            let mut rng = random_stream(5, 0, case);
            let n = rng.random_range(0..40);
            let values = rng.random_range(1..30_u32);
            let mut column = || -> Vec<f64> {
                let value = |_| f64::from(rng.random_range(0..values)) - 3.0;
                (0..n).map(value).collect()
            };
            let (a, b) = (column(), column());
            match (kendall_tau(&a, &b), quadratic(&a, &b)) {
                (Some(fast), Some(slow)) => {
                    assert!((fast - slow).abs() < 1e-12, "{fast} {slow}");
                }
                (fast, slow) => assert_eq!(fast, slow, "{a:?} {b:?}"),
            }
        }
    }

    #[test]
    fn known_answers() {
        // worked by hand: 9 concordant, 1 discordant, of 15 pairs two tied in a, three in b, none in both
        let a = [1.0, 2.0, 2.0, 3.0, 3.0, 4.0];
        let b = [1.0, 2.0, 3.0, 3.0, 5.0, 3.0];
        let expected = 8.0 / (13.0_f64 * 12.0).sqrt();
        assert!((kendall_tau(&a, &b).unwrap() - expected).abs() < 1e-12);
        assert_eq!(kendall_tau(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
    }

    #[test]
    fn what_has_no_order_has_no_tau() {
        assert_eq!(kendall_tau(&[], &[]), None);
        assert_eq!(kendall_tau(&[1.0], &[1.0]), None);
        assert_eq!(kendall_tau(&[2.0; 3], &[1.0, 2.0, 3.0]), None);
        assert_eq!(kendall_tau(&[0.0, -0.0], &[1.0, 2.0]), None);
        assert_eq!(kendall_tau(&[f64::NAN, 1.0], &[1.0, 2.0]), None);
    }
}
