//! What this machine can do at most, for the roofline in `benchmarks/speed/roofline.py`: fused multiply-adds, reading
//! from each level of memory, and gathering rows of factors. Prints one JSON object a line.
//!
//! Run as `cargo run --release --package tastespace-kernels --example peaks -- THREADS`.

use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::Instant;

/// The best of so many repeats counts: a peak is what the machine can do when nothing disturbs it.
const REPEATS: usize = 5;

/// Independent chains of fused multiply-adds: latency times width of common cores, and registers for all.
const CHAINS: usize = 12;

fn main() {
    let most: usize = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(2);
    let mut threads = vec![1];
    if most > 1 {
        threads.push(most);
    }
    for &threads in &threads {
        let rounds = 20_000_000;
        for (name, kernel, lanes) in multiply_adds() {
            let seconds = best(threads, |_| (), |_| black_box(kernel(black_box(rounds))));
            let flops = (threads * rounds * CHAINS * lanes * 2) as f64;
            report(&format!("fma {name}"), threads, "gflops", flops / seconds / 1e9);
        }
        for (name, bytes) in
            [("read L1", 16 << 10), ("read L2", 512 << 10), ("read L3", 6 << 20), ("read memory", 512 << 20)]
        {
            let n = bytes / 4;
            let passes = ((1usize << 31) / bytes).max(1);
            let seconds = best(
                threads,
                |_| vec![1f32; n],
                |data| {
                    for _ in 0..passes {
                        black_box(read(black_box(data)));
                    }
                },
            );
            report(name, threads, "gbytes", (threads * passes * bytes) as f64 / seconds / 1e9);
        }
        let n = 64 << 20;
        let seconds =
            best(threads, |_| (vec![0f32; n], vec![1f32; n], vec![2f32; n]), |(a, b, c)| triad(a, b, c));
        report("triad memory", threads, "gbytes", (threads * n * 12) as f64 / seconds / 1e9);
        for k in [64usize, 128, 256] {
            for (name, rows, length) in [("items", 26_744usize, 500), ("users", 138_493, 5_000)] {
                let table = vec![1f32; rows * k];
                let index = lists(rows, length);
                let v = vec![1f32; k];
                let seconds = best(threads, |_| (), |()| black_box(gather(&table, k, &index, &v)));
                let bytes = (threads * index.len() * k * 4) as f64;
                report(&format!("gather {name} k={k}"), threads, "gbytes", bytes / seconds / 1e9);
            }
        }
    }
}

fn report(what: &str, threads: usize, unit: &str, value: f64) {
    println!("{{\"what\": \"{what}\", \"threads\": {threads}, \"{unit}\": {value:.1}}}");
}

/// Least seconds of `work` done by all threads at once, each on what `make` gave it; the slowest thread counts.
fn best<T, R>(threads: usize, make: impl Fn(usize) -> T + Sync, work: impl Fn(&mut T) -> R + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let slowest = Mutex::new([0f64; REPEATS]);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (barrier, slowest, make, work) = (&barrier, &slowest, &make, &work);
            scope.spawn(move || {
                let mut data = make(thread);
                work(&mut data);
                for repeat in 0..REPEATS {
                    barrier.wait();
                    let since = Instant::now();
                    black_box(work(&mut data));
                    let seconds = since.elapsed().as_secs_f64();
                    let mut slowest = slowest.lock().expect("no holder of this lock can panic");
                    slowest[repeat] = slowest[repeat].max(seconds);
                }
            });
        }
    });
    let slowest = slowest.into_inner().expect("no holder of this lock can panic");
    slowest.into_iter().fold(f64::INFINITY, f64::min)
}

/// Row numbers as the events of a table have them: lists of `length` at random, rising within each.
fn lists(rows: usize, length: usize) -> Vec<u32> {
    let mut state = 1u64;
    let mut index: Vec<u32> = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 33) % rows as u64) as u32
        })
        .collect();
    index.chunks_mut(length).for_each(<[u32]>::sort_unstable);
    index
}

type Kernel = fn(usize) -> f32;

/// Chains of multiply-adds for every vector width of this machine, with the number of lanes.
fn multiply_adds() -> Vec<(&'static str, Kernel, usize)> {
    #[allow(unused_mut)]
    let mut found: Vec<(&'static str, Kernel, usize)> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the features were just detected.
            found.push(("avx2", |rounds| unsafe { x86::avx2(rounds) }, 8));
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the feature was just detected.
            found.push(("avx512", |rounds| unsafe { x86::avx512(rounds) }, 16));
        }
    }
    #[cfg(target_arch = "aarch64")]
    found.push(("neon", arm::neon, 4));
    found
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{CHAINS, black_box};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2,fma")]
    pub fn avx2(rounds: usize) -> f32 {
        let (m, s) = (_mm256_set1_ps(black_box(0.999)), _mm256_set1_ps(black_box(0.001)));
        let mut a = [_mm256_set1_ps(1.0); CHAINS];
        for _ in 0..rounds {
            for a in &mut a {
                *a = _mm256_fmadd_ps(*a, m, s);
            }
        }
        a.iter().map(|&a| _mm256_cvtss_f32(a)).sum()
    }

    #[target_feature(enable = "avx512f")]
    pub fn avx512(rounds: usize) -> f32 {
        let (m, s) = (_mm512_set1_ps(black_box(0.999)), _mm512_set1_ps(black_box(0.001)));
        let mut a = [_mm512_set1_ps(1.0); CHAINS];
        for _ in 0..rounds {
            for a in &mut a {
                *a = _mm512_fmadd_ps(*a, m, s);
            }
        }
        a.iter().map(|&a| _mm512_cvtss_f32(a)).sum()
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::{CHAINS, black_box};
    use std::arch::aarch64::*;

    pub fn neon(rounds: usize) -> f32 {
        // SAFETY: every 64-bit ARM has NEON.
        unsafe {
            let (m, s) = (vdupq_n_f32(black_box(0.999)), vdupq_n_f32(black_box(0.001)));
            let mut a = [vdupq_n_f32(1.0); CHAINS];
            for _ in 0..rounds {
                for a in &mut a {
                    *a = vfmaq_f32(s, *a, m);
                }
            }
            a.iter().map(|&a| vgetq_lane_f32::<0>(a)).sum()
        }
    }
}

/// Compiles a loop for the widest vectors of this machine; the loop itself is plain Rust.
macro_rules! widest {
    ($name:ident ( $($arg:ident : $type:ty),* ) $(-> $out:ty)? $body:block) => {
        fn $name($($arg: $type),*) $(-> $out)? {
            #[inline(always)]
            fn plain($($arg: $type),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $type),*) $(-> $out)? { plain($($arg),*) }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the features were just detected.
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

widest! { read(data: &[f32]) -> f32 {
    let mut sum = [0f32; 64];
    for part in data.chunks_exact(64) {
        for lane in 0..64 {
            sum[lane] += part[lane];
        }
    }
    sum.iter().sum()
}}

widest! { triad(a: &mut [f32], b: &[f32], c: &[f32]) {
    for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
        *a = b + 0.5 * c;
    }
}}

widest! { gather(table: &[f32], k: usize, index: &[u32], v: &[f32]) -> f32 {
    // As the gathering pass of a row: a product with every row, the row eight ahead asked for.
    let mut total = 0.0;
    for (place, &row) in index.iter().enumerate() {
        if let Some(&next) = index.get(place + 8) {
            prefetch(&table[next as usize * k..next as usize * k + k]);
        }
        let q = &table[row as usize * k..row as usize * k + k];
        let mut sum = [0f32; 32];
        for (q, v) in q.chunks_exact(32).zip(v.chunks_exact(32)) {
            for lane in 0..32 {
                sum[lane] = q[lane].mul_add(v[lane], sum[lane]);
            }
        }
        total += sum.iter().sum::<f32>();
    }
    total
}}

#[inline(always)]
fn prefetch(row: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(16) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}
