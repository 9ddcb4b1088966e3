//! Any bytes as an ONNX model: read with its own sizes and with sizes from outside, with and without a folder for what it keeps elsewhere;
//! whatever is read is counted too. An input that fails is a model file, to be given to `roofnas profile` as it is.

#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use roofnas_cost::{Fusion, NetworkCost};
use roofnas_space::onnx::{ImportOptions, import, import_file};
use roofnas_space::{Resolution, recognise};

/// A folder of this process alone, with a file of elements for models that keep theirs outside.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("roofnas-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    fs::write(folder.join("w"), [1; 64]).expect("a file beside the model");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    for options in options() {
        let Ok(network) = import(bytes, &options) else {
            continue;
        };
        for layer in network.layers() {
            assert!(network.input_shape(layer).elements() > 0, "{}", layer.name);
            assert!(layer.output.elements() > 0, "{}", layer.name);
        }
        for fusion in [Fusion::default(), Fusion::every_activation()] {
            let cost = NetworkCost::new(&network, &fusion);
            let kernels: u64 = cost.kernels.iter().map(|kernel| kernel.macs).sum();
            assert_eq!(cost.macs, kernels);
        }
        let _ = recognise::recognise(&network);
    }
    // files are slow to write: only for models that may need one
    if bytes.windows(8).any(|part| part == b"location") {
        let path = FOLDER.join("model.onnx");
        fs::write(&path, bytes).expect("a file for the model");
        let _ = import_file(&path, &ImportOptions::default());
    }
});

/// The file's own sizes, and sizes for what it leaves open.
fn options() -> [ImportOptions; 2] {
    let sizes = [("N", 2), ("height", 8), ("width", 12), ("x.1", 3)];
    let given = ImportOptions {
        name: Some("fuzzed".to_owned()),
        batch: 3,
        resolution: Some(Resolution::square(8)),
        sizes: BTreeMap::from(sizes.map(|(name, size)| (name.to_owned(), size))),
    };
    [ImportOptions::default(), given]
}
