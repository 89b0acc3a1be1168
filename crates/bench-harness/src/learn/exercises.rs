//! What is asked about the exercises, and what a simple model makes one expect.

use lab::{Kind, Text};

/// What an exercise spends its time on, which decides what more workers can gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Nearly all of it is waiting for somebody else.
    Waits,
    /// Nearly all of it is computing.
    Computes,
    /// Both, or something else decides.
    Mixed,
}

/// A question about an exercise: how many times faster than one after the other is one of its strategies?
#[derive(Debug)]
pub(super) struct Asked {
    /// The exercise.
    pub(super) exercise: &'static str,
    /// What it spends its time on.
    pub(super) nature: Nature,
    /// The strategy that is asked about.
    pub(super) strategy: &'static str,
    /// The question.
    pub(super) ask: Text,
    /// Why it is as it is.
    pub(super) because: Text,
}

/// The question on an exercise.
pub(super) fn asked(exercise: &str) -> Option<&'static Asked> {
    ASKED.iter().find(|asked| asked.exercise == exercise)
}

/// How many times faster than one after the other a strategy is, if nothing but waiting or nothing but computing counts;
/// `None` where that says nothing. `tasks` is how many there are to wait for, where that is known.
pub(super) fn expected(
    nature: Nature,
    kind: Kind,
    workers: usize,
    processors: usize,
    tasks: Option<usize>,
) -> Option<f64> {
    let lanes = match (nature, kind) {
        (Nature::Mixed, _) => return None,
        (_, Kind::Sequential) | (Nature::Computes, Kind::Async) => 1,
        (Nature::Computes, _) => workers.min(processors),
        (Nature::Waits, Kind::Threads | Kind::Async) => tasks?,
        (Nature::Waits, _) => workers,
    };
    // The last round of lanes may not be full.
    Some(tasks.map_or(lanes as f64, |tasks| tasks as f64 / tasks.div_ceil(lanes.max(1)) as f64))
}

/// Why, for a strategy that no row explains.
pub(super) fn because(nature: Nature, kind: Kind) -> Text {
    match (nature, kind) {
        (Nature::Waits, Kind::Threads | Kind::Async) => Text::new(
            "Waiting needs no processor, so all can wait at once. What is left is starting, answering and putting together.",
            "Esperar não ocupa processador, então todos podem esperar juntos. Resta o custo de iniciar, responder e juntar.",
        ),
        (Nature::Waits, _) => Text::new(
            "As many wait at once as there are workers. More workers than processors help, because they hardly use any.",
            "Esperam juntos tantos quantos são os trabalhadores. Mais trabalhadores que processadores ajudam, porque mal os usam.",
        ),
        (Nature::Computes, Kind::Async) => Text::new(
            "An event loop is one thread, and computing on it happens one after the other.",
            "Um laço de eventos é uma só thread, e nele se calcula uma coisa depois da outra.",
        ),
        (Nature::Computes, _) => Text::new(
            "As many compute at once as there are processors, however many workers there are.",
            "Calculam juntos tantos quantos são os processadores, por mais trabalhadores que haja.",
        ),
        (Nature::Mixed, _) => Text::new(
            "Part of it waits, part of it computes, and what one stage takes longest for decides.",
            "Uma parte espera, outra calcula, e decide a etapa que leva mais tempo.",
        ),
    }
}

static ASKED: &[Asked] = &[
    Asked {
        exercise: "crawl",
        nature: Nature::Waits,
        strategy: "async",
        ask: Text::new(
            "Sixty addresses that each answer after a while are fetched on one thread, by an event loop. How much faster is that than one after the other?",
            "Sessenta endereços que demoram a responder são buscados em uma só thread, por um laço de eventos. Quanto isso é mais rápido que um depois do outro?",
        ),
        because: Text::new(
            "Sixty waits lie on top of each other. Look at the pool: its workers are the limit, not the processors.",
            "Sessenta esperas ficam umas sobre as outras. Veja o pool: o limite são os trabalhadores, não os processadores.",
        ),
    },
    Asked {
        exercise: "ingest",
        nature: Nature::Computes,
        strategy: "pool",
        ask: Text::new(
            "Many CSV files are read into one typed table by a pool of workers. How much faster is that?",
            "Muitos arquivos CSV são lidos para uma tabela com tipos por um pool de trabalhadores. Quanto isso é mais rápido?",
        ),
        because: Text::new(
            "The files lie in memory already, so finding fields and types is computing. Large files are cut into pieces, so that nobody is left with the longest.",
            "Os arquivos já estão na memória, então achar campos e tipos é cálculo. Os grandes são cortados em partes, para que ninguém fique sozinho com o maior.",
        ),
    },
    Asked {
        exercise: "monitor",
        nature: Nature::Waits,
        strategy: "threads",
        ask: Text::new(
            "The response times of many addresses are measured, a thread for each. How much faster is that?",
            "Os tempos de resposta de muitos endereços são medidos, uma thread para cada. Quanto isso é mais rápido?",
        ),
        because: Text::new(
            "Each thread only waits for its answer. The slowest address decides how long it takes.",
            "Cada thread só espera a sua resposta. O endereço mais lento decide quanto tempo leva.",
        ),
    },
    Asked {
        exercise: "download",
        nature: Nature::Mixed,
        strategy: "async",
        ask: Text::new(
            "Many files are downloaded in pieces by an event loop. How much faster is that than one after the other?",
            "Muitos arquivos são baixados em partes por um laço de eventos. Quanto isso é mais rápido que um depois do outro?",
        ),
        because: Text::new(
            "Bytes have to be moved and their digests computed, which waiting side by side does not shorten. The slower the server, the more is gained.",
            "É preciso mover bytes e calcular digests, o que esperar lado a lado não encurta. Quanto mais lento o servidor, maior o ganho.",
        ),
    },
    Asked {
        exercise: "query",
        nature: Nature::Computes,
        strategy: "pool",
        ask: Text::new(
            "One SQL query goes to many databases that lie in files, by a pool of workers. How much faster is that?",
            "Uma consulta SQL vai a muitos bancos que estão em arquivos, por um pool de trabalhadores. Quanto isso é mais rápido?",
        ),
        because: Text::new(
            "A database in a file computes in the process that asks it, so processors are the limit. With servers far away it would be waiting.",
            "Um banco em arquivo calcula dentro do processo que pergunta, então o limite são os processadores. Com servidores distantes, seria espera.",
        ),
    },
    Asked {
        exercise: "transform",
        nature: Nature::Computes,
        strategy: "rayon",
        ask: Text::new(
            "Orders and customers are cleaned, checked and joined with work stealing. How much faster is that than our best single thread?",
            "Pedidos e clientes são limpos, verificados e unidos com roubo de tarefas. Quanto isso é mais rápido que a nossa melhor thread única?",
        ),
        because: Text::new(
            "Look at `rows` as well: doing it badly on one core may cost more than all the cores can win back.",
            "Veja também `rows`: fazer mal em um só núcleo pode custar mais do que todos os núcleos recuperam.",
        ),
    },
    Asked {
        exercise: "apply",
        nature: Nature::Computes,
        strategy: "processes",
        ask: Text::new(
            "An expensive function is applied to each row of a table, in worker processes. How much faster is that, with their start and the copying?",
            "Uma função cara é aplicada a cada linha de uma tabela, em processos trabalhadores. Quanto isso é mais rápido, com o início e as cópias?",
        ),
        because: Text::new(
            "Rows travel in chunks that are large enough for the copying to vanish beside the function.",
            "As linhas viajam em blocos grandes o bastante para que a cópia desapareça ao lado da função.",
        ),
    },
    Asked {
        exercise: "convert",
        nature: Nature::Computes,
        strategy: "async",
        ask: Text::new(
            "Parquet files become CSV on an event loop. How much faster is that than one after the other?",
            "Arquivos Parquet viram CSV em um laço de eventos. Quanto isso é mais rápido que um depois do outro?",
        ),
        because: Text::new(
            "Unpacking and writing numbers is computing. An event loop has one thread for it, the pool has as many as there are processors.",
            "Descompactar e escrever números é cálculo. Um laço de eventos tem uma thread para isso, o pool tem tantas quantos são os processadores.",
        ),
    },
    Asked {
        exercise: "aggregate",
        nature: Nature::Computes,
        strategy: "pool",
        ask: Text::new(
            "The groups of a table are summed by a pool, and the sums are exact to the last bit. How much faster is that?",
            "Os grupos de uma tabela são somados por um pool, e as somas são exatas até o último bit. Quanto isso é mais rápido?",
        ),
        because: Text::new(
            "Each worker has tables of its own, which are merged at the end, as in the lesson on the counter.",
            "Cada trabalhador tem as suas tabelas, unidas no fim, como na lição do contador.",
        ),
    },
    Asked {
        exercise: "relay",
        nature: Nature::Mixed,
        strategy: "ring",
        ask: Text::new(
            "One process transforms rows and another one stores them, through a ring in shared memory. How much faster is that than one process that does both?",
            "Um processo transforma linhas e outro as grava, por um anel em memória compartilhada. Quanto isso é mais rápido que um só processo fazendo as duas coisas?",
        ),
        because: Text::new(
            "Two stages overlap at best to the time of the longer one. Storing is the longer one here, and only one process can do it.",
            "Duas etapas se sobrepõem, no melhor caso, ao tempo da mais longa. Aqui a gravação é a mais longa, e só um processo pode fazê-la.",
        ),
    },
    Asked {
        exercise: "etl",
        nature: Nature::Computes,
        strategy: "pool",
        ask: Text::new(
            "Hundreds of partitions of a lake are cleaned, joined and written by a pool. How much faster is that than one partition after the other?",
            "Centenas de partições de um lago são limpas, cruzadas e gravadas por um pool. Quanto isso é mais rápido que uma partição depois da outra?",
        ),
        because: Text::new(
            "Partitions need nothing of each other, so as many are done at once as there are processors. The files of small ones are opened, named and told of in the manifest one by one, and that part does not get faster.",
            "As partições não dependem umas das outras, então são feitas juntas tantas quantos são os processadores. Os arquivos das pequenas são abertos, nomeados e registrados no manifesto um a um, e essa parte não fica mais rápida.",
        ),
    },
    Asked {
        exercise: "extract",
        nature: Nature::Waits,
        strategy: "pool",
        ask: Text::new(
            "A paginated API is read completely by a pool of workers, within its limits. How much faster is that than page after page?",
            "Uma API paginada é lida por completo por um pool de trabalhadores, dentro dos limites. Quanto isso é mais rápido que página após página?",
        ),
        because: Text::new(
            "Pages that are known beforehand can be asked for at once, by as many as there are workers. With cursors each page names the next, and nothing overlaps.",
            "Páginas conhecidas de antemão podem ser pedidas juntas, por tantos quantos são os trabalhadores. Com cursores, cada página nomeia a próxima, e nada se sobrepõe.",
        ),
    },
    Asked {
        exercise: "queue",
        nature: Nature::Mixed,
        strategy: "crossbeam",
        ask: Text::new(
            "Producers and consumers with a bounded queue between them, on threads. How much faster is that than one thread that does both?",
            "Produtores e consumidores com uma fila limitada entre eles, em threads. Quanto isso é mais rápido que uma thread que faz tudo?",
        ),
        because: Text::new(
            "Each message pays for its way through the queue. The less is done with a message, the less a queue is worth.",
            "Cada mensagem paga a passagem pela fila. Quanto menos se faz com uma mensagem, menos a fila vale.",
        ),
    },
    Asked {
        exercise: "stages",
        nature: Nature::Mixed,
        strategy: "threads",
        ask: Text::new(
            "Ingest, transform and store: three threads, one for each stage. How much faster is that than one stage after the other?",
            "Ler, transformar e gravar: três threads, uma para cada etapa. Quanto isso é mais rápido que uma etapa depois da outra?",
        ),
        because: Text::new(
            "A pipeline is as fast as its slowest stage, and three stages share the processors there are.",
            "Um pipeline é tão rápido quanto a sua etapa mais lenta, e três etapas dividem os processadores que há.",
        ),
    },
    Asked {
        exercise: "alerts",
        nature: Nature::Computes,
        strategy: "threads",
        ask: Text::new(
            "Rules are applied to many log files, a thread for each piece. How much faster is that than one after the other?",
            "Regras são aplicadas a muitos arquivos de log, uma thread para cada parte. Quanto isso é mais rápido que um depois do outro?",
        ),
        because: Text::new(
            "Searching is computing. More threads than processors do not help, and hardly harm while there are not too many.",
            "Procurar é cálculo. Mais threads que processadores não ajudam, e quase não atrapalham enquanto não são demais.",
        ),
    },
    Asked {
        exercise: "states",
        nature: Nature::Waits,
        strategy: "async",
        ask: Text::new(
            "A country's map comes from one request for each state and each city, on an event loop with two semaphores. How much faster is that than request after request?",
            "O mapa de um país vem de uma requisição por estado e por cidade, em um laço de eventos com dois semáforos. Quanto isso é mais rápido que uma requisição após a outra?",
        ),
        because: Text::new(
            "The semaphores decide how many are under way, and protect the source. Without them it would be faster, until the source falls over.",
            "Os semáforos decidem quantas estão em andamento e protegem a fonte. Sem eles seria mais rápido, até a fonte cair.",
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(nature: Nature, kind: Kind, workers: usize, tasks: Option<usize>, times: Option<f64>) {
        assert_eq!(expected(nature, kind, workers, 2, tasks), times, "{nature:?} {kind:?} {workers}");
    }

    #[test]
    fn waiting_goes_by_workers_and_computing_by_processors() {
        check(Nature::Waits, Kind::Pool, 6, None, Some(6.0));
        check(Nature::Computes, Kind::Pool, 6, None, Some(2.0));
        check(Nature::Computes, Kind::Async, 6, None, Some(1.0));
        check(Nature::Mixed, Kind::Pool, 6, None, None);
    }

    #[test]
    fn the_last_round_counts_in_full() {
        check(Nature::Waits, Kind::Pool, 8, Some(20), Some(20.0 / 3.0));
        check(Nature::Waits, Kind::Async, 8, Some(20), Some(20.0));
        check(Nature::Waits, Kind::Async, 8, None, None);
    }
}
