//! Spaces that can't be: every refusal names the key, the value, and what would be accepted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use roofnas_space::SearchSpace;

const SOUND: &str = r#"
resolution = [32, 64]
features = [4, 8]

[stem]
channels = [16, 24]

[[stage]]
block = "inverted_bottleneck"
depth = [1, 2]
channels = { from = 24, to = 40, step = 8 }
stride = 2
kernel = [3, 5]
expand = [3, 6]
se = [0, 0.25]

[[stage]]
block = ["conv", "bottleneck"]
depth = 2
channels = [48, 96]
stride = 2
groups = [1, 4]

[head]
channels = 128
"#;

/// The refusal after one change to a sound space.
fn refusal(from: &str, to: &str) -> String {
    let text = SOUND.replacen(from, to, 1);
    assert_ne!(text, SOUND, "{from} is not in the space");
    let definition = toml::from_str(&text).unwrap();
    SearchSpace::new(definition).unwrap_err().to_string()
}

#[test]
fn the_sound_space_is_sound() {
    assert!(SearchSpace::new(toml::from_str(SOUND).unwrap()).is_ok());
}

#[test]
fn refusals() {
    // what is changed, into what, and what the message must say
    let table = [
        (
            "[32, 64]",
            "[]",
            "resolution = []: needs at least one value",
        ),
        ("[32, 64]", "[32, 32]", "resolution = 32: is listed twice"),
        (
            "[32, 64]",
            "9999",
            "resolution = 9999: each side must be at most 4096 pixels",
        ),
        (
            "[16, 24]",
            "[16, 20]",
            "stem.channels = 20: channels must be multiples of 8",
        ),
        (
            "[16, 24]",
            "0",
            "stem.channels = 0: channels must be multiples of 8",
        ),
        (
            "[16, 24]",
            "[16, 24]\nkernel = 4",
            "stem.kernel = 4: a kernel size is odd, from 1 to 31",
        ),
        (
            "[16, 24]",
            "[16, 24]\nstride = 3",
            "stem.stride = 3: must be 1 or 2 or 4",
        ),
        (
            "[1, 2]",
            "[0, 1]",
            "stage 1: depth = 0: must be from 1 to 64",
        ),
        (
            "[1, 2]",
            "{ from = 3, to = 1, step = 1 }",
            "a range goes up",
        ),
        (
            "[1, 2]",
            "{ from = 1, to = 3, step = 0 }",
            "step is at least 1",
        ),
        (
            "step = 8",
            "step = 4",
            "stage 1: channels = 28: channels must be multiples of 8",
        ),
        (
            "stride = 2\nkernel",
            "stride = 4\nkernel",
            "stage 1: stride = 4: must be 1 or 2",
        ),
        (
            "[3, 5]",
            "[3, 33]",
            "stage 1: kernel = 33: a kernel size is odd, from 1 to 31",
        ),
        (
            "[3, 6]",
            "[0, 6]",
            "stage 1: expand = 0: an expansion is above 0 and at most 16",
        ),
        ("[3, 6]", "nan", "stage 1: expand = NaN"),
        (
            "[0, 0.25]",
            "[-1]",
            "stage 1: se = -1: a squeeze-and-excite ratio is from 0 (none) to 1",
        ),
        (
            "[1, 4]",
            "[1, 5]",
            "stage 2: groups = 5: no block of this stage can be built with it",
        ),
        (
            "[1, 4]",
            "{ width = 7 }",
            "stage 2: groups = { width = 7 }: no block of the stage has groups that divide",
        ),
        (
            "[1, 4]",
            "0",
            "stage 2: groups = 0: groups and their width are at least 1",
        ),
        (
            "[\"conv\", \"bottleneck\"]",
            "[\"conv\", \"conv\"]",
            "is listed twice",
        ),
        (
            "groups = [1, 4]",
            "expand = 2\nper_layer = []\nse = 0.5\nkernel = 1",
            "",
        ),
        (
            "[\"conv\", \"bottleneck\"]",
            "\"identity\"",
            "stage 2: groups = [1, 4]: means nothing to identity",
        ),
        (
            "[\"conv\", \"bottleneck\"]",
            "[{ kind = \"conv\", expand = 2 }]",
            "stage 2: expand = 2.0: means nothing to conv",
        ),
        (
            "[\"conv\", \"bottleneck\"]",
            "\"grouped_shuffle\"\nexpand = 2\nkernel = 3\nse = 0\nactivation = \"relu\"\nper_layer = [\"kernel\"]",
            "",
        ),
        (
            "[4, 8]",
            "[4, 16]",
            "features = 16: every network of this space has feature maps at strides 2 to 8",
        ),
        ("[4, 8]", "[6]", "features = 6: every network"),
        ("channels = 128", "channels = 100", "head.channels = 100"),
        (
            "channels = 128",
            "classes = 0",
            "head.classes = 0: must be from 1 to 1000000",
        ),
    ];
    for (from, to, message) in table {
        if message.is_empty() {
            let text = SOUND.replacen(from, to, 1);
            SearchSpace::new(toml::from_str(&text).unwrap()).unwrap();
            continue;
        }
        let refusal = refusal(from, to);
        assert!(refusal.contains(message), "{to}: {refusal}");
    }
}

#[test]
fn what_fits_between_some_widths_only_is_kept_for_those() {
    // three groups divide 24 and 48, but not 32; a stage of 32 channels leaves one group
    let text = SOUND
        .replace("[1, 4]", "[1, 3]")
        .replace("[\"conv\", \"bottleneck\"]", "\"conv\"");
    let space = SearchSpace::new(toml::from_str(&text).unwrap()).unwrap();
    let genotype = |groups: &str, channels: usize| {
        space.parse(&format!("r32/s16/{channels}:k3e3se0/48:2*g{groups}/h128"))
    };
    assert!(genotype("3", 24).is_ok());
    assert!(genotype("1", 32).is_ok());
    let refused = genotype("3", 32).unwrap_err().to_string();
    assert!(
        refused.contains("groups that don't divide the channels"),
        "{refused}"
    );
}

#[test]
fn widths_that_nothing_can_have_are_refused() {
    let refusal = |channels: &str, groups: &str| {
        let text = format!(
            "resolution = 32\nstem = {{ channels = [16, 24] }}\n\
             [[stage]]\nblock = \"bottleneck\"\nexpand = 1\ndepth = 1\nchannels = {channels}\ngroups = {groups}\n\
             [[stage]]\nblock = \"conv\"\ndepth = 1\nchannels = 48\ngroups = 3"
        );
        SearchSpace::new(toml::from_str(&text).unwrap()).map(|space| space.size())
    };
    // 40 is divided by 1, but nothing of 40 channels can enter a convolution of three groups
    let dead = refusal("[24, 40]", "[1, 3]").unwrap_err().to_string();
    assert!(
        dead.contains("stage 1: channels = 40: no network of the space can have it"),
        "{dead}"
    );
    let dead = refusal("[24, 40]", "3").unwrap_err().to_string();
    assert!(dead.contains("stage 1: channels = 40"), "{dead}");
    assert_eq!(refusal("[24, 48]", "[1, 3]").unwrap(), 8_u8.into());
}

#[test]
fn many_widths_are_checked_in_a_moment() {
    let text = "resolution = 32\nstem = { channels = { from = 8, to = 4096, step = 8 } }\n\
                [[stage]]\nblock = \"conv\"\ndepth = [1, 2]\nchannels = { from = 8, to = 4096, step = 8 }\ngroups = [1, 2, 3, 4, 5, 6, 7, 8]\n\
                kernel = [3, 5, 7]\nactivation = [\"relu\", \"gelu\", \"swish\"]";
    let began = std::time::Instant::now();
    SearchSpace::new(toml::from_str(text).unwrap()).unwrap();
    // it takes a quarter of a second here; trying each block anew for each pair took half a minute
    assert!(began.elapsed().as_secs() < 10);
}

#[test]
fn networks_beyond_counting_are_refused() {
    let text = r#"
        resolution = 4096
        stem = { channels = 8192 }
        stage = [{ block = "fused_inverted_bottleneck", depth = 64, channels = 8192, kernel = 31, expand = 16 }]
    "#;
    let refusal = SearchSpace::new(toml::from_str(text).unwrap()).unwrap_err();
    assert!(refusal.to_string().contains("below 1e17 MACs"), "{refusal}");
}
