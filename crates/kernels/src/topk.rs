//! Exact top-k by inner product: the best items of every user, ties to the lower item row.
//!
//! Items are packed in panels of 16 that a small block of users meets in registers. A score is the sum of
//! products in the order of the factors, then the item's bias, then the user's offset, whatever the block; so one user, a batch, an
//! allow-list and [`ItemPanels::pairs`] give the same bits.

use crate::simd::{Lanes, Level, dispatch};
use crate::threads::{DisjointSlice, for_each_chunk};

/// Items in a panel.
const PANEL: usize = 16;
/// Users that meet a panel in registers.
const USERS: usize = 6;
/// Users that one thread takes at a time; they share each block of items while it is in cache.
const CHUNK: usize = 96;
/// Floats of packed items in a block: half a second-level cache of 512 KiB.
const BLOCK: usize = 64 * 1024;

/// Item factors packed for scoring.
pub struct ItemPanels {
    items: usize,
    k: usize,
    data: Vec<f32>, // panel by panel: (k, PANEL)
    bias: Vec<f32>, // padded with -inf, so that padding is never an answer
}

/// How a query changes the scores, item by item.
#[derive(Clone, Copy, Default)]
pub struct Adjust<'a> {
    /// In place of the items' biases; -inf removes an item. (items) or none.
    pub bias: Option<&'a [f32]>,
    /// Positive scores are multiplied by this, (items) or none.
    pub positive: Option<&'a [f32]>,
    /// Negative scores are multiplied by this, (items); given with `positive`.
    pub negative: Option<&'a [f32]>,
}

/// Items that each user must not get: compressed rows with rising indices. User b of the query reads row
/// `rows[b]`; a negative row excludes nothing.
#[derive(Clone, Copy)]
pub struct Exclude<'a> {
    /// Offsets.
    pub indptr: &'a [i64],
    /// Item rows.
    pub indices: &'a [i32],
    /// One for each user of the query.
    pub rows: &'a [i32],
}

impl Exclude<'_> {
    fn of(&self, user: usize) -> &[i32] {
        let Ok(row) = usize::try_from(self.rows[user]) else { return &[] };
        &self.indices[self.indptr[row] as usize..self.indptr[row + 1] as usize]
    }
}

/// Scores of a few users for a run of panels: `out[m * width + c] = users[m] . item c + bias[c] + offset[m]`.
#[inline(always)]
unsafe fn score_block_generic<L: Lanes>(
    users: &[f32],
    offset: &[f32],
    k: usize,
    panels: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let count = offset.len();
    // SAFETY: L runs here; every slice is checked by the callee.
    unsafe {
        match count {
            1 => score_rows::<L, 1>(users, offset, k, panels, bias, out),
            2 => score_rows::<L, 2>(users, offset, k, panels, bias, out),
            3 => score_rows::<L, 3>(users, offset, k, panels, bias, out),
            4 => score_rows::<L, 4>(users, offset, k, panels, bias, out),
            5 => score_rows::<L, 5>(users, offset, k, panels, bias, out),
            USERS => score_rows::<L, USERS>(users, offset, k, panels, bias, out),
            _ => unreachable!("blocks hold 1 to {USERS} users"),
        }
    }
}

#[inline(always)]
unsafe fn score_rows<L: Lanes, const M: usize>(
    users: &[f32],
    offset: &[f32],
    k: usize,
    panels: &[f32],
    bias: &[f32],
    out: &mut [f32],
) {
    let width = bias.len();
    assert!(users.len() == M * k && offset.len() == M && panels.len() == width * k && out.len() >= M * width);
    assert!(width.is_multiple_of(PANEL));
    let parts = PANEL / L::N;
    // SAFETY: panel p spans k * PANEL floats from p * k * PANEL, below panels.len(); out and bias positions
    // are below M * width and width.
    unsafe {
        for p in 0..width / PANEL {
            let panel = panels.as_ptr().add(p * k * PANEL);
            // Two vectors at a time keep 2 M sums in registers.
            let mut part = 0;
            while part < parts {
                let two = part + 1 < parts;
                let mut acc = [[L::splat(0.0); 2]; M];
                for c in 0..k {
                    let line = panel.add(c * PANEL + part * L::N);
                    let b0 = L::load(line);
                    let b1 = if two { L::load(line.add(L::N)) } else { b0 };
                    for m in 0..M {
                        let a = L::splat(*users.get_unchecked(m * k + c));
                        acc[m][0] = L::fma(a, b0, acc[m][0]);
                        if two {
                            acc[m][1] = L::fma(a, b1, acc[m][1]);
                        }
                    }
                }
                for m in 0..M {
                    let at = p * PANEL + part * L::N;
                    let to = out.as_mut_ptr().add(m * width + at);
                    let shift = L::splat(offset[m]);
                    L::store(to, L::add(L::add(acc[m][0], L::load(bias.as_ptr().add(at))), shift));
                    if two {
                        let b = L::load(bias.as_ptr().add(at + L::N));
                        L::store(to.add(L::N), L::add(L::add(acc[m][1], b), shift));
                    }
                }
                part += 1 + usize::from(two);
            }
        }
    }
}

dispatch!(
    fn score_block = score_block_generic(
        users: &[f32],
        offset: &[f32],
        k: usize,
        panels: &[f32],
        bias: &[f32],
        out: &mut [f32],
    )
);

/// Offers every score above the current bar to `best`.
#[inline(always)]
unsafe fn scan_generic<L: Lanes>(scores: &[f32], first: usize, best: &mut Best) {
    assert!(scores.len().is_multiple_of(PANEL));
    // SAFETY: positions stay below scores.len(), a multiple of PANEL and so of L::N.
    unsafe {
        let mut c = 0;
        while c < scores.len() {
            if L::any_gt(L::load(scores.as_ptr().add(c)), L::splat(best.bar)) {
                for lane in c..c + L::N {
                    let score = *scores.get_unchecked(lane);
                    if score > best.bar {
                        best.offer(score, (first + lane) as i32);
                    }
                }
            }
            c += L::N;
        }
    }
}

dispatch!(
    fn scan = scan_generic(scores: &[f32], first: usize, best: &mut Best)
);

#[inline(always)]
unsafe fn dot_in_order_generic<L: Lanes>(user: &[f32], item: &[f32]) -> f32 {
    let mut total = 0.0;
    for (&a, &b) in user.iter().zip(item) {
        // SAFETY: L runs here.
        total = unsafe { L::fma1(a, b, total) };
    }
    total
}

dispatch!(
    fn dot_in_order = dot_in_order_generic(user: &[f32], item: &[f32]) -> f32
);

/// The best n of a stream of scores: a buffer that is cut back to n whenever it is full.
struct Best {
    n: usize,
    bar: f32, // a score must exceed it to be among the best n
    held: Vec<(f32, i32)>,
}

impl Best {
    fn new(n: usize) -> Self {
        Self { n, bar: f32::NEG_INFINITY, held: Vec::with_capacity((2 * n).max(64)) }
    }

    fn clear(&mut self) {
        self.bar = if self.n == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        self.held.clear();
    }

    fn offer(&mut self, score: f32, item: i32) {
        if self.held.len() == self.held.capacity() {
            self.cut();
            if score <= self.bar {
                return;
            }
        }
        self.held.push((score, item));
    }

    /// Keeps the best n. Items arrive in rising order, so an equal score later on loses its tie and the bar
    /// may be the n-th score itself.
    fn cut(&mut self) {
        if self.held.len() > self.n {
            self.held.select_nth_unstable_by(self.n, order);
            self.held.truncate(self.n);
        }
        if self.held.len() == self.n {
            self.bar = self.held.iter().fold(f32::INFINITY, |low, &(score, _)| low.min(score));
        }
    }

    fn finish(&mut self, items: &mut [i32], scores: &mut [f32]) {
        self.cut();
        self.held.sort_unstable_by(order);
        items.fill(-1);
        scores.fill(f32::NEG_INFINITY);
        for (slot, &(score, item)) in self.held.iter().enumerate() {
            items[slot] = item;
            scores[slot] = score;
        }
    }
}

fn order(a: &(f32, i32), b: &(f32, i32)) -> std::cmp::Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

impl ItemPanels {
    /// Packs `factors` (items, k; rows `stride` apart) and `bias` (items, or empty for zeros).
    pub fn new(factors: &[f32], items: usize, k: usize, stride: usize, bias: &[f32]) -> Self {
        assert!(items * stride <= factors.len() && k <= stride || items * k == 0);
        assert!(bias.is_empty() || bias.len() == items);
        let padded = items.div_ceil(PANEL) * PANEL;
        let mut data = vec![0.0; padded * k];
        for item in 0..items {
            let row = &factors[item * stride..item * stride + k];
            let panel = &mut data[item / PANEL * k * PANEL..];
            for (c, &value) in row.iter().enumerate() {
                panel[c * PANEL + item % PANEL] = value;
            }
        }
        let mut padded_bias = vec![f32::NEG_INFINITY; padded];
        padded_bias[..items].fill(0.0);
        padded_bias[..bias.len()].copy_from_slice(bias);
        Self { items, k, data, bias: padded_bias }
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Number of factors.
    pub fn factors(&self) -> usize {
        self.k
    }

    /// The n best items of every user.
    ///
    /// `users` is (count, k; rows `stride` apart); `items` and `scores` are (count, n), best first, padded
    /// with -1 and -inf where fewer than n items are left. Scores are `p . q + bias + offset`, adjusted; `offset`
    /// is (count).
    pub fn best(
        &self,
        level: Level,
        threads: usize,
        users: &[f32],
        count: usize,
        stride: usize,
        offset: &[f32],
        n: usize,
        exclude: Option<Exclude<'_>>,
        adjust: Adjust<'_>,
        items: &mut [i32],
        scores: &mut [f32],
    ) {
        assert!(items.len() == count * n && scores.len() == count * n && offset.len() == count);
        assert!(count * stride <= users.len() && self.k <= stride || count * self.k == 0);
        let replaced = adjust.bias.map(|bias| {
            assert!(bias.len() == self.items);
            let mut padded = vec![f32::NEG_INFINITY; self.bias.len()];
            padded[..self.items].copy_from_slice(bias);
            padded
        });
        let bias = replaced.as_deref().unwrap_or(&self.bias);
        // More can never be valid, so the buffers need no more.
        let kept = n.min(self.items);
        let block = (BLOCK / self.k.max(1) / PANEL).max(1) * PANEL;
        let (items, scores) = (DisjointSlice::new(items), DisjointSlice::new(scores));
        let init = || {
            let best: Vec<Best> = (0..CHUNK.min(count)).map(|_| Best::new(kept)).collect();
            (best, vec![0.0f32; USERS * block.min(bias.len())], vec![0usize; CHUNK], Vec::new())
        };
        for_each_chunk(
            threads,
            count.div_ceil(CHUNK),
            init,
            |(best, out, next, packed): &mut (_, _, _, Vec<f32>), chunk| {
                let first_user = chunk * CHUNK;
                let last_user = count.min(first_user + CHUNK);
                best.iter_mut().for_each(Best::clear);
                next.fill(0);
                let offsets = &offset[first_user..last_user];
                packed.clear();
                for user in first_user..last_user {
                    packed.extend_from_slice(&users[user * stride..user * stride + self.k]);
                }
                let mut from = 0;
                while from < bias.len() {
                    let to = bias.len().min(from + block);
                    let width = to - from;
                    let panels = &self.data[from * self.k..to * self.k];
                    for user in (first_user..last_user).step_by(USERS) {
                        let group = USERS.min(last_user - user);
                        let at = user - first_user;
                        if self.k == 0 {
                            for m in 0..group {
                                for (score, b) in out[m * width..][..width].iter_mut().zip(&bias[from..to]) {
                                    *score = b + offsets[at + m];
                                }
                            }
                        } else {
                            let vectors = &packed[at * self.k..(at + group) * self.k];
                            score_block(
                                level,
                                vectors,
                                &offsets[at..at + group],
                                self.k,
                                panels,
                                &bias[from..to],
                                out,
                            );
                        }
                        for m in 0..group {
                            let scores = &mut out[m * width..(m + 1) * width];
                            if let (Some(positive), Some(negative)) = (adjust.positive, adjust.negative) {
                                for (item, score) in (from..self.items.min(to)).zip(scores.iter_mut()) {
                                    *score *= if *score > 0.0 { positive[item] } else { negative[item] };
                                }
                            }
                            if let Some(exclude) = exclude {
                                let seen = exclude.of(user + m);
                                let cursor = &mut next[at + m];
                                while *cursor < seen.len() && (seen[*cursor] as usize) < to {
                                    scores[seen[*cursor] as usize - from] = f32::NEG_INFINITY;
                                    *cursor += 1;
                                }
                            }
                            scan(level, scores, from, &mut best[at + m]);
                        }
                    }
                    from = to;
                }
                for user in first_user..last_user {
                    // SAFETY: every user belongs to one chunk.
                    let (items, scores) = unsafe {
                        (items.range(user * n, (user + 1) * n), scores.range(user * n, (user + 1) * n))
                    };
                    best[user - first_user].finish(items, scores);
                }
            },
        );
    }

    /// Scores of given pairs, `users[u] . item + bias`, the same bits as [`ItemPanels::best`] gives.
    ///
    /// `user_rows` index `users` (rows `stride` apart), `item_rows` the items; `out` has their length.
    pub fn pairs(
        &self,
        level: Level,
        threads: usize,
        users: &[f32],
        stride: usize,
        user_rows: &[i32],
        item_rows: &[i32],
        out: &mut [f32],
    ) {
        const PAIRS: usize = 4096;
        assert!(user_rows.len() == item_rows.len() && out.len() == item_rows.len());
        let total = out.len();
        let out = DisjointSlice::new(out);
        for_each_chunk(
            threads,
            total.div_ceil(PAIRS),
            || vec![0.0f32; self.k],
            |item_vector, chunk| {
                for at in chunk * PAIRS..total.min((chunk + 1) * PAIRS) {
                    let (user, item) = (user_rows[at] as usize, item_rows[at] as usize);
                    let panel = &self.data[item / PANEL * self.k * PANEL..][..self.k * PANEL];
                    for (c, value) in item_vector.iter_mut().enumerate() {
                        *value = panel[c * PANEL + item % PANEL];
                    }
                    let row = &users[user * stride..user * stride + self.k];
                    // SAFETY: every pair belongs to one chunk.
                    unsafe {
                        out.range(at, at + 1)[0] = dot_in_order(level, row, item_vector) + self.bias[item]
                    };
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed | 1;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                // A coarse grid, so that ties happen.
                ((state >> 60) as f32) / 8.0 - 1.0
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn equals_a_full_sort(users in 1usize..9, items in 1usize..70, k in 0usize..9, n in 0usize..80, seed in 0u64..1000) {
            let p = noise(users * k, seed);
            let q = noise(items * k, seed + 1);
            let bias = noise(items, seed + 2);
            let offset = noise(users, seed + 3);
            let seen: Vec<Vec<i32>> = (0..users)
                .map(|u| (0..items as i32).filter(|i| (i * 7 + u as i32 + seed as i32) % 3 == 0).collect())
                .collect();
            let mut indptr = vec![0i64];
            for row in &seen {
                indptr.push(indptr.last().unwrap() + row.len() as i64);
            }
            let indices: Vec<i32> = seen.concat();
            let rows: Vec<i32> = (0..users as i32).collect();
            let exclude = Exclude { indptr: &indptr, indices: &indices, rows: &rows };
            let panels = ItemPanels::new(&q, items, k, k, &bias);
            for level in Level::available() {
                let mut got = vec![0; users * n];
                let mut scores = vec![0.0; users * n];
                panels.best(level, 2, &p, users, k, &offset, n, Some(exclude), Adjust::default(), &mut got, &mut scores);
                let user_rows: Vec<i32> = rows.iter().flat_map(|&u| vec![u; items]).collect();
                let item_rows: Vec<i32> = (0..users).flat_map(|_| 0..items as i32).collect();
                let mut all = vec![0.0; users * items];
                panels.pairs(level, 1, &p, k, &user_rows, &item_rows, &mut all);
                for u in 0..users {
                    let mut want: Vec<(f32, i32)> = (0..items as i32)
                        .filter(|i| !seen[u].contains(i))
                        .map(|i| (all[u * items + i as usize] + offset[u], i))
                        .collect();
                    want.sort_by(order);
                    want.truncate(n);
                    for (slot, &(score, item)) in want.iter().enumerate() {
                        prop_assert_eq!(got[u * n + slot], item);
                        prop_assert_eq!(scores[u * n + slot].to_bits(), score.to_bits());
                    }
                    prop_assert!(got[u * n + want.len()..(u + 1) * n].iter().all(|&i| i == -1));
                }
            }
        }
    }
}
