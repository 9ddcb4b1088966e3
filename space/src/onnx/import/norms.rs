//! Normalisations by moments of their own input, written out in primitives.
//!
//! They come in many forms: the variance as the mean of squared differences or as the difference of means of squares, a quotient or the
//! product with a reciprocal, the mean subtracted first or at the end as part of the bias. So they are told by what they compute, as
//! activations are: whatever consists of means along the same axes and of functions of single elements, and puts out `s * (x - mean) /
//! deviation + b` for some s and b, is a normalisation; without the mean it is one by the root of the mean square.

use super::dims::Dims;
use super::formula::Formula;
use super::patterns::Edges;
use super::step::{Called, Step, Traced};
use crate::op::{Op, Other, Work};

/// More nodes than any normalisation is written in.
const MAX_NODES: usize = 20;
/// Elements along the axes whose moments are taken.
const ELEMENTS: usize = 5;
/// Inputs on which a normalisation is tried, large so that what is added to the variance to keep it from zero hardly matters.
const SAMPLES: [[f64; ELEMENTS]; 2] = [
    [30.0, -120.0, 250.0, 90.0, -40.0],
    [410.0, 100.0, -300.0, 220.0, 750.0],
];
/// How far off a result may be, relative to its scale.
const TOLERANCE: f64 = 1e-4;

/// A value along the axes whose moments are taken.
type Elements = [f64; ELEMENTS];

/// Merges the steps of each normalisation into its last.
pub(super) fn merge(traced: &mut Traced) {
    if !traced.steps.iter().flatten().any(is_mean) {
        return;
    }
    let edges = Edges::of(traced);
    for place in (0..traced.steps.len()).rev() {
        let Some(found) = norm_at(traced, &edges, place) else {
            continue;
        };
        let Some(op) = operator(traced, &found) else {
            continue;
        };
        let mut called = Called::default();
        for &member in found.members.iter().filter(|&&member| member != place) {
            if let Some(member) = traced.steps[member].take() {
                called.absorb(member.called);
            }
        }
        if let Some(step) = &mut traced.steps[place] {
            step.op = op;
            step.called.absorb(called);
            step.inputs = vec![found.source];
            step.formula = None;
            step.constant = None;
        }
    }
}

fn is_mean(step: &Step) -> bool {
    step.op_type == "ReduceMean"
}

/// What a step may be within a normalisation.
fn merges(step: &Step) -> bool {
    is_mean(step) || step.formula.is_some()
}

/// What a normalisation computes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Norm {
    /// Whether it takes the mean away.
    centres: bool,
    /// Whether a factor follows.
    scales: bool,
    /// Whether a summand follows.
    shifts: bool,
}

/// A normalisation with the value it reads and the steps it is made of, the last of them first.
struct Found {
    norm: Norm,
    source: usize,
    members: Vec<usize>,
    /// The sizes of its moments.
    moments: Dims,
}

impl Found {
    /// The name of the operator that does the same.
    fn name(&self) -> &'static str {
        match (self.norm.centres, &*self.moments) {
            (false, _) => "RMSNormalization",
            (true, &[_, channels, 1, 1]) if channels > 1 => "InstanceNormalization",
            (true, _) => "LayerNormalization",
        }
    }
}

/// The normalisation that ends in a step. The larger of two wins: behind the differences from the mean stands a normalisation of these
/// differences by their mean square.
fn norm_at(traced: &Traced, edges: &Edges, last: usize) -> Option<Found> {
    let step = traced.steps[last].as_ref()?;
    step.formula.as_ref()?;
    let whole = traced.values[step.output].dims.as_deref()?;
    let mut members = vec![last];
    let mut found = None;
    while members.len() <= MAX_NODES {
        let leaves = leaves(traced, edges, &members);
        if let [source] = *leaves
            && traced.values[source].dims.as_deref() == Some(whole)
            && let Some(moments) = moments(traced, &members, whole)
            && let Some(norm) = recognise(traced, edges, &members, source)
        {
            found = Some(Found {
                norm,
                source,
                members: members.clone(),
                moments,
            });
            if norm.centres {
                break;
            }
        }
        let Some(maker) = next(traced, edges, &members, &leaves) else {
            break;
        };
        members.push(maker);
    }
    found
}

/// The step before the members: the latest that makes something they read, if nobody else reads it.
fn next(traced: &Traced, edges: &Edges, members: &[usize], leaves: &[usize]) -> Option<usize> {
    let latest = leaves.iter().copied().max_by_key(|&id| edges.maker[id])?;
    let maker = edges.maker[latest]?;
    let readers = &edges.readers[latest];
    let inside = readers.iter().all(|reader| members.contains(reader));
    let step = traced.steps[maker].as_ref()?;
    (inside && merges(step) && !edges.leaves[latest]).then_some(maker)
}

/// The values that a step reads.
fn read(step: &Step) -> Vec<usize> {
    match &step.formula {
        Some(formula) => formula.values().collect(),
        None => step.inputs.clone(),
    }
}

/// Values that the steps read and don't make.
fn leaves(traced: &Traced, edges: &Edges, members: &[usize]) -> Vec<usize> {
    let steps = members
        .iter()
        .filter_map(|&member| traced.steps[member].as_ref());
    let mut leaves: Vec<usize> = steps.flat_map(read).collect();
    leaves.sort_unstable();
    leaves.dedup();
    leaves.retain(|&id| edges.maker[id].is_none_or(|maker| !members.contains(&maker)));
    leaves
}

/// The sizes of the members' means, if these are all along the same axes, which stay, and everything else is of their sizes or of the
/// whole's.
fn moments(traced: &Traced, members: &[usize], whole: &[usize]) -> Option<Dims> {
    let steps = { members.iter() }.filter_map(|&member| traced.steps[member].as_ref());
    let dims = |step: &Step| traced.values[step.output].dims.as_deref();
    let moments = dims(steps.clone().find(|step| is_mean(step))?)?;
    let fits = moments.len() == whole.len()
        && steps.clone().all(|step| match is_mean(step) {
            true => dims(step) == Some(moments),
            false => [Some(whole), Some(moments)].contains(&dims(step)),
        });
    fits.then(|| moments.to_vec())
}

/// What the members compute of the source, if it is a normalisation.
fn recognise(traced: &Traced, edges: &Edges, members: &[usize], source: usize) -> Option<Norm> {
    let outcomes = SAMPLES.map(|sample| evaluate(traced, edges, members, source, sample));
    let [Some(left), Some(right)] = outcomes else {
        return None;
    };
    affine(&[left, right])
}

/// The normalisation whose result is a line in that of the plain one, the same for all samples.
fn affine(outcomes: &[Elements; 2]) -> Option<Norm> {
    [true, false].into_iter().find_map(|centres| {
        let plain = SAMPLES.map(|sample| normalised(sample, centres));
        let scale = (outcomes[0][0] - outcomes[0][1]) / (plain[0][0] - plain[0][1]);
        let shift = outcomes[0][0] - scale * plain[0][0];
        let pairs = plain.iter().flatten().zip(outcomes.iter().flatten());
        let tolerance = TOLERANCE * (scale.abs() + shift.abs());
        let mut pairs = pairs.map(|(plain, outcome)| (scale * plain + shift - outcome).abs());
        let fits = scale.abs() > TOLERANCE && pairs.all(|error| error <= tolerance);
        fits.then_some(Norm {
            centres,
            scales: (scale - 1.0).abs() > tolerance,
            shifts: shift.abs() > tolerance,
        })
    })
}

fn mean(elements: Elements) -> f64 {
    elements.iter().sum::<f64>() / ELEMENTS as f64
}

fn normalised(sample: Elements, centres: bool) -> Elements {
    let middle = if centres { mean(sample) } else { 0.0 };
    let differences = sample.map(|x| x - middle);
    let deviation = mean(differences.map(|x| x * x)).sqrt();
    differences.map(|x| x / deviation)
}

/// The first member's result where the source is the sample. Members stand in the reverse of the order they run in. Nothing where means are
/// taken of what is a mean already.
fn evaluate(
    traced: &Traced,
    edges: &Edges,
    members: &[usize],
    source: usize,
    sample: Elements,
) -> Option<Elements> {
    let mut results = vec![sample; members.len()];
    for (position, &member) in members.iter().enumerate().rev() {
        let step = traced.steps[member].as_ref()?;
        let operand = |id: usize| match edges.maker[id] {
            _ if id == source => sample,
            Some(maker) => {
                let place = members.iter().position(|&member| member == maker);
                place.map_or(sample, |place| results[place])
            }
            None => sample,
        };
        results[position] = match &step.formula {
            Some(formula) => of_elements(formula, operand),
            None => {
                let &input = step.inputs.first()?;
                if traced.values[input].dims != traced.values[source].dims {
                    return None;
                }
                [mean(operand(input)); ELEMENTS]
            }
        };
    }
    results.first().copied()
}

/// A function of single elements, on all of them. Weights are taken for numbers without any pattern.
fn of_elements(formula: &Formula, operand: impl Fn(usize) -> Elements) -> Elements {
    let weight = |id: usize| 0.5 + (id as f64 * 0.618_034).fract();
    std::array::from_fn(|element| formula.at(|id| operand(id)[element], weight))
}

/// The operator that a normalisation becomes, with the weights of its members. FLOPs by element as of the operators with these names: three
/// for the mean and the mean square, two without the mean; a difference, a quotient, a factor and a summand one each.
fn operator(traced: &Traced, found: &Found) -> Option<Op> {
    let last = traced.steps[*found.members.first()?].as_ref()?;
    let steps = { found.members.iter() }.filter_map(|&member| traced.steps[member].as_ref());
    let read = steps.flat_map(|step| step.formula.iter().flat_map(Formula::weights));
    let elements = read.map(|id| traced.values[id].elements().unwrap_or(0));
    let Norm {
        centres,
        scales,
        shifts,
    } = found.norm;
    let moments = if centres { 5 } else { 3 };
    Some(Op::Other(Other {
        name: found.name().into(),
        work: Work::Elementwise {
            flops: moments + u64::from(scales) + u64::from(shifts),
        },
        weights: elements.fold(0, u64::saturating_add),
        output: last.shape,
    }))
}
