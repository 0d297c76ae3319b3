use super::*;
use crate::protocol::SigningKeys;

fn claims() -> Claims {
    Claims {
        model: Hash::of(b"model"),
        plan: Hash::of(b"plan"),
        evaluation_key: Hash::of(b"key"),
        requests: Hash::of(b"requests"),
        replies: Hash::of(b"replies"),
    }
}

/// The receipt of a key that is known, at a time that is known.
fn golden() -> (Receipt, PublishedKeys) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let at = UNIX_EPOCH + Duration::from_millis(1_790_000_000_900);
    let receipt = Receipt::sign(&key, claims(), at);
    (
        receipt,
        PublishedKeys::single(key.verifying_key().to_bytes()),
    )
}

#[test]
fn the_text_of_a_receipt_does_not_change() {
    let (receipt, keys) = golden();
    let text = include_str!("golden.json").trim_end();
    assert_eq!(receipt.to_string(), text);
    let read: Receipt = text.parse().expect("it is a receipt");
    assert_eq!(read, receipt);
    read.verify(&keys).expect("it is signed");
    assert_eq!(
        humantime::format_rfc3339(read.time()).to_string(),
        "2026-09-21T14:13:20Z"
    );
}

#[test]
fn whatever_is_altered_breaks_the_signature() {
    let (receipt, keys) = golden();
    let mut altered = Vec::new();
    for index in 0..5 {
        let mut other = receipt;
        let hashes = &mut other.claims;
        let hash = [
            &mut hashes.model,
            &mut hashes.plan,
            &mut hashes.evaluation_key,
            &mut hashes.requests,
            &mut hashes.replies,
        ];
        *hash.into_iter().nth(index).expect("there are five") = Hash::of(b"other");
        assert!(receipt.compare(&other.claims).is_err());
        altered.push(other);
    }
    altered.push(Receipt {
        time: receipt.time + 1,
        ..receipt
    });
    for byte in 0..64 {
        let mut other = receipt;
        other.signature[byte] ^= 1;
        altered.push(other);
    }
    for other in altered {
        let refused = other.verify(&keys).expect_err("it was altered");
        assert_eq!(refused, ReceiptError::Signature(receipt.key));
    }
}

#[test]
fn another_servers_key_is_told_by_its_number() {
    let (receipt, _) = golden();
    let others = SigningKeys::generate()
        .expect("there is randomness")
        .published();
    assert_eq!(
        receipt.verify(&others),
        Err(ReceiptError::UnknownKey(receipt.key))
    );
}

#[test]
fn texts_that_are_no_receipts_are_refused() {
    let good = golden().0.to_string();
    let newer = good.replacen("\"version\":1", "\"version\":2", 1);
    assert_eq!(
        newer.parse::<Receipt>(),
        Err(ReceiptError::NewerVersion { version: 2 })
    );
    let more = good.replacen('{', "{\"more\":0,", 1);
    let long = format!("{good}{}", " ".repeat(MAX_CHARACTERS));
    let early = good.replacen("2026-", "1926-", 1);
    for text in ["", "{}", "null", &good[1..], &more, &long, &early] {
        let refused = text.parse::<Receipt>();
        assert!(matches!(refused, Err(ReceiptError::Malformed(_))), "{text}");
    }
}
