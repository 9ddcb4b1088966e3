//! What else an experiment can say: algorithms, objectives, scores, resolutions, features, number formats.

use crate::support::{Desk, TINY, Table};

/// The front of `tiny.toml` with these settings.
fn front(settings: &[&str]) -> Table {
    let desk = Desk::with_tiny();
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let args: Vec<&str> = [
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "output.backbones=0",
    ]
    .into_iter()
    .chain(set)
    .collect();
    desk.roofnas(&args).ends(0);
    let front = desk.table("run/pareto.csv");
    assert!(!front.rows.is_empty());
    front
}

/// Whether no row is at least as low in all columns and lower in one. (Columns to be high come with `-`.)
fn is_non_dominated(front: &Table, columns: &[&str]) -> bool {
    let costs: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| match column.strip_prefix('-') {
            Some(column) => front.numbers(column).iter().map(|value| -value).collect(),
            None => front.numbers(column),
        })
        .collect();
    let dominates = |a: usize, b: usize| {
        costs.iter().all(|cost| cost[a] <= cost[b]) && costs.iter().any(|cost| cost[a] < cost[b])
    };
    let rows = front.rows.len();
    !(0..rows).any(|a| (0..rows).any(|b| dominates(a, b)))
}

#[test]
fn a_random_search() {
    let random = front(&["search.algorithm=random", "search.evaluations=2000"]);
    assert!(is_non_dominated(&random, &["latency_ms", "-quality"]));
    assert!(
        random
            .numbers("latency_ms")
            .iter()
            .all(|&latency| latency <= 1.0)
    );
}

#[test]
fn every_algorithm() {
    let best = |algorithm: &str| {
        let setting = format!("search.algorithm={algorithm}");
        let front = front(&[&setting, "search.evaluations=4000", "search.population=64"]);
        assert!(is_non_dominated(&front, &["latency_ms", "-quality"]));
        assert!(front.numbers("latency_ms").iter().all(|&ms| ms <= 1.0));
        front
            .numbers("quality")
            .into_iter()
            .reduce(f64::max)
            .unwrap()
    };
    let exact = best("exact");
    let random = best("random");
    for algorithm in ["nsga2", "nsga3", "regularized_evolution"] {
        let found = best(algorithm);
        assert!(
            random < found && found <= exact + 1e-9,
            "{algorithm}: {random} {found} {exact}"
        );
    }
}

/// `certificate.json` of a run of `tiny.toml`.
fn certificate(settings: &[&str]) -> serde_json::Value {
    let desk = Desk::with_tiny();
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let fixed = [
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "output.backbones=0",
        "--set",
        "search.certify=true",
    ];
    let args: Vec<&str> = fixed.into_iter().chain(set).collect();
    let ended = desk.roofnas(&args).ends(0);
    assert!(
        ended.stderr.contains("gap to the model's optimum: at most"),
        "{}",
        ended.stderr
    );
    assert!(desk.read("run/report.html").contains("gap to the model"));
    serde_json::from_str(&desk.read("run/certificate.json")).unwrap()
}

#[test]
fn a_certificate_says_how_far_the_optimum_is() {
    let share =
        |certificate: &serde_json::Value| certificate["relative_hypervolume"].as_f64().unwrap();
    let short = certificate(&["search.evaluations=640"]);
    let long = certificate(&["search.evaluations=20000", "search.population=128"]);
    let exact = certificate(&["search.algorithm=exact"]);
    assert_eq!(exact["bound"], "exact");
    assert_eq!(
        exact["objectives"],
        serde_json::json!(["latency_ms", "quality"])
    );
    assert!(share(&short) < share(&long) && share(&long) < share(&exact));
    assert!(share(&exact) > 1.0 - 1e-5 && share(&exact) <= 1.0);
    assert!(exact["worst_gap"].as_f64().unwrap() < 1e-3);
    // it can be left out, and then nothing is said
    let desk = Desk::with_tiny();
    desk.write("tiny.toml", TINY.replace("certify = false\n", ""));
    let without = [
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "search.certify=false",
    ];
    let ended = desk.roofnas(&without).ends(0);
    assert!(!ended.stderr.contains("gap to"), "{}", ended.stderr);
    assert!(!desk.path("run/certificate.json").exists());
}

#[test]
fn what_can_t_be_certified_is_said() {
    let desk = Desk::with_tiny();
    let certify = "search.certify=true";
    for (out, minimize, reason) in [
        (
            "memory",
            "\"latency\", \"peak_memory\"",
            "not known, since peak memory is a largest value and no sum over blocks",
        ),
        (
            "one",
            "",
            "not known, since it needs two objectives or more",
        ),
    ] {
        let objectives = format!("objectives.minimize=[{minimize}]");
        let args = ["run", "tiny.toml", "--out", out];
        let args = [&args[..], &["--set", &objectives, "--set", certify]].concat();
        desk.roofnas(&args).ends(0).says(&[reason]);
        assert!(!desk.path(&format!("{out}/certificate.json")).exists());
    }
}

#[test]
fn three_objectives_are_certified_by_planes() {
    let desk = Desk::with_tiny();
    let args = [
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "objectives.minimize=[\"latency\", \"params\"]",
        "--set",
        "space.preset=\"nas-bench-macro\"",
        "--set",
        "search.certify=true",
    ];
    desk.roofnas(&args).ends(0).says(&[
        "gap to the model's optimum: at most ",
        " in AE3 (",
        " at any latency_ms and params, largest at ",
        "of the hypervolume of a bound of the exact front",
    ]);
    let certificate: serde_json::Value =
        serde_json::from_str(&desk.read("run/certificate.json")).unwrap();
    assert_eq!(certificate["bound"], "relaxed");
    assert_eq!(certificate["worst_budget"].as_array().unwrap().len(), 2);
    assert_eq!(certificate["limits"][0][0], 1.0);
    let share = certificate["relative_hypervolume"].as_f64().unwrap();
    assert!(share > 0.8 && share < 1.0, "{share}");
    // every network of the front is above every plane
    let planes = desk.table("run/bound.csv");
    let columns = "part,weight of latency_ms,weight of params,weight of quality,at_least";
    assert_eq!(planes.columns.join(","), columns);
    let front = desk.table("run/pareto.csv");
    let figures = ["latency_ms", "params", "quality"].map(|column| front.numbers(column));
    let weights = ["latency_ms", "params", "quality"]
        .map(|column| planes.numbers(&format!("weight of {column}")));
    for (plane, at_least) in planes.numbers("at_least").into_iter().enumerate() {
        let networks = figures[0].iter().zip(&figures[1]).zip(&figures[2]);
        for ((ms, params), quality) in networks {
            let weighted = weights[0][plane] * ms + weights[1][plane] * params;
            let sum = weighted + weights[2][plane] * quality;
            assert!(
                sum >= at_least - 1e-6 * at_least.abs().max(1.0),
                "{plane}: {sum}"
            );
        }
    }
    // and the report is written again from these files
    let page = desk.read("run/report.html");
    assert!(
        page.contains("proven: no network of the space is better by more than "),
        "{page}"
    );
    desk.roofnas(&["report", "run"]).ends(0);
    assert_eq!(desk.read("run/report.html"), page);
    let cut = desk.read("run/bound.csv").replace(",0,", ",");
    desk.write("run/bound.csv", cut);
    desk.roofnas(&["report", "run"])
        .ends(2)
        .says(&["run/bound.csv"]);
}

#[test]
fn polishing_finds_more() {
    let desk = Desk::with_tiny();
    let run = |out: &str, set: &str| {
        let args = [
            "run",
            "tiny.toml",
            "--out",
            out,
            "--set",
            "output.backbones=0",
            "--set",
            set,
        ];
        desk.roofnas(&args).ends(0);
        desk.table(&format!("{out}/history.csv"))
    };
    let plain = run("plain", "search.certify=false");
    let polished = run("polished", "search.polish=20000");
    let last = |history: &Table, column: &str| *history.numbers(column).last().unwrap();
    assert_eq!(last(&plain, "evaluations"), 320.0);
    assert!(last(&polished, "evaluations") <= 20_320.0);
    assert!(last(&polished, "hypervolume") > last(&plain, "hypervolume"));
    let generations = polished.numbers("generation");
    assert!(generations.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_search_begins_with_given_networks() {
    let desk = Desk::with_tiny();
    desk.roofnas(&["run", "tiny.toml", "--out", "first"])
        .ends(0);
    let first = desk.table("first/pareto.csv");
    let genotype = first.text("genotype").last().unwrap().to_string();
    let start = format!("search.start=[\"{genotype}\"]");
    let args = [
        "run",
        "tiny.toml",
        "--out",
        "second",
        "--set",
        &start,
        "--set",
        "search.evaluations=1",
    ];
    desk.roofnas(&args).ends(0);
    assert_eq!(
        desk.table("second/pareto.csv").text("genotype"),
        [genotype.as_str()]
    );
    // and it stands in the resolved experiment, which runs again
    assert!(desk.read("second/experiment.toml").contains(&genotype));
}

#[test]
fn other_limits_end_a_search() {
    let desk = Desk::with_tiny();
    let many = "search.evaluations=100000000";
    for (out, set) in [
        ("time", "search.seconds=0.3"),
        (
            "still",
            "search.stagnation={ growth = 0.5, evaluations = 2000 }",
        ),
    ] {
        desk.roofnas(&[
            "run",
            "tiny.toml",
            "--out",
            out,
            "--set",
            many,
            "--set",
            set,
        ])
        .ends(0);
        let evaluations = desk
            .table(&format!("{out}/history.csv"))
            .numbers("evaluations");
        assert!(*evaluations.last().unwrap() < 50_000_000.0, "{out}");
    }
}

#[test]
fn nsga2_beats_random_search() {
    let best = |algorithm: &str| {
        let front = front(&[algorithm, "search.evaluations=3000"]);
        front
            .numbers("quality")
            .into_iter()
            .reduce(f64::max)
            .unwrap()
    };
    assert!(best("search.algorithm=nsga2") > best("search.algorithm=random"));
}

#[test]
fn every_objective_to_minimise() {
    for (objective, column) in [
        ("macs", "macs"),
        ("params", "params"),
        ("peak_memory", "peak_memory_bytes"),
        ("traffic", "traffic_bytes"),
        ("weights", "weight_bytes"),
    ] {
        let front = front(&[&format!("objectives.minimize=[\"{objective}\"]")]);
        assert!(
            is_non_dominated(&front, &[column, "-quality"]),
            "{objective}"
        );
        assert!(
            crate::support::is_sorted(&front.numbers(column)),
            "{objective}"
        );
    }
}

#[test]
fn three_objectives() {
    let front = front(&["objectives.minimize=[\"latency\",\"params\"]"]);
    assert!(is_non_dominated(
        &front,
        &["latency_ms", "params", "-quality"]
    ));
    assert!(front.rows.len() > 3);
}

#[test]
fn one_objective() {
    assert_eq!(front(&["objectives.maximize=[]"]).rows.len(), 1);
    assert_eq!(front(&["objectives.minimize=[]"]).rows.len(), 1);
}

#[test]
fn more_objectives_than_anybody_needs() {
    let all = "objectives.minimize=[\"latency\",\"macs\",\"params\",\"peak_memory\",\"traffic\",\"weights\"]";
    let desk = Desk::with_tiny();
    let ended = desk.roofnas(&["run", "tiny.toml", "--out", "run", "--set", all]);
    // either it runs, or it says how many can be
    if ended.code != Some(0) {
        ended.ends(2).says(&["objectives", "7", "1 to"]);
    }
}

#[test]
fn every_score() {
    for score in [
        "AE3",
        "S+NSC",
        "S",
        "NSC",
        "st_la",
        "params",
        "MACs",
        "activations",
        "MAE-DET",
        "DeepMAD",
    ] {
        let front = front(&[&format!("quality.score={score}")]);
        assert!(
            is_non_dominated(&front, &["latency_ms", "-quality"]),
            "{score}"
        );
        assert!(front.text("quality_kind")[0].contains(score));
        if score == "params" {
            assert_eq!(front.numbers("quality"), front.numbers("params"));
        }
    }
}

#[test]
fn a_score_by_its_name_alone_and_by_its_terms() {
    let named = front(&["quality=MAE-DET"]);
    assert!(named.text("quality_kind")[0].starts_with("MAE-DET ("));
    let table = front(&["quality.score=MAE-DET"]);
    assert_eq!(named.numbers("quality"), table.numbers("quality"));
    // AE3 written out is AE3
    let terms = "quality.terms={ S = 1, NSC = 1.0, st_la = 1 }";
    let (mix, preset) = (front(&[terms]), front(&[]));
    assert_eq!(mix.text("quality_kind"), preset.text("quality_kind"));
    assert_eq!(mix.numbers("quality"), preset.numbers("quality"));
    let own = front(&["quality.terms={ S = 1, NSC = 0.5, MAE-DET = -1 }"]);
    let kind = "S + 0.5 NSC - MAE-DET (proxy rank score)";
    assert_eq!(own.text("quality_kind")[0], kind);
    assert!(is_non_dominated(&own, &["latency_ms", "-quality"]));
}

/// A run of a mix says which terms it was normalised by, can be run again as it is, and gives the same.
#[test]
fn a_mix_s_normalisation_is_stored_with_the_run() {
    let desk = Desk::with_tiny();
    let terms = "quality.terms={ DeepMAD = 1, MACs = -0.5 }";
    let run = |file: &str, out: &str, rest: &[&str]| {
        let args = ["run", file, "--out", out];
        let args = args.iter().chain(rest);
        desk.roofnas(&args.copied().collect::<Vec<_>>()).ends(0);
    };
    run("tiny.toml", "run", &["--set", terms]);
    let resolved = desk.read("run/experiment.toml");
    for key in ["deepmad", "macs", "st_la"] {
        let table = format!("[quality.normalisation.{key}]");
        assert!(resolved.contains(&table), "{table} of {resolved}");
    }
    assert!(!resolved.contains("normalisation.params") && !resolved.contains("score ="));
    assert!(desk.read("run/report.html").contains("DeepMAD"));
    run("run/experiment.toml", "again", &[]);
    assert_eq!(desk.read("run/pareto.csv"), desk.read("again/pareto.csv"));
}

/// Channels of the genotypes in words, the stem's first: `r224/s16/24:...`.
fn channels(genotype: &str) -> Vec<usize> {
    let parts = genotype
        .split('/')
        .filter(|part| !part.starts_with(['r', 'h']));
    let number = |part: &str| {
        let part = part.trim_start_matches('s');
        part.split(':').next().unwrap().parse().unwrap()
    };
    parts.map(number).collect()
}

#[test]
fn channels_never_fall_where_they_may_not() {
    let falls = |front: &Table| {
        let networks = front.text("genotype").into_iter();
        networks.filter(|g| !channels(g).is_sorted()).count()
    };
    let free = front(&["search.evaluations=1500"]);
    assert!(falls(&free) > 0);
    let kept = front(&[
        "search.evaluations=1500",
        "constraints.monotone_channels=true",
    ]);
    assert_eq!(falls(&kept), 0);
    let desk = Desk::with_tiny();
    let set = [
        "check",
        "tiny.toml",
        "--set",
        "constraints.monotone_channels=true",
    ];
    let said = desk.roofnas(&set);
    assert!(said.stdout.contains("monotone_channels"), "{said:?}");
}

#[test]
fn every_constraint_is_kept() {
    let settings = [
        "constraints.params=3000000",
        "constraints.macs=250000000",
        "constraints.peak_memory_mib=4",
        "constraints.weights_mib=10",
        "search.evaluations=1500",
    ];
    let front = front(&settings);
    let below =
        |column: &str, limit: f64| front.numbers(column).iter().all(|&value| value <= limit);
    let mib = 1024.0 * 1024.0;
    assert!(below("latency_ms", 1.0) && below("params", 3e6) && below("macs", 2.5e8));
    assert!(below("peak_memory_bytes", 4.0 * mib) && below("weight_bytes", 10.0 * mib));
}

#[test]
fn other_platforms_number_formats_and_batches() {
    let settings = [
        "platform.profile=nvidia-v100",
        "platform.dtype=fp16",
        "platform.batch=32",
        "constraints.latency_ms=20.0",
    ];
    let front = front(&settings);
    for (column, value) in [
        ("platform", "nvidia-v100"),
        ("dtype", "fp16"),
        ("batch", "32"),
        ("threads", ""),
    ] {
        assert!(
            front.text(column).iter().all(|found| *found == value),
            "{column}"
        );
    }
}

#[test]
fn every_preset() {
    for preset in [
        "mobile",
        "resnet",
        "regnet",
        "nas-bench-macro",
        "accel-nasbench",
    ] {
        let settings = [
            format!("space.preset={preset}"),
            "constraints.latency_ms=1000.0".to_owned(),
        ];
        front(&[&settings[0], &settings[1]]);
    }
}

#[test]
fn rectangular_and_several_resolutions() {
    let front = front(&[
        "space.resolution=[192, 224, \"256x160\"]",
        "search.evaluations=1500",
    ]);
    let resolutions = front.text("resolution");
    assert!(
        resolutions
            .iter()
            .all(|resolution| ["192", "224", "256x160"].contains(resolution)),
        "{resolutions:?}"
    );
    for row in &front.rows {
        assert!(
            row["genotype"].starts_with(&format!("r{}/", row["resolution"])),
            "{row:?}"
        );
    }
}

#[test]
fn one_rectangle_reaches_the_model() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "space.resolution=\"256x160\"",
    ])
    .ends(0);
    assert!(
        desk.table("run/pareto.csv")
            .text("resolution")
            .iter()
            .all(|resolution| *resolution == "256x160")
    );
    assert!(desk.read("run/experiment.toml").contains("\"256x160\""));
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn feature_maps_for_a_detector_are_outputs() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[
        "run",
        "tiny.toml",
        "--out",
        "run",
        "--set",
        "space.features=[8, 16, 32]",
    ])
    .ends(0);
    let files = desk.files("run/backbones");
    let (_, model) = files
        .iter()
        .find(|(name, _)| name.ends_with(".onnx"))
        .unwrap();
    for output in ["stride8", "stride16", "stride32"] {
        assert!(contains(model, output), "{output}");
    }
    assert!(!contains(model, "stride4\""));
}

#[test]
fn a_run_cut_short_within_a_generation() {
    let desk = Desk::with_tiny();
    for evaluations in ["1", "17", "33"] {
        let set = format!("search.evaluations={evaluations}");
        desk.roofnas(&[
            "run",
            "tiny.toml",
            "--out",
            evaluations,
            "--set",
            &set,
            "--set",
            "constraints.latency_ms=100.0",
            "--set",
            "output.backbones=0",
        ])
        .ends(0);
        let history = desk.table(&format!("{evaluations}/history.csv"));
        assert_eq!(history.text("evaluations").last(), Some(&evaluations));
    }
}

#[test]
fn more_population_than_evaluations() {
    let front = front(&["search.population=1000000", "search.evaluations=50"]);
    assert!(front.rows.len() <= 50);
}

#[test]
fn a_space_of_one_network_ends() {
    let desk = Desk::with_run();
    desk.roofnas(&["export", "run", "b01", "--to", "toml", "--out", "one.toml"])
        .ends(0);
    let space: toml::Table = toml::from_str(&desk.read("one.toml")).unwrap();
    let mut experiment: toml::Table = toml::from_str(TINY).unwrap();
    experiment.insert("space".to_owned(), space.into());
    desk.write("alone.toml", toml::to_string(&experiment).unwrap());
    desk.roofnas(&["run", "alone.toml", "--out", "alone"])
        .ends(0);
    let (alone, front) = (desk.table("alone/pareto.csv"), desk.table("run/pareto.csv"));
    assert_eq!(alone.rows.len(), 1);
    for figure in [
        "latency_ms",
        "macs",
        "params",
        "traffic_bytes",
        "peak_memory_bytes",
    ] {
        assert_eq!(alone.text(figure)[0], front.text(figure)[0], "{figure}");
    }
    assert!(alone.numbers("quality")[0].is_finite());
    assert!(!desk.read("alone/report.html").contains("NaN"));
}

#[test]
fn a_preset_may_be_a_path_to_a_space() {
    // so says the experiment that `init` writes
    let desk = Desk::with_run();
    desk.roofnas(&["export", "run", "b01", "--to", "toml", "--out", "one.toml"])
        .ends(0);
    desk.roofnas(&["check", "tiny.toml", "--set", "space.preset=one.toml"])
        .ends(0);
}

#[test]
fn a_space_in_which_a_term_is_constant_can_be_run_again() {
    let desk = Desk::new();
    // the kernel changes neither channels nor resolutions: st_la is the same for all
    desk.write(
        "kernels.toml",
        r#"
name = "kernels"
[platform]
profile = "intel-i9-10980xe"
[space]
resolution = 56
[space.stem]
channels = 24
[[space.stage]]
block = "inverted_bottleneck"
depth = 2
channels = 40
stride = 2
kernel = [3, 5, 7]
expand = 3
per_layer = ["kernel"]
[search]
population = 8
evaluations = 64
"#,
    );
    let run = desk
        .roofnas(&["run", "kernels.toml", "--out", "run"])
        .ends(0);
    assert!(run.stderr.contains("st_la is the same"), "{}", run.stderr);
    desk.roofnas(&["run", "run/experiment.toml", "--out", "again"])
        .ends(0);
    desk.roofnas(&["export", "run", "b01", "--to", "toml"])
        .ends(0);
    assert_eq!(
        desk.files("run")["pareto.csv"],
        desk.files("again")["pareto.csv"]
    );
}
