//! Items in the order in which queries meet them: the likely best first, in blocks of similar length.

use super::bound::Shifts;
use super::codes::{Coded, GROUP, ITEM_LIMIT, LINE, PANEL, RUN, encode, item_byte, step};

/// Bytes of codes in a block: half of a first-level cache of 32 KiB.
const BLOCK: usize = 16 * 1024;

/// What is known of all items of a block.
pub(super) struct Block {
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
    /// Items in a block, a multiple of RUN * PANEL.
    pub(super) block: usize,
    pub(super) blocks: Vec<Block>,
    /// The row at each position.
    pub(super) rows: Vec<i32>,
    /// The position of each row.
    pub(super) places: Vec<u32>,
    /// (items, k), by position.
    pub(super) vectors: Vec<f32>,
    /// Panel by panel: (groups of factors, items of the panel, factors of the group).
    pub(super) codes: Vec<u8>,
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
    /// 1 / positive and 1 / negative: what a score must be for each unit of the bar.
    pub(super) per_positive: Vec<f32>,
    pub(super) per_negative: Vec<f32>,
}

fn norm(row: &[f32]) -> f64 {
    row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
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
        let run = RUN * PANEL;
        let block = (BLOCK / (groups * GROUP).max(BLOCK / 512) / run).max(1) * run;
        let mut vectors = Vec::with_capacity(items * k);
        let mut codes = vec![item_byte(0); items.div_ceil(block) * block * groups * GROUP];
        let mut blocks = Vec::with_capacity(items.div_ceil(block));
        for (b, members) in rows.chunks(block).enumerate() {
            let values = members.iter().flat_map(|&item| row(item as usize));
            let scale = step(values.fold(0.0f32, |most, x| most.max(x.abs())), ITEM_LIMIT);
            let mut largest = Block { scale, norm: 0.0, error: 0.0, norm_from_here: 0.0 };
            for (i, &item) in members.iter().enumerate() {
                let vector = row(item as usize);
                vectors.extend_from_slice(vector);
                let at = b * block + i;
                let panel = &mut codes[at / PANEL * groups * LINE..];
                let Coded { error, .. } = encode(vector, scale, ITEM_LIMIT, |c, code| {
                    panel[c / GROUP * LINE + at % PANEL * GROUP + c % GROUP] = item_byte(code);
                });
                largest.norm = largest.norm.max(norms[item as usize]);
                largest.error = largest.error.max(error);
            }
            blocks.push(largest);
        }
        let mut most = 0.0f64;
        for block in blocks.iter_mut().rev() {
            most = most.max(block.norm);
            block.norm_from_here = most;
        }
        let all = if bias.is_empty() { vec![0.0; items] } else { bias.to_vec() };
        let terms = Terms::new(&rows, block, &all, None);
        Self { k, block, blocks, rows, places, vectors, codes, terms }
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
    pub(super) fn new(rows: &[i32], block: usize, bias: &[f32], boost: Option<(&[f32], &[f32])>) -> Self {
        let items = rows.len();
        let padded = items.div_ceil(block) * block;
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
        let mut blocks: Vec<Shifts> = Vec::with_capacity(padded / block);
        for at in (0..padded).step_by(block) {
            let mut shifts = Shifts::none();
            for i in at..items.min(at + block) {
                let (positive, negative) =
                    boost.as_ref().map_or((1.0, 1.0), |b| (b.positive[i], b.negative[i]));
                shifts = shifts.and(bias[i], positive, negative);
            }
            blocks.push(shifts);
        }
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
