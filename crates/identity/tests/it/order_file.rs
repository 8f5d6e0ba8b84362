//! Orders to a committee, as operators write them.

use holobiont_identity::{Digest, OrderAction, OrderFile, Organism, UniqueId};

use crate::organism::EXAMPLE;

fn read(source: &str) -> Result<OrderFile, String> {
    let organism = Organism::parse(EXAMPLE).unwrap();
    OrderFile::parse(&format!("version = 1\n{source}"), &organism).map_err(|it| it.to_string())
}

#[test]
fn each_order_is_read_with_what_belongs_to_it() {
    let hash = "07".repeat(32);
    let digest = Digest::from_bytes([7; 32]);
    let nodes = vec![UniqueId::from_name("a"), UniqueId::from_name("b")];
    let orders = [
        ("action = \"resume\"".to_owned(), OrderAction::Resume, None),
        (
            "action = \"release\"\nmember = \"GBP\"\nup_to = 9".to_owned(),
            OrderAction::Release { member: 1, up_to: 9 },
            None,
        ),
        (
            format!("action = \"config\"\ncontent_hash = \"{hash}\""),
            OrderAction::Config { content_hash: digest },
            None,
        ),
        (
            format!("action = \"roster\"\nnodes = [\"a\", \"b\"]\nreplaces = \"{hash}\""),
            OrderAction::Roster { nodes },
            Some(digest),
        ),
    ];
    for (source, action, replaces) in orders {
        let order = read(&format!("sequence = 3\n{source}")).unwrap();
        assert_eq!((order.sequence, order.action, order.replaces), (3, action, replaces));
    }
    let expires = read("sequence = 1\naction = \"pause\"\nexpires = 1970-01-02T00:00:00Z");
    assert_eq!(expires.unwrap().expires_s, Some(86_400));
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    for (source, parts) in [
        ("action = \"pause\"", &["`sequence` is missing"][..]),
        ("sequence = 0\naction = \"pause\"", &["`sequence` in the order is 0"]),
        ("sequence = 1\naction = \"puase\"", &["did you mean `pause`?"]),
        ("sequence = 1\naction = \"retire\"", &["`member` is missing", "`last_clock` is missing"]),
        ("sequence = 1\naction = \"roster\"\nnodes = [\"a\"]", &["`replaces` is missing"]),
        ("sequence = 1\naction = \"pause\"\nmember = \"GBP\"", &["`member` is no key"]),
        ("sequence = 1\naction = \"pause\"\nexpires = 2027-01-01", &["no moment"]),
    ] {
        let said = read(source).unwrap_err();
        assert!(parts.iter().all(|part| said.contains(part)), "{source}: {said}");
    }
}
