//! Both ways against the definition, and what an exact solver may be fed.

use super::*;
use crate::als::{Targets, weighted_gram};
use crate::noise::noise;
use crate::simd;

/// A row's factors and bias, solved in double precision from the definition.
fn twin(level: Level, side: &Side<'_>, row: usize) -> (Vec<f32>, f32) {
    let (from, to) = (side.events.indptr[row] as usize, side.events.indptr[row + 1] as usize);
    let (mut w, mut wy) = (Vec::new(), Vec::new());
    let mut x = vec![0.0; side.fixed.stride];
    if from == to {
        return (x, 0.0);
    }
    side.events.fill(from, to, &mut w, &mut wy);
    let (system, lambda) = side.system(row, side.fixed.data, &w, &wy);
    let prior = match side.gram {
        [] => Prior::Diagonal(&[], lambda),
        gram => Prior::Full(gram, lambda),
    };
    let bias = double::solve(level, system, prior, &mut x, &mut double::Scratch::default()).unwrap();
    (x, bias)
}

fn factors(rows: usize, k: usize, seed: u64) -> Vec<f32> {
    let stride = simd::padded(k);
    let mut q = noise(rows * stride, seed);
    for row in q.chunks_exact_mut(stride) {
        row[k..].fill(0.0);
        for c in 0..k {
            row[c] *= 4.0 / (1.0 + c as f32 * 0.3); // importance falls, as in fitted factors
        }
    }
    q
}

/// Rows of these lengths, spread over the columns.
fn table(lengths: &[usize], columns: usize) -> (Vec<i64>, Vec<i32>) {
    let (mut indptr, mut indices) = (vec![0], Vec::new());
    for (row, &n) in lengths.iter().enumerate() {
        let mut picked: Vec<i32> =
            (0..n).map(|j| ((j * columns / n.max(1) + row) % columns) as i32).collect();
        picked.sort_unstable();
        indices.extend(picked);
        indptr.push(indices.len() as i64);
    }
    (indptr, indices)
}

/// Scores of all columns agree to `tolerance` of the largest.
fn assert_scores(side: &Side<'_>, x: &[f32], bias: &[f32], tolerance: f64, what: &str) {
    let stride = side.fixed.stride;
    for row in 0..side.events.indptr.len() - 1 {
        let (want, want_bias) = twin(side.level, side, row);
        let got = &x[row * stride..(row + 1) * stride];
        let score = |x: &[f32], bias: f32, q: &[f32]| -> f64 {
            x.iter().zip(q).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>() + f64::from(bias)
        };
        let (mut gap, mut largest) = (0.0f64, 0.0f64);
        for q in side.fixed.data.chunks_exact(stride) {
            let want = score(&want, want_bias, q);
            gap = gap.max((want - score(got, bias.get(row).copied().unwrap_or(0.0), q)).abs());
            largest = largest.max(want.abs());
        }
        assert!(gap <= tolerance * largest, "{what} row {row}: {gap} of {largest}");
    }
}

/// The exact solution by each way there is, against the twin.
fn check(level: Level, events: Events<'_>, q: &[f32], k: usize, penalty: Penalty, a0: f32, tolerance: f64) {
    let fixed = Factors { data: q, stride: simd::padded(k) };
    let stride = fixed.stride;
    let gram = if a0 > 0.0 { weighted_gram(level, 1, fixed, a0) } else { Vec::new() };
    let rows = events.indptr.len() - 1;
    let with_bias = penalty.bias_regularization.is_some();
    for dual in [false, true] {
        let mut answers = Vec::new();
        for threads in [1, 3] {
            let eigen = (dual && a0 > 0.0).then(|| Eigen::new(level, threads, fixed, &gram).unwrap());
            let limit = if dual { stride } else { 0 };
            let nonnegative = false;
            let side = Side { level, events, fixed, penalty, gram: &gram, eigen, limit, nonnegative };
            let (mut x, mut bias) = (vec![7.0; rows * stride], vec![7.0; if with_bias { rows } else { 0 }]);
            side.solve_all(threads, &mut x, &mut bias).unwrap();
            assert_scores(&side, &x, &bias, tolerance, &format!("{level:?} k={k} a0={a0} dual={dual}"));
            assert!(x.chunks_exact(stride).all(|row| row[k..].iter().all(|&v| v == 0.0)), "padding");
            answers.push((x, bias));
        }
        assert_eq!(answers[0], answers[1], "threads change nothing");
    }
}

const PENALTY: Penalty =
    Penalty { regularization: 0.05, bias_regularization: None, exponent: 1.0, unobserved: 0.0 };

#[test]
fn primal_and_dual_equal_the_definition_on_every_level() {
    let columns = 300;
    for level in Level::available() {
        for k in [5, 16, 40, 90] {
            let lengths: Vec<usize> = (0..k + 3).step_by(3).chain([0, 1, 130, columns]).collect();
            let (indptr, indices) = table(&lengths, columns);
            let weights: Vec<f32> = noise(indices.len(), 2).iter().map(|v| 1.0 + v).collect();
            let values: Vec<f32> = noise(indices.len(), 3).iter().map(|v| 3.0 + 4.0 * v).collect();
            let (q, bias) = (factors(columns, k, 1), noise(columns, 4));
            let targets =
                Targets::Explicit { values: Some(&values), weights: Some(&weights), mean: 3.0, bias: &bias };
            let events = Events { indptr: &indptr, indices: &indices, targets };
            for bias_regularization in [None, Some(0.0), Some(0.2)] {
                check(level, events, &q, k, Penalty { bias_regularization, ..PENALTY }, 0.0, 1e-4);
            }
            for offset in [0.0, 1.0] {
                let targets = Targets::Implicit { weights: Some(&weights), weight: 0.0, offset };
                let penalty = Penalty { unobserved: 30.0, ..PENALTY };
                check(level, Events { targets, ..events }, &q, k, penalty, 0.1, 1e-4);
            }
        }
    }
}

#[test]
fn weights_a_billionfold_apart_and_next_to_no_penalty() {
    let (columns, k) = (200, 40);
    let (indptr, indices) = table(&[1, 2, 8, 20, 39, 60, 200], columns);
    let weights: Vec<f32> = noise(indices.len(), 5).iter().map(|v| 10f32.powf(12.0 * v)).collect();
    let q = factors(columns, k, 6);
    for level in Level::available() {
        for offset in [0.0, 1.0] {
            let targets = Targets::Implicit { weights: Some(&weights), weight: 0.0, offset };
            let events = Events { indptr: &indptr, indices: &indices, targets };
            for regularization in [1e-7, 1e-2] {
                let penalty = Penalty { regularization, unobserved: 20.0, ..PENALTY };
                check(level, events, &q, k, penalty, 0.1, 2e-3);
            }
            // Without the unobserved, so few events leave most factors to the penalty alone.
            check(level, events, &q, k, Penalty { exponent: 0.0, ..PENALTY }, 0.0, 2e-3);
        }
    }
}

#[test]
fn more_factors_than_columns() {
    let (columns, k) = (7, 50);
    let (indptr, indices) = table(&[0, 1, 3, 7, 7], columns);
    let targets = Targets::Implicit { weights: None, weight: 2.0, offset: 1.0 };
    let events = Events { indptr: &indptr, indices: &indices, targets };
    let q = factors(columns, k, 8);
    for level in Level::available() {
        check(level, events, &q, k, Penalty { unobserved: 0.7, ..PENALTY }, 0.1, 1e-4);
        check(level, events, &q, k, PENALTY, 0.0, 1e-4);
    }
}

#[test]
fn one_giant_row_among_tiny_ones() {
    let (columns, k) = (5000, 33);
    let mut lengths = vec![2; 100];
    lengths[50] = columns;
    let (indptr, indices) = table(&lengths, columns);
    let targets = Targets::Implicit { weights: None, weight: 1.0, offset: 0.0 };
    let events = Events { indptr: &indptr, indices: &indices, targets };
    let q = factors(columns, k, 9);
    let level = Level::best();
    check(level, events, &q, k, Penalty { unobserved: 50.0, ..PENALTY }, 0.01, 1e-4);
    check(level, events, &q, k, PENALTY, 0.0, 1e-4);
}

#[test]
fn weights_and_factors_below_the_normal_numbers() {
    let (columns, k) = (60, 20);
    let (indptr, indices) = table(&[3, 10, 40], columns);
    let mut weights = vec![1.0f32; indices.len()];
    for (at, tiny) in [(0, 1e-40), (4, 0.0), (9, f32::MIN_POSITIVE), (20, 1e-42)] {
        weights[at] = tiny;
    }
    let mut q = factors(columns, k, 10);
    q[3] = 1e-41;
    for level in Level::available() {
        for offset in [0.0, 1.0] {
            let targets = Targets::Implicit { weights: Some(&weights), weight: 0.0, offset };
            let events = Events { indptr: &indptr, indices: &indices, targets };
            check(level, events, &q, k, Penalty { unobserved: 6.0, ..PENALTY }, 0.1, 1e-4);
        }
    }
}

#[test]
fn overflow_names_its_row_and_is_never_nan() {
    let (columns, k) = (50, 20);
    let (indptr, indices) = table(&[4, 5, 3, 30], columns);
    let q = factors(columns, k, 11);
    for level in Level::available() {
        // The event of row 1, then of row 3, is too large in its weight, its value or its factors.
        for (row, event) in [(1, 5), (3, 20)] {
            for broken in ["weight", "value", "factors"] {
                let mut weights = vec![1.0; indices.len()];
                let mut values = vec![1.0; indices.len()];
                let mut q = q.clone();
                let mut indices = indices.clone();
                match broken {
                    "weight" => weights[event] = f32::INFINITY,
                    "value" => values[event] = f32::MAX,
                    _ => {
                        indices.iter_mut().for_each(|i| *i -= i32::from(*i == columns as i32 - 1));
                        indices[event] = columns as i32 - 1;
                        q[(columns - 1) * simd::padded(k)] = f32::INFINITY;
                    }
                }
                weights[event + 1] = 10.0;
                values[event + 1] = 2.0 * values[event].min(1e38);
                let targets = Targets::Explicit {
                    values: Some(&values),
                    weights: Some(&weights),
                    mean: 0.0,
                    bias: &[],
                };
                let events = Events { indptr: &indptr, indices: &indices, targets };
                let fixed = Factors { data: &q, stride: simd::padded(k) };
                let mut x = vec![0.0; 4 * fixed.stride];
                let failure =
                    solve_rows(level, 2, events, fixed, PENALTY, &[], false, &mut x, &mut []).unwrap_err();
                assert_eq!(failure, Failure::NotFinite(row), "{level:?} {broken}");
            }
        }
    }
}

#[test]
fn a_system_that_is_not_positive_is_named() {
    let (indptr, indices) = ([0, 1, 2], [0, 1]);
    let targets = Targets::Implicit { weights: None, weight: 1.0, offset: 0.0 };
    let events = Events { indptr: &indptr, indices: &indices, targets };
    let q = factors(2, 3, 12);
    let penalty = Penalty { regularization: -1e3, ..PENALTY };
    let fixed = Factors { data: &q, stride: 16 };
    for level in Level::available() {
        let failure = solve_rows(level, 1, events, fixed, penalty, &[], false, &mut [0.0; 32], &mut []);
        assert_eq!(failure, Err(Failure::NotPositive(0)));
    }
}

/// Slopes of the row's objective at `x`, each over the largest: with the bias, if there is one, last.
fn slopes(side: &Side<'_>, row: usize, x: &[f32], bias: f32) -> Vec<f64> {
    let (from, to) = (side.events.indptr[row] as usize, side.events.indptr[row + 1] as usize);
    let (mut w, mut wy) = (Vec::new(), Vec::new());
    side.events.fill(from, to, &mut w, &mut wy);
    let (system, lambda) = side.system(row, side.fixed.data, &w, &wy);
    let mut scratch = double::Scratch::default();
    let (a, b) = double::assemble(side.level, system, side.prior(lambda), &mut scratch);
    let n = b.len();
    let at = |i: usize| f64::from(x.get(i).copied().unwrap_or(bias));
    let largest = b.iter().fold(0.0f64, |most, b| most.max(b.abs()));
    let entry = |i: usize, j: usize| a[i.min(j) * n + i.max(j)];
    (0..n).map(|i| (b[i] - (0..n).map(|j| entry(i, j) * at(j)).sum::<f64>()) / largest).collect()
}

#[test]
fn nonnegative_rows_meet_their_conditions_on_every_level() {
    let columns = 120;
    for level in Level::available() {
        for k in [3, 16, 40] {
            let (indptr, indices) = table(&[0, 1, 2, 10, 30, 100, columns], columns);
            let rows = indptr.len() - 1;
            let weights: Vec<f32> = noise(indices.len(), 22).iter().map(|v| 10f32.powf(4.0 * v)).collect();
            let values: Vec<f32> = noise(indices.len(), 23).iter().map(|v| 3.0 + 4.0 * v).collect();
            let q = factors(columns, k, 21);
            let fixed = Factors { data: &q, stride: simd::padded(k) };
            let explicit =
                Targets::Explicit { values: Some(&values), weights: Some(&weights), mean: 3.0, bias: &[] };
            let implicit = Targets::Implicit { weights: Some(&weights), weight: 0.0, offset: 1.0 };
            for (targets, bias_regularization, a0) in [
                (explicit, None, 0.0),
                (explicit, Some(0.0), 0.0),
                (explicit, Some(0.3), 0.0),
                (implicit, None, 0.1),
            ] {
                let events = Events { indptr: &indptr, indices: &indices, targets };
                let unobserved = f64::from(a0) * columns as f64;
                for regularization in [1e-6, 0.05] {
                    let penalty = Penalty { regularization, bias_regularization, unobserved, ..PENALTY };
                    let gram = if a0 > 0.0 { weighted_gram(level, 1, fixed, a0) } else { Vec::new() };
                    let side = Side {
                        level,
                        events,
                        fixed,
                        penalty,
                        gram: &gram,
                        eigen: None,
                        limit: 0,
                        nonnegative: true,
                    };
                    let biases = if bias_regularization.is_some() { rows } else { 0 };
                    let mut answers = Vec::new();
                    for (threads, start) in [(1, 0.0), (3, 0.0), (1, 2.0)] {
                        let (mut x, mut bias) = (vec![start; rows * fixed.stride], vec![0.0; biases]);
                        solve_rows(level, threads, events, fixed, penalty, &gram, true, &mut x, &mut bias)
                            .unwrap();
                        answers.push((x, bias));
                    }
                    assert_eq!(answers[0], answers[1], "threads change nothing");
                    let (x, bias) = &answers[0];
                    // With next to no penalty the minimum is nearly flat: its slopes are sure, its place is not.
                    let same = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * (1.0 + a.abs());
                    assert!(
                        regularization < 1e-3 || x.iter().zip(&answers[2].0).all(same),
                        "the start changes nothing"
                    );
                    assert!(x.contains(&0.0) && x.iter().any(|&v| v > 0.0));
                    for row in 1..rows {
                        let x = &x[row * fixed.stride..(row + 1) * fixed.stride];
                        let slopes = slopes(&side, row, x, bias.get(row).copied().unwrap_or(0.0));
                        for (i, slope) in slopes.iter().enumerate() {
                            let held = x.get(i).is_some_and(|&v| v == 0.0);
                            assert!(x.get(i).is_none_or(|&v| v >= 0.0));
                            assert!(
                                *slope < 2e-4 && (held || *slope > -2e-4),
                                "{level:?} k={k} row {row}: {slope}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn nonnegative_rows_that_overflow_are_named() {
    let (indptr, indices) = ([0, 1, 2], [0, 1]);
    let q = factors(2, 3, 12);
    let fixed = Factors { data: &q, stride: 16 };
    for level in Level::available() {
        for (weights, penalty, want) in [
            ([1.0, f32::INFINITY], PENALTY, Failure::NotFinite(1)),
            ([1.0, 1.0], Penalty { regularization: -1e3, ..PENALTY }, Failure::NotPositive(0)),
        ] {
            let targets = Targets::Implicit { weights: Some(&weights), weight: 1.0, offset: 0.0 };
            let events = Events { indptr: &indptr, indices: &indices, targets };
            let failure = solve_rows(level, 1, events, fixed, penalty, &[], true, &mut [0.0; 32], &mut []);
            assert_eq!(failure, Err(want));
        }
        let targets =
            Targets::Explicit { values: Some(&[1.0, f32::MAX]), weights: None, mean: 0.0, bias: &[] };
        let events = Events { indptr: &indptr, indices: &indices, targets };
        let penalty = Penalty { regularization: 1e-9, ..PENALTY };
        let small: Vec<f32> = q.iter().map(|v| 1e-3 * v.abs()).collect();
        let fixed = Factors { data: &small, stride: 16 };
        let failure = solve_rows(level, 1, events, fixed, penalty, &[], true, &mut [0.0; 32], &mut []);
        assert_eq!(failure, Err(Failure::NotFinite(1)));
    }
}
