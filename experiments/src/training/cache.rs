//! What was trained before, in any run.

use std::path::{Path, PathBuf};

use roofnas_space::{Genotype, SearchSpace, layers_csv};
use serde::{Deserialize, Serialize};

use super::answer::Measured;
use crate::error::Error;
use crate::external_config::ExternalConfig;
use crate::run_directory::write_whole;

/// A network as a trainer meets it: its layers with their shapes, which reads what, and what is put out, without names. Equal networks of any space have equal
/// texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Architecture(String);

impl Architecture {
    pub(crate) fn new(space: &SearchSpace, genotype: &Genotype) -> Self {
        // the name is the genotype, which says more than the network
        let network = space.decode(genotype).renamed("network");
        let bytes = layers_csv::write([&network]);
        let table = String::from_utf8_lossy(&bytes);
        // the first two columns are names
        let rows = table.lines().map(|row| row.splitn(3, ',').last());
        let rows: Vec<&str> = rows.map(Option::unwrap_or_default).collect();
        let outputs = network.outputs().iter().map(|output| output.tensor);
        let outputs: Vec<_> = outputs.collect();
        Self(format!("{}\noutputs {outputs:?}", rows.join("\n")))
    }
}

/// A folder with a small file for every network that a command has trained. Failures are not kept: they may pass.
///
/// What decides a result names its file: the network, the command, the recipe in the user's words, and the training's seed. The file holds
/// all of them too, so that a name that two share gives nobody another's result.
#[derive(Debug, Clone)]
pub(crate) struct TrainingCache {
    folder: PathBuf,
    command: String,
    recipe: String,
    seed: u64,
}

/// One file of the cache.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    command: String,
    recipe: String,
    training_seed: u64,
    result: Measured,
    layers: String,
}

impl TrainingCache {
    pub(crate) fn new(config: &ExternalConfig) -> Self {
        Self {
            folder: PathBuf::from(&config.cache),
            command: config.command.clone(),
            recipe: config.recipe.clone(),
            seed: config.training_seed,
        }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of a network. A file that doesn't read, or is another's, is as good as none.
    pub(crate) fn get(&self, architecture: &Architecture) -> Option<Measured> {
        let text = std::fs::read_to_string(self.path(architecture)).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        let is_it = entry.command == self.command
            && entry.recipe == self.recipe
            && entry.training_seed == self.seed
            && entry.layers == architecture.0;
        is_it.then_some(entry.result)
    }

    /// Keeps what was measured.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) fn put(&self, architecture: &Architecture, result: &Measured) -> Result<(), Error> {
        let entry = Entry {
            command: self.command.clone(),
            recipe: self.recipe.clone(),
            training_seed: self.seed,
            result: result.clone(),
            layers: architecture.0.clone(),
        };
        let path = self.path(architecture);
        let bytes = serde_json::to_vec_pretty(&entry);
        let bytes = bytes.map_err(|error| Error::write(&path, error.into()))?;
        write_whole(&path, &bytes)
    }

    fn path(&self, architecture: &Architecture) -> PathBuf {
        let seed = self.seed.to_string();
        let key = [&self.command, &self.recipe, &seed, &architecture.0];
        self.folder.join(format!("{:032x}.json", hash(&key)))
    }
}

/// FNV-1a of 128 bits (G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, IETF draft-eastlake-fnv) of texts, with a byte between them that UTF-8
/// doesn't have.
fn hash(texts: &[&String]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use roofnas_space::presets;

    use super::*;

    fn config(folder: &Path) -> ExternalConfig {
        let text = format!(
            "command = \"train\"\nbudget = 3\ncache = {:?}",
            folder.display().to_string()
        );
        toml::from_str(&text).unwrap()
    }

    fn measured(accuracy: f64) -> Measured {
        Measured {
            accuracy,
            std: None,
            seed: None,
            cost_s: Some(1.5),
        }
    }

    fn space() -> SearchSpace {
        SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap()
    }

    #[test]
    fn a_result_is_found_again_by_all_that_decides_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let space = space();
        let mut rng = roofnas_search::random_stream(1, 0, 0);
        let one = Architecture::new(&space, &space.sample(&mut rng));
        let other = Architecture::new(&space, &space.sample(&mut rng));
        let cache = TrainingCache::new(&config);
        assert_eq!(cache.get(&one), None);
        cache.put(&one, &measured(71.3)).unwrap();
        assert_eq!(cache.get(&one), Some(measured(71.3)));
        assert_eq!(cache.get(&other), None);
        let changed = |change: fn(&mut ExternalConfig)| {
            let mut config = config.clone();
            change(&mut config);
            TrainingCache::new(&config).get(&one)
        };
        assert_eq!(changed(|config| config.command += " --fast"), None);
        assert_eq!(changed(|config| config.recipe += "90 epochs"), None);
        assert_eq!(changed(|config| config.training_seed = 2), None);
        assert_eq!(changed(|config| config.jobs = 2), Some(measured(71.3)));
        std::fs::write(cache.path(&one), "{\"half\": ").unwrap();
        assert_eq!(cache.get(&one), None);
    }

    #[test]
    fn equal_networks_share_a_text() {
        // in the space of NAS-Bench-Macro, an identity and what follows it commute
        let space = space();
        let sample: Vec<Genotype> = (0..400)
            .map(|index| space.sample(&mut roofnas_search::random_stream(3, 0, index)))
            .collect();
        let mut texts: Vec<(Architecture, &Genotype)> = sample
            .iter()
            .map(|genotype| (Architecture::new(&space, genotype), genotype))
            .collect();
        texts.sort();
        let shared = texts
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1);
        assert!(shared.count() > 0);
        texts.dedup_by(|a, b| a.0 == b.0);
        assert!(texts.len() > 300);
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // of the single byte 0xff
        assert_eq!(
            hash(&[&String::new()]),
            (0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128 ^ 0xff).wrapping_mul((1 << 88) + 0x13b)
        );
    }
}
