//! The binding: unwraps arrays, releases the GIL, turns errors into Python exceptions. No algorithm lives here.

use pyo3::prelude::*;

mod als;
mod check;
mod csr;
mod metrics;
mod sparse;
mod topk;

/// Native kernels of tastespace; private, called by the Python package only.
#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    csr::register(m)?;
    metrics::register(m)?;
    als::register(m)?;
    topk::register(m)?;
    sparse::register(m)?;
    Ok(())
}
