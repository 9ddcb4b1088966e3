//! What a finished run found, read back from its folder: enough to write its report again.

use roofnas_search::Costs;
use serde::Deserialize;

use crate::bound::Bound;
use crate::certified::Certified;
use crate::error::Error;
use crate::finished::FinishedRun;
use crate::outcome::{Outcome, landmarks};
use crate::outcome_record::OutcomeRecord;
use crate::paths::{BackbonePaths, LatencyView};
use crate::problem::BackboneProblem;
use crate::proof::{Proof, Unproven};
use crate::run_directory::RunDirectory;

/// What `certificate.json` says of the bound.
#[derive(Deserialize)]
struct StoredCertificate {
    bound: String,
    epsilon: Option<f64>,
    labels: u64,
    peak_labels: usize,
    /// Where planes bound the front.
    #[serde(default)]
    limits: Option<Vec<Vec<Option<f64>>>>,
}

impl FinishedRun {
    /// What the run found. Its networks are priced again, by the platform beside them.
    ///
    /// # Errors
    /// When a file is missing or doesn't read; when nothing was found; and for runs whose report says what only the run itself knew: those whose networks
    /// were trained by a command, or whose platform was refined.
    pub fn outcome(&self) -> Result<Outcome, Error> {
        let resolved = &self.experiment.resolved;
        if resolved.quality.external.is_some() || resolved.refine.is_some() {
            return Err(self.refused(
                "was made with [quality.external] or [refine], and only the run itself can tell what it trained or measured: its report can't be written again",
            ));
        }
        let Some(record) = OutcomeRecord::read(self.directory())? else {
            return Err(self.refused(&format!(
                "has no {}: a version of roofnas before there was one made it, or the file was removed; run its {} again for a report",
                RunDirectory::OUTCOME,
                RunDirectory::EXPERIMENT
            )));
        };
        let front = self.front()?;
        if front.is_empty() {
            return Err(self.refused(
                "found no network that keeps the constraints: there is nothing to report",
            ));
        }
        let mut reference = Vec::new();
        for objective in &self.experiment.objectives {
            let column = self.experiment.objective_column(*objective);
            let Some(figure) = record.hypervolume_reference.get(&column[..]) else {
                return Err(self.refused(&format!(
                    "has another version's {}: it has no hypervolume_reference for {column}; run its {} again for a report",
                    RunDirectory::OUTCOME,
                    RunDirectory::EXPERIMENT
                )));
            };
            reference.push(objective.figure(*figure));
        }
        let costs = front.iter().map(|row| {
            let objectives = self.experiment.objectives.iter();
            objectives.map(|one| one.cost(&row.metrics)).collect()
        });
        let costs: Vec<Costs> = costs.collect();
        Ok(Outcome {
            nearest: None,
            history: self.history()?,
            evaluations: record.evaluations,
            hypervolume: record.hypervolume,
            reference,
            reason: record.stop_reason,
            sample: self.experiment.appraise_sample(),
            landmarks: landmarks(&self.experiment),
            certified: self.certified(&costs)?,
            training: None,
            refinement: None,
            warnings: self.warnings(&record),
            front,
        })
    }

    fn refused(&self, problem: &str) -> Error {
        Error::RunDirectory {
            path: self.directory().path().to_owned(),
            problem: problem.to_owned(),
        }
    }

    fn warnings(&self, record: &OutcomeRecord) -> Vec<String> {
        let now = env!("CARGO_PKG_VERSION");
        if record.roofnas == now {
            return Vec::new();
        }
        vec![format!(
            "{}: was made by roofnas {}; this is {now}, whose report prices its networks again",
            self.directory().path().display(),
            record.roofnas
        )]
    }

    /// How far the front can be from the optimum, as it was proven.
    fn certified(&self, costs: &[Costs]) -> Result<Result<Certified, Unproven>, Error> {
        if !self.experiment.proves() {
            return Ok(Err(Unproven::Unasked));
        }
        let Some(text) = self.directory().read_if_there(RunDirectory::CERTIFICATE)? else {
            let problem = BackboneProblem::new(&self.experiment);
            let at = self.front()?.pop().map(|row| row.genotype);
            let at = at.as_slice();
            return match BackbonePaths::new(&problem, at, LatencyView::Mean) {
                Err(reason) => Ok(Err(Unproven::Impossible(reason))),
                // there was a time when these had none
                Ok(_) if self.experiment.objectives.len() > 2 => Ok(Err(Unproven::Unasked)),
                Ok(_) => Err(self.refused(&format!(
                    "has no {}, though its experiment asks for one: the file was removed, or an older version made the run; run its {} again for a report",
                    RunDirectory::CERTIFICATE,
                    RunDirectory::EXPERIMENT
                ))),
            };
        };
        let stored: StoredCertificate = serde_json::from_str(&text)
            .map_err(|error| self.broken(RunDirectory::CERTIFICATE, &error.to_string()))?;
        let proof = Proof {
            bound: self.bound(stored.limits.as_deref())?,
            epsilon: stored.epsilon.unwrap_or(f64::INFINITY),
            is_attained: stored.bound == "exact",
            members: Vec::new(),
            peak_labels: stored.peak_labels,
            total_labels: stored.labels,
        };
        Ok(Ok(Certified::new(proof, costs)))
    }

    /// What bounds the front, as costs; with the limits of objectives where it is by planes.
    fn bound(&self, limits: Option<&[Vec<Option<f64>>]>) -> Result<Bound, Error> {
        let text = self.directory().read(RunDirectory::BOUND)?;
        let objectives = &self.experiment.objectives;
        let mut table = csv::Reader::from_reader(text.as_bytes());
        if let Some(limits) = limits {
            let mut rows = Vec::new();
            for row in table.deserialize::<Vec<f64>>() {
                let row =
                    row.map_err(|error| self.broken(RunDirectory::BOUND, &error.to_string()))?;
                if row.len() != objectives.len() + 2 {
                    let problem = "a row has not a part, a weight for each objective and a bound";
                    return Err(self.broken(RunDirectory::BOUND, problem));
                }
                rows.push(row);
            }
            let is_of_all = |limits: &Vec<Option<f64>>| limits.len() == objectives.len();
            if !limits.iter().all(is_of_all) {
                let problem = "limits are not those of all objectives";
                return Err(self.broken(RunDirectory::CERTIFICATE, problem));
            }
            return Ok(Bound::of_planes(objectives, &rows, limits));
        }
        let rows = table.deserialize::<[f64; 2]>().map(|row| {
            let [first, second] =
                row.map_err(|error| self.broken(RunDirectory::BOUND, &error.to_string()))?;
            // turning a figure into a cost and back is the same
            Ok([objectives[0].figure(first), objectives[1].figure(second)])
        });
        rows.collect::<Result<_, _>>().map(Bound::Staircase)
    }

    fn broken(&self, name: &str, message: &str) -> Error {
        Error::Syntax {
            file: self.directory().path().join(name).display().to_string(),
            message: message.to_owned(),
        }
    }
}
