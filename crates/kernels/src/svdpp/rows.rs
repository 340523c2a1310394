//! The steps of one row; see `docs/math/svdpp.md`. Nothing is fused, so that every level has the same bits.

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

/// One row on its way through its ratings.
struct Walk<'a> {
    indices: &'a [i32],
    values: &'a [f32],
    weights: Option<&'a [f32]>,
    places: &'a [u32],
    order: &'a [u32],
    /// Step length of the sum.
    implicit: f32,
    bias: f32,
    loss: f64,
}

impl<'a> Walk<'a> {
    fn new(work: &Work<'a>, row: usize, order: &'a [u32]) -> Self {
        let range = work.ratings.sets().range(row);
        // SAFETY: one element for each row.
        let bias = unsafe { work.row_bias.range(row, row + 1)[0] };
        Self {
            indices: &work.ratings.indices[range.clone()],
            values: &work.ratings.values[range.clone()],
            weights: work.ratings.weights.map(|weights| &weights[range.clone()]),
            places: &work.plan.places[range],
            order,
            // An empty set has nothing to learn.
            implicit: if work.sets.row(row).is_empty() { 0.0 } else { work.settings.implicit.rate },
            bias,
            loss: 0.0,
        }
    }

    /// The step of one rating, by its place in the order.
    #[inline(always)]
    unsafe fn step<L: Lanes>(&mut self, work: &Work<'_>, at: usize, parts: &mut impl Parts<L>) {
        let s = &work.settings;
        let event = self.order[at] as usize;
        // SAFETY: the binding checked that every column exists.
        unsafe {
            if let Some(&later) = self.order.get(at + AHEAD) {
                let q = work.whole.add(self.indices[later as usize] as usize * work.stride);
                (0..work.stride).step_by(PAD).for_each(|c| L::prefetch(q.add(c)));
            }
            let column = self.indices[event] as usize;
            let q = work.whole.add(column * work.stride);
            let score = parts.product(q) + (s.mean + self.bias + *work.column_bias.add(column));
            let error = self.values[event] - score;
            let weighted = self.weights.map_or(error, |weights| weights[event] * error);
            self.loss += f64::from(error) * f64::from(weighted);
            parts.step(q, [s.row.rate * weighted, self.implicit * weighted]);
            self.bias += s.bias.rate * (weighted - s.bias.penalty * self.bias);
            work.errors.put(self.places[event] as usize, weighted);
        }
    }

    /// Takes the steps from one place in the order on.
    #[inline(always)]
    unsafe fn run<L: Lanes>(&mut self, work: &Work<'_>, from: usize, parts: &mut impl Parts<L>) {
        for at in from..self.order.len() {
            // SAFETY: handed down.
            unsafe { self.step::<L>(work, at, parts) };
        }
    }
}

/// The ratings of one row, or of two in turns, with the parts in registers; a row alone waits for each step of its own.
#[inline(always)]
unsafe fn walk_held<L: Lanes, const V: usize>(work: &Work<'_>, rows: &mut [(Walk<'_>, [*mut f32; 2])]) {
    // SAFETY: both parts of each are rows of V vectors.
    unsafe {
        let s = &work.settings;
        let keep = [L::splat(s.row.keep()), L::splat(s.implicit.keep())];
        let read = |[own, sum]: [*mut f32; 2]| Held::<L, V> {
            own: std::array::from_fn(|c| L::load(own.add(c * L::N))),
            sum: std::array::from_fn(|c| L::load(sum.add(c * L::N))),
            keep,
        };
        let write = |[own, sum]: [*mut f32; 2], parts: Held<L, V>| {
            for c in 0..V {
                L::store(own.add(c * L::N), parts.own[c]);
                L::store(sum.add(c * L::N), parts.sum[c]);
            }
        };
        match rows {
            // As far as the registers hold both.
            [(a, at_a), (b, at_b)] if 4 * V < L::REGISTERS => {
                let (mut parts_a, mut parts_b) = (read(*at_a), read(*at_b));
                let both = a.order.len().min(b.order.len());
                for at in 0..both {
                    a.step::<L>(work, at, &mut parts_a);
                    b.step::<L>(work, at, &mut parts_b);
                }
                a.run::<L>(work, both, &mut parts_a);
                b.run::<L>(work, both, &mut parts_b);
                write(*at_a, parts_a);
                write(*at_b, parts_b);
            }
            _ => {
                for (walk, at) in rows {
                    let mut parts = read(*at);
                    walk.run::<L>(work, 0, &mut parts);
                    write(*at, parts);
                }
            }
        }
    }
}

/// [`walk_held`] with the parts in memory.
#[inline(always)]
unsafe fn walk_kept<L: Lanes>(work: &Work<'_>, rows: &mut [(Walk<'_>, [*mut f32; 2])]) {
    let keep = [work.settings.row.keep(), work.settings.implicit.keep()];
    for (walk, [own, sum]) in rows {
        let mut parts = Kept { own: *own, sum: *sum, stride: work.stride, keep };
        // SAFETY: rows of `stride` floats.
        unsafe { walk.run::<L>(work, 0, &mut parts) };
    }
}

/// [`walk_held`] or [`walk_kept`].
#[inline(always)]
unsafe fn walk<L: Lanes>(work: &Work<'_>, rows: &mut [(Walk<'_>, [*mut f32; 2])]) {
    // SAFETY: handed down.
    unsafe {
        match work.stride / L::N {
            1 => walk_held::<L, 1>(work, rows),
            2 => walk_held::<L, 2>(work, rows),
            4 => walk_held::<L, 4>(work, rows),
            8 => walk_held::<L, 8>(work, rows),
            _ => walk_kept::<L>(work, rows),
        }
    }
}

/// Draws the order of one row's ratings, gathers the sum of its set, and tells where its two parts are.
#[inline(always)]
unsafe fn begin<'a, L: Lanes>(
    work: &Work<'a>,
    row: usize,
    scratch: &'a mut Scratch,
) -> (Walk<'a>, [*mut f32; 2]) {
    let (s, stride) = (&work.settings, work.stride);
    let Scratch { order, start, sum } = scratch;
    order.clear();
    order.extend(0..work.ratings.sets().row(row).len() as u32);
    Words::new(s.seed, s.epoch, row as u32, Purpose::Row).shuffle(order);
    // SAFETY: members of a set exist, `start` holds `stride` floats, and the row is this task's own.
    let own = unsafe {
        gather::<L>(work.sets.row(row), work.implicit, stride, start.as_mut_ptr());
        work.rows.range(row * stride, (row + 1) * stride).as_mut_ptr()
    };
    sum.copy_from_slice(start);
    let parts = [own, sum.as_mut_ptr()];
    (Walk::new(work, row, order), parts)
}

/// Leaves for the columns what one row found.
#[inline(always)]
unsafe fn end<L: Lanes>(work: &Work<'_>, row: usize, slot: usize, found: (f32, f64), scratch: &Scratch) {
    let (stride, implicit, (bias, loss)) = (work.stride, work.settings.implicit, found);
    // The sum went from `start` to `sum` while every member shrank by `keep`: what it gained is theirs.
    let keep = f64::from(implicit.keep()).powi(scratch.order.len() as i32) as f32;
    // SAFETY: the slot's and the row's own ranges.
    unsafe {
        work.row_bias.range(row, row + 1)[0] = bias;
        work.losses.range(row, row + 1)[0] = loss;
        work.keeps.put(slot, keep);
        let own = work.rows.range(row * stride, (row + 1) * stride).as_ptr();
        let end = work.ends.row(slot * stride, stride);
        let moved = work.moves.row(slot * stride, stride);
        let (lost, share) = (L::splat(-keep), L::splat(share(work.sets.row(row).len())));
        for c in (0..stride).step_by(L::N) {
            let sum = L::load(scratch.sum.as_ptr().add(c));
            L::store(end.add(c), L::add(sum, L::load(own.add(c))));
            let gained = L::add(sum, L::mul(lost, L::load(scratch.start.as_ptr().add(c))));
            L::store(moved.add(c), L::mul(gained, share));
        }
    }
}

/// # Safety
/// Tasks of one phase are of different slots of one batch, one or two each; see [`Lanes`].
#[inline(always)]
unsafe fn learn_generic<L: Lanes>(
    work: &Work<'_>,
    batch: &Batch,
    slots: std::ops::Range<usize>,
    scratch: &mut [Scratch; 2],
) {
    let first = slots.start;
    // SAFETY: places of different rows are different; see `Work`.
    unsafe {
        match batch.rows[slots] {
            [row_a, row_b] => {
                let (row_a, row_b) = (row_a as usize, row_b as usize);
                let [a, b] = scratch;
                let mut walks = [begin::<L>(work, row_a, a), begin::<L>(work, row_b, b)];
                walk::<L>(work, &mut walks);
                let found = walks.map(|(walk, _)| (walk.bias, walk.loss));
                end::<L>(work, row_a, first, found[0], a);
                end::<L>(work, row_b, first + 1, found[1], b);
            }
            [row] => {
                let mut walks = [begin::<L>(work, row as usize, &mut scratch[0])];
                walk::<L>(work, &mut walks);
                let [(Walk { bias, loss, .. }, _)] = walks;
                end::<L>(work, row as usize, first, (bias, loss), &scratch[0]);
            }
            _ => unreachable!("a task has one row or two"),
        }
    }
}

dispatch!(
    /// Learns one row of a batch, or two.
    pub(super) fn learn = learn_generic(
        work: &Work<'_>,
        batch: &Batch,
        slots: std::ops::Range<usize>,
        scratch: &mut [Scratch; 2],
    )
);
