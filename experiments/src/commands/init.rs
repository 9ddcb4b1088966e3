//! `roofnas init`.

use roofnas::{Error, SchemaOf, exit, write_whole};

use super::{init_from, schema};
use crate::cli::InitArgs;

/// The commented experiment: the one the README begins with.
const STARTER: &str = include_str!("../../configs/quickstart.toml");

/// The name of the schema that is written beside an experiment; this tool's own, so that an older version's is replaced.
const SCHEMA: &str = "roofnas-experiment.schema.json";

/// Writes a commented experiment to start from; never over a file that is there.
pub(crate) fn init(args: &InitArgs) -> anyhow::Result<u8> {
    let file = args.file.display();
    // a link that leads nowhere is there too
    if args.file.symlink_metadata().is_ok() {
        note!("error: {file} is there already; name another file, or remove it");
        return Ok(exit::BAD_INPUT);
    }
    let name = args.file.file_stem().and_then(|stem| stem.to_str());
    let plain = |name: &&str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    let name = name.filter(plain).unwrap_or("experiment");
    let drafted = match &args.own.from {
        Some(model) => Some(init_from::experiment(model, args, name)?),
        None => None,
    };
    let text = match &drafted {
        Some(drafted) => drafted.text.clone(),
        None => STARTER.replacen("name = \"quickstart\"", &format!("name = \"{name}\""), 1),
    };
    if let Err(error) = write(args, text) {
        drafted.iter().for_each(init_from::Drafted::undo);
        return Err(error.into());
    }
    note!("wrote {file}; look at it, then: roofnas run {file}");
    Ok(exit::DONE)
}

/// Writes the experiment, and its schema where that is asked for.
fn write(args: &InitArgs, text: String) -> Result<(), Error> {
    let text = if args.with_schema {
        let schema = schema::text(SchemaOf::Experiment);
        write_whole(&args.file.with_file_name(SCHEMA), schema.as_bytes())?;
        format!("#:schema ./{SCHEMA}\n{text}")
    } else {
        text
    };
    write_whole(&args.file, text.as_bytes())
}
