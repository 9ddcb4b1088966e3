//! A network on a platform as one picture that stands by itself: its roofline, and a bar for each layer.

use std::fmt::Write;

use plotters::style::RGBColor;
use roofnas_cost::LatencyModel;

use super::picture::{TITLE, WIDE, short, standalone};
use super::{bars_picture, roofline_picture};
use crate::error::Error;
use crate::profile::Profile;

/// Height of the legend, in pixels.
const LEGEND: u32 = 26;

/// The profile of a network called `name`, as SVG.
///
/// # Errors
/// When it can't be drawn.
pub fn profile_svg(name: &str, model: &LatencyModel, profile: &Profile) -> Result<String, Error> {
    let (width, roofline_height) = WIDE;
    let bars_top = TITLE + LEGEND + roofline_height;
    let height = bars_top + bars_picture::SIZE.1;
    let title = format!(
        "{name} on {}, batch {}, {}: {} ± {} ms ({})",
        model.platform().name,
        model.batch(),
        model.dtype(),
        short(profile.latency.mean_ms),
        short(profile.latency.std_ms),
        model.label()
    );
    let roofline = roofline_picture::svg(model, &profile.layers, WIDE)?;
    let bars = bars_picture::svg(&profile.layers, bars_picture::SIZE)?;
    let mut legend = String::new();
    let mut x = 64;
    for (class, RGBColor(r, g, b)) in roofline_picture::legend(&profile.layers) {
        // writing to a string can't fail
        let _ = write!(
            legend,
            "<circle cx=\"{x}\" cy=\"{cy}\" r=\"5\" fill=\"rgb({r},{g},{b})\"/><text x=\"{tx}\" y=\"{ty}\" font-size=\"12\">{class}</text>",
            cy = TITLE + 10,
            tx = x + 10,
            ty = TITLE + 14,
        );
        x += 28 + 8 * class.name().len();
    }
    let body = format!(
        "{legend}<g transform=\"translate(0,{roofline_top})\">{roofline}</g><g transform=\"translate(0,{bars_top})\">{bars}</g>",
        roofline_top = TITLE + LEGEND,
    );
    Ok(standalone((width, height), &title, &body))
}
