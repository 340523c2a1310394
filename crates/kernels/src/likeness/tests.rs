//! Neighbours against all pairs.

use super::*;
use proptest::prelude::*;

/// The definition: every pair of rows, in double precision but for the last step.
fn slow(rows: &[Vec<(i32, f32)>], how: Likeness<'_>, k: usize) -> Vec<Vec<(i32, f64)>> {
    let all = |x: usize, y: usize| {
        let (mut xy, mut n) = (0.0, 0u32);
        for &(column, a) in &rows[x] {
            for &(other, b) in &rows[y] {
                if column == other {
                    let weight = how.columns.map_or(1.0, |weights| weights[column as usize]);
                    (xy, n) = (xy + f64::from(weight) * f64::from(a) * f64::from(b), n + 1);
                }
            }
        }
        let scale = |row: usize| f64::from(how.scale.map_or(1.0, |scale| scale[row]));
        let likeness = xy * scale(x) * scale(y);
        if n < how.overlap {
            0.0
        } else {
            likeness * f64::from(n) / (f64::from(n) + f64::from(how.shrinkage))
        }
    };
    (0..rows.len())
        .map(|x| {
            let mut found: Vec<(i32, f64)> = (0..rows.len())
                .filter(|&y| y != x)
                .map(|y| (y as i32, all(x, y)))
                .filter(|&(_, likeness)| likeness > 0.0 && likeness >= f64::from(how.threshold))
                .collect();
            found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            found.truncate(k);
            found
        })
        .collect()
}

struct Table {
    indptr: Vec<i64>,
    indices: Vec<i32>,
    values: Vec<f32>,
}

fn table(rows: &[Vec<(i32, f32)>]) -> Table {
    let mut table = Table { indptr: vec![0], indices: Vec::new(), values: Vec::new() };
    for row in rows {
        table.indices.extend(row.iter().map(|cell| cell.0));
        table.values.extend(row.iter().map(|cell| cell.1));
        table.indptr.push(table.indices.len() as i64);
    }
    table
}

const PLAIN: Likeness<'_> =
    Likeness { columns: None, scale: None, shrinkage: 0.0, overlap: 1, threshold: 0.0 };

/// Rows of columns below 8 with values in quarters, so that sums of products are exact.
fn rows() -> impl Strategy<Value = Vec<Vec<(i32, f32)>>> {
    let row = prop::collection::btree_map(0..8i32, (-8..9i32).prop_map(|v| v as f32 / 4.0), 0..8);
    prop::collection::vec(row.prop_map(|row| row.into_iter().collect()), 0..40)
}

fn list(nearest: &Nearest, row: usize) -> Vec<(i32, f64)> {
    let range = nearest.indptr[row] as usize..nearest.indptr[row + 1] as usize;
    range.map(|at| (nearest.indices[at], f64::from(nearest.likeness[at]))).collect()
}

proptest! {
    #[test]
    fn agrees_with_all_pairs(
        rows in rows(), k in 0..12usize, valued in any::<bool>(), weighted in any::<bool>(),
        scaled in any::<bool>(), shrinkage in 0..3i32, overlap in 1..4u32, threshold in 0..3usize,
    ) {
        let rows: Vec<Vec<(i32, f32)>> = if valued {
            rows
        } else {
            rows.into_iter().map(|row| row.into_iter().map(|cell| (cell.0, 1.0)).collect()).collect()
        };
        // Powers of two: no product rounds.
        let scale: Vec<f32> = (0..rows.len()).map(|row| 0.25 * (1 << (row % 4)) as f32).collect();
        let weights: Vec<f32> = (0..8).map(|column| 0.5 + (column % 3) as f32).collect();
        let how = Likeness {
            columns: (weighted && !valued).then_some(&weights[..]),
            scale: scaled.then_some(&scale[..]),
            shrinkage: shrinkage as f32,
            overlap,
            threshold: [0.0, 0.2371, 0.5113][threshold], // no likeness here rounds to it
        };
        let Table { indptr, indices, values } = table(&rows);
        let cells = Cells { indptr: &indptr, indices: &indices, values: valued.then_some(&values[..]), columns: 8 };
        let expected = slow(&rows, how, rows.len());
        let found = nearest(Level::Portable, 1, cells, how, k).unwrap();
        for (row, expected) in expected.iter().enumerate() {
            let found = list(&found, row);
            prop_assert_eq!(found.len(), expected.len().min(k));
            for (place, &(other, likeness)) in found.iter().enumerate() {
                // Rounding may swap those that are all but equal, never change how alike the place is.
                let close = |other: f64| (likeness - other).abs() < 1e-6 * (1.0 + other);
                prop_assert!(close(expected[place].1));
                let same = expected.iter().find(|&&(row, _)| row == other);
                prop_assert!(same.is_some_and(|same| close(same.1)));
            }
            prop_assert!(found.windows(2).all(|w| w[0].1 > w[1].1 || (w[0].1 == w[1].1 && w[0].0 < w[1].0)));
        }
        for level in Level::available() {
            for threads in [1, 2, 5] {
                prop_assert_eq!(&nearest(level, threads, cells, how, k).unwrap(), &found);
            }
        }
    }
}

/// Many rows of a few common and many rare columns, with ties everywhere.
fn many(rows: usize) -> Vec<Vec<(i32, f32)>> {
    (0..rows)
        .map(|row| {
            let mut columns: Vec<i32> =
                (0..1 + 3000 / (row + 10)).map(|at| (row * 37 + at * at * 11) as i32 % 700).collect();
            columns.sort_unstable();
            columns.dedup();
            columns.into_iter().map(|column| (column, 1.0)).collect()
        })
        .collect()
}

#[test]
fn long_and_short_rows_in_either_type_of_number() {
    let rows = many(900);
    let Table { indptr, indices, .. } = table(&rows);
    let cells = Cells { indptr: &indptr, indices: &indices, values: None, columns: 700 };
    let expected = slow(&rows, PLAIN, 20);
    for level in Level::available() {
        for threads in [1, 3] {
            let small = numbered::<u16>(level, threads, cells, PLAIN, 20).unwrap();
            assert_eq!(numbered::<u32>(level, threads, cells, PLAIN, 20).unwrap(), small);
            for (row, expected) in expected.iter().enumerate() {
                assert_eq!(&list(&small, row), expected, "counts are exact, and so are ties");
            }
        }
    }
}

#[test]
fn nothing_has_no_neighbours() {
    let cells = Cells { indptr: &[0], indices: &[], values: None, columns: 0 };
    let none = nearest(Level::Portable, 2, cells, PLAIN, 5).unwrap();
    assert_eq!(none, Nearest { indptr: vec![0], ..Nearest::default() });
    let cells = Cells { indptr: &[0, 0, 1], indices: &[0], values: None, columns: 1 };
    assert_eq!(nearest(Level::Portable, 2, cells, PLAIN, 5).unwrap().indptr, [0, 0, 0]);
}
