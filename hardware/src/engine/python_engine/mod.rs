//! Engines that are Python packages.
//!
//! Importing a package takes a second, converting a network another: too long for every turn of every network. So one process stays, with
//! all networks that are loaded, and is asked to run them by lines on its standard input (`adapters/serve.py` has the protocol). It times
//! each run itself, so that asking is no part of it. Where it dies or takes too long, that is an error of the network it was at, and
//! another process takes its place, in which the others are loaded again when their turn comes.

mod message;
mod process;
mod server;
mod session;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use roofnas_cost::Dtype;

use self::message::Greeting;
use self::process::Process;
use self::server::{Server, Start};
use self::session::{Home, PythonSession};
use super::python::interpreters;
use super::{Clock, Conditions, Engine, EngineDescription, EngineError, Model, Sample, Session};

/// An engine that is a Python package.
///
/// Engines convert what they like by default: OpenVINO computes in bfloat16 where the processor has it, ncnn stores tensors as half
/// precision. Both are asked for the dtype that was stated, and such conversions are switched off otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PythonPackage {
    /// OpenVINO on the CPU. It says what its nodes take.
    OpenVino,
    /// ncnn on the CPU, one image at a time; `pnnx` converts each model.
    Ncnn,
}

impl PythonPackage {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::OpenVino, Self::Ncnn];

    /// What the engine is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenVino => "openvino",
            Self::Ncnn => "ncnn",
        }
    }

    /// What is to be installed.
    const fn packages(self) -> &'static str {
        match self {
            Self::OpenVino => "openvino numpy",
            Self::Ncnn => "ncnn pnnx numpy",
        }
    }

    /// The program, handed over as an argument: it needs no file that could be missing.
    const fn script(self) -> &'static str {
        match self {
            Self::OpenVino => concat!(
                include_str!("../../../adapters/serve.py"),
                include_str!("../../../adapters/openvino.py")
            ),
            Self::Ncnn => concat!(
                include_str!("../../../adapters/serve.py"),
                include_str!("../../../adapters/ncnn.py")
            ),
        }
    }
}

/// An engine that is a Python package, in a process that stays until this and all its sessions are dropped.
pub struct PythonEngine {
    package: PythonPackage,
    version: String,
    python: String,
    conditions: Conditions,
    home: Rc<Home>,
}

impl PythonEngine {
    /// The engine where the environment has it: in the interpreter of an active virtual environment, else in the `python3` or `python` on
    /// the path. Its process starts here, and keeps to the CPUs that this one keeps to now. A request that takes longer than `timeout`
    /// ends it.
    ///
    /// # Errors
    /// When no interpreter can import the package, and for a batch or a dtype that the engine can't take.
    pub fn find(
        package: PythonPackage,
        conditions: Conditions,
        timeout: Duration,
    ) -> Result<Self, EngineError> {
        let batch = conditions.batch.get();
        if package == PythonPackage::Ncnn && batch > 1 {
            return Err(EngineError::OneImage {
                engine: package.name(),
                asked: batch,
            });
        }
        if package == PythonPackage::Ncnn && conditions.dtype == Dtype::Int8 {
            // it has a form of its own for integers, which no ONNX file becomes
            return Err(EngineError::NoIntegers {
                engine: package.name(),
            });
        }
        let scratch = tempfile::Builder::new().prefix("roofnas-").tempdir();
        let scratch = scratch.map_err(|source| EngineError::File {
            path: std::env::temp_dir(),
            source,
        })?;
        let started = search(package, conditions, timeout, &interpreters())?;
        Ok(Self {
            package,
            version: started.greeting.version,
            python: started.greeting.python,
            conditions,
            home: Rc::new(Home {
                engine: package.name(),
                server: RefCell::new(started.server),
                scratch,
            }),
        })
    }
}

impl Engine for PythonEngine {
    fn description(&self) -> EngineDescription {
        EngineDescription {
            name: self.package.name().to_owned(),
            version: Some(self.version.clone()),
            detail: Some(self.python.clone()),
            conditions: self.conditions,
            sample: Sample::Run,
        }
    }

    /// The process times it itself.
    fn load(&self, model: &Model, _: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
        let session = PythonSession::load(&self.home, model)?;
        Ok(Box::new(session))
    }
}

/// A process that is ready for requests.
struct Started {
    server: Server,
    greeting: Greeting,
}

/// Starts the engine in the first interpreter that has it.
fn search(
    package: PythonPackage,
    conditions: Conditions,
    timeout: Duration,
    interpreters: &[PathBuf],
) -> Result<Started, EngineError> {
    let mut without = Vec::new();
    for python in interpreters {
        let mut server = Server::new(starting(package, conditions, python), timeout);
        match server.greeting() {
            Ok(greeting) => return Ok(Started { server, greeting }),
            Err(error) => without.push(format!("{}: {error}", python.display())),
        }
    }
    Err(EngineError::Missing {
        engine: package.name(),
        reason: without.join("; "),
        advice: format!(
            "install it with \"pip install {}\", in the virtual environment that is active or for the python3 on the path",
            package.packages()
        ),
    })
}

/// What starts a process of it.
fn starting(package: PythonPackage, conditions: Conditions, python: &Path) -> Start {
    let python = python.to_owned();
    Box::new(move || {
        let mut command = Command::new(&python);
        command.arg("-c").arg(package.script()).args([
            &conditions.threads.to_string(),
            &conditions.batch.to_string(),
            conditions.dtype.name(),
        ]);
        Ok(Box::new(Process::start(command)?))
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn without_an_interpreter_the_message_says_what_to_install() {
        let timeout = Duration::from_secs(20);
        let conditions = Conditions::default();
        for package in PythonPackage::ALL {
            let nowhere = [PathBuf::from("no-such-python3")];
            let error = search(package, conditions, timeout, &nowhere).err();
            let error = error.unwrap().to_string();
            let name = package.name();
            let begin = format!("{name} is not available: no-such-python3: it can't be started: ");
            assert!(error.starts_with(&begin), "{error}");
            let end = format!(
                "; install it with \"pip install {}\", in the virtual environment that is active or for the python3 on the path",
                package.packages()
            );
            assert!(error.ends_with(&end), "{error}");
        }
    }

    /// An interpreter that says this.
    #[cfg(unix)]
    fn interpreter(folder: &Path, name: &str, says: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{says}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    #[cfg(unix)]
    fn the_first_interpreter_that_has_the_package_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let without = interpreter(
            folder.path(),
            "without",
            r#"echo '{"request": 0, "missing": "No module named \u0027openvino\u0027"}'"#,
        );
        let broken = interpreter(folder.path(), "broken", "echo bad ELF >&2; exit 7");
        // it is given the script, threads, batch and dtype
        let with = interpreter(
            folder.path(),
            "with",
            r#"test "$1 $3 $4 $5" = "-c 1 1 fp32" || exit 8
            echo '{"request": 0, "version": "2026.4", "python": "/here"}'
            read -r line"#,
        );
        let timeout = Duration::from_secs(20);
        let found = |interpreters: &[PathBuf]| {
            let conditions = Conditions::default();
            let found = search(PythonPackage::OpenVino, conditions, timeout, interpreters);
            found
                .map(|started| started.greeting.version)
                .map_err(|error| error.to_string())
        };
        let all = [without.clone(), broken.clone(), with];
        assert_eq!(found(&all).unwrap(), "2026.4");
        let error = found(&all[..2]).unwrap_err();
        let expected = format!(
            "openvino is not available: {}: No module named 'openvino'; {}: its process ended (exit status: 7); it printed: bad ELF; install it with",
            without.display(),
            broken.display()
        );
        assert!(error.starts_with(&expected), "{error}");
    }

    #[test]
    fn ncnn_takes_no_integers() {
        let conditions = Conditions {
            dtype: Dtype::Int8,
            ..Conditions::default()
        };
        let found = PythonEngine::find(PythonPackage::Ncnn, conditions, Duration::from_secs(1));
        assert_eq!(
            found.err().unwrap().to_string(),
            "ncnn can't compute in int8 here: quantised ONNX files become no integers in it"
        );
    }

    #[test]
    fn ncnn_takes_one_image() {
        let conditions = Conditions {
            batch: NonZeroUsize::new(4).unwrap(),
            ..Conditions::default()
        };
        let found = PythonEngine::find(PythonPackage::Ncnn, conditions, Duration::from_secs(1));
        assert_eq!(
            found.err().unwrap().to_string(),
            "ncnn takes one image at a time, and 4 were asked for"
        );
    }
}
