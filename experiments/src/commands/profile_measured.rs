//! What the layers of a profiled network take on a real engine.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use roofnas::Error;
use roofnas_cost::{LatencyModel, NetworkCost};
use roofnas_hardware::SystemClock;
use roofnas_hardware::engine::{self, EngineError, Model, NodeTiming};
use roofnas_hardware::measure::{self, Ballast, NetworkTiming, Observer};
use roofnas_hardware::nodes::match_nodes;
use roofnas_space::Network;

use super::engine::{engine, in_form, shown_engine};
use crate::cli::{EngineChoice, ProfileArgs};

/// Runs whose node timings are averaged.
const NODE_RUNS: usize = 30;

/// A network on an engine.
pub(super) struct OnEngine {
    /// The engine and what it ran under, in words.
    engine: String,
    whole: NetworkTiming,
    /// The engine's own nodes; nothing where it doesn't name them.
    nodes: Option<Vec<NodeTiming>>,
}

/// The same beside a platform's kernels.
pub(super) struct Measured {
    /// Seconds of each kernel, where a node of the engine is this kernel.
    pub(super) kernels: Vec<Option<f64>>,
    /// In sentences.
    pub(super) words: String,
}

/// Runs the network's own file on the engine that was asked for; nothing where none was.
pub(super) fn on_engine(
    args: &ProfileArgs,
    model: &LatencyModel,
) -> Result<Option<OnEngine>, Error> {
    let Some(name) = args.engine else {
        return Ok(None);
    };
    let [file] = &args.networks.from.models[..] else {
        return Err(Error::Argument {
            argument: "--engine".to_owned(),
            problem: "runs one ONNX file: name it in the place of --layers, and no other"
                .to_owned(),
        });
    };
    let choice = EngineChoice::of(name);
    let threads = model.platform().threads.unwrap_or(1) as usize;
    let batch = usize::try_from(model.batch()).unwrap_or(1);
    let at_least_one = |number: usize| NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN);
    let conditions = engine::Conditions {
        threads: at_least_one(threads),
        batch: at_least_one(batch),
        dtype: model.dtype(),
    };
    let engine = engine(&choice, conditions, NonZeroUsize::MIN)?;
    let protocol = choice.protocol();
    let clock = SystemClock::new();
    let mut problem = Problem(None);
    let models = [in_form(Model::from_path(file), &choice, model.dtype())?];
    let mut measuring = measure::measure(&*engine, &models, &protocol, &clock, &mut problem);
    let Some(whole) = measuring.timings.pop() else {
        return Err(problem.0.map_or_else(|| nothing(file), Error::from));
    };
    // the session for the nodes shall lie where that for the whole lay
    let _ballast = protocol.holds_pieces.then(Ballast::of_pieces);
    let nodes = engine.load(&models[0], &clock)?.nodes(NODE_RUNS)?;
    Ok(Some(OnEngine {
        engine: shown_engine(&*engine),
        whole,
        nodes,
    }))
}

fn nothing(file: &Path) -> Error {
    Error::Unusable {
        path: file.to_owned(),
        problem: "the engine returned no timing of it".to_owned(),
    }
}

impl OnEngine {
    /// What it took, beside the kernels of a platform.
    pub(super) fn beside(
        &self,
        network: &Network,
        cost: &NetworkCost,
        predicted_ms: f64,
    ) -> Measured {
        let measured_ms = 1e3 * self.whole.latency_s();
        let mut words = format!(
            "measured on {}: {measured_ms:.4} ms (median run {:.4} ms); predicted {:+.1} %",
            self.engine,
            1e3 * self.whole.quantile_s(0.5),
            100.0 * (predicted_ms / measured_ms - 1.0)
        );
        let Some(nodes) = &self.nodes else {
            words += "; the engine doesn't say what its layers take";
            return Measured {
                kernels: vec![None; cost.kernels.len()],
                words,
            };
        };
        let matched = match_nodes(network, cost, nodes);
        words += &format!(
            "\nits nodes take {:.4} ms, timing them included; {:.1} % of that is these layers'",
            1e3 * matched.total_s,
            100.0 * matched.share()
        );
        let others = matched.unmatched.iter();
        let others =
            others.map(|(op, own)| format!("{} {op} {:.1} us", own.count, 1e6 * own.seconds));
        let others: Vec<String> = others.collect();
        if !others.is_empty() {
            words += &format!(", the rest {}", others.join(", "));
        }
        Measured {
            kernels: matched.shared_out(cost),
            words,
        }
    }
}

/// Keeps what went wrong.
struct Problem(Option<EngineError>);

impl Observer for Problem {
    fn visited(&mut self, _: usize, _: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn measured(&mut self, _: &[NetworkTiming]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn failed(&mut self, _: &str, error: EngineError) {
        self.0 = Some(error);
    }
}
