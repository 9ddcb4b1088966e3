//! Graphs within nodes.

use super::*;

/// A graph of these nodes that puts out their last value (the first of `outputs` where there are several).
fn graph(inner: Model, inputs: &[&str], outputs: &[&str]) -> AttributeProto {
    let inner = ModelProto::decode(&*inner.bytes()).unwrap();
    let named = |name: &&str| ValueInfoProto {
        name: Some((*name).to_owned()),
        ..ValueInfoProto::default()
    };
    let graph = GraphProto {
        input: inputs.iter().map(named).collect(),
        output: outputs.iter().map(named).collect(),
        ..inner.graph.unwrap()
    };
    AttributeProto {
        g: Some(Box::new(graph)),
        ..attribute("", AttributeType::Graph)
    }
}

fn called(name: &str, graph: AttributeProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ..graph
    }
}

/// A model that runs a 3x3 convolution or an activation.
fn either(condition: Model) -> Model {
    let inner = || Model::new(&[1, 6, 4, 4]);
    let cheap = graph(inner().node("Relu", "a", "t", &[]), &[], &["t"]);
    let dear =
        inner()
            .weight("w", &[6, 6, 3, 3])
            .node("Conv", "a w", "t", &[ints("pads", &[1, 1, 1, 1])]);
    let branches = [
        called("then_branch", cheap),
        called("else_branch", graph(dear, &[], &["t"])),
    ];
    condition
        .node("Tanh", "x", "a", &[])
        .node("If", "condition", "y", &branches)
        .node("Exp", "y", "z", &[])
}

#[test]
fn a_settled_condition_takes_its_branch() {
    for (condition, layer) in [(1, "y/t: relu -> 6x4x4"), (0, "y/t: conv 3x3 g1 -> 6x4x4")] {
        let model = either(Model::new(&[1, 6, 4, 4]).index("condition", condition));
        assert_eq!(
            model.listing(),
            [
                "a: Tanh (elementwise 1) -> 6x4x4",
                layer,
                "z: Exp (elementwise 1) -> 6x4x4"
            ]
        );
    }
}

#[test]
fn an_open_condition_takes_the_branch_of_more_work() {
    let open = Model::new(&[1, 6, 4, 4])
        .scalar("limit", 0.5)
        .node("ReduceMax", "x", "m", &[int("keepdims", 0)])
        .node("Greater", "m limit", "condition", &[]);
    let listing = either(open).listing();
    assert!(
        listing.contains(&"y/t: conv 3x3 g1 -> 6x4x4".to_owned()),
        "{listing:?}"
    );
    assert!(!listing.iter().any(|layer| layer.contains("relu")));
}

/// Turns of `c = Relu v`, with what each puts out collected too.
fn turning(turns: Model, going: &str) -> Vec<String> {
    let body = Model::new(&[1, 6, 4, 4])
        .node("Identity", "go", "gone", &[])
        .node("Relu", "v", "c", &[]);
    let body = graph(body, &["turn", "go", "v"], &["gone", "c", "c"]);
    turns
        .node(
            "Loop",
            &format!("turns {going} x"),
            "y all",
            &[called("body", body)],
        )
        .output("y")
        .output("all")
        .listing()
}

#[test]
fn a_loop_turns_as_often_as_its_file_says() {
    let expected = [
        "y/c: relu -> 6x4x4",
        "y/c.2: relu -> 6x4x4",
        "y/c.3: relu -> 6x4x4",
        "y: Loop (move) -> 1x12x6",
    ];
    let listing = turning(Model::new(&[1, 6, 4, 4]).index("turns", 3), "_");
    assert_eq!(listing[..3], expected[..3]);
    assert_eq!(listing.len(), 4);
    assert!(listing[3].starts_with("y: Loop (move) -> "), "{listing:?}");
}

#[test]
fn a_loop_without_end_is_unknown() {
    let many = Model::new(&[1, 6, 4, 4]).index("turns", i64::MAX);
    let listing = turning(many, "_");
    assert!(listing[0].starts_with("y: Loop (unknown)"), "{listing:?}");
}
