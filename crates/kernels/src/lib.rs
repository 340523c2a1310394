//! The numerical kernels of tastespace.
//!
//! Slices in, slices out: no Python, no identifiers, no tables, no settings files. One file per algorithm;
//! every file names the page of `docs/math/` whose equations it follows.

pub mod als;
pub mod audiences;
pub mod blend;
pub mod blocks;
pub mod candidates;
pub mod cholesky;
pub mod csr;
pub mod csr_build;
pub mod csv;
pub mod dense;
pub mod double;
pub mod draw;
pub mod dual;
pub mod ease;
pub mod exact;
pub mod faults;
pub mod field;
pub mod gradient;
pub mod gradient_rows;
pub mod group;
pub mod held_out;
pub mod labels;
pub mod likeness;
pub mod lines;
pub mod lists;
pub mod metrics;
pub mod negatives;
pub mod neighbours;
pub mod nmf;
#[cfg(test)]
mod noise;
pub mod nonnegative;
pub mod objective;
pub mod pairs;
pub mod pairwise;
pub mod phases;
pub mod primal;
pub mod random;
pub mod rerank;
pub mod rounds;
pub mod row;
pub mod sgd;
pub mod simd;
pub mod small;
pub mod sparse;
pub mod svdpp;
pub mod syrk;
pub mod tall;
pub mod threads;
pub mod timesvd;
pub mod topk;
