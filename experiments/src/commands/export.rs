//! `roofnas export`.

use std::path::PathBuf;

use roofnas::{
    Error, FinishedRun, RunDirectory, backbone_onnx, backbone_pytorch, backbone_toml, exit,
    in_numbers, write_whole,
};
use roofnas_cost::Dtype;
use roofnas_space::layers_csv;

use crate::cli::{ExportArgs, Form};

/// Writes one network of a finished run again, from the run's own files.
pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<u8> {
    if args.dtype != Dtype::Fp32 && args.to != Form::Onnx {
        return Err(Error::Argument {
            argument: format!("--dtype {}", args.dtype),
            problem: "is of ONNX files: needs --to onnx".to_owned(),
        }
        .into());
    }
    let run = FinishedRun::read(RunDirectory::new(&args.run))?;
    let row = run.row(&args.id)?;
    let bytes = match args.to {
        Form::Onnx => {
            let bytes = backbone_onnx(&run.experiment, &row).map_err(Error::from)?;
            in_numbers(bytes, &args.id, args.dtype)?
        }
        Form::Layers => {
            let network = run.experiment.space.decode(&row.genotype);
            layers_csv::write([&network.renamed(&row.id)])
        }
        Form::Pytorch => backbone_pytorch(&run.experiment, &row).into_bytes(),
        Form::Toml => backbone_toml(&run.experiment, &row).into_bytes(),
    };
    let in_integers = if args.dtype == Dtype::Int8 {
        "-int8"
    } else {
        ""
    };
    let own = || PathBuf::from(format!("{}{in_integers}.{}", args.id, args.to.extension()));
    let path = args.out.clone().unwrap_or_else(own);
    write_whole(&path, &bytes)?;
    if args.dtype == Dtype::Int8 {
        note!(
            "{} is in int8 with synthetic ranges, for timing only",
            path.display()
        );
    }
    match &run.experiment.head {
        None => note!("wrote {}", path.display()),
        Some(head) => note!(
            "wrote {}: the backbone alone, without the fixed head {}",
            path.display(),
            head.head.name()
        ),
    }
    Ok(exit::DONE)
}
