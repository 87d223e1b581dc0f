//! Comma-separated files, plain or `.xz`: rows of fields, with errors that name file, line, column and value.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use liblzma::read::XzDecoder;

use crate::ReplayError;

/// A whole file.
#[derive(Debug)]
pub(crate) struct Table {
    file: PathBuf,
    text: String,
    /// Whether the first line names the columns.
    header: bool,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    table: &'a Table,
    line: usize,
    fields: Vec<&'a str>,
}

impl Table {
    pub(crate) fn read(file: &Path, header: bool) -> Result<Self, ReplayError> {
        let fail = |error: std::io::Error| ReplayError::File {
            file: file.to_owned(),
            line: None,
            why: format!("cannot be read: {error}; expected: a .csv or .csv.xz file"),
        };
        let mut text = String::new();
        let mut opened = File::open(file).map_err(fail)?;
        if file.extension().is_some_and(|extension| extension == "xz") {
            XzDecoder::new(opened).read_to_string(&mut text).map_err(fail)?;
        } else {
            opened.read_to_string(&mut text).map_err(fail)?;
        }
        Ok(Self { file: file.to_owned(), text, header })
    }

    /// Numbers of the named columns.
    pub(crate) fn columns<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N], ReplayError> {
        let header: Vec<&str> = self.text.lines().next().unwrap_or_default().trim_end().split(',').collect();
        let mut columns = [0; N];
        for (column, name) in columns.iter_mut().zip(names) {
            *column = header.iter().position(|field| *field == name).ok_or_else(|| ReplayError::File {
                file: self.file.clone(),
                line: Some(1),
                why: format!("there is no column `{name}`; the columns are {}", header.join(", ")),
            })?;
        }
        Ok(columns)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let skip = usize::from(self.header);
        self.text.lines().enumerate().skip(skip).map(|(line, text)| Row {
            table: self,
            line: line + 1,
            fields: text.trim_end().split(',').collect(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.text.lines().count() - usize::from(self.header && !self.text.is_empty())
    }
}

impl<'a> Row<'a> {
    pub(crate) fn text(&self, column: usize) -> Result<&'a str, ReplayError> {
        let field = self.fields.get(column).copied();
        field.ok_or_else(|| self.fail(format!("has {} columns; expected at least {}", self.fields.len(), column + 1)))
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, column: usize) -> Result<T, ReplayError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| {
            self.fail(format!("column {} is `{text}`; expected: {}", column + 1, std::any::type_name::<T>()))
        })
    }

    pub(crate) fn fail(&self, why: String) -> ReplayError {
        ReplayError::File { file: self.table.file.clone(), line: Some(self.line), why }
    }

    pub(crate) fn width(&self) -> usize {
        self.fields.len()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("t.csv");
        std::fs::write(&file, text).unwrap();
        (dir, file)
    }

    #[test]
    fn errors_name_file_line_column_and_value() {
        let (_dir, file) = table("a,b\n1,2\n3,x\n4\n");
        let table = Table::read(&file, true).unwrap();
        assert_eq!(table.len(), 3);
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows[0].number::<u64>(1).unwrap(), 2);
        let error = rows[1].number::<u64>(1).unwrap_err().to_string();
        assert!(error.contains("t.csv, line 3: column 2 is `x`"), "{error}");
        assert!(rows[2].text(1).unwrap_err().to_string().contains("has 1 columns"));
        let error = table.columns(["a", "c"]).unwrap_err().to_string();
        assert!(error.contains("no column `c`"), "{error}");
    }

    #[test]
    fn a_missing_file_and_one_that_is_not_xz_are_refused() {
        assert!(Table::read(Path::new("/nonexistent/x.csv"), true).is_err());
        let (dir, file) = table("not xz");
        let xz = dir.path().join("t.csv.xz");
        std::fs::rename(file, &xz).unwrap();
        assert!(Table::read(&xz, true).unwrap_err().to_string().contains("expected: a .csv or .csv.xz"));
    }
}
