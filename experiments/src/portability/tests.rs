//! The parts together, on shipped platforms.

use roofnas_hardware::Profiles;

use super::*;
use crate::experiment::Experiment;
use crate::outcome::FrontRow;
use crate::source::ExperimentFile;

fn experiment(profile: &str) -> Experiment {
    let text = format!(
        "name = \"x\"\nplatform = {{ profile = \"{profile}\" }}\nspace = {{ preset = \"nas-bench-macro\" }}\n"
    );
    let planned = ExperimentFile::parse(&text, "x.toml", &[])
        .unwrap()
        .runs
        .remove(0);
    Experiment::new(planned.config, "x.toml", &Profiles::default()).unwrap()
}

/// The experiment's sample as if a search had found it.
fn rows(experiment: &Experiment, count: usize) -> Vec<FrontRow> {
    let sample = experiment.sample.iter().take(count).enumerate();
    let row = |(index, genotype): (usize, &roofnas_space::Genotype)| FrontRow {
        id: format!("b{index:02}"),
        text: experiment.space.format(genotype),
        resolution: experiment.space.resolution(genotype),
        metrics: experiment.appraise(genotype),
        genotype: genotype.clone(),
    };
    sample.map(row).collect()
}

fn side<'a>(experiment: &'a Experiment, count: usize) -> Side<'a> {
    Side {
        name: experiment.appraiser.model.platform().name.clone(),
        model: &experiment.appraiser.model,
        space: &experiment.space,
        quality_kind: String::new(),
        front: fastest(rows(experiment, count)),
    }
}

const BOARD: &str = "raspberry-pi-4-ncnn-4-threads";
const PHONE: &str = "snapdragon-855-plus-ncnn-4-threads";

#[test]
fn fronts_rise_and_hold_what_nothing_beats() {
    let board = experiment(BOARD);
    let all = rows(&board, 100);
    let front = fastest(all.clone());
    assert!(front.windows(2).all(|pair| {
        pair[0].metrics.quality < pair[1].metrics.quality
            && pair[0].metrics.latency.mean_ms < pair[1].metrics.latency.mean_ms
    }));
    let beats = |one: &FrontRow, other: &FrontRow| {
        one.metrics.quality >= other.metrics.quality
            && one.metrics.latency.mean_ms < other.metrics.latency.mean_ms
    };
    let unbeaten = all
        .iter()
        .filter(|row| !all.iter().any(|other| beats(other, row)));
    let ids = |rows: &mut dyn Iterator<Item = &FrontRow>| {
        let mut ids: Vec<String> = rows.map(|row| row.text.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    assert_eq!(ids(&mut front.iter()), ids(&mut unbeaten.into_iter()));
}

#[test]
fn slowdowns_by_hand() {
    let (board, phone) = (experiment(BOARD), experiment(PHONE));
    let sides = [side(&board, 60), side(&phone, 60)];
    let all = Transfer::all(&sides, &[0, 1], |_, _| true);
    let places: Vec<(usize, usize)> = all.iter().map(|t| (t.from, t.to)).collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    // a front is as fast as itself, and that is certain
    let own = all[0].slowdown.unwrap();
    assert_eq!((own.mean, own.worst, own.mean_std), (1.0, 1.0, Some(0.0)));
    assert_eq!(own.is_significant, Some(false));
    // board to phone, network by network
    let transfer = &all[1];
    let mut logs = Vec::new();
    for (row, network) in sides[0].front.iter().zip(&transfer.networks) {
        let there = phone.appraise(&row.genotype);
        assert!((network.latency.mean_ms / there.latency.mean_ms - 1.0).abs() < 1e-12);
        assert!((there.quality - network.quality).abs() < 1e-9);
        let as_good = sides[1]
            .front
            .iter()
            .filter(|rival| rival.metrics.quality >= network.quality);
        let fastest = as_good
            .map(|rival| rival.metrics.latency.mean_ms)
            .reduce(f64::min);
        match (&network.rival, fastest) {
            (Some(rival), Some(fastest)) => {
                assert!((rival.ratio - there.latency.mean_ms / fastest).abs() < 1e-9);
                logs.push(rival.ratio.ln());
            }
            (None, None) => {}
            other => panic!("{other:?}"),
        }
    }
    let slowdown = transfer.slowdown.unwrap();
    assert_eq!(slowdown.networks, logs.len());
    let mean = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
    assert!((slowdown.mean - mean).abs() < 1e-9 && slowdown.worst >= slowdown.mean);
}

#[test]
fn ratios_are_surer_than_prices() {
    let (board, phone) = (experiment(BOARD), experiment(PHONE));
    let sides = [side(&board, 60), side(&phone, 60)];
    let all = Transfer::all(&sides, &[1], |_, _| true);
    let mut compared = 0;
    for network in &all[0].networks {
        let Some(rival) = network.rival.as_ref().filter(|rival| rival.ratio != 1.0) else {
            continue;
        };
        let front = &sides[1].front;
        let other = front
            .iter()
            .find(|row| row.id == rival.id)
            .unwrap()
            .metrics
            .latency;
        let relative = |latency: roofnas_cost::Latency| latency.std_ms / latency.mean_ms;
        // as if the two erred apart
        let apart = rival.ratio * relative(network.latency).hypot(relative(other));
        let std = rival.ratio_std.unwrap();
        assert!(std > 0.0 && std < apart, "{std} {apart}");
        compared += 1;
    }
    assert!(compared > 3, "{compared}");
    let slowdown = all[0].slowdown.unwrap();
    assert!(slowdown.mean_std.unwrap() > 0.0);
}

#[test]
fn uncalibrated_platforms_have_no_deviation_of_a_ratio() {
    let (board, gpu) = (experiment(BOARD), experiment("nvidia-v100"));
    let sides = [side(&board, 40), side(&gpu, 40)];
    let all = Transfer::all(&sides, &[1], |_, _| true);
    let slowdown = all[0].slowdown.unwrap();
    assert_eq!((slowdown.mean_std, slowdown.is_significant), (None, None));
}

#[test]
fn a_platform_without_networks_only_prices() {
    let (board, phone) = (experiment(BOARD), experiment(PHONE));
    let sides = [side(&board, 40), side(&phone, 0)];
    let all = Transfer::all(&sides, &[0, 1], |_, _| true);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].slowdown, None);
    assert!(
        all[1]
            .networks
            .iter()
            .all(|network| network.latency.mean_ms > 0.0)
    );
}

#[test]
fn platforms_are_named_with_or_without_a_batch() {
    let parse = |text: &str| text.parse::<NamedPlatform>();
    let named = |profile: &str, batch| NamedPlatform {
        profile: profile.into(),
        batch,
    };
    assert_eq!(parse("a-board"), Ok(named("a-board", None)));
    assert_eq!(
        parse(" folder/my.toml@64"),
        Ok(named("folder/my.toml", Some(64)))
    );
    for wrong in ["", "@4", "a@", "a@b", "a@-1"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
