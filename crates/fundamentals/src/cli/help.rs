//! The help in the reader's language.
//!
//! The English texts are the doc comments of the arguments, where clap takes them from. Here each has its translation, found
//! by the English text, and a test finds those that have none.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};

use crate::text::Lang;

/// The language that help is wanted in, before the arguments are read: help is often asked for with wrong ones.
pub(super) fn lang_of(arguments: &[OsString]) -> Lang {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let joined = words.iter().find_map(|word| word.strip_prefix("--lang="));
    let apart = words.windows(2).find(|pair| pair[0] == "--lang").map(|pair| pair[1]);
    joined.or(apart).and_then(|name| name.parse().ok()).unwrap_or_else(Lang::of_user)
}

/// The command with its help in a language.
pub(super) fn in_lang(command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => command,
        Lang::Pt => portuguese(command.after_help(EXAMPLES), true),
    }
}

fn portuguese(command: Command, outermost: bool) -> Command {
    let about = translated(command.get_about());
    // Of a copy: asking for the usage finishes a command, and nothing could be added to it any more.
    let usage = command.clone().render_usage().to_string();
    let usage = usage
        .trim_start_matches("Usage: ")
        .replace("[OPTIONS]", "[OPÇÕES]")
        .replace("[COMMAND]", "[COMANDO]");
    let usage = if outermost { usage } else { format!("fundamentals {usage}") };
    let mut command = command
        .override_usage(usage)
        .help_template(if outermost { WITH_COMMANDS } else { WITHOUT_COMMANDS })
        .subcommand_help_heading("Comandos")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Mostra esta ajuda"))
        .mut_args(argument);
    if let Some(about) = about {
        command = command.about(about);
    }
    command.mut_subcommands(|command| portuguese(command, false))
}

fn argument(arg: Arg) -> Arg {
    let heading = if arg.is_positional() { "Argumentos" } else { "Opções" };
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let help = translated(arg.get_help());
    let arg = arg.help_heading(heading);
    let Some(help) = help else { return arg };
    if default.is_empty() || !arg.get_action().takes_values() {
        arg.help(help)
    } else {
        arg.help(format!("{help} [padrão: {}]", default.join(" "))).hide_default_value(true)
    }
}

fn translated(english: Option<&StyledStr>) -> Option<&'static str> {
    let english = english?.to_string();
    TRANSLATIONS.iter().find(|(found, _)| *found == english).map(|(_, portuguese)| *portuguese)
}

const WITH_COMMANDS: &str = "{about-with-newline}\nUso: {usage}\n\n{all-args}{after-help}";
const WITHOUT_COMMANDS: &str = "{about-with-newline}\nUso: {usage}\n\n{all-args}";

const EXAMPLES: &str = "\
Exemplos:
  cargo run -p fundamentals                                  os programas em ordem de leitura
  cargo run -p fundamentals -- run bank                      um programa, seu desenho e suas afirmações
  cargo run -p fundamentals -- run bank --break bank-loses   o mesmo com o mecanismo da afirmação quebrado
  cargo run -p fundamentals -- run all --out data/out        todos os programas, e claims.jsonl
  cargo run -p fundamentals -- explore bank                  o escalonamento mais curto que perde dinheiro
  cargo run -p fundamentals -- classify -- gzip -k big.csv   é limitado pela CPU ou por E/S?
  cargo run -p fundamentals -- advise -- ./job -j {workers}  quantos trabalhadores, e até onde isso escala?";

/// English, as clap has it, and Portuguese.
const TRANSLATIONS: &[(&str, &str)] = &[
    (
        "The small programs behind the exercises: each one a claim that is measured or proved on this machine",
        "Os pequenos programas por trás dos exercícios: cada um é uma afirmação medida ou provada nesta máquina",
    ),
    (
        "The language of all texts: en or pt-BR [default: the locale's]",
        "A língua de todos os textos: en ou pt-BR [padrão: a do sistema]",
    ),
    (
        "How many workers a program may use [default: the processors of this machine]",
        "Quantos trabalhadores um programa pode usar [padrão: os processadores desta máquina]",
    ),
    ("The seed of everything random", "A semente de tudo o que é aleatório"),
    ("Say nothing but verdicts and errors", "Mostra apenas os vereditos e os erros"),
    (
        "End when standard input ends, as a program that was started by another one should",
        "Termina quando a entrada padrão termina, como deve um programa iniciado por outro",
    ),
    (
        "List the programs in reading order; that is also what happens without a command",
        "Lista os programas em ordem de leitura; é também o que acontece sem comando",
    ),
    (
        "Print chapters, programs and claims as one JSON document",
        "Imprime capítulos, programas e afirmações em um documento JSON",
    ),
    (
        "Run programs: show what they show, measure what they claim",
        "Executa programas: mostra o que mostram e mede o que afirmam",
    ),
    (
        "Run a program's own code under every interleaving, and draw the shortest that fails",
        "Executa o próprio código de um programa em toda ordem possível e desenha a mais curta que falha",
    ),
    (
        "Run a command and say whether it is CPU-bound or I/O-bound, with the evidence",
        "Executa um comando e diz se é limitado pela CPU ou por E/S, com as evidências",
    ),
    (
        "Measure your own work with several models and numbers of workers, and recommend one",
        "Mede o seu trabalho com vários modelos e números de trabalhadores, e recomenda um",
    ),
    ("The programs' names, or `all`", "Os nomes dos programas, ou `all`"),
    (
        "Where `claims.jsonl` goes [default with `all`: data/out]",
        "Onde fica `claims.jsonl` [padrão com `all`: data/out]",
    ),
    (
        "Break on purpose what this claim rests on, to see that its verdict is about it",
        "Quebra de propósito aquilo em que a afirmação se apoia, para ver que o veredito depende disso",
    ),
    ("Measure only as much as a test needs", "Mede apenas o que um teste precisa"),
    ("The program: bank, counter, locks or queue", "O programa: bank, counter, locks ou queue"),
    (
        "What is tried against the failure; without a right name, those that there are are listed",
        "O que se tenta contra a falha; com um nome errado, são listados os que existem",
    ),
    (
        "Run only the schedule of this seed, as an earlier search printed it",
        "Executa apenas o escalonamento desta semente, como uma busca anterior a mostrou",
    ),
    (
        "The most schedules to try for each number of preemptions",
        "O máximo de escalonamentos a tentar para cada número de preempções",
    ),
    ("What to look at", "O que examinar"),
    (
        "Write the evidence to standard error as JSON, for programs",
        "Escreve as evidências na saída de erros como JSON, para outros programas",
    ),
    ("Play a part of the built-in examples", "Faz um papel dos exemplos embutidos"),
    ("The command, with its arguments", "O comando, com seus argumentos"),
    (
        "Fetch the http:// addresses of this file, one a line, with threads and with async tasks",
        "Busca os endereços http:// deste arquivo, um por linha, com threads e com tarefas async",
    ),
    (
        "Judge measurements from this file: lines of `workers,throughput`",
        "Julga as medidas deste arquivo: linhas de `trabalhadores,vazão`",
    ),
    (
        "What `{model}` in the command stands for, one after the other",
        "O que `{model}` no comando representa, um após o outro",
    ),
    (
        "The most workers to try [default: twice the processors, at least 8]",
        "O máximo de trabalhadores a tentar [padrão: o dobro dos processadores, no mínimo 8]",
    ),
    ("How often each number of workers is measured", "Quantas vezes cada número de trabalhadores é medido"),
    (
        "Your command; `{workers}` in it stands for the number of workers",
        "O seu comando; `{workers}` nele representa o número de trabalhadores",
    ),
    (
        "Prepare batches, as a worker of the data loader",
        "Prepara lotes, como trabalhador do carregador de dados",
    ),
    ("Milliseconds that the first batch takes longer", "Milissegundos a mais que o primeiro lote demora"),
    (
        "Go down deeper than a stack, as the child of the lesson on memory",
        "Desce mais fundo que uma pilha, como o processo filho da lição sobre memória",
    ),
    ("How to go down", "Como descer"),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn untranslated(command: &Command) -> Vec<String> {
        let own = command.get_arguments().map(clap::Arg::get_help).chain([command.get_about()]);
        let missing = own.flatten().filter(|help| translated(Some(help)).is_none());
        let missing: Vec<String> = missing.map(ToString::to_string).collect();
        missing.into_iter().chain(command.get_subcommands().flat_map(untranslated)).collect()
    }

    #[test]
    fn every_line_of_help_is_translated() {
        assert_eq!(untranslated(&Cli::command()), Vec::<String>::new());
    }

    #[test]
    fn the_help_speaks_the_language_that_was_asked_for() {
        let help = |lang| in_lang(Cli::command(), lang).render_long_help().to_string();
        assert!(help(Lang::En).contains("Usage:") && help(Lang::Pt).contains("Uso:"));
        assert!(
            !help(Lang::Pt).contains("Print help") && !help(Lang::Pt).contains("Commands"),
            "{}",
            help(Lang::Pt)
        );
        let of = |words: &[&str]| lang_of(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!((of(&["x", "--lang", "pt-BR"]), of(&["x", "--lang=pt"])), (Lang::Pt, Lang::Pt));
    }
}
