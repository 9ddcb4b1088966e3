//! What is fed to a network.
//!
//! Timings of two engines are comparable only if both are fed the same: an image of zeros runs faster on some, one with
//! denormal numbers slower on all. Element i of the k-th input is the same for every engine, machine and run:
//!
//! ```text
//! x(i) = (z >> 40) / 2^23 - 1,   z = mix(2^32 * k + i)
//! mix(n): z = (n + 1) * 0x9E3779B97F4A7C15;  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
//!         z = (z ^ z >> 27) * 0x94D049BB133111EB;  z ^ z >> 31        (SplitMix64, modulo 2^64)
//! ```
//!
//! which is uniform over [-1, 1) and computed in Python just so by `adapters/serve.py`.

use super::{Conditions, EngineError, Model};

/// Elements that an input may have: 4 GiB of single precision.
const MOST_ELEMENTS: usize = 1 << 30;

/// An input as an engine reports it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declared {
    pub(super) name: String,
    /// Sizes of its axes; `None` for one the model leaves open. Without a list, its rank is open too.
    pub(super) sizes: Option<Vec<Option<usize>>>,
    /// The element type as the engine calls it, where it is not single precision.
    pub(super) foreign_type: Option<String>,
}

/// An input with its elements, in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fed {
    pub(super) name: String,
    pub(super) sizes: Vec<usize>,
    pub(super) elements: Vec<f32>,
}

/// What the inputs of a model are fed.
pub(super) fn feed(
    model: &Model,
    inputs: &[Declared],
    conditions: &Conditions,
) -> Result<Vec<Fed>, EngineError> {
    let feed = |(position, input): (usize, &Declared)| {
        let sizes = sizes(model, input, conditions.batch.get())?;
        let elements = sizes.iter().try_fold(1_usize, |n, &size| {
            n.checked_mul(size).filter(|&n| n <= MOST_ELEMENTS)
        });
        let elements = elements.ok_or_else(|| refuse(model, input, "is too large".to_owned()))?;
        Ok(Fed {
            name: input.name.clone(),
            sizes,
            elements: (0..elements).map(|i| element(position, i)).collect(),
        })
    };
    inputs.iter().enumerate().map(feed).collect()
}

/// The sizes of an input's axes, the batch in the place of an open first one.
fn sizes(model: &Model, input: &Declared, batch: usize) -> Result<Vec<usize>, EngineError> {
    if let Some(kind) = &input.foreign_type {
        let reason = format!("holds {kind}; only single precision (float32) can be fed");
        return Err(refuse(model, input, reason));
    }
    let Some(sizes) = &input.sizes else {
        let reason = "has no shape in the file".to_owned();
        return Err(refuse(model, input, reason));
    };
    if let Some(&Some(fixed)) = sizes.first().filter(|_| sizes.len() > 1)
        && fixed != batch
    {
        return Err(EngineError::Batch {
            model: model.name().to_owned(),
            input: input.name.clone(),
            fixed,
            asked: batch,
        });
    }
    let size = |(axis, size): (usize, &Option<usize>)| match (axis, size) {
        (_, Some(0)) => Err(refuse(
            model,
            input,
            format!("has an axis {axis} of size 0"),
        )),
        (_, Some(size)) => Ok(*size),
        (0, None) => Ok(batch),
        (_, None) => {
            let reason = format!(
                "leaves the size of axis {axis} open; only the batch may be: export the model for the resolution it will run at"
            );
            Err(refuse(model, input, reason))
        }
    };
    sizes.iter().enumerate().map(size).collect()
}

fn refuse(model: &Model, input: &Declared, reason: String) -> EngineError {
    EngineError::Input {
        model: model.name().to_owned(),
        input: input.name.clone(),
        reason,
    }
}

/// Element `i` of the input at this position: see the module's formula.
pub(super) fn element(position: usize, i: usize) -> f32 {
    let n = ((position as u64) << 32).wrapping_add(i as u64);
    let z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let z = z ^ (z >> 31);
    (z >> 40) as f32 / (1 << 23) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    fn declared(sizes: &[Option<usize>]) -> Declared {
        Declared {
            name: "image".to_owned(),
            sizes: Some(sizes.to_vec()),
            foreign_type: None,
        }
    }

    fn fed(input: Declared, batch: usize) -> Result<Fed, String> {
        let conditions = Conditions {
            batch: NonZeroUsize::new(batch).unwrap(),
            ..Conditions::default()
        };
        let fed = feed(&Model::from_bytes("net", []), &[input], &conditions);
        fed.map(|mut all| all.remove(0))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn elements_are_those_of_splitmix64() {
        // the generator's published outputs for seed 0: e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f
        for (i, z) in [
            0xe220_a839_7b1d_cdaf_u64,
            0x6e78_9e6a_a1b9_65f4,
            0x06c4_5d18_8009_454f,
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(element(0, i), (z >> 40) as f32 / 8_388_608.0 - 1.0);
        }
        let many: Vec<f32> = (0..10_000).map(|i| element(1, i)).collect();
        assert!(
            many.iter()
                .all(|x| (-1.0..1.0).contains(x) && (*x == 0.0 || x.is_normal()))
        );
        let mean = many.iter().sum::<f32>() / 10_000.0;
        assert!(mean.abs() < 0.02, "{mean}");
    }

    #[test]
    fn an_open_batch_becomes_the_stated_one() {
        let open = fed(declared(&[None, Some(3), Some(4), Some(5)]), 2).unwrap();
        assert_eq!(open.sizes, [2, 3, 4, 5]);
        assert_eq!(open.elements.len(), 120);
        let fixed = fed(declared(&[Some(2), Some(3)]), 2).unwrap();
        assert_eq!(fixed.sizes, [2, 3]);
        // a vector has no batch
        assert_eq!(fed(declared(&[Some(7)]), 2).unwrap().sizes, [7]);
    }

    #[test]
    fn what_cannot_be_fed_is_said() {
        let table = [
            (
                fed(declared(&[Some(4), Some(3)]), 1),
                "net: input image takes 4 images at once, always, and 1 were asked for; export the model for 1, or with an open batch",
            ),
            (
                fed(declared(&[None, Some(3), None, None]), 1),
                "net: input image leaves the size of axis 2 open; only the batch may be: export the model for the resolution it will run at",
            ),
            (
                fed(declared(&[None, Some(0)]), 1),
                "net: input image has an axis 1 of size 0",
            ),
            (
                fed(declared(&[None, Some(1 << 40)]), 1),
                "net: input image is too large",
            ),
            (
                fed(
                    Declared {
                        foreign_type: Some("int64".to_owned()),
                        ..declared(&[None])
                    },
                    1,
                ),
                "net: input image holds int64; only single precision (float32) can be fed",
            ),
            (
                fed(
                    Declared {
                        sizes: None,
                        ..declared(&[])
                    },
                    1,
                ),
                "net: input image has no shape in the file",
            ),
        ];
        for (found, expected) in table {
            assert_eq!(found.unwrap_err(), expected);
        }
    }
}
