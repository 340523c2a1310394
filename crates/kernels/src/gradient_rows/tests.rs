use super::*;
use crate::als::Targets;
use crate::noise::noise;

/// Every way to walk gives what rows by themselves give, for every width that has a path of its own.
#[test]
fn long_and_giant_rows_equal_short_ones() {
    let columns = 900;
    let (mut indptr, mut indices) = (vec![0i64], Vec::new());
    for length in [0, 1, 3, 50, 400, 899, 900, 2, 77] {
        indices.extend((0..length).map(|j| (j * columns / length) as i32));
        indptr.push(indices.len() as i64);
    }
    let rows = indptr.len() - 1;
    let values: Vec<f32> = noise(indices.len(), 1).iter().map(|v| 3.0 + v).collect();
    let weights: Vec<f32> = noise(indices.len(), 2).iter().map(|v| 1.0 + v).collect();
    let bias = noise(columns, 3);
    let alone = Sizes { short: usize::MAX, ..Sizes::default() };
    let walks = [
        Sizes { short: 0, block: 1, group: 1, giant: usize::MAX, segment: GROUP },
        Sizes { short: 100, block: 6000, group: 200, giant: usize::MAX, segment: GROUP },
        Sizes { short: 0, block: 1, group: 1, giant: 2, segment: 8 },
        Sizes { short: 500, block: 3000, group: 1 << 20, giant: 850, segment: 128 },
    ];
    for level in Level::available() {
        for stride in [16, 32, 48, 64, 80, 96, 112, 128, 144, 256] {
            let fixed: Vec<f32> = noise(columns * stride, 4);
            let start = noise(rows * stride, 5);
            let spectrum: Vec<f32> = (0..stride).map(|c| 30.0 / (1 + c) as f32).collect();
            let explicit =
                Targets::Explicit { values: Some(&values), weights: Some(&weights), mean: 3.0, bias: &bias };
            let implicit = Targets::Implicit { weights: None, weight: 2.0, offset: 1.0 };
            for (targets, bias_regularization, mass) in [(explicit, Some(0.5), 0.0), (implicit, None, 90.0)] {
                let problem = Problem {
                    level,
                    events: Events { indptr: &indptr, indices: &indices, targets },
                    fixed: Factors { data: &fixed, stride },
                    penalty: Penalty {
                        regularization: 0.3,
                        bias_regularization,
                        exponent: 0.5,
                        unobserved: mass,
                    },
                    spectrum: &spectrum,
                    mass: mass as f32,
                    steps: 3,
                };
                let solve = |threads, sizes| {
                    let mut x = start.clone();
                    let mut bias = vec![0.0; if bias_regularization.is_some() { rows } else { 0 }];
                    improve_rows(threads, problem, sizes, &mut x, &mut bias).unwrap();
                    x.extend(bias);
                    x
                };
                let want = solve(1, alone);
                assert!(want[..stride].iter().all(|&v| v == 0.0), "a row without events is zero");
                for sizes in walks {
                    let got = solve(1, sizes);
                    assert_eq!(got, solve(3, sizes), "threads change nothing");
                    for (at, (a, b)) in got.iter().zip(&want).enumerate() {
                        assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{level:?} {stride} {at}: {a} {b}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_long_row_that_overflows_is_named() {
    let indptr = [0, 1, 5];
    let indices = [0, 0, 1, 2, 3];
    let mut fixed = vec![1e30f32; 4 * 16];
    fixed[..16].fill(1.0);
    let targets = Targets::Implicit { weights: None, weight: 1.0, offset: 0.0 };
    for level in Level::available() {
        for giant in [2, usize::MAX] {
            let problem = Problem {
                level,
                events: Events { indptr: &indptr, indices: &indices, targets },
                fixed: Factors { data: &fixed, stride: 16 },
                penalty: Penalty {
                    regularization: 1.0,
                    bias_regularization: None,
                    exponent: 0.0,
                    unobserved: 0.0,
                },
                spectrum: &[0.0; 16],
                mass: 0.0,
                steps: 2,
            };
            let sizes = Sizes { short: 32, giant, ..Sizes::default() };
            let mut x = vec![0.0; 32];
            x[16..].fill(1.0);
            assert_eq!(improve_rows(2, problem, sizes, &mut x, &mut []), Err(Failure::NotFinite(1)));
        }
    }
}
