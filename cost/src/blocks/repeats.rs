//! Counting equal kernels of one network without a table of all kernels.

/// Kernels up to which nothing is allocated.
const INLINE: usize = 128;
/// A place of the table that nobody has taken.
const VACANT: u32 = u32::MAX;
/// 2^32 over the golden ratio: spreads numbers that follow one another (Knuth: The Art of Computer Programming 3, section 6.4).
const SPREAD: u32 = 0x9e37_79b9;

/// Calls `visit` with each kernel and how often it has occurred so far, itself included. There are at most `most` of them.
pub(super) fn count_repeats(
    most: usize,
    kernels: impl Iterator<Item = u32>,
    visit: impl FnMut(u32, f64),
) {
    if most <= INLINE {
        count_in(&mut [(VACANT, 0); 2 * INLINE], kernels, visit);
    } else {
        let places = (2 * most).next_power_of_two();
        count_in(&mut vec![(VACANT, 0); places], kernels, visit);
    }
}

/// An open-addressed table with a power of two of places, at least half of which stay vacant.
fn count_in(
    places: &mut [(u32, u32)],
    kernels: impl Iterator<Item = u32>,
    mut visit: impl FnMut(u32, f64),
) {
    let shift = 32 - places.len().trailing_zeros();
    let last = places.len() - 1;
    for kernel in kernels {
        let mut place = (kernel.wrapping_mul(SPREAD) >> shift) as usize;
        while places[place].0 != kernel && places[place].0 != VACANT {
            place = (place + 1) & last;
        }
        places[place].0 = kernel;
        places[place].1 += 1;
        visit(kernel, f64::from(places[place].1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn counts_are_those_of_a_map() {
        for most in [1, 100, 128, 129, 1000] {
            let kernels: Vec<u32> = (0..most as u32).map(|i| (i * i) % 61 * 1_000_003).collect();
            let mut map = BTreeMap::new();
            count_repeats(most, kernels.iter().copied(), |kernel, count| {
                let known = map.entry(kernel).or_insert(0.0);
                *known += 1.0;
                assert_eq!(*known, count);
            });
            assert_eq!(map.values().sum::<f64>(), most as f64);
        }
    }
}
