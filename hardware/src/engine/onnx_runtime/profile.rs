//! The profile that ONNX Runtime writes.
//!
//! A JSON array of events in Chrome's trace format: `ts` and `dur` in whole microseconds, `cat` is `Session` or `Node`. A session's
//! `model_run` spans one inference; a node's execution is `<node>_kernel_time`, with operator and provider under `args`. Older
//! versions (up to 1.15) write fences around it, which take no time and are left out. (Form as of 1.17 to 1.32.)

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::NodeTiming;

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: Arguments,
}

#[derive(Debug, Default, Deserialize)]
struct Arguments {
    op_name: Option<String>,
    provider: Option<String>,
    node_index: Option<String>,
}

/// Time per run of every node, in the order of execution: the mean of the middle half of those runs that were quick, the quicker half of all. The first run
/// warms up, and is left out.
///
/// Where others slow the machine down for some runs, all of their nodes are slower: such runs would make some networks' nodes longer than others'. A median would keep the whole microseconds of the clock; a mean of all runs would have the moments in it in which the machine did
/// something else (milliseconds, where a node takes a tenth of one).
pub(super) fn nodes(json: &str) -> Result<Vec<NodeTiming>, String> {
    let events: Vec<Event> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let warm = warm_runs(&events);
    let Some(&(start, _)) = warm.first() else {
        return Err("it holds fewer than two runs".to_owned());
    };
    let mut timings: Vec<NodeTiming> = Vec::new();
    let mut microseconds: Vec<Vec<f64>> = Vec::new();
    let mut positions = BTreeMap::new();
    let mut kernels: Vec<(&Event, &str)> = events.iter().filter_map(kernel).collect();
    kernels.retain(|(event, _)| event.ts >= start);
    kernels.sort_by(|(left, _), (right, _)| left.ts.total_cmp(&right.ts));
    for (event, name) in kernels {
        let key = (name, event.args.node_index.as_deref());
        let position = *positions.entry(key).or_insert_with(|| {
            timings.push(timing(event, name));
            microseconds.push(vec![0.0; warm.len()]);
            timings.len() - 1
        });
        let run = warm.partition_point(|&(start, _)| start <= event.ts) - 1;
        microseconds[position][run] += event.dur;
    }
    let quick = quick_runs(&warm);
    for (timing, microseconds) in timings.iter_mut().zip(&microseconds) {
        let mut of_quick: Vec<f64> = quick.iter().map(|&run| microseconds[run]).collect();
        timing.seconds = 1e-6 * middle_mean(&mut of_quick);
    }
    if timings.is_empty() {
        return Err("it holds no nodes".to_owned());
    }
    Ok(timings)
}

/// The mean without the lowest and the highest quarter, rounded down to whole values: of fewer than four, the mean.
fn middle_mean(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let quarter = values.len() / 4;
    let middle = &values[quarter..values.len() - quarter];
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

/// Starts and ends of the runs but the first.
fn warm_runs(events: &[Event]) -> Vec<(f64, f64)> {
    let runs = events
        .iter()
        .filter(|event| event.cat == "Session" && event.name == "model_run");
    let mut runs: Vec<(f64, f64)> = runs.map(|run| (run.ts, run.ts + run.dur)).collect();
    runs.sort_by(|left, right| left.0.total_cmp(&right.0));
    runs.drain(..runs.len().min(1));
    runs
}

/// The quicker half of the runs, rounded up.
fn quick_runs(runs: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    let duration = |run: usize| runs[run].1 - runs[run].0;
    order.sort_by(|&a, &b| duration(a).total_cmp(&duration(b)));
    order.truncate(runs.len().div_ceil(2));
    order
}

/// A node's execution and the node's name.
fn kernel(event: &Event) -> Option<(&Event, &str)> {
    let name = event.name.strip_suffix("_kernel_time")?;
    (event.cat == "Node").then_some((event, name))
}

fn timing(event: &Event, name: &str) -> NodeTiming {
    NodeTiming {
        name: name.to_owned(),
        op_type: event.args.op_name.clone().unwrap_or_default(),
        provider: event.args.provider.clone(),
        seconds: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three runs of three nodes, the last two without names of their own; the third twice in a run, as in a loop. Of the warm runs the first is the quicker half.
    const PROFILE: &str = r#"[
        {"cat":"Session","name":"session_initialization","ts":1,"dur":900,"args":{}},
        {"cat":"Node","name":"conv1_nchwc_kernel_time","ts":1000,"dur":800,"args":{"op_name":"Conv","provider":"CPUExecutionProvider","node_index":"4"}},
        {"cat":"Session","name":"model_run","ts":999,"dur":1000,"args":{}},
        {"cat":"Node","name":"conv1_nchwc_fence_before","ts":3000,"dur":5,"args":{"op_name":"Conv"}},
        {"cat":"Node","name":"conv1_nchwc_kernel_time","ts":3000,"dur":100,"args":{"op_name":"Conv","provider":"CPUExecutionProvider","node_index":"4"}},
        {"cat":"Node","name":"_kernel_time","ts":3100,"dur":7,"args":{"op_name":"ReorderOutput","provider":"CPUExecutionProvider","node_index":"5"}},
        {"cat":"Node","name":"_kernel_time","ts":3110,"dur":1,"args":{"op_name":"Mul","node_index":"6"}},
        {"cat":"Node","name":"_kernel_time","ts":3120,"dur":1,"args":{"op_name":"Mul","node_index":"6"}},
        {"cat":"Session","name":"SequentialExecutor::Execute","ts":2999,"dur":200,"args":{}},
        {"cat":"Session","name":"model_run","ts":2998,"dur":210,"args":{}},
        {"cat":"Session","name":"model_run","ts":3998,"dur":250,"args":{}},
        {"cat":"Node","name":"conv1_nchwc_kernel_time","ts":4000,"dur":140,"args":{"op_name":"Conv","provider":"CPUExecutionProvider","node_index":"4"}},
        {"cat":"Node","name":"_kernel_time","ts":4140,"dur":8,"args":{"op_name":"ReorderOutput","provider":"CPUExecutionProvider","node_index":"5"}},
        {"cat":"Node","name":"_kernel_time","ts":4150,"dur":1,"args":{"op_name":"Mul","node_index":"6"}},
        {"cat":"Node","name":"_kernel_time","ts":4160,"dur":3,"args":{"op_name":"Mul","node_index":"6"}}
    ]"#;

    #[test]
    fn means_over_the_runs_that_are_warm() {
        let found = nodes(PROFILE).unwrap();
        let figures: Vec<_> = found
            .iter()
            .map(|node| (&*node.name, &*node.op_type, (node.seconds * 1e9).round()))
            .collect();
        assert_eq!(
            figures,
            [
                ("conv1_nchwc", "Conv", 100_000.0),
                ("", "ReorderOutput", 7_000.0),
                ("", "Mul", 2_000.0)
            ]
        );
        assert_eq!(found[0].provider.as_deref(), Some("CPUExecutionProvider"));
        assert_eq!(found[2].provider, None);
    }

    #[test]
    fn a_run_that_was_interrupted_does_not_show() {
        assert_eq!(
            middle_mean(&mut [7.0, 9000.0, 8.0, 6.0, 8.0, 9.0, 8.0, 1.0]),
            7.75
        );
        assert_eq!(middle_mean(&mut [1.0, 3.0, 5.0]), 3.0);
    }

    #[test]
    fn what_is_no_profile() {
        assert!(nodes("").is_err());
        assert!(nodes("{}").is_err());
        assert_eq!(nodes("[]").unwrap_err(), "it holds fewer than two runs");
        let runs = r#"[{"cat":"Session","name":"model_run","ts":1,"dur":1},{"cat":"Session","name":"model_run","ts":3,"dur":1}]"#;
        assert_eq!(nodes(runs).unwrap_err(), "it holds no nodes");
    }
}
