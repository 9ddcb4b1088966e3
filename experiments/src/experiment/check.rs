//! What an experiment file may say: its names, limits and objectives.

use roofnas_cost::LatencyModel;
use roofnas_search::MAX_OBJECTIVES;
use roofnas_space::Choices;

use crate::config::{ConstraintsConfig, ExperimentConfig, ObjectivesConfig};
use crate::constraint::{Constraint, Figure};
use crate::error::Error;
use crate::objective::Objective;
use crate::target::{MOST_TARGETS, Target};

/// Batches that networks can choose from: their blocks are priced for each.
const MOST_BATCHES: usize = 8;

/// Letters that the name of a target can have.
const LONGEST_NAME: usize = 40;

/// Checks the tables of one file.
pub(super) struct Check<'a> {
    pub(super) file: &'a str,
}

impl Check<'_> {
    pub(super) fn error(&self, key: &str, value: impl ToString, rule: impl Into<String>) -> Error {
        Error::Value {
            file: self.file.to_owned(),
            key: key.to_owned(),
            value: value.to_string(),
            rule: rule.into(),
        }
    }

    pub(super) fn names(&self, config: &ExperimentConfig) -> Result<(), Error> {
        let name = &config.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            let rule = "a name names a folder: letters from a to z, digits, '-', '_' and '.', not first a '.'";
            return Err(self.error("name", format!("\"{name}\""), rule));
        }
        if i64::try_from(config.seed).is_err() {
            return Err(self.error("seed", config.seed, "must be below 2^63"));
        }
        for name in config.target.keys() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
            let rule = if !(1..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(plain) {
                format!(
                    "the name of a target begins columns of tables, and names a file: up to {LONGEST_NAME} letters from a to z, digits, '-' and '_'"
                )
            } else if name == "backbone" {
                "columns that begin so are those of a backbone without its fixed head; choose another name"
                    .to_owned()
            } else {
                continue;
            };
            return Err(self.error("target", format!("\"{name}\""), rule));
        }
        if config.target.len() > MOST_TARGETS {
            let rule = format!("there can be at most {MOST_TARGETS} targets besides the platform");
            return Err(self.error("target", config.target.len(), rule));
        }
        Ok(())
    }

    /// The batches that networks may run at, in ascending order: at least one.
    pub(super) fn batches(&self, stated: &Choices<u64>) -> Result<Vec<u64>, Error> {
        let mut batches = stated.values().to_vec();
        batches.sort_unstable();
        let count = batches.len();
        batches.dedup();
        let rule = if batches.len() < count {
            "a batch is listed twice".to_owned()
        } else if (1..=MOST_BATCHES).contains(&count) {
            return Ok(batches);
        } else {
            format!("is a number, or a list of 1 to {MOST_BATCHES} of them to choose from")
        };
        Err(self.error("platform.batch", format!("{:?}", stated.values()), rule))
    }

    /// Whether several batches are a choice that a search can make: each network takes the batch of its highest throughput, so nothing else that is
    /// optimised may depend on the batch.
    pub(super) fn choice_of_batch(
        &self,
        config: &ExperimentConfig,
        objectives: &[Objective],
    ) -> Result<(), Error> {
        let batches = format!("{:?}", config.platform.batch.values());
        let refused = |rule: &str| Err(self.error("platform.batch", &batches, rule));
        let mut compared = objectives.iter().filter(|objective| {
            matches!(
                objective,
                Objective::Latency | Objective::Traffic | Objective::PeakMemory
            )
        });
        if let Some(objective) = compared.next() {
            return refused(&format!(
                "of several batches each network takes that of its highest throughput, and {} is that of one batch: make throughput an objective in its \
                 place (objectives.maximize), limit it under constraints, or name one batch; platform.batch under [matrix] searches once for each",
                objective.name(&[])
            ));
        }
        if !objectives.contains(&Objective::Throughput) {
            return refused(
                "of several batches each network takes that of its highest throughput, which is no objective: add it to objectives.maximize, or name one batch",
            );
        }
        if config.quality.external.is_some() {
            return refused(
                "networks that quality.external trains are chosen by latency at one batch: name one",
            );
        }
        if config.refine.is_some() {
            return refused(
                "a platform is refined at one batch: name one, or calibrate the platform at each of them first (roofnas calibrate) and leave out refine",
            );
        }
        Ok(())
    }

    pub(super) fn constraints(
        &self,
        experiment: &ExperimentConfig,
        config: &ConstraintsConfig,
        model: &LatencyModel,
        targets: &[Target],
    ) -> Result<(), Error> {
        for constraint in Constraint::all(experiment, config, model, targets) {
            if constraint.figure != Figure::ChannelDrop
                && !(constraint.limit > 0.0 && constraint.limit.is_finite())
            {
                let table = match &constraint.target {
                    None => "constraints".to_owned(),
                    Some(target) => format!("target.{target}"),
                };
                let key = format!("{table}.{}", constraint.figure.key());
                return Err(self.error(&key, constraint.limit, "a bound is a number above 0"));
            }
        }
        let confidence = config.confidence;
        if !(0.5..1.0).contains(&confidence) {
            let rule = "a confidence is from 0.5 (the mean) to below 1";
            return Err(self.error("constraints.confidence", confidence, rule));
        }
        let is_of_targets = config.latency_ms.is_none()
            && experiment
                .target
                .values()
                .any(|target| target.latency_ms.is_some());
        if confidence > 0.5 && model.calibration().is_none() && !is_of_targets {
            let rule = "the platform is uncalibrated: its deviation is a prior and was not measured, so a bound on it \
                        would promise what nobody knows; leave confidence at 0.5, the mean";
            return Err(self.error("constraints.confidence", confidence, rule));
        }
        for target in targets {
            let is_limited = experiment.target[&target.name].latency_ms.is_some();
            // a target is not refined: what is asked of it holds from the first search on
            let asked = experiment.constraints.confidence;
            if asked > 0.5 && is_limited && target.model.calibration().is_none() {
                let rule = format!(
                    "the platform of target.{} is uncalibrated: its deviation is a prior and was not measured, so a bound on it would promise what \
                     nobody knows; leave confidence at 0.5, the mean, or leave out target.{}.latency_ms",
                    target.name, target.name
                );
                return Err(self.error("constraints.confidence", asked, rule));
            }
        }
        Ok(())
    }

    /// The objectives, the quality last, so that fronts are sorted by what is to be had for it.
    pub(super) fn objectives(
        &self,
        config: &ObjectivesConfig,
        targets: &[Target],
    ) -> Result<Vec<Objective>, Error> {
        let sides = [
            ("minimize", &config.minimize, false),
            ("maximize", &config.maximize, true),
        ];
        let mut all: Vec<Objective> = Vec::new();
        for (side, listed, maximized) in sides {
            for name in listed {
                let key = format!("objectives.{side}");
                let names = targets.iter().map(|target| &target.name[..]);
                let objective = name.among(names.clone()).map_err(|unknown| {
                    let known: Vec<&str> = names.collect();
                    let rule = match known[..] {
                        [] => format!("there is no target; add a table [target.{unknown}]"),
                        _ => format!("the targets are {}", known.join(", ")),
                    };
                    self.error(&key, name, rule)
                })?;
                if objective.is_maximized() != maximized {
                    let rule = if maximized {
                        "only quality and throughput are maximised; list it under minimize"
                    } else {
                        "is maximised; list it under maximize"
                    };
                    return Err(self.error(&key, name, rule));
                }
                if all.contains(&objective) {
                    return Err(self.error(&key, name, "is listed twice"));
                }
                if let Some(same) = objective.same_order()
                    && all.contains(&same)
                {
                    let rule = "ranks networks as the latency does, which is an objective too: leave out one of the two";
                    return Err(self.error(&key, name, rule));
                }
                all.push(objective);
            }
        }
        if all.is_empty() || all.len() > MAX_OBJECTIVES {
            let rule = format!("a search has 1 to {MAX_OBJECTIVES} objectives");
            return Err(self.error("objectives", all.len(), rule));
        }
        all.sort_by_key(|objective| *objective == Objective::Quality);
        Ok(all)
    }
}
