//! The search and the refinement, as an experiment file may say them.

use roofnas_hardware::engine::OutputFormat;
use roofnas_search::{Islands, Nsga2Settings, RegularizedEvolutionSettings};
use roofnas_space::{Genotype, SearchSpace};

use super::IslandSettings;
use super::check::Check;
use crate::config::{Algorithm, ExperimentConfig, SearchConfig};
use crate::error::Error;
use crate::objective::Objective;
use crate::refine::{LEAST_NETWORKS, RefineConfig, RefineEngine};

/// What a refinement can do at most; more is more likely a mistake.
const MOST_ROUNDS: usize = 100;
const MOST_MEASURED: usize = 1000;
const MOST_THREADS: usize = 1024;
const MOST_TURNS: usize = 10_000;
const MOST_RETRIES: usize = 100;

/// Share of an island's members that draw for a parent in regularised evolution (a quarter, as in its paper's experiments) and that are replaced in a
/// generation.
const SAMPLED: usize = 4;

impl Check<'_> {
    pub(super) fn refine(
        &self,
        refine: &RefineConfig,
        config: &ExperimentConfig,
        objectives: &[Objective],
    ) -> Result<(), Error> {
        let key = |key: &str| format!("refine.{key}");
        let most = |name: &str, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let rule = format!("must be from {least} to {most}");
            Err(self.error(&key(name), value, rule))
        };
        most("rounds", refine.rounds, 1, MOST_ROUNDS)?;
        if refine.measure < LEAST_NETWORKS {
            let rule =
                format!("must be at least {LEAST_NETWORKS}: fewer networks tell a fit nothing");
            return Err(self.error(&key("measure"), refine.measure, rule));
        }
        most("measure", refine.measure, LEAST_NETWORKS, MOST_MEASURED)?;
        most("threads", refine.threads.unwrap_or(1), 1, MOST_THREADS)?;
        let turns = refine.turns.map_or(1, |turns| turns as usize);
        most("turns", turns, 1, MOST_TURNS)?;
        most("retries", refine.retries.into(), 0, MOST_RETRIES)?;
        if !(refine.tolerance > 0.0 && refine.tolerance < 1.0) {
            let rule = "is a share of what is measured, above 0 and below 1: 0.05 is 5 %";
            return Err(self.error(&key("tolerance"), refine.tolerance, rule));
        }
        if refine.timeout_s == 0 {
            return Err(self.error(&key("timeout_s"), 0, "must be at least 1"));
        }
        self.refine_command(refine)?;
        if config.quality.external.is_some() {
            let rule = "each of its searches would train networks; refine the platform first, and train with the platform.toml that comes of it";
            return Err(self.error("refine", "beside quality.external", rule));
        }
        let is_priced = [Objective::Latency, Objective::Throughput];
        if !objectives
            .iter()
            .any(|objective| is_priced.contains(objective))
            && config.constraints.latency_ms.is_none()
        {
            let rule = "latency is neither an objective nor limited, so nothing depends on the platform; add one of the two";
            return Err(self.error("refine", "a table", rule));
        }
        Ok(())
    }

    pub(super) fn refine_command(&self, refine: &RefineConfig) -> Result<(), Error> {
        let is_command = refine.engine == RefineEngine::Command;
        if is_command && refine.command.is_none() {
            return Err(Error::Missing {
                file: self.file.to_owned(),
                key: "refine.command".to_owned(),
                rule: "engine = \"command\" needs the program to start, such as \"./on-my-phone.sh {model} {threads} {runs}\"".to_owned(),
            });
        }
        let words = [
            ("refine.command", &refine.command),
            ("refine.command_output", &refine.command_output),
        ];
        for (key, value) in words {
            if let Some(value) = value.as_ref().filter(|_| !is_command) {
                let rule = format!(
                    "is for engine = \"command\", and the engine is {}",
                    refine.engine.name()
                );
                return Err(self.error(key, format!("\"{value}\""), rule));
            }
        }
        if let Some(form) = &refine.command_output {
            let known = OutputFormat::ALL.map(OutputFormat::name);
            if !known.contains(&form.as_str()) {
                let rule = format!("must be one of {}", known.join(", "));
                return Err(self.error("refine.command_output", format!("\"{form}\""), rule));
            }
        }
        Ok(())
    }

    /// How the search is divided, and the settings of each island.
    pub(super) fn search(
        &self,
        config: &ExperimentConfig,
        objectives: usize,
    ) -> Result<(Islands, Vec<IslandSettings>), Error> {
        let search = &config.search;
        self.limits(search, objectives)?;
        if search.evaluations == 0 {
            return Err(self.error("search.evaluations", 0, "must be at least 1"));
        }
        if search.population > 1_000_000 {
            let rule = "must be at most 1000000";
            return Err(self.error("search.population", search.population, rule));
        }
        let settings = |population| {
            let nsga = Nsga2Settings::new(population, search.crossover_probability);
            let nsga = nsga.map_err(|source| Error::Search {
                file: self.file.to_owned(),
                source,
            })?;
            let some = (population / SAMPLED).max(1);
            let sample_size = search.sample_size.unwrap_or(some.max(2));
            let regularized = RegularizedEvolutionSettings::new(population, sample_size, some);
            let regularized = regularized.map_err(|error| {
                self.error("search.sample_size", sample_size, error.to_string())
            })?;
            Ok(IslandSettings { nsga, regularized })
        };
        settings(search.population)?;
        let usual = Islands::for_population(search.population);
        let islands = match search.islands {
            None => usual,
            Some(1) => Islands::ONE,
            // what migrates, and how often, is not a matter of how many islands there are
            Some(count) => Islands::new(count, usual.generations().max(2), 2)
                .map_err(|error| self.error("search.islands", count, error.to_string()))?,
        };
        let shares = islands.shares(search.population);
        let shares = shares
            .map_err(|error| self.error("search.islands", islands.count(), error.to_string()))?;
        let settings: Result<_, Error> = shares.into_iter().map(settings).collect();
        Ok((islands, settings?))
    }

    /// Networks to begin with.
    pub(super) fn start(
        &self,
        texts: &[String],
        space: &SearchSpace,
    ) -> Result<Vec<Genotype>, Error> {
        let parse = |(index, text): (usize, &String)| {
            space.parse(text).map_err(|error| {
                let key = format!("search.start[{index}]");
                self.error(&key, format!("\"{text}\""), error.to_string())
            })
        };
        texts.iter().enumerate().map(parse).collect()
    }

    pub(super) fn limits(&self, search: &SearchConfig, objectives: usize) -> Result<(), Error> {
        if let Some(seconds) = search.seconds
            && !(seconds > 0.0 && seconds.is_finite())
        {
            return Err(self.error("search.seconds", seconds, "must be a number above 0"));
        }
        if search.algorithm == Algorithm::Exact && objectives != 2 {
            let rule = "the exact search needs two objectives";
            return Err(self.error("search.algorithm", "\"exact\"", rule));
        }
        let Some(stagnation) = search.stagnation else {
            return Ok(());
        };
        if !(0.0..=1.0).contains(&stagnation.growth) {
            let rule = "a share of the hypervolume is from 0 to 1";
            return Err(self.error("search.stagnation.growth", stagnation.growth, rule));
        }
        if stagnation.evaluations == 0 {
            return Err(self.error("search.stagnation.evaluations", 0, "must be at least 1"));
        }
        if !(2..=3).contains(&objectives) {
            let rule = "hypervolume is followed for two or three objectives; leave it out";
            return Err(self.error("search.stagnation", objectives, rule));
        }
        Ok(())
    }
}
