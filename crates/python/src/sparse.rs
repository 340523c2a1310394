//! Binding of `kernels::sparse`.

use crate::check::{matrix, vector};
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
    let (indptr, indices) = (vector("indptr", &indptr)?, vector("indices", &indices)?);
    let rows = indptr.len().saturating_sub(1);
    let rising = indptr.first() == Some(&0) && indptr.windows(2).all(|w| w[0] <= w[1]);
    if !rising || indptr.last() != Some(&(indices.len() as i64)) {
        return Err(PyValueError::new_err(format!("indptr must rise from 0 to {}", indices.len())));
    }
    let values = values.as_ref().map(|v| vector("values", v)).transpose()?;
    if values.is_some_and(|values| values.len() != indices.len()) {
        return Err(PyValueError::new_err("values and indices must have the same length"));
    }
    let mut out = vec![0.0f32; rows * stride];
    // The kernel looks at the columns while it reads them: a pass of its own would take as long as a narrow product.
    py.detach(|| sparse::multiply(Level::best(), threads, indptr, indices, values, x, stride, &mut out))
        .map_err(|_| PyValueError::new_err(format!("indices must be in 0..{columns}")))?;
    PyArray1::from_vec(py, out).reshape([rows, stride])
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(sparse_multiply, m)?)
}
