//! Phases of tasks, each of which begins when all tasks of the one before have ended.

use crate::threads::for_each_chunk;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Tasks in order, and how many of them must have ended before each may begin.
pub struct Phases {
    /// Phase of each task, its number in the phase, and the number of tasks in earlier phases.
    tasks: Vec<(u32, u32, usize)>,
}

impl Phases {
    /// Phases of so many tasks each.
    pub fn new(sizes: impl Iterator<Item = usize>) -> Self {
        let mut tasks = Vec::new();
        for (phase, size) in sizes.enumerate() {
            let before = tasks.len();
            tasks.extend((0..size).map(|index| (phase as u32, index as u32, before)));
        }
        Self { tasks }
    }

    /// Calls `work(state, phase, index)` for every task, on at most `threads` threads.
    pub fn run<S>(
        &self,
        threads: usize,
        init: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, usize, usize) + Sync,
    ) {
        let (ended, broken) = (AtomicUsize::new(0), AtomicBool::new(false));
        // Tasks are taken in order, so those of the earliest unfinished phase never wait, and all come to their turn.
        for_each_chunk(threads, self.tasks.len(), init, |state, at| {
            let (phase, index, before) = self.tasks[at];
            let mut spins = 0u32;
            while ended.load(Ordering::Acquire) < before {
                if broken.load(Ordering::Relaxed) {
                    return; // another thread panicked, and will say so
                }
                spins = spins.saturating_add(1);
                match spins {
                    0..256 => std::hint::spin_loop(),
                    256..1024 => std::thread::yield_now(),
                    _ => std::thread::sleep(std::time::Duration::from_micros(50)),
                }
            }
            let guard = Guard(&broken);
            work(state, phase as usize, index as usize);
            std::mem::forget(guard);
            ended.fetch_add(1, Ordering::AcqRel);
        });
    }
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
        for threads in [1, 2, 5] {
            let seen = Mutex::new(Vec::new());
            Phases::new([3, 0, 7, 1, 4].into_iter()).run(
                threads,
                || (),
                |(), phase, index| seen.lock().unwrap().push((phase, index)),
            );
            let mut seen = seen.into_inner().unwrap();
            assert!(seen.is_sorted_by_key(|&(phase, _)| phase));
            seen.sort_unstable();
            let sizes = [3, 0, 7, 1, 4];
            let all: Vec<_> =
                (0..5).flat_map(|phase| (0..sizes[phase]).map(move |index| (phase, index))).collect();
            assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            Phases::new([4, 4, 4].into_iter()).run(
                3,
                || (),
                |(), phase, index| {
                    assert!((phase, index) != (1, 2), "the third task");
                },
            );
        }));
        assert!(outcome.is_err());
    }
}
