//! Quantiles of the distributions that prices have.

/// The quantile of the normal distribution, to 1e-7 (Wichura: Algorithm AS 241, Applied Statistics 37, 1988; its shorter form).
pub fn normal_quantile(probability: f64) -> f64 {
    let centred = probability - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180_625 - centred * centred;
        let above =
            ((59.109_374_720 * r + 159.291_132_02) * r + 50.434_271_938) * r + 3.387_132_717_9;
        let below = ((67.187_563_600 * r + 78.757_757_664) * r + 17.895_169_469) * r + 1.0;
        return centred * above / below;
    }
    let tail = probability.min(1.0 - probability);
    let r = (-tail.ln()).sqrt();
    let size = if r <= 5.0 {
        let r = r - 1.6;
        let above =
            ((0.170_238_210_3 * r + 1.306_728_481_6) * r + 2.756_815_390_0) * r + 1.423_437_277_7;
        above / ((0.120_211_325_975_3 * r + 0.737_001_642_50) * r + 1.0)
    } else {
        let r = r - 5.0;
        let above = ((0.017_337_203_997 * r + 0.428_682_943_37) * r + 3.081_226_386_0) * r
            + 6.657_905_115_0;
        above / ((0.012_258_202_635 * r + 0.241_978_942_25) * r + 1.0)
    };
    size.copysign(centred)
}

/// The quantile of Student's distribution (Abramowitz, Stegun: Handbook of Mathematical Functions, 26.7.5): to 0.01 at 4 degrees of
/// freedom and 95 %, to 0.001 from 9 up.
pub fn student_quantile(probability: f64, degrees_of_freedom: f64) -> f64 {
    let z = normal_quantile(probability);
    let n = degrees_of_freedom.max(3.0);
    let s = z * z;
    let terms = [
        z * (s + 1.0) / 4.0,
        z * ((5.0 * s + 16.0) * s + 3.0) / 96.0,
        z * (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0,
        z * ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92160.0,
    ];
    z + terms.iter().rev().fold(0.0, |sum, term| (sum + term) / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        let table = [
            (0.5, 0.0),
            (0.8, 0.841_621_2),
            (0.95, 1.644_853_6),
            (0.975, 1.959_964_0),
            (0.999, 3.090_232_3),
            (1e-9, -5.997_807_0),
        ];
        for (probability, expected) in table {
            let found = normal_quantile(probability);
            assert!((found - expected).abs() < 1e-6, "{probability}: {found}");
        }
    }

    #[test]
    fn quantiles_of_students_distribution() {
        // tables of Student's distribution, 95 %
        let table = [
            (4.0, 2.132),
            (9.0, 1.833),
            (14.0, 1.761),
            (34.0, 1.691),
            (f64::INFINITY, 1.645),
        ];
        for (n, expected) in table {
            let found = student_quantile(0.95, n);
            let tolerance = if n < 9.0 { 0.01 } else { 0.001 };
            assert!((found - expected).abs() < tolerance, "{n}: {found}");
        }
    }
}
