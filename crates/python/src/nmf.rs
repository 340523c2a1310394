//! Binding of `kernels::nmf`.

use crate::check::{csr, matrix, matrix_mut, vector};
use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2,
    PyUntypedArrayMethods,
};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::dense;
use tastespace_kernels::nmf::{self, Cells, Fixed, Penalty, kullback};
use tastespace_kernels::simd::Level;

/// Compressed rows: offsets, columns, values (None: all 1).
type Table<'py> =
    (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i32>, Option<PyReadonlyArray1<'py, f32>>);

fn cells<'a>(table: &'a Table<'_>, rows: usize, columns: usize) -> PyResult<Cells<'a>> {
    let (indptr, indices) = csr(&table.0, &table.1, rows, columns)?;
    let values = table.2.as_ref().map(|values| vector("values", values)).transpose()?;
    if values.is_some_and(|values| values.len() != indices.len()) {
        return Err(PyValueError::new_err("values and indices must have the same length"));
    }
    Ok(Cells { indptr, indices, values })
}

/// What all rows share, and whether it is a Gram matrix (stride, stride) or column sums (1, stride).
fn shared_rows<'a>(array: &'a PyReadonlyArray2<'_, f64>, stride: usize) -> PyResult<(bool, &'a [f64])> {
    let [rows, columns] = [array.shape()[0], array.shape()[1]];
    if columns != stride || (rows != stride && rows != 1) {
        return Err(PyValueError::new_err(format!(
            "shared must be ({stride}, {stride}) or (1, {stride}); got ({rows}, {columns})"
        )));
    }
    let values = array.as_slice().map_err(|_| PyValueError::new_err("shared must be contiguous"))?;
    Ok((rows == stride, values))
}

fn width(factors: usize, stride: usize) -> PyResult<usize> {
    if (1..=stride).contains(&factors) {
        return Ok(factors);
    }
    Err(PyValueError::new_err(format!("factors must be in 1..={stride}; got {factors}")))
}

/// The Gram matrix (stride, stride), full, in double precision.
#[pyfunction]
fn nmf_gram<'py>(
    py: Python<'py>,
    fixed: PyReadonlyArray2<'py, f32>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let (_, stride, data) = matrix("fixed", &fixed)?;
    let gram = py.detach(|| dense::gram(Level::best(), threads, data, stride));
    PyArray1::from_vec(py, gram).reshape([stride, stride])
}

/// Lowers every row of `x` by `steps` sweeps; `<A, X H'>` and the slope of the first sweep, 0.0 both for divergence.
///
/// `shared` is the Gram matrix of the fixed side (squared error), or its column sums (1, stride) (divergence).
#[pyfunction]
fn nmf_half_epoch(
    py: Python<'_>,
    table: Table<'_>,
    fixed: PyReadonlyArray2<'_, f32>,
    shared: PyReadonlyArray2<'_, f64>,
    factors: usize,
    penalty: (f64, f64),
    steps: usize,
    mut x: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<(f64, f64)> {
    let (columns, stride, data) = matrix("fixed", &fixed)?;
    let (rows, _, x) = matrix_mut("x", &mut x)?;
    let cells = cells(&table, rows, columns)?;
    let (squared, shared) = shared_rows(&shared, stride)?;
    let fixed = Fixed { data, stride, factors: width(factors, stride)? };
    let penalty = Penalty { l1: penalty.0, l2: penalty.1 };
    if x.len() != rows * stride {
        return Err(PyValueError::new_err("x and fixed must have rows of one length"));
    }
    Ok(py.detach(|| {
        if squared {
            let found = nmf::half_epoch(Level::best(), threads, cells, fixed, shared, penalty, steps, x);
            return (found.cross, found.slope);
        }
        kullback::half_epoch(Level::best(), threads, cells, fixed, shared, penalty, steps, x);
        (0.0, 0.0)
    }))
}

/// Overwrites every row of `x` by its exact minimum; arguments as for `nmf_half_epoch`.
#[pyfunction]
fn nmf_solve(
    py: Python<'_>,
    table: Table<'_>,
    fixed: PyReadonlyArray2<'_, f32>,
    shared: PyReadonlyArray2<'_, f64>,
    factors: usize,
    penalty: (f64, f64),
    mut x: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let (columns, stride, data) = matrix("fixed", &fixed)?;
    let (rows, _, x) = matrix_mut("x", &mut x)?;
    let cells = cells(&table, rows, columns)?;
    let (squared, shared) = shared_rows(&shared, stride)?;
    let fixed = Fixed { data, stride, factors: width(factors, stride)? };
    let penalty = Penalty { l1: penalty.0, l2: penalty.1 };
    if x.len() != rows * stride {
        return Err(PyValueError::new_err("x and fixed must have rows of one length"));
    }
    py.detach(|| {
        let solve = if squared { nmf::solve } else { kullback::solve };
        solve(Level::best(), threads, cells, fixed, shared, penalty, x);
    });
    Ok(())
}

/// `sum a ln(a / y) - a` over the cells above 0.
#[pyfunction]
fn nmf_divergence(
    py: Python<'_>,
    table: Table<'_>,
    fixed: PyReadonlyArray2<'_, f32>,
    x: PyReadonlyArray2<'_, f32>,
    threads: usize,
) -> PyResult<f64> {
    let (columns, stride, data) = matrix("fixed", &fixed)?;
    let (rows, width, x) = matrix("x", &x)?;
    let cells = cells(&table, rows, columns)?;
    if width != stride {
        return Err(PyValueError::new_err("x and fixed must have rows of one length"));
    }
    let fixed = Fixed { data, stride, factors: stride };
    Ok(py.detach(|| kullback::divergence(Level::best(), threads, cells, fixed, x)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(nmf_gram, m)?)?;
    m.add_function(wrap_pyfunction!(nmf_half_epoch, m)?)?;
    m.add_function(wrap_pyfunction!(nmf_solve, m)?)?;
    m.add_function(wrap_pyfunction!(nmf_divergence, m)?)?;
    Ok(())
}
