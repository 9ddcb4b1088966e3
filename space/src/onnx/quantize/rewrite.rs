//! The graph with integers in it.

use std::collections::{HashMap, HashSet};

use super::super::import::reads;
use super::super::proto::{DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::additions::Additions;
use super::plan::{Plan, Treatment, is_joined};
use super::ranges::Range;
use super::types::attribute;
use super::weights::{Weights, bias, elements};

/// The graph quantised; nothing where there is nothing to quantise.
pub(super) fn rewritten(graph: GraphProto) -> Option<GraphProto> {
    let plan = Plan::of(&graph);
    if !plan.has_products() {
        return None;
    }
    let outputs = graph.output.iter().map(ValueInfoProto::name).collect();
    let mut rewriting = Rewriting {
        additions: Additions::to(&graph),
        plan: &plan,
        outputs,
        numbers: HashMap::new(),
        operands: HashMap::new(),
        weights: HashMap::new(),
    };
    let nodes = rewriting.nodes(&graph);
    let Additions { tensors, .. } = rewriting.additions;
    drop(plan);
    Some(assembled(graph, nodes, tensors))
}

/// The weights of a layer as they are read now, and their scales.
#[derive(Clone)]
struct Scaled {
    value: String,
    scales: Vec<f32>,
}

struct Rewriting<'a> {
    plan: &'a Plan<'a>,
    outputs: HashSet<&'a str>,
    additions: Additions,
    /// What is read instead of a value that has become integers.
    numbers: HashMap<&'a str, String>,
    /// The same of constants among maps; what else reads them reads them as they are.
    operands: HashMap<&'a str, String>,
    /// The same of weights, which may be read along several axes; nothing where they are left as they are.
    weights: HashMap<(&'a str, Option<usize>), Option<Scaled>>,
}

impl<'a> Rewriting<'a> {
    fn nodes(&mut self, graph: &'a GraphProto) -> Vec<NodeProto> {
        let mut nodes = Vec::with_capacity(4 * graph.node.len());
        for info in &graph.input {
            self.convert(info.name(), info.name(), None);
        }
        for (node, treatment) in graph.node.iter().zip(&self.plan.treatments) {
            let input = self.inputs(node, *treatment);
            nodes.append(&mut self.additions.nodes);
            let mut output = node.output.clone();
            for name in &mut output {
                let value = name.clone();
                if self.plan.scaling(&value).is_some() && self.outputs.contains(value.as_str()) {
                    // the output of the network keeps its name
                    *name = self.additions.claim(&format!("{value}.float"));
                }
            }
            for (value, source) in node.output.iter().zip(&output) {
                self.convert(value, source, (value != source).then_some(value));
            }
            nodes.push(NodeProto {
                input,
                output,
                ..node.clone()
            });
            nodes.append(&mut self.additions.nodes);
        }
        nodes
    }

    /// Puts a value's conversion to integers and back, where it has one.
    fn convert(&mut self, value: &'a str, source: &str, target: Option<&str>) {
        if let Some(scaling) = self.plan.scaling(value) {
            let numbers = self.additions.pair(value, source, scaling, target);
            self.numbers.insert(value, numbers);
        }
    }

    /// What a node reads now.
    fn inputs(&mut self, node: &'a NodeProto, treatment: Treatment) -> Vec<String> {
        let mut inputs: Vec<String> = node.input.iter().map(|input| self.read(input)).collect();
        match treatment {
            Treatment::Product => self.product(node, &mut inputs),
            Treatment::Maps if is_joined(node) => {
                for (place, input) in node.input.iter().enumerate() {
                    if let Some(operand) = self.operand(input) {
                        inputs[place] = operand;
                    }
                }
            }
            _ => {}
        }
        inputs
    }

    fn read(&self, input: &'a str) -> String {
        self.numbers
            .get(input)
            .cloned()
            .unwrap_or_else(|| input.to_owned())
    }

    /// The weights and the bias of a product.
    fn product(&mut self, node: &'a NodeProto, inputs: &mut [String]) {
        let axis = match node.op_type() {
            "Conv" => Some(0),
            "Gemm" => {
                let is_transposed = attribute(node, "transB").is_some_and(|stated| stated.i() != 0);
                Some(if is_transposed { 0 } else { 1 })
            }
            _ => None,
        };
        let mut scales = None;
        for (place, input) in node.input.iter().enumerate().take(2) {
            // what is first is a map, or one scale for all of it
            let axis = axis.filter(|_| place == 1);
            if let Some(scaled) = self.weights(input, axis) {
                inputs[place] = scaled.value;
                scales = Some(scaled.scales).filter(|_| place == 1);
            }
        }
        let fed = node
            .input
            .first()
            .and_then(|input| self.plan.scaling(input));
        let bias_name = node.input.get(2).filter(|name| !name.is_empty());
        if let (Some(name), Some(scales), Some(fed)) = (bias_name, scales, fed) {
            let scales: Vec<f32> = scales.iter().map(|scale| scale * fed.scale).collect();
            if let Some(integers) = self
                .plan
                .constant(name)
                .and_then(|tensor| bias(tensor, &scales))
            {
                inputs[2] = self.bias(name, &integers, &scales, axis.is_some());
            }
        }
    }

    /// Weights of the file, along an axis.
    fn weights(&mut self, name: &'a str, axis: Option<usize>) -> Option<Scaled> {
        if let Some(known) = self.weights.get(&(name, axis)) {
            return known.clone();
        }
        let tensor = self.plan.constant(name)?;
        let scaled = Weights::of(tensor, axis).map(|weights| {
            let bytes = weights
                .integers
                .iter()
                .map(|integer| integer.cast_unsigned())
                .collect();
            let integers = format!("{name}.quantized");
            let integers = self
                .additions
                .tensor(&integers, DataType::Int8, &tensor.dims, bytes);
            let scale = self.additions.scales(name, &weights.scales, axis.is_some());
            let places = weights.scales.len();
            let zeros: &[i64] = if axis.is_some() {
                &[places as i64]
            } else {
                &[]
            };
            let zero = self.additions.tensor(
                &format!("{name}.zero_point"),
                DataType::Int8,
                zeros,
                vec![0; places],
            );
            Scaled {
                value: self
                    .additions
                    .numbers(name, &[&integers, &scale, &zero], axis),
                scales: weights.scales,
            }
        });
        self.weights.insert((name, axis), scaled.clone());
        scaled
    }

    fn bias(&mut self, name: &str, integers: &[i32], scales: &[f32], has_axis: bool) -> String {
        let bytes = integers
            .iter()
            .flat_map(|integer| integer.to_le_bytes())
            .collect();
        let dims = [integers.len() as i64];
        let integers =
            self.additions
                .tensor(&format!("{name}.quantized"), DataType::Int32, &dims, bytes);
        let scale = self.additions.scales(name, scales, has_axis);
        self.additions
            .numbers(name, &[&integers, &scale], has_axis.then_some(0))
    }

    /// A constant among maps, scaled as these are, by its own range.
    fn operand(&mut self, name: &'a str) -> Option<String> {
        if let Some(known) = self.operands.get(name) {
            return Some(known.clone());
        }
        let tensor = self.plan.constant(name)?;
        let elements = elements(tensor)?;
        let low = elements.iter().copied().fold(0.0, f32::min);
        let high = elements.iter().copied().fold(0.0, f32::max);
        let scaling = Range { low, high }.scaling();
        let integer = |element: &f32| {
            let level = (element / scaling.scale).round() + f32::from(scaling.zero);
            level.clamp(0.0, 255.0) as u8
        };
        let bytes = elements.iter().map(integer).collect();
        let integers = self.additions.tensor(
            &format!("{name}.quantized"),
            DataType::Uint8,
            &tensor.dims,
            bytes,
        );
        let scale = self.additions.scales(name, &[scaling.scale], false);
        let zero = self.additions.tensor(
            &format!("{name}.zero_point"),
            DataType::Uint8,
            &[],
            vec![scaling.zero],
        );
        let numbers = self
            .additions
            .numbers(name, &[&integers, &scale, &zero], None);
        self.operands.insert(name, numbers.clone());
        Some(numbers)
    }
}

/// The graph with these nodes, and without the tensors that nothing reads any more.
fn assembled(
    mut graph: GraphProto,
    nodes: Vec<NodeProto>,
    mut tensors: Vec<TensorProto>,
) -> GraphProto {
    let mut read: HashSet<String> = nodes.iter().flat_map(reads).map(str::to_owned).collect();
    read.extend(graph.output.iter().map(|info| info.name().to_owned()));
    let is_dropped = |name: &str| !read.contains(name);
    let dropped: HashSet<String> = graph
        .initializer
        .iter()
        .map(|tensor| tensor.name().to_owned())
        .filter(|name| is_dropped(name))
        .collect();
    let stays = |info: &ValueInfoProto| !dropped.contains(info.name());
    // files of old list initializers among the inputs
    graph.input.retain(stays);
    // types that these messages don't hold would be written as none
    graph.value_info.retain(|info| {
        stays(info)
            && info
                .r#type
                .as_ref()
                .is_some_and(|kind| kind.tensor_type.is_some())
    });
    graph
        .initializer
        .retain(|tensor| !dropped.contains(tensor.name()));
    graph.initializer.append(&mut tensors);
    let is_idle = |node: &NodeProto| {
        node.op_type() == "Constant" && node.output.iter().all(|output| is_dropped(output))
    };
    graph.node = nodes.into_iter().filter(|node| !is_idle(node)).collect();
    graph
}
