//! The embedded engine on exported networks, and engines that aren't there.

#![cfg(feature = "embedded")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use roofnas_cost::Dtype;
use roofnas_hardware::engine::{
    Clock, Conditions, Embedded, Engine, Model, Output, Session, SystemClock,
};
use roofnas_hardware::sampling::{Corner, MeasuringPlan, PlanOptions, PlannedNetwork, Purpose};
use roofnas_space::onnx::{self, Batch, InitialWeights};
use roofnas_space::{Network, NetworkBuilder, Op, Role, SearchSpace, Shape, Tensor, presets};

/// A network of every kind of block in little.
const SMALL: &str = r#"
resolution = 32
[stem]
channels = 16
[[stage]]
block = "inverted_bottleneck"
depth = 2
channels = 24
stride = 2
expand = 4
se = 0.25
activation = "hard_swish"
[[stage]]
block = "grouped_shuffle"
depth = 2
channels = 48
stride = 2
groups = 4
[[stage]]
block = "basic"
depth = 1
channels = 64
stride = 2
[head]
classes = 10
"#;

fn conditions(threads: usize, batch: usize) -> Conditions {
    Conditions {
        threads: NonZeroUsize::new(threads).unwrap(),
        batch: NonZeroUsize::new(batch).unwrap(),
        dtype: Dtype::Fp32,
    }
}

fn small() -> Network {
    let space = SearchSpace::new(toml::from_str(SMALL).unwrap()).unwrap();
    space.decode(&space.only())
}

fn model(network: &Network, batch: Batch) -> Model {
    let bytes = onnx::export(network, InitialWeights::seeded(1), batch).unwrap();
    Model::from_bytes(network.name(), bytes)
}

fn load(model: &Model, threads: usize, batch: usize) -> Box<dyn Session> {
    let engine = Embedded::new(conditions(threads, batch)).unwrap();
    engine.load(model, &SystemClock::new()).unwrap()
}

fn outputs(model: &Model, threads: usize, batch: usize) -> Vec<Output> {
    load(model, threads, batch).outputs().unwrap().unwrap()
}

/// Synthetic ranges are wide enough for initial weights, so that what is off by more than 8 bits and some clipping is scaled wrongly.
#[test]
fn quantised_networks_compute_about_the_same() {
    for network in [small(), landmark("ResNet-18"), landmark("MobileNetV2")] {
        let model = model(&network, Batch::Fixed(1));
        let exact = outputs(&model, 1, 1);
        let rough = outputs(&model.quantized().unwrap(), 1, 1);
        assert_eq!(exact[0].sizes, rough[0].sizes);
        let (exact, rough) = (&exact[0].elements, &rough[0].elements);
        let product = |a: &[f32], b: &[f32]| -> f64 {
            let pairs = a.iter().zip(b);
            pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let cosine = product(exact, rough) / (product(exact, exact) * product(rough, rough)).sqrt();
        println!("{}: cosine {cosine:.4}", network.name());
        assert!(cosine > 0.9, "{}: {cosine}", network.name());
    }
}

fn landmark(name: &str) -> Network {
    let mut landmarks = presets::landmarks().into_iter();
    landmarks
        .find(|landmark| landmark.name == name)
        .unwrap()
        .network
}

#[test]
fn outputs_have_the_shape_of_the_network_and_do_not_depend_on_threads_or_company() {
    let model = model(&small(), Batch::Dynamic);
    let one = outputs(&model, 1, 1);
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].name, "logits");
    assert_eq!(one[0].sizes, [1, 10]);
    assert!(one[0].elements.iter().all(|x| x.is_finite()));
    assert!(one[0].elements.iter().any(|x| *x != one[0].elements[0]));
    let threads = outputs(&model, 2, 1);
    assert!(threads[0].relative_difference(&one[0]) < 1e-5);
    // the first image of three is fed what the only one was
    let three = outputs(&model, 1, 3);
    assert_eq!(three[0].sizes, [3, 10]);
    let first = Output {
        sizes: vec![1, 10],
        elements: three[0].elements[..10].to_vec(),
        ..one[0].clone()
    };
    assert!(first.relative_difference(&one[0]) < 1e-5);
}

/// What the input is, written down a second time.
fn element(i: u64) -> f64 {
    let mut z = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f64 / 8_388_608.0 - 1.0
}

#[test]
fn a_mean_over_the_image_is_that_of_the_documented_input() {
    let mut builder = NetworkBuilder::new("mean", Shape::new(3, 20, 30));
    let mean = builder.push("mean", Op::GlobalAvgPool, &[Tensor::Input], Role::Main);
    builder.output("means", mean);
    let network = builder.finish().unwrap();
    let found = outputs(&model(&network, Batch::Dynamic), 1, 2);
    assert_eq!(found[0].sizes[..2], [2, 3]);
    for (plane, &found) in found[0].elements.iter().enumerate() {
        let elements = (0..600).map(|i| element(plane as u64 * 600 + i));
        let expected = elements.sum::<f64>() / 600.0;
        assert!(
            (f64::from(found) - expected).abs() < 1e-6,
            "{plane}: {found} {expected}"
        );
    }
}

/// A clock of which every reading is a millisecond after the last.
#[derive(Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn wait(&self, _: Duration) {}
}

/// A clock that stands still.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn wait(&self, _: Duration) {}
}

#[test]
fn runs_are_timed_with_the_clock_that_is_given() {
    let engine = Embedded::new(conditions(1, 1)).unwrap();
    let mut session = engine
        .load(&model(&small(), Batch::Fixed(1)), &Ticking::default())
        .unwrap();
    assert_eq!(session.initialisation_s(), Some(0.001));
    assert_eq!(session.resident_bytes(), None);
    assert_eq!(session.run(3, &Ticking::default()).unwrap(), [0.001; 3]);
    assert_eq!(session.run(0, &Ticking::default()).unwrap(), [0.0; 0]);
    let error = session.run(1, &Stopped).unwrap_err().to_string();
    assert!(
        error.ends_with("a run took 0 s, which is zero or next to it"),
        "{error}"
    );
}

#[test]
fn sessions_take_turns() {
    let model = model(&small(), Batch::Fixed(1));
    let mut sessions: Vec<_> = (0..24).map(|_| load(&model, 2, 1)).collect();
    let clock = &SystemClock::new();
    for _ in 0..2 {
        for session in &mut sessions {
            let seconds = session.run(1, clock).unwrap();
            assert!(seconds[0] > 0.0 && seconds[0] < 60.0);
        }
    }
}

#[test]
fn what_cannot_be_run_is_said() {
    let clock = &SystemClock::new();
    let engine = Embedded::new(conditions(1, 1)).unwrap();
    let refusal = |model: &Model| engine.load(model, clock).err().unwrap().to_string();
    let fixed = model(&small().renamed("pair"), Batch::Fixed(2));
    assert_eq!(
        refusal(&fixed),
        "pair: input input takes 2 images at once, always, and 1 were asked for; export the model for 1, or with an open batch"
    );
    let garbage = refusal(&Model::from_bytes("junk", *b"this is not a model"));
    assert!(garbage.starts_with("rten can't load junk: "), "{garbage}");
    let missing = refusal(&Model::from_path("nowhere/net.onnx"));
    assert!(
        missing.contains("nowhere/net.onnx") || missing.contains("No such file"),
        "{missing}"
    );
    let half = Conditions {
        dtype: Dtype::Fp16,
        ..Conditions::default()
    };
    assert_eq!(
        Embedded::new(half).unwrap_err().to_string(),
        "rten runs a file in the number format it has, and can't convert it to fp16"
    );
}

#[test]
fn the_version_is_that_of_the_dependency() {
    let lock =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
    let version = Embedded::new(conditions(1, 1))
        .unwrap()
        .description()
        .version
        .unwrap();
    assert!(
        lock.contains(&format!("name = \"rten\"\nversion = \"{version}\"")),
        "{version}"
    );
}

fn holds_local_norms(planned: &PlannedNetwork) -> bool {
    matches!(&planned.purpose, Purpose::Corner(corners) if corners.contains(&Corner::LocalNorm))
}

#[test]
fn it_runs_what_a_plan_holds() {
    let options = PlanOptions {
        networks: 2,
        ..PlanOptions::default()
    };
    let plan = MeasuringPlan::new(&options).unwrap();
    let engine = Embedded::new(conditions(1, 1)).unwrap();
    let clock = &mut SystemClock::new();
    for planned in &plan.networks {
        let model = model(&planned.network, Batch::Dynamic);
        let mut session = match engine.load(&model, clock) {
            Ok(session) => session,
            // an operator that it lacks stands in networks of its own
            Err(error) => {
                assert!(holds_local_norms(planned), "{}: {error}", planned.name);
                continue;
            }
        };
        let outputs = session.outputs().unwrap().unwrap();
        let finite = |output: &Output| output.elements.iter().all(|x| x.is_finite());
        assert!(outputs.iter().all(finite), "{}", planned.name);
    }
}
