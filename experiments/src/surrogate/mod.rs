//! Accuracy learnt from a table of trained networks.

mod config;
mod cross_validation;
mod lesson;

pub use config::{Columns, SurrogateConfig, SurrogateObjective};
pub use cross_validation::CrossValidated;
pub use lesson::{Lesson, in_the_table};
