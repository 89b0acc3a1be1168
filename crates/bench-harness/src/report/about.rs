//! What each exercise is, in Portuguese. A program says it in English in its own list.

use lab::record::{Bilingual, ExerciseRecord, StrategyRecord};

/// By the exercise's number.
const PORTUGUESE: [(u8, &str); 16] = [
    (
        1,
        "Pergunta a muitos endereços de uma API ao mesmo tempo e reúne as respostas, na ordem das URLs, em um só arquivo.",
    ),
    (2, "Lê muitos arquivos CSV para uma só tabela com tipos."),
    (3, "Mede os tempos de resposta de muitas URLs ao mesmo tempo e diz quais estão no ar."),
    (
        4,
        "Baixa muitos arquivos ao mesmo tempo, em pedaços, e só dá nome a cada um quando está provado inteiro.",
    ),
    (
        5,
        "Faz a mesma pergunta SQL a muitos bancos ao mesmo tempo e une as respostas em uma tabela que diz de onde vem cada linha.",
    ),
    (6, "Limpa, confere e pseudonimiza pedidos e seus clientes."),
    (7, "Aplica uma função, ou um programa seu, a cada linha de uma tabela, bloco por bloco."),
    (8, "Converte Parquet em CSV, muitos arquivos ou os grupos de linhas de um grande."),
    (9, "Agrega os grupos de uma tabela em uma só passagem, com somas exatas."),
    (10, "Um processo transforma linhas e outro as guarda; qualquer um pode ser morto a qualquer momento."),
    (11, "Limpa, junta e soma um lago particionado de pedidos e escreve um lago: só o que mudou."),
    (12, "Extrai todos os registros de uma API paginada em uma tabela, cada um uma vez e em ordem."),
    (13, "Passa mensagens de muitos produtores a muitos consumidores por uma fila limitada."),
    (14, "Ingere CSV, transforma e guarda como Parquet: três estágios, em série ou sobrepostos."),
    (15, "Procura eventos em muitos arquivos de log e dá alertas, na ordem do tempo."),
    (16, "Reúne da API de localidades os estados com suas cidades e os distritos delas em uma só árvore."),
];

/// Why an exercise does not offer a strategy, by its number and the strategy's name.
const ABSENT: [(u8, &str, &str); 3] = [
    (
        11,
        "cluster",
        "foi compilado sem a feature `cluster`: cargo run -p pipelines --features cluster -- etl --strategy cluster",
    ),
    (
        13,
        "rayon",
        "suas threads roubam tarefas umas das outras e não podem bloquear, o que uma fila cheia faz",
    ),
    (13, "nats", "foi compilado sem a feature `nats`"),
];

/// Why a strategy is not offered, in both languages; `None` for one that is.
pub(super) fn why_absent(exercise: &ExerciseRecord, strategy: &StrategyRecord) -> Option<Bilingual> {
    let en = strategy.absent.as_ref()?;
    let pt = ABSENT.iter().find(|(id, name, _)| (*id, *name) == (exercise.id, &strategy.name));
    Some(Bilingual { en: en.clone(), pt: pt.map_or(en.as_str(), |(_, _, text)| *text).into() })
}

/// The sentence in both languages; in the program's own words where it has none in Portuguese.
pub(super) fn about(exercise: &ExerciseRecord) -> Bilingual {
    let pt = PORTUGUESE.iter().find(|(id, _)| *id == exercise.id).map(|(_, text)| *text);
    Bilingual { en: exercise.about.clone(), pt: pt.unwrap_or(&exercise.about).into() }
}
