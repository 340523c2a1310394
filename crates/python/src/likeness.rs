//! Binding of `kernels::likeness`.

use crate::check::{csr, vector};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::likeness::{self, Cells, Likeness};
use tastespace_kernels::simd::Level;

type Found<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<f32>>);

fn of_length<'a>(
    name: &str,
    array: Option<&'a PyReadonlyArray1<'_, f32>>,
    length: usize,
) -> PyResult<Option<&'a [f32]>> {
    let Some(array) = array else { return Ok(None) };
    let values = vector(name, array)?;
    if values.len() != length {
        return Err(PyValueError::new_err(format!(
            "{name} must hold {length} numbers; got {}",
            values.len()
        )));
    }
    Ok(Some(values))
}

/// The `k` rows most alike to each row of a sparse table: offsets, rows (best first) and how alike they are.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn nearest_rows<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    values: Option<PyReadonlyArray1<'py, f32>>,
    columns: usize,
    weights: Option<PyReadonlyArray1<'py, f32>>,
    scale: Option<PyReadonlyArray1<'py, f32>>,
    shrinkage: f32,
    overlap: u32,
    threshold: f32,
    k: usize,
    threads: usize,
) -> PyResult<Found<'py>> {
    let rows = vector("indptr", &indptr)?.len().saturating_sub(1);
    let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
    let cells =
        Cells { indptr, indices, values: of_length("values", values.as_ref(), indices.len())?, columns };
    let scale = of_length("scale", scale.as_ref(), rows)?;
    if values.is_some() && weights.is_some() {
        return Err(PyValueError::new_err("cells have values or columns have weights, not both"));
    }
    let weights = of_length("weights", weights.as_ref(), columns)?;
    let how = Likeness { columns: weights, scale, shrinkage, overlap, threshold };
    let found = py
        .detach(|| likeness::nearest(Level::best(), threads, cells, how, k))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((found.indptr.into_pyarray(py), found.indices.into_pyarray(py), found.likeness.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(nearest_rows, m)?)
}
