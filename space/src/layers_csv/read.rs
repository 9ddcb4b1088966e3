//! Reading tables of layers.

use std::collections::BTreeMap;
use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use thiserror::Error;

use super::ELSEWHERE;
use super::ops::{fused_activation, operator};
use super::row::{Header, Row};
use crate::network::{Network, NetworkBuilder, Part, Tensor};
use crate::op::Op;
use crate::shape::Shape;

/// The networks of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTable {
    /// Those that can be used, in the order of their first rows.
    pub networks: Vec<Network>,
    /// Those that can't, and why.
    pub left_out: Vec<LeftOut>,
}

/// A network of which a row can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The network's name.
    pub network: String,
    /// The row's line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A table that can't be read at all.
#[derive(Debug, Error)]
pub enum LayerTableError {
    /// A column that must be there.
    #[error(
        "column {0} is missing; a table of layers has network, layer, op, kernel_h, kernel_w, stride_h, stride_w, dilation, \
             groups, in_channels, in_h, in_w, out_channels, out_h, out_w, and optionally activation, bias, inputs, from"
    )]
    Column(&'static str),
    /// Not CSV.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// No rows.
    #[error("there are no layers in it")]
    Empty,
}

/// Reads a table. A network with a row that can't be used is left out, with its first such row.
///
/// # Errors
/// When the text is not CSV, lacks a column, or has no rows.
pub fn read(text: impl Read) -> Result<LayerTable, LayerTableError> {
    let mut reader = ReaderBuilder::new().from_reader(text);
    let header = Header::new(reader.headers()?).map_err(LayerTableError::Column)?;
    let mut order: Vec<String> = Vec::new();
    let mut rows: BTreeMap<String, Vec<Result<Row, LeftOut>>> = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = one_row(&header, &record, line);
        let network = Row::network(&header, &record);
        rows.entry(network.clone())
            .or_insert_with(|| {
                order.push(network);
                Vec::new()
            })
            .push(row);
    }
    if order.is_empty() {
        return Err(LayerTableError::Empty);
    }
    let mut table = LayerTable {
        networks: Vec::new(),
        left_out: Vec::new(),
    };
    for name in order {
        let rows = rows.remove(&name).unwrap_or_default();
        let rows: Result<Vec<Row>, LeftOut> = rows.into_iter().collect();
        match rows.and_then(|rows| network(&name, &rows)) {
            Ok(network) => table.networks.push(network),
            Err(left_out) => table.left_out.push(left_out),
        }
    }
    Ok(table)
}

fn one_row(header: &Header, record: &StringRecord, line: u64) -> Result<Row, LeftOut> {
    Row::new(header, record, line).map_err(|reason| LeftOut {
        network: Row::network(header, record),
        line,
        reason,
    })
}

/// The network that these rows describe.
fn network(name: &str, rows: &[Row]) -> Result<Network, LeftOut> {
    let refuse = |row: Option<&Row>, reason: String| LeftOut {
        network: name.to_owned(),
        line: row.map_or(0, |row| row.line),
        reason,
    };
    let rows: Vec<&Row> = rows.iter().filter(|row| row.inputs > 0).collect();
    let Some(first) = rows.first() else {
        return Err(refuse(None, "has no layers with inputs".to_owned()));
    };
    let mut builder = NetworkBuilder::new(name, first.input);
    builder.section(Part::Whole, "");
    let mut produced: BTreeMap<&str, Tensor> = BTreeMap::new();
    let mut last = Tensor::Input;
    for row in &rows {
        let refuse = |reason| refuse(Some(row), reason);
        let op = operator(row).map_err(refuse)?;
        let inputs = inputs(row, &op, &produced, &builder).map_err(refuse)?;
        let layer = format!("{}.{}", row.layer, row.op);
        let mut output = builder.push_shaped(layer.clone(), op, &inputs, row.output);
        if let Some(activation) = fused_activation(row) {
            let layer = format!("{layer}.{}", row.activation);
            output = builder.push_shaped(layer, activation, &[output], row.output);
        }
        if produced.insert(&row.layer, output).is_some() && row.from.is_some() {
            return Err(refuse(format!("layer {} is there twice", row.layer)));
        }
        last = output;
    }
    // with edges, what nobody reads is an output; without, the last layer is
    let ends = builder.unread();
    let names_one = |row: &&Row| row.from.iter().flatten().any(|from| from != ELSEWHERE);
    let has_edges = rows.iter().all(|row| row.from.is_some()) && rows.iter().any(names_one);
    if has_edges && !ends.is_empty() {
        for (index, tensor) in ends.into_iter().enumerate() {
            builder.output(format!("output{}", index + 1), tensor);
        }
    } else {
        builder.output("output1", last);
    }
    builder
        .finish()
        .map_err(|error| refuse(Some(first), error.to_string()))
}

/// Where a row's inputs come from; unnamed producers leave tensors of the right sizes.
fn inputs(
    row: &Row,
    op: &Op,
    produced: &BTreeMap<&str, Tensor>,
    builder: &NetworkBuilder,
) -> Result<Vec<Tensor>, String> {
    let Some(from) = &row.from else {
        return Ok(unnamed(row, op)
            .into_iter()
            .map(Tensor::Elsewhere)
            .collect());
    };
    let mut named = Vec::with_capacity(from.len());
    for producer in from {
        named.push(match producer.as_str() {
            "input" => Some(Tensor::Input),
            ELSEWHERE => None,
            producer => Some(*produced.get(producer).ok_or_else(|| {
                format!("from = {producer}: no layer before it has this number, and it is neither input nor {ELSEWHERE}")
            })?),
        });
    }
    let shapes: Vec<Option<Shape>> = named
        .iter()
        .map(|named| named.map(|tensor| builder.shape(tensor)))
        .collect();
    let mut inputs = Vec::with_capacity(from.len());
    for (place, tensor) in named.into_iter().enumerate() {
        inputs.push(match tensor {
            Some(tensor) => tensor,
            None => Tensor::Elsewhere(elsewhere(row, op, place, &shapes).ok_or_else(|| {
                format!(
                    "from = {}: the row doesn't tell how large input {} is, and no layer produces it",
                    from.join(";"),
                    place + 1
                )
            })?),
        });
    }
    let first = builder.shape(inputs[0]);
    if first.elements() != row.input.elements() {
        return Err(format!(
            "its input is {}, but layer {} produces {first}",
            row.input, from[0]
        ));
    }
    Ok(inputs)
}

/// Shape of an input from elsewhere, beside those `named` that layers produce: the row's own for the first and for those that are as large as it, what is left of a concat's
/// output, a gate's.
fn elsewhere(row: &Row, op: &Op, place: usize, named: &[Option<Shape>]) -> Option<Shape> {
    let first = row.input;
    match op {
        _ if place == 0 => Some(first),
        _ if place >= row.inputs => None,
        Op::Scale => Some(Shape::new(first.channels, 1, 1)),
        Op::Concat => {
            let others = &named[1..];
            let known: usize = others.iter().flatten().map(|shape| shape.channels).sum();
            let left = row.output.channels.checked_sub(first.channels + known)?;
            let is_alone = others.iter().filter(|shape| shape.is_none()).count() == 1;
            (is_alone && left > 0).then(|| first.with_channels(left))
        }
        Op::MatMul(_) => None,
        _ => Some(first),
    }
}

/// Shapes of inputs where the table names no producers.
fn unnamed(row: &Row, op: &Op) -> Vec<Shape> {
    let first = row.input;
    let mut shapes = vec![first];
    match op {
        // a concat gives its first input's channels: the others share the rest
        Op::Concat if row.output.channels > first.channels => {
            shapes.push(first.with_channels(row.output.channels - first.channels));
        }
        Op::Scale => shapes.push(Shape::new(first.channels, 1, 1)),
        // what flows into attention is one tensor, however often it is named
        Op::MatMul(_) | Op::Concat => {}
        _ => shapes.extend(vec![first; row.inputs - 1]),
    }
    shapes
}
