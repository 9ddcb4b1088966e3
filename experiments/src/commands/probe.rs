//! `roofnas probe`.

use roofnas::{Error, check_writable, exit, report, write_whole};
use roofnas_hardware::probe::{
    BandwidthPoint, Effort, MemoryKernel, MemoryLevel, PeakRate, ProbeOptions, ProbeReport,
    ProbeRun, probe as probe_machine,
};
use serde_json::Value;

use super::output::print;
use super::table::{Data, table};
use crate::cli::{Format, ProbeArgs};
use crate::spinner::spin;

/// Measures this machine.
pub(crate) fn probe(args: &ProbeArgs) -> anyhow::Result<u8> {
    if let Some(svg) = &args.svg {
        check_writable(svg)?;
    }
    let options = ProbeOptions {
        threads: args.threads.clone(),
        effort: if args.quick {
            Effort::Quick
        } else {
            Effort::Full
        },
    };
    let report = spin("measuring this machine", || probe_machine(&options)).map_err(Error::from)?;
    for warning in &report.warnings {
        note!("warning: {warning}");
    }
    let text = match args.format {
        Format::Table => for_people(&report)?,
        Format::Json => serde_json::to_string_pretty(&report)?,
        Format::Csv => long(&report).format(Format::Csv)?,
    };
    print(&text)?;
    if let Some(svg) = &args.svg {
        write_whole(svg, report::probe_svg(&report)?.as_bytes())?;
        note!("wrote {}", svg.display());
    }
    Ok(exit::DONE)
}

fn for_people(report: &ProbeReport) -> anyhow::Result<String> {
    let mut parts = vec![
        machine(report),
        peaks(report).format(Format::Table)?,
        levels(report).format(Format::Table)?,
    ];
    if report.effort == Effort::Full {
        parts.push(working_sets(report));
    }
    parts.push(notes(report));
    Ok(parts.join("\n\n"))
}

/// The machine in a line or two; what the system doesn't say is named as unknown.
fn machine(report: &ProbeReport) -> String {
    let processor = &report.processor;
    let unknown = || "unknown".to_owned();
    let clock = |ghz: f64| format!("{ghz:.2} GHz");
    let caches = processor.caches.iter();
    let mut caches: Vec<String> = caches
        .map(|cache| format!("L{} {}", cache.level, bytes(cache.size_bytes)))
        .collect();
    // cores of a kind have caches of a kind
    caches.dedup();
    format!(
        "{} ({}): CPUs {}, cores {}, highest clock {}, caches {}\nmeasured in {:.1} s, threads {}",
        processor.model.clone().unwrap_or_else(unknown),
        processor.architecture,
        processor.cpus,
        processor.cores.map_or_else(unknown, |n| n.to_string()),
        processor.max_clock_ghz.map_or_else(unknown, clock),
        if caches.is_empty() {
            unknown()
        } else {
            caches.join(", ")
        },
        report.seconds,
        if report.pinned {
            "pinned"
        } else {
            "not pinned"
        },
    )
}

/// A size as people say it.
fn bytes(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    if kib < 1024.0 {
        format!("{} KiB", short(kib))
    } else {
        format!("{} MiB", short(kib / 1024.0))
    }
}

/// At most two decimals.
fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn peaks(report: &ProbeReport) -> Data {
    let mut data = Data::new(&[
        "threads",
        "numbers",
        "instructions",
        "GFLOP/s",
        "spread %",
        "GHz",
        "FLOP/cycle/core",
        "theoretical GFLOP/s",
    ]);
    for run in &report.runs {
        for peak in &run.peaks {
            data.push(vec![
                run.threads.into(),
                peak.dtype.name().into(),
                peak.instruction_set.name().into(),
                rounded(Some(peak.peak_gflop_s), 1),
                rounded(Some(100.0 * peak.spread), 1),
                rounded(peak.clock_ghz, 2),
                rounded(peak.flop_per_cycle_per_core, 1),
                rounded(peak.theoretical_gflop_s, 1),
            ]);
        }
    }
    data
}

fn levels(report: &ProbeReport) -> Data {
    let mut data = Data::new(&[
        "threads",
        "level",
        "size/thread",
        "read GB/s",
        "copy GB/s",
        "triad GB/s",
        "ridge FLOP/byte",
    ]);
    for run in &report.runs {
        for level in &run.levels {
            data.push(vec![
                run.threads.into(),
                level.name.clone().into(),
                level.capacity_bytes_per_thread.map(bytes).into(),
                rounded(Some(level.read_gb_s), 1),
                rounded(Some(level.copy_gb_s), 1),
                rounded(Some(level.triad_gb_s), 1),
                rounded(Some(level.ridge_flop_per_byte), 2),
            ]);
        }
    }
    data
}

/// Bandwidth over working sets, a row for each size and columns for each number of threads.
fn working_sets(report: &ProbeReport) -> String {
    let mut sizes: Vec<u64> = report.runs.iter().flat_map(sizes_of).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut columns = vec!["working set/thread".to_owned()];
    for run in &report.runs {
        let kernels = MemoryKernel::ALL.into_iter();
        columns.extend(kernels.map(|kernel| format!("{}x {} GB/s", run.threads, kernel.name())));
    }
    let mut rows = Vec::new();
    for size in sizes {
        let mut row = vec![bytes(size).into()];
        for run in &report.runs {
            let rate = |kernel| point(run, size, kernel).map(|point| point.bandwidth_gb_s);
            row.extend(MemoryKernel::ALL.map(|kernel| rounded(rate(kernel), 1)));
        }
        rows.push(row);
    }
    table(&columns, &rows)
}

fn sizes_of(run: &ProbeRun) -> impl Iterator<Item = u64> {
    run.bandwidth
        .iter()
        .map(|point| point.working_set_bytes_per_thread)
}

fn point(run: &ProbeRun, size: u64, kernel: MemoryKernel) -> Option<&BandwidthPoint> {
    let mut points = run.bandwidth.iter();
    points.find(|point| point.working_set_bytes_per_thread == size && point.kernel == kernel)
}

fn notes(report: &ProbeReport) -> String {
    let theoretical = match report.processor.max_clock_ghz {
        Some(_) => {
            "theoretical: cores x multiply-add units x lanes x 2 x highest clock, with as many units as the measured FLOP/cycle show"
        }
        None => "theoretical: unknown, since the system names no highest clock",
    };
    format!(
        "rates of all threads together, best of the repetitions; spread: how much longer the median one took\n\
         GHz: the clock while these instructions run\n\
         {theoretical}; memory's is in no file that every user may read\n\
         bytes as STREAM counts them: read 1 array, copy 2, triad 3, without the reads that stores cause\n\
         FLOP: of int8, operations: a product that is added is two, as in fp32\n\
         ridge: highest peak of fp32 / highest of read, copy, triad"
    )
}

/// A number with so many decimals, or a gap.
fn rounded(number: Option<f64>, decimals: usize) -> Value {
    number.map(|number| format!("{number:.decimals$}")).into()
}

/// Columns of the long form: a row for each instruction set, each level, and each kernel at each working set.
const COLUMNS: [&str; 17] = [
    "threads",
    "figure",
    "dtype",
    "instruction_set",
    "level",
    "kernel",
    "bytes_per_thread",
    "peak_gflop_s",
    "median_gflop_s",
    "theoretical_gflop_s",
    "clock_ghz",
    "flop_per_cycle_per_core",
    "bandwidth_gb_s",
    "median_gb_s",
    "ridge_flop_per_byte",
    "spread",
    "pinned",
];

fn long(report: &ProbeReport) -> Data {
    let mut data = Data::new(&COLUMNS);
    for run in &report.runs {
        let peaks = run.peaks.iter().map(peak_cells);
        let levels = run.levels.iter().flat_map(level_cells);
        let points = run.bandwidth.iter().map(point_cells);
        for cells in peaks.chain(levels).chain(points) {
            let mut row = vec![run.threads.into()];
            row.extend(cells);
            row.push(report.pinned.into());
            data.push(row);
        }
    }
    data
}

/// The cells between the number of threads and whether they were pinned.
type Cells = [Value; COLUMNS.len() - 2];

fn peak_cells(peak: &PeakRate) -> Cells {
    [
        "peak".into(),
        peak.dtype.name().into(),
        peak.instruction_set.key().into(),
        Value::Null,
        Value::Null,
        Value::Null,
        peak.peak_gflop_s.into(),
        peak.median_gflop_s.into(),
        peak.theoretical_gflop_s.into(),
        peak.clock_ghz.into(),
        peak.flop_per_cycle_per_core.into(),
        Value::Null,
        Value::Null,
        Value::Null,
        peak.spread.into(),
    ]
}

/// A level has a row for each kernel, and its roof, the highest of them.
fn level_cells(level: &MemoryLevel) -> Vec<Cells> {
    let rates = [
        ("read", level.read_gb_s, None),
        ("copy", level.copy_gb_s, None),
        ("triad", level.triad_gb_s, None),
        (
            "highest",
            level.bandwidth_gb_s,
            Some(level.ridge_flop_per_byte),
        ),
    ];
    let cells = |(kernel, rate, ridge): (&str, f64, Option<f64>)| {
        [
            "level".into(),
            Value::Null,
            Value::Null,
            level.name.clone().into(),
            kernel.into(),
            level.capacity_bytes_per_thread.into(),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            rate.into(),
            Value::Null,
            ridge.into(),
            Value::Null,
        ]
    };
    rates.map(cells).into()
}

fn point_cells(point: &BandwidthPoint) -> Cells {
    [
        "working_set".into(),
        Value::Null,
        Value::Null,
        Value::Null,
        point.kernel.name().into(),
        point.working_set_bytes_per_thread.into(),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        point.bandwidth_gb_s.into(),
        point.median_gb_s.into(),
        Value::Null,
        point.spread.into(),
    ]
}
