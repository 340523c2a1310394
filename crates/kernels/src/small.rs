//! Decomposition of a small matrix in double precision, on one thread.

use crate::dense::NotFinite;

/// Left vectors in columns, values, right vectors in columns.
pub type Parts = (Vec<f64>, Vec<f64>, Vec<f64>);

/// U (rows, r), the singular values (r, falling) and V (columns, r) of a row-major matrix, r the smaller side.
///
/// # Errors
/// If the matrix holds a value that is not finite.
pub fn svd(matrix: &[f64], rows: usize, columns: usize) -> Result<Parts, NotFinite> {
    assert!(matrix.len() == rows * columns);
    if matrix.iter().any(|x| !x.is_finite()) {
        return Err(NotFinite);
    }
    let whole = faer::MatRef::from_row_major_slice(matrix, rows, columns);
    let parts = whole.thin_svd().map_err(|_| NotFinite)?;
    let rank = rows.min(columns);
    let copy = |from: faer::MatRef<'_, f64>, n: usize| {
        (0..n * rank).map(|at| from[(at / rank, at % rank)]).collect::<Vec<f64>>()
    };
    let s = (0..rank).map(|i| parts.S().column_vector()[i]).collect();
    Ok((copy(parts.U(), rows), s, copy(parts.V(), columns)))
}

/// The singular values of [`svd`], falling, in a fraction of its time.
///
/// # Errors
/// If the matrix holds a value that is not finite.
pub fn values(matrix: &[f64], rows: usize, columns: usize) -> Result<Vec<f64>, NotFinite> {
    assert!(matrix.len() == rows * columns);
    if matrix.iter().any(|x| !x.is_finite()) {
        return Err(NotFinite);
    }
    faer::MatRef::from_row_major_slice(matrix, rows, columns).singular_values().map_err(|_| NotFinite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn parts_multiply_to_the_matrix() {
        for (rows, columns) in [(7, 7), (9, 4), (3, 8), (1, 1)] {
            let matrix: Vec<f64> = noise(rows * columns, 5).into_iter().map(f64::from).collect();
            let (u, s, v) = svd(&matrix, rows, columns).unwrap();
            assert!(s.windows(2).all(|w| w[0] >= w[1]));
            let rank = s.len();
            for (a, b) in values(&matrix, rows, columns).unwrap().into_iter().zip(&s) {
                assert!((a - b).abs() < 1e-12);
            }
            for i in 0..rows {
                for j in 0..columns {
                    let found: f64 = (0..rank).map(|l| u[i * rank + l] * s[l] * v[j * rank + l]).sum();
                    assert!((found - matrix[i * columns + j]).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn nan_is_refused() {
        assert_eq!(svd(&[f64::NAN], 1, 1).unwrap_err(), NotFinite);
        assert_eq!(values(&[f64::INFINITY], 1, 1).unwrap_err(), NotFinite);
    }
}
