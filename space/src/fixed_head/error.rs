//! Why a head can't be read, or doesn't fit a space.

use thiserror::Error;

use crate::onnx::ImportError;
use crate::shape::{Resolution, Shape};

/// A table of layers that is no head.
#[derive(Debug, Error)]
pub enum HeadTableError {
    /// Not a table of layers at all.
    #[error(transparent)]
    Table(#[from] crate::layers_csv::LayerTableError),
    /// Rows of several networks.
    #[error("holds {count} networks ({first}, {second} ...): a head is one")]
    Several {
        /// How many.
        count: usize,
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// A row that can't be used.
    #[error("line {line}: {reason}")]
    Row {
        /// The row's line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A table without feature maps.
    #[error(
        "no layer reads a feature map of the backbone: column from names them by their strides, such as stride8"
    )]
    NoInput,
}

/// A head that can't be cut out of a model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeadCutError {
    /// The model can't be read, or what was cut out of it.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A layer of the backbone that is no feature map.
    #[error("it reads {0}, within a block of the backbone")]
    Within(String),
    /// An input of the model.
    #[error("it reads the model's input {0} itself")]
    Input(String),
    /// Feature maps of one stride that differ.
    #[error("it reads feature maps of {one} and of {other}, both at stride {stride}")]
    Differ {
        /// The stride.
        stride: usize,
        /// One shape.
        one: Shape,
        /// Another.
        other: Shape,
    },
    /// A model without an output behind the backbone.
    #[error("no output of the model comes from it")]
    NoOutput,
}

/// A head that doesn't fit a space.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FixedHeadError {
    /// Several resolutions.
    #[error(
        "it takes feature maps of one size, and the space offers {0} resolutions; write the one that the head is for"
    )]
    Resolutions(usize),
    /// A space with a classifier.
    #[error("it takes the classifier's place; leave out space.head")]
    Classifier,
    /// A size that no feature map has.
    #[error(
        "its input {input} is {shape}, and feature maps of an image of {image} are {} at the strides 2, 4, 8, 16, 32 and 64",
        sizes(*image)
    )]
    Size {
        /// The input.
        input: String,
        /// Its shape.
        shape: Shape,
        /// The image.
        image: Resolution,
    },
    /// A size that feature maps of several strides have.
    #[error(
        "its input {input} is {shape}, which feature maps of the strides {strides:?} are; name it stride{} or another of them",
        strides.first().copied().unwrap_or_default()
    )]
    Ambiguous {
        /// The input.
        input: String,
        /// Its shape.
        shape: Shape,
        /// Strides with that size.
        strides: Vec<usize>,
    },
    /// Two inputs of one feature map.
    #[error(
        "its input {input} is the feature map of stride {stride}, which another input is already"
    )]
    Twice {
        /// The input.
        input: String,
        /// The stride.
        stride: usize,
    },
    /// Features that are not those of the head.
    #[error(
        "it reads the feature maps of strides {read:?}, and space.features = {features:?}; leave out space.features"
    )]
    Features {
        /// What the head reads.
        read: Vec<usize>,
        /// What the space says.
        features: Vec<usize>,
    },
    /// Channels that the head doesn't take.
    #[error(
        "its input {input} has {expected} channels, and {place} offers {offered:?}; {reason}write channels = {expected} there"
    )]
    Channels {
        /// The input.
        input: String,
        /// Channels it has in the file.
        expected: usize,
        /// Where the space's feature map comes from.
        place: String,
        /// Channels that it can have.
        offered: Vec<usize>,
        /// What keeps the head from taking on other channels, as a clause with a semicolon; empty where nothing is to be said.
        reason: String,
    },
}

fn sizes(image: Resolution) -> String {
    let strides = [2, 4, 8, 16, 32, 64];
    let sizes = strides.map(|stride| image.strided(stride).to_string());
    sizes.join(", ")
}
