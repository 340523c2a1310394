//! The steps of one row, and of the columns of a batch; see `docs/math/svdpp.md`.

use super::plan::{Batch, Plan, Turned};
use super::{Group, Ratings, Sets, Settings};
use crate::pairwise::steps::dot;
use crate::pairwise::words::{Purpose, Words};
use crate::simd::{Lanes, PAD, dispatch};
use crate::threads::DisjointSlice;

/// Ratings ahead of which columns are asked for.
const AHEAD: usize = 6;

/// What the tasks of a pass share. The columns' arrays are read by tasks of rows, and each row of them is written by one
/// task of columns, in another phase.
pub struct Work<'a> {
    pub(super) ratings: Ratings<'a>,
    pub(super) sets: Sets<'a>,
    pub(super) settings: Settings,
    pub(super) stride: usize,
    pub(super) plan: &'a Plan,
    pub(super) rows: DisjointSlice<'a, f32>,
    pub(super) row_bias: DisjointSlice<'a, f32>,
    /// (columns, stride): what is learned of them, and with the fixed part.
    pub(super) columns: *mut f32,
    pub(super) whole: *mut f32,
    pub(super) fixed: Option<&'a [f32]>,
    pub(super) implicit: *mut f32,
    pub(super) column_bias: *mut f32,
    /// Of the batch at hand, by place: the error of each rating times its weight.
    pub(super) errors: Board<'a>,
    /// Of the batch at hand, (size, stride): the whole row after its steps; what is added to each implicit vector, and
    /// what is kept of it before, (size).
    pub(super) ends: Board<'a>,
    pub(super) moves: Board<'a>,
    pub(super) keeps: Board<'a>,
    /// Sums of squared errors, (rows).
    pub(super) losses: DisjointSlice<'a, f64>,
}

// SAFETY: tasks of rows read the columns' arrays and tasks of columns write them, in different phases; within a phase
// no two tasks write the same row.
unsafe impl Sync for Work<'_> {}

/// Floats that the rows of a batch write, each its own, and its columns read in the phase after.
pub struct Board<'a> {
    data: *mut f32,
    len: usize,
    _borrow: std::marker::PhantomData<&'a mut [f32]>,
}

impl<'a> Board<'a> {
    /// Wraps `data` for the time of the borrow.
    pub(super) fn new(data: &'a mut [f32]) -> Self {
        Self { data: data.as_mut_ptr(), len: data.len(), _borrow: std::marker::PhantomData }
    }

    /// # Safety
    /// No two tasks of a phase may write the same place, and none may read it.
    #[inline(always)]
    unsafe fn put(&self, at: usize, value: f32) {
        assert!(at < self.len);
        // SAFETY: in bounds, and the caller's promise.
        unsafe { *self.data.add(at) = value }
    }

    /// # Safety
    /// As [`Board::put`], for `n` places.
    #[inline(always)]
    unsafe fn row(&self, at: usize, n: usize) -> *mut f32 {
        assert!(at + n <= self.len);
        // SAFETY: in bounds.
        unsafe { self.data.add(at) }
    }

    /// # Safety
    /// No task of the phase may write.
    #[inline(always)]
    unsafe fn read(&self) -> &[f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }
}

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

/// `|N|^-1/2` of a set, and 0 of an empty one.
fn share(size: usize) -> f32 {
    if size == 0 { 0.0 } else { (1.0 / (size as f64).sqrt()) as f32 }
}

/// # Safety
/// `implicit` must hold a vector of `stride` floats for each member, `out` one; see [`Lanes`].
#[inline(always)]
unsafe fn gather<L: Lanes>(set: &[i32], implicit: *const f32, stride: usize, out: *mut f32) {
    // SAFETY: the caller's promise.
    unsafe {
        let scale = L::splat(share(set.len()));
        for c in (0..stride).step_by(PAD) {
            // As many vectors as are [`PAD`] floats, at most four.
            let mut sums = [L::splat(0.0); 4];
            for (at, &j) in set.iter().enumerate() {
                if let Some(&later) = set.get(at + 2 * AHEAD) {
                    L::prefetch(implicit.add(later as usize * stride + c));
                }
                let vector = implicit.add(j as usize * stride + c);
                for (lane, sum) in sums.iter_mut().enumerate().take(PAD / L::N) {
                    *sum = L::add(*sum, L::load(vector.add(lane * L::N)));
                }
            }
            for (lane, sum) in sums.into_iter().enumerate().take(PAD / L::N) {
                L::store(out.add(c + lane * L::N), L::mul(sum, scale));
            }
        }
    }
}

/// # Safety
/// As [`gather`].
#[inline(always)]
unsafe fn sum_generic<L: Lanes>(set: &[i32], implicit: &[f32], stride: usize, out: &mut [f32]) {
    // SAFETY: `sums` checked the members and lengths.
    unsafe { gather::<L>(set, implicit.as_ptr(), stride, out.as_mut_ptr()) }
}

dispatch!(
    /// Writes the scaled sum of a set's vectors into `out`, `stride` floats.
    pub(super) fn sum = sum_generic(set: &[i32], implicit: &[f32], stride: usize, out: &mut [f32])
);

/// # Safety
/// See [`Lanes`].
#[inline(always)]
unsafe fn less_generic<L: Lanes>(set: &[i32], values: &[f32], sum: &[f32], columns: &[f32], out: &mut [f32]) {
    for ((&column, &value), out) in set.iter().zip(values).zip(out) {
        // SAFETY: `targets` checked the columns and lengths.
        let told =
            unsafe { dot::<L>(sum.as_ptr(), columns.as_ptr().add(column as usize * sum.len()), sum.len()) };
        *out = value - told;
    }
}

dispatch!(
    /// Writes the values of one row less the products of its sum with their columns.
    pub(super) fn less = less_generic(
        set: &[i32],
        values: &[f32],
        sum: &[f32],
        columns: &[f32],
        out: &mut [f32],
    )
);

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
            let mut total = L::mul(L::load(q), L::add(self.own[0], self.sum[0]));
            for c in 1..V {
                total = L::fma(L::load(q.add(c * L::N)), L::add(self.own[c], self.sum[c]), total);
            }
            L::sum(total)
        }
    }

    #[inline(always)]
    unsafe fn step(&mut self, q: *const f32, along: [f32; 2]) {
        // SAFETY: a column of V vectors.
        unsafe {
            let along = along.map(|x| L::splat(x));
            for c in 0..V {
                let q = L::load(q.add(c * L::N));
                self.own[c] = L::fma(along[0], q, L::mul(self.own[c], self.keep[0]));
                self.sum[c] = L::fma(along[1], q, L::mul(self.sum[c], self.keep[1]));
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
        unsafe { dot::<L>(self.own, q, self.stride) + dot::<L>(self.sum, q, self.stride) }
    }

    #[inline(always)]
    unsafe fn step(&mut self, q: *const f32, along: [f32; 2]) {
        // SAFETY: rows and a column of `stride` floats.
        unsafe {
            let (along, keep) = (along.map(|x| L::splat(x)), self.keep.map(|x| L::splat(x)));
            for c in (0..self.stride).step_by(L::N) {
                let (own, sum, q) = (self.own.add(c), self.sum.add(c), L::load(q.add(c)));
                L::store(own, L::fma(along[0], q, L::mul(L::load(own), keep[0])));
                L::store(sum, L::fma(along[1], q, L::mul(L::load(sum), keep[1])));
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
unsafe fn row_generic<L: Lanes>(work: &Work<'_>, batch: &Batch, slot: usize, scratch: &mut Scratch) {
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
        let (keep, share) = (L::splat(keep), L::splat(share(set.len())));
        for c in (0..stride).step_by(L::N) {
            let sum = L::load(to.add(c));
            L::store(end.add(c), L::add(sum, L::load(own.add(c))));
            let gained = L::fnma(keep, L::load(start.as_ptr().add(c)), sum);
            L::store(moved.add(c), L::mul(gained, share));
        }
    }
}

dispatch!(
    /// Learns one row of a batch.
    pub(super) fn learn_row = row_generic(work: &Work<'_>, batch: &Batch, slot: usize, scratch: &mut Scratch)
);

/// The implicit vector of one column takes up what the rows at these slots gained.
#[inline(always)]
unsafe fn lean<L: Lanes>(work: &Work<'_>, column: usize, slots: &[u16], keeps: &[f32], moves: *const f32) {
    // SAFETY: slots of the batch; the column is this task's own.
    unsafe {
        let y = work.implicit.add(column * work.stride);
        for c in (0..work.stride).step_by(L::N) {
            let mut v = L::load(y.add(c));
            for &slot in slots {
                let slot = usize::from(slot);
                v = L::fma(L::splat(keeps[slot]), v, L::load(moves.add(slot * work.stride + c)));
            }
            L::store(y.add(c), v);
        }
    }
}

/// The factors and the bias of one column take up the errors of its ratings.
#[inline(always)]
unsafe fn follow<L: Lanes>(work: &Work<'_>, column: usize, slots: &[u16], errors: &[f32], ends: *const f32) {
    let Settings { column: Group { rate, .. }, bias, .. } = work.settings;
    // SAFETY: slots of the batch; the column is this task's own.
    unsafe {
        let q = work.columns.add(column * work.stride);
        let whole = work.whole.add(column * work.stride);
        let keep = L::splat(work.settings.column.keep());
        for c in (0..work.stride).step_by(L::N) {
            let mut v = L::load(q.add(c));
            for (&slot, &error) in slots.iter().zip(errors) {
                let end = L::load(ends.add(usize::from(slot) * work.stride + c));
                v = L::fma(L::splat(rate * error), end, L::mul(v, keep));
            }
            L::store(q.add(c), v);
            if let Some(fixed) = work.fixed {
                L::store(whole.add(c), L::add(v, L::load(fixed.as_ptr().add(column * work.stride + c))));
            }
        }
        let b = work.column_bias.add(column);
        for &error in errors {
            *b += bias.rate * (error - bias.penalty * *b);
        }
    }
}

/// # Safety
/// Tasks of one phase are different ones of one batch; see [`Lanes`].
#[inline(always)]
unsafe fn columns_generic<L: Lanes>(work: &Work<'_>, batch: &Batch, task: usize) {
    // SAFETY: written in the phase before.
    let (errors, ends, moves, keeps) =
        unsafe { (work.errors.read(), work.ends.read(), work.moves.read(), work.keeps.read()) };
    let rated = task < batch.rated.len();
    let (turned, task): (&Turned, usize) = match &batch.sets {
        Some(sets) if !rated => (sets, task - batch.rated.len()),
        _ => (&batch.rated, task),
    };
    for at in turned.tasks[task] as usize..turned.tasks[task + 1] as usize {
        let column = turned.columns[at] as usize;
        let range = turned.starts[at] as usize..turned.starts[at + 1] as usize;
        let slots = &turned.slots[range.clone()];
        // SAFETY: the plan has columns that exist, each in one task, and slots below its size.
        unsafe {
            if let Some(&later) = turned.columns.get(at + 2) {
                for c in (0..work.stride).step_by(PAD) {
                    L::prefetch(work.columns.add(later as usize * work.stride + c));
                    L::prefetch(work.implicit.add(later as usize * work.stride + c));
                }
            }
            if rated {
                follow::<L>(work, column, slots, &errors[range], ends.as_ptr());
            }
            if !rated || batch.sets.is_none() {
                lean::<L>(work, column, slots, keeps, moves.as_ptr());
            }
        }
    }
}

dispatch!(
    /// One task of the columns of a batch: they take up what its rows ask of them.
    pub(super) fn learn_columns = columns_generic(work: &Work<'_>, batch: &Batch, task: usize)
);
