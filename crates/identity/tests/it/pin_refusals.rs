//! What pins may not say, and what their author is told.

use holobiont_identity::pins::{MAX_EVENT_RULES, MAX_PINS, MAX_PLATFORMS};
use holobiont_identity::{ConfigError, Organism};

use crate::organism::LEAST;
use crate::pins::PINNED;

fn refuse(source: &str) -> ConfigError {
    Organism::parse(source).expect_err("refused")
}

/// Replaces `from` in the vector, and checks that the one problem is underlined as `under` and says
/// each of `parts`.
fn says(from: &str, to: &str, under: &str, parts: &[&str]) {
    assert!(PINNED.contains(from), "the vector has {from}");
    let source = PINNED.replacen(from, to, 1);
    let refusal = refuse(&source);
    let [problem] = refusal.problems.as_slice() else { panic!("one problem: {refusal}") };
    let said = problem.to_string();
    for part in parts {
        assert!(said.contains(part), "wanted {part:?} for {to:?}, got: {said}");
    }
    let span = problem.span.clone().expect("a place");
    assert_eq!(&source[span], under, "{said}");
}

fn line(key: &str, byte: &str) -> String {
    format!("{key} = \"{}\"\n", byte.repeat(48))
}

#[test]
fn a_set_pins_mrtd_and_every_rtmr() {
    let label = "pin `feed-2026-10` of surface `USD`";
    says(&line("mrtd", "a1"), "", "[[surface.pins]]", &[label, "leaves mrtd unpinned"]);
    says(&line("rtmr2", "a4"), "", "[[surface.pins]]", &[label, "leaves rtmr2 unpinned"]);
    let all = [("mrtd", "a1"), ("rtmr0", "a2"), ("rtmr1", "a3"), ("rtmr2", "a4")];
    let all = all.map(|(key, byte)| line(key, byte)).concat() + "rtmr3 = \"zero\"\n";
    let missing = "leaves mrtd, rtmr0, rtmr1, rtmr2, rtmr3 unpinned";
    says(&all, "", "[[surface.pins]]", &[label, missing, "pin MRTD and all four RTMRs"]);
}

#[test]
fn registers_of_azure_and_of_debugging_tools_are_refused() {
    for (key, byte) in [("mrtd", "a1"), ("rtmr0", "a2"), ("rtmr1", "a3"), ("rtmr2", "a4")] {
        for zero in ["zero", &"0".repeat(96)] {
            let to = format!("{key} = \"{zero}\"\n");
            let parts = [&format!("`{key}` in pin `feed-2026-10`")[..], "is zero", "Azure"];
            says(&line(key, byte), &to, &format!("\"{zero}\""), &parts);
        }
    }
    let azure = "\"azure\"";
    says("\"gcp\"", azure, azure, &["is `azure`, which is not a choice", "qemu, gcp, dstack"]);
}

#[test]
fn an_event_log_stands_for_rtmr3_only_and_only_with_rules() {
    let rtmr1 = line("rtmr1", "b3");
    let parts = ["`rtmr1` in pin `feed-2026-11`", "for rtmr3 only"];
    says(&rtmr1, "rtmr1 = \"event-log\"\n", "\"event-log\"", &parts);
    let rules = PINNED.find("[[surface.pins.events]]").unwrap();
    let rules = &PINNED[rules..PINNED.find("[[surface]]\nname = \"GBP\"").unwrap()];
    let parts = ["leaves rtmr3 unpinned: no event rule names it"];
    says(rules, "", "[[surface.pins]]", &parts);
    says(rules, &rules.replace("rtmr = 3", "rtmr = 2"), "[[surface.pins]]", &parts);
    says(
        "rtmr = 3",
        "rtmr = 4",
        "4",
        &["`rtmr` in events 1 of pin `feed-2026-11`", "outside 0 to 3"],
    );
}

#[test]
fn a_simulated_set_says_so_and_no_other_looks_like_one() {
    let prefix = hex::encode(b"SIMULATE");
    let mrtd = format!("\"{prefix}{}\"", "00".repeat(40));
    let parts = ["pin `laptop` of surface `GBP`", "a simulator's MRTD", "of kind \"qemu\""];
    says("\"simulated\"", "\"qemu\"", &mrtd, &parts);
    let other = format!("\"{}{}\"", "11".repeat(8), "00".repeat(40));
    let parts = ["of kind \"simulated\"", "not a simulator's"];
    says(&mrtd, &other, &other, &parts);
}

#[test]
fn guests_that_are_never_accepted_cannot_be_pinned() {
    let attributes = "\"0000005000000000\"";
    let debug = "\"0100005000000000\"";
    says(attributes, debug, debug, &["sets DEBUG", "0000001000000000"]);
    let sept = "\"0000004000000000\"";
    says(attributes, sept, sept, &["SEPT_VE_DISABLE off"]);
    let xfam = "\"00000000001a06e7\"";
    says("\"e71a060000000000\"", xfam, xfam, &["lacks x87 and SSE", "in the order of a quote"]);
    says("xfam = \"e71a060000000000\"\n", "", "[[surface.pins]]", &["`xfam` is missing in pin"]);
}

#[test]
fn moments_have_an_offset_and_an_order() {
    let end = "2026-12-01T00:00:00Z";
    let local = "2026-12-01T00:00:00";
    says(end, local, local, &["has no offset", "write it like 2026-"]);
    says(end, "2026-12-01", "2026-12-01", &["no moment"]);
    says(end, "\"soon\"", "\"soon\"", &["a date and time without quotes, not text"]);
    let both = format!("{end}\nnot_before = 2027-01-01T00:00:00Z");
    says(end, &both, end, &["`not_after` in pin `feed-2026-10`", "2027-01-01T00:00:00Z"]);
}

#[test]
fn statuses_are_intels_words_and_never_revoked() {
    let allowed = "\"SWHardeningNeeded\"";
    says(allowed, "\"Revoked\"", "\"Revoked\"", &["`Revoked`", "that Intel revoked"]);
    let typo = "\"SwHardeningNeeded\"";
    says(allowed, typo, typo, &["did you mean `SWHardeningNeeded`?"]);
    says(allowed, "\"UpToDate\"", "\"UpToDate\"", &["`UpToDate` is listed twice"]);
    let all = "[\"UpToDate\", \"SWHardeningNeeded\", \"OutOfDate\"]";
    says(all, "[]", "[]", &["accepts no status at all"]);
    says("86_400", "0", "0", &["`max_quote_age_s`", "outside 1 to 2678400"]);
    says("2_592_000", "99_999_999", "99_999_999", &["outside 0 to 31622400"]);
}

#[test]
fn surfaces_are_members_or_the_committee_once_each() {
    let surface = "[[surface]]\nname = \"GBP\"";
    let parts = ["surface `GPB` has the name of no member", "did you mean `GBP`?"];
    says(surface, "[[surface]]\nname = \"GPB\"", "\"GPB\"", &parts);
    let parts = ["surface `USD` is listed twice, on lines 72 and 120", "into one [[surface]]"];
    says(surface, "[[surface]]\nname = \"USD\"", "[[surface]]", &parts);

    let reserved = PINNED.replace("name = \"GBP\"", "name = \"committee\"");
    let said = refuse(&reserved).to_string();
    assert!(said.contains("a member has that name too"), "{said}");

    let said = refuse(&format!("{LEAST}{}", "[[surface]]\n".repeat(3))).to_string();
    assert!(said.contains("lists 3 surfaces, above the 2"), "{said}");
}

#[test]
fn a_surface_has_pins_with_labels_of_their_own() {
    let said = refuse(&format!("{LEAST}[[surface]]\nname = \"USD\"\n")).to_string();
    assert!(said.contains("surface `USD` has no pins, so it could accept nothing"), "{said}");
    let parts = ["pin `node-1` of surface `committee` is listed twice, on lines 137 and 148"];
    says("\"node-2\"", "\"node-1\"", "[[surface.pins]]", &parts);
    says("\"node-2\"", "\"no de\"", "\"no de\"", &["`label` in", "is not a name"]);
    says("label = \"node-2\"\n", "", "[[surface.pins]]", &["`label` is missing in"]);
}

#[test]
fn what_can_never_be_met_is_refused() {
    let live = |count: u16| {
        let committee = format!("min_distinct_platforms = {count}\n");
        let piids: Vec<String> = (0..2).map(|n| format!("\"{n:032x}\"")).collect();
        let listed = format!("label = \"node-2\"\nplatforms = [{}]", piids.join(", "));
        PINNED
            .replace("min_distinct_platforms = 3\n", &committee)
            .replace("label = \"node-2\"", &listed)
    };
    assert!(Organism::parse(&live(2)).is_ok(), "the revoked pin admits nobody and is not counted");
    let said = refuse(&live(3)).to_string();
    assert!(said.contains("is 3, but the pins list 2 platforms"), "{said}");
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    says("revoked =", "revokd =", "revokd", &["did you mean `revoked`?"]);
    says("max_quote_age_s", "max_quote_age", "max_quote_age", &["did you mean `max_quote_age_s`?"]);
    says("value = \"\"", "value = \"\"\nkind = 1", "kind", &["known here: rtmr, name, value"]);
}

#[test]
fn everything_has_a_limit() {
    let platforms: Vec<String> = (0..=MAX_PLATFORMS).map(|n| format!("\"{n:032x}\"")).collect();
    let platforms = format!("[{}]", platforms.join(", "));
    let two = format!("[\"{}\", \"{}\"]", "d1".repeat(16), "d2".repeat(16));
    says(&two, &platforms, &platforms, &["`platforms` in pin", "lists 257, above 256"]);
    let twice = two.replace("d2", "d1");
    says(&two, &twice, &format!("\"{}\"", "d1".repeat(16)), &["lists this twice"]);

    let advisories: Vec<String> = (0..65).map(|n| format!("\"INTEL-SA-{n}\"")).collect();
    let advisories = format!("[{}]", advisories.join(", "));
    let from = "[\"INTEL-SA-00837\", \"INTEL-SA-01036\"]";
    says(from, &advisories, &advisories, &["lists 65, above 64"]);

    let rule = "[[surface.pins.events]]\nrtmr = 3\nname = \"x\"\nvalue = \"\"\n";
    let many = format!("{}[[surface]]\nname = \"GBP\"", rule.repeat(MAX_EVENT_RULES - 1));
    says("[[surface]]\nname = \"GBP\"", &many, "[[surface.pins]]", &["has 65 event rules"]);

    let value = format!("\"{}\"", "e1".repeat(1025));
    says(&format!("\"{}\"", "e1".repeat(32)), &value, &value, &["`value` in", "above 1024 bytes"]);
    says(&format!("\"{}\"", "e1".repeat(32)), "\"e\"", "\"e\"", &["is no hex"]);

    let pins = "[[surface.pins]]\n".repeat(MAX_PINS + 1);
    let refusal = refuse(&format!("{LEAST}[[surface]]\nname = \"USD\"\n{pins}"));
    assert_eq!(refusal.problems.len(), 1);
    assert!(refusal.to_string().contains("surface `USD` lists 65 pins, above 64"), "{refusal}");
}

#[test]
fn all_problems_are_told_at_once() {
    let source = PINNED
        .replace(&line("mrtd", "a1"), "mrtd = \"a1\"\n")
        .replace("\"dstack\"", "\"dstuck\"")
        .replace(&line("rtmr1", "93"), "")
        .replace("2026-12-01T00:00:00Z", "2026-12-01");
    let refusal = refuse(&source);
    let told: Vec<&str> = refusal.problems.iter().map(|problem| problem.message.as_str()).collect();
    let expected = [
        "`mrtd` in pin `feed-2026-10` of surface `USD`: expected 96 hex digits",
        "`not_after` in pin `feed-2026-10` of surface `USD` is 2026-12-01",
        "`platform` in pin `feed-2026-11` of surface `USD` is `dstuck`",
        "pin `node-1` of surface `committee` leaves rtmr1 unpinned",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (message, start) in told.iter().zip(expected) {
        assert!(message.starts_with(start), "{message}");
    }
}
