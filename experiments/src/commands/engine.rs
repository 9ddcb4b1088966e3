//! The engine that the command line names.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use roofnas::Error;
use roofnas_cost::Dtype;
use roofnas_cost::calibration::Batches;
use roofnas_cost::threads_in_words;
use roofnas_hardware::engine::{
    Adapter, CommandEngine, CommandLine, Conditions, Embedded, Engine, EngineError, MakeEngine,
    Model, OnnxRuntime, Patience, PythonEngine, PythonPackage, Streams,
};
use roofnas_hardware::measure::{self, Machine, Protocol};

use crate::cli::{EngineArgs, EngineChoice, EngineName, SituationArgs, TimingArgs};

/// The engine, ready to load networks under these conditions, on so many streams at once.
pub(super) fn engine(
    args: &EngineChoice,
    conditions: Conditions,
    streams: NonZeroUsize,
) -> Result<Box<dyn Engine>, Error> {
    if args.command.is_some() && args.engine != EngineName::Command {
        return Err(argument("--command", "needs --engine command beside it"));
    }
    match on_this_machine(args, conditions) {
        None => {
            let line = command_line(args, &conditions)?;
            Ok(Box::new(command(line, args, conditions)))
        }
        Some(make) if streams.get() == 1 => Ok(make()?),
        Some(make) => Ok(Box::new(Streams::new(streams, &make)?)),
    }
}

/// Makes an engine that stays while networks are measured; nothing where a program is started for each turn.
fn on_this_machine(args: &EngineChoice, conditions: Conditions) -> Option<MakeEngine> {
    let timeout = Duration::from_secs(args.timeout);
    let python = |package| -> MakeEngine {
        Arc::new(move || Ok(Box::new(PythonEngine::find(package, conditions, timeout)?)))
    };
    Some(match args.engine {
        EngineName::Embedded => Arc::new(move || Ok(Box::new(Embedded::new(conditions)?))),
        EngineName::Onnxruntime => Arc::new(move || Ok(Box::new(OnnxRuntime::find(conditions)?))),
        EngineName::Openvino => python(PythonPackage::OpenVino),
        EngineName::Ncnn => python(PythonPackage::Ncnn),
        EngineName::BenchmarkApp | EngineName::Trtexec | EngineName::Command => return None,
    })
}

fn command(line: CommandLine, args: &EngineChoice, conditions: Conditions) -> CommandEngine {
    let patience = Patience {
        timeout: Duration::from_secs(args.timeout),
        retries: args.retries.into(),
    };
    CommandEngine::new(line, patience, conditions)
}

fn command_line(args: &EngineChoice, conditions: &Conditions) -> Result<CommandLine, Error> {
    let adapter = match args.engine {
        EngineName::BenchmarkApp => Some(Adapter::BenchmarkApp),
        EngineName::Trtexec => Some(Adapter::Trtexec),
        _ => None,
    };
    if let Some(adapter) = adapter {
        let line = adapter.command(conditions);
        return line.map_err(|error| argument("--engine", &error.to_string()));
    }
    let Some(text) = &args.command else {
        let problem = "needs --command \"PROGRAM ARGUMENT...\", which says what to start";
        return Err(argument("--engine command", problem));
    };
    let words = shlex::split(text).filter(|words| !words.is_empty());
    let Some(words) = words else {
        return Err(argument("--command", "is empty, or a quote is not closed"));
    };
    if !is_program(&words[0]) {
        let problem = format!("there is no program {}", words[0]);
        return Err(argument("--command", &problem));
    }
    let line = CommandLine::new(words[0].clone(), &words[1..], args.command_output);
    line.map_err(|error| argument("--command", &error.to_string()))
}

/// Whether there is such a file: at this path, or for a name alone, in a folder of `PATH`.
fn is_program(name: &str) -> bool {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return path.is_file();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let spellings = [
        name.to_owned(),
        format!("{name}{}", std::env::consts::EXE_SUFFIX),
    ];
    std::env::split_paths(&folders).any(|folder| {
        spellings
            .iter()
            .any(|spelling| folder.join(spelling).is_file())
    })
}

fn argument(argument: &str, problem: &str) -> Error {
    Error::Argument {
        argument: argument.to_owned(),
        problem: problem.to_owned(),
    }
}

/// A model in the form in which it is to run. For int8, engines that compute what a file says run files with integers in them; others see to that
/// themselves.
pub(super) fn in_form(
    model: Model,
    choice: &EngineChoice,
    dtype: Dtype,
) -> Result<Model, EngineError> {
    if dtype == Dtype::Int8 && choice.computes_what_a_file_says() {
        return model.quantized();
    }
    Ok(model)
}

/// The same of several; what can't be quantised is told, and left out.
pub(super) fn all_in_form(models: Vec<Model>, choice: &EngineChoice, dtype: Dtype) -> Vec<Model> {
    let models = models.into_iter().filter_map(|model| {
        let model = in_form(model, choice, dtype);
        model.map_err(|error| note!("error: {error}")).ok()
    });
    models.collect()
}

/// How networks are timed. From here on this process, and an engine in it or started by it from now on, keeps to the CPUs that were asked for.
pub(super) fn protocol(engine: &EngineArgs, timing: &TimingArgs) -> Result<Protocol, Error> {
    enter(&engine.choice, &timing.situation)?;
    Ok(timing.protocol(engine.choice.protocol()))
}

/// Refuses a situation that the engine can't be in, and keeps this process to the CPUs that were asked for.
pub(super) fn enter(choice: &EngineChoice, situation: &SituationArgs) -> Result<(), Error> {
    if situation.cold && !choice.is_in_this_process() {
        let problem = "needs an engine in this process, embedded or onnxruntime: the caches of another process's core can't be filled from here";
        return Err(argument("--cold", problem));
    }
    if situation.duty.is_some() && choice.is_command() {
        let problem = "needs an engine that is no program, embedded, onnxruntime, openvino or ncnn: nobody but a program decides how its runs follow each other";
        return Err(argument("--duty", problem));
    }
    if situation.streams.get() > 1 {
        let what = format!("--streams {}", situation.streams);
        if choice.is_command() {
            let problem =
                "needs embedded, onnxruntime or ncnn: a program has streams of its own, or none";
            return Err(argument(&what, problem));
        }
        if choice.engine == EngineName::Openvino {
            // measured: two of them took one core of two
            let problem = "needs embedded, onnxruntime or ncnn: OpenVINO keeps its threads to certain cores, and every stream's process to the same ones";
            return Err(argument(&what, problem));
        }
        if situation.cold || situation.duty.is_some() {
            let problem = "can't be had with --cold or --duty: the other streams run one inference after the other, with warm weights";
            return Err(argument(&what, problem));
        }
    }
    pin("--pin", &situation.pin)
}

/// Keeps this process to these CPUs, any where there are none. `asked` says where, for messages.
pub(super) fn pin(asked: &str, cpus: &[usize]) -> Result<(), Error> {
    if cpus.is_empty() {
        return Ok(());
    }
    measure::pin(cpus).map_err(|error| {
        let cpus = Machine::here().cpus;
        let problem =
            format!("can't keep the engine on these CPUs: {error}; this process may use {cpus:?}");
        argument(asked, &problem)
    })
}

/// An engine and what it runs under, in words.
pub(super) fn shown_engine(engine: &dyn Engine) -> String {
    shown_engine_under(engine, &[engine.description().conditions])
}

/// The same of an engine that runs under several conditions.
pub(super) fn shown_engine_under(engine: &dyn Engine, all: &[Conditions]) -> String {
    let description = engine.description();
    let batches = Batches::of(all.iter().map(|conditions| conditions.batch.get() as u64));
    let mut threads: Vec<u32> = all
        .iter()
        .map(|conditions| conditions.threads.get() as u32)
        .collect();
    threads.sort_unstable();
    threads.dedup();
    let threads = threads_in_words(&threads);
    let version = description.version.map(|version| format!(" {version}"));
    format!(
        "{}{}, {threads}, {batches}, {}",
        description.name,
        version.unwrap_or_default(),
        description.conditions.dtype.name(),
    )
}

/// A number of things.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
