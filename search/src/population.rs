use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::evaluation::Evaluation;
use crate::individual::Individual;
use crate::point::Point;
use crate::scratch::Scratch;
use crate::standing::Standing;
use crate::survival::{Contender, Survival};

/// The survivors of a generation, each with its standing.
///
/// They have an order, which is all that anybody sees: that of their coming, or, with two costs
/// and survival by crowding, that of [`Point`]. Where in memory each lies is another matter: a newcomer moves in where
/// one has died, so that nothing else moves and the memory of the dead is handed on.
#[derive(Clone, Deserialize)]
#[serde(
    from = "Vec<Survivor<Individual<G>>>",
    bound(deserialize = "G: Deserialize<'de>")
)]
pub(crate) struct Population<G> {
    slots: Vec<Individual<G>>,
    /// In order.
    seats: Vec<Seat>,
    /// With two costs and survival by crowding the costs of each seat, its slot as index; empty
    /// otherwise, and before the first competition.
    points: Vec<Point>,
    scratch: Scratch<Buffers>,
}

/// A survivor: where it lies, and how it stands.
#[derive(Clone, Copy, Debug)]
struct Seat {
    slot: u32,
    standing: Standing,
}

#[derive(Debug, Default)]
struct Buffers {
    survival: Survival,
    newcomers: Vec<Point>,
    pool: Vec<Point>,
    /// Whether the individual in a slot lives on.
    alive: Vec<bool>,
}

/// An individual and its standing, as files hold it.
#[derive(Serialize, Deserialize)]
struct Survivor<I> {
    individual: I,
    standing: Standing,
}

impl<G> Population<G> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            seats: Vec::new(),
            points: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The member at a place in the order.
    #[inline]
    pub(crate) fn member(&self, place: usize) -> &Individual<G> {
        &self.slots[self.seats[place].slot as usize]
    }

    /// How the member at a place in the order stands.
    #[inline]
    pub(crate) fn standing(&self, place: usize) -> Standing {
        self.seats[place].standing
    }

    /// The members in order.
    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = &Individual<G>> {
        (0..self.len()).map(|place| self.member(place))
    }

    /// Lets newcomers compete with the members for `size` places.
    ///
    /// Newcomers that live on are swapped for members that do not: what is left in `newcomers` is
    /// nobody's any more.
    pub(crate) fn compete(&mut self, newcomers: &mut [Individual<G>], size: usize)
    where
        G: Clone,
    {
        let anyone = newcomers.first().or(self.slots.first());
        match anyone.map(|individual| individual.costs().len()) {
            None => {}
            Some(2) => self.compete_on_two(newcomers, size),
            Some(_) => self.compete_on_many(newcomers, size),
        }
    }

    fn compete_on_two(&mut self, newcomers: &mut [Individual<G>], size: usize)
    where
        G: Clone,
    {
        if self.points.len() != self.seats.len() {
            self.sort_points();
        }
        let old = self.slots.len();
        let mut scratch = std::mem::take(&mut *self.scratch);
        scratch.newcomers.clear();
        let numbered = (old as u32..).zip(newcomers.iter());
        scratch
            .newcomers
            .extend(numbered.map(|(index, newcomer)| Point::new(&newcomer.evaluation, index)));
        scratch.newcomers.sort_unstable();
        merge(&self.points, &scratch.newcomers, &mut scratch.pool);

        let slots = &self.slots;
        let evaluation = |index| evaluation(slots, newcomers, index);
        let pool = &scratch.pool;
        let survivors = scratch.survival.of_two(pool, evaluation, size);

        let index = |position: u32| pool[position as usize].index;
        let mut vacancies = Vacancies::new(
            &mut scratch.alive,
            old,
            survivors.iter().map(|survivor| index(survivor.position)),
        );
        self.seats.clear();
        self.points.clear();
        for survivor in survivors {
            let mut point = pool[survivor.position as usize];
            point.index = vacancies.settle(&mut self.slots, newcomers, point.index);
            self.points.push(point);
            self.seats.push(Seat {
                slot: point.index,
                standing: survivor.standing,
            });
        }
        *self.scratch = scratch;
    }

    fn sort_points(&mut self) {
        let slots = self.seats.iter().map(|seat| seat.slot);
        let points = slots.map(|slot| Point::new(&self.slots[slot as usize].evaluation, slot));
        self.points = points.collect();
        self.points.sort_unstable();
    }

    fn compete_on_many(&mut self, newcomers: &mut [Individual<G>], size: usize)
    where
        G: Clone,
    {
        let mut survival = std::mem::take(&mut self.scratch.survival);
        self.compete_by(newcomers, |pool| survival.of_many(pool, size));
        self.scratch.survival = survival;
    }

    /// Lets newcomers compete with the members: `survivors` chooses from a pool, in its order.
    ///
    /// Swaps as [`compete`](Self::compete) does.
    pub(crate) fn compete_by<S: AsRef<[Contender]>>(
        &mut self,
        newcomers: &mut [Individual<G>],
        survivors: impl FnOnce(&[&Evaluation]) -> S,
    ) where
        G: Clone,
    {
        let old = self.slots.len();
        let numbers = old as u32..(old + newcomers.len()) as u32;
        let pool: Vec<u32> = (self.seats.iter().map(|seat| seat.slot))
            .chain(numbers)
            .collect();
        let evaluations: Vec<&Evaluation> = pool
            .iter()
            .map(|&index| evaluation(&self.slots, newcomers, index))
            .collect();
        let survivors = survivors(&evaluations);
        let survivors = survivors.as_ref();

        let index = |position: u32| pool[position as usize];
        let mut vacancies = Vacancies::new(
            &mut self.scratch.alive,
            old,
            survivors.iter().map(|survivor| index(survivor.position)),
        );
        self.points.clear();
        self.seats.clear();
        for survivor in survivors {
            let index = index(survivor.position);
            self.seats.push(Seat {
                slot: vacancies.settle(&mut self.slots, newcomers, index),
                standing: survivor.standing,
            });
        }
    }
}

/// The evaluation of one of the pool: the slots are numbered first, then the newcomers.
#[inline]
fn evaluation<'a, G>(
    slots: &'a [Individual<G>],
    newcomers: &'a [Individual<G>],
    index: u32,
) -> &'a Evaluation {
    let index = index as usize;
    let individual = slots
        .get(index)
        .unwrap_or_else(|| &newcomers[index - slots.len()]);
    &individual.evaluation
}

/// Merges two sorted runs; of equals the first run's come first.
fn merge(a: &[Point], b: &[Point], merged: &mut Vec<Point>) {
    merged.clear();
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let first = x.key() <= y.key();
        merged.push(if first { *x } else { *y });
        i += usize::from(first);
        j += usize::from(!first);
    }
    merged.extend_from_slice(&a[i..]);
    merged.extend_from_slice(&b[j..]);
}

/// The slots whose individual has died.
struct Vacancies<'a> {
    alive: &'a [bool],
    next: usize,
}

impl<'a> Vacancies<'a> {
    /// Of `old` slots all but those of the survivors; indices from `old` on are newcomers.
    fn new(alive: &'a mut Vec<bool>, old: usize, survivors: impl Iterator<Item = u32>) -> Self {
        alive.clear();
        alive.resize(old, false);
        for index in survivors {
            if let Some(alive) = alive.get_mut(index as usize) {
                *alive = true;
            }
        }
        Self { alive, next: 0 }
    }

    /// The slot of a survivor: a newcomer moves to the next vacancy, or to a new one at the end.
    #[inline]
    fn settle<G: Clone>(
        &mut self,
        slots: &mut Vec<Individual<G>>,
        newcomers: &mut [Individual<G>],
        index: u32,
    ) -> u32 {
        let Some(newcomer) = (index as usize).checked_sub(self.alive.len()) else {
            return index;
        };
        while self.alive.get(self.next) == Some(&true) {
            self.next += 1;
        }
        let slot = if self.next < self.alive.len() {
            std::mem::swap(&mut slots[self.next], &mut newcomers[newcomer]);
            self.next
        } else {
            slots.push(newcomers[newcomer].clone());
            slots.len() - 1
        };
        self.next += 1;
        slot as u32
    }
}

impl<G> From<Vec<Survivor<Individual<G>>>> for Population<G> {
    fn from(survivors: Vec<Survivor<Individual<G>>>) -> Self {
        let mut population = Self::new();
        for (slot, survivor) in (0_u32..).zip(survivors) {
            let standing = survivor.standing;
            population.seats.push(Seat { slot, standing });
            population.slots.push(survivor.individual);
        }
        population
    }
}

impl<G: Serialize> Serialize for Population<G> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let survivors = self.seats.iter().map(|seat| Survivor {
            individual: &self.slots[seat.slot as usize],
            standing: seat.standing,
        });
        serializer.collect_seq(survivors)
    }
}

impl<G: PartialEq> PartialEq for Population<G> {
    fn eq(&self, other: &Self) -> bool {
        let standings = |population: &Self| population.seats.iter().map(|s| s.standing).collect();
        let (mine, theirs): (Vec<Standing>, Vec<Standing>) = (standings(self), standings(other));
        mine == theirs && self.members().eq(other.members())
    }
}

impl<G: fmt::Debug> fmt::Debug for Population<G> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_list().entries(self.members()).finish()
    }
}
