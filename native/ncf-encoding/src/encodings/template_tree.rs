//! The templates of a chunk as a tree of what they begin with alike: one walk finds the template of most strings, with
//! no need to take words apart.

use super::stepped::padded;
use super::template_table::{MARK, MAX_DIGITS};
use super::template_writer::{Part, in_word, is_canonical};

/// A radix tree (Morrison, 1968) whose edges are text or slots.
#[derive(Debug, Default)]
pub(super) struct TemplateTree {
    /// The first is the root.
    nodes: Vec<Node>,
}

/// What can follow a beginning of templates.
#[derive(Debug, Default)]
struct Node {
    /// Text that comes first.
    text: Vec<u8>,
    /// Its first bytes, little-endian, and ones for as many.
    head: (u128, u128),
    /// The number of the template that ends after it; 0 where none does.
    template: i16,
    /// Nodes whose text begins with a byte.
    next: Vec<(u8, usize)>,
    /// Column and digits of a number that may follow, and the node after it.
    number: Option<(u8, u8, usize)>,
    /// Column of a text that may follow, and the node after it.
    word: Option<(u8, usize)>,
}

/// The first bytes as a number, little-endian.
fn head(bytes: &[u8]) -> u128 {
    u128::from_le_bytes(padded(bytes))
}

impl Node {
    /// What follows the node's text in a string that begins with it.
    #[inline]
    fn strip<'a>(&self, string: &'a [u8]) -> Option<&'a [u8]> {
        // Most texts are short, and are compared at once.
        match string.first_chunk() {
            Some(first) if self.text.len() <= first.len() => {
                let (head, mask) = self.head;
                let same = u128::from_le_bytes(*first) & mask == head;
                same.then(|| string.get(self.text.len()..)).flatten()
            }
            _ => string.strip_prefix(self.text.as_slice()),
        }
    }
}

impl TemplateTree {
    /// The tree of templates that are numbered from 1 on.
    pub(super) fn of<'a>(templates: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut tree = Self { nodes: vec![Node::default()] };
        for (number, template) in (1i16..).zip(templates) {
            tree.insert(number, template);
        }
        for node in &mut tree.nodes {
            let ones: Vec<u8> = node.text.iter().map(|_| u8::MAX).collect();
            node.head = (head(&node.text), head(&ones));
        }
        tree
    }

    fn insert(&mut self, number: i16, template: &[u8]) {
        let (mut node, mut rest) = (0, template);
        while !rest.is_empty() {
            let mark = rest.iter().position(|byte| *byte == MARK).unwrap_or(rest.len());
            let (text, slot) = rest.split_at(mark);
            node = self.insert_text(node, text);
            let [_, column, digits, after @ ..] = slot else { break };
            node = self.insert_slot(node, *column, *digits);
            rest = after;
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.template = number;
        }
    }

    /// The node after some text.
    fn insert_text(&mut self, from: usize, text: &[u8]) -> usize {
        let (mut node, mut rest) = (from, text);
        while let Some(first) = rest.first() {
            let edges = self.nodes.get(node).map_or(&[][..], |node| node.next.as_slice());
            let Some(child) = edges.iter().find(|(byte, _)| byte == first).map(|(_, child)| *child)
            else {
                return self.add(node, rest);
            };
            let have = self.nodes.get(child).map_or(&[][..], |child| child.text.as_slice());
            let same = have.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if same < have.len() {
                self.split(child, same);
            }
            (node, rest) = (child, rest.get(same..).unwrap_or(&[]));
        }
        node
    }

    /// Adds a node with text below another.
    fn add(&mut self, below: usize, text: &[u8]) -> usize {
        let at = self.nodes.len();
        if let (Some(node), Some(first)) = (self.nodes.get_mut(below), text.first()) {
            node.next.push((*first, at));
        }
        self.nodes.push(Node { text: text.to_vec(), ..Node::default() });
        at
    }

    /// Cuts a node's text: what follows moves into a node below it.
    fn split(&mut self, node: usize, at: usize) {
        let below = self.nodes.len();
        let Some(node) = self.nodes.get_mut(node) else { return };
        let rest = node.text.split_off(at);
        let first = rest.first().copied().unwrap_or_default();
        let text = std::mem::take(&mut node.text);
        let whole =
            std::mem::replace(node, Node { text, next: vec![(first, below)], ..Node::default() });
        self.nodes.push(Node { text: rest, ..whole });
    }

    /// The node after a slot. What comes before a slot tells its column, so that one node has one of each kind.
    fn insert_slot(&mut self, node: usize, column: u8, digits: u8) -> usize {
        let new = self.nodes.len();
        let Some(node) = self.nodes.get_mut(node) else { return new };
        let after = match digits {
            0 => node.word.get_or_insert((column, new)).1,
            digits => node.number.get_or_insert((column, digits, new)).2,
        };
        if after == new {
            self.nodes.push(Node::default());
        }
        after
    }

    /// The template of a string, and what stands in its slots; `None` where the walk does not end at one, which does not
    /// say that there is none.
    pub(super) fn find<'a>(
        &self,
        string: &'a [u8],
        slots: &mut Vec<(u8, Part<'a>)>,
    ) -> Option<i16> {
        slots.clear();
        let (mut node, mut rest) = (self.nodes.first()?, string);
        loop {
            rest = node.strip(rest)?;
            let Some(first) = rest.first() else {
                return Some(node.template).filter(|template| *template != 0);
            };
            let next = if let Some((_, next)) = node.next.iter().find(|(byte, _)| byte == first) {
                *next
            } else if let Some((column, digits, next)) = node.number
                && first.is_ascii_digit()
            {
                let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (number, after) = rest.split_at(len);
                let whole = !after.first().is_some_and(|byte| in_word(*byte));
                if len > usize::from(MAX_DIGITS) || !whole || !is_canonical(number, digits) {
                    return None;
                }
                slots.push((column, Part::Number(number)));
                rest = after;
                next
            } else if let Some((column, next)) = node.word
                && in_word(*first)
            {
                let len = rest.iter().take_while(|byte| in_word(**byte)).count();
                let (word, after) = rest.split_at(len);
                slots.push((column, Part::Text(word)));
                rest = after;
                next
            } else {
                return None;
            };
            node = self.nodes.get(next)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_begin_alike_are_told_apart() {
        let templates: [&[u8]; 6] = [
            b"id=\x1a\x02\x01 ok",
            b"id=\x1a\x02\x01 of \x1a\x03\x00",
            b"id=\x1a\x02\x01",
            b"idle",
            b"\x1a\x04\x02:\x1a\x05\x02",
            b"id=\x1a\x06\x00!",
        ];
        let tree = TemplateTree::of(templates.into_iter());
        let mut slots = Vec::new();
        let mut find = |string: &'static str| {
            let found = tree.find(string.as_bytes(), &mut slots);
            (found, slots.iter().map(|(column, _)| *column).collect::<Vec<_>>())
        };
        assert_eq!(find("id=7 ok"), (Some(1), vec![2]));
        assert_eq!(find("id=12 of né_1"), (Some(2), vec![2, 3]));
        assert_eq!(find("id=0"), (Some(3), vec![2]));
        assert_eq!(find("idle"), (Some(4), vec![]));
        assert_eq!(find("07:123"), (Some(5), vec![4, 5]));
        assert_eq!(find("id=x!"), (Some(6), vec![6]));
        for none in ["", "id", "id=", "id=07 ok", "id=7a ok", "7:07", "id=7 of", "idler", "x"] {
            assert_eq!(find(none).0, None, "{none}");
        }
        assert_eq!(find("id=1234567890123456789").0, None);
        assert_eq!(TemplateTree::of(std::iter::empty()).find(b"a", &mut Vec::new()), None);
    }
}
