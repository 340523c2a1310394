//! Tasks in phases, each of which begins when all tasks of the one before have ended.

use crate::threads::for_each_chunk;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Calls `work(state, phase, index)` for every task of every phase, `sizes` of them, on at most `threads` threads.
///
/// Tasks are taken in order, so those of the earliest unfinished phase never wait, and all come to their turn.
pub fn run<S>(
    threads: usize,
    sizes: &[usize],
    init: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, usize) + Sync,
) {
    // Phase of each task, its number in the phase, and the tasks that must have ended before.
    let mut tasks: Vec<(u32, u32, usize)> = Vec::with_capacity(sizes.iter().sum());
    for (phase, &size) in sizes.iter().enumerate() {
        let before = tasks.len();
        tasks.extend((0..size).map(|index| (phase as u32, index as u32, before)));
    }
    let (ended, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
    for_each_chunk(threads, tasks.len(), init, |state, at| {
        let (phase, index, before) = tasks[at];
        let mut spins = 0u32;
        while ended.load(Ordering::Acquire) < before {
            if broken.load(Ordering::Relaxed) {
                return; // another thread panicked, and will say so
            }
            spins = spins.saturating_add(1);
            match spins {
                0..512 => std::hint::spin_loop(),
                512..2048 => std::thread::yield_now(),
                _ => std::thread::sleep(std::time::Duration::from_micros(50)),
            }
        }
        let guard = Guard(&broken);
        work(state, phase as usize, index as usize);
        std::mem::forget(guard);
        ended.fetch_add(1, Ordering::AcqRel);
    });
}

/// Tells the waiting threads of a panic.
struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn no_task_begins_before_the_phase_before_has_ended() {
        let sizes = [3, 1, 0, 0, 7, 2, 0, 5];
        for threads in [1, 2, 5] {
            let seen = Mutex::new(Vec::new());
            run(threads, &sizes, || (), |(), phase, index| seen.lock().unwrap().push((phase, index)));
            let mut seen = seen.into_inner().unwrap();
            assert!(seen.is_sorted_by_key(|&(phase, _)| phase));
            seen.sort_unstable();
            let all: Vec<_> =
                (0..8).flat_map(|phase| (0..sizes[phase]).map(move |index| (phase, index))).collect();
            assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(3, &[4; 9], || (), |(), phase, index| assert!((phase, index) != (4, 2), "one task"));
        }));
        assert!(outcome.is_err());
    }
}
