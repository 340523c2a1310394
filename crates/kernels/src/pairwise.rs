//! Ranking by stochastic gradient steps: BPR, WARP and logistic matrix factorization; see `docs/math/pairwise.md`.
//!
//! One call is one epoch. First every user's samples are drawn, from the parameters and histories as they stand, then
//! they are learned in the order of a [`grid::Grid`]. Both depend on the seed and the shape of the table alone, so
//! the result has the same bits for any number of threads.

pub mod draw;
pub mod grid;
pub mod logistic;
pub mod rows;
pub mod steps;
pub mod words;

use crate::simd::{Level, PAD};
use crate::threads::{DisjointSlice, for_each_chunk};
use draw::{Drawer, Lane};
use grid::Grid;
use words::{Alias, Purpose, Words};

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// `ln(1 + e^-(x_i - x_j))` of a seen item i and the best scored of `candidates` unseen items j.
    Bpr {
        /// How many unseen items are drawn for one step, >= 1.
        candidates: u32,
    },
    /// `H(rank) / H(items) (1 - x_i + x_j)` of a seen item i and the first of at most `trials` drawn items that scores
    /// above x_i - 1; H are harmonic numbers and rank is estimated as items / draws.
    Warp {
        /// Draws for one step, >= 1.
        trials: u32,
        /// Seen items drawn for one step, and which of them by score is taken; (1, 1) is each seen item in turn.
        positives: (u32, u32),
    },
    /// `ln(1 + e^-x)` of a seen item, `ln(1 + e^x)` of each of `negatives` unseen ones.
    Logistic {
        /// Unseen items for each seen one.
        negatives: u32,
        /// The score before biases and factors.
        mean: f32,
    },
}

/// Seen items by user.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// Where each user starts, (users + 1).
    pub indptr: &'a [i64],
    /// Items, ascending for each user.
    pub indices: &'a [i32],
    /// The weight of each event; None: 1.
    pub weights: Option<&'a [f32]>,
    /// Number of items.
    pub items: usize,
}

impl<'a> Events<'a> {
    /// Number of users.
    pub fn users(&self) -> usize {
        self.indptr.len() - 1
    }

    /// The events of one user.
    #[inline(always)]
    pub fn range(&self, user: usize) -> std::ops::Range<usize> {
        self.indptr[user] as usize..self.indptr[user + 1] as usize
    }

    /// The items of one user.
    #[inline(always)]
    pub fn row(&self, user: usize) -> &'a [i32] {
        &self.indices[self.range(user)]
    }

    /// The weight of an event.
    #[inline(always)]
    pub fn weight(&self, event: usize) -> f32 {
        self.weights.map_or(1.0, |weights| weights[event])
    }
}

/// What stays the same from epoch to epoch.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// What is minimised.
    pub loss: Loss,
    /// Whether unseen items are really unseen; else any but the seen item of the step.
    pub checked: bool,
    /// The relative chance of each item to be drawn, (items); None: all the same.
    pub popularity: Option<&'a [f64]>,
    /// Step length.
    pub rate: f32,
    /// L2 penalty of the user's factors, for each step that changes them.
    pub user: f32,
    /// The same of a seen item's factors.
    pub positive: f32,
    /// The same of an unseen item's factors.
    pub negative: f32,
    /// The same of biases.
    pub bias: f32,
    /// Whether items have biases (and users, with [`Loss::Logistic`]).
    pub biases: bool,
    /// Of all random numbers.
    pub seed: u64,
    /// Whether losses are summed.
    pub measured: bool,
}

/// What is learned; rows of factors are `stride` floats.
pub struct Parameters<'a> {
    /// (users, stride)
    pub users: &'a mut [f32],
    /// (items, stride)
    pub items: &'a mut [f32],
    /// (users)
    pub user_bias: &'a mut [f32],
    /// (items)
    pub item_bias: &'a mut [f32],
    /// A multiple of [`PAD`].
    pub stride: usize,
}

/// Samples held in memory at a time; a larger epoch goes over its users in several parts.
const MOST_SAMPLES: usize = 1 << 22;

/// Items of a block, at least, where further ones are drawn from it.
const LEAST_DRAWN: usize = 64;

/// Items of a block, at least, elsewhere.
const LEAST: usize = 8;

/// One epoch: every event is learned once, in random order. Returns the sum of the losses met on
/// the way, where that is asked for.
pub fn epoch(
    level: Level,
    threads: usize,
    events: Events<'_>,
    settings: Settings<'_>,
    epoch: u32,
    parameters: Parameters<'_>,
) -> f64 {
    let (per_event, least, paired) = match settings.loss {
        Loss::Bpr { candidates: 1 } => (1, LEAST, true),
        Loss::Bpr { .. } | Loss::Warp { .. } => (1, LEAST_DRAWN, true),
        Loss::Logistic { negatives, .. } => (1 + negatives as usize, LEAST, false),
    };
    let samples = events.indices.len() * per_event;
    let parts = samples.div_ceil(MOST_SAMPLES).max(1);
    let grid = Grid::new(samples / parts, events.users() / parts, events.items, least, paired);
    epoch_on(level, threads, events, settings, epoch, parameters, &grid, parts)
}

/// [`epoch`] on a grid, with the users in so many parts: part s has the users s, s + parts, ...
pub fn epoch_on(
    level: Level,
    threads: usize,
    events: Events<'_>,
    settings: Settings<'_>,
    epoch: u32,
    parameters: Parameters<'_>,
    grid: &Grid,
    parts: usize,
) -> f64 {
    let Parameters { users, items, user_bias, item_bias, stride } = parameters;
    assert_eq!(users.len(), events.users() * stride);
    assert_eq!(items.len(), events.items * stride);
    assert_eq!((user_bias.len(), item_bias.len()), (events.users(), events.items));
    assert!(stride.is_multiple_of(PAD) && events.indices.iter().all(|&i| (i as usize) < events.items));

    // Items in blocks: order[place] is the item, place[item] where it stands.
    let mut order: Vec<u32> = (0..events.items as u32).collect();
    Words::new(settings.seed, epoch, 0, Purpose::Blocks).shuffle(&mut order);
    let mut place = vec![0u32; events.items];
    order.iter().enumerate().for_each(|(at, &item)| place[item as usize] = at as u32);
    let bounds = grid.bounds(events.items);
    let mut blocks = vec![0u16; events.items]; // of places
    for (block, ends) in bounds.windows(2).enumerate() {
        blocks[ends[0]..ends[1]].fill(block as u16);
    }

    // Items move to their places, so that a block is one piece of memory that no other task touches.
    let mut moved = Aligned::new(items.len());
    let moved = moved.slice();
    let mut moved_bias = vec![0.0f32; events.items];
    for (at, &item) in order.iter().enumerate() {
        let item = item as usize;
        moved[at * stride..(at + 1) * stride].copy_from_slice(&items[item * stride..(item + 1) * stride]);
        moved_bias[at] = item_bias[item];
    }

    let alias = settings.popularity.map(Alias::new);
    let mut total = 0.0;
    for part in 0..parts {
        let mut lanes = {
            let drawer = Drawer {
                events,
                settings,
                epoch,
                alias: alias.as_ref(),
                place: &place,
                blocks: &blocks,
                grid,
                users: &*users,
                items: &*moved,
                item_bias: &moved_bias,
                stride,
            };
            draw_lanes(level, threads, &drawer, part, parts)
        };
        let starts: Vec<Vec<u32>> = lanes.iter_mut().map(|lane| std::mem::take(&mut lane.starts)).collect();
        let samples: Vec<_> = lanes.iter_mut().map(|lane| DisjointSlice::new(&mut lane.samples)).collect();
        let pointers = steps::Pointers {
            users: users.as_mut_ptr(),
            items: moved.as_mut_ptr(),
            user_bias: user_bias.as_mut_ptr(),
            item_bias: moved_bias.as_mut_ptr(),
        };
        let mut losses = vec![0.0f64; grid.tasks.len()];
        let out = DisjointSlice::new(&mut losses);
        grid.run(
            threads,
            || (),
            |(), index| {
                let task = grid.tasks[index];
                let starts = &starts[task.lane];
                let (from, to) = (starts[task.pair] as usize, starts[task.pair + 1] as usize);
                // SAFETY: one range for each task.
                let mine = unsafe { samples[task.lane].range(from, to) };
                let turn = (part * grid.tasks.len() + index) as u32;
                let mut words = Words::new(settings.seed, epoch, turn, Purpose::Task);
                words.shuffle(mine);
                let work = steps::Work {
                    pointers,
                    stride,
                    settings,
                    events,
                    order: &order,
                    bounds: task.blocks.map(|block| (bounds[block], bounds[block + 1])),
                };
                let loss = steps::learn(level, &work, mine, &mut words);
                // SAFETY: one element for each task.
                unsafe { out.range(index, index + 1)[0] = loss };
            },
        );
        total += losses.iter().sum::<f64>();
    }

    for (at, &item) in order.iter().enumerate() {
        let item = item as usize;
        items[item * stride..(item + 1) * stride].copy_from_slice(&moved[at * stride..(at + 1) * stride]);
        item_bias[item] = moved_bias[at];
    }
    total
}

/// The samples of every lane, each lane drawn by itself.
fn draw_lanes(level: Level, threads: usize, drawer: &Drawer<'_>, part: usize, parts: usize) -> Vec<Lane> {
    let events = drawer.events;
    let users: Vec<usize> = (part..events.users()).step_by(parts).collect();
    let total: usize = users.iter().map(|&user| events.row(user).len()).sum();
    let lanes = drawer.grid.lanes;
    // Lanes end where their share of the events is reached.
    let mut ends = Vec::with_capacity(lanes);
    let (mut end, mut events_before) = (0, 0);
    for lane in 1..=lanes {
        while end < users.len() && (lane == lanes || events_before * lanes < total * lane) {
            events_before += events.row(users[end]).len();
            end += 1;
        }
        ends.push(end);
    }
    let mut drawn: Vec<Lane> = Vec::new();
    drawn.resize_with(lanes, Lane::default);
    let out = DisjointSlice::new(&mut drawn);
    for_each_chunk(
        threads,
        lanes,
        || draw::Scratch::new(events.items),
        |scratch, lane| {
            let first = if lane == 0 { 0 } else { ends[lane - 1] };
            // SAFETY: one element for each lane.
            unsafe { out.range(lane, lane + 1)[0] = drawer.lane(level, &users[first..ends[lane]], scratch) };
        },
    );
    drawn
}

/// Zeros that begin at a cache line.
struct Aligned {
    room: Vec<f32>,
    len: usize,
}

impl Aligned {
    fn new(len: usize) -> Self {
        Self { room: vec![0.0; len + PAD], len }
    }

    fn slice(&mut self) -> &mut [f32] {
        let start = self.room.as_ptr().align_offset(64).min(PAD);
        &mut self.room[start..start + self.len]
    }
}

#[cfg(test)]
mod tests;
