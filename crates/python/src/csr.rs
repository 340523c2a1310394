//! Binding of `kernels::csr`.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::csr::{self, Csr, CsrError, Duplicates, Events};
use tastespace_kernels::csr_build::build;

/// `indptr`, `indices`, `values`, `weights` and `times` of a table.
type Arrays<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i32>>,
    Option<Bound<'py, PyArray1<f32>>>,
    Option<Bound<'py, PyArray1<f32>>>,
    Option<Bound<'py, PyArray1<i64>>>,
);

fn slice<'a, T: numpy::Element>(array: Option<&'a PyReadonlyArray1<'_, T>>) -> PyResult<Option<&'a [T]>> {
    Ok(array.map(PyReadonlyArray1::as_slice).transpose()?)
}

fn hand_over<'py>(py: Python<'py>, result: Result<Csr, CsrError>) -> PyResult<Arrays<'py>> {
    let table = result.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((
        table.indptr.into_pyarray(py),
        table.indices.into_pyarray(py),
        table.values.map(|values| values.into_pyarray(py)),
        table.weights.map(|weights| weights.into_pyarray(py)),
        table.times.map(|times| times.into_pyarray(py)),
    ))
}

#[pyfunction]
#[pyo3(signature = (rows, cols, values, weights, times, n_rows, n_cols, duplicates, threads))]
#[allow(clippy::too_many_arguments)]
fn csr_build<'py>(
    py: Python<'py>,
    rows: PyReadonlyArray1<'py, i32>,
    cols: PyReadonlyArray1<'py, i32>,
    values: Option<PyReadonlyArray1<'py, f32>>,
    weights: Option<PyReadonlyArray1<'py, f32>>,
    times: Option<PyReadonlyArray1<'py, i64>>,
    n_rows: usize,
    n_cols: usize,
    duplicates: &str,
    threads: usize,
) -> PyResult<Arrays<'py>> {
    let duplicates = match duplicates {
        "last" => Duplicates::Last,
        "first" => Duplicates::First,
        "max" => Duplicates::Max,
        "sum" => Duplicates::Sum,
        "mean" => Duplicates::Mean,
        other => return Err(PyValueError::new_err(format!("unknown rule for duplicates: {other}"))),
    };
    let events = Events {
        rows: rows.as_slice()?,
        cols: cols.as_slice()?,
        values: slice(values.as_ref())?,
        weights: slice(weights.as_ref())?,
        times: slice(times.as_ref())?,
    };
    let result = py.detach(|| build(events, n_rows, n_cols, duplicates, threads));
    hand_over(py, result)
}

#[pyfunction]
#[pyo3(signature = (indptr, indices, values, weights, n_cols, threads))]
fn csr_transpose<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    values: Option<PyReadonlyArray1<'py, f32>>,
    weights: Option<PyReadonlyArray1<'py, f32>>,
    n_cols: usize,
    threads: usize,
) -> PyResult<Arrays<'py>> {
    let (indptr, indices) = (indptr.as_slice()?, indices.as_slice()?);
    let (values, weights) = (slice(values.as_ref())?, slice(weights.as_ref())?);
    let result = py.detach(|| csr::transpose(indptr, indices, values, weights, n_cols, threads));
    hand_over(py, result)
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(csr_build, m)?)?;
    m.add_function(wrap_pyfunction!(csr_transpose, m)?)
}
