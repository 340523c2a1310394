//! Items in the order in which queries meet them: the likely best first, in blocks of similar length.

use super::bound::Shifts;
use super::codes::{Coded, GROUP, ITEM_LIMIT, Line, PANEL, RUN, encode, largest, step};
use std::ops::Range;

/// Bytes of codes in a block: half of a first-level cache of 32 KiB.
const BLOCK: usize = 16 * 1024;
/// Most items in a block.
const MOST: usize = 512;

/// A stretch of positions, and what is known of all items there.
pub(super) struct Block {
    /// Its first position, and the one after its last, which may be padding.
    pub(super) positions: Range<usize>,
    /// Panels in each of its runs.
    pub(super) run: usize,
    /// The step of the codes.
    pub(super) scale: f32,
    /// Greatest length of an item.
    pub(super) norm: f64,
    /// Greatest length of an item minus what its codes stand for.
    pub(super) error: f64,
    /// Greatest length of an item of this block or a later one.
    pub(super) norm_from_here: f64,
}

/// Item factors packed for scoring.
///
/// A position is a place in the packing; a row is the item's number outside. Positions are ordered by
/// `|q| + bias`, the best score that a user of length 1 could give.
pub struct PackedItems {
    pub(super) k: usize,
    pub(super) blocks: Vec<Block>,
    /// The row at each position.
    pub(super) rows: Vec<i32>,
    /// The position of each row.
    pub(super) places: Vec<u32>,
    /// (items, k), by position.
    pub(super) vectors: Vec<f32>,
    /// Run by run: (groups of factors, panels of the run, items of the panel, factors of the group).
    pub(super) codes: Vec<Line>,
    pub(super) terms: Terms,
}

/// What is added to the products, and what multiplies the scores, by position.
pub(super) struct Terms {
    /// Padded to whole blocks with -inf, so that padding is never an answer.
    pub(super) bias: Vec<f32>,
    pub(super) boost: Option<Boost>,
    pub(super) blocks: Vec<Shifts>,
    /// What holds for all blocks from one on.
    pub(super) from_here: Vec<Shifts>,
}

/// Factors of the scores by position, padded with ones.
pub(super) struct Boost {
    pub(super) positive: Vec<f32>,
    pub(super) negative: Vec<f32>,
    /// 1 / positive and 1 / negative, to the nearest; the bar is lowered by more than their rounding: what it must be for each unit of
    /// a positive and of a negative bar.
    pub(super) per_positive: Vec<f32>,
    pub(super) per_negative: Vec<f32>,
}

/// The length of a vector.
pub(super) fn norm(vector: &[f32]) -> f64 {
    let mut sums = [0.0; GROUP];
    for values in vector.chunks(GROUP) {
        for (sum, &x) in sums.iter_mut().zip(values) {
            *sum += f64::from(x).powi(2);
        }
    }
    sums.iter().sum::<f64>().sqrt()
}

/// The blocks of so many items, with the panels in each of their runs. They begin with one panel, so that a bar is
/// soon there, and double.
fn cut(items: usize, width: usize) -> Vec<(Range<usize>, usize)> {
    let most = (BLOCK / width.max(1) / (RUN * PANEL)).max(1) * RUN * PANEL;
    let (mut blocks, mut start, mut panels) = (Vec::new(), 0, 1);
    while start < items {
        let run = RUN.min(panels);
        let end = start + panels * PANEL;
        blocks.push((start..end, run));
        panels = (2 * panels).min(most.min(MOST) / PANEL);
        start = end;
    }
    blocks
}

impl PackedItems {
    /// Packs `factors` (items, k; rows `stride` apart) and `bias` (items, or empty for zeros).
    pub fn new(factors: &[f32], items: usize, k: usize, stride: usize, bias: &[f32]) -> Self {
        assert!(items * stride <= factors.len() && k <= stride || items * k == 0);
        assert!(bias.is_empty() || bias.len() == items);
        // Sums of codes stay in 32 bits.
        assert!(
            k < 1 << 15 && items < 1 << 31,
            "{items} items with {k} factors are more than codes can hold"
        );
        let row = |item: usize| if k == 0 { &[] } else { &factors[item * stride..item * stride + k] };
        let bias_of = |item: usize| bias.get(item).copied().unwrap_or(0.0);
        let norms: Vec<f64> = (0..items).map(|item| norm(row(item))).collect();
        let mut rows: Vec<i32> = (0..items as i32).collect();
        let key = |item: i32| norms[item as usize] + f64::from(bias_of(item as usize));
        rows.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
        let mut places = vec![0; items];
        for (at, &item) in rows.iter().enumerate() {
            places[item as usize] = at as u32;
        }

        let groups = k.div_ceil(GROUP);
        let mut vectors = Vec::with_capacity(items * k);
        let mut codes = Vec::new();
        let mut blocks = Vec::new();
        let mut bytes = vec![0i8; groups * GROUP];
        for (positions, run) in cut(items, groups * GROUP) {
            let members = &rows[positions.start..positions.end.min(items)];
            let sizes = members.iter().map(|&item| largest(row(item as usize)));
            let scale = step(sizes.fold(0.0, f32::max), ITEM_LIMIT);
            let first = codes.len();
            codes.resize(first + positions.len() / PANEL * groups, Line::zero());
            let (mut longest, mut worst) = (0.0f64, 0.0f64);
            for (i, &item) in members.iter().enumerate() {
                let vector = row(item as usize);
                vectors.extend_from_slice(vector);
                let panel = i / PANEL;
                let line = first + panel / run * run * groups + panel % run;
                let Coded { error, .. } = encode(vector, scale, ITEM_LIMIT, &mut bytes);
                for (g, group) in bytes.chunks_exact(GROUP).enumerate() {
                    codes[line + g * run].set(i % PANEL, group);
                }
                longest = longest.max(norms[item as usize]);
                worst = worst.max(error);
            }
            blocks.push(Block { positions, run, scale, norm: longest, error: worst, norm_from_here: 0.0 });
        }
        let mut most = 0.0f64;
        for block in blocks.iter_mut().rev() {
            most = most.max(block.norm);
            block.norm_from_here = most;
        }
        let all = if bias.is_empty() { vec![0.0; items] } else { bias.to_vec() };
        let terms = Terms::new(&rows, &blocks, &all, None);
        Self { k, blocks, rows, places, vectors, codes, terms }
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.rows.len()
    }

    /// Number of factors.
    pub fn factors(&self) -> usize {
        self.k
    }

    /// Groups of factors whose codes lie side by side.
    pub(super) fn groups(&self) -> usize {
        self.k.div_ceil(GROUP)
    }

    /// The bias of a row, as packed.
    pub(super) fn bias_of(&self, row: usize) -> f32 {
        self.terms.bias[self.places[row] as usize]
    }
}

impl Terms {
    /// From values by row: biases and, where there are any, factors of positive and of negative scores.
    pub(super) fn new(rows: &[i32], blocks: &[Block], bias: &[f32], boost: Option<(&[f32], &[f32])>) -> Self {
        let items = rows.len();
        let padded = blocks.last().map_or(0, |last| last.positions.end);
        let by_position = |values: &[f32], padding: f32| {
            assert!(values.len() == items);
            let mut out = Vec::with_capacity(padded);
            out.extend(rows.iter().map(|&row| values[row as usize]));
            out.resize(padded, padding);
            out
        };
        let bias = by_position(bias, f32::NEG_INFINITY);
        let boost = boost.map(|(positive, negative)| {
            let (positive, negative) = (by_position(positive, 1.0), by_position(negative, 1.0));
            let inverse = |values: &[f32]| values.iter().map(|x| 1.0 / x).collect();
            Boost { per_positive: inverse(&positive), per_negative: inverse(&negative), positive, negative }
        });
        let shifts = |block: &Block| {
            (block.positions.start..items.min(block.positions.end)).fold(Shifts::none(), |shifts, i| {
                let (positive, negative) =
                    boost.as_ref().map_or((1.0, 1.0), |b| (b.positive[i], b.negative[i]));
                shifts.and(bias[i], positive, negative)
            })
        };
        let blocks: Vec<Shifts> = blocks.iter().map(shifts).collect();
        let mut from_here = blocks.clone();
        for b in (1..blocks.len()).rev() {
            from_here[b - 1] = from_here[b - 1].or(&from_here[b]);
        }
        Self { bias, boost, blocks, from_here }
    }
}

impl Shifts {
    fn none() -> Self {
        Self { bias: f64::NEG_INFINITY, bias_size: 0.0, positive: 0.0, negative: f64::INFINITY }
    }

    fn and(self, bias: f32, positive: f32, negative: f32) -> Self {
        if bias == f32::NEG_INFINITY {
            return self;
        }
        let bias = f64::from(bias);
        self.or(&Self {
            bias,
            bias_size: bias.abs(),
            positive: f64::from(positive),
            negative: f64::from(negative),
        })
    }

    fn or(self, other: &Self) -> Self {
        Self {
            bias: self.bias.max(other.bias),
            bias_size: self.bias_size.max(other.bias_size),
            positive: self.positive.max(other.positive),
            negative: self.negative.min(other.negative),
        }
    }
}
