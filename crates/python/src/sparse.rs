//! Binding of `kernels::sparse`.

use crate::check::{csr, matrix, vector};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::simd::Level;
use tastespace_kernels::sparse;

/// `A x`, (rows, stride), for A in compressed rows (values None: all 1) and x (columns, stride).
#[pyfunction]
fn sparse_multiply<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    values: Option<PyReadonlyArray1<'py, f32>>,
    x: PyReadonlyArray2<'py, f32>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (columns, stride, x) = matrix("x", &x)?;
    let rows = vector("indptr", &indptr)?.len().saturating_sub(1);
    let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
    let values = values.as_ref().map(|v| vector("values", v)).transpose()?;
    if values.is_some_and(|values| values.len() != indices.len()) {
        return Err(PyValueError::new_err("values and indices must have the same length"));
    }
    let mut out = vec![0.0f32; rows * stride];
    py.detach(|| sparse::multiply(Level::best(), threads, indptr, indices, values, x, stride, &mut out));
    PyArray1::from_vec(py, out).reshape([rows, stride])
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(sparse_multiply, m)?)
}
