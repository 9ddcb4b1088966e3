//! `roofnas schema`: it accepts what the parsers accept, and refuses what they refuse.

use std::fs;
use std::path::{Path, PathBuf};

use roofnas::ExperimentFile;
use roofnas_cost::Platform;
use roofnas_space::SpaceDefinition;
use serde_json::Value;

use crate::json_schema::validate;
use crate::support::{Desk, TINY};

fn schema(kind: &str) -> Value {
    let printed = Desk::new().roofnas(&["schema", kind]).ends(0).stdout;
    serde_json::from_str(&printed).unwrap()
}

fn json(toml: &str) -> Value {
    let table: toml::Table = toml::from_str(toml).unwrap();
    serde_json::to_value(table).unwrap()
}

/// The TOML files of a folder of the repository.
fn shipped(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let entries = fs::read_dir(root.join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect()
}

fn accepts_all(kind: &str, folder: &str, least: usize) {
    let schema = schema(kind);
    let files = shipped(folder);
    assert!(files.len() >= least, "{folder}: {files:?}");
    for file in files {
        let value = json(&fs::read_to_string(&file).unwrap());
        validate(&schema, &value).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    }
}

#[test]
fn every_shipped_experiment_is_accepted() {
    accepts_all("experiment", "experiments/configs", 3);
}

#[test]
fn every_shipped_space_is_accepted() {
    accepts_all("space", "space/presets", 5);
    accepts_all("space", "space/landmarks", 6);
}

#[test]
fn every_shipped_platform_is_accepted() {
    accepts_all("platform", "hardware/platforms", 40);
}

#[test]
fn what_a_run_writes_down_is_accepted() {
    let desk = Desk::with_run();
    let value = json(&desk.read("run/experiment.toml"));
    validate(&schema("experiment"), &value).unwrap();
    let value = json(&desk.read("run/platform.toml"));
    validate(&schema("platform"), &value).unwrap();
}

/// Holds the schema and the parser to the same answer.
fn agree(schema: &Value, text: &str, parsed: Result<(), String>) -> bool {
    let by_schema = validate(schema, &json(text));
    let parses = parsed.is_ok();
    assert_eq!(
        by_schema.is_ok(),
        parses,
        "schema: {by_schema:?}\nparser: {parsed:?}\n{text}"
    );
    parses
}

fn experiment(text: &str) -> Result<(), String> {
    let parsed = ExperimentFile::parse(text, "x.toml", &[]);
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

fn space(text: &str) -> Result<(), String> {
    let parsed = toml::from_str::<SpaceDefinition>(text);
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

fn platform(text: &str) -> Result<(), String> {
    let parsed = Platform::from_toml(text);
    parsed.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn experiments_are_refused_and_accepted_as_by_the_parser() {
    let schema = schema("experiment");
    let with = |added: &str| format!("{TINY}\n{added}\n");
    let instead = |from: &str, to: &str| {
        assert!(TINY.contains(from), "{from}");
        TINY.replace(from, to)
    };
    let accepted = [
        TINY.to_owned(),
        with("[quality]\nscore = \"S+NSC\""),
        with("[quality.terms]\nS = 1\n\"MAE-DET\" = 0.5"),
        instead("seed = 1", "seed = 1\nquality = \"AE3\""),
        with(
            "[quality.surrogate]\ntable = \"t.csv\"\naccuracy = [\"a\", \"b\"]\nobjective = \"lower\"",
        ),
        with("[quality.external]\ncommand = \"train\"\nbudget = 9\nper = \"batch\""),
        with("[objectives]\nmaximize = [\"quality\"]\nminimize = [\"latency\", \"peak_memory\"]"),
        with(
            "[target.server]\nprofile = \"nvidia-v100\"\nbatch = 8\nlatency_ms = 3\n[objectives]\nminimize = [\"latency@server\"]\nmaximize = \
             [\"throughput\"]",
        ),
        with("[matrix]\nseed = [1, 2]\n\"platform.profile\" = [\"nvidia-v100\"]"),
        instead(
            "preset = \"mobile\"",
            "preset = \"mobile\"\nresolution = [192, \"256x160\"]",
        ),
        instead(
            "preset = \"mobile\"",
            "preset = \"my/space.toml\"\nhead = { hidden = 5 }",
        ),
        instead(
            "certify = false",
            "stagnation = { growth = 1e-4, evaluations = 5 }\nseconds = 3",
        ),
    ];
    for text in accepted {
        assert!(agree(&schema, &text, experiment(&text)), "{text}");
    }
    let refused = [
        instead("seed = 1", "sed = 1"),
        instead("seed = 1", "seed = \"one\""),
        instead("seed = 1", "seed = -1"),
        instead("seed = 1", "seed = 1\nquality = \"ae3\""),
        instead("seed = 1", "seed = 1\nquality = 3"),
        instead("name = \"tiny\"", ""),
        instead("profile =", "profil ="),
        instead("profile = \"intel-i9-10980xe\"", "profile = 10980"),
        instead("[constraints]", "[constraint]"),
        instead("latency_ms = 1.0", "latency_ms = \"1.0\""),
        instead("latency_ms = 1.0", "latency = 1.0"),
        instead(
            "latency_ms = 1.0",
            "latency_ms = 1.0\nmonotone_channels = 1",
        ),
        instead("certify = false", "certify = \"no\""),
        instead("certify = false", "algorithm = \"nsga4\""),
        instead("certify = false", "stagnation = { growth = 1e-4 }"),
        instead("population = 16", "population = 16.5"),
        instead("backbones = 1", "backbones = [1]"),
        instead("preset = \"mobile\"", "preset = \"mobile\"\nresolution = 0"),
        instead(
            "preset = \"mobile\"",
            "preset = \"mobile\"\nresolution = \"256 by 160\"",
        ),
        instead(
            "preset = \"mobile\"",
            "preset = \"mobile\"\nsteam = { channels = 8 }",
        ),
        instead(
            "preset = \"mobile\"",
            "preset = \"mobile\"\nse_style = { of = \"output\" }",
        ),
        with("[objectives]\nmaximize = \"quality\""),
        with("[objectives]\nminimize = [\"latencies\"]"),
        with("[objectives]\nminimize = [\"params@server\"]"),
        with("[objectives]\nminimize = [\"latency@\"]"),
        with("[target.server]\nbatch = 8"),
        with("[target.server]\nprofile = \"nvidia-v100\"\nlatency = 3"),
        with("[quality.terms]\nT = 1"),
        with("[quality]\nmix = 1"),
        with("[quality.normalisation]\ns = { mean = 1.0, std = 1.0 }"),
        with("[quality.external]\ncommand = \"train\""),
        with("[quality.surrogate]\ntable = \"t.csv\"\nobjective = \"median\""),
        with("[matrix]\nseed = 1"),
        instead("profile =", "dtype = \"fp64\"\nprofile ="),
    ];
    for text in refused {
        assert!(!agree(&schema, &text, experiment(&text)), "{text}");
    }
}

const SPACE: &str = r#"
resolution = [192, "256x160"]
features = [4, 8]

[stem]
channels = 16
pool = "max"

[[stage]]
block = ["conv", { kind = "bottleneck", kernel = 5, expand = [0.25, 1] }]
depth = [1, 2]
channels = { from = 24, to = 40, step = 8 }
groups = [1, "depthwise", { width = 16 }]
activation = ["relu", "silu"]
per_layer = ["block"]
"#;

#[test]
fn spaces_are_refused_and_accepted_as_by_the_parser() {
    let schema = schema("space");
    let instead = |from: &str, to: &str| {
        assert!(SPACE.contains(from), "{from}");
        SPACE.replace(from, to)
    };
    let accepted = [
        SPACE.to_owned(),
        instead("[192, \"256x160\"]", "\" 0256 x+160 \""),
        instead("[192, \"256x160\"]", "\"224\""),
        instead("depth = [1, 2]", "depth = 3"),
        instead("[1, \"depthwise\", { width = 16 }]", "\"depthwise\""),
        instead("[1, \"depthwise\", { width = 16 }]", "{ width = 8 }"),
        instead(
            "[\"conv\", { kind = \"bottleneck\", kernel = 5, expand = [0.25, 1] }]",
            "{ kind = \"identity\" }",
        ),
        instead("\"silu\"", "\"hardswish\", \"hardsigmoid\", \"gelu\""),
        instead("channels = 16", "channels = [16, 24]\nkernel = 7"),
        format!("{SPACE}\n[head]\nclasses = 10\nchannels = 64\n[se_style]\nof = \"input\"\n"),
    ];
    for text in accepted {
        assert!(agree(&schema, &text, space(&text)), "{text}");
    }
    let refused = [
        instead("[192, \"256x160\"]", "[0]"),
        instead("[192, \"256x160\"]", "\"256x\""),
        instead("[192, \"256x160\"]", "2.5"),
        instead("[192, \"256x160\"]", "{ height = 3 }"),
        instead("resolution = [192, \"256x160\"]", ""),
        instead("[4, 8]", "4"),
        instead("\"max\"", "\"mean\""),
        instead("channels = 16", "channels = -8"),
        instead("channels = 16", "channels = \"16\""),
        instead("\"conv\"", "\"convv\""),
        instead("kind = \"bottleneck\", ", ""),
        instead("kernel = 5", "kernal = 5"),
        instead("depth = [1, 2]", "dept = [1, 2]"),
        instead("depth = [1, 2]", "depth = \"two\""),
        instead("depth = [1, 2]", "depth = [1, [2]]"),
        instead(", step = 8 }", " }"),
        instead(", step = 8 }", ", step = 8, by = 2 }"),
        instead("\"depthwise\"", "\"deep\""),
        instead("width = 16", "with = 16"),
        instead("\"silu\"", "\"selu\""),
        instead("[\"block\"]", "[\"blocks\"]"),
        instead("[\"block\"]", "\"block\""),
        format!("{SPACE}\n[head]\nclass = 10\n"),
    ];
    for text in refused {
        assert!(!agree(&schema, &text, space(&text)), "{text}");
    }
}

#[test]
fn platforms_are_refused_and_accepted_as_by_the_parser() {
    let schema = schema("platform");
    let shipped = |name: &str| {
        let file = format!(
            "{}/../hardware/platforms/{name}.toml",
            env!("CARGO_MANIFEST_DIR")
        );
        fs::read_to_string(file).unwrap()
    };
    let plain = shipped("intel-i9-10980xe");
    let calibrated = shipped("raspberry-pi-4-ncnn-4-threads");
    for text in [&plain, &calibrated] {
        assert!(agree(&schema, text, platform(text)));
    }
    let refused = [
        (&plain, "format = 2", "format = 1"),
        (&plain, "threads = 16", "threds = 16"),
        (&plain, "threads = 16", "threads = \"16\""),
        (&plain, "[roofs.fp32.measured]", "[roofs.fp33.measured]"),
        (&plain, "[roofs.fp32.measured]", "[roofs.fp32.measurd]"),
        (&plain, "peak_tflops = 2.86", "peak_tflops = \"2.86\""),
        (&plain, "peak_tflops = 2.86", "peak_gflops = 2860"),
        (&plain, "\"relu6\"", "\"relu7\""),
        (&plain, "add = true", "add = 1"),
        (
            &plain,
            "kernel_us = 5.0",
            "kernel_us = 5.0\nclass_us = { convolution = 1.0 }",
        ),
        (&plain, "[provenance]", "[provenances]"),
        (&calibrated, "pointwise = 0.0\n", "pointwize = 0.0\n"),
        (&calibrated, "degrees_of_freedom = 31.0", "degrees = 31.0"),
        (
            &calibrated,
            "composition = \"graph\"",
            "composition = \"product\"",
        ),
        (&calibrated, "networks = 27", "networks = 27.5"),
    ];
    for (text, from, to) in refused {
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        assert!(!agree(&schema, &text, platform(&text)), "{from} -> {to}");
    }
}

#[test]
fn the_kind_is_an_experiment_where_nothing_is_said() {
    let desk = Desk::new();
    let printed = desk.roofnas(&["schema"]).ends(0).stdout;
    assert_eq!(
        printed,
        desk.roofnas(&["schema", "experiment"]).ends(0).stdout
    );
    assert!(
        printed.contains("raspberry-pi-4-ncnn-4-threads"),
        "profiles can be completed"
    );
    desk.roofnas(&["schema", "spaces"])
        .ends(2)
        .says(&["spaces", "experiment, platform, space"]);
}

#[test]
fn init_writes_it_beside_an_experiment() {
    let desk = Desk::new();
    desk.roofnas(&["init", "new/mine.toml", "--with-schema"])
        .ends(0);
    let text = desk.read("new/mine.toml");
    let named = text
        .lines()
        .next()
        .unwrap()
        .strip_prefix("#:schema ./")
        .unwrap();
    let written: Value = serde_json::from_str(&desk.read(&format!("new/{named}"))).unwrap();
    assert_eq!(written, schema("experiment"));
    validate(&written, &json(&text)).unwrap();
    desk.roofnas(&["check", "new/mine.toml"]).ends(0);
}
