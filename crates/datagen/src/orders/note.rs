//! The free text of an order: what customers write into the box that nobody validates.
//!
//! A note is put together from fragments. Each fragment is kept in the spellings that a writer needs (plain and CSV), so
//! that writing a note copies bytes and escapes nothing.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::page::Page;
use crate::stream::{Words, below};

/// Notes in a thousand orders.
const SHARE: u32 = 300;

const OPENINGS: [&str; 16] = [
    "Entregar na portaria",
    "Entregar só depois das 18h",
    "Ligar antes de entregar",
    "Presente de aniversário",
    "Favor não tocar a campainha, bebê dormindo",
    "Deixar com a vizinha, dona Conceição",
    "Endereço difícil de achar",
    "Cuidado com o cão",
    "Pedido urgente",
    "Troca combinada com a loja",
    "Cliente pediu: \"sem sacola plástica\"",
    "Embrulhar para presente",
    "Retirada por terceiro, com documento",
    "Portão azul, ao lado da padaria \"Pão Quente\"",
    "Nota fiscal no nome da empresa",
    "Não há elevador no prédio",
];

const BODIES: [&str; 20] = [
    "o interfone não funciona",
    "a rua é sem saída, entrar pela travessa",
    "bloco B, apartamento 302",
    "casa dos fundos, subir a escada",
    "falar com o João ou a Inês",
    "se não houver ninguém, voltar amanhã",
    "a embalagem anterior chegou amassada",
    "conferir o número de série, por favor",
    "o produto é frágil: não empilhar",
    "pagamento já feito, não cobrar o frete",
    "usar o cartão de visita anexo",
    "escrever no cartão: \"Parabéns, vovó!\"",
    "ponto de referência: praça da matriz, em frente à farmácia",
    "atenção à voltagem, precisa ser 220 V",
    "tamanho G, e não GG, como da última vez",
    "sítio São José, km 12, depois da ponte",
    "recepção fecha ao meio-dia",
    "cor \"azul-petróleo\", se houver; senão, preto",
    "avisar por mensagem, não por ligação",
    "deixar a nota dentro da caixa",
];

const CLOSINGS: [&str; 8] = [
    "Obrigado!",
    "Obrigada, vocês são ótimos.",
    "Agradeço a atenção.",
    "Até já",
    "Desde já, muito obrigado",
    "É a segunda vez que peço isso.",
    "Abraço, Márcia",
    "Valeu",
];

/// What stands between two fragments. The line break is what breaks readers that split at line ends.
const SEPARATORS: [&str; 8] = [", ", ". ", "; ", ", ", ". ", " - ", "\n", ", "];

/// One fragment in each spelling.
#[derive(Debug)]
struct Fragment {
    plain: &'static str,
    csv: Box<[u8]>,
    /// Whether it makes a CSV field need quotes.
    quoted: bool,
}

impl Fragment {
    fn new(plain: &'static str) -> Self {
        Self {
            plain,
            csv: plain.replace('"', "\"\"").into_bytes().into(),
            quoted: plain.contains(['"', ',', '\n']),
        }
    }
}

/// All fragments; a note names them by index.
static FRAGMENTS: LazyLock<Vec<Fragment>> = LazyLock::new(|| {
    OPENINGS.into_iter().chain(BODIES).chain(CLOSINGS).chain(SEPARATORS).map(Fragment::new).collect()
});

const FIRST_BODY: u32 = OPENINGS.len() as u32;
const FIRST_CLOSING: u32 = FIRST_BODY + BODIES.len() as u32;
const FIRST_SEPARATOR: u32 = FIRST_CLOSING + CLOSINGS.len() as u32;

/// A note as the fragments it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    fragments: [u8; 5],
    count: u8,
    /// A reference number at the end, or 0 for none.
    reference: u32,
}

impl Note {
    /// The note of the order with these words, if it has one.
    #[inline]
    pub(super) fn draw(words: &Words) -> Option<Self> {
        if below(words[10], 1000) >= SHARE {
            return None;
        }
        let index = |word: u32, first: u32, count: usize| (first + below(word, count as u32)) as u8;
        let fragments = [
            index(words[11], 0, OPENINGS.len()),
            index(words[12], FIRST_SEPARATOR, SEPARATORS.len()),
            index(words[13], FIRST_BODY, BODIES.len()),
            index(words[12].rotate_left(16), FIRST_SEPARATOR, SEPARATORS.len()),
            index(words[13].rotate_left(16), FIRST_CLOSING, CLOSINGS.len()),
        ];
        // Half of the notes are short, a third say why, the rest are polite too.
        let count = [1, 1, 1, 3, 3, 5][below(words[14], 6) as usize];
        let reference = if words[15].is_multiple_of(8) { 100_000 + below(words[15], 900_000) } else { 0 };
        Some(Self { fragments, count, reference })
    }

    fn parts(&self) -> impl Iterator<Item = &'static Fragment> {
        let fragments: &'static [Fragment] = &FRAGMENTS;
        self.fragments[..usize::from(self.count)].iter().map(|index| &fragments[usize::from(*index)])
    }

    /// Writes the note as one CSV field, quoted where it must be.
    #[inline]
    pub(super) fn csv(&self, page: &mut Page) {
        let quoted = self.parts().any(|part| part.quoted);
        if quoted {
            page.byte(b'"');
        }
        for part in self.parts() {
            page.text(&part.csv);
        }
        self.reference(page);
        if quoted {
            page.byte(b'"');
        }
    }

    /// The note as it is, on a page that is used again and again.
    #[inline]
    pub(super) fn read<'a>(&self, page: &'a mut Page) -> Cow<'a, str> {
        page.clear();
        page.row();
        for part in self.parts() {
            page.text(part.plain.as_bytes());
        }
        self.reference(page);
        // Fragments are UTF-8, so this borrows.
        String::from_utf8_lossy(page.as_bytes())
    }

    #[inline]
    fn reference(&self, page: &mut Page) {
        if self.reference != 0 {
            page.fixed(b" (ref. ");
            page.number(u64::from(self.reference));
            page.byte(b')');
        }
    }
}
