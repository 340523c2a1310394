//! Binding of `kernels::ease`.

use crate::check::{csr, vector};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyArithmeticError, PyValueError};
use pyo3::prelude::*;
use tastespace_kernels::ease;
use tastespace_kernels::ease::restricted::{self, Gram};
use tastespace_kernels::neighbours::Rows;
use tastespace_kernels::simd::Level;

/// Compressed rows: offsets, columns, values (None: all 1).
type Table<'py> =
    (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i32>, Option<PyReadonlyArray1<'py, f32>>);

/// Offsets, items and weights.
type Columns<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<f32>>);

/// The same cells by users and by items.
fn both<'a>(by_user: &'a Table<'_>, by_item: &'a Table<'_>) -> PyResult<(Rows<'a>, Rows<'a>)> {
    let [users, items] = [by_user, by_item].map(|table| table.0.len().saturating_sub(1));
    let rows = |table: &'a Table<'_>, rows, columns| -> PyResult<Rows<'a>> {
        let (indptr, indices) = csr(&table.0, &table.1, rows, columns)?;
        let values = table.2.as_ref().map(|values| vector("values", values)).transpose()?;
        if values.is_some_and(|values| values.len() != indices.len()) {
            return Err(PyValueError::new_err("values and indices must have the same length"));
        }
        Ok(Rows { indptr, indices, values })
    };
    let (a, b) = (rows(by_user, users, items)?, rows(by_item, items, users)?);
    if a.indices.len() != b.indices.len() || a.values.is_some() != b.values.is_some() {
        return Err(PyValueError::new_err("both orders must hold the same cells"));
    }
    Ok((a, b))
}

fn square<'a>(array: &'a mut PyReadwriteArray2<'_, f32>) -> PyResult<(usize, &'a mut [f32])> {
    let [rows, columns] = [array.shape()[0], array.shape()[1]];
    let values = array.as_slice_mut().map_err(|_| PyValueError::new_err("the matrix must be contiguous"))?;
    if rows == columns { Ok((rows, values)) } else { Err(PyValueError::new_err("the matrix must be square")) }
}

/// Fills the upper triangle of `out` with `X'X + ridge I`; the rest is scratch.
#[pyfunction]
fn ease_gram(
    py: Python<'_>,
    by_user: Table<'_>,
    by_item: Table<'_>,
    ridge: f32,
    mut out: PyReadwriteArray2<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let (by_user, by_item) = both(&by_user, &by_item)?;
    let (n, out) = square(&mut out)?;
    if n + 1 != by_item.indptr.len() {
        return Err(PyValueError::new_err("the matrix must have a row for each item"));
    }
    py.detach(|| ease::gram(Level::best(), threads, by_user, by_item, ridge, out));
    Ok(())
}

/// Makes the weights of the upper triangle of the inverse, in place; ArithmeticError names the item's row.
#[pyfunction]
fn ease_weights(py: Python<'_>, mut inverse: PyReadwriteArray2<'_, f32>, threads: usize) -> PyResult<()> {
    let (n, inverse) = square(&mut inverse)?;
    py.detach(|| ease::weights(threads, n, inverse)).map_err(PyArithmeticError::new_err)
}

/// How many cells the upper triangle of X'X has, by every `step`-th row.
#[pyfunction]
fn ease_cells(
    py: Python<'_>,
    by_user: Table<'_>,
    by_item: Table<'_>,
    step: usize,
    threads: usize,
) -> PyResult<usize> {
    let (by_user, by_item) = both(&by_user, &by_item)?;
    Ok(py.detach(|| restricted::cells(threads, by_user, by_item, step.max(1))))
}

/// The columns of the weights on supports of at most `most` items: offsets, items, weights.
#[pyfunction]
fn ease_columns<'py>(
    py: Python<'py>,
    by_user: Table<'py>,
    by_item: Table<'py>,
    ridge: f32,
    most: usize,
    threads: usize,
) -> PyResult<Columns<'py>> {
    let (by_user, by_item) = both(&by_user, &by_item)?;
    let columns = py
        .detach(|| {
            let gram = Gram::new(threads, by_user, by_item);
            gram.columns(Level::best(), threads, by_user, by_item, ridge, most)
        })
        .map_err(PyArithmeticError::new_err)?;
    let mut indptr = Vec::with_capacity(columns.len() + 1);
    indptr.push(0);
    let cells = columns.iter().map(|column| column.items.len()).sum();
    let (mut indices, mut weights) = (Vec::with_capacity(cells), Vec::with_capacity(cells));
    for column in columns {
        indices.extend(column.items);
        weights.extend(column.weights);
        indptr.push(indices.len() as i64);
    }
    Ok((indptr.into_pyarray(py), indices.into_pyarray(py), weights.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(ease_gram, m)?)?;
    m.add_function(wrap_pyfunction!(ease_weights, m)?)?;
    m.add_function(wrap_pyfunction!(ease_cells, m)?)?;
    m.add_function(wrap_pyfunction!(ease_columns, m)?)?;
    Ok(())
}
