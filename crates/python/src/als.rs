//! Binding of `kernels::als`, `kernels::objective` and `kernels::dense`.

use crate::check::{csr, matrix, matrix_mut, vector};
use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray1,
    PyReadwriteArray2,
};
use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;
use tastespace_kernels::als::{self, Events, Factors, Failure, Penalty, Solver, Targets};
use tastespace_kernels::objective;
use tastespace_kernels::simd::Level;

/// `ArithmeticError(message, row)`; row is -1 when no row is to blame.
fn failed(failure: Failure) -> PyErr {
    let row = match failure {
        Failure::NotPositive(row) | Failure::NotFinite(row) => row as i64,
        Failure::FixedNotFinite => -1,
    };
    PyArithmeticError::new_err((failure.to_string(), row))
}

fn events_length<T>(name: &str, values: Option<&[T]>, events: usize) -> PyResult<()> {
    match values {
        Some(values) if values.len() != events => {
            Err(PyValueError::new_err(format!("{name} holds {} values for {events} events", values.len())))
        }
        _ => Ok(()),
    }
}

/// One half-epoch of implicit ALS by preconditioned conjugate gradients; rotates `fixed` and `x` in place.
#[pyfunction]
fn implicit_half_epoch(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    weight: f32,
    offset: f32,
    factors: usize,
    unobserved: f32,
    regularization: f64,
    exponent: f64,
    steps: usize,
    mut fixed: PyReadwriteArray2<'_, f32>,
    mut x: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let (fixed_rows, stride, fixed) = matrix_mut("fixed", &mut fixed)?;
    let (rows, _, x) = matrix_mut("x", &mut x)?;
    let (indptr, indices) = csr(&indptr, &indices, rows, fixed_rows)?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    events_length("weights", weights, indices.len())?;
    let events = Events { indptr, indices, targets: Targets::Implicit { weights, weight, offset } };
    let mass = f64::from(unobserved) * fixed_rows as f64;
    let penalty = Penalty { regularization, bias_regularization: None, exponent, unobserved: mass };
    py.detach(|| {
        als::implicit_half_epoch(
            Level::best(),
            threads,
            events,
            factors,
            stride,
            unobserved,
            penalty,
            steps,
            fixed,
            x,
        )
    })
    .map_err(failed)
}

/// Solves every row of `x` exactly; `gram` as `weighted_gram` gives it.
///
/// With `nonnegative`, factors stay at 0 or above, and the search starts from `x`.
#[pyfunction]
fn implicit_solve(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    weight: f32,
    offset: f32,
    unobserved: f32,
    regularization: f64,
    exponent: f64,
    gram: PyReadonlyArray2<'_, f32>,
    nonnegative: bool,
    fixed: PyReadonlyArray2<'_, f32>,
    mut x: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let (fixed_rows, stride, fixed) = matrix("fixed", &fixed)?;
    let (rows, _, x) = matrix_mut("x", &mut x)?;
    let (_, _, gram) = matrix("gram", &gram)?;
    let (indptr, indices) = csr(&indptr, &indices, rows, fixed_rows)?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    events_length("weights", weights, indices.len())?;
    let events = Events { indptr, indices, targets: Targets::Implicit { weights, weight, offset } };
    let mass = f64::from(unobserved) * fixed_rows as f64;
    let penalty = Penalty { regularization, bias_regularization: None, exponent, unobserved: mass };
    let (fixed, solver) = (Factors { data: fixed, stride }, Solver::Exact { gram, nonnegative });
    py.detach(|| als::solve_rows(Level::best(), threads, events, fixed, penalty, solver, x, &mut []))
        .map_err(failed)
}

/// One half-epoch of explicit ALS; `steps = 0` solves exactly, and only then counts `nonnegative`.
///
/// `bias` is written unless `bias_regularization` is None.
#[pyfunction]
fn explicit_solve(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    values: Option<PyReadonlyArray1<'_, f32>>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    mean: f32,
    regularization: f64,
    bias_regularization: Option<f64>,
    exponent: f64,
    steps: usize,
    nonnegative: bool,
    fixed: PyReadonlyArray2<'_, f32>,
    fixed_bias: PyReadonlyArray1<'_, f32>,
    mut x: PyReadwriteArray2<'_, f32>,
    mut bias: PyReadwriteArray1<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let (fixed_rows, stride, fixed) = matrix("fixed", &fixed)?;
    let (rows, _, x) = matrix_mut("x", &mut x)?;
    let (indptr, indices) = csr(&indptr, &indices, rows, fixed_rows)?;
    let values = values.as_ref().map(|v| vector("values", v)).transpose()?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    events_length("values", values, indices.len())?;
    events_length("weights", weights, indices.len())?;
    let fixed_bias = vector("fixed_bias", &fixed_bias)?;
    let bias = bias.as_slice_mut().map_err(|_| PyValueError::new_err("bias must be contiguous"))?;
    if fixed_bias.len() != fixed_rows || bias.len() != rows {
        return Err(PyValueError::new_err("biases must have one value for each row"));
    }
    let targets = Targets::Explicit { values, weights, mean, bias: fixed_bias };
    let events = Events { indptr, indices, targets };
    let penalty = Penalty { regularization, bias_regularization, exponent, unobserved: 0.0 };
    let zeros = vec![0.0; stride];
    let solver = match steps {
        0 => Solver::Exact { gram: &[], nonnegative },
        steps => Solver::Gradient { steps, spectrum: &zeros, mass: 0.0 },
    };
    let fixed = Factors { data: fixed, stride };
    let bias = if bias_regularization.is_some() { bias } else { &mut [] };
    py.detach(|| als::solve_rows(Level::best(), threads, events, fixed, penalty, solver, x, bias))
        .map_err(failed)
}

/// The Gram matrix of `fixed` times `unobserved`, (stride, stride).
#[pyfunction]
fn weighted_gram<'py>(
    py: Python<'py>,
    fixed: PyReadonlyArray2<'py, f32>,
    unobserved: f32,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (_, stride, data) = matrix("fixed", &fixed)?;
    let gram = py.detach(|| als::weighted_gram(Level::best(), threads, Factors { data, stride }, unobserved));
    PyArray1::from_vec(py, gram).reshape([stride, stride])
}

/// The objective of implicit ALS, penalties included.
#[pyfunction]
fn implicit_objective(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    weight: f32,
    offset: f32,
    column_indptr: PyReadonlyArray1<'_, i64>,
    unobserved: f32,
    regularization: f64,
    exponent: f64,
    x: PyReadonlyArray2<'_, f32>,
    fixed: PyReadonlyArray2<'_, f32>,
    threads: usize,
) -> PyResult<f64> {
    let (rows, stride, x) = matrix("x", &x)?;
    let (columns, _, fixed) = matrix("fixed", &fixed)?;
    let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
    let column_indptr = vector("column_indptr", &column_indptr)?;
    if column_indptr.len() != columns + 1 {
        return Err(PyValueError::new_err("column_indptr must have one more value than there are columns"));
    }
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    events_length("weights", weights, indices.len())?;
    let events = Events { indptr, indices, targets: Targets::Implicit { weights, weight, offset } };
    let (x, fixed) = (Factors { data: x, stride }, Factors { data: fixed, stride });
    let side = |others: usize| Penalty {
        regularization,
        bias_regularization: None,
        exponent,
        unobserved: f64::from(unobserved) * others as f64,
    };
    Ok(py.detach(|| {
        objective::data_term(Level::best(), threads, events, x, &[], fixed, unobserved)
            + objective::penalty_of(indptr, side(columns), x, &[])
            + objective::penalty_of(column_indptr, side(rows), fixed, &[])
    }))
}

/// The objective of explicit ALS, penalties included.
#[pyfunction]
fn explicit_objective(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    values: Option<PyReadonlyArray1<'_, f32>>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    column_indptr: PyReadonlyArray1<'_, i64>,
    mean: f32,
    regularization: f64,
    bias_regularization: Option<f64>,
    exponent: f64,
    x: PyReadonlyArray2<'_, f32>,
    bias: PyReadonlyArray1<'_, f32>,
    fixed: PyReadonlyArray2<'_, f32>,
    fixed_bias: PyReadonlyArray1<'_, f32>,
    threads: usize,
) -> PyResult<f64> {
    let (rows, stride, x) = matrix("x", &x)?;
    let (columns, _, fixed) = matrix("fixed", &fixed)?;
    let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
    let column_indptr = vector("column_indptr", &column_indptr)?;
    if column_indptr.len() != columns + 1 {
        return Err(PyValueError::new_err("column_indptr must have one more value than there are columns"));
    }
    let values = values.as_ref().map(|v| vector("values", v)).transpose()?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    events_length("values", values, indices.len())?;
    events_length("weights", weights, indices.len())?;
    let (bias, fixed_bias) = (vector("bias", &bias)?, vector("fixed_bias", &fixed_bias)?);
    let events =
        Events { indptr, indices, targets: Targets::Explicit { values, weights, mean, bias: fixed_bias } };
    let (x, fixed) = (Factors { data: x, stride }, Factors { data: fixed, stride });
    let penalty = Penalty { regularization, bias_regularization, exponent, unobserved: 0.0 };
    Ok(py.detach(|| {
        objective::data_term(Level::best(), threads, events, x, bias, fixed, 0.0)
            + objective::penalty_of(indptr, penalty, x, bias)
            + objective::penalty_of(column_indptr, penalty, fixed, fixed_bias)
    }))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(implicit_half_epoch, m)?)?;
    m.add_function(wrap_pyfunction!(implicit_solve, m)?)?;
    m.add_function(wrap_pyfunction!(explicit_solve, m)?)?;
    m.add_function(wrap_pyfunction!(weighted_gram, m)?)?;
    m.add_function(wrap_pyfunction!(implicit_objective, m)?)?;
    m.add_function(wrap_pyfunction!(explicit_objective, m)?)
}
