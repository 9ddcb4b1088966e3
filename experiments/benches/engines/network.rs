//! The networks that are measured.

use std::path::Path;

use roofnas::write_whole;

/// File of the networks that are to be measured.
const NETWORKS: &str = "networks.csv";

/// What counts MACs alone, and what is scaled by hand, in the column `found_for`.
pub(crate) const MACS: &str = "MACs";
pub(crate) const SCALED: &str = "MobileNetV2, scaled";
/// The platform without calibration.
pub(crate) const ROOFLINE: &str = "roofline";

/// What a network is measured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The highest quality under a budget.
    Edge,
    /// The fastest at a quality.
    Level,
    /// One of a front without a budget.
    Spread,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Edge, Self::Level, Self::Spread];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Level => "level",
            Self::Spread => "spread",
        }
    }
}

/// A network that is to be measured.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Its file's stem, and its name in tables of measurements.
    pub(crate) name: String,
    pub(crate) purpose: Purpose,
    /// A platform's name, [`MACS`] or [`SCALED`].
    pub(crate) found_for: String,
    /// The budget it was found under, or whose quality it reaches; 0 for none.
    pub(crate) budget_ms: f64,
    pub(crate) quality: f64,
    pub(crate) macs: u64,
    /// The genotype, or the width.
    pub(crate) text: String,
}

/// Writes what was chosen.
pub(crate) fn write(folder: &Path, chosen: &[Chosen]) {
    let mut table = csv::Writer::from_writer(Vec::new());
    table
        .write_record([
            "network",
            "purpose",
            "found_for",
            "budget_ms",
            "quality",
            "macs",
            "genotype",
        ])
        .unwrap();
    for network in chosen {
        table
            .write_record([
                &network.name,
                network.purpose.name(),
                &network.found_for,
                &network.budget_ms.to_string(),
                &network.quality.to_string(),
                &network.macs.to_string(),
                &network.text,
            ])
            .unwrap();
    }
    write_whole(&folder.join(NETWORKS), &table.into_inner().unwrap()).unwrap();
}

/// Reads them again.
pub(crate) fn read(folder: &Path) -> Vec<Chosen> {
    let mut table = csv::Reader::from_path(folder.join(NETWORKS)).unwrap();
    let rows = table.records().map(|record| {
        let record = record.unwrap();
        let purpose = Purpose::ALL
            .into_iter()
            .find(|purpose| purpose.name() == &record[1]);
        Chosen {
            name: record[0].to_owned(),
            purpose: purpose.unwrap(),
            found_for: record[2].to_owned(),
            budget_ms: record[3].parse().unwrap(),
            quality: record[4].parse().unwrap(),
            macs: record[5].parse().unwrap(),
            text: record[6].to_owned(),
        }
    });
    rows.collect()
}
