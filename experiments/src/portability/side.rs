//! A front with the conditions it was found for.

use roofnas_cost::LatencyModel;
use roofnas_space::SearchSpace;

use crate::batch::BatchEntry;
use crate::outcome::FrontRow;

/// A front with the conditions it was found for; or conditions that nothing was found for, whose front is empty.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    /// What it is called in tables: a run's folder, or a platform.
    pub name: String,
    /// Prices networks for its platform, number format and batch size.
    pub model: &'a LatencyModel,
    /// The space that its networks are of.
    pub space: &'a SearchSpace,
    /// What stands in for accuracy, in words.
    pub quality_kind: String,
    /// The fastest network for each quality, from the fastest up.
    pub front: Vec<FrontRow>,
}

impl<'a> Side<'a> {
    /// What a run of a batch has found.
    pub(crate) fn of_entry(entry: &'a BatchEntry) -> Self {
        let experiment = &entry.experiment;
        Self {
            name: entry.folder.display().to_string(),
            model: &experiment.appraiser.model,
            space: &experiment.space,
            quality_kind: experiment.appraiser.quality.kind(),
            front: fastest(entry.front.clone()),
        }
    }

    /// The fastest network that was found for these conditions and is at least as good.
    pub fn rival(&self, quality: f64) -> Option<&FrontRow> {
        // from the fastest up, qualities rise
        self.front.iter().find(|row| row.metrics.quality >= quality)
    }
}

/// The networks that are faster than every other of at least their quality, from the fastest up. A front of three objectives has others, too, and several
/// fronts together have some that are no match for those of another.
pub(crate) fn fastest(mut rows: Vec<FrontRow>) -> Vec<FrontRow> {
    rows.sort_by(|a, b| {
        let by_latency = a
            .metrics
            .latency
            .mean_ms
            .total_cmp(&b.metrics.latency.mean_ms);
        by_latency.then(b.metrics.quality.total_cmp(&a.metrics.quality))
    });
    let mut best = f64::NEG_INFINITY;
    rows.retain(|row| {
        let is_better = row.metrics.quality > best;
        best = best.max(row.metrics.quality);
        is_better
    });
    rows
}
