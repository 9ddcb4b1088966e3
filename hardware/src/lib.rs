//! What the machine at hand can do. So far: the platform profiles that ship, and where others are looked for.

mod profiles;

pub use profiles::{FOLDER_VARIABLE, Profile, ProfileError, Profiles};
