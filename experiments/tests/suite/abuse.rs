//! Junk for every key: an experiment runs or is refused; it never panics, and never hangs.

use std::thread;

use crate::support::Desk;

const KEYS: &str = "name seed platform platform.profile platform.batch platform.dtype objectives objectives.maximize \
    objectives.minimize quality quality.score quality.normalisation quality.normalisation.s.std quality.terms quality.terms.S quality.terms.MAE-DET constraints constraints.monotone_channels \
    constraints.latency_ms constraints.confidence constraints.macs constraints.params constraints.peak_memory_mib \
    constraints.weights_mib constraints.rho search search.algorithm search.population search.crossover_probability output \
    output.backbones matrix matrix.seed matrix.search space space.preset space.resolution space.input_channels \
    space.features space.se_style space.se_style.multiple_of space.stem space.stem.channels space.stem.kernel \
    space.stem.stride space.stem.pool space.stage space.head space.head.channels space.head.hidden space.head.classes \
    nothing nothing.at.all";

const VALUES: [&str; 24] = [
    "0",
    "1",
    "-1",
    "7",
    "9223372036854775807",
    "99999999999999999999",
    "1e308",
    "1e-320",
    "nan",
    "-inf",
    "0.5",
    "true",
    "",
    "\"\"",
    "ü\n",
    "[]",
    "[[]]",
    "[1, 1]",
    "[8]",
    "[nan]",
    "{}",
    "{ from = 8, to = 9223372036854775807, step = 1 }",
    "1979-05-27",
    "4294967296x4294967296",
];

/// Every pair of key and value whose number leaves this rest, each for itself.
fn abuse(command: &str, rest: usize, of: usize) {
    let desk = Desk::with_tiny();
    let pairs = KEYS
        .split_whitespace()
        .flat_map(|key| VALUES.map(|value| format!("{key}={value}")));
    for setting in pairs.skip(rest).step_by(of) {
        let out = ["--out", "out", "--set", "search.evaluations=20"];
        let rest: &[&str] = if command == "run" { &out } else { &[] };
        let args: Vec<&str> = [command, "tiny.toml", "--threads", "1", "--set", &setting]
            .iter()
            .chain(rest)
            .copied()
            .collect();
        let ended = desk.roofnas(&args);
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
        let accepted = matches!(ended.code, Some(0 | 3));
        assert!(accepted || ended.code == Some(2), "{ended:?}");
        assert!(accepted || ended.stderr.contains("error: "), "{ended:?}");
        assert!(
            command == "run" && accepted || !desk.path("out").exists(),
            "{ended:?}"
        );
        // the folder may not be there
        let _ = std::fs::remove_dir_all(desk.path("out"));
    }
}

#[test]
fn junk_is_refused_by_check() {
    thread::scope(|scope| {
        for rest in 0..2 {
            scope.spawn(move || abuse("check", rest, 2));
        }
    });
}

#[test]
fn junk_is_refused_by_run() {
    abuse("run", 0, 5);
}

#[test]
fn whole_numbers_at_their_limits_do_not_overflow() {
    let desk = Desk::with_tiny();
    for key in [
        "platform.batch",
        "space.input_channels",
        "space.head.classes",
        "space.head.hidden",
        "space.resolution",
        "space.se_style.multiple_of",
    ] {
        for power in (1..63).step_by(4) {
            let setting = format!("{key}={}", (1_u64 << power) - 1);
            let ended = desk.roofnas(&["check", "tiny.toml", "--threads", "1", "--set", &setting]);
            assert!(matches!(ended.code, Some(0 | 2)), "{ended:?}");
        }
    }
}

#[test]
fn keys_nested_beyond_reason() {
    let desk = Desk::with_tiny();
    let setting = format!("{}x=1", "a.".repeat(20_000));
    desk.roofnas(&["check", "tiny.toml", "--set", &setting])
        .ends(2)
        .says(&["no key stands in more than 16 tables"]);
}
