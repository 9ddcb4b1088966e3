//! The measured matrix as a picture.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use roofnas::write_whole;

use crate::tell::Ratio;

const LABELS: i32 = 190;
const HEAD: i32 = 46;
const CELL: (i32, i32) = (150, 48);
const MARGIN: i32 = 12;

/// Draws slowdowns, rows by columns.
pub(crate) fn draw(path: &Path, rows: &[&str], columns: &[&str], matrix: &[Vec<Ratio>]) {
    let size = (
        (LABELS + CELL.0 * columns.len() as i32 + MARGIN) as u32,
        (HEAD + CELL.1 * rows.len() as i32 + MARGIN) as u32,
    );
    let most = matrix.iter().flatten().map(|r| r.mean).fold(1.0, f64::max);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).unwrap();
        let style = |size: i32, horizontal| {
            ("sans-serif", size)
                .into_font()
                .color(&BLACK)
                .pos(Pos::new(horizontal, VPos::Center))
        };
        let write = |text: &str, size: i32, horizontal, at: (i32, i32)| {
            area.draw(&Text::new(text.to_owned(), at, style(size, horizontal)))
                .unwrap();
        };
        write("found for", 12, HPos::Right, (LABELS - 12, HEAD - 12));
        write("measured on", 12, HPos::Left, (LABELS + 2, 10));
        for (c, column) in columns.iter().enumerate() {
            let x = LABELS + CELL.0 * c as i32 + CELL.0 / 2;
            write(column, 15, HPos::Center, (x, HEAD - 14));
        }
        for (r, row) in rows.iter().enumerate() {
            let top = HEAD + CELL.1 * r as i32;
            write(row, 15, HPos::Right, (LABELS - 12, top + CELL.1 / 2));
            for (c, ratio) in matrix[r].iter().enumerate() {
                let left = LABELS + CELL.0 * c as i32;
                // from white at 1 to the darkest at the slowest, by the logarithm
                let share = (ratio.mean.ln() / most.ln().max(0.1)).clamp(0.0, 1.0);
                let colour = RGBColor(0xC2, 0x41, 0x0C).mix(0.75 * share);
                let corners = [(left, top), (left + CELL.0 - 2, top + CELL.1 - 2)];
                area.draw(&Rectangle::new(corners, colour.filled()))
                    .unwrap();
                area.draw(&Rectangle::new(corners, RGBColor(0xCC, 0xCC, 0xCC)))
                    .unwrap();
                let middle = left + CELL.0 / 2;
                let figure = format!("{:.2}x", ratio.mean);
                write(&figure, 17, HPos::Center, (middle, top + 18));
                let range = format!("{:.2} to {:.2}", ratio.least, ratio.most);
                write(&range, 12, HPos::Center, (middle, top + 36));
            }
        }
        area.present().unwrap();
    }
    write_whole(path, svg.as_bytes()).unwrap();
}
