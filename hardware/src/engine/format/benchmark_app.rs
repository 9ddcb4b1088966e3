//! What OpenVINO's `benchmark_app` prints (the Python one puts `[ INFO ]` before every line):
//!
//! ```text
//! Read model took A ms
//! Compile model took B ms
//! Compile model ram used C KB
//! Latency:
//!    Median:        D ms
//! ```
//!
//! or what it writes with `-json_stats`: an object with the same figures, as texts, under `execution_results`.

use serde::Deserialize;

use super::{FormatError, Timings, after, first_word, seconds};

const EXPECTED: &str = "\"Median: N ms\" below \"Latency:\"";

pub(super) fn parse(text: &str) -> Result<Timings, FormatError> {
    if text.trim_start().starts_with('{') {
        report(text)
    } else {
        printed(text)
    }
}

fn printed(text: &str) -> Result<Timings, FormatError> {
    let latency = text.find("Latency:").map(|start| &text[start..]);
    let Some(median) = latency.and_then(|latency| after(latency, "Median:")) else {
        return Err(FormatError::none_in(text, EXPECTED));
    };
    let took = |label| after(text, label).map(first_word);
    let kilobytes = took("Compile model ram used").and_then(|word| word.parse::<u64>().ok());
    Ok(Timings {
        seconds: vec![milliseconds(first_word(median), "Median")?],
        initialisation_s: sum(took("Read model took"), took("Compile model took")),
        resident_bytes: kilobytes.map(|kilobytes| kilobytes * 1024),
    })
}

#[derive(Deserialize)]
struct Report {
    execution_results: Results,
}

#[derive(Deserialize)]
struct Results {
    #[serde(rename = "latency (ms)")]
    latency_ms: String,
    #[serde(rename = "read model time (ms)")]
    read_ms: Option<String>,
    #[serde(rename = "compile model time (ms)")]
    compile_ms: Option<String>,
}

fn report(text: &str) -> Result<Timings, FormatError> {
    let report: Report =
        serde_json::from_str(text).map_err(|error| FormatError::Json(error.to_string()))?;
    let results = report.execution_results;
    Ok(Timings {
        seconds: vec![milliseconds(&results.latency_ms, "latency (ms)")?],
        initialisation_s: sum(results.read_ms.as_deref(), results.compile_ms.as_deref()),
        resident_bytes: None,
    })
}

fn milliseconds(figure: &str, label: &str) -> Result<f64, FormatError> {
    seconds(figure, 1e3, &format!("{label}: {figure}"))
}

/// Milliseconds of reading and compiling, as seconds, where both are there.
fn sum(read: Option<&str>, compile: Option<&str>) -> Option<f64> {
    let read: f64 = read?.trim().parse().ok()?;
    let compile: f64 = compile?.trim().parse().ok()?;
    Some((read + compile) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of 2026.4.
    const PRINTED: &str = "[Step 4/11] Reading model files\n[ INFO ] Read model took 40.00 ms\n[Step 7/11] Loading the model to the device\n[ INFO ] Compile model took 110.00 ms\n[ INFO ] Compile model ram used 2000 KB\n[ INFO ] First inference took 8.40 ms\n[Step 11/11] Dumping statistics report\n[ INFO ] Count:            20 iterations\n[ INFO ] Latency:\n[ INFO ]    Median:        1.63 ms\n[ INFO ]    Average:       2.69 ms\n[ INFO ] Throughput:   368.85 FPS\n";

    #[test]
    fn what_it_prints() {
        let timings = parse(PRINTED).unwrap();
        assert_eq!(timings.seconds, [0.00163]);
        assert_eq!(timings.initialisation_s, Some(0.15));
        assert_eq!(timings.resident_bytes, Some(2_048_000));
    }

    #[test]
    fn what_it_writes() {
        let report = r#"{"configuration_setup": {"API": "sync"}, "execution_results": {"read model time (ms)": "95.00",
            "compile model time (ms)": "105.00", "latency (ms)": "1.63", "avg latency": "2.69", "throughput": "368.85"}}"#;
        let timings = parse(report).unwrap();
        assert_eq!(timings.seconds, [0.00163]);
        assert_eq!(timings.initialisation_s, Some(0.2));
    }

    #[test]
    fn other_output() {
        let error = parse("[ INFO ] Loading\n[ ERROR ] Model file net.onnx cannot be opened!\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected \"Median: N ms\""), "{error}");
        assert!(error.ends_with("cannot be opened!"), "{error}");
        assert!(matches!(parse("{}").unwrap_err(), FormatError::Json(_)));
        let zero = parse("Latency:\n   Median:    0.00 ms")
            .unwrap_err()
            .to_string();
        assert_eq!(zero, "\"Median: 0.00\": the time is zero or next to it");
    }
}
