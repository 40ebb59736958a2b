//! An SVG plot of throughput over connections, a line a server. It is readable on a light and on a dark page.

use std::fmt::Write;

/// What one plot shows.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// The line on top.
    pub title: String,
    /// What is counted, such as `requests/s`.
    pub unit: String,
    /// In the order of the legend.
    pub lines: Vec<Line>,
}

/// How one server fared.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The server.
    pub name: String,
    /// (connections, throughput), connections rising.
    pub points: Vec<(u32, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;

/// The rectangle between the axes: the legend is on its right.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 376.0;

/// Colours for lines that colour-blind eyes tell apart (Okabe and Ito), with enough contrast to white and to black.
const COLOURS: [&str; 6] = ["#1a7fc4", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#7a7a7a"];

const STYLE: &str = "\
text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#24292f}\
.title{font-size:16px;font-weight:600}\
.page{fill:#fff}\
.grid{stroke:#d8dee4;stroke-width:1}\
.axis{stroke:#57606a;stroke-width:1}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.grid{stroke:#30363d}.axis{stroke:#8b949e}}";

impl Chart {
    /// The plot as an SVG document.
    pub(crate) fn svg(&self) -> String {
        let scale = Scale::of(&self.lines);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"30\">{title}</text>\n",
            title = escaped(&self.title),
        );
        scale.draw_values(&mut svg, &self.unit);
        scale.draw_connections(&mut svg);
        for (nth, line) in self.lines.iter().enumerate() {
            draw_line(&mut svg, line, nth, &scale);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Where connections and values lie on the page.
struct Scale {
    /// The numbers of connections that were measured, rising.
    connections: Vec<u32>,
    /// The distance of two grid lines.
    step: f64,
    /// The value at the top.
    top: f64,
}

impl Scale {
    fn of(lines: &[Line]) -> Self {
        let points = || lines.iter().flat_map(|line| &line.points);
        let mut connections: Vec<u32> = points().map(|point| point.0.max(1)).collect();
        connections.sort_unstable();
        connections.dedup();
        let largest = points().map(|point| point.1).fold(0.0, f64::max);
        let step = round_step(largest / 5.0);
        // A little room above the best.
        let top = (largest * 1.02 / step).ceil().max(1.0) * step;
        Self { connections, step, top }
    }

    /// Each doubling of connections is as wide as the next.
    fn x(&self, connections: u32) -> f64 {
        let exponent = |connections: u32| f64::from(connections.max(1)).log2();
        let first = self.connections.first().map_or(0.0, |first| exponent(*first));
        let last = self.connections.last().map_or(0.0, |last| exponent(*last));
        if last <= first {
            return (LEFT + RIGHT) / 2.0;
        }
        // Points do not lie on the axis itself.
        let inset = 24.0;
        let part = (exponent(connections) - first) / (last - first);
        LEFT + inset + part * (RIGHT - LEFT - 2.0 * inset)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - value / self.top * (BOTTOM - TOP)
    }

    fn draw_values(&self, svg: &mut String, unit: &str) {
        let count = (self.top / self.step).round() as u32;
        for nth in 0..=count {
            let value = f64::from(nth) * self.step;
            let y = self.y(value);
            let class = if nth == 0 { "axis" } else { "grid" };
            draw(
                svg,
                format_args!(
                    "<line class=\"{class}\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>"
                ),
            );
            let (x, y, label) = (LEFT - 8.0, y + 4.5, thousands(value));
            draw(svg, format_args!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>"));
        }
        let (middle, unit) = ((TOP + BOTTOM) / 2.0, escaped(unit));
        draw(
            svg,
            format_args!(
                "<text transform=\"translate(18 {middle}) rotate(-90)\" text-anchor=\"middle\">{unit}</text>"
            ),
        );
    }

    fn draw_connections(&self, svg: &mut String) {
        for connections in &self.connections {
            let (x, end, y) = (self.x(*connections), BOTTOM + 5.0, BOTTOM + 22.0);
            draw(
                svg,
                format_args!(
                    "<line class=\"axis\" x1=\"{x:.1}\" y1=\"{BOTTOM}\" x2=\"{x:.1}\" y2=\"{end}\"/>"
                ),
            );
            draw(
                svg,
                format_args!("<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{connections}</text>"),
            );
        }
        let (x, y) = ((LEFT + RIGHT) / 2.0, BOTTOM + 48.0);
        draw(svg, format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">connections</text>"));
    }
}

/// A line, its points and its place in the legend. Beyond as many as there are colours, lines are dashed.
fn draw_line(svg: &mut String, line: &Line, nth: usize, scale: &Scale) {
    let colour = COLOURS[nth % COLOURS.len()];
    let dashes = match nth / COLOURS.len() {
        0 => String::new(),
        round => format!(" stroke-dasharray=\"{} 4\"", 12 / round),
    };
    let places: Vec<(f64, f64)> =
        line.points.iter().map(|point| (scale.x(point.0), scale.y(point.1))).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let path = path.join(" ");
    draw(svg, format_args!("<polyline class=\"line\" stroke=\"{colour}\"{dashes} points=\"{path}\"/>"));
    for ((x, y), (connections, value)) in places.iter().zip(&line.points) {
        let tip = format!("{}: {} at {connections}", escaped(&line.name), thousands(*value));
        draw(
            svg,
            format_args!(
                "<circle fill=\"{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{tip}</title></circle>"
            ),
        );
    }
    let (start, end, text, y) = (RIGHT + 16.0, RIGHT + 40.0, RIGHT + 48.0, TOP + 8.0 + 22.0 * nth as f64);
    draw(
        svg,
        format_args!(
            "<line class=\"line\" stroke=\"{colour}\"{dashes} x1=\"{start}\" y1=\"{y}\" x2=\"{end}\" y2=\"{y}\"/>"
        ),
    );
    let (y, name) = (y + 4.5, escaped(&line.name));
    draw(svg, format_args!("<text x=\"{text}\" y=\"{y}\">{name}</text>"));
}

/// Adds an element on a line of its own.
fn draw(svg: &mut String, element: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(svg, "{element}");
}

/// The next of 1, 2, 2.5 and 5 with any power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(least.log10().floor());
    let rounds = [1.0, 2.0, 2.5, 5.0, 10.0];
    let round = rounds.into_iter().find(|round| round * power >= least * 0.999_999);
    round.unwrap_or(10.0) * power
}

/// A value with thousands set apart; small ones with a decimal.
fn thousands(value: f64) -> String {
    if value != 0.0 && value < 10.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(lines: &[(&str, &[(u32, f64)])]) -> Chart {
        let lines =
            lines.iter().map(|(name, points)| Line { name: (*name).to_owned(), points: points.to_vec() });
        Chart { title: "GET <manifest> & more".into(), unit: "requests/s".into(), lines: lines.collect() }
    }

    /// The points of the nth polyline.
    fn places(svg: &str, nth: usize) -> Vec<(f64, f64)> {
        let element = svg.split("<polyline").nth(nth + 1).unwrap();
        let points = element.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let point =
            |point: &str| point.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()));
        points.split(' ').map(|text| point(text).unwrap()).collect()
    }

    #[test]
    fn each_server_has_a_line_a_colour_and_a_name() {
        let svg =
            chart(&[("longshore", &[(1, 10.0), (32, 50.0)]), ("nginx", &[(1, 20.0), (32, 40.0)])]).svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 4);
        for name in ["longshore", "nginx"] {
            assert!(svg.contains(&format!(">{name}</text>")), "{svg}");
        }
        assert!(svg.contains(COLOURS[0]) && svg.contains(COLOURS[1]));
        assert!(svg.contains("GET &lt;manifest&gt; &amp; more"), "text is escaped: {svg}");
    }

    #[test]
    fn doublings_are_equally_wide_and_more_is_higher() {
        let svg = chart(&[("a", &[(1, 10.0), (2, 20.0), (4, 5.0)])]).svg();
        let places = places(&svg, 0);
        let (first, second) = (places[1].0 - places[0].0, places[2].0 - places[1].0);
        assert!((first - second).abs() < 0.2, "{places:?}");
        assert!(places[1].1 < places[0].1 && places[0].1 < places[2].1, "{places:?}");
        assert!(places.iter().all(|(x, y)| (LEFT..=RIGHT).contains(x) && (TOP..=BOTTOM).contains(y)));
    }

    #[test]
    fn nothing_and_zeros_can_be_drawn() {
        for chart in [chart(&[]), chart(&[("a", &[])]), chart(&[("a", &[(8, 0.0)])])] {
            let svg = chart.svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn grid_lines_have_round_values() {
        for (least, step) in [(0.9, 1.0), (15_001.0, 20_000.0), (21.0, 25.0), (1000.0, 1000.0), (0.0, 1.0)] {
            assert_eq!(round_step(least), step, "{least}");
        }
        assert_eq!(thousands(104_000.0), "104,000");
        assert_eq!(thousands(0.0), "0");
        assert_eq!(thousands(2.5), "2.5");
    }
}
