//! The chosen network: drawn stage by stage, its layers under the roofline, and where its time goes.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;
use roofnas_cost::OpClass;
use roofnas_space::Network;

use super::part::Stage;
use super::picture::{NARROW, WIDE, in_both_widths, short};
use super::{backbone_picture, bars_picture, roofline_picture};
use crate::error::Error;
use crate::experiment::Experiment;
use crate::outcome::FrontRow;
use crate::profile::{Profile, ProfiledLayer};

/// Layers that the page lists.
const LAYERS: usize = 12;

/// The chosen network in detail.
pub(super) struct Chosen {
    row: FrontRow,
    network: Network,
    profile: Profile,
    legend: Vec<(OpClass, RGBColor)>,
    backbone: String,
    roofline: String,
    bars: String,
}

impl Chosen {
    pub(super) fn new(experiment: &Experiment, row: &FrontRow) -> Result<Self, Error> {
        let network = experiment.space.deployed(&row.genotype);
        let model = experiment.appraiser.at(row.metrics.batch);
        let profile = Profile::new(model, &network);
        let stages = Stage::all(&experiment.space, &row.genotype, &network, &profile);
        let layers = &profile.layers;
        Ok(Self {
            backbone: backbone_picture::svg(&stages, profile.call_share()),
            roofline: in_both_widths(WIDE, NARROW, |size| {
                roofline_picture::svg(model, layers, size)
            })?,
            bars: in_both_widths(bars_picture::SIZE, bars_picture::SMALL, |size| {
                bars_picture::svg(layers, size)
            })?,
            legend: roofline_picture::legend(layers),
            row: row.clone(),
            network,
            profile,
        })
    }

    /// Its section of the page.
    pub(super) fn section(&self, experiment: &Experiment) -> Markup {
        html! {
            h2 { "The network with the highest quality, " (self.row.id) }
            p { code { (self.row.text) } }
            figure {
                (PreEscaped(&self.backbone))
                figcaption {
                    "Stage by stage, as it runs. Bars in the middle: channels, to scale; the light ones are the most inside a block (the expansion), the dark ones "
                    "what it hands on. Bars at the right: the shares of the predicted time and of the MACs, of each stage and of each block."
                }
            }
            (self.stage_table())
            h2 { "Its layers under the roofline" }
            figure {
                (PreEscaped(&self.roofline))
                figcaption {
                    "The roofs of " (experiment.appraiser.model.platform().name) " and the layers, each as large as its share of the time."
                    (key(&self.legend))
                }
            }
            h2 { "Where its time goes" }
            figure {
                (PreEscaped(&self.bars))
                figcaption { "A bar for each layer, in the colours of the roofline." (key(&self.legend)) }
            }
            (self.slowest())
        }
    }

    fn slowest(&self) -> Markup {
        let mut slowest: Vec<&ProfiledLayer> = self.profile.layers.iter().collect();
        slowest.sort_by(|a, b| b.micros().total_cmp(&a.micros()));
        html! {
            div class="scroll" { table {
                thead { tr {
                    th { "layer" } th class="left" { "class" } th { "input" } th { "output" } th { "MMACs" } th { "FLOP/byte" }
                    th { "µs" } th { "share" } th class="left" { "bound by" }
                } }
                tbody {
                    @for kernel in slowest.iter().take(LAYERS) {
                        tr {
                            td { (kernel.name) } td class="left" { (kernel.cost.class) } td { (kernel.cost.geometry.input) } td { (kernel.cost.geometry.output) }
                            td { (short(kernel.mmacs())) } td { (short(kernel.intensity)) } td { (short(kernel.micros())) }
                            td { (percent(kernel.share)) } td class="left" { (kernel.bound_name()) }
                        }
                    }
                }
            } }
            p class="soft" {
                "The " (slowest.len().min(LAYERS)) " slowest of " (slowest.len()) " layers, what the engine fuses counted once."
            }
        }
    }

    fn stage_table(&self) -> Markup {
        let sections = self.network.sections().iter().enumerate();
        html! {
            details {
                summary { "The same as a table" }
                div class="scroll" { table {
                    thead { tr {
                        th { "part" } th class="left" { "block" } th { "output" } th { "MMACs" } th { "µs" } th { "share" }
                    } }
                    tbody {
                        @for (index, section) in sections {
                            @let kernels = self.profile.layers.iter().filter(|kernel| kernel.section == index);
                            @let output = self.network.layers()[section.layers.end - 1].output;
                            tr {
                                td { (section.name()) } td class="left" { (section.description) } td { (output) }
                                td { (short(kernels.clone().map(ProfiledLayer::mmacs).sum())) }
                                td { (short(kernels.clone().map(ProfiledLayer::micros).sum())) }
                                td { (percent(kernels.map(|k| k.share).sum())) }
                            }
                        }
                        tr {
                            td { "the call itself" } td {} td {} td {} td { (short(1e6 * self.profile.call_s)) }
                            td { (percent(self.profile.call_share())) }
                        }
                    }
                } }
            }
        }
    }
}

/// What the colours of layers stand for.
pub(super) fn key(legend: &[(OpClass, RGBColor)]) -> Markup {
    html! {
        @for (class, RGBColor(r, g, b)) in legend {
            " "
            span class="key" { span class="swatch" style={ "background:rgb(" (r) "," (g) "," (b) ")" } {} (class) }
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
