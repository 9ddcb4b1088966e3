/// The price of breaking a limit, moved to where the bound it gives is largest.
///
/// As a function of the price the bound is concave: the least of one line for each path, that
/// rises where the path breaks the limit and falls where it keeps it with room to spare. Between
/// a price too low and one too high the next is where the lines of the two paths meet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multiplier {
    pub(super) price: f64,
    /// The highest price known to be too low.
    low: Option<Line>,
    /// The lowest price known to be high enough.
    high: Option<Line>,
}

/// A path found at a price: its weighted objectives and what it exceeds the limit by.
#[derive(Clone, Copy, Debug)]
struct Line {
    price: f64,
    cost: f64,
    excess: f64,
}

impl Multiplier {
    pub(super) const fn new(price: f64) -> Self {
        Self {
            price,
            low: None,
            high: None,
        }
    }

    /// Moves on from the path found at the price; `scale` is a first guess of what prices are like.
    /// Says whether the price changed.
    pub(super) fn advance(&mut self, cost: f64, excess: f64, scale: f64) -> bool {
        let price = self.price;
        let line = Line {
            price,
            cost,
            excess,
        };
        // The rest of the relaxation moves too: what contradicts the latest is forgotten.
        if excess > 0.0 {
            self.low = Some(line);
            self.high = self.high.filter(|high| high.price > price);
        } else {
            self.high = Some(line);
            self.low = self.low.filter(|low| low.price < price);
        }
        self.price = match (self.low, self.high) {
            (Some(low), Some(high)) => meet(low, high),
            (Some(_), None) => (4.0 * price).max(scale),
            (None, _) if price <= 1e-3 * scale => 0.0,
            (None, _) => price / 4.0,
        };
        (self.price - price).abs() > 1e-9 * price.abs()
    }
}

/// The price at which two paths are equally good, or halfway when that is not between.
fn meet(low: Line, high: Line) -> f64 {
    let price = (high.cost - low.cost) / (low.excess - high.excess);
    if low.price < price && price < high.price {
        price
    } else {
        0.5 * (low.price + high.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of (cost, excess); the best price is where the second and the third meet: 2.
    const PATHS: [(f64, f64); 4] = [(0.0, 5.0), (4.0, 2.0), (10.0, -1.0), (20.0, -3.0)];

    fn best_path(price: f64) -> (f64, f64) {
        let value = |&(cost, excess): &(f64, f64)| cost + price * excess;
        let best = |a, b| if value(&b) < value(&a) { b } else { a };
        PATHS.into_iter().reduce(best).unwrap()
    }

    #[test]
    fn the_price_settles_where_the_bound_is_largest() {
        for start in [0.0, 100.0] {
            let mut multiplier = Multiplier::new(start);
            for _ in 0..20 {
                let (cost, excess) = best_path(multiplier.price);
                multiplier.advance(cost, excess, 1.0);
            }
            assert!((multiplier.price - 2.0).abs() < 1e-3, "{multiplier:?}");
        }
    }

    #[test]
    fn a_limit_that_is_kept_for_nothing_costs_nothing() {
        let mut multiplier = Multiplier::new(0.0);
        assert!(!multiplier.advance(3.0, -1.0, 1.0));
        assert_eq!(multiplier.price, 0.0);
    }
}
