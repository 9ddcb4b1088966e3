//! Where Python is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Environment variable with the folder of an active virtual environment.
const VIRTUAL_ENVIRONMENT: &str = "VIRTUAL_ENV";

/// Interpreters, in the order in which to ask them: that of the active environment, and those on the path.
pub(super) fn interpreters() -> Vec<PathBuf> {
    interpreters_with(std::env::var_os(VIRTUAL_ENVIRONMENT).as_deref())
}

fn interpreters_with(environment: Option<&OsStr>) -> Vec<PathBuf> {
    let of_environment = environment.into_iter().flat_map(|folder| {
        ["bin/python3", "bin/python", "Scripts/python.exe"]
            .map(|python| Path::new(folder).join(python))
    });
    of_environment
        .filter(|python| python.is_file())
        .chain(["python3", "python"].map(PathBuf::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_active_environment_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let python = folder.path().join("bin/python");
        std::fs::write(&python, "").unwrap();
        let found = interpreters_with(Some(folder.path().as_os_str()));
        assert_eq!(found, [python, "python3".into(), "python".into()]);
        assert_eq!(interpreters_with(None).len(), 2);
    }
}
