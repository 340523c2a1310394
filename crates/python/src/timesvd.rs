//! Binding of `kernels::timesvd`.

use crate::check::{count, csr, in_range, matrix_mut, vector};
use numpy::{PyReadonlyArray1, PyReadwriteArray1, PyReadwriteArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::simd::Level;
use tastespace_kernels::timesvd::{self, Events, Pace, Parameters, Settings};

type Matrix<'py> = PyReadwriteArray2<'py, f32>;
type Vector<'py> = PyReadwriteArray1<'py, f32>;

fn refuse<T>(message: &str) -> PyResult<T> {
    Err(PyValueError::new_err(message.to_owned()))
}

/// A factor matrix of so many rows of so many floats.
fn rows_of<'a>(name: &str, array: &'a mut Matrix<'_>, rows: usize, stride: usize) -> PyResult<&'a mut [f32]> {
    let (found, width, values) = matrix_mut(name, array)?;
    if (found, width) != (rows, stride) {
        return refuse(&format!("{name} must be of shape ({rows}, {stride}); got ({found}, {width})"));
    }
    Ok(values)
}

fn numbers<'a>(name: &str, array: &'a mut Vector<'_>, length: usize) -> PyResult<&'a mut [f32]> {
    let values = array.as_slice_mut().or_else(|_| refuse(&format!("{name} must be contiguous")))?;
    count(name, values.len(), length)?;
    Ok(values)
}

/// One epoch of gradient steps in place; returns the sum of the squared errors before each step, weights included.
///
/// `paces` are rate and penalty of factors, implicit factors, biases, bins, trend, slope, day biases and drift.
/// `factors` are those of users, items, the implicit sum, slopes and days, of which the last three may be None;
/// `biases` of users, their slopes, user days, items, bins (items x bins, in one row) and trends.
#[pyfunction]
#[allow(clippy::type_complexity)]
fn timesvd_epoch(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    values: PyReadonlyArray1<'_, f32>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    bins: PyReadonlyArray1<'_, i32>,
    days: PyReadonlyArray1<'_, i32>,
    deviations: (PyReadonlyArray1<'_, f32>, PyReadonlyArray1<'_, f32>),
    paces: [(f32, f32); 8],
    seed: u64,
    epoch: u32,
    factors: (Matrix<'_>, Matrix<'_>, Option<Matrix<'_>>, Option<Matrix<'_>>, Option<Matrix<'_>>),
    biases: (Vector<'_>, Vector<'_>, Vector<'_>, Vector<'_>, Vector<'_>, Vector<'_>),
    threads: usize,
) -> PyResult<f64> {
    let (mut users, mut items, mut implicit, mut drift, mut day_factors) = factors;
    let (mut user_bias, mut user_slope, mut day_bias, mut item_bias, mut bin_bias, mut item_trend) = biases;
    let (n_users, stride, users) = matrix_mut("users", &mut users)?;
    let (n_items, _, _) = matrix_mut("items", &mut items)?;
    let items = rows_of("items", &mut items, n_items, stride)?;
    let day_bias = day_bias.as_slice_mut().or_else(|_| refuse("day_bias must be contiguous"))?;
    let bin_bias = bin_bias.as_slice_mut().or_else(|_| refuse("bin_bias must be contiguous"))?;
    if n_items == 0 || !bin_bias.len().is_multiple_of(n_items) {
        return refuse("bin_bias must have as many entries for every item");
    }
    let n_bins = bin_bias.len() / n_items;

    let (indptr, indices) = csr(&indptr, &indices, n_users, n_items)?;
    let n = indices.len();
    let values = vector("values", &values)?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    let (bins, days) = (vector("bins", &bins)?, vector("days", &days)?);
    let (user_deviation, item_deviation) =
        (vector("user_deviation", &deviations.0)?, vector("item_deviation", &deviations.1)?);
    for (name, length) in [
        ("values", values.len()),
        ("weights", weights.map_or(n, <[f32]>::len)),
        ("bins", bins.len()),
        ("days", days.len()),
        ("user_deviation", user_deviation.len()),
        ("item_deviation", item_deviation.len()),
    ] {
        count(name, length, n)?;
    }
    in_range("bins", bins, 0, n_bins)?;
    in_range("days", days, 0, day_bias.len())?;
    let events = Events { indptr, indices, values, weights, bins, days, user_deviation, item_deviation };
    if !timesvd::days_apart(events, day_bias.len()) {
        return refuse("days must belong to one user each");
    }

    let n_days = day_bias.len();
    let parameters = Parameters {
        users,
        items,
        implicit: implicit.as_mut().map(|x| rows_of("implicit", x, n_items, stride)).transpose()?,
        drift: drift.as_mut().map(|x| rows_of("drift", x, n_users, stride)).transpose()?,
        day_factors: day_factors.as_mut().map(|x| rows_of("day_factors", x, n_days, stride)).transpose()?,
        user_bias: numbers("user_bias", &mut user_bias, n_users)?,
        user_slope: numbers("user_slope", &mut user_slope, n_users)?,
        day_bias,
        item_bias: numbers("item_bias", &mut item_bias, n_items)?,
        bin_bias,
        item_trend: numbers("item_trend", &mut item_trend, n_items)?,
        stride,
    };
    let [factors, implicit, biases, bins, trend, slope, day, drift] =
        paces.map(|(rate, penalty)| Pace { rate, penalty });
    let settings = Settings {
        factors,
        implicit,
        biases,
        item_time: [bins, trend],
        user_time: [slope, day],
        drift,
        seed,
    };
    Ok(py.detach(|| timesvd::epoch(Level::best(), threads, events, settings, epoch, parameters)))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(timesvd_epoch, m)?)
}
