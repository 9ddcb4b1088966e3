//! A network loaded into ONNX Runtime.

use std::fs;
use std::path::Path;

use ort::session::builder::SessionBuilder;
use ort::session::{Session as OrtSession, SessionInputValue};
use ort::value::{Outlet, Tensor, TensorElementType, ValueType};

use super::super::input::{Declared, Fed, feed};
use super::super::memory::Growth;
use super::super::timed::timed;
use super::super::timing::checked;
use super::super::{
    Clock, Conditions, EngineError, Model, NodeTiming, Output, Session, SystemClock,
};
use super::{NAME, profile};

pub(super) struct OnnxRuntimeSession {
    model: Model,
    conditions: Conditions,
    loaded: Loaded,
    initialisation_s: f64,
    growth: Growth,
}

impl OnnxRuntimeSession {
    pub(super) fn load(
        model: &Model,
        conditions: Conditions,
        clock: &dyn Clock,
    ) -> Result<Self, EngineError> {
        let start = clock.now();
        let (loaded, growth) = Growth::while_loading(|| Loaded::new(model, &conditions, None));
        let initialisation_s = clock.now().saturating_sub(start).as_secs_f64();
        Ok(Self {
            model: model.clone(),
            conditions,
            loaded: loaded?,
            initialisation_s,
            growth,
        })
    }
}

impl Session for OnnxRuntimeSession {
    fn run(&mut self, count: usize, clock: &dyn Clock) -> Result<Vec<f64>, EngineError> {
        let run = || self.loaded.run(&self.model, count, clock);
        let seconds = self.growth.while_running(run)?;
        checked(NAME, self.model.name(), seconds)
    }

    fn outputs(&mut self) -> Result<Option<Vec<Output>>, EngineError> {
        let outputs = self.loaded.outputs();
        outputs
            .map(Some)
            .map_err(|error| run_error(&self.model, &error))
    }

    fn initialisation_s(&self) -> Option<f64> {
        Some(self.initialisation_s)
    }

    fn resident_bytes(&self) -> Option<u64> {
        self.growth.bytes()
    }

    /// Loads the model again, with the profiler on: it slows a run down, and can't be switched off.
    fn nodes(&mut self, runs: usize) -> Result<Option<Vec<NodeTiming>>, EngineError> {
        let folder = tempfile::tempdir().map_err(|source| EngineError::File {
            path: std::env::temp_dir(),
            source,
        })?;
        let prefix = folder.path().join("profile");
        let mut loaded = Loaded::new(&self.model, &self.conditions, Some(&prefix))?;
        loaded.run(&self.model, runs.max(1) + 1, &SystemClock::new())?;
        let file = loaded.session.end_profiling();
        let file = file.map_err(|error| run_error(&self.model, &error))?;
        let json = fs::read_to_string(&file).map_err(|source| EngineError::File {
            path: file.into(),
            source,
        })?;
        let nodes = profile::nodes(&json).map_err(|reason| EngineError::Profile {
            model: self.model.name().to_owned(),
            reason,
        })?;
        Ok(Some(nodes))
    }
}

/// A session and what it is fed.
struct Loaded {
    session: OrtSession,
    inputs: Vec<(String, Tensor<f32>)>,
}

impl Loaded {
    fn new(
        model: &Model,
        conditions: &Conditions,
        profile: Option<&Path>,
    ) -> Result<Self, EngineError> {
        let failed = |error: &ort::Error| EngineError::Model {
            engine: NAME.to_owned(),
            model: model.name().to_owned(),
            reason: error.to_string(),
        };
        let mut builder = builder(conditions, profile).map_err(|error| failed(&error))?;
        let session = match model.path() {
            // by its path: what it keeps in other files is found beside it
            Some(_) => builder.commit_from_file(model.file()?.path()),
            None => builder.commit_from_memory(&model.bytes()?),
        };
        let session = session.map_err(|error| failed(&error))?;
        let declared: Vec<Declared> = session.inputs().iter().map(declared).collect();
        let inputs = feed(model, &declared, conditions)?;
        let inputs = inputs.into_iter().map(tensor).collect::<Result<_, _>>();
        Ok(Self {
            session,
            inputs: inputs.map_err(|error| failed(&error))?,
        })
    }

    fn run(
        &mut self,
        model: &Model,
        count: usize,
        clock: &dyn Clock,
    ) -> Result<Vec<f64>, EngineError> {
        let Self { session, inputs } = self;
        let run = || session.run(fed(inputs)).map(drop);
        timed(count, clock, run).map_err(|error| run_error(model, &error))
    }

    fn outputs(&mut self) -> Result<Vec<Output>, ort::Error> {
        let outputs = self.session.run(fed(&self.inputs))?;
        let output = |(name, value): (&str, ort::value::ValueRef<'_>)| {
            let (shape, elements) = value.try_extract_tensor::<f32>()?;
            Ok(Output {
                name: name.to_owned(),
                sizes: shape.iter().map(|&size| size as usize).collect(),
                elements: elements.to_vec(),
            })
        };
        outputs.iter().map(output).collect()
    }
}

/// The inputs as the engine takes them, by name and without a copy.
fn fed(inputs: &[(String, Tensor<f32>)]) -> Vec<(&str, SessionInputValue<'_>)> {
    let inputs = inputs.iter();
    inputs
        .map(|(name, tensor)| (name.as_str(), SessionInputValue::from(tensor)))
        .collect()
}

/// The engine's default options but for the threads, and that they stop waiting for work when a run ends.
///
/// By default they go on looking for it, at full load, and take the processor from whatever runs next: of six networks run in turn
/// on two busy cores, ResNet-18 took 202 ms (median) and 57 ms by itself; with this, 64 ms in turn.
fn builder(conditions: &Conditions, profile: Option<&Path>) -> Result<SessionBuilder, ort::Error> {
    let builder = SessionBuilder::new()?
        .with_intra_threads(conditions.threads.get())?
        .with_inter_threads(1)?
        .with_config_entry("session.force_spinning_stop", "1")?;
    match profile {
        Some(prefix) => Ok(builder.with_profiling(prefix)?),
        None => Ok(builder),
    }
}

fn declared(input: &Outlet) -> Declared {
    let (sizes, kind) = match input.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let sizes = shape.iter().map(|&size| usize::try_from(size).ok());
            (Some(sizes.collect()), *ty)
        }
        _ => (None, TensorElementType::Undefined),
    };
    Declared {
        name: input.name().to_owned(),
        sizes,
        foreign_type: (kind != TensorElementType::Float32).then(|| kind.to_string()),
    }
}

fn tensor(fed: Fed) -> Result<(String, Tensor<f32>), ort::Error> {
    Ok((fed.name, Tensor::from_array((fed.sizes, fed.elements))?))
}

fn run_error(model: &Model, error: &ort::Error) -> EngineError {
    EngineError::Run {
        engine: NAME.to_owned(),
        model: model.name().to_owned(),
        reason: error.to_string(),
    }
}
