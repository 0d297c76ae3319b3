//! Plots as SVG images.
//!
//! ```
//! use fhe_nn_core::plot::{Axis, Plot, Series, svg};
//!
//! let points = vec![(0.1, 97.0), (1.0, 98.0)];
//! let plot = Plot::new("accuracy", Axis::logarithmic("seconds"), Axis::linear("%"))
//!     .with_series([Series::line("this network", points)]);
//! assert!(svg(&[plot]).starts_with("<svg"));
//! ```

use plotters::coord::Shift;
use plotters::prelude::*;

/// A plot of some series of points.
#[derive(Debug, Clone)]
pub struct Plot {
    title: String,
    x: Axis,
    y: Axis,
    series: Vec<Series>,
}

/// An axis of a plot.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Name and unit.
    name: String,
    is_logarithmic: bool,
}

/// Points that belong together and have one colour.
#[derive(Debug, Clone)]
pub struct Series {
    name: String,
    /// Pairs `(x, y)`.
    points: Vec<(f64, f64)>,
    /// The names of the points; empty if they have none.
    labels: Vec<String>,
    is_joined: bool,
}

/// Width and height of a plot in pixels.
const SIZE: (u32, u32) = (760, 440);
/// Colours of the series in their order, dark enough for text on white.
const COLORS: [RGBColor; 5] = [
    RGBColor(196, 30, 58),
    RGBColor(24, 100, 180),
    RGBColor(95, 95, 95),
    RGBColor(20, 130, 90),
    RGBColor(150, 90, 20),
];
const FONT: &str = "sans-serif";

impl Axis {
    /// A linear axis, named with its unit.
    pub fn linear(name: &str) -> Self {
        Axis {
            name: name.to_owned(),
            is_logarithmic: false,
        }
    }

    /// A logarithmic axis, named with its unit. All values along it must be positive.
    pub fn logarithmic(name: &str) -> Self {
        Axis {
            name: name.to_owned(),
            is_logarithmic: true,
        }
    }

    /// The position at which a value is drawn.
    fn place(&self, value: f64) -> f64 {
        if self.is_logarithmic {
            value.max(f64::MIN_POSITIVE).log10()
        } else {
            value
        }
    }

    fn text(&self, place: f64) -> String {
        let value = if self.is_logarithmic {
            10f64.powf(place)
        } else {
            place
        };
        // enough digits to tell neighbouring marks apart
        match value.abs() {
            0.0 => "0".to_owned(),
            size if size >= 100.0 || (value.fract() == 0.0 && size >= 1.0) => format!("{value:.0}"),
            size if size >= 10.0 => format!("{value:.1}"),
            size if size >= 1.0 => format!("{value:.2}"),
            _ => format!("{value:.3}"),
        }
    }
}

impl Series {
    /// Points that are not joined, each a pair `(x, y)`.
    pub fn points(name: &str, points: Vec<(f64, f64)>) -> Self {
        Series {
            name: name.to_owned(),
            points,
            labels: Vec::new(),
            is_joined: false,
        }
    }

    /// Points joined by a line, each a pair `(x, y)`.
    pub fn line(name: &str, points: Vec<(f64, f64)>) -> Self {
        Series::points(name, points).with_line(true)
    }

    /// Points that have a name each: triples of the name, x and y. They are not joined.
    pub fn named(name: &str, points: Vec<(String, f64, f64)>) -> Self {
        Series {
            name: name.to_owned(),
            labels: points.iter().map(|(label, ..)| label.clone()).collect(),
            points: points.iter().map(|&(_, x, y)| (x, y)).collect(),
            is_joined: false,
        }
    }

    /// Sets whether a line joins the points.
    pub fn with_line(mut self, is_joined: bool) -> Self {
        self.is_joined = is_joined;
        self
    }
}

/// The items that no other one beats in both of its numbers, where less is better, in the order of the first number.
pub fn front<T>(items: impl IntoIterator<Item = T>, numbers: impl Fn(&T) -> (f64, f64)) -> Vec<T> {
    let mut sorted: Vec<T> = items.into_iter().collect();
    sorted.sort_by(|a, b| {
        let (a, b) = (numbers(a), numbers(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let mut least = f64::INFINITY;
    sorted.retain(|item| {
        let (_, own) = numbers(item);
        let is_better = own < least;
        least = least.min(own);
        is_better
    });
    sorted
}

/// Draws plots below each other as one SVG image.
pub fn svg(plots: &[Plot]) -> String {
    let mut text = String::new();
    {
        let size = (SIZE.0, SIZE.1 * plots.len().max(1) as u32);
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let areas = area.split_evenly((plots.len().max(1), 1));
        // writing to a string does not fail
        let _ = area.fill(&WHITE);
        for (plot, area) in plots.iter().zip(&areas) {
            let _ = plot.draw(area);
        }
        let _ = area.present();
    }
    text
}

impl Plot {
    /// A plot without any series.
    pub fn new(title: &str, x: Axis, y: Axis) -> Self {
        Plot {
            title: title.to_owned(),
            x,
            y,
            series: Vec::new(),
        }
    }

    /// Sets the series to draw.
    pub fn with_series(mut self, series: impl IntoIterator<Item = Series>) -> Self {
        self.series = series.into_iter().collect();
        self
    }

    fn draw(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Option<()> {
        let points = self.series.iter().flat_map(|series| &series.points);
        let places: Vec<(f64, f64)> = points
            .map(|&(x, y)| (self.x.place(x), self.y.place(y)))
            .collect();
        let x = extent(places.iter().map(|place| place.0));
        let y = extent(places.iter().map(|place| place.1));
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, (FONT, 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(x.0..x.1, y.0..y.1)
            .ok()?;
        let x_text = |place: &f64| self.x.text(*place);
        let y_text = |place: &f64| self.y.text(*place);
        chart
            .configure_mesh()
            .x_desc(&self.x.name)
            .y_desc(&self.y.name)
            .x_label_formatter(&x_text)
            .y_label_formatter(&y_text)
            .light_line_style(WHITE)
            .label_style((FONT, 13))
            .draw()
            .ok()?;
        for (index, series) in self.series.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let place = |&(x, y): &(f64, f64)| (self.x.place(x), self.y.place(y));
            let places: Vec<(f64, f64)> = series.points.iter().map(place).collect();
            if series.is_joined {
                chart
                    .draw_series(LineSeries::new(
                        places.iter().copied(),
                        color.stroke_width(2),
                    ))
                    .ok()?;
            }
            let dots = places
                .iter()
                .map(|&place| Circle::new(place, 4, color.filled()));
            let dots = chart.draw_series(dots).ok()?;
            dots.label(&series.name)
                .legend(move |(x, y)| Circle::new((x + 10, y), 4, color.filled()));
            // names of the first series are a little higher, as names of other series may be near
            let beside = if index == 0 { 2 } else { 5 };
            let names = places.iter().zip(&series.labels);
            let names = names.map(|(&place, label)| {
                EmptyElement::at(place)
                    + Text::new(
                        label.clone(),
                        (7, beside),
                        (FONT, 12).into_font().color(&color),
                    )
            });
            chart.draw_series(names).ok()?;
        }
        if self.series.len() > 1 {
            let mut legend = chart.configure_series_labels();
            let legend = legend
                .position(SeriesLabelPosition::LowerRight)
                .label_font((FONT, 13));
            legend
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK.mix(0.3))
                .draw()
                .ok()?;
        }
        Some(())
    }
}

/// The least and the greatest value, with some room beyond them.
fn extent(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (lo, hi) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| {
        (lo.min(x), hi.max(x))
    });
    if lo < hi {
        (lo - 0.07 * (hi - lo), hi + 0.1 * (hi - lo))
    } else if lo.is_finite() {
        (lo - 0.5, lo + 0.5)
    } else {
        (0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_and_name_is_drawn() {
        let (x, y) = (Axis::logarithmic("seconds"), Axis::linear("accuracy"));
        let plot = Plot::new("title", x, y).with_series([
            Series::line("own", vec![(0.1, 97.0), (1.0, 98.0), (10.0, 99.0)]),
            Series::named("others", vec![("peer".to_owned(), 4.0, 97.5)]),
        ]);
        let text = svg(&[plot.clone(), plot]);
        // four points and two marks of the legend in each
        assert_eq!(text.matches("<circle").count(), 12);
        for name in ["title", "seconds", "accuracy", "own", "others", "peer"] {
            assert!(text.contains(name), "{name}");
        }
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
    }
}
