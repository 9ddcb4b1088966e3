//! What a batch asks about, apart from budgets and seeds: a platform, mostly, and whatever else its matrix varies.

use std::path::Path;

use toml::Value;

use crate::batch::{BatchEntry, RunStatus};
use crate::outcome::FrontRow;
use crate::portability::{Side, fastest};
use crate::source::Setting;

/// Keys that tell no case from another.
const BUDGET: &str = "constraints.latency_ms";
const SEED: &str = "seed";
/// Known by the platform's own name rather than by what it was asked for with.
const PLATFORM: &str = "platform.profile";

/// Runs of a batch that differ in budgets and seeds alone.
pub(super) struct Case<'a> {
    /// What tells it from the others.
    pub(super) name: String,
    /// Its runs; at least one.
    pub(super) entries: Vec<&'a BatchEntry>,
}

/// What runs of a case under one budget came to, over their seeds.
pub(super) struct Answer<'a> {
    /// The run that found most, with its network of the highest quality; nothing where none found any.
    pub(super) best: Option<(&'a BatchEntry, &'a FrontRow)>,
    /// The lowest of its runs' highest qualities.
    pub(super) worst_quality: Option<f64>,
    /// All runs; at least one.
    pub(super) entries: Vec<&'a BatchEntry>,
}

impl<'a> Case<'a> {
    /// The cases in the order of their first runs.
    pub(super) fn all(entries: &'a [BatchEntry]) -> Vec<Self> {
        let mut cases: Vec<Self> = Vec::new();
        for entry in entries {
            let is_alike = |case: &&mut Self| varied(case.entries[0]).eq(varied(entry));
            match cases.iter_mut().find(is_alike) {
                Some(case) => case.entries.push(entry),
                None => cases.push(Self {
                    name: name(entry),
                    entries: vec![entry],
                }),
            }
        }
        cases
    }

    /// What came of its runs under a budget; nothing where it has no such run.
    pub(super) fn under(&self, budget_ms: Option<f64>) -> Option<Answer<'a>> {
        let entries = self.entries.iter().copied();
        let entries: Vec<&BatchEntry> = entries
            .filter(|entry| entry.experiment.budget_ms() == budget_ms)
            .collect();
        let found = entries
            .iter()
            .filter_map(|entry| Some((*entry, entry.best()?)));
        let found: Vec<(&BatchEntry, &FrontRow)> = found.collect();
        let qualities = found.iter().map(|(_, best)| best.metrics.quality);
        let worst_quality = qualities.reduce(f64::min);
        // `max_by` returns the last of equals, hence the reversal
        let last_first = found.into_iter().rev();
        let best =
            last_first.max_by(|(_, a), (_, b)| a.metrics.quality.total_cmp(&b.metrics.quality));
        (!entries.is_empty()).then_some(Answer {
            best,
            worst_quality,
            entries,
        })
    }

    /// The fronts of its runs together, as one.
    pub(super) fn side(&self) -> Side<'a> {
        // a front over latency is one of networks that run at the same batch
        let entries = self.entries.iter();
        let entries = entries.filter(|entry| !entry.experiment.chooses_batch());
        let rows = entries.flat_map(|entry| {
            entry.front.iter().map(|row| FrontRow {
                id: format!("{} {}", number(&entry.folder), row.id),
                ..row.clone()
            })
        });
        Side {
            name: self.name.clone(),
            front: fastest(rows.collect()),
            ..Side::of_entry(self.entries[0])
        }
    }
}

impl Answer<'_> {
    /// Why nothing was found, in a word or two.
    pub(super) fn why_nothing(&self) -> &'static str {
        let has = |status: fn(&RunStatus) -> bool| self.entries.iter().any(|e| status(&e.status));
        if has(|status| matches!(status, RunStatus::Failed(_))) {
            return "failed";
        }
        if has(|status| *status == RunStatus::Unfinished) {
            return "not done";
        }
        "nothing fits"
    }

    /// What stands in the way of the first run, or its message; empty where that is nothing.
    pub(super) fn reason(&self) -> String {
        let first = self.entries[0];
        let nearest = first
            .record
            .as_ref()
            .and_then(|record| record.nearest.as_ref());
        nearest.map_or_else(|| first.message(), |nearest| nearest.binds.join("; "))
    }
}

/// The budgets of a batch, each once, from the tightest up; none at all is the last.
pub(super) fn budgets(entries: &[BatchEntry]) -> Vec<Option<f64>> {
    let mut budgets: Vec<Option<f64>> = entries
        .iter()
        .map(|entry| entry.experiment.budget_ms())
        .collect();
    let order = |budget: &Option<f64>| budget.unwrap_or(f64::INFINITY);
    budgets.sort_by(|a, b| order(a).total_cmp(&order(b)));
    budgets.dedup();
    budgets
}

/// What tells a run from the others of its batch in short: the number that its folder begins with.
pub(super) fn number(folder: &Path) -> String {
    let name = folder.display().to_string();
    let digits = name.chars().take_while(char::is_ascii_digit);
    match digits.collect::<String>() {
        digits if digits.is_empty() => name,
        digits => digits,
    }
}

/// What the matrix sets for a run besides platform with its batch and format, budget and seed, in words; empty where that is nothing.
pub(super) fn other_settings(entry: &BatchEntry) -> String {
    in_words(varied(entry).filter(|setting| !setting.key.starts_with("platform.")))
}

/// What the matrix sets for a run besides budget and seed.
fn varied(entry: &BatchEntry) -> impl Iterator<Item = &Setting> {
    let settings = entry.settings.iter();
    settings.filter(|setting| ![BUDGET, SEED].contains(&setting.key.as_str()))
}

fn name(entry: &BatchEntry) -> String {
    let platform = &entry.experiment.appraiser.model.platform().name;
    let varies = |key: &str| entry.settings.iter().any(|setting| setting.key == key);
    let others = in_words(varied(entry).filter(|setting| setting.key != PLATFORM));
    match (varies(PLATFORM), others.is_empty()) {
        (true, false) => format!("{platform}, {others}"),
        (false, false) => others,
        (_, true) => platform.clone(),
    }
}

/// `batch 64, resolution 192`.
fn in_words<'s>(settings: impl Iterator<Item = &'s Setting>) -> String {
    let words = settings.map(|setting| {
        let key = setting.short_key().join(" ");
        match &setting.value {
            Value::String(text) => format!("{key} {text}"),
            other => format!("{key} {other}"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}
