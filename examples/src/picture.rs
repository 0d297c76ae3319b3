//! Images of digits, drawn with characters.

/// Draws a 28 x 28 image, two rows in each line, without empty lines.
pub fn picture(pixels: &[f32]) -> String {
    let rows: Vec<&[f32]> = pixels.chunks(28).collect();
    let pair = |rows: &[&[f32]]| {
        let lower = rows.last().copied().unwrap_or_default();
        let line = rows[0]
            .iter()
            .zip(lower)
            .map(|(&up, &down)| match (up >= 0.5, down >= 0.5) {
                (false, false) => ' ',
                (true, false) => '\'',
                (false, true) => '.',
                (true, true) => '#',
            });
        line.chain(['\n']).collect::<String>()
    };
    rows.chunks(2)
        .map(pair)
        .filter(|line| !line.trim().is_empty())
        .collect()
}
