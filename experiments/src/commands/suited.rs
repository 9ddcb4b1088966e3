//! Whether what is measured is what was predicted: the same conditions, the same engine.

use roofnas::refine::BEGUN_WITH;
use roofnas_cost::{Dtype, Platform};
use roofnas_hardware::engine::{Conditions, EngineDescription};

use super::engine::counted;

/// Engines that profiles speak of, and how they and their tools are written there.
const ENGINES: [(&str, &[&str]); 7] = [
    ("ONNX Runtime", &["onnxruntime", "onnx runtime"]),
    ("OpenVINO", &["openvino", "benchmark app"]),
    ("ncnn", &["ncnn", "benchncnn"]),
    ("TensorRT", &["tensorrt", "trtexec"]),
    ("TensorFlow Lite", &["tensorflow lite", "tflite", "litert"]),
    ("PyTorch", &["pytorch", "torch"]),
    ("rten", &["rten"]),
];

/// Why a prediction for a platform may not hold for what an engine measures, in sentences.
pub(super) fn differences(
    platform: &Platform,
    predicted: Conditions,
    engine: &EngineDescription,
    situation: &str,
    is_command: bool,
) -> Vec<String> {
    let conditions = conditions_differ(platform, predicted, engine.conditions);
    let situations = situations_differ(platform, predicted.dtype, situation);
    let engines = engines_differ(platform, &engine.name, is_command);
    let all = conditions.into_iter().chain(situations).chain(engines);
    all.collect()
}

/// `measured` is what it is like around the engine, in words.
pub(super) fn situations_differ(
    platform: &Platform,
    dtype: Dtype,
    measured: &str,
) -> Option<String> {
    let measurements = &platform.calibration.get(&dtype)?.measured;
    let calibrated = measurements.situation.as_deref().unwrap_or_default();
    let quiet = "a quiet machine and a tight loop";
    let words = |situation: &str| match situation {
        "" => quiet.to_owned(),
        other => other.to_owned(),
    };
    (calibrated != measured).then(|| {
        format!(
            "profile {} was calibrated in another situation: {}, and this is {}",
            platform.name,
            words(calibrated),
            words(measured)
        )
    })
}

fn conditions_differ(
    platform: &Platform,
    predicted: Conditions,
    measured: Conditions,
) -> Option<String> {
    // where a profile states no threads, predictions are for however many there are
    let threads = platform
        .threads
        .map_or(measured.threads, |_| predicted.threads);
    let predicted = Conditions {
        threads,
        ..predicted
    };
    let words = |conditions: Conditions| {
        format!(
            "{}, batch {} and {}",
            counted(conditions.threads.get(), "thread"),
            conditions.batch,
            conditions.dtype.name()
        )
    };
    (predicted != measured).then(|| {
        format!(
            "predictions hold for {}, but the networks run with {}",
            words(predicted),
            words(measured)
        )
    })
}

fn engines_differ(platform: &Platform, engine: &str, is_command: bool) -> Option<String> {
    // what a refinement began with is not what it measured
    let sources = platform.provenance.sources.iter();
    let sources = sources.map(|source| source.split(BEGUN_WITH).next().unwrap_or_default());
    let text: Vec<&str> = [&platform.name[..], &platform.description[..]]
        .into_iter()
        .chain(sources)
        .collect();
    let suggested = mentioned(&text.join(" "));
    let used = mentioned(engine);
    let name = &platform.name;
    if used.iter().any(|used| suggested.contains(used)) {
        return None;
    }
    let all = suggested.join(" and ");
    match (used.is_empty(), suggested.is_empty()) {
        // what a script runs is not known
        (true, true) if is_command => None,
        (true, false) if is_command => Some(format!(
            "profile {name} speaks of {all}: predictions hold for what {engine} measures only if it runs that"
        )),
        (_, true) => Some(format!(
            "profile {name} doesn't say which engine its predictions hold for: they may not hold for {engine}"
        )),
        (_, false) => Some(format!(
            "predictions hold for another engine: profile {name} speaks of {all}, but the networks run on {engine}"
        )),
    }
}

/// The engines that a text speaks of.
fn mentioned(text: &str) -> Vec<&'static str> {
    // as words, since names of engines are parts of other words
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let text = format!(" {} ", words.join(" ").to_lowercase());
    let is_in = |spelling: &&str| text.contains(&format!(" {spelling} "));
    ENGINES
        .iter()
        .filter(|(_, spellings)| spellings.iter().any(is_in))
        .map(|(engine, _)| *engine)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use roofnas_hardware::Profiles;

    use super::*;

    fn platform(name: &str) -> Platform {
        Profiles::default().find(name).unwrap().platform
    }

    #[test]
    fn engines_are_known_by_their_words() {
        assert_eq!(mentioned("Raspberry Pi 4, ncnn, 4 threads"), ["ncnn"]);
        assert_eq!(mentioned("ONNX-Runtime 1.20"), ["ONNX Runtime"]);
        assert_eq!(mentioned("benchmark_app"), ["OpenVINO"]);
        assert_eq!(mentioned("to shorten a written text"), [""; 0]);
    }

    #[test]
    fn an_engine_is_held_against_its_profile() {
        let pi = platform("raspberry-pi-4-ncnn-4-threads");
        assert_eq!(engines_differ(&pi, "ncnn", true), None);
        assert_eq!(engines_differ(&pi, "benchncnn", true), None);
        let other = engines_differ(&pi, "rten", false).unwrap();
        assert!(
            other.contains("another engine") && other.contains("ncnn") && other.contains("rten"),
            "{other}"
        );
        let script = engines_differ(&pi, "on-my-pi.sh", true).unwrap();
        assert!(script.contains("only if it runs that"), "{script}");
        let silent = platform("nvidia-v100");
        assert_eq!(engines_differ(&silent, "on-my-pi.sh", true), None);
        let unknown = engines_differ(&silent, "rten", false).unwrap();
        assert!(unknown.contains("doesn't say which engine"), "{unknown}");
    }

    #[test]
    fn situations_are_held_against_the_profile() {
        let mut pi = platform("raspberry-pi-4-ncnn-4-threads");
        assert_eq!(situations_differ(&pi, Dtype::Fp32, ""), None);
        let found = situations_differ(&pi, Dtype::Fp32, "cold weights").unwrap();
        assert!(
            found.ends_with(
                "another situation: a quiet machine and a tight loop, and this is cold weights"
            ),
            "{found}"
        );
        let calibration = pi.calibration.get_mut(&Dtype::Fp32).unwrap();
        calibration.measured.situation = Some("cold weights".to_owned());
        assert_eq!(situations_differ(&pi, Dtype::Fp32, "cold weights"), None);
        assert!(situations_differ(&pi, Dtype::Fp32, "").is_some());
        // nothing was measured for these numbers
        assert_eq!(situations_differ(&pi, Dtype::Int8, "cold weights"), None);
    }

    #[test]
    fn conditions_are_held_against_the_runs() {
        let pi = platform("raspberry-pi-4-ncnn-4-threads");
        let threads = |threads: usize| Conditions {
            threads: NonZeroUsize::new(threads).unwrap(),
            ..Conditions::default()
        };
        assert_eq!(conditions_differ(&pi, threads(4), threads(4)), None);
        let found = conditions_differ(&pi, threads(4), threads(1)).unwrap();
        assert!(
            found.ends_with(
                "hold for 4 threads, batch 1 and fp32, but the networks run with 1 thread, batch 1 and fp32"
            ),
            "{found}"
        );
        let gpu = platform("nvidia-v100");
        assert_eq!(conditions_differ(&gpu, threads(1), threads(8)), None);
        let batch = Conditions {
            batch: NonZeroUsize::new(2).unwrap(),
            ..threads(1)
        };
        assert!(conditions_differ(&gpu, threads(1), batch).is_some());
    }
}
