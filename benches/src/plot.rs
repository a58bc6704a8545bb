//! Plots: small panels of lines side by side, as SVG that is readable on light and dark. Knows what a
//! line is, not what was measured.

use std::fmt::Write as _;

use serde::Serialize;

use crate::{
    chart::{STYLE, escaped},
    machine::Machine,
    report::number,
};

const WIDTH: usize = 860;
const COLUMNS: usize = 4;
/// Of a panel's place, what is not the panel: figures at its left, title and ticks around it.
const PLACE: (f64, f64) = (210.0, 220.0);
const PANEL: (f64, f64) = (146.0, 140.0);
const LEFT: f64 = 56.0;
const TOP: f64 = 96.0;

/// By the order in which lines first appear.
const COLORS: [&str; 4] = ["#2f7ed8", "#8a8f98", "#e0a030", "#c8553d"];

/// How nanoseconds are spread over a panel's height.
#[derive(Clone, Copy, Serialize)]
pub enum Axis {
    /// Evenly from zero.
    Even,
    /// By powers of ten, for lines that leave others far behind.
    Powers,
}

#[derive(Serialize)]
pub struct Panel {
    pub title: &'static str,
    pub along: &'static str,
    pub axis: Axis,
    /// Where there are values, by powers of ten.
    pub at: Vec<usize>,
    pub lines: Vec<Line>,
}

#[derive(Serialize)]
pub struct Line {
    pub label: &'static str,
    pub values: Vec<f64>,
}

impl Axis {
    /// Where figures stand, the first and the last around all values.
    fn ticks(self, values: &[f64]) -> Vec<f64> {
        let highest = values.iter().copied().fold(1.0, f64::max);
        let lowest = values.iter().copied().fold(highest, f64::min);
        let step = round_up(highest / 4.0);
        let (mut last, next): (f64, &dyn Fn(f64) -> f64) = match self {
            Self::Even => (0.0, &|last| last + step),
            Self::Powers => (1.0, &|last| last * 10.0),
        };
        while matches!(self, Self::Powers) && next(last) <= lowest {
            last = next(last);
        }
        let mut ticks = vec![last];
        while ticks.len() == 1 || last < highest {
            last = next(last);
            ticks.push(last);
        }
        ticks
    }

    /// How high a value lies between the ticks, from 0 to 1.
    fn height(self, value: f64, ticks: &[f64]) -> f64 {
        let (lowest, highest) = (ticks[0], ticks[ticks.len() - 1]);
        let height = match self {
            Self::Even => value / highest,
            Self::Powers => (value.max(lowest) / lowest).log10() / (highest / lowest).log10(),
        };
        height.clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 5, 10, 20 and so on.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|it| it * power).find(|it| *it >= value).unwrap_or(power)
}

pub fn svg(title: &str, panels: &[Panel], machine: &Machine) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        if !labels.contains(&line.label) {
            labels.push(line.label);
        }
    }
    let mut body = String::new();
    let mut x = 12;
    for label in &labels {
        let (color, behind) = (color(&labels, label), x + 16);
        let _ = writeln!(
            body,
            "<rect x='{x}' y='40' width='11' height='11' fill='{color}'/>\
             <text x='{behind}' y='50'>{label}</text>"
        );
        x += 34 + label.len() * 6;
    }
    // A kind of figures begins a row.
    let (mut column, mut row) = (0, 0);
    for (position, panel) in panels.iter().enumerate() {
        let is_other = position > 0 && panels[position - 1].along != panel.along;
        if column == COLUMNS || is_other {
            (column, row) = (0, row + 1);
        }
        let place = (LEFT + column as f64 * PLACE.0, TOP + f64::from(row) * PLACE.1);
        draw(&mut body, panel, place, &labels);
        column += 1;
    }
    let below = TOP + f64::from(row + 1) * PLACE.1 - 8.0;
    let caption = escaped(&machine.caption().replace('\n', " "));
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {}' role='img' \
         aria-label='{title}'>
{STYLE}
<text class='title' x='12' y='24'>{title}</text>
{body}<text class='small' x='12' y='{below}'>{caption}</text>
</svg>
",
        below + 12.0
    )
}

fn color(labels: &[&str], label: &str) -> &'static str {
    let position = labels.iter().position(|it| *it == label).unwrap_or_default();
    COLORS[position % COLORS.len()]
}

fn draw(body: &mut String, panel: &Panel, (left, top): (f64, f64), labels: &[&str]) {
    let (width, height) = PANEL;
    let (Panel { title, along, axis, at, lines }, bottom) = (panel, top + height);
    let values: Vec<f64> = lines.iter().flat_map(|line| &line.values).copied().collect();
    let ticks = axis.ticks(&values);
    let x = |at: usize| left + width * at as f64 / (panel.at.len() - 1).max(1) as f64;
    let y = |value: f64| bottom - height * axis.height(value, &ticks);
    let right = left + width;
    let _ = writeln!(body, "<text x='{left}' y='{:.1}'>{title}</text>", top - 20.0);
    let _ = writeln!(body, "<text class='small' x='{left}' y='{:.1}'>ns</text>", top - 8.0);
    for &tick in &ticks {
        let (line, base, figure) = (y(tick), y(tick) + 3.0, short(tick));
        let _ = writeln!(
            body,
            "<path d='M{left} {line:.1}H{right}' stroke='#8a8f98' stroke-opacity='.3'/>\
             <text class='small' x='{:.1}' y='{base:.1}' text-anchor='end'>{figure}</text>",
            left - 5.0
        );
    }
    for (position, &at) in at.iter().enumerate() {
        let _ = writeln!(
            body,
            "<text class='small' x='{:.1}' y='{:.1}' text-anchor='middle'>{}</text>",
            x(position),
            bottom + 14.0,
            short(at as f64)
        );
    }
    let _ = writeln!(
        body,
        "<text class='small' x='{:.1}' y='{:.1}' text-anchor='middle'>{along}</text>",
        left + width / 2.0,
        bottom + 27.0
    );
    for Line { label, values } in lines {
        let color = color(labels, label);
        let points: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, &value)| format!("{:.1},{:.1}", x(at), y(value)))
            .collect();
        let _ = writeln!(
            body,
            "<polyline points='{}' fill='none' stroke='{color}' stroke-width='2'>\
             <title>{label}</title></polyline>",
            points.join(" ")
        );
        for (at, &value) in values.iter().enumerate() {
            let _ = writeln!(
                body,
                "<circle cx='{:.1}' cy='{:.1}' r='2.5' fill='{color}'>\
                 <title>{label}: {}</title></circle>",
                x(at),
                y(value),
                number(value)
            );
        }
    }
}

/// With as few digits as an axis has room for.
fn short(value: f64) -> String {
    match value {
        1_000_000.0.. => format!("{}M", value / 1_000_000.0),
        1_000.0.. => format!("{}k", value / 1_000.0),
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_around_every_value() {
        assert_eq!(Axis::Even.ticks(&[3_876.0]), [0.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0]);
        assert_eq!(Axis::Powers.ticks(&[2_500.0, 54_362.0]), [1_000.0, 10_000.0, 100_000.0]);
        for highest in [0.0, 1.0, 7.0, 99.0, 100.0, 101.0, 12_345.0] {
            for axis in [Axis::Even, Axis::Powers] {
                let ticks = axis.ticks(&[7.0, highest]);
                let [first, .., last] = ticks[..] else { panic!("{ticks:?}") };
                assert!(first <= 7.0 && last >= highest, "{highest}: {ticks:?}");
            }
        }
    }

    #[test]
    fn a_value_lies_where_its_axis_has_it() {
        for (axis, value, height) in [
            (Axis::Even, 0.0, 0.0),
            (Axis::Even, 2_500.0, 0.25),
            (Axis::Even, 10_000.0, 1.0),
            (Axis::Powers, 1.0, 0.0),
            (Axis::Powers, 1_000.0, 0.5),
            (Axis::Powers, 10_000.0, 1.0),
        ] {
            let is = axis.height(value, &axis.ticks(&[100.0, 10_000.0]));
            assert!((is - height).abs() < 1e-9, "{value} lies at {is}");
        }
    }

    #[test]
    fn figures_of_an_axis_are_short() {
        assert_eq!([0.0, 500.0, 2_500.0, 1e6].map(short), ["0", "500", "2.5k", "1M"]);
    }
}
