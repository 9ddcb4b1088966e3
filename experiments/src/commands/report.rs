//! `roofnas report`.

use std::path::Path;

use rayon::prelude::*;
use roofnas::exit;
use roofnas::{
    BatchDirectory, BatchEntry, Error, ExperimentFile, FinishedRun, RunDirectory, experiments,
    report as pages, transfers, write_whole,
};
use roofnas_hardware::Profiles;

use crate::cli::ReportArgs;

/// Writes the report of a finished run, or of a batch, again from what its folder holds.
pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<u8> {
    let is_batch = args.folder.join(BatchDirectory::MATRIX).is_file();
    let (page, name) = match is_batch {
        true => (of_batch(&args.folder)?, BatchDirectory::REPORT),
        false => (of_run(&args.folder)?, RunDirectory::REPORT),
    };
    let path = args.out.clone().unwrap_or_else(|| args.folder.join(name));
    write_whole(&path, page.as_bytes())?;
    note!("wrote {}", path.display());
    Ok(exit::DONE)
}

fn of_run(folder: &Path) -> Result<String, Error> {
    let run = FinishedRun::read(RunDirectory::new(folder))?;
    let outcome = run.outcome()?;
    for warning in &outcome.warnings {
        note!("warning: {warning}");
    }
    pages::html(&run.experiment, &outcome)
}

fn of_batch(folder: &Path) -> Result<String, Error> {
    let file = ExperimentFile::read(&folder.join(BatchDirectory::MATRIX), &[])?;
    let checked = experiments(&file, &Profiles::from_environment())?;
    let runs: Vec<_> = file.runs.into_iter().zip(checked).collect();
    let entries: Vec<BatchEntry> = runs
        .into_par_iter()
        .map(|(planned, experiment)| {
            let directory = RunDirectory::new(folder.join(&planned.folder));
            let (folder, settings) = (planned.folder, planned.settings);
            BatchEntry::read(folder, settings, experiment, &directory, None)
        })
        .collect();
    pages::batch_html(&file.name, &entries, &transfers(&entries))
}
