//! All experiments of a file.

use rayon::prelude::*;
use roofnas_hardware::Profiles;

use crate::error::Error;
use crate::experiment::Experiment;
use crate::source::{ExperimentFile, Planned};

/// Checks every run that a file asks for. What only depends on the space, the scales of its scores, is drawn once for all runs that share it.
///
/// # Errors
/// What is wrong with the first run that can't be accepted, and which of the matrix's runs that is.
pub fn experiments(file: &ExperimentFile, profiles: &Profiles) -> Result<Vec<Experiment>, Error> {
    let check = |planned: &Planned, drawn: Option<&Experiment>| {
        let mut config = planned.config.clone();
        if let Some(drawn) = drawn {
            config.quality.normalisation = drawn.resolved.quality.normalisation;
        }
        Experiment::new(config, &file.file, profiles).map_err(|source| match file.is_batch() {
            false => source,
            true => Error::Planned {
                run: planned.folder.display().to_string(),
                source: Box::new(source),
            },
        })
    };
    // the first run of each space and quality draws the scales
    let mut drawn: Vec<(&Planned, Experiment)> = Vec::new();
    for planned in &file.runs {
        if !drawn.iter().any(|(other, _)| is_alike(other, planned)) {
            drawn.push((planned, check(planned, None)?));
        }
    }
    let runs = file.runs.par_iter().map(|planned| {
        let like = drawn.iter().find(|(other, _)| is_alike(other, planned));
        match like {
            Some((other, experiment)) if std::ptr::eq(*other, planned) => Ok(experiment.clone()),
            Some((_, experiment)) => check(planned, Some(experiment)),
            None => check(planned, None),
        }
    });
    // in their order, so that the first error is told, whichever comes first
    let checked: Vec<Result<Experiment, Error>> = runs.collect();
    checked.into_iter().collect()
}

/// Whether two runs have the same scales.
fn is_alike(one: &Planned, other: &Planned) -> bool {
    one.config.space == other.config.space && one.config.quality == other.config.quality
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        name = "x"
        platform = { profile = "nvidia-v100" }
        space = { preset = "nas-bench-macro" }
        [matrix]
        "quality.score" = ["AE3", "S"]
        "constraints.latency_ms" = [1.0, 2.0]
    "#;

    #[test]
    fn sharing_scales_changes_nothing() {
        let profiles = Profiles::default();
        let file = ExperimentFile::parse(TEXT, "x.toml", &[]).unwrap();
        let shared = experiments(&file, &profiles).unwrap();
        assert_eq!(shared.len(), 4);
        for (planned, experiment) in file.runs.iter().zip(&shared) {
            let alone = Experiment::new(planned.config.clone(), "x.toml", &profiles).unwrap();
            assert_eq!(*experiment, alone);
        }
    }

    #[test]
    fn errors_name_the_run() {
        let text = TEXT.replace("[1.0, 2.0]", "[1.0, -2.0]");
        let file = ExperimentFile::parse(&text, "x.toml", &[]).unwrap();
        let error = experiments(&file, &Profiles::default()).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("x.toml") && said.contains("matrix's run 3-latency_ms--2.0-score-AE3"),
            "{said}"
        );
        assert_eq!(error.exit_code(), crate::error::exit::BAD_INPUT);
    }
}
