//! JSON from outside. It is read by recursion, so its depth is bounded before: a level takes at most 6 KiB
//! of a thread's stack, and the threads of a JVM have 1 MiB.

use serde::de::{DeserializeOwned, Error as _};

/// Most arrays and objects inside each other: a schema of structs takes three for each of its 64 levels.
const MOST_LEVELS: usize = 224;

/// Reads one value, which must be all of the text.
///
/// # Errors
/// When the text is no JSON, too deep, or not of the type.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    if levels(json) > MOST_LEVELS {
        return Err(serde_json::Error::custom(format!("more than {MOST_LEVELS} levels")));
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The most arrays and objects that are open at a time, at least up to the first mistake.
fn levels(json: &[u8]) -> usize {
    let (mut open, mut most) = (0usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                open += 1;
                most = most.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    most
}

fn skip_string(bytes: &mut std::slice::Iter<u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_type::FieldType;
    use crate::schema::Field;
    use crate::types::DataType;

    #[test]
    fn levels_are_counted_outside_of_strings() {
        assert_eq!(levels(br#"{"a":[[1],"[[\"[["],"b":{}}"#), 3);
        assert_eq!(levels(br#""\\"[[[]]]"#), 3);
        assert_eq!(levels(br#"]]]["#), 1);
    }

    #[test]
    fn a_thread_of_a_jvm_reads_what_is_allowed_and_refuses_more() {
        let mut field = Field::new(1, "a", DataType::Int32, true);
        for id in 2..=64 {
            field = Field::new(id, "a", FieldType::Struct(vec![field]), true);
        }
        let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
        let read = move || {
            let json = serde_json::to_vec(&field).unwrap();
            assert_eq!(from_slice::<Field>(&json).unwrap(), field);
            let any = |count| from_slice::<serde_json::Value>(deep(count).as_bytes());
            assert!(any(MOST_LEVELS).is_ok());
            assert!(any(MOST_LEVELS + 1).is_err());
            assert!(any(1_000_000).is_err());
            assert!(from_slice::<u8>(b"1 2").is_err());
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap().join().unwrap();
    }
}
