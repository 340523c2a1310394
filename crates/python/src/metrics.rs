//! Binding of `kernels::metrics`.

use numpy::{
    IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use tastespace_kernels::metrics::{self, Hits, Lists, Won};

/// Fill `count`, `first`, `gain`, `precision` and, where there is worth, `graded` (users, cut-offs) from `ranked`
/// (users, places).
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn count_hits(
    py: Python<'_>,
    ranked: PyReadonlyArray2<'_, i32>,
    indptr: PyReadonlyArray1<'_, i64>,
    relevant: PyReadonlyArray1<'_, i32>,
    cutoffs: Vec<usize>,
    discounts: PyReadonlyArray1<'_, f64>,
    mut count: PyReadwriteArray2<'_, i32>,
    mut first: PyReadwriteArray2<'_, i32>,
    mut gain: PyReadwriteArray2<'_, f64>,
    mut precision: PyReadwriteArray2<'_, f64>,
    worth: Option<PyReadonlyArray1<'_, f32>>,
    mut graded: Option<PyReadwriteArray2<'_, f64>>,
    threads: usize,
) -> PyResult<()> {
    let lists = Lists {
        ranked: ranked.as_slice()?,
        places: ranked.shape()[1],
        indptr: indptr.as_slice()?,
        relevant: relevant.as_slice()?,
        worth: worth.as_ref().map_or(Ok(&[][..]), |worth| worth.as_slice())?,
    };
    let discounts = discounts.as_slice()?;
    let out = Hits {
        count: count.as_slice_mut()?,
        first: first.as_slice_mut()?,
        gain: gain.as_slice_mut()?,
        precision: precision.as_slice_mut()?,
        graded: graded.as_mut().map_or(Ok(&mut [][..]), |graded| graded.as_slice_mut())?,
    };
    py.detach(|| metrics::count_hits(lists, &cutoffs, discounts, out, threads));
    Ok(())
}

/// Fill `out` (users, cut-offs) with the largest graded gains.
#[pyfunction]
fn graded_ideals(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    worth: PyReadonlyArray1<'_, f32>,
    cutoffs: Vec<usize>,
    discounts: PyReadonlyArray1<'_, f64>,
    mut out: PyReadwriteArray2<'_, f64>,
    threads: usize,
) -> PyResult<()> {
    let (indptr, worth, discounts) = (indptr.as_slice()?, worth.as_slice()?, discounts.as_slice()?);
    let out = out.as_slice_mut()?;
    py.detach(|| metrics::graded_ideals(indptr, worth, &cutoffs, discounts, out, threads));
    Ok(())
}

/// Pairs that relevant items win (ties count one, others two), items that are not relevant, items that are; by whole
/// rankings (users, places) and their scores.
#[pyfunction]
fn count_won<'py>(
    py: Python<'py>,
    ranked: PyReadonlyArray2<'py, i32>,
    scores: PyReadonlyArray2<'py, f32>,
    indptr: PyReadonlyArray1<'py, i64>,
    relevant: PyReadonlyArray1<'py, i32>,
    threads: usize,
) -> PyResult<[Bound<'py, PyArray1<i64>>; 3]> {
    let lists = Lists {
        ranked: ranked.as_slice()?,
        places: ranked.shape()[1],
        indptr: indptr.as_slice()?,
        relevant: relevant.as_slice()?,
        worth: &[],
    };
    let (users, scores) = (ranked.shape()[0], scores.as_slice()?);
    let (mut won, mut negatives, mut found) = (vec![0; users], vec![0; users], vec![0; users]);
    py.detach(|| {
        let out = Won { won: &mut won, negatives: &mut negatives, found: &mut found };
        metrics::count_won(lists, scores, out, threads);
    });
    Ok([won, negatives, found].map(|counts| counts.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(count_hits, m)?)?;
    m.add_function(wrap_pyfunction!(graded_ideals, m)?)?;
    m.add_function(wrap_pyfunction!(count_won, m)?)?;
    Ok(())
}
