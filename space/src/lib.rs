//! What can be built: layers, networks, search spaces and genotypes.
//!
//! A [`SpaceDefinition`] (TOML) becomes a checked [`SearchSpace`] once. The space samples, mutates and
//! crosses [`Genotype`]s, and decodes each into a [`Network`]: layers in topological order with
//! explicit edges and derived shapes.
//!
//! ```
//! use rand::SeedableRng;
//! use roofnas_space::{SearchSpace, presets};
//!
//! let space = SearchSpace::new(presets::definition("mobile").unwrap()).unwrap();
//! let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
//! let mut genotype = space.sample(&mut rng);
//! space.mutate(&mut genotype, &mut rng);
//! let network = space.decode(&genotype);
//! assert_eq!(network.name(), space.format(&genotype));
//! ```

mod activation;
mod assembly;
mod block;
mod check;
mod choices;
mod decode;
mod definition;
mod file_names;
mod fixed;
mod fixed_head;
mod genotype;
mod lattice;
pub mod layers_csv;
mod lookup;
mod members;
mod moves;
mod nearest;
mod neighbourhood;
mod network;
pub mod onnx;
mod op;
mod options;
mod other;
pub mod presets;
pub mod pytorch;
pub mod recognise;
mod repair;
pub mod schema;
mod shape;
mod sites;
mod size;
mod space;
mod text;
mod variation;

pub use activation::Activation;
pub use block::{Attribute, Block, BlockKind, Groups};
pub use choices::StageChoices;
pub use definition::{
    BlockDefinition, Choices, HeadDefinition, Numbers, Range, SeBase, SeStyle, SpaceDefinition,
    StageDefinition, StemDefinition, StemPool,
};
pub use file_names::FileNames;
pub use fixed_head::{FixedHead, FixedHeadError, HeadCut, HeadCutError, HeadInput, HeadTableError};
pub use genotype::{Genotype, PlacedBlock};
pub use lattice::{Lattice, Step};
pub use network::{
    Layer, Network, NetworkBuilder, NetworkError, Output, Part, Role, Section, Tensor,
};
pub use op::{Conv, ConvTranspose, MatMul, Op, Other, Pool, PoolKind, ShapeError, Work};
pub use other::Interpolation;
pub use shape::{Resolution, Shape};
pub use sites::{Content, Site, Sites, Slot};
pub use space::{SearchSpace, SpaceError};
pub use text::GenotypeError;
