//! X with its items numbered by how many users have them, most first: by *rank*.
//!
//! The users of an item then meet, among the items of lower rank, a part of their lists from its start on, and the
//! sums they add to stand close together. Ranks of a byte pair, where they suffice, halve what is read.

use super::Rows;
use crate::threads::{DisjointSlice, for_each_chunk};

/// A whole number that holds every rank.
pub(super) trait Rank: Copy + Default + Send + Sync {
    fn new(rank: usize) -> Self;
    fn get(self) -> usize;
}

impl Rank for u16 {
    #[inline(always)]
    fn new(rank: usize) -> Self {
        rank as u16
    }
    #[inline(always)]
    fn get(self) -> usize {
        self.into()
    }
}

impl Rank for u32 {
    #[inline(always)]
    fn new(rank: usize) -> Self {
        rank as u32
    }
    #[inline(always)]
    fn get(self) -> usize {
        self as usize
    }
}

/// X by users, items as ranks.
pub(super) struct Ranked<'a, R> {
    /// The item of each rank; equal ones ascending.
    pub(super) items: Vec<i32>,
    /// Where the cells of each user start.
    pub(super) indptr: &'a [i64],
    /// Ascending for each user.
    pub(super) ranks: Vec<R>,
    /// One for each rank; none: all 1.
    pub(super) values: Option<Vec<f32>>,
    /// For each cell by items: how many items of its user have a lower rank.
    pub(super) before: Vec<R>,
}

impl<'a, R: Rank> Ranked<'a, R> {
    /// Turns the table by items over in the order of ranks; every thread writes a share of the users.
    pub(super) fn new(threads: usize, by_user: Rows<'a>, by_item: Rows<'_>) -> Self {
        let (indptr, cells) = (by_user.indptr, by_user.indices.len());
        let (users, n) = (indptr.len() - 1, by_item.indptr.len() - 1);
        let mut items: Vec<i32> = (0..n as i32).collect();
        items.sort_by_key(|&item| std::cmp::Reverse(by_item.row(item as usize).0.len()));
        let (mut ranks, mut before) = (vec![R::default(); cells], vec![R::default(); cells]);
        let mut values = by_user.values.map(|values| vec![0.0; values.len()]);
        {
            let (ranks, before) = (DisjointSlice::new(&mut ranks), DisjointSlice::new(&mut before));
            let values = values.as_mut().map(|values| DisjointSlice::new(values));
            let shares = threads.clamp(1, users.max(1));
            let bound = |share| match share {
                share if share == shares => users,
                share => indptr.partition_point(|&at| (at as usize) < share * cells / shares).min(users),
            };
            for_each_chunk(
                threads,
                shares,
                || (),
                |(), share| {
                    let (first, last) = (bound(share), bound(share + 1));
                    let (start, end) = (indptr[first] as usize, indptr[last] as usize);
                    // SAFETY: a user and its cells belong to one share.
                    let ranks = unsafe { ranks.range(start, end) };
                    // SAFETY: as above.
                    let mut values = values.as_ref().map(|values| unsafe { values.range(start, end) });
                    let mut next = vec![0usize; last - first];
                    for (rank, &item) in items.iter().enumerate() {
                        let (holders, weights) = by_item.row(item as usize);
                        let from = holders.partition_point(|&user| (user as usize) < first);
                        let to = holders.partition_point(|&user| (user as usize) < last);
                        let cell = by_item.indptr[item as usize] as usize;
                        // SAFETY: holders ascend, so those of a share are cells of their own.
                        let before = unsafe { before.range(cell + from, cell + to) };
                        for (at, &user) in (from..to).zip(&holders[from..to]) {
                            let next = &mut next[user as usize - first];
                            let cell = indptr[user as usize] as usize - start + *next;
                            ranks[cell] = R::new(rank);
                            if let (Some(values), Some(weights)) = (&mut values, weights) {
                                values[cell] = weights[at];
                            }
                            before[at - from] = R::new(*next);
                            *next += 1;
                        }
                    }
                },
            );
        }
        Self { items, indptr, ranks, values, before }
    }

    /// The ranks of a user.
    pub(super) fn user(&self, user: usize) -> &[R] {
        &self.ranks[self.indptr[user] as usize..self.indptr[user + 1] as usize]
    }
}
