//! The engine that the command line names.

use std::path::Path;
use std::time::Duration;

use roofnas::Error;
use roofnas_cost::Dtype;
use roofnas_cost::calibration::Batches;
use roofnas_hardware::engine::{
    Adapter, CommandEngine, CommandLine, Conditions, Embedded, Engine, EngineError, Model,
    OnnxRuntime, Patience, PythonEngine, PythonPackage,
};
use roofnas_hardware::measure::{self, Machine, Protocol};

use crate::cli::{EngineArgs, EngineChoice, EngineName, TimingArgs};

/// The engine, ready to load networks under these conditions.
pub(super) fn engine(
    args: &EngineChoice,
    conditions: Conditions,
) -> Result<Box<dyn Engine>, Error> {
    if args.command.is_some() && args.engine != EngineName::Command {
        return Err(argument("--command", "needs --engine command beside it"));
    }
    let adapter = match args.engine {
        EngineName::Embedded => return Ok(Box::new(Embedded::new(conditions)?)),
        EngineName::Onnxruntime => return Ok(Box::new(OnnxRuntime::find(conditions)?)),
        EngineName::Openvino => return python(PythonPackage::OpenVino, args, conditions),
        EngineName::Ncnn => return python(PythonPackage::Ncnn, args, conditions),
        EngineName::BenchmarkApp => Adapter::BenchmarkApp,
        EngineName::Trtexec => Adapter::Trtexec,
        EngineName::Command => {
            return Ok(Box::new(command(command_line(args)?, args, conditions)));
        }
    };
    let line = adapter.command(&conditions);
    let line = line.map_err(|error| argument("--engine", &error.to_string()))?;
    Ok(Box::new(command(line, args, conditions)))
}

fn python(
    package: PythonPackage,
    args: &EngineChoice,
    conditions: Conditions,
) -> Result<Box<dyn Engine>, Error> {
    let timeout = Duration::from_secs(args.timeout);
    let engine = PythonEngine::find(package, conditions, timeout)?;
    Ok(Box::new(engine))
}

fn command(line: CommandLine, args: &EngineChoice, conditions: Conditions) -> CommandEngine {
    let patience = Patience {
        timeout: Duration::from_secs(args.timeout),
        retries: args.retries.into(),
    };
    CommandEngine::new(line, patience, conditions)
}

fn command_line(args: &EngineChoice) -> Result<CommandLine, Error> {
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
    if timing.cold && !engine.choice.is_in_this_process() {
        let problem = "needs an engine in this process, embedded or onnxruntime: the caches of another process's core can't be filled from here";
        return Err(argument("--cold", problem));
    }
    if timing.duty.is_some() && engine.choice.is_command() {
        let problem = "needs an engine that is no program, embedded, onnxruntime, openvino or ncnn: nobody but a program decides how its runs follow each other";
        return Err(argument("--duty", problem));
    }
    let protocol = timing.protocol(engine.choice.protocol());
    pin("--pin", &protocol.situation.pinned)?;
    Ok(protocol)
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
    let batch = engine.description().conditions.batch.get() as u64;
    shown_engine_at(engine, &Batches::of([batch]))
}

/// The same of an engine that runs at several batches.
pub(super) fn shown_engine_at(engine: &dyn Engine, batches: &Batches) -> String {
    let description = engine.description();
    let conditions = description.conditions;
    let version = description.version.map(|version| format!(" {version}"));
    format!(
        "{}{}, {}, {batches}, {}",
        description.name,
        version.unwrap_or_default(),
        counted(conditions.threads.get(), "thread"),
        conditions.dtype.name(),
    )
}

/// A number of things.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
