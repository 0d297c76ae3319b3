//! Values in other files: where they are read from, and what does not fit.

use super::super::proto::StringEntryProto;
use super::*;

/// A tensor of two 32-bit reals in another file.
fn tensor(entries: &[(&str, &str)]) -> TensorProto {
    let entry = |(key, value): &(&str, &str)| StringEntryProto {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    TensorProto {
        extents: vec![2],
        data_type: 1,
        name: "w".to_owned(),
        location: 1,
        external: entries.iter().map(entry).collect(),
        ..TensorProto::default()
    }
}

fn resolved(tensor: TensorProto, beside: Beside<'_>) -> Result<Vec<u8>, String> {
    let mut model = ModelProto {
        graph: Some(GraphProto {
            constants: vec![tensor],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    };
    resolve(&mut model, 100, beside).map_err(|error| error.to_string())?;
    let graph = model.graph.ok_or("no graph")?;
    Ok(graph.constants[0].raw.clone())
}

#[test]
fn values_are_read_from_their_offset() {
    let bytes: Vec<u8> = (0..12).collect();
    let files = [("m.data", &bytes[..])];
    let entries = [("location", "m.data"), ("offset", "4"), ("length", "8")];
    let all: Vec<u8> = (4..12).collect();
    assert_eq!(
        resolved(tensor(&entries), Beside::Memory(&files)),
        Ok(all.clone())
    );
    // without a length, the rest of the file
    assert_eq!(
        resolved(tensor(&entries[..2]), Beside::Memory(&files)),
        Ok(all.clone())
    );

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("m.data"), &bytes).expect("writable");
    assert_eq!(
        resolved(tensor(&entries), Beside::Folder(folder.path())),
        Ok(all)
    );
}

#[test]
fn what_does_not_fit_names_tensor_and_file() {
    let bytes = [0; 12];
    let files = [("m.data", &bytes[..])];
    let of = |entries: &[(&str, &str)]| {
        resolved(tensor(entries), Beside::Memory(&files)).expect_err("it is wrong")
    };
    let start = "the values of tensor `w` cannot be read from `m.data`: ";
    for (entries, reason) in [
        (
            vec![("location", "m.data"), ("offset", "8"), ("length", "8")],
            "the file has 12 bytes, but the tensor has 8 from byte 8 on",
        ),
        (
            vec![
                ("location", "m.data"),
                ("offset", "18446744073709551615"),
                ("length", "8"),
            ],
            "the file has 12 bytes, but the tensor has 8 from byte 18446744073709551615 on",
        ),
        (
            vec![("location", "m.data"), ("length", "4")],
            "it has 4 bytes there, but its shape [2] needs 8",
        ),
        (
            vec![("location", "m.data"), ("offset", "-4")],
            "its offset is `-4`, which is not a number of bytes",
        ),
        (
            vec![("location", "m.data"), ("basepath", "/etc")],
            "its entry `basepath` is not known",
        ),
    ] {
        assert_eq!(of(&entries), format!("{start}{reason}"));
    }
    let other = of(&[("location", "n.data")]);
    assert!(
        other.ends_with("`n.data`: only `m.data` are given"),
        "{other}"
    );
    let both = TensorProto {
        raw: vec![0; 8],
        ..tensor(&[("location", "m.data")])
    };
    let both = resolved(both, Beside::Memory(&files)).expect_err("which one?");
    assert!(
        both.ends_with("it has values inside the model as well"),
        "{both}"
    );
    let nowhere = resolved(tensor(&[("location", "m.data")]), Beside::Memory(&[]));
    let nowhere = nowhere.expect_err("it has no folder");
    assert!(nowhere.contains("`import::load`"), "{nowhere}");
}

#[test]
fn a_model_and_its_files_have_a_limit_together() {
    let bytes = [0; 8];
    let files = [("m.data", &bytes[..])];
    let mut model = ModelProto {
        graph: Some(GraphProto {
            constants: vec![tensor(&[("location", "m.data")])],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    };
    let error = resolve(&mut model, MAX_BYTES - 7, Beside::Memory(&files));
    let error = error.expect_err("one byte too many").to_string();
    assert!(
        error.ends_with("may have 1073741824 bytes together"),
        "{error}"
    );
}

#[test]
fn nothing_is_read_outside_of_the_folder() {
    let around = tempfile::tempdir().expect("a folder");
    let folder = around.path().join("model");
    std::fs::create_dir(&folder).expect("a new folder");
    let secret = around.path().join("secret");
    std::fs::write(&secret, [0; 8]).expect("writable");
    let of = |location: &str| {
        let tensor = tensor(&[("location", location)]);
        resolved(tensor, Beside::Folder(&folder)).expect_err("it is outside")
    };
    let absolute = secret.to_str().expect("text");
    for location in ["../secret", "a/../../secret", absolute] {
        let error = of(location);
        assert!(
            error.ends_with("inside the model's folder are read, without `..`"),
            "{error}"
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&secret, folder.join("link")).expect("a link");
        assert!(of("link").ends_with("a symbolic link leads out of the model's folder"));
        std::os::unix::fs::symlink(around.path(), folder.join("up")).expect("a link");
        assert!(of("up/secret").ends_with("a symbolic link leads out of the model's folder"));
    }
    assert!(of(".").ends_with("it is not a regular file"));
    let missing = of("missing.data");
    assert!(
        missing.contains("tensor `w`") && missing.contains("`missing.data`"),
        "{missing}"
    );
}
