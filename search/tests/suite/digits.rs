//! A space of digits, as large or as tiny as a test wants it, whose neighbours can be listed.

use rand::RngExt;
use roofnas_search::{Evaluation, Neighbourhood, Problem, SearchRng};

/// Strings of `count` digits below `base`.
pub(crate) struct Digits {
    pub(crate) count: usize,
    pub(crate) base: u8,
    pub(crate) evaluate: fn(&[u8]) -> Evaluation,
}

impl Problem for Digits {
    type Genotype = Vec<u8>;

    fn objectives(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut SearchRng) -> Vec<u8> {
        let digit = |_| rng.random_range(0..self.base);
        (0..self.count).map(digit).collect()
    }

    fn mutate(&self, digits: &mut Vec<u8>, rng: &mut SearchRng) {
        digits[rng.random_range(0..self.count)] = rng.random_range(0..self.base);
    }

    fn crossover(&self, child: &mut Vec<u8>, father: &Vec<u8>, rng: &mut SearchRng) {
        let cut = rng.random_range(0..self.count);
        child[cut..].copy_from_slice(&father[cut..]);
    }

    fn evaluate(&self, digits: &Vec<u8>) -> Evaluation {
        (self.evaluate)(digits)
    }
}

/// One digit changed, to any other value.
impl Neighbourhood for Digits {
    fn neighbours(&self, digits: &Vec<u8>, room: &mut Vec<u8>, visit: &mut dyn FnMut(&Vec<u8>)) {
        for (place, &own) in digits.iter().enumerate() {
            room.clone_from(digits);
            for digit in (0..self.base).filter(|&digit| digit != own) {
                room[place] = digit;
                visit(room);
            }
        }
    }
}

/// A million strings, no structure but that close strings share terms: many local optima.
pub(crate) const RUGGED: Digits = Digits {
    count: 6,
    base: 10,
    evaluate: |digits| {
        let term = |(place, pair): (usize, &[u8])| {
            let mixed = usize::from(pair[0]) * 37 + usize::from(pair[1]) * 101 + place * 59;
            (mixed * mixed % 97) as f64
        };
        let first = digits.windows(2).enumerate().map(term).sum();
        let second = digits.windows(2).rev().enumerate().map(term).sum();
        Evaluation::unconstrained([first, second])
    },
};

/// One string in 10^5 is feasible: the one that starts as pi does. The last three digits cost
/// their sum, and what their squares miss.
pub(crate) const SLIVER: Digits = Digits {
    count: 8,
    base: 10,
    evaluate: |digits| {
        let off = |(digit, wanted): (&u8, u8)| f64::from(digit.abs_diff(wanted));
        let violation = digits.iter().zip([3, 1, 4, 1, 5]).map(off).sum();
        let costs = digits[5..].iter().map(|&digit| f64::from(digit));
        let missed = costs.clone().map(|digit| (9.0 - digit).powi(2)).sum();
        Evaluation::new([costs.sum(), missed], violation)
    },
};

/// The true front of [`SLIVER`]: for each sum the three digits as equal as can be.
pub(crate) fn sliver_front() -> Vec<[f64; 2]> {
    let thirds = |sum: u8| [sum / 3, (sum + 1) / 3, sum.div_ceil(3)];
    let missed = |digit: u8| f64::from(9 - digit).powi(2);
    (0..=27)
        .map(|sum| [f64::from(sum), thirds(sum).map(missed).iter().sum()])
        .collect()
}

/// Eight strings, all on the front.
pub(crate) const TINY: Digits = Digits {
    count: 3,
    base: 2,
    evaluate: |digits| {
        let number = digits.iter().fold(0, |number, digit| 2 * number + digit);
        Evaluation::unconstrained([f64::from(number), -f64::from(number)])
    },
};
