//! What somebody types as their name, in filters and distinguished names; names that a directory or an operator wrote.
#![no_main]

use ldap3::{asn1::ASNTag, parse_filter};
use libfuzzer_sys::fuzz_target;
use longshore_identity::{
    WildcardPattern,
    ldap::{Dn, escape_dn, escape_filter},
};

fuzz_target!(|text: &str| {
    // The filter stays one comparison (equalityMatch, [3]) with exactly that value.
    let filter = format!("(&(objectClass=person)(uid={}))", escape_filter(text));
    let both = parse_filter(filter).expect("a filter").into_structure();
    let parts = both.expect_constructed().expect("two filters");
    assert_eq!(parts.len(), 2);
    let comparison = parts.into_iter().nth(1).expect("the second");
    assert_eq!(comparison.id, 3);
    let parts = comparison.expect_constructed().expect("attribute and value");
    let parts: Vec<_> = parts.into_iter().filter_map(|part| part.expect_primitive()).collect();
    assert_eq!(parts, [b"uid".to_vec(), text.as_bytes().to_vec()]);

    // The name keeps its place below the base.
    let base = Dn::parse("ou=people,dc=example,dc=org").expect("a name");
    let below = format!("uid={},{}", escape_dn(text), base.as_str());
    if let Ok(dn) = Dn::parse(&below) {
        assert!(dn.is_within(&base) && dn != base);
    } else {
        assert!(below.len() > 4 * 1024);
    }

    // One form of a name is its own one form.
    if let Ok(dn) = Dn::parse(text) {
        assert_eq!(Dn::parse(dn.as_str()).as_ref(), Ok(&dn));
        assert!(dn.is_within(&dn));
    }
    if let Ok(pattern) = text.parse::<WildcardPattern>() {
        assert!(pattern.matches(&text.replace('*', "")));
        assert!(pattern.matches(text));
    }
});
