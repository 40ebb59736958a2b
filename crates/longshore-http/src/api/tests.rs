//! The shell: what its table promises, and over HTTP, with a real server and a table of its own.

mod content;
mod history;
mod projects;
mod requests;
mod robots;
mod server;
mod sessions;
mod table;
mod users;
