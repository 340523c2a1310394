//! Binding of `kernels::metrics` and `kernels::faults`.

use crate::check::{count as counted, cutoffs as ascending, offsets, ranked as lists_of, table_mut, vector};
use numpy::{
    IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::faults;
use tastespace_kernels::metrics::{self, Hits, Lists, Pairs};

/// Scores of ranked lists, of the same shape.
fn scores_of<'a>(
    scores: &'a PyReadonlyArray2<'_, f32>,
    ranked: &PyReadonlyArray2<'_, i32>,
) -> PyResult<&'a [f32]> {
    if scores.shape() != ranked.shape() {
        return Err(PyValueError::new_err(format!(
            "scores of shape {:?} for lists of shape {:?}",
            scores.shape(),
            ranked.shape()
        )));
    }
    scores.as_slice().map_err(|_| PyValueError::new_err("scores must be contiguous"))
}

/// The first broken promise of the lists (users, places) of a model with so many items: what, user and place; None
/// where all are kept.
#[pyfunction]
fn first_fault(
    py: Python<'_>,
    ranked: PyReadonlyArray2<'_, i32>,
    scores: PyReadonlyArray2<'_, f32>,
    items: usize,
    threads: usize,
) -> PyResult<Option<(&'static str, usize, usize)>> {
    let ((_, places, rows), scores) = (lists_of(&ranked)?, scores_of(&scores, &ranked)?);
    let found = py.detach(|| faults::first_fault(rows, scores, places, items, threads));
    Ok(found.map(|(fault, user, place)| (fault.name(), user, place)))
}

/// Fill `count`, `first`, `gain`, `precision` and, where there are grades, `graded` (users, cut-offs) from `ranked`
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
    grades: Option<PyReadonlyArray1<'_, f32>>,
    mut graded: Option<PyReadwriteArray2<'_, f64>>,
    threads: usize,
) -> PyResult<()> {
    let (users, places, ranked) = lists_of(&ranked)?;
    ascending(&cutoffs)?;
    let (relevant, discounts) = (vector("relevant", &relevant)?, vector("discounts", &discounts)?);
    counted("discounts", discounts.len(), places)?;
    let lists = Lists {
        ranked,
        places,
        indptr: offsets("indptr", &indptr, users, relevant.len())?,
        relevant,
        grades: grades.as_ref().map_or(Ok(&[][..]), |grades| vector("grades", grades))?,
    };
    if grades.is_some() != graded.is_some() {
        return Err(PyValueError::new_err("grades and graded gains must be given together"));
    }
    if grades.is_some() {
        counted("grades", lists.grades.len(), relevant.len())?;
    }
    let width = cutoffs.len();
    let out = Hits {
        count: table_mut("count", &mut count, users, width)?,
        first: table_mut("first", &mut first, users, width)?,
        gain: table_mut("gain", &mut gain, users, width)?,
        precision: table_mut("precision", &mut precision, users, width)?,
        graded: graded
            .as_mut()
            .map_or(Ok(&mut [][..]), |graded| table_mut("graded", graded, users, width))?,
    };
    py.detach(|| metrics::count_hits(lists, &cutoffs, discounts, out, threads));
    Ok(())
}

/// Fill `out` (users, cut-offs) with the largest graded gains.
#[pyfunction]
fn graded_ideals(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    grades: PyReadonlyArray1<'_, f32>,
    cutoffs: Vec<usize>,
    discounts: PyReadonlyArray1<'_, f64>,
    mut out: PyReadwriteArray2<'_, f64>,
    threads: usize,
) -> PyResult<()> {
    ascending(&cutoffs)?;
    let (users, grades) = (out.shape()[0], vector("grades", &grades)?);
    let indptr = offsets("indptr", &indptr, users, grades.len())?;
    let longest = indptr.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    let discounts = vector("discounts", &discounts)?;
    if discounts.len() < longest.min(cutoffs[cutoffs.len() - 1]) {
        return Err(PyValueError::new_err(format!("{} discounts for {longest} places", discounts.len())));
    }
    let out = table_mut("out", &mut out, users, cutoffs.len())?;
    py.detach(|| metrics::graded_ideals(indptr, grades, &cutoffs, discounts, out, threads));
    Ok(())
}

/// Concordant pairs (each counts two, a tied one one), items that are not relevant, items that are; by whole rankings
/// (users, places) and their scores.
#[pyfunction]
fn count_concordant<'py>(
    py: Python<'py>,
    ranked: PyReadonlyArray2<'py, i32>,
    scores: PyReadonlyArray2<'py, f32>,
    indptr: PyReadonlyArray1<'py, i64>,
    relevant: PyReadonlyArray1<'py, i32>,
    threads: usize,
) -> PyResult<[Bound<'py, PyArray1<i64>>; 3]> {
    let ((users, places, rows), scores) = (lists_of(&ranked)?, scores_of(&scores, &ranked)?);
    let relevant = vector("relevant", &relevant)?;
    let indptr = offsets("indptr", &indptr, users, relevant.len())?;
    let lists = Lists { ranked: rows, places, indptr, relevant, grades: &[] };
    let (mut concordant, mut negatives, mut found) = (vec![0; users], vec![0; users], vec![0; users]);
    py.detach(|| {
        let out = Pairs { concordant: &mut concordant, negatives: &mut negatives, found: &mut found };
        metrics::count_concordant(lists, scores, out, threads);
    });
    Ok([concordant, negatives, found].map(|counts| counts.into_pyarray(py)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(first_fault, m)?)?;
    m.add_function(wrap_pyfunction!(count_hits, m)?)?;
    m.add_function(wrap_pyfunction!(graded_ideals, m)?)?;
    m.add_function(wrap_pyfunction!(count_concordant, m)?)?;
    Ok(())
}
