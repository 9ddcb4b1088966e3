//! The type of each value's elements.

use std::collections::HashMap;

use super::super::proto::{AttributeProto, DataType, GraphProto, NodeProto, ValueInfoProto};

/// What kinds of elements values hold, as far as the file says or operators tell.
pub(super) struct Types<'a> {
    known: HashMap<&'a str, DataType>,
}

impl<'a> Types<'a> {
    pub(super) fn of(graph: &'a GraphProto) -> Self {
        let infos = [&graph.input, &graph.output, &graph.value_info];
        let declared = infos.into_iter().flatten();
        let declared = declared.filter_map(|info| Some((info.name(), declared_type(info)?)));
        let stored = graph.initializer.iter();
        let stored = stored.filter_map(|tensor| {
            let kind = DataType::try_from(tensor.data_type?).ok()?;
            Some((tensor.name(), kind))
        });
        let mut types = Self {
            known: declared.chain(stored).collect(),
        };
        for node in &graph.node {
            types.follow(node);
        }
        types
    }

    /// Whether a value is in single precision.
    pub(super) fn is_float(&self, value: &str) -> bool {
        self.known.get(value) == Some(&DataType::Float)
    }

    fn follow(&mut self, node: &'a NodeProto) {
        let first = self.produced(node);
        // further outputs are indices, masks and the like, but for what is split
        let alike = match node.op_type() {
            "Split" => node.output.len(),
            _ => 1,
        };
        for output in node.output.iter().take(alike) {
            if let Some(kind) = first
                && !output.is_empty()
            {
                self.known.entry(output).or_insert(kind);
            }
        }
    }

    /// The type of a node's first output; nothing where only the engine knows.
    fn produced(&self, node: &NodeProto) -> Option<DataType> {
        let input = |place: usize| self.known.get(node.input.get(place)?.as_str()).copied();
        match node.op_type() {
            "Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" => Some(DataType::Int64),
            "Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "Not" | "And"
            | "Or" | "Xor" | "IsNaN" | "IsInf" => Some(DataType::Bool),
            "Cast" => DataType::try_from(i32::try_from(attribute(node, "to")?.i()).ok()?).ok(),
            "Constant" => constant(node),
            "ConstantOfShape" => match attribute(node, "value") {
                Some(value) => DataType::try_from(value.t.as_ref()?.data_type?).ok(),
                None => Some(DataType::Float),
            },
            "NonMaxSuppression" => Some(DataType::Int64),
            "Where" | "CastLike" => input(1),
            "OneHot" => input(2),
            // only the engine knows, or no tensor at all
            "If" | "Loop" | "Scan" | "SequenceAt" | "SplitToSequence" => None,
            _ if !matches!(node.domain(), "" | "ai.onnx" | "com.microsoft") => None,
            _ => input(0),
        }
    }
}

/// An attribute by its name.
pub(super) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    let mut all = node.attribute.iter();
    all.find(|attribute| attribute.name() == name)
}

fn constant(node: &NodeProto) -> Option<DataType> {
    let stated = node.attribute.first()?;
    match stated.name() {
        "value" => DataType::try_from(stated.t.as_ref()?.data_type?).ok(),
        "value_float" | "value_floats" => Some(DataType::Float),
        "value_int" | "value_ints" => Some(DataType::Int64),
        _ => None,
    }
}

fn declared_type(info: &ValueInfoProto) -> Option<DataType> {
    let kind = info.r#type.as_ref()?.tensor_type.as_ref()?.elem_type?;
    DataType::try_from(kind)
        .ok()
        .filter(|kind| *kind != DataType::Undefined)
}
