//! A head from a table of layers.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};

use super::{FixedHead, HeadInput, HeadTableError, named_stride};
use crate::layers_csv::{Header, LayerTableError, Row, fused_activation, operator};
use crate::network::{NetworkBuilder, Tensor};
use crate::shape::Shape;

/// The operator of rows that state the shape of a feature map.
const INPUT: &str = "input";

pub(super) fn read(text: &[u8]) -> Result<FixedHead, HeadTableError> {
    let (name, rows) = rows(text)?;
    let inputs = inputs(&rows)?;
    if inputs.is_empty() {
        return Err(HeadTableError::NoInput);
    }
    let (builder, tensors) = FixedHead::begin(name, &inputs);
    let named = inputs.iter().map(|input| input.name.clone()).zip(tensors);
    let mut build = Build {
        builder,
        produced: named.collect(),
    };
    for row in rows.iter().filter(|row| row.inputs > 0) {
        build.row(row).map_err(|reason| at(row, reason))?;
    }
    let mut builder = build.builder;
    for (index, tensor) in builder.unread().into_iter().enumerate() {
        builder.output(format!("output{}", index + 1), tensor);
    }
    FixedHead::finish(inputs, builder).map_err(|error| HeadTableError::Row {
        line: rows.first().map_or(0, |row| row.line),
        reason: error.to_string(),
    })
}

fn at(row: &Row, reason: String) -> HeadTableError {
    let line = row.line;
    HeadTableError::Row { line, reason }
}

/// The rows of the one network, and its name.
fn rows(text: &[u8]) -> Result<(String, Vec<Row>), HeadTableError> {
    let mut reader = ReaderBuilder::new().from_reader(text);
    let headers: StringRecord = reader.headers().map_err(LayerTableError::from)?.clone();
    let header = Header::new(&headers).map_err(LayerTableError::Column)?;
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(LayerTableError::from)?;
        let line = record.position().map_or(0, csv::Position::line);
        let name = Row::network(&header, &record);
        if !names.contains(&name) {
            names.push(name);
        }
        let row = Row::new(&header, &record, line);
        rows.push(row.map_err(|reason| HeadTableError::Row { line, reason })?);
    }
    match &names[..] {
        [] => Err(LayerTableError::Empty.into()),
        [name] => Ok((name.clone(), rows)),
        [first, second, ..] => Err(HeadTableError::Several {
            count: names.len(),
            first: first.clone(),
            second: second.clone(),
        }),
    }
}

/// The feature maps, in the order in which they are met.
fn inputs(rows: &[Row]) -> Result<Vec<HeadInput>, HeadTableError> {
    let mut known: Vec<HeadInput> = Vec::new();
    let mut add =
        |row: &Row, name: &str, shape: Shape| match known.iter().find(|input| input.name == name) {
            None => {
                let name = name.to_owned();
                known.push(HeadInput { name, shape });
                Ok(())
            }
            Some(input) if input.shape == shape => Ok(()),
            Some(input) => {
                let reason = format!("{name} is {shape} here and {} before", input.shape);
                Err(at(row, reason))
            }
        };
    for row in rows {
        if row.inputs == 0 && row.op == INPUT {
            if named_stride(&row.layer).is_none() {
                let reason = format!(
                    "layer = {}: a feature map is named by its stride, such as stride8",
                    row.layer
                );
                return Err(at(row, reason));
            }
            if row.output.elements() == 0 {
                let reason = format!(
                    "out_channels, out_h, out_w = {}: sizes are at least 1",
                    row.output
                );
                return Err(at(row, reason));
            }
            add(row, &row.layer, row.output)?;
        }
        let first = row.from.iter().flatten().next();
        if let Some(first) = first.filter(|name| named_stride(name).is_some()) {
            add(row, first, row.input)?;
        }
    }
    // one that is stated and that nobody reads isn't an input
    let is_read = |input: &HeadInput| {
        let mut producers = rows.iter().flat_map(|row| row.from.iter().flatten());
        producers.any(|producer| *producer == input.name)
    };
    known.retain(is_read);
    Ok(known)
}

/// A head on its way.
struct Build {
    builder: NetworkBuilder,
    produced: BTreeMap<String, Tensor>,
}

impl Build {
    fn row(&mut self, row: &Row) -> Result<(), String> {
        let op = operator(row)?;
        let inputs = self.inputs(row)?;
        let layer = format!("{}.{}", row.layer, row.op);
        let mut output = self
            .builder
            .push_shaped(layer.clone(), op, &inputs, row.output);
        if let Some(activation) = fused_activation(row) {
            let layer = format!("{layer}.{}", row.activation);
            output = self
                .builder
                .push_shaped(layer, activation, &[output], row.output);
        }
        if self.produced.insert(row.layer.clone(), output).is_some() {
            return Err(format!("layer {} is there twice", row.layer));
        }
        Ok(())
    }

    fn inputs(&self, row: &Row) -> Result<Vec<Tensor>, String> {
        let Some(from) = &row.from else {
            return Err("from is empty: in a head every layer says what it reads, the numbers of layers before it or feature maps such as stride8".to_owned());
        };
        if from.len() != row.inputs {
            return Err(format!(
                "inputs = {}, and from = {} names {}",
                row.inputs,
                from.join(";"),
                from.len()
            ));
        }
        let tensor = |producer: &String| {
            self.produced.get(producer).copied().ok_or_else(|| match named_stride(producer) {
                Some(_) => format!("from = {producer}: its shape is not known; state it in a row with layer = {producer}, op = {INPUT} and inputs = 0"),
                None => format!("from = {producer}: neither a layer before it nor a feature map, such as stride8"),
            })
        };
        let inputs: Vec<Tensor> = from.iter().map(tensor).collect::<Result<_, _>>()?;
        let first = self.builder.shape(inputs[0]);
        if first.elements() != row.input.elements() {
            return Err(format!(
                "its input is {}, but {} is {first}",
                row.input, from[0]
            ));
        }
        Ok(inputs)
    }
}
