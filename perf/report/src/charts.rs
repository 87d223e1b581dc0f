//! Drawings of the page as inline SVG.
//!
//! Invariants: a drawing has no colour of its own, only classes of `page.css`, so that it is light, dark and printable; every
//! mark that stands for a number has it as its `<title>`; all texts are escaped.
//! Owning thread: none; these are functions of [`crate::Figures`].

mod heat;
mod path;
mod percentiles;
mod scale;
mod stages;
mod sweep;
mod timeline;

pub(crate) use heat::heat;
pub(crate) use path::path;
pub(crate) use percentiles::percentiles;
pub(crate) use stages::stages;
pub(crate) use sweep::sweep;
pub(crate) use timeline::timeline;

use crate::format::escape;

/// Width of every drawing, in its own units.
const WIDTH: f64 = 800.0;

/// A drawing that scrolls sideways on a narrow screen instead of shrinking until nobody can read it.
fn drawing(label: &str, height: f64, inside: &str) -> String {
    let label = escape(label);
    format!(
        "<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-label=\"{label}\">\n{inside}</svg></div>\n"
    )
}

fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    format!(
        "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>\n",
        from.0, from.1, to.0, to.1
    )
}

/// `anchor`: `start`, `middle` or `end`.
fn text(class: &str, anchor: &str, at: (f64, f64), words: &str) -> String {
    let words = escape(words);
    format!("<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{words}</text>\n", at.0, at.1)
}

fn boxed(class: &str, at: (f64, f64), size: (f64, f64), title: Option<&str>) -> String {
    let title = title.map_or_else(String::new, |title| format!("<title>{}</title>", escape(title)));
    let (width, height) = (size.0.max(0.0), size.1.max(0.0));
    format!(
        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\">{title}</rect>\n",
        at.0, at.1
    )
}

/// A mark that shows its number when pointed at.
fn point(class: &str, at: (f64, f64), title: &str) -> String {
    let title = escape(title);
    format!(
        "<circle class=\"{class} pt\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"><title>{title}</title></circle>\n",
        at.0, at.1
    )
}

/// A line through the points, interrupted where there is none.
fn curve(class: &str, points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let (mut path, mut pen_down) = (String::new(), false);
    for point in points {
        if let Some((x, y)) = point {
            path.push_str(&format!("{}{x:.1} {y:.1}", if pen_down { "L" } else { "M" }));
        }
        pen_down = point.is_some();
    }
    if path.is_empty() { path } else { format!("<path class=\"{class} curve\" d=\"{path}\"/>\n") }
}

/// Names of the lines, in a row above the drawing.
fn legend(names: &[(&str, String)]) -> String {
    let items: String =
        names.iter().map(|(class, name)| format!("<li><i class=\"{class}\"></i>{}</li>", escape(name))).collect();
    format!("<ul class=\"legend\">{items}</ul>\n")
}
