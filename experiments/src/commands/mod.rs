//! The commands, one file each.

mod calibrate;
mod calibrate_here;
mod calibrated;
mod check;
mod compare;
mod compare_tables;
mod completions;
mod engine;
mod export;
mod figures;
mod init;
mod init_from;
mod man;
mod measure;
mod measured_networks;
mod measurements;
mod networks;
mod output;
mod plan;
mod platforms;
mod predict;
mod probe;
mod profile;
mod profile_measured;
mod rank;
mod refine;
mod report;
mod run;
mod run_batch;
mod run_words;
mod schema;
mod since_calibration;
mod suited;
mod table;
mod validate;
mod verify;

pub(crate) use calibrate::calibrate;
pub(crate) use check::check;
pub(crate) use compare::compare;
pub(crate) use completions::completions;
pub(crate) use export::export;
pub(crate) use init::init;
pub(crate) use man::man;
pub(crate) use measure::measure;
pub(crate) use plan::plan;
pub(crate) use platforms::platforms;
pub(crate) use predict::predict;
pub(crate) use probe::probe;
pub(crate) use profile::profile;
pub(crate) use rank::rank;
pub(crate) use report::report;
pub(crate) use run::run;
pub(crate) use schema::schema;
pub(crate) use validate::validate;
pub(crate) use verify::verify;

use roofnas::Error;

/// Does work on this many threads, or one per core.
fn on_threads<T: Send>(
    threads: Option<u16>,
    work: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let threads = usize::from(threads.unwrap_or(0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(Error::from)?.install(work)
}
