//! What every kernel relies on: contiguous arrays, padded rows, indices in range.

use numpy::{Element, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::simd::PAD;

/// The values of a contiguous vector.
pub fn vector<'a, T: Element>(name: &str, array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| PyValueError::new_err(format!("{name} must be contiguous")))
}

fn padded(name: &str, stride: usize) -> PyResult<()> {
    if stride.is_multiple_of(PAD) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{name} must have rows of a multiple of {PAD} floats; got {stride}")))
}

/// Rows, padded row length and values of a contiguous factor matrix.
pub fn matrix<'a>(name: &str, array: &'a PyReadonlyArray2<'_, f32>) -> PyResult<(usize, usize, &'a [f32])> {
    let [rows, stride] = [array.shape()[0], array.shape()[1]];
    padded(name, stride)?;
    let values = array.as_slice().map_err(|_| PyValueError::new_err(format!("{name} must be contiguous")))?;
    Ok((rows, stride, values))
}

/// As [`matrix`], to be written.
pub fn matrix_mut<'a>(
    name: &str,
    array: &'a mut PyReadwriteArray2<'_, f32>,
) -> PyResult<(usize, usize, &'a mut [f32])> {
    let [rows, stride] = [array.shape()[0], array.shape()[1]];
    padded(name, stride)?;
    let values =
        array.as_slice_mut().map_err(|_| PyValueError::new_err(format!("{name} must be contiguous")))?;
    Ok((rows, stride, values))
}

/// Offsets and indices of compressed rows, checked against their shape.
pub fn csr<'a>(
    indptr: &'a PyReadonlyArray1<'_, i64>,
    indices: &'a PyReadonlyArray1<'_, i32>,
    rows: usize,
    columns: usize,
) -> PyResult<(&'a [i64], &'a [i32])> {
    let (indptr, indices) = (vector("indptr", indptr)?, vector("indices", indices)?);
    let rising = indptr.first() == Some(&0) && indptr.windows(2).all(|w| w[0] <= w[1]);
    if indptr.len() != rows + 1 || !rising || indptr.last() != Some(&(indices.len() as i64)) {
        return Err(PyValueError::new_err(format!(
            "indptr must rise from 0 to {} in {rows} steps",
            indices.len()
        )));
    }
    in_range("indices", indices, 0, columns)?;
    Ok((indptr, indices))
}

/// Offsets of so many rows into a table of `length`, of which they may be a part.
pub fn offsets<'a>(
    name: &str,
    indptr: &'a PyReadonlyArray1<'_, i64>,
    rows: usize,
    length: usize,
) -> PyResult<&'a [i64]> {
    let indptr = vector(name, indptr)?;
    let rising = indptr.first().is_some_and(|&first| first >= 0) && indptr.windows(2).all(|w| w[0] <= w[1]);
    if indptr.len() != rows + 1 || !rising || indptr.last().is_some_and(|&end| end > length as i64) {
        return Err(PyValueError::new_err(format!("{name} must rise within 0..={length} in {rows} steps")));
    }
    Ok(indptr)
}

/// The columns of the rows in use of a table, checked; negative rows use nothing.
pub fn rows_in_use<'a>(
    indptr: &'a PyReadonlyArray1<'_, i64>,
    indices: &'a PyReadonlyArray1<'_, i32>,
    rows: &[i32],
    columns: usize,
) -> PyResult<(&'a [i64], &'a [i32])> {
    let (indptr, indices) = (vector("indptr", indptr)?, vector("indices", indices)?);
    if indptr.is_empty() {
        return Err(PyValueError::new_err("indptr must hold at least one offset"));
    }
    in_range("rows", rows, i32::MIN, indptr.len() - 1)?;
    for &row in rows.iter().filter(|&&row| row >= 0) {
        let (from, to) = (indptr[row as usize], indptr[row as usize + 1]);
        let used = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        let Some(used) = used.and_then(|(from, to)| indices.get(from..to)) else {
            return Err(PyValueError::new_err("indptr points outside indices"));
        };
        in_range("indices", used, 0, columns)?;
    }
    Ok((indptr, indices))
}

/// Whether all rows are in `least..end`.
pub fn in_range(name: &str, rows: &[i32], least: i32, end: usize) -> PyResult<()> {
    // Extremes instead of a search, because they need no branch.
    let (low, high) = rows.iter().fold((0, -1), |(low, high), &r| (r.min(low), r.max(high)));
    if low >= least && (high < 0 || (high as usize) < end) {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{name} must be in {least}..{end}")))
}

/// Whether there are so many.
pub fn count(name: &str, found: usize, wanted: usize) -> PyResult<()> {
    if found == wanted {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{name} must have {wanted} entries; got {found}")))
}

/// Whether there are cut-offs, and in order.
pub fn cutoffs(cutoffs: &[usize]) -> PyResult<()> {
    if !cutoffs.is_empty() && cutoffs[0] > 0 && cutoffs.is_sorted() {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("cut-offs must ascend from at least 1; got {cutoffs:?}")))
}

/// Users, places and rows of ranked lists.
pub fn ranked<'a>(array: &'a PyReadonlyArray2<'_, i32>) -> PyResult<(usize, usize, &'a [i32])> {
    let [users, places] = [array.shape()[0], array.shape()[1]];
    let rows = array.as_slice().map_err(|_| PyValueError::new_err("ranked must be contiguous"))?;
    if places == 0 {
        return Err(PyValueError::new_err("ranked must have at least one place"));
    }
    Ok((users, places, rows))
}

/// A table (users, cut-offs) to be written.
pub fn table_mut<'a, T: Element>(
    name: &str,
    array: &'a mut PyReadwriteArray2<'_, T>,
    rows: usize,
    columns: usize,
) -> PyResult<&'a mut [T]> {
    if array.shape() != [rows, columns] {
        return Err(PyValueError::new_err(format!(
            "{name} must be of shape ({rows}, {columns}); got {:?}",
            array.shape()
        )));
    }
    array.as_slice_mut().map_err(|_| PyValueError::new_err(format!("{name} must be contiguous")))
}
