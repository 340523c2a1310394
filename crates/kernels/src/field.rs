//! Fields of delimited text: where they end, and what they say.

/// The bytes that stand between and around fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Between two fields of a line.
    pub separator: u8,
    /// Around a field, if there is such a mark.
    pub quote: Option<u8>,
}

/// Zero bytes needed behind the text given to [`Marks::field`], for words are loaded whole.
pub const PADDING: usize = 8;

impl Marks {
    /// The field that starts at `at`, and where the separator or line break behind it stands.
    ///
    /// `None` if quotation marks do not enclose the whole field, or enclose one or a line break. `text` must
    /// hold a line break at or after `at`, and [`PADDING`] at its end. The carriage return of a line's end is
    /// no part of the field.
    #[inline]
    pub fn field<'a>(&self, text: &'a [u8], at: usize) -> Option<(&'a [u8], usize)> {
        let stop = match self.quote {
            None => find(text, at, [self.separator, b'\n']),
            Some(quote) if text[at] != quote => find(text, at, [self.separator, b'\n', quote]),
            Some(quote) => return self.quoted(text, at + 1, quote),
        };
        let field = &text[at..stop];
        if text[stop] == self.separator {
            return Some((field, stop));
        }
        (text[stop] == b'\n').then_some((field.strip_suffix(b"\r").unwrap_or(field), stop))
    }

    /// As [`field`](Self::field), after the quotation mark.
    fn quoted<'a>(&self, text: &'a [u8], at: usize, quote: u8) -> Option<(&'a [u8], usize)> {
        let close = find(text, at, [quote, b'\n']);
        let stop = close + 1 + usize::from(text[close + 1..].starts_with(b"\r\n"));
        let whole = text[close] == quote && (text[stop] == self.separator || text[stop] == b'\n');
        whole.then_some((&text[at..close], stop))
    }
}

/// The first position from `at` on that holds one of `bytes`; there must be one, and [`PADDING`] behind it.
#[inline]
fn find<const N: usize>(text: &[u8], mut at: usize, bytes: [u8; N]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let patterns = bytes.map(|byte| u64::from(byte) * ONES);
    loop {
        let word = u64::from_le_bytes(text[at..at + 8].try_into().unwrap_or_default());
        // The lowest high bit marks the first byte that is zero after the exclusive or; higher ones may err.
        let zero = |pattern: u64| {
            let difference = word ^ pattern;
            difference.wrapping_sub(ONES) & !difference
        };
        let found = patterns.iter().fold(0, |found, &pattern| found | zero(pattern)) & HIGH;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
}

/// A decimal number as float32, rounded as float64 first; `None` if it is none, or not finite.
#[inline]
pub fn number(field: &[u8]) -> Option<f32> {
    const POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let (mut value, mut point) = (0u64, None);
    for (place, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' if place < 16 => value = 10 * value + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(place),
            _ => return patient(field),
        }
    }
    // Below 2^53 and 10^22, or with a divisor of 1: both are exact, and so their quotient is rounded once.
    let fraction = point.map_or(0, |point| digits.len() - 1 - point);
    let size = value as i64 as f64 / POWERS[fraction];
    Some(if digits.len() < field.len() { -size } else { size } as f32)
}

/// Long numbers and those with an exponent.
#[cold]
fn patient(field: &[u8]) -> Option<f32> {
    let plain = field.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    let value = std::str::from_utf8(field).ok().filter(|_| plain)?.parse::<f64>().ok()? as f32;
    value.is_finite().then_some(value)
}

/// A whole number within int64, of at most 19 digits.
#[inline]
pub fn integer(field: &[u8]) -> Option<i64> {
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let (eights, rest) = digits.as_chunks();
    let mut value = 0; // 19 digits fit into 64 bits without a sign
    for &eight in eights {
        value = 100_000_000 * value + eight_digits(u64::from_le_bytes(eight))?;
    }
    for &byte in rest {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = 10 * value + u64::from(byte - b'0');
    }
    let value = i64::try_from(value).ok()?;
    Some(if digits.len() < field.len() { -value } else { value })
}

/// The number that eight digits mean; the first is in the lowest byte.
#[inline]
fn eight_digits(text: u64) -> Option<u64> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let digits = text ^ (0x30 * ONES); // of a digit, its value; of all else, at least 10
    if (digits | (digits.wrapping_add(0x76 * ONES))) & (0x80 * ONES) != 0 {
        return None;
    }
    // Neighbours are joined, the left one counting more: into 4 pairs, 2 fours, 1 eight.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMA: Marks = Marks { separator: b',', quote: Some(b'"') };

    /// The fields of the first line, or none where one is not plain.
    fn line(text: &str, marks: Marks) -> Option<Vec<String>> {
        let padded = [text.as_bytes(), b"\n", &[0; PADDING]].concat();
        let (mut fields, mut at) = (Vec::new(), 0);
        loop {
            let (field, stop) = marks.field(&padded, at)?;
            fields.push(String::from_utf8_lossy(field).into_owned());
            if padded[stop] == b'\n' {
                return Some(fields);
            }
            at = stop + 1;
        }
    }

    #[test]
    fn fields_of_a_line() {
        let fields = |text| line(text, COMMA).map(|fields| fields.join("|"));
        assert_eq!(fields("u1,a long item id,4.5").as_deref(), Some("u1|a long item id|4.5"));
        assert_eq!(fields(",x,").as_deref(), Some("|x|"));
        assert_eq!(fields("").as_deref(), Some(""));
        assert_eq!(fields("a,b\r\nc").as_deref(), Some("a|b"));
        assert_eq!(fields("a\rb,c").as_deref(), Some("a\rb|c"));
        assert_eq!(fields(r#""a,b","c""#).as_deref(), Some("a,b|c"));
        assert_eq!(fields("\"a\",\"b\r\"\r\nc").as_deref(), Some("a|b\r"));
        for text in [r#"a"b,c"#, r#""a"b,c"#, r#""a""b",c"#, "\"a\nb\",c", r#""a"#, r#"a,""#] {
            assert_eq!(fields(text), None, "{text}");
        }
        let bare = Marks { separator: b'\t', quote: None };
        assert_eq!(line("\"a\"\t,b", bare), Some(vec!["\"a\"".into(), ",b".into()]));
    }

    #[test]
    fn numbers_that_are_none() {
        for text in [
            "", "-", ".5", "+5", " 5", "5 ", "nan", "inf", "-inf", "1e400", "1e39", "0x1", "1_0", "1.2.3",
            "--5", "1e", "5-",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        for text in ["", "-", "+5", "5.0", "9223372036854775808", "12345678901234567890", " 5"] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
        assert_eq!(number(b"-0").map(f32::to_bits), Some((-0.0f32).to_bits()));
    }

    proptest! {
        #[test]
        fn fields_agree_with_splitting(fields in prop::collection::vec("[a-z]{0,20}", 1..6)) {
            prop_assert_eq!(line(&fields.join(","), COMMA), Some(fields));
        }

        #[test]
        fn numbers_agree_with_the_standard_library(
            text in "-?[0-9]{1,20}(\\.[0-9]{0,20})?(e-?[0-9]{1,2})?",
        ) {
            let expected = (text.parse::<f64>().unwrap() as f32).to_bits();
            let parsed = number(text.as_bytes());
            prop_assert_eq!(parsed.map(f32::to_bits), Some(expected).filter(|&bits| f32::from_bits(bits).is_finite()));
        }

        #[test]
        fn integers_agree_with_the_standard_library(value in -i64::MAX..=i64::MAX) {
            prop_assert_eq!(integer(value.to_string().as_bytes()), Some(value));
        }
    }
}
