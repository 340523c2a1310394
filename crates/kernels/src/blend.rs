//! Scores of several models brought to one scale and added; see `docs/math/blend.md`.

use crate::dense::{NotFinite, eigenbasis, gram, rotate};
use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};
use crate::topk::{Best, Exclude};

/// Rows per chunk.
const CHUNK: usize = 256;

/// Standard deviation, over all items, of the scores `(x, 1) . q` of every row x of `users`; `out` is (users).
///
/// `users` is (users, width) with k - 1 columns in use, `items` (items, stride) with k, each of which has mean 0. It takes
/// users x k^2 steps, however many items there are. The bits do not depend on `threads`.
///
/// # Errors
/// When factors are not finite, or their squares are not.
pub fn spreads(
    level: Level,
    threads: usize,
    users: &[f32],
    width: usize,
    items: &[f32],
    k: usize,
    stride: usize,
    out: &mut [f32],
) -> Result<(), NotFinite> {
    assert!(users.len() == out.len() * width && (1..=stride).contains(&k) && k - 1 <= width);
    let count = (items.len() / stride).max(1) as f64;
    let (s, mut e) = eigenbasis(&gram(level, threads, items, stride), k, stride)?;
    // x' Q'Q x = |x E sqrt(s)|^2: a sum of squares, so nothing cancels.
    for line in e.chunks_exact_mut(stride) {
        line.iter_mut().zip(&s).for_each(|(e, s)| *e *= (f64::from(*s) / count).sqrt() as f32);
    }
    let total = out.len();
    let out = DisjointSlice::new(out);
    for_each_chunk(threads, total.div_ceil(CHUNK), Vec::new, |rows: &mut Vec<f32>, chunk| {
        let members = chunk * CHUNK..total.min((chunk + 1) * CHUNK);
        rows.clear();
        rows.resize(members.len() * stride, 0.0);
        for (row, user) in rows.chunks_exact_mut(stride).zip(members.clone()) {
            row[..k - 1].copy_from_slice(&users[user * width..][..k - 1]);
            row[k - 1] = 1.0;
        }
        rotate(level, 1, rows, &e, stride);
        // SAFETY: every user belongs to one chunk.
        let out = unsafe { out.range(members.start, members.end) };
        for (spread, row) in out.iter_mut().zip(rows.chunks_exact(stride)) {
            *spread = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32;
        }
    });
    Ok(())
}

/// Adds standardised scores to `total` (users, columns): `weight (s - mean) / deviation` of every row of `scores` (users, items),
/// with mean and deviation over the row; item i goes to column `column_of[i]`. Rows of equal
/// scores add nothing, nor do rows without a mean or deviation, because some score is not finite.
///
/// `weights` has one weight for each row.
pub fn add_standardised(
    threads: usize,
    scores: &[f32],
    column_of: &[i32],
    weights: &[f32],
    total: &mut [f32],
    columns: usize,
) {
    let (users, items) = (weights.len(), column_of.len());
    assert!(scores.len() == users * items && total.len() == users * columns);
    if items == 0 {
        return;
    }
    let total = DisjointSlice::new(total);
    for_each_chunk(
        threads,
        users,
        || (),
        |(), user| {
            let row = &scores[user * items..(user + 1) * items];
            let mean = row.iter().map(|&s| f64::from(s)).sum::<f64>() / items as f64;
            let square = row.iter().map(|&s| (f64::from(s) - mean).powi(2)).sum::<f64>() / items as f64;
            if square == 0.0 || !square.is_finite() {
                return;
            }
            let scale = f64::from(weights[user]) / square.sqrt();
            // SAFETY: every user has a row of its own.
            let total = unsafe { total.range(user * columns, (user + 1) * columns) };
            for (&score, &column) in row.iter().zip(column_of) {
                total[column as usize] += (scale * (f64::from(score) - mean)) as f32;
            }
        },
    );
}

/// The n best of every row of `scores` (users, items), ties to the lower item, without those excluded or at -inf: `items` and
/// `best` are (users, n), padded with -1 and -inf. `bias` (items) is added where it is given.
pub fn best_of(
    threads: usize,
    scores: &[f32],
    columns: usize,
    n: usize,
    exclude: Option<Exclude<'_>>,
    bias: Option<&[f32]>,
    items: &mut [i32],
    best: &mut [f32],
) {
    let users = scores.len().checked_div(columns).unwrap_or(0);
    assert!(scores.len() == users * columns && items.len() == users * n && best.len() == users * n);
    let (items, best) = (DisjointSlice::new(items), DisjointSlice::new(best));
    let init = || (Best::new(n.min(columns)), vec![false; columns]);
    for_each_chunk(threads, users, init, |(held, barred), user| {
        let seen = exclude.map_or(&[][..], |exclude| exclude.of(user));
        seen.iter().for_each(|&item| barred[item as usize] = true);
        for (item, &score) in scores[user * columns..(user + 1) * columns].iter().enumerate() {
            if !barred[item] {
                held.offer(bias.map_or(score, |bias| score + bias[item]), item as i32);
            }
        }
        seen.iter().for_each(|&item| barred[item as usize] = false);
        // SAFETY: every user has a row of its own.
        let (items, best) =
            unsafe { (items.range(user * n, (user + 1) * n), best.range(user * n, (user + 1) * n)) };
        held.take(items, best);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn spreads_are_the_deviations_of_all_scores() {
        for (users, items, k) in [(1, 1, 3), (700, 90, 17), (5, 4000, 1)] {
            let (width, stride) = (crate::simd::padded(k - 1), crate::simd::padded(k));
            let p = noise(users * width, 1);
            let mut q = noise(items * stride, 2);
            q.chunks_exact_mut(stride).for_each(|row| row[k..].fill(0.0));
            for c in 0..k {
                let mean = (0..items).map(|i| q[i * stride + c]).sum::<f32>() / items as f32;
                (0..items).for_each(|i| q[i * stride + c] -= mean);
            }
            for level in Level::available() {
                let mut got = vec![0.0; users];
                spreads(level, 1, &p, width, &q, k, stride, &mut got).unwrap();
                let mut again = vec![0.0; users];
                spreads(level, 4, &p, width, &q, k, stride, &mut again).unwrap();
                assert_eq!(got, again);
                for u in 0..users {
                    let x = |c: usize| if c == k - 1 { 1.0 } else { f64::from(p[u * width + c]) };
                    let dot = |i: usize| (0..k).map(|c| x(c) * f64::from(q[i * stride + c])).sum::<f64>();
                    let want = ((0..items).map(|i| dot(i).powi(2)).sum::<f64>() / items as f64).sqrt();
                    assert!((f64::from(got[u]) - want).abs() < 1e-5 * (1.0 + want), "{} {want}", got[u]);
                }
            }
        }
        let broken = spreads(Level::best(), 1, &[1.0; 16], 16, &[f32::NAN; 16], 16, 16, &mut [0.0]);
        assert_eq!(broken, Err(NotFinite));
    }

    #[test]
    fn standardised_scores_have_mean_0_and_deviation_1() {
        let scores: Vec<f32> = noise(4 * 50, 3).iter().map(|x| 7.0 * x + 100.0).collect();
        let column_of: Vec<i32> = (0..50).map(|i| 59 - i).collect();
        let weights = [1.0, 2.0, 0.0, 0.5];
        let (mut one, mut two) = (vec![0.0; 4 * 60], vec![0.0; 4 * 60]);
        add_standardised(1, &scores, &column_of, &weights, &mut one, 60);
        add_standardised(3, &scores, &column_of, &weights, &mut two, 60);
        assert_eq!(one, two);
        for (row, weight) in one.chunks(60).zip(weights) {
            assert_eq!(row[..10], [0.0; 10]);
            assert!(row.iter().sum::<f32>().abs() < 1e-4);
            let square = row.iter().map(|x| x * x).sum::<f32>() / 50.0;
            assert!((square - weight * weight).abs() < 1e-4);
        }
        let mut none = vec![0.0; 3];
        add_standardised(1, &[5.0; 3], &[0, 1, 2], &[1.0], &mut none, 3);
        add_standardised(1, &[], &[], &[1.0], &mut none, 3);
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            add_standardised(1, &[1.0, odd, 2.0], &[0, 1, 2], &[1.0], &mut none, 3);
        }
        assert_eq!(none, [0.0; 3]);
    }

    #[test]
    fn best_of_is_a_sort_of_what_is_left() {
        let scores: Vec<f32> = noise(7 * 40, 6).iter().map(|x| (x * 20.0).round()).collect();
        let exclude =
            Exclude { indptr: &[0, 2, 2, 5], indices: &[0, 39, 3, 4, 5], rows: &[0, 1, 2, -1, 0, 1, 2] };
        let mut bias = vec![0.0; 40];
        bias[7] = f32::NEG_INFINITY;
        for n in [1, 9, 60] {
            for threads in [1, 3] {
                let (mut items, mut best) = (vec![0; 7 * n], vec![0.0; 7 * n]);
                best_of(threads, &scores, 40, n, Some(exclude), Some(&bias), &mut items, &mut best);
                for user in 0..7 {
                    let row = &scores[user * 40..(user + 1) * 40];
                    let mut want: Vec<i32> =
                        (0..40).filter(|i| *i != 7 && !exclude.of(user).contains(i)).collect();
                    want.sort_by(|&a, &b| {
                        row[b as usize].partial_cmp(&row[a as usize]).unwrap().then(a.cmp(&b))
                    });
                    let mut scores: Vec<f32> = want.iter().map(|&i| row[i as usize]).collect();
                    want.resize(n, -1);
                    scores.resize(n, f32::NEG_INFINITY);
                    assert_eq!(items[user * n..(user + 1) * n], want);
                    assert_eq!(best[user * n..(user + 1) * n], scores);
                }
            }
        }
        best_of(1, &[], 0, 3, None, None, &mut [], &mut []);
    }
}
