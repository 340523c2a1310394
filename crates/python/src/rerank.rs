//! Binding of `kernels::rerank`.

use crate::check::{in_range, matrix, vector};
use crate::topk::{Found, per_item};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::rerank::{self, Rerank, Vectors};
use tastespace_kernels::simd::Level;

/// The first `n` places of the lists `ranked` (users, places) in their new order, with their new scores.
///
/// `vectors` are item vectors and one over their lengths.
#[pyfunction]
fn rerank_lists<'py>(
    py: Python<'py>,
    ranked: PyReadonlyArray2<'py, i32>,
    scores: PyReadonlyArray2<'py, f32>,
    n: usize,
    candidates: usize,
    penalty: f64,
    diversity: f64,
    popularity: Option<PyReadonlyArray1<'py, f32>>,
    vectors: Option<(PyReadonlyArray2<'py, f32>, PyReadonlyArray1<'py, f32>)>,
    items: usize,
    threads: usize,
) -> PyResult<Found<'py>> {
    let [users, places] = [ranked.shape()[0], ranked.shape()[1]];
    let (ranked, scores) = (ranked.as_slice()?, scores.as_slice()?);
    if scores.len() != ranked.len() {
        return Err(PyValueError::new_err(format!("{} scores for {} items", scores.len(), ranked.len())));
    }
    in_range("ranked", ranked, -1, items)?;
    let popularity = per_item("popularity", popularity.as_ref(), items)?;
    let vectors = match &vectors {
        None => None,
        Some((data, inverse)) => {
            let (rows, stride, data) = matrix("vectors", data)?;
            let inverse = vector("inverse", inverse)?;
            if rows != items || inverse.len() != items {
                return Err(PyValueError::new_err(format!("{rows} vectors for {items} items")));
            }
            Some(Vectors { data, stride, inverse })
        }
    };
    let how = Rerank { candidates, penalty, diversity, popularity, vectors };
    let (mut found, mut told) = (vec![0i32; users * n], vec![0f32; users * n]);
    if places == 0 {
        found.fill(-1);
        told.fill(f32::NEG_INFINITY);
    }
    py.detach(|| {
        rerank::rerank(Level::best(), threads, how, ranked, scores, places, n, &mut found, &mut told);
    });
    Ok((
        PyArray1::from_vec(py, found).reshape([users, n])?,
        PyArray1::from_vec(py, told).reshape([users, n])?,
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(rerank_lists, m)?)
}
