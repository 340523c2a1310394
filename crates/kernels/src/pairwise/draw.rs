//! The samples of an epoch: which unseen items meet which seen ones, sorted by task.

use super::grid::Grid;
use super::words::{Alias, Purpose, Words};
use super::{Events, Loss, Settings};
use crate::simd::{Lanes, Level, dispatch};

/// One step to take. Items are named by their places in the epoch's order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Sample {
    /// The user.
    pub user: u32,
    /// The seen item; with [`Loss::Logistic`] the item.
    pub item: u32,
    /// The unseen item, or the first that was drawn; with [`Loss::Logistic`] the item again.
    pub other: u32,
    /// Of the event; below 0 for an unseen item of [`Loss::Logistic`].
    pub weight: f32,
}

/// The samples of one block of users, by pair of item blocks.
#[derive(Default)]
pub struct Lane {
    /// All of them.
    pub samples: Vec<Sample>,
    /// Where each pair starts, and the end.
    pub starts: Vec<u32>,
}

/// What samples are drawn from.
pub struct Drawer<'a> {
    pub(super) events: Events<'a>,
    pub(super) settings: Settings<'a>,
    pub(super) epoch: u32,
    pub(super) alias: Option<&'a Alias>,
    /// Of each item.
    pub(super) place: &'a [u32],
    /// Of each place.
    pub(super) blocks: &'a [u16],
    pub(super) grid: &'a Grid,
    /// Factors as they stand when the epoch begins; items by place.
    pub(super) users: &'a [f32],
    pub(super) items: &'a [f32],
    pub(super) item_bias: &'a [f32],
    pub(super) stride: usize,
}

/// Memory that a thread reuses.
pub struct Scratch {
    /// One bit for each item of the user at hand.
    seen: Vec<u64>,
    /// Whether the items that the user has not are listed.
    listed: bool,
    /// These items, and the running sum of their chances; there may be none.
    free: Vec<u32>,
    sums: Vec<f64>,
    scores: Vec<f32>,
    drawn: Vec<u32>,
    unsorted: Vec<Sample>,
    pairs: Vec<u16>,
}

impl Scratch {
    /// For so many items.
    pub fn new(items: usize) -> Self {
        Self {
            seen: vec![0; items.div_ceil(64)],
            listed: false,
            free: Vec::new(),
            sums: Vec::new(),
            scores: Vec::new(),
            drawn: Vec::new(),
            unsorted: Vec::new(),
            pairs: Vec::new(),
        }
    }
}

/// Draws of a seen item before all unseen ones are listed, which gives the same chances.
const PATIENCE: usize = 32;

impl Drawer<'_> {
    /// The samples of these users, sorted by pair of blocks; within one in the order of users and events.
    pub fn lane(&self, level: Level, users: &[usize], scratch: &mut Scratch) -> Lane {
        scratch.unsorted.clear();
        scratch.pairs.clear();
        for &user in users {
            self.user(level, user, scratch);
        }
        let mut starts = vec![0u32; self.grid.pairs + 1];
        for &pair in &scratch.pairs {
            starts[usize::from(pair) + 1] += 1;
        }
        for pair in 0..self.grid.pairs {
            starts[pair + 1] += starts[pair];
        }
        let mut next = starts.clone();
        let mut samples = vec![Sample::default(); scratch.unsorted.len()];
        for (sample, &pair) in scratch.unsorted.iter().zip(&scratch.pairs) {
            let next = &mut next[usize::from(pair)];
            samples[*next as usize] = *sample;
            *next += 1;
        }
        Lane { samples, starts }
    }

    fn user(&self, level: Level, user: usize, scratch: &mut Scratch) {
        let (events, settings) = (self.events, self.settings);
        let (range, row) = (events.range(user), events.row(user));
        if row.is_empty() {
            return;
        }
        let mut words = Words::new(settings.seed, self.epoch, user as u32, Purpose::Negatives);
        if settings.checked {
            row.iter().for_each(|&item| scratch.seen[item as usize / 64] |= 1 << (item % 64));
        }
        scratch.listed = false;
        match settings.loss {
            Loss::Bpr { .. } => {
                for event in range {
                    let item = events.indices[event];
                    if let Some(other) = self.unseen(row, item, &mut words, scratch) {
                        self.push(scratch, user, item, other, events.weight(event));
                    }
                }
            }
            Loss::Warp { positives: (count, which), .. } => {
                if count > 1 {
                    self.score(level, user, scratch);
                }
                for event in range.clone() {
                    let event = match count {
                        1 => event,
                        _ => range.start + ranked(&mut words, scratch, count, which),
                    };
                    // Any item at all: whether it is unseen matters, and is asked, only where it scores high.
                    let other = words.below(events.items as u32);
                    self.push(scratch, user, events.indices[event], other, events.weight(event));
                }
            }
            Loss::Logistic { negatives, .. } => {
                for event in range {
                    let item = events.indices[event];
                    self.push(scratch, user, item, item as u32, events.weight(event));
                    for _ in 0..negatives {
                        if let Some(other) = self.unseen(row, item, &mut words, scratch) {
                            self.push(scratch, user, other as i32, other, -1.0);
                        }
                    }
                }
            }
        }
        if settings.checked {
            row.iter().for_each(|&item| scratch.seen[item as usize / 64] = 0);
        }
    }

    #[inline(always)]
    fn push(&self, scratch: &mut Scratch, user: usize, item: i32, other: u32, weight: f32) {
        let (item, other) = (self.place[item as usize], self.place[other as usize]);
        let (x, y) = (self.blocks[item as usize], self.blocks[other as usize]);
        let pair = self.grid.pair(usize::from(x), usize::from(y), scratch.unsorted.len());
        scratch.pairs.push(pair as u16);
        scratch.unsorted.push(Sample { user: user as u32, item, other, weight });
    }

    /// An item that the user has not, by chance; None where there is none. Unchecked, any other than `item`.
    #[inline(always)]
    fn unseen(&self, row: &[i32], item: i32, words: &mut Words, scratch: &mut Scratch) -> Option<u32> {
        let items = self.events.items;
        let taken = |other: u32, scratch: &Scratch| {
            if self.settings.checked {
                scratch.seen[other as usize / 64] >> (other % 64) & 1 == 1
            } else {
                other == item as u32
            }
        };
        if !self.settings.checked || 2 * row.len() <= items {
            for _ in 0..PATIENCE {
                let other = match self.alias {
                    Some(alias) => alias.draw(words),
                    None => words.below(items as u32),
                };
                if !taken(other, scratch) {
                    return Some(other);
                }
            }
        }
        if !scratch.listed || !self.settings.checked {
            scratch.listed = true;
            scratch.free.clear();
            scratch.sums.clear();
            let mut sum = 0.0;
            for other in 0..items as u32 {
                let weight = self.settings.popularity.map_or(1.0, |weights| weights[other as usize]);
                if weight > 0.0 && !taken(other, scratch) {
                    sum += weight;
                    scratch.free.push(other);
                    scratch.sums.push(sum);
                }
            }
        }
        let total = *scratch.sums.last()?;
        let want = words.unit() * total;
        let at = scratch.sums.partition_point(|&sum| sum <= want).min(scratch.free.len() - 1);
        Some(scratch.free[at])
    }

    /// The scores of the user's own items as the epoch begins.
    fn score(&self, level: Level, user: usize, scratch: &mut Scratch) {
        scratch.scores.clear();
        let p = &self.users[user * self.stride..(user + 1) * self.stride];
        for &item in self.events.row(user) {
            let at = self.place[item as usize] as usize;
            let q = &self.items[at * self.stride..(at + 1) * self.stride];
            scratch.scores.push(dot(level, p, q) + self.item_bias[at]);
        }
    }
}

/// Which of the user's items has the `which`-th highest score of `count` drawn ones.
fn ranked(words: &mut Words, scratch: &mut Scratch, count: u32, which: u32) -> usize {
    let Scratch { scores, drawn, .. } = scratch;
    drawn.clear();
    drawn.extend((0..count).map(|_| words.below(scores.len() as u32)));
    drawn.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
    drawn[which as usize - 1] as usize
}

/// # Safety
/// `b` must be as long as `a`, a multiple of the lanes; see [`Lanes`].
#[inline(always)]
unsafe fn dot_generic<L: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    // SAFETY: the caller's promise.
    unsafe { super::steps::dot::<L>(a.as_ptr(), b.as_ptr(), a.len()) }
}

dispatch!(fn dot_checked = dot_generic(a: &[f32], b: &[f32]) -> f32);

fn dot(level: Level, a: &[f32], b: &[f32]) -> f32 {
    assert!(a.len() == b.len() && a.len().is_multiple_of(crate::simd::PAD));
    dot_checked(level, a, b)
}
