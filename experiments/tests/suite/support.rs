//! A folder to work in, the command in it, and what a run leaves behind.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use roofnas::{FinishedRun, RunDirectory};
use tempfile::TempDir;

/// A command that takes longer hangs: the longest, the quickstart, takes some seconds on a busy machine.
const LONGEST: Duration = Duration::from_secs(100);

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_roofnas");

/// An experiment of well under a second, with a budget that binds.
pub(crate) const TINY: &str = r#"
name = "tiny"
seed = 1

[platform]
profile = "intel-i9-10980xe"

[space]
preset = "mobile"

[constraints]
latency_ms = 1.0

[search]
population = 16
evaluations = 320
certify = false

[output]
backbones = 1
"#;

/// The quickstart that ships.
pub(crate) const QUICKSTART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/quickstart.toml");

/// A folder of one test, gone when the test ends.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A folder with [`TINY`] as `tiny.toml`.
    pub(crate) fn with_tiny() -> Self {
        let desk = Self::new();
        desk.write("tiny.toml", TINY);
        desk
    }

    /// A folder with [`TINY`] as `tiny.toml`, run into `run`.
    pub(crate) fn with_run() -> Self {
        let desk = Self::with_tiny();
        desk.roofnas(&["run", "tiny.toml", "--out", "run"]).ends(0);
        desk
    }

    /// A folder with [`TINY`] as `tiny.toml`, run into `run` for small images: its networks run in a moment.
    pub(crate) fn with_small_run() -> Self {
        let desk = Self::with_tiny();
        let small = ["--set", "space.resolution=32"];
        let args = ["run", "tiny.toml", "--out", "run"];
        let args: Vec<&str> = args.into_iter().chain(small).collect();
        desk.roofnas(&args).ends(0);
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every file under a folder by its path from there.
    pub(crate) fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.path(name);
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().display().to_string();
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// What must be the same for the same seed: every file under a folder, without wall times.
    pub(crate) fn results(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files(name);
        for (path, bytes) in &mut files {
            let timed = ["history.csv", "summary.csv", "trained.csv"];
            if timed.iter().any(|table| path.ends_with(table)) {
                *bytes = without_seconds(bytes);
            }
        }
        files
    }

    /// The command with these arguments, run to its end.
    pub(crate) fn roofnas(&self, args: &[&str]) -> Ended {
        let mut command = assert_cmd::Command::from_std(self.command(args));
        let output = command.timeout(LONGEST).output().unwrap();
        Ended {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The command with these arguments, started.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Running {
            child: command.spawn().unwrap(),
        }
    }

    /// Another program in this folder.
    pub(crate) fn start_program(&self, program: &str, args: &[&str]) -> Running {
        let mut command = std::process::Command::new(program);
        command.args(args).current_dir(self.folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Running {
            child: command.spawn().unwrap(),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(BINARY);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("ROOFNAS_PLATFORMS")
            .env("RUST_BACKTRACE", "0");
        command
    }

    pub(crate) fn table(&self, name: &str) -> Table {
        Table::parse(&self.read(name))
    }

    pub(crate) fn finished(&self, name: &str) -> FinishedRun {
        FinishedRun::read(RunDirectory::new(self.path(name))).unwrap()
    }
}

/// A CSV table without its column `seconds`, where it has one.
fn without_seconds(bytes: &[u8]) -> Vec<u8> {
    let mut table = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes);
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let Some(seconds) = rows[0].iter().position(|name| name == "seconds") else {
        return bytes.to_vec();
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        let kept = row.iter().enumerate().filter(|(i, _)| *i != seconds);
        writer.write_record(kept.map(|(_, value)| value)).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    #[expect(dead_code, reason = "messages of failed tests show it")]
    args: Vec<String>,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// It ended with this exit code, and did not panic.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }

    /// Its messages hold all of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "\"{part}\" is missing: {self:?}"
            );
        }
        self
    }
}

/// A command under way; killed when let go.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Sends a signal, such as `-INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([signal, &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// The exit code; none where a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < LONGEST, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // one that has ended can't be killed, and need not be
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a file is there.
pub(crate) fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(
            began.elapsed() < LONGEST,
            "{} does not come",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A CSV table.
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<HashMap<String, String>>,
}

impl Table {
    pub(crate) fn parse(text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows = reader.deserialize().map(Result::unwrap).collect();
        Self { columns, rows }
    }

    pub(crate) fn text(&self, column: &str) -> Vec<&str> {
        self.rows.iter().map(|row| row[column].as_str()).collect()
    }

    pub(crate) fn numbers(&self, column: &str) -> Vec<f64> {
        let values = self.text(column);
        values.iter().map(|value| value.parse().unwrap()).collect()
    }
}

/// Whether numbers never go down.
pub(crate) fn is_sorted(numbers: &[f64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] <= pair[1])
}
