//! Which samples are learned when: rounds of blocks of users and items that share nothing.
//!
//! Users are cut into `lanes` blocks and items, by chance anew in each epoch, into `2 lanes` (`lanes` where a sample
//! has one item). A task is a block of users with a pair of item blocks. The tasks stand in a fixed order, in rounds of
//! `lanes` tasks without a common block, by the circle method of tournaments; a task may begin when all earlier ones
//! that share a block with it have ended. So every row is changed in the order of the tasks, whoever works on them.

use crate::threads::for_each_chunk;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Samples of a task below which cutting finer is not worth the waiting.
const LEAST_SAMPLES: usize = 800;

/// Blocks of users at most; so many threads can work at once.
const MOST_LANES: usize = 16;

/// One block of users with one or two blocks of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The block of users.
    pub lane: usize,
    /// Which pair of item blocks, in the order of samples of one lane.
    pub pair: usize,
    /// The item blocks; the same twice where a sample has one item.
    pub blocks: [usize; 2],
    /// How many earlier tasks have the lane and each block.
    turns: [u32; 3],
}

/// The blocks and tasks of an epoch.
pub struct Grid {
    /// Blocks of users.
    pub lanes: usize,
    /// Blocks of items.
    pub blocks: usize,
    /// Pairs of item blocks that a lane has tasks with.
    pub pairs: usize,
    /// In order.
    pub tasks: Vec<Task>,
    pair_of: Vec<u16>,
}

impl Grid {
    /// A grid for so many samples; item blocks hold at least `least_items`, where there are so many.
    pub fn new(samples: usize, users: usize, items: usize, least_items: usize, paired: bool) -> Self {
        let wide = (samples as f64 / LEAST_SAMPLES as f64).cbrt() as usize;
        let width = if paired { 2 * least_items } else { least_items };
        Self::of(wide.min(MOST_LANES).min(users).min(items / width).max(1), paired)
    }

    /// A grid of so many lanes.
    pub fn of(lanes: usize, paired: bool) -> Self {
        let (rounds, blocks) = if paired { (2 * lanes - 1, 2 * lanes) } else { (1, lanes) };
        let mut pair_of = vec![0u16; blocks * blocks];
        let mut pairs = Vec::new();
        for round in 0..rounds {
            for seat in 0..lanes {
                let [x, y] = match (paired, seat) {
                    (false, _) => [seat, seat],
                    (true, 0) => [blocks - 1, round],
                    (true, _) => [(round + seat) % rounds, (round + rounds - seat) % rounds],
                };
                pair_of[x * blocks + y] = pairs.len() as u16;
                pair_of[y * blocks + x] = pairs.len() as u16;
                pairs.push([x, y]);
            }
        }
        let mut tasks = Vec::new();
        let (mut lane_turns, mut block_turns) = (vec![0u32; lanes], vec![0u32; blocks]);
        for round in 0..rounds {
            for step in 0..lanes {
                for seat in 0..lanes {
                    let (lane, pair) = ((seat + step) % lanes, round * lanes + seat);
                    let [x, y] = pairs[pair];
                    let turns = [lane_turns[lane], block_turns[x], block_turns[y]];
                    tasks.push(Task { lane, pair, blocks: [x, y], turns });
                    lane_turns[lane] += 1;
                    block_turns[x] += 1;
                    block_turns[y] += u32::from(x != y);
                }
            }
        }
        Self { lanes, blocks, pairs: pairs.len(), tasks, pair_of }
    }

    /// The pair that holds both blocks. Where they are one, `any` says with which other it goes.
    #[inline(always)]
    pub fn pair(&self, x: usize, y: usize, any: usize) -> usize {
        if x != y || self.pairs == self.blocks {
            return usize::from(self.pair_of[x * self.blocks + y]);
        }
        let other = any % (self.blocks - 1);
        usize::from(self.pair_of[x * self.blocks + other + usize::from(other >= x)])
    }

    /// Where each item block starts in the order of the epoch, and the end.
    pub fn bounds(&self, items: usize) -> Vec<usize> {
        (0..=self.blocks).map(|block| block * items / self.blocks).collect()
    }

    /// Calls `work(state, task)` for every task, on at most `threads` threads: after all earlier tasks that share a
    /// block with it, and before all later ones.
    pub fn run<S>(&self, threads: usize, init: impl Fn() -> S + Sync, work: impl Fn(&mut S, usize) + Sync) {
        let counters = |n: usize| (0..n).map(|_| AtomicU32::new(0)).collect::<Vec<_>>();
        let (lanes, blocks) = (counters(self.lanes), counters(self.blocks));
        let broken = AtomicBool::new(false);
        // Tasks are taken in order, so the earliest unfinished one is never waiting, and all come to their turn.
        for_each_chunk(threads.min(self.lanes), self.tasks.len(), init, |state, index| {
            let task = self.tasks[index];
            let [x, y] = task.blocks;
            let counters = [&lanes[task.lane], &blocks[x], &blocks[y]];
            for (counter, turn) in counters.into_iter().zip(task.turns) {
                let mut spins = 0u32;
                while counter.load(Ordering::Acquire) != turn {
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
            }
            let guard = Guard(&broken);
            work(state, index);
            std::mem::forget(guard);
            lanes[task.lane].fetch_add(1, Ordering::Release);
            blocks[x].fetch_add(1, Ordering::Release);
            if x != y {
                blocks[y].fetch_add(1, Ordering::Release);
            }
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
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    #[test]
    fn every_lane_meets_every_pair_once() {
        for lanes in 1..=6 {
            for paired in [false, true] {
                let grid = Grid::of(lanes, paired);
                assert_eq!(grid.blocks, if paired { 2 * lanes } else { lanes });
                let met: BTreeSet<_> = grid
                    .tasks
                    .iter()
                    .map(|t| (t.lane, t.blocks.iter().min(), t.blocks.iter().max()))
                    .collect();
                assert_eq!(met.len(), grid.tasks.len());
                let unordered = if paired { grid.blocks * (grid.blocks - 1) / 2 } else { lanes };
                assert_eq!((grid.pairs, grid.tasks.len()), (unordered, unordered * lanes));
                for task in &grid.tasks {
                    assert_eq!(grid.pair(task.blocks[0], task.blocks[1], 5), task.pair);
                    assert_eq!(grid.pair(task.blocks[1], task.blocks[0], 5), task.pair);
                }
            }
        }
    }

    #[test]
    fn tasks_of_a_round_share_nothing() {
        for lanes in 1..=6 {
            for paired in [false, true] {
                for round in Grid::of(lanes, paired).tasks.chunks(lanes) {
                    let lanes: BTreeSet<_> = round.iter().map(|task| task.lane).collect();
                    let mut blocks: Vec<_> = round.iter().flat_map(|task| task.blocks).collect();
                    blocks.sort_unstable();
                    let twice = blocks.len();
                    blocks.dedup();
                    assert_eq!(lanes.len(), round.len());
                    assert_eq!(blocks.len(), if paired { twice } else { twice / 2 });
                }
            }
        }
    }

    #[test]
    fn a_block_with_itself_goes_with_every_other_in_turn() {
        let grid = Grid::of(3, true);
        for x in 0..grid.blocks {
            let pairs: BTreeSet<_> = (0..10).map(|any| grid.pair(x, x, any)).collect();
            assert_eq!(pairs.len(), grid.blocks - 1);
            let task = |pair| grid.tasks.iter().find(|task| task.pair == pair).unwrap();
            assert!(pairs.iter().all(|&pair| task(pair).blocks.contains(&x)));
        }
        assert_eq!(Grid::of(1, true).pair(0, 0, 9), 0);
        assert_eq!(Grid::of(3, false).pair(2, 2, 9), 2);
    }

    #[test]
    fn every_block_sees_its_tasks_in_order() {
        let grid = Grid::of(4, true);
        for threads in [1, 2, 5] {
            let seen = Mutex::new(vec![Vec::new(); grid.lanes + grid.blocks]);
            grid.run(
                threads,
                || (),
                |(), index| {
                    let task = grid.tasks[index];
                    let mut seen = seen.lock().unwrap();
                    for place in [task.lane, grid.lanes + task.blocks[0], grid.lanes + task.blocks[1]] {
                        seen[place].push(index);
                    }
                },
            );
            let seen = seen.into_inner().unwrap();
            assert!(seen.iter().all(|tasks| tasks.is_sorted() && !tasks.is_empty()));
            assert_eq!(seen.iter().map(Vec::len).sum::<usize>(), 3 * grid.tasks.len());
        }
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let grid = Grid::of(4, true);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            grid.run(3, || (), |(), index| assert!(index != 7, "the seventh task"));
        }));
        assert!(outcome.is_err());
    }

    #[test]
    fn small_tables_have_one_lane() {
        assert_eq!(Grid::new(500, 60, 40, 8, true).lanes, 1);
        assert_eq!(Grid::new(1_000_000, 6000, 3700, 8, true).lanes, 10);
        assert_eq!(Grid::new(1_000_000, 6000, 100, 8, true).lanes, 6);
        assert_eq!(Grid::new(1_000_000, 3, 3700, 8, true).lanes, 3);
        assert_eq!(Grid::new(usize::MAX, 6000, 3700, 8, false).lanes, 16);
        assert_eq!(
            (Grid::of(2, true).bounds(10), Grid::of(1, true).bounds(1)),
            (vec![0, 2, 5, 7, 10], vec![0, 0, 1])
        );
    }
}
