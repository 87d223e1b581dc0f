//! Files of comma-separated values, plain or packed with xz, row by row.
//!
//!   file --xz--> lines --[`CsvReader::next_row`]--> [`Row`] --numbers--> the format's own row
//!
//! Invariants: whatever the file holds, the worst that happens is an error that names file, line, column, value and what
//! is expected; a line is bounded, so a file without line ends does not fill the memory.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use liblzma::read::XzDecoder;

use crate::error::ReplayError;

const XZ_MAGIC: [u8; 6] = [0xFD, b'7', b'z', b'X', b'Z', 0];
const LINE_LEN_MAX_BYTES: u64 = 64 * 1024;
/// How much of a wrong value an error shows.
const SHOWN_CHARS_MAX: usize = 60;

/// A file, line by line.
pub(crate) struct CsvReader {
    path: PathBuf,
    input: Box<dyn BufRead>,
    line: u64,
    buffer: Vec<u8>,
}

/// One line.
pub(crate) struct Row<'a> {
    path: &'a Path,
    pub(crate) line: u64,
    fields: Vec<&'a str>,
}

impl CsvReader {
    pub(crate) fn open(path: &Path) -> Result<Self, ReplayError> {
        let failed = |source| ReplayError::File { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let is_packed = file.fill_buf().map_err(failed)?.starts_with(&XZ_MAGIC);
        let input: Box<dyn BufRead> =
            if is_packed { Box::new(BufReader::new(XzDecoder::new_multi_decoder(file))) } else { Box::new(file) };
        Ok(Self { path: path.to_owned(), input, line: 0, buffer: Vec::new() })
    }

    /// The next line; `None` at the end of the file.
    pub(crate) fn next_row(&mut self) -> Result<Option<Row<'_>>, ReplayError> {
        self.buffer.clear();
        let mut limited = (&mut self.input).take(LINE_LEN_MAX_BYTES);
        let read = limited.read_until(b'\n', &mut self.buffer);
        let count = read.map_err(|source| ReplayError::File { path: self.path.clone(), source })?;
        if count == 0 {
            return Ok(None);
        }
        self.line += 1;
        let (path, line) = (&*self.path, self.line);
        let wrong = |why: String| {
            let source = io::Error::new(io::ErrorKind::InvalidData, format!("line {line} {why}"));
            ReplayError::File { path: path.to_owned(), source }
        };
        if count as u64 == LINE_LEN_MAX_BYTES && self.buffer.last() != Some(&b'\n') {
            return Err(wrong(format!("is longer than {LINE_LEN_MAX_BYTES} bytes")));
        }
        let text = str::from_utf8(&self.buffer).map_err(|error| wrong(format!("is not text: {error}")))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Ok(Some(Row { path, line, fields: text.split(',').collect() }))
    }

    /// An error about the file as a whole, at its last line.
    pub(crate) fn wrong_at_end(&self, column: &str, value: &str, expected: impl Display) -> ReplayError {
        wrong(&self.path, self.line, column, value, expected)
    }
}

impl Row<'_> {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn text(&self, column: usize) -> &str {
        self.fields[column]
    }

    /// Refuses a row with another number of columns.
    pub(crate) fn expect_columns(&self, names: &[&str]) -> Result<(), ReplayError> {
        if self.fields.len() == names.len() {
            return Ok(());
        }
        Err(self.wrong("the row", &self.fields.join(","), format!("{} columns: {}", names.len(), names.join(","))))
    }

    /// A whole number within limits.
    pub(crate) fn number<T>(&self, column: usize, name: &str, allowed: RangeInclusive<T>) -> Result<T, ReplayError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let text = self.fields[column];
        match text.parse::<T>() {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => {
                let expected = format!("a whole number from {} to {}", allowed.start(), allowed.end());
                Err(self.wrong(name, text, expected))
            }
        }
    }

    pub(crate) fn wrong(&self, column: &str, value: &str, expected: impl Display) -> ReplayError {
        wrong(self.path, self.line, column, value, expected)
    }
}

pub(crate) fn wrong(path: &Path, line: u64, column: &str, value: &str, expected: impl Display) -> ReplayError {
    let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < value.len() {
        shown.push_str("..");
    }
    ReplayError::Input {
        path: path.to_owned(),
        line,
        column: column.to_owned(),
        value: shown,
        expected: expected.to_string(),
    }
}
