use std::ops::{Deref, DerefMut};

/// Buffers that are kept for their memory alone, as a part of state that is stored and compared.
///
/// What they hold between two calls means nothing: a clone starts empty, any two are equal, and
/// files leave them out.
#[derive(Debug, Default)]
pub(crate) struct Scratch<T>(T);

impl<T: Default> Clone for Scratch<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T> PartialEq for Scratch<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Deref for Scratch<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
