//! Pictures of stated sizes: hills under a sky with a sun, with a little noise, as a photograph has.
//!
//! A flat or a random picture would compress far better or far worse than a photograph, and so measure something else.
//! Pixels are integer arithmetic on the seed and the picture's number.

use crate::encode::EncodeError;
use crate::page::Page;
use crate::plan::PlannedFile;

/// Writes the picture of `file` as a whole file.
#[cfg(feature = "images")]
pub(crate) fn picture(seed: u64, file: &PlannedFile, page: &mut Page) -> Result<(), EncodeError> {
    use image::ImageEncoder as _;
    use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};

    let (width, height) = file.pixels;
    let pixels = landscape(crate::stream::mix(seed ^ file.rows.start << 20), width, height);
    let mut bytes = Vec::new();
    let colour = image::ExtendedColorType::Rgb8;
    let written = if file.format == crate::plan::Format::Jpeg {
        JpegEncoder::new_with_quality(&mut bytes, 85).write_image(&pixels, width, height, colour)
    } else {
        PngEncoder::new(&mut bytes).write_image(&pixels, width, height, colour)
    };
    written.map_err(|error| EncodeError::Special(error.to_string()))?;
    page.text(&bytes);
    Ok(())
}

/// A build without codecs; the command line refuses before it comes here.
#[cfg(not(feature = "images"))]
pub(crate) fn picture(_: u64, file: &PlannedFile, _: &mut Page) -> Result<(), EncodeError> {
    Err(EncodeError::Special(format!("{}: this build has no codecs", file.path)))
}

/// The pixels, three bytes each, row by row.
#[cfg(any(feature = "images", test))]
fn landscape(key: u64, width: u32, height: u32) -> Vec<u8> {
    use crate::stream::mix;

    let (width, height) = (i64::from(width), i64::from(height));
    let drawn = |n: u64, limit: i64| (mix(key ^ n) % limit.max(1) as u64) as i64;
    let sun = (drawn(1, width), drawn(2, height / 2), height / 14 + drawn(3, height / 10));
    // Each range of hills has a height every 32nd of the width, joined by straight lines.
    let crest = |range: u64, x: i64| {
        let at = x * 32;
        let knot =
            |n: i64| height * (4 + range as i64 * 2) / 10 + drawn(100 * range + n as u64 + 10, height / 5);
        let (n, into) = (at / width, at % width);
        (knot(n) * (width - into) + knot(n + 1) * into) / width
    };
    let tint: [i64; 3] = [90 + drawn(4, 60), 130 + drawn(5, 60), 190 + drawn(6, 60)];
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    let mut crests = [0; 3];
    let columns: Vec<[i64; 3]> = (0..width)
        .map(|x| {
            (0..3).for_each(|range| crests[range as usize] = crest(range, x));
            crests
        })
        .collect();
    for y in 0..height {
        for x in 0..width {
            let noise = (mix(key ^ (y << 32 | x) as u64) & 7) as i64 - 4;
            let (dx, dy) = (x - sun.0, y - sun.1);
            let hills = columns[x as usize].iter().rposition(|crest| y >= *crest);
            let colour: [i64; 3] = match hills {
                Some(range) => {
                    let near = range as i64;
                    [70 - near * 18, 110 - near * 20 + (y * 30 / height), 70 - near * 22]
                }
                None if dx * dx + dy * dy < sun.2 * sun.2 => [250, 225, 150],
                None => [tint[0] + y * 80 / height, tint[1] + y * 60 / height, tint[2] + y * 20 / height],
            };
            pixels.extend(colour.map(|part| (part + noise).clamp(0, 255) as u8));
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_size_has_all_its_pixels_and_another_number_is_another_picture() {
        for (width, height) in [(1, 1), (3, 200), (64, 48)] {
            let pixels = landscape(1, width, height);
            assert_eq!(pixels.len() as u32, width * height * 3);
        }
        assert_ne!(landscape(1, 64, 48), landscape(2, 64, 48));
    }

    #[cfg(feature = "images")]
    #[test]
    fn pictures_decode_to_the_size_that_was_asked_for() {
        use crate::plan::{Format, images};
        for format in [Format::Png, Format::Jpeg] {
            for file in images(3, format, &[(40, 30), (7, 90)]) {
                let mut page = Page::default();
                picture(42, &file, &mut page).expect("a picture");
                let read = image::load_from_memory(page.as_bytes()).expect("a picture");
                assert_eq!((read.width(), read.height()), file.pixels);
            }
        }
    }
}
