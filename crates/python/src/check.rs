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
    // A maximum of unsigned numbers, because it needs no branch: negative rows are huge.
    let top = indices.iter().fold(0u32, |top, &i| top.max(i as u32));
    if !indices.is_empty() && top as usize >= columns {
        return Err(PyValueError::new_err(format!("indices must be in 0..{columns}")));
    }
    Ok((indptr, indices))
}
