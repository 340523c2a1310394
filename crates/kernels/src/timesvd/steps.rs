//! The steps of one user against fixed items, and of items by what a group of users left; see `docs/math/timesvd.md`.

use super::{Events, Parameters, Settings};
use crate::pairwise::steps::dot;
use crate::pairwise::words::{Purpose, Words};
use crate::simd::{Lanes, dispatch};

/// Where the parameters lie, and what a group of users leaves for the items.
#[derive(Clone, Copy)]
pub struct Pointers {
    users: *mut f32,
    items: *mut f32,
    implicit: *mut f32,
    drift: *mut f32,
    day_factors: *mut f32,
    user_bias: *mut f32,
    user_slope: *mut f32,
    day_bias: *mut f32,
    item_bias: *mut f32,
    bin_bias: *mut f32,
    item_trend: *mut f32,
    /// Weight times error of each rating of the group.
    errors: *mut f32,
    /// What the item's factors met there.
    vectors: *mut f32,
    /// What each user of the group adds to the implicit factors of the history.
    sums: *mut f32,
    /// What each leaves of them.
    kept: *mut f32,
}

// SAFETY: no two tasks of a phase share a row of what they write, and what they read is written in other phases.
unsafe impl Sync for Pointers {}
// SAFETY: as above.
unsafe impl Send for Pointers {}

impl Pointers {
    /// Of these parameters and these rooms; null where there are none.
    pub fn new(
        parameters: Parameters<'_>,
        errors: &mut [f32],
        vectors: &mut [f32],
        sums: &mut [f32],
        kept: &mut [f32],
    ) -> Self {
        let of = |x: Option<&mut [f32]>| x.map_or(std::ptr::null_mut(), <[f32]>::as_mut_ptr);
        Self {
            users: parameters.users.as_mut_ptr(),
            items: parameters.items.as_mut_ptr(),
            implicit: of(parameters.implicit),
            drift: of(parameters.drift),
            day_factors: of(parameters.day_factors),
            user_bias: parameters.user_bias.as_mut_ptr(),
            user_slope: parameters.user_slope.as_mut_ptr(),
            day_bias: parameters.day_bias.as_mut_ptr(),
            item_bias: parameters.item_bias.as_mut_ptr(),
            bin_bias: parameters.bin_bias.as_mut_ptr(),
            item_trend: parameters.item_trend.as_mut_ptr(),
            errors: errors.as_mut_ptr(),
            vectors: vectors.as_mut_ptr(),
            sums: sums.as_mut_ptr(),
            kept: kept.as_mut_ptr(),
        }
    }
}

/// What a task needs.
pub struct Work<'a> {
    pub(super) events: Events<'a>,
    pub(super) settings: Settings,
    pub(super) epoch: u32,
    pub(super) stride: usize,
    pub(super) bins: usize,
    pub(super) pointers: Pointers,
}

/// Scratch memory of a thread: the order of ratings, then the implicit sum as it moves and as it was.
pub type Scratch = Vec<f32>;

/// Ratings ahead of which rows are asked for.
const AHEAD: usize = 3;

/// # Safety
/// The parameters must be as [`super::check`] wants them; nothing else may use the rows of the user, the place in the
/// group or the ratings from `start` on, or write items, meanwhile; see [`Lanes`].
#[inline(always)]
unsafe fn learn_user_generic<L: Lanes>(
    work: &Work<'_>,
    user: usize,
    slot: usize,
    start: usize,
    scratch: &mut Scratch,
) -> f64 {
    let (n, p, s, events) = (work.stride, work.pointers, work.settings, work.events);
    let range = events.range(user);
    let mut order: Vec<u32> = (0..range.len() as u32).collect();
    Words::new(s.seed, work.epoch, user as u32, Purpose::Task).shuffle(&mut order);
    scratch.clear();
    scratch.resize(2 * n, 0.0);
    let (sum, first) = scratch.split_at_mut(n);
    let (sum, first) = (sum.as_mut_ptr(), first.as_mut_ptr());
    let norm = 1.0 / (range.len().max(1) as f32).sqrt();
    let mut loss = 0.0;
    // SAFETY: the caller's promise; `sum` and `first` have `n` floats each.
    unsafe {
        if !p.implicit.is_null() {
            for event in range.clone() {
                let y = p.implicit.add(events.indices[event] as usize * n);
                for c in (0..n).step_by(L::N) {
                    L::store(sum.add(c), L::add(L::load(sum.add(c)), L::load(y.add(c))));
                }
            }
            for c in (0..n).step_by(L::N) {
                let z = L::mul(L::load(sum.add(c)), L::splat(norm));
                L::store(sum.add(c), z);
                L::store(first.add(c), z);
            }
        }
        let own = p.users.add(user * n);
        let slope = if p.drift.is_null() { p.drift } else { p.drift.add(user * n) };
        let (b_u, a_u) = (&mut *p.user_bias.add(user), &mut *p.user_slope.add(user));
        let [keep, keep_y, keep_d] = [s.factors, s.implicit, s.drift].map(|pace| L::splat(pace.keep()));
        let mut left = 1.0f32;
        for (at, &place) in order.iter().enumerate() {
            if let Some(&later) = order.get(at + AHEAD) {
                let q = p.items.add(events.indices[range.start + later as usize] as usize * n);
                (0..n).step_by(16).for_each(|c| L::prefetch(q.add(c)));
            }
            let event = range.start + place as usize;
            let item = events.indices[event] as usize;
            let (q, x) = (p.items.add(item * n), p.vectors.add((start + place as usize) * n));
            let (since, day) = (events.user_deviation[event], events.days[event] as usize);
            let of_day = if p.day_factors.is_null() { p.day_factors } else { p.day_factors.add(day * n) };
            for c in (0..n).step_by(L::N) {
                let mut v = L::add(L::load(own.add(c)), L::load(sum.add(c)));
                if !slope.is_null() {
                    v = L::fma(L::splat(since), L::load(slope.add(c)), v);
                }
                if !of_day.is_null() {
                    v = L::add(v, L::load(of_day.add(c)));
                }
                L::store(x.add(c), v);
            }
            let b_day = &mut *p.day_bias.add(day);
            let bin = *p.bin_bias.add(item * work.bins + events.bins[event] as usize);
            let of_item =
                *p.item_bias.add(item) + bin + *p.item_trend.add(item) * events.item_deviation[event];
            let score = dot::<L>(x, q, n) + (*b_u + *a_u * since + *b_day + of_item);
            let miss = events.values[event] - score;
            let error = events.weights.map_or(miss, |weights| weights[event] * miss);
            loss += f64::from(error) * f64::from(miss);
            *p.errors.add(start + place as usize) = error;

            s.biases.step(b_u, error);
            s.user_time[0].step(a_u, error * since);
            s.user_time[1].step(b_day, error);
            let along = L::splat(s.factors.rate * error);
            let [along_y, along_d, along_day] =
                [s.implicit.rate * error, s.drift.rate * error * since, s.drift.rate * error]
                    .map(|x| L::splat(x));
            for c in (0..n).step_by(L::N) {
                let b = L::load(q.add(c));
                L::store(own.add(c), L::fma(along, b, L::mul(L::load(own.add(c)), keep)));
                if !p.implicit.is_null() {
                    L::store(sum.add(c), L::fma(along_y, b, L::mul(L::load(sum.add(c)), keep_y)));
                }
                if !slope.is_null() {
                    L::store(slope.add(c), L::fma(along_d, b, L::mul(L::load(slope.add(c)), keep_d)));
                }
                if !of_day.is_null() {
                    L::store(of_day.add(c), L::fma(along_day, b, L::mul(L::load(of_day.add(c)), keep_d)));
                }
            }
            left *= s.implicit.keep();
        }
        // What the steps added to the sum is what each of its items gets, times the same norm.
        let given = p.sums.add(slot * n);
        for c in (0..n).step_by(L::N) {
            let added = L::fnma(L::splat(left), L::load(first.add(c)), L::load(sum.add(c)));
            L::store(given.add(c), L::mul(added, L::splat(norm)));
        }
        *p.kept.add(slot) = left;
    }
    loss
}

dispatch!(
    /// Learns one user's ratings in random order; returns the sum of their squared errors, weights included.
    pub(super) fn learn_user = learn_user_generic(
        work: &Work<'_>, user: usize, slot: usize, start: usize, scratch: &mut Scratch,
    ) -> f64
);

/// # Safety
/// As of [`learn_user_generic`], but nothing else may use items from `from` to `to`, or write what the group left.
#[inline(always)]
unsafe fn learn_items_generic<L: Lanes>(
    work: &Work<'_>,
    group: &[u32],
    starts: &[usize],
    (from, to): (i32, i32),
) {
    let (n, p, s, events) = (work.stride, work.pointers, work.settings, work.events);
    for (slot, (&user, &start)) in group.iter().zip(starts).enumerate() {
        let range = events.range(user as usize);
        let items = &events.indices[range.clone()];
        let (first, last) =
            (items.partition_point(|&item| item < from), items.partition_point(|&item| item < to));
        for place in first..last {
            let (event, item) = (range.start + place, items[place] as usize);
            // SAFETY: the caller's promise.
            unsafe {
                let (error, x) = (*p.errors.add(start + place), p.vectors.add((start + place) * n));
                s.biases.step(&mut *p.item_bias.add(item), error);
                let bin = p.bin_bias.add(item * work.bins + events.bins[event] as usize);
                s.item_time[0].step(&mut *bin, error);
                s.item_time[1].step(&mut *p.item_trend.add(item), error * events.item_deviation[event]);
                let (along, keep) = (L::splat(s.factors.rate * error), L::splat(s.factors.keep()));
                let q = p.items.add(item * n);
                for c in (0..n).step_by(L::N) {
                    L::store(q.add(c), L::fma(along, L::load(x.add(c)), L::mul(L::load(q.add(c)), keep)));
                }
                if !p.implicit.is_null() {
                    let (y, given) = (p.implicit.add(item * n), p.sums.add(slot * n));
                    let left = L::splat(*p.kept.add(slot));
                    for c in (0..n).step_by(L::N) {
                        L::store(y.add(c), L::fma(left, L::load(y.add(c)), L::load(given.add(c))));
                    }
                }
            }
        }
    }
}

dispatch!(
    /// Brings a block of items up to date, user after user of the group.
    pub(super) fn learn_items = learn_items_generic(
        work: &Work<'_>, group: &[u32], starts: &[usize], block: (i32, i32),
    )
);
