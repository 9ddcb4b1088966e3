//! Networks handed to Python, which not every machine has: such a test has to be asked for, and says loudly that it was skipped.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Every family, groups that seldom divide, features, a classifier with a hidden layer, odd and oblong
/// resolutions.
pub(crate) const AWKWARD: &str = r#"
resolution = [32, 33, "64x48"]
features = [4, 8]
se_style = { of = "input", multiple_of = 1, activation = "swish", gate = "sigmoid" }

[stem]
channels = [8, 24, 40]
pool = "max"
activation = "hard_swish"

[[stage]]
block = ["conv", "grouped_shuffle", "inverted_bottleneck"]
depth = [1, 4]
channels = [24, 40, 48]
stride = [1, 2]
groups = [1, 3, 5, 8]
expand = [1, 2.5]
activation = ["relu", "hard_swish", "hard_sigmoid"]
per_layer = ["block", "kernel", "expand"]
kernel = [3, 5]

[[stage]]
block = ["fused_inverted_bottleneck", "basic", "depthwise_separable", { kind = "bottleneck", expand = 0.5, groups = { width = 8 } }]
depth = [1, 3]
channels = { from = 24, to = 72, step = 24 }
stride = [2]
groups = [1, { width = 24 }, "depthwise"]
expand = [1, 2]
se = [0, 0.25]
activation = ["sigmoid", "relu6"]
per_layer = ["expand", "se"]

[[stage]]
block = "identity"
depth = [1, 2]
channels = [24, 48]
stride = [1, 2]

[[stage]]
block = "large_kernel_depthwise"
depth = 1
channels = [32]
activation = ["gelu", "swish", "relu6"]

[head]
channels = 64
hidden = 24
activation = "gelu"
classes = 10
"#;

/// Writes files into a folder and has the script of this name look at them; the folder stays where it finds fault. Nothing is done unless
/// `ROOFNAS_PYTHON=1` asks for it and `python3` has these modules.
pub(crate) fn judged_by(script: &str, modules: &str, write: impl FnOnce(&Path)) {
    if let Err(reason) = python(modules) {
        // past the test harness, which would keep it to itself
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {script} has not looked at what is exported: needs python3 with {modules}, {reason}"
        );
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    write(&folder);
    let status = Command::new("python3")
        .arg(
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("tests")
                .join(script),
        )
        .arg(&folder)
        .status()
        .unwrap();
    assert!(
        status.success(),
        "see above; the files are in {}",
        folder.display()
    );
    fs::remove_dir_all(&folder).unwrap();
}

fn python(modules: &str) -> Result<(), &'static str> {
    if std::env::var_os("ROOFNAS_PYTHON").is_none_or(|value| value != "1") {
        return Err("and ROOFNAS_PYTHON=1");
    }
    let import = Command::new("python3")
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null())
        .status();
    match import {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("which python3 can't import"),
        Err(_) => Err("and there is no python3"),
    }
}
