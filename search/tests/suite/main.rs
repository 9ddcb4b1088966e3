//! Searches of problems whose answers are known.

mod constrained;
mod dtlz;
mod exact;
mod islands;
mod layered_table;
mod measure;
mod real_coded;
mod recycling;
mod reproducible;
mod runs;
mod stopping;
mod zdt;
mod zdt5;
