//! The multi-stage entropies and the fall of channels against figures worked out by hand or by another program.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use roofnas_cost::{Mix, Normalisation, QualityTerms, Score, Term};
use roofnas_space::{
    Conv, Network, NetworkBuilder, Op, Part, Role, SearchSpace, Shape, Tensor, presets,
};

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} is not {expected}"
    );
}

/// A stem of 4 channels at 4x4, a block that falls to 2x2 with a squeeze, one of fewer channels there, and a head whose convolution doesn't count.
fn tiny() -> Network {
    let mut builder = NetworkBuilder::new("tiny", Shape::new(3, 8, 8));
    let conv = |builder: &mut NetworkBuilder, from: Tensor, conv: Conv, role: Role| {
        builder.push("conv", Op::Conv(conv), &[from], role)
    };
    builder.section(Part::Stem, "");
    let x = conv(&mut builder, Tensor::Input, Conv::same(4, 3, 2), Role::Main);
    builder.section(Part::Block { stage: 0, index: 0 }, "");
    let x = conv(&mut builder, x, Conv::pointwise(4), Role::SqueezeExcite);
    let x = conv(&mut builder, x, Conv::same(8, 3, 2), Role::Main);
    builder.section(Part::Block { stage: 1, index: 0 }, "");
    let x = conv(&mut builder, x, Conv::pointwise(6), Role::Main);
    builder.section(Part::Head, "");
    let x = conv(&mut builder, x, Conv::pointwise(2), Role::Main);
    builder.output("out", x);
    builder.finish().unwrap()
}

#[test]
fn a_tiny_network_by_hand() {
    let terms = QualityTerms::new(&tiny());
    let ln = |x: f64| x.ln();
    // the stem's fan-in is 27, the blocks' 36 and 8; levels end with 4 channels at 4x4 and 6 at 2x2
    let stem = ln(27.0);
    let all = ln(27.0) + ln(36.0) + ln(8.0);
    close(
        terms.mae_det,
        6.0 * (ln(6.0) + all / 2.0) + ln(4.0) + stem / 2.0,
        1e-12,
    );
    close(terms.deepmad, 8.0 * ln(24.0) * all + ln(64.0) * stem, 1e-12);
    // 8 to 6 channels
    close(terms.channel_drop, 0.25, 1e-12);
}

/// Worked out by a script that knows nothing of this code, from the fan-ins of NAS-Bench-Macro's blocks.
#[test]
fn nas_bench_macro_fixtures() {
    let space = SearchSpace::new(presets::definition("nas-bench-macro").unwrap()).unwrap();
    let fixtures = [
        ("ibk3e3", 399.792_707_4, 7_798.777_037_0),
        ("ibk5e6", 446.949_664_2, 8_822.168_263_0),
    ];
    for (block, mae_det, deepmad) in fixtures {
        let blocks = |count: usize| vec![block; count].join(",");
        let text = format!(
            "r32/s32/64:{}/128:{}/256:{}/h1280",
            blocks(2),
            blocks(3),
            blocks(3)
        );
        let network = space.decode(&space.parse(&text).unwrap());
        let terms = QualityTerms::new(&network);
        close(terms.mae_det, mae_det, 1e-6);
        close(terms.deepmad, deepmad, 1e-6);
        assert_eq!(terms.channel_drop, 0.0);
    }
}

/// Terms that are all different.
fn terms(at: f64) -> QualityTerms {
    QualityTerms {
        params: 1e6 * at,
        macs: 1e8 * at * at,
        activations: 1e5 + at,
        s: 50.0 + at,
        nsc: 7e3 - 10.0 * at,
        st_la: 46.0,
        mae_det: 300.0 + at.sqrt(),
        deepmad: 7e3 + at.powi(3),
        rho: 0.3,
        channel_drop: 0.0,
    }
}

#[test]
fn scores_are_the_sums_that_their_weights_say() {
    let sample: Vec<QualityTerms> = (1..20).map(|at| terms(f64::from(at))).collect();
    let z = Normalisation::new(&sample);
    let mix = Mix::new([
        (Term::S, 1.0),
        (Term::MaeDet, 0.5),
        (Term::Macs, -0.25),
        (Term::DeepMad, 2.0),
    ]);
    let mix = Score::Mix(mix.unwrap());
    assert_eq!(mix.name(), "S + 0.5 MAE-DET + 2 DeepMAD - 0.25 MACs");
    let z = [Score::AE3, mix].map(|score| (score, z.for_score(&score)));
    assert_eq!((z[0].1.macs, z[0].1.mae_det), (None, None));
    assert!(z[1].1.macs.is_some() && z[1].1.params.is_none());
    for (score, z) in z {
        for terms in &sample {
            let w = score.weights(&z);
            let sum = w.constant
                + w.s * terms.s
                + w.nsc * terms.nsc
                + w.st_la.unwrap_or_default() * terms.st_la
                + w.mae_det * terms.mae_det
                + w.deepmad * terms.deepmad
                + w.params * terms.params
                + w.macs * terms.macs
                + w.activations * terms.activations;
            close(score.of(terms, &z), sum, 1e-9);
        }
    }
    // by hand: S rises by 1 a step, with mean 60 and variance (19^2 - 1) / 12 = 30
    let z = Normalisation::new(&sample);
    let of_s = Score::Mix(Mix::new([(Term::S, 3.0)]).unwrap());
    close(of_s.of(&sample[18], &z), 3.0 * 9.0 / 30.0_f64.sqrt(), 1e-12);
    // st_la never changes: it adds nothing, and that is said
    assert_eq!(Score::AE3.constant_terms(&z), [Term::StLa]);
    assert!(Score::Raw(Term::StLa).constant_terms(&z).is_empty());
    // what isn't there can't be normalised
    let lacking = z.for_score(&Score::AE3);
    assert!(mix.of(&sample[0], &lacking).is_nan());
}

#[test]
fn every_named_score_is_found_by_its_name() {
    for score in Score::ALL {
        assert_eq!(Score::named(&score.name()), Some(score));
    }
    assert_eq!(Score::named("ae3"), None);
    let preset = Mix::new([(Term::S, 1.0), (Term::Nsc, 1.0), (Term::StLa, 1.0)]).unwrap();
    assert_eq!(Score::Mix(preset), Score::AE3);
    for term in Term::ALL {
        assert_eq!(Score::Raw(term).name(), term.name());
    }
}
