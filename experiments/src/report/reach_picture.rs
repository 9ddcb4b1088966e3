//! The fronts of a batch, each on its own platform, with the budgets.

use plotters::prelude::*;

use super::card::interval_90_ms;
use super::overlay::Overlay;
use super::palette;
use super::picture::{RIGHT, failed, is_roomy, padded, short, style};
use crate::error::Error;
use crate::outcome::spread;
use crate::portability::Side;

/// Points of a front that answer the mouse, and the same where there is little room.
const POINTS: usize = 80;
const FEW_POINTS: usize = 25;

/// Quality over latency on a logarithmic axis, as SVG: platforms differ by tens of times.
pub(super) fn svg(
    sides: &[&Side<'_>],
    budgets: &[Option<f64>],
    size: (u32, u32),
) -> Result<String, Error> {
    let rows = || sides.iter().flat_map(|side| &side.front);
    let latencies = rows().map(|row| row.metrics.latency.mean_ms.ln());
    let x = padded(latencies, 0.04);
    let x = x.start.exp()..x.end.exp();
    let y = padded(rows().map(|row| row.metrics.quality), 0.06);
    let budgets: Vec<f64> = budgets.iter().copied().flatten().collect();
    let budgets = budgets.into_iter().filter(|budget| x.contains(budget));
    let mut drawing = String::new();
    let mut overlay = Overlay::new(size);
    {
        let root = SVGBackend::with_string(&mut drawing, size).into_drawing_area();
        let failed = failed("reach");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(x.clone().log_scale(), y.clone())
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        let title = match is_roomy(size) {
            true => "predicted latency on each one's own platform, ms",
            false => "predicted latency, ms",
        };
        mesh.x_desc(title)
            .y_desc(&sides[0].quality_kind)
            .draw()
            .map_err(&failed)?;
        for budget in budgets {
            let line = [(budget, y.start), (budget, y.end)];
            let style = palette::CHOSEN.stroke_width(1);
            let dashes = DashedLineSeries::new(line, 6, 4, style);
            chart.draw_series(dashes).map_err(&failed)?;
            let (left, top) = chart.backend_coord(&(budget, y.end));
            // beside its line, and not at all where another's is
            overlay.label((left, top + 10), &format!("{} ms", short(budget)));
        }
        let points = if is_roomy(size) { POINTS } else { FEW_POINTS };
        for (side, colour) in sides.iter().zip(palette::RUNS) {
            let point =
                |row: &crate::outcome::FrontRow| (row.metrics.latency.mean_ms, row.metrics.quality);
            let line = side.front.iter().map(point);
            chart
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))
                .map_err(&failed)?;
            for row in spread(&side.front, points) {
                let place = point(row);
                chart
                    .draw_series([Circle::new(place, 2, colour.filled())])
                    .map_err(&failed)?;
                let [low, high] = interval_90_ms(&row.metrics.latency).map(short);
                let text = format!(
                    "{}\nnetwork: {}\nquality: {}\nlatency: {} ms (90 % {low} to {high})\nMMACs: {}",
                    side.name,
                    row.id,
                    short(row.metrics.quality),
                    short(row.metrics.latency.mean_ms),
                    short(1e-6 * row.metrics.macs as f64),
                );
                overlay.hover(chart.backend_coord(&place), 5.0, &text);
            }
        }
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}
