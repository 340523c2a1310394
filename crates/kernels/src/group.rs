//! Stable counting sort on several threads.

use crate::threads::{DisjointSlice, for_each_chunk};

/// Elements placed at a time: their slots stay in the first-level cache while every array is written.
const BLOCK: usize = 2048;

/// Elements below which another thread is not worth starting.
const LEAST: usize = 1 << 16;

/// Sorts elements stably by `key >> shift`: where each of `buckets` groups starts, and the number of elements at
/// the end.
///
/// `place(first, slots)` is called for consecutive elements from `first` on; element `first + n` belongs at
/// `slots[n]` of the sorted order. Over all calls every slot comes once. No key may be below 0, none shifted at or
/// above `buckets`, and there must be at most `u32::MAX` of them.
///
/// Each thread sorts one part of the input from counts of its own, so the order is the same for any number
/// of threads. The counts take at most half a byte an element beside those of the first part.
pub fn group(
    keys: &[i32],
    shift: u32,
    buckets: usize,
    threads: usize,
    place: impl Fn(usize, &[u32]) + Sync,
) -> Vec<i64> {
    let parts = threads.min(1 + keys.len() / LEAST).min(1 + keys.len() / (8 * buckets.max(1))).max(1);
    let bounds = |part: usize| (keys.len() * part / parts, keys.len() * (part + 1) / parts);
    let mut counts = vec![0u32; parts * buckets];

    let shared = DisjointSlice::new(&mut counts);
    for_each_chunk(
        threads,
        parts,
        || (),
        |(), part| {
            // SAFETY: one range for each part.
            let counts = unsafe { shared.range(part * buckets, (part + 1) * buckets) };
            let (from, to) = bounds(part);
            for &key in &keys[from..to] {
                counts[key as usize >> shift] += 1;
            }
        },
    );

    let mut starts = Vec::with_capacity(buckets + 1);
    let mut total = 0;
    for bucket in 0..buckets {
        starts.push(i64::from(total));
        for part in 0..parts {
            // From counts to the slot of the part's next element of this bucket.
            let count = std::mem::replace(&mut counts[part * buckets + bucket], total);
            total += count;
        }
    }
    starts.push(i64::from(total));

    let shared = DisjointSlice::new(&mut counts);
    for_each_chunk(
        threads,
        parts,
        || vec![0; BLOCK],
        |slots, part| {
            // SAFETY: one range for each part.
            let next = unsafe { shared.range(part * buckets, (part + 1) * buckets) };
            let (from, to) = bounds(part);
            for first in (from..to).step_by(BLOCK) {
                let block = &keys[first..to.min(first + BLOCK)];
                for (slot, &key) in slots.iter_mut().zip(block) {
                    let next = &mut next[key as usize >> shift];
                    *slot = *next;
                    *next += 1;
                }
                place(first, &slots[..block.len()]);
            }
        },
    );
    starts
}

/// Writes each element to its slot.
///
/// # Safety
/// No slot may be accessed by anything else meanwhile. Bounds are checked.
pub unsafe fn scatter<T: Copy>(slots: &[u32], elements: &[T], out: &DisjointSlice<'_, T>) {
    for (&slot, &element) in slots.iter().zip(elements) {
        // SAFETY: the caller's promise.
        unsafe { out.range(slot as usize, slot as usize + 1)[0] = element };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_stable_sort(
            few in prop::collection::vec(0..20i32, 0..100), copies in 1..2000usize, shift in 0..3u32, threads in 1..5usize,
        ) {
            let keys = few.repeat(copies);
            let mut order = vec![0u32; keys.len()];
            let out = DisjointSlice::new(&mut order);
            let starts = group(&keys, shift, 20, threads, |first, slots| {
                let elements: Vec<u32> = (first as u32..).take(slots.len()).collect();
                // SAFETY: every slot comes once.
                unsafe { scatter(slots, &elements, &out) };
            });
            let mut expected: Vec<u32> = (0..keys.len() as u32).collect();
            expected.sort_by_key(|&element| keys[element as usize] >> shift);
            prop_assert_eq!(&order, &expected);
            for bucket in 0..20 {
                let before = keys.iter().filter(|&&key| key >> shift < bucket).count();
                prop_assert_eq!(starts[bucket as usize], before as i64);
            }
            prop_assert_eq!(starts[20], keys.len() as i64);
        }
    }
}
