use crate::run::{demo, holobiont};

#[test]
fn the_demo_tells_every_member_s_life() {
    let told = demo().ran.json();
    assert_eq!(told["schema"], "holobiont.demo/v1");
    assert_eq!(told["records"], 221_702);
    assert_eq!(
        told["commits_normal"].as_u64().unwrap() + told["commits_degraded"].as_u64().unwrap(),
        7_126
    );
    assert!(told["commits_degraded"].as_u64().unwrap() > 1_000, "some real stretch is degraded");
    let members = told["members"].as_array().unwrap();
    assert_eq!(members.len(), 41);
    let member = |name: &str| members.iter().find(|member| member["name"] == name).unwrap();
    let changes = |name: &str| -> Vec<(u64, String)> {
        let changes = member(name)["changes"].as_array().unwrap();
        changes
            .iter()
            .map(|it| (it["clock"].as_u64().unwrap(), it["to"].as_str().unwrap().to_owned()))
            .filter(|(_, to)| to.starts_with("stalled") || to == "live" || to == "retired")
            .collect()
    };
    let day = |year: i16, month: i8, day: i8| -> u64 {
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = jiff::civil::date(year, month, day).since(epoch).unwrap().get_days();
        u64::try_from(days).unwrap()
    };
    let isk = changes("ISK");
    let names: Vec<&str> = isk.iter().map(|(_, to)| to.as_str()).collect();
    assert_eq!(names, ["live", "stalled (carried)", "stalled (skipped)", "live"]);
    assert!((day(2008, 12, 10)..day(2009, 1, 1)).contains(&isk[1].0), "stalls in December 2008");
    assert!((day(2018, 2, 1)..day(2018, 3, 1)).contains(&isk[3].0), "recovers in February 2018");
    let rub = changes("RUB");
    assert_eq!(rub.last().unwrap().1, "stalled (skipped)");
    assert!((day(2022, 3, 1)..day(2022, 4, 1)).contains(&rub.last().unwrap().0));
    for name in ["SIT", "CYP", "MTL", "SKK", "EEK", "LVL", "LTL", "HRK", "BGN", "TRL", "ROL"] {
        let last = member(name)["last_clock"].as_u64().unwrap();
        let (clock, to) = changes(name).pop().unwrap();
        assert_eq!(to, "retired", "{name}");
        assert!((last + 1..last + 6).contains(&clock), "{name} retires with its last day");
    }
    for (old, new) in [("TRL", "TRY"), ("ROL", "RON")] {
        assert!(member(old)["last_clock"].as_u64() < member(new)["first_clock"].as_u64());
    }
    let taken: u64 =
        members.iter().map(|member| member["position"]["folded"].as_u64().unwrap()).sum();
    assert_eq!(taken, 221_702, "every record is taken exactly once");
}

#[test]
fn the_demo_stays_under_200_mib() {
    if let Some(peak) = demo().ran.json()["pace"]["peak_memory_bytes"].as_u64() {
        assert!(peak < 200 * 1024 * 1024, "{peak}");
    }
}

#[test]
fn the_page_stands_alone() {
    let page = std::fs::read_to_string(demo().root.parent().unwrap().join("page/index.html"));
    let page = page.unwrap();
    for part in ["signals.euro-fx", "ISK", "degraded", "Source: European Central Bank"] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["<script", "src=", "http:", "https:", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn the_demo_works_in_its_own_folder_only_and_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("mine")).unwrap();
    std::fs::write(dir.path().join("mine/file"), "mine").unwrap();
    let refused = holobiont(dir.path(), &["demo", "--out", "mine"]).expect(2);
    refused.tells(&["mine holds something else", "name another folder with --out"]);
    assert_eq!(std::fs::read_to_string(dir.path().join("mine/file")).unwrap(), "mine");

    let first = holobiont(dir.path(), &["demo"]).expect(0);
    let again = holobiont(dir.path(), &["demo"]).expect(0);
    let ids = |text: &str| -> Vec<String> {
        let lines =
            text.lines().filter(|line| line.contains("head   ") || line.contains("digest  "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(ids(&first.stdout).len(), 3, "{}", first.stdout);
    assert_eq!(ids(&first.stdout), ids(&again.stdout), "the same on every run");
    assert!(first.stdout.contains("what to try next"));
    let isk = first.stdout.lines().find(|line| line.starts_with(" ISK")).unwrap();
    assert!(
        isk.contains("2008-12-16 stalled (carried)") && isk.contains("2018-02-06 live"),
        "{isk}"
    );
}
