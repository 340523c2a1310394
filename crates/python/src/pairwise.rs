//! Binding of `kernels::pairwise`.

use crate::check::{csr, matrix, matrix_mut, vector};
use numpy::{PyReadonlyArray1, PyReadonlyArray2, PyReadwriteArray1, PyReadwriteArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::pairwise::rows::{self, Problem};
use tastespace_kernels::pairwise::{self, Events, Loss, Parameters, Settings};
use tastespace_kernels::simd::Level;

fn refuse<T>(message: &str) -> PyResult<T> {
    Err(PyValueError::new_err(message.to_owned()))
}

/// `counts` are (candidates) of "bpr", (trials, positives, which of them) of "warp", (negatives) of "logistic".
fn loss_of(name: &str, counts: &[u32], mean: f32) -> PyResult<Loss> {
    if counts.contains(&0) {
        return refuse("counts must be above 0");
    }
    match *counts {
        [candidates] if name == "bpr" => Ok(Loss::Bpr { candidates }),
        [trials, count, which] if name == "warp" && which <= count => {
            Ok(Loss::Warp { trials, positives: (count, which) })
        }
        [negatives] if name == "logistic" => Ok(Loss::Logistic { negatives, mean }),
        _ => refuse("no such loss with such counts"),
    }
}

fn check_popularity(popularity: Option<&[f64]>) -> PyResult<()> {
    let usable = |p: &[f64]| p.iter().all(|&p| p >= 0.0 && p.is_finite()) && p.iter().any(|&p| p > 0.0);
    match popularity {
        Some(popularity) if !usable(popularity) => {
            refuse("popularity must be finite and not below 0, and not all 0")
        }
        _ => Ok(()),
    }
}

/// What both functions read: one weight for each event, one popularity and one bias for each item, one bias for a user.
fn check_lengths(
    events: Events<'_>,
    popularity: Option<&[f64]>,
    (user_bias, users): (&[f32], usize),
    item_bias: &[f32],
) -> PyResult<()> {
    if events.weights.is_some_and(|w| w.len() != events.indices.len())
        || popularity.is_some_and(|p| p.len() != events.items)
        || (user_bias.len(), item_bias.len()) != (users, events.items)
    {
        return refuse("weights, popularity and biases must have one value for each event, item or row");
    }
    check_popularity(popularity)
}

/// One epoch of gradient steps in place; returns the sum of losses where `measured`, else 0.
///
/// `penalties` are those of users, seen items, unseen items and biases; without biases the last is None.
#[pyfunction]
fn pairwise_epoch(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    popularity: Option<PyReadonlyArray1<'_, f64>>,
    loss: &str,
    counts: Vec<u32>,
    mean: f32,
    checked: bool,
    rate: f32,
    penalties: (f32, f32, f32, Option<f32>),
    seed: u64,
    epoch: u32,
    measured: bool,
    mut users: PyReadwriteArray2<'_, f32>,
    mut items: PyReadwriteArray2<'_, f32>,
    mut user_bias: PyReadwriteArray1<'_, f32>,
    mut item_bias: PyReadwriteArray1<'_, f32>,
    threads: usize,
) -> PyResult<f64> {
    let (n_users, stride, users) = matrix_mut("users", &mut users)?;
    let (n_items, width, items) = matrix_mut("items", &mut items)?;
    if stride != width {
        return refuse("users and items must have rows of the same length");
    }
    let (indptr, indices) = csr(&indptr, &indices, n_users, n_items)?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    let popularity = popularity.as_ref().map(|p| vector("popularity", p)).transpose()?;
    let user_bias = user_bias.as_slice_mut().or_else(|_| refuse("user_bias must be contiguous"))?;
    let item_bias = item_bias.as_slice_mut().or_else(|_| refuse("item_bias must be contiguous"))?;
    let events = Events { indptr, indices, weights, items: n_items };
    check_lengths(events, popularity, (user_bias, n_users), item_bias)?;
    let (user, positive, negative, bias) = penalties;
    let settings = Settings {
        loss: loss_of(loss, &counts, mean)?,
        checked,
        popularity,
        rate,
        user,
        positive,
        negative,
        bias: bias.unwrap_or(0.0),
        biases: bias.is_some(),
        seed,
        measured,
    };
    let parameters = Parameters { users, items, user_bias, item_bias, stride };
    Ok(py.detach(|| pairwise::epoch(Level::best(), threads, events, settings, epoch, parameters)))
}

/// Writes the rows that minimise the expected loss of whole histories into `x` and `bias`.
///
/// `penalties` are those of users and of their biases; without biases the second is None.
#[pyfunction]
fn pairwise_rows(
    py: Python<'_>,
    indptr: PyReadonlyArray1<'_, i64>,
    indices: PyReadonlyArray1<'_, i32>,
    weights: Option<PyReadonlyArray1<'_, f32>>,
    popularity: Option<PyReadonlyArray1<'_, f64>>,
    loss: &str,
    counts: Vec<u32>,
    mean: f32,
    penalties: (f32, Option<f32>),
    items: PyReadonlyArray2<'_, f32>,
    item_bias: PyReadonlyArray1<'_, f32>,
    mut x: PyReadwriteArray2<'_, f32>,
    mut bias: PyReadwriteArray1<'_, f32>,
    threads: usize,
) -> PyResult<()> {
    let (n_items, width, items) = matrix("items", &items)?;
    let (n_users, stride, x) = matrix_mut("x", &mut x)?;
    if stride != width {
        return refuse("x and items must have rows of the same length");
    }
    let (indptr, indices) = csr(&indptr, &indices, n_users, n_items)?;
    let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
    let popularity = popularity.as_ref().map(|p| vector("popularity", p)).transpose()?;
    let item_bias = vector("item_bias", &item_bias)?;
    let bias = bias.as_slice_mut().or_else(|_| refuse("bias must be contiguous"))?;
    let events = Events { indptr, indices, weights, items: n_items };
    check_lengths(events, popularity, (bias, n_users), item_bias)?;
    let problem = Problem {
        events,
        loss: loss_of(loss, &counts, mean)?,
        popularity,
        user: penalties.0,
        bias: penalties.1,
        items,
        item_bias,
        stride,
    };
    py.detach(|| rows::solve(Level::best(), threads, problem, x, bias));
    Ok(())
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(pairwise_rows, m)?)?;
    m.add_function(wrap_pyfunction!(pairwise_epoch, m)?)
}
