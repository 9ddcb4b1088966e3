//! The roofline of the platform with the layers of one network: where each stands, and what it takes.

use plotters::prelude::*;
use roofnas_cost::{LatencyModel, OpClass, Roof, RoofKind};

use super::overlay::Overlay;
use super::palette;
use super::picture::{RIGHT, failed, is_roomy, short, style};
use crate::error::Error;
use crate::profile::ProfiledLayer;

/// The roofline as SVG. Layers without FLOPs have no place on it.
pub(super) fn svg(
    model: &LatencyModel,
    layers: &[ProfiledLayer],
    size: (u32, u32),
) -> Result<String, Error> {
    let roofs: Vec<_> = model.platform().roofs[&model.dtype()].known().collect();
    let layers: Vec<&ProfiledLayer> = layers.iter().filter(|layer| layer.computes()).collect();
    let peak = roofs
        .iter()
        .map(|(_, roof)| 1e3 * roof.peak_tflops)
        .fold(0.0, f64::max);
    let ridge = roofs
        .iter()
        .map(|(_, roof)| roof.roof().ridge())
        .fold(0.0, f64::max);
    let lowest = |figure: fn(&ProfiledLayer) -> f64| {
        layers
            .iter()
            .map(|k| figure(k))
            .fold(f64::INFINITY, f64::min)
    };
    let highest = layers.iter().map(|k| k.intensity).fold(ridge, f64::max);
    let x = decade_below(lowest(|k| k.intensity).min(1.0))..decade_above(4.0 * highest);
    let y = decade_below(lowest(gflops).min(peak / 100.0))..decade_above(1.2 * peak);

    let scale = if is_roomy(size) { 1.0 } else { 0.6 };
    let mut drawing = String::new();
    let mut overlay = Overlay::new(size);
    {
        let root = SVGBackend::with_string(&mut drawing, size).into_drawing_area();
        let failed = failed("roofline");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(x.clone().log_scale(), y.clone().log_scale())
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        mesh.x_desc("arithmetic intensity, FLOP/byte")
            .y_desc("GFLOP/s, predicted")
            .draw()
            .map_err(&failed)?;
        let mut line = 1;
        for (kind, figures) in &roofs {
            let roof = figures.roof();
            let attainable = |intensity: f64| 1e-9 * roof.attainable_flops(intensity);
            let ends = [x.start, roof.ridge(), x.end].map(|i| (i, attainable(i).max(y.start)));
            let in_use = *kind == model.roof_kind();
            if in_use {
                let curve = LineSeries::new(ends, palette::INK.stroke_width(2));
                chart.draw_series(curve).map_err(&failed)?;
            } else {
                let curve = DashedLineSeries::new(ends, 7, 5, palette::INK.stroke_width(1));
                chart.draw_series(curve).map_err(&failed)?;
            }
            // the upper left is free: no kernel is above a roof
            let (left, top) = chart.backend_coord(&(x.start, y.end));
            for text in roof_label(*kind, in_use, &roof, size) {
                line += 17;
                overlay.text((left + 12, top + line), &text);
            }
        }
        let mut largest_first = layers.clone();
        largest_first.sort_by(|a, b| b.share.total_cmp(&a.share));
        for layer in largest_first {
            let place = (layer.intensity, gflops(layer));
            let radius = scale * (3.0 + 34.0 * layer.share.sqrt()).min(24.0);
            let style = palette::class(layer.cost.class).mix(0.65).filled();
            let dot = [Circle::new(place, radius as i32, style)];
            chart.draw_series(dot).map_err(&failed)?;
            overlay.hover(chart.backend_coord(&place), radius, &layer_hover(layer));
        }
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}

/// A roof in words: a line where there is room for it, else two.
fn roof_label(kind: RoofKind, in_use: bool, roof: &Roof, size: (u32, u32)) -> Vec<String> {
    let mark = if in_use { "━━" } else { "╌╌" };
    let kind = kind.name();
    let bandwidth = short(1e-9 * roof.bandwidth);
    let ridge = short(roof.ridge());
    if !is_roomy(size) {
        let peak = short(1e-9 * roof.peak_flops);
        return vec![
            format!("{mark} {kind}: {peak} GFLOP/s,"),
            format!("{bandwidth} GB/s, ridge {ridge}"),
        ];
    }
    vec![format!(
        "{mark} {kind}{}: {} TFLOP/s, {bandwidth} GB/s, ridge {ridge} FLOP/byte",
        if in_use { " (in use)" } else { "" },
        short(1e-12 * roof.peak_flops),
    )]
}

fn gflops(layer: &ProfiledLayer) -> f64 {
    1e-9 * layer.flops_per_second
}

/// What the page says of a layer when it is pointed at.
pub(super) fn layer_hover(layer: &ProfiledLayer) -> String {
    let geometry = &layer.cost.geometry;
    format!(
        "{}\nclass: {}\ninput: {}\noutput: {}\ntime: {} µs, {:.1} % of the network's\nMACs: {} M\nintensity: {} FLOP/byte\nbound by: {}",
        layer.name,
        layer.cost.class,
        geometry.input,
        geometry.output,
        short(layer.micros()),
        100.0 * layer.share,
        short(layer.mmacs()),
        short(layer.intensity),
        layer.bound_name()
    )
}

/// The classes that are there, for a legend.
pub(super) fn legend(layers: &[ProfiledLayer]) -> Vec<(OpClass, RGBColor)> {
    OpClass::ALL
        .into_iter()
        .filter(|class| layers.iter().any(|layer| layer.cost.class == *class))
        .map(|class| (class, palette::class(class)))
        .collect()
}

/// The power of ten at or below.
pub(super) fn decade_below(value: f64) -> f64 {
    10_f64.powf(value.log10().floor())
}

/// The power of ten at or above.
pub(super) fn decade_above(value: f64) -> f64 {
    10_f64.powf(value.log10().ceil())
}
