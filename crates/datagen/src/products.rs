//! The table `products`: what is sold, [`COUNT`] products in twelve categories.

use std::ops::Range;

use crate::alias::Alias;
use crate::cells::Cells;
use crate::page::Page;
use crate::registers::ean_check;
use crate::stream::{Stream, Words, below, below_skewed};
use crate::table::{Column, Kind, Rows};

/// Products on sale; their identifiers are 1 to `COUNT`. It does not depend on the size of a data set, so that orders of
/// any size may name any product.
pub const COUNT: u32 = 5_000;

/// A category with its share of the products and its range of prices.
struct Category {
    name: &'static str,
    weight: u64,
    /// Lowest and highest price in cents.
    prices: (u32, u32),
    /// What its products are.
    nouns: [&'static str; 4],
}

const fn category(name: &'static str, weight: u64, prices: (u32, u32), nouns: [&'static str; 4]) -> Category {
    Category { name, weight, prices, nouns }
}

const CATEGORIES: [Category; 12] = [
    category(
        "Eletrônicos",
        120,
        (4_990, 899_990),
        ["Fone de ouvido", "Smartphone", "Notebook", "Caixa de som"],
    ),
    category(
        "Eletrodomésticos",
        60,
        (8_990, 549_990),
        ["Liquidificador", "Geladeira", "Micro-ondas", "Ventilador"],
    ),
    category("Moda", 190, (2_990, 59_990), ["Camiseta", "Calça jeans", "Tênis", "Vestido"]),
    category("Casa e Decoração", 130, (1_990, 129_990), ["Luminária", "Tapete", "Jogo de lençol", "Quadro"]),
    category("Beleza e Saúde", 120, (990, 39_990), ["Perfume", "Protetor solar", "Xampu", "Hidratante"]),
    category(
        "Alimentos e Bebidas",
        110,
        (390, 19_990),
        ["Café torrado", "Azeite", "Suco de uva", "Castanha-do-pará"],
    ),
    category("Livros", 80, (1_490, 24_990), ["Romance", "Livro de contos", "Atlas", "Gramática"]),
    category("Brinquedos", 60, (1_990, 79_990), ["Quebra-cabeça", "Boneca", "Carrinho", "Jogo de tabuleiro"]),
    category("Esporte e Lazer", 50, (1_990, 249_990), ["Bola", "Bicicleta", "Colchonete", "Barraca"]),
    category("Automotivo", 35, (1_490, 189_990), ["Pneu", "Tapete automotivo", "Óleo 5W30, 1 L", "Lâmpada"]),
    category("Papelaria", 30, (190, 14_990), ["Caderno", "Caneta", "Mochila", "Papel A4, 500 folhas"]),
    category("Móveis", 15, (14_990, 699_990), ["Sofá", "Mesa", "Estante 60\" de TV", "Cadeira"]),
];

/// Invented brands.
const BRANDS: [&str; 16] = [
    "Aurora",
    "Ipê",
    "Jatobá",
    "Maré Alta",
    "Cajuína",
    "Serrano",
    "Guará",
    "Tupi",
    "Oito Ilhas",
    "Pampa",
    "Lúmen",
    "Vereda",
    "Ararajuba",
    "Bem-te-vi",
    "Mandacaru",
    "Sabiá",
];

/// Number of categories.
pub(crate) const CATEGORY_COUNT: usize = CATEGORIES.len();

/// The name of a category.
pub(crate) fn category_name(category: usize) -> &'static str {
    CATEGORIES[category].name
}

/// What an order needs to know of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Index of the category.
    pub(crate) category: u8,
    /// List price in cents.
    pub(crate) price_cents: u32,
}

/// The products of one seed.
#[derive(Debug, Clone)]
pub struct Products {
    stream: Stream,
    categories: Alias,
}

impl Products {
    /// The products of `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            stream: Stream::new(seed, "products"),
            categories: Alias::new(&CATEGORIES.map(|category| category.weight)),
        }
    }

    /// The facts of every product, by `product_id - 1`.
    pub(crate) fn facts(&self) -> Vec<Facts> {
        let mut facts = Vec::with_capacity(COUNT as usize);
        self.stream.for_each(0..u64::from(COUNT), |_, words| facts.push(self.draw(words)));
        facts
    }

    /// The name of a product.
    pub(crate) fn name<'a>(&self, index: u64, page: &'a mut Page) -> &'a str {
        let words = self.stream.words(index);
        Self::write_name(&CATEGORIES[usize::from(self.draw(&words).category)], &words, page)
    }

    fn write_name<'a>(category: &Category, words: &Words, page: &'a mut Page) -> &'a str {
        page.clear();
        page.row();
        let brand = BRANDS[below(words[2], BRANDS.len() as u32) as usize];
        for part in [category.nouns[below(words[3], 4) as usize], " ", brand, " "] {
            page.text(part.as_bytes());
        }
        page.number(u64::from(100 + below(words[4], 900)));
        std::str::from_utf8(page.as_bytes()).unwrap_or_default()
    }

    fn draw(&self, words: &Words) -> Facts {
        let category = self.categories.draw(words[0]);
        let (low, high) = CATEGORIES[category].prices;
        // Cheap products are many; prices end in 90 cents, as shop prices do.
        let price_cents = low + below_skewed(words[1], (high - low) / 100 + 1) * 100;
        Facts { category: category as u8, price_cents }
    }
}

impl Rows for Products {
    const COLUMNS: &'static [Column] = &[
        Column::new("product_id", Kind::Int64),
        Column::new("name", Kind::Text),
        Column::new("category", Kind::Text),
        Column::new("brand", Kind::Text),
        Column::new("price_cents", Kind::Cents),
        Column::new("weight_g", Kind::Int32),
        Column::new("stock", Kind::Int32),
        Column::new("ean", Kind::Text),
    ];

    fn rows(&self, rows: Range<u64>, cells: &mut impl Cells) {
        let mut page = Page::default();
        self.stream.for_each(rows, |index, words| {
            let facts = self.draw(words);
            let category = &CATEGORIES[usize::from(facts.category)];
            let brand = BRANDS[below(words[2], BRANDS.len() as u32) as usize];
            cells.integer(index as i64 + 1);
            cells.text(Self::write_name(category, words, &mut page));
            cells.word(category.name);
            cells.word(brand);
            cells.integer(i64::from(facts.price_cents));
            cells.integer(i64::from(20 + below_skewed(words[5], 40_000)));
            cells.integer(i64::from(below_skewed(words[6], 2_000)));
            // 789 is Brazil's prefix; the product's number makes the code unique.
            page.clear();
            page.row();
            page.padded::<12>(789_000_000_000 + (index + 1) * 7_919 % 1_000_000_000);
            let mut twelve = [0; 12];
            twelve.iter_mut().zip(page.as_bytes()).for_each(|(value, byte)| *value = byte - b'0');
            page.byte(b'0' + ean_check(&twelve));
            cells.word(std::str::from_utf8(page.as_bytes()).unwrap_or_default());
            cells.end();
        });
    }
}
