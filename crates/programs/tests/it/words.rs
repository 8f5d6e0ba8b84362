use holobiont_programs::{CommitError, DescribeError, describe};

use crate::commits::example;

const NAMES: &[&str] = &["USD", "ISK", "TRY"];

#[test]
fn a_commit_in_words() {
    let described = describe("cross-feed", 1, &example().encode(), NAMES).unwrap();
    assert_eq!(described.headline, "index 115.48832949, from 3 members");
    assert_eq!(described.columns, ["member", "value", "standing", "correlation"]);
    assert_eq!(described.rows[0], ["USD", "1.29250000", "fresh", "0.78740050"]);
    assert_eq!(described.rows[1], ["ISK", "290.00000000", "carried", "-0.10518743"]);
    assert_eq!(described.rows[2], ["TRY", "1.81500000", "kept", "-"]);
    assert_eq!(
        described.notes,
        [
            "TRY: its value is less than a tenth or more than ten times the one before, so it did \
             not move the index",
            "USD: 3 since the commit before had no readable value",
            "TRY: 1 since the commit before came late",
        ]
    );
}

#[test]
fn a_commit_as_json() {
    let described = describe("cross-feed", 1, &example().encode(), NAMES).unwrap();
    let member = |name, value, standing, correlation, discontinuity| {
        serde_json::json!({
            "name": name,
            "value": value,
            "standing": standing,
            "correlation": correlation,
            "discontinuity": discontinuity,
        })
    };
    assert_eq!(
        described.json,
        serde_json::json!({
            "clock": 14_223,
            "index": "115.48832949",
            "members": [
                member("USD", "1.29250000", "fresh", Some("0.78740050"), false),
                member("ISK", "290.00000000", "carried", Some("-0.10518743"), false),
                member("TRY", "1.81500000", "kept", None, true),
            ],
            "malformed": { "USD": 3 },
            "late": { "TRY": 1 },
        })
    );
}

#[test]
fn names_what_it_cannot_read() {
    let payload = example().encode();
    let of = |program: &str, version, payload: &[u8], names: &[&str]| {
        describe(program, version, payload, names).unwrap_err()
    };
    assert_eq!(
        of("attribution", 1, &payload, NAMES),
        DescribeError::UnknownProgram { name: "attribution".into(), known: "cross-feed".into() }
    );
    assert_eq!(
        of("cross-feed", 9, &payload, NAMES),
        DescribeError::UnknownVersion { name: "cross-feed".into(), version: 9, known: 1 }
    );
    assert_eq!(of("cross-feed", 1, &[], NAMES), DescribeError::Commit(CommitError::Empty));
    assert_eq!(
        of("cross-feed", 1, &payload, &["USD"]),
        DescribeError::UnknownMember { member: 1, members: 1 }
    );
}
