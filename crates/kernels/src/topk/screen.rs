//! Approximate scores of 16 items at a time, and which of them reach a floor.
//!
//! Sums of products of codes are exact in integers; `scale * sum + bias` may be a margin off the score, see `bound.rs`.

use super::codes::{GROUP, Line, PANEL, RUN};
use crate::simd::Level;

/// What a score must reach: `floor`, or with boosts `floor + bar * per_bar` of each item.
#[derive(Clone, Copy)]
pub(super) struct Floor<'a> {
    pub(super) floor: f32,
    /// The bar and what an item's score must be for each unit of it, (items of the block).
    pub(super) boosted: Option<(f32, &'a [f32])>,
}

/// A user before a block of items.
pub(super) struct Screen<'a> {
    /// The user's codes, (groups * GROUP), and their [`super::codes::start`].
    pub(super) user: &'a [i8],
    pub(super) start: i32,
    /// What a product of codes is worth.
    pub(super) scale: f32,
    /// Codes of the items: (runs, groups, `run` panels).
    pub(super) items: &'a [Line],
    pub(super) run: usize,
    /// (items of the block).
    pub(super) bias: &'a [f32],
    pub(super) floor: Floor<'a>,
}

/// Items whose approximate score reaches the floor.
#[derive(Default)]
pub(super) struct Found {
    pub(super) at: Vec<u32>,
    pub(super) score: Vec<f32>,
}

impl Found {
    /// Appends the items of a panel at `first` that `hits` names. Apart, for most panels hold none.
    #[inline(never)]
    fn append(&mut self, first: usize, mut hits: u32, scores: &[f32; PANEL]) {
        while hits != 0 {
            let lane = hits.trailing_zeros();
            hits &= hits - 1;
            self.at.push(first as u32 + lane);
            self.score.push(scores[lane as usize]);
        }
    }
}

/// The instruction set that sums products of codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Vnni,
}

impl Engine {
    pub(super) fn of(level: Level) -> Self {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if is_x86_feature_detected!("avx512vnni") => Engine::Vnni,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Avx2 => Engine::Avx2,
            _ => Engine::Portable,
        }
    }

    /// The greatest code of a user.
    pub(super) fn user_limit(self) -> f32 {
        match self {
            // Two products of a byte and a code are summed in 16 bits: 2 * 255 * 64 < 2^15.
            #[cfg(target_arch = "x86_64")]
            Engine::Avx2 => 64.0,
            _ => 127.0,
        }
    }

    /// Appends the items of a block whose approximate score `scale * codes . codes + bias` reaches the floor,
    /// or is not a number.
    pub(super) fn reaching(self, screen: &Screen<'_>, found: &mut Found) {
        let &Screen { user, items, run, bias, floor, .. } = screen;
        assert!(user.len().is_multiple_of(GROUP) && bias.len().is_multiple_of(run * PANEL));
        assert!(items.len() * PANEL * GROUP == user.len() * bias.len() && matches!(run, 1 | 2 | 4 | RUN));
        assert!(floor.boosted.is_none_or(|(_, per_bar)| per_bar.len() == bias.len()));
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2(screen: &Screen<'_>, found: &mut Found) {
            // SAFETY: compiled for the instruction set; sizes are asserted by the caller. Four panels are eight
            // registers of sums.
            unsafe {
                match screen.run {
                    1 => reaching_generic::<x86::Avx2, 1>(screen, found),
                    2 => reaching_generic::<x86::Avx2, 2>(screen, found),
                    _ => reaching_generic::<x86::Avx2, 4>(screen, found),
                }
            }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vnni,avx2,fma")]
        unsafe fn vnni(screen: &Screen<'_>, found: &mut Found) {
            // SAFETY: compiled for the instruction set; sizes are asserted by the caller.
            unsafe {
                match screen.run {
                    1 => reaching_generic::<x86::Vnni, 1>(screen, found),
                    2 => reaching_generic::<x86::Vnni, 2>(screen, found),
                    4 => reaching_generic::<x86::Vnni, 4>(screen, found),
                    _ => reaching_generic::<x86::Vnni, RUN>(screen, found),
                }
            }
        }
        // SAFETY: `of` found the instruction set on this machine; sizes are asserted above.
        unsafe {
            match self {
                Engine::Portable => reaching_generic::<Portable, 1>(screen, found),
                #[cfg(target_arch = "x86_64")]
                Engine::Avx2 => avx2(screen, found),
                #[cfg(target_arch = "x86_64")]
                Engine::Vnni => vnni(screen, found),
            }
        }
    }
}

/// Sums of products of codes, one for each item of a panel.
///
/// # Safety
/// The methods may only run on a machine that has the instruction set. Pointers must be valid for
/// PANEL floats.
trait Sums: Copy {
    unsafe fn splat(start: i32) -> Self;
    /// Adds the products of a line of item bytes and four codes of the user, lowest byte first.
    unsafe fn add(self, line: &Line, four: i32) -> Self;
    /// Writes `scale * sum + bias` to `out` and returns which of them are not below
    /// `floor + bar * per_bar`; per_bar may be null, for `floor` alone.
    unsafe fn reach(
        self,
        scale: f32,
        bias: *const f32,
        floor: f32,
        bar: f32,
        per_bar: *const f32,
        out: *mut f32,
    ) -> u32;
}

/// P panels at a time; P divides the panels of a run.
#[inline(always)]
unsafe fn reaching_generic<S: Sums, const P: usize>(screen: &Screen<'_>, found: &mut Found) {
    let Screen { user, start, scale, items, run, bias, floor } = *screen;
    let groups = user.len() / GROUP;
    let mut scores = [0.0f32; PANEL];
    let (bar, per_bar) =
        floor.boosted.map_or((0.0, std::ptr::null()), |(bar, per_bar)| (bar, per_bar.as_ptr()));
    // SAFETY: the caller asserts that bias holds whole runs of panels, per_bar as many values where it is not
    // null, items groups lines for each panel, user groups * GROUP codes.
    unsafe {
        for panel in (0..bias.len() / PANEL).step_by(P) {
            let mut sums = [S::splat(start); P];
            let mut lines = items.as_ptr().wrapping_add((panel & !(run - 1)) * groups + (panel & (run - 1)));
            for g in 0..groups {
                let four = user.as_ptr().add(g * GROUP).cast::<i32>().read_unaligned();
                for p in 0..P {
                    sums[p] = sums[p].add(&*lines.add(p), four);
                }
                lines = lines.wrapping_add(run);
            }
            for p in 0..P {
                let at = (panel + p) * PANEL;
                let per_bar = if per_bar.is_null() { per_bar } else { per_bar.add(at) };
                let bias = bias.as_ptr().add(at);
                let hits = sums[p].reach(scale, bias, floor.floor, bar, per_bar, scores.as_mut_ptr());
                if hits != 0 {
                    found.append(at, hits, &scores);
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Portable([i32; PANEL]);

impl Sums for Portable {
    #[inline(always)]
    unsafe fn splat(start: i32) -> Self {
        Self([start; PANEL])
    }
    #[inline(always)]
    unsafe fn add(self, line: &Line, four: i32) -> Self {
        let codes = four.to_ne_bytes().map(|byte| i32::from(byte as i8));
        Self(std::array::from_fn(|item| {
            let bytes = &line.0[item * GROUP..][..GROUP];
            self.0[item] + (0..GROUP).map(|g| i32::from(bytes[g]) * codes[g]).sum::<i32>()
        }))
    }
    #[inline(always)]
    unsafe fn reach(
        self,
        scale: f32,
        bias: *const f32,
        floor: f32,
        bar: f32,
        per_bar: *const f32,
        out: *mut f32,
    ) -> u32 {
        let mut hits = 0;
        for item in 0..PANEL {
            // SAFETY: PANEL floats by the trait's contract, where per_bar is not null.
            let (score, need) = unsafe {
                let need = if per_bar.is_null() { floor } else { floor + bar * *per_bar.add(item) };
                (self.0[item] as f32 * scale + *bias.add(item), need)
            };
            // SAFETY: as above.
            unsafe { *out.add(item) = score };
            let below = score < need;
            hits |= u32::from(!below) << item;
        }
        hits
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Sums;
    use crate::topk::codes::{Line, PANEL};
    use std::arch::x86_64::*;

    #[derive(Clone, Copy)]
    pub(super) struct Avx2([__m256i; 2]);

    // SAFETY (whole impl): each intrinsic needs only AVX2 and FMA, which the trait's contract grants, as it does
    // the pointers.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Sums for Avx2 {
        #[inline(always)]
        unsafe fn splat(start: i32) -> Self {
            unsafe { Self([_mm256_set1_epi32(start); 2]) }
        }
        #[inline(always)]
        unsafe fn add(self, line: &Line, four: i32) -> Self {
            unsafe {
                let codes = _mm256_set1_epi32(four);
                let half = |h: usize| {
                    let bytes = _mm256_load_si256(line.0.as_ptr().add(32 * h).cast());
                    let pairs = _mm256_maddubs_epi16(bytes, codes);
                    _mm256_add_epi32(self.0[h], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
                };
                Self([half(0), half(1)])
            }
        }
        #[inline(always)]
        unsafe fn reach(
            self,
            scale: f32,
            bias: *const f32,
            floor: f32,
            bar: f32,
            per_bar: *const f32,
            out: *mut f32,
        ) -> u32 {
            let mut hits = 0;
            for h in 0..2 {
                unsafe {
                    let sum = _mm256_cvtepi32_ps(self.0[h]);
                    let score = _mm256_fmadd_ps(sum, _mm256_set1_ps(scale), _mm256_loadu_ps(bias.add(8 * h)));
                    let mut need = _mm256_set1_ps(floor);
                    if !per_bar.is_null() {
                        need =
                            _mm256_fmadd_ps(_mm256_loadu_ps(per_bar.add(8 * h)), _mm256_set1_ps(bar), need);
                    }
                    let mask = _mm256_movemask_ps(_mm256_cmp_ps(score, need, _CMP_NLT_UQ)) as u32;
                    if mask != 0 {
                        _mm256_storeu_ps(out.add(8 * h), score);
                    }
                    hits |= mask << (8 * h);
                }
            }
            hits
        }
    }

    #[derive(Clone, Copy)]
    pub(super) struct Vnni(__m512i);

    const _: () = assert!(PANEL == 16);

    // SAFETY (whole impl): each intrinsic needs only AVX-512F and VNNI, which the trait's contract grants, as it
    // does the pointers.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Sums for Vnni {
        #[inline(always)]
        unsafe fn splat(start: i32) -> Self {
            unsafe { Self(_mm512_set1_epi32(start)) }
        }
        #[inline(always)]
        unsafe fn add(self, line: &Line, four: i32) -> Self {
            unsafe {
                Self(_mm512_dpbusd_epi32(
                    self.0,
                    _mm512_load_si512(line.0.as_ptr().cast()),
                    _mm512_set1_epi32(four),
                ))
            }
        }
        #[inline(always)]
        unsafe fn reach(
            self,
            scale: f32,
            bias: *const f32,
            floor: f32,
            bar: f32,
            per_bar: *const f32,
            out: *mut f32,
        ) -> u32 {
            unsafe {
                let sum = _mm512_cvtepi32_ps(self.0);
                let score = _mm512_fmadd_ps(sum, _mm512_set1_ps(scale), _mm512_loadu_ps(bias));
                let mut need = _mm512_set1_ps(floor);
                if !per_bar.is_null() {
                    need = _mm512_fmadd_ps(_mm512_loadu_ps(per_bar), _mm512_set1_ps(bar), need);
                }
                let mask = _mm512_cmp_ps_mask(score, need, _CMP_NLT_UQ);
                if mask != 0 {
                    _mm512_storeu_ps(out, score);
                }
                u32::from(mask)
            }
        }
    }
}
