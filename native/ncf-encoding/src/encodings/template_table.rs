//! The templates of a column chunk as readers have them.

use ncf_core::{Budget, ByteValues, Error, Result, Values};

use super::stepped::{STEP, padded};

/// Columns of slots that a chunk may have.
pub(crate) const COLUMNS: usize = 64;
/// Templates of a chunk: their numbers fit 16 bits.
pub(crate) const MAX_TEMPLATES: usize = i16::MAX as usize;
/// The byte that begins a slot: two more follow, its column and its digits. Templates have it nowhere else.
pub(crate) const MARK: u8 = 0x1a;
/// Digits to which numbers may be filled up with zeros; 0 stands for text.
pub(crate) const MAX_DIGITS: u8 = 18;

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes of the table's text.
    Text { start: u32, end: u32 },
    /// The next value of a column: a number of at least so many digits, or text for 0.
    Slot { column: u8, digits: u8 },
}

/// Templates by their numbers, from 1 on.
#[derive(Debug)]
pub(crate) struct TemplateTable {
    all: ByteValues,
    pieces: Vec<Piece>,
    /// Of each piece that is text the first bytes, padded with zeros.
    heads: Vec<[u8; STEP]>,
    /// Where the pieces of template `n` end, at `n`; those of number 0 are none.
    ends: Vec<u32>,
    /// Whether a column holds text; `None` where no template has it.
    kinds: [Option<bool>; COLUMNS],
}

/// How many values a page's rows take.
pub(crate) struct Uses {
    pub(crate) exceptions: usize,
    pub(crate) columns: [usize; COLUMNS],
}

impl TemplateTable {
    /// Checks the values of a shared page.
    pub(crate) fn new(values: Values, budget: &Budget) -> Result<Self> {
        let Values::Bytes(all) = values else {
            return Err(Error::internal("templates are not strings"));
        };
        if all.len() > MAX_TEMPLATES {
            return Err(Error::corrupt(format!("a table of {} templates", all.len())));
        }
        let slots = all.iter().flatten().filter(|byte| **byte == MARK).count();
        let mut table = Self {
            // Before, between and after the slots.
            pieces: budget.vec("pieces of templates", 2 * slots + all.len())?,
            heads: budget.vec("texts of templates", 2 * slots + all.len())?,
            ends: budget.vec("templates", all.len() + 1)?,
            kinds: [None; COLUMNS],
            all,
        };
        table.ends.push(0);
        for template in 0..table.all.len() {
            let start = table.all.offsets.get(template).copied().unwrap_or_default();
            let text = table.all.get(template).to_vec();
            table.add(&text, start.cast_unsigned())?;
            // At most as many as the bytes of a column.
            table.ends.push(u32::try_from(table.pieces.len()).unwrap_or(u32::MAX));
        }
        Ok(table)
    }

    /// Adds the pieces of a template that stands at `start`.
    fn add(&mut self, template: &[u8], start: u32) -> Result<()> {
        let (mut rest, mut at) = (template, start);
        loop {
            let (text, slot) = match rest.iter().position(|byte| *byte == MARK) {
                Some(mark) => rest.split_at(mark),
                None => (rest, [].as_slice()),
            };
            // Bytes of a column are counted by 31 bits.
            let end = at + u32::try_from(text.len()).unwrap_or(0);
            if !text.is_empty() {
                self.pieces.push(Piece::Text { start: at, end });
                self.heads.push(padded(text));
            }
            let (column, digits, after) = match slot {
                [] => return Ok(()),
                [_, column, digits, after @ ..] => (*column, *digits, after),
                _ => return Err(Error::corrupt("a template ends inside a slot")),
            };
            let kind = self.kinds.get_mut(usize::from(column)).filter(|_| digits <= MAX_DIGITS);
            let kind = kind.ok_or_else(|| {
                Error::corrupt(format!("a slot of column {column} and {digits} digits"))
            })?;
            if *kind.get_or_insert(digits == 0) != (digits == 0) {
                return Err(Error::corrupt("a column of slots holds both text and numbers"));
            }
            self.pieces.push(Piece::Slot { column, digits });
            self.heads.push([0; STEP]);
            (rest, at) = (after, end + 3);
        }
    }

    /// Bytes that the table takes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        let strings = self.all.byte_len() + size_of_val(&*self.all.offsets);
        let pieces = size_of_val(&*self.pieces) + size_of_val(&*self.heads);
        strings + pieces + size_of_val(&*self.ends)
    }

    /// The pieces of a template and their heads; none of number 0.
    #[inline]
    pub(crate) fn pieces(&self, template: i16) -> impl Iterator<Item = (&Piece, &[u8; STEP])> {
        let number = usize::from(template.cast_unsigned());
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before));
        let range = match (start, self.ends.get(number)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        };
        let pieces = self.pieces.get(range.clone()).unwrap_or(&[]);
        pieces.iter().zip(self.heads.get(range).unwrap_or(&[]))
    }

    /// Bytes of a text piece.
    #[inline]
    pub(crate) fn text(&self, start: u32, end: u32) -> &[u8] {
        self.all.data.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// Whether a column holds text.
    pub(crate) fn is_text(&self, column: usize) -> bool {
        self.kinds.get(column).copied().flatten().unwrap_or(false)
    }

    /// What the rows of a page take. `Corrupt` for a template that the table does not have.
    pub(crate) fn uses(&self, templates: &[i16], budget: &Budget) -> Result<Uses> {
        let mut rows: Vec<usize> = budget.vec("rows of templates", self.ends.len())?;
        rows.resize(self.ends.len(), 0);
        for template in templates {
            let count = rows.get_mut(usize::from(template.cast_unsigned())).ok_or_else(|| {
                Error::corrupt(format!("template {template} is not in the chunk's table"))
            })?;
            *count += 1;
        }
        let mut uses = Uses { exceptions: 0, columns: [0; COLUMNS] };
        for (template, rows) in (0..=i16::MAX).zip(rows) {
            if template == 0 {
                uses.exceptions = rows;
            }
            if rows == 0 {
                continue;
            }
            for (piece, _) in self.pieces(template) {
                if let Piece::Slot { column, .. } = piece
                    && let Some(count) = uses.columns.get_mut(usize::from(*column))
                {
                    *count = count.saturating_add(rows);
                }
            }
        }
        Ok(uses)
    }
}
