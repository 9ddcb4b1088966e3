//! ONNX Runtime, its shared library loaded at run time.
//!
//! Options are the engine's defaults (all graph optimisations, sequential execution, CPU provider) but for the number of threads,
//! and for what those do between runs: nothing, so that networks can be run in turn.

mod find;
mod library;
mod profile;
mod session;

use std::path::{Path, PathBuf};

use roofnas_cost::Dtype;

use self::session::OnnxRuntimeSession;
use super::{Clock, Conditions, Engine, EngineDescription, EngineError, Model, Sample, Session};

/// What the engine is called.
const NAME: &str = "onnxruntime";
/// What to do when it isn't there.
const ADVICE: &str = "install it with \"pip install --upgrade onnxruntime\", or set ORT_DYLIB_PATH to its shared library";

/// ONNX Runtime on the CPU.
#[derive(Debug, Clone)]
pub struct OnnxRuntime {
    path: PathBuf,
    version: String,
    conditions: Conditions,
}

impl OnnxRuntime {
    /// ONNX Runtime where the environment has it: the library that `ORT_DYLIB_PATH` names, else that of the Python package
    /// `onnxruntime`, of an active virtual environment or of the `python3` or `python` on the path.
    ///
    /// A process uses one library: the first that is loaded.
    ///
    /// # Errors
    /// When there is none, when it can't be loaded or is too old, when another one is loaded already, and for a dtype that no file
    /// is run in as it is.
    pub fn find(conditions: Conditions) -> Result<Self, EngineError> {
        Self::open(&find::library()?, conditions)
    }

    /// ONNX Runtime with this shared library.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn open(path: &Path, conditions: Conditions) -> Result<Self, EngineError> {
        if !matches!(conditions.dtype, Dtype::Fp32 | Dtype::Int8) {
            return Err(EngineError::Dtype {
                engine: NAME,
                dtype: conditions.dtype,
            });
        }
        let version = library::load(path)?;
        Ok(Self {
            path: path.to_owned(),
            version,
            conditions,
        })
    }
}

impl Engine for OnnxRuntime {
    fn description(&self) -> EngineDescription {
        EngineDescription {
            name: NAME.to_owned(),
            version: Some(self.version.clone()),
            detail: Some(self.path.display().to_string()),
            conditions: self.conditions,
            sample: Sample::Run,
        }
    }

    fn load(&self, model: &Model, clock: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
        let session = OnnxRuntimeSession::load(model, self.conditions, clock)?;
        Ok(Box::new(session))
    }
}
