use holobiont_identity::{Digest, MemberId, UniqueId};

use crate::vectors::pairs;

#[test]
fn ids_are_mosaiks() {
    let mut checked = 0;
    for (key, value) in pairs(include_str!("../vectors/unique_id.txt")) {
        let (kind, rest) = key.split_once(' ').expect("kind first");
        let got = match kind {
            "name" => UniqueId::from_name(rest.trim_matches('"')),
            "derive" => {
                let (id, info) = rest.split_once(' ').expect("id and info");
                let info = if info == "-" { Vec::new() } else { hex::decode(info).unwrap() };
                UniqueId::from_hex(id).unwrap().derive(info)
            }
            "surface" => {
                let (id, name) = rest.split_once(' ').expect("id and name");
                UniqueId::from_hex(id).unwrap().surface(name)
            }
            other => panic!("unknown kind of vector: {other}"),
        };
        assert_eq!(got.to_string(), value, "{key}");
        checked += 1;
    }
    assert_eq!(checked, 30, "every vector is read");
}

#[test]
fn a_member_id_is_the_front_of_the_stable_id() {
    let id = UniqueId::from_name("ecb.euro-fx.USD");
    assert_eq!(MemberId::from(id).as_bytes(), &id.as_bytes()[..20]);
    assert_eq!(MemberId::of(&id).to_string(), "874fe5925256275068c176ed05c54a38b2ef15ad");
}

#[test]
fn binary_formats_carry_the_bare_array() {
    let digest = Digest::from_bytes([7; 32]);
    let bytes = postcard::to_stdvec(&digest).unwrap();
    assert_eq!(bytes, [7; 32]);
    assert_eq!(postcard::from_bytes::<Digest>(&bytes), Ok(digest));
    assert!(postcard::from_bytes::<MemberId>(&bytes[..19]).is_err());
}

#[test]
fn text_formats_carry_hex() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Holder {
        id: MemberId,
    }
    let text = "id = \"000102030405060708090a0b0c0d0e0f10111213\"\n";
    let holder: Holder = toml::from_str(text).unwrap();
    assert_eq!(toml::to_string(&holder).unwrap(), text);
    assert!(toml::from_str::<Holder>("id = \"00\"").is_err());
}

#[test]
fn debug_is_short_and_display_is_whole() {
    let digest = Digest::from_bytes([0xab; 32]);
    assert_eq!(format!("{digest:?}"), "Digest(abababab…)");
    assert_eq!(digest.to_string(), "ab".repeat(32));
}

#[test]
fn hex_of_another_length_is_refused() {
    for text in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"zz".repeat(32)] {
        let error = Digest::from_hex(text).unwrap_err();
        assert!(error.to_string().starts_with("expected 64 hex digits"), "{error}");
    }
}
