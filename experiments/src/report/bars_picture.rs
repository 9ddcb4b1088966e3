//! A bar for each layer: where a network's time goes, in the order in which it passes.

use plotters::prelude::*;

use super::overlay::Overlay;
use super::palette;
use super::picture::{RIGHT, failed, style};
use super::roofline_picture::layer_hover;
use crate::error::Error;
use crate::profile::ProfiledLayer;

/// Size of the picture, in pixels.
pub(super) const SIZE: (u32, u32) = (880, 240);
/// Its size where there is little room.
pub(super) const SMALL: (u32, u32) = (430, 210);

/// The bars as SVG.
pub(super) fn svg(layers: &[ProfiledLayer], size: (u32, u32)) -> Result<String, Error> {
    let longest = layers.iter().map(ProfiledLayer::micros).fold(0.0, f64::max);
    let top = (1.05 * longest).max(1e-9);
    let mut drawing = String::new();
    let mut overlay = Overlay::new(size);
    {
        let root = SVGBackend::with_string(&mut drawing, size).into_drawing_area();
        let failed = failed("time bars");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(40)
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..layers.len() as f64, 0.0..top)
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        mesh.disable_x_mesh()
            .x_desc("layers, in the order they run")
            .y_desc("µs, predicted")
            .y_labels(5)
            .draw()
            .map_err(&failed)?;
        for (index, layer) in layers.iter().enumerate() {
            let (left, right) = (index as f64 + 0.08, index as f64 + 0.92);
            let style = palette::class(layer.cost.class).filled();
            let bar = Rectangle::new([(left, 0.0), (right, layer.micros())], style);
            chart.draw_series([bar]).map_err(&failed)?;
            // all of its column answers: a short bar is hard to hit
            let corners = [(index as f64, top), (index as f64 + 1.0, 0.0)];
            let [from, to] = corners.map(|corner| chart.backend_coord(&corner));
            overlay.hover_box(from, to, &layer_hover(layer));
        }
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}
