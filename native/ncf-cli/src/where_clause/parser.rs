//! From words to a typed predicate, by recursive descent with a limit on depth.

use ncf::{
    CompareOp, Error, FieldPath, FieldType, LogicalType, Predicate, Result, Schema, find_name,
};

use super::bind::{self, ColumnOperand, Operand};
use super::lexer::{Spanned, Token, tokens};

/// Brackets and NOTs inside one another; more is refused before the stack is in danger.
const MAX_DEPTH: usize = 64;

const KEYWORDS: [&str; 11] =
    ["AND", "OR", "NOT", "IN", "IS", "BETWEEN", "LIKE", "NULL", "TRUE", "FALSE", "ESCAPE"];

/// The predicate of a condition on rows of `schema`.
pub(crate) fn parse(text: &str, schema: &Schema) -> Result<Predicate> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, schema, depth: 0 };
    let predicate = parser.condition()?;
    match parser.peek() {
        None => Ok(predicate),
        Some(_) => Err(parser.unexpected("AND, OR or the end")),
    }
}

struct Parser<'a> {
    tokens: &'a [Spanned],
    next: usize,
    schema: &'a Schema,
    depth: usize,
}

impl Parser<'_> {
    fn condition(&mut self) -> Result<Predicate> {
        let mut parts = vec![self.conjunction()?];
        while self.keyword("OR") {
            parts.push(self.conjunction()?);
        }
        Ok(one_or(parts, Predicate::Or))
    }

    fn conjunction(&mut self) -> Result<Predicate> {
        let mut parts = vec![self.negation()?];
        while self.keyword("AND") {
            parts.push(self.negation()?);
        }
        Ok(one_or(parts, Predicate::And))
    }

    fn negation(&mut self) -> Result<Predicate> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::invalid_argument(format!(
                "the condition is nested deeper than {MAX_DEPTH} levels"
            )));
        }
        let predicate = if self.keyword("NOT") {
            not(self.negation()?)
        } else if self.symbol("(") {
            let inside = self.condition()?;
            self.expect(")")?;
            inside
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(predicate)
    }

    fn test(&mut self) -> Result<Predicate> {
        let left = self.operand()?;
        if let Some(op) = self.comparison() {
            let right = self.operand()?;
            return bind::compare(&left, op, &right);
        }
        if self.keyword("IS") {
            let negated = self.keyword("NOT");
            if !self.keyword("NULL") {
                return Err(self.unexpected("NULL"));
            }
            return Ok(match (bind::is_null(&left)?, negated) {
                (Predicate::IsNull(column), true) => Predicate::IsNotNull(column),
                (predicate, true) => not(predicate),
                (predicate, false) => predicate,
            });
        }
        let negated = self.keyword("NOT");
        let predicate = if self.keyword("IN") {
            let items = self.list()?;
            bind::in_list(&left, &items)?
        } else if self.keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.keyword("AND") {
                return Err(self.unexpected("AND"));
            }
            let high = self.operand()?;
            Predicate::And(vec![
                bind::compare(&left, CompareOp::GtEq, &low)?,
                bind::compare(&left, CompareOp::LtEq, &high)?,
            ])
        } else if self.keyword("LIKE") {
            let predicate = match self.advance() {
                Some(Token::Text(pattern)) => bind::like(&left, &pattern)?,
                _ => {
                    return Err(Error::invalid_argument("LIKE needs a 'pattern' on its right"));
                }
            };
            if self.keyword("ESCAPE") {
                return Err(Error::invalid_argument("ESCAPE is not supported; \\ escapes % and _"));
            }
            predicate
        } else if negated {
            return Err(self.unexpected("IN, BETWEEN or LIKE"));
        } else {
            bind::alone(&left)?
        };
        Ok(if negated { not(predicate) } else { predicate })
    }

    fn list(&mut self) -> Result<Vec<Operand>> {
        self.expect("(")?;
        let mut items = Vec::new();
        loop {
            let item = self.operand()?;
            if matches!(item, Operand::Column(_)) {
                return Err(Error::invalid_argument("IN takes literals, not columns"));
            }
            items.push(item);
            if !self.symbol(",") {
                self.expect(")")?;
                return Ok(items);
            }
        }
    }

    fn operand(&mut self) -> Result<Operand> {
        let sign = if self.symbol("-") { "-" } else { "" };
        let signed = !sign.is_empty() || self.symbol("+");
        if signed && !matches!(self.peek(), Some(Token::Number(_))) {
            return Err(self.unexpected("a number"));
        }
        match self.peek().cloned() {
            Some(Token::Number(digits)) => {
                self.next += 1;
                Ok(Operand::Number(format!("{sign}{digits}")))
            }
            Some(Token::Text(text)) => {
                self.next += 1;
                Ok(Operand::Text(text))
            }
            Some(Token::Name(name)) => {
                self.next += 1;
                self.column(&name)
            }
            Some(Token::Word(word)) => self.word(&word),
            _ => Err(self.unexpected("a column or a value")),
        }
    }

    fn word(&mut self, word: &str) -> Result<Operand> {
        let upper = word.to_uppercase();
        let constant = match upper.as_str() {
            "TRUE" => Some(Operand::Boolean(true)),
            "FALSE" => Some(Operand::Boolean(false)),
            "NULL" => Some(Operand::Null),
            _ if KEYWORDS.contains(&upper.as_str()) => {
                return Err(self.unexpected("a column or a value"));
            }
            _ => None,
        };
        self.next += 1;
        if let Some(constant) = constant {
            return Ok(constant);
        }
        // `date` may well be a column: only before a string is it the start of a literal.
        if let Some(Token::Text(text)) = self.peek().cloned() {
            let typed = match upper.as_str() {
                "DATE" => Some(Operand::Date(text)),
                "TIMESTAMP" | "TIMESTAMP_NTZ" => Some(Operand::Timestamp(text)),
                "X" => Some(Operand::Hex(text)),
                _ => None,
            };
            if let Some(typed) = typed {
                self.next += 1;
                return Ok(typed);
            }
        }
        self.column(word)
    }

    /// The column called `name`, or the field of it that the names after it lead to. As in Spark, case
    /// does not matter unless two names differ by it.
    fn column(&mut self, name: &str) -> Result<Operand> {
        let names = self.schema.fields.iter().map(|field| field.name.as_str());
        let column = self.schema.field(find_name(name, names).unwrap_or(name))?;
        let (mut field, mut fields) = (column, Vec::new());
        while self.symbol(".") {
            let name = match self.advance() {
                Some(Token::Word(name) | Token::Name(name)) => name,
                _ => {
                    return Err(Error::invalid_argument(format!(
                        "the condition needs the name of a field of {} after a dot; names that are no \
                         words go in `backquotes`",
                        FieldPath::new(&column.name, fields)
                    )));
                }
            };
            let FieldType::Struct(parts) = &field.field_type else {
                return Err(Error::invalid_argument(format!(
                    "{} is {}, which has no field {name}; a name with a dot goes in `backquotes`",
                    FieldPath::new(&column.name, fields),
                    field.field_type
                )));
            };
            let found = find_name(&name, parts.iter().map(|part| part.name.as_str()));
            let found = found.and_then(|found| parts.iter().find(|part| part.name == found));
            field = found.ok_or_else(|| {
                let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
                Error::invalid_argument(format!(
                    "there is no field {name} in {}; its fields are {}",
                    FieldPath::new(&column.name, fields.clone()),
                    names.join(", ")
                ))
            })?;
            fields.push(field.name.clone());
        }
        let path = FieldPath::new(&column.name, fields);
        let (field_type, logical) = (field.field_type.clone(), LogicalType::of(field));
        Ok(Operand::Column(ColumnOperand { path, field_type, logical }))
    }

    fn comparison(&mut self) -> Option<CompareOp> {
        CompareOp::ALL.into_iter().find(|op| self.symbol(op.sql()))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|spanned| &spanned.token)
    }

    fn advance(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(have)) if *have == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected(symbol)) }
    }

    fn unexpected(&self, wanted: &str) -> Error {
        let found = match self.tokens.get(self.next) {
            None => "it ends".to_string(),
            Some(Spanned { token, at }) => {
                let text = match token {
                    Token::Word(text) | Token::Number(text) => text.clone(),
                    Token::Name(text) => format!("`{text}`"),
                    Token::Text(text) => format!("'{text}'"),
                    Token::Symbol(symbol) => (*symbol).to_string(),
                };
                format!("{text} stands at character {at}")
            }
        };
        Error::invalid_argument(format!("the condition needs {wanted} where {found}"))
    }
}

fn one_or(mut parts: Vec<Predicate>, all: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            all(parts)
        }
        (_, None) => all(parts),
    }
}

fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}
