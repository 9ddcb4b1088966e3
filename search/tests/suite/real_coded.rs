//! Real-coded problems on the unit cube: simulated binary crossover and polynomial mutation.
//!
//! K. Deb, R. B. Agrawal, "Simulated binary crossover for continuous search space", Complex
//! Systems 9, 1995; K. Deb, M. Goyal, "A combined genetic adaptive search (GeneAS) for engineering
//! design", 1996; settings of NSGA-II's paper: both indices 20 (that of crossover unless said
//! otherwise), each variable mutated with probability 1/n. A gene is a `u32`, a fixed-point number in [0, 1].

use rand::RngExt;
use roofnas_search::{Evaluation, Problem, SearchRng};

const MUTATION_INDEX: f64 = 20.0;

pub(crate) struct RealCoded<const CROSSOVER_INDEX: u8 = 20> {
    pub(crate) genes: usize,
    pub(crate) objectives: usize,
    /// Variables in [0, 1] to costs and violation.
    pub(crate) evaluate: fn(&[f64]) -> Evaluation,
}

fn decode(gene: u32) -> f64 {
    f64::from(gene) / f64::from(u32::MAX)
}

fn encode(x: f64) -> u32 {
    (x.clamp(0.0, 1.0) * f64::from(u32::MAX)).round() as u32
}

impl<const CROSSOVER_INDEX: u8> Problem for RealCoded<CROSSOVER_INDEX> {
    type Genotype = Vec<u32>;

    fn objectives(&self) -> usize {
        self.objectives
    }

    fn sample(&self, rng: &mut SearchRng) -> Vec<u32> {
        (0..self.genes).map(|_| rng.random()).collect()
    }

    fn mutate(&self, genes: &mut Vec<u32>, rng: &mut SearchRng) {
        let rate = 1.0 / self.genes as f64;
        for gene in genes {
            if rng.random_bool(rate) {
                *gene = polynomial_mutation(*gene, rng);
            }
        }
    }

    fn crossover(&self, child: &mut Vec<u32>, father: &Vec<u32>, rng: &mut SearchRng) {
        for (gene, &other) in child.iter_mut().zip(father) {
            if rng.random_bool(0.5) {
                *gene = binary_crossover(*gene, other, CROSSOVER_INDEX.into(), rng);
            }
        }
    }

    fn evaluate(&self, genotype: &Vec<u32>) -> Evaluation {
        let x: Vec<f64> = genotype.iter().map(|&gene| decode(gene)).collect();
        (self.evaluate)(&x)
    }
}

/// Moves by a polynomially distributed share of the way to whichever bound.
fn polynomial_mutation(gene: u32, rng: &mut SearchRng) -> u32 {
    let x = decode(gene);
    let u: f64 = rng.random();
    let power = MUTATION_INDEX + 1.0;
    let step = if u < 0.5 {
        let room = (1.0 - x).powf(power);
        (2.0 * u + (1.0 - 2.0 * u) * room).powf(1.0 / power) - 1.0
    } else {
        let room = x.powf(power);
        1.0 - (2.0 * (1.0 - u) + (2.0 * u - 1.0) * room).powf(1.0 / power)
    };
    encode(x + step)
}

/// One of the two children of the bounded operator, either with equal chance.
fn binary_crossover(a: u32, b: u32, index: f64, rng: &mut SearchRng) -> u32 {
    if a == b {
        return a;
    }
    let (low, high) = (decode(a.min(b)), decode(a.max(b)));
    let u: f64 = rng.random();
    let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
    if rng.random_bool(0.5) {
        encode(middle - spread(u, low / half, index) * half)
    } else {
        encode(middle + spread(u, (1.0 - high) / half, index) * half)
    }
}

/// The spread factor, its distribution cut off where the child would pass the bound that lies
/// `room` half-distances outside the nearer parent.
fn spread(u: f64, room: f64, index: f64) -> f64 {
    let alpha = 2.0 - (1.0 + room).powf(-(index + 1.0));
    let scaled = u * alpha;
    let base = if scaled <= 1.0 {
        scaled
    } else {
        1.0 / (2.0 - scaled)
    };
    base.powf(1.0 / (index + 1.0))
}
