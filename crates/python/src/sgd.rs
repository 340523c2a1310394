//! Binding of `kernels::sgd`.

use crate::check::{csr, matrix_mut, vector};
use numpy::{PyReadonlyArray1, PyReadwriteArray1, PyReadwriteArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tastespace_kernels::rounds::{Ratings, Rounds};
use tastespace_kernels::sgd::{self, Settings, Side};
use tastespace_kernels::simd::Level;

fn refuse<T>(message: &str) -> PyResult<T> {
    Err(PyValueError::new_err(message.to_owned()))
}

/// Ratings in blocks, to be learned in rounds; immutable, holds a copy of them.
#[pyclass(frozen, module = "tastespace._native")]
struct RatingRounds(Rounds);

#[pymethods]
impl RatingRounds {
    #[new]
    fn new(
        py: Python<'_>,
        indptr: PyReadonlyArray1<'_, i64>,
        indices: PyReadonlyArray1<'_, i32>,
        values: Option<PyReadonlyArray1<'_, f32>>,
        weights: Option<PyReadonlyArray1<'_, f32>>,
        columns: usize,
        seed: u64,
        threads: usize,
    ) -> PyResult<Self> {
        let rows = vector("indptr", &indptr)?.len().saturating_sub(1);
        let (indptr, indices) = csr(&indptr, &indices, rows, columns)?;
        let values = values.as_ref().map(|v| vector("values", v)).transpose()?;
        let weights = weights.as_ref().map(|w| vector("weights", w)).transpose()?;
        if [values, weights].iter().flatten().any(|given| given.len() != indices.len()) {
            return refuse("values and weights must have one number for each event");
        }
        let ratings = Ratings { indptr, indices, values, weights, columns };
        Ok(Self(py.detach(|| Rounds::new(threads, ratings, seed))))
    }

    /// One epoch of gradient steps in place; returns the weighted sum of squared errors, each before its step.
    ///
    /// `rates` and `penalties` are those of users' factors, items' factors, users' biases and items' biases.
    fn epoch(
        &self,
        py: Python<'_>,
        number: u32,
        mean: f32,
        rates: [f32; 4],
        penalties: [f32; 4],
        factors: usize,
        mut users: PyReadwriteArray2<'_, f32>,
        mut items: PyReadwriteArray2<'_, f32>,
        mut user_bias: PyReadwriteArray1<'_, f32>,
        mut item_bias: PyReadwriteArray1<'_, f32>,
        shrink: (PyReadonlyArray1<'_, f32>, PyReadonlyArray1<'_, f32>),
        pace: Option<(PyReadonlyArray1<'_, f32>, PyReadonlyArray1<'_, f32>)>,
        threads: usize,
    ) -> PyResult<f64> {
        let (n_users, stride, users) = matrix_mut("users", &mut users)?;
        let (n_items, width, items) = matrix_mut("items", &mut items)?;
        if stride != width || factors > stride {
            return refuse("users and items must have rows of the same length, at least factors");
        }
        let user_bias = user_bias.as_slice_mut().or_else(|_| refuse("user_bias must be contiguous"))?;
        let item_bias = item_bias.as_slice_mut().or_else(|_| refuse("item_bias must be contiguous"))?;
        let shrink = [vector("shrink", &shrink.0)?, vector("shrink", &shrink.1)?];
        let pace = match &pace {
            Some((users, items)) => [Some(vector("pace", users)?), Some(vector("pace", items)?)],
            None => [None, None],
        };
        let rows = [self.0.rows(), self.0.columns()];
        let lengths = |side: usize| [Some(shrink[side]), pace[side]].into_iter().flatten().map(<[f32]>::len);
        if [n_users, n_items] != rows
            || [user_bias.len(), item_bias.len()] != rows
            || (0..2).any(|side| lengths(side).any(|length| length != rows[side]))
        {
            return refuse("every user and item of the ratings needs a row, a bias, a shrink and a pace");
        }
        let settings = Settings { mean, rates, penalties };
        let users = Side { factors: users, bias: user_bias, shrink: shrink[0], pace: pace[0] };
        let items = Side { factors: items, bias: item_bias, shrink: shrink[1], pace: pace[1] };
        let rounds = &self.0;
        Ok(py.detach(|| {
            sgd::epoch(Level::best(), threads, rounds, number, settings, factors, stride, users, items)
        }))
    }
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<RatingRounds>()
}
