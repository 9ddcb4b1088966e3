//! Graphs within nodes: branches and loops.
//!
//! An If becomes the nodes of one of its branches: the one that runs, where the condition follows from the file, and else the one of more
//! work, since what is priced must be enough for either. A Loop becomes its body as many times as it turns, where that follows from the
//! file. Whatever else holds graphs, and loops that end when the data say so, stay operators without a rule.

use super::super::proto::{AttributeProto, GraphProto, NodeProto, ValueInfoProto};
use super::call::{Call, Produced};
use super::error::ImportError;
use super::inference::{Inference, stored};
use super::lower;
use super::numbers::Numbers;
use super::order::{label, node_error, sorted};
use super::value::{Source, Value};
use crate::op::Work;

/// More nodes in branches and turns of loops than any network has.
const MAX_NODES: usize = 1 << 13;
/// As much of a node's name as its graph's layers are called after.
const PREFIX: usize = 64;

/// How far the network had come.
struct Mark {
    values: usize,
    steps: usize,
    names: usize,
    kept: usize,
}

impl<'a> Inference<'a> {
    /// Replaces a node by the graph it holds, if it is known which part of that runs; what it reads and can't be followed leaves everything
    /// as it was.
    pub(super) fn unfold(&mut self, node: &'a NodeProto) -> bool {
        if !["", "ai.onnx"].contains(&node.domain()) {
            return false;
        }
        let mark = self.mark();
        let unfolded = match node.op_type() {
            "If" => self.branch(node),
            "Loop" => self.turns(node),
            _ => return false,
        };
        let done = unfolded.is_ok_and(|done| done);
        if !done {
            self.undo(&mark);
        }
        done
    }

    fn mark(&self) -> Mark {
        Mark {
            values: self.values.len(),
            steps: self.steps.len(),
            names: self.journal.len(),
            kept: self.kept,
        }
    }

    /// Forgets what has come since, but not how many nodes were looked at.
    fn undo(&mut self, mark: &Mark) {
        self.forget_names(mark.names);
        self.values.truncate(mark.values);
        self.steps.truncate(mark.steps);
        self.kept = mark.kept;
    }

    fn forget_names(&mut self, from: usize) {
        for (name, before) in self.journal.drain(from..).rev() {
            match before {
                Some(id) => self.ids.insert(name, id),
                None => self.ids.remove(name),
            };
        }
    }

    fn branch(&mut self, node: &'a NodeProto) -> Result<bool, ImportError> {
        let (Some(then), Some(otherwise)) =
            (graph(node, "then_branch"), graph(node, "else_branch"))
        else {
            return Ok(false);
        };
        let condition = node.input.first().and_then(|name| self.constant(name));
        let chosen = match condition {
            Some(condition) if condition != 0.0 => then,
            Some(_) => otherwise,
            None if self.work(node, then)? >= self.work(node, otherwise)? => then,
            None => otherwise,
        };
        let mark = self.mark();
        let outputs = self.run(node, chosen, &[])?;
        self.leave(node, &mark, &outputs);
        Ok(node.output.len() <= outputs.len())
    }

    /// The number that a name stands for, if it is constant and single.
    fn constant(&self, name: &str) -> Option<f64> {
        self.values[*self.ids.get(name)?].settled()
    }

    /// How much work a graph is; it leaves no trace.
    fn work(&mut self, node: &'a NodeProto, graph: &'a GraphProto) -> Result<u128, ImportError> {
        let mark = self.mark();
        let outcome = self.run(node, graph, &[]);
        let steps = self.steps[mark.steps.min(self.steps.len())..]
            .iter()
            .flatten();
        let work = steps.map(|step| {
            let first = step.inputs.first();
            first.map_or(0, |&input| lower::work(step, self.shape(input)))
        });
        let work = work.fold(0, u128::saturating_add);
        self.undo(&mark);
        outcome.map(|_| work)
    }

    fn turns(&mut self, node: &'a NodeProto) -> Result<bool, ImportError> {
        let Some(body) = graph(node, "body") else {
            return Ok(false);
        };
        let given = |position: usize| node.input.get(position).filter(|name| !name.is_empty());
        let number = |position: usize| match given(position) {
            None => Some(None),
            Some(name) => self.constant(name).map(Some),
        };
        let (Some(turns), Some(going)) = (number(0), number(1)) else {
            return Ok(false);
        };
        let carried = node.input.iter().skip(2);
        let carried = carried.map(|name| self.ids.get(name.as_str()).copied());
        let Some(mut carried) = carried.collect::<Option<Vec<usize>>>() else {
            return Ok(false);
        };
        let mark = self.mark();
        let mut going = going.is_none_or(|going| going != 0.0);
        let mut turn = 0;
        let mut collected: Vec<Vec<usize>> = Vec::new();
        while going && turns.is_none_or(|turns| f64::from(turn) < turns) {
            let inputs = self.turn_inputs(turn, &carried);
            let mut outputs = self.run(node, body, &inputs)?.into_iter();
            let Some(condition) = outputs.next().and_then(|id| self.values[id].settled()) else {
                return Ok(false);
            };
            going = condition != 0.0;
            let count = carried.len();
            carried = outputs.by_ref().take(count).collect();
            if carried.len() < count {
                return Ok(false);
            }
            collected.resize(outputs.len(), Vec::new());
            for (all, one) in collected.iter_mut().zip(outputs) {
                all.push(one);
            }
            turn += 1;
        }
        for all in collected {
            carried.push(self.stacked(node, &all)?);
        }
        self.leave(node, &mark, &carried);
        Ok(node.output.len() <= carried.len())
    }

    /// What a loop's body is given: the number of the turn, that it goes on, and what is carried from turn to turn.
    fn turn_inputs(&mut self, turn: u32, carried: &[usize]) -> Vec<usize> {
        let constants = [i64::from(turn), 1].map(|number| {
            self.values.push(Value {
                dims: Some(Vec::new()),
                numbers: Some(Numbers::Ints(vec![number])),
                source: Source::Constant,
                producer: String::new(),
            });
            self.values.len() - 1
        });
        constants
            .into_iter()
            .chain(carried.iter().copied())
            .collect()
    }

    /// What the turns of a loop put out, one behind another.
    fn stacked(&mut self, node: &'a NodeProto, parts: &[usize]) -> Result<usize, ImportError> {
        let fault = |reason: String| node_error(node, reason);
        let first = parts.first().map(|&id| self.values[id].dims());
        let first = first.ok_or_else(|| fault("doesn't turn".to_owned()))?;
        let dims = [&[parts.len()][..], first.map_err(fault)?].concat();
        let ids: Vec<Option<usize>> = parts.iter().copied().map(Some).collect();
        let call = self.call(node, &ids);
        let (value, step) = self.step(&call, &ids, 0, Produced::work(dims, Work::Move))?;
        self.values.push(value);
        let id = self.values.len() - 1;
        if let Some(mut step) = step {
            step.output = id;
            self.steps.push(Some(step));
        }
        Ok(id)
    }

    /// Goes through a graph within a node; says which values its outputs are.
    fn run(
        &mut self,
        node: &'a NodeProto,
        graph: &'a GraphProto,
        inputs: &[usize],
    ) -> Result<Vec<usize>, ImportError> {
        let names = self.journal.len();
        if graph.input.len() != inputs.len() {
            return Err(node_error(node, "its graph has other inputs"));
        }
        let stored = stored(graph)?;
        let outputs: Vec<&str> = graph.output.iter().map(ValueInfoProto::name).collect();
        self.read.extend(&outputs);
        for (info, &id) in graph.input.iter().zip(inputs) {
            self.call_it(info.name(), id);
        }
        for (name, value) in stored {
            self.add(name, value);
        }
        let known = |name: &str| self.ids.contains_key(name);
        let nodes = sorted(&graph.node, &outputs, known)?;
        self.unfolded += nodes.len() + 1;
        if self.unfolded > MAX_NODES {
            return Err(node_error(node, "its graphs unfold to too many nodes"));
        }
        let steps = self.steps.len();
        for inner in nodes {
            self.node(inner)?;
        }
        let prefix: String = label(node).chars().take(PREFIX).collect();
        for step in self.steps[steps..].iter_mut().flatten() {
            step.name = format!("{prefix}/{}", step.name);
        }
        let ids = outputs.iter().map(|name| self.ids.get(name).copied());
        let ids = ids.collect::<Option<Vec<usize>>>();
        self.forget_names(names);
        ids.ok_or_else(|| node_error(node, "its graph doesn't produce what it puts out"))
    }

    /// Gives the node's outputs their values; the names within are forgotten.
    fn leave(&mut self, node: &'a NodeProto, mark: &Mark, outputs: &[usize]) {
        self.forget_names(mark.names);
        for (name, &id) in node.output.iter().zip(outputs) {
            if !name.is_empty() {
                self.call_it(name, id);
            }
        }
    }

    pub(super) fn call<'b>(&'b self, node: &'b NodeProto, ids: &[Option<usize>]) -> Call<'b> {
        Call {
            node,
            opset: self.opset,
            images: self.images,
            inputs: ids.iter().map(|id| id.map(|id| &self.values[id])).collect(),
        }
    }
}

fn graph<'a>(node: &'a NodeProto, name: &str) -> Option<&'a GraphProto> {
    let mut attributes = node.attribute.iter();
    let attribute: &AttributeProto = attributes.find(|attribute| attribute.name() == name)?;
    attribute.g.as_deref()
}
