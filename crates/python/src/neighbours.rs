//! Binding of `kernels::neighbours`.

use crate::check::{in_range, vector};
use crate::topk::{Excluded, Found, excluded, per_item};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::neighbours::{Matrix, Query, Rows, Scorer as Kernel, Share};
use tastespace_kernels::simd::Level;
use tastespace_kernels::topk::Adjust;

/// Compressed rows as they come: offsets, columns, values (None: all 1).
type Table<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i32>>, Option<Bound<'py, PyArray1<f32>>>);

enum Held {
    Dense(Py<PyArray2<f32>>),
    Sparse(Py<PyArray1<i64>>, Py<PyArray1<i32>>, Option<Py<PyArray1<f32>>>),
}

/// A matrix whose rows are summed into scores; holds the arrays that it was given.
#[pyclass(frozen, module = "tastespace._native")]
struct Scorer {
    matrix: Held,
    rows: usize,
    bias: Vec<f32>,
    share: Share,
    damping: f32,
}

/// Users: compressed rows over the rows of the matrix, which of them ask, and an offset for each that asks.
type Asking<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i32>,
    Option<PyReadonlyArray1<'py, f32>>,
    PyReadonlyArray1<'py, i32>,
    PyReadonlyArray1<'py, f32>,
);

fn query<'a>(asking: &'a Asking<'_>, rows: usize) -> PyResult<Query<'a>> {
    let (indptr, indices) = (vector("indptr", &asking.0)?, vector("indices", &asking.1)?);
    let values = asking.2.as_ref().map(|values| vector("values", values)).transpose()?;
    let (asked, offset) = (vector("rows", &asking.3)?, vector("offset", &asking.4)?);
    if offset.len() != asked.len() || values.is_some_and(|values| values.len() != indices.len()) {
        return Err(PyValueError::new_err("every row needs an offset, and every cell a value"));
    }
    in_range("rows", asked, 0, indptr.len().saturating_sub(1))?;
    for &row in asked {
        let (from, to) = (indptr[row as usize], indptr[row as usize + 1]);
        let cells = usize::try_from(from).ok().zip(usize::try_from(to).ok());
        let Some(cells) = cells.and_then(|(from, to)| indices.get(from..to)) else {
            return Err(PyValueError::new_err("indptr points outside indices"));
        };
        in_range("indices", cells, 0, rows)?;
    }
    Ok(Query { x: Rows { indptr, indices, values }, rows: asked, offset })
}

impl Scorer {
    /// Calls `work` with the kernel and without the GIL.
    fn with<R: Send>(&self, py: Python<'_>, work: impl FnOnce(Kernel<'_>) -> R + Send) -> PyResult<R> {
        let kernel = |matrix| Kernel {
            matrix,
            items: self.bias.len(),
            bias: &self.bias,
            share: self.share,
            damping: self.damping,
        };
        Ok(match &self.matrix {
            Held::Dense(values) => {
                let values = values.bind(py).readonly();
                let values = values.as_slice()?;
                py.detach(|| work(kernel(Matrix::Dense(values))))
            }
            Held::Sparse(indptr, indices, values) => {
                let (indptr, indices) = (indptr.bind(py).readonly(), indices.bind(py).readonly());
                let values = values.as_ref().map(|values| values.bind(py).readonly());
                let rows = Rows {
                    indptr: indptr.as_slice()?,
                    indices: indices.as_slice()?,
                    values: values.as_ref().map(|values| values.as_slice()).transpose()?,
                };
                py.detach(|| work(kernel(Matrix::Sparse(rows))))
            }
        })
    }
}

#[pymethods]
impl Scorer {
    #[new]
    #[pyo3(signature = (dense, sparse, bias, share, damping))]
    fn new(
        dense: Option<Bound<'_, PyArray2<f32>>>,
        sparse: Option<Table<'_>>,
        bias: PyReadonlyArray1<'_, f32>,
        share: &str,
        damping: f32,
    ) -> PyResult<Self> {
        let bias = vector("bias", &bias)?.to_vec();
        let share = match share {
            "none" => Share::None,
            "matrix" => Share::Matrix,
            "query" => Share::Query,
            other => return Err(PyValueError::new_err(format!("unknown share: {other}"))),
        };
        let (matrix, rows) = match (dense, sparse) {
            (Some(values), None) => {
                let [rows, columns] = [values.shape()[0], values.shape()[1]];
                if columns != bias.len() || !values.is_c_contiguous() {
                    return Err(PyValueError::new_err(
                        "dense must be contiguous, with a column for each bias",
                    ));
                }
                (Held::Dense(values.unbind()), rows)
            }
            (None, Some((indptr, indices, values))) => {
                let rows = indptr.len().saturating_sub(1);
                crate::check::csr(&indptr.readonly(), &indices.readonly(), rows, bias.len())?;
                if values.as_ref().is_some_and(|values| values.len() != indices.len()) {
                    return Err(PyValueError::new_err("values and indices must have the same length"));
                }
                (Held::Sparse(indptr.unbind(), indices.unbind(), values.map(Bound::unbind)), rows)
            }
            _ => return Err(PyValueError::new_err("give one of dense and sparse")),
        };
        Ok(Self { matrix, rows, bias, share, damping })
    }

    /// The best `n` items of every user: (users, n) item rows padded with -1, and scores padded with -inf.
    #[pyo3(signature = (asking, n, threads, exclude=None, bias=None, positive=None, negative=None))]
    fn best<'py>(
        &self,
        py: Python<'py>,
        asking: Asking<'py>,
        n: usize,
        threads: usize,
        exclude: Option<Excluded<'py>>,
        bias: Option<PyReadonlyArray1<'py, f32>>,
        positive: Option<PyReadonlyArray1<'py, f32>>,
        negative: Option<PyReadonlyArray1<'py, f32>>,
    ) -> PyResult<Found<'py>> {
        let items = self.bias.len();
        let query = query(&asking, self.rows)?;
        let count = query.rows.len();
        let adjust = Adjust {
            bias: per_item("bias", bias.as_ref(), items)?,
            positive: per_item("positive", positive.as_ref(), items)?,
            negative: per_item("negative", negative.as_ref(), items)?,
        };
        let exclude = excluded(exclude.as_ref(), count, items)?;
        let mut found = vec![0i32; count * n];
        let mut scores = vec![0f32; count * n];
        self.with(py, |kernel| {
            kernel.best(Level::best(), threads, query, n, exclude, adjust, &mut found, &mut scores);
        })?;
        Ok((
            PyArray1::from_vec(py, found).reshape([count, n])?,
            PyArray1::from_vec(py, scores).reshape([count, n])?,
        ))
    }

    /// The scores of all items for every user that asks, (users, items), the same bits as `best` gives.
    fn scores<'py>(
        &self,
        py: Python<'py>,
        asking: Asking<'py>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let query = query(&asking, self.rows)?;
        let (count, items) = (query.rows.len(), self.bias.len());
        let mut out = vec![0f32; count * items];
        self.with(py, |kernel| kernel.scores(Level::best(), threads, query, &mut out))?;
        PyArray1::from_vec(py, out).reshape([count, items])
    }

    /// The scores of pairs of a user that asks and an item, the same bits as `best` gives.
    fn pairs<'py>(
        &self,
        py: Python<'py>,
        asking: Asking<'py>,
        users: PyReadonlyArray1<'py, i32>,
        items: PyReadonlyArray1<'py, i32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let query = query(&asking, self.rows)?;
        let (users, items) = (vector("users", &users)?, vector("items", &items)?);
        if users.len() != items.len() {
            return Err(PyValueError::new_err("users and items must have the same length"));
        }
        in_range("users", users, 0, query.rows.len())?;
        in_range("items", items, 0, self.bias.len())?;
        let mut out = vec![0f32; users.len()];
        self.with(py, |kernel| kernel.pairs(Level::best(), threads, query, users, items, &mut out))?;
        Ok(PyArray1::from_vec(py, out))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Scorer>()
}
