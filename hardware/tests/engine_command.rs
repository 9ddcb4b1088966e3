//! Commands as engines: what is printed, and everything that can go wrong. The programs are shell scripts.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use roofnas_hardware::engine::{
    Adapter, CommandEngine, CommandLine, Conditions, Engine, EngineError, Model, OutputFormat,
    Patience, Sample, Session, SystemClock,
};

const PATIENCE: Patience = Patience {
    timeout: Duration::from_secs(20),
    retries: 0,
};

/// A shell script that gets these arguments as `$1`, `$2` ...
fn script(text: &str, arguments: &[&str]) -> CommandLine {
    let all = ["-c", text, "sh"]
        .into_iter()
        .chain(arguments.iter().copied());
    CommandLine::new("sh", all, OutputFormat::Plain).unwrap()
}

fn session(line: CommandLine, patience: Patience, model: &Model) -> Box<dyn Session> {
    let engine = CommandEngine::new(line, patience, Conditions::default());
    engine.load(model, &SystemClock::new()).unwrap()
}

fn run(line: CommandLine, patience: Patience) -> Result<Vec<f64>, EngineError> {
    let model = Model::from_bytes("net", *b"onnx");
    session(line, patience, &model).run(7, &SystemClock::new())
}

fn message(text: &str, patience: Patience) -> String {
    run(script(text, &["{model}"]), patience)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_program_is_told_everything_and_believed() {
    let text = r#"
        test "$(cat "$1")" = onnx || exit 9
        echo "$2 $3 $4 $5" >&2
        test "$2 $3 $4 $5" = "1 1 7 fp32" || exit 8
        echo "initialisation_ms: 12"; echo "resident_bytes: 2048"; echo 1.5; echo "latency_ms: 2"
    "#;
    let line = script(
        text,
        &["{model}", "{threads}", "{batch}", "{runs}", "{dtype}"],
    );
    let engine = CommandEngine::new(line.clone(), PATIENCE, Conditions::default());
    let description = engine.description();
    assert_eq!(description.name, "sh");
    assert_eq!(description.sample, Sample::Run);
    let mut session = session(line, PATIENCE, &Model::from_bytes("net", *b"onnx"));
    assert_eq!(session.initialisation_s(), None);
    let seconds = session.run(7, &SystemClock::new()).unwrap();
    assert_eq!(seconds, [0.0015, 0.002]);
    assert_eq!(session.initialisation_s(), Some(0.012));
    assert_eq!(session.resident_bytes(), Some(2048));
    assert_eq!(session.nodes(3).unwrap(), None);
    assert_eq!(session.outputs().unwrap(), None);
}

#[test]
fn a_path_is_one_argument_whatever_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder
        .path()
        .join("a b; touch pwned $(touch pwned) 'c'.onnx");
    fs::write(&path, "onnx").unwrap();
    let text = r#"test $# = 1 && test "$(cat "$1")" = onnx && echo 3"#;
    let mut session = session(
        script(text, &["{model}"]),
        PATIENCE,
        &Model::from_path(&path),
    );
    let seconds = session.run(1, &SystemClock::new()).unwrap();
    assert_eq!(seconds, [0.003]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(!Path::new("pwned").exists());
}

#[test]
fn bad_programs_are_told_from_each_other() {
    let table = [
        ("exit 0", "net: sh: there is no output"),
        (
            "echo starting; echo done",
            "net: sh: no timing in its output; expected lines that hold a number of milliseconds, alone or behind \"latency_ms:\"; \
             it ends with: done",
        ),
        (
            "echo 1.0; echo one >&2; echo 'no such device' >&2; exit 3",
            "net: sh failed (exit status: 3); it printed: one\nno such device",
        ),
        (
            "exit 4",
            "net: sh failed (exit status: 4); it printed nothing",
        ),
        (
            "echo 1.0; echo nan",
            "net: sh: \"nan\": the time is not a number",
        ),
        ("echo 0", "net: sh: \"0\": the time is zero or next to it"),
        (
            "kill -9 $$",
            "net: sh failed (signal: 9 (SIGKILL)); it printed nothing",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(message(text, PATIENCE), expected);
    }
    let missing = CommandLine::new("no-such-program", ["{model}"], OutputFormat::Plain).unwrap();
    let error = run(missing, PATIENCE).unwrap_err().to_string();
    assert!(
        error.starts_with("net: no-such-program can't be started: "),
        "{error}"
    );
}

#[test]
fn a_program_that_hangs_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let line = script(
        "echo waiting; sleep 300 & echo $! > \"$2\"; wait",
        &["{model}", pid.to_str().unwrap()],
    );
    let patience = Patience {
        timeout: Duration::from_millis(500),
        retries: 1,
    };
    let start = Instant::now();
    let error = run(line, patience).unwrap_err().to_string();
    assert_eq!(
        error,
        "net: sh was ended after 0.5 s, the time it is given; it printed: waiting (tried 2 times)"
    );
    assert!(start.elapsed() < Duration::from_secs(10));
    let child = fs::read_to_string(&pid).unwrap();
    assert!(gone(child.trim()), "{child} lives");
}

/// Whether a process has ended, a moment allowed for that; a zombie is one.
fn gone(pid: &str) -> bool {
    let alive = || {
        let output = std::process::Command::new("ps")
            .args(["-o", "stat=", "-p", pid])
            .output();
        match output {
            Ok(output) => {
                let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                !state.is_empty() && !state.starts_with('Z')
            }
            Err(_) => fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z ")),
        }
    };
    (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !alive()
    })
}

#[test]
fn a_daemon_left_behind_holds_nothing_up() {
    let start = Instant::now();
    let seconds = run(script("sleep 5 & echo 1.25", &["{model}"]), PATIENCE).unwrap();
    assert_eq!(seconds, [0.00125]);
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn another_try_may_go_better() {
    let folder = tempfile::tempdir().unwrap();
    let marks = folder.path().join("marks");
    let marks = marks.to_str().unwrap();
    let text = "echo x >> \"$2\"; test $(wc -l < \"$2\") -ge 3 && echo 4.0";
    let patience = |retries| Patience {
        retries,
        ..PATIENCE
    };
    let error = run(script(text, &["{model}", marks]), patience(1))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "net: sh failed (exit status: 1); it printed nothing (tried 2 times)"
    );
    let seconds = run(script(text, &["{model}", marks]), patience(1)).unwrap();
    assert_eq!(seconds, [0.004]);
}

#[test]
fn endless_output_is_cut_off() {
    let error = message("exec yes", PATIENCE);
    assert_eq!(
        error,
        "net: sh was ended because it printed more than 67108864 bytes"
    );
}

#[test]
fn what_is_converted_once_is_found_again_while_the_model_is_measured() {
    let text = "test -e \"$2/made\" && echo 3 || echo 4; touch \"$2/made\"; echo \"$2\" >> \"$3\"";
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let notes = notes.to_str().unwrap();
    let line = script(text, &["{model}", "{scratch}", notes]);
    let clock = SystemClock::new();
    let model = Model::from_bytes("net", *b"onnx");
    let mut first = session(line.clone(), PATIENCE, &model);
    let mut second = session(line, PATIENCE, &model);
    assert_eq!(first.run(1, &clock).unwrap(), [0.004]);
    assert_eq!(first.run(1, &clock).unwrap(), [0.003]);
    // a folder of its own
    assert_eq!(second.run(1, &clock).unwrap(), [0.004]);
    drop((first, second));
    let folders = fs::read_to_string(notes).unwrap();
    assert_eq!(folders.lines().count(), 3);
    assert!(folders.lines().all(|folder| !Path::new(folder).exists()));
}

#[test]
fn results_may_be_in_a_file_or_on_standard_error() {
    let text = "echo chatter; printf '[{\"latencyMs\": 2.5}, {\"latencyMs\": 3}]' > \"$2\"";
    let arguments = ["-c", text, "sh", "{model}", "{output}"];
    let trtexec = CommandLine::new("sh", arguments, OutputFormat::Trtexec).unwrap();
    assert_eq!(run(trtexec, PATIENCE).unwrap(), [0.0025, 0.003]);
    let arguments = ["-c", "true", "sh", "{model}", "{output}"];
    let without = CommandLine::new("sh", arguments, OutputFormat::Trtexec).unwrap();
    let error = run(without, PATIENCE).unwrap_err().to_string();
    assert!(
        error.starts_with("net: sh didn't write its results: "),
        "{error}"
    );
    let text = "echo 'net  min =    1.00  max =    3.00  avg =    2.00' >&2";
    let benchncnn = CommandLine::new("sh", ["-c", text], OutputFormat::Benchncnn).unwrap();
    assert_eq!(run(benchncnn, PATIENCE).unwrap(), [0.002]);
}

#[test]
fn adapters_are_sound() {
    for adapter in Adapter::ALL {
        let line = adapter.command(&Conditions::default());
        assert!(line.is_ok(), "{adapter:?}: {line:?}");
    }
}
