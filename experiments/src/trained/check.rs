//! What a whole column must be.

use super::error::TrainedError;

/// A column of accuracies, as lines and values: something stands in it, it is in per cent, and tells networks apart.
pub(super) fn check_truth(column: &str, values: &[(u64, f64)]) -> Result<(), TrainedError> {
    let largest = values.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some(&(line, largest)) = largest.filter(|(_, value)| *value <= 1.0) {
        return Err(TrainedError::Fractions {
            column: column.to_owned(),
            rows: values.len(),
            largest,
            line,
        });
    }
    if let Some(&(line, value)) = values.iter().find(|(_, value)| *value <= 1.0) {
        return Err(TrainedError::Fraction {
            column: column.to_owned(),
            value,
            line,
        });
    }
    check_extra(column, values)
}

/// Any column of numbers: something stands in it, and it tells networks apart.
pub(super) fn check_extra(column: &str, values: &[(u64, f64)]) -> Result<(), TrainedError> {
    let Some(&(line, first)) = values.first() else {
        return Err(TrainedError::NoValues(column.to_owned()));
    };
    // a single row is too few for other reasons, which are told elsewhere
    if values.len() > 1 && values.iter().all(|&(_, value)| value == first) {
        return Err(TrainedError::Constant {
            column: column.to_owned(),
            value: first,
            rows: values.len(),
            line,
        });
    }
    Ok(())
}
