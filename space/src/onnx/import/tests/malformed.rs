//! Files that are wrong: an error that says what and where, never a panic.

use std::fs;
use std::path::PathBuf;

use super::super::super::proto::{DataLocation, FunctionProto, StringStringEntryProto};
use super::*;
use crate::onnx::import_file;

#[test]
fn no_models() {
    let complaint = |bytes: &[u8]| {
        import(bytes, &ImportOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(complaint(b""), "not an ONNX model: it holds no graph");
    for bytes in [
        &b"hello, world"[..],
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04zip",
        &[255; 64],
    ] {
        assert!(
            complaint(bytes).starts_with("not an ONNX model: "),
            "{bytes:?}"
        );
    }
    let whole = Model::new(&[1, 3, 4, 4])
        .node("Relu", "x", "y", &[])
        .bytes();
    for length in 0..whole.len() {
        assert!(
            import(&whole[..length], &ImportOptions::default()).is_err(),
            "{length}"
        );
    }
    // three million nodes in six megabytes would take gigabytes
    let many = [0x0a, 0].repeat(3_000_000);
    assert_eq!(
        complaint(&field(0x3a, &many)),
        "not an ONNX model: it holds more than 2000000 messages"
    );
    let deep = (0..200).fold(Vec::new(), |inner: Vec<u8>, _| attribute_graph(&inner));
    assert_eq!(
        complaint(&field(0x3a, &deep)),
        "not an ONNX model: messages nest too deeply"
    );
}

/// A graph of one node with one attribute that holds a graph.
fn attribute_graph(inner: &[u8]) -> Vec<u8> {
    field(0x0a, &field(0x2a, &field(0x32, inner)))
}

/// A field with this key that has a length.
fn field(key: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![key];
    let mut length = content.len();
    while length > 127 {
        bytes.push(length as u8 | 128);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn graphs() {
    let image = || Model::new(&[1, 3, 4, 4]);
    let relu = || image().node("Relu", "x", "y", &[]);
    let table = [
        (
            image().output("x"),
            "the model's graph has no nodes or no outputs",
        ),
        (
            relu().output("z"),
            "the model's graph has no input that an output depends on",
        ),
        (
            relu().output("y").output("z"),
            "the model's graph has an output z, which nothing produces",
        ),
        (
            image().node("Relu", "z", "y", &[]),
            "node y (Relu): reads z, which nothing produces",
        ),
        (
            image()
                .node("Add", "x b", "a", &[])
                .node("Relu", "a", "b", &[]),
            "node a (Add): depends on itself",
        ),
        (
            relu().node("Relu", "x", "y", &[]),
            "node y (Relu): produces y, which is there already",
        ),
        (
            image().node("Relu", "x", "x", &[]),
            "node x (Relu): produces x, which is there already",
        ),
        (
            image()
                .weight("w", &[1])
                .weight("w", &[1])
                .node("Add", "x w", "y", &[]),
            "tensor w: is stored twice",
        ),
        (
            image().weight("w", &[1]).node("Relu", "w", "y", &[]),
            "the model's graph has no input that an output depends on",
        ),
        (
            image().opset(-1).node("Relu", "x", "y", &[]),
            "not an ONNX model: its operators are of version -1",
        ),
    ];
    for (model, expected) in table {
        assert_eq!(model.complaint(), expected);
    }
    // unsorted is no fault
    let unsorted = image()
        .node("Relu", "a", "y", &[])
        .node("Tanh", "x", "a", &[])
        .output("y");
    assert_eq!(
        unsorted.listing(),
        ["a: Tanh (elementwise 1) -> 3x4x4", "y: relu -> 3x4x4"]
    );
}

#[test]
fn shapes_that_contradict_each_other() {
    let image = || Model::new(&[1, 8, 6, 6]).weight("w", &[16, 8, 3, 3]);
    let conv = |attributes: &[AttributeProto]| image().node("Conv", "x w", "y", attributes);
    let table = [
        (
            conv(&[int("group", 2)]),
            "weights of 16x8x3x3 in 2 groups need 16 input channels, but the input is 1x8x6x6",
        ),
        (
            conv(&[ints("kernel_shape", &[5, 5])]),
            "kernel_shape is 5x5, but the weights' is 3x3",
        ),
        (
            conv(&[ints("strides", &[0, 1])]),
            "a stride must be from 1 to 2^31, but is 0",
        ),
        (
            conv(&[ints("pads", &[1, 1])]),
            "pads has 2 numbers where 4 belong",
        ),
        (conv(&[ints("pads", &[-1, 0, 0, 0])]), "a padding of -1"),
        (
            conv(&[ints("dilations", &[9, 9])]),
            "a kernel of 3 with dilation 9 is larger than its padded input of 6",
        ),
        (
            conv(&[int("strides", 2)]),
            "attribute strides should be of type Ints, but is Int",
        ),
        (
            conv(&[string("auto_pad", "MAYBE")]),
            "auto_pad is \"MAYBE\"",
        ),
        (
            image().weight("b", &[15]).node("Conv", "x w b", "y", &[]),
            "a bias of 15 for 16 output channels",
        ),
        (image().node("Conv", "x", "y", &[]), "input 1 is missing"),
        (
            conv(&[])
                .declared("y", &[1, 16, 5, 5])
                .node("Relu", "y", "z", &[]),
            "y is declared as 1x16x5x5, but is 1x16x4x4",
        ),
        (
            image().node("Add", "x w", "y", &[]),
            "can't combine 1x8x6x6 with 16x8x3x3",
        ),
        (
            image().ints("s", &[5, -1]).node("Reshape", "x s", "y", &[]),
            "can't shape 1x8x6x6 as 5x-1",
        ),
        (
            image()
                .ints("s", &[-1, -1])
                .node("Reshape", "x s", "y", &[]),
            "a size must be from 1 to 2^31, but is -1",
        ),
        (
            image().node("Concat", "x x", "y", &[int("axis", 7)]),
            "axis 7 is outside a tensor of 4 axes",
        ),
        (
            image()
                .ints("s", &[1 << 20; 4])
                .node("Expand", "x s", "y", &[]),
            "can't combine 1x8x6x6 with 1048576x1048576x1048576x1048576",
        ),
        (
            image()
                .ints("s", &[1 << 31; 8])
                .node("Tile", "x s", "y", &[]),
            "has 8 repeats for 1x8x6x6",
        ),
        (
            image()
                .ints("s", &[1 << 31; 4])
                .node("Tile", "x s", "y", &[]),
            "a tensor of 2147483648x17179869184x12884901888x12884901888 is too large",
        ),
        (
            image()
                .ints("s", &[3])
                .ints("e", &[2])
                .node("Slice", "x s e", "y", &[]),
            "its output of 0x8x6x6 is empty",
        ),
        (
            image()
                .node("GlobalAveragePool", "x", "g", &[])
                .node("Reshape", "x g", "y", &[]),
            "input 1 decides a shape, but its contents are not known",
        ),
        (
            image().node("Relu", "x", "y z", &[]).output("z"),
            "has 2 outputs where 1 belong",
        ),
    ];
    for (model, expected) in table {
        let complaint = model.complaint();
        assert!(
            complaint.starts_with("node ") && complaint.ends_with(expected),
            "{complaint}"
        );
    }
    for (dims, expected) in [
        (&[1, 0, 6, 6][..], "input x: axis 1 has a size of 0"),
        (
            &[1, i64::MAX, 6, 6],
            "input x: axis 1 must be from 1 to 2^31, but is 9223372036854775807",
        ),
        (
            &[1, 1 << 30, 1 << 30, 6],
            "input x: a tensor of 1x1073741824x1073741824x6 is too large",
        ),
    ] {
        assert_eq!(
            Model::new(dims).node("Relu", "x", "y", &[]).complaint(),
            expected
        );
    }
    // each is small enough, their product isn't
    let work = Model::new(&[1, 1 << 10, 1 << 15, 1 << 15])
        .weight("w", &[1 << 15, 1 << 10, 8, 8])
        .node("Conv", "x w", "y", &[ints("strides", &[16, 16])])
        .complaint();
    assert_eq!(
        work,
        "node y (Conv): up to here the network is more work than can be counted"
    );
}

#[test]
fn stored_tensors() {
    let stored = |tensor: TensorProto| {
        Model::new(&[1, 8])
            .stored("w", tensor)
            .node("Add", "x w", "y", &[])
            .complaint()
    };
    let raw = |dims: &[i64], bytes: usize| TensorProto {
        raw_data: Some(vec![0; bytes]),
        ..float_tensor(dims, &[])
    };
    assert_eq!(
        stored(raw(&[8], 31)),
        "tensor w: holds 31 bytes, but 8 needs 32"
    );
    assert_eq!(
        stored(float_tensor(&[8], &[1.0; 7])),
        "tensor w: holds 7 elements, but 8 needs 8"
    );
    assert_eq!(stored(float_tensor(&[-8], &[])), "tensor w: a size of -8");
    assert_eq!(
        stored(float_tensor(&[1 << 30, 1 << 30], &[])),
        "tensor w: a tensor of 1073741824x1073741824 is too large"
    );
}

#[test]
fn functions_without_end() {
    let call = |op: &str, output: &str| NodeProto {
        op_type: Some(op.to_owned()),
        domain: Some("own".to_owned()),
        input: vec!["a".to_owned()],
        output: vec![output.to_owned()],
        ..NodeProto::default()
    };
    let function = |name: &str, node: Vec<NodeProto>| FunctionProto {
        name: Some(name.to_owned()),
        domain: Some("own".to_owned()),
        input: vec!["a".to_owned()],
        output: vec!["b".to_owned()],
        node,
        ..FunctionProto::default()
    };
    let complaint = |functions: Vec<FunctionProto>| {
        let mut model = Model::new(&[1, 8]).node("own:f0", "x", "y", &[]);
        model.0.functions = functions;
        model.complaint()
    };
    assert!(
        complaint(vec![function("f0", vec![call("f0", "b")])])
            .ends_with("its functions call each other too often")
    );
    // each calls the next one four times
    let next = |level: usize| {
        let calls = ["p", "q", "r", "b"].map(|output| call(&format!("f{}", level + 1), output));
        function(&format!("f{level}"), calls.to_vec())
    };
    let reason = complaint((0..30).map(next).collect());
    assert!(
        [
            "its functions unfold to too many nodes",
            "its functions unfold to too many names",
            "its functions call each other too often"
        ]
        .iter()
        .any(|end| reason.ends_with(end)),
        "{reason}"
    );
    // a long name in a few kilobytes would be copied a million times
    let named = |level: usize| {
        let calls = ["p", "b"].map(|output| NodeProto {
            name: Some("n".repeat(4_000)),
            ..call(&format!("f{}", level + 1), output)
        });
        function(&format!("f{level}"), calls.to_vec())
    };
    let reason = complaint((0..30).map(named).collect());
    assert!(
        reason.ends_with("its functions unfold to too many names"),
        "{reason}"
    );
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("roofnas-import-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn elements_in_other_files() {
    let folder = Folder::new("external");
    let model = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(key, value)| StringStringEntryProto {
            key: Some((*key).to_owned()),
            value: Some((*value).to_owned()),
        });
        let tensor = TensorProto {
            data_location: Some(DataLocation::External as i32),
            external_data: entries.collect(),
            ..int_tensor(&[2], &[])
        };
        Model::new(&[1, 8, 3, 3])
            .stored("s", tensor)
            .node("Reshape", "x s", "y", &[])
            .bytes()
    };
    let path = folder.0.join("model.onnx");
    let read = |entries: &[(&str, &str)]| {
        fs::write(&path, model(entries)).unwrap();
        let result = import_file(&path, &ImportOptions::default());
        result
            .map(|network| listing(&network))
            .map_err(|error| error.to_string())
    };
    let sizes = [0_i64, 0, 72].map(i64::to_le_bytes).concat();
    fs::write(folder.0.join("weights.bin"), sizes).unwrap();
    let there = [
        ("location", "weights.bin"),
        ("offset", "8"),
        ("length", "16"),
    ];
    assert_eq!(
        read(&there),
        Ok(vec!["y: Reshape (view) -> 72x1x1".to_owned()])
    );
    let long = [
        ("location", "weights.bin"),
        ("offset", "16"),
        ("length", "16"),
    ];
    assert_eq!(
        read(&long).unwrap_err(),
        "tensor s: needs 16 bytes from 16 of \"weights.bin\", which has 24"
    );
    let missing = read(&[("location", "other.bin")]).unwrap_err();
    assert!(
        missing.ends_with("other.bin: it holds tensor s, and is missing"),
        "{missing}"
    );
    for outside in ["../weights.bin", "/etc/passwd", "a/../../b", ""] {
        let complaint = read(&[("location", outside)]).unwrap_err();
        assert!(
            complaint.ends_with("leads outside the model's folder"),
            "{complaint}"
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", folder.0.join("link.bin")).unwrap();
        let complaint = read(&[("location", "link.bin")]).unwrap_err();
        assert!(
            complaint.ends_with("leads outside the model's folder"),
            "{complaint}"
        );
    }
    assert_eq!(
        read(&[("location", "weights.bin"), ("offset", "x")]).unwrap_err(),
        "tensor s: its offset is \"x\""
    );
    let folder = import_file(&folder.0, &ImportOptions::default()).unwrap_err();
    assert!(folder.to_string().ends_with("it is a folder, not a model"));
    let nothing = import_file(&path.with_extension("none"), &ImportOptions::default());
    assert!(matches!(nothing, Err(ImportError::File { .. })));
}
