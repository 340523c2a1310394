//! The most active users as bits: how many of them have two items is a matter of `and` and of counting ones.
//!
//! Users are grouped by how many items they have. Of a group the bits of the items of rank below a *cut* are kept:
//! from there on too few users have an item, and going through their lists is cheaper. Counts are whole numbers, so
//! neither the cut nor the instruction set changes a result.

use super::ranked::{Rank, Ranked};
use crate::simd::Level;
use crate::threads::{DisjointSlice, for_each_chunk};

/// Users of a group: an item's bits fill eight registers of AVX-512.
const GROUP: usize = 4096;
const WORDS: usize = GROUP / 64;

/// Items that meet as many others at a time.
pub(super) const TILE: usize = 4;

/// Counting a pair of items over a group takes about as long as this many products from lists.
const PAIR: usize = 4;

/// Finding a user's list takes about as long as this many products.
const VISIT: usize = 8;

/// Bytes that the bits of a group take at most, for each of its cells.
const BYTES: usize = 4;

/// Which users of a group have an item.
type Bits = [u64; WORDS];

#[derive(Clone, Default)]
struct Group {
    items: Vec<Bits>, // by rank, filled up to a whole number of tiles
    cut: usize,
}

/// The groups, and what is left to lists.
pub(super) struct Crowd {
    groups: Vec<Group>,
    /// For each user: pairs of items of ranks below are counted in the groups.
    pub(super) cuts: Vec<u32>,
}

impl Crowd {
    /// Nobody.
    pub(super) fn none(users: usize) -> Self {
        Self { groups: Vec::new(), cuts: vec![0; users] }
    }

    /// All users for whom it pays.
    pub(super) fn new<R: Rank>(threads: usize, table: &Ranked<'_, R>) -> Self {
        let mut users: Vec<usize> = (0..table.indptr.len() - 1).collect();
        users.sort_by_key(|&user| std::cmp::Reverse(table.user(user).len()));
        let members: Vec<&[usize]> = users.chunks(GROUP).collect();
        let mut groups = vec![Group::default(); members.len()];
        let out = DisjointSlice::new(&mut groups);
        for_each_chunk(
            threads,
            members.len(),
            || (),
            // SAFETY: every group is one chunk.
            |(), group| unsafe { out.range(group, group + 1)[0] = Group::new(members[group], table) },
        );
        let mut cuts = vec![0; users.len()];
        for (group, members) in groups.iter().zip(members) {
            members.iter().for_each(|&user| cuts[user] = group.cut as u32);
        }
        Self { groups, cuts }
    }

    /// Adds to `sums` (rows, width) how many users have both the item of a row, of ranks `first` on, and that of a
    /// column; columns that belong to later rows than the last may be left out.
    pub(super) fn add(&self, counter: Counter, first: usize, width: usize, sums: &mut [f32]) {
        let rows = sums.len() / width;
        for Group { items, .. } in &self.groups {
            let end = items.len().min(first + rows);
            for left in (0..end).step_by(TILE) {
                for top in (first..end).step_by(TILE) {
                    let counts = counter.count(&items[top..top + TILE], &items[left..left + TILE]);
                    for (row, counts) in counts.iter().enumerate() {
                        let sums = &mut sums[(top - first + row) * width + left..][..TILE];
                        sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += count as f32);
                    }
                }
            }
        }
    }
}

impl Group {
    fn new<R: Rank>(users: &[usize], table: &Ranked<'_, R>) -> Self {
        let n = table.items.len();
        let mut time = vec![0; n]; // of lists, by the higher rank of a pair
        let mut cells = 0;
        for &user in users {
            let ranks = table.user(user);
            cells += ranks.len();
            ranks.iter().enumerate().for_each(|(before, rank)| time[rank.get()] += VISIT + before + 1);
        }
        let most = n.min(BYTES * cells / size_of::<Bits>());
        let (mut cut, mut best, mut spared) = (0, 0, 0);
        for (rank, time) in time[..most].iter().enumerate() {
            spared += time;
            let gain = spared.saturating_sub(PAIR * (rank + 1) * (rank + 2) / 2);
            if gain > best {
                (cut, best) = (rank + 1, gain);
            }
        }
        let mut items = vec![[0; WORDS]; cut.next_multiple_of(TILE)];
        for (at, &user) in users.iter().enumerate() {
            for rank in table.user(user).iter().map(|rank| rank.get()).take_while(|&rank| rank < cut) {
                items[rank][at / 64] |= 1 << (at % 64);
            }
        }
        Self { items, cut }
    }
}

/// The instruction set that counts ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counter {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Popcnt,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Counter {
    pub(super) fn of(level: Level) -> Self {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if is_x86_feature_detected!("avx512vpopcntdq") => Counter::Avx512,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Avx2 if is_x86_feature_detected!("popcnt") => Counter::Popcnt,
            _ => Counter::Portable,
        }
    }

    /// How many bits two rows share, for a tile of rows and one of columns.
    fn count(self, rows: &[Bits], columns: &[Bits]) -> [[u64; TILE]; TILE] {
        let tile = |bits: &[Bits]| -> *const [Bits; TILE] {
            assert!(bits.len() == TILE);
            bits.as_ptr().cast()
        };
        // SAFETY: both hold TILE rows.
        let (rows, columns) = unsafe { (&*tile(rows), &*tile(columns)) };
        match self {
            Counter::Portable => count_generic(rows, columns),
            // SAFETY: `of` found the instruction set on this machine.
            #[cfg(target_arch = "x86_64")]
            Counter::Popcnt => unsafe { x86::popcnt(rows, columns) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Counter::Avx512 => unsafe { x86::avx512(rows, columns) },
        }
    }
}

#[inline(always)]
fn count_generic(rows: &[Bits; TILE], columns: &[Bits; TILE]) -> [[u64; TILE]; TILE] {
    rows.each_ref().map(|row| {
        columns
            .each_ref()
            .map(|column| row.iter().zip(column).map(|(a, b)| u64::from((a & b).count_ones())).sum())
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Bits, TILE, WORDS, count_generic};
    use std::arch::x86_64::*;

    #[target_feature(enable = "popcnt")]
    pub(super) unsafe fn popcnt(rows: &[Bits; TILE], columns: &[Bits; TILE]) -> [[u64; TILE]; TILE] {
        count_generic(rows, columns)
    }

    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    pub(super) unsafe fn avx512(rows: &[Bits; TILE], columns: &[Bits; TILE]) -> [[u64; TILE]; TILE] {
        let mut counts = [[_mm512_setzero_si512(); TILE]; TILE];
        for word in (0..WORDS).step_by(8) {
            // SAFETY: eight words from a multiple of eight on are in a row, whose length is one.
            let load = |bits: &Bits| unsafe { _mm512_loadu_si512(bits.as_ptr().add(word).cast()) };
            let left = rows.each_ref().map(load);
            for (c, column) in columns.iter().enumerate() {
                let right = load(column);
                for r in 0..TILE {
                    let both = _mm512_popcnt_epi64(_mm512_and_si512(left[r], right));
                    counts[r][c] = _mm512_add_epi64(counts[r][c], both);
                }
            }
        }
        // No sum exceeds GROUP, so four of them share a word.
        counts.map(|[a, b, c, d]| {
            let low = _mm512_add_epi64(a, _mm512_slli_epi64::<16>(b));
            let high = _mm512_add_epi64(_mm512_slli_epi64::<32>(c), _mm512_slli_epi64::<48>(d));
            let sums = _mm512_reduce_add_epi64(_mm512_add_epi64(low, high)) as u64;
            std::array::from_fn(|column| sums >> (16 * column) & 0xffff)
        })
    }
}
