//! `roofnas export`: a network of a finished run again.

use std::fs;

use crate::support::Desk;

fn backbone(desk: &Desk) -> String {
    let files = desk.files("run/backbones");
    let file = files.keys().next().unwrap();
    file.split('.').next().unwrap().to_owned()
}

#[test]
fn forms_are_the_bytes_of_the_run() {
    let desk = Desk::with_run();
    let id = backbone(&desk);
    for (form, ending) in [("onnx", "onnx"), ("toml", "toml"), ("pytorch", "py")] {
        desk.roofnas(&["export", "run", &id, "--to", form, "--out", "deep/er/again"])
            .ends(0);
        let stored = fs::read(desk.path(&format!("run/backbones/{id}.{ending}"))).unwrap();
        assert_eq!(
            fs::read(desk.path("deep/er/again")).unwrap(),
            stored,
            "{form}"
        );
    }
}

#[test]
fn without_out_the_file_is_named_after_the_network() {
    let desk = Desk::with_run();
    desk.roofnas(&["export", "run", "b01", "--to", "toml"])
        .ends(0)
        .says(&["b01.toml"]);
    assert!(desk.read("b01.toml").contains("[[stage]]"));
}

#[test]
fn a_network_beyond_the_backbones_can_be_exported() {
    let desk = Desk::with_run();
    let front = desk.table("run/pareto.csv");
    for row in &front.rows {
        let id = row["id"].as_str();
        desk.roofnas(&["export", "run", id, "--to", "toml"]).ends(0);
        assert!(desk.read(&format!("{id}.toml")).contains(&row["genotype"]));
    }
}

#[test]
fn an_unknown_network_is_told_which_there_are() {
    let desk = Desk::with_run();
    let last = desk.table("run/pareto.csv").rows.pop().unwrap();
    desk.roofnas(&["export", "run", "b9999", "--to", "onnx"])
        .ends(2)
        .says(&["\"b9999\"", "b01", &last["id"]]);
    assert!(!desk.path("b9999.onnx").exists());
}

#[test]
fn what_is_not_a_finished_run_is_refused() {
    let desk = Desk::with_tiny();
    desk.write("folder/notes.txt", "mine");
    desk.write("begun/experiment.toml", "");
    for folder in ["folder", "begun", "nowhere", "tiny.toml"] {
        desk.roofnas(&["export", folder, "b01", "--to", "onnx"])
            .ends(2)
            .says(&[folder]);
    }
    assert!(!desk.path("b01.onnx").exists());
}

#[test]
fn a_run_whose_files_are_broken_is_told_which() {
    let broken: [(&str, &str); 6] = [
        ("pareto.csv", ""),
        ("pareto.csv", "id,genotype\nb01,r224/nonsense\n"),
        ("pareto.csv", "id,quality\nb01,3\n"),
        ("experiment.toml", "name ="),
        ("platform.toml", "format = 99"),
        ("platform.toml", "\u{0}"),
    ];
    let desk = Desk::with_run();
    for (file, text) in broken {
        let path = format!("run/{file}");
        let before = desk.read(&path);
        desk.write(&path, text);
        desk.roofnas(&["export", "run", "b01", "--to", "toml"])
            .ends(2)
            .says(&[file]);
        desk.write(&path, before);
    }
    assert!(!desk.path("b01.toml").exists());
}

#[test]
fn a_file_that_cant_be_written_is_a_failure() {
    let desk = Desk::with_run();
    let below_a_file = "tiny.toml/b01.toml";
    desk.roofnas(&[
        "export",
        "run",
        "b01",
        "--to",
        "toml",
        "--out",
        below_a_file,
    ])
    .ends(1)
    .says(&[below_a_file]);
    desk.roofnas(&["export", "run", "b01", "--to", "toml", "--out", "run"])
        .ends(1)
        .says(&["run"]);
}

#[test]
fn an_unknown_form_is_told_which_there_are() {
    let desk = Desk::with_run();
    desk.roofnas(&["export", "run", "b01", "--to", "toml", "--dtype", "int8"])
        .ends(2)
        .says(&["--dtype int8", "needs --to onnx"]);
    desk.roofnas(&["export", "run", "b01", "--to", "onnx", "--dtype", "fp16"])
        .ends(2)
        .says(&["--dtype", "files are written in fp32 or int8"]);
    desk.roofnas(&["export", "run", "b01", "--to", "torchscript"])
        .ends(2)
        .says(&["torchscript", "onnx", "toml"]);
}
