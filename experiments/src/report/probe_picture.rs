//! The rooflines that a probe measured in single precision: a roof for each instruction set, a slope for each level of memory, a ridge where they meet.

use plotters::coord::combinators::LogCoord;
use plotters::prelude::*;
use roofnas_cost::{Dtype, Roof};
use roofnas_hardware::probe::{MemoryLevel, PeakRate, ProbeReport, ProbeRun};

use super::overlay::Overlay;
use super::palette;
use super::picture::{TITLE, WIDE, failed, short, standalone, style};
use super::roofline_picture::{decade_above, decade_below};
use crate::error::Error;

type Axis = LogCoord<f64>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// What was found, as SVG: a roofline for each number of threads, all on the same scale.
///
/// # Errors
/// When it can't be drawn.
pub fn probe_svg(report: &ProbeReport) -> Result<String, Error> {
    let (width, height) = WIDE;
    let machine = report.processor.model.as_deref().unwrap_or("this machine");
    let title = format!("{machine}: measured rooflines, {}", Dtype::Fp32);
    let scale = Scale::of(report);
    let mut body = String::new();
    let mut top = TITLE;
    for run in &report.runs {
        let roofline = roofline(run, &scale)?;
        body += &format!("<g transform=\"translate(0,{top})\">{roofline}</g>");
        top += height;
    }
    Ok(standalone((width, top), &title, &body))
}

/// Ends of the axes, in FLOP/byte and GFLOP/s.
struct Scale {
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
}

impl Scale {
    /// Room for every roof and ridge, and for a legend above the roofs.
    fn of(report: &ProbeReport) -> Self {
        let ends = |values: &mut dyn Iterator<Item = f64>| {
            let usable = values.filter(|value| value.is_finite() && *value > 0.0);
            usable.fold((1.0_f64, 1.0_f64), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let runs = || report.runs.iter();
        let (low, high) = ends(&mut runs().flat_map(ridges));
        let peaks = || runs().flat_map(drawn).map(|peak| peak.peak_gflop_s);
        let (_, highest) = ends(&mut peaks());
        let lowest = peaks().fold(highest, f64::min);
        Self {
            x: decade_below(low / 1.5)..decade_above(4.0 * high),
            y: decade_below(lowest / 1.5)..5.0 * highest,
        }
    }
}

/// The peaks that the ridges are of: a roof of other numbers has other bytes under it.
fn drawn(run: &ProbeRun) -> impl Iterator<Item = &PeakRate> {
    let peaks = run.peaks.iter();
    peaks.filter(|peak| peak.dtype == Dtype::Fp32)
}

fn ridges(run: &ProbeRun) -> Vec<f64> {
    let ridge = |level: &MemoryLevel| level.ridge_flop_per_byte;
    run.levels.iter().map(ridge).collect()
}

fn roofline(run: &ProbeRun, scale: &Scale) -> Result<String, Error> {
    let mut drawing = String::new();
    let mut overlay = Overlay::new(WIDE);
    {
        let root = SVGBackend::with_string(&mut drawing, WIDE).into_drawing_area();
        let failed = failed("roofline");
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .x_label_area_size(44)
            .y_label_area_size(62)
            .build_cartesian_2d(scale.x.clone().log_scale(), scale.y.clone().log_scale())
            .map_err(&failed)?;
        let mut mesh = chart.configure_mesh();
        style(&mut mesh);
        let plural = if run.threads == 1 { "" } else { "s" };
        mesh.x_desc("arithmetic intensity, FLOP/byte")
            .y_desc(format!("GFLOP/s, {} thread{plural}", run.threads))
            .draw()
            .map_err(&failed)?;
        draw_roofs(&mut chart, &mut overlay, run, scale).map_err(&failed)?;
        draw_slopes(&mut chart, &mut overlay, run, scale).map_err(&failed)?;
        root.present().map_err(&failed)?;
    }
    Ok(overlay.over(&drawing))
}

/// A horizontal line for each instruction set, from where the fastest level reaches it; the highest one is the roof.
fn draw_roofs<'a>(
    chart: &mut Chart<'a>,
    overlay: &mut Overlay,
    run: &ProbeRun,
    scale: &Scale,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let fastest = run.levels.iter().map(|level| level.bandwidth_gb_s);
    let fastest = fastest.fold(0.0, f64::max);
    let highest = run.best_peak(Dtype::Fp32);
    for peak in drawn(run) {
        let from = match peak.peak_gflop_s / fastest {
            start if start.is_finite() => start.clamp(scale.x.start, scale.x.end),
            _ => scale.x.start,
        };
        let line = [from, scale.x.end].map(|x| (x, peak.peak_gflop_s));
        if highest == Some(peak) {
            let style = palette::INK.stroke_width(2);
            chart.draw_series(LineSeries::new(line, style))?;
        } else {
            let style = palette::INK.stroke_width(1);
            chart.draw_series(DashedLineSeries::new(line, 7, 5, style))?;
        }
        let clock = peak
            .clock_ghz
            .map_or_else(String::new, |ghz| format!(" at {ghz:.2} GHz"));
        let text = format!(
            "{}: {} GFLOP/s{clock}",
            peak.instruction_set,
            short(peak.peak_gflop_s)
        );
        // beyond all ridges there are no slopes to run into
        let (right, y) = chart.backend_coord(&(scale.x.end, peak.peak_gflop_s));
        overlay.text((right - 250, y - 5), &text);
    }
    Ok(())
}

/// A slanted line for each level of memory, up to its ridge, where a dot stands.
fn draw_slopes<'a>(
    chart: &mut Chart<'a>,
    overlay: &mut Overlay,
    run: &ProbeRun,
    scale: &Scale,
) -> Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    for (index, level) in run.levels.iter().enumerate() {
        let colour = palette::RUNS[index % palette::RUNS.len()];
        let roof = Roof {
            peak_flops: level.ridge_flop_per_byte * level.bandwidth_gb_s,
            bandwidth: level.bandwidth_gb_s,
        };
        // from the edge that the line meets first
        let start = scale.x.start.max(scale.y.start / roof.bandwidth);
        let line = [start, roof.ridge()].map(|x| (x, roof.attainable_flops(x)));
        chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        let ridge = (roof.ridge(), roof.peak_flops);
        chart.draw_series([Circle::new(ridge, 5, colour.filled())])?;
        let text = format!(
            "{}: {} GB/s, ridge {} FLOP/byte",
            level.name,
            short(level.bandwidth_gb_s),
            short(level.ridge_flop_per_byte)
        );
        overlay.hover(chart.backend_coord(&ridge), 8.0, &text);
        // the upper left is free: nothing is above a roof
        let (left, top) = chart.backend_coord(&(scale.x.start, scale.y.end));
        let y = top + 18 + 17 * index as i32;
        overlay.swatch((left + 17, y - 4), colour);
        overlay.text((left + 28, y), &text);
    }
    Ok(())
}
