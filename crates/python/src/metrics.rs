//! Binding of `kernels::metrics`.

use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use tastespace_kernels::metrics::{self, Hits, Lists};

/// Fill `count`, `first`, `gain` and `precision` (users, cut-offs) from `ranked` (users, places).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn count_hits(
    py: Python<'_>,
    ranked: PyReadonlyArray2<'_, i32>,
    indptr: PyReadonlyArray1<'_, i64>,
    relevant: PyReadonlyArray1<'_, i32>,
    cutoffs: Vec<usize>,
    discounts: PyReadonlyArray1<'_, f64>,
    mut count: PyReadwriteArray2<'_, i32>,
    mut first: PyReadwriteArray2<'_, i32>,
    mut gain: PyReadwriteArray2<'_, f64>,
    mut precision: PyReadwriteArray2<'_, f64>,
    threads: usize,
) -> PyResult<()> {
    let lists = Lists {
        ranked: ranked.as_slice()?,
        places: ranked.shape()[1],
        indptr: indptr.as_slice()?,
        relevant: relevant.as_slice()?,
    };
    let discounts = discounts.as_slice()?;
    let out = Hits {
        count: count.as_slice_mut()?,
        first: first.as_slice_mut()?,
        gain: gain.as_slice_mut()?,
        precision: precision.as_slice_mut()?,
    };
    py.detach(|| metrics::count_hits(lists, &cutoffs, discounts, out, threads));
    Ok(())
}

/// Number of pairs (`users[u]`, item of row u) that occur in the other matrix.
#[pyfunction]
fn count_common(
    py: Python<'_>,
    users: PyReadonlyArray1<'_, i32>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    known_indptr: PyReadonlyArray1<'_, i64>,
    known: PyReadonlyArray1<'_, i32>,
) -> PyResult<usize> {
    let (users, indptr, indices) = (users.as_slice()?, indptr.as_slice()?, indices.as_slice()?);
    let (known_indptr, known) = (known_indptr.as_slice()?, known.as_slice()?);
    Ok(py.detach(|| metrics::count_common(users, indptr, indices, known_indptr, known)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(count_hits, m)?)?;
    m.add_function(wrap_pyfunction!(count_common, m)?)?;
    Ok(())
}
