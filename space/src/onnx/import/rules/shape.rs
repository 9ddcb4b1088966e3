//! Constants, and shapes as values.

use super::super::call::{Call, Outcome, Produced};
use super::super::dims::{self, Dims};
use super::super::numbers::{MAX_NUMBERS, Numbers, literal};
use crate::op::Work;

fn known(dims: Dims, numbers: Option<Numbers>) -> Outcome {
    Ok(vec![
        Produced::work(dims, Work::View).with(numbers).reading([]),
    ])
}

/// A constant that the node itself holds.
pub(super) fn constant(call: &Call) -> Outcome {
    let list = |count: usize, numbers: Numbers| {
        known(
            vec![count],
            Some(numbers).filter(|_| count as u64 <= MAX_NUMBERS),
        )
    };
    if let Some(tensor) = call.tensor("value")? {
        let (dims, numbers) = literal(tensor)?;
        return known(dims, numbers);
    }
    if let Some(int) = call.maybe_int("value_int")? {
        return known(Vec::new(), Some(Numbers::Ints(vec![int])));
    }
    if let Some(float) = call.maybe_float("value_float")? {
        return known(Vec::new(), Some(Numbers::Floats(vec![float])));
    }
    if let Some(ints) = call.ints("value_ints")? {
        return list(ints.len(), Numbers::Ints(ints.to_vec()));
    }
    if let Some(floats) = call.floats("value_floats")? {
        let floats: Vec<f64> = floats.iter().map(|&x| f64::from(x)).collect();
        return list(floats.len(), Numbers::Floats(floats));
    }
    if call.text("value_string").ok().flatten().is_some() {
        return known(Vec::new(), None);
    }
    Err("holds no value of a kind that is read".to_owned())
}

/// A constant of one number, of sizes given as an input.
pub(super) fn constant_of_shape(call: &Call) -> Outcome {
    let target = call
        .known_ints(0)?
        .ok_or_else(|| "input 0 is missing".to_owned())?;
    let size = |&size: &i64| match usize::try_from(size) {
        Ok(size) if size <= 1 << 31 => Ok(size),
        _ => Err(format!("a size of {size}")),
    };
    let dims = target.iter().map(size).collect::<Result<Dims, _>>()?;
    let count = dims::elements(&dims)?;
    let value = match call.tensor("value")? {
        None => Some(Numbers::Floats(vec![0.0])),
        Some(tensor) => literal(tensor)?.1,
    };
    let numbers = value.filter(|_| count <= MAX_NUMBERS);
    let numbers = numbers.and_then(|value| value.select((0..count).map(|_| 0)));
    known(dims, numbers)
}

/// The sizes of a value, or a range of them.
pub(super) fn shape(call: &Call) -> Outcome {
    let input = call.dims(0)?;
    let rank = input.len() as i64;
    let place = |at: i64| {
        let at = if at < 0 { at.saturating_add(rank) } else { at };
        at.clamp(0, rank) as usize
    };
    let start = place(call.int("start", 0)?);
    let end = place(call.int("end", rank)?).max(start);
    let sizes: Vec<i64> = input[start..end].iter().map(|&size| size as i64).collect();
    known(vec![sizes.len()], Some(Numbers::Ints(sizes)))
}

/// The number of elements.
pub(super) fn size(call: &Call) -> Outcome {
    let elements = call.input(0)?.elements()? as i64;
    known(Vec::new(), Some(Numbers::Ints(vec![elements])))
}

/// Evenly spaced numbers.
pub(super) fn range(call: &Call) -> Outcome {
    let scalar = |position: usize| {
        let value = call.input(position)?;
        let number = value.numbers.as_ref().filter(|numbers| numbers.len() == 1);
        number.ok_or_else(|| format!("input {position} decides a shape, but is not known"))
    };
    let (start, limit, step) = (scalar(0)?, scalar(1)?, scalar(2)?);
    let at = |numbers: &Numbers| numbers.scalar().unwrap_or(0.0);
    let count = ((at(limit) - at(start)) / at(step)).ceil().max(0.0);
    // also refuses what is no number
    if count.is_nan() || count > dims::MAX_ELEMENTS as f64 {
        return Err(format!(
            "from {} to {} in steps of {}",
            at(start),
            at(limit),
            at(step)
        ));
    }
    let count = count as usize;
    let numbers = (count as u64 <= MAX_NUMBERS).then(|| {
        let places = (0..count).map(|place| at(start) + place as f64 * at(step));
        match start {
            Numbers::Ints(_) => Numbers::Ints(places.map(|place| place as i64).collect()),
            Numbers::Floats(_) => Numbers::Floats(places.collect()),
        }
    });
    known(vec![count], numbers)
}
