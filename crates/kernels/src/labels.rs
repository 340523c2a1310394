//! Byte strings to numbers: a hash table that numbers labels in the order in which they come.

/// Labels looked up side by side: while one waits for memory, the others do too.
const BATCH: usize = 32;

/// Number in a slot without a label.
const FREE: i32 = -1;

/// Distinct labels, numbered from 0 in order of first appearance.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Open addressing with linear probing, at most half full; their number is a power of two.
    slots: Vec<Slot>,
    /// Where each label starts in `bytes`, and the last one ends.
    starts: Vec<usize>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Upper half of the hash; where it differs, so does the label.
    tag: u32,
    /// Number of the label, or `FREE`.
    code: i32,
}

impl Default for Labels {
    fn default() -> Self {
        Self { slots: vec![Slot { tag: 0, code: FREE }; 4 * BATCH], starts: vec![0], bytes: Vec::new() }
    }
}

impl Labels {
    /// Number of labels.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The label of a number.
    pub fn get(&self, code: usize) -> &[u8] {
        &self.bytes[self.starts[code]..self.starts[code + 1]]
    }

    /// The labels in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|code| self.get(code))
    }

    /// The numbers of labels in `out`, of the same length; a new one takes the next free number.
    ///
    /// # Panics
    /// With more than `i32::MAX` labels.
    pub fn codes(&mut self, labels: &[&[u8]], out: &mut [i32]) {
        assert_eq!(labels.len(), out.len());
        for (labels, out) in labels.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            let (mut hashes, mut found) = ([0; BATCH], [Slot { tag: 0, code: FREE }; BATCH]);
            let (mut ranges, mask) = ([const { 0..0 }; BATCH], self.slots.len() - 1);
            for (hash, label) in hashes.iter_mut().zip(labels) {
                *hash = hash_of(label);
            }
            // What each loop reads has been found by the one before, so that its loads need not wait for each other.
            for (found, &hash) in found.iter_mut().zip(&hashes) {
                let at = hash as usize & mask;
                // Without a branch, for it would often be foreseen wrongly.
                let other = usize::from(self.slots[at].tag != tag(hash));
                *found = self.slots[(at + other) & mask];
            }
            for (range, found) in ranges.iter_mut().zip(&found) {
                let code = found.code.max(0) as usize;
                *range = self.starts[code]..self.starts[(code + 1).min(self.len())];
            }
            for (n, (label, code)) in labels.iter().zip(out).enumerate() {
                let Slot { code: known, .. } = found[n];
                let same = known != FREE && equal(&self.bytes[ranges[n].clone()], label);
                *code = if same { known } else { self.code(label, hashes[n]) };
            }
        }
    }

    fn code(&mut self, label: &[u8], hash: u64) -> i32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].code != FREE {
            let Slot { tag: known, code } = self.slots[at];
            if known == tag(hash) && equal(self.get(code as usize), label) {
                return code;
            }
            at = (at + 1) & mask;
        }
        assert!(self.len() < i32::MAX as usize, "too many labels");
        let code = self.len() as i32;
        self.bytes.extend_from_slice(label);
        self.starts.push(self.bytes.len());
        self.slots[at] = Slot { tag: tag(hash), code };
        if 2 * self.len() > self.slots.len() {
            self.grow();
        }
        code
    }

    fn grow(&mut self) {
        let mask = 2 * self.slots.len() - 1;
        let mut slots = vec![Slot { tag: 0, code: FREE }; mask + 1];
        for (code, label) in (0..).zip(self.iter()) {
            let hash = hash_of(label);
            let mut at = hash as usize & mask;
            while slots[at].code != FREE {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), code };
        }
        self.slots = slots;
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Eight bytes at a time, each step a multiplication whose halves are folded onto each other.
#[inline]
fn hash_of(label: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 divided by the golden ratio
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(ODD);
        product as u64 ^ (product >> 64) as u64
    };
    let start = label.len() as u64 ^ ODD;
    let state = label.as_chunks().0.iter().fold(start, |state, &word| fold(state, u64::from_le_bytes(word)));
    fold(fold(state, last(label)), ODD)
}

#[inline]
fn equal(a: &[u8], b: &[u8]) -> bool {
    // Comparing word by word here spares a call.
    let words = || a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    a.len() == b.len()
        && last(a) == last(b)
        && words().all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
}

/// The last eight bytes as one number, or all where there are fewer; labels of one length never share it
/// unless those bytes are equal.
#[inline]
fn last(label: &[u8]) -> u64 {
    if let Some(word) = label.last_chunk() {
        u64::from_le_bytes(*word)
    } else if let (Some(head), Some(tail)) = (label.first_chunk(), label.last_chunk()) {
        u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
    } else {
        label.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_follow_first_appearance() {
        let mut labels = Labels::default();
        assert!(labels.is_empty());
        let mut codes = [0; 6];
        labels.codes(&[b"b", b"a", b"", b"b", b"a\0", b"a"], &mut codes);
        assert_eq!(codes, [0, 1, 2, 0, 3, 1]);
        assert!(labels.iter().eq([&b"b"[..], b"a", b"", b"a\0"]));
    }

    proptest! {
        #[test]
        fn agrees_with_a_list(words in prop::collection::vec("[ab]{0,11}|[ab]{12,30}", 0..3000)) {
            let (mut labels, mut list) = (Labels::default(), Vec::<&[u8]>::new());
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let mut codes = vec![0; words.len()];
            labels.codes(&words, &mut codes);
            for (word, code) in words.into_iter().zip(codes) {
                if !list.contains(&word) {
                    list.push(word);
                }
                prop_assert_eq!(list[code as usize], word);
            }
            prop_assert!(labels.iter().eq(list));
        }

        #[test]
        fn equal_is_equal(a in "[ab]{0,20}", b in "[ab]{0,20}") {
            prop_assert_eq!(equal(a.as_bytes(), b.as_bytes()), a == b);
            prop_assert!(equal(a.as_bytes(), a.clone().as_bytes()));
        }
    }
}
