//! What the charting library can't draw: labels that keep out of each other's way, and points that answer the mouse.

use std::fmt::Write;

use plotters::style::RGBColor;

/// Marks to be laid over a finished SVG picture, in its pixels.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    marks: String,
    taken: Vec<Box>,
    width: f64,
    height: f64,
}

/// A rectangle that a label or a point takes up.
#[derive(Debug, Clone, Copy)]
struct Box {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Box {
    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

const FONT_SIZE: f64 = 12.0;
/// Width of a character over the font's size, on the generous side.
const CHARACTER: f64 = 0.58;
/// Between a label and the next, in pixels.
const AIR: f64 = 5.0;

impl Overlay {
    /// An overlay for a picture of this size.
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        Self {
            width: f64::from(width),
            height: f64::from(height),
            ..Self::default()
        }
    }

    /// Keeps labels off a point.
    pub(super) fn keep_clear(&mut self, (x, y): (i32, i32), radius: f64) {
        let (x, y) = (f64::from(x), f64::from(y));
        self.taken.push(Box {
            left: x - radius,
            top: y - radius,
            right: x + radius,
            bottom: y + radius,
        });
    }

    /// Shows a text while the mouse is over a point.
    pub(super) fn hover(&mut self, (x, y): (i32, i32), radius: f64, text: &str) {
        let text = escape(text);
        // writing to a string can't fail
        let _ = write!(
            self.marks,
            "<circle class=\"hit\" cx=\"{x}\" cy=\"{y}\" r=\"{radius:.1}\"><title>{text}</title></circle>"
        );
    }

    /// Shows a text while the mouse is over a rectangle between two corners.
    pub(super) fn hover_box(
        &mut self,
        (left, top): (i32, i32),
        (right, bottom): (i32, i32),
        text: &str,
    ) {
        let text = escape(text);
        let (width, height) = ((right - left).max(1), (bottom - top).max(1));
        let _ = write!(
            self.marks,
            "<rect class=\"hit\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"><title>{text}</title></rect>"
        );
    }

    /// Puts a label beside a point, where nothing else is; leaves it out where everything is taken.
    pub(super) fn label(&mut self, (x, y): (i32, i32), text: &str) {
        let (x, y) = (f64::from(x), f64::from(y));
        let width = CHARACTER * FONT_SIZE * text.chars().count() as f64;
        let offsets = [
            (9.0, 4.0),
            (-9.0 - AIR - width, 4.0),
            (-width / 2.0, -13.0),
            (-width / 2.0, 22.0),
            (9.0, -13.0),
            (9.0, 22.0),
            (-9.0 - width, -13.0),
            (-9.0 - width, 22.0),
        ];
        let free = offsets.into_iter().find_map(|(dx, dy)| {
            let place = Box {
                left: x + dx,
                top: y + dy - FONT_SIZE,
                right: x + dx + width + AIR,
                bottom: y + dy + 3.0,
            };
            let inside = place.left >= 0.0
                && place.right <= self.width
                && place.top >= 0.0
                && place.bottom <= self.height;
            let clear = !self.taken.iter().any(|taken| taken.overlaps(&place));
            (inside && clear).then_some(place)
        });
        if let Some(place) = free {
            self.write_text(place.left, place.bottom - 3.0, text);
            self.taken.push(place);
        }
    }

    /// Puts a text exactly here: `x` is its left end, `y` its base line.
    pub(super) fn text(&mut self, (x, y): (i32, i32), text: &str) {
        let (x, y) = (f64::from(x), f64::from(y));
        self.write_text(x, y, text);
        self.taken.push(Box {
            left: x,
            top: y - FONT_SIZE,
            right: x + CHARACTER * FONT_SIZE * text.chars().count() as f64,
            bottom: y + 3.0,
        });
    }

    /// Puts a dot of a colour before a text.
    pub(super) fn swatch(&mut self, (x, y): (i32, i32), RGBColor(r, g, b): RGBColor) {
        let _ = write!(
            self.marks,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"5\" fill=\"rgb({r},{g},{b})\"/>"
        );
    }

    fn write_text(&mut self, x: f64, y: f64, text: &str) {
        let text = escape(text);
        let _ = write!(
            self.marks,
            "<text class=\"label\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{FONT_SIZE}\">{text}</text>"
        );
    }

    /// The picture with its marks.
    pub(super) fn over(self, svg: &str) -> String {
        match svg.rfind("</svg>") {
            Some(end) => format!("{}{}</svg>", &svg[..end], self.marks),
            None => svg.to_owned(),
        }
    }
}

/// Text as it stands in SVG.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_out_of_each_others_way() {
        let mut overlay = Overlay::new((400, 300));
        for name in ["one", "two", "three", "four"] {
            overlay.label((200, 150), name);
        }
        for (i, a) in overlay.taken.iter().enumerate() {
            for b in &overlay.taken[..i] {
                assert!(!a.overlaps(b), "{a:?} {b:?}");
            }
        }
        assert_eq!(overlay.taken.len(), 4);
    }

    #[test]
    fn marks_are_escaped_and_inside_the_picture() {
        let mut overlay = Overlay::new((400, 300));
        overlay.hover((1, 2), 5.0, "a < b & c");
        let svg = overlay.over("<svg></svg>\n");
        assert!(
            svg.ends_with("<title>a &lt; b &amp; c</title></circle></svg>"),
            "{svg}"
        );
    }
}
