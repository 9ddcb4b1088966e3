//! Experiments that can't be: exit code 2, a message with file, key, value and what is accepted, and nothing written.

use std::fs;

use crate::support::{Desk, TINY};

/// Refuses `tiny.toml` with these settings, in `run` as in `check`, with these words.
#[track_caller]
fn refused_with(settings: &[&str], says: &[&str]) {
    let desk = Desk::with_tiny();
    let set = settings.iter().flat_map(|setting| ["--set", setting]);
    let args: Vec<&str> = ["run", "tiny.toml", "--out", "out"]
        .into_iter()
        .chain(set.clone())
        .collect();
    desk.roofnas(&args)
        .ends(2)
        .says(&["error: ", "tiny.toml"])
        .says(says);
    assert!(!desk.path("out").exists());
    let args: Vec<&str> = ["check", "tiny.toml"].into_iter().chain(set).collect();
    assert_eq!(desk.roofnas(&args).ends(2).says(says).stdout, "");
}

/// Refuses a file of this content with these words.
#[track_caller]
fn refused(content: impl AsRef<[u8]>, says: &[&str]) {
    let desk = Desk::new();
    desk.write("bad.toml", content);
    desk.roofnas(&["run", "bad.toml", "--out", "out"])
        .ends(2)
        .says(&["error: ", "bad.toml"])
        .says(says);
    assert!(!desk.path("out").exists());
    desk.roofnas(&["check", "bad.toml"]).ends(2).says(says);
}

#[test]
fn files_that_cant_be_read() {
    let desk = Desk::with_tiny();
    fs::create_dir(desk.path("folder")).unwrap();
    for command in ["run", "check"] {
        for file in ["missing.toml", "folder", "tiny.toml/below", ""] {
            desk.roofnas(&[command, file]).ends(2).says(&[file]);
        }
    }
    assert!(!desk.path("runs").exists());
}

#[test]
fn one_bad_file_among_several_stops_all_before_they_begin() {
    let desk = Desk::with_tiny();
    desk.write(
        "bad.toml",
        TINY.replace("\"tiny\"", "\"bad\"")
            .replace("evaluations = 320", "evaluations = 0"),
    );
    desk.roofnas(&["run", "tiny.toml", "bad.toml", "--out", "out"])
        .ends(2)
        .says(&["bad.toml", "search.evaluations"]);
    desk.roofnas(&["run", "tiny.toml", "missing.toml", "--out", "out"])
        .ends(2)
        .says(&["missing.toml"]);
    assert!(!desk.path("out").exists());
}

#[test]
fn what_is_not_toml() {
    refused("name = ", &["line 1"]);
    refused("{\"name\": \"json\"}", &["line 1"]);
    refused([0xff, 0xfe, 0x00, 0x80, 0x7f], &[]);
    refused("name = \"a\u{0}b\"", &["line 1"]);
    refused("[".repeat(100_000), &[]);
    refused(
        TINY.replace("seed = 1", "seed = 1\nseed = 2"),
        &["seed", "line"],
    );
}

#[test]
fn an_empty_file_lacks_its_name() {
    refused("", &["missing field `name`"]);
    refused("# nothing but a comment\n", &["missing field `name`"]);
}

#[test]
fn tables_that_are_missing() {
    refused(
        "name = \"x\"\n[space]\npreset = \"mobile\"\n",
        &["missing field `platform`"],
    );
    refused(
        "name = \"x\"\n[platform]\nprofile = \"nvidia-v100\"\n",
        &["missing field `space`"],
    );
    refused(
        "name = \"x\"\n[platform]\nprofile = \"nvidia-v100\"\n[space]\n",
        &["space.resolution", "missing", "mobile"],
    );
}

#[test]
fn keys_that_don_t_exist_are_shown_where_they_stand() {
    refused(
        format!("sead = 3\n{TINY}"),
        &["line 1", "unknown field `sead`", "`seed`"],
    );
    refused(
        TINY.replace("latency_ms", "latency"),
        &["unknown field `latency`", "`latency_ms`", "line"],
    );
    refused(
        TINY.replace("population", "populaton"),
        &["unknown field `populaton`", "`population`"],
    );
    refused(
        TINY.replace("preset", "pre_set"),
        &["unknown field `pre_set`", "`preset`"],
    );
    refused(
        format!("{TINY}[surch]\n"),
        &["unknown field `surch`", "`search`"],
    );
}

#[test]
fn settings_that_don_t_exist() {
    refused_with(
        &["search.populaton=5"],
        &["search.populaton", "--set", "`population`"],
    );
    refused_with(&["sead=5"], &["sead", "`seed`"]);
    refused_with(
        &["search.population.size=5"],
        &["search.population.size", "5", "not a table"],
    );
    refused_with(&["serch.population=5"], &["serch", "`search`"]);
}

#[test]
fn settings_that_are_no_settings() {
    for setting in ["seed", "=3", "", ".=3", "a..b=3", "search.=3"] {
        let desk = Desk::with_tiny();
        desk.roofnas(&["run", "tiny.toml", "--set", setting])
            .ends(2)
            .says(&["KEY=VALUE"]);
    }
}

#[test]
fn values_of_another_type() {
    refused(
        TINY.replace("seed = 1", "seed = \"one\""),
        &["line 3", "seed", "\"one\""],
    );
    refused(TINY.replace("seed = 1", "seed = 1.5"), &["line 3", "1.5"]);
    refused(TINY.replace("seed = 1", "seed = -1"), &["line 3", "-1"]);
    refused(
        TINY.replace("latency_ms = 1.0", "latency_ms = \"fast\""),
        &["latency_ms", "\"fast\""],
    );
    refused(
        TINY.replace("population = 16", "population = [16]"),
        &["population"],
    );
    refused(
        TINY.replace("population = 16", "population = 16.0"),
        &["population", "16"],
    );
    refused_with(&["search=nsga2"], &["search"]);
    refused_with(
        &["constraints.latency_ms=fast"],
        &["constraints.latency_ms", "fast"],
    );
    refused_with(&["constraints.params=-5"], &["constraints.params", "-5"]);
}

#[test]
fn names_that_are_no_folders() {
    for name in [
        "",
        "../up",
        "a/b",
        ".",
        "..",
        "with space",
        "nul\\u0000",
        ".hidden",
    ] {
        let setting = format!("name=\"{name}\"");
        refused_with(&[&setting], &["name = ", "letters from a to z, digits"]);
    }
}

#[test]
fn platforms_that_don_t_exist() {
    refused_with(
        &["platform.profile=intel"],
        &[
            "platform.profile",
            "\"intel\"",
            "intel-i9-10980xe",
            "lists all",
        ],
    );
    refused_with(&["platform.profile="], &["platform.profile", "nvidia-v100"]);
    refused_with(
        &["platform.profile=tiny.toml"],
        &["platform.profile", "tiny.toml"],
    );
}

#[test]
fn number_formats_a_platform_has_no_roofs_for() {
    refused_with(&["platform.dtype=int8"], &["platform", "int8", "fp32"]);
    refused_with(&["platform.dtype=fp64"], &["fp64", "fp32", "fp16"]);
}

#[test]
fn batches_that_can_t_be() {
    refused_with(&["platform.batch=0"], &["batch", "0", "1"]);
    refused_with(&["platform.batch=-1"], &["batch", "-1"]);
    refused_with(
        &["platform.batch=9223372036854775807"],
        &["batch", "9223372036854775807"],
    );
}

#[test]
fn objectives_on_the_wrong_side_or_twice() {
    refused_with(
        &["objectives.maximize=[\"latency\"]"],
        &["objectives.maximize", "latency", "minimize"],
    );
    refused_with(
        &["objectives.minimize=[\"quality\"]"],
        &["objectives.minimize", "quality", "maximize"],
    );
    refused_with(
        &["objectives.minimize=[\"latency\",\"latency\"]"],
        &["objectives.minimize", "latency", "twice"],
    );
    refused_with(
        &["objectives.minimize=[]", "objectives.maximize=[]"],
        &["objectives", "0", "1 to"],
    );
    refused_with(&["objectives.minimize=[\"speed\"]"], &["speed", "latency"]);
    refused_with(
        &["objectives.minimize=latency"],
        &["objectives.minimize", "latency"],
    );
}

#[test]
fn bounds_that_bound_nothing() {
    for bound in ["nan", "-1.0", "0.0", "inf", "-inf"] {
        for key in ["latency_ms", "peak_memory_mib", "weights_mib", "rho"] {
            let setting = format!("constraints.{key}={bound}");
            let key = format!("constraints.{key}");
            refused_with(&[&setting], &[&key, "above 0"]);
        }
    }
    refused_with(
        &["constraints.params=0"],
        &["constraints.params", "0", "above 0"],
    );
    refused_with(
        &["constraints.macs=0"],
        &["constraints.macs", "0", "above 0"],
    );
}

#[test]
fn confidence_that_nobody_can_promise() {
    refused_with(
        &["constraints.confidence=0.95"],
        &["constraints.confidence", "0.95", "uncalibrated", "0.5"],
    );
    for confidence in ["0.4", "1.0", "nan", "-0.5", "95"] {
        let setting = format!("constraints.confidence={confidence}");
        refused_with(&[&setting], &["constraints.confidence", "0.5"]);
    }
}

#[test]
fn searches_that_can_t_be() {
    refused_with(
        &["search.evaluations=0"],
        &["search.evaluations", "0", "at least 1"],
    );
    for population in ["0", "1"] {
        let setting = format!("search.population={population}");
        refused_with(
            &[&setting],
            &["search", "population", population, "at least 4"],
        );
    }
    refused_with(
        &["search.population=2000000"],
        &["search.population", "2000000", "1000000"],
    );
    refused_with(
        &["search.algorithm=annealing"],
        &["annealing", "`nsga2`", "`random`"],
    );
    for probability in ["1.5", "-0.1", "nan"] {
        let setting = format!("search.crossover_probability={probability}");
        refused_with(&[&setting], &["crossover_probability", "[0, 1]"]);
    }
}

#[test]
fn islands_limits_and_starts_that_can_t_be() {
    refused_with(
        &["search.islands=0"],
        &["search.islands", "0", "at least 1"],
    );
    refused_with(
        &["search.islands=5"],
        &["search.islands", "5", "population of 16", "at most 4"],
    );
    for seconds in ["0", "-1", "nan", "inf"] {
        let setting = format!("search.seconds={seconds}");
        refused_with(&[&setting], &["search.seconds", "above 0"]);
    }
    refused_with(
        &["search.stagnation={ growth = 2.0, evaluations = 10 }"],
        &["search.stagnation.growth", "2", "from 0 to 1"],
    );
    refused_with(
        &["search.stagnation={ growth = 0.1, evaluations = 0 }"],
        &["search.stagnation.evaluations", "0", "at least 1"],
    );
    refused_with(&["search.sample_size=0"], &["sample_size", "0"]);
    refused_with(
        &["search.sample_size=1000"],
        &["sample_size", "1000", "population"],
    );
    refused_with(
        &["search.start=[\"r224/nonsense\"]"],
        &["search.start[0]", "r224/nonsense"],
    );
    refused_with(
        &[
            "search.algorithm=exact",
            "objectives.minimize=[\"latency\", \"params\"]",
        ],
        &["search.algorithm", "exact", "two objectives"],
    );
}

#[test]
fn scores_that_can_t_be() {
    refused_with(
        &["quality.score=accuracy"],
        &["accuracy", "`AE3`", "`S+NSC`"],
    );
    refused_with(&["quality.score=ae3"], &["ae3", "`AE3`"]);
    refused_with(&["quality=ae3"], &["ae3", "`AE3`", "`DeepMAD`"]);
    refused_with(&["quality=3"], &["quality", "name of a score"]);
    refused_with(
        &["quality.normalisation={ s = { mean = 1.0 } }"],
        &["quality.normalisation", "missing field"],
    );
}

#[test]
fn terms_that_can_t_be() {
    let terms = |terms: &str| format!("quality.terms={{ {terms} }}");
    refused_with(&[&terms("")], &["quality.terms", "at least one term"]);
    refused_with(
        &[&terms("S = 0")],
        &["quality.terms", "S = 0", "other than 0"],
    );
    refused_with(&[&terms("T = 1")], &["`T`", "`S`", "`MAE-DET`", "`st_la`"]);
    for weight in ["nan", "inf", "1e9", "-1e-9"] {
        let mix = terms(&format!("NSC = {weight}"));
        refused_with(&[&mix], &["quality.terms", "NSC", "1e6"]);
    }
    refused_with(
        &["quality.score=S", &terms("S = 1")],
        &["quality.score", "\"S\"", "quality.terms", "one of the two"],
    );
    refused_with(
        &[&normalisation("1.0"), &terms("MAE-DET = 1")],
        &["quality.normalisation.mae_det", "missing", "MAE-DET"],
    );
}

#[test]
fn channels_may_fall_or_not() {
    refused_with(
        &["constraints.monotone_channels=1"],
        &["monotone_channels", "boolean"],
    );
}

/// A normalisation whose deviation of `s` is this.
fn normalisation(std: &str) -> String {
    format!(
        "quality.normalisation={{ s = {{ mean = 0.0, std = {std} }}, nsc = {{ mean = 0.0, std = 1.0 }}, st_la = {{ mean = 0.0, std = 1.0 }} }}"
    )
}

#[test]
fn normalisations_that_give_no_number() {
    for std in ["nan", "-1.0", "inf", "1e-320"] {
        refused_with(&[&normalisation(std)], &["normalisation"]);
    }
}

#[test]
fn matrices_that_can_t_be() {
    refused_with(
        &["matrix.seed=[]"],
        &["matrix", "seed", "at least one value"],
    );
    refused_with(
        &["matrix.name=[\"a\",\"b\"]"],
        &["matrix", "name", "varies"],
    );
    refused_with(&["matrix.seed=3"], &["matrix.seed", "3"]);
    let with = |matrix: &str| format!("{TINY}[matrix]\n{matrix}\n");
    refused(
        with("\"constraints.latncy_ms\" = [1.0, 2.0]"),
        &["constraints.latncy_ms", "matrix", "`latency_ms`"],
    );
    refused(
        with("\"constraints.latency_ms\" = [1.0, -2.0]"),
        &["constraints.latency_ms", "-2"],
    );
    refused(
        with("\"platform.profile\" = [\"nvidia-v100\", \"nowhere\"]"),
        &["nowhere", "nvidia-v100"],
    );
    refused(
        with("\"space.preset\" = [\"mobile\", \"nowhere\"]"),
        &["space.preset", "nowhere", "regnet"],
    );
    refused(with("\"seed.x\" = [1]"), &["seed", "not a table"]);
    let many: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let many = many.join(",");
    refused(
        with(&format!(
            "seed = [{many}]\n\"search.population\" = [{many}]"
        )),
        &["matrix", "10000"],
    );
}

#[test]
fn arguments_that_can_t_be() {
    let desk = Desk::with_tiny();
    desk.roofnas(&[])
        .ends(2)
        .says(&["Usage: roofnas", "run", "--help"]);
    let bad: [&[&str]; 8] = [
        &["run"],
        &["walk"],
        &["run", "tiny.toml", "--threads", "0"],
        &["run", "tiny.toml", "--threads", "many"],
        &["run", "tiny.toml", "--seed", "-1"],
        &["run", "tiny.toml", "--turbo"],
        &["check", "tiny.toml", "--format", "xml"],
        &["export", "run"],
    ];
    for args in bad {
        desk.roofnas(args).ends(2).says(&["error: ", "--help"]);
    }
    assert!(!desk.path("runs").exists());
}

#[test]
fn line_endings_and_byte_order_marks_of_other_systems_are_fine() {
    let desk = Desk::new();
    desk.write("windows.toml", TINY.replace('\n', "\r\n"));
    desk.roofnas(&["check", "windows.toml"]).ends(0);
    desk.write("marked.toml", format!("\u{feff}{TINY}"));
    desk.roofnas(&["check", "marked.toml"]).ends(0);
}
