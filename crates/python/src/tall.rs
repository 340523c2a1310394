//! Binding of `kernels::tall`.

use crate::check::{count, matrix, matrix_mut};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;
use tastespace_kernels::simd::Level;
use tastespace_kernels::{small, tall};

type Doubles<'py> = Bound<'py, PyArray2<f64>>;

/// `x' z` in double precision, for matrices of as many rows.
#[pyfunction]
fn tall_cross<'py>(
    py: Python<'py>,
    x: PyReadonlyArray2<'py, f32>,
    z: PyReadonlyArray2<'py, f32>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let ((rows, xs, x), (found, zs, z)) = (matrix("x", &x)?, matrix("z", &z)?);
    count("z", found, rows)?;
    let product = py.detach(|| tall::cross(Level::best(), threads, x, xs, z, zs));
    PyArray1::from_vec(py, product).reshape([xs, zs])
}

/// `z += x c`, in place.
#[pyfunction]
fn tall_add(
    py: Python<'_>,
    x: PyReadonlyArray2<'_, f32>,
    c: PyReadonlyArray2<'_, f32>,
    mut z: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let ((rows, xs, x), (inner, cs, c)) = (matrix("x", &x)?, matrix("c", &c)?);
    let (found, zs, z) = matrix_mut("z", &mut z)?;
    count("z", found, rows)?;
    count("c", inner, xs)?;
    count("rows of c", cs, zs)?;
    py.detach(|| tall::add_multiple(Level::best(), threads, x, xs, c, z, zs));
    Ok(())
}

/// The singular values alone of a small matrix, falling.
#[pyfunction]
fn small_values<'py>(
    py: Python<'py>,
    matrix: PyReadonlyArray2<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let [rows, columns] = [matrix.shape()[0], matrix.shape()[1]];
    let cells = matrix.as_slice().map_err(|_| PyValueError::new_err("matrix must be contiguous"))?;
    let values = py
        .detach(|| small::values(cells, rows, columns))
        .map_err(|_| PyArithmeticError::new_err("a small matrix holds NaN or infinity"))?;
    Ok(PyArray1::from_vec(py, values))
}

/// The singular value decomposition of a small matrix: left vectors in columns, values falling, right vectors in
/// columns. One thread, so the bits are always the same.
#[pyfunction]
fn small_svd<'py>(
    py: Python<'py>,
    matrix: PyReadonlyArray2<'py, f64>,
) -> PyResult<(Doubles<'py>, Bound<'py, PyArray1<f64>>, Doubles<'py>)> {
    let [rows, columns] = [matrix.shape()[0], matrix.shape()[1]];
    let values = matrix.as_slice().map_err(|_| PyValueError::new_err("matrix must be contiguous"))?;
    let (u, s, v) = py
        .detach(|| small::svd(values, rows, columns))
        .map_err(|_| PyArithmeticError::new_err("a small matrix holds NaN or infinity"))?;
    let rank = s.len();
    Ok((
        PyArray1::from_vec(py, u).reshape([rows, rank])?,
        PyArray1::from_vec(py, s),
        PyArray1::from_vec(py, v).reshape([columns, rank])?,
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(small_svd, m)?)?;
    m.add_function(wrap_pyfunction!(small_values, m)?)?;
    m.add_function(wrap_pyfunction!(tall_cross, m)?)?;
    m.add_function(wrap_pyfunction!(tall_add, m)?)
}
