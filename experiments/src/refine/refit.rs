//! A profile from what was measured.

use std::path::Path;

use roofnas_cost::calibration::{Calibration, Composition};
use roofnas_cost::{Fusion, NetworkCost, Platform};
use roofnas_hardware::fit::FitOptions;
use roofnas_hardware::measure::Situation;
use roofnas_hardware::{CalibrateOptions, Calibrated, CrossValidation, Material, Profiles};

use super::Refinement;
use super::config::RefineEngine;
use super::measured::MeasuredNetwork;
use crate::error::Error;
use crate::experiment::Experiment;

/// Fewer networks tell a fit nothing.
pub const LEAST_NETWORKS: usize = 3;

/// Fits a platform of this name to all that was measured, in all rounds: each time from the profile that the experiment began with, never from
/// one that knows some of the timings already, which would count them twice. How well it holds is how the last round was predicted, by the fit before
/// this one. `table` is where the measurements are, for messages.
///
/// # Errors
/// When there are too few networks, or they fit no model.
pub fn refit(
    start: &Experiment,
    refinement: &Refinement,
    name: String,
    table: &Path,
) -> Result<Platform, Error> {
    let networks = &refinement.networks[..];
    let began_with = start.appraiser.model.platform();
    let dtype = start.appraiser.model.dtype();
    let failed = |source| Error::Calibrate {
        path: table.to_owned(),
        source: Box::new(source),
    };
    let priors = priors(began_with);
    let known: Vec<(String, &Calibration)> = priors
        .iter()
        .filter_map(|prior| Some((prior.name.clone(), prior.calibration.get(&dtype)?)))
        .collect();
    let description = description(networks);
    // roofs bound prices from below: those of another machine have no say here
    let is_same_machine = description == began_with.description;
    let options = CalibrateOptions {
        name,
        dtype,
        base: is_same_machine.then(|| began_with.clone()),
        samples: None,
        seed: start.resolved.seed,
        // the rounds hold out what matters
        cross_validation: CrossValidation::Nothing,
        source: source(start, networks),
        licence: None,
        attribution: None,
        fit: FitOptions {
            compositions: compositions(start),
            ..FitOptions::default()
        },
        description,
    };
    let material = material(start, networks, &began_with.fusion);
    let calibrated = roofnas_hardware::calibrate(&material, &known, &options).map_err(failed)?;
    let Calibrated { mut platform, .. } = calibrated;
    if let (Some(calibration), Some(last)) = (
        platform.calibration.get_mut(&dtype),
        refinement.rounds.last().filter(|last| last.number > 1),
    ) {
        let measured = &mut calibration.measured;
        measured.held_out = Some(last.figures);
        measured.held_out_by = Some(format!(
            "the {} networks of round {}, predicted before they were measured by a fit on {}",
            last.figures.n, last.number, last.profile_networks
        ));
    }
    Ok(platform)
}

/// The profile that the experiment began with, and those that ship: whatever is alike may lend what it knows, by how probable it makes the timings.
fn priors(began_with: &Platform) -> Vec<Platform> {
    let shipped = Profiles::default();
    let names = shipped.names().unwrap_or_default();
    let shipped = names.iter().filter_map(|name| shipped.find(name).ok());
    let others = shipped.flat_map(|profile| profile.platform.on_each_number_of_threads());
    let others = others.filter(|platform| platform.name != began_with.name);
    [began_with.clone()].into_iter().chain(others).collect()
}

/// A CPU does one kernel after the other; what a command reaches, nobody knows.
fn compositions(start: &Experiment) -> Vec<Composition> {
    let engine = start.resolved.refine.as_ref().map(|refine| refine.engine);
    match engine {
        Some(RefineEngine::Command | RefineEngine::Trtexec) => Composition::ALL.to_vec(),
        _ => vec![Composition::Sum],
    }
}

fn material(start: &Experiment, networks: &[MeasuredNetwork], fusion: &Fusion) -> Material {
    let batch = start.appraiser.model.batch();
    let row = |one: &MeasuredNetwork| roofnas_hardware::MeasuredNetwork {
        network: one.selected.text.clone(),
        threads: Some(one.timed.threads),
        batch,
        cost: NetworkCost::new(&start.space.decode(&one.selected.genotype), fusion),
        latency_ms: one.timed.latency_ms,
        run: Some(one.timed.run.clone()),
        repeats: Some(one.timed.repeats),
        kernels: Vec::new(),
    };
    Material {
        rows: networks.iter().map(row).collect(),
        situation: situation(start),
        fusion: fusion.clone(),
    }
}

/// What it is like around the engine, in words.
fn situation(start: &Experiment) -> Option<String> {
    let pinned = start.resolved.refine.as_ref()?.pin.clone();
    let situation = Situation {
        pinned,
        ..Situation::default()
    };
    Some(situation.words()).filter(|words| !words.is_empty())
}

/// The machine and its engine, in words: as `roofnas calibrate` has them.
fn description(networks: &[MeasuredNetwork]) -> String {
    networks.first().map_or_else(String::new, |one| {
        format!("{}, {}", one.timed.platform, engine(one))
    })
}

fn engine(one: &MeasuredNetwork) -> String {
    let timed = &one.timed;
    let version = match timed.engine_version.as_str() {
        "" => String::new(),
        version => format!(" {version}"),
    };
    let plural = if timed.threads == 1 { "" } else { "s" };
    format!(
        "{}{version}, {} thread{plural}, batch {}, {}",
        timed.engine, timed.threads, timed.batch, timed.dtype
    )
}

/// Stands in a refined profile's source before the profile that it began with, which says nothing of what was measured.
pub const BEGUN_WITH: &str = "; begun with profile ";

/// What was measured, in words. The dates are those of the measurements, so that the same measurements give the same profile.
fn source(start: &Experiment, networks: &[MeasuredNetwork]) -> String {
    let model = &start.appraiser.model;
    let (Some(first), Some(last)) = (networks.first(), networks.last()) else {
        return String::new();
    };
    let rounds = match last.round {
        1 => "round 1".to_owned(),
        last => format!("rounds 1 to {last}"),
    };
    let (from, to) = (&first.timed.date, &last.timed.date);
    let dates = match from == to {
        true => format!("on {from}"),
        false => format!("from {from} to {to}"),
    };
    format!(
        "measured {dates}: the {} networks that experiment {} chose in {rounds}, {}{BEGUN_WITH}{} ({})",
        networks.len(),
        start.name(),
        engine(first),
        model.platform().name,
        model.word(),
    )
}
