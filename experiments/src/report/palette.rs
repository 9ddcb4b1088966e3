//! Colours of the pictures. The page's style sheet maps each of them to its counterpart on a dark page.

use plotters::style::RGBColor;
use roofnas_cost::OpClass;

/// Axes and their labels.
pub(super) const INK: RGBColor = RGBColor(31, 41, 51);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(225, 229, 234);
/// The networks found.
pub(super) const FOUND: RGBColor = RGBColor(37, 99, 235);
/// The network chosen, and the budget.
pub(super) const CHOSEN: RGBColor = RGBColor(220, 38, 38);
/// What no network of the space can be beyond.
pub(super) const BOUND: RGBColor = RGBColor(5, 150, 105);
/// Published networks.
pub(super) const LANDMARK: RGBColor = RGBColor(217, 119, 6);
/// What drawing at random gives.
pub(super) const SAMPLE: RGBColor = RGBColor(148, 163, 184);

/// The colour of an operator class.
pub(super) const fn class(class: OpClass) -> RGBColor {
    match class {
        OpClass::Pointwise => RGBColor(37, 99, 235),
        OpClass::Dense => RGBColor(124, 58, 237),
        OpClass::Winograd => RGBColor(167, 139, 250),
        OpClass::Depthwise => RGBColor(5, 150, 105),
        OpClass::Grouped => RGBColor(8, 145, 178),
        OpClass::Linear => RGBColor(190, 24, 93),
        OpClass::Pool => RGBColor(217, 119, 6),
        OpClass::MatMul => RGBColor(79, 70, 229),
        OpClass::Elementwise => RGBColor(148, 163, 184),
        OpClass::DataMovement | OpClass::View => RGBColor(120, 113, 108),
    }
}

/// Colours of the runs of a batch, in order; the style sheet leaves them as they are on either page.
pub(super) const RUNS: [RGBColor; 8] = [
    RGBColor(59, 130, 246),
    RGBColor(234, 88, 12),
    RGBColor(22, 163, 74),
    RGBColor(192, 38, 211),
    RGBColor(202, 138, 4),
    RGBColor(8, 145, 178),
    RGBColor(225, 29, 72),
    RGBColor(120, 113, 108),
];
