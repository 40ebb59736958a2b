//! One file for each group of operations. A handler reads the request, makes one call of a use case, writes the reply.

pub(crate) mod description;
pub(crate) mod system;
