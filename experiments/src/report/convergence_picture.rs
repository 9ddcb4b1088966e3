//! How the search went: a figure of each generation over the networks evaluated.

use plotters::prelude::*;

use super::overlay::Overlay;
use super::palette;
use super::picture::{HALF, RIGHT, failed, padded, style};
use crate::error::Error;
use crate::history::Generation;

/// What no search can get beyond.
pub(super) struct Limit {
    pub(super) value: f64,
    /// Whether it is what the exact front has, or a bound of that.
    pub(super) is_exact: bool,
}

/// Room for the words about a limit, in pixels.
const LEGEND: i32 = 190;

impl Limit {
    const fn words(&self) -> &'static str {
        match self.is_exact {
            true => "╌╌ the exact front",
            false => "╌╌ bound of the exact front",
        }
    }
}

/// One figure of the history as SVG; nothing where the history doesn't have it.
pub(super) fn svg(
    history: &[Generation],
    title: &str,
    limit: Option<Limit>,
    figure: fn(&Generation) -> Option<f64>,
) -> Result<Option<String>, Error> {
    let points: Vec<(f64, f64)> = history
        .iter()
        .filter_map(|row| figure(row).map(|value| (row.evaluations as f64, value)))
        .collect();
    let Some(&(last, _)) = points.last() else {
        return Ok(None);
    };
    let values = points.iter().map(|(_, value)| *value);
    let y = padded(values.chain(limit.as_ref().map(|limit| limit.value)), 0.08);
    let floor = y.start;
    let mut drawing = String::new();
    let mut overlay = Overlay::new(HALF);
    {
        let root = SVGBackend::with_string(&mut drawing, HALF).into_drawing_area();
        let failed = failed("convergence");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..last.max(1.0), y)
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        mesh.x_desc("networks evaluated")
            .y_desc(title)
            .x_labels(5)
            .y_labels(6)
            .draw()
            .map_err(&failed)?;
        if let Some(limit) = limit {
            let ends = [(0.0, limit.value), (last.max(1.0), limit.value)];
            let dashes = DashedLineSeries::new(ends, 6, 4, palette::BOUND.stroke_width(2));
            chart.draw_series(dashes).map_err(&failed)?;
            // at the lower right: no curve that rises is there
            let (right, bottom) = chart.backend_coord(&(last.max(1.0), floor));
            overlay.text((right - LEGEND, bottom - 12), limit.words());
        }
        let line = LineSeries::new(points, palette::FOUND.stroke_width(2));
        chart.draw_series(line).map_err(&failed)?;
        root.present().map_err(&failed)?;
    }
    Ok(Some(overlay.over(&drawing)))
}
