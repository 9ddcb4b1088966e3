//! One row of a table, as numbers.

use std::collections::BTreeMap;

use csv::StringRecord;

use super::{COLUMNS, OPTIONAL};
use crate::shape::Shape;

/// Where each column stands in a file.
#[derive(Debug, Clone)]
pub(crate) struct Header(BTreeMap<&'static str, usize>);

impl Header {
    /// The columns of a file's first line, or the first of them that is missing.
    pub(crate) fn new(line: &StringRecord) -> Result<Self, &'static str> {
        let mut places = BTreeMap::new();
        for column in COLUMNS {
            match line.iter().position(|name| name.trim() == column) {
                Some(place) => {
                    places.insert(column, place);
                }
                None if OPTIONAL.contains(&column) => {}
                None => return Err(column),
            }
        }
        Ok(Self(places))
    }

    fn text<'r>(&self, record: &'r StringRecord, column: &str) -> &'r str {
        let place = self.0.get(column);
        place
            .and_then(|&place| record.get(place))
            .unwrap_or("")
            .trim()
    }
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) layer: String,
    pub(crate) op: String,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: usize,
    pub(crate) groups: usize,
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    pub(crate) activation: String,
    pub(crate) bias: bool,
    pub(crate) inputs: usize,
    /// Producers of the inputs, where the table says.
    pub(crate) from: Option<Vec<String>>,
}

/// Sizes beyond this are a mistake, and would make counts overflow.
const LARGEST: usize = 1 << 20;

/// No layer multiplies more often: ten thousand times what the largest published network does for one image.
const MOST_MACS: f64 = 1e15;

impl Row {
    /// Name of the network that a line belongs to.
    pub(crate) fn network(header: &Header, record: &StringRecord) -> String {
        header.text(record, "network").to_owned()
    }

    /// The line as a row, or what is wrong with it.
    pub(crate) fn new(header: &Header, record: &StringRecord, line: u64) -> Result<Self, String> {
        let number =
            |column: &str, default: Option<usize>| match (header.text(record, column), default) {
                ("", Some(default)) => Ok(default),
                ("", None) => Err(format!("{column} is missing")),
                (value, _) => value
                    .parse()
                    .ok()
                    .filter(|&number: &usize| number <= LARGEST)
                    .ok_or_else(|| {
                        format!("{column} = {value}: must be a whole number, at most {LARGEST}")
                    }),
            };
        let inputs = number("inputs", Some(1))?;
        // a constant has no input, and so no input shape
        let size = |column| number(column, (inputs == 0).then_some(0));
        let shape = |channels, height, width| {
            let shape = Shape::new(size(channels)?, size(height)?, size(width)?);
            if inputs > 0 && shape.elements() == 0 {
                return Err(format!(
                    "{channels}, {height}, {width} = {shape}: sizes are at least 1"
                ));
            }
            Ok(shape)
        };
        let positive = |column| match number(column, Some(1))? {
            0 => Err(format!("{column} = 0: must be at least 1")),
            number => Ok(number),
        };
        let from = header.text(record, "from");
        let op = header.text(record, "op").to_ascii_lowercase();
        let output = shape("out_channels", "out_h", "out_w")?;
        let mut input = shape("in_channels", "in_h", "in_w")?;
        if op == "linear" && input.positions() == 1 {
            // a table may give one token of what a linear layer reads
            input = output.with_channels(input.channels);
        }
        let kernel = [positive("kernel_h")?, positive("kernel_w")?];
        let area = (kernel[0] * kernel[1]) as f64;
        let dense = output.elements() as f64 * input.channels as f64 * area;
        let linear = input.elements() as f64 * output.channels as f64;
        if dense.max(linear) > MOST_MACS {
            return Err(format!(
                "{input} to {output} with a kernel of {}x{}: so large a layer could take {:.1e} MACs, and the most is {MOST_MACS:e}",
                kernel[0],
                kernel[1],
                dense.max(linear)
            ));
        }
        Ok(Self {
            line,
            layer: header.text(record, "layer").to_owned(),
            op,
            kernel,
            stride: [positive("stride_h")?, positive("stride_w")?],
            dilation: positive("dilation")?,
            groups: positive("groups")?,
            input,
            output,
            activation: header.text(record, "activation").to_ascii_lowercase(),
            bias: number("bias", Some(0))? > 0,
            inputs,
            from: (!from.is_empty())
                .then(|| from.split(';').map(|part| part.trim().to_owned()).collect()),
        })
    }
}
