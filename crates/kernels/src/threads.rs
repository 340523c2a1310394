//! Running independent chunks of rows on scoped threads.
//!
//! There is no global pool: threads live for one call, so a process may fork between calls, and work for
//! one chunk starts no thread at all.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls `work(state, chunk)` once for every chunk in `0..chunks`, on at most `threads` threads.
///
/// Chunks are handed out in increasing order to whichever thread is free. Each thread makes one `state`
/// (its scratch memory) by `init`. Results must depend on the chunk alone, never on the thread; then the
/// outcome is the same for any number of threads.
pub fn for_each_chunk<S>(
    threads: usize,
    chunks: usize,
    init: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) + Sync,
) {
    let workers = threads.min(chunks).max(1);
    let next = AtomicUsize::new(0);
    let run = || {
        let mut state = init();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks {
                break;
            }
            work(&mut state, chunk);
        }
    };
    if workers == 1 {
        run();
        return;
    }
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(run);
        }
        run();
    });
}

/// A mutable slice that several threads write in disjoint ranges.
pub struct DisjointSlice<'a, T> {
    data: *mut T,
    len: usize,
    _borrow: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: the only access is `range`, whose contract forbids overlapping ranges in different threads.
unsafe impl<T: Send> Sync for DisjointSlice<'_, T> {}

impl<'a, T> DisjointSlice<'a, T> {
    /// Wraps `data` for the time of the borrow.
    pub fn new(data: &'a mut [T]) -> Self {
        Self { data: data.as_mut_ptr(), len: data.len(), _borrow: std::marker::PhantomData }
    }

    /// The elements `start..end`.
    ///
    /// # Safety
    /// No two live results may overlap. Bounds are checked.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn range(&self, start: usize, end: usize) -> &mut [T] {
        assert!(start <= end && end <= self.len, "range {start}..{end} of {}", self.len);
        // SAFETY: in bounds by the assertion, not aliased by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), end - start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_is_visited_once() {
        for threads in [1, 2, 5] {
            let mut seen = vec![0u8; 100];
            let out = DisjointSlice::new(&mut seen);
            // SAFETY: chunks are distinct, so the ranges are disjoint.
            for_each_chunk(threads, 100, || (), |(), c| unsafe { out.range(c, c + 1)[0] += 1 });
            assert!(seen.iter().all(|&n| n == 1));
        }
    }
}
