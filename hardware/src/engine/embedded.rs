//! An engine in pure Rust, so that the default needs nothing installed.
//!
//! It is `rten`, chosen over `tract` for what it costs to build: 21 crates and 0.8 minutes of two cores against 102 crates and 6.6
//! minutes. Both are several times slower than ONNX Runtime, so timings of either rank networks, and say little of what they will
//! take on another engine. One thread, 224x224, one image, ms at the 10 % quantile of 20 runs (two cores of an AMD EPYC with AVX-512, shared with others; rten 0.27 with
//! weights packed ahead, tract 0.23.9, ONNX Runtime 1.32.0):
//!
//! | network | rten | tract | ONNX Runtime | rten's share of ONNX Runtime's speed |
//! |---|---|---|---|---|
//! | MobileNetV2 | 14.3 | 11.9 | 3.5 | 0.24 |
//! | MobileNetV3-Large | 13.1 | 11.0 | 2.9 | 0.22 |
//! | EfficientNet-B0 | 21.7 | 19.0 | 5.9 | 0.27 |
//! | ResNet-18 | 24.0 | 24.8 | 15.1 | 0.63 |
//! | RegNetX-400MF | 8.5 | 9.1 | 4.1 | 0.48 |
//! | grouped shuffle and grouped bottlenecks | 8.2 | 6.4 | 2.7 | 0.32 |

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use roofnas_cost::Dtype;
use rten::{
    DataType, Dimension, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView, ValueType,
};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

use super::input::{Declared, Fed, feed};
use super::memory::Growth;
use super::timed::timed;
use super::timing::checked;
use super::{
    Clock, Conditions, Engine, EngineDescription, EngineError, Model, Output, Sample, Session,
};

/// What the engine is called.
const NAME: &str = "rten";
/// Its version: that of the dependency (tested).
const VERSION: &str = "0.27.0";

/// The engine that is built in: `rten`, on the CPU.
#[derive(Debug, Clone)]
pub struct Embedded {
    conditions: Conditions,
    pool: Arc<ThreadPool>,
}

impl Embedded {
    /// The engine under these conditions. Its networks share one pool of threads.
    ///
    /// # Errors
    /// For a dtype that no file is run in as it is.
    pub fn new(conditions: Conditions) -> Result<Self, EngineError> {
        if !matches!(conditions.dtype, Dtype::Fp32 | Dtype::Int8) {
            return Err(EngineError::Dtype {
                engine: NAME,
                dtype: conditions.dtype,
            });
        }
        let pool = Arc::new(ThreadPool::with_num_threads(conditions.threads.get()));
        Ok(Self { conditions, pool })
    }
}

impl Engine for Embedded {
    fn description(&self) -> EngineDescription {
        EngineDescription {
            name: NAME.to_owned(),
            version: Some(VERSION.to_owned()),
            detail: None,
            conditions: self.conditions,
            sample: Sample::Run,
        }
    }

    fn load(&self, model: &Model, clock: &dyn Clock) -> Result<Box<dyn Session>, EngineError> {
        let start = clock.now();
        let (network, growth) = Growth::while_loading(|| guarded(|| read(model)));
        let initialisation_s = clock.now().saturating_sub(start).as_secs_f64();
        let network = network.map_err(|reason| EngineError::Model {
            engine: NAME.to_owned(),
            model: model.name().to_owned(),
            reason,
        })?;
        let inputs = feed(model, &declared(&network), &self.conditions)?;
        let inputs = inputs.into_iter().map(tensor);
        let inputs = network.input_ids().iter().copied().zip(inputs).collect();
        Ok(Box::new(EmbeddedSession {
            model: model.clone(),
            network,
            inputs,
            pool: Arc::clone(&self.pool),
            initialisation_s,
            growth,
        }))
    }
}

/// A network loaded into the engine.
struct EmbeddedSession {
    model: Model,
    network: rten::Model,
    inputs: Vec<(NodeId, Tensor<f32>)>,
    pool: Arc<ThreadPool>,
    initialisation_s: f64,
    growth: Growth,
}

impl EmbeddedSession {
    /// One inference.
    fn infer(&self) -> Result<Vec<rten::Value>, String> {
        let fed: Vec<(NodeId, ValueOrView<'_>)> = self
            .inputs
            .iter()
            .map(|(id, tensor)| (*id, tensor.view().into()))
            .collect();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let outputs = self.network.output_ids();
        let result = self.network.run(fed, outputs, Some(options));
        result.map_err(|error| error.to_string())
    }

    fn failed(&self, reason: String) -> EngineError {
        EngineError::Run {
            engine: NAME.to_owned(),
            model: self.model.name().to_owned(),
            reason,
        }
    }
}

impl Session for EmbeddedSession {
    fn run(&mut self, count: usize, clock: &dyn Clock) -> Result<Vec<f64>, EngineError> {
        let run = || guarded(|| timed(count, clock, || self.infer()));
        let mut growth = self.growth;
        let seconds = growth.while_running(run);
        self.growth = growth;
        let seconds = seconds.map_err(|reason| self.failed(reason))?;
        checked(NAME, self.model.name(), seconds)
    }

    fn outputs(&mut self) -> Result<Option<Vec<Output>>, EngineError> {
        let outputs = guarded(|| {
            let names = self.network.output_ids().iter().map(|&id| {
                let info = self.network.node_info(id);
                info.and_then(|info| info.name()).unwrap_or_default()
            });
            let values = names.zip(self.infer()?);
            values.map(|(name, value)| output(name, value)).collect()
        });
        outputs.map(Some).map_err(|reason| self.failed(reason))
    }

    fn initialisation_s(&self) -> Option<f64> {
        Some(self.initialisation_s)
    }

    fn resident_bytes(&self) -> Option<u64> {
        self.growth.bytes()
    }
}

/// Reads a model, its weights packed ahead for speed.
fn read(model: &Model) -> Result<rten::Model, String> {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    // by its path where possible: what it keeps in other files is found beside it
    let is_onnx = |path: &&std::path::Path| path.extension().is_some_and(|end| end == "onnx");
    let network = match model.path().filter(is_onnx) {
        Some(path) => options.load_file(path),
        None => {
            let bytes = model.bytes().map_err(|error| error.to_string())?;
            options.load(bytes.into_owned())
        }
    };
    network.map_err(|error| error.to_string())
}

/// The engine panics on some models that make no sense; here that is one more reason why it can't run them.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|_| Err("the engine panicked; see above".to_owned()))
}

/// The inputs that the file declares.
fn declared(network: &rten::Model) -> Vec<Declared> {
    let declared = |&id| {
        let info = network.node_info(id);
        let shape = info.as_ref().and_then(rten::NodeInfo::shape);
        let sizes = shape.map(|shape| shape.iter().map(fixed).collect());
        let kind = info.as_ref().and_then(rten::NodeInfo::dtype);
        // a file that doesn't say is taken to hold what images hold
        let float = |kind: &ValueType| matches!(kind, ValueType::Tensor(DataType::Float));
        Declared {
            name: info
                .and_then(|info| info.name().map(str::to_owned))
                .unwrap_or_default(),
            sizes,
            foreign_type: kind
                .filter(|kind| !float(kind))
                .map(|kind| kind.to_string()),
        }
    };
    network.input_ids().iter().map(declared).collect()
}

fn fixed(dimension: &Dimension) -> Option<usize> {
    match dimension {
        Dimension::Fixed(size) => Some(*size),
        Dimension::Symbolic(_) => None,
    }
}

fn tensor(fed: Fed) -> Tensor<f32> {
    Tensor::from_data(&fed.sizes, fed.elements)
}

fn output(name: &str, value: rten::Value) -> Result<Output, String> {
    let tensor: Tensor<f32> = value
        .try_into()
        .map_err(|_| format!("output {name} doesn't hold single precision"))?;
    Ok(Output {
        name: name.to_owned(),
        sizes: tensor.shape().to_vec(),
        elements: tensor.to_vec(),
    })
}
