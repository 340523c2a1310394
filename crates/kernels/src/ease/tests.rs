use super::restricted::Gram;
use super::*;
use crate::noise::noise;
use crate::simd::Level;

struct World {
    users: usize,
    items: usize,
    dense: Vec<f64>,
    by_user: (Vec<i64>, Vec<i32>, Vec<f32>),
    by_item: (Vec<i64>, Vec<i32>, Vec<f32>),
}

fn compressed(
    rows: usize,
    columns: usize,
    cell: impl Fn(usize, usize) -> f64,
) -> (Vec<i64>, Vec<i32>, Vec<f32>) {
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in 0..rows {
        for column in 0..columns {
            if cell(row, column) > 0.0 {
                indices.push(column as i32);
                values.push(cell(row, column) as f32);
            }
        }
        indptr.push(indices.len() as i64);
    }
    (indptr, indices, values)
}

/// A table of small values, with an item that nobody has.
fn world(users: usize, items: usize, valued: bool) -> World {
    let noise = noise(users * items, 5);
    let dense: Vec<f64> = (0..users * items)
        .map(|at| match noise[at] {
            x if x < 0.05 || at % items == 7 => 0.0,
            x if valued => f64::from((x * 16.0).round() / 4.0),
            _ => 1.0,
        })
        .collect();
    let by_user = compressed(users, items, |u, i| dense[u * items + i]);
    let by_item = compressed(items, users, |i, u| dense[u * items + i]);
    World { users, items, dense, by_user, by_item }
}

fn rows(table: &(Vec<i64>, Vec<i32>, Vec<f32>), valued: bool) -> Rows<'_> {
    Rows { indptr: &table.0, indices: &table.1, values: valued.then_some(&table.2[..]) }
}

impl World {
    fn gram(&self, i: usize, j: usize) -> f64 {
        (0..self.users).map(|u| self.dense[u * self.items + i] * self.dense[u * self.items + j]).sum()
    }
}

/// The inverse of a positive definite matrix, by elimination in double precision.
fn inverse(a: &[f64], n: usize) -> Vec<f64> {
    let mut a = a.to_vec();
    let mut out: Vec<f64> = (0..n * n).map(|at| f64::from(at / n == at % n)).collect();
    for p in 0..n {
        let d = a[p * n + p];
        for c in 0..n {
            a[p * n + c] /= d;
            out[p * n + c] /= d;
        }
        for r in (0..n).filter(|&r| r != p) {
            let f = a[r * n + p];
            for c in 0..n {
                a[r * n + c] -= f * a[p * n + c];
                out[r * n + c] -= f * out[p * n + c];
            }
        }
    }
    out
}

#[test]
fn gram_is_the_upper_triangle_of_the_definition() {
    for valued in [false, true] {
        let world = world(60, 40, valued);
        let n = world.items;
        for (level, threads) in Level::available().into_iter().flat_map(|level| [(level, 1), (level, 3)]) {
            let mut out = vec![f32::NAN; n * n];
            gram(level, threads, rows(&world.by_user, valued), rows(&world.by_item, valued), 2.5, &mut out);
            for i in 0..n {
                for j in i..n {
                    let want = world.gram(i, j) + if i == j { 2.5 } else { 0.0 };
                    assert_eq!(f64::from(out[i * n + j]), want, "quarters have exact sums");
                }
            }
        }
    }
}

#[test]
fn few_and_many_users_of_an_item_are_counted_together() {
    // Two groups of users; items that few have are left to lists, in both widths of a rank.
    let (users, items) = (6000, 203);
    let noise = noise(users * items, 9);
    let dense: Vec<f64> = (0..users * items)
        .map(|at| {
            let (user, item) = (at / items, at % items * 89 % items);
            let rate = 12.0 / ((4 + item) * (1 + user / 3000)) as f32;
            f64::from(u8::from(noise[at] + 0.5 < rate * rate))
        })
        .collect();
    let by_user = compressed(users, items, |u, i| dense[u * items + i]);
    let by_item = compressed(items, users, |i, u| dense[u * items + i]);
    let (by_user, by_item) = (rows(&by_user, false), rows(&by_item, false));
    let crowd = Crowd::new(2, &Ranked::<u16>::new(2, by_user, by_item));
    assert!(crowd.cuts.iter().all(|&cut| 0 < cut && cut < items as u32), "{:?}", &crowd.cuts[..9]);
    let mut want = vec![0.0f32; items * items];
    for u in 0..users {
        let row = &by_user.row(u).0;
        row.iter().for_each(|&i| row.iter().for_each(|&j| want[i as usize * items + j as usize] += 1.0));
    }
    for (level, threads) in Level::available().into_iter().flat_map(|level| [(level, 1), (level, 5)]) {
        for narrow in [true, false] {
            let mut out = vec![f32::NAN; items * items];
            let by_rank = if narrow { by_rank::<u16> } else { by_rank::<u32> };
            by_rank(level, threads, by_user, by_item, 0.0, &mut out);
            fold(threads, items, &mut out);
            for i in 0..items {
                assert_eq!(out[i * items + i..(i + 1) * items], want[i * items + i..(i + 1) * items]);
            }
        }
    }
}

#[test]
fn weights_mirror_and_scale_the_triangle() {
    for n in [1, 63, 64, 130] {
        let p: Vec<f32> = noise(n * n, 2);
        let symmetric = |i: usize, j: usize| if i == j { 2.0 + i as f32 } else { p[i.min(j) * n + i.max(j)] };
        let start: Vec<f32> =
            (0..n * n).map(|at| if at % n < at / n { 9e9 } else { symmetric(at / n, at % n) }).collect();
        for threads in [1, 4] {
            let mut out = start.clone();
            weights(threads, n, &mut out).unwrap();
            for i in 0..n {
                for j in 0..n {
                    let want = if i == j { 0.0 } else { symmetric(i, j) * (-1.0 / symmetric(j, j)) };
                    assert_eq!(out[i * n + j], want);
                }
            }
        }
    }
    assert_eq!(weights(1, 2, &mut [1.0, 0.0, 0.0, 0.0]), Err(1));
    assert_eq!(weights(1, 1, &mut [f32::NAN]), Err(0));
}

#[test]
fn a_whole_support_gives_the_dense_weights() {
    for valued in [false, true] {
        let world = world(60, 40, valued);
        let (n, lambda) = (world.items, 1.5);
        let a: Vec<f64> = (0..n * n)
            .map(|at| world.gram(at / n, at % n) + if at / n == at % n { lambda } else { 0.0 })
            .collect();
        let p = inverse(&a, n);
        let (by_user, by_item) = (rows(&world.by_user, valued), rows(&world.by_item, valued));
        let gram = Gram::new(2, by_user, by_item);
        for level in Level::available() {
            let columns = gram.columns(level, 2, by_user, by_item, lambda as f32, n).unwrap();
            for (j, column) in columns.iter().enumerate() {
                let mut dense = vec![0.0; n];
                for (&i, &w) in column.items.iter().zip(&column.weights) {
                    dense[i as usize] = f64::from(w);
                }
                // An item that never met item j has a dense weight too; here all met but item 7, which nobody has.
                for i in 0..n {
                    let want = if i == j { 0.0 } else { -p[i * n + j] / p[j * n + j] };
                    assert!((dense[i] - want).abs() < 1e-5, "{level:?} weight {i}, {j}");
                }
            }
        }
    }
}

#[test]
fn a_short_support_holds_the_strongest_and_solves_them() {
    let world = world(60, 40, true);
    let (n, lambda, most) = (world.items, 1.5, 9);
    let (by_user, by_item) = (rows(&world.by_user, true), rows(&world.by_item, true));
    let gram = Gram::new(1, by_user, by_item);
    let columns = gram.columns(Level::best(), 1, by_user, by_item, lambda as f32, most).unwrap();
    let again = gram.columns(Level::best(), 3, by_user, by_item, lambda as f32, most).unwrap();
    for (j, column) in columns.iter().enumerate() {
        assert_eq!((&column.items, &column.weights), (&again[j].items, &again[j].weights));
        let gain = |i: usize| world.gram(i, j).powi(2) / (world.gram(i, i) + lambda);
        let mut best: Vec<usize> = (0..n).filter(|&i| i != j && gain(i) > 0.0).collect();
        best.sort_by(|&a, &b| gain(b).total_cmp(&gain(a)).then(a.cmp(&b)));
        best.truncate(most);
        best.sort_unstable();
        assert_eq!(column.items, best.iter().map(|&i| i as i32).collect::<Vec<_>>());
        // The gradient of the objective vanishes on the support.
        for &i in &best {
            let sum: f64 = column
                .items
                .iter()
                .zip(&column.weights)
                .map(|(&k, &w)| world.gram(i, k as usize) * f64::from(w))
                .sum();
            let own = column.items.iter().position(|&k| k as usize == i).unwrap();
            let gradient = sum + lambda * f64::from(column.weights[own]) - world.gram(i, j);
            assert!(gradient.abs() < 1e-3, "{gradient} at {i}, {j}");
        }
    }
    assert_eq!(columns[7].items.len(), 0);
    assert!(gram.columns(Level::best(), 2, by_user, by_item, -1e9, most).is_err());
}

#[test]
fn cells_of_all_rows_are_counted_exactly() {
    let world = world(60, 40, false);
    let (by_user, by_item) = (rows(&world.by_user, false), rows(&world.by_item, false));
    let want = (0..40).flat_map(|i| (i..40).map(move |j| (i, j))).filter(|&(i, j)| world.gram(i, j) > 0.0);
    assert_eq!(restricted::cells(2, by_user, by_item, 1), want.count());
    assert!(restricted::cells(2, by_user, by_item, 7) > 0);
}
