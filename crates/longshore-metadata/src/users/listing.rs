//! Users by what is asked of them.

use super::{COLUMNS, UserRecord};
use crate::{
    MetadataError, Page, ReadTx, TextFilter,
    conditions::Conditions,
    sql::{at_most, one_more, page, text_key},
};

/// Which users. All that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserFilter<'a> {
    /// The name to log in with.
    pub name: Option<TextFilter<'a>>,
    /// The address.
    pub email: Option<TextFilter<'a>>,
    /// What people call them.
    pub real_name: Option<TextFilter<'a>>,
    /// Who vouches for them.
    pub source: Option<TextFilter<'a>>,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserOrder {
    /// By name.
    #[default]
    Name,
    /// By name, the last first.
    NameDescending,
    /// As they were made.
    Id,
    /// The newest first.
    IdDescending,
}

impl<'a> UserFilter<'a> {
    fn add_to(&self, conditions: &mut Conditions<'a>) {
        conditions.text("name", self.name);
        conditions.text("email", self.email);
        conditions.text("real_name", self.real_name);
        conditions.text("source", self.source);
    }
}

impl ReadTx {
    /// Users in an order, without the first `skip`: these are read all the same, so whoever pages by number pays for the
    /// pages before. Whoever pages by name after [`UserRecord::name`] does not: `after` is the last one of the page
    /// before, and goes with [`UserOrder::Name`] alone.
    pub async fn users_page(
        &mut self,
        filter: &UserFilter<'_>,
        order: UserOrder,
        after: Option<&str>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<UserRecord>, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        filter.add_to(&mut conditions);
        // A bound in every case: the order's index is walked from there.
        let order = match order {
            UserOrder::Name => {
                conditions.compare("name", ">", text_key(after));
                "name"
            }
            UserOrder::NameDescending => {
                conditions.compare("name", ">", "");
                "name DESC"
            }
            UserOrder::Id => {
                conditions.compare("id", ">", 0_i64);
                "id"
            }
            UserOrder::IdDescending => {
                conditions.compare("id", ">", 0_i64);
                "id DESC"
            }
        };
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(one_more(limit)), conditions.value(at_most(skip)));
        let sql = format!("SELECT {COLUMNS} FROM users {sql} ORDER BY {order} LIMIT ${rows} OFFSET ${skip}");
        page(self.query(&sql, &conditions.values).await?, limit, UserRecord::read)
    }

    /// How many there are.
    pub async fn users_count(&mut self, filter: &UserFilter<'_>) -> Result<u64, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        filter.add_to(&mut conditions);
        // All are: so that the index of names, which is smaller, is counted.
        conditions.compare("name", ">", "");
        let sql = format!("SELECT COUNT(*) FROM users {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }
}
