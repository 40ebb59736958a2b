//! The conditions of a listing: texts of SQL with their parameters, numbered as they are added.

use crate::{TextFilter, migrations::Dialect, sql::Value};

/// What must hold of the rows of a listing; all of it.
pub(crate) struct Conditions<'a> {
    dialect: Dialect,
    texts: Vec<String>,
    pub(crate) values: Vec<Value<'a>>,
}

impl<'a> Conditions<'a> {
    /// None yet.
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, texts: Vec::new(), values: Vec::new() }
    }

    /// Of the database.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The number of a new parameter. It must stand in the statement after those before it.
    pub(crate) fn value(&mut self, value: impl Into<Value<'a>>) -> usize {
        self.values.push(value.into());
        self.values.len()
    }

    /// A column compared with a value.
    pub(crate) fn compare(&mut self, column: &str, operator: &str, value: impl Into<Value<'a>>) {
        let number = self.value(value);
        self.texts.push(format!("{column} {operator} ${number}"));
    }

    /// The parameters so far, for another part of the same statement.
    pub(crate) fn nothing_yet(self) -> Self {
        Self { texts: Vec::new(), ..self }
    }

    /// A condition that is written out; its parameters are those of [`Conditions::value`].
    pub(crate) fn says(&mut self, condition: impl Into<String>) {
        self.texts.push(condition.into());
    }

    /// A text in a column, if there is anything asked of it.
    pub(crate) fn text(&mut self, column: &str, filter: Option<TextFilter<'a>>) {
        let find = match self.dialect {
            Dialect::Sqlite => "instr",
            Dialect::Postgres => "strpos",
        };
        match filter {
            None => {}
            // What is stored never holds NUL, and PostgreSQL would not even compare it.
            Some(TextFilter::Is(text) | TextFilter::Begins(text) | TextFilter::Contains(text))
                if text.contains('\0') =>
            {
                self.texts.push("1 = 0".to_owned());
            }
            Some(TextFilter::Is(text)) => self.compare(column, "=", text),
            Some(TextFilter::Begins(text)) => {
                let number = self.value(text);
                self.texts.push(format!("{find}({column}, ${number}) = 1"));
            }
            Some(TextFilter::Contains(text)) => {
                let number = self.value(text);
                self.texts.push(format!("{find}({column}, ${number}) > 0"));
            }
        }
    }

    /// That there is a row in another table; `add` says what must hold of it.
    pub(crate) fn exists(&mut self, table: &str, add: impl FnOnce(&mut Self)) {
        let outer = std::mem::take(&mut self.texts);
        add(self);
        let inner = std::mem::replace(&mut self.texts, outer);
        self.texts.push(format!("EXISTS (SELECT 1 FROM {table} WHERE {})", inner.join(" AND ")));
    }

    /// Two columns that come, together, after two values.
    pub(crate) fn after(
        &mut self,
        columns: &str,
        (first, second): (impl Into<Value<'a>>, impl Into<Value<'a>>),
    ) {
        let (first, second) = (self.value(first), self.value(second));
        self.texts.push(format!("({columns}) > (${first}, ${second})"));
    }

    /// `WHERE …`, or nothing.
    pub(crate) fn sql(&self) -> String {
        match self.texts.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", self.texts.join(" AND ")),
        }
    }
}
