//! Vector primitives with run-time dispatch: AVX-512, AVX2 with FMA, NEON, and portable arrays.
//!
//! An algorithm is written once, generic over [`Lanes`], and compiled once per instruction set by
//! [`dispatch!`]. All results are the same bits for every run on one [`Level`]; levels may differ in the last
//! bits because a fused multiply-add rounds once.

use std::sync::OnceLock;

/// An instruction set that this machine can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Plain arrays of four floats; every machine.
    Portable,
    /// x86-64 with AVX2 and FMA: eight lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512F: sixteen lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 64-bit ARM: four lanes.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Level {
    /// The best level of this machine, found once. `TASTESPACE_SIMD=portable|avx2|avx512|neon` asks for a
    /// lower one (for tests); an unknown or unsupported name is ignored.
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| {
            let available = Self::available();
            let wanted = std::env::var("TASTESPACE_SIMD").unwrap_or_default();
            let named = available.iter().find(|level| level.name() == wanted);
            *named.or(available.last()).unwrap_or(&Level::Portable)
        })
    }

    /// All levels that this machine can run, slowest first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level::Avx2);
                if is_x86_feature_detected!("avx512f") {
                    levels.push(Level::Avx512);
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        levels.push(Level::Neon);
        levels
    }

    /// The name used by `TASTESPACE_SIMD`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
        }
    }
}

/// Asks for the cache line at `p` where the machine has such an instruction by default; never faults.
#[inline(always)]
pub fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: part of every x86-64; a prefetch of any address is harmless.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// The number of floats that rows of factor matrices are padded to, a multiple of every level's lanes.
pub const PAD: usize = 16;

/// `k` rounded up to the padded row length.
pub fn padded(k: usize) -> usize {
    k.div_ceil(PAD) * PAD
}

/// A vector of `N` floats.
///
/// # Safety
/// The methods may only run on a machine that has the instruction set, inside a function compiled for it;
/// [`dispatch!`] sees to both. Pointers must be valid for `N` floats.
#[allow(clippy::missing_safety_doc)] // one contract for all methods, above
pub trait Lanes: Copy {
    /// Floats in a vector; divides [`PAD`].
    const N: usize;
    /// Vector registers of the instruction set.
    const REGISTERS: usize;
    /// The register.
    type V: Copy;
    /// Lanes of half as many floats on the same machine, or these where there are none.
    type Half: Lanes;
    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self::V;
    /// Reads `N` floats, at any alignment.
    unsafe fn load(p: *const f32) -> Self::V;
    /// Writes `N` floats, at any alignment.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`.
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The sum of the lanes, in a fixed order.
    unsafe fn sum(v: Self::V) -> f32;
    /// Halves added to each other, down to four floats: the same sums at every level that has more.
    unsafe fn four(v: Self::V) -> [f32; 4];
    /// [`Lanes::sum`] of four vectors at once, each in a fixed order of its own.
    unsafe fn sum4(v: [Self::V; 4]) -> [f32; 4];
    /// `a * b + c` of single floats, rounded as one lane of `fma` is.
    unsafe fn fma1(a: f32, b: f32, c: f32) -> f32;
    /// Whether any lane of `a` is greater than the same lane of `b`.
    unsafe fn any_gt(a: Self::V, b: Self::V) -> bool;
    /// Asks for the cache line at `p`; never faults.
    unsafe fn prefetch(p: *const f32);
    /// The same where the line will be written, and another thread may have it: both at once, where that can be asked.
    unsafe fn prefetch_mut(p: *const f32);
}

/// Portable arrays of four floats.
#[derive(Clone, Copy)]
pub struct Portable;

impl Lanes for Portable {
    const N: usize = 4;
    const REGISTERS: usize = 16;
    type V = [f32; 4];
    type Half = Portable;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        // SAFETY: valid for four floats by the trait's contract; unaligned reads are allowed.
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        // SAFETY: valid for four floats by the trait's contract; unaligned writes are allowed.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        std::array::from_fn(|i| c[i] - a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        (v[0] + v[2]) + (v[1] + v[3])
    }
    #[inline(always)]
    unsafe fn four(v: Self::V) -> [f32; 4] {
        v
    }
    #[inline(always)]
    unsafe fn sum4(v: [Self::V; 4]) -> [f32; 4] {
        // SAFETY: the same contract.
        v.map(|v| unsafe { Self::sum(v) })
    }
    #[inline(always)]
    unsafe fn fma1(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
    #[inline(always)]
    unsafe fn any_gt(a: Self::V, b: Self::V) -> bool {
        (a[0] > b[0]) | (a[1] > b[1]) | (a[2] > b[2]) | (a[3] > b[3])
    }
    #[inline(always)]
    unsafe fn prefetch(_p: *const f32) {}
    #[inline(always)]
    unsafe fn prefetch_mut(_p: *const f32) {}
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// Eight lanes: AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub struct Avx2;

    // SAFETY (whole impl): each intrinsic needs only AVX2 and FMA, which the trait's contract grants.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx2 {
        const N: usize = 8;
        const REGISTERS: usize = 16;
        type V = __m256;
        type Half = Avx2;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self::V {
            unsafe { _mm256_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self::V {
            unsafe { _mm256_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: Self::V) {
            unsafe { _mm256_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm256_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm256_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { _mm256_fnmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn sum(v: Self::V) -> f32 {
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)))
            }
        }
        #[inline(always)]
        unsafe fn four(v: Self::V) -> [f32; 4] {
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
                std::mem::transmute::<__m128, [f32; 4]>(four)
            }
        }
        #[inline(always)]
        unsafe fn sum4(v: [Self::V; 4]) -> [f32; 4] {
            unsafe {
                let ab = _mm256_hadd_ps(v[0], v[1]);
                let cd = _mm256_hadd_ps(v[2], v[3]);
                let four = _mm256_hadd_ps(ab, cd);
                let sums = _mm_add_ps(_mm256_castps256_ps128(four), _mm256_extractf128_ps(four, 1));
                std::mem::transmute::<__m128, [f32; 4]>(sums)
            }
        }
        #[inline(always)]
        unsafe fn fma1(a: f32, b: f32, c: f32) -> f32 {
            unsafe { _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c))) }
        }
        #[inline(always)]
        unsafe fn any_gt(a: Self::V, b: Self::V) -> bool {
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0 }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            unsafe { _mm_prefetch(p.cast(), _MM_HINT_T0) }
        }
        #[inline(always)]
        unsafe fn prefetch_mut(p: *const f32) {
            unsafe { Self::prefetch(p) }
        }
    }

    /// Sixteen lanes: AVX-512F.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    // SAFETY (whole impl): each intrinsic needs only AVX-512F or AVX2 and FMA, granted by the contract.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx512 {
        const N: usize = 16;
        const REGISTERS: usize = 32;
        type V = __m512;
        type Half = Avx2;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self::V {
            unsafe { _mm512_set1_ps(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self::V {
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: Self::V) {
            unsafe { _mm512_storeu_ps(p, v) }
        }
        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { _mm512_fnmadd_ps(a, b, c) }
        }
        #[inline(always)]
        unsafe fn sum(v: Self::V) -> f32 {
            unsafe { _mm512_reduce_add_ps(v) }
        }
        #[inline(always)]
        unsafe fn four(v: Self::V) -> [f32; 4] {
            unsafe {
                let high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
                Avx2::four(_mm256_add_ps(_mm512_castps512_ps256(v), high))
            }
        }
        #[inline(always)]
        unsafe fn sum4(v: [Self::V; 4]) -> [f32; 4] {
            unsafe {
                // Each half of a vector onto the other, then the rest as eight lanes.
                let mut eight = [_mm256_setzero_ps(); 4];
                for i in 0..4 {
                    let high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v[i]), 1));
                    eight[i] = _mm256_add_ps(_mm512_castps512_ps256(v[i]), high);
                }
                Avx2::sum4(eight)
            }
        }
        #[inline(always)]
        unsafe fn fma1(a: f32, b: f32, c: f32) -> f32 {
            unsafe { Avx2::fma1(a, b, c) }
        }
        #[inline(always)]
        unsafe fn any_gt(a: Self::V, b: Self::V) -> bool {
            unsafe { _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0 }
        }
        #[inline(always)]
        unsafe fn prefetch(p: *const f32) {
            unsafe { _mm_prefetch(p.cast(), _MM_HINT_T0) }
        }
        #[inline(always)]
        unsafe fn prefetch_mut(p: *const f32) {
            // Every processor with AVX-512 has this instruction, but no intrinsic is sure to become it.
            unsafe {
                std::arch::asm!("prefetchw [{}]", in(reg) p, options(nostack, preserves_flags, readonly))
            }
        }
    }
}
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Lanes;
    use std::arch::aarch64::*;

    /// Four lanes: NEON, part of every 64-bit ARM.
    #[derive(Clone, Copy)]
    pub struct Neon;

    // SAFETY (whole impl): each intrinsic needs only NEON, granted by the contract.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Neon {
        const N: usize = 4;
        const REGISTERS: usize = 32;
        type V = float32x4_t;
        type Half = Neon;

        #[inline(always)]
        unsafe fn splat(x: f32) -> Self::V {
            unsafe { vdupq_n_f32(x) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self::V {
            unsafe { vld1q_f32(p) }
        }
        #[inline(always)]
        unsafe fn store(p: *mut f32, v: Self::V) {
            unsafe { vst1q_f32(p, v) }
        }
        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            unsafe { vaddq_f32(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
            unsafe { vmulq_f32(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { vfmaq_f32(c, a, b) }
        }
        #[inline(always)]
        unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { vfmsq_f32(c, a, b) }
        }
        #[inline(always)]
        unsafe fn sum(v: Self::V) -> f32 {
            unsafe { vaddvq_f32(v) }
        }
        #[inline(always)]
        unsafe fn four(v: Self::V) -> [f32; 4] {
            unsafe { std::mem::transmute::<float32x4_t, [f32; 4]>(v) }
        }
        #[inline(always)]
        unsafe fn sum4(v: [Self::V; 4]) -> [f32; 4] {
            unsafe {
                let sums = vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3]));
                std::mem::transmute::<float32x4_t, [f32; 4]>(sums)
            }
        }
        #[inline(always)]
        unsafe fn fma1(a: f32, b: f32, c: f32) -> f32 {
            a.mul_add(b, c)
        }
        #[inline(always)]
        unsafe fn any_gt(a: Self::V, b: Self::V) -> bool {
            unsafe { vmaxvq_u32(vcgtq_f32(a, b)) != 0 }
        }
        #[inline(always)]
        unsafe fn prefetch(_p: *const f32) {}
        #[inline(always)]
        unsafe fn prefetch_mut(_p: *const f32) {}
    }
}
#[cfg(target_arch = "aarch64")]
pub use arm::Neon;

/// Compiles `generic::<L>` for every instruction set and makes a function that picks by [`Level`].
///
/// `dispatch!(pub fn name = generic(a: A, b: B) -> R)` needs an `#[inline(always)] unsafe fn generic<L: Lanes>`
/// with the same arguments, sound for any arguments when `L` can run here.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident = $generic:ident ( $($arg:ident : $ty:ty),* $(,)? ) $(-> $ret:ty)?) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(level: $crate::simd::Level, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: this function is compiled for the lanes' instruction set.
                unsafe { $generic::<$crate::simd::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: this function is compiled for the lanes' instruction set.
                unsafe { $generic::<$crate::simd::Avx512>($($arg),*) }
            }
            // SAFETY: `Level::available` found the instruction set on this machine.
            unsafe {
                match level {
                    $crate::simd::Level::Portable => $generic::<$crate::simd::Portable>($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Level::Avx2 => avx2($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Level::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::simd::Level::Neon => $generic::<$crate::simd::Neon>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use dispatch;
