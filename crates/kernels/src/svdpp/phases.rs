//! Tasks in phases: those of a phase run at once, and none before all of the phase before have ended.

use crate::threads::for_each_chunk;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Calls `work(state, phase, task)` for every task of every phase, `sizes` of them, on at most `threads` threads.
///
/// Tasks are taken in order, so the earliest unfinished one never waits, and all come to their turn.
pub fn run<S>(
    threads: usize,
    sizes: &[usize],
    init: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, usize) + Sync,
) {
    let tasks: Vec<(u32, u32)> = sizes
        .iter()
        .enumerate()
        .flat_map(|(phase, &size)| (0..size as u32).map(move |task| (phase as u32, task)))
        .collect();
    let done: Vec<AtomicU32> = sizes.iter().map(|_| AtomicU32::new(0)).collect();
    // An empty phase is over when the one before is.
    let mut before = vec![None; sizes.len()];
    let mut last = None;
    for (phase, &size) in sizes.iter().enumerate() {
        before[phase] = last;
        if size > 0 {
            last = Some(phase);
        }
    }
    let broken = AtomicBool::new(false);
    for_each_chunk(threads, tasks.len(), init, |state, index| {
        let (phase, task) = (tasks[index].0 as usize, tasks[index].1 as usize);
        if let Some(earlier) = before[phase] {
            let mut spins = 0u32;
            while (done[earlier].load(Ordering::Acquire) as usize) < sizes[earlier] {
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
        }
        let guard = Guard(&broken);
        work(state, phase, task);
        std::mem::forget(guard);
        done[phase].fetch_add(1, Ordering::Release);
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
            run(threads, &sizes, || (), |(), phase, task| seen.lock().unwrap().push((phase, task)));
            let seen = seen.into_inner().unwrap();
            assert!(seen.iter().map(|&(phase, _)| phase).is_sorted());
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!((sorted.len(), seen.len()), (18, 18));
        }
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(3, &[4; 9], || (), |(), phase, task| assert!((phase, task) != (4, 2), "one task"));
        }));
        assert!(outcome.is_err());
    }
}
