//! What ncnn's `benchncnn` prints to standard error: settings, and then a line a network,
//!
//! ```text
//!         NAME  min =    A  max =    B  avg =    C
//! ```
//!
//! in milliseconds; with several option sets (2024 and later) `cpu` or `gpu` stands behind the name, and more behind the average.

use super::{FormatError, Timings, first_word, seconds};

const EXPECTED: &str = "a line \"NAME min = A max = B avg = C\"";

pub(super) fn parse(text: &str) -> Result<Timings, FormatError> {
    let lines: Vec<(&str, &str)> = text.lines().filter_map(network).collect();
    match lines[..] {
        [] => Err(FormatError::none_in(text, EXPECTED)),
        [(line, average)] => Ok(Timings::of(vec![seconds(average, 1e3, line)?])),
        _ => {
            let names = lines.iter().map(|(line, _)| first_word(line).to_owned());
            Err(FormatError::Several(names.collect()))
        }
    }
}

/// A network's line and its average.
fn network(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(" min =")?;
    let (_, average) = rest.split_once(" avg =")?;
    Some((line, first_word(average)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_one_network() {
        let text = "loop_count = 8\nnum_threads = 4\npowersave = 2\ngpu_device = -1\ncooling_down = 0\n       net.param  min =    4.18  max =    4.29  avg =    4.22\n";
        assert_eq!(parse(text).unwrap().seconds, [0.00422]);
        let newer = "    net cpu min =   10.00  max =   12.00  avg =   11.00  user =   40.00  sys =    0.10\n";
        assert_eq!(parse(newer).unwrap().seconds, [0.011]);
    }

    #[test]
    fn several_networks_and_none() {
        let suite = "squeezenet  min = 1.00  max = 2.00  avg = 1.50\n mobilenet  min = 1.00  max = 2.00  avg = 1.60\n";
        let error = parse(suite).unwrap_err().to_string();
        assert_eq!(
            error,
            "it has timings of several networks (squeezenet, mobilenet); let it run one"
        );
        let missing = parse("loop_count = 4\nfopen net.param failed\n")
            .unwrap_err()
            .to_string();
        assert!(
            missing.ends_with("it ends with: fopen net.param failed"),
            "{missing}"
        );
        // what it prints when nothing was computed
        let zero = parse("net  min =    0.00  max =    0.00  avg =    0.00").unwrap_err();
        assert!(matches!(zero, FormatError::Implausible { .. }), "{zero}");
        let nan = parse("net  min =    0.00  max =    0.00  avg =    -nan").unwrap_err();
        assert!(
            matches!(
                nan,
                FormatError::Implausible { .. } | FormatError::Garbage { .. }
            ),
            "{nan}"
        );
    }
}
