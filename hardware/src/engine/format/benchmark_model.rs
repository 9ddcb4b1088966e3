//! What TensorFlow Lite's `benchmark_model` prints at its end, `INFO:` or a log's prefix before it:
//!
//! ```text
//! Inference timings in us: Init: A, First inference: B, Warmup (avg): C, Inference (avg): D
//! Memory footprint delta from the start of the tool (MB): init=E overall=F
//! ```
//!
//! Figures may be in scientific notation.

use super::{FormatError, Timings, after, first_word, seconds};

const LABEL: &str = "Inference timings in us:";
const EXPECTED: &str = "a line \"Inference timings in us: ..., Inference (avg): N\"";
const MEMORY: &str = "Memory footprint delta from the start of the tool (MB):";

pub(super) fn parse(text: &str) -> Result<Timings, FormatError> {
    let Some(line) = after(text, LABEL) else {
        return Err(FormatError::none_in(text, EXPECTED));
    };
    let figure = |label| after(line, label).map(first_word);
    let average = figure("Inference (avg):").ok_or_else(|| FormatError::none_in(text, EXPECTED))?;
    let initialisation = figure("Init:").map(|figure| seconds(figure, 1e6, line));
    Ok(Timings {
        seconds: vec![seconds(average, 1e6, line)?],
        initialisation_s: initialisation.and_then(Result::ok),
        resident_bytes: memory(text),
    })
}

fn memory(text: &str) -> Option<u64> {
    let line = after(text, MEMORY)?;
    let megabytes: f64 = first_word(after(line, "overall=")?).parse().ok()?;
    (megabytes > 0.0).then_some((megabytes * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_at_the_end() {
        let text = "STARTING!\nNum threads: [4]\ncount=50 first=9000 curr=8010 min=7900 max=9000 avg=8100.5 std=100\n\nInference timings in us: Init: 5200, First inference: 9500, Warmup (avg): 8300, Inference (avg): 8100.5\nMemory footprint delta from the start of the tool (MB): init=3.5 overall=12.25\n";
        let timings = parse(text).unwrap();
        assert_eq!(timings.seconds, [8100.5e-6]);
        assert_eq!(timings.initialisation_s, Some(5200e-6));
        assert_eq!(timings.resident_bytes, Some(12_250_000));
        let slow = "INFO: Inference timings in us: Init: 99, First inference: 1, Warmup (avg): 1.3e+06, Inference (avg): 1.25e+06";
        assert_eq!(parse(slow).unwrap().seconds, [1.25]);
    }

    #[test]
    fn other_ends() {
        let error = parse("STARTING!\nFailed to load model\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("it ends with: Failed to load model"),
            "{error}"
        );
        let error = parse("Inference timings in us: Init: 5, Inference (avg): nan").unwrap_err();
        assert!(matches!(error, FormatError::Implausible { .. }), "{error}");
        let error = parse("Inference timings in us: Init: 5, Inference (avg): many").unwrap_err();
        assert!(matches!(error, FormatError::Garbage { .. }), "{error}");
    }
}
