//! roofnas' own protocol.

use super::{FormatError, Timings, excerpt, seconds};

const EXPECTED: &str = "lines that hold a number of milliseconds, alone or behind \"latency_ms:\"";

pub(super) fn parse(text: &str) -> Result<Timings, FormatError> {
    let mut timings = Timings::of(Vec::new());
    for line in text.lines().map(str::trim) {
        read(line, &mut timings)?;
    }
    if timings.seconds.is_empty() {
        return Err(FormatError::none_in(text, EXPECTED));
    }
    Ok(timings)
}

fn read(line: &str, timings: &mut Timings) -> Result<(), FormatError> {
    if let Some(value) = line.strip_prefix("latency_ms:") {
        timings.seconds.push(seconds(value, 1e3, line)?);
    } else if let Some(value) = line.strip_prefix("initialisation_ms:") {
        timings.initialisation_s = Some(seconds(value, 1e3, line)?);
    } else if let Some(value) = line.strip_prefix("resident_bytes:") {
        let bytes = value.trim().parse().map_err(|_| FormatError::Garbage {
            line: excerpt(line),
            reason: "not a whole number of bytes".to_owned(),
        })?;
        timings.resident_bytes = Some(bytes);
    } else if line.parse::<f64>().is_ok() {
        timings.seconds.push(seconds(line, 1e3, line)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_alone_and_behind_their_name() {
        let text = "loading model\ninitialisation_ms: 80\nresident_bytes: 4096\n 1.5\r\n2e0\nlatency_ms: 0.25\n10 runs\ndone\n";
        let timings = parse(text).unwrap();
        assert_eq!(timings.seconds, [0.0015, 0.002, 0.00025]);
        assert_eq!(timings.initialisation_s, Some(0.08));
        assert_eq!(timings.resident_bytes, Some(4096));
        assert_eq!(parse("7").unwrap().seconds, [0.007]);
    }

    #[test]
    fn garbage_is_shown() {
        let table = [
            ("", "there is no output"),
            (
                "hello\n12,5\n\n",
                "no timing in its output; expected lines that hold a number of milliseconds, alone or behind \"latency_ms:\"; it ends with: 12,5",
            ),
            ("1.0\nNaN\n", "\"NaN\": the time is not a number"),
            ("0.0\n", "\"0.0\": the time is zero or next to it"),
            ("latency_ms: -4", "\"latency_ms: -4\": the time is negative"),
            ("1e300", "\"1e300\": the time is more than an hour"),
            ("inf", "\"inf\": the time is more than an hour"),
            (
                "latency_ms: fast",
                "\"latency_ms: fast\": \"fast\" is not a number",
            ),
            (
                "resident_bytes: 1.5\n3",
                "\"resident_bytes: 1.5\": not a whole number of bytes",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
    }
}
