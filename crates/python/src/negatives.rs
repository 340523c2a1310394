//! Binding of `kernels::negatives`.

use crate::check::{csr, vector};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::negatives::{self, Draw};

/// Items for every event, (events, per_positive), -1 for users who have everything; `weights` are running sums.
#[pyfunction]
fn draw_negatives<'py>(
    py: Python<'py>,
    seed: u64,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    items: usize,
    per_positive: usize,
    weights: Option<PyReadonlyArray1<'py, u64>>,
    check: bool,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<i32>>> {
    let rows = vector("indptr", &indptr)?.len().saturating_sub(1);
    let (indptr, indices) = csr(&indptr, &indices, rows, items)?;
    let weights = weights.as_ref().map(|weights| vector("weights", weights)).transpose()?;
    if weights.is_some_and(|sums| sums.len() != items || !sums.is_sorted()) {
        return Err(PyValueError::new_err(format!("weights must be {items} running sums")));
    }
    let mut out = vec![0; indices.len() * per_positive];
    let draw = Draw { seed, indptr, indices, items, per_positive, weights, check };
    py.detach(|| negatives::draw(draw, &mut out, threads));
    PyArray1::from_vec(py, out).reshape([indices.len(), per_positive])
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(draw_negatives, m)?)
}
