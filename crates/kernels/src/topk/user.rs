//! A user while the blocks go by.

use super::bound::Query;
use super::codes::{encode, largest, start, step};
use super::pack::norm;
use super::screen::Engine;

pub(super) struct User<'a> {
    /// No factors where all are 0: every product is 0 then.
    pub(super) vector: &'a [f32],
    pub(super) offset: f32,
    pub(super) query: Query,
    /// The step of the codes, and where their sums start.
    pub(super) scale: f32,
    pub(super) start: i32,
}

impl<'a> User<'a> {
    /// Also writes the user's codes, padded to whole groups of factors.
    pub(super) fn new(vector: &'a [f32], offset: f32, engine: Engine, codes: &mut [i8]) -> Self {
        let limit = engine.user_limit();
        let scale = step(largest(vector), limit);
        let coded = encode(vector, scale, limit, codes);
        let norm = norm(vector);
        let query = Query::new(norm, &coded, vector.len(), offset);
        let vector = if norm == 0.0 { &[] } else { vector };
        Self { vector, offset, query, scale, start: start(codes) }
    }
}
