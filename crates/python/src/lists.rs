//! Binding of `kernels::lists` and `kernels::audiences`.

use crate::check::{
    count as counted, csr, cutoffs as ascending, in_range, offsets, ranked as lists_of, rows_in_use,
    table_mut, vector,
};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::sync::OnceLock;
use tastespace_kernels::audiences::{self, Memory};
use tastespace_kernels::lists::{self, Known};
use tastespace_kernels::metrics::Lists;

/// Add to `counts` (cut-offs, items) how often each item of `ranked` (users, places) stands between two cut-offs.
#[pyfunction]
fn count_recommended(
    py: Python<'_>,
    ranked: PyReadonlyArray2<'_, i32>,
    cutoffs: Vec<usize>,
    mut counts: PyReadwriteArray2<'_, i64>,
) -> PyResult<()> {
    let ((_, places, ranked), items) = (lists_of(&ranked)?, counts.shape()[1]);
    ascending(&cutoffs)?;
    in_range("ranked", ranked, -1, items)?;
    let counts = table_mut("counts", &mut counts, cutoffs.len(), items)?;
    py.detach(|| lists::count_recommended(ranked, places, &cutoffs, items, counts));
    Ok(())
}

/// Fill `out` (users, cut-offs) with means of `values` (items,) over the lists `ranked` (users, places).
#[pyfunction]
fn list_means(
    py: Python<'_>,
    ranked: PyReadonlyArray2<'_, i32>,
    cutoffs: Vec<usize>,
    values: PyReadonlyArray1<'_, f64>,
    mut out: PyReadwriteArray2<'_, f64>,
    threads: usize,
) -> PyResult<()> {
    let ((users, places, ranked), values) = (lists_of(&ranked)?, vector("values", &values)?);
    ascending(&cutoffs)?;
    in_range("ranked", ranked, -1, values.len())?;
    let out = table_mut("out", &mut out, users, cutoffs.len())?;
    py.detach(|| lists::list_means(ranked, places, &cutoffs, values, out, threads));
    Ok(())
}

/// Fill `count` (users, cut-offs) with the hits that are not among the most popular items unknown to the user.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn count_unexpected(
    py: Python<'_>,
    ranked: PyReadonlyArray2<'_, i32>,
    indptr: PyReadonlyArray1<'_, i64>,
    relevant: PyReadonlyArray1<'_, i32>,
    order: PyReadonlyArray1<'_, i32>,
    users: PyReadonlyArray1<'_, i32>,
    known_indptr: PyReadonlyArray1<'_, i64>,
    known: PyReadonlyArray1<'_, i32>,
    cutoffs: Vec<usize>,
    mut count: PyReadwriteArray2<'_, i32>,
    threads: usize,
) -> PyResult<()> {
    let ((rows, places, ranked), order) = (lists_of(&ranked)?, vector("order", &order)?);
    let (users, relevant) = (vector("users", &users)?, vector("relevant", &relevant)?);
    ascending(&cutoffs)?;
    counted("users", users.len(), rows)?;
    in_range("ranked", ranked, -1, order.len())?;
    in_range("order", order, 0, order.len())?;
    let indptr = offsets("indptr", &indptr, rows, relevant.len())?;
    let lists = Lists { ranked, places, indptr, relevant, grades: &[] };
    let (known_indptr, known) = rows_in_use(&known_indptr, &known, users, order.len())?;
    let known = Known { order, users, indptr: known_indptr, items: known };
    let count = table_mut("count", &mut count, rows, cutoffs.len())?;
    py.detach(|| lists::count_unexpected(lists, known, &cutoffs, count, threads));
    Ok(())
}

/// The users of every item, and the counts of common users that were asked for before.
#[pyclass(frozen, module = "tastespace._native")]
struct Audiences {
    audiences: audiences::Audiences,
    memory: OnceLock<Memory>,
}

#[pymethods]
impl Audiences {
    #[new]
    fn new(
        py: Python<'_>,
        indptr: PyReadonlyArray1<'_, i64>,
        indices: PyReadonlyArray1<'_, i32>,
        items: usize,
    ) -> PyResult<Self> {
        let users = vector("indptr", &indptr)?.len().saturating_sub(1);
        let (indptr, indices) = csr(&indptr, &indices, users, items)?;
        let audiences = py.detach(|| audiences::Audiences::new(items, indptr, indices));
        Ok(Self { audiences, memory: OnceLock::new() })
    }

    /// Fill `out` (users, cut-offs) with the diversity of the lists `ranked` (users, places), of which there will be
    /// `lists` in all calls together.
    fn diversity(
        &self,
        py: Python<'_>,
        ranked: PyReadonlyArray2<'_, i32>,
        cutoffs: Vec<usize>,
        lists: usize,
        mut out: PyReadwriteArray2<'_, f64>,
        threads: usize,
    ) -> PyResult<()> {
        let (users, places, ranked) = lists_of(&ranked)?;
        ascending(&cutoffs)?;
        in_range("ranked", ranked, -1, self.audiences.items())?;
        let out = table_mut("out", &mut out, users, cutoffs.len())?;
        py.detach(|| {
            let memory = self.memory.get_or_init(|| self.audiences.memory(lists, places));
            self.audiences.diversity(ranked, places, &cutoffs, memory, out, threads);
        });
        Ok(())
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Audiences>()?;
    m.add_function(wrap_pyfunction!(count_recommended, m)?)?;
    m.add_function(wrap_pyfunction!(list_means, m)?)?;
    m.add_function(wrap_pyfunction!(count_unexpected, m)?)?;
    Ok(())
}
