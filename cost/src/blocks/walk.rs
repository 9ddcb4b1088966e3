//! What is gathered along a network, site by site.

use roofnas_space::{SearchSpace, Slot};

use super::site_cost::{SiteCounts, SiteEnd, SiteTerms, Sums};
use crate::quality::{Levels, depth_over_width};

/// The terms that nearly every search looks at.
pub(super) struct TermWalk {
    pub(super) mean_s: f64,
    pub(super) deviation_s: f64,
    pub(super) s: f64,
    pub(super) nsc: f64,
    pub(super) params: f64,
    pub(super) weight_elements: f64,
    wants_st_la: bool,
    /// Of the resolutions that lie behind, and what is booked at the one at hand.
    st_la: f64,
    booked: f64,
    resolution: u32,
}

impl TermWalk {
    pub(super) fn new(wants_st_la: bool) -> Self {
        Self {
            mean_s: 0.0,
            deviation_s: 0.0,
            s: 0.0,
            nsc: 0.0,
            params: 0.0,
            weight_elements: 0.0,
            wants_st_la,
            st_la: 0.0,
            booked: 0.0,
            resolution: u32::MAX,
        }
    }

    #[inline]
    pub(super) fn pass(&mut self, site: &SiteTerms) {
        self.mean_s += site.mean_s;
        self.deviation_s += site.deviation_s;
        self.s += site.s;
        self.nsc += site.nsc;
        self.params += site.params;
        self.weight_elements += site.weight_elements;
        if self.resolution != site.resolution {
            if self.wants_st_la {
                self.st_la = self.st_la();
            }
            self.booked = 0.0;
            self.resolution = site.resolution;
        }
        self.booked += site.booked;
    }

    /// What a fixed head adds to time and weights. Params are the backbone's: they are a quality term.
    #[inline]
    pub(super) fn pass_head(&mut self, head: &SiteTerms) {
        self.mean_s += head.mean_s;
        self.deviation_s += head.deviation_s;
        self.weight_elements += head.weight_elements;
    }

    /// The sum over the resolutions at which something is booked.
    pub(super) fn st_la(&self) -> f64 {
        if self.booked > 0.0 {
            self.st_la + self.booked.ln()
        } else {
            self.st_la
        }
    }
}

/// The levels of the body, and what its channels lose on the way.
pub(super) struct LevelWalk<'a> {
    ends: &'a [SiteEnd],
    pub(super) channel_drop: f64,
    levels: Levels,
    /// Resolution of the level at hand, and the last site in it.
    resolution: u32,
    site: usize,
}

impl<'a> LevelWalk<'a> {
    pub(super) fn new(ends: &'a [SiteEnd]) -> Self {
        Self {
            ends,
            channel_drop: 0.0,
            levels: Levels::default(),
            resolution: u32::MAX,
            site: 0,
        }
    }

    /// `s_before`: S of what lies before the site.
    #[inline]
    pub(super) fn pass(&mut self, slot: Slot, site: usize, resolution: u32, s_before: f64) {
        match slot {
            Slot::Head => return,
            Slot::First(_) => self.channel_drop += self.ends[site].channel_drop,
            Slot::Stem | Slot::Later(_) => {}
        }
        if self.resolution != resolution {
            if slot != Slot::Stem {
                self.levels.end(self.ends[self.site].level, s_before);
            }
            self.resolution = resolution;
        }
        self.site = site;
    }

    /// All levels, `s` being that of the whole body.
    pub(super) fn levels(&self, s: f64) -> Levels {
        let mut levels = self.levels;
        levels.end(self.ends[self.site].level, s);
        levels
    }
}

/// Feature maps that are outputs of the network, and stay in memory to its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Features {
    strides: Vec<usize>,
    stem_stride: usize,
}

impl Features {
    pub(super) fn new(space: &SearchSpace) -> Self {
        let definition = space.definition();
        let pooled = if definition.stem.pool.is_some() { 2 } else { 1 };
        Self {
            strides: definition.features.clone(),
            stem_stride: definition.stem.stride * pooled,
        }
    }
}

/// The other counts, with peak memory and rho.
pub(super) struct CountWalk<'a> {
    pub(super) sums: Sums,
    pub(super) peak_elements: f64,
    features: &'a Features,
    is_in_stage: bool,
    rho: f64,
    /// Total stride so far, elements of the last output, and of the features kept before it.
    stride: usize,
    output_elements: f64,
    kept_elements: f64,
}

impl<'a> CountWalk<'a> {
    pub(super) fn new(features: &'a Features) -> Self {
        Self {
            sums: Sums::default(),
            peak_elements: 0.0,
            features,
            is_in_stage: false,
            rho: 0.0,
            stride: 1,
            output_elements: 0.0,
            kept_elements: 0.0,
        }
    }

    /// `s_before`: S of what lies before the site.
    #[inline]
    pub(super) fn pass(&mut self, slot: Slot, site: &SiteCounts, stride: usize, s_before: f64) {
        if let Slot::First(_) = slot {
            // the stem counts for the first stage
            if self.is_in_stage {
                self.rho = self.rho(s_before);
            }
            self.is_in_stage = true;
        }
        self.sums.add(&site.sums);
        // a feature map is the last one at its stride: kept once something of another stride, or the head, reads it
        let ends = match slot {
            Slot::Stem => false,
            Slot::First(_) | Slot::Later(_) => stride > 1,
            Slot::Head => true,
        };
        let keeps = ends && self.features.strides.contains(&self.stride);
        let own = site.peak_elements[usize::from(keeps)];
        self.peak_elements = self.peak_elements.max(self.kept_elements + own);
        if keeps {
            self.kept_elements += self.output_elements;
        }
        self.output_elements = site.output_elements;
        self.stride *= match slot {
            Slot::Stem => self.features.stem_stride,
            _ => stride,
        };
    }

    /// A fixed head runs when the backbone is done; the feature maps that it reads are live from its begin.
    #[inline]
    pub(super) fn pass_head(&mut self, head: &SiteCounts) {
        self.peak_elements = self.peak_elements.max(head.peak_elements[0]);
    }

    /// Depth over width, S being that of all that was passed.
    pub(super) fn rho(&self, s: f64) -> f64 {
        self.rho.max(depth_over_width(self.sums.convolutions, s))
    }
}
