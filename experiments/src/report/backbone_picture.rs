//! A network drawn stage by stage: how wide each block is, what it is made of, and its shares of the time and of the MACs.

use std::fmt::Write;

use super::overlay::escape;
use super::part::{Part, Stage};
use super::picture::{both, short};

/// Where things stand across the picture, in pixels.
struct Columns {
    width: f64,
    /// The middle of the channels' bars, and the most they are wide.
    channels: (f64, f64),
    /// Left end of a block's words.
    words: f64,
    /// Left ends of the bars of the time and of the MACs.
    time: f64,
    macs: f64,
    /// The longest of these bars.
    share: f64,
    /// Height of a block, and where its words and its bars are in that.
    row: f64,
    words_line: f64,
    bars_middle: f64,
    /// What stands above the channels' bars.
    channels_head: &'static str,
}

/// Side by side.
const WIDE: Columns = Columns {
    width: 880.0,
    channels: (200.0, 240.0),
    words: 336.0,
    time: 640.0,
    macs: 760.0,
    share: 60.0,
    row: 21.0,
    words_line: 14.5,
    bars_middle: 10.5,
    channels_head: "channels: inside a block, handed on",
};
/// A block's words above its bars.
const NARROW: Columns = Columns {
    width: 430.0,
    channels: (118.0, 200.0),
    words: 18.0,
    time: 230.0,
    macs: 331.0,
    share: 36.0,
    row: 36.0,
    words_line: 13.0,
    bars_middle: 25.0,
    channels_head: "channels: inside, handed on",
};

const HEAD: f64 = 26.0;
const STAGE: f64 = 27.0;
const FONT: f64 = 12.0;
/// Bars that are narrower can't be seen.
const LEAST: f64 = 2.0;

/// The network, for a wide page and for a phone. `call_share` is the part of the time that no layer has.
pub(super) fn svg(stages: &[Stage], call_share: f64) -> String {
    both(
        &drawn(&WIDE, stages, call_share),
        &narrow(stages, call_share),
    )
}

/// The form for a phone alone, which also fits beside another.
pub(super) fn narrow(stages: &[Stage], call_share: f64) -> String {
    drawn(&NARROW, stages, call_share)
}

fn drawn(columns: &Columns, stages: &[Stage], call_share: f64) -> String {
    let scale = Scale::of(stages, call_share);
    Drawing { columns, scale }.svg(stages, call_share)
}

/// What the longest bars stand for.
struct Scale {
    channels: usize,
    share: f64,
}

impl Scale {
    fn of(stages: &[Stage], call_share: f64) -> Self {
        let parts = stages.iter().flat_map(|stage| &stage.parts);
        let shares = stages.iter().flat_map(|stage| [stage.time(), stage.macs()]);
        Self {
            channels: parts.map(|part| part.hidden).max().unwrap_or(1),
            share: shares.fold(call_share, f64::max).max(1e-9),
        }
    }
}

struct Drawing<'a> {
    columns: &'a Columns,
    scale: Scale,
}

impl Drawing<'_> {
    fn svg(&self, stages: &[Stage], call_share: f64) -> String {
        let mut body = String::new();
        self.heads(&mut body);
        let mut y = HEAD;
        for stage in stages {
            self.stage(stage, y, &mut body);
            y += STAGE;
            for part in &stage.parts {
                self.part(part, y, &mut body);
                y += self.columns.row;
            }
        }
        if call_share > 0.0 {
            self.line(y, &mut body);
            text(&mut body, "name", (0.0, y + 18.0), "the call itself");
            self.share(self.columns.time, y + 14.0, call_share, "time", &mut body);
            y += STAGE;
        }
        let width = self.columns.width;
        format!(
            "<svg class=\"backbone\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {y}\" role=\"group\" \
             aria-label=\"the network, stage by stage\">{body}</svg>"
        )
    }

    fn heads(&self, svg: &mut String) {
        text(svg, "soft", (0.0, 14.0), self.columns.channels_head);
        text(svg, "soft", (self.columns.time, 14.0), "time");
        text(svg, "soft", (self.columns.macs, 14.0), "MACs");
    }

    fn line(&self, y: f64, svg: &mut String) {
        // writing to a string can't fail
        let _ = write!(
            svg,
            "<path class=\"rule\" d=\"M0 {y}H{}\"/>",
            self.columns.width
        );
    }

    fn stage(&self, stage: &Stage, y: f64, svg: &mut String) {
        self.line(y, svg);
        let base = y + 18.0;
        text(svg, "name", (0.0, base), &stage.name);
        let shape = stage.output;
        let said = match shape.positions() {
            1 => format!("{} outputs", shape.channels),
            _ => format!(
                "{}×{}, {} channels",
                shape.height, shape.width, shape.channels
            ),
        };
        text(svg, "soft", (62.0, base), &said);
        let middle = y + 14.0;
        self.share(self.columns.time, middle, stage.time(), "time", svg);
        self.share(self.columns.macs, middle, stage.macs(), "macs", svg);
    }

    fn part(&self, part: &Part, y: f64, svg: &mut String) {
        let columns = self.columns;
        let middle = y + columns.bars_middle;
        self.channels(part.hidden, middle, 13.0, "hidden", svg);
        self.channels(part.output.channels, middle, 13.0, "output", svg);
        let mut words = part.words.clone();
        if part.shrinks() && part.output.positions() > 1 {
            words += ", ↓ half";
        }
        text(svg, "", (columns.words, y + columns.words_line), &words);
        self.share(columns.time, middle, part.time, "time part", svg);
        self.share(columns.macs, middle, part.macs, "macs part", svg);
        let _ = write!(
            svg,
            "<rect class=\"hit\" x=\"0\" y=\"{y}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
            columns.width,
            columns.row,
            escape(&card(part))
        );
    }

    fn channels(&self, channels: usize, middle: f64, height: f64, class: &str, svg: &mut String) {
        let (centre, most) = self.columns.channels;
        let width = (most * channels as f64 / self.scale.channels as f64).max(LEAST);
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height}\" rx=\"1.5\"/>",
            centre - width / 2.0,
            middle - height / 2.0,
        );
    }

    /// A bar for a share, with its figure behind it.
    fn share(&self, left: f64, middle: f64, share: f64, class: &str, svg: &mut String) {
        let width = self.columns.share * share / self.scale.share;
        let height = if class.ends_with("part") { 5.0 } else { 9.0 };
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height}\"/>",
            middle - height / 2.0
        );
        let figure = format!("{:.1} %", 100.0 * share);
        let class = match class.ends_with("part") {
            true => "soft",
            false => "name",
        };
        text(svg, class, (left + width + 5.0, middle + 4.0), &figure);
    }
}

fn text(svg: &mut String, class: &str, (x, y): (f64, f64), words: &str) {
    let _ = write!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{FONT}\">{}</text>",
        escape(words)
    );
}

/// What the page says of a part when it is pointed at.
fn card(part: &Part) -> String {
    format!(
        "{}\nblock: {}\ninput: {}\nwidest: {} channels\noutput: {}\ntime: {} µs, {:.1} % of the network's\nMACs: {} M, {:.1} % of the network's",
        part.name,
        part.words,
        part.input,
        part.hidden,
        part.output,
        short(part.micros),
        100.0 * part.time,
        short(part.mmacs),
        100.0 * part.macs
    )
}
