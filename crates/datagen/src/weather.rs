//! The table `weather`: hourly readings at the 27 state capitals from 2023 on.
//!
//! Row `i` is hour `i / 27` at capital `i % 27`. A reading is the capital's mean for the month, a daily course, and
//! weather: noise that is drawn every six hours and joined by straight lines, so that one hour resembles the next. All
//! of it is integer arithmetic in tenths, and follows from the seed, the capital and the hour alone.

use std::ops::Range;

use crate::cells::Cells;
use crate::states::STATES;
use crate::stream::mix;
use crate::table::{Column, Kind, Rows};

/// Microseconds from the epoch to 2023-01-01 00:00:00 UTC, and of an hour.
const START: i64 = 1_672_531_200_000_000;
const HOUR: i64 = 3_600_000_000;

/// Hours between two draws of the weather.
const KNOT: u64 = 6;

/// A capital and its climate: mean temperature and half the swing between summer and winter in tenths of a degree,
/// mean humidity in percent, mean pressure at its height in tenths of a hectopascal.
struct Capital {
    name: &'static str,
    mean: i64,
    swing: i64,
    humidity: i64,
    pressure: i64,
}

const fn capital(name: &'static str, mean: i64, swing: i64, humidity: i64, pressure: i64) -> Capital {
    Capital { name, mean, swing, humidity, pressure }
}

/// The capitals in the order of [`STATES`]; the climate is rounded from the public normals of 1991 to 2020.
const CAPITALS: [Capital; 27] = [
    capital("Porto Velho", 262, 8, 84, 10_035),
    capital("Rio Branco", 256, 12, 85, 9_945),
    capital("Manaus", 275, 8, 82, 10_060),
    capital("Boa Vista", 280, 8, 74, 10_020),
    capital("Belém", 266, 4, 86, 10_110),
    capital("Macapá", 272, 6, 83, 10_105),
    capital("Palmas", 271, 10, 68, 9_790),
    capital("São Luís", 271, 5, 84, 10_075),
    capital("Teresina", 281, 10, 71, 10_030),
    capital("Fortaleza", 271, 5, 78, 10_100),
    capital("Natal", 267, 10, 79, 10_085),
    capital("João Pessoa", 267, 12, 78, 10_130),
    capital("Recife", 259, 13, 79, 10_120),
    capital("Maceió", 252, 13, 79, 10_080),
    capital("Aracaju", 263, 13, 77, 10_140),
    capital("Salvador", 255, 18, 80, 10_090),
    capital("Belo Horizonte", 219, 22, 66, 9_190),
    capital("Vitória", 250, 26, 76, 10_120),
    capital("Rio de Janeiro", 241, 30, 77, 10_130),
    capital("São Paulo", 201, 30, 74, 9_270),
    capital("Curitiba", 176, 36, 81, 9_120),
    capital("Florianópolis", 211, 42, 81, 10_160),
    capital("Porto Alegre", 199, 54, 77, 10_130),
    capital("Campo Grande", 233, 28, 68, 9_520),
    capital("Cuiabá", 266, 18, 71, 9_960),
    capital("Goiânia", 237, 16, 63, 9_300),
    capital("Brasília", 214, 14, 65, 8_880),
];

/// The year's course in the southern half, in hundredths of the swing.
const MONTHS: [i64; 12] = [95, 100, 85, 35, -30, -80, -100, -70, -20, 25, 55, 80];

/// The day's course by local hour in tenths of a degree.
const HOURS: [i64; 24] = [
    -25, -29, -33, -36, -39, -42, -40, -28, -10, 8, 24, 37, 46, 52, 54, 51, 43, 30, 15, 3, -6, -12, -17, -21,
];

/// The readings of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    seed: u64,
}

impl Weather {
    /// The readings of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed: mix(seed ^ 0x0077_6561_7468_6572) }
    }

    /// Weather at a capital and an hour: -1,000 to 1,000, slowly changing. `kind` keeps the quantities apart.
    fn noise(self, kind: u64, capital: u64, hour: u64) -> i64 {
        let drawn =
            |knot: u64| (mix(self.seed ^ mix(kind << 56 | capital << 40 | knot)) % 2_001) as i64 - 1_000;
        let (knot, into) = (hour / KNOT, (hour % KNOT) as i64);
        (drawn(knot) * (KNOT as i64 - into) + drawn(knot + 1) * into) / KNOT as i64
    }
}

impl Rows for Weather {
    const COLUMNS: &'static [Column] = &[
        Column::new("city", Kind::Text),
        Column::new("uf", Kind::Text),
        Column::new("observed_at", Kind::Time),
        Column::new("temperature_c", Kind::Tenths).nullable(),
        Column::new("humidity_pct", Kind::Int32).nullable(),
        Column::new("rain_mm", Kind::Tenths),
        Column::new("wind_kmh", Kind::Tenths),
        Column::new("pressure_hpa", Kind::Tenths),
    ];

    fn rows(&self, rows: Range<u64>, cells: &mut impl Cells) {
        for index in rows {
            let (hour, at) = (index / 27, index % 27);
            let capital = &CAPITALS[at as usize];
            // Local time is three hours behind for most; the month is an average one of 730 hours.
            let local = ((hour + 21) % 24) as usize;
            let month = (hour / 730 % 12) as usize;
            let wet = self.noise(1, at, hour);
            let temperature = capital.mean
                + capital.swing * MONTHS[month] / 100
                + HOURS[local]
                + self.noise(0, at, hour) * 35 / 1_000
                - wet.max(0) * 25 / 1_000;
            let humidity = capital.humidity + wet * 18 / 1_000 - HOURS[local] / 4;
            let rain = (wet - 600).max(0) * (self.noise(2, at, hour) + 1_100) / 5_000;
            let wind = 30 + (self.noise(3, at, hour) + 1_000) * 11 / 100;
            let pressure = capital.pressure - self.noise(4, at, hour) * 45 / 1_000;
            // A sensor fails now and then for a whole knot.
            let broken =
                |kind: u64| mix(self.seed ^ mix(kind << 56 | at << 40 | (hour / KNOT))).is_multiple_of(250);
            cells.word(capital.name);
            cells.word(STATES[at as usize].sigla);
            cells.time(START + hour as i64 * HOUR);
            if broken(5) {
                cells.null();
            } else {
                cells.tenths(temperature);
            }
            if broken(6) {
                cells.null();
            } else {
                cells.integer(humidity.clamp(12, 100));
            }
            cells.tenths(rain);
            cells.tenths(wind);
            cells.tenths(pressure);
            cells.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Page;
    use crate::table::{ByRows, Table};

    /// The readings of a column of one capital over a year.
    fn year(capital: usize, column: usize) -> Vec<Option<f64>> {
        let mut page = Page::default();
        ByRows(Weather::new(42)).csv(0..27 * 8_760, &mut page);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(page.as_bytes());
        let rows = reader.records().map(|row| row.expect("valid CSV"));
        rows.skip(capital).step_by(27).map(|row| row[column].parse().ok()).collect()
    }

    #[test]
    fn the_south_has_seasons_the_north_has_none_and_one_hour_resembles_the_next() {
        let mean = |readings: &[Option<f64>]| {
            let known: Vec<f64> = readings.iter().flatten().copied().collect();
            known.iter().sum::<f64>() / known.len() as f64
        };
        let (belem, porto_alegre) = (year(4, 3), year(22, 3));
        let swing = |year: &[Option<f64>]| mean(&year[..1_460]) - mean(&year[4_380..5_840]);
        assert!(swing(&porto_alegre) > 7.0 && swing(&belem).abs() < 2.0);
        for pair in porto_alegre.windows(2) {
            if let [Some(one), Some(next)] = pair {
                assert!((one - next).abs() < 4.5, "{one} then {next}");
            }
        }
        let missing = belem.iter().filter(|reading| reading.is_none()).count();
        assert!((1..200).contains(&missing), "{missing} readings are missing");
        assert!(year(4, 4).into_iter().flatten().all(|humidity| (12.0..=100.0).contains(&humidity)));
        assert!(year(4, 5).into_iter().flatten().any(|rain| rain > 5.0));
    }
}
