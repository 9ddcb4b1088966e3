//! The platforms that are compared, each with what was found for it.

use roofnas_cost::{LatencyError, LatencyModel};
use roofnas_hardware::Profiles;
use roofnas_space::Choices;

use super::comparable::{one_batch_rule, what_differs};
use super::given::GivenRun;
use super::side::fastest;
use crate::difference::differences;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::objective::Objective;
use crate::outcome::FrontRow;
use crate::target::Target;

/// A platform under one set of conditions, with what was found for it.
#[derive(Debug, Clone)]
pub struct Contender {
    /// The platform's name, with what tells it from others of this name.
    pub name: String,
    /// Prices networks there.
    pub model: LatencyModel,
    /// Where its profile was found.
    pub origin: String,
    /// Where its networks come from.
    pub found: Found,
    /// The fastest network for each quality, from the fastest up; empty where nothing was found for it.
    pub front: Vec<FrontRow>,
}

/// Where the networks of a platform come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// From this many runs that were given.
    ByRuns(usize),
    /// From a search for the comparison.
    BySearch,
    /// There are none.
    Nowhere,
}

/// The platforms that are compared.
#[derive(Debug, Clone)]
pub struct Contenders {
    /// Those with networks of given runs first, in the order of the runs.
    pub all: Vec<Contender>,
    /// Which of them networks are priced on, in order.
    pub columns: Vec<usize>,
    /// What a reader should know.
    pub remarks: Vec<String>,
    /// Folders of the runs.
    pub(super) runs: Vec<String>,
    /// The first run: its space and score are everybody's.
    pub(super) first: GivenRun,
}

/// A platform as somebody names it: a profile's name or path, and the batch after an `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPlatform {
    /// A profile's name or path.
    pub profile: String,
    /// Images per inference; left out, the batch of the runs for it, or else that it was calibrated at.
    pub batch: Option<u64>,
}

impl std::str::FromStr for NamedPlatform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (profile, batch) = match text.rsplit_once('@') {
            None => (text, None),
            Some((profile, batch)) => {
                let batch = batch.trim().parse();
                let batch = batch.map_err(|_| {
                    format!("\"{text}\": what follows the @ is a batch, such as {profile}@64")
                })?;
                (profile, Some(batch))
            }
        };
        match profile.trim() {
            "" => Err("a platform has a name".to_owned()),
            profile => Ok(Self {
                profile: profile.to_owned(),
                batch,
            }),
        }
    }
}

impl Contenders {
    /// Puts the fronts of runs on one platform together, and adds the platforms that are named.
    ///
    /// # Errors
    /// When runs can't be compared, a platform can't be had, or there is nothing to compare with.
    pub fn new(
        runs: Vec<GivenRun>,
        named: &[NamedPlatform],
        profiles: &Profiles,
    ) -> Result<Self, Error> {
        let Some(first) = runs.first().cloned() else {
            return Err(Error::Unusable {
                path: "".into(),
                problem: "no run is given".to_owned(),
            });
        };
        if first.experiment.chooses_batch() {
            return Err(Error::RunDirectory {
                path: first.path,
                problem: one_batch_rule(&first.experiment),
            });
        }
        for run in &runs[1..] {
            if let Some(difference) = what_differs(&first.experiment, &run.experiment) {
                return Err(Error::RunDirectory {
                    path: run.path.clone(),
                    problem: format!(
                        "its networks can't be compared with those of {}: {difference}",
                        first.name()
                    ),
                });
            }
        }
        let mut contenders = Self {
            remarks: unequal_constraints(&runs)
                .into_iter()
                .chain(first.experiment.head_sentence())
                .collect(),
            runs: runs.iter().map(GivenRun::name).collect(),
            all: grouped(runs),
            columns: Vec::new(),
            first,
        };
        contenders.name();
        contenders.columns = match named {
            [] => (0..contenders.all.len()).collect(),
            named => {
                let places: Result<Vec<usize>, Error> = named
                    .iter()
                    .map(|platform| contenders.place(platform, profiles))
                    .collect();
                let mut places = places?;
                let mut seen = Vec::new();
                places.retain(|place| {
                    !seen.contains(place) && {
                        seen.push(*place);
                        true
                    }
                });
                places
            }
        };
        contenders.check()?;
        Ok(contenders)
    }

    /// Columns that nothing was found for.
    pub fn missing(&self) -> Vec<usize> {
        let columns = self.columns.iter().copied();
        columns
            .filter(|&column| self.all[column].front.is_empty())
            .collect()
    }

    /// The experiment that searches for a platform as the first run did for its own: the same space, score and search, without the latency budget, which is
    /// the other platform's, and without proof.
    ///
    /// # Errors
    /// When accuracy is what a command of the user's measures, so that a search would train networks.
    pub fn search_for(&self, place: usize, evaluations: Option<u64>) -> Result<Experiment, Error> {
        let contender = &self.all[place];
        let first = &self.first;
        if first.experiment.resolved.quality.external.is_some() {
            return Err(Error::RunDirectory {
                path: first.path.clone(),
                problem: format!(
                    "its accuracies are measured by a command, so a search for {} would train networks: do that with roofnas run, and give its folder here",
                    contender.name
                ),
            });
        }
        let objectives = &first.experiment.objectives;
        let own = [Objective::Latency, Objective::Throughput];
        if !first.experiment.appraiser.targets.is_empty()
            && !objectives.iter().any(|objective| own.contains(objective))
        {
            return Err(Error::RunDirectory {
                path: first.path.clone(),
                problem: format!(
                    "has neither latency nor throughput of its own platform among its objectives, so a search for {} would not depend on it: leave out --search",
                    contender.name
                ),
            });
        }
        let mut config = first.experiment.resolved.clone();
        config.name = format!("{}-on-{}", config.name, contender.model.platform().name);
        config.platform.batch = Choices::One(contender.model.batch());
        config.constraints.latency_ms = None;
        if !config
            .target
            .values()
            .any(|target| target.latency_ms.is_some())
        {
            config.constraints.confidence = 0.5;
        }
        config.search.certify = false;
        config.search.evaluations = evaluations.unwrap_or(config.search.evaluations);
        config.output.backbones = 0;
        let file = first
            .path
            .join(crate::RunDirectory::EXPERIMENT)
            .display()
            .to_string();
        Experiment::on(
            contender.model.clone(),
            contender.origin.clone(),
            config,
            &file,
            |_, stored, _, _| {
                let mut targets = first.experiment.appraiser.targets.iter();
                let target = targets.find(|target| Target::file(&target.name) == stored);
                let target = target.ok_or_else(|| Error::RunDirectory {
                    path: first.path.clone(),
                    problem: format!("has no target whose platform is {stored}"),
                })?;
                Ok((target.model.clone(), target.origin.clone()))
            },
        )
    }

    /// Takes what a search has found for a platform.
    pub fn take(&mut self, place: usize, front: Vec<FrontRow>) {
        let contender = &mut self.all[place];
        contender.found = Found::BySearch;
        contender.front = fastest(front);
    }

    /// Tells platforms of one name apart.
    fn name(&mut self) {
        let names: Vec<String> = self.all.iter().map(|c| c.name.clone()).collect();
        let is_unique =
            |names: &[String], name: &str| names.iter().filter(|other| *other == name).count() == 1;
        for contender in &mut self.all {
            if !is_unique(&names, &contender.name) {
                let model = &contender.model;
                contender.name = format!(
                    "{}, batch {}, {}",
                    contender.name,
                    model.batch(),
                    model.dtype()
                );
            }
        }
        let names: Vec<String> = self.all.iter().map(|c| c.name.clone()).collect();
        for contender in &mut self.all {
            if !is_unique(&names, &contender.name) {
                contender.name = format!("{} ({})", contender.name, contender.origin);
            }
        }
    }

    /// Where a platform that was named stands; it is added if it stands nowhere.
    fn place(&mut self, named: &NamedPlatform, profiles: &Profiles) -> Result<usize, Error> {
        let has_batch = |contender: &Contender| {
            named
                .batch
                .is_none_or(|batch| contender.model.batch() == batch)
        };
        let by_name = |contender: &Contender| {
            contender.name == named.profile || contender.model.platform().name == named.profile
        };
        if let Some(place) = self.all.iter().position(|c| by_name(c) && has_batch(c)) {
            return Ok(place);
        }
        let profile = profiles.find(&named.profile)?;
        let same = |contender: &Contender| {
            *contender.model.platform() == profile.platform && has_batch(contender)
        };
        if let Some(place) = self.all.iter().position(same) {
            return Ok(place);
        }
        let conditions = &self.first.experiment.appraiser.model;
        let dtype = conditions.dtype();
        let calibrated_at = profile
            .platform
            .calibration
            .get(&dtype)
            .map(|calibration| calibration.batch.smallest());
        let batch = named.batch.or(calibrated_at).unwrap_or(conditions.batch());
        let model =
            LatencyModel::new(profile.platform, dtype, batch).map_err(|error| match error {
                // in words that say why this format and no other
                LatencyError::Dtype { .. } => Error::RunDirectory {
                    path: self.first.path.clone(),
                    problem: format!("its networks are priced in {dtype}, and {error}"),
                },
                other => Error::from(other),
            })?;
        self.all.push(Contender {
            name: model.platform().name.clone(),
            model,
            origin: profile.origin,
            found: Found::Nowhere,
            front: Vec::new(),
        });
        self.name();
        Ok(self.all.len() - 1)
    }

    /// Whether there is anything to compare.
    fn check(&self) -> Result<(), Error> {
        let rows = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, contender)| !contender.front.is_empty());
        let is_other =
            |(place, _): (usize, &Contender)| self.columns.iter().any(|&column| column != place);
        if rows.into_iter().any(is_other) {
            return Ok(());
        }
        Err(Error::RunDirectory {
            path: self.first.path.clone(),
            problem: format!(
                "all runs given are for platform {}, so there is nothing to compare: name others with --platforms P,Q (roofnas platforms lists them), or give runs for others",
                self.all[0].name
            ),
        })
    }
}

/// Runs on one platform together, in the order of the first of each.
fn grouped(runs: Vec<GivenRun>) -> Vec<Contender> {
    let mut groups: Vec<Vec<GivenRun>> = Vec::new();
    let model = |run: &GivenRun| run.experiment.appraiser.model.clone();
    for run in runs {
        match groups
            .iter_mut()
            .find(|group| group[0].experiment.appraiser.model == run.experiment.appraiser.model)
        {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let groups = groups.into_iter();
    groups
        .map(|group| Contender {
            name: model(&group[0]).platform().name.clone(),
            model: model(&group[0]),
            origin: group[0].name(),
            found: Found::ByRuns(group.len()),
            front: fastest(together(group)),
        })
        .collect()
}

/// The networks of several runs, named by run where there are several.
fn together(runs: Vec<GivenRun>) -> Vec<FrontRow> {
    let single = runs.len() == 1;
    let rows = runs.into_iter().flat_map(|run| {
        let folder = run
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let folder = folder.unwrap_or_else(|| run.name());
        run.front.into_iter().map(move |row| FrontRow {
            id: match single {
                true => row.id,
                false => format!("{folder}/{}", row.id),
            },
            ..row
        })
    });
    rows.collect()
}

/// Runs under other constraints than a latency budget differ in more than their platforms.
fn unequal_constraints(runs: &[GivenRun]) -> Option<String> {
    let first = &runs[0];
    let toml = first.experiment.to_toml();
    runs[1..].iter().find_map(|run| {
        let changes = differences(&toml, &run.experiment.to_toml());
        let change = changes.into_iter().find(|change| {
            let key = change.key.as_str();
            key.starts_with("constraints.")
                && !["constraints.latency_ms", "constraints.confidence"].contains(&key)
        })?;
        let value = |text: String| {
            if text.is_empty() {
                "none".to_owned()
            } else {
                text
            }
        };
        Some(format!(
            "{} is {} in {} and {} in {}: a slowdown then holds that difference, too",
            change.key,
            value(change.before),
            first.name(),
            value(change.after),
            run.name()
        ))
    })
}
