//! timeSVD++ by stochastic gradient steps; see `docs/math/timesvd.md`.
//!
//! One call is one epoch. Users are learned in groups: first every user of a group by itself, against the items as they
//! stand, then every item, by what the users of the group left for it. Within a user the implicit sum moves along with
//! the steps and its items are brought up to date once at the end, which gives the numbers of a step for every item of
//! the history after every rating and costs no more than a step for every rating. The groups depend on the seed alone,
//! and no two tasks of one phase touch the same row, so the result has the same bits for any number of threads.

pub mod steps;

use crate::pairwise::words::{Purpose, Words};
use crate::phases;
use crate::simd::{Level, PAD};
use steps::{Pointers, Work};

/// Users who are learned against the same items.
pub const GROUP: usize = 16;

/// Parts of the items, at most, that are learned at once.
const ITEM_BLOCKS: usize = 16;

/// Ratings by user, and where in time each was given.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// Where each user starts, (users + 1).
    pub indptr: &'a [i64],
    /// Items, ascending for each user.
    pub indices: &'a [i32],
    /// Ratings less their mean.
    pub values: &'a [f32],
    /// The weight of each rating; None: 1.
    pub weights: Option<&'a [f32]>,
    /// The bin of each rating's time.
    pub bins: &'a [i32],
    /// The row of each rating's user and day.
    pub days: &'a [i32],
    /// How far each rating's time is from the user's mean time.
    pub user_deviation: &'a [f32],
    /// How far it is from the item's mean time.
    pub item_deviation: &'a [f32],
}

impl Events<'_> {
    /// Number of users.
    pub fn users(&self) -> usize {
        self.indptr.len() - 1
    }

    /// The ratings of one user.
    #[inline(always)]
    pub fn range(&self, user: usize) -> std::ops::Range<usize> {
        self.indptr[user] as usize..self.indptr[user + 1] as usize
    }
}

/// A step length and an L2 penalty.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Step length; 0 leaves the parameters as they are.
    pub rate: f32,
    /// Penalty, for each step.
    pub penalty: f32,
}

impl Pace {
    /// What a step leaves of a parameter.
    #[inline(always)]
    pub fn keep(self) -> f32 {
        1.0 - self.rate * self.penalty
    }

    /// One step of a single parameter.
    #[inline(always)]
    pub fn step(self, x: &mut f32, slope: f32) {
        *x += self.rate * (slope - self.penalty * *x);
    }
}

/// What stays the same within an epoch.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Of the factors of users and items.
    pub factors: Pace,
    /// Of the factors that make the implicit sum.
    pub implicit: Pace,
    /// Of the biases of users and items.
    pub biases: Pace,
    /// Of the item's biases by bin, and of its trend.
    pub item_time: [Pace; 2],
    /// Of the user's bias slope, and of the biases by day.
    pub user_time: [Pace; 2],
    /// Of the slopes of the user's factors, and of the factors by day.
    pub drift: Pace,
    /// Of all random numbers.
    pub seed: u64,
}

/// What is learned; rows of factors are `stride` floats.
pub struct Parameters<'a> {
    /// (users, stride)
    pub users: &'a mut [f32],
    /// (items, stride)
    pub items: &'a mut [f32],
    /// (items, stride); None: no implicit sum.
    pub implicit: Option<&'a mut [f32]>,
    /// Slopes of the users' factors, (users, stride); None: they do not drift.
    pub drift: Option<&'a mut [f32]>,
    /// Factors by day, (user days, stride); None: none.
    pub day_factors: Option<&'a mut [f32]>,
    /// (users)
    pub user_bias: &'a mut [f32],
    /// (users)
    pub user_slope: &'a mut [f32],
    /// (user days)
    pub day_bias: &'a mut [f32],
    /// (items)
    pub item_bias: &'a mut [f32],
    /// (items, bins)
    pub bin_bias: &'a mut [f32],
    /// (items)
    pub item_trend: &'a mut [f32],
    /// A multiple of [`PAD`].
    pub stride: usize,
}

/// One epoch: every rating is learned once. Returns the sum of the squared errors met on the way, weights included.
pub fn epoch(
    level: Level,
    threads: usize,
    events: Events<'_>,
    settings: Settings,
    epoch: u32,
    parameters: Parameters<'_>,
) -> f64 {
    let (users, items) = (events.users(), parameters.item_bias.len());
    check(events, &parameters);
    let mut order: Vec<u32> = (0..users as u32).collect();
    Words::new(settings.seed, epoch, 0, Purpose::Blocks).shuffle(&mut order);

    // What the users of a group leave for the items: errors and vectors by rating, then sums by user.
    let room = |group: &[u32]| group.iter().map(|&user| events.range(user as usize).len()).sum::<usize>();
    let most = order.chunks(GROUP).map(room).max().unwrap_or(0);
    let stride = parameters.stride;
    let (mut errors, mut vectors) = (vec![0.0f32; most], vec![0.0f32; most * stride]);
    let (mut sums, mut kept) = (vec![0.0f32; GROUP * stride], vec![0.0f32; GROUP]);
    let mut losses = vec![0.0f64; users];
    let starts: Vec<usize> = order
        .chunks(GROUP)
        .flat_map(|group| {
            group.iter().scan(0, |at, &user| {
                let start = *at;
                *at += events.range(user as usize).len();
                Some(start)
            })
        })
        .collect();
    let work = Work {
        events,
        settings,
        epoch,
        stride,
        bins: parameters.bin_bias.len() / items.max(1),
        pointers: Pointers::new(parameters, &mut errors, &mut vectors, &mut sums, &mut kept),
    };
    let bounds = item_blocks(events.indices, items);
    let blocks = bounds.len() - 1;

    let losses_of = crate::threads::DisjointSlice::new(&mut losses);
    let groups = users.div_ceil(GROUP);
    let sizes: Vec<usize> =
        (0..groups).flat_map(|group| [GROUP.min(users - group * GROUP), blocks]).collect();
    phases::run(threads, &sizes, Vec::new, |scratch, phase, index| {
        let first = phase / 2 * GROUP;
        if phase % 2 == 0 {
            let at = first + index;
            let loss = steps::learn_user(level, &work, order[at] as usize, index, starts[at], scratch);
            // SAFETY: one element for each user.
            unsafe { losses_of.range(at, at + 1)[0] = loss };
        } else {
            let last = (first + GROUP).min(users);
            let group = &order[first..last];
            steps::learn_items(level, &work, group, &starts[first..last], (bounds[index], bounds[index + 1]));
        }
    });
    losses.iter().sum()
}

/// Items in blocks of about equally many ratings: where each begins, and the end.
fn item_blocks(indices: &[i32], items: usize) -> Vec<i32> {
    let mut counts = vec![0usize; items];
    indices.iter().for_each(|&item| counts[item as usize] += 1);
    let blocks = ITEM_BLOCKS.min(items).max(1);
    let (mut bounds, mut before) = (vec![0], 0);
    for (item, count) in counts.iter().enumerate() {
        if before * blocks >= indices.len() * bounds.len() && bounds.len() < blocks {
            bounds.push(item as i32);
        }
        before += count;
    }
    bounds.push(items as i32);
    bounds
}

fn check(events: Events<'_>, parameters: &Parameters<'_>) {
    let (users, items) = (events.users(), parameters.item_bias.len());
    let (n, stride, days) = (events.indices.len(), parameters.stride, parameters.day_bias.len());
    assert!(stride.is_multiple_of(PAD));
    let long = |x: &Option<&mut [f32]>, rows: usize| x.as_ref().is_none_or(|x| x.len() == rows * stride);
    assert_eq!((parameters.users.len(), parameters.items.len()), (users * stride, items * stride));
    assert!(long(&parameters.implicit, items) && long(&parameters.drift, users));
    assert!(long(&parameters.day_factors, days));
    assert_eq!((parameters.user_bias.len(), parameters.user_slope.len()), (users, users));
    assert_eq!(parameters.item_trend.len(), items);
    let bins = parameters.bin_bias.len() / items.max(1);
    assert_eq!(parameters.bin_bias.len(), bins * items);
    assert_eq!((events.values.len(), events.bins.len(), events.days.len()), (n, n, n));
    assert_eq!((events.user_deviation.len(), events.item_deviation.len()), (n, n));
    assert!(events.weights.is_none_or(|weights| weights.len() == n));
    let below = |rows: &[i32], end: usize| rows.iter().all(|&row| row >= 0 && (row as usize) < end);
    assert!(below(events.indices, items) && below(events.bins, bins) && below(events.days, days));
    assert!(days_apart(events, days), "a day of two users");
}

/// Whether every day belongs to one user, so that no two tasks share it; the days are in range.
pub fn days_apart(events: Events<'_>, days: usize) -> bool {
    let mut owner = vec![u32::MAX; days];
    (0..events.users()).all(|user| {
        events.range(user).all(|event| {
            let owner = &mut owner[events.days[event] as usize];
            let mine = *owner == u32::MAX || *owner == user as u32;
            *owner = user as u32;
            mine
        })
    })
}

#[cfg(test)]
mod tests;
