//! What is sold: [`COUNT`] products in twelve categories.

use crate::alias::Alias;
use crate::stream::{Stream, below_skewed};

/// Products on sale; their identifiers are 1 to `COUNT`. It does not depend on the size of a data set, so that orders of
/// any size may name any product.
pub const COUNT: u32 = 5_000;

/// A category with its share of the products and its range of prices.
struct Category {
    name: &'static str,
    weight: u64,
    /// Lowest and highest price in cents.
    prices: (u32, u32),
}

const CATEGORIES: [Category; 12] = [
    Category { name: "Eletrônicos", weight: 120, prices: (4_990, 899_990) },
    Category { name: "Eletrodomésticos", weight: 60, prices: (8_990, 549_990) },
    Category { name: "Moda", weight: 190, prices: (2_990, 59_990) },
    Category { name: "Casa e Decoração", weight: 130, prices: (1_990, 129_990) },
    Category { name: "Beleza e Saúde", weight: 120, prices: (990, 39_990) },
    Category { name: "Alimentos e Bebidas", weight: 110, prices: (390, 19_990) },
    Category { name: "Livros", weight: 80, prices: (1_490, 24_990) },
    Category { name: "Brinquedos", weight: 60, prices: (1_990, 79_990) },
    Category { name: "Esporte e Lazer", weight: 50, prices: (1_990, 249_990) },
    Category { name: "Automotivo", weight: 35, prices: (1_490, 189_990) },
    Category { name: "Papelaria", weight: 30, prices: (190, 14_990) },
    Category { name: "Móveis", weight: 15, prices: (14_990, 699_990) },
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

/// The facts of every product, by `product_id - 1`.
pub(crate) fn facts(seed: u64) -> Vec<Facts> {
    let categories = Alias::new(&CATEGORIES.map(|category| category.weight));
    let mut facts = Vec::with_capacity(COUNT as usize);
    Stream::new(seed, "products").for_each(0..u64::from(COUNT), |_, words| {
        let category = categories.draw(words[0]);
        let (low, high) = CATEGORIES[category].prices;
        // Cheap products are many; prices end in 90 cents, as shop prices do.
        let price_cents = low + below_skewed(words[1], (high - low) / 100 + 1) * 100;
        facts.push(Facts { category: category as u8, price_cents });
    });
    facts
}
