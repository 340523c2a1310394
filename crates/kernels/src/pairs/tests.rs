//! Counts against all pairs of all baskets.

use super::*;
use proptest::prelude::*;

const ITEMS: usize = 40;

/// The definition: every ordered pair of every basket.
fn slow(baskets: &[Vec<(i32, i64)>], window: Window, scaling: f64, keep: &[f64]) -> Vec<Vec<f64>> {
    let mut counts = vec![vec![0.0; ITEMS]; ITEMS];
    for basket in baskets {
        let mut basket = basket.clone();
        basket.sort_by_key(|&(item, time)| (time, item));
        let together = |a: usize, b: usize| match window {
            Window::Whole => true,
            Window::Seconds(most) => (basket[a].1 - basket[b].1).abs() <= most,
            Window::Events(most) => a.abs_diff(b) <= most,
        };
        let pairs: Vec<(usize, usize)> = (0..basket.len())
            .flat_map(|a| (0..basket.len()).map(move |b| (a, b)))
            .filter(|&(a, b)| a != b && together(a, b))
            .collect();
        let weight = (pairs.len() as f64 / basket.len() as f64).powf(-scaling);
        for (a, b) in pairs {
            let (a, b) = (basket[a].0 as usize, basket[b].0 as usize);
            counts[a][b] += keep[a] * keep[b] * weight;
        }
    }
    counts
}

fn table(baskets: &[Vec<(i32, i64)>]) -> (Vec<i64>, Vec<i32>, Vec<i64>) {
    let (mut indptr, mut indices, mut times) = (vec![0], Vec::new(), Vec::new());
    for basket in baskets {
        indices.extend(basket.iter().map(|event| event.0));
        times.extend(basket.iter().map(|event| event.1));
        indptr.push(indices.len() as i64);
    }
    (indptr, indices, times)
}

fn baskets() -> impl Strategy<Value = Vec<Vec<(i32, i64)>>> {
    let basket = proptest::collection::btree_map(0..ITEMS as i32, 0i64..20, 0..9);
    proptest::collection::vec(basket.prop_map(|basket| basket.into_iter().collect()), 0..30)
}

fn windows() -> impl Strategy<Value = Window> {
    prop_oneof![
        Just(Window::Whole),
        (0i64..6).prop_map(Window::Seconds),
        (1usize..5).prop_map(Window::Events)
    ]
}

proptest! {
    #[test]
    fn cells_and_margins_equal_their_definitions(
        baskets in baskets(),
        window in windows(),
        scaling in prop_oneof![Just(0.0), Just(1.0), Just(0.5)],
        shrinkage in 0..3,
    ) {
        let (indptr, indices, times) = table(&baskets);
        let keep: Vec<f64> = (0..ITEMS).map(|item| 1.0 / (1.0 + (item % 3) as f64)).collect();
        let pairs = Pairs::new(2, ITEMS, &indptr, &indices, &times, window, scaling).unwrap();
        let mut margins = vec![0.0; ITEMS];
        pairs.margins(&keep, &mut margins);
        for (margin, row) in margins.iter().zip(slow(&baskets, window, scaling, &keep)) {
            prop_assert!((margin - row.iter().sum::<f64>()).abs() < 1e-6);
        }
        let counts = slow(&baskets, window, scaling, &[1.0; ITEMS]);
        let words: Vec<f64> = (0..ITEMS).map(|item| 0.3 + (item % 5) as f64).collect();
        let contexts: Vec<f64> = (0..ITEMS).map(|item| 0.2 + (item % 7) as f64 / 4.0).collect();
        let shrinkage = f64::from(shrinkage);
        let above = Above { words: &words, contexts: &contexts, shrinkage };
        let numbers = slow(&baskets, window, 0.0, &[1.0; ITEMS]);
        let rows: Vec<i32> = (0..ITEMS as i32).rev().collect();
        let found = pairs.rows(3, &rows, above);
        prop_assert_eq!(pairs.count(2, &rows, above), found.columns.len());
        prop_assert_eq!(&found, &pairs.rows(1, &rows, above));
        for (at, &row) in rows.iter().enumerate() {
            let range = found.indptr[at] as usize..found.indptr[at + 1] as usize;
            let columns = &found.columns[range.clone()];
            prop_assert!(columns.is_sorted_by(|a, b| a < b));
            for column in 0..ITEMS {
                let (count, number) = (counts[row as usize][column], numbers[row as usize][column]);
                let value = (count / (words[row as usize] * contexts[column])).ln();
                let value = if count > 0.0 { number / (number + shrinkage) * value } else { 0.0 };
                match columns.iter().position(|&found| found as usize == column) {
                    Some(at) => prop_assert!((f64::from(found.values[range.start + at]) - value).abs() < 1e-5),
                    // Within rounding of the bar either is right.
                    None => prop_assert!(value < 1e-6),
                }
            }
        }
    }
}

#[test]
fn few_pairs_among_many_items_are_found_as_many_are() {
    // The short way, for rows that meet few of the items, against the long one.
    let few = Pairs::new(1, 1000, &[0, 3, 5], &[7, 500, 999, 7, 500], &[], Window::Whole, 0.0).unwrap();
    let ones = vec![0.5; 1000];
    let above = Above { words: &ones, contexts: &ones, shrinkage: 0.0 };
    let found = few.rows(1, &[7, 8, 999], above);
    assert_eq!(found.indptr, [0, 2, 2, 4]);
    assert_eq!(found.columns, [500, 999, 7, 500]);
    assert_eq!(found.values, [8.0f32.ln(), 4.0f32.ln(), 4.0f32.ln(), 4.0f32.ln()]);
}

#[test]
fn times_at_the_ends_of_their_range_are_apart() {
    let times = [i64::MIN, i64::MAX];
    let pairs = Pairs::new(1, 2, &[0, 2], &[0, 1], &times, Window::Seconds(i64::MAX), 0.0).unwrap();
    let mut margins = [9.0; 2];
    pairs.margins(&[1.0; 2], &mut margins);
    assert_eq!(margins, [0.0; 2]);
}

#[test]
fn an_item_that_is_always_alone_has_no_margin() {
    // Sums up to an event and before it differ by more or less than its share in floating point.
    let (often, once) = (0.17320508075688773, 0.24494897427831783);
    assert!((often + often + once) - (often + often) != once);
    let keep = [often, often, once, often, once];
    let times = [0, 10, 1_000_000, 0, 5, 10_000_000];
    let pairs =
        Pairs::new(1, 5, &[0, 3, 6], &[0, 1, 2, 0, 3, 4], &times, Window::Seconds(3600), 1.0).unwrap();
    let mut margins = [9.0; 5];
    pairs.margins(&keep, &mut margins);
    assert_eq!((margins[2], margins[4]), (0.0, 0.0));
    assert!(margins[0] > 0.0 && margins[1] > 0.0 && margins[3] > 0.0);
}

#[test]
fn the_pairs_of_long_baskets_count_little_and_not_nothing() {
    let indices: Vec<i32> = (0..20).chain(0..30).collect();
    let pairs = Pairs::new(1, 30, &[0, 20, 50], &indices, &[], Window::Whole, 40.0).unwrap();
    let mut margins = [0.0; 30];
    pairs.margins(&[1.0; 30], &mut margins);
    assert!(margins.iter().all(|&margin| margin > 0.0));
}
