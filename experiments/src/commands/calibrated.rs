//! What a calibration brought, for people.

use roofnas_cost::calibration::Calibration;
use roofnas_cost::threads_in_words;
use roofnas_hardware::Calibrated;

use super::figures::{Comparison, closing, percent};
use super::table::table;
use crate::cli::CalibrateArgs;

/// Outliers that are named.
const NAMED: usize = 10;

/// The profile, how well it holds, what it is made of, and what to think of it.
pub(super) fn for_people(
    calibrated: &Calibrated,
    comparison: Option<&Comparison<'_>>,
    args: &CalibrateArgs,
    bytes: usize,
) -> String {
    let platform = &calibrated.platform;
    let Some(calibration) = platform.calibration.get(&args.dtype) else {
        return String::new();
    };
    let measured = &calibration.measured;
    let threads = match (platform.threads, &calibration.threads[..]) {
        (Some(threads), _) => threads_in_words(&[threads]),
        (None, []) => "threads not stated".to_owned(),
        (None, several) => threads_in_words(several),
    };
    let mut parts = vec![format!(
        "Platform {}: {}, {}, {threads}; {} ({:.0} KB).\nFitted on {} networks ({} timings), with a mean error of {} % on these \
         themselves.",
        platform.name,
        args.dtype,
        calibration.batch,
        args.out.display(),
        bytes as f64 / 1024.0,
        measured.networks,
        measured.timings,
        percent(calibrated.fit.mape)
    )];
    match comparison {
        Some(comparison) => {
            let by = measured.held_out_by.as_deref().unwrap_or("not stated");
            parts[0] += &format!(
                "\nOn {} {} held out ({by}), shares in percent:",
                comparison.model.n,
                match (comparison.by_batch, comparison.by_threads) {
                    ([], []) => "networks",
                    _ => "timings of networks",
                }
            );
            parts.push(comparison.tables());
        }
        None => parts[0] += "\nThere were too few to hold any out.",
    }
    parts.push(components(calibration));
    parts.extend(outliers(&calibrated.outliers));
    parts.push(closing(comparison));
    parts.join("\n\n")
}

fn components(calibration: &Calibration) -> String {
    let columns = ["prior", "composition", "weight"];
    let rows = calibration.components.iter().map(|component| {
        vec![
            component.prior.clone().into(),
            component.composition.name().into(),
            format!("{:.2}", component.weight).into(),
        ]
    });
    table(&columns, &rows.collect::<Vec<_>>())
}

/// Names the networks that are unlike the others, the strangest first.
fn outliers(outliers: &[(String, f64)]) -> Option<String> {
    if outliers.is_empty() {
        return None;
    }
    let mut sorted: Vec<&(String, f64)> = outliers.iter().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let named = sorted.iter().take(NAMED);
    let mut named: Vec<String> = named
        .map(|(name, trust)| format!("{name} ({trust:.2})"))
        .collect();
    if sorted.len() > NAMED {
        named.push(format!("and {} more", sorted.len() - NAMED));
    }
    Some(format!(
        "Unlike the others, and given this much of an ordinary timing's weight: {}.",
        named.join(", ")
    ))
}
