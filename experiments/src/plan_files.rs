//! The networks to measure as files.

use std::collections::BTreeSet;
use std::path::Path;

use roofnas_cost::{Dtype, OpClass};
use roofnas_hardware::sampling::{MeasuringPlan, PlannedNetwork, Purpose};
use roofnas_space::onnx::{self, Batch, InitialWeights};

use crate::error::Error;
use crate::file_numbers::in_numbers;
use crate::new_folder::NewFolder;

/// The plan's table.
const TABLE: &str = "plan.csv";

/// Writes a plan to a new folder: an ONNX file for each network, for any batch, with weights drawn from a seed, quantised for int8; and `plan.csv`, in the order in
/// which they are to be measured. All is there in the end, or nothing. Returns the bytes written.
///
/// # Errors
/// When something is in the folder already, or a file can't be written.
pub fn write_plan(
    plan: &MeasuringPlan,
    folder: &Path,
    seed: u64,
    dtype: Dtype,
) -> Result<u64, Error> {
    let mut folder = NewFolder::new(folder)?;
    let mut total = 0;
    for planned in &plan.networks {
        let weights = InitialWeights::seeded(seed);
        let bytes = onnx::export(&planned.network, weights, Batch::Dynamic)?;
        let bytes = in_numbers(bytes, &planned.name, dtype)?;
        folder.write(&file(planned), &bytes)?;
        total += bytes.len() as u64;
    }
    let table = plan_csv(plan);
    folder.write(TABLE, table.as_bytes())?;
    folder.finish()?;
    Ok(total + table.len() as u64)
}

/// A plan as a table: a row a network, in the order in which they are to be measured. MACs are those of one image; layers and classes are
/// those of an engine that fuses nothing but batch-norm.
pub fn plan_csv(plan: &MeasuringPlan) -> String {
    let mut table =
        String::from("network,file,purpose,space,resolution,macs,params,layers,classes\n");
    for planned in &plan.networks {
        let cost = planned.cost();
        let classes: BTreeSet<OpClass> = cost.kernels.iter().map(|kernel| kernel.class).collect();
        let classes: Vec<&str> = classes.into_iter().map(OpClass::name).collect();
        let space = match &planned.purpose {
            Purpose::Space(name) => quoted(name),
            _ => String::new(),
        };
        let row = [
            planned.name.clone(),
            file(planned),
            planned.purpose.to_string(),
            space,
            planned.network.input().resolution().to_string(),
            cost.macs.to_string(),
            cost.params.to_string(),
            cost.kernels.len().to_string(),
            classes.join(";"),
        ];
        table.push_str(&row.join(","));
        table.push('\n');
    }
    table
}

/// A file's name can hold anything.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn file(planned: &PlannedNetwork) -> String {
    format!("{}.onnx", planned.name)
}
