use super::*;
use crate::noise::noise;

struct World {
    indptr: Vec<i64>,
    indices: Vec<i32>,
    values: Vec<f32>,
}

/// Some cells of a (rows, columns) table, row 3 without any.
fn world(rows: usize, columns: usize, seed: u64) -> World {
    let all = noise(rows * columns, seed);
    let (mut indptr, mut indices, mut values) = (vec![0i64], Vec::new(), Vec::new());
    for row in 0..rows {
        for column in 0..columns {
            let value = all[row * columns + column];
            if row != 3 && value.abs() > 0.35 {
                indices.push(column as i32);
                values.push(value);
            }
        }
        indptr.push(indices.len() as i64);
    }
    World { indptr, indices, values }
}

impl World {
    fn rows(&self, valued: bool) -> Rows<'_> {
        Rows { indptr: &self.indptr, indices: &self.indices, values: valued.then_some(&self.values[..]) }
    }

    fn dense(&self, columns: usize, valued: bool) -> Vec<f32> {
        let rows = self.indptr.len() - 1;
        let mut out = vec![0.0; rows * columns];
        for row in 0..rows {
            for e in self.indptr[row] as usize..self.indptr[row + 1] as usize {
                out[row * columns + self.indices[e] as usize] = if valued { self.values[e] } else { 1.0 };
            }
        }
        out
    }
}

/// All scores by the definition, in double precision.
fn slow(m: &[f32], present: &[f32], x: &[f32], items: usize, share: Share, damping: f32) -> Vec<f64> {
    (0..items)
        .map(|i| {
            let (mut sum, mut total) = (0.0f64, 0.0f64);
            for (j, &x) in x.iter().enumerate() {
                sum += f64::from(x) * f64::from(m[j * items + i]);
                total += match share {
                    Share::Matrix if x != 0.0 => f64::from(m[j * items + i]).abs(),
                    Share::Query if present[j * items + i] != 0.0 => f64::from(x).abs(),
                    _ => 0.0,
                };
            }
            let total = total + f64::from(damping);
            match share {
                Share::None => sum,
                _ if total > 0.0 => sum / total,
                _ => 0.0,
            }
        })
        .collect()
}

/// Item and score, best first, -1 and -inf where there are no more.
fn ranked(scores: &[f64], out: &[i32], n: usize) -> Vec<i32> {
    let mut rows: Vec<i32> = (0..scores.len() as i32).filter(|row| !out.contains(row)).collect();
    rows.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
    rows.resize(n, -1);
    rows
}

#[test]
fn lists_and_pairs_equal_the_definition() {
    let (users, between, items) = (40, 30, TILE + 70);
    let (x, m) = (world(users, between, 1), world(between, items, 2));
    let seen = world(users, items, 3);
    let bias: Vec<f32> = noise(items, 4);
    let offset = noise(users, 5);
    let rows: Vec<i32> = (0..users as i32).rev().collect();
    for share in [Share::None, Share::Matrix, Share::Query] {
        for (valued, damping) in [(true, 0.0), (false, 2.5)] {
            let (x_dense, m_dense) = (x.dense(between, valued), m.dense(items, valued));
            let query = Query { x: x.rows(valued), rows: &rows, offset: &offset };
            let exclude = Exclude { indptr: &seen.indptr, indices: &seen.indices, rows: &rows };
            let sparse = Matrix::Sparse(m.rows(valued));
            let dense = Matrix::Dense(&m_dense);
            for matrix in [sparse, dense] {
                if matches!(matrix, Matrix::Dense(_)) && share == Share::Query {
                    continue; // a dense M has every cell
                }
                let scorer = Scorer { matrix, items, bias: &bias, share, damping };
                for level in Level::available() {
                    let n = 12;
                    let (mut found, mut scores) = (vec![0; users * n], vec![0.0; users * n]);
                    let adjust = Adjust::default();
                    scorer.best(level, 1, query, n, Some(exclude), adjust, &mut found, &mut scores);
                    let (mut again, mut same) = (vec![0; users * n], vec![0.0; users * n]);
                    scorer.best(level, 3, query, n, Some(exclude), adjust, &mut again, &mut same);
                    assert_eq!((&found, &scores), (&again, &same), "one thread and three");
                    for user in 0..users {
                        let row = rows[user] as usize;
                        let x = &x_dense[row * between..(row + 1) * between];
                        let mut want = slow(&m_dense, &m_dense, x, items, share, damping);
                        for (want, bias) in want.iter_mut().zip(&bias) {
                            *want += f64::from(*bias) + f64::from(offset[user]);
                        }
                        let out = &seen.indices[seen.indptr[row] as usize..seen.indptr[row + 1] as usize];
                        let got = &found[user * n..(user + 1) * n];
                        assert_eq!(got, ranked(&want, out, n), "{level:?} {share:?} user {user}");
                        for (&item, &score) in got.iter().zip(&scores[user * n..]) {
                            assert!((f64::from(score) - want[item as usize]).abs() < 1e-4);
                        }
                    }
                    // Few pairs of a user, one by one; many, by all sums.
                    let asked: Vec<i32> = (0..users as i32).flat_map(|user| [user; 12]).collect();
                    let mut pairs = vec![0.0; asked.len()];
                    scorer.pairs(level, 2, query, &asked, &found, &mut pairs);
                    assert_eq!(pairs, scores, "{level:?} {share:?}");
                    let all: Vec<i32> = (0..items as i32).collect();
                    let mut whole = vec![0.0; items];
                    scorer.pairs(level, 2, query, &vec![7; items], &all, &mut whole);
                    for (item, score) in found[7 * n..8 * n].iter().zip(&scores[7 * n..]) {
                        assert_eq!(whole[*item as usize], *score);
                    }
                    let (mut one, mut more) = (vec![7.0; users * items], vec![8.0; users * items]);
                    scorer.scores(level, 1, query, &mut one);
                    scorer.scores(level, 3, query, &mut more);
                    assert_eq!(one, more);
                    assert_eq!(one[7 * items..8 * items], whole);
                    for (at, &item) in found.iter().enumerate().filter(|&(_, &item)| item >= 0) {
                        assert_eq!(one[at / n * items + item as usize], scores[at]);
                    }
                }
            }
        }
    }
}

#[test]
fn filters_and_boosts_change_the_scores() {
    let (users, items) = (5, 50);
    let (x, m) = (world(users, users, 1), world(users, items, 2));
    let (bias, offset) = (vec![0.0; items], vec![0.5; users]);
    let rows: Vec<i32> = (0..users as i32).collect();
    let query = Query { x: x.rows(true), rows: &rows, offset: &offset };
    let matrix = Matrix::Sparse(m.rows(true));
    let scorer = Scorer { matrix, items, bias: &bias, share: Share::None, damping: 0.0 };
    let mut plain = vec![0.0; users * items];
    let (asked, all): (Vec<i32>, Vec<i32>) =
        (0..users as i32).flat_map(|user| (0..items as i32).map(move |item| (user, item))).unzip();
    scorer.pairs(Level::best(), 1, query, &asked, &all, &mut plain);
    let barred: Vec<f32> = (0..items).map(|i| if i % 3 == 0 { f32::NEG_INFINITY } else { 0.0 }).collect();
    let positive: Vec<f32> = (0..items).map(|i| if i % 5 == 0 { 2.0 } else { 1.0 }).collect();
    let negative: Vec<f32> = positive.iter().map(|p| 1.0 / p).collect();
    let adjust = Adjust { bias: Some(&barred), positive: Some(&positive), negative: Some(&negative) };
    let (mut found, mut scores) = (vec![0; users * items], vec![0.0; users * items]);
    scorer.best(Level::best(), 2, query, items, None, adjust, &mut found, &mut scores);
    for user in 0..users {
        let want: Vec<f64> = (0..items)
            .map(|i| {
                let score = plain[user * items + i];
                f64::from(score * if score > 0.0 { positive[i] } else { negative[i] })
            })
            .collect();
        let out: Vec<i32> = (0..items as i32).step_by(3).collect();
        assert_eq!(found[user * items..(user + 1) * items], ranked(&want, &out, items));
        let left = items - out.len();
        assert!(scores[user * items + left..(user + 1) * items].iter().all(|&s| s == f32::NEG_INFINITY));
    }
}

#[test]
fn no_items_and_no_events_are_fine() {
    let (indptr, bias) = ([0i64, 0], [1.0f32, 2.0]);
    let empty = Rows { indptr: &indptr, indices: &[], values: None };
    let query = Query { x: empty, rows: &[0], offset: &[0.0] };
    let scorer =
        Scorer { matrix: Matrix::Sparse(empty), items: 2, bias: &bias, share: Share::Matrix, damping: 0.0 };
    let (mut found, mut scores) = ([7; 3], [7.0; 3]);
    scorer.scores(Level::best(), 1, query, &mut scores[..2]);
    assert_eq!(scores[..2], bias);
    scorer.best(Level::best(), 1, query, 3, None, Adjust::default(), &mut found, &mut scores);
    assert_eq!((found, scores), ([1, 0, -1], [2.0, 1.0, f32::NEG_INFINITY]));
}
