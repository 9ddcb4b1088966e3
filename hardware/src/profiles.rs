//! Finding a platform profile by name or path.

use std::path::{Path, PathBuf};

use roofnas_cost::{Platform, PlatformError, ThreadsError};
use thiserror::Error;

use crate::nearest_names::nearest;
use crate::shipped::SHIPPED;

/// Environment variable with a folder of the user's own profiles.
pub const FOLDER_VARIABLE: &str = "ROOFNAS_PLATFORMS";

/// A profile and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The profile.
    pub platform: Platform,
    /// `shipped`, or the file's path.
    pub origin: String,
}

/// A profile that can't be found or read.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// The machine at hand, before anybody has calibrated it.
    #[error(
        "platform \"host\" is the machine at hand, and there is no host.toml here yet: calibrate it with \"roofnas calibrate --out host.toml\""
    )]
    Host,
    /// No file and no shipped profile of this name.
    #[error("platform \"{name}\" is neither a file nor a known profile; {}", offered(.name, .known))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A file that can't be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A profile that doesn't hold for the number of threads asked for.
    #[error("platform \"{name}\": {source}")]
    Threads {
        /// What was asked for.
        name: String,
        /// Why.
        source: ThreadsError,
    },
    /// A file that is not a profile.
    #[error("{origin}: {source}")]
    Invalid {
        /// The file, or the shipped profile.
        origin: String,
        /// Why.
        source: PlatformError,
    },
}

/// The names that may have been meant, or all of them where none is like what was asked for.
fn offered(name: &str, known: &[String]) -> String {
    match &nearest(name, known)[..] {
        [] => format!("known are {}", known.join(", ")),
        nearest => format!(
            "nearest are {} (\"roofnas platforms\" lists all {})",
            nearest.join(", "),
            known.len()
        ),
    }
}

/// Where profiles are looked for beside the paths a user names: a folder of their own, and those that ship.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    folder: Option<PathBuf>,
}

impl Profiles {
    /// With this folder of the user's own profiles, or none.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// With the folder that the environment names in [`FOLDER_VARIABLE`].
    pub fn from_environment() -> Self {
        Self::new(std::env::var_os(FOLDER_VARIABLE).map(PathBuf::from))
    }

    /// Finds a profile: a path to a file first, then a name in the user's folder, then among those that ship. `NAME:4` is a profile on four threads.
    ///
    /// # Errors
    /// When there is none, or it can't be read, or doesn't hold for so many threads.
    pub fn find(&self, name: &str) -> Result<Profile, ProfileError> {
        on_threads(name, |name| self.find_as_named(name))
    }

    fn find_as_named(&self, name: &str) -> Result<Profile, ProfileError> {
        let path = Path::new(name);
        if path.is_file() {
            return read(path);
        }
        let own = self.folder.as_ref();
        let own = own.map(|folder| folder.join(format!("{name}.toml")));
        if let Some(own) = own.filter(|own| own.is_file()) {
            return read(&own);
        }
        if name == HOST {
            let here = Path::new(HOST_FILE);
            return match here.is_file() {
                true => read(here),
                false => Err(ProfileError::Host),
            };
        }
        match SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
            Some((name, text)) => parse(text, format!("shipped profile {name}")),
            None => Err(ProfileError::Unknown {
                name: name.to_owned(),
                known: self.names()?,
            }),
        }
    }

    /// The same, but for a name that stands in a file: a path is looked for beside that file before all else.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_beside(&self, file: &Path, name: &str) -> Result<Profile, ProfileError> {
        on_threads(name, |name| self.find_beside_as_named(file, name))
    }

    fn find_beside_as_named(&self, file: &Path, name: &str) -> Result<Profile, ProfileError> {
        let name_there = if name == HOST { HOST_FILE } else { name };
        let beside = file.parent().map(|folder| folder.join(name_there));
        match beside.filter(|path| path.is_file()) {
            Some(path) => read(&path),
            None => self.find_as_named(name),
        }
    }

    /// Names of the profiles in the user's folder and of those that ship, each once, in order.
    ///
    /// # Errors
    /// When the user's folder can't be read.
    pub fn names(&self) -> Result<Vec<String>, ProfileError> {
        let mut names: Vec<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        if let Some(folder) = &self.folder {
            let failed = |source| ProfileError::Read {
                path: folder.clone(),
                source,
            };
            for entry in std::fs::read_dir(folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "toml")
                {
                    names.extend(
                        path.file_stem()
                            .map(|stem| stem.to_string_lossy().into_owned()),
                    );
                }
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

/// Finds a profile by its name or, where there is none of that name and it ends in `:` and a number, one on so many threads.
fn on_threads(
    name: &str,
    find: impl Fn(&str) -> Result<Profile, ProfileError>,
) -> Result<Profile, ProfileError> {
    let parts = name.rsplit_once(':');
    let parts = parts.and_then(|(profile, threads)| Some((profile, threads.parse().ok()?)));
    let (profile, threads) = match (find(name), parts) {
        (Err(ProfileError::Unknown { .. }), Some(parts)) => parts,
        (found, _) => return found,
    };
    let Profile { platform, origin } = find(profile)?;
    match platform.on_threads(threads) {
        Ok(platform) => Ok(Profile { platform, origin }),
        Err(source) => Err(ProfileError::Threads {
            name: name.to_owned(),
            source,
        }),
    }
}

/// The name of the machine at hand, and the file that its profile is looked for in.
const HOST: &str = "host";
const HOST_FILE: &str = "host.toml";

fn read(path: &Path) -> Result<Profile, ProfileError> {
    let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path.display().to_string())
}

fn parse(text: &str, origin: String) -> Result<Profile, ProfileError> {
    match Platform::from_toml(text) {
        Ok(platform) => Ok(Profile { platform, origin }),
        Err(source) => Err(ProfileError::Invalid { origin, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roofnas_cost::Dtype;
    use roofnas_cost::calibration::Calibration;

    #[test]
    fn every_shipped_profile_reads_and_is_named_as_its_file() {
        for (name, text) in SHIPPED {
            let profile = Profiles::default().find(name).unwrap();
            assert_eq!(profile.platform.name, name);
            // of single kernels, most is the covariance of hundreds of inducing points
            let mut calibrations = profile.platform.calibration.values();
            let most = match calibrations.any(Calibration::is_of_single_kernels) {
                true => 512 * 1024,
                false => 64 * 1024,
            };
            assert!(text.len() <= most, "{name} is too large to embed");
        }
    }

    #[test]
    fn calibrated_profiles_hold_and_say_whose_measurements_they_are() {
        let mut calibrated = 0;
        for (name, _) in SHIPPED {
            let platform = Profiles::default().find(name).unwrap().platform;
            for calibration in platform.calibration.values() {
                calibrated += 1;
                let held_out = calibration.measured.held_out.unwrap();
                assert!(
                    held_out.mape <= 0.15 && held_out.spearman.unwrap() >= 0.95,
                    "{name}"
                );
                for at in &calibration.measured.held_out_by_batch {
                    assert!(
                        at.model.mape <= 0.15 && at.model.spearman.unwrap() >= 0.95,
                        "{name} at batch {}",
                        at.batch
                    );
                }
                assert!(calibration.measured.networks >= 20, "{name}");
                let provenance = &platform.provenance;
                assert!(
                    provenance.licence.is_some() && provenance.attribution.is_some(),
                    "{name}"
                );
            }
        }
        assert!(calibrated >= 30, "{calibrated}");
    }

    #[test]
    fn every_profile_in_the_folder_ships() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/platforms");
        let files = std::fs::read_dir(folder).unwrap();
        let names = files.filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".toml").map(str::to_owned)
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        let shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, shipped);
    }

    #[test]
    fn ridges_of_the_two_teachers() {
        let ridge = |name: &str, dtype, measured: bool| {
            let platform = Profiles::default().find(name).unwrap().platform;
            let roofs = &platform.roofs[&dtype];
            let figures = if measured {
                &roofs.measured
            } else {
                &roofs.theoretical
            };
            figures.as_ref().unwrap().roof().ridge()
        };
        assert_eq!(ridge("intel-i9-10980xe", Dtype::Fp32, false), 48.0);
        assert!((ridge("intel-i9-10980xe", Dtype::Fp32, true) - 38.6).abs() < 0.05);
        assert!((ridge("nvidia-v100", Dtype::Fp32, false) - 17.4).abs() < 0.05);
        assert!((ridge("nvidia-v100", Dtype::Fp16, false) - 138.9).abs() < 0.05);
    }

    #[test]
    fn the_host_is_what_was_calibrated_here() {
        let error = Profiles::default().find("host").unwrap_err();
        assert!(error.to_string().contains("roofnas calibrate"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let text = SHIPPED[0].1;
        std::fs::write(folder.path().join("host.toml"), text).unwrap();
        let experiment = folder.path().join("mine.toml");
        let found = Profiles::default()
            .find_beside(&experiment, "host")
            .unwrap();
        assert_eq!(found.platform.name, SHIPPED[0].0);
        let own = Profiles {
            folder: Some(folder.path().to_owned()),
        };
        assert_eq!(own.find("host").unwrap().platform.name, SHIPPED[0].0);
    }

    #[test]
    fn paths_come_first_then_the_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("nvidia-v100.toml");
        let shipped = SHIPPED.iter().find(|(name, _)| *name == "nvidia-v100");
        let text = shipped.unwrap().1.replace("Tesla V100 SXM2", "my own V100");
        std::fs::write(&own, text).unwrap();
        let profiles = Profiles::new(Some(folder.path().to_owned()));
        let found = profiles.find("nvidia-v100").unwrap();
        assert!(found.platform.description.contains("my own"));
        assert_eq!(found.origin, own.display().to_string());
        let experiment = folder.path().join("experiment.toml");
        let beside = Profiles::default().find_beside(&experiment, "nvidia-v100.toml");
        assert_eq!(beside.unwrap(), found);
        let shipped = Profiles::default()
            .find_beside(&experiment, "nvidia-v100")
            .unwrap();
        assert_eq!(shipped.origin, "shipped profile nvidia-v100");
        let by_path = Profiles::default().find(&found.origin).unwrap();
        assert_eq!(by_path, found);
        let names = profiles.names().unwrap();
        assert_eq!(
            names.iter().filter(|name| *name == "nvidia-v100").count(),
            1
        );
        assert!(names.is_sorted() && names.len() == SHIPPED.len());
    }

    #[test]
    fn errors_name_what_there_is() {
        let unknown = Profiles::default().find("intel").unwrap_err().to_string();
        assert!(unknown.contains("\"intel\""), "{unknown}");
        assert!(
            unknown.contains("nearest are intel-i9-10980xe"),
            "{unknown}"
        );
        let strange = Profiles::default().find("abacus").unwrap_err().to_string();
        for (known, _) in SHIPPED {
            assert!(strange.contains(known), "{strange}");
        }
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken.toml");
        std::fs::write(&broken, "format = 2\nnmae = 2").unwrap();
        let name = broken.display().to_string();
        let error = Profiles::default().find(&name).unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains("nmae"), "{error}");
        let gone = Profiles::new(Some(folder.path().join("gone")));
        assert!(matches!(gone.names(), Err(ProfileError::Read { .. })));
    }
}
