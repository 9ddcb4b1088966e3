//! Operators that a model defines itself, replaced by what they are made of.

use std::collections::HashMap;

use super::super::proto::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto};
use super::error::ImportError;
use super::order::{label, node_error};

/// More nodes than any graph has: functions that call functions can make many of a few bytes.
const MAX_NODES: usize = 1 << 20;
/// Bytes in the names of nodes and values in all: those inside a function are called after every call they stand in.
const MAX_NAMES: usize = 1 << 26;
/// Calls within calls.
const MAX_DEPTH: usize = 32;

type Functions<'a> = HashMap<(&'a str, &'a str), &'a FunctionProto>;

/// The graph without calls of the model's own functions; `None` where there are none to replace.
pub(super) fn inlined(
    model: &ModelProto,
    graph: &GraphProto,
) -> Result<Option<GraphProto>, ImportError> {
    if model.functions.is_empty() {
        return Ok(None);
    }
    let functions = model.functions.iter();
    let functions = functions.map(|function| ((function.domain(), function.name()), function));
    let mut inlining = Inlining {
        functions: functions.collect(),
        nodes: Vec::new(),
        calls: 0,
        names: 0,
    };
    for node in &graph.node {
        inlining.node(node.clone(), 0)?;
    }
    Ok(Some(GraphProto {
        node: inlining.nodes,
        ..graph.clone()
    }))
}

/// Whether no call is left when the graph's nodes are replaced: none stands in a graph that a node holds, and no function holds graphs, whose values would
/// be called as they were.
pub(super) fn can_be_replaced(model: &ModelProto) -> Result<(), ImportError> {
    let holds_graph = |node: &&NodeProto| {
        let mut attributes = node.attribute.iter();
        attributes.any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
    };
    if model.functions.is_empty() {
        return Ok(());
    }
    let functions = model.functions.iter().flat_map(|function| &function.node);
    let graph = model.graph.iter().flat_map(|graph| &graph.node);
    match functions.chain(graph).find(holds_graph) {
        None => Ok(()),
        Some(node) => Err(node_error(
            node,
            "holds a graph, in a model that defines operators of its own",
        )),
    }
}

struct Inlining<'a> {
    functions: Functions<'a>,
    nodes: Vec<NodeProto>,
    calls: usize,
    /// Bytes of names made up so far.
    names: usize,
}

impl Inlining<'_> {
    fn node(&mut self, node: NodeProto, depth: usize) -> Result<(), ImportError> {
        let Some(function) = self
            .functions
            .get(&(node.domain(), node.op_type()))
            .copied()
        else {
            if self.nodes.len() >= MAX_NODES {
                return Err(node_error(&node, "its functions unfold to too many nodes"));
            }
            self.nodes.push(node);
            return Ok(());
        };
        if depth >= MAX_DEPTH || self.calls >= MAX_NODES {
            return Err(node_error(&node, "its functions call each other too often"));
        }
        self.calls += 1;
        let names = Names::new(function, &node, self.calls);
        for inner in &function.node {
            let called = NodeProto {
                name: Some(format!("{}/{}", label(&node), label(inner))),
                input: inner.input.iter().map(|name| names.of(name)).collect(),
                output: inner.output.iter().map(|name| names.of(name)).collect(),
                attribute: attributes(function, &node, inner),
                ..inner.clone()
            };
            self.names += called.name().len();
            let values = called.input.iter().chain(&called.output);
            self.names += values.map(String::len).sum::<usize>();
            if self.names > MAX_NAMES {
                return Err(node_error(&node, "its functions unfold to too many names"));
            }
            self.node(called, depth + 1)?;
        }
        Ok(())
    }
}

/// What the values inside a function are called outside.
struct Names<'a> {
    outside: HashMap<&'a str, &'a str>,
    prefix: String,
}

impl<'a> Names<'a> {
    fn new(function: &'a FunctionProto, call: &'a NodeProto, number: usize) -> Self {
        let missing = std::iter::repeat("");
        let pairs = |inner: &'a [String], outer: &'a [String]| {
            let outer = outer.iter().map(String::as_str).chain(missing.clone());
            inner.iter().map(String::as_str).zip(outer)
        };
        let inputs = pairs(&function.input, &call.input);
        // an output that the caller doesn't want is still a value inside
        let outputs = pairs(&function.output, &call.output).filter(|(_, outer)| !outer.is_empty());
        Self {
            outside: inputs.chain(outputs).collect(),
            prefix: format!("{}/{number}/", label(call)),
        }
    }

    fn of(&self, name: &str) -> String {
        match self.outside.get(name) {
            Some(outside) => (*outside).to_owned(),
            None if name.is_empty() => String::new(),
            None => format!("{}{name}", self.prefix),
        }
    }
}

/// A node's attributes, those that stand for attributes of the call taken from there.
fn attributes(
    function: &FunctionProto,
    call: &NodeProto,
    inner: &NodeProto,
) -> Vec<AttributeProto> {
    let stated = |name: &str| {
        let mut all = call.attribute.iter().chain(&function.attribute_proto);
        all.find(|attribute| attribute.name() == name)
    };
    let attribute = |attribute: &AttributeProto| match attribute.ref_attr_name.as_deref() {
        None | Some("") => Some(attribute.clone()),
        Some(name) => stated(name).map(|value| AttributeProto {
            name: attribute.name.clone(),
            ..value.clone()
        }),
    };
    inner.attribute.iter().filter_map(attribute).collect()
}
