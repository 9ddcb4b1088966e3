//! Which networks a machine was calibrated on: a table of their layers beside that of their latencies.
//!
//! Rows of measurements name networks, and what a name stands for depends on the space, on how many networks are drawn, and on the version that draws them.
//! A fit to measurements that are gone on with is to networks that were measured, or it is none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use roofnas::{Error, write_whole};
use roofnas_hardware::sampling::MeasuringPlan;
use roofnas_space::layers_csv;

/// The table.
pub(super) struct MeasuredNetworks {
    path: PathBuf,
    text: String,
}

impl MeasuredNetworks {
    /// The networks of a plan, to be written to this path.
    pub(super) fn of(plan: &MeasuringPlan, path: PathBuf) -> Self {
        let networks: Vec<_> = plan
            .networks
            .iter()
            .map(|planned| planned.network.clone().renamed(&planned.name))
            .collect();
        let text = layers_csv::write(&networks);
        Self {
            path,
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    /// Refuses measurements of networks that the plan knows by the same names and that are others.
    pub(super) fn admit(&self, measured: &BTreeSet<String>, table: &Path) -> Result<(), Error> {
        if measured.is_empty() {
            return Ok(());
        }
        let file = self.path.display();
        let refuse = |problem: String| Error::Unusable {
            path: table.to_owned(),
            problem,
        };
        let before = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(refuse(format!(
                    "{file}, which says what its networks are, is missing: bring it back, or measure anew under another name"
                )));
            }
            Err(error) => return Err(Error::read(&self.path, error)),
        };
        let (before, now) = (by_network(&before), by_network(&self.text));
        let other = measured
            .iter()
            .find(|name| before.get(name.as_str()) != now.get(name.as_str()));
        let Some(name) = other else {
            return Ok(());
        };
        Err(refuse(format!(
            "it was measured on other networks than are planned now ({name} is another one): the space, --networks or the version of roofnas is not what it was; measure \
             anew under another name, or fit to what there is: calibrate --layers {file} --latency {}",
            table.display()
        )))
    }

    /// Writes the table.
    pub(super) fn write(&self) -> Result<(), Error> {
        write_whole(&self.path, self.text.as_bytes())
    }
}

/// The lines of each network.
fn by_network(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        let name = line.split(',').next().unwrap_or_default();
        all.entry(name).or_default().push(line);
    }
    all
}
