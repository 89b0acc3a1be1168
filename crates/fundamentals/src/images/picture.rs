//! A picture, and what is done to it: whole numbers only, so that every way gives the same ones.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::thread;

use lab::{OrProblem, Problem};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::shown;

/// Bytes of a pixel: red, green and blue.
const DEPTH: usize = 3;

/// A picture of three bytes a pixel, row after row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

impl Picture {
    /// A picture from a seed and a number: soft colours, a few discs with hard edges, and grain.
    pub(super) fn seeded(width: usize, height: usize, seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        let discs: Vec<[usize; 4]> = (0..12)
            .map(|_| {
                let radius = random.random_range(4..(height / 4).max(5));
                [
                    random.random_range(0..width),
                    random.random_range(0..height),
                    radius,
                    random.random_range(0..256),
                ]
            })
            .collect();
        let mut pixels = Vec::with_capacity(width * height * DEPTH);
        for y in 0..height {
            for x in 0..width {
                let inside = |[at_x, at_y, radius, _]: &&[usize; 4]| {
                    x.abs_diff(*at_x).pow(2) + y.abs_diff(*at_y).pow(2) < radius.pow(2)
                };
                let shade = discs.iter().rfind(inside).map_or(0, |disc| disc[3]);
                let grain = random.random_range(0..16);
                let colour = [x * 255 / width, y * 255 / height, shade];
                pixels.extend(colour.map(|value| byte(i64::try_from(value + grain).unwrap_or(255))));
            }
        }
        Self { width, height, pixels }
    }

    /// Reads a PNG of 8 bits for each of three colours.
    pub(super) fn read(path: &Path) -> Result<Self, Problem> {
        let cannot = || format!("cannot read {}", shown(path));
        let file = File::open(path).or_problem(cannot)?;
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().or_problem(cannot)?;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
        let frame = reader.next_frame(&mut pixels).or_problem(cannot)?;
        if (frame.color_type, frame.bit_depth) != (png::ColorType::Rgb, png::BitDepth::Eight) {
            return Err(Problem::new(cannot()).expected("8 bits for each of red, green and blue"));
        }
        Ok(Self { width: frame.width as usize, height: frame.height as usize, pixels })
    }

    /// Writes a PNG.
    pub(super) fn write(&self, path: &Path) -> Result<(), Problem> {
        let cannot = || format!("cannot write {}", shown(path));
        let file = BufWriter::new(File::create(path).or_problem(cannot)?);
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut encoder = png::Encoder::new(file, side(self.width), side(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().or_problem(cannot)?;
        writer.write_image_data(&self.pixels).or_problem(cannot)?;
        writer.finish().or_problem(cannot)
    }

    /// The picture in another size, at most its own: each new pixel is the mean of the old ones that it covers.
    pub(super) fn shrink(&self, width: usize, height: usize) -> Self {
        let mut pixels = Vec::with_capacity(width * height * DEPTH);
        let edge = |at: usize, old: usize, new: usize| at * old / new;
        for y in 0..height {
            let (top, bottom) = (edge(y, self.height, height), edge(y + 1, self.height, height));
            for x in 0..width {
                let (left, right) = (edge(x, self.width, width), edge(x + 1, self.width, width));
                for colour in 0..DEPTH {
                    let covered =
                        (top..bottom).flat_map(|row| (left..right).map(move |column| (row, column)));
                    let sum: usize =
                        covered.map(|(row, column)| usize::from(self.at(row, column, colour))).sum();
                    let count = (bottom - top) * (right - left);
                    pixels.push(byte(i64::try_from((sum + count / 2) / count.max(1)).unwrap_or(255)));
                }
            }
        }
        Self { width, height, pixels }
    }

    /// The picture with sharper edges: each pixel five times, less its four neighbours (the Laplacian). Beyond its edge a
    /// picture goes on with the pixels of the edge.
    pub(super) fn sharpen(&self) -> Self {
        let mut sharp = vec![0; self.pixels.len()];
        self.sharpen_rows(0, &mut sharp);
        Self { pixels: sharp, ..*self }
    }

    /// The same in so many bands, a thread each. A band is cut out of the picture with `halo` rows more on either side;
    /// with 1 it sees what its edge depends on, with 0 it does not.
    pub(super) fn sharpen_in_bands(&self, bands: usize, halo: usize) -> Self {
        let row = self.width * DEPTH;
        let rows = self.height.div_ceil(bands.max(1)).max(1);
        let mut sharp = vec![0; self.pixels.len()];
        thread::scope(|scope| {
            for (number, band) in sharp.chunks_mut(rows * row).enumerate() {
                scope.spawn(move || {
                    let (top, length) = (number * rows, band.len() / row);
                    let (from, to) = (top.saturating_sub(halo), (top + length + halo).min(self.height));
                    let pixels = self.pixels[from * row..to * row].to_vec();
                    let cut = Self { height: to - from, pixels, ..*self };
                    cut.sharpen_rows(top - from, band);
                });
            }
        });
        Self { pixels: sharp, ..*self }
    }

    /// Sharpens the rows from `top` on, as many as `into` holds.
    fn sharpen_rows(&self, top: usize, into: &mut [u8]) {
        let (last_row, last_column) = (self.height - 1, self.width - 1);
        for (number, row) in into.chunks_mut(self.width * DEPTH).enumerate() {
            let y = top + number;
            for x in 0..self.width {
                for colour in 0..DEPTH {
                    let at = |y: usize, x: usize| i64::from(self.at(y, x, colour));
                    let beside = at(y.saturating_sub(1), x)
                        + at((y + 1).min(last_row), x)
                        + at(y, x.saturating_sub(1))
                        + at(y, (x + 1).min(last_column));
                    row[x * DEPTH + colour] = byte(5 * at(y, x) - beside);
                }
            }
        }
    }

    fn at(&self, y: usize, x: usize, colour: usize) -> u8 {
        self.pixels[(y * self.width + x) * DEPTH + colour]
    }
}

/// The nearest value that a byte holds.
fn byte(value: i64) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, values: &[u8]) -> Picture {
        let pixels = values.iter().flat_map(|value| [*value; DEPTH]).collect();
        Picture { width, height: values.len() / width, pixels }
    }

    #[test]
    fn sharpening_and_shrinking_give_the_pixels_that_are_computed_by_hand() {
        // Middle: 5·50 − (10 + 90 + 20 + 80) = 50; corner: 5·10 − (10 + 20 + 10 + 10) = 0.
        let picture = grey(3, &[10, 10, 30, 20, 50, 80, 70, 90, 60]);
        let sharp = picture.sharpen();
        assert_eq!((sharp.at(1, 1, 0), sharp.at(0, 0, 2)), (50, 0));
        // The mean of 1, 2, 3 and 5 is 2.75, and rounds to 3.
        assert_eq!(grey(2, &[1, 2, 3, 5]).shrink(1, 1).pixels, [3; DEPTH]);
    }

    #[test]
    fn bands_with_a_halo_leave_no_seam_and_bands_without_one_do() {
        let picture = Picture::seeded(40, 31, 1, 2);
        for bands in [1, 2, 3, 7, 31, 100] {
            assert_eq!(picture.sharpen_in_bands(bands, 1), picture.sharpen(), "{bands} bands");
        }
        assert_ne!(picture.sharpen_in_bands(2, 0), picture.sharpen());
    }

    #[test]
    fn a_written_picture_is_read_back_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.png");
        let picture = Picture::seeded(33, 17, 42, 0);
        picture.write(&path).unwrap();
        assert_eq!(Picture::read(&path).unwrap(), picture);
        std::fs::write(&path, b"no picture").unwrap();
        let problem = Picture::read(&path).unwrap_err().to_string();
        assert!(problem.contains("cannot read") && problem.contains("one.png"), "{problem}");
    }
}
