//! Layers on their way into a network.

use super::formula::Formula;
use super::value::Value;
use crate::op::Op;
use crate::shape::Shape;

/// What the nodes of a layer are called in the file, and the values they produce.
#[derive(Debug, Clone, Default)]
pub(super) struct Called {
    pub(super) nodes: Vec<String>,
    pub(super) values: Vec<String>,
}

impl Called {
    /// Takes over what another layer was called, which becomes part of this one.
    pub(super) fn absorb(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.values.extend(other.values);
    }
}

/// One layer: an operator with the values it reads and the one it produces, as places in [`Traced::values`].
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) called: Called,
    pub(super) op_type: String,
    pub(super) op: Op,
    pub(super) inputs: Vec<usize>,
    pub(super) output: usize,
    pub(super) shape: Shape,
    /// What it computes for each element, if it is a function of single elements.
    pub(super) formula: Option<Formula>,
    /// The constant it reads besides, if it is one.
    pub(super) constant: Option<usize>,
    /// The order of the axes, of a transposition.
    pub(super) order: Vec<usize>,
}

/// What a model is given from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    /// An image; whatever else it is given stands for weights.
    Image,
    /// Feature maps.
    Maps,
}

/// A graph with all its shapes.
pub(super) struct Traced {
    pub(super) images: usize,
    pub(super) values: Vec<Value>,
    /// In order; `None` for what has been merged into another.
    pub(super) steps: Vec<Option<Step>>,
    /// The image: a value, if anything reads it, and its shape.
    pub(super) image: (Option<usize>, Shape),
    /// Names of the inputs with their values; the image among them.
    pub(super) inputs: Vec<(String, usize)>,
    /// Names of the outputs with their values.
    pub(super) outputs: Vec<(String, usize)>,
}
