//! Networks found for each of several platforms, priced on the others.

use roofnas_space::SearchSpace;

use super::character::{Character, Level};
use super::contenders::{Contender, Contenders, Found};
use super::side::Side;
use super::table;
use super::transfer::Transfer;
use crate::outcome::FrontRow;

/// What came of a comparison.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The platforms.
    pub contenders: Vec<Contender>,
    /// Which of them networks were found for, in order: the rows of the matrix.
    pub rows: Vec<usize>,
    /// Which of them networks are priced on, in order: its columns.
    pub columns: Vec<usize>,
    /// Every row's networks on every column.
    pub transfers: Vec<Transfer>,
    /// The platforms' networks at a common quality, then their best.
    pub characters: Vec<Character>,
    /// The common quality.
    pub level: f64,
    /// What stands in for accuracy, in words.
    pub quality_kind: String,
    /// What a reader should know.
    pub remarks: Vec<String>,
    /// Folders of the runs it was made from.
    pub runs: Vec<String>,
    space: SearchSpace,
}

/// Share of networks priced by operators that a platform was calibrated on, below which prices are told to be guesses.
const MOSTLY_CALIBRATED: f64 = 0.8;

impl Comparison {
    /// Prices every front on every column. The networks described are the fastest that reach this quality, or else the highest that all fronts reach.
    pub fn new(contenders: Contenders, level: Option<f64>) -> Self {
        let all = &contenders.all;
        let experiment = &contenders.first.experiment;
        let quality_kind = experiment.appraiser.quality.kind();
        let sides = sides(all, &experiment.space, &quality_kind);
        let transfers = Transfer::all(&sides, &contenders.columns, |_, _| true);
        let rows: Vec<usize> = (0..all.len())
            .filter(|&place| !all[place].front.is_empty())
            .collect();
        let highest = rows
            .iter()
            .filter_map(|&row| Some(all[row].front.last()?.metrics.quality));
        let level = level.unwrap_or(highest.fold(f64::INFINITY, f64::min));
        let space = contenders.first.experiment.space.clone();
        let levels = [Level::Common(level), Level::Best];
        let characters = levels.iter().flat_map(|&level| {
            let space = &space;
            rows.iter()
                .filter_map(move |&row| Character::new(row, &all[row], space, level))
        });
        let characters: Vec<Character> = characters.collect();
        let mut comparison = Self {
            quality_kind,
            remarks: contenders.remarks.clone(),
            runs: contenders.runs.clone(),
            columns: contenders.columns.clone(),
            rows,
            transfers,
            characters,
            level,
            space,
            contenders: contenders.all,
        };
        let found = comparison.found_remarks();
        comparison.remarks.extend(found);
        comparison
    }

    /// The transfer of a row to a column.
    pub fn cell(&self, row: usize, column: usize) -> Option<&Transfer> {
        self.transfers
            .iter()
            .find(|transfer| (transfer.from, transfer.to) == (row, column))
    }

    /// The matrix as CSV, one row a cell.
    pub fn portability_csv(&self) -> Vec<u8> {
        table::portability(&self.sides(), &self.transfers)
    }

    /// Its cells, as text.
    pub fn portability_rows(&self) -> Vec<[String; 14]> {
        table::portability_rows(&self.sides(), &self.transfers).collect()
    }

    /// The networks behind it as CSV, one row for each network on each column.
    pub fn networks_csv(&self) -> Vec<u8> {
        table::networks(&self.sides(), &self.transfers)
    }

    /// What characterises the platforms, as CSV.
    pub fn characters_csv(&self) -> Vec<u8> {
        crate::tables::csv(&super::CHARACTER_COLUMNS, self.character_rows().into_iter())
    }

    /// The same, as text.
    pub fn character_rows(&self) -> Vec<[String; 34]> {
        let cells = |character: &Character| {
            character.cells(&self.contenders[character.contender], &self.quality_kind)
        };
        self.characters.iter().map(cells).collect()
    }

    /// What is built of the transfers, for tables and pictures.
    pub fn sides(&self) -> Vec<Side<'_>> {
        sides(&self.contenders, &self.space, &self.quality_kind)
    }

    /// What the figures themselves give to remark on.
    fn found_remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let name = |place: usize| &self.contenders[place].name;
        let mut without = Vec::new();
        for &column in &self.columns {
            let contender = &self.contenders[column];
            remarks.extend(contender.model.caveats());
            if contender.found == Found::Nowhere {
                without.push(contender.name.as_str());
            }
        }
        if !without.is_empty() {
            remarks.push(format!(
                "no run given was for {}: latencies there are priced, but there is no best of its own to hold them against; give a run for it, or search with --search",
                without.join(", ")
            ));
        }
        let mut doubtful = Vec::new();
        for transfer in &self.transfers {
            let (from, to) = (name(transfer.from), name(transfer.to));
            let Some(slowdown) = transfer.slowdown else {
                if self.contenders[transfer.to].found != Found::Nowhere {
                    remarks.push(format!("none of the networks found for {from} is matched in quality by one found for {to}"));
                }
                continue;
            };
            if transfer.from == transfer.to {
                continue;
            }
            if 2 * slowdown.networks < transfer.networks.len() {
                remarks.push(format!(
                    "only {} of {} networks found for {from} are matched in quality by one found for {to}",
                    slowdown.networks,
                    transfer.networks.len()
                ));
            }
            if slowdown.is_significant == Some(false) {
                doubtful.push(format!("{from} on {to} ({:.2})", slowdown.mean));
            }
            if slowdown.mean < 1.0 {
                remarks.push(format!(
                    "networks found for {from} are faster on {to} than those found for it: its own search stopped short of the best",
                ));
            }
        }
        if !doubtful.is_empty() {
            remarks.push(format!(
                "within the uncertainty of the prices: {}",
                doubtful.join(", ")
            ));
        }
        for &row in &self.rows {
            let reaches = |row: &FrontRow| row.metrics.quality >= self.level;
            if !self.contenders[row].front.iter().any(reaches) {
                remarks.push(format!(
                    "no network found for {} reaches a quality of {}: it is not among those described at that quality",
                    name(row),
                    self.level
                ));
            }
        }
        for character in &self.characters {
            let contender = &self.contenders[character.contender];
            let is_common = matches!(character.level, Level::Common(_));
            if is_common
                && contender.model.calibration().is_some()
                && character.calibrated_share < MOSTLY_CALIBRATED
            {
                remarks.push(format!(
                    "only {:.0} % of the time of the network found for {} is in operators that its profile was calibrated on: the rest is a guess, and a search favours \
                     what is guessed too low",
                    100.0 * character.calibrated_share,
                    contender.name
                ));
            }
        }
        remarks
    }
}

fn sides<'a>(
    contenders: &'a [Contender],
    space: &'a SearchSpace,
    quality_kind: &str,
) -> Vec<Side<'a>> {
    let sides = contenders.iter().map(|contender| Side {
        name: contender.name.clone(),
        model: &contender.model,
        space,
        quality_kind: quality_kind.to_owned(),
        front: contender.front.clone(),
    });
    sides.collect()
}
