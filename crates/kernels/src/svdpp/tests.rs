use super::*;
use crate::noise::noise;

const ROWS: usize = 70;
const COLUMNS: usize = 50;

struct World {
    indptr: Vec<i64>,
    indices: Vec<i32>,
    values: Vec<f32>,
    weights: Vec<f32>,
}

/// Row 0 has nothing, row 1 one column, row 2 every column; the others some, each with another `chance`.
fn world(seed: u64, share: f32) -> World {
    let chance = noise(ROWS * COLUMNS, seed);
    let (mut indptr, mut indices) = (vec![0i64], Vec::new());
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let has = match row {
                0 => false,
                1 => column == 7,
                2 => true,
                _ => chance[row * COLUMNS + column] < share,
            };
            if has {
                indices.push(column as i32);
            }
        }
        indptr.push(indices.len() as i64);
    }
    let values = noise(indices.len(), seed + 1);
    let weights = noise(indices.len(), seed + 2).iter().map(|w| 1.0 + 0.5 * w).collect();
    World { indptr, indices, values, weights }
}

impl World {
    fn sets(&self) -> Sets<'_> {
        Sets { indptr: &self.indptr, indices: &self.indices }
    }

    fn ratings(&self) -> Ratings<'_> {
        Ratings {
            indptr: &self.indptr,
            indices: &self.indices,
            values: &self.values,
            weights: Some(&self.weights),
        }
    }
}

const SETTINGS: Settings = Settings {
    mean: 0.1,
    row: Group { rate: 0.03, penalty: 0.1 },
    column: Group { rate: 0.04, penalty: 0.2 },
    implicit: Group { rate: 0.02, penalty: 0.05 },
    bias: Group { rate: 0.05, penalty: 0.3 },
    seed: 11,
    epoch: 0,
};

fn small(n: usize, seed: u64) -> Vec<f32> {
    noise(n, seed).into_iter().map(|x| 0.3 * x).collect()
}

/// What is learned in two passes, and the sum of losses.
fn learned(
    level: Level,
    threads: usize,
    stride: usize,
    apart: bool,
    size: usize,
    seed: u64,
) -> (Vec<Vec<f32>>, f64) {
    let (rated, met) = (world(1, -0.3), world(1, 0.1));
    let sets = if apart { met.sets() } else { rated.sets() };
    let plan = Plan::new(threads, rated.sets(), apart.then_some(sets), COLUMNS, size, seed);
    let fixed = small(COLUMNS * stride, 9);
    let mut all = [
        small(ROWS * stride, 4),
        small(COLUMNS * stride, 5),
        small(COLUMNS * stride, 6),
        small(ROWS, 7),
        small(COLUMNS, 8),
    ];
    let mut loss = 0.0;
    for number in 0..2 {
        let [rows, columns, implicit, row_bias, column_bias] = &mut all;
        let fixed = apart.then_some(&fixed[..]);
        let parameters = Parameters { rows, columns, fixed, implicit, row_bias, column_bias, stride };
        let settings = Settings { seed, epoch: number, ..SETTINGS };
        loss += epoch(level, threads, &plan, rated.ratings(), sets, settings, parameters);
    }
    (all.to_vec(), loss)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for level in Level::available() {
        for stride in [16, 32, 64, 80] {
            for apart in [false, true] {
                let one = learned(level, 1, stride, apart, 6, 3);
                assert!(one.0.iter().flatten().all(|x| x.is_finite()) && one.1 > 0.0);
                for threads in [2, 5] {
                    assert_eq!(one, learned(level, threads, stride, apart, 6, 3), "{stride} {apart}");
                }
            }
        }
    }
}

#[test]
fn levels_have_the_same_bits_and_seeds_do_not() {
    for stride in [16, 32, 64, 80] {
        for apart in [false, true] {
            let one = learned(Level::best(), 2, stride, apart, 6, 3);
            for level in Level::available() {
                assert_eq!(one, learned(level, 1, stride, apart, 6, 3), "{level:?} {stride} {apart}");
            }
            assert_ne!(one.0, learned(Level::best(), 2, stride, apart, 6, 4).0);
        }
    }
}

#[test]
fn a_plan_holds_every_rating_once_and_columns_by_place() {
    let (rated, met) = (world(1, -0.3), world(2, 0.1));
    let plan = Plan::new(3, rated.sets(), Some(met.sets()), COLUMNS, 8, 5);
    let mut rows: Vec<u32> = plan.batches.iter().flat_map(|batch| batch.rows.clone()).collect();
    rows.sort_unstable();
    assert_eq!(rows, (1..ROWS as u32).collect::<Vec<_>>());
    assert_eq!(plan.most_events(), plan.batches.iter().map(|b| b.rated.slots.len()).max().unwrap());
    for batch in &plan.batches {
        assert!(
            batch
                .rows
                .windows(2)
                .all(|w| { rated.sets().row(w[0] as usize).len() >= rated.sets().row(w[1] as usize).len() })
        );
        for (slot, &row) in batch.rows.iter().enumerate() {
            for event in rated.sets().range(row as usize) {
                let place = plan.places[event];
                assert_eq!(usize::from(batch.rated.slots[place as usize]), slot);
                let at = batch.rated.starts.partition_point(|&start| start <= place) - 1;
                assert_eq!(batch.rated.columns[at] as i32, rated.indices[event]);
            }
        }
        for turned in [Some(&batch.rated), batch.sets.as_ref()].into_iter().flatten() {
            assert!(turned.tasks.is_sorted() && turned.columns.is_sorted());
            assert_eq!(*turned.tasks.last().unwrap() as usize, turned.columns.len());
            for range in turned.starts.windows(2) {
                assert!(turned.slots[range[0] as usize..range[1] as usize].is_sorted());
            }
        }
    }
}

#[test]
fn long_batches_have_several_tasks_of_columns() {
    let rated = world(1, 0.9);
    let plan = Plan::new(1, rated.sets(), None, COLUMNS, ROWS, 0);
    assert!(plan.batches[0].rated.len() > 2 && !plan.batches[0].rated.is_empty());
    let mut orders: Vec<_> =
        (0..4).map(|e| Plan::new(1, rated.sets(), None, COLUMNS, 4, 0).order(0, e)).collect();
    orders.dedup();
    assert_eq!(orders.len(), 4);
}

#[test]
fn sums_and_targets_are_what_they_say() {
    let rated = world(1, -0.3);
    for level in Level::available() {
        for (threads, stride) in [(1, 16), (3, 48)] {
            let (vectors, columns) = (small(COLUMNS * stride, 1), small(COLUMNS * stride, 2));
            let mut sums = vec![f32::NAN; ROWS * stride];
            super::sums(level, threads, rated.sets(), &vectors, stride, &mut sums);
            let mut out = vec![f32::NAN; rated.values.len()];
            targets(level, threads, rated.ratings(), &sums, &columns, stride, &mut out);
            for row in 0..ROWS {
                let set = rated.sets().row(row);
                let share = if set.is_empty() { 0.0 } else { (set.len() as f64).sqrt().recip() };
                for c in 0..stride {
                    let want: f64 = set.iter().map(|&j| f64::from(vectors[j as usize * stride + c])).sum();
                    assert!((f64::from(sums[row * stride + c]) - share * want).abs() < 1e-5);
                }
                for event in rated.sets().range(row) {
                    let column = rated.indices[event] as usize;
                    let told: f64 = (0..stride)
                        .map(|c| f64::from(sums[row * stride + c]) * f64::from(columns[column * stride + c]))
                        .sum();
                    assert!((f64::from(out[event]) - (f64::from(rated.values[event]) - told)).abs() < 1e-5);
                }
            }
        }
    }
}
