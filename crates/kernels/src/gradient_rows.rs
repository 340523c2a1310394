//! Conjugate-gradient steps for every row of one side; see `docs/math/als.md`.
//!
//! A pass over a row reads the fixed rows that it touches, in no order that a cache could guess. Three kinds of rows
//! are therefore treated in three ways, with the same arithmetic:
//!
//! - A *short* row's fixed rows fit into the second-level cache, so it takes all its passes by itself.
//! - *Long* rows walk the fixed side together: block after block of fixed rows comes into the cache, and each
//!   row of the group takes from it what it touches, before all of them take their step.
//! - A *giant* row is cut into segments for all threads, whose sums are added in order.
//!
//! Which kind a row is depends on the data alone, so results do not depend on the number of threads.

use crate::als::{Events, Factors, Failure, Penalty};
use crate::gradient::{self, Diagonal, GROUP, Pass, Schur, State};
use crate::row::Touched;
use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};
use std::sync::Mutex;

/// How the rows of one side are told apart and cut; see the module.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Floats of fixed rows that a short row may touch.
    pub short: usize,
    /// Floats of fixed rows in a block.
    pub block: usize,
    /// Floats of the rows that walk together.
    pub group: usize,
    /// Events of a giant row.
    pub giant: usize,
    /// Events of its segments, a multiple of [`GROUP`].
    pub segment: usize,
}

impl Default for Sizes {
    /// For second-level caches from half a MiB to two.
    fn default() -> Self {
        Self { short: 192 * 1024, block: 256 * 1024, group: 128 * 1024, giant: 1 << 18, segment: 1 << 14 }
    }
}

/// Rows that one thread takes at a time.
const CHUNK: usize = 32;

/// What every row of one side is solved against.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// The instruction set.
    pub level: Level,
    /// The events of the rows.
    pub events: Events<'a>,
    /// The other side.
    pub fixed: Factors<'a>,
    /// The penalties.
    pub penalty: Penalty,
    /// The fixed side's Gram matrix in its eigenbasis times the weight of the unobserved (stride); zeros for explicit
    /// ratings.
    pub spectrum: &'a [f32],
    /// Rows behind the spectrum times the weight of the unobserved.
    pub mass: f32,
    /// Steps for every row.
    pub steps: usize,
}

/// One row under way.
struct Member {
    row: usize,
    from: usize,
    to: usize,
    next: usize,
    lambda: f32,
    share: f32,
    bias: Option<Schur>,
}

impl<'a> Problem<'a> {
    fn touched(&self, from: usize, to: usize) -> Touched<'a> {
        Touched { data: self.fixed.data, stride: self.fixed.stride, index: &self.events.indices[from..to] }
    }

    fn diagonal(&self, member: &Member) -> Diagonal<'a> {
        Diagonal { spectrum: self.spectrum, lambda: member.lambda, share: member.share }
    }

    fn range(&self, row: usize) -> (usize, usize) {
        (self.events.indptr[row] as usize, self.events.indptr[row + 1] as usize)
    }

    /// The row's numbers, from its weights and weighted targets.
    fn member(&self, row: usize, w: &[f32], wy: &[f32]) -> Member {
        let (from, to) = self.range(row);
        let scale = self.penalty.scale(to - from);
        let weight = match self.events.constant_weight() {
            Some(weight) => f64::from(weight) * (to - from) as f64,
            None => sum(w),
        };
        let bias = self.penalty.bias_regularization.map(|penalty| {
            let total = weight + penalty * scale;
            Schur { inverse: if total > 0.0 { (1.0 / total) as f32 } else { 0.0 }, target: sum(wy) as f32 }
        });
        Member {
            row,
            from,
            to,
            next: from,
            lambda: (self.penalty.regularization * scale) as f32,
            share: if self.mass > 0.0 { (weight / f64::from(self.mass)) as f32 } else { 0.0 },
            bias,
        }
    }
}

/// The sum in double precision, in eight parts so that additions need not wait for each other.
fn sum(values: &[f32]) -> f64 {
    let mut parts = [0.0f64; 8];
    for values in values.chunks(8) {
        for (part, &value) in parts.iter_mut().zip(values) {
            *part += f64::from(value);
        }
    }
    parts.iter().sum()
}

/// Memory that a thread reuses.
struct Worker {
    w: Vec<f32>,
    wy: Vec<f32>,
    states: Vec<State>,
}

impl Worker {
    fn new() -> Self {
        Self { w: Vec::new(), wy: Vec::new(), states: Vec::new() }
    }

    fn reserve(&mut self, rows: usize, stride: usize) {
        while self.states.len() < rows {
            self.states.push(State::new(stride));
        }
    }
}

/// The rows being written, and the first row that failed.
struct Output<'a> {
    stride: usize,
    x: DisjointSlice<'a, f32>,
    bias: Option<DisjointSlice<'a, f32>>,
    failure: Mutex<Option<(usize, Failure)>>,
}

impl Output<'_> {
    /// # Safety
    /// Only one thread may hold a row.
    #[allow(clippy::mut_from_ref)]
    unsafe fn row(&self, row: usize) -> &mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { self.x.range(row * self.stride, (row + 1) * self.stride) }
    }

    /// Checks the row and stores its bias.
    ///
    /// # Safety
    /// Only the thread that holds the row may call this.
    unsafe fn finish(&self, row: usize, bias: f32) {
        // SAFETY: the caller's promise.
        let x = unsafe { self.row(row) };
        if !(bias.is_finite() && x.iter().all(|v| v.is_finite())) {
            let mut first = self.failure.lock().expect("no holder of this lock can panic");
            if first.is_none_or(|(earlier, _)| row < earlier) {
                *first = Some((row, Failure::NotFinite(row)));
            }
        }
        if let Some(biases) = &self.bias {
            // SAFETY: the caller's promise.
            unsafe { biases.range(row, row + 1)[0] = bias };
        }
    }
}

/// Work for one thread.
enum Task {
    /// Rows `from..to`, of which the short ones are meant.
    Short(usize, usize),
    /// Places `from..to` in the list of long rows.
    Long(usize, usize),
}

/// Takes the steps for every row; `x` is (rows, stride), `bias` (rows) or empty without biases.
///
/// A row without events becomes zero.
///
/// # Errors
/// The first row whose solution is not finite.
pub fn improve_rows(
    threads: usize,
    problem: Problem<'_>,
    sizes: Sizes,
    x: &mut [f32],
    bias: &mut [f32],
) -> Result<(), Failure> {
    let stride = problem.fixed.stride;
    let rows = problem.events.indptr.len() - 1;
    let length = |row: usize| (problem.events.indptr[row + 1] - problem.events.indptr[row]) as usize;
    let kind = |row: usize| (length(row) * stride > sizes.short, length(row) >= sizes.giant);
    let has_bias = problem.penalty.bias_regularization.is_some();
    let out = Output {
        stride,
        x: DisjointSlice::new(x),
        bias: has_bias.then(|| DisjointSlice::new(bias)),
        failure: Mutex::new(None),
    };
    for row in (0..rows).filter(|&row| kind(row) == (true, true)) {
        // SAFETY: no other row is under way.
        unsafe { giant_row(threads, problem, sizes.segment, row, &out) };
    }
    let long: Vec<usize> = (0..rows).filter(|&row| kind(row) == (true, false)).collect();
    let mut tasks = Vec::new();
    // Large groups first, so that no thread is left with one at the end.
    let size = (sizes.group / stride.max(1)).max(1);
    for from in (0..long.len()).step_by(size) {
        tasks.push(Task::Long(from, long.len().min(from + size)));
    }
    for from in (0..rows).step_by(CHUNK) {
        tasks.push(Task::Short(from, rows.min(from + CHUNK)));
    }
    for_each_chunk(threads, tasks.len(), Worker::new, |worker, task| match tasks[task] {
        Task::Short(from, to) => {
            for row in (from..to).filter(|&row| !kind(row).0) {
                // SAFETY: every row belongs to one task.
                unsafe { short_row(problem, row, &out, worker) };
            }
        }
        // SAFETY: every row belongs to one task.
        Task::Long(from, to) => unsafe { long_rows(problem, sizes.block, &long[from..to], &out, worker) },
    });
    match out.failure.into_inner().expect("no holder of this lock can panic") {
        Some((_, why)) => Err(why),
        None => Ok(()),
    }
}

/// # Safety
/// No other thread may hold the row.
unsafe fn short_row(problem: Problem<'_>, row: usize, out: &Output<'_>, worker: &mut Worker) {
    // SAFETY: the caller's promise.
    let x = unsafe { out.row(row) };
    let (from, to) = problem.range(row);
    let mut bias = 0.0;
    if from == to {
        x.fill(0.0);
    } else {
        worker.reserve(1, out.stride);
        let Worker { w, wy, states } = worker;
        problem.events.fill(from, to, w, wy);
        let member = problem.member(row, w, wy);
        bias = gradient::conjugate_gradient(
            problem.level,
            problem.touched(from, to),
            w,
            wy,
            problem.diagonal(&member),
            member.bias,
            problem.steps,
            x,
            &mut states[0],
        );
    }
    // SAFETY: the caller's promise.
    unsafe { out.finish(row, bias) };
}

/// # Safety
/// No other thread may hold any of the rows.
unsafe fn long_rows(
    problem: Problem<'_>,
    block: usize,
    rows: &[usize],
    out: &Output<'_>,
    worker: &mut Worker,
) {
    let stride = out.stride;
    worker.reserve(rows.len(), stride);
    let mut members: Vec<Member> = rows
        .iter()
        .map(|&row| {
            let (from, to) = problem.range(row);
            problem.events.fill(from, to, &mut worker.w, &mut worker.wy);
            problem.member(row, &worker.w, &worker.wy)
        })
        .collect();
    let Worker { w, wy, states } = worker;
    states.iter_mut().for_each(State::clear);
    // One pass of all members over all blocks; the curvature of each is left in `curvatures`.
    let mut curvatures = vec![0.0f32; rows.len()];
    let mut walk = |kind: Pass, members: &mut [Member], states: &mut [State], curvatures: &mut [f32]| {
        members.iter_mut().for_each(|member| member.next = member.from);
        curvatures.fill(0.0);
        let per_block = (block / stride).max(1);
        for end in (per_block..problem.fixed.rows() + per_block).step_by(per_block) {
            for ((member, state), curvature) in members.iter_mut().zip(&mut *states).zip(&mut *curvatures) {
                if kind != Pass::Residual && state.settled() {
                    continue;
                }
                let from = member.next;
                let rest = &problem.events.indices[from..member.to];
                let inside = rest.iter().take_while(|&&i| (i as usize) < end).count();
                let to = member.to.min(from + inside.next_multiple_of(GROUP));
                if from == to {
                    continue;
                }
                member.next = to;
                problem.events.fill(from, to, w, wy);
                let touched = problem.touched(from, to);
                let (level, with_bias) = (problem.level, member.bias.is_some());
                if kind == Pass::Residual {
                    // SAFETY: the caller's promise.
                    let x = unsafe { out.row(member.row) };
                    let sums = with_bias.then_some(&mut state.s[..]);
                    gradient::pass(level, kind, touched, x, w, wy, &mut state.r, sums);
                } else {
                    *curvature += gradient::pass(level, kind, touched, &state.p, w, wy, &mut state.ap, None);
                }
            }
        }
    };
    walk(Pass::Residual, &mut members, states, &mut curvatures);
    for (member, state) in members.iter().zip(&mut *states) {
        // SAFETY: the caller's promise.
        let x = unsafe { out.row(member.row) };
        gradient::start(problem.level, problem.diagonal(member), member.bias.unwrap_or_default(), x, state);
    }
    for left in (0..problem.steps).rev() {
        walk(if left > 0 { Pass::Apply } else { Pass::Curvature }, &mut members, states, &mut curvatures);
        for ((member, state), &curvature) in members.iter().zip(&mut *states).zip(&curvatures) {
            if state.settled() {
                continue;
            }
            // SAFETY: the caller's promise.
            let x = unsafe { out.row(member.row) };
            let (diagonal, schur) = (problem.diagonal(member), member.bias.unwrap_or_default());
            if left > 0 {
                gradient::step(problem.level, diagonal, schur, x, state);
            } else {
                gradient::last_step(problem.level, diagonal, schur, curvature, x, state);
            }
        }
    }
    for (member, state) in members.iter().zip(&*states) {
        // SAFETY: the caller's promise.
        unsafe { out.finish(member.row, state.bias(member.bias.unwrap_or_default(), out.row(member.row))) };
    }
}

/// # Safety
/// No other row may be under way.
unsafe fn giant_row(threads: usize, problem: Problem<'_>, segment: usize, row: usize, out: &Output<'_>) {
    let stride = out.stride;
    let (from, to) = problem.range(row);
    let (mut w, mut wy) = (Vec::new(), Vec::new());
    problem.events.fill(from, to, &mut w, &mut wy);
    let member = problem.member(row, &w, &wy);
    let (diagonal, schur) = (problem.diagonal(&member), member.bias.unwrap_or_default());
    // SAFETY: the caller's promise.
    let x = unsafe { out.row(row) };
    let segments = (to - from).div_ceil(segment);
    let mut partial = vec![0.0f32; segments * (2 * stride + 1)]; // out, sums, curvature of each segment
    let mut pass = |kind: Pass, v: &[f32], total: &mut [f32], sums: Option<&mut [f32]>| {
        partial.fill(0.0);
        let parts = DisjointSlice::new(&mut partial);
        for_each_chunk(
            threads,
            segments,
            || (),
            |(), s| {
                let (a, b) = (s * segment, (to - from).min((s + 1) * segment));
                // SAFETY: each segment writes its own part.
                let part = unsafe { parts.range(s * (2 * stride + 1), (s + 1) * (2 * stride + 1)) };
                let (part_out, rest) = part.split_at_mut(stride);
                let (part_sums, curvature) = rest.split_at_mut(stride);
                let touched = problem.touched(from + a, from + b);
                let part_sums = sums.is_some().then_some(part_sums);
                curvature[0] =
                    gradient::pass(problem.level, kind, touched, v, &w[a..b], &wy[a..b], part_out, part_sums);
            },
        );
        let mut curvature = 0.0;
        let mut sums = sums;
        for part in partial.chunks_exact(2 * stride + 1) {
            total.iter_mut().zip(part).for_each(|(t, &p)| *t += p);
            if let Some(sums) = sums.as_deref_mut() {
                sums.iter_mut().zip(&part[stride..]).for_each(|(t, &p)| *t += p);
            }
            curvature += part[2 * stride];
        }
        curvature
    };
    let mut state = State::new(stride);
    let State { r, s, .. } = &mut state;
    pass(Pass::Residual, x, r, member.bias.map(|_| &mut s[..]));
    gradient::start(problem.level, diagonal, schur, x, &mut state);
    for left in (0..problem.steps).rev() {
        if state.settled() {
            break;
        }
        let State { p, ap, .. } = &mut state;
        if left > 0 {
            pass(Pass::Apply, p, ap, None);
            gradient::step(problem.level, diagonal, schur, x, &mut state);
        } else {
            let curvature = pass(Pass::Curvature, p, ap, None);
            gradient::last_step(problem.level, diagonal, schur, curvature, x, &mut state);
        }
    }
    let bias = state.bias(schur, x);
    // SAFETY: the caller's promise.
    unsafe { out.finish(row, bias) };
}

#[cfg(test)]
mod tests;
