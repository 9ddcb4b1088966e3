//! The loop: search with the proxy, train a spread, learn from it, train what promises most, until the budget is spent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use roofnas_cost::surrogate::{Trained, TrainingSet};
use roofnas_search::{Individual, ParetoFront, StopReason};
use roofnas_space::Genotype;

use super::cache::TrainingCache;
use super::campaign::Campaign;
use super::candidate::{TrainingResult, TrainingRow};
use super::command::TrainingCommand;
use super::evaluator::Evaluator;
use super::progress::TrainingProgress;
use super::proposal::Proposer;
use super::summary::TrainingSummary;
use super::table;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::external_config::ExternalConfig;
use crate::history::{Generation, Recorder};
use crate::outcome::{FrontRow, Outcome, front_rows};
use crate::paths::PathsError;
use crate::problem::BackboneProblem;
use crate::proof::Unproven;
use crate::quality::Quality;
use crate::run::{self, Ending, Watcher};
use crate::run_directory::{RunDirectory, check_writable};

/// Passes on what happens, and counts what was known.
struct Counting<'a> {
    watcher: &'a mut dyn Watcher,
    known: usize,
}

impl Watcher for Counting<'_> {
    fn generation(&mut self, generation: &Generation, front: usize) {
        self.watcher.generation(generation, front);
    }

    fn training(&mut self, progress: &TrainingProgress<'_>) {
        self.known += usize::from(progress.was_known);
        self.watcher.training(progress);
    }

    fn wants_to_stop(&self) -> bool {
        self.watcher.wants_to_stop()
    }
}

/// A run under way.
struct Training<'a> {
    experiment: &'a Experiment,
    problem: &'a BackboneProblem<'a>,
    config: &'a ExternalConfig,
    directory: &'a RunDirectory,
    evaluator: Evaluator<'a>,
    campaign: Campaign,
    /// What came of all rounds but one under way.
    results: Vec<TrainingResult>,
}

/// Runs an experiment whose quality the user's command measures. Its folder has been opened; `run` writes the same files as for other
/// qualities, and `trained.csv` beside them.
///
/// # Errors
/// When the command is of no use, or the folder can't be read or written.
pub(crate) fn run(
    experiment: &Experiment,
    config: &ExternalConfig,
    directory: &RunDirectory,
    watcher: &mut dyn Watcher,
) -> Result<Ending, Error> {
    let proxy = &experiment.with_proxy();
    let problem = &BackboneProblem::new(proxy);
    let mut watcher = Counting { watcher, known: 0 };
    let cache = TrainingCache::new(config);
    // before anything is trained rather than after
    check_writable(&cache.folder().join("result.json"))?;
    let campaign = match Campaign::read(directory, experiment)? {
        Some(campaign) => campaign,
        None => match first_round(problem, config, directory, &mut watcher)? {
            Begun::Rounds(campaign) => campaign,
            Begun::Ended(ending) => return Ok(ending),
        },
    };
    let command = TrainingCommand::parse(&config.command).map_err(|error| Error::Value {
        file: directory
            .path()
            .join(RunDirectory::EXPERIMENT)
            .display()
            .to_string(),
        key: "quality.external.command".to_owned(),
        value: format!("{:?}", config.command),
        rule: error.to_string(),
    })?;
    let mut training = Training {
        experiment,
        problem,
        config,
        directory,
        evaluator: Evaluator {
            proxy,
            config,
            command,
            cache,
            directory,
        },
        campaign,
        results: Vec::new(),
    };
    if !training.go_on(&mut watcher)? {
        return Ok(Ending::Interrupted {
            evaluations: training.results.len() as u64,
        });
    }
    training.finish(watcher.known)
}

/// What searching with the proxy came to.
enum Begun {
    Rounds(Campaign),
    Ended(Ending),
}

/// Searches with the proxy, and chooses the first round. Where nothing keeps the constraints, nothing is trained.
fn first_round(
    problem: &BackboneProblem,
    config: &ExternalConfig,
    directory: &RunDirectory,
    watcher: &mut dyn Watcher,
) -> Result<Begun, Error> {
    let proxy = problem.experiment();
    let sample = proxy.appraise_sample();
    let recorder = Recorder::new(proxy, &sample);
    let checkpoint = run::checkpoint(proxy, directory)?;
    let (checkpoint, reason) =
        run::search(problem, proxy, directory, &recorder, checkpoint, watcher)?;
    if reason == StopReason::Interrupted {
        let evaluations = checkpoint.search.evaluations();
        return Ok(Begun::Ended(Ending::Interrupted { evaluations }));
    }
    let front: Vec<Genotype> = checkpoint
        .search
        .front()
        .iter()
        .map(|member| member.genotype.clone())
        .collect();
    let first = Proposer::new(problem, std::iter::empty()).first(&front, config.first_round());
    if first.is_empty() {
        let unproven = Err(Unproven::Unasked);
        let outcome = Outcome::new(proxy, &recorder, sample, checkpoint, reason, unproven);
        run::write_results(proxy, directory, &outcome)?;
        return Ok(Begun::Ended(Ending::Done(Box::new(outcome))));
    }
    let mut campaign = Campaign::new();
    campaign.begin(first);
    campaign.write(directory)?;
    directory.remove(RunDirectory::CHECKPOINT)?;
    Ok(Begun::Rounds(campaign))
}

impl Training<'_> {
    /// Trains round after round; says whether it is done, or was interrupted.
    fn go_on(&mut self, watcher: &mut dyn Watcher) -> Result<bool, Error> {
        let began = Instant::now();
        let before = self
            .campaign
            .history
            .last()
            .map_or(0.0, |last| last.seconds);
        let mut round = 0;
        loop {
            let trained = self.trained().len();
            let candidates = &self.campaign.rounds[round];
            let Some(results) = self.evaluator.results(candidates, trained, watcher)? else {
                return Ok(false);
            };
            self.results.extend(results);
            if self.campaign.history.len() == round {
                let seconds = before + began.elapsed().as_secs_f64();
                let generation = self.generation(seconds);
                self.campaign.history.push(generation);
                self.campaign.write(self.directory)?;
            }
            self.write_table(&self.rows(), &[])?;
            round += 1;
            if round == self.campaign.rounds.len() && !self.propose(watcher)? {
                return Ok(false);
            }
            if round == self.campaign.rounds.len() {
                return Ok(true);
            }
        }
    }

    /// Chooses another round, unless the budget is spent or nothing is left to train; says whether the watcher wants to go on.
    fn propose(&mut self, watcher: &mut dyn Watcher) -> Result<bool, Error> {
        let left = self.config.budget.saturating_sub(self.campaign.networks());
        let count = left.min(self.config.batch);
        if count == 0 {
            return Ok(true);
        }
        let round = self.campaign.rounds.len() as u64;
        let proposed = self.campaign.rounds.iter().flatten();
        let mut proposer = Proposer::new(self.problem, proposed.map(|c| &c.genotype));
        let trained = self.trained();
        let next = proposer.next(&trained, count, round, self.config.evaluations, &mut || {
            watcher.wants_to_stop()
        });
        let next = match next {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.campaign.warnings.push(format!(
                    "round {round} was chosen at random, since the surrogate can't be fitted: {error}"
                ));
                proposer.at_random(&trained, count, round)
            }
        };
        if next.is_empty() {
            self.campaign.warnings.push(format!(
                "{} of {} networks of the training budget were not used: no other network that keeps the constraints was found",
                left, self.config.budget
            ));
            return Ok(true);
        }
        self.campaign.begin(next);
        self.campaign.write(self.directory)?;
        Ok(true)
    }

    /// What the surrogate learns from.
    fn trained(&self) -> Vec<Trained> {
        let all = self.campaign.rounds.iter().flatten().zip(&self.results);
        all.filter_map(|(candidate, result)| {
            let measured = result.measured()?;
            Some(Trained {
                genotype: candidate.genotype.clone(),
                accuracy: measured.accuracy,
                std: measured.std,
                runs: 1,
            })
        })
        .collect()
    }

    fn rows(&self) -> Vec<TrainingRow> {
        let all = self.campaign.rounds.iter().flatten().zip(&self.results);
        all.map(|(candidate, result)| TrainingRow {
            candidate: candidate.clone(),
            text: self.experiment.space.format(&candidate.genotype),
            result: result.clone(),
            expected: None,
        })
        .collect()
    }

    /// The same, with what another training of each would give.
    fn rows_with_hindsight(&self) -> Vec<TrainingRow> {
        let mut rows = self.rows();
        let space = &self.experiment.space;
        let learnt = TrainingSet::new(space, &self.experiment.sample, &self.trained())
            .and_then(|set| Ok((set.fit()?, set)));
        // whatever keeps it from being fitted, the trainings stand
        if let Ok((surrogate, set)) = learnt {
            let trained = rows
                .iter_mut()
                .filter(|row| row.result.measured().is_some());
            for (place, row) in trained.enumerate() {
                row.expected = Some(set.prediction(&surrogate, place).into());
            }
        }
        rows
    }

    /// The experiment, with what was measured as its quality.
    fn measured(&self) -> Experiment {
        let trained = self.trained().into_iter();
        let accuracies: BTreeMap<Genotype, f64> =
            trained.map(|row| (row.genotype, row.accuracy)).collect();
        let mut measured = self.experiment.clone();
        measured.appraiser.quality = Quality::External {
            command: self.config.command.clone(),
            accuracies: Arc::new(accuracies),
        };
        measured
    }

    /// The front of what was trained.
    fn front(&self, measured: &Experiment) -> ParetoFront<Genotype> {
        let trained = self.trained().into_iter().map(|row| Individual {
            evaluation: measured.evaluation(&measured.appraise(&row.genotype)),
            genotype: row.genotype,
        });
        ParetoFront::from(trained.collect::<Vec<_>>())
    }

    /// The point that hypervolume is measured from, as costs: the budget for a latency; else the worst of the first round's networks.
    fn reference(&self, measured: &Experiment) -> Vec<f64> {
        let first = self.campaign.rounds[0].iter().zip(&self.results);
        let first: Vec<_> = first
            .filter(|(_, result)| result.measured().is_some())
            .map(|(candidate, _)| measured.appraise(&candidate.genotype))
            .collect();
        let objectives = measured.objectives.iter();
        objectives
            .map(|&objective| {
                measured.budget(objective).unwrap_or_else(|| {
                    let costs = first.iter().map(|metrics| objective.cost(metrics));
                    costs.reduce(f64::max).unwrap_or(0.0)
                })
            })
            .collect()
    }

    /// Where the run stands after a round.
    fn generation(&self, seconds: f64) -> Generation {
        let measured = self.measured();
        let front = self.front(&measured);
        let recorder = Recorder::from_reference(self.reference(&measured));
        let best = self.trained().into_iter().map(|row| row.accuracy);
        Generation {
            generation: self.campaign.history.len() as u64 + 1,
            evaluations: self.results.len() as u64,
            best_quality: best.reduce(f64::max),
            hypervolume: recorder.hypervolume(&front),
            // only what keeps the constraints is trained
            feasible_share: 1.0,
            seconds,
        }
    }

    fn write_table(&self, rows: &[TrainingRow], front: &[FrontRow]) -> Result<(), Error> {
        let seed = self.config.training_seed;
        let table = table::trained_csv(&self.measured(), rows, front, seed);
        self.directory.write(RunDirectory::TRAINED, &table)
    }

    /// Writes the results.
    fn finish(self, known: usize) -> Result<Ending, Error> {
        let measured = self.measured();
        let exact = self.front(&measured);
        let reference = self.reference(&measured);
        let recorder = Recorder::from_reference(reference.clone());
        let front = front_rows(&measured, &exact);
        let rows = self.rows_with_hindsight();
        self.write_table(&rows, &front)?;
        let summary = TrainingSummary {
            rows,
            command: self.config.command.clone(),
            known,
        };
        let mut outcome = Outcome {
            hypervolume: recorder.hypervolume(&exact),
            reference,
            evaluations: self.results.len() as u64,
            history: self.campaign.history.clone(),
            reason: StopReason::Evaluations,
            warnings: self.campaign.warnings.clone(),
            training: Some(summary),
            certified: Err(match measured.proves() {
                true => Unproven::Impossible(PathsError::Quality),
                false => Unproven::Unasked,
            }),
            ..Outcome::of_front(front)
        };
        let unwritten = run::write_results(&measured, self.directory, &outcome)?;
        outcome.warnings.extend(unwritten);
        Campaign::remove(self.directory)?;
        for candidate in self.campaign.rounds.iter().flatten() {
            self.evaluator.forget(candidate)?;
        }
        Ok(Ending::Done(Box::new(outcome)))
    }
}
