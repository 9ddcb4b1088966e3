//! One node with what it is given: what a rule sees.

use super::super::proto::{AttributeProto, AttributeType, NodeProto, TensorProto};
use super::dims::Dims;
use super::numbers::Numbers;
use super::value::Value;
use crate::op::{Op, Work};

/// A node with its inputs.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeProto,
    /// Version of ONNX's operator set.
    pub(super) opset: i64,
    /// How many images the model is run on.
    pub(super) images: usize,
    /// The inputs; `None` for optional ones left out.
    pub(super) inputs: Vec<Option<&'a Value>>,
}

/// What a rule says of one output: its shape and the work that makes it.
#[derive(Debug, Clone)]
pub(super) struct Produced {
    /// `None` if nobody knows.
    pub(super) dims: Option<Dims>,
    pub(super) numbers: Option<Numbers>,
    pub(super) kind: Kind,
    /// Which inputs the work reads, by position. Those that aren't computed don't count.
    pub(super) reads: Reads,
}

/// The work behind an output.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Op(Op),
    Work(Work),
    /// A product of matrices over the whole batch: its multiplications and its weights.
    Product {
        macs: u128,
        weights: u64,
    },
}

/// Inputs by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reads {
    /// Whatever is computed.
    All,
    /// These, in this order.
    Only(Vec<usize>),
}

impl Produced {
    pub(super) fn of(dims: Dims, kind: Kind) -> Self {
        Self {
            dims: Some(dims),
            numbers: None,
            kind,
            reads: Reads::All,
        }
    }

    pub(super) fn op(dims: Dims, op: Op) -> Self {
        Self::of(dims, Kind::Op(op))
    }

    pub(super) fn work(dims: Dims, work: Work) -> Self {
        Self::of(dims, Kind::Work(work))
    }

    pub(super) fn reading(self, inputs: impl Into<Vec<usize>>) -> Self {
        Self {
            reads: Reads::Only(inputs.into()),
            ..self
        }
    }

    pub(super) fn with(self, numbers: Option<Numbers>) -> Self {
        Self { numbers, ..self }
    }
}

/// The outputs of a node, in order.
pub(super) type Outcome = Result<Vec<Produced>, String>;

impl<'a> Call<'a> {
    /// An input that must be there.
    pub(super) fn input(&self, position: usize) -> Result<&'a Value, String> {
        self.optional(position)
            .ok_or_else(|| format!("input {position} is missing"))
    }

    pub(super) fn optional(&self, position: usize) -> Option<&'a Value> {
        self.inputs.get(position).copied().flatten()
    }

    pub(super) fn dims(&self, position: usize) -> Result<&'a [usize], String> {
        self.input(position)?.dims()
    }

    /// The integers of an optional input; an error if it is there and they aren't known.
    pub(super) fn known_ints(&self, position: usize) -> Result<Option<Vec<i64>>, String> {
        let Some(value) = self.optional(position) else {
            return Ok(None);
        };
        let ints = value.numbers.as_ref().and_then(Numbers::ints);
        ints.map(Some).ok_or_else(|| {
            format!("input {position} decides a shape, but its contents are not known")
        })
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|a| a.name() == name)
    }

    /// An attribute of this type; old files don't state types.
    fn typed(&self, name: &str, kind: AttributeType) -> Result<Option<&'a AttributeProto>, String> {
        match self.attribute(name) {
            Some(attribute) if ![kind, AttributeType::Undefined].contains(&attribute.r#type()) => {
                Err(format!(
                    "attribute {name} should be of type {kind:?}, but is {:?}",
                    attribute.r#type()
                ))
            }
            attribute => Ok(attribute),
        }
    }

    pub(super) fn maybe_int(&self, name: &str) -> Result<Option<i64>, String> {
        let attribute = self.typed(name, AttributeType::Int)?;
        Ok(attribute.map(AttributeProto::i))
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.maybe_int(name)?.unwrap_or(default))
    }

    pub(super) fn maybe_float(&self, name: &str) -> Result<Option<f64>, String> {
        let attribute = self.typed(name, AttributeType::Float)?;
        Ok(attribute.map(|attribute| f64::from(attribute.f())))
    }

    pub(super) fn float(&self, name: &str, default: f64) -> Result<f64, String> {
        Ok(self.maybe_float(name)?.unwrap_or(default))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, String> {
        let attribute = self.typed(name, AttributeType::Ints)?;
        Ok(attribute.map(|attribute| attribute.ints.as_slice()))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, String> {
        let attribute = self.typed(name, AttributeType::Floats)?;
        Ok(attribute.map(|attribute| attribute.floats.as_slice()))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        let attribute = self.typed(name, AttributeType::String)?;
        let text = |attribute: &'a AttributeProto| std::str::from_utf8(attribute.s()).ok();
        match attribute.map(text) {
            Some(None) => Err(format!("attribute {name} is not UTF-8")),
            text => Ok(text.flatten()),
        }
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>, String> {
        let attribute = self.typed(name, AttributeType::Tensor)?;
        Ok(attribute.and_then(|attribute| attribute.t.as_ref()))
    }

    /// Integers that older operator sets have as an attribute and newer ones as an input.
    pub(super) fn ints_or_input(
        &self,
        name: &str,
        position: usize,
    ) -> Result<Option<Vec<i64>>, String> {
        match self.ints(name)? {
            Some(ints) => Ok(Some(ints.to_vec())),
            None => self.known_ints(position),
        }
    }

    pub(super) fn op_type(&self) -> &'a str {
        self.node.op_type.as_deref().unwrap_or_default()
    }

    /// The axis along which the node works.
    pub(super) fn axis(&self, default: i64, rank: usize) -> Result<usize, String> {
        super::dims::axis(self.int("axis", default)?, rank)
    }
}
