//! Binding of `kernels::svdpp`.

use crate::check::{csr, matrix, matrix_mut, vector};
use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray1,
    PyReadwriteArray2,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::simd::Level;
use tastespace_kernels::svdpp::plan::Plan;
use tastespace_kernels::svdpp::{self, Group, Parameters, Ratings, Sets, Settings};

fn refuse<T>(message: &str) -> PyResult<T> {
    Err(PyValueError::new_err(message.to_owned()))
}

/// Offsets and columns of the set of every row, where these are not its ratings.
type Table<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i32>);

/// The sets of a table with so many rows and columns, checked.
fn sets_of<'a>((indptr, indices): &'a Table<'_>, rows: usize, columns: usize) -> PyResult<Sets<'a>> {
    let (indptr, indices) = csr(indptr, indices, rows, columns)?;
    Ok(Sets { indptr, indices })
}

/// The rows of a table of ratings in batches, made once for all passes over it.
#[pyclass(frozen, module = "tastespace._native")]
struct SvdppPlan(Plan);

#[pymethods]
impl SvdppPlan {
    #[new]
    fn new(
        py: Python<'_>,
        indptr: PyReadonlyArray1<'_, i64>,
        indices: PyReadonlyArray1<'_, i32>,
        sets: Option<Table<'_>>,
        columns: usize,
        size: usize,
        seed: u64,
        threads: usize,
    ) -> PyResult<Self> {
        let rows = vector("indptr", &indptr)?.len().saturating_sub(1);
        let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
        let rated = Sets { indptr, indices };
        let sets = sets.as_ref().map(|sets| sets_of(sets, rows, columns)).transpose()?;
        if !(1..=usize::from(u16::MAX)).contains(&size) {
            return refuse("size must be in 1..=65535");
        }
        Ok(Self(py.detach(|| Plan::new(threads, rated, sets, columns, size, seed))))
    }

    /// One pass in place; returns the weighted sum of squared errors, each before its step.
    ///
    /// `groups` are rate and penalty of the rows, the columns, the implicit vectors and the biases.
    fn epoch(
        &self,
        py: Python<'_>,
        indptr: PyReadonlyArray1<'_, i64>,
        indices: PyReadonlyArray1<'_, i32>,
        values: PyReadonlyArray1<'_, f32>,
        weights: Option<PyReadonlyArray1<'_, f32>>,
        sets: Option<Table<'_>>,
        mean: f32,
        groups: [(f32, f32); 4],
        seed: u64,
        epoch: u32,
        mut rows: PyReadwriteArray2<'_, f32>,
        mut columns: PyReadwriteArray2<'_, f32>,
        fixed: Option<PyReadonlyArray2<'_, f32>>,
        mut implicit: PyReadwriteArray2<'_, f32>,
        mut row_bias: PyReadwriteArray1<'_, f32>,
        mut column_bias: PyReadwriteArray1<'_, f32>,
        threads: usize,
    ) -> PyResult<f64> {
        let (n_rows, stride, rows) = matrix_mut("rows", &mut rows)?;
        let (n_columns, width, columns) = matrix_mut("columns", &mut columns)?;
        let (n_implicit, depth, implicit) = matrix_mut("implicit", &mut implicit)?;
        let fixed = fixed.as_ref().map(|fixed| matrix("fixed", fixed)).transpose()?;
        let shape = (n_columns, stride);
        if width != stride
            || (n_implicit, depth) != shape
            || fixed.is_some_and(|(n, width, _)| (n, width) != shape)
            || n_columns != self.0.columns
        {
            return refuse("rows, columns, fixed and implicit must fit each other and the plan");
        }
        let (indptr, indices) = csr(&indptr, &indices, n_rows, n_columns)?;
        let (values, weights) = (vector("values", &values)?, weights.as_ref());
        let weights = weights.map(|weights| vector("weights", weights)).transpose()?;
        let ratings = Ratings { indptr, indices, values, weights };
        let sets = sets.as_ref().map(|sets| sets_of(sets, n_rows, n_columns)).transpose()?;
        if sets.is_some() != self.0.apart() || !self.0.fits(ratings, sets.unwrap_or(ratings.sets())) {
            return refuse("the plan was made of other tables");
        }
        let row_bias = row_bias.as_slice_mut().or_else(|_| refuse("row_bias must be contiguous"))?;
        let column_bias = column_bias.as_slice_mut().or_else(|_| refuse("column_bias must be contiguous"))?;
        if (row_bias.len(), column_bias.len()) != (n_rows, n_columns) {
            return refuse("biases must have one value for each row");
        }
        let [row, column, group, bias] = groups.map(|(rate, penalty)| Group { rate, penalty });
        let settings = Settings { mean, row, column, implicit: group, bias, seed, epoch };
        let fixed = fixed.map(|(_, _, fixed)| fixed);
        let parameters = Parameters { rows, columns, fixed, implicit, row_bias, column_bias, stride };
        let sets = sets.unwrap_or(ratings.sets());
        Ok(py.detach(|| svdpp::epoch(Level::best(), threads, &self.0, ratings, sets, settings, parameters)))
    }
}

/// `|N|^-1/2` times the sum of the implicit vectors of every row's set N, (rows, stride).
#[pyfunction]
fn svdpp_sums<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    implicit: PyReadonlyArray2<'py, f32>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (columns, stride, implicit) = matrix("implicit", &implicit)?;
    let rows = vector("indptr", &indptr)?.len().saturating_sub(1);
    let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
    let mut out = vec![0.0f32; rows * stride];
    let sets = Sets { indptr, indices };
    py.detach(|| svdpp::sums(Level::best(), threads, sets, implicit, stride, &mut out));
    PyArray1::from_vec(py, out).reshape([rows, stride])
}

/// The ratings less what `sums`, (rows, stride), already say of their columns, (columns, stride).
#[pyfunction]
fn svdpp_targets<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    values: PyReadonlyArray1<'py, f32>,
    sums: PyReadonlyArray2<'py, f32>,
    columns: PyReadonlyArray2<'py, f32>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let (rows, stride, sums) = matrix("sums", &sums)?;
    let (n_columns, width, columns) = matrix("columns", &columns)?;
    let (indptr, indices) = csr(&indptr, &indices, rows, n_columns)?;
    let values = vector("values", &values)?;
    if width != stride || values.len() != indices.len() {
        return refuse("sums and columns must have rows of one length, and values one for each event");
    }
    let ratings = Ratings { indptr, indices, values, weights: None };
    let mut out = vec![0.0f32; values.len()];
    py.detach(|| svdpp::targets(Level::best(), threads, ratings, sums, columns, stride, &mut out));
    Ok(PyArray1::from_vec(py, out))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<SvdppPlan>()?;
    m.add_function(wrap_pyfunction!(svdpp_sums, m)?)?;
    m.add_function(wrap_pyfunction!(svdpp_targets, m)?)
}
