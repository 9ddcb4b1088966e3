//! A matrix of slowdowns as a heat map.

use std::fmt::Write;

use super::overlay::escape;
use super::picture::short;

/// What a cell shows.
pub(super) struct Cell {
    /// What it is coloured by: times the latency of the best; nothing where there is no such figure.
    pub(super) ratio: Option<f64>,
    /// The figure in it.
    pub(super) figure: String,
    /// What stands below that, small.
    pub(super) small: String,
    /// What the mouse shows.
    pub(super) hover: String,
    /// Whether row and column are the same.
    pub(super) is_own: bool,
}

/// A heat map: rows by columns.
pub(super) struct HeatMap {
    /// Names of rows and columns.
    pub(super) rows: Vec<String>,
    pub(super) columns: Vec<String>,
    /// What the names stand for.
    pub(super) row_axis: &'static str,
    pub(super) column_axis: &'static str,
    /// A cell for each, row by row.
    pub(super) cells: Vec<Vec<Cell>>,
}

const FONT: f64 = 13.0;
const SMALL: f64 = 11.0;
/// Width of a character over the font's size, on the generous side.
const CHARACTER: f64 = 0.58;
const ROW_HEIGHT: f64 = 50.0;
const LINE: f64 = 15.0;
/// Lines of a name beside a row, which has room for no more, and above a column.
const ROW_LINES: usize = 3;
const COLUMN_LINES: usize = 5;
/// Slowest of the scale at least: where all is nearly equal, nothing should look alarming.
const LEAST_SCALE: f64 = 1.5;
/// How opaque the slowest is: text stays readable on it, on a light page and on a dark one.
const MOST_OPAQUE: f64 = 0.75;
const SLOWER: &str = "#C2410C";
const FASTER: &str = "#2563EB";

/// Where things stand.
struct Layout {
    label_width: f64,
    cell_width: f64,
    head_height: f64,
    column_font: f64,
    row_labels: Vec<Vec<String>>,
    column_labels: Vec<Vec<String>>,
}

impl HeatMap {
    /// The picture, with its legend; as wide as it needs to be.
    pub(super) fn svg(&self) -> String {
        let layout = Layout::new(self);
        let width = layout.label_width + layout.cell_width * self.columns.len() as f64 + 2.0;
        let legend_top = layout.head_height + ROW_HEIGHT * self.rows.len() as f64 + 14.0;
        let has_scale = self.cells.iter().flatten().any(|cell| cell.ratio.is_some());
        let height = legend_top + if has_scale { 44.0 } else { 0.0 };
        let most = self.scale();
        // writing to a string can't fail
        let mut svg = format!(
            "<svg class=\"heat\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" style=\"width:{width:.0}px;max-width:none;min-width:0\" role=\"group\">"
        );
        self.heads(&layout, &mut svg);
        for (r, row) in self.cells.iter().enumerate() {
            for (c, cell) in row.iter().enumerate() {
                let x = layout.label_width + layout.cell_width * c as f64;
                let y = layout.head_height + ROW_HEIGHT * r as f64;
                cell.draw((x, y), layout.cell_width, most, &mut svg);
            }
        }
        if has_scale {
            legend(layout.label_width, legend_top, most, width, &mut svg);
        }
        svg.push_str("</svg>");
        svg
    }

    /// The slowdown that the scale ends at.
    fn scale(&self) -> f64 {
        let ratios = self.cells.iter().flatten().filter_map(|cell| cell.ratio);
        ratios
            .map(|ratio| ratio.max(1.0 / ratio))
            .fold(LEAST_SCALE, f64::max)
    }

    fn heads(&self, layout: &Layout, svg: &mut String) {
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{:.0}\" y=\"12\" font-size=\"{SMALL}\">{}</text>\
             <text class=\"axis\" x=\"{:.0}\" y=\"{:.0}\" font-size=\"{SMALL}\" text-anchor=\"end\">{}</text>",
            layout.label_width + 2.0,
            self.column_axis,
            layout.label_width - 10.0,
            layout.head_height - 8.0,
            self.row_axis,
        );
        for (c, lines) in layout.column_labels.iter().enumerate() {
            let x = layout.label_width + layout.cell_width * (c as f64 + 0.5);
            let bottom = layout.head_height - 8.0;
            let first = bottom - LINE * (lines.len() - 1) as f64;
            text(svg, lines, (x, first), layout.column_font, "middle");
        }
        for (r, lines) in layout.row_labels.iter().enumerate() {
            let middle = layout.head_height + ROW_HEIGHT * (r as f64 + 0.5);
            let first = middle + 4.5 - LINE / 2.0 * (lines.len() - 1) as f64;
            text(svg, lines, (layout.label_width - 10.0, first), FONT, "end");
        }
    }
}

impl Layout {
    fn new(map: &HeatMap) -> Self {
        // many columns get narrow, so that up to eight fit on a page
        let (wide, font) = match map.columns.len() {
            0..=6 => (14, FONT),
            _ => (12, SMALL),
        };
        let row_labels = wrapped_alike(&map.rows, 18, ROW_LINES);
        let column_labels = wrapped_alike(&map.columns, wide, COLUMN_LINES);
        let longest = |labels: &[Vec<String>], font: f64| {
            let lines = labels.iter().flatten().map(|line| line.chars().count());
            lines.max().unwrap_or(0) as f64 * CHARACTER * font
        };
        let most_lines = column_labels.iter().map(Vec::len).max().unwrap_or(1);
        Self {
            label_width: longest(&row_labels, FONT).max(64.0) + 14.0,
            cell_width: (longest(&column_labels, font) + 8.0).max(76.0),
            column_font: font,
            head_height: 26.0 + LINE * most_lines as f64,
            row_labels,
            column_labels,
        }
    }
}

impl Cell {
    fn draw(&self, (x, y): (f64, f64), width: f64, most: f64, svg: &mut String) {
        let (w, h) = (width - 2.0, ROW_HEIGHT - 2.0);
        let (fill, opacity) = self.ratio.map_or((SLOWER, 0.0), |ratio| paint(ratio, most));
        let class = match (self.is_own, self.ratio) {
            (true, _) => "cell own",
            (false, None) => "cell none",
            (false, Some(_)) => "cell",
        };
        let middle = x + w / 2.0;
        let figure_y = if self.small.is_empty() {
            y + h / 2.0 + 5.0
        } else {
            y + h / 2.0 - 1.0
        };
        let _ = write!(
            svg,
            "<g class=\"{class}\"><title>{}</title>\
             <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"3\" fill=\"{fill}\" fill-opacity=\"{opacity:.3}\"/>\
             <text x=\"{middle:.1}\" y=\"{figure_y:.1}\" font-size=\"15\" text-anchor=\"middle\">{}</text>\
             <text class=\"small\" x=\"{middle:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\" text-anchor=\"middle\">{}</text></g>",
            escape(&self.hover),
            escape(&self.figure),
            y + h / 2.0 + 15.0,
            escape(&self.small),
        );
    }
}

/// Colour and opacity of a ratio: by its logarithm, so that twice as slow is as far from equal as half.
fn paint(ratio: f64, most: f64) -> (&'static str, f64) {
    let share = (ratio.ln() / most.ln()).clamp(-1.0, 1.0);
    let colour = if share < 0.0 { FASTER } else { SLOWER };
    (colour, MOST_OPAQUE * share.abs())
}

/// Boxes of the scale with their figures.
fn legend(x: f64, y: f64, most: f64, width: f64, svg: &mut String) {
    const BOXES: usize = 6;
    let each = ((width - x) / BOXES as f64).min(84.0);
    for step in 0..BOXES {
        let ratio = most.powf(step as f64 / (BOXES - 1) as f64);
        let (fill, opacity) = paint(ratio, most);
        let left = x + each * step as f64;
        let _ = write!(
            svg,
            "<g class=\"cell\"><rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{each:.1}\" height=\"12\" fill=\"{fill}\" fill-opacity=\"{opacity:.3}\"/></g>\
             <text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\" text-anchor=\"middle\">{}x</text>",
            left + each / 2.0,
            y + 27.0,
            short(ratio),
        );
    }
    let _ = write!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"{SMALL}\" text-anchor=\"end\">slowdown</text>",
        x - 10.0,
        y + 10.0
    );
}

/// Lines below each other, the first one's base line here.
fn text(svg: &mut String, lines: &[String], (x, first): (f64, f64), font: f64, anchor: &str) {
    let _ = write!(svg, "<text font-size=\"{font}\" text-anchor=\"{anchor}\">");
    for (place, line) in lines.iter().enumerate() {
        let y = first + LINE * place as f64;
        let _ = write!(
            svg,
            "<tspan x=\"{x:.1}\" y=\"{y:.1}\">{}</tspan>",
            escape(line)
        );
    }
    svg.push_str("</text>");
}

/// Names in at most so many lines each, all of one width: this one, or a larger one where names are long.
fn wrapped_alike(names: &[String], width: usize, lines: usize) -> Vec<Vec<String>> {
    let longest = names.iter().map(|name| name.chars().count()).max();
    let at = |width: usize| -> Vec<Vec<String>> {
        names.iter().map(|name| wrapped(name, width)).collect()
    };
    let mut widths = width..longest.unwrap_or(0);
    let fits = widths.find(|&width| at(width).iter().all(|name| name.len() <= lines));
    at(fits.unwrap_or(longest.unwrap_or(0).max(width)))
}

/// A name in lines of at most so many characters, broken after hyphens and spaces; a word that is longer stays whole.
fn wrapped(name: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_inclusive(['-', ' ']) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.trim_end().chars().count() <= most => {
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let lines = lines.into_iter().map(|line| line.trim_end().to_owned());
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_break_after_hyphens() {
        assert_eq!(
            wrapped("raspberry-pi-zero-2w-ncnn-1-thread", 14),
            ["raspberry-pi-", "zero-2w-ncnn-", "1-thread"]
        );
        assert_eq!(wrapped("indivisible", 4), ["indivisible"]);
        assert_eq!(wrapped("a, batch 64", 8), ["a, batch", "64"]);
        // a long one makes room for itself
        let names = ["short".to_owned(), "one-two-three-four-five-six".to_owned()];
        for lines in 1..5 {
            let all = wrapped_alike(&names, 5, lines);
            assert!(
                all.iter().all(|name| name.len() <= lines),
                "{lines}: {all:?}"
            );
            assert_eq!(all[1].concat(), names[1]);
        }
        assert!(wrapped_alike(&[], 5, 1).is_empty());
    }

    #[test]
    fn colours_go_by_logarithms() {
        assert_eq!(paint(1.0, 4.0), (SLOWER, 0.0));
        let (slower, half) = paint(2.0, 4.0);
        let (faster, same) = paint(0.5, 4.0);
        assert!((half - MOST_OPAQUE / 2.0).abs() < 1e-12 && (half - same).abs() < 1e-12);
        assert_eq!((slower, faster), (SLOWER, FASTER));
        assert_eq!(paint(9.0, 4.0).1, MOST_OPAQUE);
    }

    #[test]
    fn every_cell_shows_its_figure() {
        let cell = |ratio: f64| Cell {
            ratio: Some(ratio),
            figure: format!("{ratio:.2}x"),
            small: String::new(),
            hover: "a < b".into(),
            is_own: ratio == 1.0,
        };
        let map = HeatMap {
            rows: vec!["a".into(), "b & c".into()],
            columns: vec!["a".into(), "b".into()],
            row_axis: "found for",
            column_axis: "priced on",
            cells: vec![vec![cell(1.0), cell(1.25)], vec![cell(3.5), cell(1.0)]],
        };
        let svg = map.svg();
        for text in [
            "1.25x",
            "3.50x",
            "b &amp; c",
            "a &lt; b",
            "found for",
            "priced on",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("cell own").count(), 2);
    }
}
