//! What this crate exports comes back as the same work.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::network::{Layer, Tensor};
use crate::onnx::{Batch, InitialWeights, export};
use crate::presets;
use crate::space::SearchSpace;

/// Samples of each preset.
const SAMPLES: usize = 3;

/// What a layer is and where its inputs come from, views left out: layers by their place among the others.
fn essence(network: &Network) -> Vec<(Op, Vec<Option<usize>>)> {
    let layers = network.layers();
    // a batch-norm folds where its input is a convolution that nobody else reads
    let readers = network.readers();
    let folds = |layer: &Layer| match (&layer.op, &*layer.inputs) {
        (Op::BatchNorm, [Tensor::Layer(conv)]) => {
            readers[*conv] == 1 && matches!(layers[*conv].op, Op::Conv(_))
        }
        (Op::Other(other), _) => other.work == Work::View,
        _ => false,
    };
    let mut places: Vec<Option<usize>> = Vec::new();
    let mut essence: Vec<(Op, Vec<Option<usize>>)> = Vec::new();
    for layer in layers {
        let place = |tensor: &Tensor| match tensor {
            Tensor::Layer(index) => places[*index],
            _ => None,
        };
        let inputs: Vec<Option<usize>> = layer.inputs.iter().map(place).collect();
        if folds(layer) {
            if let (Op::BatchNorm, Some(conv)) = (&layer.op, inputs[0])
                && let Op::Conv(conv) = &mut essence[conv].0
            {
                conv.bias = true;
            }
            places.push(inputs[0]);
        } else {
            essence.push((layer.op.clone(), inputs));
            places.push(Some(essence.len() - 1));
        }
    }
    essence
}

#[test]
fn presets_and_landmarks() {
    let mut networks: Vec<Network> = presets::landmarks()
        .into_iter()
        .map(|landmark| landmark.network)
        .collect();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    for name in presets::NAMES {
        let space = SearchSpace::new(presets::definition(name).unwrap()).unwrap();
        networks.extend((0..SAMPLES).map(|_| space.decode(&space.sample(&mut rng))));
    }
    for network in networks {
        for batch in [Batch::Dynamic, Batch::Fixed(3)] {
            let bytes = export(&network, InitialWeights::seeded(1), batch).unwrap();
            let read = import(&bytes, &ImportOptions::default()).unwrap();
            assert_eq!(read.name(), network.name());
            assert_eq!(read.input(), network.input());
            assert_eq!(essence(&read), essence(&network), "{}", network.name());
            let outputs = |network: &Network| -> Vec<_> {
                let outputs = network.outputs().iter();
                outputs
                    .map(|output| (output.name.clone(), network.shape(output.tensor)))
                    .collect()
            };
            assert_eq!(outputs(&read), outputs(&network));
        }
    }
}
