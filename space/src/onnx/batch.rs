//! How many images a model takes.

/// How many images a model takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Batch {
    /// This many, always: engines can plan for it.
    Fixed(usize),
    /// Any number: the first dimension of every tensor is called `batch`.
    Dynamic,
}
