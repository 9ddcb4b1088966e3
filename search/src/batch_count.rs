use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What became of some candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCount {
    /// How many were evaluated.
    pub evaluated: u64,
    /// How many of them broke no constraint.
    pub feasible: u64,
}

impl AddAssign for BatchCount {
    fn add_assign(&mut self, other: Self) {
        self.evaluated += other.evaluated;
        self.feasible += other.feasible;
    }
}
