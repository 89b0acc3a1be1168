//! The decision tree: a few questions, and what follows from the answers.

use std::io::BufRead;

use lab::{OrProblem, Problem};

use crate::say;
use crate::stage::Stage;
use crate::text::Text;

/// A question of the tree, and where its two answers lead.
struct Question {
    asks: Text,
    yes: Next,
    no: Next,
}

/// What follows from an answer.
#[derive(Clone, Copy)]
enum Next {
    Ask(&'static Question),
    Take(&'static Text),
}

/// The first question.
static ROOT: Question = Question {
    asks: Text::new(
        "Does it take too long now, measured and not guessed?",
        "Ele demora demais hoje, medido e não suposto?",
    ),
    yes: Next::Ask(&PARTS),
    no: Next::Take(&LEAVE),
};

static PARTS: Question = Question {
    asks: Text::new(
        "Can it be cut into parts that do not need each other's results?",
        "Dá para dividi-lo em partes que não precisam do resultado umas das outras?",
    ),
    yes: Next::Ask(&WAITS),
    no: Next::Take(&PIPELINE),
};

static WAITS: Question = Question {
    asks: Text::new(
        "Does it mostly wait: for a network, a disk, a database? (`classify` tells.)",
        "Ele passa a maior parte do tempo esperando: rede, disco, banco de dados? (`classify` responde.)",
    ),
    yes: Next::Ask(&MANY),
    no: Next::Ask(&TINY),
};

static MANY: Question = Question {
    asks: Text::new(
        "Are there more than a few hundred waits at the same time?",
        "São mais do que algumas centenas de esperas ao mesmo tempo?",
    ),
    yes: Next::Take(&ASYNC),
    no: Next::Take(&WAITING_THREADS),
};

static TINY: Question = Question {
    asks: Text::new(
        "Does a part take less than about 10 microseconds?",
        "Uma parte leva menos do que uns 10 microssegundos?",
    ),
    yes: Next::Take(&LARGER_PARTS),
    no: Next::Ask(&PYTHON),
};

static PYTHON: Question = Question {
    asks: Text::new("Is it Python code with the GIL?", "É código Python com GIL?"),
    yes: Next::Take(&PROCESSES),
    no: Next::Ask(&CRASHES),
};

static CRASHES: Question = Question {
    asks: Text::new(
        "May a part crash, leak or hang, as foreign code and broken input do?",
        "Uma parte pode quebrar, vazar memória ou travar, como fazem código alheio e entradas corrompidas?",
    ),
    yes: Next::Take(&PROCESSES),
    no: Next::Ask(&UNEVEN),
};

static UNEVEN: Question = Question {
    asks: Text::new(
        "Do the parts take very different times, or do they make new parts?",
        "As partes levam tempos muito diferentes, ou geram novas partes?",
    ),
    yes: Next::Take(&RAYON),
    no: Next::Take(&POOL),
};

static LEAVE: Text = Text::new(
    "Leave it sequential: it is the simplest program, and it is fast enough.",
    "Deixe-o sequencial: é o programa mais simples, e já é rápido o bastante.",
);
static PIPELINE: Text = Text::new(
    "A pipeline: stages that overlap, joined by bounded channels. The slowest stage sets the pace.",
    "Um pipeline: etapas que se sobrepõem, ligadas por canais limitados. A etapa mais lenta dita o ritmo.",
);
static ASYNC: Text = Text::new(
    "Async tasks on one thread, with a limit for what is under way: a wait costs a few hundred bytes and no thread.",
    "Tarefas async numa só thread, com um limite para o que está em andamento: uma espera custa poucas centenas de bytes e nenhuma thread.",
);
static WAITING_THREADS: Text = Text::new(
    "A pool of threads, more than processors: as many as there are waits, while the other side can bear it.",
    "Um pool de threads, mais do que processadores: tantas quantas forem as esperas, enquanto o outro lado aguentar.",
);
static LARGER_PARTS: Text = Text::new(
    "Larger parts first: below the cost of handing a part out, parallel work loses (`run tiny-work`).",
    "Primeiro, partes maiores: abaixo do custo de distribuir uma parte, o paralelismo perde (`run tiny-work`).",
);
static PROCESSES: Text = Text::new(
    "A pool of processes, as many as processors: each has its own interpreter, memory and crash. Send little between them.",
    "Um pool de processos, tantos quantos os processadores: cada um com seu interpretador, sua memória e sua falha. Envie pouco entre eles.",
);
static RAYON: Text = Text::new(
    "Work stealing (rayon), as many threads as processors: whoever is done takes from whoever is not.",
    "Roubo de trabalho (rayon), tantas threads quantos os processadores: quem termina pega de quem não terminou.",
);
static POOL: Text = Text::new(
    "A pool of threads behind a bounded channel, as many as processors.",
    "Um pool de threads atrás de um canal limitado, tantas quantos os processadores.",
);

/// Asks until there is an answer, and gives it. Answers are read line by line, so that a program can give them too.
///
/// # Errors
/// When the answers end before the questions do.
pub(super) fn ask(stage: &Stage, answers: &mut dyn BufRead) -> Result<(), Problem> {
    let mut at = &ROOT;
    loop {
        say!(stage, "{} [y/n]", "{} [s/n]", at.asks.in_lang(stage.lang));
        let mut line = String::new();
        let read = answers.read_line(&mut line).or_problem(|| "cannot read an answer")?;
        if read == 0 {
            return Err(Problem::new("the answers ended before the questions did")
                .hint("give a command, --urls or --measurements, or answer with y and n, a line each"));
        }
        let next = match line.trim().to_lowercase().as_str() {
            "y" | "yes" | "s" | "sim" => at.yes,
            "n" | "no" | "não" | "nao" => at.no,
            _ => {
                say!(stage, "y for yes or n for no, please.", "s para sim ou n para não, por favor.");
                continue;
            }
        };
        match next {
            Next::Ask(question) => at = question,
            Next::Take(advice) => {
                stage.line(format_args!("→ {}", advice.in_lang(stage.lang)));
                return Ok(());
            }
        }
    }
}
