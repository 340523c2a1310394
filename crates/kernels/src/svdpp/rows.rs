//! The steps of one row; see `docs/math/svdpp.md`. Nothing is fused, so that every level has the same bits.

use super::Ratings;
use super::plan::Batch;
use super::sums::{gather, share, total};
use super::work::Work;
use crate::pairwise::words::{Purpose, Words};
use crate::simd::{Lanes, PAD, dispatch};

/// Ratings ahead of which columns are asked for.
const AHEAD: usize = 6;

/// Memory that a thread reuses.
pub struct Scratch {
    order: Vec<u32>,
    start: Vec<f32>,
    sum: Vec<f32>,
}

impl Scratch {
    /// For rows of `stride` floats.
    pub fn new(stride: usize) -> Self {
        Self { order: Vec::new(), start: vec![0.0; stride], sum: vec![0.0; stride] }
    }
}

/// The two parts of a row while its ratings pass by.
trait Parts<L: Lanes> {
    /// The product of their sum with a column.
    unsafe fn product(&self, q: *const f32) -> f32;
    /// A step of both along a column.
    unsafe fn step(&mut self, q: *const f32, along: [f32; 2]);
}

/// Both parts in registers: `V` vectors of each.
struct Held<L: Lanes, const V: usize> {
    own: [L::V; V],
    sum: [L::V; V],
    keep: [L::V; 2],
}

impl<L: Lanes, const V: usize> Parts<L> for Held<L, V> {
    #[inline(always)]
    unsafe fn product(&self, q: *const f32) -> f32 {
        // SAFETY: a column of V vectors.
        unsafe {
            let mut sums = [L::splat(0.0); 4];
            for c in 0..V {
                let place = c % (PAD / L::N);
                let product = L::mul(L::load(q.add(c * L::N)), L::add(self.own[c], self.sum[c]));
                sums[place] = L::add(sums[place], product);
            }
            total::<L>(sums)
        }
    }

    #[inline(always)]
    unsafe fn step(&mut self, q: *const f32, along: [f32; 2]) {
        // SAFETY: a column of V vectors.
        unsafe {
            let along = along.map(|x| L::splat(x));
            for c in 0..V {
                let q = L::load(q.add(c * L::N));
                self.own[c] = L::add(L::mul(along[0], q), L::mul(self.own[c], self.keep[0]));
                self.sum[c] = L::add(L::mul(along[1], q), L::mul(self.sum[c], self.keep[1]));
            }
        }
    }
}

/// Both parts in memory.
struct Kept {
    own: *mut f32,
    sum: *mut f32,
    stride: usize,
    keep: [f32; 2],
}

impl<L: Lanes> Parts<L> for Kept {
    #[inline(always)]
    unsafe fn product(&self, q: *const f32) -> f32 {
        // SAFETY: rows and a column of `stride` floats.
        unsafe {
            let mut sums = [L::splat(0.0); 4];
            for c in (0..self.stride).step_by(L::N) {
                let place = c / L::N % (PAD / L::N);
                let whole = L::add(L::load(self.own.add(c)), L::load(self.sum.add(c)));
                sums[place] = L::add(sums[place], L::mul(L::load(q.add(c)), whole));
            }
            total::<L>(sums)
        }
    }

    #[inline(always)]
    unsafe fn step(&mut self, q: *const f32, along: [f32; 2]) {
        // SAFETY: rows and a column of `stride` floats.
        unsafe {
            let (along, keep) = (along.map(|x| L::splat(x)), self.keep.map(|x| L::splat(x)));
            for c in (0..self.stride).step_by(L::N) {
                let (own, sum, q) = (self.own.add(c), self.sum.add(c), L::load(q.add(c)));
                L::store(own, L::add(L::mul(along[0], q), L::mul(L::load(own), keep[0])));
                L::store(sum, L::add(L::mul(along[1], q), L::mul(L::load(sum), keep[1])));
            }
        }
    }
}

/// Takes the steps of one row's ratings in a random order; returns the sum of squared errors before each step.
#[inline(always)]
unsafe fn walk<L: Lanes>(work: &Work<'_>, row: usize, order: &[u32], parts: &mut impl Parts<L>) -> f64 {
    let (Ratings { indices, values, weights, .. }, s) = (work.ratings, &work.settings);
    let range = work.ratings.sets().range(row);
    let (indices, values) = (&indices[range.clone()], &values[range.clone()]);
    let (weights, places) = (weights.map(|weights| &weights[range.clone()]), &work.plan.places[range]);
    // An empty set has nothing to learn.
    let implicit = if work.sets.row(row).is_empty() { 0.0 } else { s.implicit.rate };
    // SAFETY: one element for each row.
    let bias = unsafe { &mut work.row_bias.range(row, row + 1)[0] };
    let (mut b, mut loss) = (*bias, 0.0f64);
    for (at, &event) in order.iter().enumerate() {
        let event = event as usize;
        // SAFETY: the binding checked that every column exists.
        unsafe {
            if let Some(&later) = order.get(at + AHEAD) {
                let q = work.whole.add(indices[later as usize] as usize * work.stride);
                (0..work.stride).step_by(PAD).for_each(|c| L::prefetch(q.add(c)));
            }
            let column = indices[event] as usize;
            let q = work.whole.add(column * work.stride);
            let score = parts.product(q) + (s.mean + b + *work.column_bias.add(column));
            let error = values[event] - score;
            let weighted = weights.map_or(error, |weights| weights[event] * error);
            loss += f64::from(error) * f64::from(weighted);
            parts.step(q, [s.row.rate * weighted, implicit * weighted]);
            b += s.bias.rate * (weighted - s.bias.penalty * b);
            work.errors.put(places[event] as usize, weighted);
        }
    }
    *bias = b;
    loss
}

/// [`walk`] with the parts in registers.
#[inline(always)]
unsafe fn walk_held<L: Lanes, const V: usize>(
    work: &Work<'_>,
    row: usize,
    order: &[u32],
    own: *mut f32,
    sum: *mut f32,
) -> f64 {
    // SAFETY: both are rows of V vectors.
    unsafe {
        let read = |from: *const f32| std::array::from_fn(|c| L::load(from.add(c * L::N)));
        let s = &work.settings;
        let keep = [L::splat(s.row.keep()), L::splat(s.implicit.keep())];
        let mut parts = Held::<L, V> { own: read(own), sum: read(sum), keep };
        let loss = walk::<L>(work, row, order, &mut parts);
        for c in 0..V {
            L::store(own.add(c * L::N), parts.own[c]);
            L::store(sum.add(c * L::N), parts.sum[c]);
        }
        loss
    }
}

/// # Safety
/// Tasks of one phase are of different slots of one batch; see [`Lanes`].
#[inline(always)]
unsafe fn learn_generic<L: Lanes>(work: &Work<'_>, batch: &Batch, slot: usize, scratch: &mut Scratch) {
    let (row, stride, s) = (batch.rows[slot] as usize, work.stride, &work.settings);
    let set = work.sets.row(row);
    let count = work.ratings.sets().row(row).len();
    let Scratch { order, start, sum } = scratch;
    order.clear();
    order.extend(0..count as u32);
    Words::new(s.seed, s.epoch, row as u32, Purpose::Row).shuffle(order);
    // SAFETY: the slot's and the row's own ranges; places of different rows are different; see `Work`.
    unsafe {
        let own = work.rows.range(row * stride, (row + 1) * stride).as_mut_ptr();
        gather::<L>(set, work.implicit, stride, start.as_mut_ptr());
        sum.copy_from_slice(start);
        let to = sum.as_mut_ptr();
        let loss = match stride / L::N {
            1 => walk_held::<L, 1>(work, row, order, own, to),
            2 => walk_held::<L, 2>(work, row, order, own, to),
            4 => walk_held::<L, 4>(work, row, order, own, to),
            8 => walk_held::<L, 8>(work, row, order, own, to),
            _ => {
                let keep = [s.row.keep(), s.implicit.keep()];
                let mut parts = Kept { own, sum: to, stride, keep };
                walk::<L>(work, row, order, &mut parts)
            }
        };
        work.losses.range(row, row + 1)[0] = loss;

        // The sum went from `start` to `sum` while every member shrank by `keep`: what it gained is theirs.
        let keep = f64::from(s.implicit.keep()).powi(count as i32) as f32;
        work.keeps.put(slot, keep);
        let end = work.ends.row(slot * stride, stride);
        let moved = work.moves.row(slot * stride, stride);
        let (lost, share) = (L::splat(-keep), L::splat(share(set.len())));
        for c in (0..stride).step_by(L::N) {
            let sum = L::load(to.add(c));
            L::store(end.add(c), L::add(sum, L::load(own.add(c))));
            let gained = L::add(sum, L::mul(lost, L::load(start.as_ptr().add(c))));
            L::store(moved.add(c), L::mul(gained, share));
        }
    }
}

dispatch!(
    /// Learns one row of a batch.
    pub(super) fn learn = learn_generic(work: &Work<'_>, batch: &Batch, slot: usize, scratch: &mut Scratch)
);
