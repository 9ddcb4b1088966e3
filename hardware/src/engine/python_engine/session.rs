//! A network in the process.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use tempfile::TempDir;

use super::message::{Answer, Request};
use super::server::{Server, ServerError};
use crate::engine::timing::checked;
use crate::engine::{Clock, EngineError, Model, ModelFile, NodeTiming, Session};

/// What an engine and its sessions share.
pub(super) struct Home {
    /// What the engine is called.
    pub(super) engine: &'static str,
    pub(super) server: RefCell<Server>,
    /// For what conversions write; removed at the end, whatever becomes of the process.
    pub(super) scratch: TempDir,
}

/// A network that is loaded, or will be again when the process that had it is gone.
pub(super) struct PythonSession {
    home: Rc<Home>,
    model: String,
    file: ModelFile,
    /// What it is called in the process.
    number: u64,
    /// The process it is loaded in.
    generation: u64,
    initialisation_s: Option<f64>,
    resident_bytes: Option<u64>,
}

impl PythonSession {
    pub(super) fn load(home: &Rc<Home>, model: &Model) -> Result<Self, EngineError> {
        let mut session = Self {
            home: Rc::clone(home),
            model: model.name().to_owned(),
            file: model.file()?,
            number: home.server.borrow_mut().number(),
            generation: 0,
            initialisation_s: None,
            resident_bytes: None,
        };
        session.be_loaded()?;
        Ok(session)
    }

    /// Loads the network where the process doesn't have it.
    fn be_loaded(&mut self) -> Result<(), EngineError> {
        let mut server = self.home.server.borrow_mut();
        let failed = |error: ServerError| EngineError::Model {
            engine: self.home.engine.to_owned(),
            model: self.model.clone(),
            reason: error.to_string(),
        };
        let generation = server.generation().map_err(failed)?;
        if generation == self.generation {
            return Ok(());
        }
        let request = Request::Load {
            load: self.number,
            path: text(self.file.path())?,
            scratch: text(self.home.scratch.path())?,
        };
        let answer = server.ask(request).map_err(failed)?;
        if answer.initialisation_s.is_none() {
            return Err(failed(
                server.garbage("loaded, without saying in what time"),
            ));
        }
        self.generation = generation;
        self.initialisation_s = answer.initialisation_s;
        self.resident_bytes = answer.resident_bytes;
        Ok(())
    }

    /// Asks for something of the network.
    fn ask(&mut self, request: Request<'_>) -> Result<Answer, EngineError> {
        self.be_loaded()?;
        let answer = self.home.server.borrow_mut().ask(request);
        answer.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &ServerError) -> EngineError {
        EngineError::Run {
            engine: self.home.engine.to_owned(),
            model: self.model.clone(),
            reason: error.to_string(),
        }
    }
}

impl Session for PythonSession {
    fn run(&mut self, count: usize, _: &dyn Clock) -> Result<Vec<f64>, EngineError> {
        let run = self.number;
        let answer = self.ask(Request::Run { run, count })?;
        let seconds = answer.seconds.unwrap_or_default();
        if seconds.len() != count {
            let said = format!("{} timings of {count} runs", seconds.len());
            let error = self.home.server.borrow_mut().garbage(&said);
            return Err(self.failed(&error));
        }
        checked(self.home.engine, &self.model, seconds)
    }

    fn initialisation_s(&self) -> Option<f64> {
        self.initialisation_s
    }

    fn resident_bytes(&self) -> Option<u64> {
        self.resident_bytes
    }

    fn nodes(&mut self, runs: usize) -> Result<Option<Vec<NodeTiming>>, EngineError> {
        let nodes = self.number;
        let count = runs.max(1);
        let answer = self.ask(Request::Nodes { nodes, count })?;
        let Some(nodes) = answer.nodes else {
            return Ok(None);
        };
        if let Some((name, _, _, seconds)) =
            { nodes.iter() }.find(|(.., seconds)| !seconds.is_finite() || *seconds < 0.0)
        {
            return Err(EngineError::Profile {
                model: self.model.clone(),
                reason: format!("node {name} took {seconds} s"),
            });
        }
        let timing = |(name, op_type, provider, seconds)| NodeTiming {
            name,
            op_type,
            provider: Some(provider),
            seconds,
        };
        Ok(Some(nodes.into_iter().map(timing).collect()))
    }
}

impl Drop for PythonSession {
    fn drop(&mut self) {
        let Ok(mut server) = self.home.server.try_borrow_mut() else {
            return;
        };
        if server.is_at(self.generation) {
            // a process that fails at this is ended, and the next network starts another
            let _ = server.ask(Request::Drop { drop: self.number });
        }
    }
}

/// A path as it can stand in a request.
fn text(path: &Path) -> Result<&str, EngineError> {
    path.to_str().ok_or_else(|| EngineError::File {
        path: path.to_owned(),
        source: std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "its name is not UTF-8, and can't be told to a Python engine",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::server::Silence;
    use super::super::server::fake::{HELLO, Script, server};
    use super::*;
    use crate::engine::SystemClock;

    type Says = Result<&'static str, Silence>;

    const LOADED: Says = Ok(r#"{"request": 1, "initialisation_s": 0.5, "resident_bytes": 4096}"#);

    fn home(processes: &[&[Says]]) -> (Rc<Home>, Rc<RefCell<Script>>) {
        let (server, script) = server(processes);
        let home = Home {
            engine: "fake",
            server: RefCell::new(server),
            scratch: tempfile::tempdir().unwrap(),
        };
        (Rc::new(home), script)
    }

    fn loaded(home: &Rc<Home>, name: &str) -> PythonSession {
        PythonSession::load(home, &Model::from_bytes(name, *b"onnx")).unwrap()
    }

    #[test]
    fn a_network_is_loaded_run_and_dropped() {
        let (home, script) = home(&[&[
            Ok(HELLO),
            LOADED,
            Ok(r#"{"request": 2, "seconds": [0.5, 0.25]}"#),
            Ok(r#"{"request": 3, "nodes": [["conv,relu", "Convolution", "jit", 1e-6]]}"#),
            Ok(r#"{"request": 4}"#),
        ]]);
        let mut session = loaded(&home, "net");
        assert_eq!(session.initialisation_s(), Some(0.5));
        assert_eq!(session.resident_bytes(), Some(4096));
        let seconds = session.run(2, &SystemClock::new()).unwrap();
        assert_eq!(seconds, [0.5, 0.25]);
        let nodes = session.nodes(30).unwrap().unwrap();
        assert_eq!(nodes[0].name, "conv,relu");
        assert_eq!(nodes[0].provider.as_deref(), Some("jit"));
        assert_eq!(nodes[0].seconds, 1e-6);
        let path = session.file.path().to_str().unwrap().to_owned();
        drop(session);
        let told = &script.borrow().told;
        assert!(told[0].contains(&path), "{}", told[0]);
        assert_eq!(
            told[1..],
            [
                r#"{"request":2,"run":1,"count":2}"#,
                r#"{"request":3,"nodes":1,"count":30}"#,
                r#"{"request":4,"drop":1}"#
            ]
        );
    }

    #[test]
    fn what_cannot_be_timings() {
        let table = [
            (
                r#"{"request": 2, "seconds": [0.5, 0.0]}"#,
                "fake can't run net: a run took 0 s, which is zero or next to it",
            ),
            (
                r#"{"request": 2, "seconds": [0.5, -1.0]}"#,
                "fake can't run net: a run took -1 s, which is negative",
            ),
            (
                r#"{"request": 2, "seconds": [0.5, 5000]}"#,
                "fake can't run net: a run took 5000 s, which is more than an hour",
            ),
            (
                r#"{"request": 2, "seconds": [0.5]}"#,
                "fake can't run net: its process answered with what is no answer to what it was asked: 1 timings of 2 runs",
            ),
            (
                r#"{"request": 2}"#,
                "fake can't run net: its process answered with what is no answer to what it was asked: 0 timings of 2 runs",
            ),
            (
                r#"{"request": 2, "error": "out of memory"}"#,
                "fake can't run net: out of memory",
            ),
        ];
        for (says, expected) in table {
            let (home, _) = home(&[&[Ok(HELLO), LOADED, Ok(says)]]);
            let error = loaded(&home, "net").run(2, &SystemClock::new());
            assert_eq!(error.unwrap_err().to_string(), expected);
        }
        let bad = r#"{"request": 2, "nodes": [["conv", "Convolution", "jit", -1e-6]]}"#;
        let (home, _) = home(&[&[Ok(HELLO), LOADED, Ok(bad)]]);
        let error = loaded(&home, "net").nodes(3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the profile of net can't be read: node conv took -0.000001 s"
        );
    }

    #[test]
    fn a_network_that_cannot_be_loaded_leaves_the_others_alone() {
        let (home, _) = home(&[&[
            Ok(HELLO),
            LOADED,
            Ok(r#"{"request": 2, "error": "input x leaves the size of axis 2 open"}"#),
            Ok(r#"{"request": 3, "seconds": [0.5]}"#),
        ]]);
        let mut first = loaded(&home, "first");
        let second = PythonSession::load(&home, &Model::from_bytes("second", *b"onnx"));
        assert_eq!(
            second.err().unwrap().to_string(),
            "fake can't load second: input x leaves the size of axis 2 open"
        );
        assert_eq!(first.run(1, &SystemClock::new()).unwrap(), [0.5]);
    }

    #[test]
    fn after_a_crash_the_others_are_loaded_again_when_their_turn_comes() {
        let (home, script) = home(&[
            &[
                Ok(HELLO),
                LOADED,
                Ok(r#"{"request": 2, "initialisation_s": 0.25}"#),
                Err(Silence::Closed),
            ],
            &[
                Ok(HELLO),
                LOADED,
                Ok(r#"{"request": 2, "seconds": [0.5]}"#),
                Ok(r#"{"request": 3, "seconds": [0.75]}"#),
            ],
        ]);
        let clock = &SystemClock::new();
        let mut healthy = loaded(&home, "healthy");
        let mut crashing = loaded(&home, "crashing");
        assert_eq!(
            crashing.run(1, clock).unwrap_err().to_string(),
            "fake can't run crashing: its process ended (signal: 11); it printed: loading"
        );
        assert_eq!(healthy.run(1, clock).unwrap(), [0.5]);
        assert_eq!(healthy.run(1, clock).unwrap(), [0.75]);
        // nobody is told to forget what died with its process
        let told = script.borrow().told.len();
        drop(crashing);
        assert_eq!(script.borrow().told.len(), told);
    }

    #[test]
    fn a_model_without_a_file_is_an_error_of_its_own() {
        let (home, script) = home(&[&[Ok(HELLO)]]);
        let session = PythonSession::load(&home, &Model::from_path("nowhere/net.onnx"));
        let error = session.err().unwrap().to_string();
        assert!(error.starts_with("nowhere/net.onnx: "), "{error}");
        assert!(script.borrow().told.is_empty());
    }
}
