//! Which kernels cause the nodes between kernels.
//!
//! ONNX Runtime runs most convolutions and pools on a blocked layout, and puts reorders before and after what it can't run on it: an
//! activation that it doesn't fuse, say, has one on either side, with which it takes five times as long. On one core of a virtual Xeon
//! reorders took 0 to 12 % of 86 planned networks' time, and 37 % of a chain of pools with a clip after each. A platform has no price for a
//! boundary, so it is part of what the kernel takes that causes it.

use std::collections::HashMap;

use super::matched::{Boundary, KernelKind, MatchedNodes};

/// How often kernels of each kind stand beside a boundary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    /// For each kind: sides of kernels with a boundary, and kernels. Looked up only, never iterated.
    sides: HashMap<KernelKind, (usize, usize)>,
}

impl Causes {
    /// What the profiles of these networks show. Networks of all sorts belong here: next to each other, only the kinds tell a cause.
    pub fn of<'a>(networks: impl IntoIterator<Item = &'a MatchedNodes>) -> Self {
        let mut causes = Self::default();
        for matched in networks {
            for (kind, seconds) in matched.kinds.iter().zip(&matched.kernels) {
                causes.sides.entry(*kind).or_default().1 += usize::from(seconds.is_some());
            }
            for boundary in &matched.boundaries {
                for kernel in [boundary.before, boundary.after].into_iter().flatten() {
                    causes.sides.entry(matched.kinds[kernel]).or_default().0 += 1;
                }
            }
        }
        causes
    }

    /// The kernel that a boundary is put down to: of its neighbours in the order of execution, the one of the kind that has boundaries beside it
    /// more often; the later one where that is even. None where it has no neighbour.
    pub fn cause(&self, matched: &MatchedNodes, boundary: &Boundary) -> Option<usize> {
        let (Some(before), Some(after)) = (boundary.before, boundary.after) else {
            return boundary.before.or(boundary.after);
        };
        let share = |kernel: usize| {
            let counted = self.sides.get(&matched.kinds[kernel]).copied();
            let (sides, kernels) = counted.unwrap_or_default();
            sides as f64 / kernels.max(1) as f64
        };
        Some(if share(before) > share(after) {
            before
        } else {
            after
        })
    }
}
