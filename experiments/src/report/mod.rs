//! The report of a run: one HTML file without any outside link.

mod bars_picture;
mod batch_page;
mod compare_page;
mod convergence_picture;
mod front_picture;
mod fronts_picture;
mod heat_map;
mod overlay;
mod page;
mod palette;
mod picture;
mod probe_picture;
mod profile_picture;
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
    let pictures = page::Pictures {
        front: front_picture::svg(experiment, outcome)?,
        hypervolume: convergence_picture::svg(&outcome.history, "hypervolume", |g| g.hypervolume)?,
        quality: convergence_picture::svg(&outcome.history, best, |g| g.best_quality)?,
        refinement: outcome
            .refinement
            .as_ref()
            .map(refine_picture::svg)
            .transpose()?,
        chosen: outcome
            .best()
            .map(|best| page::Chosen::new(experiment, best))
            .transpose()?,
    };
    Ok(page::html(experiment, outcome, &pictures))
}
