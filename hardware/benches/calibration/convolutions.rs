//! Single convolutions on a GPU.

use std::sync::Arc;

use rayon::prelude::*;
use roofnas_cost::{Figures, Fusion, NetworkCost};
use roofnas_hardware::draw;
use roofnas_hardware::fit::FitOptions;
use roofnas_space::{Conv, NetworkBuilder, Op, Part, Role, Shape, Tensor};
use serde::Deserialize;

use crate::Filters;
use crate::data::{self, Column};
use crate::model::{Model, baselines, mape};
use crate::table;

/// Convolutions measured.
const SIZES: [usize; 2] = [100, 800];

/// Draws of them.
const DRAWS: u64 = 3;

/// Wider ones are left out.
const MOST_CHANNELS: usize = 1024;

/// A row of the table.
#[derive(Deserialize)]
struct Layer {
    conv_type: String,
    batch: u64,
    cin: usize,
    hin: usize,
    win: usize,
    cout: usize,
    k: usize,
    stride: usize,
    elmt_fused: u8,
    latency_ms: f64,
}

/// Runs the section.
pub(crate) fn run(filters: &Filters) {
    let name = "v100_trt/1";
    let Some(text) = data::text("v100_trt", "conv_fp32.csv") else {
        return;
    };
    if !filters.accepts(name) {
        return;
    }
    let column = column(name, &text);
    println!(
        "{} convolutions of batch 1 and at most {MOST_CHANNELS} channels, each a network of its own; N drawn and measured, the others predicted; \
         mean of {DRAWS} draws. {}\n",
        column.rows.len(),
        table::LEGEND
    );
    let head = format!(
        "column | N | {} | {} | ratio | s",
        table::FIGURES,
        table::BASELINES
    );
    table::head(&head);
    for size in SIZES {
        let runs: Vec<(Figures, [f64; 5], f64)> = (0..DRAWS)
            .into_par_iter()
            .map(|seed| {
                let drawn = draw(&column.networks(), size, seed);
                let baselines = baselines(&column, &drawn.fit, &drawn.held_out)
                    .map(|predicted| mape(&column, &drawn.held_out, &predicted));
                let model = Model::fit(&column, &drawn.fit, &[], &FitOptions::default());
                let figures = Figures::of(&model.predict(&column, &drawn.held_out)).unwrap();
                (figures, baselines, model.seconds)
            })
            .collect();
        let baselines: Vec<f64> = (0..5)
            .map(|b| table::average(runs.iter().map(|run| run.1[b])))
            .collect();
        let figures: Vec<Figures> = runs.iter().map(|run| run.0).collect();
        println!(
            "| {name} | {size} | {} | {} | {:.2} | {:.1} |",
            table::figures(&figures),
            table::percents(&baselines),
            table::average(figures.iter().map(|f| f.mape)) / table::least(&baselines),
            table::average(runs.iter().map(|run| run.2)),
        );
    }
}

fn column(name: &str, text: &str) -> Column {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let layers = reader
        .deserialize()
        .map(|layer: Result<Layer, csv::Error>| layer.unwrap());
    let layers = layers.filter(|l| l.batch == 1 && l.cin.max(l.cout) <= MOST_CHANNELS);
    let rows = layers.enumerate().map(|(index, layer)| {
        let cost = Arc::new(layer.cost());
        data::Row::new(index.to_string(), cost, 1, 1, layer.latency_ms)
    });
    Column {
        rows: rows.collect(),
        name: name.to_owned(),
        device: name.to_owned(),
    }
}

impl Layer {
    /// The convolution as a network, with the sum that may be fused into it.
    fn cost(&self) -> NetworkCost {
        let mut builder = NetworkBuilder::new("conv", Shape::new(self.cin, self.hin, self.win));
        builder.section(Part::Whole, "");
        let groups = if self.conv_type == "Depthwise" {
            self.cin
        } else {
            1
        };
        let conv = Conv::same(self.cout, self.k, self.stride)
            .grouped(groups)
            .with_bias();
        let mut last = builder.push("conv", Op::Conv(conv), &[Tensor::Input], Role::Main);
        if self.elmt_fused > 0 {
            let other = Tensor::Elsewhere(builder.shape(last));
            last = builder.push("add", Op::Add, &[last, other], Role::Main);
        }
        builder.output("output", last);
        let fusion = Fusion {
            add: true,
            ..Fusion::every_activation()
        };
        NetworkCost::new(&builder.finish().unwrap(), &fusion)
    }
}
