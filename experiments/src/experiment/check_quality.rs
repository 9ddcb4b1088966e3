//! What stands in for accuracy, as an experiment file may say it.

use std::path::{Path, PathBuf};

use roofnas_cost::{Mix, Score, Term};
use roofnas_space::{Genotype, SearchSpace};

use super::check::Check;
use crate::config::Algorithm;
use crate::error::Error;
use crate::external_config::ExternalConfig;
use crate::objective::Objective;
use crate::quality_config::QualityConfig;
use crate::surrogate::Lesson;
use crate::training::TrainingCommand;

/// Networks that a run can train; more are more likely a mistake.
const MOST_TRAININGS: usize = 100_000;
/// How long a training may take at most: a year.
const LONGEST_TRAINING_S: f64 = 31_536_000.0;

impl Check<'_> {
    /// What a surrogate learns from its table.
    pub(super) fn lesson(
        &self,
        config: &QualityConfig,
        algorithm: Algorithm,
        space: &SearchSpace,
        sample: &[Genotype],
    ) -> Result<Option<Lesson>, Error> {
        let Some(surrogate) = &config.surrogate else {
            return Ok(None);
        };
        let key = |key: &str| format!("quality.surrogate.{key}");
        let others = [
            ("quality.score", config.score.is_some()),
            ("quality.terms", config.terms.is_some()),
            ("quality.normalisation", config.normalisation.is_some()),
        ];
        if let Some((other, _)) = others.into_iter().find(|(_, is_there)| *is_there) {
            let rule = "is for a rank score, and quality.surrogate predicts accuracy: leave out one of the two";
            return Err(self.error(other, "given", rule));
        }
        if !(0.5..1.0).contains(&surrogate.confidence) {
            let rule = "a confidence is from 0.5 to below 1";
            return Err(self.error(&key("confidence"), surrogate.confidence, rule));
        }
        let names = surrogate.accuracy.names();
        if names.is_empty() || names.iter().any(String::is_empty) {
            let rule = "names the columns of accuracies: at least one";
            return Err(self.error(&key("accuracy"), format!("{names:?}"), rule));
        }
        if algorithm == Algorithm::Exact {
            let rule = "predicted accuracy is no sum over blocks; choose nsga2";
            return Err(self.error("search.algorithm", "\"exact\"", rule));
        }
        let Some(path) = self.beside(&surrogate.table) else {
            let rule = "is no file, neither beside the experiment nor where roofnas was started";
            let table = format!("\"{}\"", surrogate.table);
            return Err(self.error(&key("table"), table, rule));
        };
        Lesson::read(surrogate, &path, space, sample).map(Some)
    }

    /// A file by its path from the experiment's folder, or else from the working folder.
    pub(super) fn beside(&self, name: &str) -> Option<PathBuf> {
        let folder = Path::new(self.file).parent();
        let beside = folder.map(|folder| folder.join(name));
        let mut candidates = beside.into_iter().chain([PathBuf::from(name)]);
        candidates.find(|path| path.is_file())
    }

    /// The score by its name or its terms.
    pub(super) fn score(&self, config: &QualityConfig) -> Result<Score, Error> {
        let Some(terms) = &config.terms else {
            return Ok(config.score.unwrap_or(Score::AE3));
        };
        if let Some(score) = &config.score {
            let rule =
                "a score is either named or given by quality.terms: leave out one of the two";
            return Err(self.error("quality.score", format!("\"{}\"", score.name()), rule));
        }
        let mix = Mix::new(terms.iter().map(|(term, weight)| (*term, *weight)));
        mix.map(Score::Mix).map_err(|error| {
            let written = terms
                .iter()
                .map(|(term, weight)| format!("{term} = {weight}"));
            let written = written.collect::<Vec<_>>().join(", ");
            self.error(
                "quality.terms",
                format!("{{ {written} }}"),
                error.to_string(),
            )
        })
    }

    /// Deviations far below any that a sample has would turn scores into infinities.
    pub(super) fn normalisation(&self, config: &QualityConfig, score: &Score) -> Result<(), Error> {
        let Some(z) = &config.normalisation else {
            return Ok(());
        };
        for term in Term::ALL {
            let is_needed = score.is_normalised() && score.uses(term);
            if is_needed && z.moments(term).is_none() {
                return Err(Error::Missing {
                    file: self.file.to_owned(),
                    key: format!("quality.normalisation.{}", term.key()),
                    rule: format!(
                        "the score needs mean and std of {term}; leave out the whole normalisation to have it drawn from the space"
                    ),
                });
            }
        }
        for (term, moments) in z.terms() {
            let key = |part: &str| format!("quality.normalisation.{}.{part}", term.key());
            if !moments.mean.is_finite() {
                return Err(self.error(&key("mean"), moments.mean, "must be a finite number"));
            }
            if moments.std != 0.0 && !(1e-9..1e30).contains(&moments.std) {
                let rule = "must be 0 (the term is left out) or from 1e-9 to 1e30";
                return Err(self.error(&key("std"), moments.std, rule));
            }
        }
        Ok(())
    }

    pub(super) fn external(
        &self,
        config: &ExternalConfig,
        objectives: &[Objective],
        algorithm: Algorithm,
    ) -> Result<(), Error> {
        let key = |key: &str| format!("quality.external.{key}");
        TrainingCommand::parse(&config.command).map_err(|error| {
            let value = format!("{:?}", config.command);
            self.error(&key("command"), value, error.to_string())
        })?;
        let counts = [
            ("budget", Some(config.budget)),
            ("initial", config.initial),
            ("batch", Some(config.batch)),
            ("jobs", Some(config.jobs)),
        ];
        for (name, count) in counts {
            if let Some(count) = count.filter(|count| !(1..=MOST_TRAININGS).contains(count)) {
                let rule = format!("must be from 1 to {MOST_TRAININGS}");
                return Err(self.error(&key(name), count, rule));
            }
        }
        if config.evaluations == 0 {
            return Err(self.error(&key("evaluations"), 0, "must be at least 1"));
        }
        if !(config.timeout_s > 0.0 && config.timeout_s <= LONGEST_TRAINING_S) {
            let rule = format!("must be a number above 0, up to {LONGEST_TRAINING_S}");
            return Err(self.error(&key("timeout_s"), config.timeout_s, rule));
        }
        if i64::try_from(config.training_seed).is_err() {
            return Err(self.error(
                &key("training_seed"),
                config.training_seed,
                "must be below 2^63",
            ));
        }
        if config.cache.is_empty() {
            return Err(self.error(&key("cache"), "\"\"", "names a folder"));
        }
        if !objectives.contains(&Objective::Quality) {
            let rule = "quality is not among the objectives, so nothing would be trained for; add it to objectives.maximize";
            return Err(self.error("quality.external", "a table", rule));
        }
        if algorithm == Algorithm::Exact {
            let rule = "accuracy that is measured is no sum over blocks; choose nsga2 to begin with a search by the score";
            return Err(self.error("search.algorithm", "\"exact\"", rule));
        }
        Ok(())
    }
}
