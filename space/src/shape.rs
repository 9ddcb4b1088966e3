//! Shapes of feature maps and input resolutions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Shape of one image's tensor, `(C, H, W)`. The batch size is never part of a shape: it is a
/// property of a measurement or a price, and is stated there.
///
/// A vector of features is `(C, 1, 1)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Channels, C.
    pub channels: usize,
    /// Rows, H.
    pub height: usize,
    /// Columns, W.
    pub width: usize,
}

impl Shape {
    /// The shape `(channels, height, width)`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// Number of elements per image: `C * H * W`.
    pub const fn elements(self) -> u64 {
        self.channels as u64 * self.positions()
    }

    /// Number of spatial positions: `H * W`.
    pub const fn positions(self) -> u64 {
        self.height as u64 * self.width as u64
    }

    /// Height and width alone.
    pub const fn resolution(self) -> Resolution {
        Resolution {
            height: self.height,
            width: self.width,
        }
    }

    /// The same height and width with another number of channels.
    pub const fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Height and width of an image or feature map, in pixels.
///
/// Written `224` when square and `"256x160"` (height x width) otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resolution {
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

impl Resolution {
    /// A square resolution.
    pub const fn square(side: usize) -> Self {
        Self {
            height: side,
            width: side,
        }
    }

    /// What is left after a `same`-padded operator of this stride: each side divided, rounded up.
    pub const fn strided(self, stride: usize) -> Self {
        Self {
            height: self.height.div_ceil(stride),
            width: self.width.div_ceil(stride),
        }
    }

    /// The shape of a feature map of this resolution.
    pub const fn with_channels(self, channels: usize) -> Shape {
        Shape::new(channels, self.height, self.width)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.height == self.width {
            write!(f, "{}", self.height)
        } else {
            write!(f, "{}x{}", self.height, self.width)
        }
    }
}

impl FromStr for Resolution {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |part: &str| part.trim().parse::<usize>().ok().filter(|&side| side > 0);
        let parsed = match text.split_once('x') {
            None => side(text).map(Self::square),
            Some((height, width)) => side(height)
                .zip(side(width))
                .map(|(height, width)| Self { height, width }),
        };
        parsed.ok_or_else(|| {
            format!("a resolution is a side in pixels (224) or \"HEIGHTxWIDTH\" (\"256x160\"), but is \"{text}\"")
        })
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.height == self.width {
            serializer.serialize_u64(self.height as u64)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Resolution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Resolution;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a side in pixels (224) or \"HEIGHTxWIDTH\" (\"256x160\")")
            }

            fn visit_i64<E: de::Error>(self, side: i64) -> Result<Resolution, E> {
                match usize::try_from(side) {
                    Ok(side) if side > 0 => Ok(Resolution::square(side)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(side), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, side: u64) -> Result<Resolution, E> {
                match usize::try_from(side) {
                    Ok(side) if side > 0 => Ok(Resolution::square(side)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(side), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Resolution, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_written_as_they_are_read() {
        for text in ["224", "256x160"] {
            assert_eq!(text.parse::<Resolution>().unwrap().to_string(), text);
        }
        assert_eq!(
            "224x224".parse::<Resolution>().unwrap(),
            Resolution::square(224)
        );
        for text in ["0", "x", "12x", "-3", "2.5", "1x2x3"] {
            assert!(text.parse::<Resolution>().is_err(), "{text}");
        }
    }

    #[test]
    fn strides_round_up() {
        assert_eq!(Resolution::square(7).strided(2), Resolution::square(4));
        assert_eq!(Resolution::square(1).strided(2), Resolution::square(1));
    }
}
