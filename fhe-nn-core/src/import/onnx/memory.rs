//! How much memory the messages of a file take, counted before they are decoded: an empty message of two bytes
//! becomes a struct of some hundred, and an integer of one byte becomes eight.

use crate::import::error::ImportError;

/// The most bytes that the messages of a file may take.
const MAX_BYTES: u64 = 1 << 30;

/// A message, told apart by the messages that it may contain.
#[derive(Debug, Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    /// Text, bytes, or a message that contains no others.
    Leaf,
    /// Packed numbers, each of at least one byte.
    Numbers,
}

/// # Errors
/// [`ImportError::TooHeavy`].
pub(crate) fn check(bytes: &[u8]) -> Result<(), ImportError> {
    let mut left = MAX_BYTES;
    match count(Message::Model, bytes, &mut left, 0) {
        Some(()) => Ok(()),
        None => Err(ImportError::TooHeavy { limit: MAX_BYTES }),
    }
}

/// Subtracts what a message needs from what is left; `None` if that is not enough. Bytes that are not a message
/// are left to the decoder, which reports them.
fn count(message: Message, mut bytes: &[u8], left: &mut u64, depth: u32) -> Option<()> {
    while let Some((tag, rest)) = varint(bytes) {
        let (field, wire) = (tag >> 3, tag & 7);
        let inner = match wire {
            0 => varint(rest).map(|(_, rest)| (&[][..], rest)),
            1 => rest.split_at_checked(8),
            5 => rest.split_at_checked(4),
            2 => varint(rest).and_then(|(size, rest)| {
                let size = usize::try_from(size).ok()?;
                rest.split_at_checked(size)
            }),
            _ => None,
        };
        let Some((inner, rest)) = inner else {
            return Some(());
        };
        bytes = rest;
        let kind = message.inside(field);
        let cost = match kind {
            Message::Leaf => 32 + inner.len() as u64,
            Message::Numbers => 8 + 8 * inner.len() as u64,
            _ => 320,
        };
        *left = left.checked_sub(cost)?;
        // the decoder refuses messages that are nested deeper
        let is_message = !matches!(kind, Message::Leaf | Message::Numbers);
        if wire == 2 && is_message && depth < 100 {
            count(kind, inner, left, depth + 1)?;
        }
    }
    Some(())
}

impl Message {
    /// The message that a field holds, by the numbers of `onnx.proto`.
    fn inside(self, field: u64) -> Message {
        match (self, field) {
            (Message::Model, 7) => Message::Graph,
            (Message::Model, 8) => Message::Value,
            (Message::Graph, 1) => Message::Node,
            (Message::Graph, 5) => Message::Tensor,
            (Message::Graph, 11 | 12) => Message::Value,
            (Message::Node, 5) => Message::Attribute,
            (Message::Attribute, 5) => Message::Tensor,
            (Message::Attribute, 6) => Message::Graph,
            (Message::Attribute, 7 | 8) | (Message::Tensor, 1 | 4 | 5 | 7 | 10 | 11) => {
                Message::Numbers
            }
            // an entry of external data, which has two texts
            (Message::Tensor, 13) => Message::Value,
            // types nest a few levels, each of which has a name or a number
            (Message::Value, _) => Message::Value,
            _ => Message::Leaf,
        }
    }
}

/// A number in groups of 7 bits, one in each byte, the lowest first.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 127) << (7 * index as u32).min(63);
        if byte < 128 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_messages_are_too_heavy() {
        // a graph with one node, which has `count` empty attributes
        let message = |field: u8, inner: &[u8]| {
            let mut bytes = vec![field << 3 | 2];
            let mut size = inner.len();
            while size >= 128 {
                bytes.push(size as u8 | 128);
                size >>= 7;
            }
            bytes.push(size as u8);
            bytes.extend(inner);
            bytes
        };
        let model = |count: usize| message(7, &message(1, &[5 << 3 | 2, 0].repeat(count)));
        assert!(check(&model(1 << 10)).is_ok());
        assert!(matches!(
            check(&model(1 << 22)),
            Err(ImportError::TooHeavy { .. })
        ));
    }
}
