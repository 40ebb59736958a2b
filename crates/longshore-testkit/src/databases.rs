//! The same tests over both databases.

/// Makes two tests of each named function of the module: one on SQLite, one on PostgreSQL. Each function gets what
/// `support::sqlite` or `support::postgres` of the calling crate makes.
#[macro_export]
#[expect(clippy::crate_in_macro_def, reason = "what tests start from is their own crate's")]
macro_rules! on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::postgres().await).await;
            })*
        }
    };
}
