use holobiont_identity::{OrderAction, Organism, ReplayOrder};

fn parse(orders: &str) -> Result<Vec<ReplayOrder>, Vec<String>> {
    let organism = Organism::parse(
        "version = 1\nname = \"o\"\n[program]\nname = \"p\"\nversion = 1\n[policy]\n\
         max_advance = 1\n[[member]]\nname = \"USD\"\nstable_id = \"u\"\nsurface = \"s\"\n\
         [[member]]\nname = \"CYP\"\nstable_id = \"c\"\nsurface = \"s\"\n",
    )
    .unwrap();
    ReplayOrder::parse(&format!("version = 1\n{orders}"), &organism)
        .map_err(|error| error.problems.iter().map(ToString::to_string).collect())
}

#[test]
fn every_action_is_read_in_the_order_of_the_file() {
    let orders = parse(
        "[[order]]\nclock = 9\naction = \"retire\"\nmember = \"CYP\"\nlast_clock = 8\n\
         [[order]]\nclock = 3\naction = \"pause\"\n[[order]]\nclock = 4\naction = \"resume\"\n\
         [[order]]\nclock = 5\naction = \"release\"\nmember = \"USD\"\nup_to = 99\n",
    )
    .unwrap();
    let actions: Vec<_> = orders.into_iter().map(|order| (order.clock, order.action)).collect();
    assert_eq!(
        actions,
        [
            (9, OrderAction::Retire { member: 1, last_clock: 8 }),
            (3, OrderAction::Pause),
            (4, OrderAction::Resume),
            (5, OrderAction::Release { member: 0, up_to: 99 }),
        ]
    );
}

#[test]
fn a_misspelled_member_and_a_missing_clock_are_both_told() {
    let problems = parse("[[order]]\naction = \"release\"\nmember = \"USB\"\n").unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[1].contains("did you mean `USD`?"), "{problems:?}");
}

#[test]
fn keys_that_the_action_does_not_use_are_refused() {
    let problems = parse("[[order]]\nclock = 1\naction = \"pause\"\nlast_clock = 3\n").unwrap_err();
    assert!(problems[0].contains("`last_clock` is no key"), "{problems:?}");
    let problems = parse("[[order]]\nclock = 1\n").unwrap_err();
    assert!(problems[0].contains("`action` is missing"), "{problems:?}");
}

#[test]
fn orders_that_only_a_committee_can_follow_are_refused_by_name() {
    let roster = "[[order]]\nclock = 1\naction = \"roster\"\nnodes = [\"a\", \"b\"]\n";
    let config = "[[order]]\nclock = 2\naction = \"config\"\ncontent_hash = \"00\"\n";
    let problems = parse(&format!("{roster}{config}")).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("`roster` is for a committee's log"), "{problems:?}");
    assert!(problems[1].contains("`config` is for a committee's log"), "{problems:?}");
}
