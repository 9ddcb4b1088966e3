use serde::{Deserialize, Serialize, Serializer};

use crate::cost_front::CostFront;
use crate::hypervolume::hypervolume;
use crate::individual::Individual;

/// Feasible individuals none of which dominates another, in order of their costs.
///
/// Sorted by the first cost, then the second, and so on. Of individuals with equal costs the one
/// inserted first stays. To turn a newcomer away takes O(log n) for two costs; for m others O(m n),
/// but 64 members are looked at in one go. The front has no size limit.
/// Stored as the list of its members; what is read back is a front again, whatever the file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    from = "Vec<Individual<G>>",
    bound(deserialize = "G: Deserialize<'de> + Clone")
)]
pub struct ParetoFront<G> {
    members: Vec<Individual<G>>,
    costs: CostFront,
}

impl<G> ParetoFront<G> {
    /// An empty front.
    pub const fn new() -> Self {
        Self {
            members: Vec::new(),
            costs: CostFront::new(),
        }
    }

    /// The members, sorted by costs.
    pub fn members(&self) -> &[Individual<G>] {
        &self.members
    }

    /// The members, sorted by costs.
    pub fn iter(&self) -> std::slice::Iter<'_, Individual<G>> {
        self.members.iter()
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nothing feasible was inserted.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The volume the front dominates up to `reference`, see [`hypervolume`].
    pub fn hypervolume(&self, reference: &[f64]) -> f64 {
        hypervolume(self.members.iter().map(Individual::costs), reference)
    }

    /// Offers an individual; says whether it joined, and drops the members it dominates.
    ///
    /// It is turned away when it is infeasible, or a member dominates it or has equal costs, or
    /// another number of costs.
    pub fn insert(&mut self, candidate: &Individual<G>) -> bool
    where
        G: Clone,
    {
        let leave = |place| {
            self.members.remove(place);
        };
        let joined = self.costs.insert(&candidate.evaluation, leave);
        if let Some(place) = joined {
            self.members.insert(place, candidate.clone());
        }
        joined.is_some()
    }

    /// The members' costs alone.
    pub(crate) fn costs(&self) -> &CostFront {
        &self.costs
    }
}

impl<G: PartialEq> PartialEq for ParetoFront<G> {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl<G> Default for ParetoFront<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Clone> From<Vec<Individual<G>>> for ParetoFront<G> {
    /// The front of any individuals.
    fn from(individuals: Vec<Individual<G>>) -> Self {
        let mut front = Self::new();
        for individual in &individuals {
            front.insert(individual);
        }
        front
    }
}

impl<G: Serialize> Serialize for ParetoFront<G> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.serialize(serializer)
    }
}

impl<'a, G> IntoIterator for &'a ParetoFront<G> {
    type Item = &'a Individual<G>;
    type IntoIter = std::slice::Iter<'a, Individual<G>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evaluation::Evaluation;
    use crate::sorting::{lexicographic, non_dominated_ranks};
    use crate::testing::evaluations;

    fn numbered(evaluations: &[Evaluation]) -> Vec<Individual<usize>> {
        let number = |(genotype, evaluation): (usize, &Evaluation)| Individual {
            genotype,
            evaluation: evaluation.clone(),
        };
        evaluations.iter().enumerate().map(number).collect()
    }

    /// The definition: feasible, of rank 0, the first of its costs; then sorted.
    fn defined(individuals: &[Individual<usize>]) -> Vec<Individual<usize>> {
        let ranks = non_dominated_ranks(individuals.iter().map(|i| &i.evaluation));
        let mut front: Vec<_> = individuals
            .iter()
            .filter(|i| i.is_feasible() && ranks[i.genotype] == 0)
            .cloned()
            .collect();
        front.sort_by(|a, b| lexicographic(a.costs(), b.costs()));
        front.dedup_by(|later, first| later.costs() == first.costs());
        front
    }

    /// Hundreds of evaluations with hardly any ties, near a plane: most are on the front. Many times
    /// its index is made anew.
    fn fine() -> impl Strategy<Value = Vec<Evaluation>> {
        (3..=5_usize).prop_flat_map(|costs| {
            let point = prop::collection::vec(0.0..1.0_f64, costs);
            let onto_plane = |(costs, above): (Vec<f64>, f64)| {
                let sum: f64 = costs.iter().sum();
                Evaluation::unconstrained(costs.into_iter().map(move |cost| cost / sum + above))
            };
            prop::collection::vec((point, 0.0..0.1).prop_map(onto_plane), 300..600)
        })
    }

    #[test]
    fn insert_says_whether_it_joined() {
        let one = |x, y| Individual {
            genotype: (),
            evaluation: Evaluation::unconstrained([x, y]),
        };
        let mut front = ParetoFront::new();
        assert!(front.insert(&one(2.0, 2.0)));
        assert!(!front.insert(&one(2.0, 2.0)));
        assert!(!front.insert(&one(2.0, 3.0)));
        assert!(front.insert(&one(3.0, 1.0)));
        assert!(front.insert(&one(2.0, 1.0)));
        assert_eq!(front.members(), [one(2.0, 1.0)]);
        assert_eq!(front.hypervolume(&[4.0, 4.0]), 6.0);
    }

    #[test]
    fn the_infeasible_stay_out() {
        let evaluation = Evaluation::new([0.0, 0.0], 1.0);
        assert!(!ParetoFront::new().insert(&Individual {
            genotype: (),
            evaluation
        }));
    }

    #[test]
    fn costs_of_another_number_stay_out() {
        let one = |costs: &[f64]| Individual {
            genotype: (),
            evaluation: Evaluation::unconstrained(costs.iter().copied()),
        };
        for [first, other] in [[&[2.0; 2][..], &[1.0; 3][..]], [&[2.0; 5], &[1.0; 4]]] {
            let front = ParetoFront::from(vec![one(first), one(other)]);
            assert_eq!(front.members(), [one(first)]);
        }
        assert!(ParetoFront::from(vec![one(&[])]).is_empty());
    }

    proptest! {
        #[test]
        fn two_costs_match_the_definition(e in evaluations(2, 0..=60)) {
            let individuals = numbered(&e);
            let front = ParetoFront::from(individuals.clone());
            prop_assert_eq!(front.members(), defined(&individuals));
        }

        #[test]
        fn other_counts_match_the_definition(e in (1..5_usize).prop_flat_map(|m| evaluations(m, 0..=40))) {
            let individuals = numbered(&e);
            let front = ParetoFront::from(individuals.clone());
            prop_assert_eq!(front.members(), defined(&individuals));
        }

        #[test]
        fn fine_and_many_match_the_definition(e in fine()) {
            let individuals = numbered(&e);
            let front = ParetoFront::from(individuals.clone());
            prop_assert_eq!(front.members(), defined(&individuals));
        }

        #[test]
        fn json_returns_the_same_front(e in evaluations(2, 0..=30)) {
            let front = ParetoFront::from(numbered(&e));
            let json = serde_json::to_string(&front).unwrap();
            prop_assert_eq!(serde_json::from_str::<ParetoFront<usize>>(&json).unwrap(), front);
        }
    }
}
