//! `roofnas profile`.

use std::path::{Path, PathBuf};

use roofnas::{Error, Profile, ProfiledLayer, exit, report, write_whole};
use roofnas_cost::{Bound, LatencyModel};
use roofnas_space::Network;
use serde_json::Value;

use super::networks::{model, networks};
use super::output::print;
use super::profile_measured::{Measured, on_engine};
use super::table::Data;
use crate::cli::{Format, ProfileArgs};

/// Columns of the long form: a row for each layer on each platform.
const COLUMNS: [&str; 26] = [
    "network",
    "platform",
    "batch",
    "dtype",
    "layer",
    "class",
    "in_channels",
    "in_h",
    "in_w",
    "out_channels",
    "out_h",
    "out_w",
    "groups",
    "macs",
    "flops",
    "weights",
    "traffic_bytes",
    "intensity_flop_per_byte",
    "latency_ms",
    "latency_ms_std",
    "share",
    "bound",
    "utilisation",
    "unknown",
    "latency_kind",
    "measured_ms",
];

/// A network on one platform.
struct OnPlatform {
    model: LatencyModel,
    profile: Profile,
    /// What its layers really take, where an engine was asked for.
    measured: Option<Measured>,
}

impl OnPlatform {
    /// Measured seconds of a layer, by its place.
    fn measured_s(&self, layer: usize) -> Option<f64> {
        *self.measured.as_ref()?.kernels.get(layer)?
    }
}

/// Shows where a network's time goes.
pub(crate) fn profile(args: &ProfileArgs) -> anyhow::Result<u8> {
    let network = choose(networks(&args.networks.from)?.networks, args)?;
    let mut platforms = Vec::new();
    for name in &args.platform {
        let model = model(name, &args.conditions)?;
        let profile = Profile::new(&model, &network);
        let on_engine = on_engine(args, &model)?;
        let predicted_ms = profile.latency.mean_ms;
        let measured = on_engine.map(|on| on.beside(&network, &profile.cost, predicted_ms));
        platforms.push(OnPlatform {
            model,
            profile,
            measured,
        });
    }
    let text = match (args.format, &platforms[..]) {
        (Format::Table, [one]) => {
            let table = detailed(one).format(Format::Table)?;
            format!("{table}\n{}\n{}", totals(one), advice(&network, one))
        }
        (Format::Table, several) => {
            let totals: Vec<String> = several.iter().map(totals).collect();
            format!(
                "{}\n{}",
                side_by_side(&network, several)?,
                totals.join("\n")
            )
        }
        (format, several) => long(&network, several).format(format)?,
    };
    print(&text)?;
    if let Some(svg) = &args.svg {
        for platform in &platforms {
            let picture = report::profile_svg(network.name(), &platform.model, &platform.profile)?;
            let path = picture_path(svg, &platform.model, platforms.len());
            write_whole(&path, picture.as_bytes())?;
            note!("wrote {}", path.display());
        }
    }
    Ok(exit::DONE)
}

/// The network that is meant.
fn choose(networks: Vec<Network>, args: &ProfileArgs) -> Result<Network, Error> {
    let names: Vec<&str> = networks.iter().map(Network::name).collect();
    let from = &args.networks.from;
    let given = from.layers.iter().chain(&from.models);
    let unusable = |problem: String| Error::Unusable {
        path: given.clone().next().cloned().unwrap_or_default(),
        problem,
    };
    let place = match &args.network {
        None if networks.len() == 1 => 0,
        None => {
            let problem = format!(
                "is not one network; choose with --network: {}",
                names.join(", ")
            );
            return Err(unusable(problem));
        }
        Some(wanted) => names
            .iter()
            .position(|name| name == wanted)
            .ok_or_else(|| {
                unusable(format!(
                    "no network is called \"{wanted}\"; there are {}",
                    names.join(", ")
                ))
            })?,
    };
    let chosen = networks.into_iter().nth(place);
    chosen.ok_or_else(|| unusable("holds no network".to_owned()))
}

/// One platform, for people.
fn detailed(platform: &OnPlatform) -> Data {
    let mut columns = vec![
        "layer",
        "class",
        "input",
        "output",
        "mmacs",
        "traffic_kb",
        "flop/byte",
        "us",
        "us_std",
        "share_%",
        "bound",
    ];
    if platform.measured.is_some() {
        columns.push("measured_us");
    }
    let mut data = Data::new(&columns);
    let relative = platform.profile.latency.std_ms / platform.profile.latency.mean_ms;
    let (batch, dtype) = (platform.model.batch(), platform.model.dtype());
    for (place, layer) in platform.profile.layers.iter().enumerate() {
        let geometry = &layer.cost.geometry;
        let mut row: Vec<Value> = vec![
            layer.name.clone().into(),
            class(layer).into(),
            geometry.input.to_string().into(),
            geometry.output.to_string().into(),
            layer.mmacs().into(),
            (1e-3 * layer.cost.traffic_bytes(batch, dtype) as f64).into(),
            layer.intensity.into(),
            layer.micros().into(),
            (relative * layer.micros()).into(),
            (100.0 * layer.share).into(),
            layer.bound_name().into(),
        ];
        if platform.measured.is_some() {
            row.push(
                platform
                    .measured_s(place)
                    .map(|seconds| 1e6 * seconds)
                    .into(),
            );
        }
        data.push(row);
    }
    data
}

fn class(layer: &ProfiledLayer) -> String {
    if layer.cost.is_unknown {
        format!("{} (unknown operator)", layer.cost.class)
    } else {
        layer.cost.class.to_string()
    }
}

/// Several platforms, for people: the same layers, which may change sides. What one platform fuses away is blank there.
fn side_by_side(network: &Network, platforms: &[OnPlatform]) -> anyhow::Result<String> {
    let mut columns = vec!["layer".to_owned(), "class".to_owned(), "mmacs".to_owned()];
    for platform in platforms {
        let name = &platform.model.platform().name;
        columns.extend([
            format!("{name} us"),
            format!("{name} share_%"),
            format!("{name} bound"),
        ]);
    }
    let mut rows = Vec::new();
    for index in 0..network.layers().len() {
        let on = platforms.iter().map(|platform| {
            let layers = platform.profile.layers.iter();
            layers
                .into_iter()
                .find(|layer| layer.cost.kernel.anchor() == index)
        });
        let on: Vec<Option<&ProfiledLayer>> = on.collect();
        let Some(any) = on.iter().flatten().next() else {
            continue;
        };
        let mut row: Vec<Value> = vec![
            any.name.clone().into(),
            class(any).into(),
            any.mmacs().into(),
        ];
        for layer in &on {
            row.push(layer.map(ProfiledLayer::micros).into());
            row.push(layer.map(|layer| 100.0 * layer.share).into());
            row.push(layer.map(ProfiledLayer::bound_name).into());
        }
        rows.push(row);
    }
    Ok(super::table::table(&columns, &rows))
}

fn totals(platform: &OnPlatform) -> String {
    let (model, profile) = (&platform.model, &platform.profile);
    let (batch, dtype, cost) = (model.batch(), model.dtype(), &profile.cost);
    let megabytes = |elements: u64| 1e-6 * (dtype.bytes() * elements) as f64;
    let memory = cost.footprint.map_or_else(
        || "activations unknown (the table doesn't say which layer reads what)".to_owned(),
        |footprint| {
            format!(
                "activations {:.3} MB in all, {:.3} MB live at peak, {:.3} MB on average",
                megabytes(batch * footprint.total_elements),
                megabytes(batch * footprint.peak_live_elements),
                megabytes(1) * batch as f64 * footprint.average_live_elements
            )
        },
    );
    let measured = platform.measured.as_ref();
    let measured = measured.map_or_else(String::new, |measured| format!("\n{}", measured.words));
    let shares = [Bound::Compute, Bound::Memory, Bound::Overhead].map(|bound| {
        let held_up = profile
            .layers
            .iter()
            .filter(|layer| layer.bound() == Some(bound));
        format!(
            "{} {:.0} %",
            bound.name(),
            // an empty sum of floats is minus zero
            100.0 * held_up.fold(0.0, |sum, layer| sum + layer.share)
        )
    });
    format!(
        "{}, batch {batch}, {dtype}: {:.4} ± {:.4} ms ({}), of which the call {:.4} ms; bound by {}\n\
         {} MACs, {} FLOPs, {} params per image; {:.3} MB traffic, {:.2} FLOP/byte; weights {:.3} MB, {memory}{measured}",
        model.platform().name,
        profile.latency.mean_ms,
        profile.latency.std_ms,
        model.label(),
        1e3 * profile.call_s,
        shares.join(", "),
        cost.macs,
        cost.flops,
        cost.params,
        1e-6 * cost.traffic_bytes(batch, dtype) as f64,
        cost.intensity(batch, dtype),
        1e-6 * cost.weight_bytes(dtype) as f64,
    )
}

/// Pieces of advice that are printed, and tensors that are named.
const MOST_ADVICE: usize = 10;
const MOST_TENSORS: usize = 4;

/// What would make the network faster here, each change priced, and what fills its memory.
fn advice(network: &Network, platform: &OnPlatform) -> String {
    let now_ms = platform.profile.latency.mean_ms;
    let advice = roofnas_cost::advise(&platform.model, network);
    let mut lines = vec![match advice.len() {
        0 => "advice: nothing that this model would change".to_owned(),
        _ => "advice (each change priced by this model):".to_owned(),
    }];
    for piece in advice.iter().take(MOST_ADVICE) {
        let (verb, ms) = if piece.gain_ms > 0.0 {
            ("saves", piece.gain_ms)
        } else {
            ("costs", -piece.gain_ms)
        };
        lines.push(format!(
            "- {verb} {ms:.4} ms ({:.1} %): {}",
            100.0 * ms / now_ms,
            piece.text
        ));
    }
    if advice.len() > MOST_ADVICE {
        lines.push(format!(
            "- and {} more, worth less",
            advice.len() - MOST_ADVICE
        ));
    }
    let live = roofnas_cost::peak_culprits(&platform.model, network);
    let named = live.iter().take(MOST_TENSORS).map(|(layer, bytes)| {
        let name = layer.map_or_else(|| "the input".to_owned(), |layer| network.layer_name(layer));
        format!("{name} {:.3} MB", 1e-6 * *bytes as f64)
    });
    if !live.is_empty() {
        lines.push(format!(
            "live at the peak of memory: {}",
            named.collect::<Vec<_>>().join(", ")
        ));
    }
    lines.join("\n")
}

fn long(network: &Network, platforms: &[OnPlatform]) -> Data {
    let mut data = Data::new(&COLUMNS);
    for platform in platforms {
        let OnPlatform { model, profile, .. } = platform;
        let (batch, dtype) = (model.batch(), model.dtype());
        let relative = profile.latency.std_ms / profile.latency.mean_ms;
        for (place, layer) in profile.layers.iter().enumerate() {
            let measured_s = platform.measured_s(place);
            let (cost, geometry) = (&layer.cost, &layer.cost.geometry);
            let milliseconds = 1e3 * layer.price.seconds();
            data.push(vec![
                network.name().into(),
                model.platform().name.clone().into(),
                batch.into(),
                dtype.name().into(),
                layer.name.clone().into(),
                cost.class.name().into(),
                geometry.input.channels.into(),
                geometry.input.height.into(),
                geometry.input.width.into(),
                geometry.output.channels.into(),
                geometry.output.height.into(),
                geometry.output.width.into(),
                geometry.groups.into(),
                cost.macs.into(),
                cost.flops.into(),
                cost.weight_elements.into(),
                cost.traffic_bytes(batch, dtype).into(),
                layer.intensity.into(),
                milliseconds.into(),
                (relative * milliseconds).into(),
                layer.share.into(),
                layer.bound_name().into(),
                layer.price.utilisation.into(),
                cost.is_unknown.into(),
                model.label().into(),
                measured_s.map(|seconds| 1e3 * seconds).into(),
            ]);
        }
    }
    data
}

/// One platform gets the file that was asked for; of several, each has its name in it.
fn picture_path(svg: &Path, model: &LatencyModel, platforms: usize) -> PathBuf {
    if platforms == 1 {
        return svg.to_owned();
    }
    let stem = svg.file_stem().unwrap_or_default().to_string_lossy();
    svg.with_file_name(format!("{stem}-{}.svg", model.platform().name))
}
