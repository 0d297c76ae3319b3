use super::*;
use crate::protocol::Hash;

fn receipt(keys: &SigningKeys) -> Receipt {
    let hash = Hash::of(b"");
    let claims = Claims {
        model: hash,
        plan: hash,
        evaluation_key: hash,
        requests: hash,
        replies: hash,
    };
    keys.sign(claims, SystemTime::now())
}

#[test]
fn a_file_is_made_once_and_receipts_of_before_a_rotation_stay_checkable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signing.key");
    let mut keys = SigningKeys::load_or_create(&path).expect("it is made");
    let before = receipt(&keys);
    keys.rotate().expect("there is randomness");
    keys.save(&path).expect("it is written");
    let again = SigningKeys::load_or_create(&path).expect("it is there");
    assert_eq!(again.published(), keys.published());
    assert_ne!(before.key(), receipt(&again).key());
    before
        .verify(&again.published())
        .expect("the older key is published");
    receipt(&again)
        .verify(&again.published())
        .expect("so is the present one");
    let names = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(names, 1, "no temporary file is left");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signing.key");
    SigningKeys::load_or_create(&path).expect("it is made");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
    };
    assert_eq!(mode(&path) & 0o7777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let refused = SigningKeys::load(&path).err().expect("others may read it");
    assert!(refused.to_string().contains("mode 0640"), "{refused}");
}

#[test]
fn errors_do_not_repeat_the_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("signing.key");
    SigningKeys::load_or_create(&path).expect("it is made");
    let good = fs::read_to_string(&path).expect("it is text");
    let secret = good
        .split('"')
        .find(|part| part.len() == 64)
        .expect("64 digits");
    for bad in [
        good.replacen(secret, &secret[1..], 1),
        good.replacen("\"secret\":\"", "\"secret\":0,\"more\":\"", 1),
        good.replacen("\"retired\"", "\"tired\"", 1),
        good.replacen("\"version\":1", "\"version\":2", 1),
        good[..good.len() - 2].to_owned(),
    ] {
        fs::write(&path, &bad).expect("it is ours");
        let refused = SigningKeys::load(&path).err().expect("it is no key");
        assert!(
            matches!(refused, SigningError::Malformed { .. }),
            "{refused}"
        );
        assert!(!refused.to_string().contains(&secret[1..9]), "{refused}");
    }
}
