//! The report of a run: one HTML file without any outside link.

mod backbone_picture;
mod bars_picture;
mod batch_page;
mod card;
mod cases;
mod cases_section;
mod chosen;
mod compare_page;
mod convergence_picture;
mod dominance;
mod figures;
mod front_picture;
mod fronts_picture;
mod heat_map;
mod landmark_section;
mod overlay;
mod page;
mod palette;
mod part;
mod picture;
mod platforms_section;
mod probe_picture;
mod profile_picture;
mod provenance;
mod reach_picture;
mod refine_picture;
mod refine_section;
mod roofline_picture;
mod shell;
mod slowdown_map;
mod training_section;

pub use batch_page::batch_html;
pub use compare_page::compare_html;
pub use probe_picture::probe_svg;
pub use profile_picture::profile_svg;

use self::chosen::Chosen;
use self::convergence_picture::Limit;
use self::dominance::Standing;
use self::picture::{NARROW, WIDE, in_both_widths};
use crate::certified::Certified;
use crate::error::Error;
use crate::experiment::Experiment;
use crate::outcome::Outcome;

/// The report of a run that found something.
///
/// # Errors
/// When a picture can't be drawn.
pub fn html(experiment: &Experiment, outcome: &Outcome) -> Result<String, Error> {
    let best = match (&outcome.training, &experiment.lesson) {
        (None, None) => "best score",
        _ => "best accuracy, %",
    };
    let standings = Standing::all(experiment, outcome);
    let limit = |value: Option<f64>, certified: &Certified| {
        value.map(|value| Limit {
            value,
            is_exact: certified.proof.is_attained,
        })
    };
    let certified = outcome.certified.as_ref().ok();
    let pictures = page::Pictures {
        front: in_both_widths(WIDE, NARROW, |size| {
            front_picture::svg(experiment, outcome, &standings, size)
        })?,
        hypervolume: convergence_picture::svg(
            &outcome.history,
            "hypervolume",
            certified.and_then(|c| limit(c.hypervolume(&outcome.reference), c)),
            |generation| generation.hypervolume,
        )?,
        quality: convergence_picture::svg(
            &outcome.history,
            best,
            certified.and_then(|c| limit(c.best_quality(experiment), c)),
            |generation| generation.best_quality,
        )?,
        refinement: outcome
            .refinement
            .as_ref()
            .map(refine_picture::svg)
            .transpose()?,
        chosen: outcome
            .best()
            .map(|best| Chosen::new(experiment, best))
            .transpose()?,
    };
    Ok(page::html(experiment, outcome, &standings, &pictures))
}
