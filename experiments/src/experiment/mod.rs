//! From an experiment file to a checked experiment.

mod check;
mod check_quality;
mod check_search;
mod check_space;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use rand::SeedableRng;
use rayon::prelude::*;
use roofnas_cost::{
    Dtype, Latency, LatencyModel, NetworkCost, Normalisation, Platform, QualityTerms,
};
use roofnas_hardware::Profiles;
use roofnas_search::{
    Evaluation, Islands, Limits, Nsga2Settings, RegularizedEvolutionSettings, SearchRng, Stagnation,
};
use roofnas_space::{Choices, Genotype, Network, SearchSpace};

use self::check::Check;
use crate::config::{Algorithm, ConstraintsConfig, ExperimentConfig, SpaceConfig};
use crate::constraint::{Constraint, Figure};
use crate::error::Error;
use crate::fixed_head::HeadFile;
use crate::metrics::{Appraiser, Metrics};
use crate::objective::Objective;
use crate::quality::{Predicted, Quality};
use crate::run_directory::RunDirectory;
use crate::surrogate::Lesson;
use crate::target::Target;

/// Networks drawn from a space to normalise scores, and their fixed seed: never the experiment's, so that
/// all runs on one space have one scale.
const SAMPLE: usize = 500;
const SAMPLE_SEED: u64 = 0;

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
    /// What is optimised; the quality last.
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

impl Experiment {
    /// Checks a configuration that stands in `file`.
    ///
    /// # Errors
    /// The first key whose value can't be accepted.
    pub fn new(config: ExperimentConfig, file: &str, profiles: &Profiles) -> Result<Self, Error> {
        let find = |table: &str, profile: &str, dtype: Dtype, batch: u64| {
            let profile = profiles.find_beside(Path::new(file), profile);
            let profile = profile.map_err(|source| Error::Profile {
                place: format!("{file}: {table}"),
                source,
            })?;
            let model = model(profile.platform, dtype, batch, (file, table))?;
            Ok((model, profile.origin))
        };
        let own = &config.platform;
        let batches = batches(&own.batch, file)?;
        let (model, origin) = find("platform", &own.profile, own.dtype, batches[0])?;
        Self::on(model, origin, config, file, find)
    }

    /// Checks a configuration for a platform that is already at hand, at the smallest of its batches; `find` finds those that further tables ask for, with their origins: by table, profile,
    /// number format and batch.
    pub(crate) fn on(
        model: LatencyModel,
        platform_origin: String,
        mut config: ExperimentConfig,
        file: &str,
        find: impl Fn(&str, &str, Dtype, u64) -> Result<(LatencyModel, String), Error>,
    ) -> Result<Self, Error> {
        let check = Check { file };
        check.names(&config)?;
        let batches = batches(&config.platform.batch, file)?;
        let larger = batches[1..].iter().map(|&batch| {
            let at = model.at_batch(batch);
            at.map_err(|source| Error::Latency {
                place: format!("{file}: platform"),
                source,
            })
        });
        let larger_batches: Vec<LatencyModel> = larger.collect::<Result<_, Error>>()?;
        let targets = config.target.iter().map(|(name, target)| {
            let table = format!("target.{name}");
            let (model, origin) = find(&table, &target.profile, target.dtype, target.batch)?;
            let name = name.clone();
            Ok(Target {
                name,
                model,
                origin,
            })
        });
        let targets: Vec<Target> = targets.collect::<Result<_, Error>>()?;
        let score = check.score(&config.quality)?;
        check.normalisation(&config.quality, &score)?;
        let (limits, warning) = first_limits(&config, &model);
        let mut warnings: Vec<String> = warning.into_iter().collect();
        check.constraints(&config, &limits, &model, &targets)?;
        let objectives = check.objectives(&config.objectives, &targets)?;
        if batches.len() > 1 {
            check.choice_of_batch(&config, &objectives)?;
        }
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
        warnings.extend(caveats(&model, &larger_batches, &targets));
        config.space = SpaceConfig::from(space.definition().clone());
        config.matrix.clear();
        // the profile as used stands beside the resolved experiment, so that both can go anywhere together
        config.platform.profile = RunDirectory::PLATFORM.to_owned();
        config.platform.batch = match batches[..] {
            [one] => Choices::One(one),
            _ => Choices::Many(batches),
        };
        for (name, target) in &mut config.target {
            target.profile = Target::file(name);
        }
        let constraints = Constraint::all(&config, &limits, &model, &targets);
        Ok(Self {
            appraiser: Appraiser {
                model,
                larger_batches,
                targets,
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
        let place = file.display().to_string();
        let model = model(platform, dtype, batch, (&place, "platform"))?;
        let (limits, _) = first_limits(&self.resolved, &model);
        let mut other = self.clone();
        other.warnings = caveats(&model, &[], &self.appraiser.targets);
        let targets = &self.appraiser.targets;
        other.constraints = Constraint::all(&self.resolved, &limits, &model, targets);
        other.resolved.constraints = limits;
        other.resolved.refine = None;
        other.platform_origin = file.display().to_string();
        other.appraiser.model = model;
        Ok(other)
    }

    /// Whether each network runs at a batch of its own: latencies of its networks are then not those of one batch.
    pub fn chooses_batch(&self) -> bool {
        !self.appraiser.larger_batches.is_empty()
    }

    /// The same experiment with each of its batches alone, in ascending order.
    pub fn at_each_batch(&self) -> Vec<Self> {
        let alone = self.appraiser.models().map(|model| {
            let mut other = self.clone();
            other.resolved.platform.batch = Choices::One(model.batch());
            other.appraiser.model = model.clone();
            other.appraiser.larger_batches.clear();
            other
        });
        alone.collect()
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

    /// Every figure of one network at the best of its batches, priced layer by layer, a fixed head with it.
    pub fn appraise(&self, genotype: &Genotype) -> Metrics {
        let backbone = self.space.decode(genotype);
        let terms = QualityTerms::new(&backbone);
        let deployed = self.space.with_head(backbone);
        let smallest = self
            .appraiser
            .appraise_genotype(genotype, &terms, &deployed);
        self.at_best_batch(smallest, &deployed)
    }

    /// Every figure of a network that need not be of the space, at the best of its batches. A quality that depends on genes isn't a number.
    ///
    /// # Panics
    /// For a network read from a table that doesn't say which layer reads what.
    pub fn appraise_network(&self, network: &Network) -> Metrics {
        self.at_best_batch(self.appraiser.appraise(network), network)
    }

    /// The figures of a network at the best of its batches, given those at the smallest.
    fn at_best_batch(&self, smallest: Metrics, network: &Network) -> Metrics {
        if !self.chooses_batch() {
            return smallest;
        }
        let cost = NetworkCost::new(network, &self.appraiser.model.platform().fusion);
        let larger = self.appraiser.larger_batches.iter();
        let larger = larger.map(|model| smallest.at(model, &cost));
        self.best_batch(smallest, larger)
    }

    /// Of the figures of one network at several batches, those of the highest throughput among batches at which it keeps the constraints; where it keeps
    /// them at none, those that break them least. Of equals, the smaller batch. (No other objective depends on the batch.)
    pub(crate) fn best_batch(
        &self,
        smallest: Metrics,
        larger: impl Iterator<Item = Metrics>,
    ) -> Metrics {
        let worth = |metrics: &Metrics| (self.excess(metrics), metrics.timing().ms_per_image());
        larger.fold(smallest, |best, other| match worth(&other) < worth(&best) {
            true => other,
            false => best,
        })
    }

    /// What the backbone of a network costs by itself at a batch of the experiment, without the fixed head; nothing where there is no head.
    pub fn backbone_alone(&self, genotype: &Genotype, batch: u64) -> Option<BackboneAlone> {
        self.head.as_ref()?;
        let model = self.appraiser.at(batch);
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
        Evaluation::new(costs, self.excess(metrics))
    }

    /// By how much a network breaks the constraints, each relative to its bound; 0 where it keeps them.
    fn excess(&self, metrics: &Metrics) -> f64 {
        let excesses = self.constraints.iter().map(|c| c.excess(metrics));
        excesses.sum()
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
        self.bounded(Figure::LatencyMs)
    }

    /// The constraint on the bound of a latency, the platform's or a target's, if there is one that is above the mean.
    pub(crate) fn bounded(&self, latency: Figure) -> Option<&Constraint> {
        let mut constraints = self.constraints.iter();
        constraints.find(|c| c.figure == latency && c.quantile > 0.0)
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

    /// The budget of an objective, as a cost: a limit on the same figure, if there is one.
    pub fn budget(&self, objective: Objective) -> Option<f64> {
        let targets = &self.appraiser.targets;
        let of_target = |target: u8| {
            let name = &targets[target as usize].name;
            self.resolved.target.get(name)?.latency_ms
        };
        match objective {
            Objective::Latency => self.budget_ms(),
            // at a larger batch, the same limit allows each image less
            Objective::Throughput => Some(self.budget_ms()? / self.appraiser.model.batch() as f64),
            Objective::TargetLatency(target) => of_target(target),
            Objective::TargetThroughput(target) => {
                Some(of_target(target)? / targets[target as usize].model.batch() as f64)
            }
            _ => None,
        }
    }

    /// The name of an objective, as in the experiment's file.
    pub fn objective_name(&self, objective: Objective) -> Cow<'static, str> {
        objective.name(&self.appraiser.targets)
    }

    /// The column of an objective, with its unit.
    pub fn objective_column(&self, objective: Objective) -> Cow<'static, str> {
        objective.column(&self.appraiser.targets)
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
        let targets = self.appraiser.targets.iter();
        let targets = targets.map(|target| {
            let platform = &target.model.platform().name;
            format!(
                "# So is {}, which is {platform}.\n",
                Target::file(&target.name)
            )
        });
        let targets: String = targets.collect();
        format!(
            "# The experiment as it ran, with every default written out. It can be run again as it stands, with the\n\
             # {} beside it, which is platform {} as used.\n{targets}{body}",
            RunDirectory::PLATFORM,
            self.appraiser.model.platform().name
        )
    }
}

/// What prices latency on a platform that an experiment's file asks for in a table.
pub(crate) fn model(
    platform: Platform,
    dtype: Dtype,
    batch: u64,
    (file, table): (&str, &str),
) -> Result<LatencyModel, Error> {
    LatencyModel::new(platform, dtype, batch).map_err(|source| Error::Latency {
        place: format!("{file}: {table}"),
        source,
    })
}

/// The batches that an experiment's file allows, in ascending order: at least one.
pub(crate) fn batches(stated: &Choices<u64>, file: &str) -> Result<Vec<u64>, Error> {
    Check { file }.batches(stated)
}

/// What a user should know of the platforms that networks are priced for.
fn caveats(
    model: &LatencyModel,
    larger_batches: &[LatencyModel],
    targets: &[Target],
) -> Vec<String> {
    let mut caveats = model.caveats();
    for larger in larger_batches {
        let further = larger.caveats().into_iter();
        let further = further.filter(|caveat| !caveats.contains(caveat));
        caveats.extend(further.collect::<Vec<_>>());
    }
    for target in targets {
        let own = target.model.caveats().into_iter();
        caveats.extend(own.map(|caveat| format!("target.{}: {caveat}", target.name)));
    }
    caveats
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
