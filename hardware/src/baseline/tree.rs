//! A regression tree with exact splits.

/// A tree of splits at thresholds, with a value in each leaf.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Leaf(f64),
    Split {
        cut: Cut,
        /// Index of the node for values up to the threshold.
        low: usize,
        /// Index of the node for values above.
        high: usize,
    },
}

#[derive(Debug, Clone, Copy)]
struct Cut {
    feature: usize,
    threshold: f64,
}

/// Values of features, and for each feature the rows in ascending order of it: what trees are grown on again and again.
pub(super) struct Columns {
    values: Vec<Vec<f64>>,
    orders: Vec<Vec<usize>>,
    rows: usize,
}

impl Columns {
    /// Turns rows of features into columns.
    pub(super) fn new(rows: &[Vec<f64>]) -> Self {
        let features = rows.first().map_or(0, Vec::len);
        let values: Vec<Vec<f64>> = (0..features)
            .map(|feature| rows.iter().map(|row| row[feature]).collect())
            .collect();
        let orders = values.iter().map(|column: &Vec<f64>| {
            let mut order: Vec<usize> = (0..column.len()).collect();
            order.sort_by(|&a, &b| column[a].total_cmp(&column[b]));
            order
        });
        Self {
            orders: orders.collect(),
            values,
            rows: rows.len(),
        }
    }
}

impl Tree {
    /// Grows a tree that fits `targets`, one for each row, by least squares: each split is the one that reduces the squared error most, the
    /// first feature and the lowest threshold winning ties.
    pub(super) fn grow(columns: &Columns, targets: &[f64], depth: u32) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        let rows: Vec<usize> = (0..columns.rows).collect();
        tree.add(columns, targets, &rows, &columns.orders, depth);
        tree
    }

    /// The value of the leaf that a row falls into.
    pub(super) fn predict(&self, row: &[f64]) -> f64 {
        let mut index = 0;
        loop {
            match self.nodes[index] {
                Node::Leaf(value) => return value,
                Node::Split { cut, low, high } => {
                    index = if row[cut.feature] <= cut.threshold {
                        low
                    } else {
                        high
                    };
                }
            }
        }
    }

    /// Adds the node for these rows, and all below it; `orders` has the same rows in the order of each feature.
    fn add(
        &mut self,
        columns: &Columns,
        targets: &[f64],
        rows: &[usize],
        orders: &[Vec<usize>],
        depth: u32,
    ) -> usize {
        let index = self.nodes.len();
        let sum: f64 = rows.iter().map(|&row| targets[row]).sum();
        self.nodes.push(Node::Leaf(sum / rows.len().max(1) as f64));
        let cut = if depth > 0 {
            best_cut(columns, targets, orders)
        } else {
            None
        };
        if let Some(cut) = cut {
            let is_low = |row: &usize| columns.values[cut.feature][*row] <= cut.threshold;
            let mut side = |keep: &dyn Fn(&usize) -> bool| {
                let part = |rows: &[usize]| rows.iter().copied().filter(|row| keep(row)).collect();
                let rows: Vec<usize> = part(rows);
                let orders: Vec<Vec<usize>> = orders.iter().map(|order| part(order)).collect();
                self.add(columns, targets, &rows, &orders, depth - 1)
            };
            let low = side(&is_low);
            let high = side(&|row| !is_low(row));
            self.nodes[index] = Node::Split { cut, low, high };
        }
        index
    }
}

/// The cut that reduces the squared error most; nothing if none reduces it by more than rounding.
fn best_cut(columns: &Columns, targets: &[f64], orders: &[Vec<usize>]) -> Option<Cut> {
    let rows = orders.first()?;
    let sum: f64 = rows.iter().map(|&row| targets[row]).sum();
    let squares: f64 = rows.iter().map(|&row| targets[row].powi(2)).sum();
    // the error falls by as much as the sum over sides of (sum of targets)^2 / rows grows
    let whole = sum.powi(2) / rows.len() as f64;
    let mut best = (whole + 1e-12 * squares, None);
    for (feature, order) in orders.iter().enumerate() {
        let values = &columns.values[feature];
        let mut low = 0.0;
        for (place, pair) in order.windows(2).enumerate() {
            low += targets[pair[0]];
            let (below, above) = (values[pair[0]], values[pair[1]]);
            if below == above {
                continue;
            }
            let n_low = (place + 1) as f64;
            let n_high = order.len() as f64 - n_low;
            let score = low.powi(2) / n_low + (sum - low).powi(2) / n_high;
            if score > best.0 {
                let threshold = between(below, above);
                best = (score, Some(Cut { feature, threshold }));
            }
        }
    }
    best.1
}

/// The middle of two different numbers, or the lower one where rounding would make it the upper.
fn between(below: f64, above: f64) -> f64 {
    let middle = below + (above - below) / 2.0;
    if middle < above { middle } else { below }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&[f64]]) -> Vec<Vec<f64>> {
        let n = columns[0].len();
        (0..n)
            .map(|i| columns.iter().map(|column| column[i]).collect())
            .collect()
    }

    #[test]
    fn a_step_is_cut_in_its_middle() {
        let rows = rows(&[&[7.0, 7.0, 7.0, 7.0], &[4.0, 1.0, 3.0, 2.0]]);
        let targets = [10.0, 0.0, 10.0, 0.0];
        let tree = Tree::grow(&Columns::new(&rows), &targets, 1);
        let at = |x: f64| tree.predict(&[7.0, x]);
        assert_eq!((at(2.5), at(2.51)), (0.0, 10.0));
        assert_eq!(tree.nodes.len(), 3);
    }

    #[test]
    fn depth_limits_leaves() {
        let column: Vec<f64> = (0..64).map(f64::from).collect();
        let rows = rows(&[&column]);
        let leaves = |depth| {
            let tree = Tree::grow(&Columns::new(&rows), &column, depth);
            let leaf = |node: &&Node| matches!(node, Node::Leaf(_));
            tree.nodes.iter().filter(leaf).count()
        };
        assert_eq!([leaves(0), leaves(1), leaves(3)], [1, 2, 8]);
    }

    #[test]
    fn every_row_can_have_a_leaf_to_itself() {
        let rows = rows(&[&[1.0, 2.0, 3.0, 4.0]]);
        let targets = [5.0, -1.0, 2.0, 9.0];
        let tree = Tree::grow(&Columns::new(&rows), &targets, 3);
        for (row, target) in rows.iter().zip(targets) {
            assert_eq!(tree.predict(row), target);
        }
    }

    #[test]
    fn equal_targets_and_equal_features_are_not_cut() {
        let equal = Tree::grow(&Columns::new(&rows(&[&[1.0, 2.0]])), &[0.3, 0.3], 3);
        assert_eq!(equal.nodes.len(), 1);
        let same = Tree::grow(&Columns::new(&rows(&[&[1.0, 1.0]])), &[0.0, 8.0], 3);
        assert_eq!(same.predict(&[1.0]), 4.0);
    }

    #[test]
    fn neighbouring_floats_are_told_apart() {
        let (a, b) = (1.0, 1.0 + f64::EPSILON);
        let tree = Tree::grow(&Columns::new(&rows(&[&[a, b]])), &[0.0, 1.0], 1);
        assert_eq!((tree.predict(&[a]), tree.predict(&[b])), (0.0, 1.0));
    }
}
