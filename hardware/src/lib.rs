//! What the machine at hand can do: platform profiles that ship, and where others are looked for; latencies somebody measured; how well predictions of
//! them hold, beside those of simple baselines; and what micro-benchmarks find.

mod baseline;
mod calibrate;
mod clock;
pub mod engine;
pub mod fit;
pub mod measure;
mod measurements;
mod nearest_names;
pub mod nodes;
pub mod probe;
mod profiles;
mod program;
pub mod sampling;
mod shipped;

pub use baseline::{
    Baseline, BaselineError, FittedBaseline, LatencyByNetwork, NearestPlatform, Timing,
};
pub use calibrate::{
    CalibrateError, CalibrateOptions, Calibrated, CrossValidation, KernelTiming, Material,
    MeasuredNetwork, ThreadFigures, Validation, calibrate, family, validate,
};
pub use clock::{Clock, SystemClock};
pub use measurements::{
    Cell, ColumnValues, ConditionError, Draw, Duplicates, ImplausibleRate, Measurement,
    MeasurementError, Measurements, Rate, RateCheck, RowProblem, Selection, Verdict, check_rates,
    draw, read as read_measurements,
};
pub use profiles::{FOLDER_VARIABLE, Profile, ProfileError, Profiles};
pub use program::{ProgramEnd, ProgramOutput};
