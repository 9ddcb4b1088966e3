//! Transfers as CSV: pure functions from results to bytes.

use super::side::Side;
use super::transfer::Transfer;
use crate::tables::{csv, optional};

/// Columns of a portability table.
pub const PORTABILITY_COLUMNS: [&str; 14] = [
    "found_for",
    "priced_for",
    "platform",
    "batch",
    "dtype",
    "slowdown_mean",
    "slowdown_worst",
    "networks_compared",
    "networks_priced",
    "quality_kind",
    "latency_kind",
    "slowdown_mean_std",
    "slowdown_worst_std",
    "is_significant",
];

/// One row for each pair of sides.
pub(super) fn portability_rows(
    sides: &[Side<'_>],
    transfers: &[Transfer],
) -> impl Iterator<Item = [String; 14]> {
    transfers.iter().map(|transfer| {
        let (from, to) = (&sides[transfer.from], &sides[transfer.to]);
        let slowdown = transfer.slowdown;
        [
            from.name.clone(),
            to.name.clone(),
            to.model.platform().name.clone(),
            to.model.batch().to_string(),
            to.model.dtype().to_string(),
            optional(slowdown.map(|slowdown| slowdown.mean)),
            optional(slowdown.map(|slowdown| slowdown.worst)),
            slowdown.map_or(0, |slowdown| slowdown.networks).to_string(),
            transfer.networks.len().to_string(),
            to.quality_kind.clone(),
            to.model.label(),
            optional(slowdown.and_then(|slowdown| slowdown.mean_std)),
            optional(slowdown.and_then(|slowdown| slowdown.worst_std)),
            optional(slowdown.and_then(|slowdown| slowdown.is_significant)),
        ]
    })
}

/// The same as a file.
pub(crate) fn portability(sides: &[Side<'_>], transfers: &[Transfer]) -> Vec<u8> {
    csv(&PORTABILITY_COLUMNS, portability_rows(sides, transfers))
}

/// Columns of the networks behind a portability table.
const NETWORK_COLUMNS: [&str; 15] = [
    "found_for",
    "id",
    "priced_for",
    "platform",
    "batch",
    "dtype",
    "quality",
    "latency_ms",
    "latency_ms_std",
    "latency_ms_upper95",
    "own_best_id",
    "own_best_latency_ms",
    "slowdown",
    "slowdown_std",
    "genotype",
];

/// One row for each network under each side's conditions.
pub(crate) fn networks(sides: &[Side<'_>], transfers: &[Transfer]) -> Vec<u8> {
    let rows = transfers.iter().flat_map(|transfer| {
        let (from, to) = (&sides[transfer.from], &sides[transfer.to]);
        transfer.networks.iter().map(move |network| {
            let rival = network.rival.as_ref();
            [
                from.name.clone(),
                network.id.clone(),
                to.name.clone(),
                to.model.platform().name.clone(),
                to.model.batch().to_string(),
                to.model.dtype().to_string(),
                network.quality.to_string(),
                network.latency.mean_ms.to_string(),
                network.latency.std_ms.to_string(),
                network.latency.upper95_ms().to_string(),
                optional(rival.map(|rival| &rival.id)),
                optional(rival.map(|rival| rival.latency_ms)),
                optional(rival.map(|rival| rival.ratio)),
                optional(rival.and_then(|rival| rival.ratio_std)),
                network.genotype.clone(),
            ]
        })
    });
    csv(&NETWORK_COLUMNS, rows)
}
