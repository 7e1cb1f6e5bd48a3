//! Words of a condition: names, literals and operators, each with its place in the text.

use ncf::{Error, Result};

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A bare name or keyword, as written.
    Word(String),
    /// A name in backquotes: never a keyword.
    Name(String),
    /// A number, as written, without sign.
    Number(String),
    /// A string, escapes resolved.
    Text(String),
    /// Punctuation: `= <=> <> < <= > >= ( ) , + - .` (`!=` is `<>`, `==` is `=`).
    Symbol(&'static str),
}

/// A word and the character that it starts at, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) at: usize,
}

/// Longer symbols first, so that `<=>` is not read as `<=` and `>`.
const SYMBOLS: [(&str, &str); 15] = [
    ("<=>", "<=>"),
    ("<>", "<>"),
    ("!=", "<>"),
    ("<=", "<="),
    (">=", ">="),
    ("==", "="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    ("+", "+"),
    ("-", "-"),
    (".", "."),
];

/// The words of `text`.
pub(crate) fn tokens(text: &str) -> Result<Vec<Spanned>> {
    let mut lexer = Lexer { rest: text, at: 1 };
    let mut found = Vec::new();
    loop {
        lexer.take_while(char::is_whitespace);
        let at = lexer.at;
        let Some(first) = lexer.rest.chars().next() else {
            return Ok(found);
        };
        let second = lexer.rest.chars().nth(1);
        let token = match first {
            '\'' | '"' => Token::Text(lexer.quoted(first, true)?),
            '`' => Token::Name(lexer.quoted(first, false)?),
            '0'..='9' => lexer.number(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => lexer.number(),
            c if c.is_alphabetic() || c == '_' => {
                Token::Word(lexer.take_while(|c| c.is_alphanumeric() || c == '_').to_string())
            }
            other => lexer.symbol().ok_or_else(|| {
                Error::invalid_argument(format!(
                    "the condition has an unexpected {other} at character {at}; names with such characters go in `backquotes`"
                ))
            })?,
        };
        found.push(Spanned { token, at });
    }
}

struct Lexer<'a> {
    rest: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.at += taken.chars().count();
        taken
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !keep(c)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    fn symbol(&mut self) -> Option<Token> {
        let (written, symbol) =
            SYMBOLS.iter().find(|(written, _)| self.rest.starts_with(written))?;
        self.advance(written.len());
        Some(Token::Symbol(symbol))
    }

    /// Digits, a point, digits, an exponent; letters that follow are kept so that `12abc` is
    /// refused as a number instead of read as two words.
    fn number(&mut self) -> Token {
        let mut previous = ' ';
        let end = self.rest.char_indices().find(|(_, c)| {
            let sign_of_exponent = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E');
            previous = *c;
            !(c.is_alphanumeric() || *c == '.' || *c == '_' || sign_of_exponent)
        });
        let end = end.map_or(self.rest.len(), |(at, _)| at);
        Token::Number(self.advance(end).to_string())
    }

    /// A quoted run; the quote doubled stands for itself. Strings have Spark's backslash escapes;
    /// `\%` and `\_` stay as they are, for LIKE.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String> {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.rest.char_indices().peekable();
        chars.next();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                if chars.peek().is_some_and(|(_, next)| *next == quote) {
                    chars.next();
                } else {
                    self.advance(at + c.len_utf8());
                    return Ok(out);
                }
            }
            if c != '\\' || !escapes {
                out.push(c);
                continue;
            }
            match chars.next().map(|(_, next)| next) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\u{8}'),
                Some('0') => out.push('\0'),
                Some(kept @ ('%' | '_')) => out.extend(['\\', kept]),
                Some(other) => out.push(other),
                None => break,
            }
        }
        Err(Error::invalid_argument(format!(
            "the {quote} at character {start} of the condition is never closed"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|spanned| spanned.token).collect()
    }

    #[test]
    fn finds_the_longest_symbols() {
        use Token::Symbol;
        assert_eq!(
            words("<=> <= < <> != == ="),
            ["<=>", "<=", "<", "<>", "<>", "=", "="].map(Symbol)
        );
    }

    #[test]
    fn reads_names_strings_and_numbers() {
        assert_eq!(
            words("`a ``b`=1.5e-3"),
            [Token::Name("a `b".into()), Token::Symbol("="), Token::Number("1.5e-3".into())]
        );
        assert_eq!(words(r"'it''s \'\n\%'"), [Token::Text("it's '\n\\%".into())]);
        assert_eq!(words("größe"), [Token::Word("größe".into())]);
        assert_eq!(
            words("s.`a.b`.5"),
            [
                Token::Word("s".into()),
                Token::Symbol("."),
                Token::Name("a.b".into()),
                Token::Number(".5".into())
            ]
        );
        assert_eq!(
            words("1-2"),
            [Token::Number("1".into()), Token::Symbol("-"), Token::Number("2".into())]
        );
    }

    #[test]
    fn says_where_it_stumbled() {
        let message = |text: &str| tokens(text).unwrap_err().to_string();
        assert!(message("a = 'x").contains("character 5"));
        assert!(message("é ; b").contains("character 3"));
    }
}
