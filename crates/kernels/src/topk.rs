//! Exact top-k by inner product: the best items of every user, ties to the lower item row.
//!
//! A score is the sum of products in the order of the factors, then the item's bias, then the user's offset; so one
//! user, a batch, an allow-list and [`PackedItems::pairs`] give the same bits. Most items are never scored: a
//! block of items too short to matter is left out, and the others are screened by small integers, with bounds
//! that never leave out an item that could be an answer. See `docs/math/top-k.md`.

mod best;
mod bound;
mod codes;
mod concordance;
mod dots;
mod pack;
mod screen;
mod seen;
mod user;

use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};
pub(crate) use best::Best;
use bound::{adjusted, below, lowered};
use codes::PANEL;
use dots::{ABREAST, dot_in_order, dots};
pub use pack::PackedItems;
use pack::Terms;
use screen::{Engine, Floor, Found, Screen};
use seen::Seen;
use user::User;

/// Users that one thread takes at a time; they share each block of items while it is in cache.
const CHUNK: usize = 64;

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

/// Items that each user must not get: compressed rows. User b of the query reads row `rows[b]`; a negative row
/// excludes nothing.
#[derive(Clone, Copy)]
pub struct Exclude<'a> {
    /// Offsets.
    pub indptr: &'a [i64],
    /// Item rows.
    pub indices: &'a [i32],
    /// One for each user of the query.
    pub rows: &'a [i32],
}

impl<'a> Exclude<'a> {
    pub(crate) fn of(&self, user: usize) -> &'a [i32] {
        let Ok(row) = usize::try_from(self.rows[user]) else { return &[] };
        &self.indices[self.indptr[row] as usize..self.indptr[row + 1] as usize]
    }
}

/// What a thread works with.
struct Scratch {
    best: Vec<Best>,
    seen: Seen,
    codes: Vec<i8>,
    found: Found,
    active: Vec<usize>,
    waiting: Vec<Waiting>,
}

/// Items of one user that the screen let through, to be scored together.
#[derive(Clone, Copy, Default)]
struct Waiting {
    at: [u32; ABREAST],
    count: usize,
}

impl PackedItems {
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
        let own = self.terms_of(adjust);
        let terms = own.as_ref().unwrap_or(&self.terms);
        // More can never be valid, so no more is held.
        let kept = n.min(self.items());
        let engine = Engine::of(level);
        let width = self.groups() * codes::GROUP;
        let (items, scores) = (DisjointSlice::new(items), DisjointSlice::new(scores));
        let most = CHUNK.min(count);
        let init = || Scratch {
            best: (0..most).map(|_| Best::new(kept)).collect(),
            seen: Seen::new(if exclude.is_some() { most } else { 0 }, self.items()),
            codes: vec![0; most * width],
            found: Found::default(),
            active: Vec::with_capacity(most),
            waiting: vec![Waiting::default(); most],
        };
        for_each_chunk(threads, count.div_ceil(CHUNK), init, |scratch, chunk| {
            let first = chunk * CHUNK;
            let members = first..count.min(first + CHUNK);
            let asking: Vec<User<'_>> = members
                .clone()
                .map(|user| {
                    let vector =
                        if self.k == 0 { &[] } else { &users[user * stride..user * stride + self.k] };
                    let codes = &mut scratch.codes[(user - first) * width..][..width];
                    User::new(vector, offset[user], engine, codes)
                })
                .collect();
            let excluded = |slot: usize| {
                let rows = exclude.map_or(&[][..], |exclude| exclude.of(first + slot));
                rows.iter().map(|&row| self.places[row as usize])
            };
            for slot in 0..members.len() {
                scratch.seen.mark(slot, excluded(slot));
            }
            self.score_blocks(level, engine, terms, &asking, scratch);
            for (slot, user) in members.enumerate() {
                scratch.seen.clear(slot, excluded(slot));
                // SAFETY: every user belongs to one chunk.
                let (items, scores) = unsafe {
                    (items.range(user * n, (user + 1) * n), scores.range(user * n, (user + 1) * n))
                };
                scratch.best[slot].take(items, scores);
            }
        });
    }

    /// The terms of a query, where they are not those of the packing.
    fn terms_of(&self, adjust: Adjust<'_>) -> Option<Terms> {
        let boost = adjust.positive.zip(adjust.negative);
        if adjust.bias.is_none() && boost.is_none() {
            return None;
        }
        let own: Vec<f32>;
        let bias = match adjust.bias {
            Some(bias) => bias,
            None => {
                own = (0..self.items()).map(|row| self.bias_of(row)).collect();
                &own
            }
        };
        Some(Terms::new(&self.rows, &self.blocks, bias, boost))
    }

    /// Shows all blocks to the users of a chunk.
    fn score_blocks(
        &self,
        level: Level,
        engine: Engine,
        terms: &Terms,
        asking: &[User<'_>],
        scratch: &mut Scratch,
    ) {
        let (groups, width) = (self.groups(), self.groups() * codes::GROUP);
        let Scratch { best, seen, codes, found, active, waiting } = scratch;
        active.clear();
        active.extend(0..asking.len());
        for (b, block) in self.blocks.iter().enumerate() {
            let (shifts, rest) = (&terms.blocks[b], &terms.from_here[b]);
            let positions = block.positions.clone();
            let lines = &self.codes[positions.start / PANEL * groups..positions.end / PANEL * groups];
            let bias = &terms.bias[positions.clone()];
            active.retain(|&slot| {
                let User { query, start, scale, .. } = &asking[slot];
                let bar = best[slot].bar();
                if !query.may_reach(bar, block.norm_from_here, rest) {
                    return false;
                }
                if !query.may_reach(bar, block.norm, shifts) {
                    return true;
                }
                let margin = query.margin(bar, block, shifts);
                let above = query.offset + margin;
                let floor = match &terms.boost {
                    None => Floor { floor: below(f64::from(bar) - above), boosted: None },
                    Some(boost) => {
                        let bar = lowered(bar);
                        let per_bar = if bar > 0.0 { &boost.per_positive } else { &boost.per_negative };
                        Floor { floor: below(-above), boosted: Some((bar, &per_bar[positions.clone()])) }
                    }
                };
                found.at.clear();
                found.score.clear();
                let screen = Screen {
                    user: &codes[slot * width..(slot + 1) * width],
                    start: *start,
                    scale: scale * block.scale,
                    items: lines,
                    run: block.run,
                    bias,
                    floor,
                };
                engine.reaching(&screen, found);
                let line = &mut waiting[slot];
                for (&at, &score) in found.at.iter().zip(&found.score) {
                    let at = positions.start + at as usize;
                    let mut most = f64::from(score) + above;
                    if let Some(boost) = &terms.boost {
                        most = adjusted(most, f64::from(boost.positive[at]), f64::from(boost.negative[at]));
                    }
                    let too_low = most < f64::from(best[slot].bar());
                    if too_low || terms.bias[at] == f32::NEG_INFINITY || seen.holds(slot, at) {
                        continue;
                    }
                    line.at[line.count] = at as u32;
                    line.count += 1;
                    if line.count == ABREAST {
                        self.score(level, terms, &asking[slot], line, &mut best[slot]);
                    }
                }
                true
            });
        }
        for (slot, user) in asking.iter().enumerate() {
            self.score(level, terms, user, &mut waiting[slot], &mut best[slot]);
        }
    }

    /// Scores the waiting items of a user and offers them.
    fn score(&self, level: Level, terms: &Terms, user: &User<'_>, waiting: &mut Waiting, best: &mut Best) {
        if waiting.count == 0 {
            return;
        }
        let products = dots(level, user.vector, &self.vectors, self.k, &waiting.at);
        for (&at, product) in waiting.at.iter().zip(products).take(waiting.count) {
            let at = at as usize;
            let mut score = product + terms.bias[at] + user.offset;
            if let Some(boost) = &terms.boost {
                score *= if score > 0.0 { boost.positive[at] } else { boost.negative[at] };
            }
            best.offer(score, self.rows[at]);
        }
        waiting.count = 0;
    }

    /// Scores of all items for every user, `users[u] . item + bias`, the same bits as [`PackedItems::best`] gives.
    ///
    /// `users` is (count, k; rows `stride` apart), `out` is (count, items) by item row.
    pub fn scores(&self, level: Level, threads: usize, users: &[f32], stride: usize, out: &mut [f32]) {
        let items = self.items();
        if items == 0 {
            return;
        }
        let count = out.len() / items;
        assert!(
            out.len() == count * items && (count * stride <= users.len() && self.k <= stride || self.k == 0)
        );
        let out = DisjointSlice::new(out);
        for_each_chunk(
            threads,
            count,
            || (),
            |(), user| {
                // SAFETY: every user has a row of its own.
                let out = unsafe { out.range(user * items, (user + 1) * items) };
                let vector = if self.k == 0 { &[] } else { &users[user * stride..user * stride + self.k] };
                for first in (0..self.rows.len()).step_by(ABREAST) {
                    let count = ABREAST.min(self.rows.len() - first);
                    // The last places are looked at once more where fewer are left.
                    let at = std::array::from_fn(|slot| (first + slot.min(count - 1)) as u32);
                    let products = dots(level, vector, &self.vectors, self.k, &at);
                    for (&at, product) in at.iter().zip(products).take(count) {
                        out[self.rows[at as usize] as usize] = product + self.terms.bias[at as usize];
                    }
                }
            },
        );
    }

    /// Scores of given pairs, `users[u] . item + bias`, the same bits as [`PackedItems::best`] gives.
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
            || (),
            |(), chunk| {
                let range = chunk * PAIRS..total.min((chunk + 1) * PAIRS);
                // SAFETY: every pair belongs to one chunk.
                let out = unsafe { out.range(range.start, range.end) };
                let pairs = user_rows[range.clone()].iter().zip(&item_rows[range]);
                for (score, (&user, &item)) in out.iter_mut().zip(pairs) {
                    let (user, at) = (user as usize, self.places[item as usize] as usize);
                    let row = &users[user * stride..user * stride + self.k];
                    let vector = &self.vectors[at * self.k..(at + 1) * self.k];
                    *score = dot_in_order(level, row, vector) + self.terms.bias[at];
                }
            },
        );
    }
}

#[cfg(test)]
mod tests;
