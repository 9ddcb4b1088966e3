//! From an experiment file to a checked experiment.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::SeedableRng;
use rayon::prelude::*;
use roofnas_cost::{
    Latency, LatencyModel, Mix, NetworkCost, Normalisation, Platform, QualityTerms, Score, Term,
};
use roofnas_hardware::Profiles;
use roofnas_hardware::engine::OutputFormat;
use roofnas_search::{
    Evaluation, Islands, Limits, MAX_OBJECTIVES, Nsga2Settings, RegularizedEvolutionSettings,
    SearchRng, Stagnation,
};
use roofnas_space::{FixedHeadError, Genotype, SearchSpace, SpaceDefinition, presets};

use crate::config::{
    Algorithm, ConstraintsConfig, ExperimentConfig, ObjectivesConfig, SearchConfig, SpaceConfig,
};
use crate::constraint::{Constraint, Figure};
use crate::error::Error;
use crate::external_config::ExternalConfig;
use crate::fixed_head::{HeadFile, HeadForm};
use crate::metrics::{Appraiser, Metrics};
use crate::objective::Objective;
use crate::quality::{Predicted, Quality};
use crate::quality_config::QualityConfig;
use crate::refine::{LEAST_NETWORKS, RefineConfig, RefineEngine};
use crate::run_directory::RunDirectory;
use crate::space_file;
use crate::surrogate::Lesson;
use crate::training::TrainingCommand;

/// Networks drawn from a space to normalise scores, and their fixed seed: never the experiment's, so that
/// all runs on one space have one scale.
const SAMPLE: usize = 500;
const SAMPLE_SEED: u64 = 0;

/// Networks that a run can train; more are more likely a mistake.
const MOST_TRAININGS: usize = 100_000;
/// What a refinement can do at most; more is more likely a mistake.
const MOST_ROUNDS: usize = 100;
const MOST_MEASURED: usize = 1000;
const MOST_THREADS: usize = 1024;
const MOST_TURNS: usize = 10_000;
const MOST_RETRIES: usize = 100;

/// How long a training may take at most: a year.
const LONGEST_TRAINING_S: f64 = 31_536_000.0;

/// A checked experiment: one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The configuration, with defaults, space and normalisation written out.
    pub resolved: ExperimentConfig,
    /// What can be built.
    pub space: SearchSpace,
    /// How networks are priced and scored.
    pub appraiser: Appraiser,
    /// The score, which is the quality where nothing takes its place.
    pub proxy: Quality,
    /// What is optimised; minimised ones first.
    pub objectives: Vec<Objective>,
    /// What every network must keep.
    pub constraints: Vec<Constraint>,
    /// How the search is divided.
    pub islands: Islands,
    /// Settings of each island.
    pub island_settings: Vec<IslandSettings>,
    /// What accuracy was learnt from, where it is predicted.
    pub lesson: Option<Lesson>,
    /// The neck and head that every network carries, with what a run's folder keeps of it.
    pub head: Option<HeadFile>,
    /// Networks that the search begins with.
    pub start: Vec<Genotype>,
    /// Where the platform's profile was found.
    pub platform_origin: String,
    /// Genotypes drawn to fix scales, the same for every run on the space.
    pub sample: Vec<Genotype>,
    /// What a user should know, though nothing is wrong.
    pub warnings: Vec<String>,
}

/// What a backbone costs without the fixed head that its network carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackboneAlone {
    /// Latency of one inference of the batch.
    pub latency: Latency,
    /// MACs per image.
    pub macs: u64,
    /// Trainable parameters.
    pub params: u64,
}

/// Settings of the optimisers on one island.
#[derive(Debug, Clone, PartialEq)]
pub struct IslandSettings {
    /// Of NSGA-II and NSGA-III; the population is everyone's.
    pub nsga: Nsga2Settings,
    /// Of regularised evolution.
    pub regularized: RegularizedEvolutionSettings,
}

/// Share of an island's members that draw for a parent in regularised evolution (a quarter, as in its paper's experiments) and that are replaced in a
/// generation.
const SAMPLED: usize = 4;

impl Experiment {
    /// Checks a configuration that stands in `file`.
    ///
    /// # Errors
    /// The first key whose value can't be accepted.
    pub fn new(config: ExperimentConfig, file: &str, profiles: &Profiles) -> Result<Self, Error> {
        let profile = profiles.find_beside(Path::new(file), &config.platform.profile);
        let profile = profile.map_err(|source| Error::Profile {
            file: file.to_owned(),
            source,
        })?;
        let model = LatencyModel::new(
            profile.platform,
            config.platform.dtype,
            config.platform.batch,
        );
        let model = model.map_err(|source| Error::Latency {
            file: file.to_owned(),
            source,
        })?;
        Self::on(model, profile.origin, config, file)
    }

    /// Checks a configuration for a platform that is already at hand.
    pub(crate) fn on(
        model: LatencyModel,
        platform_origin: String,
        mut config: ExperimentConfig,
        file: &str,
    ) -> Result<Self, Error> {
        let check = Check { file };
        check.names(&config)?;
        let score = check.score(&config.quality)?;
        check.normalisation(&config.quality, &score)?;
        let (limits, warning) = first_limits(&config, &model);
        let mut warnings: Vec<String> = warning.into_iter().collect();
        check.constraints(&limits, &model)?;
        let objectives = check.objectives(&config.objectives)?;
        if let Some(external) = &config.quality.external {
            check.external(external, &objectives, config.search.algorithm)?;
            if config.quality.surrogate.is_some() {
                let rule = "trained networks come from a table or from a command; leave out one of the two";
                return Err(check.error("quality.surrogate", "a table", rule));
            }
        }
        if let Some(refine) = &config.refine {
            check.refine(refine, &config, &objectives)?;
        }
        let (islands, island_settings) = check.search(&config, objectives.len())?;
        let head = check.fixed_head(&config)?;
        let space = check.space(&config.space, head.as_ref())?;
        if let Some(head) = &head {
            config.fixed_head = Some(head.resolved());
            warnings.extend(head.warnings());
            if let Some(Err(strides)) = space.settled_head() {
                warnings.push(format!(
                    "the channels of the feature maps that the fixed head reads vary, at {}: networks are priced layer by layer, which is much \
                     slower, and nothing can be proven; with one number of channels at the end of these stages neither is so",
                    strides_in_words(strides)
                ));
            }
        }
        let start = check.start(&config.search.start, &space)?;
        let sample = reference_sample(&space);
        let lesson = check.lesson(&config.quality, config.search.algorithm, &space, &sample)?;
        let proxy = match &lesson {
            Some(lesson) => {
                let learnt = config.quality.surrogate.as_mut();
                let of = learnt.map(|learnt| {
                    *learnt = lesson.resolved(learnt);
                    learnt.predicted()
                });
                Quality::Surrogate {
                    surrogate: lesson.surrogate.clone(),
                    of: of.unwrap_or(Predicted::Median),
                }
            }
            None => {
                let drawn = config.quality.normalisation.is_none();
                let normalisation = config
                    .quality
                    .normalisation
                    .unwrap_or_else(|| normalise(&space, &sample))
                    .for_score(&score);
                if drawn {
                    for term in score.constant_terms(&normalisation) {
                        warnings.push(format!("{term} is the same for every network of the space: it adds nothing to the score"));
                    }
                }
                if config.quality.terms.is_none() {
                    config.quality.score = Some(score);
                }
                config.quality.normalisation = Some(normalisation);
                Quality::Proxy {
                    score,
                    normalisation,
                }
            }
        };
        warnings.extend(model.caveats());
        config.space = SpaceConfig::from(space.definition().clone());
        config.matrix.clear();
        // the profile as used stands beside the resolved experiment, so that both can go anywhere together
        config.platform.profile = RunDirectory::PLATFORM.to_owned();
        let constraints = Constraint::all(&limits, &model);
        Ok(Self {
            appraiser: Appraiser {
                model,
                quality: match &config.quality.external {
                    Some(external) => Quality::External {
                        command: external.command.clone(),
                        accuracies: Arc::new(BTreeMap::new()),
                    },
                    None => proxy.clone(),
                },
            },
            proxy,
            lesson,
            head,
            constraints,
            objectives,
            islands,
            island_settings,
            start,
            space,
            platform_origin,
            sample,
            warnings,
            resolved: config,
        })
    }

    /// The same experiment with the score as its quality, whatever takes its place in the end.
    pub(crate) fn with_proxy(&self) -> Self {
        let mut other = self.clone();
        other.appraiser.quality = self.proxy.clone();
        other
    }

    /// The same experiment on another platform, as a plain search: what a round of refining is. A bound on latency with a confidence holds
    /// as soon as the platform is calibrated.
    ///
    /// # Errors
    /// When the platform can't price for the experiment's number format and batch. `file` is where it stands.
    pub fn on_platform(&self, platform: Platform, file: &Path) -> Result<Self, Error> {
        let (dtype, batch) = (self.appraiser.model.dtype(), self.appraiser.model.batch());
        let model = LatencyModel::new(platform, dtype, batch).map_err(|source| Error::Latency {
            file: file.display().to_string(),
            source,
        })?;
        let (limits, _) = first_limits(&self.resolved, &model);
        let mut other = self.clone();
        other.warnings = model.caveats();
        other.constraints = Constraint::all(&limits, &model);
        other.resolved.constraints = limits;
        other.resolved.refine = None;
        other.platform_origin = file.display().to_string();
        other.appraiser.model = model;
        Ok(other)
    }

    /// The same search without a latency budget, and without a proof; nothing where it has none.
    pub fn without_budget(&self) -> Option<Self> {
        self.budget_ms()?;
        let mut other = self.clone();
        other.constraints.retain(|c| c.figure != Figure::LatencyMs);
        other.resolved.constraints.latency_ms = None;
        other.resolved.search.certify = false;
        Some(other)
    }

    /// Every figure of one network, priced layer by layer, a fixed head with it.
    pub fn appraise(&self, genotype: &Genotype) -> Metrics {
        let backbone = self.space.decode(genotype);
        let terms = QualityTerms::new(&backbone);
        let deployed = self.space.with_head(backbone);
        self.appraiser
            .appraise_genotype(genotype, &terms, &deployed)
    }

    /// What the backbone of a network costs by itself, without the fixed head; nothing where there is no head.
    pub fn backbone_alone(&self, genotype: &Genotype) -> Option<BackboneAlone> {
        self.head.as_ref()?;
        let model = &self.appraiser.model;
        let cost = NetworkCost::new(&self.space.decode(genotype), &model.platform().fusion);
        Some(BackboneAlone {
            latency: model.price(&cost),
            macs: cost.macs,
            params: cost.params,
        })
    }

    /// That figures are of backbone and head together, as a sentence; nothing where there is no head.
    pub fn head_sentence(&self) -> Option<String> {
        let head = &self.head.as_ref()?.head;
        let inputs = head.inputs().iter();
        let inputs: Vec<String> = inputs
            .map(|input| format!("{} {}", input.name, input.shape))
            .collect();
        Some(format!(
            "Latency, MACs, params, traffic, memory and layers are those of the backbone with the fixed head {} ({} layers, reads {}); the quality is that of \
             the backbone.",
            head.name(),
            head.layers(),
            inputs.join(", ")
        ))
    }

    /// What the figures of a network are to the search: costs in the order of the objectives; the violation is the sum of the
    /// constraints' excesses, each relative to its bound.
    pub fn evaluation(&self, metrics: &Metrics) -> Evaluation {
        let costs = self.objectives.iter().map(|o| o.cost(metrics));
        let excesses = self.constraints.iter().map(|c| c.excess(metrics));
        Evaluation::new(costs, excesses.sum())
    }

    /// The figures of the experiment's sample: what drawing from the space at random gives.
    pub fn appraise_sample(&self) -> Vec<Metrics> {
        let sample = self.sample.par_iter();
        sample.map(|genotype| self.appraise(genotype)).collect()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.resolved.name
    }

    /// The constraint on a latency's bound, if there is one that is above the mean.
    pub(crate) fn bounded_latency(&self) -> Option<&Constraint> {
        let mut constraints = self.constraints.iter();
        constraints.find(|c| c.figure == Figure::LatencyMs && c.quantile > 0.0)
    }

    /// Whether its run ends with a proof.
    pub fn proves(&self) -> bool {
        let search = &self.resolved.search;
        search.certify || search.algorithm == Algorithm::Exact
    }

    /// When local search ends that polishes a front found with so many evaluations.
    pub(crate) fn polish_limits(&self, evaluations: u64) -> Option<Limits> {
        let polish = self.resolved.search.polish?;
        NonZeroU64::new(evaluations.saturating_add(polish)).map(Limits::new)
    }

    /// When the search ends, with hypervolume measured from this point.
    pub(crate) fn limits(&self, reference: &[f64]) -> Limits {
        let search = &self.resolved.search;
        let mut limits =
            Limits::new(NonZeroU64::new(search.evaluations).unwrap_or(NonZeroU64::MIN));
        if let Some(seconds) = search.seconds {
            limits = limits.clone().with_seconds(seconds).unwrap_or(limits);
        }
        let stagnation = search.stagnation.and_then(|stagnation| {
            let evaluations = NonZeroU64::new(stagnation.evaluations)?;
            Stagnation::new(reference.to_vec(), stagnation.growth, evaluations).ok()
        });
        match stagnation {
            Some(stagnation) => limits.with_stagnation(stagnation),
            None => limits,
        }
    }

    /// The latency budget, if there is one, in milliseconds.
    pub fn budget_ms(&self) -> Option<f64> {
        self.resolved.constraints.latency_ms
    }

    /// The platform as used, as TOML.
    pub fn platform_toml(&self) -> String {
        let body = self.appraiser.model.platform().to_toml();
        format!("# The platform as this run used it.\n{body}")
    }

    /// The resolved configuration as TOML.
    ///
    /// # Panics
    /// Never: plain tables and numbers can always be written.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(&self.resolved).expect("an experiment is plain data");
        format!(
            "# The experiment as it ran, with every default written out. It can be run again as it stands, with the\n\
             # {} beside it, which is platform {} as used.\n{body}",
            RunDirectory::PLATFORM,
            self.appraiser.model.platform().name
        )
    }
}

/// The genotypes that fix the scales of a space: 500 drawn with seed 0, whatever an experiment's seed is.
pub fn reference_sample(space: &SearchSpace) -> Vec<Genotype> {
    let mut rng = SearchRng::seed_from_u64(SAMPLE_SEED);
    (0..SAMPLE).map(|_| space.sample(&mut rng)).collect()
}

fn normalise(space: &SearchSpace, sample: &[Genotype]) -> Normalisation {
    let terms: Vec<QualityTerms> = sample
        .iter()
        .map(|genotype| QualityTerms::new(&space.decode(genotype)))
        .collect();
    Normalisation::new(&terms)
}

fn strides_in_words(strides: &[usize]) -> String {
    let words = strides.iter().map(|stride| format!("stride {stride}"));
    words.collect::<Vec<_>>().join(", ")
}

/// The limits that the platform at hand can be held to: where it is going to be refined and is not calibrated yet, the mean stands in for a bound
/// that nobody knows.
/// The other value is what a user should know of it.
fn first_limits(
    config: &ExperimentConfig,
    model: &LatencyModel,
) -> (ConstraintsConfig, Option<String>) {
    let mut limits = config.constraints.clone();
    let asked = limits.confidence;
    let is_bound = (0.5..1.0).contains(&asked) && asked > 0.5;
    if config.refine.is_none() || model.calibration().is_some() || !is_bound {
        return (limits, None);
    }
    limits.confidence = 0.5;
    let warning = format!(
        "the platform is uncalibrated, so the first search bounds the mean; confidence = {asked} holds from the first fit on"
    );
    (limits, Some(warning))
}

/// Checks the tables of one file.
struct Check<'a> {
    file: &'a str,
}

impl Check<'_> {
    fn error(&self, key: &str, value: impl ToString, rule: impl Into<String>) -> Error {
        Error::Value {
            file: self.file.to_owned(),
            key: key.to_owned(),
            value: value.to_string(),
            rule: rule.into(),
        }
    }

    fn names(&self, config: &ExperimentConfig) -> Result<(), Error> {
        let name = &config.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            let rule = "a name names a folder: letters, digits, '-', '_' and '.', not first a '.'";
            return Err(self.error("name", format!("\"{name}\""), rule));
        }
        if i64::try_from(config.seed).is_err() {
            return Err(self.error("seed", config.seed, "must be below 2^63"));
        }
        Ok(())
    }

    /// What a surrogate learns from its table.
    fn lesson(
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
    fn beside(&self, name: &str) -> Option<PathBuf> {
        let folder = Path::new(self.file).parent();
        let beside = folder.map(|folder| folder.join(name));
        let mut candidates = beside.into_iter().chain([PathBuf::from(name)]);
        candidates.find(|path| path.is_file())
    }

    /// The score by its name or its terms.
    fn score(&self, config: &QualityConfig) -> Result<Score, Error> {
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
    fn normalisation(&self, config: &QualityConfig, score: &Score) -> Result<(), Error> {
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

    fn external(
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

    fn refine(
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
        if !objectives.contains(&Objective::Latency) && config.constraints.latency_ms.is_none() {
            let rule = "latency is neither an objective nor limited, so nothing depends on the platform; add one of the two";
            return Err(self.error("refine", "a table", rule));
        }
        Ok(())
    }

    fn refine_command(&self, refine: &RefineConfig) -> Result<(), Error> {
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

    fn constraints(&self, config: &ConstraintsConfig, model: &LatencyModel) -> Result<(), Error> {
        for constraint in Constraint::all(config, model) {
            if constraint.figure != Figure::ChannelDrop
                && !(constraint.limit > 0.0 && constraint.limit.is_finite())
            {
                let key = format!("constraints.{}", constraint.figure.key());
                return Err(self.error(&key, constraint.limit, "a bound is a number above 0"));
            }
        }
        let confidence = config.confidence;
        if !(0.5..1.0).contains(&confidence) {
            let rule = "a confidence is from 0.5 (the mean) to below 1";
            return Err(self.error("constraints.confidence", confidence, rule));
        }
        if confidence > 0.5 && model.calibration().is_none() {
            let rule = "the platform is uncalibrated: its deviation is a prior and was not measured, so a bound on it \
                        would promise what nobody knows; leave confidence at 0.5, the mean";
            return Err(self.error("constraints.confidence", confidence, rule));
        }
        Ok(())
    }

    /// The objectives, minimised ones first, so that fronts are sorted by what is to be low.
    fn objectives(&self, config: &ObjectivesConfig) -> Result<Vec<Objective>, Error> {
        let sides = [
            ("minimize", &config.minimize, false),
            ("maximize", &config.maximize, true),
        ];
        let mut all: Vec<Objective> = Vec::new();
        for (side, listed, maximized) in sides {
            for &objective in listed {
                let key = format!("objectives.{side}");
                if objective.is_maximized() != maximized {
                    let rule = if maximized {
                        "only quality is maximised; list it under minimize"
                    } else {
                        "quality is maximised; list it under maximize"
                    };
                    return Err(self.error(&key, objective, rule));
                }
                if all.contains(&objective) {
                    return Err(self.error(&key, objective, "is listed twice"));
                }
                all.push(objective);
            }
        }
        if all.is_empty() || all.len() > MAX_OBJECTIVES {
            let rule = format!("a search has 1 to {MAX_OBJECTIVES} objectives");
            return Err(self.error("objectives", all.len(), rule));
        }
        Ok(all)
    }

    /// How the search is divided, and the settings of each island.
    fn search(
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
    fn start(&self, texts: &[String], space: &SearchSpace) -> Result<Vec<Genotype>, Error> {
        let parse = |(index, text): (usize, &String)| {
            space.parse(text).map_err(|error| {
                let key = format!("search.start[{index}]");
                self.error(&key, format!("\"{text}\""), error.to_string())
            })
        };
        texts.iter().enumerate().map(parse).collect()
    }

    fn limits(&self, search: &SearchConfig, objectives: usize) -> Result<(), Error> {
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

    /// The neck and head that every network carries.
    fn fixed_head(&self, config: &ExperimentConfig) -> Result<Option<HeadFile>, Error> {
        let Some(given) = &config.fixed_head else {
            return Ok(None);
        };
        let (form, name) = match (&given.onnx, &given.layers) {
            (Some(name), None) => (HeadForm::Onnx, name),
            (None, Some(name)) => (HeadForm::Layers, name),
            (Some(name), Some(_)) => {
                let rule =
                    "a head is given by one file: leave out fixed_head.onnx or fixed_head.layers";
                return Err(self.error("fixed_head.onnx", format!("\"{name}\""), rule));
            }
            (None, None) => {
                return Err(Error::Missing {
                    file: self.file.to_owned(),
                    key: "fixed_head.onnx".to_owned(),
                    rule: "give an ONNX file of the head, or a table of its layers as fixed_head.layers".to_owned(),
                });
            }
        };
        if let Some(refine) = &config.refine {
            let rule = "refining measures backbones, which don't hold the fixed head; refine without it, and give this experiment the platform.toml that comes of it";
            let engine = format!("\"{}\"", refine.engine.name());
            return Err(self.error("refine.engine", engine, rule));
        }
        let Some(path) = self.beside(name) else {
            let rule = "is no file, neither beside the experiment nor where roofnas was started";
            return Err(self.error(form.key(), format!("\"{name}\""), rule));
        };
        HeadFile::read(form, &path).map(Some)
    }

    fn space(&self, config: &SpaceConfig, head: Option<&HeadFile>) -> Result<SearchSpace, Error> {
        let definition = match head {
            None => self.definition(config)?,
            Some(file) => self.definition_with_head(config, file)?,
        };
        let space = SearchSpace::new(definition).map_err(|source| Error::Space {
            file: self.file.to_owned(),
            source,
        })?;
        let Some(file) = head else {
            return Ok(space);
        };
        let whole = space.with_fixed_head(file.head.clone());
        whole.map_err(|error| self.unfit(file, &error))
    }

    /// The space for a fixed head: without the preset's classifier, and with the feature maps that the head reads.
    fn definition_with_head(
        &self,
        config: &SpaceConfig,
        file: &HeadFile,
    ) -> Result<SpaceDefinition, Error> {
        let mut definition = self.definition(config)?;
        if config.head.is_some() {
            return Err(self.unfit(file, &FixedHeadError::Classifier));
        }
        definition.head = None;
        let resolutions = definition.resolution.values();
        let &[image] = resolutions else {
            return Err(self.unfit(file, &FixedHeadError::Resolutions(resolutions.len())));
        };
        if config.features.is_none() {
            let strides = file.head.strides(image);
            definition.features = strides.map_err(|error| self.unfit(file, &error))?;
            definition.features.sort_unstable();
        }
        Ok(definition)
    }

    fn unfit(&self, file: &HeadFile, error: &FixedHeadError) -> Error {
        self.error(
            "fixed_head",
            format!("\"{}\"", file.head.name()),
            error.to_string(),
        )
    }

    /// A shipped space by its name, or one in a file by its path.
    fn preset(&self, name: &str) -> Result<SpaceDefinition, Error> {
        if let Some(definition) = presets::definition(name) {
            return Ok(definition);
        }
        let Some(path) = self.beside(name) else {
            let rule = format!(
                "is neither a file nor a preset; presets are {}",
                presets::NAMES.join(", ")
            );
            return Err(self.error("space.preset", format!("\"{name}\""), rule));
        };
        space_file::read(&path)
    }

    /// The space written out: the preset's keys, with those given beside it in their place.
    fn definition(&self, config: &SpaceConfig) -> Result<SpaceDefinition, Error> {
        let base = match &config.preset {
            None => SpaceConfig::default(),
            Some(name) => SpaceConfig::from(self.preset(name)?),
        };
        let own = config.clone();
        let missing = |key: &str| Error::Missing {
            file: self.file.to_owned(),
            key: format!("space.{key}"),
            rule: format!(
                "give it, or start from a preset ({})",
                presets::NAMES.join(", ")
            ),
        };
        Ok(SpaceDefinition {
            resolution: own
                .resolution
                .or(base.resolution)
                .ok_or_else(|| missing("resolution"))?,
            input_channels: own
                .input_channels
                .or(base.input_channels)
                .unwrap_or(SpaceDefinition::DEFAULT_INPUT_CHANNELS),
            features: own.features.or(base.features).unwrap_or_default(),
            se_style: own.se_style.or(base.se_style).unwrap_or_default(),
            stem: own.stem.or(base.stem).ok_or_else(|| missing("stem"))?,
            stage: own.stage.or(base.stage).ok_or_else(|| missing("stage"))?,
            head: own.head.or(base.head),
        })
    }
}
