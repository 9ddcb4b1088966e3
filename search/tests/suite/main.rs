//! Searches of problems whose answers are known.

mod constrained;
mod dtlz;
mod measure;
mod real_coded;
mod reproducible;
mod runs;
mod stopping;
mod zdt;
mod zdt5;
