//! Bytes of an image that nobody sees, and what each layer does.

use maud::html;
use serde::Deserialize;

use super::{Frame, layers::share};
use crate::{answer::Answered, language::t, pairs::encode, ui};

/// What of an image is never seen, as the management API shows it.
#[derive(Deserialize)]
struct Waste {
    total_size: u64,
    wasted_size: u64,
    efficiency: f64,
    paths: Vec<Wasted>,
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Wasted {
    path: String,
    copies: usize,
    wasted_size: u64,
    removed: bool,
}

#[derive(Deserialize)]
struct Layer {
    added: usize,
    changed: usize,
    removed: usize,
    size: u64,
}

/// `/repositories/NAME/-/images/REFERENCE/waste`.
pub(super) async fn page(frame: &Frame<'_>) -> Answered {
    let cx = frame.cx;
    let waste: Waste = cx.get(frame.api("files/waste", "")).await?;
    let (wasted, total) = (ui::bytes(waste.wasted_size), ui::bytes(waste.total_size));
    let percent = format!("{:.1} %", waste.efficiency * 100.0);
    let layer_heads = [
        t!(cx, "Layer", "层"),
        t!(cx, "Adds", "添加"),
        t!(cx, "Changes", "更改"),
        t!(cx, "Removes", "移除"),
        t!(cx, "Size, unpacked", "解压后大小"),
    ];
    let heads = [
        t!(cx, "Path", "路径"),
        t!(cx, "Copies", "副本数"),
        t!(cx, "Wasted", "浪费"),
        t!(cx, "In the end", "最终状态"),
    ];
    let body = html! {
        p class="lead" { (t!(cx, "{percent} of the bytes are of use; {wasted} of {total} are overwritten or removed by a later layer.",
            "{percent} 的字节有用；{total} 中有 {wasted} 被后面的层覆盖或移除。")) }
        p { (ui::bar(share(waste.wasted_size, waste.total_size), &wasted)) }
        h2 { (t!(cx, "What each layer does", "每一层的更改")) }
        (ui::table(&t!(cx, "What each layer does", "每一层的更改"), &layer_heads, html! {
            @for (n, layer) in waste.layers.iter().enumerate() {
                tr {
                    td { a href=(frame.path("files", &format!("layer={}", n + 1))) { "#" (n + 1) } }
                    td class="number" { (layer.added) }
                    td class="number" { (layer.changed) }
                    td class="number" { (layer.removed) }
                    td { @let size = ui::bytes(layer.size); (size) " " (ui::bar(share(layer.size, waste.total_size), &size)) }
                }
            }
        }))
        @if waste.paths.is_empty() {
            p { (t!(cx, "Nothing is there in vain.", "没有浪费任何空间。")) }
        } @else {
            h2 { (t!(cx, "Where they are", "浪费的位置")) }
            (ui::table(&t!(cx, "Where they are", "浪费的位置"), &heads, html! {
                @for file in &waste.paths {
                    @let folder = file.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
                    tr {
                        td { a href=(frame.path("files", &format!("path={}", encode(folder)))) { (file.path) } }
                        td class="number" { (file.copies) }
                        td class="number" { (ui::bytes(file.wasted_size)) }
                        td { @if file.removed { (t!(cx, "removed", "已移除")) } @else { (t!(cx, "overwritten", "已覆盖")) } }
                    }
                }
            }))
        }
    };
    Ok(frame.page("waste", body))
}
