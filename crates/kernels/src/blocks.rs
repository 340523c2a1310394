//! A text cut into blocks of bytes, and which lines belong to each.

use crate::threads::{DisjointSlice, for_each_chunk};
use std::io;

/// Bytes read at a time while looking for the first and the last line.
const STEP: u64 = 1 << 14;

/// Text that can be read at any place.
pub trait Source: Sync {
    /// Number of bytes.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// When reading fails or the text is shorter than it was.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// The text from the first line to the last, without the line breaks at its end, cut into blocks.
///
/// A line belongs to the block in which it starts, so the line breaks from one byte before a block to one byte
/// before the next say which are its own.
pub struct Blocks<'a, S> {
    source: &'a S,
    start: u64,
    end: u64,
    size: u64,
}

impl<'a, S: Source> Blocks<'a, S> {
    /// Blocks of `size` bytes, without the first `skip` lines; none if nothing follows them but line
    /// breaks, or they are followed by a byte-order mark or by carriage returns that end no line.
    ///
    /// # Errors
    /// When reading fails.
    pub fn new(source: &'a S, skip: usize, size: usize) -> io::Result<Option<Self>> {
        let Some(start) = after_lines(source, skip)? else { return Ok(None) };
        let Some(end) = before_breaks(source, start)? else { return Ok(None) };
        let mut first = Vec::new();
        fill(source, start, (start + MARK.len() as u64).min(end), &mut first)?;
        if skip > 0 && first == MARK {
            return Ok(None);
        }
        Ok(Some(Self { source, start, end, size: size as u64 }))
    }

    /// Number of blocks.
    pub fn count(&self) -> usize {
        (self.end - self.start).div_ceil(self.size) as usize
    }

    /// Number of lines that belong to each block.
    ///
    /// # Errors
    /// When reading fails.
    pub fn lines(&self, threads: usize) -> io::Result<Vec<usize>> {
        let mut counts: Vec<io::Result<usize>> = Vec::new();
        counts.resize_with(self.count(), || Ok(0));
        let shared = DisjointSlice::new(&mut counts);
        for_each_chunk(threads, self.count(), Vec::new, |text, block| {
            let (from, to) = self.span(block);
            let first = usize::from(block == 0); // follows no line break
            let count = fill(self.source, from, to, text).map(|()| first + count_breaks(text));
            // SAFETY: one element for each block.
            unsafe { shared.range(block, block + 1)[0] = count };
        });
        counts.into_iter().collect()
    }

    /// Reads a block and at most `margin` bytes more into `text`. Returns the place in it where the first line
    /// of the block starts, and whether the whole text ends where `text` does.
    ///
    /// # Errors
    /// When reading fails.
    pub fn read(&self, block: usize, margin: usize, text: &mut Vec<u8>) -> io::Result<(usize, bool)> {
        let (from, to) = self.span(block);
        let until = (to + margin as u64).min(self.end);
        fill(self.source, from, until, text)?;
        let first = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |place| place + 1);
        Ok((if block == 0 { 0 } else { first }, until == self.end))
    }

    /// Where the line breaks stand that belong to a block.
    fn span(&self, block: usize) -> (u64, u64) {
        let bound = |block: u64| (self.start + block * self.size).saturating_sub(u64::from(block > 0));
        (bound(block as u64), bound(block as u64 + 1).min(self.end))
    }
}

/// What some programs write before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the line after the first `lines` starts; none if there is nothing.
fn after_lines(source: &impl Source, lines: usize) -> io::Result<Option<u64>> {
    let (mut left, mut text) = (lines, Vec::new());
    for from in (0..source.size()).step_by(STEP as usize) {
        fill(source, from, (from + STEP).min(source.size()), &mut text)?;
        let mark = if from == 0 && text.starts_with(MARK) { MARK.len() } else { 0 };
        for (place, &byte) in text.iter().enumerate().skip(mark) {
            if left == 0 {
                return Ok(Some(from + place as u64));
            }
            left -= usize::from(byte == b'\n');
        }
    }
    Ok(None)
}

/// Where the line breaks at the end of the text begin; none if there is nothing else from `start` on.
fn before_breaks(source: &impl Source, start: u64) -> io::Result<Option<u64>> {
    let (mut end, mut text) = (source.size(), Vec::new());
    while end > start {
        let from = end.saturating_sub(STEP).max(start);
        fill(source, from, end, &mut text)?;
        if let Some(place) = text.iter().rposition(|byte| !b"\r\n".contains(byte)) {
            let end = place + 1;
            return Ok((!stray_return(&text[end..])).then_some(from + end as u64));
        }
        end = from;
    }
    Ok(None)
}

/// Whether a carriage return stands elsewhere than before a line feed.
pub fn stray_return(text: &[u8]) -> bool {
    text.contains(&b'\r')
        && (text.last() == Some(&b'\r') || text.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n'))
}

/// Makes `text` the bytes `from..to`.
fn fill(source: &impl Source, from: u64, to: u64, text: &mut Vec<u8>) -> io::Result<()> {
    text.resize((to - from) as usize, 0);
    source.read_at(from, text)
}

/// Number of line breaks.
fn count_breaks(text: &[u8]) -> usize {
    // Sums of fewer than 256 fit into bytes, of which vector registers hold the most.
    let sum = |part: &[u8]| part.iter().map(|&byte| u8::from(byte == b'\n')).sum::<u8>();
    text.chunks(192).map(|part| usize::from(sum(part))).sum()
}

/// A text in memory, for tests.
#[cfg(test)]
impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let rest = self.get(offset as usize..).unwrap_or_default();
        let part = rest.get(..buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines of every block, each read as its block says.
    fn lines(text: &[u8], skip: usize, size: usize, threads: usize) -> Vec<Vec<u8>> {
        let Some(blocks) = Blocks::new(&text, skip, size).unwrap() else { return Vec::new() };
        let mut found = Vec::new();
        for (block, count) in blocks.lines(threads).unwrap().into_iter().enumerate() {
            let mut part = Vec::new();
            let (first, ends) = blocks.read(block, text.len(), &mut part).unwrap();
            assert!(ends);
            found.extend(
                part[first.min(part.len())..].split(|&byte| byte == b'\n').take(count).map(<[u8]>::to_vec),
            );
        }
        found
    }

    #[test]
    fn marks_and_line_breaks_around_the_text_are_left_out() {
        assert_eq!(lines(b"\xef\xbb\xbfa\nb\r\n\r\n\n", 0, 100, 1), [b"a", b"b"]);
        assert_eq!(lines(b"\xef\xbb\xbfa\nb", 1, 100, 1), [b"b"]);
        for (text, skip) in [("", 0), ("\n\n", 0), ("a\n", 1), ("a", 1), ("a\nb", 2)] {
            assert!(lines(text.as_bytes(), skip, 4, 1).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_text_that_grows_shorter_is_an_error() {
        struct Shrunk;
        impl Source for Shrunk {
            fn size(&self) -> u64 {
                9
            }
            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
                (&b"abc"[..]).read_at(offset, buffer)
            }
        }
        assert!(Blocks::new(&Shrunk, 0, 4).is_err());
    }

    proptest! {
        #[test]
        fn every_line_belongs_to_one_block(
            text in "[ab\n]{0,60}[ab]\n{0,2}", skip in 0..3usize, size in 1..20usize, threads in 1..4usize,
        ) {
            let expected: Vec<_> = text.trim_end().split('\n').skip(skip).map(|line| line.as_bytes().to_vec()).collect();
            prop_assert_eq!(lines(text.as_bytes(), skip, size, threads), expected);
        }

        #[test]
        fn breaks_are_counted(text in prop::collection::vec(prop::sample::select(&b"\nab"[..]), 0..1000)) {
            prop_assert_eq!(count_breaks(&text), text.iter().filter(|&&byte| byte == b'\n').count());
        }
    }
}
