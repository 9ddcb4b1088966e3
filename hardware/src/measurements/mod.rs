//! Latencies somebody measured, read from CSV.
//!
//! ```text
//! platform,network,batch,latency_ms       and optionally threads,dtype,engine,run,repeats,latency_ms_std
//! ```
//!
//! Only `network` and the column of latencies must be there, and the latter may have another name; without `batch`, the batch is 1. What
//! further columns there are can be chosen by, so tables of other layouts are read too.
//!
//! What is left after choosing must describe *one* platform under *one* set of conditions, since a fit over two of them describes neither. Only the
//! batch may differ from row to row, and the threads where every row states them.
//! Rows that can't be used are left out and reported, never repaired in silence:
//!
//! 1. rows whose number of cells, network, batch or latency can't be used ([`RowProblem`]);
//! 2. among several rows of a network at one batch and on as many threads, those that are out of date, repeat each other, or contradict each other ([`Duplicates`]);
//! 3. rows that imply a speed no machine has ([`check_rates`]), which needs counts and so stands apart.
//!
//! ```
//! use roofnas_hardware::{Selection, read_measurements};
//!
//! let text = "device,network,time_ms\nphone,a,12.5\nphone,b,n/a\nboard,a,80\n";
//! let selection = Selection {
//!     latency_column: "time_ms".to_owned(),
//!     conditions: Selection::parse_conditions("device=phone").unwrap(),
//! };
//! let measurements = read_measurements(text, &selection).unwrap();
//! assert_eq!(measurements.rows[0].latency_ms, 12.5);
//! assert_eq!(
//!     measurements.problems[0].to_string(),
//!     "line 3: time_ms = n/a: must be a number above 0, in milliseconds"
//! );
//! ```

mod draw;
mod duplicates;
mod error;
mod rates;
mod read;
mod row;
mod selection;
mod single;
mod table;

pub use draw::{Draw, draw};
pub use duplicates::{Duplicates, Verdict};
pub use error::{ColumnValues, MeasurementError};
pub use rates::{ImplausibleRate, Rate, RateCheck, check_rates};
pub use read::read;
pub use row::{Cell, Measurement, RowProblem};
pub use selection::{ConditionError, Selection};

/// What a table says of one platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurements {
    /// The rows that can be used, in the order of the file: at least one.
    pub rows: Vec<Measurement>,
    /// Rows left out because of what stands in them, in the order of the file.
    pub problems: Vec<RowProblem>,
    /// Rows of one network that disagree, in the order of their first rows.
    pub duplicates: Vec<Duplicates>,
    /// How many rows were left out because a later one has the same network, batch and threads.
    pub outdated_rows: usize,
}
