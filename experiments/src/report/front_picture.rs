//! The front: quality over latency, with the budget, the landmarks, and what drawing at random gives. Where networks choose their batch, their time per
//! image takes the place of the latency, and there is no line for the budget, which is each batch's own.

use plotters::prelude::*;

use super::card::{Cards, interval_90_ms};
use super::dominance::Standing;
use super::overlay::Overlay;
use super::palette;
use super::picture::{RIGHT, failed, is_roomy, latency_title, padded, short, style, time_title};
use crate::error::Error;
use crate::experiment::Experiment;
use crate::metrics::Metrics;
use crate::objective::Objective;
use crate::outcome::Outcome;

/// Networks whose latency gets an error bar, spread over the front; of all, nobody could tell one from another.
const BARS: usize = 12;
/// The same where there is little room.
const FEW_BARS: usize = 6;
/// Points that answer a finger where there is little room, spread over the front.
const FEW_POINTS: usize = 150;

/// Networks from which a front is a line rather than points.
const DENSE: usize = 100;

/// The front as SVG.
pub(super) fn svg(
    experiment: &Experiment,
    outcome: &Outcome,
    standings: &[Standing],
    size: (u32, u32),
) -> Result<String, Error> {
    let time = Time { experiment };
    let point = |metrics: &Metrics| (time.mean_ms(metrics), metrics.quality);
    let cards = Cards::new(experiment, outcome, standings);
    let front: Vec<(f64, f64)> = outcome
        .front
        .iter()
        .map(|row| point(&row.metrics))
        .collect();
    let budget = experiment
        .budget_ms()
        .filter(|_| !experiment.chooses_batch());
    let x = x_range(&front, budget);
    let sample = outcome.sample.iter().map(point);
    let sample: Vec<_> = sample.filter(|(ms, _)| x.contains(ms)).collect();
    let band: [Vec<(f64, f64)>; 2] = [0, 1].map(|end| {
        let rows = outcome.front.iter();
        let ends = rows.filter_map(|row| {
            let interval = row.metrics.quality_interval_90?;
            Some((time.mean_ms(&row.metrics), interval[end]))
        });
        ends.collect()
    });
    let found = front.iter().chain(&sample).chain(band.iter().flatten());
    let y = padded(found.map(|(_, quality)| *quality), 0.12);
    let inside = |(ms, quality): (f64, f64)| x.contains(&ms) && y.contains(&quality);
    let landmarks = standings.iter();
    let landmarks: Vec<_> = landmarks
        .map(|standing| (point(&standing.landmark.metrics), standing))
        .filter(|(place, _)| inside(*place))
        .collect();
    let (bars, points) = match is_roomy(size) {
        true => (BARS, usize::MAX),
        false => (FEW_BARS, FEW_POINTS),
    };

    // a dense front would hide what bounds it
    let radius = if front.len() > DENSE { 2 } else { 3 };
    let mut drawing = String::new();
    let mut overlay = Overlay::new(size);
    {
        let root = SVGBackend::with_string(&mut drawing, size).into_drawing_area();
        let failed = failed("front");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(RIGHT)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(x.clone(), y.clone())
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        mesh.x_desc(time.title(size))
            .y_desc(format!(
                "{} ({})",
                experiment.appraiser.quality.name(),
                experiment.appraiser.quality.sort()
            ))
            .draw()
            .map_err(&failed)?;
        let dots = sample
            .iter()
            .map(|&place| Circle::new(place, 2, palette::SAMPLE.filled()));
        chart.draw_series(dots).map_err(&failed)?;
        if is_a_curve(experiment) {
            for end in &band {
                let line = LineSeries::new(end.iter().copied(), palette::SAMPLE.stroke_width(1));
                chart.draw_series(line).map_err(&failed)?;
            }
            let line = LineSeries::new(front.iter().copied(), palette::FOUND.stroke_width(2));
            chart.draw_series(line).map_err(&failed)?;
        }
        for row in outcome.spread(bars) {
            let quality = row.metrics.quality;
            let ends = time.interval_90_ms(&row.metrics);
            let ends = ends.map(|ms| (ms.clamp(x.start, x.end), quality));
            let style = palette::FOUND.mix(0.5).stroke_width(1);
            let bar = [PathElement::new(ends.to_vec(), style)];
            chart.draw_series(bar).map_err(&failed)?;
        }
        let dots = front
            .iter()
            .map(|&place| Circle::new(place, radius, palette::FOUND.filled()));
        chart.draw_series(dots).map_err(&failed)?;
        if let (Ok(certified), true) = (&outcome.certified, is_a_curve(experiment)) {
            let bound = certified
                .proof
                .bound
                .points()
                .iter()
                .map(|&[ms, cost]| (ms, -cost));
            let bound: Vec<_> = bound.filter(|(ms, _)| x.contains(ms)).collect();
            let line = LineSeries::new(bound, palette::BOUND.stroke_width(2));
            chart.draw_series(line).map_err(&failed)?;
        }
        let marks = landmarks
            .iter()
            .map(|(place, _)| TriangleMarker::new(*place, 6, palette::LANDMARK.filled()));
        chart.draw_series(marks).map_err(&failed)?;
        if let Some(budget) = budget {
            let line = [(budget, y.start), (budget, y.end)];
            let style = palette::CHOSEN.stroke_width(1);
            let dashes = DashedLineSeries::new(line, 6, 4, style);
            chart.draw_series(dashes).map_err(&failed)?;
            let (left, top) = chart.backend_coord(&(budget, y.end));
            overlay.text(
                (left + 6, top + 16),
                &format!("budget {} ms", short(budget)),
            );
        }
        if let Some(best) = outcome.best() {
            let place = point(&best.metrics);
            let ring = [Circle::new(place, 7, palette::CHOSEN.stroke_width(2))];
            chart.draw_series(ring).map_err(&failed)?;
            overlay.keep_clear(chart.backend_coord(&place), 8.0);
        }
        for &place in &front {
            overlay.keep_clear(chart.backend_coord(&place), 4.0);
        }
        if let Some(best) = outcome.best() {
            overlay.label(chart.backend_coord(&point(&best.metrics)), &best.id);
        }
        for row in outcome.spread(points) {
            let place = chart.backend_coord(&point(&row.metrics));
            overlay.hover(place, 5.0, &cards.of_row(row));
        }
        for (place, standing) in &landmarks {
            let place = chart.backend_coord(place);
            overlay.keep_clear(place, 6.0);
            overlay.label(place, standing.landmark.landmark.name);
            overlay.hover(place, 8.0, &cards.of_landmark(standing));
        }
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}

/// Whether the front is a curve in this picture: with other objectives, it is a cloud.
pub(super) fn is_a_curve(experiment: &Experiment) -> bool {
    let time = match experiment.chooses_batch() {
        true => Objective::Throughput,
        false => Objective::Latency,
    };
    experiment.objectives == [time, Objective::Quality]
}

/// The time that the picture is over: of an inference, or of each of its images where networks choose how many those are.
struct Time<'a> {
    experiment: &'a Experiment,
}

impl Time<'_> {
    /// Images that share the time.
    fn images(&self, metrics: &Metrics) -> f64 {
        match self.experiment.chooses_batch() {
            true => metrics.batch as f64,
            false => 1.0,
        }
    }

    fn mean_ms(&self, metrics: &Metrics) -> f64 {
        metrics.latency.mean_ms / self.images(metrics)
    }

    fn interval_90_ms(&self, metrics: &Metrics) -> [f64; 2] {
        interval_90_ms(&metrics.latency).map(|ms| ms / self.images(metrics))
    }

    fn title(&self, size: (u32, u32)) -> String {
        let appraiser = &self.experiment.appraiser;
        match self.experiment.chooses_batch() {
            true => time_title(
                "time per image",
                &appraiser.model,
                &appraiser.batches(),
                size,
            ),
            false => latency_title(&appraiser.model, size),
        }
    }
}

/// The axis of latency: the front, the budget, and some room behind it.
fn x_range(front: &[(f64, f64)], budget: Option<f64>) -> std::ops::Range<f64> {
    let room = budget.map(|budget| 1.4 * budget);
    padded(front.iter().map(|(ms, _)| *ms).chain(room), 0.04)
}
