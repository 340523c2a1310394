//! Binding of `kernels::pairs`.

use crate::check::{count, csr, in_range, vector};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::pairs::{self, Above, Window};

type Cells<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i32>>, Bound<'py, PyArray1<f32>>);

/// Baskets of items, prepared for counting which of them meet.
#[pyclass(frozen)]
struct Pairs(pairs::Pairs);

/// Numbers above 0 for each item: what divides counts must not make them infinite.
fn positive<'a>(name: &str, array: &'a PyReadonlyArray1<'_, f64>, items: usize) -> PyResult<&'a [f64]> {
    let values = vector(name, array)?;
    count(name, values.len(), items)?;
    if values.iter().all(|&value| value > 0.0) {
        return Ok(values);
    }
    Err(PyValueError::new_err(format!("{name} must be above 0")))
}

#[pymethods]
impl Pairs {
    /// `seconds` or `events` say how far apart the items of a pair may be, by `times`; neither: not at all limited.
    #[new]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        indptr: PyReadonlyArray1<'_, i64>,
        indices: PyReadonlyArray1<'_, i32>,
        times: Option<PyReadonlyArray1<'_, i64>>,
        items: usize,
        seconds: Option<i64>,
        events: Option<usize>,
        scaling: f64,
        threads: usize,
    ) -> PyResult<Self> {
        let baskets = vector("indptr", &indptr)?.len().saturating_sub(1);
        let (indptr, indices) = csr(&indptr, &indices, baskets, items)?;
        let times = times.as_ref().map(|times| vector("times", times)).transpose()?;
        let window = match (seconds, events) {
            (None, None) => Window::Whole,
            (Some(most), None) => Window::Seconds(most),
            (None, Some(most)) => Window::Events(most),
            (Some(_), Some(_)) => {
                return Err(PyValueError::new_err("a window has seconds or events, not both"));
            }
        };
        if window != Window::Whole {
            count("times", times.map_or(0, <[i64]>::len), indices.len())?;
        }
        py.detach(|| {
            pairs::Pairs::new(threads, items, indptr, indices, times.unwrap_or(&[]), window, scaling)
        })
        .map(Self)
        .map_err(|_| PyValueError::new_err("there are 2^32 events or more"))
    }

    /// What the pairs of each item count together, float64 (items,), each as often as both items are kept.
    fn margins<'py>(
        &self,
        py: Python<'py>,
        keep: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let keep = positive("keep", &keep, self.0.items())?;
        let mut out = vec![0.0; self.0.items()];
        py.detach(|| self.0.margins(keep, &mut out));
        Ok(out.into_pyarray(py))
    }

    /// Rows of the cells `m / (m + shrinkage) ln(n_ij / (words_i contexts_j)) > 0`: offsets, columns, values.
    fn rows<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray1<'_, i32>,
        words: PyReadonlyArray1<'_, f64>,
        contexts: PyReadonlyArray1<'_, f64>,
        shrinkage: f64,
        threads: usize,
    ) -> PyResult<Cells<'py>> {
        let items = self.0.items();
        let rows = vector("rows", &rows)?;
        in_range("rows", rows, 0, items)?;
        let (words, contexts) = (positive("words", &words, items)?, positive("contexts", &contexts, items)?);
        let found = py.detach(|| self.0.rows(threads, rows, Above { words, contexts, shrinkage }));
        Ok((found.indptr.into_pyarray(py), found.columns.into_pyarray(py), found.values.into_pyarray(py)))
    }

    /// How many cells `rows` gives.
    fn count(
        &self,
        py: Python<'_>,
        rows: PyReadonlyArray1<'_, i32>,
        words: PyReadonlyArray1<'_, f64>,
        contexts: PyReadonlyArray1<'_, f64>,
        shrinkage: f64,
        threads: usize,
    ) -> PyResult<usize> {
        let items = self.0.items();
        let rows = vector("rows", &rows)?;
        in_range("rows", rows, 0, items)?;
        let (words, contexts) = (positive("words", &words, items)?, positive("contexts", &contexts, items)?);
        Ok(py.detach(|| self.0.count(threads, rows, Above { words, contexts, shrinkage })))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Pairs>()
}
