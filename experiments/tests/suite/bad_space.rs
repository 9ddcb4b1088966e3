//! Search spaces that can't be built: file, stage, key, value, and what is accepted.

use crate::support::Desk;

const SPACE: &str = r#"
name = "own"
[platform]
profile = "nvidia-v100"
[space]
resolution = 224
[space.stem]
channels = 16
[[space.stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = { from = 24, to = 40, step = 8 }
kernel = [3, 5]
groups = ["depthwise"]
expand = [3, 6]
stride = 2
[[space.stage]]
block = "fused_inverted_bottleneck"
depth = 2
channels = [64, 80]
stride = 2
"#;

#[track_caller]
fn refused(before: &str, after: &str, says: &[&str]) {
    let desk = Desk::new();
    assert!(SPACE.contains(before), "{before}");
    desk.write("own.toml", SPACE.replacen(before, after, 1));
    desk.roofnas(&["run", "own.toml", "--out", "out"])
        .ends(2)
        .says(&["error: ", "own.toml"])
        .says(says);
    assert!(!desk.path("out").exists());
}

#[test]
fn as_it_stands_it_is_fine() {
    let desk = Desk::new();
    desk.write("own.toml", SPACE);
    desk.roofnas(&["check", "own.toml"]).ends(0);
}

#[test]
fn keys_that_don_t_exist() {
    refused(
        "kernel = [3, 5]",
        "kernal = [3, 5]",
        &["unknown field `kernal`", "`kernel`", "line"],
    );
    refused(
        "channels = 16",
        "channels = 16\nwidth = 3",
        &["unknown field `width`", "`kernel`"],
    );
    refused("to = 40", "too = 40", &["unknown field `too`", "`to`"]);
}

#[test]
fn names_that_don_t_exist() {
    refused(
        "\"inverted_bottleneck\"",
        "\"transformer\"",
        &["transformer", "inverted_bottleneck"],
    );
    refused("\"depthwise\"", "\"deepwise\"", &["deepwise", "depthwise"]);
    refused(
        "stride = 2",
        "stride = 2\nactivation = \"gelux\"",
        &["gelux", "relu"],
    );
}

#[test]
fn channels_that_no_hardware_likes() {
    refused(
        "channels = 16",
        "channels = 12",
        &["stem.channels", "12", "multiples of 8"],
    );
    refused(
        "channels = [64, 80]",
        "channels = [64, 81]",
        &["stage 2: channels", "81", "multiples of 8"],
    );
    refused(
        "step = 8",
        "step = 4",
        &["stage 1: channels", "28", "multiples of 8"],
    );
    refused(
        "channels = [64, 80]",
        "channels = [0]",
        &["stage 2: channels", "0"],
    );
    refused(
        "channels = [64, 80]",
        "channels = 1000000",
        &["stage 2: channels", "1000000", "8192"],
    );
}

#[test]
fn lists_and_ranges_that_hold_nothing() {
    refused(
        "channels = [64, 80]",
        "channels = []",
        &["stage 2: channels", "at least one"],
    );
    refused(
        "step = 8",
        "step = 0",
        &["stage 1: channels", "step", "at least 1"],
    );
    refused("to = 40", "to = 16", &["stage 1: channels", "from <= to"]);
    refused(
        "kernel = [3, 5]",
        "kernel = [3, 3]",
        &["stage 1: kernel", "3", "twice"],
    );
    refused(
        "to = 40",
        "to = 9223372036854775800",
        &["stage 1: channels"],
    );
}

#[test]
fn groups_that_can_t_divide() {
    refused(
        "groups = [\"depthwise\"]",
        "groups = [7]",
        &["stage 1: groups", "7"],
    );
    refused(
        "groups = [\"depthwise\"]",
        "groups = [0]",
        &["stage 1: groups", "0"],
    );
    refused(
        "groups = [\"depthwise\"]",
        "groups = [{ width = 5 }]",
        &["stage 1: groups", "5"],
    );
}

#[test]
fn kernels_strides_depths_and_sizes_out_of_range() {
    refused(
        "kernel = [3, 5]",
        "kernel = [4]",
        &["stage 1: kernel", "4", "odd"],
    );
    refused(
        "kernel = [3, 5]",
        "kernel = [33]",
        &["stage 1: kernel", "33", "31"],
    );
    refused(
        "stride = 2",
        "stride = 3",
        &["stage 1: stride", "3", "1 or 2"],
    );
    refused("depth = 2", "depth = 0", &["stage 2: depth", "0"]);
    refused("depth = 2", "depth = 65", &["stage 2: depth", "65", "64"]);
    refused(
        "expand = [3, 6]",
        "expand = [nan]",
        &["stage 1: expand", "NaN"],
    );
    refused(
        "expand = [3, 6]",
        "expand = [-1]",
        &["stage 1: expand", "-1"],
    );
    refused(
        "expand = [3, 6]",
        "expand = [1000]",
        &["stage 1: expand", "1000"],
    );
    refused("resolution = 224", "resolution = 0", &["resolution", "0"]);
    refused(
        "resolution = 224",
        "resolution = \"224x\"",
        &["resolution", "224x"],
    );
    refused(
        "resolution = 224",
        "resolution = 100000",
        &["resolution", "100000", "4096"],
    );
}

#[test]
fn features_that_are_no_strides_of_the_space() {
    refused(
        "resolution = 224",
        "resolution = 224\nfeatures = [32]",
        &["features", "32"],
    );
    refused(
        "resolution = 224",
        "resolution = 224\nfeatures = [3]",
        &["features", "3"],
    );
    refused(
        "resolution = 224",
        "resolution = 224\nfeatures = [4, 4]",
        &["features", "4"],
    );
}

#[test]
fn presets_that_don_t_exist() {
    refused(
        "resolution = 224",
        "resolution = 224\npreset = \"mobil\"",
        &["space.preset", "\"mobil\"", "mobile", "nas-bench-macro"],
    );
}

#[test]
fn spaces_without_stages_or_stem() {
    let (start, _) = SPACE.split_once("[[space.stage]]").unwrap();
    let desk = Desk::new();
    desk.write("own.toml", start);
    desk.roofnas(&["check", "own.toml"])
        .ends(2)
        .says(&["own.toml", "space.stage", "missing"]);
    desk.write(
        "own.toml",
        start.replace("[space.stem]\nchannels = 16", "stage = []"),
    );
    desk.roofnas(&["check", "own.toml"])
        .ends(2)
        .says(&["own.toml", "space.stem", "missing"]);
}
