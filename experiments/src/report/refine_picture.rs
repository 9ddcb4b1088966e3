//! What was predicted over what was measured, round by round.

use plotters::prelude::*;

use super::overlay::Overlay;
use super::palette;
use super::picture::{RIGHT, WIDE, failed, short, style};
use crate::error::Error;
use crate::refine::{MeasuredNetwork, Refinement};

/// Every network that was measured as SVG; both axes are logarithmic, so that equal errors have equal distances from the diagonal.
pub(super) fn svg(refinement: &Refinement) -> Result<String, Error> {
    let place = |one: &MeasuredNetwork| (one.measured_ms(), one.selected.predicted.mean_ms);
    let range = range(refinement.networks.iter().map(place));
    let mut drawing = String::new();
    let mut overlay = Overlay::new(WIDE);
    {
        let root = SVGBackend::with_string(&mut drawing, WIDE).into_drawing_area();
        let failed = failed("predictions");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(range.clone().log_scale(), range.clone().log_scale())
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        mesh.x_desc("measured, ms")
            .y_desc("predicted before, ms")
            .draw()
            .map_err(&failed)?;
        let equal = [(range.start, range.start), (range.end, range.end)];
        let line = LineSeries::new(equal, palette::INK.stroke_width(1));
        chart.draw_series(line).map_err(&failed)?;
        if let Some(budget) = refinement.networks.first().and_then(|one| one.budget_ms)
            && range.contains(&budget)
        {
            let line = [(budget, range.start), (budget, range.end)];
            let style = palette::CHOSEN.stroke_width(1);
            let dashes = DashedLineSeries::new(line, 6, 4, style);
            chart.draw_series(dashes).map_err(&failed)?;
            let (left, top) = chart.backend_coord(&(budget, range.end));
            overlay.text(
                (left + 6, top + 16),
                &format!("budget {} ms", short(budget)),
            );
        }
        let dots = refinement
            .networks
            .iter()
            .map(|one| Circle::new(place(one), 4, colour(one.round).filled()));
        chart.draw_series(dots).map_err(&failed)?;
        for one in &refinement.networks {
            overlay.hover(chart.backend_coord(&place(one)), 5.0, &hover(one));
        }
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}

/// The colour of a round.
pub(super) const fn colour(round: usize) -> RGBColor {
    palette::RUNS[(round - 1) % palette::RUNS.len()]
}

/// The same range for both axes, with some air; never empty.
fn range(places: impl Iterator<Item = (f64, f64)>) -> std::ops::Range<f64> {
    let all = places.flat_map(|(x, y)| [x, y]);
    let ends = all.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| {
        (low.min(value), high.max(value))
    });
    match ends {
        (low, high) if low.is_finite() && high > 0.0 => low / 1.2..high * 1.2,
        _ => 0.5..2.0,
    }
}

fn hover(one: &MeasuredNetwork) -> String {
    format!(
        "{} of round {} ({})\npredicted {} ± {} ms, measured {} ms\n{}",
        one.selected.id,
        one.round,
        one.selected.origin.name(),
        short(one.selected.predicted.mean_ms),
        short(one.selected.predicted.std_ms),
        short(one.measured_ms()),
        one.selected.text,
    )
}
