//! HTML as the pages write it, read back: every element closed, every attribute in double quotes. What is not so fails.

/// An element with what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    Element(Element),
}

/// They have no end.
const VOID: [&str; 7] = ["meta", "link", "input", "img", "br", "hr", "wbr"];
/// They stand in a line of text.
const INLINE: [&str; 12] =
    ["a", "span", "code", "time", "b", "i", "em", "strong", "kbd", "small", "mark", "abbr"];

impl Element {
    /// Reads a document or a part of one.
    ///
    /// # Panics
    /// When something is not closed, or closed by another.
    pub(crate) fn parse(html: &str) -> Self {
        let mut open = vec![Self::default()];
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            push_text(&mut open, &rest[..start]);
            rest = &rest[start..];
            if let Some(after) = rest.strip_prefix("<!--") {
                rest = after.split_once("-->").expect("a comment ends").1;
                continue;
            }
            // `>` is written as `&gt;` in the values of attributes.
            let (tag, after) = rest[1..].split_once('>').unwrap_or_else(|| panic!("no end: {rest}"));
            rest = after;
            if tag.starts_with('!') {
                continue;
            }
            if let Some(name) = tag.strip_prefix('/') {
                let done = open.pop().expect("the root is open");
                assert_eq!(done.name, name, "</{name}> closes <{}>", done.name);
                push(&mut open, done);
                continue;
            }
            let element = start_tag(tag.strip_suffix('/').unwrap_or(tag));
            match VOID.contains(&element.name.as_str()) {
                true => push(&mut open, element),
                false => open.push(element),
            }
        }
        push_text(&mut open, rest);
        let root = open.pop().expect("the root is open");
        assert!(open.is_empty(), "<{}> is not closed", root.name);
        root
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names of its attributes.
    pub(crate) fn attribute_names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// It and all elements in it, in their order.
    pub(crate) fn all(&self) -> Vec<&Self> {
        let mut found = vec![self];
        for child in &self.children {
            if let Node::Element(element) = child {
                found.extend(element.all());
            }
        }
        found
    }

    /// The elements of that name in it.
    pub(crate) fn named(&self, name: &str) -> Vec<&Self> {
        self.all().into_iter().filter(|element| element.name == name).collect()
    }

    /// What somebody reads: blanks count once.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// As it is, for what blanks count in.
    pub(crate) fn raw_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) {
        if ["head", "script", "style", "datalist"].contains(&self.name.as_str()) {
            return;
        }
        let blank = if INLINE.contains(&self.name.as_str()) { "" } else { " " };
        for child in &self.children {
            match child {
                Node::Text(piece) => text.push_str(piece),
                Node::Element(element) => element.write_text(text),
            }
        }
        text.push_str(blank);
    }
}

fn push(open: &mut [Element], element: Element) {
    open.last_mut().expect("nothing is closed more often than opened").children.push(Node::Element(element));
}

fn push_text(open: &mut [Element], text: &str) {
    if !text.is_empty() {
        let parent = open.last_mut().expect("nothing is closed more often than opened");
        let text = unescape(text);
        // Blocks that follow each other do not run together.
        let blank = if VOID.contains(&parent.name.as_str()) { " " } else { "" };
        parent.children.push(Node::Text(format!("{blank}{text}")));
    }
}

fn start_tag(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    assert!(
        name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "<{tag}>: what came with data is not escaped"
    );
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find([' ', '=']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(quoted) = after.strip_prefix("=\"") else {
            attributes.push((name.to_owned(), String::new()));
            rest = after;
            continue;
        };
        let (value, after) = quoted.split_once('"').unwrap_or_else(|| panic!("<{tag}>: a quote is open"));
        attributes.push((name.to_owned(), unescape(value)));
        rest = after;
    }
    Element { name: name.to_owned(), attributes, children: Vec::new() }
}

/// The five that the pages use.
fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&amp;", "&")
}
