//! Searches of problems whose answers are known.

mod constrained;
mod digits;
mod dtlz;
mod every_optimiser;
mod exact;
mod islands;
mod layered_table;
mod local_search;
mod many_objectives;
mod measure;
mod real_coded;
mod recycling;
mod reproducible;
mod runs;
mod stopping;
mod zdt;
mod zdt5;
