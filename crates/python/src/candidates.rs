//! Binding of `kernels::candidates` and `kernels::held_out`.

use crate::check::{count as counted, csr, in_range, offsets, rows_in_use, vector};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::candidates::{self, Rows, Sample};
use tastespace_kernels::held_out::{self, Counts, Held};

type Ints<'py> = Bound<'py, PyArray1<i64>>;
type Floats<'py> = Bound<'py, PyArray1<f32>>;
type Items<'py> = Bound<'py, PyArray1<i32>>;

/// Offsets, items and values of the wanted events; and of each user the events that are wanted, known, and both.
#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn gather_events<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    values: Option<PyReadonlyArray1<'py, f32>>,
    user_rows: PyReadonlyArray1<'py, i32>,
    item_rows: PyReadonlyArray1<'py, i32>,
    chosen: Option<PyReadonlyArray1<'py, bool>>,
    keep_cold: bool,
    with_values: bool,
    threads: usize,
) -> PyResult<(Ints<'py>, Items<'py>, Floats<'py>, Ints<'py>, Ints<'py>, Ints<'py>)> {
    let (user_rows, item_rows) = (vector("user_rows", &user_rows)?, vector("item_rows", &item_rows)?);
    let (indptr, indices) = csr(&indptr, &indices, user_rows.len(), item_rows.len())?;
    let values = values.as_ref().map(|values| vector("values", values)).transpose()?;
    let chosen = chosen.as_ref().map(|chosen| vector("chosen", chosen)).transpose()?;
    counted("values", values.map_or(indices.len(), <[_]>::len), indices.len())?;
    counted("chosen", chosen.map_or(indices.len(), <[_]>::len), indices.len())?;
    let held = Held { indptr, indices, values, user_rows, item_rows, chosen, keep_cold };
    let users = held.indptr.len() - 1;
    let (mut chosen, mut known, mut both) = (vec![0; users], vec![0; users], vec![0; users]);
    let (offsets, items, values) = py.detach(|| {
        let counts = Counts { chosen: &mut chosen, known: &mut known, both: &mut both };
        let offsets = held_out::count(held, counts, threads);
        let total = offsets[users] as usize;
        let mut items = vec![0; total];
        let mut values = vec![0.0; if with_values { total } else { 0 }];
        held_out::gather(held, &offsets, &mut items, &mut values, threads);
        (offsets, items, values)
    });
    Ok((
        offsets.into_pyarray(py),
        items.into_pyarray(py),
        values.into_pyarray(py),
        chosen.into_pyarray(py),
        known.into_pyarray(py),
        both.into_pyarray(py),
    ))
}

/// Which pairs (`users[u]`, item of row u) occur in the other matrix; nothing does of negative users.
#[pyfunction]
fn common_events<'py>(
    py: Python<'py>,
    users: PyReadonlyArray1<'py, i32>,
    indptr: PyReadonlyArray1<'py, i64>,
    indices: PyReadonlyArray1<'py, i32>,
    known_indptr: PyReadonlyArray1<'py, i64>,
    known: PyReadonlyArray1<'py, i32>,
    threads: usize,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let (users, indices) = (vector("users", &users)?, vector("indices", &indices)?);
    let indptr = offsets("indptr", &indptr, users.len(), indices.len())?;
    let (known_indptr, known) = rows_in_use(&known_indptr, &known, users, usize::MAX)?;
    let mut out = vec![false; indices.len()];
    py.detach(|| held_out::common(users, indptr, indices, known_indptr, known, &mut out, threads));
    Ok(out.into_pyarray(py))
}

type Table<'py> = (PyReadonlyArray1<'py, i64>, PyReadonlyArray1<'py, i32>);

/// A table of one row for each user.
fn rows<'a>(table: &'a Table<'_>, users: usize, items: usize) -> PyResult<Rows<'a>> {
    let indices = vector("indices", &table.1)?;
    let indptr = offsets("indptr", &table.0, users, indices.len())?;
    in_range("indices", indices, 0, items)?;
    Ok(Rows { indptr, indices })
}

/// Offsets and items of each user's candidates, and how many of them were drawn.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn sample_candidates<'py>(
    py: Python<'py>,
    seed: u64,
    keys: PyReadonlyArray1<'py, i32>,
    items: usize,
    negatives: usize,
    weights: Option<PyReadonlyArray1<'py, u64>>,
    user_rows: PyReadonlyArray1<'py, i32>,
    seen: Option<Table<'py>>,
    tested: Table<'py>,
    relevant: Table<'py>,
    exclude_seen: bool,
    threads: usize,
) -> PyResult<(Ints<'py>, Items<'py>, Ints<'py>)> {
    let (keys, user_rows) = (vector("keys", &keys)?, vector("user_rows", &user_rows)?);
    counted("user_rows", user_rows.len(), keys.len())?;
    let weights = weights.as_ref().map(|weights| vector("weights", weights)).transpose()?;
    if let Some(weights) = weights {
        counted("weights", weights.len(), items)?;
        if !weights.is_sorted() {
            return Err(PyValueError::new_err("weights must be running sums, which ascend"));
        }
    }
    let seen = match &seen {
        None => None,
        Some((indptr, indices)) => {
            let (indptr, indices) = rows_in_use(indptr, indices, user_rows, items)?;
            Some(Rows { indptr, indices })
        }
    };
    let sample = Sample {
        seed,
        keys,
        items,
        negatives,
        weights,
        rows: user_rows,
        seen,
        tested: rows(&tested, keys.len(), items)?,
        relevant: rows(&relevant, keys.len(), items)?,
        exclude_seen,
    };
    let drawn = py.detach(|| candidates::sample(sample, threads));
    Ok((drawn.indptr.into_pyarray(py), drawn.items.into_pyarray(py), drawn.drawn.into_pyarray(py)))
}

type Ranked<'py> = (Bound<'py, PyArray2<i32>>, Bound<'py, PyArray2<f32>>);

/// The best `places` of each user's candidates: (users, places) item rows padded with -1, scores padded with -inf.
#[pyfunction]
fn rank_candidates<'py>(
    py: Python<'py>,
    indptr: PyReadonlyArray1<'py, i64>,
    items: PyReadonlyArray1<'py, i32>,
    scores: PyReadonlyArray1<'py, f32>,
    places: usize,
    threads: usize,
) -> PyResult<Ranked<'py>> {
    let (items, scores) = (vector("items", &items)?, vector("scores", &scores)?);
    let users = vector("indptr", &indptr)?.len().saturating_sub(1);
    let indptr = offsets("indptr", &indptr, users, i64::MAX as usize)?;
    counted("items", items.len(), (indptr[users] - indptr[0]) as usize)?;
    counted("scores", scores.len(), items.len())?;
    let candidates = Rows { indptr, indices: items };
    let (mut ranked, mut best) = (vec![0; users * places], vec![0.0; users * places]);
    py.detach(|| candidates::rank(candidates, scores, places, &mut ranked, &mut best, threads));
    Ok((
        PyArray1::from_vec(py, ranked).reshape([users, places])?,
        PyArray1::from_vec(py, best).reshape([users, places])?,
    ))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(gather_events, m)?)?;
    m.add_function(wrap_pyfunction!(common_events, m)?)?;
    m.add_function(wrap_pyfunction!(sample_candidates, m)?)?;
    m.add_function(wrap_pyfunction!(rank_candidates, m)?)?;
    Ok(())
}
