//! A part of a batch's runs, for one of several processes or machines that share it.

use std::fmt;
use std::str::FromStr;

/// The `index`-th of `count` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    index: usize,
    count: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// Whether a run is of this part, by its place in the batch from 0. Runs are dealt out in turn, so that neighbours in a matrix, which take about
    /// as long as each other, go to different parts.
    pub fn has(&self, run: usize) -> bool {
        run % self.count == self.index - 1
    }

    /// Whether it is less than all.
    pub fn is_part(&self) -> bool {
        self.count > 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let parsed = text
            .split_once('/')
            .and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match parsed {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            Some((index, count)) if count > 0 => Err(format!(
                "there is no part {index} of {count}: parts are numbered from 1 to {count}"
            )),
            _ => Err("a shard is I/N, the I-th of N parts, such as 1/4".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_of_one_part() {
        for count in [1, 3, 8] {
            let parts: Vec<Shard> = (1..=count)
                .map(|index| format!("{index}/{count}").parse().unwrap())
                .collect();
            for run in 0..20 {
                assert_eq!(parts.iter().filter(|part| part.has(run)).count(), 1);
            }
        }
        assert!((0..9).all(|run| Shard::WHOLE.has(run)));
        assert!(!Shard::WHOLE.is_part());
    }

    #[test]
    fn what_is_no_part_is_refused() {
        let error = |text: &str| text.parse::<Shard>().unwrap_err();
        assert!(error("0/4").contains("from 1 to 4"));
        assert!(error("5/4").contains("no part 5 of 4"));
        for text in ["1/0", "3", "a/b", "1/", "-1/3", "1.5/3", ""] {
            assert!(error(text).contains("I/N"), "{text}");
        }
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
    }
}
