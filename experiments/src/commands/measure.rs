//! `roofnas measure`.

use std::collections::BTreeSet;
use std::fs::{self, File};

use roofnas::{Error, check_writable, exit};
use roofnas_hardware::engine::{Conditions, Model};
use roofnas_hardware::measure::{self as timing, Machine, NetworkTiming, Protocol};
use serde_json::Value;

use super::engine::{counted, engine, shown_engine};
use super::output::print;
use super::table::Data;
use crate::cli::{Format, MeasureArgs};
use crate::measuring::{Table, measure as watch, now};
use crate::progress::stop_on_signals;

/// Columns for people; the table of measurements has more.
const COLUMNS: [&str; 9] = [
    "network",
    "latency_ms",
    "latency_ms_std",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "runs",
    "initialisation_ms",
    "resident_mib",
];

/// Times networks on an engine.
pub(crate) fn measure(args: &MeasureArgs) -> anyhow::Result<u8> {
    let models = models(args)?;
    let protocol = args.timing.protocol(args.engine.choice.is_command());
    pin(&protocol)?;
    let engine = engine(
        &args.engine.choice,
        args.engine.conditions(Conditions::default()),
    )?;
    let machine = Machine::here();
    let (run, date) = now();
    let conditions = timing::Conditions {
        platform: args.platform_name.clone().unwrap_or(machine.processor),
        engine: engine.description(),
        situation: protocol.situation.clone(),
        run,
        date,
    };
    let mut table = Table::new(conditions.clone(), args.out.clone());
    let models = left_over(args, models, &mut table)?;
    if models.is_empty() {
        eprintln!("nothing left to measure: the table holds all of them");
        return Ok(exit::DONE);
    }
    stop_on_signals("stopping after this turn; once more to stop at once")?;
    eprintln!(
        "{} on {}",
        counted(models.len(), "network"),
        shown_engine(&*engine)
    );
    let measured = watch(&*engine, &models, &protocol, &table)?;
    let timings = &measured.measuring.timings;
    print(&shown(timings, &conditions, args.format)?)?;
    if let Some(path) = args.out.as_ref().filter(|_| !timings.is_empty()) {
        eprintln!("wrote {}", path.display());
    }
    Ok(if measured.measuring.is_interrupted {
        if args.out.is_some() {
            eprintln!("interrupted; go on with --resume");
        }
        exit::INTERRUPTED
    } else if measured.failed > 0 {
        exit::BAD_INPUT
    } else {
        exit::DONE
    })
}

/// The models, each there and under a name of its own.
fn models(args: &MeasureArgs) -> Result<Vec<Model>, Error> {
    for path in &args.models {
        File::open(path).map_err(|error| Error::read(path, error))?;
    }
    let models: Vec<Model> = args.models.iter().map(Model::from_path).collect();
    let mut names = BTreeSet::new();
    for (model, path) in models.iter().zip(&args.models) {
        if !names.insert(model.name()) {
            return Err(Error::Unusable {
                path: path.clone(),
                problem: format!(
                    "another file is called {} too, and rows are named by the file: rename one",
                    model.name()
                ),
            });
        }
    }
    Ok(models)
}

fn pin(protocol: &Protocol) -> Result<(), Error> {
    let cpus = &protocol.situation.pinned;
    if cpus.is_empty() {
        return Ok(());
    }
    timing::pin(cpus).map_err(|error| Error::Argument {
        argument: "--pin".to_owned(),
        problem: format!(
            "can't keep the engine on these CPUs: {error}; this process may use {:?}",
            Machine::here().cpus
        ),
    })
}

/// The models that the table doesn't hold yet.
fn left_over(
    args: &MeasureArgs,
    mut models: Vec<Model>,
    table: &mut Table,
) -> Result<Vec<Model>, Error> {
    let Some(path) = &args.out else {
        return Ok(models);
    };
    check_writable(path)?;
    match fs::read_to_string(path) {
        Ok(text) if args.resume => {
            let done = table.resume(&text)?;
            models.retain(|model| !done.iter().any(|name| name == model.name()));
            Ok(models)
        }
        Ok(_) => Err(Error::Unusable {
            path: path.clone(),
            problem: "is there already; go on with it with --resume, or name another file"
                .to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(models),
        Err(error) => Err(Error::read(path, error)),
    }
}

fn shown(
    timings: &[NetworkTiming],
    conditions: &timing::Conditions,
    format: Format,
) -> anyhow::Result<String> {
    if format != Format::Table {
        let mut data = Data::new(&timing::HEADER);
        for timing in timings {
            let row = timing::row(timing, conditions);
            data.push(row.into_iter().map(typed).collect());
        }
        return data.format(format);
    }
    let mut data = Data::new(&COLUMNS);
    for timing in timings {
        let ms = |seconds: f64| Value::from(1e3 * seconds);
        let mib = |bytes: u64| Value::from(bytes as f64 / f64::from(1 << 20));
        data.push(vec![
            timing.network.clone().into(),
            ms(timing.latency_s()),
            timing.latency_std_s().map_or(Value::Null, ms),
            ms(timing.quantile_s(0.5)),
            ms(timing.quantile_s(0.95)),
            ms(timing.quantile_s(0.99)),
            timing.runs().into(),
            timing.initialisation_s.map_or(Value::Null, ms),
            timing.resident_bytes.map_or(Value::Null, mib),
        ]);
    }
    data.format(format)
}

/// A cell of the table as what it is.
fn typed(cell: String) -> Value {
    match cell.parse::<f64>() {
        _ if cell.is_empty() => Value::Null,
        Ok(number) if number.fract() == 0.0 && !cell.contains('.') => (number as i64).into(),
        Ok(number) => number.into(),
        Err(_) => cell.into(),
    }
}
