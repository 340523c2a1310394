//! The gradient steps of one task; see `docs/math/pairwise.md`.

use super::draw::Sample;
use super::logistic::{sigmoid, softplus};
use super::words::Words;
use super::{Events, Loss, Settings};
use crate::simd::{Lanes, PAD, dispatch};

/// Where the parameters lie; items by place.
#[derive(Clone, Copy)]
pub struct Pointers {
    pub(super) users: *mut f32,
    pub(super) items: *mut f32,
    pub(super) user_bias: *mut f32,
    pub(super) item_bias: *mut f32,
}

// SAFETY: the grid lets no two tasks that share a row run at once.
unsafe impl Sync for Pointers {}
// SAFETY: as above.
unsafe impl Send for Pointers {}

/// What a task needs besides its samples.
pub struct Work<'a> {
    pub(super) pointers: Pointers,
    pub(super) stride: usize,
    pub(super) settings: Settings<'a>,
    pub(super) events: Events<'a>,
    /// The item at each place.
    pub(super) order: &'a [u32],
    /// The places of both item blocks.
    pub(super) bounds: [(usize, usize); 2],
}

/// Samples ahead of which rows are asked for.
const AHEAD: usize = 3;

impl Work<'_> {
    #[inline(always)]
    unsafe fn user(&self, user: u32) -> *mut f32 {
        // SAFETY: the drawer made samples of users that exist.
        unsafe { self.pointers.users.add(user as usize * self.stride) }
    }

    #[inline(always)]
    unsafe fn item(&self, place: u32) -> *mut f32 {
        // SAFETY: the drawer made samples of items that exist.
        unsafe { self.pointers.items.add(place as usize * self.stride) }
    }

    #[inline(always)]
    unsafe fn bias(&self, place: u32) -> *mut f32 {
        // SAFETY: as above.
        unsafe { self.pointers.item_bias.add(place as usize) }
    }

    #[inline(always)]
    unsafe fn prefetch<L: Lanes>(&self, sample: Option<&Sample>) {
        let Some(sample) = sample else { return };
        for c in (0..self.stride).step_by(PAD) {
            // SAFETY: inside the rows.
            unsafe {
                L::prefetch(self.user(sample.user).add(c));
                L::prefetch(self.item(sample.item).add(c));
                L::prefetch(self.item(sample.other).add(c));
            }
        }
    }

    #[inline(always)]
    unsafe fn prefetch_item<L: Lanes>(&self, place: u32) {
        for c in (0..self.stride).step_by(PAD) {
            // SAFETY: inside the row.
            unsafe { L::prefetch(self.item(place).add(c)) }
        }
    }

    /// The scores of the items at these places, a multiple of four.
    #[inline(always)]
    unsafe fn scores<L: Lanes>(&self, p: *const f32, places: &[u32], out: &mut [f32]) {
        for (places, out) in places.chunks_exact(4).zip(out.chunks_exact_mut(4)) {
            // SAFETY: items that exist.
            unsafe {
                let rows = std::array::from_fn(|c| self.item(places[c]).cast_const());
                let dots = dot4::<L>(p, rows, self.stride);
                (0..4).for_each(|c| out[c] = dots[c] + *self.bias(places[c]));
            }
        }
    }

    /// Whether the item at a place may stand against the sample's.
    #[inline(always)]
    fn free(&self, sample: Sample, place: u32) -> bool {
        let item = self.order[place as usize] as i32;
        place != sample.item
            && !(self.settings.checked && self.events.row(sample.user as usize).binary_search(&item).is_ok())
    }

    /// The places of the block that holds `place`.
    #[inline(always)]
    fn block(&self, place: u32) -> (u32, u32) {
        let [first, second] = self.bounds;
        let inside = (first.0..first.1).contains(&(place as usize));
        let (from, to) = if inside { first } else { second };
        (from as u32, to as u32)
    }
}

/// `a . b` of `n` floats, a multiple of [`PAD`].
///
/// # Safety
/// Both must be valid for `n` floats; see [`Lanes`].
#[inline(always)]
pub unsafe fn dot<L: Lanes>(a: *const f32, b: *const f32, n: usize) -> f32 {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [L::splat(0.0); 4];
        let mut c = 0;
        while c + 4 * L::N <= n {
            for (lane, sum) in sums.iter_mut().enumerate() {
                let at = c + lane * L::N;
                *sum = L::fma(L::load(a.add(at)), L::load(b.add(at)), *sum);
            }
            c += 4 * L::N;
        }
        while c < n {
            sums[0] = L::fma(L::load(a.add(c)), L::load(b.add(c)), sums[0]);
            c += L::N;
        }
        L::sum(L::add(L::add(sums[0], sums[1]), L::add(sums[2], sums[3])))
    }
}

/// `a . b` for four b at once.
///
/// # Safety
/// As [`dot`].
#[inline(always)]
unsafe fn dot4<L: Lanes>(a: *const f32, b: [*const f32; 4], n: usize) -> [f32; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [L::splat(0.0); 4];
        for c in (0..n).step_by(L::N) {
            let part = L::load(a.add(c));
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = L::fma(part, L::load(b.add(c)), *sum);
            }
        }
        L::sum4(sums)
    }
}

/// Lengths of a step, with their signs, as vectors.
struct Lengths<L: Lanes> {
    /// Along the gradient of the score.
    along: L::V,
    /// What the penalties leave of the user's factors and of both items'.
    keep: [L::V; 3],
}

/// Moves the user's factors by `along (q_i - q_j)`, the items' by `along p` and `-along p`, each shrunk first.
#[inline(always)]
unsafe fn move_three<L: Lanes>(p: *mut f32, i: *mut f32, j: *mut f32, n: usize, by: &Lengths<L>) {
    let [keep_p, keep_i, keep_j] = by.keep;
    for c in (0..n).step_by(L::N) {
        // SAFETY: three different rows of `n` floats.
        unsafe {
            let (u, a, b) = (L::load(p.add(c)), L::load(i.add(c)), L::load(j.add(c)));
            let moved = L::fma(by.along, a, L::mul(u, keep_p));
            L::store(p.add(c), L::fnma(by.along, b, moved));
            L::store(i.add(c), L::fma(by.along, u, L::mul(a, keep_i)));
            L::store(j.add(c), L::fnma(by.along, u, L::mul(b, keep_j)));
        }
    }
}

/// One step along a pair: the gradient of the loss by `x_i - x_j` is `-slope`.
#[inline(always)]
unsafe fn pair_step<L: Lanes>(work: &Work<'_>, sample: Sample, other: u32, slope: f32) {
    let s = &work.settings;
    // SAFETY: the samples of a task touch its own rows, and the items of a pair are two.
    unsafe {
        let keep = [s.user, s.positive, s.negative].map(|penalty| L::splat(1.0 - s.rate * penalty));
        let by = Lengths { along: L::splat(s.rate * slope), keep };
        let (p, i, j) = (work.user(sample.user), work.item(sample.item), work.item(other));
        move_three::<L>(p, i, j, work.stride, &by);
        if s.biases {
            let (b_i, b_j) = (work.bias(sample.item), work.bias(other));
            *b_i += s.rate * (slope - s.bias * *b_i);
            *b_j -= s.rate * (slope + s.bias * *b_j);
        }
    }
}

#[inline(always)]
unsafe fn bpr<L: Lanes>(work: &Work<'_>, samples: &[Sample]) -> f64 {
    let mut total = 0.0;
    for (at, &sample) in samples.iter().enumerate() {
        // SAFETY: the samples of a task touch its own rows.
        unsafe {
            work.prefetch::<L>(samples.get(at + AHEAD));
            let p = work.user(sample.user);
            let score = |place: u32| dot::<L>(p, work.item(place), work.stride) + *work.bias(place);
            let lead = score(sample.item) - score(sample.other);
            if work.settings.measured {
                total += f64::from(sample.weight) * softplus(-lead);
            }
            pair_step::<L>(work, sample, sample.other, sample.weight * sigmoid(-lead));
        }
    }
    total
}

/// Candidates that are drawn ahead at a time.
const DRAWN: usize = 1 << 14;

/// Times that the next best of all candidates is looked for in place of one that the user has.
const TRIES: usize = 4;

/// [`bpr`] with the best scored of several unseen items.
#[inline(always)]
unsafe fn hardest<L: Lanes>(
    work: &Work<'_>,
    samples: &[Sample],
    candidates: usize,
    words: &mut Words,
) -> f64 {
    // Some draws before the steps, so that their rows can be asked for ahead; in fours, and what is too many is not
    // looked at.
    let width = candidates.next_multiple_of(4);
    let some = (DRAWN / width).max(1);
    let mut drawn = Vec::with_capacity(samples.len().min(some) * width);
    let mut scores = vec![0.0f32; width];
    let mut total = 0.0;
    for samples in samples.chunks(some) {
        drawn.clear();
        for sample in samples {
            let (from, to) = work.block(sample.other);
            drawn.push(sample.other);
            drawn.extend((1..candidates).map(|_| from + words.below(to - from)));
            drawn.resize(drawn.len().next_multiple_of(width), sample.other);
        }
        for (at, &sample) in samples.iter().enumerate() {
            // SAFETY: the samples of a task touch its own rows.
            unsafe {
                work.prefetch::<L>(samples.get(at + AHEAD));
                if let Some(later) = drawn.get((at + AHEAD) * width..(at + AHEAD) * width + candidates) {
                    later[1..].iter().for_each(|&place| work.prefetch_item::<L>(place));
                }
                let p = work.user(sample.user);
                let drawn = &drawn[at * width..(at + 1) * width];
                work.scores::<L>(p, drawn, &mut scores);
                let mine = dot::<L>(p, work.item(sample.item), work.stride) + *work.bias(sample.item);
                let best = best_unseen(work, sample, &drawn[..candidates], &mut scores);
                let lead = mine - scores[best];
                if work.settings.measured {
                    total += f64::from(sample.weight) * softplus(-lead);
                }
                pair_step::<L>(work, sample, drawn[best], sample.weight * sigmoid(-lead));
            }
        }
    }
    total
}

/// Which of the drawn items scores best of those that may stand against the sample's; the first may, and a better one
/// is taken where it is.
#[inline(always)]
pub(super) fn best_unseen(work: &Work<'_>, sample: Sample, drawn: &[u32], scores: &mut [f32]) -> usize {
    for _ in 0..TRIES {
        let best = (1..drawn.len()).fold(0, |best, c| if scores[c] > scores[best] { c } else { best });
        if best == 0 || work.free(sample, drawn[best]) {
            return best;
        }
        scores[best] = f32::NEG_INFINITY;
    }
    // Of a user who has most items; now each candidate is asked about once, so that many of them take no square.
    let better = |best: usize, c: usize| scores[c] > scores[best] && work.free(sample, drawn[c]);
    (1..drawn.len()).fold(0, |best, c| if better(best, c) { c } else { best })
}

/// The sum of 1 / r for r in 1..=n.
fn harmonic(n: u32) -> f32 {
    if n < 32 {
        return (1..=n).map(|r| 1.0 / f64::from(r)).sum::<f64>() as f32;
    }
    let n = f64::from(n);
    (n.ln() + 0.577_215_664_901_532_9 + 0.5 / n - 1.0 / (12.0 * n * n)) as f32
}

#[inline(always)]
unsafe fn warp<L: Lanes>(work: &Work<'_>, samples: &[Sample], trials: u32, words: &mut Words) -> f64 {
    let items = work.events.items as u32;
    // The weight of a step by the draws before it; from as many as there are items on it is the same.
    let weights: Vec<f32> =
        (1..=trials.min(items)).map(|draws| harmonic((items / draws).max(1)) / harmonic(items)).collect();
    let weight = |draws: u32| weights[(draws.min(items) - 1) as usize];
    let mut total = 0.0;
    for (at, &sample) in samples.iter().enumerate() {
        // SAFETY: the samples of a task touch its own rows.
        unsafe {
            work.prefetch::<L>(samples.get(at + AHEAD));
            let p = work.user(sample.user);
            let (from, to) = work.block(sample.other);
            let floor = dot::<L>(p, work.item(sample.item), work.stride) + *work.bias(sample.item) - 1.0;
            let (mut drawn, mut scores) = ([sample.other; 4], [0.0; 4]);
            'draws: for first in (0..trials).step_by(4) {
                let fresh = usize::from(first == 0);
                drawn[fresh..].iter_mut().for_each(|place| *place = from + words.below(to - from));
                work.scores::<L>(p, &drawn, &mut scores);
                for ((&other, &score), draws) in drawn.iter().zip(&scores).zip(first + 1..=trials) {
                    if score > floor && work.free(sample, other) {
                        let slope = sample.weight * weight(draws);
                        total += f64::from(slope * (score - floor));
                        pair_step::<L>(work, sample, other, slope);
                        break 'draws;
                    }
                }
            }
        }
    }
    total
}

#[inline(always)]
unsafe fn logistic<L: Lanes>(work: &Work<'_>, samples: &[Sample], mean: f32) -> f64 {
    let (s, n) = (&work.settings, work.stride);
    let mut total = 0.0;
    for (at, &sample) in samples.iter().enumerate() {
        // SAFETY: the samples of a task touch its own rows.
        unsafe {
            work.prefetch::<L>(samples.get(at + AHEAD));
            let (p, q, b_i) = (work.user(sample.user), work.item(sample.item), work.bias(sample.item));
            let b_u = work.pointers.user_bias.add(sample.user as usize);
            let x = dot::<L>(p, q, n) + (mean + *b_u + *b_i);
            let sign = 1f32.copysign(sample.weight);
            let slope = sample.weight * sigmoid(-sign * x);
            if work.settings.measured {
                total += f64::from(sample.weight.abs()) * softplus(-sign * x);
            }
            let penalty = if sign > 0.0 { s.positive } else { s.negative };
            let along = L::splat(s.rate * slope);
            let (keep_p, keep_q) = (L::splat(1.0 - s.rate * s.user), L::splat(1.0 - s.rate * penalty));
            for c in (0..n).step_by(L::N) {
                let (u, a) = (L::load(p.add(c)), L::load(q.add(c)));
                L::store(p.add(c), L::fma(along, a, L::mul(u, keep_p)));
                L::store(q.add(c), L::fma(along, u, L::mul(a, keep_q)));
            }
            if s.biases {
                *b_u += s.rate * (slope - s.bias * *b_u);
                *b_i += s.rate * (slope - s.bias * *b_i);
            }
        }
    }
    total
}

/// # Safety
/// The parameters must hold every user and item of the samples, in rows of `stride` floats, and nothing else may use
/// these rows meanwhile; see [`Lanes`].
#[inline(always)]
unsafe fn learn_generic<L: Lanes>(work: &Work<'_>, samples: &[Sample], words: &mut Words) -> f64 {
    // SAFETY: the caller's promise.
    unsafe {
        match work.settings.loss {
            Loss::Bpr { candidates: 1 } => bpr::<L>(work, samples),
            Loss::Bpr { candidates } => hardest::<L>(work, samples, candidates as usize, words),
            Loss::Warp { trials, .. } => warp::<L>(work, samples, trials, words),
            Loss::Logistic { mean, .. } => logistic::<L>(work, samples, mean),
        }
    }
}

dispatch!(
    /// Takes the steps of the samples in order; returns the sum of their losses before each step.
    pub(super) fn learn = learn_generic(work: &Work<'_>, samples: &[Sample], words: &mut Words) -> f64
);
