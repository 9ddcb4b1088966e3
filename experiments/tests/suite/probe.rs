//! `roofnas probe`: micro-benchmarks of this machine. Figures are held against bounds that any machine keeps.

use serde_json::Value;

use crate::support::{Desk, Table};

fn quick(desk: &Desk, more: &[&str]) -> String {
    let args: Vec<&str> = ["probe", "--quick", "--threads", "1"]
        .iter()
        .chain(more)
        .copied()
        .collect();
    desk.roofnas(&args).ends(0).stdout
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn json_has_units_in_its_names_and_keeps_the_roofline_s_laws() {
    let report: Value = serde_json::from_str(&quick(&Desk::new(), &["--format", "json"])).unwrap();
    for key in ["processor", "effort", "pinned", "seconds", "warnings"] {
        assert!(!report[key].is_null(), "{key}");
    }
    assert_eq!(report["effort"], "quick");
    assert!(number(&report["seconds"]) > 0.1);
    let runs = report["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let run = &runs[0];
    assert_eq!(run["threads"], 1);
    let peaks = run["peaks"].as_array().unwrap();
    assert_eq!(peaks[0]["instruction_set"], "scalar");
    for peak in peaks {
        assert!(["fp32", "int8"].contains(&peak["dtype"].as_str().unwrap()));
        assert!(number(&peak["median_gflop_s"]) <= number(&peak["peak_gflop_s"]));
        for key in [
            "clock_ghz",
            "flop_per_cycle_per_core",
            "theoretical_gflop_s",
        ] {
            assert!(peak.get(key).is_some(), "{key} may be null, not missing");
        }
    }
    let single = peaks.iter().filter(|peak| peak["dtype"] == "fp32");
    let highest = single.map(|peak| number(&peak["peak_gflop_s"]));
    let highest = highest.fold(0.0, f64::max);
    for level in run["levels"].as_array().unwrap() {
        let rates = ["read_gb_s", "copy_gb_s", "triad_gb_s"].map(|key| number(&level[key]));
        let bandwidth = number(&level["bandwidth_gb_s"]);
        assert_eq!(bandwidth, rates.into_iter().fold(0.0, f64::max));
        let ridge = number(&level["ridge_flop_per_byte"]);
        assert!((ridge * bandwidth / highest - 1.0).abs() < 1e-9, "{level}");
    }
    let points = run["bandwidth"].as_array().unwrap();
    assert!(!points.is_empty() && points.len().is_multiple_of(3));
    assert!(number(&points[0]["working_set_bytes_per_thread"]) >= 8192.0);
    assert!(number(&points[0]["bandwidth_gb_s"]) > 0.0);
}

#[test]
fn csv_has_a_row_for_each_figure() {
    let table = Table::parse(&quick(&Desk::new(), &["--format", "csv"]));
    let count = |figure: &str| {
        let rows = table.rows.iter().filter(|row| row["figure"] == figure);
        rows.count()
    };
    assert!(count("peak") >= 1);
    assert_eq!(count("level") % 4, 0);
    assert!(count("working_set") >= 3);
    for row in &table.rows {
        let filled = match row["figure"].as_str() {
            "peak" => "peak_gflop_s",
            _ => "bandwidth_gb_s",
        };
        assert!(row[filled].parse::<f64>().unwrap() > 0.0, "{row:?}");
        assert_eq!(row["threads"], "1");
    }
}

#[test]
fn tables_and_a_picture_for_people() {
    let desk = Desk::new();
    let text = quick(&desk, &["--svg", "deep/er/roofline.svg"]);
    for part in ["scalar", "GFLOP/s", "triad GB/s", "ridge FLOP/byte", "fp32"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // only the long measurement goes through all working sets
    assert!(!text.contains("working set/thread"));
    let picture = desk.read("deep/er/roofline.svg");
    assert!(picture.starts_with("<svg xmlns"));
    for part in ["scalar: ", "GFLOP/s, 1 thread", "fill=\"#fff\""] {
        assert!(picture.contains(part), "{part}");
    }
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
    let outside = picture.replace("http://www.w3.org/2000/svg", "");
    assert!(!outside.contains("http") && !outside.contains("href"));
}

#[test]
fn bad_arguments() {
    let desk = Desk::new();
    for threads in ["0", "-1", "some", "1,0", ""] {
        desk.roofnas(&["probe", "--quick", "--threads", threads])
            .ends(2)
            .says(&["--threads"]);
    }
    desk.roofnas(&["probe", "--threads", "1000000"])
        .ends(2)
        .says(&["1000000 threads", "must be from 1 to"]);
    desk.roofnas(&["probe", "--format", "xml"]).ends(2);
}

/// Told before anything is measured.
#[test]
fn a_picture_that_can_t_be_written() {
    let desk = Desk::new();
    desk.write("file", "");
    for path in ["file/roofline.svg", "."] {
        let ended = desk.roofnas(&["probe", "--svg", path]).ends(1);
        assert!(ended.stdout.is_empty(), "{ended:?}");
        ended.says(&["can't write"]);
    }
}

#[test]
fn ctrl_c_ends_it_and_leaves_nothing() {
    let desk = Desk::new();
    let mut running = desk.start(&["probe", "--svg", "roofline.svg"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(running.is_running());
    running.signal("-INT");
    // ended by the signal, which shells report as 130
    assert_eq!(running.wait(), None);
    assert!(desk.files(".").is_empty());
}
