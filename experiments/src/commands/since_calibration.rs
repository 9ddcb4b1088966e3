//! What has become of a machine since its platform was calibrated, and what that has to do with errors of predictions.

use roofnas::SinceCalibration;
use serde_json::{Value, json};

use super::engine::counted;
use super::figures::{self, percent};

/// For programs.
pub(super) fn object(since: &SinceCalibration) -> Value {
    json!({
        "anchors_slower": since.slower,
        "figures": figures::object("n_test", &since.figures),
    })
}

/// For people.
pub(super) fn in_words(since: &SinceCalibration) -> String {
    let figures = &since.figures;
    format!(
        "The anchors of the calibration take {:.3} times as long as they did then. With predictions that much longer, the mean error on {} is {} %, the bias {} %, and {} % are \
         within 10 %.",
        since.slower,
        counted(figures.n, "network"),
        percent(figures.mape),
        percent(figures.bias),
        percent(figures.within_10pct),
    )
}
