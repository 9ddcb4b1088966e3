//! The neck and head of a model as a model of their own.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use prost::Message;

use super::super::proto::{
    DataType, DimensionProto, DimensionValue, GraphProto, ModelProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::inputs::declared;
use super::order::reads;
use super::{functions, graph, head, without_elements};
use crate::fixed_head::{FixedHead, HeadCut, HeadCutError};
use crate::network::{Network, Tensor};
use crate::op::Op;
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
    producers: HashMap<&'a str, usize>,
    stored: HashSet<&'a str>,
    given: HashSet<&'a str>,
    /// Nodes that the head is made of.
    kept: BTreeSet<usize>,
    /// Values that are feature maps, with their strides.
    maps: BTreeMap<&'a str, usize>,
    /// What nodes produce that ask for the shape of something in the backbone.
    shapes: BTreeMap<&'a str, Shape>,
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
        let images = graph
            .input
            .iter()
            .filter(|info| given.contains(info.name()));
        let images = images.filter_map(declared).find(|dims| dims.len() == 4);
        let images = images.and_then(|dims| dims[0]).unwrap_or(1);
        Self {
            graph,
            network,
            cut,
            images: i64::try_from(images).unwrap_or(1),
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
        if let Some(shape) = self.asked_shape(node) {
            self.shapes.insert(value, shape);
            return Ok(Vec::new());
        }
        self.kept.insert(index);
        Ok(reads(node))
    }

    /// The shape that a node asks for, where it is that of something in the backbone with four axes.
    fn asked_shape(&self, node: &NodeProto) -> Option<Shape> {
        let is_plain = node.op_type() == "Shape" && node.attribute.is_empty();
        let of = node.input.first().filter(|_| is_plain)?;
        match self.origin(of) {
            Origin::Backbone(None) => {
                let mut infos = self.graph.input.iter();
                let dims = declared(infos.find(|info| info.name() == of)?)?;
                let image = self.network.input();
                let fits = dims.len() == 4 && dims[1].is_none_or(|dim| dim == image.channels);
                fits.then_some(image)
            }
            Origin::Backbone(Some(layer)) => {
                let has_map = matches!(
                    self.network.layers()[layer].op,
                    Op::Conv(_) | Op::BatchNorm | Op::Activation(_) | Op::Add | Op::Pool(_)
                );
                has_map.then(|| self.network.shape(Tensor::Layer(layer)))
            }
            Origin::Map(_) | Origin::Other => None,
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
        let kept = self.kept.iter().map(|&index| &self.graph.node[index]);
        let node: Vec<NodeProto> = kept.map(|node| self.renamed(node)).collect();
        let produced: HashSet<&str> = node
            .iter()
            .flat_map(|node| &node.output)
            .map(String::as_str)
            .collect();
        let stored = self.graph.initializer.iter();
        let stored = stored.filter(|tensor| self.read.contains(tensor.name()));
        let shapes = self.shapes.iter();
        let shapes = shapes.map(|(value, shape)| self.dimensions(value, *shape));
        let sparse = self.graph.sparse_initializer.iter().filter(|sparse| {
            let values = sparse.values.as_ref();
            values.is_some_and(|values| self.read.contains(values.name()))
        });
        let value_info = self.graph.value_info.iter();
        let value_info = value_info.filter(|info| produced.contains(info.name()));
        Ok(GraphProto {
            name: self.graph.name.clone(),
            doc_string: None,
            initializer: stored.cloned().chain(shapes).collect(),
            sparse_initializer: sparse.cloned().collect(),
            input: strides
                .into_iter()
                .map(|(stride, shape)| self.map(stride, shape))
                .collect(),
            value_info: value_info.cloned().collect(),
            node,
            output,
        })
    }

    /// A node that reads feature maps under the names that say their strides.
    fn renamed(&self, node: &NodeProto) -> NodeProto {
        let mut node = node.clone();
        self.rename(&mut node);
        node
    }

    fn rename(&self, node: &mut NodeProto) {
        for value in &mut node.input {
            if let Some(&stride) = self.maps.get(value.as_str()) {
                *value = map_name(stride);
            }
        }
        for attribute in &mut node.attribute {
            let held = attribute.g.as_deref_mut().into_iter();
            for graph in held.chain(&mut attribute.graphs) {
                graph.node.iter_mut().for_each(|node| self.rename(node));
            }
        }
    }

    fn sizes(&self, shape: Shape) -> [i64; 4] {
        let sizes = [shape.channels, shape.height, shape.width];
        let [channels, height, width] = sizes.map(|size| i64::try_from(size).unwrap_or(i64::MAX));
        [self.images, channels, height, width]
    }

    /// A shape as a stored tensor.
    fn dimensions(&self, name: &str, shape: Shape) -> TensorProto {
        TensorProto {
            dims: vec![4],
            data_type: Some(DataType::Int64 as i32),
            int64_data: self.sizes(shape).to_vec(),
            name: Some(name.to_owned()),
            ..TensorProto::default()
        }
    }

    /// A feature map as an input.
    fn map(&self, stride: usize, shape: Shape) -> ValueInfoProto {
        let dim = self.sizes(shape).map(|size| DimensionProto {
            value: Some(DimensionValue::Size(size)),
            denotation: None,
        });
        let tensor = TensorTypeProto {
            elem_type: Some(DataType::Float as i32),
            shape: Some(TensorShapeProto { dim: dim.to_vec() }),
        };
        ValueInfoProto {
            name: Some(map_name(stride)),
            r#type: Some(TypeProto {
                tensor_type: Some(tensor),
                denotation: None,
            }),
            doc_string: None,
        }
    }
}

/// What a head calls the feature map of a stride.
fn map_name(stride: usize) -> String {
    format!("stride{stride}")
}
