//! What is known of a value of the graph.

use super::dims::{self, Dims};
use super::numbers::Numbers;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// From the file alone: a weight, or anything computed from weights and shapes.
    Constant,
    /// An input of the model other than the image.
    Argument,
    /// The image, or anything computed from an input.
    Computed,
}

/// A value: its sizes, its contents if they are few and constant, and its source.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// `None` after an operator whose output shape nobody knows.
    pub(super) dims: Option<Dims>,
    pub(super) numbers: Option<Numbers>,
    pub(super) source: Source,
    /// What produced it, for messages.
    pub(super) producer: String,
}

impl Value {
    pub(super) fn dims(&self) -> Result<&[usize], String> {
        self.dims.as_deref().ok_or_else(|| {
            format!(
                "reads what {} produces, whose shape is not known",
                self.producer
            )
        })
    }

    pub(super) fn rank(&self) -> Result<usize, String> {
        Ok(self.dims()?.len())
    }

    pub(super) fn elements(&self) -> Result<u64, String> {
        dims::elements(self.dims()?)
    }

    pub(super) fn is_constant(&self) -> bool {
        self.source == Source::Constant
    }

    /// Whether it can be a weight: constant, or given from outside.
    pub(super) fn is_weight(&self) -> bool {
        self.source != Source::Computed
    }

    /// The only element, if it follows from the file.
    pub(super) fn settled(&self) -> Option<f64> {
        self.is_constant().then(|| self.scalar())?
    }

    /// The only element of a constant.
    pub(super) fn scalar(&self) -> Option<f64> {
        self.numbers.as_ref()?.scalar()
    }
}
