//! Byte strings to numbers: a hash table that numbers labels in the order in which they come.

/// Labels looked up side by side: while one waits for memory, the others do too.
const BATCH: usize = 32;

/// Place in a slot without a label.
const FREE: u32 = u32::MAX;

/// Bytes before each label: its number and its length.
const HEAD: usize = 8;

/// Distinct labels, numbered from 0 in order of first appearance.
#[derive(Clone, Debug)]
pub struct Labels {
    /// Open addressing with linear probing, at most half full; their number is a power of two.
    slots: Vec<Slot>,
    /// Labels in order, each behind its head and filled up to a multiple of [`HEAD`].
    records: Vec<u8>,
    count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Upper half of the hash; where it differs, so does the label.
    tag: u32,
    /// Where the record is, in units of [`HEAD`], or `FREE`.
    place: u32,
}

const EMPTY: Slot = Slot { tag: 0, place: FREE };

impl Default for Labels {
    fn default() -> Self {
        Self { slots: vec![EMPTY; 4 * BATCH], records: Vec::new(), count: 0 }
    }
}

impl Labels {
    /// Number of labels.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The labels in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places().map(|place| self.record(place).1)
    }

    /// The numbers of labels in `out`, of the same length; a new one takes the next free number.
    ///
    /// # Panics
    /// With more than `i32::MAX` labels, or 32 GiB of them.
    pub fn codes(&mut self, labels: &[&[u8]], out: &mut [i32]) {
        assert_eq!(labels.len(), out.len());
        for (labels, out) in labels.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            let (mut hashes, mut places) = ([0; BATCH], [FREE; BATCH]);
            let mask = self.slots.len() - 1;
            for (hash, label) in hashes.iter_mut().zip(labels) {
                *hash = hash_of(label);
            }
            // The loads of this loop wait for none of each other, and those of the next one neither.
            for (place, &hash) in places.iter_mut().zip(&hashes) {
                let at = hash as usize & mask;
                // Without a branch, for it would often be foreseen wrongly.
                let other = usize::from(self.slots[at].tag != tag(hash));
                *place = self.slots[(at + other) & mask].place;
            }
            for (n, (label, code)) in labels.iter().zip(out).enumerate() {
                *code = self.known(places[n], label).unwrap_or_else(|| self.code(label, hashes[n]));
            }
        }
    }

    /// The number of a label if it is the one at `place`.
    #[inline]
    fn known(&self, place: u32, label: &[u8]) -> Option<i32> {
        if place == FREE {
            return None;
        }
        let (code, known) = self.record(place);
        equal(known, label).then_some(code)
    }

    fn code(&mut self, label: &[u8], hash: u64) -> i32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].place != FREE {
            if self.slots[at].tag == tag(hash)
                && let Some(code) = self.known(self.slots[at].place, label)
            {
                return code;
            }
            at = (at + 1) & mask;
        }
        let (code, place) = (self.count as u32, self.records.len() / HEAD);
        assert!(code < i32::MAX as u32 && place < FREE as usize, "too many labels");
        self.records.extend(code.to_le_bytes());
        self.records.extend((label.len() as u32).to_le_bytes());
        self.records.extend(label);
        self.records.resize(self.records.len().next_multiple_of(HEAD), 0);
        self.count += 1;
        self.slots[at] = Slot { tag: tag(hash), place: place as u32 };
        if 2 * self.count > self.slots.len() {
            self.grow();
        }
        code as i32
    }

    fn grow(&mut self) {
        let mask = 2 * self.slots.len() - 1;
        let mut slots = vec![EMPTY; mask + 1];
        for place in self.places() {
            let hash = hash_of(self.record(place).1);
            let mut at = hash as usize & mask;
            while slots[at].place != FREE {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { tag: tag(hash), place };
        }
        self.slots = slots;
    }

    /// Number and label of a record.
    #[inline]
    fn record(&self, place: u32) -> (i32, &[u8]) {
        let at = place as usize * HEAD;
        let head =
            |from: usize| u32::from_le_bytes(self.records[from..from + 4].try_into().unwrap_or_default());
        let (code, length) = (head(at), head(at + 4) as usize);
        (code as i32, &self.records[at + HEAD..at + HEAD + length])
    }

    /// Places of the records in order.
    fn places(&self) -> impl Iterator<Item = u32> {
        let mut next = 0;
        (0..self.count).map(move |_| {
            let place = next;
            next += 1 + self.record(place).1.len().div_ceil(HEAD) as u32;
            place
        })
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
