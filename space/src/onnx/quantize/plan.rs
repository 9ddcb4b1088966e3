//! Which values of a graph become integers, and how they are scaled.

use std::collections::{HashMap, HashSet};

use super::super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::ranges::{Bounds, Range, Scaling};
use super::types::{Types, attribute};
use super::weights::elements;

/// What becomes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It is computed in integers, from a map and weights or from two maps.
    Product,
    /// It is computed in integers, from maps alone.
    Maps,
    /// It moves integers, if it is given some.
    Passes,
    /// It vanishes into the range of what it puts out.
    Clamps,
    /// It stays in single precision.
    Float,
    /// The same, and what it puts out is no feature map but a part of some operator written out in primitives.
    Interior,
}

/// What is to be done with a graph.
pub(super) struct Plan<'a> {
    /// For each node.
    pub(super) treatments: Vec<Treatment>,
    /// Tensors that are part of the file.
    constants: Constants<'a>,
    /// The scalings of values that become integers.
    scalings: HashMap<&'a str, Scaling>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(graph: &'a GraphProto) -> Self {
        let constants = Constants::of(graph);
        let types = Types::of(graph);
        let treatments = treatments(graph, &constants, &types);
        let mut plan = Self {
            treatments,
            constants,
            scalings: HashMap::new(),
        };
        plan.scale(graph, &types);
        plan
    }

    /// Whether anything would be computed in integers that is worth it.
    pub(super) fn has_products(&self) -> bool {
        self.treatments.contains(&Treatment::Product)
    }

    /// How a value is scaled that becomes integers.
    pub(super) fn scaling(&self, value: &str) -> Option<Scaling> {
        self.scalings.get(value).copied()
    }

    /// A tensor of the file.
    pub(super) fn constant(&self, value: &str) -> Option<&'a TensorProto> {
        self.constants.tensors.get(value).copied()
    }

    fn scale(&mut self, graph: &'a GraphProto, types: &Types<'_>) {
        let marked = self.marked(graph, types);
        let mut ranges: HashMap<&str, Range> = HashMap::new();
        let inputs = graph.input.iter().map(ValueInfoProto::name);
        for input in inputs.filter(|input| marked.contains(input)) {
            ranges.insert(input, Range::free(ranges.len()));
        }
        for (node, treatment) in graph.node.iter().zip(&self.treatments) {
            let read: Vec<Option<Range>> = node
                .input
                .iter()
                .map(|input| ranges.get(input.as_str()).copied())
                .collect();
            for output in node
                .output
                .iter()
                .filter(|output| marked.contains(output.as_str()))
            {
                let passed = read
                    .first()
                    .copied()
                    .flatten()
                    .filter(|_| *treatment == Treatment::Passes);
                let range = passed.unwrap_or_else(|| {
                    let bounds = self.constants.bounds(node).unwrap_or_default();
                    Range::of(node, ranges.len(), &read, bounds)
                });
                ranges.insert(output, range);
            }
        }
        self.scalings = ranges
            .into_iter()
            .map(|(value, range)| (value, range.scaling()))
            .collect();
    }

    /// Values that become integers.
    fn marked(&self, graph: &'a GraphProto, types: &Types<'_>) -> HashSet<&'a str> {
        let mut marked = HashSet::new();
        let vanishing = self.vanishing(graph);
        for (node, treatment) in graph.node.iter().zip(&self.treatments) {
            let mut mark = |value: &'a String| {
                if types.is_float(value) && !self.constants.contains(value) {
                    marked.insert(value.as_str());
                }
            };
            match treatment {
                Treatment::Product => {
                    // weights that are computed are scaled as maps are; a bias isn't
                    node.input.iter().take(2).for_each(&mut mark);
                    node.output.iter().take(1).for_each(&mut mark);
                }
                Treatment::Maps => {
                    let read = if is_joined(node) { node.input.len() } else { 1 };
                    node.input.iter().take(read).for_each(&mut mark);
                    node.output.iter().take(1).for_each(&mut mark);
                }
                Treatment::Clamps => node.output.iter().take(1).for_each(&mut mark),
                Treatment::Passes | Treatment::Float | Treatment::Interior => {}
            }
        }
        // what a clamp alone reads ends up in the clamp's range
        marked.retain(|value| !vanishing.contains(value));
        for (node, treatment) in graph.node.iter().zip(&self.treatments) {
            let is_given = node
                .input
                .first()
                .is_some_and(|input| marked.contains(input.as_str()));
            if *treatment == Treatment::Passes && is_given {
                let outputs = node.output.iter().filter(|output| types.is_float(output));
                marked.extend(outputs.map(String::as_str));
            }
        }
        marked
    }

    /// What is computed in integers and read by a clamp alone.
    fn vanishing(&self, graph: &'a GraphProto) -> HashSet<&'a str> {
        let mut readers: HashMap<&str, usize> = HashMap::new();
        for value in graph.node.iter().flat_map(super::super::import::reads) {
            *readers.entry(value).or_default() += 1;
        }
        let outputs: HashSet<&str> = graph.output.iter().map(ValueInfoProto::name).collect();
        let mut vanishing = HashSet::new();
        for (node, treatment) in graph.node.iter().zip(&self.treatments) {
            let read = node.input.first().map(String::as_str);
            if let Some(read) = read.filter(|_| *treatment == Treatment::Clamps)
                && readers.get(read) == Some(&1)
                && !outputs.contains(read)
            {
                vanishing.insert(read);
            }
        }
        let produced = graph.node.iter().zip(&self.treatments);
        let computed = produced
            .filter(|(_, treatment)| matches!(treatment, Treatment::Product | Treatment::Maps));
        let computed: HashSet<&str> = computed
            .filter_map(|(node, _)| node.output.first())
            .map(String::as_str)
            .collect();
        vanishing.retain(|value| computed.contains(value));
        vanishing
    }
}

/// What is part of the file: initializers, and what Constant nodes hold.
struct Constants<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    /// Numbers that Constant nodes hold without a tensor.
    numbers: HashMap<&'a str, f32>,
}

impl<'a> Constants<'a> {
    fn of(graph: &'a GraphProto) -> Self {
        let initializers = graph
            .initializer
            .iter()
            .map(|tensor| (tensor.name(), tensor));
        let mut constants = Self {
            tensors: initializers.collect(),
            numbers: HashMap::new(),
        };
        let nodes = graph.node.iter();
        for node in nodes.filter(|node| node.op_type() == "Constant") {
            let Some(output) = node.output.first() else {
                continue;
            };
            if let Some(tensor) = attribute(node, "value").and_then(|value| value.t.as_ref()) {
                constants.tensors.insert(output, tensor);
            } else if let Some(number) = attribute(node, "value_float") {
                constants.numbers.insert(output, number.f());
            }
        }
        constants
    }

    fn contains(&self, value: &str) -> bool {
        self.tensors.contains_key(value) || self.numbers.contains_key(value)
    }

    /// The ends of a clip: attributes of old, inputs now. Nothing where one of them isn't known.
    fn bounds(&self, node: &NodeProto) -> Option<Bounds> {
        let end = |place: usize, name: &str| -> Option<Option<f32>> {
            let Some(value) = node.input.get(place).filter(|value| !value.is_empty()) else {
                return Some(attribute(node, name).map(AttributeProto::f));
            };
            let number = self.numbers.get(value.as_str()).copied();
            let stored = || {
                elements(self.tensors.get(value.as_str())?)?
                    .first()
                    .copied()
            };
            number.or_else(stored).map(Some)
        };
        Some(Bounds {
            least: end(1, "min")?,
            most: end(2, "max")?,
        })
    }
}

fn treatments(graph: &GraphProto, constants: &Constants<'_>, types: &Types<'_>) -> Vec<Treatment> {
    let inputs = graph.input.iter().map(ValueInfoProto::name);
    let mut maps: HashSet<&str> = inputs.filter(|input| !constants.contains(input)).collect();
    let mut treatments = Vec::with_capacity(graph.node.len());
    for node in &graph.node {
        let is_map = |value: &String| maps.contains(value.as_str()) && types.is_float(value);
        let is_computed = |value: &String| types.is_float(value) && !constants.contains(value);
        let treatment = match usual(node) {
            Treatment::Product if node.input.iter().take(2).any(is_computed) => Treatment::Product,
            Treatment::Product => Treatment::Interior,
            Treatment::Maps if is_joined(node) => {
                let mut read = node.input.iter().filter(|value| !constants.contains(value));
                let is_given = node.input.iter().any(is_map) && read.all(is_map);
                if is_given {
                    Treatment::Maps
                } else {
                    Treatment::Interior
                }
            }
            Treatment::Interior => Treatment::Interior,
            Treatment::Clamps if !vanishes(node, constants) => Treatment::Float,
            // a mean of feature maps is a pooling; one of squares, say, part of a norm
            usual => match node.input.first() {
                Some(input) if is_map(input) => usual,
                _ => Treatment::Interior,
            },
        };
        if treatment != Treatment::Interior {
            maps.extend(node.output.iter().map(String::as_str));
        }
        treatments.push(treatment);
    }
    treatments
}

/// Whether a clamp finds nothing to do in integers that are scaled to what it puts out.
fn vanishes(node: &NodeProto, constants: &Constants<'_>) -> bool {
    if node.op_type() != "Clip" {
        return true;
    }
    let bounds = constants.bounds(node);
    bounds.is_some_and(|bounds| bounds.of(Range::free(0)).is_within(bounds))
}

/// What becomes of an operator if it reads feature maps.
fn usual(node: &NodeProto) -> Treatment {
    if !matches!(node.domain(), "" | "ai.onnx") {
        return Treatment::Float;
    }
    match node.op_type() {
        "Conv" | "ConvTranspose" | "Gemm" | "MatMul" => Treatment::Product,
        "Add" | "Mul" | "Concat" | "AveragePool" | "GlobalAveragePool" | "Sigmoid"
        | "LeakyRelu" => Treatment::Maps,
        "MaxPool" | "Reshape" | "Transpose" | "Flatten" | "Squeeze" | "Unsqueeze" | "Slice"
        | "Split" | "Resize" | "Pad" | "DepthToSpace" | "SpaceToDepth" => Treatment::Passes,
        "Relu" | "Clip" => Treatment::Clamps,
        "Constant" | "ConstantOfShape" | "Shape" | "Div" | "Sub" | "Erf" | "Exp" | "Log"
        | "Neg" | "Abs" | "Pow" | "Sqrt" | "Reciprocal" | "ReduceSum" | "ReduceSumSquare"
        | "ReduceL2" => Treatment::Interior,
        _ => Treatment::Float,
    }
}

/// Whether all of its inputs are operands of the same kind.
pub(super) fn is_joined(node: &NodeProto) -> bool {
    matches!(node.op_type(), "Add" | "Mul" | "Concat")
}
