use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::evaluation::Costs;
use crate::exact::completion::Completion;
use crate::exact::dropped::Dropped;
use crate::exact::envelope::{Envelope, Targets};
use crate::exact::graph::Graph;
use crate::exact::incumbents::{Incumbent, Incumbents};
use crate::exact::label::{CHUNK, Kept, Label, keep_best};
use crate::exact::relaxation::complete;
use crate::exact::screen::Screen;
use crate::layered::Layered;

/// One walk over all positions with room for so many labels.
pub(super) struct Pass<'a, const K: usize> {
    pub(super) layered: &'a dyn Layered,
    pub(super) graph: &'a Graph<K>,
    pub(super) completion: &'a Completion<K>,
    /// Without lines when there are no two objectives.
    pub(super) envelope: &'a Envelope<K>,
    /// What a path must gain over the incumbents to be looked for.
    pub(super) epsilon: f64,
    /// How many labels are kept at a position.
    pub(super) capacity: usize,
    /// Beyond all paths that relaxations found, in both objectives: where a gain is measured from
    /// where there are no incumbents.
    pub(super) far: [f64; 2],
}

/// What a pass leaves besides better incumbents.
pub(super) struct Outcome {
    pub(super) dropped: Dropped,
    /// Complete paths within the limits that the problem refused.
    pub(super) refused: Vec<Costs>,
    pub(super) peak: usize,
    pub(super) total: u64,
    pub(super) interrupted: bool,
}

/// A label's parent, by its number among all at the position before, and its choice.
type Origin = (u32, u32);

impl<const K: usize> Pass<'_, K> {
    /// Walks from the first position to the last; `observer` hears of the position, the number of
    /// labels kept, and the gain that labels dropped so far may have had.
    pub(super) fn run(
        &self,
        incumbents: &mut Incumbents,
        observer: &mut dyn FnMut(usize, usize, f64) -> ControlFlow<()>,
    ) -> Outcome {
        let mut outcome = Outcome {
            dropped: Dropped::new(self.envelope.lines.len()),
            refused: Vec::new(),
            peak: 1,
            total: 1,
            interrupted: false,
        };
        let mut kept = vec![Kept::new(vec![Label::START], 0)];
        let mut trail: Vec<Vec<Origin>> = Vec::new();
        for position in 1..=self.graph.positions() {
            let mut labels = self.extend(position, &kept, &self.targets(incumbents));
            if position == self.graph.positions() {
                self.finish(labels, &mut trail, incumbents, &mut outcome.refused);
                break;
            }
            self.make_room(position, &mut labels, incumbents, &mut outcome.dropped);
            trail.push(origins(&labels));
            kept = number(labels);
            let count = trail[position - 1].len();
            outcome.peak = outcome.peak.max(count);
            outcome.total += count as u64;
            self.complete(position, &kept, &trail, incumbents);
            let gain = outcome.dropped.gain(&self.targets(incumbents));
            if observer(position, count, gain).is_break() {
                self.drop_all(position, &kept, incumbents, &mut outcome.dropped);
                outcome.interrupted = true;
                break;
            }
        }
        outcome
    }

    /// What must be beaten, for proofs.
    pub(super) fn targets(&self, incumbents: &Incumbents) -> Targets {
        let [right, height] = [self.graph.limits[0], self.graph.limits[1]];
        Targets::new(self.envelope, incumbents.sorted(), right, height)
    }

    /// The same with finite measures everywhere, to rank labels by.
    fn ranking(&self, incumbents: &Incumbents) -> Targets {
        let [right, height] = [0, 1].map(|i| self.graph.limits[i].min(self.far[i]));
        Targets::new(self.envelope, incumbents.sorted(), right, height)
    }

    fn screen<'a>(&'a self, targets: &'a Targets, place: (usize, usize)) -> Screen<'a, K> {
        Screen::new(self.graph, self.completion, self.envelope, targets, place)
    }

    /// The labels of each state at a position, before there is any lack of room.
    fn extend(&self, position: usize, kept: &[Kept<K>], targets: &Targets) -> Vec<Vec<Label<K>>> {
        let states = 0..self.graph.states(position);
        states
            .into_par_iter()
            .map(|state| {
                let labels = self.arrivals(position, state, kept, targets);
                if position == self.graph.positions() {
                    return labels; // one that is refused must not hide another
                }
                keep_best(self.graph, self.completion, position, state, &labels)
            })
            .collect()
    }

    /// The labels that reach a state and may lead to something new, in a fixed order.
    fn arrivals(
        &self,
        position: usize,
        state: usize,
        kept: &[Kept<K>],
        targets: &Targets,
    ) -> Vec<Label<K>> {
        let screen = self.screen(targets, (position, state));
        let mut arrivals = Vec::new();
        for edge in self.graph.layers[position - 1].reaching(state) {
            let from = &kept[edge.source as usize];
            for (chunk, ideal) in from.ideals.iter().enumerate() {
                let (costs, amount) = ideal.extended(self.graph, edge);
                let range = screen.range(&costs, amount);
                if !screen.admits(&costs, amount, range.clone(), self.epsilon) {
                    continue;
                }
                let start = chunk * CHUNK;
                let end = from.labels.len().min(start + CHUNK);
                for (number, label) in (start..end).zip(&from.labels[start..end]) {
                    let (costs, amount) = label.extended(self.graph, edge);
                    if screen.admits(&costs, amount, range.clone(), self.epsilon) {
                        arrivals.push(Label {
                            costs,
                            amount,
                            worth: self.graph.worth(amount),
                            parent: from.first + number as u32,
                            choice: edge.choice,
                        });
                    }
                }
            }
        }
        arrivals
    }

    /// Drops the labels of least possible gain when there are too many.
    fn make_room(
        &self,
        position: usize,
        labels: &mut [Vec<Label<K>>],
        incumbents: &Incumbents,
        dropped: &mut Dropped,
    ) {
        let count: usize = labels.iter().map(Vec::len).sum();
        if count <= self.capacity {
            return;
        }
        let ranking = self.ranking(incumbents);
        let gains: Vec<Vec<f64>> = labels
            .par_iter()
            .enumerate()
            .map(|(state, labels)| self.rank(&ranking, (position, state), labels))
            .collect();
        let mut sorted: Vec<f64> = gains.iter().flatten().copied().collect();
        let (_, &mut least, _) =
            sorted.select_nth_unstable_by(self.capacity - 1, |a, b| b.total_cmp(a));
        let above = sorted[..self.capacity - 1]
            .iter()
            .filter(|&&gain| gain > least);
        let mut ties = self.capacity - above.count(); // how many of the least gain find room
        let mut keeps = |gain: f64| {
            let tied = gain == least && ties > 0;
            ties -= usize::from(tied);
            gain > least || tied
        };
        let kept: Vec<Vec<bool>> = gains
            .iter()
            .map(|gains| gains.iter().map(|&gain| keeps(gain)).collect())
            .collect();
        let targets = self.targets(incumbents);
        let lost: Vec<Dropped> = labels
            .par_iter_mut()
            .zip(&kept)
            .enumerate()
            .map(|(state, (labels, kept))| {
                let mut flags = kept.iter();
                let lost = labels
                    .iter()
                    .filter(|_| !flags.next().is_some_and(|&kept| kept));
                let lost = self.dropped(&targets, (position, state), lost);
                let mut flags = kept.iter();
                labels.retain(|_| flags.next().is_some_and(|&kept| kept));
                lost
            })
            .collect();
        lost.iter().for_each(|lost| dropped.merge(lost));
    }

    /// The gain to rank each label of a state by.
    fn rank(&self, ranking: &Targets, place: (usize, usize), labels: &[Label<K>]) -> Vec<f64> {
        let screen = self.screen(ranking, place);
        let gain = |label: &Label<K>| {
            if self.envelope.lines.is_empty() {
                return -label.costs[0] - self.completion.least(place.0, place.1)[0];
            }
            let range = screen.range(&label.costs, label.amount);
            screen.gain(&label.costs, label.amount, range)
        };
        labels.iter().map(gain).collect()
    }

    fn dropped<'a>(
        &self,
        targets: &Targets,
        place: (usize, usize),
        labels: impl Iterator<Item = &'a Label<K>>,
    ) -> Dropped {
        let mut dropped = Dropped::new(self.envelope.lines.len());
        let screen = self.screen(targets, place);
        for label in labels {
            let (costs, amount) = (&label.costs, label.amount);
            dropped.any = true;
            if !self.envelope.lines.is_empty() {
                let reach = screen.reach(costs, amount);
                let range = screen.range(costs, amount);
                dropped.add(&screen, reach[0], label, range);
            }
        }
        dropped
    }

    fn drop_all(
        &self,
        position: usize,
        kept: &[Kept<K>],
        incumbents: &Incumbents,
        dropped: &mut Dropped,
    ) {
        let targets = self.targets(incumbents);
        for (state, kept) in kept.iter().enumerate() {
            dropped.merge(&self.dropped(&targets, (position, state), kept.labels.iter()));
        }
    }

    /// Completes the most promising label of each state and line along that line's best way.
    fn complete(
        &self,
        position: usize,
        kept: &[Kept<K>],
        trail: &[Vec<Origin>],
        incumbents: &mut Incumbents,
    ) {
        if self.envelope.lines.is_empty() {
            return;
        }
        let ranking = self.ranking(incumbents);
        let known: &Incumbents = incumbents;
        let completed: Vec<(Costs, u32, usize, usize)> = kept
            .par_iter()
            .enumerate()
            .flat_map_iter(|(state, kept)| {
                let best = self.most_promising(&ranking, (position, state), kept);
                best.into_iter().filter_map(move |(line, label)| {
                    let way = self.envelope.lines[line].way(self.graph, position, state);
                    let from = &kept.labels[label];
                    let costs = complete(self.graph, from.costs, from.amount, way);
                    let point = self.point(&costs);
                    let new = self.graph.is_within_limits(&costs) && known.lack(&point);
                    new.then_some((point, kept.first + label as u32, state, line))
                })
            })
            .collect();
        for (point, number, state, line) in completed {
            if incumbents.lack(&point) {
                let mut choices = choices(&trail[..position], number);
                let way = self.envelope.lines[line].way(self.graph, position, state);
                choices.extend(way.map(|edge| edge.choice));
                self.offer(incumbents, point, choices);
            }
        }
    }

    /// For each line the label of largest gain, among those with a way to the end.
    fn most_promising(
        &self,
        ranking: &Targets,
        place: (usize, usize),
        kept: &Kept<K>,
    ) -> Vec<(usize, usize)> {
        let screen = self.screen(ranking, place);
        let mut best = vec![(f64::NEG_INFINITY, 0); self.envelope.lines.len()];
        for (number, label) in kept.labels.iter().enumerate() {
            screen.gains(&label.costs, label.amount, |line, gain| {
                if gain > best[line].0 {
                    best[line] = (gain, number);
                }
            });
        }
        let lines = best.into_iter().enumerate();
        lines
            .filter(|(_, (gain, _))| *gain > f64::NEG_INFINITY)
            .map(|(line, (_, number))| (line, number))
            .collect()
    }

    /// Takes in the complete paths; returns those refused among the best.
    fn finish(
        &self,
        labels: Vec<Vec<Label<K>>>,
        trail: &mut Vec<Vec<Origin>>,
        incumbents: &mut Incumbents,
        refused: &mut Vec<Costs>,
    ) {
        trail.push(origins(&labels));
        let complete = labels
            .iter()
            .flatten()
            .map(|label| label.settled(self.graph));
        let mut complete: Vec<(Costs, u32)> = complete
            .zip(0..)
            .filter(|(costs, _)| self.graph.is_within_limits(costs))
            .map(|(costs, number)| (self.point(&costs), number))
            .collect();
        complete.sort_by(|a, b| crate::sorting::lexicographic(&a.0, &b.0)); // stable
        for (point, number) in complete {
            if incumbents.lack(&point)
                && !self.offer(incumbents, point.clone(), choices(trail, number))
            {
                refused.push(point);
            }
        }
    }

    /// Offers a path within the limits that the incumbents lack; says whether it is accepted.
    fn offer(&self, incumbents: &mut Incumbents, point: Costs, choices: Vec<u32>) -> bool {
        let accepted = self.layered.accepts(&choices);
        if accepted {
            let choices = Some(choices);
            incumbents.insert(Incumbent { point, choices });
        }
        accepted
    }

    fn point(&self, costs: &[f64; K]) -> Costs {
        costs[..self.graph.objectives].iter().copied().collect()
    }
}

fn origins<const K: usize>(labels: &[Vec<Label<K>>]) -> Vec<Origin> {
    let labels = labels.iter().flatten();
    labels.map(|label| (label.parent, label.choice)).collect()
}

/// Numbers labels through all states.
fn number<const K: usize>(labels: Vec<Vec<Label<K>>>) -> Vec<Kept<K>> {
    let mut first = 0;
    let kept = labels.into_iter().map(|labels| {
        let count = labels.len() as u32;
        let kept = Kept::new(labels, first);
        first += count;
        kept
    });
    kept.collect()
}

/// The choices that lead to a label of the last position of the trail.
fn choices(trail: &[Vec<Origin>], mut number: u32) -> Vec<u32> {
    let mut choices: Vec<u32> = Vec::with_capacity(trail.len());
    for origins in trail.iter().rev() {
        let (parent, choice) = origins[number as usize];
        choices.push(choice);
        number = parent;
    }
    choices.reverse();
    choices
}
