//! Search spaces by name or path.

use std::path::Path;

use roofnas_space::{SearchSpace, SpaceDefinition, presets};

use crate::error::Error;

/// The definition in a file.
///
/// # Errors
/// When it can't be read, or holds anything else.
pub(crate) fn read(path: &Path) -> Result<SpaceDefinition, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
    toml::from_str(&text).map_err(|error| Error::Syntax {
        file: path.display().to_string(),
        message: error.to_string().trim_end().to_owned(),
    })
}

/// A space given on the command line: a preset's name, or the path of a TOML file. `argument` is what it was given as.
///
/// # Errors
/// When it is neither, when the file can't be read, or when the space can't be.
pub fn find_space(argument: &str, name: &str) -> Result<SearchSpace, Error> {
    let path = Path::new(name);
    let definition = match presets::definition(name) {
        Some(definition) => definition,
        None if path.exists() => read(path)?,
        None => {
            return Err(Error::Argument {
                argument: format!("{argument} {name}"),
                problem: format!(
                    "is neither a file nor a preset; presets are {}",
                    presets::NAMES.join(", ")
                ),
            });
        }
    };
    SearchSpace::new(definition).map_err(|source| Error::Space {
        file: name.to_owned(),
        source,
    })
}
