//! `roofnas check`.

use roofnas::{Experiment, ExperimentFile, Lesson, Metrics, exit};
use roofnas_hardware::Profiles;
use serde_json::Value;

use super::on_threads;
use super::output::print;
use super::table::Data;
use crate::cli::{CheckArgs, Format};

const COLUMNS: [&str; 18] = [
    "run",
    "platform",
    "profile",
    "calibration",
    "batch",
    "dtype",
    "quality",
    "objectives",
    "constraints",
    "algorithm",
    "population",
    "evaluations",
    "seed",
    "space_size",
    "sample_feasible_share",
    "sample_latency_ms_p05",
    "sample_latency_ms_p50",
    "sample_latency_ms_p95",
];

/// Parses and checks an experiment, and prints what would run. What random networks of the space cost tells whether the
/// constraints bind.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<u8> {
    let file = ExperimentFile::read(&args.experiment, &args.shared.all_settings())?;
    let profiles = Profiles::from_environment();
    let mut data = Data::new(&COLUMNS);
    let rows = on_threads(args.shared.threads, || {
        let rows = file.runs.iter().map(|planned| {
            let experiment = Experiment::new(planned.config.clone(), &file.file, &profiles)?;
            let learnt = experiment.lesson.as_ref().map(Lesson::sentence);
            let refine = experiment.resolved.refine.as_ref();
            let refine = refine.map(roofnas::refine::RefineConfig::sentence);
            let targets = experiment.appraiser.targets.iter();
            let targets = targets.map(|target| {
                format!("target.{}: also priced for {}", target.name, target.words())
            });
            let batches = experiment.chooses_batch().then(|| {
                format!(
                    "each network runs at the batch of its highest throughput within the constraints ({}); sample_latency_ms is that of batch {}",
                    experiment.appraiser.batches(),
                    experiment.appraiser.model.batch()
                )
            });
            Ok((
                planned.folder.clone(),
                row(&experiment),
                learnt
                    .into_iter()
                    .chain(refine)
                    .chain(experiment.head_sentence())
                    .chain(targets)
                    .chain(batches)
                    .chain(experiment.warnings.iter().map(|w| format!("warning: {w}")))
                    .collect::<Vec<_>>(),
            ))
        });
        rows.collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut told: Vec<String> = Vec::new();
    for (folder, figures, lines) in rows {
        for line in lines {
            if !told.contains(&line) {
                note!("{line}");
                told.push(line);
            }
        }
        let run = if folder.as_os_str().is_empty() {
            file.name.clone()
        } else {
            format!("{}/{}", file.name, folder.display())
        };
        data.push([Value::from(run)].into_iter().chain(figures).collect());
    }
    let text = if args.format == Format::Table && data.is_single() {
        data.turned()
    } else {
        data.format(args.format)?
    };
    print(&text)?;
    Ok(exit::DONE)
}

fn row(experiment: &Experiment) -> Vec<Value> {
    let model = &experiment.appraiser.model;
    let sample = experiment.appraise_sample();
    let at_one_batch = match experiment.chooses_batch() {
        true => experiment.at_each_batch().remove(0).appraise_sample(),
        false => sample.clone(),
    };
    let keeps = |metrics: &&Metrics| {
        experiment
            .constraints
            .iter()
            .all(|c| c.excess(metrics) == 0.0)
    };
    let feasible = sample.iter().filter(keeps).count();
    let mut latencies: Vec<f64> = at_one_batch
        .iter()
        .map(|metrics| metrics.latency.mean_ms)
        .collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |q: f64| latencies[(q * (latencies.len() - 1) as f64).round() as usize];
    let objectives = experiment.objectives.iter().map(|objective| {
        let side = if objective.is_maximized() {
            "max"
        } else {
            "min"
        };
        format!("{side} {}", experiment.objective_name(*objective))
    });
    let constraints = experiment.constraints.iter();
    let constraints = constraints.map(roofnas::Constraint::rule);
    let search = &experiment.resolved.search;
    vec![
        model.platform().name.clone().into(),
        experiment.platform_origin.clone().into(),
        model.label().into(),
        match experiment.chooses_batch() {
            true => experiment.appraiser.batches().into(),
            false => model.batch().into(),
        },
        model.dtype().name().into(),
        experiment.appraiser.quality.kind().into(),
        objectives.collect::<Vec<_>>().join(", ").into(),
        constraints.collect::<Vec<_>>().join(", ").into(),
        search.algorithm.name().into(),
        search.population.into(),
        search.evaluations.into(),
        experiment.resolved.seed.into(),
        experiment.space.size().to_string().into(),
        (feasible as f64 / sample.len() as f64).into(),
        quantile(0.05).into(),
        quantile(0.5).into(),
        quantile(0.95).into(),
    ]
}
