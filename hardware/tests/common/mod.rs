//! What the suites of several engines run.

use roofnas_space::{Network, SearchSpace};

/// Shuffles, groups, squeeze-and-excite, and an activation of every kind.
pub(crate) fn shuffled() -> Network {
    let text = r#"
        resolution = 48
        [stem]
        channels = 24
        [[stage]]
        block = "grouped_shuffle"
        depth = 3
        channels = 48
        stride = 2
        groups = 4
        activation = "swish"
        [[stage]]
        block = { kind = "bottleneck", expand = 0.5, groups = { width = 8 } }
        depth = 2
        channels = 96
        stride = 2
        se = 0.25
        activation = "hard_swish"
        [[stage]]
        block = "large_kernel_depthwise"
        depth = 1
        channels = 32
        activation = "gelu"
        [head]
        classes = 10
    "#;
    let space = SearchSpace::new(toml::from_str(text).unwrap()).unwrap();
    space.decode(&space.only())
}
