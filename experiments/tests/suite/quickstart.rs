//! The main job: the quickstart that ships, as the README runs it.

use std::sync::LazyLock;

use roofnas_cost::params;
use roofnas_space::SearchSpace;

use crate::support::{Desk, QUICKSTART, Table, is_sorted};

const BUDGET_MS: f64 = 60.0;

struct Quickstart {
    desk: Desk,
    front: Table,
}

/// One run for all tests.
static RUN: LazyLock<Quickstart> = LazyLock::new(|| {
    let desk = Desk::new();
    desk.roofnas(&["run", QUICKSTART])
        .ends(0)
        .says(&["calibrated on 27 networks", "runs/quickstart"]);
    let front = desk.table("runs/quickstart/pareto.csv");
    Quickstart { desk, front }
});

#[test]
fn there_are_many_networks_and_all_keep_the_budget() {
    // with the confidence of 0.95 that the quickstart asks for
    let latencies = RUN.front.numbers("latency_ms_upper95");
    assert!(latencies.len() >= 20, "{}", latencies.len());
    assert!(
        latencies
            .iter()
            .all(|&latency| latency > 0.0 && latency <= BUDGET_MS)
    );
}

#[test]
fn the_front_is_sorted_and_nothing_in_it_is_dominated() {
    let (latencies, qualities) = (
        RUN.front.numbers("latency_ms"),
        RUN.front.numbers("quality"),
    );
    assert!(qualities.iter().all(|quality| quality.is_finite()));
    // sorted by latency, so a network is dominated unless it is both slower and better than the one before it
    for pair in latencies.windows(2).zip(qualities.windows(2)) {
        let (latency, quality) = pair;
        assert!(
            latency[0] < latency[1] && quality[0] < quality[1],
            "{pair:?}"
        );
    }
}

#[test]
fn columns_stand_as_documented() {
    let stated = "id,quality,latency_ms,latency_ms_std,latency_ms_upper95,macs,flops,params,traffic_bytes,\
                  peak_memory_bytes,intensity_flop_per_byte,layers,resolution,platform,batch,threads,dtype,seed,genotype";
    assert!(RUN.front.columns.join(",").starts_with(stated));
    let history = RUN.desk.table("runs/quickstart/history.csv");
    let stated = "generation,evaluations,best_quality,hypervolume,feasible_share,seconds";
    assert_eq!(history.columns.join(","), stated);
}

#[test]
fn rows_say_under_which_conditions_they_hold() {
    for (column, value) in [
        ("platform", "raspberry-pi-4-ncnn-4-threads"),
        ("batch", "1"),
        ("threads", "4"),
        ("dtype", "fp32"),
        ("seed", "1"),
        ("resolution", "224"),
    ] {
        assert!(
            RUN.front.text(column).iter().all(|found| *found == value),
            "{column}"
        );
    }
    let mean_and_upper = RUN
        .front
        .numbers("latency_ms")
        .into_iter()
        .zip(RUN.front.numbers("latency_ms_upper95"));
    assert!(mean_and_upper.into_iter().all(|(mean, upper)| upper > mean));
}

#[test]
fn every_channel_is_a_multiple_of_eight() {
    let run = RUN.desk.finished("runs/quickstart");
    for row in run.front().unwrap() {
        let network = run.experiment.space.decode(&row.genotype);
        let outputs = network.layers().iter().map(|layer| layer.output.channels);
        let classes = run.experiment.space.classes().unwrap();
        for channels in outputs {
            assert!(
                channels % 8 == 0 || channels == classes,
                "{} has {channels} channels",
                row.id
            );
        }
    }
}

#[test]
fn genotypes_read_back_to_the_figures_beside_them() {
    let run = RUN.desk.finished("runs/quickstart");
    let rows = run.front().unwrap();
    assert_eq!(rows.len(), RUN.front.rows.len());
    for (row, written) in rows.iter().zip(&RUN.front.rows) {
        assert_eq!(row.id, written["id"]);
        assert_eq!(
            row.metrics.latency.mean_ms.to_string(),
            written["latency_ms"]
        );
        assert_eq!(row.metrics.quality.to_string(), written["quality"]);
        assert_eq!(row.metrics.macs.to_string(), written["macs"]);
        assert_eq!(
            row.metrics.peak_memory_bytes.to_string(),
            written["peak_memory_bytes"]
        );
    }
}

#[test]
fn the_budget_binds() {
    let wide = Desk::new();
    let budget = format!("constraints.latency_ms={}", 100.0 * BUDGET_MS);
    wide.roofnas(&[
        "run",
        QUICKSTART,
        "--out",
        "run",
        "--set",
        &budget,
        "--set",
        "search.evaluations=10000",
    ])
    .ends(0);
    let slowest = wide
        .table("run/pareto.csv")
        .numbers("latency_ms")
        .pop()
        .unwrap();
    assert!(slowest > 1.2 * BUDGET_MS, "{slowest}");
}

#[test]
fn the_history_goes_up_to_the_limit() {
    let history = RUN.desk.table("runs/quickstart/history.csv");
    for column in [
        "generation",
        "evaluations",
        "best_quality",
        "hypervolume",
        "seconds",
    ] {
        assert!(is_sorted(&history.numbers(column)), "{column}");
    }
    assert_eq!(history.numbers("evaluations").last(), Some(&200_000.0));
    assert_eq!(
        history.numbers("generation"),
        // ten generations of every island, then members migrate
        (1..=history.rows.len())
            .map(|n| 10.0 * n as f64)
            .collect::<Vec<_>>()
    );
    assert!(
        history
            .numbers("feasible_share")
            .iter()
            .all(|share| (0.0..=1.0).contains(share))
    );
    let best = RUN.front.numbers("quality").into_iter().reduce(f64::max);
    assert_eq!(history.numbers("best_quality").last().copied(), best);
}

#[test]
fn backbones_are_spaces_of_one_network_with_the_figures_of_their_rows() {
    let files = RUN.desk.files("runs/quickstart/backbones");
    let spaces: Vec<&String> = files
        .keys()
        .filter(|name| name.ends_with(".toml"))
        .collect();
    assert_eq!(spaces.len(), 5);
    for name in spaces {
        let id = name.strip_suffix(".toml").unwrap();
        assert!(files.contains_key(&format!("{id}.onnx")), "{id}");
        let definition = toml::from_str(str::from_utf8(&files[name]).unwrap()).unwrap();
        let space = SearchSpace::new(definition).unwrap();
        assert_eq!(space.size().to_string(), "1");
        let network = space.decode(&space.only());
        let row = RUN.front.rows.iter().find(|row| row["id"] == id).unwrap();
        assert_eq!(params(&network).to_string(), row["params"]);
        let run = RUN.desk.finished("runs/quickstart");
        let metrics = run.experiment.appraiser.appraise(&network);
        assert_eq!(metrics.macs.to_string(), row["macs"]);
        assert_eq!(metrics.latency.mean_ms.to_string(), row["latency_ms"]);
    }
}

#[test]
fn the_best_network_is_among_the_backbones() {
    let best = RUN.front.rows.last().unwrap();
    assert!(
        RUN.desk
            .path(&format!("runs/quickstart/backbones/{}.onnx", best["id"]))
            .exists()
    );
}

#[test]
fn a_confidence_leaves_room_for_what_is_not_known() {
    let desk = Desk::new();
    let slowest = |confidence: &str, out: &str| {
        let confidence = format!("constraints.confidence={confidence}");
        let args = ["run", QUICKSTART, "--out", out, "--set", &confidence];
        let short = ["--set", "search.evaluations=5000"];
        desk.roofnas(&[&args[..], &short].concat()).ends(0);
        let front = desk.table(&format!("{out}/pareto.csv"));
        let last = |column| front.numbers(column).pop().unwrap();
        (last("latency_ms"), last("latency_ms_upper95"))
    };
    let (mean, upper) = slowest("0.5", "mean");
    assert!(mean <= BUDGET_MS && upper > BUDGET_MS, "{mean} {upper}");
    let (mean, upper) = slowest("0.95", "upper");
    assert!(
        mean < 0.97 * BUDGET_MS && upper <= BUDGET_MS,
        "{mean} {upper}"
    );
}
