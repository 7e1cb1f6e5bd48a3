//! The templates of a column chunk as readers have them.

use ncf_core::{Budget, Error, Result, Values};

use super::stepped::{STEP, padded};
use super::text_forms::{NUMBER_ROOM, write_digits};

/// Columns of slots that a chunk may have.
pub(crate) const COLUMNS: usize = 64;
/// The column of a step that ends with no slot.
pub(crate) const NO_COLUMN: u8 = 64;
/// Templates of a chunk: their numbers fit 16 bits.
pub(crate) const MAX_TEMPLATES: usize = i16::MAX as usize;
/// The byte that begins a slot: two more follow, its column and its digits. Templates have it nowhere else.
pub(crate) const MARK: u8 = 0x1a;
/// Digits to which numbers may be filled up with zeros; 0 stands for text.
pub(crate) const MAX_DIGITS: u8 = 18;

/// A part of a template: at most so many bytes of text, and the slot after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The text, padded with zeros.
    pub(crate) text: [u8; STEP],
    /// Its bytes.
    pub(crate) len: u8,
    /// The column whose next value follows; [`NO_COLUMN`] where the text goes on or the template ends.
    pub(crate) column: u8,
    /// The digits of a number at least; 0 for text.
    pub(crate) digits: u8,
}

/// The steps of templates by their numbers, from 1 on.
#[derive(Debug)]
pub(crate) struct Steps {
    all: Vec<Step>,
    /// Where those of template `n` end, at `n`; those of number 0 are none.
    ends: Vec<u32>,
}

impl Steps {
    /// For so many templates and steps.
    fn new(templates: usize, steps: usize, budget: &Budget) -> Result<Self> {
        let mut ends: Vec<u32> = budget.vec("templates", templates.saturating_add(1))?;
        ends.push(0);
        Ok(Self { all: budget.vec("steps of templates", steps)?, ends })
    }

    /// Adds text and the slot after it to the next template.
    fn push(&mut self, text: &[u8], column: u8, digits: u8) {
        let mut rest = text;
        while let Some((head, after)) = rest.split_at_checked(STEP).filter(|_| rest.len() > STEP) {
            self.all.push(Step::new(head, NO_COLUMN, 0));
            rest = after;
        }
        if !rest.is_empty() || column != NO_COLUMN {
            self.all.push(Step::new(rest, column, digits));
        }
    }

    /// Ends the next template.
    fn end(&mut self) {
        // Fewer than the bytes of a column.
        self.ends.push(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
    }

    /// The steps of a template; none of number 0.
    #[inline]
    pub(crate) fn of(&self, template: i16) -> &[Step] {
        let number = usize::from(template.cast_unsigned());
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before));
        match (start, self.ends.get(number)) {
            (Some(start), Some(end)) => self.all.get(*start as usize..*end as usize).unwrap_or(&[]),
            _ => &[],
        }
    }
}

impl Step {
    /// Of at most [`STEP`] bytes.
    fn new(text: &[u8], column: u8, digits: u8) -> Self {
        Self { text: padded(text), len: text.len().to_le_bytes()[0], column, digits }
    }
}

/// The templates of a chunk.
#[derive(Debug)]
pub(crate) struct TemplateTable {
    steps: Steps,
    /// What columns hold; `None` where no template has them.
    kinds: [Option<Kind>; COLUMNS],
}

/// What a column of slots holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Numbers of at least so many digits; `None` where slots differ in that.
    Numbers(Option<u8>),
}

/// The one value of a column in a page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Same {
    /// A number.
    Number(u64),
    /// Text and its length.
    Text([u8; NUMBER_ROOM], usize),
}

impl Same {
    /// The one value of a column, unless it is too long to stand in a template. `Corrupt` for one that no slot holds.
    pub(crate) fn of(value: &Values) -> Result<Option<Self>> {
        Ok(match value {
            Values::I64(numbers) => match numbers.first().map(|number| u64::try_from(*number)) {
                Some(Ok(number)) => Some(Self::Number(number)),
                _ => return Err(Error::corrupt("a number in a slot is negative")),
            },
            Values::Bytes(texts) if texts.byte_len() == 0 => {
                return Err(Error::corrupt("a text in a slot has no bytes"));
            }
            Values::Bytes(texts) if texts.byte_len() <= NUMBER_ROOM => {
                Some(Self::Text(padded(texts.get(0)), texts.byte_len()))
            }
            _ => None,
        })
    }

    fn append(self, digits: u8, to: &mut Vec<u8>) {
        let mut number_text = [0; NUMBER_ROOM];
        let (text, len) = match self {
            Self::Text(text, len) => (text, len),
            Self::Number(number) => {
                let len = write_digits(number, digits.into(), &mut number_text);
                (number_text, len)
            }
        };
        to.extend_from_slice(text.get(..len).unwrap_or(&text));
    }
}

/// How many values a page's rows take.
pub(crate) struct Uses {
    /// Rows of each template.
    rows: Vec<usize>,
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
        // One for each slot and each end, and where text is longer than a step.
        let steps = slots + all.len() + all.byte_len() / STEP;
        let steps = Steps::new(all.len(), steps, budget)?;
        let mut table = Self { steps, kinds: [None; COLUMNS] };
        for template in all.iter() {
            table.add(template)?;
            table.steps.end();
        }
        Ok(table)
    }

    /// Adds the steps of a template.
    fn add(&mut self, template: &[u8]) -> Result<()> {
        let mut rest = template;
        while let Some(mark) = rest.iter().position(|byte| *byte == MARK) {
            let (text, slot) = rest.split_at(mark);
            let [_, column, digits, after @ ..] = slot else {
                return Err(Error::corrupt("a template ends inside a slot"));
            };
            self.add_slot(*column, *digits)?;
            self.steps.push(text, *column, *digits);
            rest = after;
        }
        self.steps.push(rest, NO_COLUMN, 0);
        Ok(())
    }

    /// Notes what a column holds.
    fn add_slot(&mut self, column: u8, digits: u8) -> Result<()> {
        let wrong = || Error::corrupt(format!("a slot of column {column} and {digits} digits"));
        let kind = self.kinds.get_mut(usize::from(column)).filter(|_| digits <= MAX_DIGITS);
        let kind = kind.ok_or_else(wrong)?;
        let own = if digits == 0 { Kind::Text } else { Kind::Numbers(Some(digits)) };
        *kind = Some(match (*kind, own) {
            (None, own) => own,
            (Some(Kind::Text), Kind::Text) => own,
            (Some(Kind::Numbers(before)), Kind::Numbers(_)) => {
                Kind::Numbers(before.filter(|before| *before == digits))
            }
            _ => return Err(Error::corrupt("a column of slots holds both text and numbers")),
        });
        Ok(())
    }

    /// Bytes that the table takes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        size_of_val(&*self.steps.all) + size_of_val(&*self.steps.ends)
    }

    /// The steps of all templates.
    pub(crate) fn steps(&self) -> &Steps {
        &self.steps
    }

    /// The steps of the templates that rows have, with columns of one value made text.
    pub(crate) fn folded(
        &self,
        uses: &Uses,
        same: &[Option<Same>; COLUMNS],
        budget: &Budget,
    ) -> Result<Steps> {
        let used = (0..=i16::MAX).zip(&uses.rows).filter(|(_, rows)| **rows > 0);
        let before: usize = used.map(|(template, _)| self.steps.of(template).len()).sum();
        // A step and a value are less than two steps.
        let mut folded = Steps::new(uses.rows.len(), 2 * before, budget)?;
        let mut text = Vec::new();
        for (template, rows) in (0..=i16::MAX).zip(&uses.rows).skip(1) {
            let steps = self.steps.of(template).iter().filter(|_| *rows > 0);
            for Step { text: own, len, column, digits } in steps {
                text.extend_from_slice(own.get(..usize::from(*len)).unwrap_or(own));
                match same.get(usize::from(*column)) {
                    Some(Some(value)) => value.append(*digits, &mut text),
                    Some(None) => {
                        folded.push(&text, *column, *digits);
                        text.clear();
                    }
                    None => {}
                }
            }
            folded.push(&text, NO_COLUMN, 0);
            text.clear();
            folded.end();
        }
        Ok(folded)
    }

    /// What a column holds; `None` where no template has it.
    pub(crate) fn kind(&self, column: usize) -> Option<Kind> {
        self.kinds.get(column).copied().flatten()
    }

    /// What the rows of a page take. `Corrupt` for a template that the table does not have.
    pub(crate) fn uses(&self, templates: &[i16], budget: &Budget) -> Result<Uses> {
        let mut rows: Vec<usize> = budget.vec("rows of templates", self.steps.ends.len())?;
        rows.resize(self.steps.ends.len(), 0);
        for template in templates {
            let count = rows.get_mut(usize::from(template.cast_unsigned())).ok_or_else(|| {
                Error::corrupt(format!("template {template} is not in the chunk's table"))
            })?;
            *count += 1;
        }
        let mut columns = [0usize; COLUMNS];
        for (template, rows) in (0..=i16::MAX).zip(&rows).filter(|(_, rows)| **rows > 0) {
            for step in self.steps.of(template) {
                if let Some(count) = columns.get_mut(usize::from(step.column)) {
                    *count = count.saturating_add(*rows);
                }
            }
        }
        let exceptions = rows.first().copied().unwrap_or(0);
        Ok(Uses { rows, exceptions, columns })
    }
}
