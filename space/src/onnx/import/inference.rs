//! From nodes to layers: every value's shape, in the order in which the nodes run.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::proto::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use super::call::{Call, Kind, Produced, Reads};
use super::dims::{self, Dims, per_image};
use super::error::ImportError;
use super::formula::Formula;
use super::inputs::{self, Inputs};
use super::numbers::{Numbers, literal};
use super::options::ImportOptions;
use super::order::{label, node_error, reads, sorted};
use super::rules;
use super::step::{Called, Given, Step, Traced};
use super::value::{Source, Value};
use crate::op::{MatMul, Op, Other, Work};
use crate::shape::Shape;

/// Numbers that are kept in all: enough for the shapes of any graph.
const MAX_KEPT: usize = 1 << 22;

/// What a file declares of its values.
type Declared<'a> = HashMap<&'a str, Vec<Option<usize>>>;

/// The graph with all its shapes.
pub(super) fn trace(
    model: &ModelProto,
    graph: &GraphProto,
    options: &ImportOptions,
    given_as: Given,
) -> Result<Traced, ImportError> {
    let stored = stored(graph)?;
    let outputs: Vec<&str> = graph.output.iter().map(ValueInfoProto::name).collect();
    if outputs.is_empty() || graph.node.is_empty() {
        return Err(ImportError::Graph("has no nodes or no outputs".to_owned()));
    }
    let given: HashSet<&str> = graph.input.iter().map(ValueInfoProto::name).collect();
    let known = |name: &str| stored.contains_key(name) || given.contains(name);
    let nodes = sorted(&graph.node, &outputs, known)?;
    let mut read: HashSet<&str> = nodes.iter().flat_map(|node| reads(node)).collect();
    read.extend(&outputs);
    let inputs = inputs::inputs(graph, &nodes, options, |name| {
        read.contains(name) && !stored.contains_key(name)
    })?;
    let mut inference = Inference {
        opset: opset(model)?,
        images: inputs.images,
        ids: HashMap::new(),
        values: Vec::new(),
        steps: Vec::new(),
        kept: 0,
        journal: Vec::new(),
        unfolded: 0,
        declared: declared(graph, options),
        outputs: outputs.iter().copied().collect(),
        open_batch: inputs.open_batch,
        read,
    };
    inference.begin(stored, &inputs, given_as)?;
    for node in &nodes {
        inference.node(node)?;
    }
    inference.finish(&inputs, &outputs)
}

/// The version of ONNX's own operators.
fn opset(model: &ModelProto) -> Result<i64, ImportError> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let imports = model.opset_import.iter().filter(|set| own(set.domain()));
    match imports.map(OperatorSetIdProto::version).max() {
        // the first models had but one, and did not say so
        None if model.ir_version() < 3 || !model.opset_import.is_empty() => Ok(1),
        None => Err(ImportError::NotOnnx(
            "it doesn't say of which version its operators are".to_owned(),
        )),
        Some(version) if version > 0 => Ok(version),
        Some(version) => Err(ImportError::NotOnnx(format!(
            "its operators are of version {version}"
        ))),
    }
}

/// The stored tensors by name.
pub(super) fn stored(graph: &GraphProto) -> Result<BTreeMap<&str, Value>, ImportError> {
    let dense = graph
        .initializer
        .iter()
        .map(|tensor| (tensor, literal(tensor)));
    let sparse = graph.sparse_initializer.iter().filter_map(|sparse| {
        let values = sparse.values.as_ref()?;
        let whole = TensorProto {
            dims: sparse.dims.clone(),
            ..TensorProto::default()
        };
        Some((values, literal(&whole)))
    });
    let mut stored = BTreeMap::new();
    for (tensor, content) in dense.chain(sparse) {
        let fault = |reason: String| ImportError::Tensor {
            name: tensor.name().to_owned(),
            reason,
        };
        let (dims, numbers) = content.map_err(fault)?;
        let value = Value {
            dims: Some(dims),
            numbers,
            source: Source::Constant,
            producer: String::new(),
        };
        if stored.insert(tensor.name(), value).is_some() {
            return Err(fault("is stored twice".to_owned()));
        }
    }
    Ok(stored)
}

/// What the file declares. An output's declaration comes second: exporters are known to state the wrong one, and
/// engines not to care. Sizes by name may be stated, which says how many boxes a detector finds.
fn declared<'a>(graph: &'a GraphProto, options: &ImportOptions) -> Declared<'a> {
    let infos = graph.output.iter().chain(&graph.value_info);
    let declared = infos.filter_map(|info| {
        let sizes = inputs::declared_with(info, &options.sizes)?;
        Some((info.name(), sizes))
    });
    declared.collect()
}

pub(super) struct Inference<'a> {
    pub(super) opset: i64,
    pub(super) images: usize,
    pub(super) ids: HashMap<&'a str, usize>,
    pub(super) values: Vec<Value>,
    pub(super) steps: Vec<Option<Step>>,
    /// Numbers kept so far.
    pub(super) kept: usize,
    /// Names in the order in which they were given, with what they meant before.
    pub(super) journal: Vec<(&'a str, Option<usize>)>,
    /// Nodes of graphs within nodes that were gone through so far.
    pub(super) unfolded: usize,
    declared: Declared<'a>,
    /// Whether the number of images was chosen here: what is declared may hold for another.
    open_batch: bool,
    /// Values that something reads.
    pub(super) read: HashSet<&'a str>,
    /// Outputs of the model.
    outputs: HashSet<&'a str>,
}

impl<'a> Inference<'a> {
    fn begin(
        &mut self,
        stored: BTreeMap<&'a str, Value>,
        inputs: &Inputs<'a>,
        given: Given,
    ) -> Result<(), ImportError> {
        for (name, value) in stored {
            self.add(name, value);
        }
        for (position, (name, dims)) in inputs.all.iter().enumerate() {
            let is_map = given == Given::Maps;
            if is_map && dims.len() != 4 {
                let rule = "a head's inputs are feature maps (N, C, H, W)";
                return Err(ImportError::Input {
                    name: (*name).to_owned(),
                    reason: format!("it is {}, and {rule}", dims::text(dims)),
                });
            }
            let source = if is_map || position == inputs.image {
                Source::Computed
            } else {
                Source::Argument
            };
            let value = Value {
                dims: Some(dims.clone()),
                numbers: None,
                source,
                producer: String::new(),
            };
            self.add(name, value);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, name: &'a str, mut value: Value) -> usize {
        self.kept += value.numbers.as_ref().map_or(0, Numbers::len);
        if self.kept > MAX_KEPT {
            value.numbers = None;
        }
        self.values.push(value);
        let id = self.values.len() - 1;
        self.call_it(name, id);
        id
    }

    /// Gives a value a name.
    pub(super) fn call_it(&mut self, name: &'a str, id: usize) {
        let before = self.ids.insert(name, id);
        self.journal.push((name, before));
    }

    pub(super) fn node(&mut self, node: &'a NodeProto) -> Result<(), ImportError> {
        if self.unfold(node) {
            return Ok(());
        }
        let fault = |reason: String| node_error(node, reason);
        let mut ids: Vec<Option<usize>> = node
            .input
            .iter()
            .map(|name| self.ids.get(name.as_str()).copied())
            .collect();
        // what the graphs it holds read from outside
        let own = node.input.iter().filter(|name| !name.is_empty()).count();
        let held = reads(node).into_iter().skip(own);
        ids.extend(
            held.filter_map(|name| self.ids.get(name).copied())
                .map(Some),
        );
        let call = self.call(node, &ids);
        let produced = match rules::apply(&call) {
            Some(outcome) => outcome.map_err(fault)?,
            None => rules::unknown(self.declared_outputs(node)),
        };
        if produced.len() < node.output.len() {
            return Err(fault(format!(
                "has {} outputs where {} belong",
                node.output.len(),
                produced.len()
            )));
        }
        let mut made = Vec::new();
        for (position, (name, produced)) in node.output.iter().zip(produced).enumerate() {
            let is_read = self.read.contains(name.as_str());
            let moves = matches!(produced.kind, Kind::Work(Work::Move | Work::View));
            if is_read || (position == 0 && !moves) {
                made.push((
                    position,
                    name.as_str(),
                    self.step(&call, &ids, position, produced)?,
                ));
            }
        }
        for (position, name, (value, step)) in made {
            let id = self.add(name, value);
            if let Some(mut step) = step {
                step.output = id;
                if position > 0 {
                    step.name = format!("{}.output{}", step.name, position + 1);
                }
                self.steps.push(Some(step));
            }
        }
        Ok(())
    }

    /// What the file says of a node's outputs.
    fn declared_outputs(&self, node: &NodeProto) -> Vec<Option<Dims>> {
        let complete = |name: &String| {
            let sizes = self.declared.get(name.as_str())?;
            sizes.iter().copied().collect::<Option<Dims>>()
        };
        node.output.iter().map(complete).collect()
    }

    /// The value that an output is, with the layer that makes it unless it is constant.
    pub(super) fn step(
        &self,
        call: &Call,
        ids: &[Option<usize>],
        position: usize,
        produced: Produced,
    ) -> Result<(Value, Option<Step>), ImportError> {
        let fault = |reason: String| node_error(call.node, reason);
        let name = label(call.node);
        let inputs: Vec<usize> = match &produced.reads {
            Reads::All => ids.iter().copied().flatten().collect(),
            Reads::Only(positions) => {
                let read = positions.iter().filter_map(|&position| *ids.get(position)?);
                read.collect()
            }
        };
        let (constants, inputs): (Vec<usize>, Vec<usize>) = inputs
            .into_iter()
            .partition(|&id| self.values[id].is_constant());
        if let Some(dims) = &produced.dims {
            let elements = dims::elements(dims).map_err(fault)?;
            if elements == 0 && !inputs.is_empty() {
                return Err(fault(format!(
                    "its output of {} is empty",
                    dims::text(dims)
                )));
            }
            self.agrees(&call.node.output[position], dims)
                .map_err(fault)?;
        }
        let mut value = Value {
            dims: produced.dims,
            numbers: produced.numbers,
            source: Source::Constant,
            producer: format!("{name} ({})", call.op_type()),
        };
        if inputs.is_empty() {
            return Ok((value, None));
        }
        value.source = Source::Computed;
        value.numbers = None;
        let shape = match &value.dims {
            Some(dims) => per_image(dims, self.images),
            // priced as if it put out what it takes in
            None => self.shape(inputs[0]),
        };
        let order = match call.op_type() {
            "Transpose" => call
                .input(0)
                .and_then(|input| rules::permutation(call, input.rank()?)),
            _ => Ok(Vec::new()),
        };
        let step = Step {
            name: name.to_owned(),
            called: Called {
                nodes: vec![call.node.name().to_owned()],
                values: vec![call.node.output[position].clone()],
            },
            op_type: call.op_type().to_owned(),
            op: self.op(call, &produced.kind, shape).map_err(fault)?,
            formula: Formula::of(call, ids, position),
            inputs,
            output: 0,
            shape,
            constant: constants.last().copied(),
            order: order.map_err(fault)?,
        };
        Ok((value, Some(step)))
    }

    fn op(&self, call: &Call, kind: &Kind, output: Shape) -> Result<Op, String> {
        Ok(match *kind {
            Kind::Op(ref op) => op.clone(),
            Kind::Work(work) => Op::Other(Other {
                name: call.op_type().to_owned().into(),
                work,
                weights: weights(call, work),
                output,
            }),
            Kind::Product { macs, weights } => Op::MatMul(MatMul {
                macs: u64::try_from(macs.div_ceil(self.images as u128))
                    .map_err(|_| "more multiplications than can be counted".to_owned())?,
                weights,
                output,
            }),
        })
    }

    pub(super) fn shape(&self, id: usize) -> Shape {
        let dims = self.values[id].dims.as_deref().unwrap_or_default();
        per_image(dims, self.images)
    }

    /// What the file declares of a value must be what it is; outputs aside.
    fn agrees(&self, name: &str, dims: &[usize]) -> Result<(), String> {
        let Some(declared) = self
            .declared
            .get(name)
            .filter(|_| !self.outputs.contains(name))
        else {
            return Ok(());
        };
        let sizes = declared.iter().zip(dims).skip(usize::from(self.open_batch));
        let fits = declared.len() == dims.len() && { sizes }
            .all(|(size, dim)| size.is_none_or(|size| size == *dim));
        if fits {
            return Ok(());
        }
        let sizes = declared
            .iter()
            .map(|size| size.map_or("?".to_owned(), |size| size.to_string()));
        Err(format!(
            "{name} is declared as {}, but is {}",
            sizes.collect::<Vec<_>>().join("x"),
            dims::text(dims)
        ))
    }

    fn finish(self, inputs: &Inputs<'a>, outputs: &[&str]) -> Result<Traced, ImportError> {
        let output = |name: &&str| match self.ids.get(name) {
            Some(&id) => Ok(((*name).to_owned(), id)),
            None => Err(ImportError::Graph(format!(
                "has an output {name}, which nothing produces"
            ))),
        };
        let (name, dims) = &inputs.all[inputs.image];
        let image = self.ids.get(name).copied();
        // what counts by channels has them where the rules look for them
        let by_channels = |step: &Step| {
            let free = matches!(step.op, Op::Other(_) | Op::Activation(_) | Op::Add);
            !free && step.inputs.first().copied() == image
        };
        let shape = if self.steps.iter().flatten().any(by_channels) {
            per_image(dims, self.images)
        } else {
            inputs.shape
        };
        let given = inputs.all.iter().filter_map(|(name, _)| {
            let id = self.ids.get(name).copied()?;
            Some(((*name).to_owned(), id))
        });
        Ok(Traced {
            images: self.images,
            inputs: given.collect(),
            outputs: outputs.iter().map(output).collect::<Result<_, _>>()?,
            image: (image, shape),
            values: self.values,
            steps: self.steps,
        })
    }
}

/// Parameters among what an operator is given: the constants it computes with, but for single numbers. Those of other
/// operators say where to cut or how to resize.
fn weights(call: &Call, work: Work) -> u64 {
    let computes = matches!(work, Work::Elementwise { .. } | Work::Unknown);
    if !computes || matches!(call.op_type(), "Resize" | "Upsample") {
        return 0;
    }
    let constants = call
        .inputs
        .iter()
        .flatten()
        .filter(|value| value.is_constant());
    let elements = constants.map(|value| value.elements().unwrap_or(0));
    elements.filter(|&elements| elements > 1).sum()
}
