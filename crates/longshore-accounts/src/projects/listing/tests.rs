use longshore_types::Timestamp;

use super::*;

fn record(id: i64, name: &str, public: bool) -> ProjectRecord {
    ProjectRecord {
        id: ProjectId::of_number(id),
        parent: None,
        name: name.parse().unwrap(),
        owner: None,
        public,
        created_at: Timestamp::from_unix_millis(id),
        updated_at: Timestamp::from_unix_millis(100 - id),
    }
}

/// Every page of every mixture of some public and some own projects, against the whole list.
#[test]
fn pages_are_parts_of_both_lists_together() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    for mixture in 0..(1_u32 << names.len()) {
        let is_public = |n: usize| mixture >> n & 1 == 1;
        let all: Vec<_> = (0..names.len()).map(|n| record(n as i64, names[n], is_public(n))).collect();
        for (order, descending) in
            [(ProjectOrder::Name, false), (ProjectOrder::Id, true), (ProjectOrder::Updated, false)]
        {
            for (skip, limit) in (0..9).flat_map(|skip| [1, 2, 3, 9].map(|limit| (skip, limit))) {
                let query = ProjectQuery { order, descending, skip, limit, ..ProjectQuery::default() };
                let sorted = |public: bool| {
                    let mut part: Vec<_> =
                        all.iter().filter(|record| record.public == public).cloned().collect();
                    part.sort_by(|a, b| compare(&query, a, b));
                    part
                };
                let own = sorted(false);
                let first = skip.saturating_sub(own.len());
                let most = limit + 2 * own.len();
                let public: Vec<_> = sorted(true).into_iter().skip(first).take(most).collect();
                let mut whole = all.clone();
                whole.sort_by(|a, b| compare(&query, a, b));
                let wanted: Vec<_> = whole.into_iter().skip(skip).take(limit).collect();
                assert_eq!(merge(&query, first, public, own), wanted, "{mixture:b} {skip} {limit}");
            }
        }
    }
}

#[test]
fn the_most_powerful_role_comes_first() {
    let roles = [2, 101, 4, 3].map(RoleId).into();
    assert_eq!(roles_by_power(roles), [4, 2, 3, 101]);
}
