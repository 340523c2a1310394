//! Binding of `kernels::csv`.

use numpy::{IntoPyArray, PyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use tastespace_kernels::blocks::Source;
use tastespace_kernels::csv::{self, Layout, Role};
use tastespace_kernels::field::Marks;

/// A file, with its size when it was opened.
struct Text {
    file: File,
    size: u64,
}

impl Source for Text {
    fn size(&self) -> u64 {
        self.size
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let count = std::os::windows::fs::FileExt::seek_read(&self.file, buffer, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            offset += count as u64;
            buffer = &mut buffer[count..];
        }
        Ok(())
    }
}

/// Numbers of labels and the labels, for each column of them; numbers; integers.
type Columns<'py> = (
    Vec<(Bound<'py, PyArray1<i32>>, Vec<String>)>,
    Vec<Bound<'py, PyArray1<f32>>>,
    Vec<Bound<'py, PyArray1<i64>>>,
);

#[pyfunction]
#[pyo3(signature = (path, skip, separator, quote, columns, threads))]
fn csv_read<'py>(
    py: Python<'py>,
    path: PathBuf,
    skip: usize,
    separator: u8,
    quote: Option<u8>,
    columns: Vec<String>,
    threads: usize,
) -> PyResult<Option<Columns<'py>>> {
    let role = |name: &String| match name.as_str() {
        "skip" => Ok(Role::Skip),
        "label" => Ok(Role::Label),
        "number" => Ok(Role::Number),
        "integer" => Ok(Role::Integer),
        other => Err(PyValueError::new_err(format!("unknown role of a column: {other}"))),
    };
    let columns = columns.iter().map(role).collect::<PyResult<_>>()?;
    let layout = Layout { skip, marks: Marks { separator, quote }, columns };
    let read = py.detach(|| {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        csv::read(&Text { file, size }, &layout, threads)
    })?;
    Ok(read.map(|columns| {
        let text = |label: &[u8]| String::from_utf8_lossy(label).into_owned(); // it has been checked
        let names = columns.labels.into_iter();
        (
            names
                .map(|(codes, labels)| (codes.into_pyarray(py), labels.iter().map(text).collect()))
                .collect(),
            columns.numbers.into_iter().map(|data| data.into_pyarray(py)).collect(),
            columns.integers.into_iter().map(|data| data.into_pyarray(py)).collect(),
        )
    }))
}

pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(csv_read, m)?)
}
