//! Binding of `kernels::topk`.

use crate::check::{in_range, offsets, rows_in_use, vector};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::metrics::Pairs;
use tastespace_kernels::simd::Level;
use tastespace_kernels::topk::{Adjust, Exclude, PackedItems};

pub(crate) type Found<'py> = (Bound<'py, PyArray2<i32>>, Bound<'py, PyArray2<f32>>);

/// Item factors packed for scoring; immutable.
#[pyclass(frozen, module = "tastespace._native")]
struct Ranker(PackedItems);

fn user_slice<'a>(users: &'a PyReadonlyArray2<'_, f32>, k: usize) -> PyResult<(usize, usize, &'a [f32])> {
    let [count, stride] = [users.shape()[0], users.shape()[1]];
    if stride < k {
        return Err(PyValueError::new_err(format!("users have {stride} factors, items {k}")));
    }
    let values = users.as_slice().map_err(|_| PyValueError::new_err("users must be contiguous"))?;
    Ok((count, stride, values))
}

pub(crate) fn per_item<'a>(
    name: &str,
    array: Option<&'a PyReadonlyArray1<'_, f32>>,
    items: usize,
) -> PyResult<Option<&'a [f32]>> {
    let Some(array) = array else { return Ok(None) };
    let values = vector(name, array)?;
    if values.len() != items {
        return Err(PyValueError::new_err(format!("{name} holds {} values for {items} items", values.len())));
    }
    Ok(Some(values))
}

pub(crate) type Excluded<'py> =
    (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i32>, PyReadonlyArray1<'py, i32>);

/// The items that no user may get, checked for the rows in use.
pub(crate) fn excluded<'a>(
    given: Option<&'a Excluded<'_>>,
    count: usize,
    items: usize,
) -> PyResult<Option<Exclude<'a>>> {
    let Some((indptr, indices, rows)) = given else { return Ok(None) };
    let rows = vector("rows", rows)?;
    if rows.len() != count {
        return Err(PyValueError::new_err(format!("{} exclusion rows for {count} users", rows.len())));
    }
    let (indptr, indices) = rows_in_use(indptr, indices, rows, items)?;
    Ok(Some(Exclude { indptr, indices, rows }))
}

#[pymethods]
impl Ranker {
    #[new]
    fn new(
        py: Python<'_>,
        item_factors: PyReadonlyArray2<'_, f32>,
        factors: usize,
        item_bias: Option<PyReadonlyArray1<'_, f32>>,
    ) -> PyResult<Self> {
        let (items, stride, values) = user_slice(&item_factors, factors)?;
        let bias = per_item("item_bias", item_bias.as_ref(), items)?.unwrap_or(&[]);
        Ok(Self(py.detach(|| PackedItems::new(values, items, factors, stride, bias))))
    }

    /// The best `n` items of every user: (count, n) item rows padded with -1, and scores padded with -inf.
    #[pyo3(signature = (users, offset, n, threads, exclude=None, bias=None, positive=None, negative=None))]
    fn best<'py>(
        &self,
        py: Python<'py>,
        users: PyReadonlyArray2<'py, f32>,
        offset: PyReadonlyArray1<'py, f32>,
        n: usize,
        threads: usize,
        exclude: Option<Excluded<'py>>,
        bias: Option<PyReadonlyArray1<'py, f32>>,
        positive: Option<PyReadonlyArray1<'py, f32>>,
        negative: Option<PyReadonlyArray1<'py, f32>>,
    ) -> PyResult<Found<'py>> {
        let (count, stride, users) = user_slice(&users, self.0.factors())?;
        let items = self.0.items();
        let offset = vector("offset", &offset)?;
        if offset.len() != count {
            return Err(PyValueError::new_err(format!("{} offsets for {count} users", offset.len())));
        }
        let adjust = Adjust {
            bias: per_item("bias", bias.as_ref(), items)?,
            positive: per_item("positive", positive.as_ref(), items)?,
            negative: per_item("negative", negative.as_ref(), items)?,
        };
        let exclude = excluded(exclude.as_ref(), count, items)?;
        let mut found = vec![0i32; count * n];
        let mut scores = vec![0f32; count * n];
        py.detach(|| {
            self.0.best(
                Level::best(),
                threads,
                users,
                count,
                stride,
                offset,
                n,
                exclude,
                adjust,
                &mut found,
                &mut scores,
            );
        });
        Ok((
            PyArray1::from_vec(py, found).reshape([count, n])?,
            PyArray1::from_vec(py, scores).reshape([count, n])?,
        ))
    }

    /// Concordant pairs of each user (each counts two, a tied one one), items that are not relevant, items that are (-1
    /// where a score is not finite); over all items but the excluded ones.
    #[pyo3(signature = (users, offset, indptr, relevant, threads, exclude=None))]
    fn concordance<'py>(
        &self,
        py: Python<'py>,
        users: PyReadonlyArray2<'py, f32>,
        offset: PyReadonlyArray1<'py, f32>,
        indptr: PyReadonlyArray1<'py, i64>,
        relevant: PyReadonlyArray1<'py, i32>,
        threads: usize,
        exclude: Option<Excluded<'py>>,
    ) -> PyResult<[Bound<'py, PyArray1<i64>>; 3]> {
        let (count, stride, users) = user_slice(&users, self.0.factors())?;
        let (items, offset) = (self.0.items(), vector("offset", &offset)?);
        if offset.len() != count {
            return Err(PyValueError::new_err(format!("{} offsets for {count} users", offset.len())));
        }
        let relevant = vector("relevant", &relevant)?;
        let indptr = offsets("indptr", &indptr, count, relevant.len())?;
        in_range("relevant", &relevant[indptr[0] as usize..indptr[count] as usize], 0, items)?;
        let exclude = excluded(exclude.as_ref(), count, items)?;
        let (mut concordant, mut negatives, mut found) = (vec![0; count], vec![0; count], vec![0; count]);
        py.detach(|| {
            let out = Pairs { concordant: &mut concordant, negatives: &mut negatives, found: &mut found };
            self.0.concordance(Level::best(), threads, users, stride, offset, exclude, indptr, relevant, out);
        });
        Ok([concordant, negatives, found].map(|counts| counts.into_pyarray(py)))
    }

    /// The scores of all items for every user, (count, items), the same bits as `best` gives.
    fn scores<'py>(
        &self,
        py: Python<'py>,
        users: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (count, stride, users) = user_slice(&users, self.0.factors())?;
        let mut out = vec![0f32; count * self.0.items()];
        py.detach(|| self.0.scores(Level::best(), threads, users, stride, &mut out));
        PyArray1::from_vec(py, out).reshape([count, self.0.items()])
    }

    /// The scores of pairs, the same bits as `best` gives.
    fn pairs<'py>(
        &self,
        py: Python<'py>,
        users: PyReadonlyArray2<'py, f32>,
        user_rows: PyReadonlyArray1<'py, i32>,
        item_rows: PyReadonlyArray1<'py, i32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let (count, stride, users) = user_slice(&users, self.0.factors())?;
        let (user_rows, item_rows) = (vector("user_rows", &user_rows)?, vector("item_rows", &item_rows)?);
        if user_rows.len() != item_rows.len() {
            return Err(PyValueError::new_err("user_rows and item_rows must have the same length"));
        }
        in_range("user_rows", user_rows, 0, count)?;
        in_range("item_rows", item_rows, 0, self.0.items())?;
        let mut out = vec![0f32; user_rows.len()];
        py.detach(|| self.0.pairs(Level::best(), threads, users, stride, user_rows, item_rows, &mut out));
        Ok(PyArray1::from_vec(py, out))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Ranker>()
}
