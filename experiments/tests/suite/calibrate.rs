//! `roofnas calibrate`.

use roofnas_cost::calibration::Batches;
use roofnas_cost::{Dtype, Platform};
use serde_json::Value;

use crate::planted::{NETWORKS, desk, desk_with_profile, latencies, latency_ms, network, quick};
use crate::support::{Desk, Table};

/// The figures of `cli.md`.
const FIGURES: [&str; 9] = [
    "mape",
    "rmspe",
    "within_5pct",
    "within_10pct",
    "spearman",
    "bias",
    "coverage_90",
    "width_90",
    "exceeds_upper_95",
];

fn profile(desk: &Desk, file: &str) -> Platform {
    Platform::from_toml(&desk.read(file)).unwrap()
}

#[test]
fn a_planted_machine_is_found() {
    let desk = desk();
    let ended = desk
        .roofnas(&quick(&[
            "--out",
            "planted.toml",
            "--samples",
            "16",
            "--format",
            "json",
        ]))
        .ends(0)
        .says(&["fitting planted on 16 of 24 networks", "wrote planted.toml"]);
    let json: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 2);
    let (fit, held_out) = (&json["fit"], &json["held_out"]);
    assert_eq!(fit["n_fit"], 16);
    assert_eq!(held_out["n_test"], 8);
    for figure in FIGURES {
        for figures in [fit, held_out] {
            let figure = figures[figure].as_f64().unwrap();
            assert!((-1.0..=1.0).contains(&figure));
        }
    }
    assert!(held_out["mape"].as_f64().unwrap() < 0.03, "{held_out}");
    assert!(held_out["spearman"].as_f64().unwrap() > 0.95, "{held_out}");
    let baselines = held_out["baselines"].as_object().unwrap();
    for name in [
        "macs_constant",
        "five_feature_ridge",
        "class_ridge",
        "class_nnls",
        "gradient_boosting",
    ] {
        let figures = &baselines[name];
        assert_eq!(figures["n_test"], 8);
        assert!(figures["mape"].as_f64().unwrap() > 0.0);
        assert_eq!(figures["coverage_90"], Value::Null);
    }
    let calibration = &profile(&desk, "planted.toml").calibration[&Dtype::Fp32];
    let figures = calibration.measured.held_out.unwrap();
    assert_eq!(Value::from(figures.mape), held_out["mape"]);
    assert_eq!(calibration.measured.networks, 16);
}

#[test]
fn the_profile_says_what_it_is_of() {
    let desk = desk();
    let table = latencies("platform,batch,threads,", "\"board, red\",4,2,");
    desk.write("latency.csv", table);
    let mut args = quick(&["--out", "boards/red.toml", "--samples", "8"]);
    args.extend(["--where", "platform=\"board, red\",batch=4"]);
    desk.roofnas(&args).ends(0);
    let platform = profile(&desk, "boards/red.toml");
    assert_eq!(platform.name, "red");
    assert_eq!(platform.threads, Some(2));
    let calibration = &platform.calibration[&Dtype::Fp32];
    assert_eq!(calibration.batch, Batches::of([4]));
    let source = "latency.csv, column latency_ms, platform=board, red, batch=4";
    assert_eq!(calibration.measured.source, source);
    assert_eq!(platform.provenance.sources, [source]);
    assert!(platform.description.contains(source));

    desk.write("latency.csv", latencies("", ""));
    let mut args = quick(&["--out", "red.toml", "--samples", "8", "--threads", "3"]);
    args.extend(["--name", "red-2", "--description", "a red board"]);
    args.extend([
        "--source",
        "by hand",
        "--licence",
        "CC0",
        "--attribution",
        "N. N.",
    ]);
    args.extend(["--dtype", "fp16", "--base", "nvidia-v100"]);
    desk.roofnas(&args).ends(0);
    let platform = profile(&desk, "red.toml");
    assert_eq!(platform.name, "red-2");
    assert_eq!(platform.description, "a red board");
    assert_eq!(platform.threads, Some(3));
    assert_eq!(platform.provenance.licence.as_deref(), Some("CC0"));
    assert_eq!(platform.provenance.attribution.as_deref(), Some("N. N."));
    assert_eq!(
        platform.calibration[&Dtype::Fp16].measured.source,
        "by hand"
    );
    let theoretical = platform.roofs[&Dtype::Fp16].theoretical.as_ref().unwrap();
    assert_eq!(theoretical.peak_tflops, 125.0);
    assert!(
        platform.provenance.sources.len() > 1,
        "the base has sources"
    );
}

#[test]
fn the_profile_is_accepted_wherever_one_is() {
    let desk = desk_with_profile();
    let predicted = desk.roofnas(&[
        "predict",
        "--platform",
        "planted.toml",
        "--layers",
        "layers.csv",
        "--format",
        "csv",
    ]);
    let table = Table::parse(&predicted.ends(0).stdout);
    assert_eq!(table.rows.len(), NETWORKS);
    for (index, row) in table.rows.iter().enumerate() {
        assert_eq!(row["network"], network(index));
        assert_eq!(row["latency_kind"], "calibrated on 16 networks");
        assert_eq!(row["calibrated_share"], "1.0");
        let predicted: f64 = row["latency_ms"].parse().unwrap();
        let error = predicted / latency_ms(index) - 1.0;
        assert!(error.abs() < 0.1, "{}: {error}", row["network"]);
    }

    let calibration = &profile(&desk, "planted.toml").calibration[&Dtype::Fp32];
    // convolutions alone
    assert_eq!(calibration.operators, Some(Vec::new()));
    let text = desk.roofnas(&["platforms", "planted.toml"]).ends(0).stdout;
    assert_eq!(
        Platform::from_toml(&text).unwrap(),
        profile(&desk, "planted.toml")
    );
    let listed = |format: &str| {
        let mut command = desk.command(&["platforms", "--format", format]);
        let output = command.env("ROOFNAS_PLATFORMS", desk.path("")).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let held_out = profile(&desk, "planted.toml").calibration[&Dtype::Fp32]
        .measured
        .held_out
        .unwrap();
    let csv = Table::parse(&listed("csv"));
    let row = csv
        .rows
        .iter()
        .find(|row| row["name"] == "planted")
        .unwrap();
    assert_eq!(row["calibration_networks"], "16");
    assert_eq!(row["held_out_mape"].parse::<f64>().unwrap(), held_out.mape);
    assert_eq!(row["in_use"], "true");
    let table = listed("table");
    let line = table.lines().find(|line| line.contains("planted")).unwrap();
    let percent = format!("{:.1}", 100.0 * held_out.mape);
    for part in ["16 networks", &percent, "achieved"] {
        assert!(line.contains(part), "{part} in {line}");
    }

    let experiment = r#"
        name = "tiny"
        platform = { profile = "planted.toml" }
        space = { preset = "nas-bench-macro" }
        constraints = { latency_ms = 100.0, confidence = 0.9 }
        search = { population = 16, evaluations = 100 }
    "#;
    desk.write("tiny.toml", experiment);
    desk.roofnas(&["run", "tiny.toml", "--out", "run"]).ends(0);
    assert!(
        desk.read("run/pareto.csv")
            .contains("calibrated on 16 networks")
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let desk = desk();
    let written = |file: &str, seed: &str, threads: &str| {
        let args = quick(&[
            "--name",
            "same",
            "--samples",
            "12",
            "--seed",
            seed,
            "--out",
            file,
        ]);
        let mut command = desk.command(&args);
        let output = command.env("RAYON_NUM_THREADS", threads).output().unwrap();
        assert!(output.status.success());
        desk.read(file)
    };
    let one = written("one.toml", "7", "1");
    assert_eq!(one, written("two.toml", "7", "2"));
    assert_ne!(one, written("other.toml", "8", "2"));
}

#[test]
fn networks_are_held_out_in_turn_where_none_is_kept_apart() {
    let desk = desk();
    let table = latencies("", "");
    // few networks, since each way of cross-validation fits many times
    let few: Vec<&str> = table.lines().take(9).collect();
    desk.write("latency.csv", few.join("\n"));
    for (index, (way, words)) in [
        ("loo", "each network predicted by a fit on all others"),
        (
            "family",
            "each of 2 families predicted by a fit on all others",
        ),
        ("4", "cross-validation in 4 groups of networks"),
    ]
    .into_iter()
    .enumerate()
    {
        let out = format!("{index}.toml");
        let args = quick(&["--cross-validate", way, "--out", &out]);
        let text = desk.roofnas(&args).ends(0).stdout;
        let line = format!("On 8 networks held out ({words}), shares in percent:");
        assert!(text.contains(&line), "{line} in {text}");
        let measured = &profile(&desk, &out).calibration[&Dtype::Fp32].measured;
        assert_eq!(measured.networks, 8);
        assert_eq!(measured.held_out_by.as_deref(), Some(words));
    }
    let args = quick(&[
        "--cross-validate",
        "loo",
        "--samples",
        "4",
        "--out",
        "both.toml",
    ]);
    desk.roofnas(&args)
        .ends(0)
        .says(&["--cross-validate has no effect beside --samples"]);
}

#[test]
fn a_table_for_people_ends_in_a_verdict() {
    let desk = desk();
    let args = quick(&["--samples", "16", "--out", "p.toml", "--threads", "1"]);
    let text = desk.roofnas(&args).ends(0).stdout;
    for part in [
        "Platform p: fp32, batch 1, 1 thread; p.toml",
        "Fitted on 16 networks (16 timings)",
        "On 8 networks held out (24 networks less 16 drawn with seed 1), shares in percent:",
        "MAPE %",
        "| model ",
        "| macs_constant ",
        "| generic ",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let closing = text.lines().last().unwrap();
    assert!(
        closing.starts_with("The model ") && closing.contains(" the best simple baseline, "),
        "{closing}"
    );
}

#[test]
fn csv_has_a_row_for_the_model_and_for_each_baseline() {
    let desk = desk();
    let args = quick(&["--samples", "16", "--out", "p.toml", "--format", "csv"]);
    let table = Table::parse(&desk.roofnas(&args).ends(0).stdout);
    let expected: Vec<&str> = ["predictor", "n_test"].into_iter().chain(FIGURES).collect();
    assert_eq!(table.columns, expected);
    assert_eq!(
        table.text("predictor"),
        [
            "model",
            "class_nnls",
            "class_ridge",
            "five_feature_ridge",
            "gradient_boosting",
            "macs_constant"
        ]
    );
    assert_eq!(table.numbers("n_test"), [8.0; 6]);
    assert!(table.numbers("mape")[0] < 0.03);
    assert_eq!(table.text("coverage_90")[1], "");
}

#[test]
fn bad_figures_are_minded() {
    let desk = desk();
    let rows = (0..NETWORKS).map(|index| {
        // how long a network takes has nothing to do with what it is
        let ms = 1.0 + (index * 7 % 11) as f64;
        format!("{},{ms}\n", network(index))
    });
    let table = format!("network,latency_ms\n{}", rows.collect::<String>());
    desk.write("latency.csv", table);
    let mut args = quick(&["--samples", "16", "--out", "p.toml", "--force"]);
    let text = desk.roofnas(&args).ends(0).stdout;
    assert!(text.contains("Mind: a mean error of"), "{text}");
    assert!(text.contains("below 0.95"), "{text}");
    args.extend(["--format", "json"]);
    let ended = desk.roofnas(&args).ends(0);
    serde_json::from_str::<Value>(&ended.stdout).unwrap();
    ended.says(&["warning: a mean error of", "is above 15 %", "below 0.95"]);
}

#[test]
fn a_profile_that_is_there_stays_unless_forced() {
    let desk = desk();
    desk.write("p.toml", "precious");
    // before anything is read: none of the tables is there
    let absent = ["calibrate", "--layers", "no.csv", "--latency", "no.csv"];
    let absent = |out| {
        let args: Vec<&str> = absent.iter().copied().chain(["--out", out]).collect();
        desk.roofnas(&args)
    };
    absent("p.toml")
        .ends(2)
        .says(&["p.toml: is there already", "--force"]);
    assert_eq!(desk.read("p.toml"), "precious");
    desk.roofnas(&quick(&["--samples", "8", "--out", "p.toml", "--force"]))
        .ends(0);
    assert_eq!(profile(&desk, "p.toml").name, "p");

    std::fs::create_dir(desk.path("folder")).unwrap();
    absent("folder").ends(2).says(&["folder: is a folder"]);
    absent("p.toml/below.toml")
        .ends(1)
        .says(&["can't write p.toml/below.toml"]);
    absent("new/er/p.toml").ends(2).says(&["can't read no.csv"]);
    assert!(
        !desk.path("new").exists(),
        "nothing is made before there is a profile"
    );
}

#[test]
fn a_profile_that_can_t_be_written_is_no_profile() {
    let desk = desk();
    desk.write("p.toml", "precious");
    desk.write("latency.csv", "network,latency_ms\neven0,1\n");
    desk.roofnas(&quick(&["--out", "p.toml", "--force"]))
        .ends(2);
    assert_eq!(
        desk.read("p.toml"),
        "precious",
        "a failed fit leaves what was there"
    );
}

#[test]
fn one_table_without_the_other() {
    let desk = desk();
    let out = ["--out", "p.toml"];
    let cases: [(&[&str], &str); 2] = [
        (&["--layers", "layers.csv"], "--latency is missing"),
        (
            &["--latency", "latency.csv"],
            "the measured networks are missing",
        ),
    ];
    for (given, message) in cases {
        let args: Vec<&str> = ["calibrate"]
            .iter()
            .chain(given)
            .chain(&out)
            .copied()
            .collect();
        desk.roofnas(&args)
            .ends(2)
            .says(&[message, "without either, this machine is measured"]);
    }
    assert!(!desk.path("p.toml").exists());
}

#[test]
fn arguments_that_can_t_be() {
    let desk = desk();
    let refused: [(&[&str], &[&str]); 20] = [
        (&["--components", "0"], &["--components", "0"]),
        (&["--components", "many"], &["--components", "many"]),
        (
            &["--cross-validate", "1"],
            &["loo, family, or a whole number of groups from 2"],
        ),
        (
            &["--cross-validate", "all"],
            &["loo, family, or a whole number of groups from 2"],
        ),
        (
            &["--samples", "0"],
            &["latency.csv: 0 networks were asked for", "at least 3"],
        ),
        (
            &["--samples", "1"],
            &["latency.csv: 1 networks were asked for", "at least 3"],
        ),
        (
            &["--samples", "24"],
            &["24 networks were asked for to fit on, of 24"],
        ),
        (
            &["--samples", "1000"],
            &["1000 networks were asked for to fit on, of 24"],
        ),
        (&["--samples", "-1"], &["--samples"]),
        (&["--seed", "x"], &["--seed", "x"]),
        (&["--threads", "0"], &["--threads", "0"]),
        (&["--priors", "a,,b"], &["all, none, or names"]),
        (&["--priors", "abacus"], &["\"abacus\"", "nvidia-v100"]),
        (
            &["--priors", "nvidia-v100"],
            &["--priors: platform nvidia-v100 is calibrated for nothing, and must be for fp32"],
        ),
        (&["--base", "abacus"], &["\"abacus\"", "nvidia-v100"]),
        (&["--name", ""], &["not empty"]),
        (&["--name", "a,b"], &["no comma"]),
        (&["--dtype", "fp64"], &["fp32, fp16, bf16 or int8"]),
        (
            &["--where", "platform"],
            &["\"platform\" is no condition", "COLUMN=VALUE"],
        ),
        (&["--where", "a=1,a=2"], &["a is there twice"]),
    ];
    for (given, message) in refused {
        // a later argument would only be refused for being there twice
        let kept = [
            "calibrate",
            "--layers",
            "layers.csv",
            "--latency",
            "latency.csv",
        ];
        let args: Vec<&str> = kept
            .iter()
            .chain(given)
            .chain(&["--out", "p.toml"])
            .copied()
            .collect();
        desk.roofnas(&args).ends(2).says(message);
        assert!(!desk.path("p.toml").exists());
    }
    let args = quick(&["--out", ","]);
    desk.roofnas(&args).ends(2).says(&["name it with --name"]);
}

#[test]
fn latencies_that_can_t_be_used() {
    let desk = desk();
    let refused: [(&str, &[&str]); 16] = [
        ("", &["no measurements"]),
        ("network,latency_ms\n", &["no measurements"]),
        (
            "model,latency_ms\neven0,1\n",
            &["column network is missing", "model, latency_ms"],
        ),
        (
            "network,min_ms\neven0,1\n",
            &["column latency_ms is missing", "--latency-column"],
        ),
        (
            "network,latency_ms\neven0,0\neven2,nan\n",
            &["none of the 2 rows", "line 2", "above 0"],
        ),
        ("network,latency_ms\neven0\n", &["line 2", "1 cells"]),
        (
            "network,latency_ms\neven0,1\neven0,9\n",
            &["contradict each other"],
        ),
        (
            "network,latency_ms\nx,1\ny,2\n",
            &["no measured network has layers", "x, y", "even0"],
        ),
        (
            "network,latency_ms\neven0,1\nodd1,1\n",
            &["only 2 networks", "at least 3"],
        ),
        (
            "platform,network,latency_ms\na,even0,1\nb,odd1,1\n",
            &["platform is a | b", "--where platform=a"],
        ),
        (
            "dtype,network,latency_ms\nint8,even0,1\nint8,odd1,1\n",
            &["dtype = int8: must be fp32", "--dtype int8"],
        ),
        (
            "threads,network,latency_ms\n2,even0,1\n2,odd1,1\n",
            &["threads = 2: must be 4", "--threads"],
        ),
        (
            "batch,network,latency_ms\n0,even0,1\n",
            &["line 2: batch = 0"],
        ),
        (
            "network,latency_ms,latency_ms\neven0,1,1\n",
            &["latency_ms is there more than once"],
        ),
        ("network,latency_ms\neven0,1e-300\n", &["GFLOP/s"]),
        ("{\"network\": 1}\n", &["latency.csv: "]),
    ];
    let args = quick(&["--out", "p.toml", "--threads", "4"]);
    for (table, message) in refused {
        desk.write("latency.csv", table);
        desk.roofnas(&args)
            .ends(2)
            .says(&["latency.csv"])
            .says(message);
    }
    desk.write("latency.csv", b"network,latency_ms\ncaf\xe9,1\n");
    desk.roofnas(&args)
        .ends(2)
        .says(&["can't read latency.csv", "UTF-8"]);
    desk.write("latency.csv", latencies("", ""));
    for (condition, message) in [
        (
            "board=x",
            "no column is called board; the table has network, latency_ms",
        ),
        ("network=x", "no row has network = x"),
    ] {
        let mut args = args.clone();
        args.extend(["--where", condition]);
        desk.roofnas(&args).ends(2).says(&["latency.csv", message]);
    }
    assert!(!desk.path("p.toml").exists());
}

/// Latencies in another unit.
fn scaled(column: &str, factor: f64) -> String {
    let rows =
        (0..NETWORKS).map(|index| format!("{},{}\n", network(index), factor * latency_ms(index)));
    format!("network,{column}\n{}", rows.collect::<String>())
}

#[test]
fn other_units_are_refused_where_they_imply_a_speed_no_machine_has() {
    let desk = desk();
    let args = quick(&["--samples", "8", "--out", "p.toml"]);
    desk.write("latency.csv", scaled("latency_ms", 1e3));
    desk.roofnas(&args).ends(2).says(&[
        "latency.csv",
        "GFLOP/s",
        "looks like microseconds; multiplied by 0.001",
    ]);
    desk.write("latency.csv", scaled("latency_ms", 1e-6));
    desk.roofnas(&args).ends(2).says(&[
        "latency.csv",
        "GFLOP/s",
        "looks like seconds; multiplied by 1000",
    ]);
    // these could be a fast machine's milliseconds, so that only the name tells
    desk.write("latency.csv", scaled("latency_s", 1e-3));
    let mut args = args.clone();
    args.extend(["--latency-column", "latency_s"]);
    desk.roofnas(&args)
        .ends(0)
        .says(&["column latency_s is taken to hold milliseconds, and its name says seconds"]);
}

#[test]
fn files_that_can_t_be_used() {
    let desk = desk();
    desk.write("broken.csv", "network,layer\nn,0\n");
    desk.write("empty.csv", "");
    desk.write("binary.csv", [0_u8, 159, 146, 150]);
    for (layers, latency, message) in [
        ("nowhere.csv", "latency.csv", "can't read nowhere.csv"),
        (
            "broken.csv",
            "latency.csv",
            "broken.csv: column op is missing",
        ),
        (
            "empty.csv",
            "latency.csv",
            "empty.csv: column network is missing",
        ),
        ("binary.csv", "latency.csv", "binary.csv"),
        (".", "latency.csv", "."),
        (
            "latency.csv",
            "latency.csv",
            "latency.csv: column layer is missing",
        ),
        ("layers.csv", "nowhere.csv", "can't read nowhere.csv"),
        ("layers.csv", "binary.csv", "can't read binary.csv"),
        ("layers.csv", ".", "can't read ."),
        ("layers.csv", "layers.csv", "column latency_ms is missing"),
    ] {
        let args = [
            "calibrate",
            "--layers",
            layers,
            "--latency",
            latency,
            "--out",
            "p.toml",
        ];
        desk.roofnas(&args).ends(2).says(&[message]);
    }
}

#[test]
fn what_is_left_out_is_told() {
    let desk = desk();
    let mut layers = crate::planted::layers();
    layers +=
        "magic,0,conv,1,1,1,1,1,1,8,8,8,8,8,8,,0,1\nmagic,1,wizardry,1,1,1,1,1,1,8,8,8,8,8,8,,,1\n";
    for index in 0..13 {
        layers += &format!("bad{index},0,conv,1,1,1,1,1,1,,8,8,8,8,8,,0,1\n");
    }
    desk.write("layers.csv", layers);
    let mut table = latencies("dtype,", "fp,");
    table += "fp,magic,0.01\nfp,odd1,0\nfp,bad0,1\nfp,stranger,1\nfp,even0,nan\nfp,even0\n";
    table += &format!("fp,odd3,{}\n", 1.5 * latency_ms(3));
    table += &format!("fp,odd5,{}\n", 5.0 * latency_ms(5));
    desk.write("latency.csv", table);
    let ended = desk.roofnas(&quick(&["--samples", "8", "--out", "p.toml"]));
    let ended = ended.ends(0).says(&[
        "bad0 is left out: line ",
        "in_channels is missing",
        "the same goes for 3 more networks",
        "line 27: latency_ms = 0: must be a number above 0",
        "line 30: latency_ms = nan",
        "line 31: has 2 cells",
        "network odd3: 2 rows range from",
        "network odd5: 2 rows range from",
        "2 measured networks have no layers and are left out: bad0, stranger",
        "the table calls the number format \"fp\"",
        "is taken for fp32",
        "wizardry (networks: 1)",
        // 24 and magic, less odd5
        "fitting p on 8 of 24 networks",
    ]);
    assert!(!ended.stderr.contains("bad12 is"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("warning"));
}

/// Profiles that ship and are calibrated.
fn calibrated_that_ship() -> usize {
    let profiles = roofnas_hardware::Profiles::default();
    let names = profiles.names().unwrap();
    let calibrated = names.iter().filter(|name| {
        let platform = profiles.find(name).unwrap().platform;
        !platform.calibration.is_empty()
    });
    calibrated.count()
}

#[test]
fn another_platform_can_be_a_prior_but_not_the_one_that_is_replaced() {
    let desk = desk_with_profile();
    let fit = |out: &str, priors: &str, says: &str| {
        let args = [
            "calibrate",
            "--layers",
            "layers.csv",
            "--latency",
            "latency.csv",
            "--samples",
            "8",
            "--components",
            "4",
            "--priors",
            priors,
            "--out",
            out,
            "--force",
        ];
        let mut command = desk.command(&args);
        let output = command
            .env("ROOFNAS_PLATFORMS", desk.path(""))
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains(says), "{says} in {stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    // the one in the folder, beside those that ship
    let count = |others: usize| format!("with {others} other platforms as priors");
    let shipped = calibrated_that_ship();
    let text = fit("folder/new.toml", "all", &count(shipped + 1));
    assert!(text.contains("| planted "), "{text}");
    fit(
        "folder/new.toml",
        "planted",
        "with 1 other platform as a prior",
    );
    fit("planted.toml", "all", &count(shipped));
    fit("folder/planted.toml", "all", &count(shipped));
}

/// One of them was measured beside something else: what it took says nothing of what it takes later.
#[test]
fn an_anchor_unlike_the_others_is_none() {
    let desk = desk();
    let (deep, dense) = (network(3), network(8));
    let renamed = |text: &str| {
        let text = text.replace(&format!("{deep},"), "anchor-deep,");
        text.replace(&format!("{dense},"), "anchor-dense,")
    };
    desk.write("layers.csv", renamed(&desk.read("layers.csv")));
    let table = renamed(&desk.read("latency.csv"));
    let anchors = |factor: f64| {
        let slowed: String = table
            .lines()
            .map(|line| match line.strip_prefix("anchor-dense,") {
                Some(ms) => format!("anchor-dense,{}\n", factor * ms.parse::<f64>().unwrap()),
                None => format!("{line}\n"),
            })
            .collect();
        desk.write("latency.csv", slowed);
        let ended = desk.roofnas(&quick(&["--out", "planted.toml", "--force"]));
        let ended = ended.ends(0);
        let calibration = profile(&desk, "planted.toml").calibration[&Dtype::Fp32].clone();
        let names: Vec<String> = calibration.measured.anchor_ms.into_keys().collect();
        (names, ended.stdout.contains("Unlike the others"))
    };
    assert_eq!(
        anchors(1.0),
        (
            vec!["anchor-deep".to_owned(), "anchor-dense".to_owned()],
            false
        )
    );
    assert_eq!(anchors(2.3), (vec!["anchor-deep".to_owned()], true));
}
