//! A model to be run.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::EngineError;

/// An ONNX model: the bytes of somebody's file, unchanged. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    name: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Model {
    /// The model in a file, called after the file's stem. Weights that the file keeps in other files beside it stay there.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        Self {
            name: stem.to_string_lossy().into_owned(),
            source: Source::File(path),
        }
    }

    /// A model in memory, such as [`export`](roofnas_space::onnx::export) returns.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            name: name.into(),
            source: Source::Bytes(bytes.into()),
        }
    }

    /// What it is called in messages and tables.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its file, if it came from one.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Bytes(_) => None,
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, EngineError> {
        match &self.source {
            Source::File(path) => {
                fs::read(path)
                    .map(Cow::Owned)
                    .map_err(|source| EngineError::File {
                        path: path.clone(),
                        source,
                    })
            }
            Source::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// A file with it: its own, or one in a temporary folder that lives as long as what is returned.
    ///
    /// # Errors
    /// When its own file isn't there, or the temporary one can't be written.
    pub fn file(&self) -> Result<ModelFile, EngineError> {
        match &self.source {
            Source::File(path) => match fs::metadata(path) {
                Ok(_) => Ok(ModelFile {
                    path: path.clone(),
                    _folder: None,
                }),
                Err(source) => Err(EngineError::File {
                    path: path.clone(),
                    source,
                }),
            },
            Source::Bytes(bytes) => temporary(bytes),
        }
    }
}

/// A file that holds a model.
#[derive(Debug)]
pub struct ModelFile {
    path: PathBuf,
    /// Removed with its content when this is dropped.
    _folder: Option<TempDir>,
}

impl ModelFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<OsStr> for ModelFile {
    fn as_ref(&self) -> &OsStr {
        self.path.as_os_str()
    }
}

/// Writes a temporary file. Its name owes nothing to the model's: that may hold anything, and remote shells read paths.
fn temporary(bytes: &[u8]) -> Result<ModelFile, EngineError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| EngineError::File { path, source }
    };
    let folder = tempfile::Builder::new()
        .prefix("roofnas-")
        .tempdir()
        .map_err(failed(&std::env::temp_dir()))?;
    let path = folder.path().join("network.onnx");
    fs::write(&path, bytes).map_err(failed(&path))?;
    Ok(ModelFile {
        path,
        _folder: Some(folder),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_a_file_that_goes_away() {
        let model = Model::from_bytes("a; rm -rf *", [1, 2, 3]);
        assert_eq!(model.path(), None);
        let file = model.file().unwrap();
        let path = file.path().to_owned();
        assert_eq!(fs::read(&path).unwrap(), [1, 2, 3]);
        assert_eq!(path.file_name().unwrap(), "network.onnx");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_is_used_where_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.v2.onnx");
        fs::write(&path, [4, 5]).unwrap();
        let model = Model::from_path(&path);
        assert_eq!(model.name(), "tiny.v2");
        assert_eq!(model.bytes().unwrap().as_ref(), [4, 5]);
        drop(model.file().unwrap());
        assert!(path.exists());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let model = Model::from_path("nowhere/net.onnx");
        let bytes = model.bytes().unwrap_err().to_string();
        let file = model.file().unwrap_err().to_string();
        assert!(bytes.starts_with("nowhere/net.onnx: "), "{bytes}");
        assert!(file.starts_with("nowhere/net.onnx: "), "{file}");
    }
}
