//! The binding: unwraps arrays, releases the GIL, turns errors into Python exceptions. No algorithm lives here.

use pyo3::prelude::*;
use tastespace_kernels::simd::Level;

mod als;
mod blend;
mod candidates;
mod check;
mod csr;
mod csv;
mod ease;
mod likeness;
mod lists;
mod metrics;
mod negatives;
mod neighbours;
mod nmf;
mod pairs;
mod pairwise;
mod rerank;
mod sgd;
mod sparse;
mod svdpp;
mod tall;
mod timesvd;
mod topk;

/// Names of the instruction sets that this machine can run, and the one in use.
#[pyfunction]
fn instruction_sets() -> (Vec<&'static str>, &'static str) {
    (Level::available().into_iter().map(Level::name).collect(), Level::best().name())
}

/// Native kernels of tastespace; private, called by the Python package only.
#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    csr::register(m)?;
    csv::register(m)?;
    candidates::register(m)?;
    metrics::register(m)?;
    lists::register(m)?;
    likeness::register(m)?;
    als::register(m)?;
    pairs::register(m)?;
    pairwise::register(m)?;
    timesvd::register(m)?;
    topk::register(m)?;
    ease::register(m)?;
    neighbours::register(m)?;
    nmf::register(m)?;
    sgd::register(m)?;
    sparse::register(m)?;
    svdpp::register(m)?;
    tall::register(m)?;
    negatives::register(m)?;
    rerank::register(m)?;
    blend::register(m)?;
    m.add_function(wrap_pyfunction!(instruction_sets, m)?)?;
    Ok(())
}
