//! The loop of training, played through on published accuracies: the command that "trains" is this program, which looks them up.

use std::fs;
use std::path::Path;

use roofnas::{Ending, Generation, RunDirectory, Start, Watcher, run};
use roofnas_space::{SearchSpace, presets};
use serde_json::Value;

use crate::architectures;
use crate::knowledge::Knowledge;
use crate::world::{World, column_means};

/// Networks trained in the first round and in each later one.
const INITIAL: usize = 18;
const BATCH: usize = 8;

struct Silent;

impl Watcher for Silent {
    fn generation(&mut self, _: &Generation, _: usize) {}
    fn wants_to_stop(&self) -> bool {
        false
    }
}

/// Prints what training the network in a folder with seed 1 gives.
pub(crate) fn answer(accuracies: &Path, folder: &Path) {
    let candidate = fs::read_to_string(folder.join("candidate.json")).unwrap();
    let candidate: Value = serde_json::from_str(&candidate).unwrap();
    let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
    let genotype = space
        .parse(candidate["genotype"].as_str().unwrap())
        .unwrap();
    let digits = architectures::digits(&space, &genotype);
    let known = column_means(accuracies, "arch", &["acc1"]);
    println!("{{\"accuracy\": {}}}", known[&digits][0]);
}

/// What the loop makes of as many trainings as the knowledge has.
pub(crate) struct Played {
    /// The trained networks, as rows of the world.
    pub(crate) networks: Vec<usize>,
    /// What is expected of another training of each, after all of them; nothing of other networks.
    pub(crate) expected: Vec<f64>,
}

/// Trains, round by round.
pub(crate) fn play(world: &World, knowledge: &Knowledge, accuracies: &Path, seed: u64) -> Played {
    let program = std::env::current_exe().unwrap();
    let words =
        [&program, &fs::canonicalize(accuracies).unwrap()].map(|path| path.display().to_string());
    let command = format!("'{}' answer '{}' {{dir}}", words[0], words[1]);
    let cache = knowledge.folder().join("cache").display().to_string();
    let more = format!(
        "evaluations = 4000\ncertify = false\n[output]\nbackbones = 0\n[quality.external]\ncommand = {command:?}\nbudget = {}\n\
         initial = {INITIAL}\nbatch = {BATCH}\nevaluations = 4000\ncache = {cache:?}\n",
        knowledge.trained
    );
    let experiment = knowledge.experiment(&more, seed);
    let directory = RunDirectory::new(knowledge.folder().join("loop"));
    let ending = run(&experiment, &directory, Start::Afresh, &mut Silent).unwrap();
    let Ending::Done(outcome) = ending else {
        panic!("the loop was not done: {ending:?}");
    };
    let rows = outcome.training.unwrap().rows;
    let networks: Vec<usize> = rows
        .iter()
        .map(|row| world.index(&row.candidate.genotype))
        .collect();
    let mut expected = vec![f64::NAN; world.networks.len()];
    for (row, &network) in rows.iter().zip(&networks) {
        expected[network] = row.expected.unwrap().accuracy();
    }
    Played { networks, expected }
}
