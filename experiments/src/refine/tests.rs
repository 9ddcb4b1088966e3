use std::collections::BTreeSet;

use rand::SeedableRng;
use roofnas_cost::Latency;
use roofnas_hardware::Profiles;
use roofnas_hardware::engine::{self, EngineDescription, Sample};
use roofnas_hardware::measure::{Conditions, Situation};
use roofnas_search::SearchRng;

use super::measured::timed;
use super::*;
use crate::config::ExperimentConfig;
use crate::experiment::Experiment;
use crate::outcome::FrontRow;

fn experiment(limits: &str) -> Experiment {
    let text = format!(
        "name = \"tiny\"\nspace = {{ preset = \"nas-bench-macro\" }}\nplatform = {{ profile = \"nvidia-v100\" }}\n[constraints]\n{limits}"
    );
    let config: ExperimentConfig = toml::from_str(&text).unwrap();
    Experiment::new(config, "tiny.toml", &Profiles::default()).unwrap()
}

const TABLE: &str = "platform,network,batch,latency_ms,latency_ms_std,repeats,threads,dtype,engine,engine_version,situation,run,date\n\
                     here,b1,1,2.0,,20,1,fp32,fake,1.2,,now/0,today\n";

/// Networks predicted to take the first and measured to take the second of these, in milliseconds, under a budget of 4 ms.
fn measured(latencies: &[(f64, f64)]) -> Vec<MeasuredNetwork> {
    let experiment = experiment("");
    let networks = latencies.iter().enumerate();
    let network = |(index, &(mean_ms, latency_ms)): (usize, &(f64, f64))| {
        let genotype = experiment.sample[index].clone();
        let mut timed = timed(TABLE).unwrap().remove(0);
        timed.latency_ms = latency_ms;
        MeasuredNetwork {
            round: 2,
            selected: Selected {
                id: format!("b{index}"),
                origin: Origin::Best,
                text: experiment.space.format(&genotype),
                genotype,
                quality: index as f64,
                predicted: Latency {
                    mean_ms,
                    std_ms: 0.1,
                    degrees_of_freedom: f64::INFINITY,
                },
                is_promised: mean_ms <= 4.0,
                keeps_other_limits: true,
            },
            profile: "p".to_owned(),
            profile_networks: 6,
            budget_ms: Some(4.0),
            timed,
        }
    };
    networks.map(network).collect()
}

#[test]
fn a_round_by_hand() {
    let networks = measured(&[(2.0, 2.1), (4.0, 5.0), (3.6, 4.0), (6.0, 3.0)]);
    let round = Round::of(&networks, 40, 1, 0.3).unwrap();
    let errors = [2.0 / 2.1 - 1.0, -0.2, -0.1, 1.0_f64];
    let mean = errors.iter().map(|error| error.abs()).sum::<f64>() / 4.0;
    assert!((round.figures.mape - mean).abs() < 1e-12);
    assert!((round.figures.bias - errors.iter().sum::<f64>() / 4.0).abs() < 1e-12);
    assert!(!round.agrees());
    assert!(
        Round {
            tolerance: mean,
            ..round.clone()
        }
        .agrees()
    );
    // the last was never promised to keep the budget, and 4 ms keep it
    let budget = round.budget.unwrap();
    assert_eq!((budget.promised, budget.within), (3, 2));
    assert!((budget.worst_over - 0.25).abs() < 1e-12);
    assert!((budget.median_of_budget - 1.0).abs() < 1e-12);
    // two deviations are too many for the 90 % interval
    let inside: Vec<bool> = networks.iter().map(MeasuredNetwork::is_inside).collect();
    assert_eq!(inside, [true, false, false, false]);
    assert_eq!(round.figures.coverage_90, Some(0.25));
    let said = round.sentence();
    for part in [
        "round 2: 4 networks measured (1 could not be)",
        "a profile of 6 networks had predicted them with a mean error of 33.7 %",
        "1 of 4 inside the 90 % interval",
        "2 of 3 that should keep the budget of 4 ms do",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(Round::of(&[], 40, 4, 0.3), None);
    let drifted = |drift| {
        Round {
            drift,
            ..round.clone()
        }
        .doubt()
    };
    assert_eq!((drifted(None), drifted(Some(1.02))), (None, None));
    assert!(
        drifted(Some(0.8))
            .unwrap()
            .contains("took 0.80 times as long")
    );
}

#[test]
fn the_best_network_is_one_that_keeps_the_budget_as_measured() {
    let networks = measured(&[(2.0, 2.1), (3.0, 3.5), (3.0, 5.0)]);
    let round = Round::of(&networks, 9, 0, 0.1).unwrap();
    let mut refinement = Refinement {
        rounds: vec![round],
        networks,
    };
    assert_eq!(refinement.best_measured().unwrap().selected.id, "b1");
    assert!(refinement.agreed().is_none());
    refinement.networks[1].selected.keeps_other_limits = false;
    assert_eq!(refinement.best_measured().unwrap().selected.id, "b0");
    assert!(
        refinement
            .sentence()
            .contains("did not agree within 2 rounds: mean error 19.7 % on 3 networks"),
        "{}",
        refinement.sentence()
    );
}

#[test]
fn conditions_must_stay_the_same() {
    let network = measured(&[(2.0, 2.1)]).remove(0);
    let now = |version: &str, platform: &str| Conditions {
        platform: platform.to_owned(),
        engine: EngineDescription {
            name: "fake".to_owned(),
            version: Some(version.to_owned()),
            detail: None,
            conditions: engine::Conditions::default(),
            sample: Sample::Run,
        },
        situation: Situation::default(),
        run: "later".to_owned(),
        date: "tomorrow".to_owned(),
    };
    assert_eq!(network.conditions_differ(&now("1.2", "here")), None);
    assert_eq!(
        network.conditions_differ(&now("1.3", "here")).unwrap(),
        "round 2 was measured with engine_version = 1.2, and now it is 1.3"
    );
    let elsewhere = network.conditions_differ(&now("1.2", "there")).unwrap();
    assert!(elsewhere.contains("platform = here"), "{elsewhere}");
}

#[test]
fn tables_that_are_none_are_told() {
    assert_eq!(timed("").unwrap(), Vec::new());
    assert!(timed("a,b\n1,2\n").is_err());
    let nothing = TABLE.replace("2.0", "0");
    assert!(
        timed(&nothing)
            .unwrap_err()
            .contains("b1 has a latency of 0 ms")
    );
}

/// Random networks as a front: the slower, the better.
fn front(experiment: &Experiment, count: usize) -> Vec<FrontRow> {
    let mut random = SearchRng::seed_from_u64(7);
    let mut distinct = BTreeSet::new();
    while distinct.len() < count {
        distinct.insert(experiment.space.sample(&mut random));
    }
    let mut rows: Vec<FrontRow> = distinct
        .into_iter()
        .map(|genotype| FrontRow {
            id: String::new(),
            text: experiment.space.format(&genotype),
            resolution: experiment.space.resolution(&genotype),
            metrics: experiment.appraise(&genotype),
            genotype,
        })
        .collect();
    rows.sort_by(|a, b| {
        a.metrics
            .latency
            .mean_ms
            .total_cmp(&b.metrics.latency.mean_ms)
    });
    for (index, row) in rows.iter_mut().enumerate() {
        row.id = format!("b{index:02}");
        row.metrics.quality = index as f64;
    }
    rows
}

#[test]
fn nothing_is_selected_twice() {
    let experiment = experiment("");
    let front = front(&experiment, 30);
    let mut measured = Vec::new();
    for _ in 0..4 {
        let selected = select(&experiment, &front, &measured, 7);
        assert_eq!(selected.len(), 7);
        measured.extend(selected.into_iter().map(|one| one.genotype));
    }
    let distinct: BTreeSet<_> = measured.iter().collect();
    assert_eq!(distinct.len(), 28);
    // two of the front are left
    let selected = select(&experiment, &front, &measured, 7);
    let drawn = selected.iter().filter(|one| one.origin == Origin::Drawn);
    assert_eq!(drawn.count(), 5);
    assert!(selected.iter().all(|one| !measured.contains(&one.genotype)));
}

#[test]
fn the_best_is_always_selected() {
    let experiment = experiment("");
    let front = front(&experiment, 30);
    let selected = select(&experiment, &front, &[], 3);
    let origins: Vec<Origin> = selected.iter().map(|one| one.origin).collect();
    assert_eq!(origins, [Origin::Best, Origin::Best, Origin::Telling]);
    assert!(selected.iter().any(|one| one.id == "b29"));
    let selected = select(&experiment, &front, &[front[29].genotype.clone()], 3);
    assert!(selected.iter().any(|one| one.id == "b28"));
    assert!(selected.iter().all(|one| one.id != "b29"));
}

#[test]
fn without_a_budget_that_anything_keeps_all_are_telling() {
    let experiment = experiment("latency_ms = 1e-3");
    let front = front(&experiment, 30);
    let selected = select(&experiment, &front, &[], 5);
    assert!(selected.iter().all(|one| one.origin == Origin::Telling));
    assert!(selected.iter().all(|one| !one.is_promised));
    assert!(experiment.without_budget().unwrap().constraints.is_empty());
    assert!(self::experiment("").without_budget().is_none());
}

#[test]
fn drawn_networks_keep_what_they_can() {
    let experiment = experiment("latency_ms = 1e-3\nparams = 1_500_000");
    let selected = select(&experiment, &[], &[], 5);
    assert_eq!(selected.len(), 5);
    for one in &selected {
        assert_eq!(one.origin, Origin::Drawn);
        assert!(!one.is_promised);
        let metrics = experiment.appraise(&one.genotype);
        assert_eq!(one.keeps_other_limits, metrics.params <= 1_500_000);
        assert_eq!(one.predicted, metrics.latency);
    }
}
