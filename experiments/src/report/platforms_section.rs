//! A batch platform by platform: what was chosen for each, under that platform's own roofline, and where its time goes there.

use maud::{Markup, PreEscaped, html};
use plotters::style::RGBColor;
use roofnas_cost::OpClass;

use super::chosen::key;
use super::part::Stage;
use super::picture::{HALF, short};
use super::{backbone_picture, bars_picture, provenance, roofline_picture};
use crate::batch::BatchEntry;
use crate::error::Error;
use crate::outcome::FrontRow;
use crate::profile::Profile;

/// Platforms up to which each has its pictures.
const PICTURES: usize = 12;

/// One platform of a batch: the same machine, engine, batch and number format.
struct PlatformOfBatch<'a> {
    /// Its runs.
    entries: Vec<&'a BatchEntry>,
}

/// The layers of what was chosen for one platform, drawn.
struct Drawn<'a> {
    entry: &'a BatchEntry,
    best: &'a FrontRow,
    roofline: String,
    bars: String,
    backbone: String,
    legend: Vec<(OpClass, RGBColor)>,
}

/// The pictures of every platform with a finished run.
///
/// # Errors
/// When one can't be drawn.
pub(super) fn pictures(entries: &[BatchEntry]) -> Result<Markup, Error> {
    let platforms = PlatformOfBatch::all(entries);
    let chosen: Vec<_> = platforms.iter().filter_map(PlatformOfBatch::best).collect();
    let drawn = chosen.iter().take(PICTURES);
    let drawn = drawn
        .map(|&(entry, best)| Drawn::new(entry, best))
        .collect::<Result<Vec<_>, _>>()?;
    let mut legend: Vec<(OpClass, RGBColor)> = Vec::new();
    for one in &drawn {
        let news = one
            .legend
            .iter()
            .filter(|(class, _)| legend.iter().all(|(known, _)| known != class));
        let news: Vec<_> = news.copied().collect();
        legend.extend(news);
    }
    Ok(html! {
        @if !drawn.is_empty() {
            h2 { "The chosen networks under their platforms' rooflines" }
            p {
                "For each platform the network of the highest quality among its runs, at most " (PICTURES) " of them: its layers under the roofs, each as large as its share of "
                "the time, a bar for each layer in the order they run, and the network itself." (key(&legend))
            }
            div class="pair" { @for one in &drawn { (one.figure()) } }
        }
    })
}

/// What made a batch, platform by platform.
pub(super) fn record(entries: &[BatchEntry]) -> Markup {
    html! {
        h2 { "Where the numbers come from" }
        div class="scroll" { table class="record" { tbody {
            (provenance::row("made by", &html! { "roofnas " (env!("CARGO_PKG_VERSION")) }))
            (provenance::row("made again by", &html! {
                code { "roofnas run matrix.toml --out " i { "FOLDER" } } ", in this report's folder; each run alone by the experiment.toml of its own folder"
            }))
        } } }
        div class="scroll" { table {
            thead { tr {
                th { "platform" } th { "batch" } th class="left" { "dtype" } th { "threads" } th class="left" { "seeds" } th class="left" { "prices" }
                th class="left" { "machine and engine" } th class="left" { "SHA-256 of platform.toml" }
            } }
            tbody {
                @for platform in PlatformOfBatch::all(entries) {
                    @let experiment = &platform.entries[0].experiment;
                    @let model = &experiment.appraiser.model;
                    tr {
                        td { (model.platform().name) } td { (experiment.appraiser.batches()) } td class="left" { (model.dtype()) }
                        td { @if let Some(threads) = model.platform().threads { (threads) } }
                        td class="left" { (platform.seeds()) } td class="left" { (model.word()) }
                        td class="left" { (model.platform().description) } td class="left" { code { (provenance::sha256(&experiment.platform_toml())) } }
                    }
                }
            }
        } }
    }
}

impl<'a> PlatformOfBatch<'a> {
    /// The platforms in the order of their first runs.
    fn all(entries: &'a [BatchEntry]) -> Vec<Self> {
        let mut platforms: Vec<Self> = Vec::new();
        for entry in entries {
            let appraiser = &entry.experiment.appraiser;
            let known = platforms.iter_mut().find(|platform| {
                let known = &platform.entries[0].experiment.appraiser;
                known.models().eq(appraiser.models())
            });
            match known {
                Some(platform) => platform.entries.push(entry),
                None => platforms.push(Self {
                    entries: vec![entry],
                }),
            }
        }
        platforms
    }

    /// The network of the highest quality among its runs, with its run; the first of equals.
    fn best(&self) -> Option<(&'a BatchEntry, &'a FrontRow)> {
        let found = self
            .entries
            .iter()
            .filter_map(|entry| Some((*entry, entry.best()?)));
        // `max_by` returns the last of equals, hence the reversal
        let found: Vec<_> = found.collect();
        let last_first = found.into_iter().rev();
        last_first.max_by(|(_, a), (_, b)| a.metrics.quality.total_cmp(&b.metrics.quality))
    }

    /// Its runs' seeds, each once.
    fn seeds(&self) -> String {
        let entries = self.entries.iter();
        let mut seeds: Vec<u64> = entries
            .map(|entry| entry.experiment.resolved.seed)
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        seeds.join(", ")
    }
}

impl<'a> Drawn<'a> {
    fn new(entry: &'a BatchEntry, best: &'a FrontRow) -> Result<Self, Error> {
        let model = entry.experiment.appraiser.at(best.metrics.batch);
        let network = entry.experiment.space.deployed(&best.genotype);
        let profile = Profile::new(model, &network);
        let space = &entry.experiment.space;
        let stages = Stage::all(space, &best.genotype, &network, &profile);
        Ok(Self {
            entry,
            best,
            roofline: roofline_picture::svg(model, &profile.layers, HALF)?,
            bars: bars_picture::svg(&profile.layers, bars_picture::SMALL)?,
            backbone: backbone_picture::narrow(&stages, profile.call_share()),
            legend: roofline_picture::legend(&profile.layers),
        })
    }

    fn figure(&self) -> Markup {
        let model = self.entry.experiment.appraiser.at(self.best.metrics.batch);
        html! {
            figure {
                figcaption {
                    b { (model.platform().name) } ", batch " (model.batch()) ", " (model.dtype()) ": " (self.best.id) " of "
                    (self.entry.folder.display()) ", " (short(self.best.metrics.latency.mean_ms)) " ms"
                }
                (PreEscaped(&self.roofline))
                (PreEscaped(&self.bars))
                details {
                    summary { "Drawn stage by stage" }
                    (PreEscaped(&self.backbone))
                }
            }
        }
    }
}
