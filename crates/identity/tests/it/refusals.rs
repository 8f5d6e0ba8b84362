//! What `organism.toml` may not say, and what its author is told.

use holobiont_identity::{ConfigError, MAX_CONFIG_BYTES, MAX_MEMBERS, MAX_PROBLEMS, Organism};

use crate::organism::{EXAMPLE, LEAST};

fn refuse(source: &str) -> ConfigError {
    Organism::parse(source).expect_err("refused")
}

/// Replaces `from` in the example, and checks that the answer has each of `parts`.
fn says(from: &str, to: &str, parts: &[&str]) {
    assert!(EXAMPLE.contains(from), "the example has {from}");
    let said = refuse(&EXAMPLE.replacen(from, to, 1)).to_string();
    for part in parts {
        assert!(said.contains(part), "wanted {part:?} for {to:?}, got: {said}");
    }
}

#[test]
fn all_problems_are_told_at_once_in_order_with_their_places() {
    let source = EXAMPLE
        .replace("name = \"signals.euro-fx\"", "nmae = \"signals.euro-fx\"")
        .replace("tick_ms = 250", "tick_ms = \"250\"")
        .replace("surface = \"rates\"\nstart = 331", "start = 331")
        .replace("orders_need = 2", "orders_need = 3");
    let refusal = refuse(&source);
    let told: Vec<(&str, Option<&str>)> = refusal
        .problems
        .iter()
        .map(|problem| {
            let span = problem.span.clone();
            (problem.message.as_str(), span.map(|span| &source[span]))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("`name` is missing in organism.toml", None),
            ("`nmae` is no key of organism.toml", Some("nmae")),
            ("`tick_ms` in [ticks] must be a whole number, not text", Some("\"250\"")),
            ("`surface` is missing in member `GBP`", Some("[[member]]")),
            ("`orders_need` is 3, but [acl] lists 2 operators", Some("[acl]")),
        ]
    );
    assert_eq!(refusal.problems[1].help.as_deref(), Some("did you mean `name`?"));
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    says("halt_below = 10", "halt_bellow = 10", &["did you mean `halt_below`?"]);
    says("[floor]", "[flor]", &["did you mean `floor`?"]);
    says("then = \"skip\"", "than = \"skip\"", &["did you mean `then`?"]);
    says("divide = 32", "factor = 32", &["`factor` is no key of the clock of member `GBP`"]);
    says("divide = 32", "factor = 32", &["known here: offset, divide"]);
    says("key = \"4444", "kye = \"4444", &["`kye` is no key of", "did you mean `key`?"]);
    says("orders_need = 2", "zzz = 2", &["known here: operator, orders_need, first_roster"]);
}

#[test]
fn another_version_is_refused_by_name_and_nothing_else_is_judged() {
    let refusal = refuse("version = 2\nwhatever = 1");
    assert_eq!(refusal.problems.len(), 1);
    assert!(refusal.to_string().contains("version 2 is not known here, only version 1"));
    assert!(refuse("name = \"x\"").to_string().contains("`version` is missing in organism.toml"));
}

#[test]
fn weights_are_whole_and_not_below_zero() {
    says("weight = 10", "weight = -1", &["weight below zero", "`USD`", "-1"]);
    says("weight = 10", "weight = 0.5", &["scale all weights up to whole numbers"]);
    says("weight = 10", "weight = 1_000_000_001", &["outside 0 to 1000000000"]);
    says("weight = 10", "weight = 99999999999999999999999", &["outside"]);
}

#[test]
fn max_advance_has_no_default() {
    let source = LEAST.replace("policy = { max_advance = 7 }", "");
    let said = refuse(&source).to_string();
    assert!(said.contains("`max_advance` is missing for member `USD`, and it has no default"));
}

#[test]
fn carry_keys_go_with_carry_only() {
    says("carry_for = 30\n", "", &["`carry_for` is missing for member `USD`"]);
    says(
        "on_stall = \"carry\"",
        "on_stall = \"hold\"",
        &["`carry_for` in the policy of member `USD`"],
    );
    says("on_stall = \"carry\"\n", "", &["`then` in member `USD` goes only with"]);
    says("late_after = 2", "on_stall = \"skip\"\nthen = \"hold\"", &["`then` in [policy]"]);
    says("on_stall = \"carry\"", "on_stall = \"carri\"", &["did you mean `carry`?"]);
}

#[test]
fn thresholds_are_in_order() {
    says("late_after = 2", "late_after = 120", &["not below `stall_after` (120) for member `USD`"]);
    says("late_after = 2", "late_after = 0", &["outside 1 to"]);
    says("halt_below = 10", "halt_below = 13", &["`halt_below` (13) is above `normal` (12)"]);
    says("divide = 32", "divide = 0", &["`divide` in the clock of member `GBP` is 0"]);
    says("tick_ms = 250", "tick_ms = 0", &["outside 1 to 60000"]);
}

#[test]
fn members_are_listed_once() {
    says("name = \"GBP\"", "name = \"USD\"", &["member `USD` is listed twice, on lines 29 and 44"]);
    let usd = "stable_id = \"ecb.euro-fx.USD\"";
    let hex = "stable_id = \"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\"";
    says(usd, hex, &["member `USD` on line 29 and member `GBP` on line 44 read one surface"]);
    let twin = "stable_id = \"0123456789abcdef0123456789abcdef01234567ffffffffffffffffffffffff\"";
    says(usd, twin, &["begin with the same 20 bytes"]);
}

#[test]
fn members_are_at_least_one_and_not_too_many() {
    let head = LEAST.split("[[member]]").next().unwrap();
    assert!(refuse(head).to_string().contains("lists no members"));
    let many = format!("{head}{}", "[[member]]\n".repeat(MAX_MEMBERS + 1));
    let refusal = refuse(&many);
    assert_eq!(refusal.problems.len(), 1);
    assert!(refusal.to_string().contains("lists 1025 members, above 1024"));
}

#[test]
fn names_can_be_directories() {
    for bad in ["", ".hidden", "..", "a/b", "a b", "é", &"n".repeat(65)] {
        says(
            "name = \"GBP\"",
            &format!("name = \"{bad}\""),
            &["`name` in [[member]] 2 is not a name"],
        );
        says("surface = \"rates\"", &format!("surface = \"{bad}\""), &["is not a name"]);
    }
}

#[test]
fn a_stable_id_that_lost_a_digit_is_no_name() {
    says(
        "456789abcdef\"\nsurface",
        "456789abcde\"\nsurface",
        &["has 63 hex digits where an id has 64"],
    );
}

#[test]
fn settings_have_no_fractions_no_dates_and_an_end() {
    says(
        "window = 60",
        "window = 0.5",
        &["`window` in settings is the fraction 0.5", "state a scale"],
    );
    says("window = 60", "window = 2024-01-01", &["is the date 2024-01-01"]);
    says("low = -5", "low = 9223372036854775808", &["does not fit 64 bits"]);
    let nested = |levels: usize| format!("window = {}1{}", "[".repeat(levels), "]".repeat(levels));
    says("window = 60", &nested(8), &["nested deeper than 8 levels"]);
    assert!(Organism::parse(&EXAMPLE.replace("window = 60", &nested(7))).is_ok());
}

#[test]
fn orders_are_never_open_to_nobody_or_to_one_key_twice() {
    says("orders_need = 2", "orders_need = 0", &["outside 1 to"]);
    says("orders_need = 2\n", "", &["`orders_need` is missing in [acl]"]);
    says(&"5".repeat(64), &"4".repeat(64), &["one key is listed twice"]);
    says("name = \"zenith\"", "name = \"acme\"", &["operator `acme` is listed twice"]);
    says(&"5".repeat(64), "55", &["expected 64 hex digits, got `55`"]);
}

#[test]
fn an_availability_is_an_exact_decimal() {
    for bad in ["1.5", "-0.1", "9e-1", "nan", "\"99%\"", "0.1234567891", "true"] {
        says("0.995", bad, &["`availability` in the policy of member `USD`"]);
    }
    for same in ["\"0.995\"", "0.995000000"] {
        let organism = Organism::parse(&EXAMPLE.replace("0.995", same)).unwrap();
        assert_eq!(organism.content_hash(), crate::organism::example().content_hash());
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let refusal = refuse("version = 1\nname = \n");
    assert!(refusal.problems.iter().all(|problem| problem.span.is_some()), "{refusal:?}");
    assert!(refusal.to_string().starts_with("organism.toml is not TOML"), "{refusal}");
}

#[test]
fn a_file_without_end_is_not_read() {
    let said = refuse(&" ".repeat(MAX_CONFIG_BYTES + 1)).to_string();
    assert!(said.contains("larger than 1048576 bytes"), "{said}");
}

#[test]
fn problems_without_end_are_counted() {
    let unknown: Vec<String> = (0..MAX_PROBLEMS + 5).map(|n| format!("key-{n} = 1\n")).collect();
    let refusal = refuse(&format!("{}{LEAST}", unknown.concat()));
    assert_eq!(refusal.problems.len(), MAX_PROBLEMS + 1);
    assert!(refusal.to_string().ends_with("5 more problems are not told: solve these first"));
}
