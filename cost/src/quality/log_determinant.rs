//! The term of one convolution in NSC.

/// Expected `ln det(I + W W^T)` for a Gaussian matrix `W` of `m` rows and `n` columns with entries of variance
/// `2/n`, in the limit of large sizes (Verdu and Shamai, IEEE Trans. Inf. Theory 45(2), 1999, from the
/// Marchenko-Pastur law):
///
/// ```text
/// beta = n / m,  rho = s^2 m = 2 / beta
/// F    = (sqrt(rho (1 + sqrt beta)^2 + 1) - sqrt(rho (1 - sqrt beta)^2 + 1))^2
/// psi  = m [ beta ln(1 + rho - F/4) + ln(1 + rho beta - F/4) - F / (4 rho) ]
/// ```
pub fn expected_log_determinant(m: f64, n: f64) -> f64 {
    let beta = n / m;
    let rho = 2.0 / beta;
    let root = |sign: f64| (rho * (1.0 + sign * beta.sqrt()).powi(2) + 1.0).sqrt();
    let f = (root(1.0) - root(-1.0)).powi(2);
    m * (beta * (1.0 + rho - f / 4.0).ln() + (1.0 + rho * beta - f / 4.0).ln() - f / (4.0 * rho))
}
