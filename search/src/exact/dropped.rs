use std::ops::Range;

use crate::exact::envelope::Targets;
use crate::exact::label::Label;
use crate::exact::screen::Screen;

/// What labels given up for want of room might have led to.
#[derive(Clone, Debug)]
pub(super) struct Dropped {
    pub(super) any: bool,
    /// For each line the least bound of a label that could reach one of its corners.
    least: Vec<f64>,
    /// The least objective 0 that any of them could reach.
    reach: f64,
}

impl Dropped {
    pub(super) fn new(lines: usize) -> Self {
        Self {
            any: false,
            least: vec![f64::INFINITY; lines],
            reach: f64::INFINITY,
        }
    }

    /// Remembers a label that can reach this objective 0 and corners of these lines.
    pub(super) fn add<const K: usize>(
        &mut self,
        screen: &Screen<'_, K>,
        reach: f64,
        label: &Label<K>,
        lines: Range<usize>,
    ) {
        self.any = true;
        self.reach = self.reach.min(reach);
        for line in lines {
            let bound = screen.bound(line, &label.costs, label.amount);
            self.least[line] = self.least[line].min(bound);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.any |= other.any;
        self.reach = self.reach.min(other.reach);
        for (least, other) in self.least.iter_mut().zip(&other.least) {
            *least = least.min(*other);
        }
    }

    /// By how much any of them could have beaten incumbents that set these targets, in
    /// objective 1. The targets may be later ones: incumbents that got better since then can only
    /// have taken corners out of reach.
    pub(super) fn gain(&self, targets: &Targets) -> f64 {
        if !self.any {
            return 0.0;
        }
        if self.least.is_empty() || self.reach < targets.left {
            return f64::INFINITY;
        }
        let gains = targets
            .tops
            .iter()
            .zip(&self.least)
            .map(|(top, least)| top - least);
        gains.fold(0.0, f64::max)
    }
}
