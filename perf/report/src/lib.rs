//! Turns the folder of a run into a page, and two of them into a verdict.
//!
//! ```text
//!   DIR/run.json --+                              +--[page]-----> DIR/report.html   one file, no outside request
//!   DIR/*.hlog  ---+--[`RunData`]--> [`Figures`] -+-------------> DIR/report.json   the same numbers
//!                        |
//!   two of them ---------+--[`compare`]--> [`Comparison`]         ratios, noise bands, one verdict
//! ```
//!
//! Invariants: every number of the page is one of [`Figures`]; what a run does not have is said to be missing, never drawn
//! empty; a percentile is there only where [`tidegate_latency::printable`] allows it; whatever stands in the folder is text and
//! never becomes markup; the same folder gives the same bytes.
//! Owning thread: the caller's.

mod charts;
mod compare;
mod data;
mod figures;
mod format;
mod page;
mod warnings;

use std::fs;
use std::path::{Path, PathBuf};

use tidegate_latency::FolderError;

pub use compare::{Band, CONFIDENCE, Comparison, INTERVALS_MIN, MARGIN, RESAMPLES, Row, SEED, Side, Verdict, compare};
pub use data::{RunData, SeriesData};
pub use figures::{Figures, Heat, Knee, Missing, Moment, Part, PathStage, SeriesFigures};
pub use warnings::warnings;

/// The page.
pub const PAGE_FILE: &str = "report.html";
/// Its numbers.
pub const FIGURES_FILE: &str = "report.json";

/// What [`write()`] has made.
#[derive(Clone, Debug)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// Its numbers as JSON.
    pub json: PathBuf,
    /// Its numbers.
    pub figures: Figures,
}

/// Writes page and numbers of a run into its folder, over those of before.
///
/// # Errors
/// Names the file that is missing, broken or of another format, or cannot be written.
pub fn write(folder: &Path) -> Result<Written, FolderError> {
    let figures = Figures::of(&RunData::read(folder)?);
    let (page, json) = (folder.join(PAGE_FILE), folder.join(FIGURES_FILE));
    put(&page, &page::html(&figures))?;
    put(&json, &(serde_json::to_string_pretty(&figures).expect("figures always serialise") + "\n"))?;
    Ok(Written { page, json, figures })
}

fn put(file: &Path, text: &str) -> Result<(), FolderError> {
    fs::write(file, text).map_err(|error| FolderError::Io { doing: "write", file: file.to_owned(), error })
}
