//! The neck and head of a model as a model of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::iter;
use std::path::Path;

use prost::Message;

use super::super::proto::{
    DataType, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::inputs::{channels_last, declared};
use super::numbers::MAX_NUMBERS;
use super::order::reads;
use super::{functions, graph, head, without_elements};
use crate::fixed_head::{FixedHead, HeadCut, HeadCutError};
use crate::network::{Network, Tensor};
use crate::op::{Op, Work};
use crate::shape::Shape;

/// Cuts the head out of the file of a network, `network`: what the outputs depend on, back to the feature maps. The other value is the model
/// that it has become, without the elements of large tensors.
///
/// # Errors
/// As [`import_head_file`](super::import_head_file); also where the head reads something of the backbone that is no feature map.
pub(crate) fn cut_head_file(
    path: &Path,
    name: &str,
    network: &Network,
    cut: &HeadCut,
) -> Result<(FixedHead, Vec<u8>), HeadCutError> {
    cut_head(without_elements(path)?, name, network, cut)
}

/// The same for a model that was read.
pub(super) fn cut_head(
    whole: ModelProto,
    name: &str,
    network: &Network,
    cut: &HeadCut,
) -> Result<(FixedHead, Vec<u8>), HeadCutError> {
    let graph = graph(&whole)?;
    let inlined = functions::inlined(&whole, graph)?;
    let graph = Cutting::new(inlined.as_ref().unwrap_or(graph), network, cut).cut()?;
    let model = ModelProto {
        graph: Some(graph),
        functions: Vec::new(),
        metadata_props: Vec::new(),
        doc_string: None,
        ..whole
    };
    let head = head(&model, Some(name))?;
    Ok((head, model.encode_to_vec()))
}

/// The way back from the outputs.
struct Cutting<'a> {
    graph: &'a GraphProto,
    network: &'a Network,
    cut: &'a HeadCut,
    /// Images that the model takes at once.
    images: i64,
    /// The image's name, and whether its channels come last.
    image: Option<(&'a str, bool)>,
    producers: HashMap<&'a str, usize>,
    stored: HashSet<&'a str>,
    given: HashSet<&'a str>,
    /// Nodes that the head is made of.
    kept: BTreeSet<usize>,
    /// Values that are feature maps, with their strides.
    maps: BTreeMap<&'a str, usize>,
    /// What nodes produce that ask for the sizes of something in the backbone.
    shapes: BTreeMap<&'a str, Vec<i64>>,
    /// Stored tensors that something reads.
    read: HashSet<&'a str>,
}

/// What the file has of a value.
enum Origin {
    /// It is a feature map of this stride.
    Map(usize),
    /// It lies in the backbone: the layer, or nothing for the image.
    Backbone(Option<usize>),
    /// It is the head's, or known from the file alone.
    Other,
}

impl<'a> Cutting<'a> {
    fn new(graph: &'a GraphProto, network: &'a Network, cut: &'a HeadCut) -> Self {
        let produced = graph.node.iter().enumerate().flat_map(|(index, node)| {
            let values = node.output.iter().filter(|value| !value.is_empty());
            values.map(move |value| (value.as_str(), index))
        });
        let dense = graph.initializer.iter().map(TensorProto::name);
        let sparse = graph.sparse_initializer.iter();
        let sparse = sparse.filter_map(|sparse| Some(sparse.values.as_ref()?.name()));
        let stored: HashSet<&str> = dense.chain(sparse).collect();
        let given = graph.input.iter().map(ValueInfoProto::name);
        let given: HashSet<&str> = given.filter(|name| !stored.contains(name)).collect();
        let inputs = graph.input.iter();
        let inputs = inputs.filter(|info| given.contains(info.name()));
        let mut inputs = inputs.filter_map(|info| Some((info.name(), declared(info)?)));
        let image = inputs.find(|(_, dims)| dims.len() == 4);
        let images = image.as_ref().and_then(|(_, dims)| dims[0]).unwrap_or(1);
        let nodes: Vec<&NodeProto> = graph.node.iter().collect();
        let image = image.map(|(name, _)| (name, channels_last(name, &nodes)));
        Self {
            graph,
            network,
            cut,
            images: i64::try_from(images).unwrap_or(1),
            image,
            producers: produced.collect(),
            stored,
            given,
            kept: BTreeSet::new(),
            maps: BTreeMap::new(),
            shapes: BTreeMap::new(),
            read: HashSet::new(),
        }
    }

    fn origin(&self, value: &str) -> Origin {
        if self.given.contains(value) {
            return Origin::Backbone(None);
        }
        match self.network.file_names().value(value) {
            Some(layer) => match self.cut.maps.get(&layer) {
                Some(&stride) => Origin::Map(stride),
                None if self.cut.backbone.contains(&layer) => Origin::Backbone(Some(layer)),
                None => Origin::Other,
            },
            None => Origin::Other,
        }
    }

    fn cut(mut self) -> Result<GraphProto, HeadCutError> {
        let of_the_head = |output: &&ValueInfoProto| {
            let name = output.name();
            self.producers.contains_key(name) && matches!(self.origin(name), Origin::Other)
        };
        let outputs: Vec<&ValueInfoProto> = self.graph.output.iter().filter(of_the_head).collect();
        let mut open: Vec<&str> = outputs.iter().map(|output| output.name()).collect();
        let mut met: HashSet<&str> = open.iter().copied().collect();
        while let Some(value) = open.pop() {
            for next in self.before(value)? {
                if met.insert(next) {
                    open.push(next);
                }
            }
        }
        if self.kept.is_empty() || self.maps.is_empty() {
            return Err(HeadCutError::NoOutput);
        }
        let outputs = outputs.into_iter().cloned().collect();
        self.graph(outputs)
    }

    /// What must be known for a value, where the head computes it.
    fn before(&mut self, value: &'a str) -> Result<Vec<&'a str>, HeadCutError> {
        if self.stored.contains(value) {
            self.read.insert(value);
            return Ok(Vec::new());
        }
        match self.origin(value) {
            Origin::Map(stride) => {
                self.maps.insert(value, stride);
                return Ok(Vec::new());
            }
            Origin::Backbone(None) => return Err(HeadCutError::Input(value.to_owned())),
            Origin::Backbone(Some(layer)) => {
                return Err(HeadCutError::Within(self.network.layer_name(layer)));
            }
            Origin::Other => {}
        }
        let Some(&index) = self.producers.get(value) else {
            // a graph that a node holds reads its own values too
            return Ok(Vec::new());
        };
        let graph = self.graph;
        let node = &graph.node[index];
        if let Some(sizes) = self.asked_sizes(node) {
            self.shapes.insert(value, sizes);
            return Ok(Vec::new());
        }
        self.kept.insert(index);
        Ok(reads(node))
    }

    /// The sizes that a node asks for, where they are those of something in the backbone with four axes.
    fn asked_sizes(&self, node: &NodeProto) -> Option<Vec<i64>> {
        let of = node.input.first().filter(|_| node.op_type() == "Shape")?;
        let sizes = self.sizes_of(self.behind_views(of))?;
        // axes from `start` up to `end`, counted from the back where they are below 0
        let axis = |name: &str| {
            let mut attributes = node.attribute.iter();
            let axis = attributes.find(|attribute| attribute.name() == name)?.i?;
            let axis = if axis < 0 { axis + 4 } else { axis };
            usize::try_from(axis.clamp(0, 4)).ok()
        };
        let (start, end) = (axis("start").unwrap_or(0), axis("end").unwrap_or(4));
        Some(sizes.get(start..end).unwrap_or_default().to_vec())
    }

    /// What a value is a view of, as behind what scales to integers and back.
    fn behind_views(&self, value: &'a str) -> &'a str {
        let (graph, network) = (self.graph, self.network);
        let viewed = |value: &str| {
            let layer = network.file_names().value(value)?;
            let layer = &network.layers()[layer];
            let is_view = matches!(&layer.op, Op::Other(other) if other.work == Work::View);
            let keeps = network.input_shape(layer) == layer.output;
            let node = *self.producers.get(value).filter(|_| is_view && keeps)?;
            graph.node[node].input.first()
        };
        let views = iter::successors(Some(value), |value| viewed(value).map(String::as_str));
        views.last().unwrap_or(value)
    }

    fn sizes_of(&self, value: &str) -> Option<[i64; 4]> {
        match self.origin(value) {
            Origin::Backbone(None) => {
                let (_, last) = self.image.filter(|(name, _)| *name == value)?;
                let [images, channels, height, width] = self.sizes(self.network.input());
                Some(match last {
                    true => [images, height, width, channels],
                    false => [images, channels, height, width],
                })
            }
            Origin::Backbone(Some(_)) | Origin::Map(_) => {
                let layer = self.network.file_names().value(value)?;
                let has_map = matches!(
                    self.network.layers()[layer].op,
                    Op::Conv(_) | Op::BatchNorm | Op::Activation(_) | Op::Add | Op::Pool(_)
                );
                let shape = self.network.shape(Tensor::Layer(layer));
                has_map.then(|| self.sizes(shape))
            }
            Origin::Other => None,
        }
    }

    fn graph(&self, output: Vec<ValueInfoProto>) -> Result<GraphProto, HeadCutError> {
        let mut strides: BTreeMap<usize, Shape> = BTreeMap::new();
        for (value, &stride) in &self.maps {
            let layer = self.network.file_names().value(value);
            let shape = self
                .network
                .shape(layer.map_or(Tensor::Input, Tensor::Layer));
            let one = *strides.entry(stride).or_insert(shape);
            if one != shape {
                let other = shape;
                return Err(HeadCutError::Differ { stride, one, other });
            }
        }
        let names = self.map_names();
        let kept = self.kept.iter().map(|&index| &self.graph.node[index]);
        let renamed = kept.cloned().map(|mut node| {
            self.rename(&mut node, &names);
            node
        });
        let node: Vec<NodeProto> = renamed.collect();
        let produced: HashSet<&str> = node
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str)
            .collect();
        let stored = self.graph.initializer.iter();
        let stored = stored.filter(|tensor| self.read.contains(tensor.name()));
        let shapes = self.shapes.iter();
        let shapes = shapes.map(|(value, sizes)| stored_sizes(value, sizes));
        let sparse = self.graph.sparse_initializer.iter().filter(|sparse| {
            let values = sparse.values.as_ref();
            values.is_some_and(|values| self.read.contains(values.name()))
        });
        let value_info = self.graph.value_info.iter();
        let value_info = value_info.filter(|info| produced.contains(info.name()));
        Ok(GraphProto {
            name: self.graph.name.clone(),
            doc_string: None,
            initializer: stored.cloned().map(without_large).chain(shapes).collect(),
            sparse_initializer: sparse.cloned().collect(),
            input: strides
                .iter()
                .map(|(stride, shape)| self.map(&names[stride], *shape))
                .collect(),
            value_info: value_info.cloned().collect(),
            node,
            output,
        })
    }

    /// What the head calls its feature maps: by their strides, unless it calls something else so.
    fn map_names(&self) -> BTreeMap<usize, String> {
        let kept = self.kept.iter().map(|&index| &self.graph.node[index]);
        let produced = kept.flat_map(|node| node.output.iter().map(String::as_str));
        let taken: HashSet<&str> = produced.chain(self.read.iter().copied()).collect();
        let named = self.maps.values().map(|&stride| {
            let mut name = format!("stride{stride}");
            while taken.contains(&*name) {
                name += "_map";
            }
            (stride, name)
        });
        named.collect()
    }

    /// Has a node read feature maps under these names.
    fn rename(&self, node: &mut NodeProto, names: &BTreeMap<usize, String>) {
        // where it stood in somebody's sources
        node.doc_string = None;
        for value in &mut node.input {
            let stride = self.maps.get(value.as_str());
            if let Some(name) = stride.and_then(|stride| names.get(stride)) {
                value.clone_from(name);
            }
        }
        for attribute in &mut node.attribute {
            let held = attribute.g.as_deref_mut().into_iter();
            for graph in held.chain(&mut attribute.graphs) {
                let nodes = graph.node.iter_mut();
                nodes.for_each(|node| self.rename(node, names));
            }
        }
    }

    fn sizes(&self, shape: Shape) -> [i64; 4] {
        let sizes = [shape.channels, shape.height, shape.width];
        let [channels, height, width] = sizes.map(|size| i64::try_from(size).unwrap_or(i64::MAX));
        [self.images, channels, height, width]
    }

    /// A feature map as an input.
    fn map(&self, name: &str, shape: Shape) -> ValueInfoProto {
        let dim = self.sizes(shape).map(|size| DimensionProto {
            value: Some(DimensionValue::Size(size)),
            denotation: None,
        });
        let tensor = TensorTypeProto {
            elem_type: Some(DataType::Float as i32),
            shape: Some(TensorShapeProto { dim: dim.to_vec() }),
        };
        ValueInfoProto {
            name: Some(name.to_owned()),
            r#type: Some(TypeProto {
                tensor_type: Some(tensor),
                denotation: None,
            }),
            doc_string: None,
        }
    }
}

/// Sizes as a stored tensor.
fn stored_sizes(name: &str, sizes: &[i64]) -> TensorProto {
    TensorProto {
        dims: vec![sizes.len() as i64],
        data_type: Some(DataType::Int64 as i32),
        int64_data: sizes.to_vec(),
        name: Some(name.to_owned()),
        ..TensorProto::default()
    }
}

/// A tensor without its elements where they are more than anything is computed from.
fn without_large(tensor: TensorProto) -> TensorProto {
    let elements = tensor.dims.iter().fold(1_u64, |product, &dim| {
        product.saturating_mul(u64::try_from(dim).unwrap_or(0))
    });
    if elements <= MAX_NUMBERS {
        return tensor;
    }
    TensorProto {
        dims: tensor.dims,
        data_type: tensor.data_type,
        name: tensor.name,
        ..TensorProto::default()
    }
}
