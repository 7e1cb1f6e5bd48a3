//! Conditions of `--where`: a subset of Spark SQL, turned into a [`ncf::Predicate`] that is typed by
//! the schema. `docs/guide/cli.md` documents the grammar.
//!
//! ```text
//! condition  := and (OR and)*
//! and        := not (AND not)*
//! not        := NOT not | "(" condition ")" | test
//! test       := operand (= | == | <=> | <> | != | < | <= | > | >=) operand
//!             | operand IS [NOT] NULL                   -- of a column or field of any type
//!             | operand [NOT] IN "(" literal ("," literal)* ")"
//!             | operand [NOT] BETWEEN operand AND operand
//!             | column [NOT] LIKE string            -- 'a', 'a%', '%a', '%a%'
//!             | boolean column | TRUE | FALSE | NULL
//! operand    := column | literal
//! column     := name ("." name)*                       -- a column, then fields of structs
//! name       := word | `any name`
//! literal    := number | string | TRUE | FALSE | NULL | DATE string | TIMESTAMP string | X string
//! ```

mod bind;
mod lexer;
mod parser;

pub(crate) use parser::parse;

#[cfg(test)]
mod tests;
