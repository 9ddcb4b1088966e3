//! A problem that is cheap to evaluate, so that the engine itself is measured.

use rand::{Rng, RngExt};
use roofnas_search::{Evaluation, Problem, SearchRng};

/// Values of a gene.
const CHOICES: u16 = 8;

/// Genes cost their value, at odds with a second cost that falls faster for later genes; a third,
/// if wanted, counts the steps from gene to gene.
pub(crate) struct Choices {
    /// 2 or 3.
    pub(crate) objectives: usize,
    /// Genes of a genotype, at most 64.
    pub(crate) genes: usize,
}

impl Choices {
    fn gene(rng: &mut SearchRng) -> u16 {
        rng.random_range(0..CHOICES)
    }
}

impl Problem for Choices {
    type Genotype = Box<[u16]>;

    fn objectives(&self) -> usize {
        self.objectives
    }

    fn sample(&self, rng: &mut SearchRng) -> Box<[u16]> {
        (0..self.genes).map(|_| Self::gene(rng)).collect()
    }

    fn mutate(&self, genes: &mut Box<[u16]>, rng: &mut SearchRng) {
        for _ in 0..2 {
            genes[rng.random_range(0..self.genes)] = Self::gene(rng);
        }
    }

    fn crossover(&self, child: &mut Box<[u16]>, father: &Box<[u16]>, rng: &mut SearchRng) {
        let mask = rng.next_u64();
        for (i, (gene, &other)) in child.iter_mut().zip(father).enumerate() {
            // By arithmetic: no processor could foresee a branch.
            let take = 0_u16.wrapping_sub((mask >> i & 1) as u16);
            *gene ^= (*gene ^ other) & take;
        }
    }

    fn evaluate(&self, genes: &Box<[u16]>) -> Evaluation {
        let (mut effort, mut loss) = (0.0, 0.0);
        for (gene, weight) in genes.iter().zip(1_u8..) {
            effort += f64::from(*gene) * f64::from(weight).sqrt();
            loss += f64::from(weight) / f64::from(1 + gene);
        }
        if self.objectives == 2 {
            return Evaluation::unconstrained([effort, loss]);
        }
        let steps = genes.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
        Evaluation::unconstrained([effort, loss, f64::from(steps.sum::<u16>())])
    }
}
