//! Binding of `kernels::blend`.

use crate::check::{in_range, matrix, vector};
use crate::topk::{Excluded, Found, excluded, per_item};
use numpy::{
    IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::blend;
use tastespace_kernels::simd::Level;

/// Standard deviations, (users,), of the scores `(x, 1) . q` of every user x over all items, whose `columns` have mean 0.
#[pyfunction]
fn score_spreads<'py>(
    py: Python<'py>,
    users: PyReadonlyArray2<'py, f32>,
    items: PyReadonlyArray2<'py, f32>,
    columns: usize,
    threads: usize,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let (rows, width, users) = matrix("users", &users)?;
    let (_, stride, items) = matrix("items", &items)?;
    if columns == 0 || columns > stride || columns > width + 1 {
        return Err(PyValueError::new_err(format!("{columns} columns of {stride}, and {width} of users")));
    }
    let mut out = vec![0f32; rows];
    py.detach(|| blend::spreads(Level::best(), threads, users, width, items, columns, stride, &mut out))
        .map_err(|_| PyValueError::new_err("factors are not finite"))?;
    Ok(out.into_pyarray(py))
}

/// Adds the standardised scores (users, items) of a model to the columns of `total` that its items have.
#[pyfunction]
fn add_standardised(
    py: Python<'_>,
    scores: PyReadonlyArray2<'_, f32>,
    column_of: PyReadonlyArray1<'_, i32>,
    weights: PyReadonlyArray1<'_, f32>,
    mut total: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let shape = [scores.shape()[0], scores.shape()[1]];
    let [users, columns] = [total.shape()[0], total.shape()[1]];
    let (column_of, weights) = (vector("column_of", &column_of)?, vector("weights", &weights)?);
    if shape != [users, column_of.len()] || weights.len() != users {
        return Err(PyValueError::new_err(format!("scores {shape:?} for {users} users")));
    }
    in_range("column_of", column_of, 0, columns)?;
    let (scores, total) = (scores.as_slice()?, total.as_slice_mut()?);
    py.detach(|| blend::add_standardised(threads, scores, column_of, weights, total, columns));
    Ok(())
}

/// The `n` best of every row of `scores` (users, items), padded with -1 and -inf.
#[pyfunction]
#[pyo3(signature = (scores, n, threads, exclude=None, bias=None))]
fn best_of_scores<'py>(
    py: Python<'py>,
    scores: PyReadonlyArray2<'py, f32>,
    n: usize,
    threads: usize,
    exclude: Option<Excluded<'py>>,
    bias: Option<PyReadonlyArray1<'py, f32>>,
) -> PyResult<Found<'py>> {
    let [users, items] = [scores.shape()[0], scores.shape()[1]];
    let exclude = excluded(exclude.as_ref(), users, items)?;
    let bias = per_item("bias", bias.as_ref(), items)?;
    let scores = scores.as_slice()?;
    let (mut found, mut best) = (vec![-1i32; users * n], vec![f32::NEG_INFINITY; users * n]);
    py.detach(|| blend::best_of(threads, scores, items, n, exclude, bias, &mut found, &mut best));
    Ok((
        PyArray1::from_vec(py, found).reshape([users, n])?,
        PyArray1::from_vec(py, best).reshape([users, n])?,
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(score_spreads, m)?)?;
    m.add_function(wrap_pyfunction!(add_standardised, m)?)?;
    m.add_function(wrap_pyfunction!(best_of_scores, m)?)?;
    Ok(())
}
