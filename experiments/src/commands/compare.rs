//! `roofnas compare`.

use std::path::{Path, PathBuf};

use roofnas::{
    BatchDirectory, CHARACTER_COLUMNS, Comparison, Contenders, Ending, Error, FinishedRun,
    PORTABILITY_COLUMNS, RunDirectory, Start, check_writable, exit, given_runs, report,
    write_whole,
};
use roofnas_hardware::Profiles;
use serde_json::json;

use super::compare_tables::{characters_table, matrix_table};
use super::on_threads;
use super::output::print;
use super::table::Data;
use crate::cli::{CompareArgs, Format};
use crate::progress::{Progress, stop_on_signals};

/// The page with the heat map.
const PAGE: &str = "report.html";
/// The matrix.
const MATRIX: &str = "portability.csv";
/// The networks behind it.
const NETWORKS: &str = "networks.csv";
/// What characterises the platforms.
const PLATFORMS: &str = "platforms.csv";
/// Searches for platforms without runs.
const SEARCHES: &str = "searches";

/// Prices the networks that runs have found for their platforms on other platforms.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<u8> {
    on_threads(args.threads, || {
        if let Some(out) = &args.out {
            check_out(out)?;
        }
        let (runs, remarks) = given_runs(&args.runs)?;
        let mut contenders = Contenders::new(runs, &args.platforms, &Profiles::from_environment())?;
        contenders.remarks.extend(remarks);
        if args.search && !search(args, &mut contenders)? {
            return Ok(exit::INTERRUPTED);
        }
        let comparison = Comparison::new(contenders, args.quality);
        for remark in &comparison.remarks {
            note!("remark: {remark}");
        }
        print(&shown(&comparison, args.format)?)?;
        if let Some(out) = &args.out {
            write(&comparison, out)?;
        }
        Ok(exit::DONE)
    })
}

/// Whether the folder can take a comparison: one that is there already is replaced, a run or a batch is not.
fn check_out(out: &Path) -> Result<(), Error> {
    let holds = |name: &str| out.join(name).exists();
    if holds(BatchDirectory::MATRIX) || holds(RunDirectory::EXPERIMENT) {
        return Err(Error::RunDirectory {
            path: out.to_owned(),
            problem: "holds a run or a batch, whose files a comparison would replace; choose another folder with --out, such as one inside it".to_owned(),
        });
    }
    check_writable(&out.join(PAGE))
}

/// Searches for the columns that nothing was found for; says whether none was interrupted.
fn search(args: &CompareArgs, contenders: &mut Contenders) -> anyhow::Result<bool> {
    let missing = contenders.missing();
    if missing.is_empty() {
        note!("remark: every platform has a run of its own: there is nothing to search for");
        return Ok(true);
    }
    stop_on_signals("stopping after this generation; once more to stop at once")?;
    // without a folder to keep them, searches are gone with the command
    let passing = tempfile::tempdir()?;
    let folder = args
        .out
        .as_ref()
        .map_or_else(|| passing.path().to_owned(), |out| out.join(SEARCHES));
    for place in missing {
        let evaluations = args.evaluations.map(std::num::NonZeroU64::get);
        let experiment = contenders.search_for(place, evaluations)?;
        let name = experiment.appraiser.model.platform().name.clone();
        let directory = RunDirectory::new(search_folder(
            &folder,
            &name,
            experiment.appraiser.model.batch(),
        ));
        let mut progress = Progress::new(
            &format!("search for {name}"),
            experiment.resolved.search.evaluations,
        );
        let ending = roofnas::run(&experiment, &directory, Start::Resume, &mut progress);
        progress.finish();
        if let Ending::Interrupted { evaluations } = ending? {
            let again = if args.out.is_some() {
                "the same command goes on with it"
            } else {
                "give --out to keep searches"
            };
            note!("search for {name}: interrupted after {evaluations} networks; {again}");
            return Ok(false);
        }
        contenders.take(place, FinishedRun::read(directory)?.front()?);
    }
    Ok(true)
}

fn search_folder(folder: &Path, name: &str, batch: u64) -> PathBuf {
    folder.join(format!("{name}-batch-{batch}"))
}

fn shown(comparison: &Comparison, format: Format) -> anyhow::Result<String> {
    let matrix = || Data::of_cells(&PORTABILITY_COLUMNS, comparison.portability_rows());
    let platforms = || Data::of_cells(&CHARACTER_COLUMNS, comparison.character_rows());
    Ok(match format {
        Format::Table => format!(
            "{}\n\n{}",
            matrix_table(comparison),
            characters_table(comparison)
        ),
        Format::Csv => matrix().format(format)?,
        Format::Json => serde_json::to_string_pretty(&json!({
            "matrix": matrix().objects(),
            "platforms": platforms().objects(),
            "common_quality": comparison.level,
            "remarks": comparison.remarks,
        }))?,
    })
}

fn write(comparison: &Comparison, out: &Path) -> Result<(), Error> {
    write_whole(&out.join(MATRIX), &comparison.portability_csv())?;
    write_whole(&out.join(NETWORKS), &comparison.networks_csv())?;
    write_whole(&out.join(PLATFORMS), &comparison.characters_csv())?;
    write_whole(&out.join(PAGE), report::compare_html(comparison).as_bytes())?;
    let path = out.display();
    note!("wrote {path}/{MATRIX}, {path}/{NETWORKS}, {path}/{PLATFORMS} and {path}/{PAGE}");
    Ok(())
}
