//! `roofnas measure`.

use std::collections::BTreeSet;
use std::fs::{self, File};

use roofnas::{Error, check_writable, exit};
use roofnas_cost::Dtype;
use roofnas_hardware::engine::{Conditions, Model};
use roofnas_hardware::measure::{self as timing, Machine, NetworkTiming};
use serde_json::Value;

use super::engine::{all_in_form, counted, engine, protocol, shown_engine};
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
    let protocol = protocol(&args.engine, &args.timing)?;
    let engine = engine(
        &args.engine.choice,
        args.engine.conditions(Conditions::default()),
        args.timing.situation.streams,
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
    let models = left_over(args, models, &mut table, conditions.engine.conditions)?;
    if models.is_empty() {
        note!("nothing left to measure: the table holds all of them");
        return Ok(exit::DONE);
    }
    let asked = models.len();
    let dtype = conditions.engine.conditions.dtype;
    warn_of_integers(dtype, &models);
    let models = all_in_form(models, &args.engine.choice, dtype);
    let unfit = asked - models.len();
    stop_on_signals("stopping after this turn; once more to stop at once")?;
    note!(
        "{} on {}",
        counted(models.len(), "network"),
        shown_engine(&*engine)
    );
    let measured = watch(&*engine, &models, &protocol, &|timings| table.save(timings))?;
    let timings = &measured.measuring.timings;
    if !timings.is_empty() {
        print(&shown(timings, &conditions, args.format)?)?;
        if let Some(path) = &args.out {
            note!("wrote {}", path.display());
        }
    }
    Ok(if measured.measuring.is_interrupted {
        if args.out.as_ref().is_some_and(|path| path.exists()) {
            note!("interrupted; go on with --resume");
        }
        exit::INTERRUPTED
    } else if measured.failed + unfit > 0 {
        exit::BAD_INPUT
    } else {
        exit::DONE
    })
}

/// Says which files hold other numbers than will be written down.
fn warn_of_integers(dtype: Dtype, models: &[Model]) {
    if dtype == Dtype::Int8 {
        return;
    }
    for model in models.iter().filter(|model| model.is_quantized()) {
        note!(
            "warning: {} is quantised, and its timings are called {}: say --dtype int8",
            model.name(),
            dtype.name()
        );
    }
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

/// The models that the table doesn't hold yet.
fn left_over(
    args: &MeasureArgs,
    mut models: Vec<Model>,
    table: &mut Table,
    conditions: Conditions,
) -> Result<Vec<Model>, Error> {
    let Some(path) = &args.out else {
        return Ok(models);
    };
    check_writable(path)?;
    match fs::read_to_string(path) {
        Ok(text) if args.resume => {
            let done = table.resume(&text, &[conditions])?;
            models.retain(|model| !done.iter().any(|(name, _)| name == model.name()));
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
        let rows = timings.iter().map(|timing| timing::row(timing, conditions));
        return Data::of_cells(&timing::HEADER, rows).format(format);
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
