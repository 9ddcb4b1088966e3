//! The fronts of several runs, or platforms, under the conditions of one of them.

use plotters::prelude::*;

use super::overlay::Overlay;
use super::palette;
use super::picture::{RIGHT, failed, latency_title, padded, short, style};
use crate::error::Error;
use crate::portability::{Side, Transfer};

/// Every front that was priced under the conditions of side `to`, as SVG.
pub(super) fn svg(
    sides: &[Side<'_>],
    transfers: &[Transfer],
    to: usize,
    size: (u32, u32),
) -> Result<String, Error> {
    let priced: Vec<&Transfer> = transfers.iter().filter(|t| t.to == to).collect();
    let points = |transfer: &Transfer| {
        let networks = transfer.networks.iter();
        networks
            .map(|network| (network.latency.mean_ms, network.quality))
            .collect::<Vec<_>>()
    };
    let all: Vec<(f64, f64)> = priced
        .iter()
        .flat_map(|transfer| points(transfer))
        .collect();
    let x = padded(all.iter().map(|(ms, _)| *ms), 0.04);
    let y = padded(all.iter().map(|(_, quality)| *quality), 0.06);
    let target = &sides[to];
    let mut drawing = String::new();
    let mut overlay = Overlay::new(size);
    {
        let root = SVGBackend::with_string(&mut drawing, size).into_drawing_area();
        let failed = failed("fronts");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(x, y)
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        mesh.x_desc(latency_title(target.model, size))
            .y_desc(&target.quality_kind)
            .draw()
            .map_err(&failed)?;
        for transfer in priced {
            let colour = palette::RUNS[transfer.from % palette::RUNS.len()];
            let dots = points(transfer).into_iter();
            chart
                .draw_series(dots.map(|place| Circle::new(place, 3, colour.filled())))
                .map_err(&failed)?;
            let name = &sides[transfer.from].name;
            for (ms, quality) in points(transfer) {
                let text = format!(
                    "found for {name}\nquality: {}\nlatency: {} ms here",
                    short(quality),
                    short(ms)
                );
                overlay.hover(chart.backend_coord(&(ms, quality)), 5.0, &text);
            }
        }
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}
