//! What can be a timing at all.

use super::EngineError;

/// The longest that a run may take, in seconds: beyond an hour, a figure is in another unit.
const LONGEST_S: f64 = 3600.0;
/// The shortest: a nanosecond, some four cycles.
const SHORTEST_S: f64 = 1e-9;

/// What is wrong with a timing, if anything.
pub(super) fn fault(seconds: f64) -> Option<&'static str> {
    match seconds {
        s if s.is_nan() => Some("is not a number"),
        s if s < 0.0 => Some("is negative"),
        s if s < SHORTEST_S => Some("is zero or next to it"),
        s if s > LONGEST_S => Some("is more than an hour"),
        _ => None,
    }
}

/// The timings of an engine that is no command, if all of them can be.
pub(super) fn checked(
    engine: &str,
    model: &str,
    seconds: Vec<f64>,
) -> Result<Vec<f64>, EngineError> {
    let faulty = seconds.iter().find_map(|&s| Some((s, fault(s)?)));
    match faulty {
        None => Ok(seconds),
        Some((s, fault)) => Err(EngineError::Run {
            engine: engine.to_owned(),
            model: model.to_owned(),
            reason: format!("a run took {s} s, which {fault}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_timing() {
        for bad in [
            f64::NAN,
            0.0,
            -0.0,
            -1.0,
            1e-12,
            3601.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        for good in [2e-9, 1e-3, 3600.0] {
            assert_eq!(fault(good), None, "{good}");
        }
        let error = checked("rten", "net", vec![1e-3, 0.0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "rten can't run net: a run took 0 s, which is zero or next to it"
        );
        assert_eq!(checked("rten", "net", vec![1e-3]).unwrap(), [1e-3]);
    }
}
