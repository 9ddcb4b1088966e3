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

/// The trained networks that are worth having, after the loop has trained as many as the knowledge has: rows of the world.
pub(crate) fn play(
    world: &World,
    knowledge: &Knowledge,
    accuracies: &Path,
    seed: u64,
) -> Vec<usize> {
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
    outcome
        .front
        .iter()
        .map(|row| world.index(&row.genotype))
        .collect()
}
