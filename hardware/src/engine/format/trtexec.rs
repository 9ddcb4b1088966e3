//! What `trtexec --exportTimes=FILE` writes: an array with an object a run. Versions 8 and later have starts and ends of enqueueing,
//! copies and computation besides `latencyMs`, `computeMs` and their like, version 7 others; only `latencyMs` is read.

use serde::Deserialize;

use super::{FormatError, Timings, seconds};

#[derive(Deserialize)]
struct Run {
    #[serde(rename = "latencyMs")]
    latency_ms: f64,
}

pub(super) fn parse(text: &str) -> Result<Timings, FormatError> {
    if text.trim().is_empty() {
        return Err(FormatError::Empty);
    }
    let runs: Vec<Run> =
        serde_json::from_str(text).map_err(|error| FormatError::Json(error.to_string()))?;
    if runs.is_empty() {
        return Err(FormatError::Json("an array without a run".to_owned()));
    }
    let seconds = runs.iter().map(|run| {
        let figure = run.latency_ms.to_string();
        seconds(&figure, 1e3, &format!("latencyMs: {figure}"))
    });
    Ok(Timings::of(seconds.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of versions 8 to 10.
    const TIMES: &str = r#"[
  { "startEnqMs" : 300.10, "endEnqMs" : 300.35, "startH2dMs" : 300.20, "endH2dMs" : 300.25, "startComputeMs" : 300.25,
    "endComputeMs" : 301.50, "startD2hMs" : 301.50, "endD2hMs" : 301.51, "h2dMs" : 0.05, "computeMs" : 1.25, "d2hMs" : 0.01,
    "latencyMs" : 1.31 }
, { "startEnqMs" : 301.60, "endEnqMs" : 301.85, "startComputeMs" : 301.75, "endComputeMs" : 303.02, "computeMs" : 1.27, "latencyMs" : 1.34 }
]"#;

    #[test]
    fn a_latency_a_run() {
        let milliseconds = |text| -> Vec<f64> {
            let seconds = parse(text).unwrap().seconds;
            seconds.iter().map(|s| (s * 1e6).round() / 1e3).collect()
        };
        assert_eq!(milliseconds(TIMES), [1.31, 1.34]);
        // version 7
        let old = r#"[{"startInMs":1,"endInMs":2,"inMs":1,"computeMs":3,"outMs":1,"latencyMs":5,"endToEndMs":6}]"#;
        assert_eq!(milliseconds(old), [5.0]);
    }

    #[test]
    fn other_files() {
        let table = [
            ("", "there is no output"),
            (
                "[]",
                "not the JSON that was expected: an array without a run",
            ),
            (
                r#"[{"latencyMs": 0.0}]"#,
                "\"latencyMs: 0\": the time is zero or next to it",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
        let error = parse(r#"[{"computeMs": 1.0}]"#).unwrap_err().to_string();
        assert!(error.contains("missing field `latencyMs`"), "{error}");
        let cut = parse(&TIMES[..200]).unwrap_err().to_string();
        assert!(cut.contains("EOF"), "{cut}");
    }
}
