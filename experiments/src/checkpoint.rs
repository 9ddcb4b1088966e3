//! The state of a run that is not done: what makes an interrupted run end in the bytes of an uninterrupted one.

use roofnas_search::Search;
use roofnas_space::Genotype;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::experiment::Experiment;
use crate::history::Generation;
use crate::optimiser::{Optimiser, Started};

/// The version of the format that this code writes and reads.
const FORMAT: u32 = 3;

/// A run under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    format: u32,
    /// The search with all it has found.
    pub search: Search<Genotype, Started>,
    /// Its generations.
    pub history: Vec<Generation>,
    /// Evaluations after which polishing began, once it has.
    pub polished_from: Option<u64>,
}

impl Checkpoint {
    /// A run that has not begun.
    pub fn start(experiment: &Experiment) -> Self {
        Self {
            format: FORMAT,
            search: Search::on_islands(
                experiment.islands,
                experiment.resolved.seed,
                |island, seed| Optimiser::start(experiment, island, seed),
            ),
            history: Vec::new(),
            polished_from: None,
        }
    }

    /// Wall time spent in the search loop, in seconds.
    pub fn seconds(&self) -> f64 {
        self.history.last().map_or(0.0, |last| last.seconds)
    }

    /// The bytes of a checkpoint file.
    ///
    /// # Panics
    /// Never: plain numbers and lists can always be written.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a checkpoint is plain data")
    }

    /// Reads a checkpoint of this experiment.
    ///
    /// # Errors
    /// Says in words what is wrong with the text.
    pub fn read(text: &str, experiment: &Experiment) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let version: Version = parse(text)?;
        if version.format != FORMAT {
            return Err(format!(
                "is a checkpoint of format {}, but this version reads format {FORMAT}; finish the run with the version \
                 that began it, or start afresh in another folder",
                version.format
            ));
        }
        let checkpoint: Self = parse(text)?;
        if !checkpoint
            .genotypes()
            .all(|genotype| experiment.space.contains(genotype))
        {
            return Err("holds networks that are not of this experiment's space".to_owned());
        }
        Ok(checkpoint)
    }
    fn genotypes(&self) -> impl Iterator<Item = &Genotype> {
        let found = self.search.front().iter().chain(self.search.nearest());
        let found = found.map(|individual| &individual.genotype);
        let remembered = self
            .search
            .optimizers()
            .iter()
            .flat_map(|started| started.optimizer().genotypes());
        found.chain(remembered)
    }
}

/// What a checkpoint's text holds, or in words why it holds nothing.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        // a text of one line, cut within a number or a word, has an error in its last column rather than an early end
        if error.is_eof() || (error.is_syntax() && error.column() >= text.len()) {
            format!("is cut short: it ends after {} bytes", text.len())
        } else {
            format!("is not a checkpoint: {error}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cut_anywhere_is_cut_short() {
        let text = r#"{"format":3,"costs":[-1.5e-7,"inf"],"polished_from":null,"done":false}"#;
        assert!(parse::<serde_json::Value>(text).is_ok());
        for end in 0..text.len() {
            assert_eq!(
                parse::<serde_json::Value>(&text[..end]),
                Err(format!("is cut short: it ends after {end} bytes"))
            );
        }
        let other = parse::<Vec<u8>>("[1, 2, x]").unwrap_err();
        assert!(other.starts_with("is not a checkpoint: "), "{other}");
    }
}
