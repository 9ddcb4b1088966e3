//! Published networks on phones, boards, desktops and servers: a whole family of networks left out at a time.

use rayon::prelude::*;
use roofnas_cost::calibration::Calibration;
use roofnas_cost::{Figures, Prediction};
use roofnas_hardware::Selection;
use roofnas_hardware::fit::FitOptions;

use crate::Filters;
use crate::data::{self, Column};
use crate::model::{Known, Model, alone, baselines, nearest};
use crate::table;

/// Groups of platforms; of each, every so many-th is a target. All of them are known.
const GROUPS: [(&str, usize); 2] = [("cpu", 20), ("vulkan", 5)];

/// Targets have at least so many networks.
const LEAST_NETWORKS: usize = 20;

/// Networks of one origin, which would give each other away. A network that isn't here is a family by itself.
const FAMILIES: [&[&str]; 8] = [
    &[
        "mobilenet",
        "mobilenet_ssd",
        "mobilenet_yolo",
        "mobilenet_yolov3",
    ],
    &["mobilenet_v2", "mobilenetv2_yolov3"],
    &["squeezenet", "squeezenet_ssd"],
    &["shufflenet_v2", "nanodet_m", "yolo-fastestv2", "FastestDet"],
    &["resnet18", "resnet50"],
    &["mnasnet", "proxylessnasnet"],
    &["shufflenet"],
    &["googlenet"],
];

/// The columns that tell platforms apart.
const PLATFORM: [&str; 6] = [
    "device",
    "isa",
    "variant",
    "backend",
    "threads",
    "powersave",
];

/// What is known of one network of one device once its family has been left out.
struct Prophecy {
    network: String,
    model: Prediction,
    /// Of the simple baselines, then of the nearest platform, in ms.
    baselines: [f64; 6],
    seconds: f64,
}

impl Prophecy {
    fn error(&self, predicted_ms: f64) -> f64 {
        predicted_ms / self.model.measured_ms - 1.0
    }
}

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    let columns = columns();
    let known: Vec<Calibration> = columns
        .par_iter()
        .map(|column| Model::fit(column, &column.all(), &[], &alone()).calibration)
        .collect();
    let fits = columns.iter().zip(&known).map(|(column, calibration)| {
        let model = Model {
            calibration: calibration.clone(),
            seconds: 0.0,
        };
        let own = model.predict(column, &column.all());
        Figures::of(&own).map_or(f64::NAN, |figures| figures.mape)
    });
    println!(
        "A family of networks left out, the device's other networks measured. Platforms known before: all {} with another device's name, on all of \
         their networks (on these their fits have {} % MAPE, median). Cells are medians over devices; targets are {}. `median`: of the absolute \
         errors. {}\n",
        columns.len(),
        table::percent(table::median(fits)),
        if filters.are_some() {
            "those asked for".to_owned()
        } else {
            let group = |(name, every): (&str, usize)| format!("every {every}th {name} platform");
            GROUPS.map(group).join(" and ")
        },
        table::LEGEND
    );
    let targets: Vec<&Column> = columns
        .iter()
        .enumerate()
        .filter(|(index, _)| filters.are_some() || is_sampled(*index, &columns))
        .map(|(_, column)| column)
        .filter(|column| column.rows.len() >= LEAST_NETWORKS && filters.accepts(&column.name))
        .collect();
    let devices: Vec<(&Column, Vec<Prophecy>)> = targets
        .par_iter()
        .map(|column| (*column, leave_families_out(column, &columns, &known)))
        .collect();
    let head = format!(
        "devices | platforms | networks | {} | median | {} | nearest | median nearest | ratio | s",
        table::FIGURES,
        table::BASELINES
    );
    table::head(&head);
    for (group, _) in GROUPS {
        let of_group = devices
            .iter()
            .filter(|(column, _)| group_of(column).0 == group);
        print_group(group, &of_group.collect::<Vec<_>>());
    }
    if filters.are_some() {
        for device in &devices {
            print_group(&device.0.name, &[device]);
        }
    }
    print_networks(&devices);
}

fn columns() -> Vec<Column> {
    platforms(&PLATFORM)
}

/// The columns of platforms that these columns of the table tell apart.
pub(crate) fn platforms(told_by: &[&str]) -> Vec<Column> {
    let (Some(costs), Some(text)) = (data::costs("ncnn"), data::text("ncnn", "latency.csv")) else {
        return Vec::new();
    };
    let column = |values: &Vec<String>| {
        let platform = told_by.iter().zip(values);
        let platform = platform.map(|(column, value)| ((*column).to_owned(), value.clone()));
        let fp = ("dtype".to_owned(), "fp".to_owned());
        let selection = Selection {
            latency_column: "min_ms".to_owned(),
            conditions: platform.chain([fp]).collect(),
        };
        data::column(
            values.join(", "),
            values[0].clone(),
            &text,
            &selection,
            &costs,
        )
    };
    let platforms = data::combinations(&text, told_by);
    platforms.iter().map(column).collect()
}

/// A platform's group, and how often its platforms are targets.
fn group_of(column: &Column) -> (&'static str, usize) {
    let is_of = |(name, _): &(&str, usize)| column.name.split(", ").any(|part| part == *name);
    GROUPS.into_iter().find(is_of).unwrap_or(GROUPS[0])
}

fn is_sampled(index: usize, columns: &[Column]) -> bool {
    let (group, every) = group_of(&columns[index]);
    let before = columns[..index]
        .iter()
        .filter(|column| group_of(column).0 == group);
    before.count() % every == 0
}

pub(crate) fn family(network: &str) -> &str {
    let family = FAMILIES.iter().find(|family| family.contains(&network));
    family.map_or(network, |family| family[0])
}

fn leave_families_out(column: &Column, columns: &[Column], known: &[Calibration]) -> Vec<Prophecy> {
    let known: Vec<(String, &Calibration)> = columns
        .iter()
        .zip(known)
        .filter(|(other, _)| other.device != column.device)
        .map(|(other, calibration)| (other.name.clone(), calibration))
        .collect();
    let mut families: Vec<&str> = column.rows.iter().map(|row| family(&row.network)).collect();
    families.sort_unstable();
    families.dedup();
    families
        .into_par_iter()
        .flat_map(|family| leave_out(column, family, columns, &known))
        .collect()
}

fn leave_out(column: &Column, left_out: &str, columns: &[Column], known: &Known) -> Vec<Prophecy> {
    let all = column.all().into_iter();
    let (held_out, fit): (Vec<usize>, Vec<usize>) =
        all.partition(|&row| family(&column.rows[row].network) == left_out);
    let model = Model::fit(column, &fit, known, &FitOptions::default());
    let baselines = baselines(column, &fit, &held_out);
    let nearest = nearest(column, &fit, &held_out, columns);
    let predictions = model.predict(column, &held_out).into_iter().enumerate();
    let prophecy = |(index, prediction): (usize, Prediction)| {
        let mut all = [f64::NAN; 6];
        for (cell, baseline) in all.iter_mut().zip(baselines.iter().chain(nearest.as_ref())) {
            *cell = baseline[index];
        }
        Prophecy {
            network: column.rows[held_out[index]].network.clone(),
            model: prediction,
            baselines: all,
            seconds: model.seconds,
        }
    };
    predictions.map(prophecy).collect()
}

fn print_group(name: &str, devices: &[&(&Column, Vec<Prophecy>)]) {
    if devices.is_empty() {
        return;
    }
    let figures: Vec<Figures> = devices
        .iter()
        .filter_map(|(_, networks)| {
            Figures::of(
                &networks
                    .iter()
                    .map(|network| network.model)
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    let over_devices = |of: &dyn Fn(&[Prophecy]) -> f64| {
        table::median(devices.iter().map(|(_, networks)| of(networks)))
    };
    let absolute = |networks: &[Prophecy], baseline: usize| -> Vec<f64> {
        let errors = networks
            .iter()
            .map(|n| n.error(n.baselines[baseline]).abs());
        errors.filter(|error| error.is_finite()).collect()
    };
    let baselines: Vec<f64> = (0..6)
        .map(|b| over_devices(&|networks| table::average(absolute(networks, b).into_iter())))
        .collect();
    let median = over_devices(&|networks| {
        table::median(networks.iter().map(|n| n.error(n.model.mean_ms).abs()))
    });
    let median_nearest = over_devices(&|networks| table::median(absolute(networks, 5).into_iter()));
    let mape = table::median(figures.iter().map(|f| f.mape));
    println!(
        "| {name} | {} | {} | {} | {} | {} | {} | {:.2} | {:.1} |",
        devices.len(),
        devices
            .iter()
            .map(|(_, networks)| networks.len())
            .sum::<usize>(),
        table::medians(&figures),
        table::percent(median),
        table::percents(&baselines),
        table::percent(median_nearest),
        mape / table::least(&baselines),
        over_devices(&|networks| table::average(networks.iter().map(|n| n.seconds))),
    );
}

/// Which networks are hard to predict.
fn print_networks(devices: &[(&Column, Vec<Prophecy>)]) {
    let all = || devices.iter().flat_map(|(_, networks)| networks);
    let mut names: Vec<&str> = all().map(|prophecy| prophecy.network.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    println!();
    table::head(
        "network | devices | bias (median) | absolute error (median) | the nearest platform's",
    );
    for name in names {
        let of_network = || all().filter(|prophecy| prophecy.network == name);
        let median = |of: fn(&Prophecy) -> f64| table::median(of_network().map(of));
        println!(
            "| {name} | {} | {} | {} | {} |",
            of_network().count(),
            table::percent(median(|p| p.error(p.model.mean_ms))),
            table::percent(median(|p| p.error(p.model.mean_ms).abs())),
            table::percent(median(|p| p.error(p.baselines[5]).abs())),
        );
    }
}
