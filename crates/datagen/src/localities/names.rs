//! Synthetic names of municipalities and districts, built as Brazilian place names are.
//!
//! The names are invented; that some of them exist is chance. Real are only the states, the numbers of municipalities,
//! and Brasília.

use std::collections::HashSet;

use crate::stream::{Words, below};

const SAINTS: [&str; 24] = [
    "São João",
    "São José",
    "Santa Rita",
    "Santo Antônio",
    "São Sebastião",
    "Santa Luzia",
    "São Miguel",
    "São Francisco",
    "Santa Bárbara",
    "São Pedro",
    "Santana",
    "São Bento",
    "Santa Helena",
    "São Gonçalo",
    "Santa Inês",
    "São Domingos",
    "Bom Jesus",
    "Nossa Senhora",
    "Santa Cruz",
    "São Vicente",
    "Santa Fé",
    "São Lourenço",
    "Santo Ângelo",
    "Conceição",
];

const FEATURES: [&str; 28] = [
    "Serra",
    "Lagoa",
    "Ponte",
    "Barra",
    "Porto",
    "Campo",
    "Monte",
    "Rio",
    "Pedra",
    "Várzea",
    "Ilha",
    "Morro",
    "Cachoeira",
    "Ribeirão",
    "Córrego",
    "Mata",
    "Riacho",
    "Passo",
    "Vila",
    "Fazenda",
    "Poço",
    "Chapada",
    "Alto",
    "Boqueirão",
    "Olho d'Água",
    "Baixa",
    "Vargem",
    "Cabeceira",
];

/// What follows a feature; nothing here has a gender, so that any feature will do.
const QUALITIES: [&str; 28] = [
    "Verde",
    "Alegre",
    "Grande",
    "Feliz",
    "Real",
    "Quente",
    "Doce",
    "Azul",
    "Celeste",
    "Forte",
    "Nobre",
    "Livre",
    "do Sol",
    "da Lua",
    "das Pedras",
    "do Ouro",
    "da Prata",
    "das Águas",
    "dos Ventos",
    "do Céu",
    "das Palmeiras",
    "dos Ipês",
    "da Paz",
    "da Esperança",
    "das Garças",
    "do Trigo",
    "da Estrela",
    "dos Anjos",
];

const STEMS: [&str; 40] = [
    "Ita", "Pira", "Jagua", "Guara", "Ipe", "Para", "Cata", "Mara", "Taqua", "Ibi", "Ara", "Caja", "Jacu",
    "Uru", "Tapi", "Capi", "Embu", "Mogi", "Cara", "Jabo", "Perei", "Sapu", "Cuia", "Igara", "Moco", "Nhan",
    "Pinda", "Quixa", "Sera", "Tama", "Uba", "Vata", "Xapu", "Aça", "Buri", "Coru", "Eçá", "Inha", "Jequi",
    "Goia",
];

const ENDINGS: [&str; 24] = [
    "tinga", "nga", "ranga", "mirim", "guaçu", "poã", "tuba", "ré", "cema", "raí", "juba", "pema", "quara",
    "çaba", "muna", "bira", "curu", "nópolis", "lândia", "peba", "ti", "uva", "zinho", "xá",
];

const ADDITIONS: [&str; 20] = [
    "do Sul",
    "do Norte",
    "do Oeste",
    "da Serra",
    "do Campo",
    "dos Pinhais",
    "das Flores",
    "do Rio Preto",
    "d'Oeste",
    "da Mata",
    "do Vale",
    "do Planalto",
    "da Barra",
    "dos Campos",
    "do Araguaia",
    "das Missões",
    "do Sertão",
    "da Aliança",
    "do Itá",
    "da Boa Vista",
];

/// Names that are each used once in a state, as the real ones are.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// A name that was not given out before.
    pub(super) fn take(&mut self, words: &Words) -> String {
        let pick = |word: u32, list: &[&'static str]| list[below(word, list.len() as u32) as usize];
        let base = match below(words[0], 10) {
            0..=1 => pick(words[1], &SAINTS).to_owned(),
            2..=4 => format!("{} {}", pick(words[1], &FEATURES), pick(words[2], &QUALITIES)),
            _ => format!("{}{}", pick(words[1], &STEMS), pick(words[2], &ENDINGS)),
        };
        let long = below(words[3], 4) == 0;
        let mut name = if long { format!("{base} {}", pick(words[4], &ADDITIONS)) } else { base.clone() };
        let first = below(words[4], ADDITIONS.len() as u32) as usize;
        for round in 0.. {
            if self.taken.insert(name.clone()) {
                break;
            }
            // Additions in turn, then two of them: enough for any number of places, and still names.
            let addition = ADDITIONS[(first + round) % ADDITIONS.len()];
            let second = round / ADDITIONS.len();
            name = match second {
                0 => format!("{base} {addition}"),
                _ => format!("{base} {addition} {}", ["Velho", "Novo", "de Cima", "de Baixo"][second % 4]),
            };
            assert!(second < 5, "there are more names than places");
        }
        name
    }
}
