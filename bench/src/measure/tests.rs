use std::cell::RefCell;

use super::measure;
use crate::BenchError;
use crate::contender::{Contender, Run, Seen};
use crate::report::{Kind, Outcome};

fn contender<'a>(name: &str, against: &[&'static str], run: Run<'a>) -> Contender<'a> {
    Contender {
        name: name.to_owned(),
        title: String::new(),
        kind: Kind::Ours,
        checks: String::new(),
        records: 10,
        bytes: 100,
        against: against.to_vec(),
        expected: Seen::Bytes(100),
        before: None,
        after: None,
        run,
    }
}

#[test]
fn rounds_go_in_turn_and_the_first_is_not_counted() {
    let ran = RefCell::new(String::new());
    let run = |name: char| -> Run<'_> {
        let ran = &ran;
        Box::new(move || {
            ran.borrow_mut().push(name);
            Ok(Seen::Bytes(100))
        })
    };
    let all = vec![
        contender("direct-1", &[], run('a')),
        contender("direct-4", &[], run('b')),
        contender("scan", &["direct", "direct-4", "nobody"], run('c')),
    ];
    let mut rounds = Vec::new();
    let rows = measure("fixed", all, 2, true, &mut |round| rounds.push(round));
    assert_eq!(*ran.borrow(), "abcabcabc");
    assert_eq!(rounds, [0, 1, 2]);
    let ratios = &rows[2].ratios;
    assert_eq!(ratios.len(), 2, "nobody is not there");
    assert!(ratios[0].against.starts_with("direct-"), "the faster of the two");
    assert_eq!(ratios[1].against, "direct-4");
    assert!(rows[2].records_per_s.least <= rows[2].records_per_s.most);
}

#[test]
fn whoever_arrives_at_something_else_is_invalid_and_is_nobodys_measure() {
    let runs = RefCell::new(0);
    let all = vec![
        contender(
            "other",
            &[],
            Box::new(|| {
                *runs.borrow_mut() += 1;
                Ok(Seen::Bytes(99))
            }),
        ),
        contender(
            "failing",
            &[],
            Box::new(|| Err(BenchError::Setting { what: "broken".to_owned() })),
        ),
        contender(
            "absent",
            &[],
            Box::new(|| Err(BenchError::Unmeasurable { why: "not here".to_owned() })),
        ),
        contender("sound", &["other", "failing"], Box::new(|| Ok(Seen::Bytes(100)))),
    ];
    let rows = measure("fixed", all, 3, true, &mut |_| {});
    assert_eq!(*runs.borrow(), 1);
    assert!(matches!(&rows[0].outcome, Outcome::Invalid(why) if why.contains("99")));
    assert_eq!(rows[0].seconds.median, 0.0);
    assert_eq!(rows[1].outcome, Outcome::Invalid("broken".to_owned()));
    assert_eq!(rows[2].outcome, Outcome::Skipped("not here".to_owned()));
    assert_eq!((&rows[3].outcome, rows[3].ratios.len()), (&Outcome::Valid, 0));
}
