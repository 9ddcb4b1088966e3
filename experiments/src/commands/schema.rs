//! `roofnas schema`.

use roofnas::{SchemaOf, exit};

use super::output::print;
use crate::cli::SchemaArgs;

/// Prints the JSON Schema of a kind of file.
pub(crate) fn schema(args: &SchemaArgs) -> anyhow::Result<u8> {
    print(&text(args.kind.into()))?;
    Ok(exit::DONE)
}

/// A schema as its file's text.
pub(crate) fn text(of: SchemaOf) -> String {
    format!("{:#}\n", of.schema())
}
