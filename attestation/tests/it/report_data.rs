use holobiont_attestation::{Batch, BatchError, Binding, InspectBinding, Leaf, MAX_BATCH_LEAVES};
use proptest::prelude::*;
use serde_json::Value;

/// Made by another implementation, from SPEC 5 alone.
fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/report_data.json")).unwrap()
}

fn inspect(challenge: u8) -> InspectBinding {
    InspectBinding { simulated: false, challenge: [challenge; 32] }
}

fn leaves(count: usize) -> Vec<Leaf> {
    (0..count).map(|at| inspect(u8::try_from(at).unwrap()).leaf()).collect()
}

#[test]
fn bindings_hash_to_the_golden_vectors() {
    for vector in vectors()["bindings"].as_array().unwrap() {
        let binding = Binding::from_json(&vector["binding"].to_string()).unwrap();
        let name = &vector["case"];
        let report_data = hex::encode(binding.report_data().as_bytes());
        assert_eq!(report_data, vector["report_data"].as_str().unwrap(), "{name}");
        assert_eq!(
            hex::encode(binding.leaf().as_bytes()),
            vector["leaf"].as_str().unwrap(),
            "{name}"
        );
        assert_eq!(binding.to_json(), vector["binding"], "{name}");
        assert_eq!(binding.purpose().name(), vector["binding"]["purpose"], "{name}");
        assert_eq!(binding.simulated(), vector["binding"]["simulated"], "{name}");
    }
}

#[test]
fn batches_hash_to_the_golden_vectors() {
    for vector in vectors()["batches"].as_array().unwrap() {
        let count = usize::try_from(vector["leaves"].as_u64().unwrap()).unwrap();
        let batch = Batch::new(leaves(count), false).unwrap();
        let report_data = hex::encode(batch.report_data().as_bytes());
        assert_eq!(report_data, vector["report_data"].as_str().unwrap(), "{count} leaves");
    }
}

/// A change of any field, however small, is another quote.
#[test]
fn every_field_of_a_binding_is_bound() {
    for vector in vectors()["bindings"].as_array().unwrap() {
        let binding = Binding::from_json(&vector["binding"].to_string()).unwrap();
        for (key, value) in vector["binding"].as_object().unwrap() {
            let changed: Value = match value {
                Value::Bool(flag) => (!flag).into(),
                Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
                Value::String(role) if role == "client" => "server".into(),
                Value::String(role) if role == "server" => "client".into(),
                Value::String(text) if key != "purpose" => flip_last(text).into(),
                _ => continue,
            };
            let mut other = vector["binding"].clone();
            other[key] = changed;
            let other = Binding::from_json(&other.to_string()).unwrap();
            assert!(!binding.report_data().matches(other.report_data().as_bytes()), "{key}");
        }
    }
}

fn flip_last(hex: &str) -> String {
    let (rest, last) = hex.split_at(hex.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}

#[test]
fn a_key_that_reaches_into_the_next_field_is_another_binding() {
    let mut json = vectors()["bindings"][0]["binding"].clone();
    let binding = Binding::from_json(&json.to_string()).unwrap();
    let (own, peer) = (json["own_key"].clone(), json["peer_key"].clone());
    let (own, peer) = (own.as_str().unwrap(), peer.as_str().unwrap());
    json["own_key"] = format!("{own}{}", &peer[..2]).into();
    json["peer_key"] = peer[2..].into();
    let moved = Binding::from_json(&json.to_string()).unwrap();
    assert!(!binding.report_data().matches(moved.report_data().as_bytes()));
}

#[test]
fn json_that_is_no_binding_is_refused_with_what_is_wrong() {
    let good = inspect(1);
    let good = Binding::Inspect(good).to_json();
    let with = |key: &str, value: Value| {
        let mut json = good.clone();
        json[key] = value;
        Binding::from_json(&json.to_string()).unwrap_err().to_string()
    };
    assert!(with("purpose", "batch".into()).contains("batch"));
    assert!(with("challenge", "0011".into()).contains("2 bytes"));
    assert!(with("challenge", "xx".into()).contains("nvalid character"));
    assert!(with("other", 1.into()).contains("other"));
    let long = " ".repeat(20_000);
    assert!(Binding::from_json(&long).unwrap_err().to_string().contains("20000"));
}

#[test]
fn a_batch_has_one_to_256_leaves() {
    for count in [0, MAX_BATCH_LEAVES + 1] {
        let many = leaves(count.min(256)).into_iter().cycle().take(count).collect();
        let refused = Batch::new(many, false).unwrap_err();
        assert_eq!(refused, BatchError::Leaves { got: count, limit: MAX_BATCH_LEAVES });
    }
    assert!(Batch::new(leaves(MAX_BATCH_LEAVES), false).unwrap().path(MAX_BATCH_LEAVES).is_none());
}

#[test]
fn a_quote_of_one_simulation_bit_answers_no_other() {
    let batch = Batch::new(leaves(3), true).unwrap();
    let path = batch.path(1).unwrap();
    let leaf = inspect(1).leaf();
    assert!(path.report_data(&leaf, true).matches(batch.report_data().as_bytes()));
    assert!(!path.report_data(&leaf, false).matches(batch.report_data().as_bytes()));
}

#[test]
fn a_leaf_alone_is_not_what_the_quote_binds() {
    let batch = Batch::new(leaves(1), false).unwrap();
    assert!(!batch.report_data().matches(inspect(0).report_data().as_bytes()));
}

proptest! {
    /// Each path answers for its own leaf, and for no other.
    #[test]
    fn each_path_leads_its_own_leaf_to_the_root(count in 1..=MAX_BATCH_LEAVES, at in 0..256_usize) {
        let all = leaves(count);
        let batch = Batch::new(all.clone(), false).unwrap();
        let root = batch.report_data();
        let path = batch.path(at % count).unwrap();
        for (index, leaf) in all.iter().enumerate() {
            let answers = path.report_data(leaf, false).matches(root.as_bytes());
            prop_assert_eq!(answers, index == at % count);
        }
    }

    /// No path of a smaller batch passes for one of a larger, whatever is put into it.
    #[test]
    fn the_number_of_leaves_is_bound(count in 2..=64_usize) {
        let all = leaves(count);
        let batch = Batch::new(all.clone(), false).unwrap();
        let fewer = Batch::new(all[..count - 1].to_vec(), false).unwrap();
        let path = fewer.path(0).unwrap();
        prop_assert!(!path.report_data(&all[0], false).matches(batch.report_data().as_bytes()));
    }

    #[test]
    fn text_is_never_more_than_refused(text in "\\PC{0,200}") {
        let _ = Binding::from_json(&text);
    }
}
