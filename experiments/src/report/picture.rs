//! What the pictures share: size, fonts, and how drawing errors are told.

use plotters::chart::MeshStyle;
use plotters::coord::ranged1d::Ranged;
use plotters::prelude::*;
use roofnas_cost::LatencyModel;

use super::overlay::escape;
use super::palette;
use crate::error::Error;

/// Size of a full-width picture, in pixels.
pub(super) const WIDE: (u32, u32) = (880, 440);
/// Size of one of two pictures side by side.
pub(super) const HALF: (u32, u32) = (430, 280);
/// Size of what a phone shows in the place of a full-width picture.
pub(super) const NARROW: (u32, u32) = (430, 400);

/// Width below which a picture's texts must be short, in pixels.
const ROOMY: u32 = 600;

/// Whether a picture of this size has room for long texts.
pub(super) const fn is_roomy((width, _): (u32, u32)) -> bool {
    width >= ROOMY
}

/// A picture drawn twice, for a wide page and for a phone; the style sheet shows one of them.
pub(super) fn in_both_widths(
    wide: (u32, u32),
    narrow: (u32, u32),
    draw: impl Fn((u32, u32)) -> Result<String, Error>,
) -> Result<String, Error> {
    Ok(both(&draw(wide)?, &draw(narrow)?))
}

/// The two forms of a picture, one above the other in the page's source.
pub(super) fn both(wide: &str, narrow: &str) -> String {
    format!("<div class=\"wide\">{wide}</div><div class=\"narrow\">{narrow}</div>")
}

/// Right of a chart, for half of the last number below it.
pub(super) const RIGHT: u32 = 22;

/// Height of the title of a picture that stands by itself.
pub(super) const TITLE: u32 = 34;

/// What the report's style sheet gives pictures on a page.
const STYLE: &str = "text{font-family:sans-serif;fill:#1f2933}.hit{fill:transparent}.label{paint-order:stroke;stroke:#fff;stroke-width:3px}";

/// A picture that stands by itself: what it shows, below its title.
pub(super) fn standalone((width, height): (u32, u32), title: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         <style>{STYLE}</style><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\
         <text x=\"64\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{title}</text>{body}</svg>\n",
        title = escape(title),
    )
}

/// What stands at an axis of latency.
pub(super) fn latency_title(model: &LatencyModel, size: (u32, u32)) -> String {
    time_title("latency", model, &model.batch().to_string(), size)
}

/// What stands at an axis of a predicted time in milliseconds.
pub(super) fn time_title(
    time: &str,
    model: &LatencyModel,
    batches: &str,
    size: (u32, u32),
) -> String {
    if !is_roomy(size) {
        return format!("predicted {time}, ms ({})", model.word());
    }
    format!(
        "predicted {time}, ms ({}, batch {batches}, {}; {})",
        model.platform().name,
        model.dtype(),
        model.word()
    )
}

/// Grid, axes and fonts, the same in every picture.
pub(super) fn style<X: Ranged<ValueType = f64>, Y: Ranged<ValueType = f64>>(
    mesh: &mut MeshStyle<'_, '_, X, Y, SVGBackend<'_>>,
) {
    let font = |size: i32| ("sans-serif", size).into_font().color(&palette::INK);
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(palette::GRID)
        .axis_style(palette::INK)
        .label_style(font(12))
        .axis_desc_style(font(13))
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value));
}

/// An error of the charting library as ours.
pub(super) fn failed<E: std::error::Error>(picture: &'static str) -> impl Fn(E) -> Error {
    move |error| Error::Draw {
        picture,
        message: error.to_string(),
    }
}

/// A range with some air around it; never empty.
pub(super) fn padded(values: impl Iterator<Item = f64>, air: f64) -> std::ops::Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if !(low.is_finite() && high.is_finite()) {
        return 0.0..1.0;
    }
    let air = ((high - low) * air).max(1e-3 * high.abs()).max(1e-9);
    low - air..high + air
}

/// A number with about three significant digits, without needless zeros.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (1234.5, "1234"),
            (12.345, "12.3"),
            (0.5, "0.5"),
            (-2.0, "-2"),
            (0.001234, "0.00123"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn ranges_are_never_empty() {
        for values in [vec![], vec![1.0], vec![0.0, 0.0], vec![-5.0, 3.0]] {
            let range = padded(values.into_iter(), 0.05);
            assert!(range.start < range.end, "{range:?}");
        }
    }
}
