use super::*;
use crate::noise::noise;

/// Factors (rows, stride) with columns from k on zero.
fn factors(rows: usize, k: usize, stride: usize, seed: u64) -> Vec<f32> {
    let mut x = noise(rows * stride, seed);
    for row in x.chunks_exact_mut(stride) {
        row[k..].fill(0.0);
    }
    x
}

/// Rows of length 0, 1, 2, 3, 4, 5, a few hundred, and all columns.
fn table(columns: usize) -> (Vec<i64>, Vec<i32>) {
    let mut indptr = vec![0i64];
    let mut indices = Vec::new();
    for length in [0, 1, 2, 3, 4, 5, 7, 129, 300, columns] {
        indices.extend((0..length.min(columns)).map(|j| (j * columns / length.min(columns)) as i32));
        indptr.push(indices.len() as i64);
    }
    (indptr, indices)
}

/// Gaussian elimination with pivoting, in double precision.
fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let p = (i..n).max_by(|&x, &y| a[x][i].abs().total_cmp(&a[y][i].abs())).unwrap();
        a.swap(i, p);
        b.swap(i, p);
        for r in i + 1..n {
            let f = a[r][i] / a[i][i];
            for c in i..n {
                a[r][c] -= f * a[i][c];
            }
            b[r] -= f * b[i];
        }
    }
    for i in (0..n).rev() {
        for c in i + 1..n {
            b[i] -= a[i][c] * b[c];
        }
        b[i] /= a[i][i];
    }
    b
}

/// The row's unknowns (factors, then the bias) straight from the definition.
fn twin(events: Events<'_>, row: usize, fixed: Factors<'_>, k: usize, penalty: Penalty, a0: f64) -> Vec<f64> {
    let (from, to) = (events.indptr[row] as usize, events.indptr[row + 1] as usize);
    let with_bias = penalty.bias_regularization.is_some();
    let n = k + usize::from(with_bias);
    if from == to {
        return vec![0.0; n];
    }
    let mut a = vec![vec![0.0; n]; n];
    let mut b = vec![0.0; n];
    let scale = penalty.scale(to - from);
    for c in 0..k {
        a[c][c] = penalty.regularization * scale;
    }
    if with_bias {
        a[k][k] = penalty.bias_regularization.unwrap() * scale;
    }
    let q = |item: usize, c: usize| {
        if c == k { 1.0 } else { f64::from(fixed.data[item * fixed.stride + c]) }
    };
    for item in 0..fixed.rows() {
        for c in 0..k {
            for d in 0..k {
                a[c][d] += a0 * q(item, c) * q(item, d);
            }
        }
    }
    for e in from..to {
        let item = events.indices[e] as usize;
        let (w, wy) = match events.targets {
            Targets::Implicit { weights, weight, offset } => {
                let w = f64::from(weights.map_or(weight, |w| w[e]));
                (w, w + f64::from(offset))
            }
            Targets::Explicit { values, weights, mean, bias } => {
                let w = f64::from(weights.map_or(1.0, |w| w[e]));
                let value = f64::from(values.map_or(1.0, |v| v[e]));
                (w, w * (value - f64::from(mean) - f64::from(bias.get(item).copied().unwrap_or(0.0))))
            }
        };
        for c in 0..n {
            for d in 0..n {
                a[c][d] += w * q(item, c) * q(item, d);
            }
            b[c] += wy * q(item, c);
        }
    }
    eliminate(a, b)
}

fn check(
    level: Level,
    events: Events<'_>,
    k: usize,
    penalty: Penalty,
    a0: f32,
    fixed: &[f32],
    stride: usize,
) {
    let fixed = Factors { data: fixed, stride };
    let rows = events.indptr.len() - 1;
    let biases = if penalty.bias_regularization.is_some() { rows } else { 0 };
    let gram = if a0 > 0.0 { weighted_gram(level, 2, fixed, a0) } else { Vec::new() };
    let zeros = vec![0.0; stride];
    let mut solvers = vec![Solver::Exact { gram: &gram, nonnegative: false }];
    if a0 == 0.0 {
        solvers.push(Solver::Gradient { steps: 4 * stride, spectrum: &zeros, mass: 0.0 });
    }
    for solver in solvers {
        let mut answers = Vec::new();
        for threads in [1, 2, 5] {
            let (mut x, mut bias) = (vec![0.0; rows * stride], vec![0.0; biases]);
            solve_rows(level, threads, events, fixed, penalty, solver, &mut x, &mut bias).unwrap();
            answers.push((x, bias));
        }
        assert!(answers.windows(2).all(|w| w[0] == w[1]), "threads change nothing");
        let (x, bias) = &answers[0];
        for row in 0..rows {
            let want = twin(events, row, fixed, k, penalty, f64::from(a0));
            for c in 0..stride {
                let want = if c < k { want[c] } else { 0.0 };
                let got = f64::from(x[row * stride + c]);
                assert!(
                    (got - want).abs() < 2e-3 * (1.0 + want.abs()),
                    "{level:?} k={k} row {row}: {got} {want}"
                );
            }
            if biases > 0 {
                assert!((f64::from(bias[row]) - want[k]).abs() < 2e-3 * (1.0 + want[k].abs()));
            }
        }
    }
}

#[test]
fn rows_equal_the_definition_on_every_level() {
    let columns = 400;
    let (indptr, indices) = table(columns);
    let values: Vec<f32> = noise(indices.len(), 7).iter().map(|v| 3.0 + 4.0 * v).collect();
    let weights: Vec<f32> = noise(indices.len(), 8).iter().map(|v| 1.0 + v).collect();
    let bias = noise(columns, 9);
    for level in Level::available() {
        for k in [1, 15, 16, 33] {
            let stride = crate::simd::padded(k);
            let fixed = factors(columns, k, stride, 3);
            let explicit =
                Targets::Explicit { values: Some(&values), weights: Some(&weights), mean: 3.0, bias: &bias };
            for bias_regularization in [None, Some(0.3)] {
                let penalty =
                    Penalty { regularization: 0.1, bias_regularization, exponent: 0.7, unobserved: 0.0 };
                let events = Events { indptr: &indptr, indices: &indices, targets: explicit };
                check(level, events, k, penalty, 0.0, &fixed, stride);
            }
            for (weights, offset) in [(None, 0.0), (Some(&weights[..]), 1.0)] {
                let targets = Targets::Implicit { weights, weight: 2.0, offset };
                let unobserved = 0.1 * columns as f64;
                let penalty =
                    Penalty { regularization: 0.05, bias_regularization: None, exponent: 1.0, unobserved };
                let events = Events { indptr: &indptr, indices: &indices, targets };
                check(level, events, k, penalty, 0.1, &fixed, stride);
            }
        }
    }
}

#[test]
fn gradient_steps_in_the_eigenbasis_reach_the_exact_scores() {
    let (columns, k) = (400, 21);
    let stride = crate::simd::padded(k);
    let (indptr, indices) = table(columns);
    let rows = indptr.len() - 1;
    let unobserved = 0.1f32;
    let penalty = Penalty {
        regularization: 0.05,
        bias_regularization: None,
        exponent: 1.0,
        unobserved: f64::from(unobserved) * columns as f64,
    };
    let targets = Targets::Implicit { weights: None, weight: 1.0, offset: 0.0 };
    let events = Events { indptr: &indptr, indices: &indices, targets };
    for level in Level::available() {
        let mut fixed = factors(columns, k, stride, 5);
        let gram = weighted_gram(level, 1, Factors { data: &fixed, stride }, unobserved);
        let mut exact = vec![0.0; rows * stride];
        let side = Factors { data: &fixed, stride };
        solve_rows(
            level,
            1,
            events,
            side,
            penalty,
            Solver::Exact { gram: &gram, nonnegative: false },
            &mut exact,
            &mut [],
        )
        .unwrap();
        let score = |x: &[f32], q: &[f32], row: usize, column: usize| -> f32 {
            (0..stride).map(|c| x[row * stride + c] * q[column * stride + c]).sum()
        };
        let before: Vec<f32> =
            (0..rows * columns).map(|at| score(&exact, &fixed, at / columns, at % columns)).collect();
        let mut x = factors(rows, k, stride, 6);
        implicit_half_epoch(level, 2, events, k, stride, unobserved, penalty, 60, &mut fixed, &mut x)
            .unwrap();
        for (at, want) in before.iter().enumerate() {
            assert!((score(&x, &fixed, at / columns, at % columns) - want).abs() < 1e-4);
        }
    }
}

#[test]
fn a_row_that_overflows_is_named() {
    let (indptr, indices) = ([0, 1, 2], [0, 0]);
    let values = [1.0, f32::MAX];
    let targets = Targets::Explicit { values: Some(&values), weights: None, mean: 0.0, bias: &[] };
    let events = Events { indptr: &indptr, indices: &indices, targets };
    let penalty = Penalty { regularization: 1e-9, bias_regularization: None, exponent: 0.0, unobserved: 0.0 };
    let mut fixed = vec![0.0; 16];
    fixed[0] = 1e-3;
    for level in Level::available() {
        let side = Factors { data: &fixed, stride: 16 };
        let failure = solve_rows(
            level,
            2,
            events,
            side,
            penalty,
            Solver::Exact { gram: &[], nonnegative: false },
            &mut [0.0; 32],
            &mut [],
        );
        assert_eq!(failure, Err(Failure::NotFinite(1)));
        let mut nan = vec![f32::NAN; 16];
        let failure = implicit_half_epoch(level, 1, events, 1, 16, 1.0, penalty, 2, &mut nan, &mut [0.0; 32]);
        assert_eq!(failure, Err(Failure::FixedNotFinite));
    }
    assert!(Failure::NotFinite(1).to_string().contains("row 1"));
    assert!(Failure::NotPositive(2).to_string().contains("row 2"));
    assert!(Failure::FixedNotFinite.to_string().contains("other side"));
}
