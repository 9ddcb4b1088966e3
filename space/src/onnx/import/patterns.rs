//! Layers that are one operator written out in several nodes.

use super::formula::{Formula, recognise};
use super::norms;
use super::step::{Called, Step, Traced};
use crate::op::{Op, Work};

/// More nodes than any activation is written in.
const MAX_NODES: usize = 16;

/// Merges what belongs together.
pub(super) fn simplify(traced: &mut Traced) {
    neutral(traced);
    activations(traced);
    norms::merge(traced);
    // a batch-norm whose statistics are frozen is written so: a factor, then a summand
    per_channel(traced, "Mul");
    per_channel(traced, "Add");
    shuffles(traced);
}

/// Who makes and who reads each value, by places of steps.
pub(super) struct Edges {
    pub(super) maker: Vec<Option<usize>>,
    pub(super) readers: Vec<Vec<usize>>,
    /// Whether it is an output of the network.
    pub(super) leaves: Vec<bool>,
}

impl Edges {
    pub(super) fn of(traced: &Traced) -> Self {
        let count = traced.values.len();
        let mut edges = Self {
            maker: vec![None; count],
            readers: vec![Vec::new(); count],
            leaves: vec![false; count],
        };
        for (place, step) in traced.steps.iter().enumerate() {
            let Some(step) = step else { continue };
            edges.maker[step.output] = Some(place);
            for &input in &step.inputs {
                edges.readers[input].push(place);
            }
        }
        for &(_, id) in &traced.outputs {
            edges.leaves[id] = true;
        }
        edges
    }

    /// The only step that reads a value, if there is one and the value is nothing else.
    fn only_reader(&self, id: usize) -> Option<usize> {
        match *self.readers[id] {
            [reader] if !self.leaves[id] => Some(reader),
            _ => None,
        }
    }
}

/// Sums with 0, products with 1 and mere names: ONNX Runtime and OpenVINO drop them before they fuse anything, so that a branch summed on from 0 joins its convolution.
fn neutral(traced: &mut Traced) {
    let mut edges = Edges::of(traced);
    for place in 0..traced.steps.len() {
        let Some(maker) = neutral_at(traced, &edges, place) else {
            continue;
        };
        let Some(step) = traced.steps[place].take() else {
            continue;
        };
        edges.maker[step.output] = Some(maker);
        if let Some(maker) = &mut traced.steps[maker] {
            maker.output = step.output;
            maker.called.absorb(step.called);
        }
    }
}

/// The step whose result this one hands on as it is, and which nobody else reads.
fn neutral_at(traced: &Traced, edges: &Edges, place: usize) -> Option<usize> {
    let step = traced.steps[place].as_ref()?;
    let formula = step.formula.as_ref()?;
    let can_be = ["Add", "Sub", "Mul", "Div", "Identity"].contains(&step.op_type.as_str());
    let mut values = formula.values();
    let (Some(source), None, None) = (values.next(), values.next(), formula.weights().next())
    else {
        return None;
    };
    let hands_on = |x: f64| formula.at(|_| x, |_| f64::NAN) == x;
    let is_whole = traced.values[source].dims == traced.values[step.output].dims;
    (can_be && is_whole && [-3.25, 0.0, 1.0, 0.1, 117.0].into_iter().all(hands_on)).then_some(())?;
    edges.only_reader(source)?;
    edges.maker[source]
}

/// Functions of single elements that end in a known activation. Larger ones win, since the last node comes first.
fn activations(traced: &mut Traced) {
    let edges = Edges::of(traced);
    for place in (0..traced.steps.len()).rev() {
        let Some((activation, source, members)) = activation_at(traced, &edges, place) else {
            continue;
        };
        let mut called = Called::default();
        for member in members.into_iter().filter(|&member| member != place) {
            if let Some(member) = traced.steps[member].take() {
                called.absorb(member.called);
            }
        }
        if let Some(step) = &mut traced.steps[place] {
            step.op = Op::Activation(activation);
            step.called.absorb(called);
            step.inputs = vec![source];
            step.formula = None;
            step.constant = None;
        }
    }
}

/// The activation that ends in a step, what it is a function of, and the steps it is made of.
fn activation_at(
    traced: &Traced,
    edges: &Edges,
    last: usize,
) -> Option<(crate::activation::Activation, usize, Vec<usize>)> {
    let step = traced.steps[last].as_ref()?;
    activating(step)?;
    if matches!(step.op, Op::Activation(_)) {
        return None;
    }
    let mut members = vec![last];
    while members.len() <= MAX_NODES {
        let leaves = leaves(traced, edges, &members);
        if let [source] = *leaves
            && traced.values[source].dims == traced.values[step.output].dims
            && let Some(activation) = recognise(|x| evaluate(traced, edges, &members, source, x))
        {
            return Some((activation, source, members));
        }
        // whatever is made last depends on the others, or the function isn't one of a single value
        let latest = leaves.into_iter().max_by_key(|&id| edges.maker[id])?;
        let maker = edges.maker[latest]?;
        let readers = &edges.readers[latest];
        let inside = readers.iter().all(|reader| members.contains(reader));
        let merges = activating(traced.steps[maker].as_ref()?).is_some();
        if !inside || !merges || edges.leaves[latest] {
            return None;
        }
        members.push(maker);
    }
    None
}

/// What a step computes, if that takes no weights: an activation has none.
fn activating(step: &Step) -> Option<&Formula> {
    let formula = step.formula.as_ref()?;
    formula.weights().next().is_none().then_some(formula)
}

/// Values that the steps read and don't make.
fn leaves(traced: &Traced, edges: &Edges, members: &[usize]) -> Vec<usize> {
    let formulas = members
        .iter()
        .filter_map(|&member| traced.steps[member].as_ref()?.formula.as_ref());
    let mut leaves: Vec<usize> = formulas.flat_map(Formula::values).collect();
    leaves.sort_unstable();
    leaves.dedup();
    leaves.retain(|&id| edges.maker[id].is_none_or(|maker| !members.contains(&maker)));
    leaves
}

/// The first member's result where the source is `x`. Members stand in the reverse of the order they run in.
fn evaluate(traced: &Traced, edges: &Edges, members: &[usize], source: usize, x: f64) -> f64 {
    let mut results = [x; MAX_NODES + 2];
    let place = |id: usize| {
        members
            .iter()
            .position(|&member| edges.maker[id] == Some(member))
    };
    for (position, &member) in members.iter().enumerate().rev() {
        let formula = traced.steps[member]
            .as_ref()
            .and_then(|step| step.formula.as_ref());
        let operand = |id: usize| match place(id) {
            Some(position) if id != source => results[position],
            _ => x,
        };
        results[position] = formula.map_or(f64::NAN, |formula| formula.at(operand, |_| f64::NAN));
    }
    results[0]
}

/// A convolution, the batch-norm behind one, or a product with weights, whose only reader applies one constant for each output channel or feature by this operator: a factor
/// becomes part of the weights, a summand of the bias.
fn per_channel(traced: &mut Traced, op_type: &str) {
    let mut edges = Edges::of(traced);
    for place in 0..traced.steps.len() {
        let Some((reader, op)) = taken_in(traced, &edges, place, op_type) else {
            continue;
        };
        if let (Some(reader), Some(step)) = (traced.steps[reader].take(), &mut traced.steps[place])
        {
            step.op = op;
            step.name = reader.name;
            step.called.absorb(reader.called);
            step.output = reader.output;
            edges.maker[step.output] = Some(place);
        }
    }
}

/// The reader whose constants a step takes in, and the operator that the step becomes.
fn taken_in(traced: &Traced, edges: &Edges, place: usize, op_type: &str) -> Option<(usize, Op)> {
    let step = traced.steps[place].as_ref()?;
    let reader_at = edges.only_reader(step.output)?;
    let reader = traced.steps[reader_at].as_ref()?;
    let constant = reader
        .constant
        .filter(|_| reader.op_type == op_type && reader.inputs.len() == 1)?;
    let constants = traced.values[constant].dims.as_deref()?;
    let output = traced.values[step.output].dims.as_deref()?;
    if traced.values[reader.output].dims.as_deref() != Some(output) {
        return None;
    }
    let features = constants.iter().product::<usize>();
    let over_last = constants.last() == Some(&features) && output.last() == Some(&features);
    let over_channels = constants.len() + 1 >= output.len()
        && output.len() > 2
        && constants.get((constants.len() + 1).checked_sub(output.len())?) == Some(&features)
        && output.get(1) == Some(&features);
    let op = match (step.op.clone(), op_type) {
        (Op::Conv(conv), "Mul") if over_channels => Op::Conv(conv),
        (Op::Conv(conv), "Add") if over_channels => Op::Conv(conv.with_bias()),
        // as Caffe writes one: statistics, then factors and summands
        (Op::BatchNorm, _) if over_channels && is_behind_conv(traced, edges, step) => Op::BatchNorm,
        (
            Op::Linear {
                out_features,
                bias: false,
            },
            "Add",
        ) if over_last => Op::Linear {
            out_features,
            bias: true,
        },
        (Op::MatMul(mut product), "Add") if over_last && product.weights > 0 => {
            product.weights += features as u64;
            Op::MatMul(product)
        }
        _ => return None,
    };
    Some((reader_at, op))
}

/// Whether a step is all that reads a convolution.
fn is_behind_conv(traced: &Traced, edges: &Edges, step: &Step) -> bool {
    let [input] = step.inputs[..] else {
        return false;
    };
    let conv = edges.maker[input].and_then(|maker| traced.steps[maker].as_ref());
    conv.is_some_and(|conv| matches!(conv.op, Op::Conv(_))) && edges.only_reader(input).is_some()
}

/// Channels seen as groups, the two axes swapped, and seen as channels again.
fn shuffles(traced: &mut Traced) {
    let edges = Edges::of(traced);
    for place in 0..traced.steps.len() {
        let Some((swap, end, groups)) = shuffle_at(traced, &edges, place) else {
            continue;
        };
        let start = traced.steps[place].take();
        let swap = traced.steps[swap].take();
        if let (Some(start), Some(swap), Some(step)) = (start, swap, &mut traced.steps[end]) {
            step.called.absorb(swap.called);
            step.called.absorb(start.called);
            step.op = Op::ChannelShuffle { groups };
            step.inputs = start.inputs;
        }
    }
}

fn shuffle_at(traced: &Traced, edges: &Edges, place: usize) -> Option<(usize, usize, usize)> {
    let view = |step: &Step| matches!(&step.op, Op::Other(other) if other.work == Work::View);
    let dims = |id: usize| traced.values[id].dims.as_deref();
    let start = traced.steps[place].as_ref().filter(|step| view(step))?;
    let swap_at = edges.only_reader(start.output)?;
    let swap = traced.steps[swap_at]
        .as_ref()
        .filter(|step| step.op_type == "Transpose")?;
    let end_at = edges.only_reader(swap.output)?;
    let end = traced.steps[end_at].as_ref().filter(|step| view(step))?;
    let whole = dims(*start.inputs.first()?)?;
    let &[images, groups, members, ref rest @ ..] = dims(start.output)? else {
        return None;
    };
    let swaps = swap.order.starts_with(&[0, 2, 1])
        && swap.order[3..].iter().copied().eq(3..swap.order.len());
    let [first, channels, sides @ ..] = whole else {
        return None;
    };
    let fits = *first == images
        && images == traced.images
        && groups > 1
        && members > 1
        && *channels == groups * members
        && sides.iter().product::<usize>() == rest.iter().product::<usize>()
        && dims(end.output)? == whole;
    (swaps && fits).then_some((swap_at, end_at, groups))
}
