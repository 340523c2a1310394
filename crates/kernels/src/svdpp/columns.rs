//! What the columns of a batch take up from its rows; see `docs/math/svdpp.md`.

use super::plan::{Batch, Turned};
use super::work::Work;
use super::{Group, Settings};
use crate::simd::{Lanes, PAD, dispatch};

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
                v = L::add(L::mul(L::splat(keeps[slot]), v), L::load(moves.add(slot * work.stride + c)));
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
                v = L::add(L::mul(L::splat(rate * error), end), L::mul(v, keep));
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
unsafe fn learn_generic<L: Lanes>(work: &Work<'_>, batch: &Batch, task: usize) {
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
    pub(super) fn learn = learn_generic(work: &Work<'_>, batch: &Batch, task: usize)
);
