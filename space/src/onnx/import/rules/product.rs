//! Products of matrices.

use std::collections::BTreeMap;

use super::super::call::{Call, Kind, Outcome, Produced};
use super::super::dims::{self, Dims, broadcast};
use super::super::value::Value;
use crate::op::Op;

/// `alpha * A * B + beta * C`, with A and B transposed or not.
pub(super) fn gemm(call: &Call) -> Outcome {
    gemm_of(call, 0, 1, 2)
}

/// Gemm with its operands at other positions.
pub(super) fn gemm_of(call: &Call, left: usize, right: usize, bias: usize) -> Outcome {
    let (a, b) = (call.dims(left)?, call.dims(right)?);
    let (&[rows, depth], &[depth_b, columns]) = (
        &*flipped(a, call.int("transA", 0)? != 0),
        &*flipped(b, call.int("transB", 0)? != 0),
    ) else {
        return Err(unsuited(a, b));
    };
    if depth != depth_b {
        return Err(unsuited(a, b));
    }
    let output = vec![rows, columns];
    let c = call.optional(bias);
    if let Some(c) = c
        && broadcast(c.dims()?, &output)? != output
    {
        return Err(format!(
            "can't add {} to {}",
            dims::text(c.dims()?),
            dims::text(&output)
        ));
    }
    let product = Factors {
        left: (left, call.input(left)?),
        right: (right, call.input(right)?),
        rows,
        depth,
        columns,
        bias: c.filter(|c| c.is_weight()),
    };
    let mut produced = product.produced(call, output)?;
    if c.is_some_and(|c| !c.is_weight())
        && let super::super::call::Reads::Only(reads) = &mut produced.reads
    {
        reads.push(bias);
    }
    Ok(vec![produced])
}

fn flipped(dims: &[usize], flip: bool) -> Dims {
    let mut dims = dims.to_vec();
    if flip {
        dims.reverse();
    }
    dims
}

/// A product over the last two axes, those before them broadcast.
pub(super) fn matmul(call: &Call, left: usize, right: usize) -> Outcome {
    let (a, b) = (call.dims(left)?, call.dims(right)?);
    let (a_whole, b_whole) = (matrix(a, true), matrix(b, false));
    let (Some((a_batch, [rows, depth])), Some((b_batch, [depth_b, columns]))) = (a_whole, b_whole)
    else {
        return Err(unsuited(a, b));
    };
    if depth != depth_b {
        return Err(unsuited(a, b));
    }
    let mut output = broadcast(a_batch, b_batch).map_err(|_| unsuited(a, b))?;
    let batches = dims::elements(&output)?;
    if a.len() > 1 {
        output.push(rows);
    }
    if b.len() > 1 {
        output.push(columns);
    }
    let rows = usize::try_from(batches)
        .ok()
        .and_then(|batches| batches.checked_mul(rows))
        .ok_or_else(|| unsuited(a, b))?;
    let product = Factors {
        left: (left, call.input(left)?),
        right: (right, call.input(right)?),
        rows,
        depth,
        columns,
        bias: None,
    };
    Ok(vec![product.produced(call, output)?])
}

/// The last two axes of a factor, and those before them. A vector is a row on the left and a column on the right.
fn matrix(dims: &[usize], left: bool) -> Option<(&[usize], [usize; 2])> {
    match dims {
        [] => None,
        &[size] if left => Some((&[], [1, size])),
        &[size] => Some((&[], [size, 1])),
        [batch @ .., rows, columns] => Some((batch, [*rows, *columns])),
    }
}

fn unsuited(a: &[usize], b: &[usize]) -> String {
    format!("can't multiply {} by {}", dims::text(a), dims::text(b))
}

/// Two factors with their positions among the inputs, and the sizes of the product; the batch is in the rows.
struct Factors<'a> {
    left: (usize, &'a Value),
    right: (usize, &'a Value),
    rows: usize,
    depth: usize,
    columns: usize,
    bias: Option<&'a Value>,
}

impl Factors<'_> {
    /// A linear layer where the left factor is one vector per image and the right one a matrix of weights.
    fn produced(&self, call: &Call, output: Dims) -> Result<Produced, String> {
        let ((left, a), (right, b)) = (self.left, self.right);
        let is_linear = b.is_weight()
            && !a.is_constant()
            && b.rank()? == 2
            && self.rows == call.images
            && self.bias.map_or(Ok(true), |bias| {
                Ok::<_, String>(bias.elements()? == self.columns as u64)
            })?;
        if is_linear {
            let op = Op::Linear {
                out_features: self.columns,
                bias: self.bias.is_some(),
            };
            return Ok(Produced::op(output, op).reading([left]));
        }
        let mut weights = 0;
        let mut reads = Vec::new();
        for (position, factor) in [(left, a), (right, b)] {
            if factor.is_weight() && !(position == left && b.is_weight()) {
                weights += factor.elements()?;
            } else {
                reads.push(position);
            }
        }
        if let Some(bias) = self.bias {
            weights += bias.elements()?;
        }
        let macs = (self.rows as u128 * self.depth as u128)
            .checked_mul(self.columns as u128)
            .ok_or_else(|| "a product that is too much work".to_owned())?;
        Ok(Produced::of(output, Kind::Product { macs, weights }).reading(reads))
    }
}

/// A sum of products by an equation such as `bhid,bhjd->bhij`. `None` for what isn't a product of two
/// tensors with every axis named.
pub(super) fn einsum(call: &Call) -> Result<Option<Produced>, String> {
    let equation: String = match call.text("equation")? {
        Some(text) => text.chars().filter(|c| !c.is_whitespace()).collect(),
        None => return Ok(None),
    };
    let Some(((left, right), result)) = equation
        .split_once("->")
        .and_then(|(terms, result)| Some((terms.split_once(',')?, result)))
    else {
        return Ok(None);
    };
    if right.contains(',') || equation.contains('.') {
        return Ok(None);
    }
    let mut sizes: BTreeMap<char, usize> = BTreeMap::new();
    for (position, term) in [left, right].into_iter().enumerate() {
        let input = call.dims(position)?;
        if term.chars().count() != input.len() {
            return Err(format!(
                "{term} doesn't name the axes of {}",
                dims::text(input)
            ));
        }
        for (name, &size) in term.chars().zip(input) {
            let known = *sizes.entry(name).or_insert(size);
            if known != size {
                return Err(format!("axis {name} is {known} and {size}"));
            }
        }
    }
    let axis = |name: char| {
        let size = sizes.get(&name).copied();
        size.ok_or_else(|| format!("{result} names axis {name}, which no input has"))
    };
    let output = result.chars().map(axis).collect::<Result<Dims, _>>()?;
    let macs = sizes
        .values()
        .try_fold(1_u128, |product, &size| product.checked_mul(size as u128))
        .ok_or_else(|| format!("{equation} is too much work"))?;
    let mut weights = 0;
    for position in 0..2 {
        let factor = call.input(position)?;
        if factor.is_weight() {
            weights += factor.elements()?;
        }
    }
    Ok(Some(Produced::of(output, Kind::Product { macs, weights })))
}

/// A recurrent layer with this many gates: the products of its input and of its state with their weights.
/// `[steps, batch, features]` in; every step's state, the last state and the last cell out.
pub(super) fn recurrent(call: &Call, gates: usize) -> Outcome {
    let (input, weight, recurrence) = (call.dims(0)?, call.dims(1)?, call.dims(2)?);
    let (&[first, second, features], &[directions, rows, depth], &[_, rows_r, hidden]) =
        (input, weight, recurrence)
    else {
        return Err(unsuited(input, weight));
    };
    let batch_first = call.int("layout", 0)? != 0;
    let (steps, batch) = if batch_first {
        (second, first)
    } else {
        (first, second)
    };
    // ONNX Runtime's quantised variant has its weights transposed
    let turned = call.op_type() == "DynamicQuantizeLSTM";
    let (rows, depth) = if turned { (depth, rows) } else { (rows, depth) };
    let (rows_r, hidden) = if turned {
        (hidden, rows_r)
    } else {
        (rows_r, hidden)
    };
    if features != depth || rows != rows_r || hidden.checked_mul(gates) != Some(rows) {
        return Err(format!(
            "weights of {} and {} don't suit an input of {}",
            dims::text(weight),
            dims::text(recurrence),
            dims::text(input)
        ));
    }
    let sum = u128::from(call.input(1)?.elements()?) + u128::from(call.input(2)?.elements()?);
    let macs = sum * steps as u128 * batch as u128;
    let mut weights = sum as u64;
    if let Some(bias) = call.optional(3) {
        weights += bias.elements()?;
    }
    let (states, last) = if batch_first {
        (
            vec![batch, steps, directions, hidden],
            vec![batch, directions, hidden],
        )
    } else {
        (
            vec![steps, directions, batch, hidden],
            vec![directions, batch, hidden],
        )
    };
    let of = |dims: Dims, kind| Produced::of(dims, kind).reading([0]);
    let nothing = || Kind::Work(crate::op::Work::View);
    let mut outputs = vec![
        of(states, Kind::Product { macs, weights }),
        of(last.clone(), nothing()),
        of(last, nothing()),
    ];
    // the work belongs to the first output that somebody reads
    let read = |position: usize| {
        call.node
            .output
            .get(position)
            .is_some_and(|name| !name.is_empty())
    };
    if !read(0) && read(1) {
        outputs[1].kind = Kind::Product { macs, weights };
    }
    Ok(outputs)
}
