use serde::{Deserialize, Serialize};

use crate::json_float;

/// How an individual stands in its population: its front, and how alone it is there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) rank: u32,
    #[serde(with = "json_float")]
    pub(crate) crowding: f64,
}

impl Standing {
    /// The crowded-comparison operator of Deb et al. (2002), section III-B.
    #[inline]
    pub(crate) fn beats(self, other: Self) -> bool {
        self.rank < other.rank || (self.rank == other.rank && self.crowding > other.crowding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_is_by_rank_then_loneliness() {
        let standing = |rank, crowding| Standing { rank, crowding };
        assert!(standing(0, 0.0).beats(standing(1, f64::INFINITY)));
        assert!(standing(1, 2.0).beats(standing(1, 1.0)));
        assert!(!standing(1, 1.0).beats(standing(1, 1.0)));
    }
}
