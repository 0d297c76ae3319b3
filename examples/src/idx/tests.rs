use super::*;

fn digits() -> Dataset {
    let pixel = |(row, column)| ((31 * row + 7 * column) % 256) as f32 / 255.0;
    Dataset {
        images: Array2::from_shape_fn((3, PIXELS), pixel),
        labels: vec![4, 0, 9],
    }
}

fn message(dir: &Path) -> String {
    Dataset::load(dir, Split::Test)
        .expect_err("the files are wrong")
        .to_string()
}

/// Makes a folder with correct labels, and with images that have this header and data.
fn folder(magic: u32, sizes: &[u32], bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    digits()
        .save(dir.path(), Split::Test)
        .expect("the folder is writable");
    write(Split::Test.images(dir.path()), magic, sizes, bytes).expect("the folder is writable");
    dir
}

#[test]
fn reads_what_it_wrote() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    digits()
        .save(dir.path(), Split::Calibration)
        .expect("the folder is writable");
    let read = Dataset::load(dir.path(), Split::Calibration).expect("the files are right");
    assert_eq!(read, digits());
}

#[test]
fn missing_file_is_one_line_that_says_where_to_get_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let text = message(dir.path());
    assert!(text.contains("t10k-images-idx3-ubyte.gz"), "{text}");
    assert!(text.contains("yann.lecun.com/exdb/mnist"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn wrong_magic() {
    let dir = folder(LABELS, &[3, 28, 28], &[0; 3 * PIXELS]);
    let text = message(dir.path());
    assert!(
        text.ends_with("needs magic number 0x00000803, but starts with 0x00000801"),
        "{text}"
    );
}

#[test]
fn truncated_and_trailing_data() {
    let text = message(folder(IMAGES, &[3, 28, 28], &[0; 2000]).path());
    assert!(
        text.ends_with("declares 2352 bytes of data, but holds 2000"),
        "{text}"
    );
    let text = message(folder(IMAGES, &[3, 28, 28], &[0; 2353]).path());
    assert!(
        text.ends_with("declares 2352 bytes of data, but holds more"),
        "{text}"
    );
}

#[test]
fn cut_gzip_stream() {
    let dir = folder(IMAGES, &[3, 28, 28], &[0; 3 * PIXELS]);
    let file = Split::Test.images(dir.path());
    let bytes = std::fs::read(&file).expect("the file was written");
    std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("the folder is writable");
    assert!(message(dir.path()).starts_with("cannot read `"));
}

#[test]
fn huge_declared_sizes() {
    let text = message(folder(IMAGES, &[u32::MAX, 28, 28], &[]).path());
    assert!(
        text.ends_with("declares 4294967295 items, but at most 100000 are read"),
        "{text}"
    );
    let text = message(folder(IMAGES, &[3, u32::MAX, u32::MAX], &[]).path());
    assert!(
        text.ends_with("but declares 4294967295 x 4294967295"),
        "{text}"
    );
}

#[test]
fn labels_that_do_not_fit() {
    let dir = folder(IMAGES, &[2, 28, 28], &[0; 2 * PIXELS]);
    assert!(message(dir.path()).ends_with("holds 3 labels, but there are 2 images"));
    write(Split::Test.labels(dir.path()), LABELS, &[2], &[3, 10]).expect("it is writable");
    assert!(message(dir.path()).ends_with("needs labels of 0 to 9, but label 1 is 10"));
}
